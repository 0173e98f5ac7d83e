//! A counter of pulses that may restart, wrap and come late, made into a meter that only rises. Pure: the instant is told.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wattribute_domain::counter::MOST_KW;

use super::power::Power;
use super::wire::Said;

/// What may come beside any rate, kWh: posts that waited and come all at once.
const SLACK_KWH: f64 = 1.0;
/// A fall so soon after the last word may be a post that was overtaken, ms.
const OVERTAKEN_MS: i64 = 5_000;
/// A counter that fell by less than this share of what it was went back to what its device had saved.
const SAVED: f64 = 0.9;
/// Where a counter may wrap, pulses.
const EDGES: [f64; 2] = [65_536.0, 4_294_967_296.0];
/// A counter that says nothing for so long may be replaced by the other one, ms.
const GIVEN_UP_MS: i64 = 600_000;

/// Which counter of the device is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// `pulse_count`.
    #[default]
    Pulses,
    /// The device's own `total_kwh`.
    Total,
}

/// What became of what a device said of its counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It is the first that is known of this counter.
    First,
    /// It went on counting.
    Counted,
    /// It began at zero again: what it counted since is added.
    Restarted,
    /// It went over its last digit: what it counted over the edge is added.
    WrappedAround,
    /// It is elsewhere than counting can have brought it, or back at what its device had saved: counting goes on from here, nothing is added.
    BeganAnew,
    /// It was said before what is known already: no step is counted.
    Late,
    /// It was said already.
    Duplicate,
    /// It fell, right after the last: whether it was overtaken or began anew, the next one tells.
    Unclear,
    /// It said nothing of its counter.
    NotSaid,
}

/// How pulses become energy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    /// Pulses of one kWh.
    pub pulses_per_kwh: f64,
    /// What the meter showed when the counter stood at zero, kWh; `None` where nobody said.
    pub base_kwh: Option<f64>,
    /// Whether pulses count even where the device says a total of its own.
    pub counts_pulses: bool,
}

/// What a post came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    pub how: How,
    /// What the meter shows, kWh; `None` where that cannot be told.
    pub energy_kwh: Option<f64>,
    /// Power, W; `None` where it cannot be told.
    pub power_w: Option<f64>,
    /// Pulses that were added; of a device's own total, what they would be.
    pub pulses: f64,
}

/// What is known of the counter of one device; kept over restarts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Counter {
    /// Whether it said anything yet.
    pub is_begun: bool,
    pub kind: Kind,
    /// When it was said last, ms since the epoch.
    pub at_ms: i64,
    /// Where the device's counter stood then, in its own unit.
    pub count: f64,
    /// Since when it counts steadily, ms since the epoch: what was said of before cannot be placed.
    pub steady_from_ms: i64,
    /// All pulses that were ever counted.
    pub pulses: f64,
    /// What the meter shows, kWh.
    pub kwh: f64,
    /// The base that is in it, kWh.
    pub base_kwh: f64,
    /// The calibration that is in it: when it was made, ms since the epoch.
    pub calibrated_at_ms: Option<i64>,
    /// Which start of the device it was, where it says.
    pub boot: Option<String>,
    /// How long the device had been running, ms.
    pub uptime_ms: Option<f64>,
    /// A fall that the next word explains: where it stood, and when, ms since the epoch.
    pub unclear: Option<(f64, i64)>,
    #[serde(skip)]
    power: Power,
}

impl Counter {
    /// Takes what a device said at `at_ms`. `known_kwh` is what the meter showed last, as far as it was kept elsewhere.
    pub fn hear(&mut self, said: &Said, at_ms: i64, rate: Rate, known_kwh: Option<f64>) -> Outcome {
        self.move_base(rate);
        let before = (self.kwh, self.pulses);
        let how = self.count(said, at_ms, rate, known_kwh);
        let energy_kwh = match how {
            How::First | How::Counted | How::Restarted | How::WrappedAround | How::BeganAnew => Some(self.kwh),
            How::Late if said.at_ms.is_some() => self.placed(said, at_ms, rate),
            How::Late | How::Duplicate | How::Unclear | How::NotSaid => None,
        };
        let is_new = !matches!(how, How::Late | How::Duplicate | How::Unclear);
        let power_w = if is_new { self.power.hear(said, at_ms, rate.pulses_per_kwh) } else { None };
        // Of what was overtaken, the instant is known only where it says so itself.
        let has_instant = !matches!(how, How::Duplicate) && (how != How::Late || said.at_ms.is_some());
        let power_w = said.power_w.filter(|_| has_instant).or(power_w);
        let pulses = if how == How::First { 0.0 } else { self.pulses - before.1 };
        // A sum of many parts ends in dust.
        let energy_kwh = energy_kwh.map(|kwh| (kwh * 1e9).round() / 1e9);
        Outcome { how, energy_kwh, power_w, pulses }
    }

