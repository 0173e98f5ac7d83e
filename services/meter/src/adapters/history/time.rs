//! Instants as files write them, in ms since the epoch.

use chrono::NaiveDate;

/// Before 1980 and after 2200 no home was recorded: such a time is a clock that had not been set.
pub(crate) const USABLE_MS: std::ops::Range<i64> = 315_532_800_000..7_258_118_400_000;

/// An instant, and whether its text named a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant {
    pub at_ms: i64,
    /// No `Z` and no offset: taken as UTC.
    pub naive: bool,
}

/// `at_ms`, unless no clock can have said so.
pub(super) fn usable(at_ms: i64) -> Option<i64> {
    USABLE_MS.contains(&at_ms).then_some(at_ms)
}

/// Seconds with a fraction, as the recorder stores them, cut off to whole ms as its exports are.
pub(crate) fn from_seconds(seconds: f64) -> Option<i64> {
    // Half a microsecond keeps x.123 from becoming x.122 where the float lies just below.
    seconds.is_finite().then(|| (seconds * 1000.0 + 0.0005).floor() as i64).and_then(usable)
}

/// A number of seconds, ms, us or ns, told apart by its size.
pub(super) fn from_number(number: f64) -> Option<i64> {
    match number.abs() {
        n if n < 1e11 => from_seconds(number),
        n if n < 1e14 => from_seconds(number / 1e3),
        n if n < 1e17 => from_seconds(number / 1e6),
        _ => from_seconds(number / 1e9),
    }
}

/// `2026-01-31T12:34:56.789Z`, with a space for the `T`, with `+01:00`, `+0100` or `+01` for the `Z` or nothing at all, without
/// a fraction or with one of any length; or a number.
pub(crate) fn parse(text: &[u8]) -> Option<Instant> {
    let text = text.trim_ascii();
    if text.len() < 16 || text[4] != b'-' {
        let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        return from_number(number).map(|at_ms| Instant { at_ms, naive: false });
    }
    let [year, month, day, hour, minute] =
        [digits(&text[0..4])?, digits(&text[5..7])?, digits(&text[8..10])?, digits(&text[11..13])?, digits(&text[14..16])?];
    if text[7] != b'-' || !matches!(text[10], b'T' | b't' | b' ') || text[13] != b':' || hour > 23 || minute > 59 {
        return None;
    }
    let (mut second, mut ms, mut rest) = (0, 0, &text[16..]);
    if let [b':', tens, ones, tail @ ..] = rest {
        second = digits(&[*tens, *ones])?;
        rest = tail;
        if let [b'.' | b',', tail @ ..] = rest {
            let length = tail.iter().take_while(|b| b.is_ascii_digit()).count();
            for k in 0..3 {
                ms = 10 * ms + tail[..length].get(k).map_or(0, |b| i64::from(b - b'0'));
            }
            rest = &tail[length..];
        }
    }
    let (offset_min, naive) = offset_min(rest)?;
    if second > 60 {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month as u32, day as u32)?;
    let days = date.signed_duration_since(NaiveDate::default()).num_days();
    let at_ms = (((days * 24 + hour) * 60 + minute - offset_min) * 60 + second) * 1000 + ms;
    usable(at_ms).map(|at_ms| Instant { at_ms, naive })
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, b| b.is_ascii_digit().then(|| 10 * number + i64::from(b - b'0')))
}

fn offset_min(text: &[u8]) -> Option<(i64, bool)> {
    let text = text.trim_ascii();
    let (sign, text) = match text {
        [] => return Some((0, true)),
        [b'Z' | b'z'] | b"UTC" => return Some((0, false)),
        [b'+', text @ ..] => (1, text),
        [b'-', text @ ..] => (-1, text),
        _ => return None,
    };
    let (hours, minutes) = match text.len() {
        2 => (digits(text)?, 0),
        4 => (digits(&text[..2])?, digits(&text[2..])?),
        5 if text[2] == b':' => (digits(&text[..2])?, digits(&text[3..])?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some((sign * (60 * hours + minutes), false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2023-11-14T22:13:20.123Z", Some((1_700_000_000_123, false)))]
    #[case("2023-11-14T22:13:20.123456+00:00", Some((1_700_000_000_123, false)))]
    #[case("2023-11-14T23:13:20+01:00", Some((1_700_000_000_000, false)))]
    #[case("2023-11-14T23:13:20+0100", Some((1_700_000_000_000, false)))]
    #[case("2023-11-14 16:43:20.5-05:30", Some((1_700_000_000_500, false)))]
    #[case("2023-11-14 22:13:20.123456", Some((1_700_000_000_123, true)))]
    #[case("2023-11-14 22:13", Some((1_699_999_980_000, true)))]
    #[case("1700000000", Some((1_700_000_000_000, false)))]
    #[case("1700000000.123", Some((1_700_000_000_123, false)))]
    #[case("1700000000123", Some((1_700_000_000_123, false)))]
    #[case("1700000000123456", Some((1_700_000_000_123, false)))]
    #[case("1970-01-01T00:00:12Z", None)]
    #[case("2023-02-30T00:00:00Z", None)]
    #[case("2023-11-14T24:13:20Z", None)]
    #[case("2023-11-14T22:13:20 CET", None)]
    #[case("yesterday at noon", None)]
    #[case("nan", None)]
    #[case("", None)]
    fn an_instant_is_read_as_files_write_it(#[case] text: &str, #[case] wanted: Option<(i64, bool)>) {
        assert_eq!(parse(text.as_bytes()).map(|i| (i.at_ms, i.naive)), wanted);
    }

    #[test]
    fn a_float_just_below_a_millisecond_is_not_cut_off() {
        for ms in 1_700_000_000_000..1_700_000_002_000i64 {
            assert_eq!(from_seconds(ms as f64 / 1000.0), Some(ms));
        }
    }
}
