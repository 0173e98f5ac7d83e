//! Which series are the meter of the house, and what it counted.

use wattribute_domain::counter::{MOST_KW, increments};
use wattribute_domain::{Home, Quantity, Role, Series, SeriesId, SeriesInfo};
use wattribute_service::Problem;
use wattribute_store::{Bucket, OURS, Powers, Store};

use super::{DAY_MS, HOUR_MS, extent_ms};
use crate::Api;
use crate::routes::known::Known;

pub const TEN_MINUTES_MS: i64 = 600_000;
/// A counter over a span up to this is read as it was said, ms.
const SHORT_MS: i64 = 8 * DAY_MS;

/// The meter of the house.
pub struct Meter {
    /// Power, W.
    pub power: Option<SeriesId>,
    /// Counters of energy drawn, kWh: one for each rate.
    pub import: Vec<SeriesId>,
    /// Counters of energy given, kWh.
    pub export: Vec<SeriesId>,
    /// Power of each phase, W.
    pub phases: [Option<SeriesId>; 3],
    /// Source and device of each part of the power.
    pub devices: Vec<(String, String)>,
    /// Until when the power is known, ms since the epoch.
    pub until_ms: i64,
}

impl Meter {
    /// The house's power, else the only meter that reads a smart meter; with the counters that belong to it.
    pub async fn find(api: &Api, now_ms: i64) -> Result<Self, Problem> {
        let powers = Powers::read(&*api.store, now_ms).await?;
        let is_smart = |(_, info): &&(SeriesId, SeriesInfo)| info.quantity == Quantity::PowerW && info.source == "tasmota";
        let house = powers.house(&*api.store).await?;
        let power = house.or_else(|| powers.series.iter().find(is_smart).map(|(id, _)| *id));
        let home = wattribute_store::home(&*api.store).await?;
        let inputs = wattribute_store::house(&*api.store).await?.map(|house| house.inputs).unwrap_or_default();
        let is_near =
            |id: SeriesId, info: &SeriesInfo| info.source != OURS && (Some(id) == power || (power == house && inputs.contains(&id)));
        let near: Vec<&SeriesInfo> = powers.series.iter().filter(|(id, info)| is_near(*id, info)).map(|(_, info)| info).collect();
        let phase = |quantity: Quantity| belonging(&powers.series, &near, quantity).first().copied();
        let known: Vec<(SeriesId, SeriesInfo)> = powers.series.iter().filter(|(id, _)| Some(*id) == power).cloned().collect();
        let until_ms = Known::read(&*api.store, &known, now_ms).await?;
        Ok(Meter {
            power,
            import: counters(&powers.series, &near, &home, Quantity::EnergyImportKwh),
            export: counters(&powers.series, &near, &home, Quantity::EnergyExportKwh),
            phases: [phase(Quantity::PowerPhase1W), phase(Quantity::PowerPhase2W), phase(Quantity::PowerPhase3W)],
            devices: near.iter().map(|info| (info.source.clone(), info.device.clone())).collect(),
            until_ms: power.map_or(now_ms, |id| until_ms.until_ms(id)),
        })
    }

    /// Energy drawn by the power from the first reading to `to_ms`, kWh.
    pub async fn counted_before(&self, store: &dyn Store, to_ms: i64) -> Result<f64, Problem> {
        let (Some(power), Some((first_ms, _))) = (self.power, extent_ms(store).await?) else { return Ok(0.0) };
        let from_ms = first_ms.div_euclid(TEN_MINUTES_MS) * TEN_MINUTES_MS;
        let to_ms = to_ms.min(self.until_ms);
        let buckets = store.chart(power, from_ms, to_ms, TEN_MINUTES_MS).await?;
        Ok(drawn_kwh(&buckets, to_ms, TEN_MINUTES_MS).unwrap_or(0.0))
    }

