//! What was learned: the nouns of an answer.

use serde::{Deserialize, Serialize};

use crate::Level;

/// What can be said of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Its power is known, with an interval.
    Learned,
    /// It works by itself while it is on (a washing machine, a thermostat): its energy is known, a single power is not.
    Varies,
    /// It has a power or energy sensor of its own, which is believed.
    Measured,
    /// The owner says what it draws.
    Stated,
    /// It switches nothing that the meter sees, or nothing by the owner's word.
    NoLoad,
    /// Whatever it draws is below what this meter can show.
    TooSmall,
    /// Always switched together with others: only their sum is known.
    Grouped,
    /// It was switched too seldom.
    NotEnoughEvents,
}

/// Power of one mode of a device, at one fraction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelProfile {
    /// Mode, such as `on`, `heating` or `playing`.
    pub mode: String,
    /// Share of the mode's full level, 0 to 1; `None` for a mode without one.
    pub fraction: Option<f64>,
    /// Power in W above what it draws when off; `None` where it cannot be told.
    pub power_w: Option<f64>,
    /// Lower end of the 90 % interval, W.
    pub power_low_w: Option<f64>,
    /// Upper end of the 90 % interval, W.
    pub power_high_w: Option<f64>,
}

/// What is known of one entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceProfile {
    /// Home Assistant's id.
    pub entity_id: String,
    /// Friendly name; the id where there is none.
    pub name: String,
    /// Power in W at the highest level, above what it draws when off; `None` where it cannot be told.
    pub power_w: Option<f64>,
    /// Lower end of the 90 % interval of `power_w`.
    pub power_low_w: Option<f64>,
    /// Upper end of the 90 % interval of `power_w`; where `power_w` cannot be told, what it could be at most.
    pub power_high_w: Option<f64>,
    /// Energy in kWh over the whole span, above standby; `None` where it cannot be told.
    pub energy_kwh: Option<f64>,
    /// Lower end of the 90 % interval of `energy_kwh`.
    pub energy_low_kwh: Option<f64>,
    /// Upper end of the 90 % interval of `energy_kwh`.
    pub energy_high_kwh: Option<f64>,
    /// `measured_energy_kwh`, or `energy_kwh` without one, at the price given; `None` without a price.
    pub cost: Option<f64>,
    /// Energy in kWh by the device's own sensor, where it has one.
    pub measured_energy_kwh: Option<f64>,
    /// Power for each mode, and along the fraction where there is one.
    pub levels: Vec<LevelProfile>,
    /// State changes that the power was learned from.
    pub events_used: u32,
    /// State changes there were.
    pub events_total: u32,
    /// How often it was switched on.
    pub times_on: u32,
    /// Time on, in hours, with lost state changes put back.
    pub hours_on: f64,
    /// Strength of evidence, 0 to 1: how much further its steps stand out than steps at shifted times do (1: never matched by chance).
    pub strength: f64,
    /// Entities always switched together with it; every member carries the sum of the group.
    pub grouped_with: Vec<String>,
    /// What can be said of it.
    pub verdict: Verdict,
}

impl DeviceProfile {
    /// Power in a mode at a fraction (0 to 1) of its full level, W above what it draws when off: between known fractions in proportion, beyond the
    /// highest as at the highest. `None` where nothing can be told of the mode.
    pub fn power_at(&self, mode: &str, fraction: f64) -> Option<f64> {
        if mode == "off" {
            return Some(0.0);
        }
        let of_mode = self.levels.iter().filter(|l| l.mode == mode);
        let mut known: Vec<(f64, f64)> = of_mode.filter_map(|l| Some((l.fraction.unwrap_or(1.0), l.power_w?))).collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        let above = known.iter().position(|(at, _)| *at >= fraction);
        match above {
            None => known.last().map(|(_, power_w)| *power_w),
            Some(k) => {
                let (low, low_w) = k.checked_sub(1).map_or((0.0, 0.0), |before| known[before]);
                let (high, high_w) = known[k];
                let share = if high > low { (fraction - low) / (high - low) } else { 1.0 };
                Some(low_w + share * (high_w - low_w))
            }
        }
    }

