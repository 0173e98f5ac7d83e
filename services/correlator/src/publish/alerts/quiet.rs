use std::str::FromStr;

use chrono::{DateTime, Timelike};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer};

/// Hours of every day in which nothing is sent that can wait: from a local time up to another, over midnight where that is before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// Minutes after local midnight at which they begin.
    from: u32,
    /// Minutes after local midnight at which they are over.
    to: u32,
}

impl QuietHours {
    /// Whether it is quiet at an instant (ms since the epoch) by the clock of a home; by UTC where its zone is not known.
    pub fn are_at(self, at_ms: i64, time_zone: Option<&str>) -> bool {
        let zone: Tz = time_zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
        let Some(local) = DateTime::from_timestamp_millis(at_ms).map(|at| at.with_timezone(&zone)) else { return false };
        let minute = local.hour() * 60 + local.minute();
        if self.from <= self.to { (self.from..self.to).contains(&minute) } else { minute >= self.from || minute < self.to }
    }
}

impl FromStr for QuietHours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let minutes = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let two = |part: &str| (part.len() <= 2).then(|| part.parse::<u32>().ok()).flatten();
            let (hour, minute) = (two(hour)?, two(minute)?);
            (hour <= 24 && minute < 60 && hour * 60 + minute <= 1440).then_some(hour * 60 + minute)
        };
        let both = text.split_once('-').and_then(|(from, to)| Some((minutes(from)?, minutes(to)?)));
        let (from, to) = both.ok_or_else(|| format!("`{text}` are no hours of the day; write them as 22:00-07:00"))?;
        if from == to {
            return Err(format!("`{text}` begin and end at the same time; leave them out for none"));
        }
        Ok(QuietHours { from, to })
    }
}

impl<'de> Deserialize<'de> for QuietHours {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("22:00-07:00", "2026-07-10T19:59:00Z", false)]
    #[case("22:00-07:00", "2026-07-10T20:00:00Z", true)]
    #[case("22:00-07:00", "2026-07-10T04:59:00Z", true)]
    #[case("22:00-07:00", "2026-07-10T05:00:00Z", false)]
    #[case("22:00-07:00", "2026-01-10T05:30:00Z", true)]
    #[case("13:00 - 14:30", "2026-07-10T11:30:00Z", true)]
    #[case("13:00 - 14:30", "2026-07-10T12:30:00Z", false)]
    fn quiet_hours_go_by_the_clock_of_the_home(#[case] hours: &str, #[case] at: &str, #[case] quiet: bool) {
        let at_ms = DateTime::parse_from_rfc3339(at).unwrap().timestamp_millis();
        assert_eq!(hours.parse::<QuietHours>().unwrap().are_at(at_ms, Some("Europe/Berlin")), quiet);
    }

    #[rstest]
    #[case("22-7")]
    #[case("22:00")]
    #[case("25:00-07:00")]
    #[case("22:60-07:00")]
    #[case("-")]
    #[case("07:00-07:00")]
    fn what_are_no_hours_is_refused_and_named(#[case] hours: &str) {
        assert!(hours.parse::<QuietHours>().unwrap_err().contains(hours));
    }
}