    /// Energy drawn in a span, kWh: by the counters where there are any. `None` where nothing is known.
    pub async fn used(&self, store: &dyn Store, from_ms: i64, to_ms: i64) -> Result<Option<f64>, Problem> {
        if self.import.is_empty() {
            let Some(power) = self.power else { return Ok(None) };
            let step_ms = if to_ms - from_ms <= SHORT_MS { TEN_MINUTES_MS } else { HOUR_MS };
            let from = from_ms.max(extent_ms(store).await?.map_or(to_ms, |(first_ms, _)| first_ms));
            return Ok(drawn_kwh(&store.chart(power, from, to_ms, step_ms).await?, to_ms, step_ms));
        }
        let mut total = None;
        for id in &self.import {
            let counter = counter(store, *id, from_ms, to_ms).await?;
            let counts = increments(&counter, MOST_KW);
            if counts.unchanged_from_ms.is_some() {
                // What was counted across the start is divided by time.
                let share = |from: i64, to: i64| if to > from { (to - from.max(from_ms)).max(0) as f64 / (to - from) as f64 } else { 1.0 };
                let kwh: f64 = counts.increments.iter().map(|i| i.kwh * share(i.from_ms, i.to_ms)).sum();
                *total.get_or_insert(0.0) += kwh;
            }
        }
        Ok(total)
    }
}

/// What a counter said in a span, beginning with what held at its start: as it was said, or over longer spans what it stood at after each ten
/// minutes.
pub async fn counter(store: &dyn Store, id: SeriesId, from_ms: i64, to_ms: i64) -> Result<Series, Problem> {
    if to_ms - from_ms <= SHORT_MS {
        return Ok(store.readings(id, from_ms, to_ms).await?);
    }
    let even_ms = from_ms.max(extent_ms(store).await?.map_or(to_ms, |(first_ms, _)| first_ms)).div_euclid(TEN_MINUTES_MS) * TEN_MINUTES_MS;
    let mut series = Series::default();
    for bucket in store.chart(id, even_ms, to_ms, TEN_MINUTES_MS).await? {
        let end_ms = (bucket.from_ms + TEN_MINUTES_MS).min(to_ms);
        if series.is_empty() && bucket.covered > 0.0 {
            series.push(bucket.from_ms, bucket.min);
        }
        series.push(end_ms, if bucket.covered > 0.0 { bucket.max } else { f64::NAN });
    }
    series.normalise();
    Ok(series)
}

/// Energy drawn over the stretches of a chart, kWh; `None` where nothing is known.
fn drawn_kwh(buckets: &[Bucket], to_ms: i64, step_ms: i64) -> Option<f64> {
    let known = buckets.iter().filter(|bucket| bucket.covered > 0.0);
    let kwh = known.map(|b| b.mean.max(0.0) * b.covered * step_ms.min(to_ms - b.from_ms) as f64 / 3.6e9);
    kwh.reduce(|sum, kwh| sum + kwh)
}

/// The counters of the grid: those that the Energy dashboard was told, else those of the meter's device, else the only one of the house.
fn counters(all: &[(SeriesId, SeriesInfo)], near: &[&SeriesInfo], home: &Home, quantity: Quantity) -> Vec<SeriesId> {
    let told = home.energy_preferences.as_ref().map(|told| match quantity {
        Quantity::EnergyExportKwh => &told.grid_export_energy,
        _ => &told.grid_import_energy,
    });
    let named: Vec<SeriesId> = all
        .iter()
        .filter(|(_, info)| matches!(info.quantity, Quantity::EnergyImportKwh | Quantity::EnergyExportKwh))
        .filter(|(_, info)| told.is_some_and(|told| told.contains(&info.device)))
        .map(|(id, _)| *id)
        .collect();
    if !named.is_empty() {
        return named;
    }
    let belonging = belonging(all, near, quantity);
    if let Some(first) = belonging.first() {
        return vec![*first];
    }
    let of_house = |(_, info): &&(SeriesId, SeriesInfo)| info.quantity == quantity && info.role == Some(Role::WholeHouse);
    let mut of_house = all.iter().filter(of_house);
    match (of_house.next(), of_house.next()) {
        (Some((id, _)), None) => vec![*id],
        _ => Vec::new(),
    }
}

/// The series of a quantity that come from the same device as one of `near`, which is no other's.
fn belonging(all: &[(SeriesId, SeriesInfo)], near: &[&SeriesInfo], quantity: Quantity) -> Vec<SeriesId> {
    let is_grid = |info: &SeriesInfo| matches!(info.role, None | Some(Role::WholeHouse));
    let same = |a: &SeriesInfo, b: &SeriesInfo| {
        a.source == b.source && (a.device == b.device || (a.device_id.is_some() && a.device_id == b.device_id))
    };
    let fits = |info: &SeriesInfo| info.quantity == quantity && is_grid(info) && near.iter().any(|n| is_grid(n) && same(info, n));
    all.iter().filter(|(_, info)| fits(info)).map(|(id, _)| *id).collect()
}
