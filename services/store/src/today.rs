//! Energy since midnight, and what the house draws at night.

use chrono::{DateTime, Utc};
use wattribute_domain::{SeriesId, day_start_ms, local_day, night};

use crate::home::{home, zone};
use crate::{Result, Store};

const STEP_MS: i64 = 300_000;
const MINUTE_MS: i64 = 60_000;
/// Share of a night's minutes that are left below what is told: a few may be of a meter that stumbled; more would count the fridge, of which and the
/// freezer one or the other runs for most of a night.
const LOW: f64 = 0.03;
/// Least share of a night that must be known to say what it drew.
const KNOWN: f64 = 1.0 / 3.0;

/// Energy of a series of power since local midnight, kWh to a tenth of a Wh; gaps are not filled, and `None` is told where it said nothing.
pub async fn today_kwh(store: &dyn Store, power: SeriesId, now: DateTime<Utc>) -> Result<Option<f64>> {
    let zone = zone(&home(store).await?);
    let now_ms = now.timestamp_millis();
    let begin_ms = day_start_ms(zone, local_day(zone, now_ms));
    let mut energy_kwh = None;
    for bucket in store.chart(power, begin_ms, now_ms, STEP_MS).await? {
        if bucket.covered > 0.0 && bucket.mean.is_finite() {
            let hours = (now_ms - bucket.from_ms).min(STEP_MS) as f64 * bucket.covered / 3.6e6;
            *energy_kwh.get_or_insert(0.0) += bucket.mean * hours / 1000.0;
        }
    }
    Ok(energy_kwh.map(|kwh: f64| (kwh * 1e4).round() / 1e4))
}

/// The last `count` nights that are over at `now_ms`, oldest first: local date on which each began, and its span, ms.
pub fn nights(home: &wattribute_domain::Home, count: u32, now_ms: i64) -> Vec<(chrono::NaiveDate, i64, i64)> {
    let zone = zone(home);
    let mut date = local_day(zone, now_ms);
    let mut found = Vec::new();
    for _ in 0..count.saturating_add(1) {
        if let Some((from_ms, to_ms)) = night(zone, date, home.night.from, home.night.to).filter(|(_, to_ms)| *to_ms <= now_ms) {
            found.push((date, from_ms, to_ms));
        }
        let Some(before) = date.pred_opt() else { break };
        date = before;
    }
    found.truncate(count as usize);
    found.reverse();
    found
}

/// What a series of power says when it says least, W: the third percentile of the minutes of a stretch; `None` where less than a third of it is known.
pub async fn low_w(store: &dyn Store, power: SeriesId, from_ms: i64, to_ms: i64) -> Result<Option<f64>> {
    let minutes = store.chart(power, from_ms, to_ms, MINUTE_MS).await?;
    let mut means: Vec<f64> = minutes.iter().filter(|b| b.covered > 0.5).map(|b| b.mean).filter(|w| w.is_finite()).collect();
    if (means.len() as f64) < KNOWN * (to_ms - from_ms) as f64 / MINUTE_MS as f64 || means.is_empty() {
        return Ok(None);
    }
    means.sort_by(f64::total_cmp);
    Ok(Some(means[(means.len() as f64 * LOW) as usize]))
}
