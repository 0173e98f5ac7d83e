//! What is asked of every store in the same words.

use chrono::{DateTime, Duration, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use wattribute_domain::{Home, HouseRecord, SeriesId};

use crate::{Result, Store};

const STEP_MS: i64 = 300_000;

/// What Home Assistant says of the home; nothing where it was not heard yet.
pub async fn home(store: &dyn Store) -> Result<Home> {
    Ok(store.document("home").await?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// What the correlator worked out of the house; `None` until it has.
pub async fn house(store: &dyn Store) -> Result<Option<HouseRecord>> {
    Ok(store.document("house").await?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Energy of a series of power since local midnight, kWh to a tenth of a Wh; gaps are not filled, and `None` is told where it said nothing.
pub async fn today_kwh(store: &dyn Store, power: SeriesId, now: DateTime<Utc>) -> Result<Option<f64>> {
    let zone: Tz = home(store).await?.time_zone.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC);
    let midnight = now.with_timezone(&zone).date_naive().and_time(NaiveTime::MIN);
    // Where clocks go forward at midnight the day begins an hour later.
    let later = || zone.from_local_datetime(&(midnight + Duration::hours(1))).earliest();
    let Some(begin) = zone.from_local_datetime(&midnight).earliest().or_else(later) else { return Ok(None) };
    let now_ms = now.timestamp_millis();
    let mut energy_kwh = None;
    for bucket in store.chart(power, begin.timestamp_millis(), now_ms, STEP_MS).await? {
        if bucket.covered > 0.0 && bucket.mean.is_finite() {
            let hours = (now_ms - bucket.from_ms).min(STEP_MS) as f64 * bucket.covered / 3.6e6;
            *energy_kwh.get_or_insert(0.0) += bucket.mean * hours / 1000.0;
        }
    }
    Ok(energy_kwh.map(|kwh: f64| (kwh * 1e4).round() / 1e4))
}
