//! Rows of series, wherever they are kept: in order, laid over each other, compared.

use std::ops::Range;

use wattribute_domain::{Reading, Series};

use crate::{Result, StoreError};

/// The years 1 to 9999, ms: nothing was ever read outside, and sums of what is inside fit.
pub const INSTANTS: Range<i64> = -62_135_596_800_000..253_402_300_800_000;

/// Spans this close or closer are joined, ms.
const JOIN_MS: i64 = 60_000;

/// Instants asked for are taken to lie within these, ms: beyond the years 1 to 9999 there is nothing, and sums must fit.
pub fn within(at_ms: i64) -> i64 {
    at_ms.clamp(-70_000_000_000_000, 300_000_000_000_000)
}

/// By series and time, the last said of equal instants.
pub fn in_order(mut readings: Vec<Reading>, instants: Range<i64>, years: &str) -> Result<Vec<Reading>> {
    if let Some(bad) = readings.iter().find(|r| !instants.contains(&r.at_ms)) {
        return Err(StoreError::Refused(format!(
            "a reading of series {} is at {} ms since 1970, outside the years {years}: are these seconds or microseconds?",
            bad.series.0, bad.at_ms
        )));
    }
    readings.sort_by_key(|r| (r.series, r.at_ms));
    // `dedup` keeps the first: turned round, that is the last said.
    readings.reverse();
    readings.dedup_by_key(|r| (r.series, r.at_ms));
    readings.reverse();
    for reading in readings.iter_mut().filter(|r| !r.value.is_finite()) {
        reading.value = f64::NAN;
    }
    Ok(readings)
}

/// Rows without those in any of the spans `[from, to)`.
pub fn without(mut rows: Series, erased: &[(i64, i64)]) -> Series {
    if !erased.is_empty() {
        let kept: Vec<bool> = rows.at_ms.iter().map(|&at| !erased.iter().any(|&(from, to)| from <= at && at < to)).collect();
        let mut keep = kept.iter();
        rows.at_ms.retain(|_| keep.next().copied().unwrap_or(true));
        let mut keep = kept.iter();
        rows.value.retain(|_| keep.next().copied().unwrap_or(true));
    }
    rows
}

/// `upper` laid over `lower`: where both have an instant, the upper counts. Both are in order.
pub fn overlay(lower: Series, upper: &Series) -> Series {
    if upper.is_empty() {
        return lower;
    }
    if lower.is_empty() {
        return upper.clone();
    }
    let mut rows = Series { at_ms: Vec::with_capacity(lower.len() + upper.len()), value: Vec::with_capacity(lower.len() + upper.len()) };
    let (mut l, mut u) = (0, 0);
    while l < lower.len() || u < upper.len() {
        let take_upper = u < upper.len() && (l == lower.len() || upper.at_ms[u] <= lower.at_ms[l]);
        if take_upper {
            l += usize::from(l < lower.len() && lower.at_ms[l] == upper.at_ms[u]);
            rows.push(upper.at_ms[u], upper.value[u]);
            u += 1;
        } else {
            rows.push(lower.at_ms[l], lower.value[l]);
            l += 1;
        }
    }
    rows
}

/// Instants at which two series say something different. Both are in order.
pub fn differences(a: &Series, b: &Series) -> Vec<i64> {
    let (mut k, mut m, mut found) = (0, 0, Vec::new());
    while k < a.len() || m < b.len() {
        let (at_a, at_b) = (a.at_ms.get(k).copied().unwrap_or(i64::MAX), b.at_ms.get(m).copied().unwrap_or(i64::MAX));
        let at = at_a.min(at_b);
        let same = at_a == at_b && (a.value[k] == b.value[m] || (a.value[k].is_nan() && b.value[m].is_nan()));
        if !same {
            found.push(at);
        }
        k += usize::from(at_a == at);
        m += usize::from(at_b == at);
    }
    found
}

/// Joins spans (first and last instant, both included) that lie a minute or less apart.
pub fn join(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (first, last) in spans {
        match joined.last_mut() {
            Some(before) if first - before.1 <= JOIN_MS => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}
