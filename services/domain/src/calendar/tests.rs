use chrono_tz::{America, Asia, Australia, Europe, Pacific};
use rstest::rstest;

use super::*;

fn ms(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn time(text: &str) -> NaiveTime {
    text.parse().unwrap()
}

#[rstest]
#[case::ordinary(Europe::Berlin, "2026-03-28", "2026-03-27T23:00:00Z", 24.0)]
#[case::clocks_go_forward(Europe::Berlin, "2026-03-29", "2026-03-28T23:00:00Z", 23.0)]
#[case::clocks_go_back(Europe::Berlin, "2026-10-25", "2026-10-24T22:00:00Z", 25.0)]
#[case::west_of_greenwich(America::New_York, "2026-11-01", "2026-11-01T04:00:00Z", 25.0)]
#[case::forward_at_midnight(America::Sao_Paulo, "2017-10-15", "2017-10-15T03:00:00Z", 23.0)]
#[case::back_over_midnight(America::Sao_Paulo, "2018-02-17", "2018-02-17T02:00:00Z", 25.0)]
#[case::after_back_over_midnight(America::Sao_Paulo, "2018-02-18", "2018-02-18T03:00:00Z", 24.0)]
#[case::forward_at_midnight_in_beirut(Asia::Beirut, "2025-03-30", "2025-03-29T22:00:00Z", 23.0)]
#[case::midnight_twice(America::Havana, "2025-11-02", "2025-11-02T04:00:00Z", 25.0)]
#[case::a_minute_after_midnight(America::St_Johns, "2010-11-06", "2010-11-06T02:30:00Z", 25.0)]
#[case::quarters_of_hours(Asia::Kathmandu, "2026-01-01", "2025-12-31T18:15:00Z", 24.0)]
#[case::half_an_hour_forward(Australia::Lord_Howe, "2026-10-04", "2026-10-03T13:30:00Z", 23.5)]
#[case::half_an_hour_back(Australia::Lord_Howe, "2026-04-05", "2026-04-04T13:00:00Z", 24.5)]
#[case::a_day_that_was_not(Pacific::Apia, "2011-12-30", "2011-12-30T10:00:00Z", 0.0)]
fn a_day_begins_when_its_date_comes(#[case] zone: Tz, #[case] day: &str, #[case] begins: &str, #[case] hours: f64) {
    let begin_ms = day_start_ms(zone, date(day));
    assert_eq!(begin_ms, ms(begins));
    let end_ms = day_start_ms(zone, date(day).succ_opt().unwrap());
    assert_eq!((end_ms - begin_ms) as f64 / HOUR_MS as f64, hours);
    if hours > 0.0 {
        assert_eq!(local_day(zone, begin_ms), date(day));
        assert_eq!(local_day(zone, end_ms - 1), date(day));
        assert_eq!(buckets(zone, Period::Day, begin_ms, end_ms), [(begin_ms, end_ms)]);
    }
    assert!(local_day(zone, begin_ms - 1) < date(day));
}

#[test]
fn the_hour_of_the_change_is_missing_or_there_twice() {
    let hours = |day: &str| {
        let begin_ms = day_start_ms(Europe::Berlin, date(day));
        buckets(Europe::Berlin, Period::Hour, begin_ms, day_start_ms(Europe::Berlin, date(day).succ_opt().unwrap()))
    };
    for (day, count) in [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)] {
        let hours = hours(day);
        assert_eq!(hours.len(), count, "{day}");
        assert!(hours.iter().all(|h| h.1 - h.0 == HOUR_MS), "{day}");
    }
}

#[test]
fn an_hour_is_the_hour_of_the_local_clock() {
    let first = |zone, from: &str| buckets(zone, Period::Hour, ms(from), ms(from) + 1)[0].0;
    assert_eq!(first(Asia::Kathmandu, "2026-01-01T06:20:00Z"), ms("2026-01-01T06:15:00Z"));
    assert_eq!(first(Asia::Kolkata, "2026-01-01T06:20:00Z"), ms("2026-01-01T05:30:00Z"));
}

#[test]
fn where_clocks_move_by_half_an_hour_an_hour_has_30_or_90_minutes() {
    let minutes = |from: &str, to: &str| -> Vec<i64> {
        buckets(Australia::Lord_Howe, Period::Hour, ms(from), ms(to)).iter().map(|h| (h.1 - h.0) / 60_000).collect()
    };
    // 02:00 becomes 02:30 at 15:30Z; 02:00 becomes 01:30 at 15:00Z.
    assert_eq!(minutes("2026-10-03T14:30:00Z", "2026-10-03T17:00:00Z"), [60, 30, 60]);
    assert_eq!(minutes("2026-04-04T13:00:00Z", "2026-04-04T16:30:00Z"), [60, 90, 60]);
}

