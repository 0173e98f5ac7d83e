//! Two meters of one home, compared day by day.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use wattribute_domain::Series;

use crate::attribution::learn::round;
use crate::attribution::meter::{Meter, quantile};

/// How the second of two meters compares with the first on one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeterDay {
    /// Local date.
    pub date: NaiveDate,
    /// What the second says for each W of the first.
    pub ratio: f64,
    /// What the second says where the first says nothing, W.
    pub offset_w: f64,
    /// How much later the second shows a step, s; `None` on a day without clear steps.
    pub lag_s: Option<f64>,
    /// Correlation of their minutes, -1 to 1: near 1 for two meters of the same thing.
    pub correlation: f64,
    /// Hours in which both spoke.
    pub hours: f64,
}

const MINUTE_MS: i64 = 60_000;

/// Least time that both must have spoken on a day, minutes.
const LEAST_MINUTES: usize = 60;

/// Lags that are tried, in steps of a second.
const LAGS_S: std::ops::RangeInclusive<i64> = -60..=60;

/// The most steps of a day that a lag is read from.
const STEPS: usize = 60;

/// Compares `b` with `a` (W, normalised) on each local day: a line through the minutes of both, without the tenth that lies farthest
/// from it, and the lag at which the steps of `a` are found in `b`.
pub fn compare_meters(a: &Series, b: &Series, time_zone: Tz) -> Vec<MeterDay> {
    let (meter_a, meter_b) = (Meter::new(a), Meter::new(b));
    let (Some(from_ms), Some(to_ms)) = (a.at_ms.first().max(b.at_ms.first()), a.at_ms.last().min(b.at_ms.last())) else {
        return Vec::new();
    };
    let mut days: BTreeMap<NaiveDate, Vec<(f64, f64, i64)>> = BTreeMap::new();
    let mut at_ms = from_ms.div_euclid(MINUTE_MS) * MINUTE_MS;
    while at_ms < *to_ms {
        let ((x, x_s), (y, y_s)) = (meter_a.mean(at_ms, at_ms + MINUTE_MS), meter_b.mean(at_ms, at_ms + MINUTE_MS));
        if let Some(time) = DateTime::from_timestamp_millis(at_ms).filter(|_| x_s > 30.0 && y_s > 30.0) {
            days.entry(time.with_timezone(&time_zone).date_naive()).or_default().push((x, y, at_ms));
        }
        at_ms += MINUTE_MS;
    }
    let days = days.into_iter().filter(|(_, minutes)| minutes.len() >= LEAST_MINUTES);
    days.filter_map(|(date, minutes)| {
        let (_, _, correlation) = line(&minutes)?;
        let (slope, offset, _) = line_without_outliers(&minutes)?;
        let (start_ms, end_ms) = (minutes.first()?.2, minutes.last()?.2 + MINUTE_MS);
        Some(MeterDay {
            date,
            ratio: round(slope, 4),
            offset_w: round(offset, 1),
            lag_s: lag_s(&meter_a, &meter_b, start_ms, end_ms),
            correlation: round(correlation, 4),
            hours: round(minutes.len() as f64 / 60.0, 2),
        })
    })
    .collect()
}

/// Slope, offset and correlation of `y` over `x`; `None` where `x` does not vary.
fn line(minutes: &[(f64, f64, i64)]) -> Option<(f64, f64, f64)> {
    let n = minutes.len() as f64;
    let (mx, my) = (minutes.iter().map(|m| m.0).sum::<f64>() / n, minutes.iter().map(|m| m.1).sum::<f64>() / n);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for m in minutes {
        let (dx, dy) = (m.0 - mx, m.1 - my);
        (xx, xy, yy) = (xx + dx * dx, xy + dx * dy, yy + dy * dy);
    }
    if xx < 1e-6 * n {
        return None;
    }
    let slope = xy / xx;
    let correlation = if yy > 0.0 { xy / (xx * yy).sqrt() } else { 0.0 };
    Some((slope, my - slope * mx, correlation))
}

fn line_without_outliers(minutes: &[(f64, f64, i64)]) -> Option<(f64, f64, f64)> {
    let (slope, offset, _) = line(minutes)?;
    let far = |m: &(f64, f64, i64)| (m.1 - offset - slope * m.0).abs();
    let mut all: Vec<f64> = minutes.iter().map(far).collect();
    let limit = quantile(&mut all, 0.9)?;
    let near: Vec<_> = minutes.iter().filter(|m| far(m) <= limit).copied().collect();
    line(&near)
}

/// The lag at which `b` has, on average, gone half the way of the clear steps of `a`, found where both agree best.
fn lag_s(a: &Meter<'_>, b: &Meter<'_>, from_ms: i64, to_ms: i64) -> Option<f64> {
    // What a meter that speaks only of changes says looks like noise: no more than this is asked of a step.
    let least_w = (8.0 * a.noise_w).clamp(50.0, 500.0);
    let mut steps: Vec<(i64, f64)> = Vec::new();
    for k in a.row(from_ms).max(1)..a.row(to_ms) {
        let step = a.series.value[k] - a.series.value[k - 1];
        if step.abs() > least_w {
            steps.push((a.series.at_ms[k], step));
        }
    }
    let stride = steps.len().div_ceil(STEPS).max(1);
    let steps: Vec<(i64, f64)> = steps.into_iter().step_by(stride).collect();
    if steps.len() < 5 {
        return None;
    }
    let weight: f64 = steps.iter().map(|s| s.1.abs()).sum();
    // The mean response of `b`, second by second, in the direction of the steps: at the lag it has gone half its way.
    let mut response = Vec::new();
    for lag in LAGS_S {
        let gone = |&(at_ms, step): &(i64, f64)| {
            let before = b.series.at(at_ms + (LAGS_S.start() - 1) * 1000)?;
            Some((b.series.at(at_ms + lag * 1000)? - before) * step.signum())
        };
        response.push(steps.iter().filter_map(gone).sum::<f64>() / weight);
    }
    let (low, high) = (*response.first()?, *response.last()?);
    if high - low < 0.5 {
        return None;
    }
    let half = response.iter().position(|&r| r >= (low + high) / 2.0)?;
    Some((LAGS_S.start() + half as i64) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_meter_is_told_by_ratio_offset_and_lag() {
        let truth = |second: i64| 150.0 + if second % 1800 < 600 { 1500.0 } else { 0.0 } + (second / 7200 % 5) as f64 * 90.0;
        let meter = |every: i64, of: &dyn Fn(i64) -> f64| {
            let mut series = Series::default();
            (0..2 * 86_400).step_by(every as usize).for_each(|s| series.push(1_780_000_000_000 + s * 1000, of(s)));
            series.normalise();
            series
        };
        let first = meter(5, &truth);
        let second = meter(10, &|s| 1.02 * truth(s - 20) + 12.0);
        let days = compare_meters(&first, &second, chrono_tz::Europe::Berlin);
        assert!(days.len() >= 2, "{days:?}");
        for day in &days {
            assert!((day.ratio - 1.02).abs() < 0.01 && (day.offset_w - 12.0).abs() < 5.0, "{day:?}");
            assert!(day.correlation > 0.95, "{day:?}");
            // A morning may have too few steps.
            assert!(day.lag_s.map_or(day.hours < 4.0, |lag_s| (lag_s - 20.0).abs() <= 6.0), "{day:?}");
        }
        assert!(compare_meters(&first, &Series::default(), chrono_tz::UTC).is_empty());
    }
}
