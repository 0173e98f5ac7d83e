//! What a request asks for: instants, spans of time, intervals and series, each refused by name where it makes no sense.

use std::ops::RangeInclusive;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use wattribute_domain::{Quantity, Role, SeriesId, SeriesInfo, day_start_ms};
use wattribute_service::Problem;
use wattribute_service::problem::Params;

use super::now;

/// The instants of 1900 and 2200, ms since the epoch: readings lie in between.
pub const INSTANTS_MS: RangeInclusive<i64> = -2_208_988_800_000..=7_258_118_400_000;
/// What is looked at where no span is named, ms.
const DAY_MS: i64 = 86_400_000;
/// The longest interval, ms.
const LONGEST_MS: i64 = 366 * DAY_MS;

/// Parameters of the query by name; some may be said several times.
pub struct Asked(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Params(pairs) = Params::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        Ok(Asked(pairs))
    }
}

impl Asked {
    /// The value of a parameter that may be said once.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut all = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match (all.next(), all.next()) {
            (first, None) => Ok(first),
            _ => Err(Problem::bad_parameter(format!("{name}: it is there more than once; say it once"))),
        }
    }

    /// A yes or no.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.one(name)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Problem::bad_parameter(format!("{name}: {} is not true or false", shown(other)))),
        }
    }

    /// A number of things within its range.
    pub fn count(&self, name: &str, usual: usize, range: RangeInclusive<usize>) -> Result<usize, Problem> {
        let Some(text) = self.one(name)? else { return Ok(usual) };
        text.parse().ok().filter(|n| range.contains(n)).ok_or_else(|| {
            Problem::bad_parameter(format!("{name}: {} is not a whole number between {} and {}", shown(text), range.start(), range.end()))
        })
    }

    /// An instant, ms since the epoch. Where `zone` is given, local time without an offset is taken to be of that zone.
    pub fn instant(&self, name: &str, zone: Option<Tz>) -> Result<Option<i64>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let at_ms = instant_ms(text.trim(), zone).filter(|at_ms| INSTANTS_MS.contains(at_ms));
        at_ms.map(Some).ok_or_else(|| {
            Problem::bad_parameter(format!(
                "{name}: {} is no instant between 1900 and 2200; right are 2026-01-31T18:00:00Z (RFC 3339) and 1769882400000 (ms since the epoch)",
                shown(text)
            ))
        })
    }

    /// `from` and `to`, ms since the epoch; the last 24 h where they are not said.
    pub fn span(&self) -> Result<(i64, i64), Problem> {
        let to_ms = self.instant("to", None)?.unwrap_or_else(|| now().timestamp_millis());
        let from_ms = self.instant("from", None)?.unwrap_or(to_ms - DAY_MS);
        if from_ms >= to_ms {
            return Err(Problem::bad_parameter("from: it is not before `to`, which is now where it is not said"));
        }
        Ok((from_ms, to_ms))
    }

    /// `interval`, ms.
    pub fn interval_ms(&self) -> Result<Option<i64>, Problem> {
        let Some(text) = self.one("interval")? else { return Ok(None) };
        interval_ms(text.trim()).filter(|ms| (1000..=LONGEST_MS).contains(ms)).map(Some).ok_or_else(|| {
            Problem::bad_parameter(format!(
                "interval: {} is no interval from 1 s to 366 d; right are 5s, 1m, 10m, 1h, 1d, 1w, and PT15M (ISO 8601)",
                shown(text)
            ))
        })
    }

    /// The series that `series` (numbers, separated by commas or said several times), `device`, `quantity`, `source` and `role` name, of all
    /// there are; `None` where none of these is said.
    pub fn series(&self, all: &[(SeriesId, SeriesInfo)]) -> Result<Option<Vec<(SeriesId, SeriesInfo)>>, Problem> {
        let ids = self.ids(all)?;
        let (device, source) = (self.one("device")?, self.one("source")?);
        let (quantity, role) = (self.quantity()?, self.role()?);
        if ids.is_none() && device.is_none() && source.is_none() && quantity.is_none() && role.is_none() {
            return Ok(None);
        }
        let wanted = |(id, info): &&(SeriesId, SeriesInfo)| {
            ids.as_ref().is_none_or(|ids| ids.contains(id))
                && device.is_none_or(|device| info.device == device)
                && source.is_none_or(|source| info.source == source)
                && quantity.is_none_or(|quantity| info.quantity == quantity)
                && role.is_none_or(|role| info.role == Some(role))
        };
        Ok(Some(all.iter().filter(wanted).cloned().collect()))
    }

    fn ids(&self, all: &[(SeriesId, SeriesInfo)]) -> Result<Option<Vec<SeriesId>>, Problem> {
        let mut ids: Option<Vec<SeriesId>> = None;
        for text in self.0.iter().filter(|(key, _)| key == "series").flat_map(|(_, value)| value.split(',')) {
            let id = text.trim().parse().ok().map(SeriesId).filter(|id| all.iter().any(|(known, _)| known == id));
            let id = id.ok_or_else(|| {
                Problem::bad_parameter(format!("series: there is no series {}; /api/v1/series lists their numbers (`id`)", shown(text)))
            })?;
            let ids = ids.get_or_insert_default();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    fn quantity(&self) -> Result<Option<Quantity>, Problem> {
        let Some(text) = self.one("quantity")? else { return Ok(None) };
        Quantity::of_name(text).map(Some).ok_or_else(|| {
            let names = Quantity::ALL.map(Quantity::name).join(", ");
            Problem::bad_parameter(format!("quantity: {} is none of {names}", shown(text)))
        })
    }

    fn role(&self) -> Result<Option<Role>, Problem> {
        let Some(text) = self.one("role")? else { return Ok(None) };
        ROLES
            .into_iter()
            .find(|(name, _)| *name == text)
            .map(|(_, role)| Some(role))
            .ok_or_else(|| Problem::bad_parameter(format!("role: {} is none of {}", shown(text), ROLES.map(|(name, _)| name).join(", "))))
    }
}

/// What a series may be in the home, by name.
const ROLES: [(&str, Role); 8] = [
    ("whole_house", Role::WholeHouse),
    ("circuit", Role::Circuit),
    ("device", Role::Device),
    ("solar", Role::Solar),
    ("battery", Role::Battery),
    ("gas", Role::Gas),
    ("copy", Role::Copy),
    ("guess", Role::Guess),
];

/// What was said, short enough to be said back.
pub fn shown(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if text.chars().count() > 40 {
        short.push('…');
    }
    format!("`{short}`")
}

/// An instant, ms since the epoch: milliseconds, RFC 3339, or, where `zone` is given, a local time or date of that zone.
pub fn instant_ms(text: &str, zone: Option<Tz>) -> Option<i64> {
    if let Ok(at_ms) = text.parse::<i64>() {
        return Some(at_ms);
    }
    // An unescaped `+` of an offset arrives as a space.
    let plus = text.rfind(' ').filter(|_| text.contains('T')).map(|at| format!("{}+{}", &text[..at], &text[at + 1..]));
    if let Ok(at) = DateTime::parse_from_rfc3339(plus.as_deref().unwrap_or(text)) {
        return Some(at.timestamp_millis());
    }
    let zone = zone?;
    if let Ok(date) = text.parse::<NaiveDate>() {
        return (1900..2200).contains(&date.year()).then(|| day_start_ms(zone, date));
    }
    let local: NaiveDateTime = text
        .parse()
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M"))
        .ok()?;
    match zone.from_local_datetime(&local).earliest() {
        Some(at) => Some(at.timestamp_millis()),
        // The clock skips it.
        None => Some(local.and_utc().timestamp_millis()),
    }
}

/// `90s`, `15m`, `1h`, `1d`, `1w`, or an ISO 8601 duration of weeks to seconds, in ms.
fn interval_ms(text: &str) -> Option<i64> {
    let unit_ms = |unit: char, in_time: bool| match (unit, in_time) {
        ('s', true) => Some(1000),
        ('m', true) => Some(60_000),
        ('h', true) => Some(3_600_000),
        ('d', false) => Some(DAY_MS),
        ('w', false) => Some(7 * DAY_MS),
        _ => None,
    };
    let lower = text.to_ascii_lowercase();
    let Some(iso) = lower.strip_prefix('p') else {
        let unit = lower.chars().last()?;
        let number: i64 = lower.strip_suffix(unit)?.trim().parse().ok()?;
        return number.checked_mul(unit_ms(unit, !matches!(unit, 'd' | 'w'))?);
    };
    let (mut total_ms, mut digits, mut in_time) = (0_i64, String::new(), false);
    for letter in iso.chars() {
        match letter {
            't' if !in_time && digits.is_empty() => in_time = true,
            '0'..='9' => digits.push(letter),
            unit => {
                let number: i64 = digits.parse().ok()?;
                total_ms = total_ms.checked_add(number.checked_mul(unit_ms(unit, in_time)?)?)?;
                digits.clear();
            }
        }
    }
    (digits.is_empty() && total_ms > 0).then_some(total_ms)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("5s", Some(5_000))]
    #[case("10m", Some(600_000))]
    #[case("1h", Some(3_600_000))]
    #[case("1d", Some(86_400_000))]
    #[case("PT15M", Some(900_000))]
    #[case("P1DT1H", Some(90_000_000))]
    #[case("P1W", Some(604_800_000))]
    #[case("", None)]
    #[case("P", None)]
    #[case("PT", None)]
    #[case("P1M", None)]
    #[case("1", None)]
    #[case("-5s", Some(-5_000))]
    #[case("99999999999999999999s", None)]
    #[case("9223372036854775807w", None)]
    #[case("ß", None)]
    #[case("5€", None)]
    fn an_interval_is_read(#[case] text: &str, #[case] ms: Option<i64>) {
        assert_eq!(interval_ms(text), ms);
    }

    #[rstest]
    #[case("1769882400000", None, Some(1_769_882_400_000))]
    #[case("2026-01-31T18:00:00Z", None, Some(1_769_882_400_000))]
    #[case("2026-01-31T19:00:00+01:00", None, Some(1_769_882_400_000))]
    #[case("2026-01-31T19:00:00 01:00", None, Some(1_769_882_400_000))]
    #[case("2026-01-31T19:00:00", None, None)]
    #[case("2026-01-31T19:00:00", Some(Tz::Europe__Berlin), Some(1_769_882_400_000))]
    #[case("2026-01-31", Some(Tz::UTC), Some(1_769_817_600_000))]
    #[case("2026-03-29T02:30:00", Some(Tz::Europe__Berlin), Some(1_774_751_400_000))]
    #[case("NaN", Some(Tz::UTC), None)]
    #[case("T ", Some(Tz::UTC), None)]
    fn an_instant_is_read(#[case] text: &str, #[case] zone: Option<Tz>, #[case] ms: Option<i64>) {
        assert_eq!(instant_ms(text, zone), ms);
    }
}