    /// The owner read `kwh` off the meter when so many pulses had been counted in all (`None`: before any was).
    pub fn calibrate(&mut self, made_at_ms: i64, kwh: f64, pulses_then: Option<f64>, rate: Rate) {
        self.calibrated_at_ms = Some(made_at_ms);
        self.kwh = kwh + (self.pulses - pulses_then.unwrap_or(self.pulses)).max(0.0) / rate.pulses_per_kwh;
        self.steady_from_ms = self.at_ms;
    }

    /// Follows a base that the owner changed.
    fn move_base(&mut self, rate: Rate) {
        let base_kwh = rate.base_kwh.unwrap_or(0.0);
        if self.is_begun && self.calibrated_at_ms.is_none() && self.kind == Kind::Pulses {
            self.kwh += base_kwh - self.base_kwh;
        }
        self.base_kwh = base_kwh;
    }

    fn count(&mut self, said: &Said, at_ms: i64, rate: Rate, known_kwh: Option<f64>) -> How {
        let kind = self.kind_of(said, at_ms, rate);
        let Some(count) = value(kind, said) else { return How::NotSaid };
        if !self.is_begun || kind != self.kind {
            self.begin(kind, count, rate, known_kwh);
            self.note(said, at_ms);
            self.steady_from_ms = at_ms;
            return if std::mem::replace(&mut self.is_begun, true) { How::BeganAnew } else { How::First };
        }
        if said.at_ms.is_some() && at_ms < self.at_ms {
            return How::Late;
        }
        if said.at_ms.is_some() && at_ms == self.at_ms && count == self.count {
            return How::Duplicate;
        }
        let mut fell = None;
        if let Some((low, low_ms)) = self.unclear.take()
            && count < self.count
        {
            fell = Some(self.fall(low, low_ms, rate));
            self.at_ms = low_ms;
        }
        let how = self.step(said, count, at_ms, rate);
        match how {
            How::Late => {}
            How::Unclear => self.unclear = Some((count, at_ms)),
            _ => self.note(said, at_ms),
        }
        fell.filter(|_| how == How::Counted).unwrap_or(how)
    }

    /// Which of the device's counters is followed.
    fn kind_of(&self, said: &Said, at_ms: i64, rate: Rate) -> Kind {
        let has = |kind| value(kind, said).is_some();
        let follows = |kind| self.is_begun && self.kind == kind;
        if rate.counts_pulses && (has(Kind::Pulses) || follows(Kind::Pulses)) {
            return Kind::Pulses;
        }
        let given_up = at_ms.saturating_sub(self.at_ms) > GIVEN_UP_MS;
        match (self.is_begun, self.kind) {
            (true, kind) if has(kind) || !given_up => kind,
            (true, Kind::Pulses) => Kind::Total,
            (true, Kind::Total) => Kind::Pulses,
            (false, _) if has(Kind::Total) => Kind::Total,
            (false, _) => Kind::Pulses,
        }
    }

    /// Begins to follow a counter. The meter never falls below what it showed.
    fn begin(&mut self, kind: Kind, count: f64, rate: Rate, known_kwh: Option<f64>) {
        let shows = match kind {
            Kind::Total => count,
            Kind::Pulses => rate.base_kwh.unwrap_or(0.0) + count / rate.pulses_per_kwh,
        };
        let stays = self.calibrated_at_ms.is_some() || (self.is_begun && rate.base_kwh.is_none());
        if !stays {
            self.kwh = known_kwh.filter(|known| *known > shows && !self.is_begun).unwrap_or(shows);
        }
        if !self.is_begun && kind == Kind::Pulses {
            self.pulses = count;
        }
        (self.kind, self.count, self.unclear) = (kind, count, None);
    }

