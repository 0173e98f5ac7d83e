//! How a device's power changes over time.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;
use wattribute_domain::calendar::buckets;
use wattribute_domain::{CorrelationRecord, Level, Period, ProfileRecord, SeriesInfo, Stage};

use super::{instant, told};
use crate::books::power_w;

/// Steps of a period that say something together.
const FEWEST: usize = 3;
/// Over so long a time months are told, else weeks, ms.
const LONG_MS: i64 = 120 * 86_400_000;
/// Steps that are a smaller share of the full one say little of it.
const SMALLEST_SHARE: f64 = 0.5;

/// Power of a device in one week or month.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Drift {
    /// When it begins, RFC 3339 UTC.
    from: String,
    /// When it ends, RFC 3339 UTC; not included.
    to: String,
    /// Median of its steps, brought to its highest level, W.
    power_w: Option<f64>,
    /// A quarter of the steps is smaller, W.
    power_low_w: Option<f64>,
    /// A quarter of the steps is larger, W.
    power_high_w: Option<f64>,
    /// How many steps.
    events: u32,
}

/// The power by week or month, oldest first, as the clean steps of `rows` tell it; periods with less than 3 are left out.
pub fn drift(rows: &[CorrelationRecord], record: &ProfileRecord, info: &SeriesInfo, zone: Tz) -> Vec<Drift> {
    let Some(full_w) = record.profile.power_w.filter(|w| *w > 0.0) else { return Vec::new() };
    let steps: BTreeMap<i64, f64> = rows
        .iter()
        .filter(|r| r.stage == Stage::Final && r.power_delta_w().is_finite())
        .filter_map(|r| Some((r.at_ms, r.power_delta_w() / share(r, record, info, full_w)?)))
        .collect();
    let (Some((&first_ms, _)), Some((&last_ms, _))) = (steps.first_key_value(), steps.last_key_value()) else { return Vec::new() };
    let period = if last_ms - first_ms > LONG_MS { Period::Month } else { Period::Week };
    let mut found = Vec::new();
    for (from_ms, to_ms) in buckets(zone, period, first_ms, last_ms + 1) {
        let mut inside: Vec<f64> = steps.range(from_ms..to_ms).map(|(_, w)| *w).collect();
        if inside.len() < FEWEST {
            continue;
        }
        inside.sort_by(f64::total_cmp);
        let at = |share: f64| told(inside[((inside.len() - 1) as f64 * share).round() as usize]);
        found.push(Drift {
            from: instant(from_ms),
            to: instant(to_ms),
            power_w: at(0.5),
            power_low_w: at(0.25),
            power_high_w: at(0.75),
            events: inside.len() as u32,
        });
    }
    found
}

/// What share of the full power a change is by what was learned, below 0 where it falls; `None` where that is little.
fn share(row: &CorrelationRecord, record: &ProfileRecord, info: &SeriesInfo, full_w: f64) -> Option<f64> {
    let at = |level: Level| power_w(&record.profile, &info.modes, level);
    let share = (at(row.to)? - at(row.from)?) / full_w;
    (share.abs() >= SMALLEST_SHARE).then_some(share)
}
