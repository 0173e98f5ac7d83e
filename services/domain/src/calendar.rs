//! Local time: the hours, days, weeks, months and years of a zone as half-open spans of instants.
//!
//! A day has 23, 24 or 25 hours. Where clocks go forward at midnight it begins at 01:00; where they go back over midnight it begins when the
//! date has come to stay. Asked before 1900 or after 2200, the answers stop there.

use chrono::{DateTime, Datelike, Days, MappedLocalTime, Months, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

pub(crate) use offsets::Offsets;

mod offsets;

/// A quarter of an hour, ms: the step in which energy and cost are kept.
pub const QUARTER_MS: i64 = 900_000;

const HOUR_MS: i64 = 3_600_000;
pub(crate) const DAY_MS: i64 = 86_400_000;
/// 1900-01-01 and 2200-01-01: no span that is walked through reaches further.
pub(crate) const EARLIEST_MS: i64 = -2_208_988_800_000;
pub(crate) const LATEST_MS: i64 = 7_258_118_400_000;

/// What energy and cost are summed over, in local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// An hour of the local clock.
    Hour,
    /// A local day.
    Day,
    /// A local week, which begins on Monday.
    Week,
    /// A local month.
    Month,
    /// A local year.
    Year,
}

/// The spans of `period` that cover `from_ms` to `to_ms`: whole ones, also the first and the last, without a hole between them.
///
/// An hour ends where the clock shows a full hour or begins to show another one: 02:00 to 03:00 stands twice on the day when clocks go back, and
/// where they move by half an hour only (Lord Howe) one hour has 30 minutes and another has 90.
pub fn buckets(zone: Tz, period: Period, from_ms: i64, to_ms: i64) -> Vec<(i64, i64)> {
    let (from_ms, to_ms) = (from_ms.clamp(EARLIEST_MS, LATEST_MS), to_ms.clamp(EARLIEST_MS, LATEST_MS));
    let mut found = Vec::new();
    if to_ms <= from_ms {
        return found;
    }
    if period == Period::Hour {
        let offsets = Offsets::new(zone, from_ms - 2 * DAY_MS, to_ms + 2 * DAY_MS);
        let mut begin_ms = hour_start(&offsets, from_ms);
        while begin_ms < to_ms {
            let end_ms = hour_end(&offsets, begin_ms);
            found.push((begin_ms, end_ms));
            begin_ms = end_ms;
        }
        return found;
    }
    let mut date = first_date(period, local_day(zone, from_ms));
    let mut begin_ms = day_start_ms(zone, date);
    while begin_ms < to_ms {
        let next = next_date(period, date);
        let end_ms = day_start_ms(zone, next);
        if end_ms > begin_ms {
            found.push((begin_ms, end_ms));
        }
        if sane(next) != next {
            break;
        }
        (date, begin_ms) = (next, end_ms);
    }
    found
}

/// The instant at which a local day begins, ms since the epoch: nothing after it belongs to the day before.
pub fn day_start_ms(zone: Tz, date: NaiveDate) -> i64 {
    let midnight = sane(date).and_time(NaiveTime::MIN);
    match zone.from_local_datetime(&midnight) {
        MappedLocalTime::Single(at) => at.timestamp_millis(),
        MappedLocalTime::Ambiguous(first, second) => {
            let (first, second) = (first.timestamp_millis(), second.timestamp_millis());
            if local(zone, second - 1) < midnight { second } else { first }
        }
        MappedLocalTime::None => skipped_ms(zone, midnight),
    }
}

/// The local day that an instant belongs to: the one whose beginning, [`day_start_ms`], is the last at or before it.
pub fn local_day(zone: Tz, ms: i64) -> NaiveDate {
    let ms = ms.clamp(EARLIEST_MS, LATEST_MS);
    let mut date = local(zone, ms).date();
    while day_start_ms(zone, date) > ms {
        let Some(earlier) = date.pred_opt() else { break };
        date = earlier;
    }
    while let Some(later) = date.succ_opt() {
        if sane(later) != later || day_start_ms(zone, later) > ms {
            break;
        }
        date = later;
    }
    date
}