    /// What a new value of the counter that is followed means.
    fn step(&mut self, said: &Said, count: f64, at_ms: i64, rate: Rate) -> How {
        let step = count - self.count;
        if step >= 0.0 {
            if !self.can_be(step, at_ms, rate) {
                self.go_on_from(count, at_ms);
                return How::BeganAnew;
            }
            self.add(step, count, rate);
            return How::Counted;
        }
        let started_again = self.started_again(said, at_ms);
        if started_again != Some(true)
            && let Some(step) = self.over_the_edge(count, at_ms, rate)
        {
            self.add(step, count, rate);
            self.steady_from_ms = at_ms;
            return How::WrappedAround;
        }
        match started_again {
            Some(false) if self.was_overtaken(said, count, at_ms) => How::Late,
            None if at_ms.saturating_sub(self.at_ms) <= OVERTAKEN_MS => How::Unclear,
            _ => self.fall(count, at_ms, rate),
        }
    }

    /// The counter fell to `count`, for good.
    fn fall(&mut self, count: f64, at_ms: i64, rate: Rate) -> How {
        let (of_kwh, was) = (self.kwh_of(1.0, rate), self.count);
        let was_saved = count >= SAVED * was && was * of_kwh * rate.pulses_per_kwh >= 100.0;
        if was_saved || !self.can_be(count, at_ms, rate) {
            self.go_on_from(count, at_ms);
            return How::BeganAnew;
        }
        self.add(count, count, rate);
        self.steady_from_ms = at_ms;
        How::Restarted
    }

    fn go_on_from(&mut self, count: f64, at_ms: i64) {
        (self.count, self.steady_from_ms) = (count, at_ms);
    }

    fn add(&mut self, step: f64, count: f64, rate: Rate) {
        let kwh = self.kwh_of(step, rate);
        self.kwh += kwh;
        self.pulses += kwh * rate.pulses_per_kwh;
        self.count = count;
    }

    fn note(&mut self, said: &Said, at_ms: i64) {
        self.at_ms = at_ms;
        self.boot = said.boot.clone().or(self.boot.take());
        self.uptime_ms = said.uptime_ms;
    }

    fn kwh_of(&self, step: f64, rate: Rate) -> f64 {
        match self.kind {
            Kind::Pulses => step / rate.pulses_per_kwh,
            Kind::Total => step,
        }
    }

    /// Whether so much can have been drawn since the last word.
    fn can_be(&self, step: f64, at_ms: i64, rate: Rate) -> bool {
        let hours = at_ms.saturating_sub(self.at_ms).max(0) as f64 / 3.6e6;
        self.kwh_of(step, rate) <= MOST_KW * hours + SLACK_KWH
    }

    /// Whether the device was started again since the last word, where it tells.
    fn started_again(&self, said: &Said, at_ms: i64) -> Option<bool> {
        match (&self.boot, &said.boot, self.uptime_ms, said.uptime_ms) {
            (Some(before), Some(now), ..) => Some(before != now),
            // One that was overtaken runs for less long too, but for longer than since the last word.
            (_, _, Some(before), Some(now)) => {
                Some(now < before && now <= at_ms.saturating_sub(self.at_ms).saturating_add(OVERTAKEN_MS) as f64)
            }
            _ => None,
        }
    }

    /// Whether a lower count of the same start was said before the last word: else it was set back while the device ran.
    fn was_overtaken(&self, said: &Said, count: f64, at_ms: i64) -> bool {
        match (self.uptime_ms, said.uptime_ms) {
            (Some(before), Some(now)) => now < before,
            _ if said.at_ms.is_some() => false,
            _ => at_ms.saturating_sub(self.at_ms) <= OVERTAKEN_MS || count >= SAVED * self.count,
        }
    }

    /// What was counted over the last digit, if that is what happened.
    fn over_the_edge(&self, count: f64, at_ms: i64, rate: Rate) -> Option<f64> {
        let edge = EDGES.into_iter().find(|edge| self.kind == Kind::Pulses && self.count < *edge && self.count >= 0.99 * edge)?;
        Some(edge - self.count + count).filter(|step| self.can_be(*step, at_ms, rate))
    }

    /// What the meter showed at the instant of a late post, kWh.
    fn placed(&self, said: &Said, at_ms: i64, rate: Rate) -> Option<f64> {
        let is_of_this_start = at_ms >= self.steady_from_ms && (said.boot.is_none() || said.boot == self.boot);
        let count = value(self.kind, said).filter(|count| *count <= self.count && is_of_this_start)?;
        Some(self.kwh - self.kwh_of(self.count - count, rate))
    }
}

fn value(kind: Kind, said: &Said) -> Option<f64> {
    match kind {
        Kind::Pulses => said.pulse_count,
        Kind::Total => said.total_kwh,
    }
}
