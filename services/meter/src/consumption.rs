//! What the house and its circuits draw now.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wattribute_domain::{Hold, Quantity, Role, SeriesId, SeriesInfo};
use wattribute_store::{Result, Store, today_kwh};

use crate::adapters::home_assistant::WHOLE_HOUSE;

/// A device that is polled or pushed and was silent for this long says nothing now, ms.
const STALE_MS: i64 = 300_000;

/// What the house draws.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Consumption {
    /// Power of the house, W; null where it is not known.
    pub total_power_w: Option<f64>,
    /// Energy of the house since midnight, local time, kWh; gaps are not filled; null where nothing is known.
    pub daily_kwh: Option<f64>,
    /// What parts of it draw, most first.
    pub circuits: Vec<Circuit>,
    /// When this was.
    pub timestamp: DateTime<Utc>,
}

/// What one circuit or metered device draws.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Circuit {
    /// Its name.
    pub name: String,
    /// Home Assistant's id, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// Its power, W; null where it is not known.
    pub power_w: Option<f64>,
    /// Its share of the house's power, %; null where one of the two is not known or the house draws nothing.
    pub percentage: Option<f64>,
}

/// Document `house`: which series is the house's power.
#[derive(Deserialize)]
struct HouseDocument {
    series: SeriesId,
}

/// What is drawn at `now`. `meter` is the whole-house entity, where the owner named one.
pub(crate) async fn consumption(store: &dyn Store, meter: Option<&str>, now: DateTime<Utc>) -> Result<Consumption> {
    let now_ms = now.timestamp_millis();
    let series = store.series().await?;
    let latest: std::collections::HashMap<_, _> = store.latest().await?.into_iter().map(|r| (r.series, (r.at_ms, r.value))).collect();
    let power_w = |id: SeriesId, info: &SeriesInfo| {
        let (at_ms, value) = latest.get(&id)?;
        let is_stale = info.hold == Hold::Intervals && now_ms - at_ms > STALE_MS;
        (value.is_finite() && !is_stale).then_some(*value)
    };
    let powers: Vec<_> = series.iter().filter(|(_, info)| info.quantity == Quantity::PowerW).collect();
    let house = match store.document("house").await?.and_then(|text| serde_json::from_str::<HouseDocument>(&text).ok()) {
        Some(document) => powers.iter().find(|(id, _)| *id == document.series),
        None => found(&powers, meter),
    };
    let total_power_w = house.and_then(|(id, info)| power_w(*id, info));
    let daily_kwh = match house {
        Some((id, _)) => today_kwh(store, *id, now).await?,
        None => None,
    };

    let is_circuit = |info: &SeriesInfo| info.role != Some(Role::WholeHouse) && info.source != "wattribute";
    let parts = powers.iter().filter(|(id, info)| is_circuit(info) && house.is_none_or(|(house, _)| house != id));
    let mut circuits: Vec<Circuit> = parts
        .map(|(id, info)| {
            let power_w = power_w(*id, info);
            let percentage = power_w
                .zip(total_power_w)
                .filter(|(_, total)| total.abs() > 1e-9)
                .map(|(part, total)| (1e4 * part / total).round() / 100.0);
            let entity_id = info.device.contains('.').then(|| info.device.clone());
            Circuit { name: info.label().to_owned(), entity_id, power_w, percentage }
        })
        .collect();
    circuits.sort_by(|a, b| b.power_w.partial_cmp(&a.power_w).unwrap_or(std::cmp::Ordering::Equal).then_with(|| a.name.cmp(&b.name)));
    Ok(Consumption { total_power_w, daily_kwh, circuits, timestamp: now })
}

/// The house's power where no one has worked out what it is: the named one, the only one of that role, or the first of the usual names.
fn found<'a>(powers: &'a [&(SeriesId, SeriesInfo)], meter: Option<&str>) -> Option<&'a &'a (SeriesId, SeriesInfo)> {
    let named = |id: &str| powers.iter().find(|(_, info)| info.device == id);
    let of_role = || {
        let mut of_role = powers.iter().filter(|(_, info)| info.role == Some(Role::WholeHouse));
        of_role.next().filter(|_| of_role.next().is_none())
    };
    match meter {
        Some(meter) => named(meter.trim()),
        None => of_role().or_else(|| WHOLE_HOUSE.iter().find_map(|id| named(id))),
    }
}
