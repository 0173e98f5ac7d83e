//! Roll-ups by local time; polars does the grouping.

use chrono::{DateTime, Timelike};
use chrono_tz::Tz;
use polars::prelude::*;

use crate::attribution::grid::Grid;

/// Local hours in which a house is taken to be asleep: `[from, to)`.
pub const NIGHT_HOURS: (u32, u32) = (2, 5);

/// Share of a night's readings that lie below its baseline.
const LOW: f64 = 0.1;

/// What the house draws when nothing is in use, W: the median over local nights of the lowest tenth between 02:00 and 05:00. `None`
/// without an hour of any night.
pub fn baseline_w(grid: &Grid, time_zone: Tz) -> Option<f64> {
    let (mut nights, mut powers): (Vec<i64>, Vec<f64>) = (Vec::new(), Vec::new());
    let step_ms = (grid.step_s * 1000.0) as i64;
    for (k, &w) in grid.power_w.iter().enumerate().filter(|(_, w)| w.is_finite()) {
        let local = DateTime::from_timestamp_millis(grid.start_ms + k as i64 * step_ms)?.with_timezone(&time_zone);
        if (NIGHT_HOURS.0..NIGHT_HOURS.1).contains(&local.hour()) {
            nights.push(local.date_naive().to_epoch_days().into());
            powers.push(f64::from(w));
        }
    }
    let least = (3600.0 / grid.step_s) as usize;
    let frame = DataFrame::new(nights.len(), vec![Column::new("night".into(), nights), Column::new("power_w".into(), powers)]).ok()?;
    let lows = frame
        .group_by_stable(["night"])
        .ok()?
        .apply(|night| {
            let power = night.column("power_w")?.f64()?;
            let low = if night.height() >= least { power.quantile(LOW, QuantileMethod::Linear)? } else { None };
            DataFrame::new(1, vec![Column::new("low_w".into(), [low])])
        })
        .ok()?;
    let mut lows: Vec<f64> = lows.column("low_w").ok()?.f64().ok()?.iter().flatten().collect();
    crate::attribution::meter::quantile(&mut lows, 0.5)
}

/// An instant as RFC 3339 in UTC, to the second.
pub fn rfc3339(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).map(|t| t.format("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}
