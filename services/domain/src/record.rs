//! What was learned, as it is kept.

use std::collections::BTreeMap;

use chrono::NaiveTime;
use serde::{Deserialize, Serialize};

use crate::{CorrelationVerdict, DeviceProfile, EnergyPreferences, Level, SeriesId, Verdict};

/// How far a correlation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its window is still open; it will be replaced.
    Provisional,
    /// Its window has closed.
    Final,
}

/// One state change and the step around it, as kept. What changed (`series`) and when (`at_ms`) name it: writing it again replaces it.
#[derive(Clone, Debug, PartialEq)]
pub struct CorrelationRecord {
    /// The level series that changed.
    pub series: SeriesId,
    /// When the change was said, ms since the epoch.
    pub at_ms: i64,
    /// Level before.
    pub from: Level,
    /// Level after.
    pub to: Level,
    /// Power of the house before the step, W; `NaN` without data.
    pub power_before_w: f64,
    /// Power of the house after the step, W; `NaN` without data.
    pub power_after_w: f64,
    /// Standard error of the step, W; `NaN` without data.
    pub standard_error_w: f64,
    /// Step that the learned devices explain, W; `NaN` where none is learned.
    pub explained_w: f64,
    /// How it can be read.
    pub verdict: CorrelationVerdict,
    /// What else was switched within the window.
    pub others: Vec<SeriesId>,
    /// How far it has come.
    pub stage: Stage,
}

impl CorrelationRecord {
    /// The step, W; `NaN` without data.
    pub fn power_delta_w(&self) -> f64 {
        self.power_after_w - self.power_before_w
    }

    /// The step in % of the power before; `NaN` without data or from nothing.
    pub fn power_delta_pct(&self) -> f64 {
        if self.power_before_w.abs() < 1e-9 { f64::NAN } else { 100.0 * self.power_delta_w() / self.power_before_w.abs() }
    }
}

/// What is known of a device, as kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileRecord {
    /// The level series of the entity.
    pub series: SeriesId,
    /// When it was learned, ms since the epoch.
    pub learned_at_ms: i64,
    /// What was learned.
    pub profile: DeviceProfile,
    /// How long it usually stays on, h: the 95th percentile of its runs; `None` with less than 5 of them.
    pub usual_on_h: Option<f64>,
}

impl ProfileRecord {
    /// Whether energy is counted under this device: something is known of it, and it is the first of its group.
    pub fn counts(&self, all: &[ProfileRecord]) -> bool {
        let is_told = !matches!(self.profile.verdict, Verdict::NoLoad | Verdict::TooSmall | Verdict::NotEnoughEvents);
        is_told && self.first_of(all).series == self.series
    }

    /// The device under which energy and steps of this one stand: itself, or the first of its group.
    pub fn first_of<'a>(&'a self, all: &'a [ProfileRecord]) -> &'a ProfileRecord {
        let (id, with) = (&self.profile.entity_id, &self.profile.grouped_with);
        let before = all.iter().filter(|other| with.contains(&other.profile.entity_id) && other.profile.entity_id < *id);
        before.min_by(|a, b| a.profile.entity_id.cmp(&b.profile.entity_id)).unwrap_or(self)
    }
}

/// Energy of one series in one hour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HourEnergy {
    /// The level series of a device, or the series of the house's power.
    pub series: SeriesId,
    /// Start of the hour, ms since the epoch (UTC; a multiple of 3,600,000).
    pub hour_ms: i64,
    /// Energy, kWh. The house's own counts what the meter said; gaps are not filled.
    pub energy_kwh: f64,
    /// Whether part of it lies in a gap of the house's meter: learned power times known time on.
    pub estimated: bool,
}

/// What Home Assistant says of the home, as kept (document `home`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Home {
    /// Name of the home.
    pub name: Option<String>,
    /// IANA name of its time zone.
    pub time_zone: Option<String>,
    /// ISO 4217 code of its currency.
    pub currency: Option<String>,
    /// What the Energy dashboard was told.
    pub energy_preferences: Option<EnergyPreferences>,
    /// Home Assistant's version.
    pub version: Option<String>,
    /// When nothing is in use, as a rule.
    pub night: Night,
}

/// The hours of the local clock in which nothing is in use: what is drawn then is phantom load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Night {
    /// When it begins.
    pub from: NaiveTime,
    /// When it ends; not after `from`, it ends on the next day.
    pub to: NaiveTime,
}

impl Default for Night {
    fn default() -> Self {
        let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
        Night { from: at(2), to: at(5) }
    }
}

impl std::fmt::Display for Night {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.from.format("%H:%M"), self.to.format("%H:%M"))
    }
}

impl std::str::FromStr for Night {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = |part: &str| NaiveTime::parse_from_str(part.trim(), "%H:%M").ok();
        let both = text.split_once('-').and_then(|(from, to)| Some(Night { from: at(from)?, to: at(to)? }));
        both.filter(|night| night.from != night.to).ok_or_else(|| format!("`{text}` is no night; right is `02:00-05:00`"))
    }
}

impl Serialize for Night {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Night {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What the correlator worked out of the house, as kept (document `house`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HouseRecord {
    /// The expression over entities that is the house.
    pub label: String,
    /// Why this one, a sentence.
    pub why: String,
    /// The series of the house's power, W, which the correlator writes.
    pub series: SeriesId,
    /// The series that it is computed from.
    #[serde(default)]
    pub inputs: Vec<SeriesId>,
    /// The power sensor of each entity that has a meter of its own, by the entity's level series.
    #[serde(default)]
    pub metered: BTreeMap<SeriesId, SeriesId>,
    /// What the house draws when nothing is in use, W; `None` without a whole night.
    pub baseline_w: Option<f64>,
    /// Usual time between readings of the meter, s.
    pub interval_s: f64,
    /// How long after a switch is heard of its step is half there, s (negative: the meter shows it first); `None` where too few steps could be
    /// lined up.
    #[serde(default)]
    pub lag_s: Option<f64>,
    /// Time before a switch that is left out when its step is told, since it may show there already, s; `None` where an older release learned.
    #[serde(default)]
    pub guard_before_s: Option<f64>,
    /// Time after a switch that is left out, since the meter may still follow it, s; `None` where an older release learned.
    #[serde(default)]
    pub guard_after_s: Option<f64>,
    /// What else could be the house, best first: entities, or expressions over entities; none where there is no doubt.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// How long after a lone change its correlation is there at the latest, s.
    pub provisional_s: f64,
    /// How long after a lone change its window closes, s.
    pub final_s: f64,
    /// What the owner should know, a sentence each.
    pub notes: Vec<String>,
}
