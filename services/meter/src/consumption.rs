//! What the house and its circuits draw now.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use wattribute_domain::{Quantity, SeriesId, SeriesInfo};
use wattribute_store::{Powers, Result, Store, today_kwh};

use crate::adapters::home_assistant::WHOLE_HOUSE;

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

/// What is drawn at `now`. `meter` is the whole-house entity, where the owner named one.
pub(crate) async fn consumption(store: &dyn Store, meter: Option<&str>, now: DateTime<Utc>) -> Result<Consumption> {
    let powers = Powers::read(store, now.timestamp_millis()).await?;
    let house = match (wattribute_store::house(store).await?, meter) {
        (Some(worked_out), _) => Some(worked_out.series),
        (None, Some(meter)) => named(&powers, meter.trim()),
        (None, None) => powers.house(store).await?.or_else(|| WHOLE_HOUSE.iter().find_map(|id| named(&powers, id))),
    };
    let power_w = |id: SeriesId| powers.now(id).map(|(_, power_w)| power_w);
    let total_power_w = house.and_then(power_w);
    let daily_kwh = match house {
        Some(id) => today_kwh(store, id, now).await?,
        None => None,
    };

    let parts = powers.circuits().filter(|(id, _)| house != Some(*id));
    let mut circuits: Vec<Circuit> = parts
        .map(|(id, info)| {
            let power_w = power_w(*id);
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

/// The series of power of that id, or the only one of the source of that name.
fn named(powers: &Powers, id: &str) -> Option<SeriesId> {
    let is_it = |info: &SeriesInfo| info.quantity == Quantity::PowerW && (info.device == id || info.entity_id() == id);
    let found = powers.series.iter().find(|(_, info)| is_it(info)).map(|(id, _)| *id);
    let mut of_source = powers.series.iter().filter(|(_, info)| info.quantity == Quantity::PowerW && info.source == id);
    found.or_else(|| of_source.next().filter(|_| of_source.next().is_none()).map(|(id, _)| *id))
}
