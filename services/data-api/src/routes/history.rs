//! Energy and cost over hours, days, weeks, months and years.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wattribute_domain::calendar::buckets;
use wattribute_domain::counter::{DISAGREEMENT, disagreement};
use wattribute_domain::{Cost, Period, Pricing, ProfileRecord, QUARTER_MS, Quarter, SeriesId};
use wattribute_service::Problem;
use wattribute_service::problem::Params;

use super::span::span_of;
use super::{Api, cents, charged_from_ms, instant, now, watt_hours};
use crate::books::{Flow, Flows, HomeQuarters, Used, first_of};

/// More buckets than this nobody looks at.
const MOST: usize = 10_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// What is asked of history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// What is summed over, in local time.
    #[param(inline, default = "day")]
    period: Option<Period>,
    /// From when: RFC 3339, milliseconds since 1970, or a local date; the whole period that it lies in is told.
    #[param(example = "2026-03-01")]
    from: Option<String>,
    /// Until when, in the same words; not included.
    #[param(example = "2026-04-01")]
    to: Option<String>,
    /// Only this device; of a group, whichever is named, what all of it used together.
    #[param(example = "switch.kettle")]
    device: Option<String>,
    /// Whether each period tells what its devices used.
    #[param(default = false)]
    devices: Option<bool>,
}

/// Energy and cost by period.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    /// Periods since anything is known, oldest first; the first of them may have begun before.
    history: Vec<Bucket>,
    /// What these are.
    meta: Meta,
}

/// What a history is of.
#[derive(Debug, Serialize, ToSchema)]
pub struct Meta {
    /// What was summed over.
    period: Period,
    /// Time zone of the periods.
    time_zone: String,
    /// Currency of costs, ISO 4217; null where it is not known.
    currency: Option<String>,
    /// The device, where one was asked for.
    device: Option<String>,
    /// Whether there is a tariff: costs are null without one.
    has_tariff: bool,
    /// What the owner should know of these numbers, a sentence each.
    notes: Vec<String>,
}

/// One period.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Bucket {
    /// When it begins, RFC 3339 UTC.
    from: String,
    /// When it ends, RFC 3339 UTC; not included.
    to: String,
    /// Whether it is not over yet.
    is_partial: bool,
    /// Energy used in the home, or by the device, kWh; null where nothing is known.
    consumption_kwh: Option<f64>,
    /// Energy from the grid, kWh; null for a device.
    import_kwh: Option<f64>,
    /// Energy to the grid, kWh; null where nothing says so.
    export_kwh: Option<f64>,
    /// Energy from the sun, kWh; null where nothing says so.
    solar_kwh: Option<f64>,
    /// Energy from the sun that was used in the home, kWh; null where nothing says so.
    self_use_kwh: Option<f64>,
    /// What that would have cost at the prices of import at the times that it was made; null where no price is known.
    self_use_saved: Option<f64>,
    /// What it cost: import and standing charge less what export earned; for a device, its energy at the price of import. Null where no price is known.
    cost: Option<f64>,
    /// What the import cost.
    import_cost: Option<f64>,
    /// What the export earned; null without a price for it.
    export_revenue: Option<f64>,
    /// Standing charge, of the days since anything is known; null for a device.
    standing_charge: Option<f64>,
    /// Energy and cost by band of the tariff.
    bands: Vec<Band>,
    /// Energy of which no price is known, kWh: it is in no cost.
    unpriced_kwh: f64,
    /// Share of the time that has passed for which the energy is known, 0 to 1: gaps are not filled, and of the first period what lies before
    /// anything was known is not known either. 1 for a device.
    covered: f64,
    /// Whether a part was counted while nobody listened, so that its time is estimated.
    estimated: bool,
    /// What its devices used, most first, where that was asked for.
    devices: Vec<DeviceEnergy>,
    /// Energy that no device explains, kWh, where devices were asked for.
    unattributed_kwh: Option<f64>,
    /// What that would have cost at the prices of import, as the devices are told: what all energy that was used would have cost, less what the
    /// devices cost. With them it is `import_cost` and `self_use_saved` together, unless there is a battery. Null where no price is known.
    unattributed_cost: Option<f64>,
}

