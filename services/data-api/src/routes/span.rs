//! Instants and spans as they are asked for.

use chrono_tz::Tz;
use wattribute_service::Problem;

use super::asked::{INSTANTS_MS, instant_ms, shown};

/// An instant: RFC 3339, milliseconds since the epoch, or a local date or time.
pub fn instant_of(name: &str, said: &str, zone: Tz) -> Result<i64, Problem> {
    instant_ms(said.trim(), Some(zone)).filter(|ms| INSTANTS_MS.contains(ms)).ok_or_else(|| {
        Problem::bad_parameter(format!(
            "{name}: {} is no instant; right are 2026-03-01T00:00:00Z, 2026-03-01 (a local day) or milliseconds since 1970, from 1900 up to 2200",
            shown(said)
        ))
    })
}

/// A span `[from, to)`: what was said, else `usual_ms` up to now.
pub fn span_of(from: Option<&str>, to: Option<&str>, usual_ms: i64, now_ms: i64, zone: Tz) -> Result<(i64, i64), Problem> {
    // `from=` says nothing.
    let said = |text: Option<&'_ str>| text.filter(|text| !text.trim().is_empty()).map(str::to_owned);
    let (from, to) = (said(from), said(to));
    let to_ms = to.as_deref().map_or(Ok(now_ms), |text| instant_of("to", text, zone))?;
    let from_ms = from.as_deref().map_or(Ok((to_ms - usual_ms).max(0)), |text| instant_of("from", text, zone))?;
    if from_ms >= to_ms {
        return Err(Problem::bad_parameter("from: is not before `to`"));
    }
    Ok((from_ms, to_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2026-03-01T00:00:00Z", Some(1_772_323_200_000))]
    #[case("2026-03-01T01:00:00 01:00", Some(1_772_323_200_000))]
    #[case("2026-03-01", Some(1_772_319_600_000))]
    #[case("1772323200000", Some(1_772_323_200_000))]
    #[case("-5", Some(-5))]
    #[case("99999999999999999999", None)]
    #[case("9999-12-31", None)]
    #[case("yesterday", None)]
    #[case("", None)]
    fn instants_are_read(#[case] said: &str, #[case] at_ms: Option<i64>) {
        let read = instant_of("from", said, chrono_tz::Europe::Berlin);
        assert_eq!(read.as_ref().ok().copied(), at_ms, "{read:?}");
        if let Err(problem) = read {
            assert!(problem.status == 422 && problem.detail.starts_with("from: "), "{problem:?}");
        }
    }
}