/// From `from` to `to` of the local clock on `date`, and into the next day where `to` is not after `from`. Where the clock shows one of them
/// twice the longer span counts, where it skips one the instant of the skip. `None` where the clock skips all of it.
pub fn night(zone: Tz, date: NaiveDate, from: NaiveTime, to: NaiveTime) -> Option<(i64, i64)> {
    let last = if to <= from { date.checked_add_days(Days::new(1))? } else { date };
    let shown = |local: NaiveDateTime, late: bool| match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) => at.timestamp_millis(),
        MappedLocalTime::Ambiguous(first, second) => if late { second } else { first }.timestamp_millis(),
        MappedLocalTime::None => skipped_ms(zone, local),
    };
    if sane(date) != date || sane(last) != last {
        return None;
    }
    let span = (shown(date.and_time(from), false), shown(last.and_time(to), true));
    (span.0 < span.1).then_some(span)
}

/// What the local clock shows.
fn local(zone: Tz, ms: i64) -> NaiveDateTime {
    let utc = DateTime::from_timestamp_millis(ms.clamp(EARLIEST_MS - 2 * DAY_MS, LATEST_MS + 2 * DAY_MS)).unwrap_or_default();
    utc.with_timezone(&zone).naive_local()
}

/// How far the local clock is ahead of UTC, ms.
fn offset_ms(zone: Tz, ms: i64) -> i64 {
    let utc = DateTime::from_timestamp_millis(ms).unwrap_or_default().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * 1000
}

/// The first instant at which a clock that skips `skipped` shows more than that.
fn skipped_ms(zone: Tz, skipped: NaiveDateTime) -> i64 {
    let around = skipped.and_utc().timestamp_millis();
    let (mut before, mut after) = (around - 26 * HOUR_MS, around + 26 * HOUR_MS);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if local(zone, middle) >= skipped { after = middle } else { before = middle }
    }
    after
}

/// The date, or the nearest one that is walked to.
fn sane(date: NaiveDate) -> NaiveDate {
    let limit = |ms: i64| DateTime::from_timestamp_millis(ms).unwrap_or_default().date_naive();
    date.clamp(limit(EARLIEST_MS), limit(LATEST_MS))
}

/// The first day of the period that a day is in.
fn first_date(period: Period, date: NaiveDate) -> NaiveDate {
    let first = match period {
        Period::Hour | Period::Day => Some(date),
        Period::Week => date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday()))),
        Period::Month => date.with_day(1),
        Period::Year => date.with_day(1).and_then(|d| d.with_month(1)),
    };
    first.unwrap_or(date)
}

/// The first day of the next period.
fn next_date(period: Period, first: NaiveDate) -> NaiveDate {
    let next = match period {
        Period::Hour | Period::Day => first.succ_opt(),
        Period::Week => first.checked_add_days(Days::new(7)),
        Period::Month => first.checked_add_months(Months::new(1)),
        Period::Year => first.checked_add_months(Months::new(12)),
    };
    next.unwrap_or(first)
}

fn hour_start(offsets: &Offsets, mut ms: i64) -> i64 {
    loop {
        let span = offsets.at(ms);
        let full = (ms + span.offset_ms).div_euclid(HOUR_MS) * HOUR_MS - span.offset_ms;
        if full >= span.from_ms {
            return full;
        }
        if shows_another_hour(offsets, span.from_ms) {
            return span.from_ms;
        }
        ms = span.from_ms - 1;
    }
}

fn hour_end(offsets: &Offsets, mut ms: i64) -> i64 {
    loop {
        let span = offsets.at(ms);
        let full = ((ms + span.offset_ms).div_euclid(HOUR_MS) + 1) * HOUR_MS - span.offset_ms;
        if full < span.to_ms {
            return full;
        }
        if shows_another_hour(offsets, span.to_ms) {
            return span.to_ms;
        }
        ms = span.to_ms;
    }
}

/// Whether an hour begins at the instant at which clocks are moved.
fn shows_another_hour(offsets: &Offsets, moved_ms: i64) -> bool {
    let after = moved_ms + offsets.at(moved_ms).offset_ms;
    let before = moved_ms - 1 + offsets.at(moved_ms - 1).offset_ms;
    after.rem_euclid(HOUR_MS) == 0 || after.div_euclid(HOUR_MS) != before.div_euclid(HOUR_MS)
}

#[cfg(test)]
mod tests;
