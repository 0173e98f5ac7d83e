//! What happens in the home: runs of things, day by day.

mod cycles;
mod habits;

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use wattribute_domain::Level;

use super::loads::Draw;
use super::random;

/// One stretch in which something is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    /// Series of the entity; `None`: nothing in Home Assistant knows of it.
    pub key: Option<u32>,
    /// When it is switched on, ms since the epoch.
    pub from_ms: i64,
    /// When it is switched off or goes over to the next level (not included), ms since the epoch.
    pub to_ms: i64,
    /// What the entity says meanwhile.
    pub level: Level,
    /// What it draws meanwhile.
    pub draw: Draw,
    /// Whether the entity goes over to another level at the end, rather than off.
    pub goes_on: bool,
}

impl Run {
    /// Power at an instant, W.
    pub fn power_w(&self, at_ms: i64, seed: u64) -> f64 {
        if !(self.from_ms <= at_ms && at_ms < self.to_ms) {
            return 0.0;
        }
        if let Draw::Steady(w) = self.draw {
            return w;
        }
        let since_s = (at_ms - self.from_ms) as f64 / 1e3;
        self.draw.power_w(since_s, (self.to_ms - self.from_ms) as f64 / 1e3, random::scramble(seed, 7, self.from_ms))
    }
}

/// A day of the home, in its local time.
#[derive(Clone, Copy)]
pub(super) struct Day {
    pub seed: u64,
    pub zone: Tz,
    pub date: NaiveDate,
}

impl Day {
    /// Number of the day.
    pub fn number(&self) -> i64 {
        i64::from(chrono::Datelike::num_days_from_ce(&self.date))
    }

    /// The instant of a local time in minutes since midnight; past 1440 it is the next day's. A time that the clock skips is an
    /// hour later.
    pub fn at_ms(&self, minutes: f64) -> i64 {
        let wall = self.date.and_time(chrono::NaiveTime::MIN) + TimeDelta::milliseconds((minutes * 60e3) as i64);
        let skipped = || self.zone.from_local_datetime(&(wall + TimeDelta::hours(1))).earliest();
        match self.zone.from_local_datetime(&wall).earliest().or_else(skipped) {
            Some(at) => at.timestamp_millis(),
            None => wall.and_utc().timestamp_millis(),
        }
    }

    /// Local time of an instant, in minutes since midnight.
    pub fn minutes(&self, at_ms: i64) -> f64 {
        let offset_ms = Utc.timestamp_millis_opt(at_ms).earliest().map_or(0, |utc| {
            use chrono::Offset;
            i64::from(self.zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc()) * 1000
        });
        (at_ms + offset_ms).rem_euclid(86_400_000) as f64 / 60e3
    }

    /// Another day of the same home.
    fn other(&self, days: i64) -> Day {
        let moved = if days < 0 {
            self.date.checked_sub_days(Days::new(days.unsigned_abs()))
        } else {
            self.date.checked_add_days(Days::new(days.unsigned_abs()))
        };
        Day { date: moved.unwrap_or(self.date), ..*self }
    }
}

/// What happens in the home, worked out as it is asked for.
pub(super) struct Plan {
    seed: u64,
    zone: Tz,
    days: BTreeMap<NaiveDate, Vec<Run>>,
}

impl Plan {
    pub fn new(seed: u64, zone: Tz) -> Self {
        Plan { seed, zone, days: BTreeMap::new() }
    }

    /// All runs that touch `[from_ms, to_ms)`, by their beginning.
    pub fn runs(&mut self, from_ms: i64, to_ms: i64) -> Vec<Run> {
        let date = |ms| Utc.timestamp_millis_opt(ms).earliest().map(|at| at.with_timezone(&self.zone).date_naive());
        let (Some(first), Some(last)) = (date(from_ms), date(to_ms)) else { return Vec::new() };
        // Nothing lasts longer than what is forgotten at night and found after the midnight that follows the next day.
        let first = first.checked_sub_days(Days::new(2)).unwrap_or(first);
        self.days.retain(|day, _| *day >= first);
        let mut runs: Vec<Run> = Vec::new();
        for date in first.iter_days().take_while(|date| *date <= last) {
            let day = Day { seed: self.seed, zone: self.zone, date };
            let of_day = self.days.entry(date).or_insert_with(|| of_day(&day));
            runs.extend(of_day.iter().filter(|run| run.from_ms < to_ms && from_ms < run.to_ms));
        }
        runs.sort_by_key(|run| (run.from_ms, run.key));
        runs
    }
}

/// All runs that begin on one day.
fn of_day(day: &Day) -> Vec<Run> {
    let mut runs = habits::of_day(day);
    cycles::of_day(day, &mut runs);
    runs
}
