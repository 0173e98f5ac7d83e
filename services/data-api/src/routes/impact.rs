//! What a device makes of the bill: by its measured time on and the tariff.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wattribute_domain::{Level, ProfileRecord, Series, SeriesId, Verdict};
use wattribute_service::Problem;
use wattribute_service::problem::{Params, PathOf};

use super::devices::Tell;
use super::{Api, cents, known_cost, now, told, watt_hours, within};
use crate::activity::{Run, runs};
use crate::books::Used;

const DAY_MS: i64 = 86_400_000;
/// How long the impacts of all devices are kept, ms.
const KEEP_MS: i64 = 20_000;
/// Days of a month, as a mean.
const MONTH_DAYS: f64 = 30.44;

/// How far back a device's impact is told.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImpactQuery {
    /// How far back, days.
    #[param(default = 7, minimum = 1, maximum = 30)]
    days: Option<u32>,
}

/// How many consumers are told, and how far back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TopQuery {
    /// How far back, days.
    #[param(default = 7, minimum = 1, maximum = 30)]
    days: Option<u32>,
    /// At most so many.
    #[param(default = 10, minimum = 1, maximum = 50)]
    limit: Option<u32>,
}

/// What a device draws, for how long, and what that costs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeviceImpact {
    /// Home Assistant's id.
    entity_id: String,
    /// `light` of `light.hall`.
    domain: String,
    /// What it drew on average while it was on, W; null where that cannot be told.
    average_power_on_w: Option<f64>,
    /// What it drew on average while it was off, W: by its own meter; 0 where its power is told above what it draws when off; null where nothing can be told.
    average_power_off_w: Option<f64>,
    /// State changes in these days.
    total_state_changes: u64,
    /// Energy of an average day of these, kWh; null where it cannot be told.
    estimated_daily_kwh: Option<f64>,
    /// What a month of such days costs at the prices that were in force; null without a tariff.
    estimated_monthly_cost: Option<f64>,
    /// Friendly name.
    name: String,
    /// Power at its highest level, W; null where it cannot be told.
    power_w: Option<f64>,
    /// Lower end of the 90 % interval, W.
    power_low_w: Option<f64>,
    /// Upper end of the 90 % interval, W.
    power_high_w: Option<f64>,
    /// What can be said of it.
    #[schema(value_type = String, example = "learned")]
    verdict: Verdict,
    /// Strength of evidence, 0 to 1.
    strength: f64,
    /// Time on in these days, h.
    hours_on: f64,
    /// Energy in these days, kWh; null where it cannot be told.
    energy_kwh: Option<f64>,
    /// What that cost, in the home's currency; null without a tariff.
    cost: Option<f64>,
}

