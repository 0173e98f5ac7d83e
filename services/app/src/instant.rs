//! Instants as people say them, and the time zone they mean.

use std::str::FromStr;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// An instant said on the command line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Moment {
    /// With its offset from UTC.
    Exact(DateTime<Utc>),
    /// By the clock on the wall.
    Local(NaiveDateTime),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(said: &str) -> Result<Self, Self::Err> {
        let said = said.trim();
        if let Ok(at) = DateTime::parse_from_rfc3339(said) {
            return Ok(Moment::Exact(at.to_utc()));
        }
        if let Ok(day) = NaiveDate::parse_from_str(said, "%Y-%m-%d") {
            return Ok(Moment::Local(day.and_time(NaiveTime::MIN)));
        }
        let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
        match forms.iter().find_map(|form| NaiveDateTime::parse_from_str(said, form).ok()) {
            Some(at) => Ok(Moment::Local(at)),
            None => Err("a date is written 2026-03-01, a time 2026-03-01T12:00:00Z".to_owned()),
        }
    }
}

impl Moment {
    /// The instant in ms since the epoch, where the clock on the wall is that of `zone`: the earlier of two, and the first
    /// that exists where the clock was put forward.
    pub fn in_zone(self, zone: Tz) -> i64 {
        match self {
            Moment::Exact(at) => at.timestamp_millis(),
            Moment::Local(wall) => {
                let ahead = |quarters: i64| zone.from_local_datetime(&(wall + Duration::minutes(15 * quarters))).earliest();
                (0..=8_i64).find_map(ahead).map_or_else(|| wall.and_utc().timestamp_millis(), |at| at.timestamp_millis())
            }
        }
    }

    /// The earliest and the latest it can be, in ms since the epoch, wherever the home is.
    pub fn anywhere(self) -> (i64, i64) {
        match self {
            Moment::Exact(at) => (at.timestamp_millis(), at.timestamp_millis()),
            Moment::Local(wall) => {
                let at = wall.and_utc().timestamp_millis();
                (at - 15 * 3_600_000, at + 15 * 3_600_000)
            }
        }
    }
}

/// The time zone to count days in: what was asked for, else the home's, else this machine's, else UTC.
pub fn time_zone(asked: Option<Tz>, home: Option<&str>) -> Tz {
    let machine = || [std::env::var("TZ").ok(), iana_time_zone::get_timezone().ok()].into_iter().flatten().find_map(|name| named(&name));
    asked.or_else(|| home.and_then(named)).or_else(machine).unwrap_or(Tz::UTC)
}

/// The zone that a name or the path of a zone file means.
fn named(name: &str) -> Option<Tz> {
    let name = name.trim().trim_start_matches(':');
    name.rsplit_once("zoneinfo/").map_or(name, |(_, zone)| zone).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2026-03-01", "2026-02-28T23:00:00+00:00")]
    #[case("2026-07-01", "2026-06-30T22:00:00+00:00")]
    #[case("2026-03-01T12:00:00Z", "2026-03-01T12:00:00+00:00")]
    #[case("2026-03-01 12:30", "2026-03-01T11:30:00+00:00")]
    #[case("2026-03-29 02:30", "2026-03-29T01:00:00+00:00")]
    #[case("2026-10-25 02:30", "2026-10-25T00:30:00+00:00")]
    fn moments_are_meant_in_the_zone(#[case] said: Moment, #[case] expected: &str) {
        let at = DateTime::from_timestamp_millis(said.in_zone(chrono_tz::Europe::Berlin));
        assert_eq!(at.map(|at| at.to_rfc3339()).as_deref(), Some(expected));
        let (first, last) = said.anywhere();
        assert!((first..=last).contains(&said.in_zone(chrono_tz::Pacific::Kiritimati)));
        assert!((first..=last).contains(&said.in_zone(chrono_tz::Pacific::Pago_Pago)));
    }

    #[test]
    fn anything_else_is_refused() {
        assert!("yesterday".parse::<Moment>().is_err());
        assert!("01.03.2026".parse::<Moment>().is_err());
    }

    #[test]
    fn the_zone_asked_for_goes_before_that_of_the_home() {
        assert_eq!(time_zone(Some(Tz::Asia__Tokyo), Some("Europe/Berlin")), Tz::Asia__Tokyo);
        assert_eq!(time_zone(None, Some("Europe/Berlin")), Tz::Europe__Berlin);
        assert_eq!(named(":/usr/share/zoneinfo/America/New_York"), Some(Tz::America__New_York));
    }
}