/// Energy and cost in one band of the tariff.
#[derive(Debug, Serialize, ToSchema)]
pub struct Band {
    /// Its name: a rate's, or `fixed`, `dynamic`.
    band: String,
    /// Energy from the grid, kWh.
    energy_kwh: f64,
    /// What it cost.
    cost: f64,
}

/// What a device used in a period.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceEnergy {
    /// Home Assistant's id; of a group, its first.
    entity_id: String,
    /// Friendly name.
    name: String,
    /// Energy, kWh.
    energy_kwh: f64,
    /// What it cost at the prices of import; null where no price is known.
    cost: Option<f64>,
    /// Whether a part lies in a gap of the house's meter: learned power times known time on.
    estimated: bool,
}

/// Energy and cost of the home or of a device, by hour, day, week, month or year of local time.
///
/// What was counted while nobody listened counts where its counter says so; power is not filled over a gap. A price that changed never rewrites what was before.
#[utoipa::path(
    get, path = "/history", tag = "energy", params(HistoryQuery),
    responses(
        (status = 200, body = History),
        (status = 404, description = "There is no such device", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn history(State(api): State<Api>, Params(asked): Params<HistoryQuery>) -> Result<Json<History>, Problem> {
    let now_ms = now().timestamp_millis();
    let (home, zone) = api.books.home().await?;
    let period = asked.period.unwrap_or(Period::Day);
    let usual_ms = match period {
        Period::Hour => 48 * HOUR_MS,
        Period::Day => 30 * DAY_MS,
        Period::Week => 26 * 7 * DAY_MS,
        Period::Month => 396 * DAY_MS,
        Period::Year => 3652 * DAY_MS,
    };
    let (from_ms, to_ms) = span_of(asked.from.as_deref(), asked.to.as_deref(), usual_ms, now_ms, zone)?;
    let device = match &asked.device {
        Some(id) => Some(api.device(id).await?),
        None => None,
    };
    let profiles = api.store.profiles().await?;
    // Of a group all energy stands under the first.
    let energy = device
        .as_ref()
        .map(|(id, _)| profiles.iter().find(|record| record.series == *id).map_or(*id, |one| first_of(one, &profiles).series));
    let pricing = api.books.pricing(zone, now_ms).await?;
    let flows = api.books.flows(&home).await?;
    let mut notes = Vec::new();
    let first_ms = api.first_ms(&flows, energy).await?;
    // Before anything is known there is nothing to tell, and the future is not known either.
    let (from_ms, end_ms) = (from_ms.max(first_ms.unwrap_or(now_ms)), to_ms.min(now_ms));
    let spans = if first_ms.is_some() && from_ms < end_ms { buckets(zone, period, from_ms, end_ms) } else { Vec::new() };
    if spans.len() > MOST {
        return Err(Problem::bad_parameter(format!("period: that would be {} rows; at most {MOST} are told at once", spans.len())));
    }
    let mut rows: Vec<Bucket> = spans.iter().map(|span| empty(*span, now_ms)).collect();
    if let (Some(first), Some(last)) = (spans.first(), spans.last()) {
        let charged_from_ms = charged_from_ms(zone, first_ms);
        let teller = Teller { api: &api, pricing: pricing.as_deref(), spans: &spans, now_ms, charged_from_ms };
        match energy {
            Some(id) => teller.device(&mut rows, id).await?,
            None => {
                let quarters = api.books.quarters(&flows, first.0, last.1, now_ms).await?;
                teller.home(&mut rows, &quarters);
                notes.extend(teller.agreement(&flows, &quarters).await?);
                if asked.devices == Some(true) {
                    teller.devices(&mut rows, &profiles, &quarters).await?;
                }
            }
        }
    }
    notes.extend(unpriced_note(&rows, pricing.is_some()));
    let device = device.map(|(_, info)| info.device);
    let meta = Meta { period, time_zone: zone.name().to_owned(), currency: home.currency, device, has_tariff: pricing.is_some(), notes };
    Ok(Json(History { history: rows, meta }))
}

fn empty((from_ms, to_ms): (i64, i64), now_ms: i64) -> Bucket {
    Bucket { from: instant(from_ms), to: instant(to_ms), is_partial: to_ms > now_ms, ..Bucket::default() }
}

fn unpriced_note(rows: &[Bucket], has_tariff: bool) -> Option<String> {
    let unpriced_kwh: f64 = rows.iter().map(|r| r.unpriced_kwh).sum();
    (has_tariff && unpriced_kwh > 0.0005).then(|| format!("No price is known for {unpriced_kwh:.3} kWh; they are in no cost."))
}

/// Fills rows.
struct Teller<'a> {
    api: &'a Api,
    pricing: Option<&'a Pricing>,
    spans: &'a [(i64, i64)],
    now_ms: i64,
    /// From when on a standing charge is due, ms since the epoch: the local day on which anything was known first.
    charged_from_ms: i64,
}

impl Teller<'_> {
    fn home(&self, rows: &mut [Bucket], quarters: &HomeQuarters) {
        for (row, &(from_ms, to_ms)) in rows.iter_mut().zip(self.spans) {
            let passed_ms = to_ms.min(self.now_ms);
            let part = |all: &[Quarter]| -> Option<Part> { Part::of(all, quarters.from_ms, from_ms, to_ms) };
            let (import, export, solar) = (part(&quarters.import), part(&quarters.export), part(&quarters.solar));
            let Some(used) = part(&quarters.consumption) else { continue };
            row.covered = share(used.covered_ms, passed_ms - from_ms);
            row.estimated = used.estimated;
            if used.covered_ms == 0.0 {
                continue;
            }
            row.consumption_kwh = Some(watt_hours(used.kwh.max(0.0)));
            row.import_kwh = import.as_ref().map(|p| watt_hours(p.kwh));
            row.export_kwh = export.as_ref().map(|p| watt_hours(p.kwh));
            row.solar_kwh = solar.as_ref().map(|p| watt_hours(p.kwh));
            row.self_use_kwh = solar.as_ref().map(|s| watt_hours((s.kwh - export.as_ref().map_or(0.0, |e| e.kwh)).max(0.0)));
            let Some(pricing) = self.pricing else { continue };
            let mut cost = Cost::default();
            let mut earned = Cost::default();
            let mut is_earned = false;
            each(&quarters.import, quarters.from_ms, from_ms, to_ms, |from, to, kwh| _ = pricing.add_cost(&mut cost, from, to, kwh));
            each(&quarters.export, quarters.from_ms, from_ms, to_ms, |from, to, kwh| {
                is_earned |= pricing.add_revenue(&mut earned, from, to, kwh);
            });
            let charged_ms = from_ms.max(self.charged_from_ms);
            let standing = if charged_ms < passed_ms { pricing.standing_charge(charged_ms, passed_ms) } else { 0.0 };
            row.standing_charge = Some(cents(standing));
            row.export_revenue = is_earned.then(|| cents(earned.cost));
            row.import_cost = super::known_cost(&cost, true);
            row.cost = row.import_cost.map(|_| cents(cost.cost + standing - if is_earned { earned.cost } else { 0.0 }));
            row.set_bands(&cost);
            if !quarters.solar.is_empty() {
                let saved = self.worth(quarters, (from_ms, to_ms), |k| kwh(&quarters.solar, k) - kwh(&quarters.export, k));
                row.self_use_saved = super::known_cost(&saved, true).map(|saved| saved.max(0.0));
            }
        }
    }

    /// What energy of the quarters that begin in a period costs at the prices of import.
    fn worth(&self, quarters: &HomeQuarters, (from_ms, to_ms): (i64, i64), kwh: impl Fn(usize) -> f64) -> Cost {
        let mut cost = Cost::default();
        let Some(pricing) = self.pricing else { return cost };
        for (at_ms, _) in within(&quarters.consumption, quarters.from_ms, from_ms, to_ms) {
            // A counter in lumps may say that a quarter gave more than it had: only over time they add up.
            let kwh = kwh(((at_ms - quarters.from_ms) / QUARTER_MS) as usize);
            if kwh != 0.0 {
                pricing.add_cost(&mut cost, at_ms, at_ms + QUARTER_MS, kwh);
            }
        }
        cost
    }

    async fn device(&self, rows: &mut [Bucket], id: SeriesId) -> Result<(), Problem> {
        let (from_ms, to_ms) = self.reach();
        let mut hours = self.api.books.device_hours(from_ms, to_ms, Some(id), self.now_ms).await?;
        let hours = hours.remove(&id).unwrap_or_default();
        for (row, &(from_ms, to_ms)) in rows.iter_mut().zip(self.spans) {
            let Used { kwh, cost, estimated } = Used::of(&hours, from_ms, to_ms, self.pricing);
            row.consumption_kwh = Some(watt_hours(kwh));
            row.estimated = estimated;
            row.covered = 1.0;
            row.cost = super::known_cost(&cost, self.pricing.is_some());
            row.import_cost = row.cost;
            row.set_bands(&cost);
        }
        Ok(())
    }

    async fn devices(&self, rows: &mut [Bucket], profiles: &[ProfileRecord], quarters: &HomeQuarters) -> Result<(), Problem> {
        let (from_ms, to_ms) = self.reach();
        let energies = self.api.books.energies(profiles, from_ms, to_ms, self.now_ms).await?;
        let names: HashMap<SeriesId, (String, String)> =
            self.api.store.series().await?.into_iter().map(|(id, info)| (id, (info.device.clone(), info.label().to_owned()))).collect();
        for (row, &(from_ms, to_ms)) in rows.iter_mut().zip(self.spans) {
            for (id, Used { kwh, cost, estimated }) in energies.used(from_ms, to_ms, self.pricing) {
                let Some((entity_id, name)) = names.get(&id).filter(|_| kwh > 0.0) else { continue };
                let cost = super::known_cost(&cost, self.pricing.is_some());
                let (entity_id, name) = (entity_id.clone(), name.clone());
                row.devices.push(DeviceEnergy { entity_id, name, energy_kwh: watt_hours(kwh), cost, estimated });
            }
            row.devices.sort_by(|a, b| b.energy_kwh.total_cmp(&a.energy_kwh).then_with(|| a.entity_id.cmp(&b.entity_id)));
            let told: f64 = row.devices.iter().map(|d| d.energy_kwh).sum();
            row.unattributed_kwh = row.consumption_kwh.map(|kwh| watt_hours((kwh - told).max(0.0)));
            let worth = self.worth(quarters, (from_ms, to_ms), |k| kwh(&quarters.consumption, k));
            let worth = super::known_cost(&worth, self.pricing.is_some());
            let of_devices: f64 = row.devices.iter().filter_map(|d| d.cost).sum();
            row.unattributed_cost = row.unattributed_kwh.zip(worth).map(|(kwh, worth)| {
                // What nothing is left of costs nothing, even where devices used dear hours.
                if kwh > 0.0 { cents((worth - of_devices).max(0.0)) } else { 0.0 }
            });
        }
        Ok(())
    }

    /// Whether power and counter of the grid say the same.
    async fn agreement(&self, flows: &Flows, quarters: &HomeQuarters) -> Result<Option<String>, Problem> {
        let to_ms = quarters.from_ms + quarters.import.len() as i64 * QUARTER_MS;
        let power = self.api.books.sum(&flows.import_by_power, quarters.from_ms, to_ms, self.now_ms).await?;
        let apart = disagreement(&power, &quarters.import).filter(|apart| apart.abs() > DISAGREEMENT);
        let Some(apart) = apart else { return Ok(None) };
        let names: HashMap<SeriesId, String> = self.api.store.series().await?.into_iter().map(|(id, info)| (id, info.device)).collect();
        let name = |flows: &[Flow]| flows.iter().filter_map(|f| names.get(&f.series()).cloned()).collect::<Vec<_>>().join(" + ");
        let more = if apart > 0.0 { "more" } else { "less" };
        Ok(Some(format!(
            "{} says {:.0} % {more} energy than {} counted; this history rests on the counter.",
            name(&flows.import_by_power),
            100.0 * apart.abs(),
            name(&flows.import)
        )))
    }

    fn reach(&self) -> (i64, i64) {
        let first = self.spans.first().map_or(0, |s| s.0);
        (first.div_euclid(HOUR_MS) * HOUR_MS, self.spans.last().map_or(0, |s| s.1))
    }
}