/// What one device makes of the bill.
#[utoipa::path(
    get, path = "/device-impact/{entity_id}", tag = "energy",
    params(("entity_id" = String, Path, description = "Home Assistant's id", example = "switch.kettle"), ImpactQuery),
    responses(
        (status = 200, body = DeviceImpact),
        (status = 404, description = "Nothing is known of it", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn device_impact(
    State(api): State<Api>,
    PathOf(entity_id): PathOf<String>,
    Params(asked): Params<ImpactQuery>,
) -> Result<Json<DeviceImpact>, Problem> {
    let days = within("days", asked.days, 7, 1..=30)?;
    let (record, first) = api.profile(&entity_id).await?;
    let mut told = impacts(&api, days, &[(record, first.series)]).await?;
    told.pop().map(Json).ok_or_else(|| Problem::not_found("nothing is known of this device"))
}

/// The devices that used most, most first.
#[utoipa::path(
    get, path = "/top-consumers", tag = "energy", params(TopQuery),
    responses(
        (status = 200, body = Vec<DeviceImpact>),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn top_consumers(State(api): State<Api>, Params(asked): Params<TopQuery>) -> Result<Json<Vec<DeviceImpact>>, Problem> {
    let days = within("days", asked.days, 7, 1..=30)?;
    let limit = within("limit", asked.limit, 10, 1..=50)? as usize;
    let now_ms = now().timestamp_millis();
    let work_out = async {
        // Of a group the first alone has energy.
        let profiles = api.store.profiles().await?;
        let each: Vec<_> = profiles
            .into_iter()
            .map(|record| {
                let energy = record.series;
                (record, energy)
            })
            .collect();
        impacts(&api, days, &each).await
    };
    let mut all = api.kept.impacts.get(days, KEEP_MS, now_ms, work_out).await?;
    all.retain(|one| one.energy_kwh.is_some_and(|kwh| kwh > 0.0));
    let kwh = |one: &DeviceImpact| one.energy_kwh.unwrap_or(0.0);
    all.sort_by(|a, b| kwh(b).total_cmp(&kwh(a)).then_with(|| a.entity_id.cmp(&b.entity_id)));
    all.truncate(limit);
    Ok(Json(all))
}

/// The impacts of devices, each with the series that its energy stands under.
async fn impacts(api: &Api, days: u32, records: &[(ProfileRecord, SeriesId)]) -> Result<Vec<DeviceImpact>, Problem> {
    let now_ms = now().timestamp_millis();
    let from_ms = now_ms - i64::from(days) * DAY_MS;
    let (_, zone) = api.books.home().await?;
    let pricing = api.books.pricing(zone, now_ms).await?;
    let tell = Tell::read(api).await?;
    let only = match records {
        [(_, energy)] => Some(*energy),
        _ => None,
    };
    let hours = api.books.device_hours(from_ms.div_euclid(3_600_000) * 3_600_000, now_ms, only, now_ms).await?;
    let mut found = Vec::new();
    for (record, energy) in records {
        let profile = &record.profile;
        let levels = api.store.readings(record.series, from_ms, now_ms).await?;
        // A home that was heard for two days only used what it used in two days.
        let heard_ms = levels.at_ms.first().map_or(now_ms, |first| (*first).max(from_ms));
        let heard_days = (now_ms - heard_ms) as f64 / DAY_MS as f64;
        let on_ms: i64 = runs(&levels, from_ms, now_ms).iter().map(Run::on_ms).sum();
        let hours_on = on_ms as f64 / 3.6e6;
        let used = hours.get(energy).map(|hours| Used::of(hours, from_ms, now_ms, pricing.as_deref()));
        let is_told = profile.power_w.is_some() || profile.energy_kwh.is_some();
        let kwh = used.as_ref().map(|u| u.kwh).or(is_told.then_some(0.0));
        let cost = match &used {
            Some(used) => known_cost(&used.cost, pricing.is_some()),
            None => None,
        };
        let off = api.off_w(record, &tell, from_ms, now_ms).await?;
        let power = |w: Option<f64>| w.and_then(told);
        let on_w = kwh.filter(|_| hours_on > 0.01).map(|kwh| 1000.0 * kwh / hours_on).or(profile.mean_on_w());
        found.push(DeviceImpact {
            entity_id: profile.entity_id.clone(),
            domain: wattribute_domain::domain_of(&profile.entity_id).to_owned(),
            average_power_on_w: power(on_w.filter(|_| is_told)),
            average_power_off_w: power(off),
            total_state_changes: changes_in(&levels, from_ms),
            estimated_daily_kwh: kwh.filter(|_| heard_days > 0.0).map(|kwh| watt_hours(kwh / heard_days)),
            estimated_monthly_cost: cost.filter(|_| heard_days > 0.0).map(|cost| cents(cost / heard_days * MONTH_DAYS)),
            name: tell.name(record),
            power_w: profile.power_w,
            power_low_w: profile.power_low_w,
            power_high_w: profile.power_high_w,
            verdict: profile.verdict,
            strength: profile.strength,
            hours_on: (hours_on * 100.0).round() / 100.0,
            energy_kwh: kwh.map(watt_hours),
            cost,
        });
    }
    Ok(found)
}

/// How often the level changed from `from_ms` on; coming back from silence to the same level is no change.
fn changes_in(levels: &Series, from_ms: i64) -> u64 {
    let (mut last, mut count) = (None, 0);
    for (&at_ms, &value) in levels.at_ms.iter().zip(&levels.value).filter(|(_, value)| value.is_finite()) {
        count += u64::from(at_ms >= from_ms && last.is_some_and(|last| last != value));
        last = Some(value);
    }
    count
}

impl Api {
    /// What a device drew on average while it was off, W.
    async fn off_w(&self, record: &ProfileRecord, tell: &Tell, from_ms: i64, to_ms: i64) -> Result<Option<f64>, Problem> {
        let Some(sensor) = tell.meter_of(record.series) else {
            return Ok(record.profile.power_w.or(record.profile.energy_kwh).map(|_| 0.0));
        };
        let levels = self.store.readings(record.series, from_ms, to_ms).await?;
        let power = self.store.readings(sensor, from_ms, to_ms).await?;
        let (mut joule, mut ms) = (0.0, 0_i64);
        for (k, (&at_ms, &w)) in power.at_ms.iter().zip(&power.value).enumerate() {
            let next_ms = power.at_ms.get(k + 1).copied().unwrap_or(to_ms);
            let is_off = levels.at(at_ms).and_then(Level::of_number).is_some_and(Level::is_off);
            if is_off && w.is_finite() && next_ms > at_ms {
                joule += w * (next_ms - at_ms) as f64;
                ms += next_ms - at_ms;
            }
        }
        Ok((ms > 0).then(|| joule / ms as f64))
    }
}