#[test]
fn weeks_months_and_years_are_whole_and_local() {
    let berlin = Europe::Berlin;
    let (from, to) = (ms("2026-03-18T12:00:00Z"), ms("2026-04-01T00:00:00Z"));
    let weeks = buckets(berlin, Period::Week, from, to);
    assert_eq!(weeks[0], (ms("2026-03-15T23:00:00Z"), ms("2026-03-22T23:00:00Z")), "from Monday to Monday");
    assert_eq!(weeks[1].1, ms("2026-03-29T22:00:00Z"), "an hour less");
    assert_eq!(weeks.len(), 3);
    let months = buckets(berlin, Period::Month, from, to);
    assert_eq!(months[0], (ms("2026-02-28T23:00:00Z"), ms("2026-03-31T22:00:00Z")));
    assert_eq!(months.len(), 2, "it is April there already");
    assert_eq!(buckets(berlin, Period::Year, from, to), [(ms("2025-12-31T23:00:00Z"), ms("2026-12-31T23:00:00Z"))]);
}

#[test]
fn a_day_that_was_not_is_no_bucket() {
    let days = buckets(Pacific::Apia, Period::Day, ms("2011-12-29T20:00:00Z"), ms("2011-12-30T20:00:00Z"));
    assert_eq!(days, [(ms("2011-12-29T10:00:00Z"), ms("2011-12-30T10:00:00Z")), (ms("2011-12-30T10:00:00Z"), ms("2011-12-31T10:00:00Z"))]);
}

#[test]
fn nothing_and_too_much_are_answered() {
    for period in [Period::Hour, Period::Day, Period::Week, Period::Month, Period::Year] {
        assert!(buckets(Europe::Berlin, period, 5, 5).is_empty());
        assert!(buckets(Europe::Berlin, period, 6, 5).is_empty());
        assert!(buckets(Europe::Berlin, period, i64::MAX - 1, i64::MAX).is_empty());
    }
    assert_eq!(buckets(Europe::Berlin, Period::Year, i64::MIN, i64::MAX).len(), 300);
    assert_eq!(local_day(Europe::Berlin, i64::MAX), date("2200-01-01"));
    assert!(day_start_ms(Europe::Berlin, NaiveDate::MAX) <= LATEST_MS);
    assert_eq!(night(Europe::Berlin, NaiveDate::MAX, time("22:00:00"), time("06:00:00")), None);
}

#[rstest]
#[case::in_one_day("2026-07-10", "02:00:00", "05:00:00", Some(("2026-07-10T00:00:00Z", "2026-07-10T03:00:00Z")))]
#[case::over_midnight("2026-07-10", "22:00:00", "06:00:00", Some(("2026-07-10T20:00:00Z", "2026-07-11T04:00:00Z")))]
#[case::begins_in_the_skip("2026-03-29", "02:00:00", "05:00:00", Some(("2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z")))]
#[case::all_skipped("2026-03-29", "02:00:00", "03:00:00", None)]
#[case::the_longer_one("2026-10-25", "02:00:00", "02:30:00", Some(("2026-10-25T00:00:00Z", "2026-10-25T01:30:00Z")))]
fn a_night_is_local(#[case] day: &str, #[case] from: &str, #[case] to: &str, #[case] expected: Option<(&str, &str)>) {
    assert_eq!(night(Europe::Berlin, date(day), time(from), time(to)), expected.map(|(a, b)| (ms(a), ms(b))));
}

#[test]
fn offsets_are_those_of_the_zone_also_where_they_last_a_month() {
    // Morocco puts its clocks back for Ramadan.
    for zone in [Europe::Berlin, chrono_tz::Africa::Casablanca, Australia::Lord_Howe] {
        let offsets = Offsets::new(zone, ms("2015-01-01T00:00:00Z"), ms("2030-01-01T00:00:00Z"));
        let mut at_ms = ms("2014-12-01T00:00:00Z");
        while at_ms < ms("2030-02-01T00:00:00Z") {
            let span = offsets.at(at_ms);
            assert_eq!(span.offset_ms, offset_ms(zone, at_ms), "{zone} {at_ms}");
            assert!(span.from_ms <= at_ms && at_ms < span.to_ms);
            at_ms += HOUR_MS;
        }
    }
}

#[test]
fn a_period_is_one_word() {
    assert_eq!(serde_json::to_value(Period::Month).unwrap(), "month");
    assert!(serde_json::from_str::<Period>("\"decade\"").is_err());
}