    /// What it draws at a level of a series with these modes, W above what it draws when off: by itself varying ones at their mean.
    pub fn power_of(&self, modes: &[String], level: Level) -> Option<f64> {
        if level.is_off() {
            return Some(0.0);
        }
        if self.verdict == Verdict::Varies {
            return self.mean_on_w();
        }
        let mode = modes.get(usize::from(level.mode))?;
        self.power_at(mode, f64::from(level.fraction))
    }

    /// What it draws on average while it is on, W: its own energy over its time on, or its power at the highest level.
    pub fn mean_on_w(&self) -> Option<f64> {
        let energy_kwh = self.measured_energy_kwh.or(self.energy_kwh).filter(|_| self.hours_on > 0.0);
        energy_kwh.map(|kwh| 1000.0 * kwh / self.hours_on).or(self.power_w)
    }
}

/// The house's meter, and what it allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeterReport {
    /// The entity, or the expression over entities, that is the house.
    pub entity_id: String,
    /// Usual time between readings, s.
    pub interval_s: f64,
    /// How long after a switch is heard of its step is half there, s (negative: the meter shows it first); `None` where too few steps could be lined up.
    pub lag_s: Option<f64>,
    /// Noise of one reading, W (standard deviation, robust).
    pub noise_w: f64,
    /// Loads below this are hard to tell with this meter, W; rough.
    pub smallest_load_w: f64,
    /// Why this meter was taken, a sentence.
    pub why: String,
    /// Other sensors that could be the house's meter, best first.
    pub candidates: Vec<String>,
}

/// All that `analyze` has to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The house's meter.
    pub meter: MeterReport,
    /// First instant analysed, RFC 3339 UTC.
    pub from: String,
    /// Last instant analysed, RFC 3339 UTC.
    pub to: String,
    /// IANA name of the time zone that nights and days were counted in.
    pub time_zone: String,
    /// Energy of the house in kWh over the time with readings; gaps are not filled. Export counts negative.
    pub house_kwh: f64,
    /// Hours within the span in which the meter was silent.
    pub gap_hours: f64,
    /// What the house draws when nothing is in use, W: the median over nights of the lowest tenth; `None` without a whole night.
    pub baseline_w: Option<f64>,
    /// Energy that no device explains, in kWh, the baseline included.
    pub unexplained_kwh: f64,
    /// ISO 4217 code, where known.
    pub currency: Option<String>,
    /// Price of one kWh, where given.
    pub price_per_kwh: Option<f64>,
    /// One entry per entity, dearest first.
    pub devices: Vec<DeviceProfile>,
    /// What the reader should know, a sentence each.
    pub notes: Vec<String>,
}

/// How a single state change can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrelationVerdict {
    /// Alone in its window, and the meter was calm.
    Clean,
    /// Something else was switched within the window.
    Overlapping,
    /// The meter moved too much around it.
    Noisy,
    /// The meter was silent around it.
    NoData,
}

/// One state change and the step around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// When the change was said, ms since the epoch.
    pub at_ms: i64,
    /// Index of the entity in the answer's history.
    pub entity: u32,
    /// Level before: mode number and fraction.
    pub from: crate::Level,
    /// Level after: mode number and fraction.
    pub to: crate::Level,
    /// Power of the house before the step, W; `NaN` without data.
    pub power_before_w: f64,
    /// Power of the house after the step, W; `NaN` without data.
    pub power_after_w: f64,
    /// Standard error of the step, W; `NaN` without data.
    pub standard_error_w: f64,
    /// How it can be read.
    pub verdict: CorrelationVerdict,
    /// Step that the learned devices explain, W: the sum over all that changed in the window.
    pub explained_w: f64,
}