impl Bucket {
    fn set_bands(&mut self, cost: &Cost) {
        self.unpriced_kwh = watt_hours(cost.unpriced_kwh);
        let band = |b: &wattribute_domain::BandCost| Band { band: b.band.clone(), energy_kwh: watt_hours(b.kwh), cost: cents(b.cost) };
        self.bands = cost.bands.iter().map(band).collect();
    }
}

/// Quarters of a period, together.
struct Part {
    kwh: f64,
    covered_ms: f64,
    estimated: bool,
}

impl Part {
    /// `None` where there is nothing to ask.
    fn of(all: &[Quarter], first_ms: i64, from_ms: i64, to_ms: i64) -> Option<Self> {
        if all.is_empty() {
            return None;
        }
        let mut part = Part { kwh: 0.0, covered_ms: 0.0, estimated: false };
        for quarter in within(all, first_ms, from_ms, to_ms) {
            part.kwh += quarter.1.kwh;
            part.covered_ms += quarter.1.covered * QUARTER_MS as f64;
            part.estimated |= quarter.1.estimated;
        }
        Some(part)
    }
}

/// The quarters that begin within a period, with when they do.
fn within(all: &[Quarter], first_ms: i64, from_ms: i64, to_ms: i64) -> impl Iterator<Item = (i64, &Quarter)> {
    let at = |ms: i64| (((ms - first_ms).max(0) + QUARTER_MS - 1) / QUARTER_MS) as usize;
    let (from, to) = (at(from_ms).min(all.len()), at(to_ms).min(all.len()));
    all[from..to.max(from)].iter().enumerate().map(move |(k, quarter)| (first_ms + (from + k) as i64 * QUARTER_MS, quarter))
}

/// Calls with each quarter that has energy: when it begins and ends, and kWh.
fn each(all: &[Quarter], first_ms: i64, from_ms: i64, to_ms: i64, mut call: impl FnMut(i64, i64, f64)) {
    for (at_ms, quarter) in within(all, first_ms, from_ms, to_ms).filter(|(_, quarter)| quarter.kwh > 0.0) {
        call(at_ms, at_ms + QUARTER_MS, quarter.kwh);
    }
}

/// Energy of a quarter, kWh; none where nothing is told of it.
fn kwh(all: &[Quarter], k: usize) -> f64 {
    all.get(k).map_or(0.0, |quarter| quarter.kwh)
}

fn share(part_ms: f64, whole_ms: i64) -> f64 {
    if whole_ms <= 0 { 0.0 } else { ((part_ms / whole_ms as f64).min(1.0) * 1e4).round() / 1e4 }
}

#[cfg(test)]
#[path = "history_tests.rs"]
pub(super) mod tests;
