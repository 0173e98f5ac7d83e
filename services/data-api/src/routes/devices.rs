//! What was learned of each device.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wattribute_domain::{Level, ProfileRecord, SeriesId, Verdict};
use wattribute_service::Problem;

use super::{Api, instant};

/// What is known of one device.
#[derive(Debug, Serialize, ToSchema)]
pub struct Device {
    /// Home Assistant's id.
    entity_id: String,
    /// Friendly name.
    name: String,
    /// Area it is in.
    area: Option<String>,
    /// State it is in now; null where it does not say.
    state: Option<String>,
    /// Power at its highest level, above what it draws when off, W; null where it cannot be told.
    power_w: Option<f64>,
    /// Lower end of the 90 % interval, W.
    power_low_w: Option<f64>,
    /// Upper end of the 90 % interval, W.
    power_high_w: Option<f64>,
    /// Energy over what was learned from, kWh; by its own sensor where it has one.
    energy_kwh: Option<f64>,
    /// State changes that its power was learned from.
    events_used: u32,
    /// State changes there were.
    events_total: u32,
    /// What can be said of it.
    #[schema(value_type = String, example = "learned")]
    verdict: Verdict,
    /// Entities always switched together with it: they share the power.
    grouped_with: Vec<String>,
    /// When this was learned, RFC 3339 UTC.
    learned_at: String,
}

/// What is known of each device, most energy first.
#[utoipa::path(get, path = "/devices", tag = "energy", responses((status = 200, body = Vec<Device>), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn devices(State(api): State<Api>) -> Result<Json<Vec<Device>>, Problem> {
    let series: HashMap<_, _> = api.store.series().await?.into_iter().collect();
    let latest: HashMap<SeriesId, f64> = api.store.latest().await?.into_iter().map(|r| (r.series, r.value)).collect();
    let device = |ProfileRecord { series: id, learned_at_ms, profile, .. }: ProfileRecord| {
        let info = series.get(&id);
        let level = latest.get(&id).and_then(|number| Level::of_number(*number));
        Device {
            area: info.and_then(|info| info.area.clone()),
            state: level.and_then(|level| info?.modes.get(usize::from(level.mode)).cloned()),
            energy_kwh: profile.measured_energy_kwh.or(profile.energy_kwh),
            entity_id: profile.entity_id,
            name: profile.name,
            power_w: profile.power_w,
            power_low_w: profile.power_low_w,
            power_high_w: profile.power_high_w,
            events_used: profile.events_used,
            events_total: profile.events_total,
            verdict: profile.verdict,
            grouped_with: profile.grouped_with,
            learned_at: instant(learned_at_ms),
        }
    };
    let mut devices: Vec<Device> = api.store.profiles().await?.into_iter().map(device).collect();
    let order = |d: &Device| d.energy_kwh.unwrap_or(f64::NEG_INFINITY);
    devices.sort_by(|a, b| order(b).total_cmp(&order(a)).then_with(|| a.entity_id.cmp(&b.entity_id)));
    Ok(Json(devices))
}
