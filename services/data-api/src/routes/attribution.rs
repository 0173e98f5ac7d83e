//! The house's power over a span, and under it what each device is thought to draw: what the dashboard's chart shows.

mod cells;
mod devices;
mod house;
mod laid;
mod total;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wattribute_domain::{Pricing, ProfileRecord, Verdict};
use wattribute_service::Problem;
use wattribute_service::problem::Params;

use self::cells::{Grid, Held};
use self::devices::{Attributed, Teller};
use self::house::House;
use super::devices::Tell;
use super::span::span_of;
use super::{Api, cents, charged_from_ms, instant, known_cost, now, watt_hours, within};
use crate::books::HomeQuarters;

const DAY_MS: i64 = 86_400_000;

/// What is asked of attribution.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AttributionQuery {
    /// From when: RFC 3339, milliseconds since 1970, or a local date. Default: 24 h before `to`.
    #[param(example = "2026-03-01T18:00:00Z")]
    from: Option<String>,
    /// Until when, in the same words; not included. Default: now.
    #[param(example = "2026-03-02T18:00:00Z")]
    to: Option<String>,
    /// At most so many stretches: their length follows, and they begin at even times.
    #[param(default = 300, minimum = 1, maximum = 2000)]
    max_points: Option<u32>,
    /// How many devices are told one by one, those with most energy; the others are told together.
    #[param(default = 10, minimum = 0, maximum = 50)]
    devices: Option<u32>,
}

/// The house's power, and what each device is thought to draw of it, in columns of equal length.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attribution {
    /// What this is of.
    meta: AttributionMeta,
    /// Start of each stretch, ms since the epoch. The first may begin a little before `from`: what is told of it lies in the span.
    at: Vec<i64>,
    /// The house.
    house: HousePower,
    /// The devices that used most in the span, most first.
    devices: Vec<DevicePower>,
    /// Mean power of all devices that are not in `devices`, W; null where nothing is known.
    others_w: Vec<Option<f64>>,
    /// Mean power of the house less what is attributed to devices, W, never below 0; null where the house is null.
    unattributed_w: Vec<Option<f64>>,
    /// The whole span.
    total: AttributionTotal,
}

/// What an attribution is of.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttributionMeta {
    /// Start of the span, RFC 3339 UTC.
    from: String,
    /// End of the span (not included), RFC 3339 UTC.
    to: String,
    /// Length of a stretch, s.
    interval_s: f64,
    /// Time zone of the home.
    time_zone: String,
    /// Currency of costs, ISO 4217; null where it is not known.
    currency: Option<String>,
    /// Whether there is a tariff: costs are null without one.
    has_tariff: bool,
    /// Whether this home is made up.
    is_demo: bool,
}

/// What the house drew in each stretch.
#[derive(Debug, Serialize, ToSchema)]
pub struct HousePower {
    /// Mean power, weighted by time, W; null in a gap.
    mean_w: Vec<Option<f64>>,
    /// Lowest power, W; null in a gap.
    min_w: Vec<Option<f64>>,
    /// Highest power, W; null in a gap.
    max_w: Vec<Option<f64>>,
    /// Energy used in the home, kWh, by its counters where there are any: together they are the total's. Null where nothing is known.
    energy_kwh: Vec<Option<f64>>,
}

/// What one device is thought to have drawn.
#[derive(Debug, Serialize, ToSchema)]
pub struct DevicePower {
    /// Home Assistant's id; of a group, its first.
    entity_id: String,
    /// Friendly name.
    name: String,
    /// Entities always switched together with it: its power is theirs together.
    grouped_with: Vec<String>,
    /// What can be said of it now.
    #[schema(value_type = String, example = "learned")]
    verdict: Verdict,
    /// Mean power in each stretch, W; null where it is not known.
    power_w: Vec<Option<f64>>,
    /// Energy in the span, kWh.
    energy_kwh: f64,
    /// What that cost at the prices of import; null where no price is known.
    cost: Option<f64>,
    /// Time on in the span, h.
    hours_on: f64,
}

/// The whole span.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct AttributionTotal {
    /// Energy used in the home, kWh; null where nothing is known.
    energy_kwh: Option<f64>,
    /// What it cost: import and the span's share of the standing charge less what export earned. Null where no price is known.
    cost: Option<f64>,
    /// Mean power, weighted by time, W; null where nothing is known.
    mean_w: Option<f64>,
    /// Lowest power, W; null where nothing is known.
    min_w: Option<f64>,
    /// Highest power, W; null where nothing is known.
    max_w: Option<f64>,
    /// When the highest was, RFC 3339 UTC, to the minute or better; null where nothing is known.
    max_at: Option<String>,
    /// When the lowest was, RFC 3339 UTC, to the minute or better; null where nothing is known.
    min_at: Option<String>,
    /// Share of the time that has passed for which the energy is known, 0 to 1; gaps are not filled.
    covered: f64,
    /// Energy that no device explains, kWh; null where nothing is known.
    unattributed_kwh: Option<f64>,
    /// Energy of all devices that are not in `devices`, kWh.
    others_kwh: f64,
}

/// The house's power, and under it what each device is thought to draw.
///
/// A device with a power sensor draws what that says; one whose power is learned draws that while it is on. Of one that works by itself while it is on
/// only the energy of each hour is known: it lies where the house's meter has room for it. Stretches of an hour and more tell the energies of hours, as
/// `history` does. What is attributed may be more than the house draws: then nothing is unattributed.
#[utoipa::path(
    get, path = "/attribution", tag = "energy", params(AttributionQuery),
    responses(
        (status = 200, body = Attribution),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn attribution(State(api): State<Api>, Params(asked): Params<AttributionQuery>) -> Result<Json<Attribution>, Problem> {
    let now_ms = now().timestamp_millis();
    let most = within("max_points", asked.max_points, 300, 1..=2000)? as usize;
    let told = within("devices", asked.devices, 10, 0..=50)? as usize;
    let (home, zone) = api.books.home().await?;
    let (from_ms, to_ms) = span_of(asked.from.as_deref(), asked.to.as_deref(), DAY_MS, now_ms, zone)?;
    let mut grid = Grid::new(from_ms, to_ms, most, now_ms);
    let pricing = api.books.pricing(zone, now_ms).await?;
    let flows = api.books.flows(&home).await?;
    let house = House::draw(&api, &grid, now_ms).await?;

    let first_ms = api.first_ms(&flows, None).await?;
    let known_ms = (from_ms.max(first_ms.unwrap_or(i64::MAX)), grid.end_ms);
    let quarters = match known_ms.0 < known_ms.1 {
        true => api.books.quarters(&flows, known_ms.0, known_ms.1, now_ms).await?,
        false => HomeQuarters { from_ms, import: vec![], export: vec![], solar: vec![], consumption: vec![] },
    };
    let charged_from_ms = charged_from_ms(zone, first_ms);
    let account = total::Account { quarters, now_ms, has_battery: flows.has_battery, pricing: pricing.as_deref(), charged_from_ms };
    let used = total::used(&grid, &house.held, &account);

    let profiles = api.store.profiles().await?;
    let all = attribute((&api, &grid, now_ms), &house.held, first_ms, &profiles, pricing.as_deref()).await?;
    if house.is_unknown() && all.is_empty() {
        // Nothing is known of this home yet.
        grid.points = 0;
    }
    let attributed_kwh: f64 = all.iter().map(|one| one.kwh).sum();
    let (devices, others) = all.split_at(told.min(all.len()));
    let stretches = grid.merge(&house.held);
    let column = |of: fn(&Held) -> f64| stretches.iter().map(|held| watts(of(held))).collect();
    let beside = |devices: &[Attributed], of: fn(&Held, Option<f64>) -> Option<f64>| -> Vec<Option<f64>> {
        let sum = |k: usize| devices.iter().filter_map(|one| one.power_w[k]).reduce(|a, b| a + b);
        stretches.iter().enumerate().map(|(k, held)| of(held, sum(k)).and_then(watts)).collect()
    };
    let total = AttributionTotal {
        energy_kwh: used.kwh.map(watt_hours),
        cost: used.cost.map(cents),
        covered: (used.covered * 1e4).round() / 1e4,
        unattributed_kwh: used.kwh.map(|kwh| watt_hours((kwh - attributed_kwh).max(0.0))),
        others_kwh: watt_hours(others.iter().map(|one| one.kwh).sum()),
        ..house.extremes(&api, &grid).await?
    };
    let told = Attribution {
        at: grid.at(),
        house: HousePower {
            mean_w: column(|held| held.mean_w),
            min_w: column(|held| held.min_w),
            max_w: column(|held| held.max_w),
            energy_kwh: used.by_stretch.iter().take(grid.points).map(|kwh| kwh.map(|kwh| (kwh * 1e7).round() / 1e7)).collect(),
        },
        devices: name((&api, &grid, now_ms), first_ms, &profiles, devices, pricing.is_some()).await?,
        others_w: beside(others, |held, sum| sum.or(held.is_known().then_some(0.0))),
        unattributed_w: beside(&all, |held, sum| held.is_known().then(|| (held.mean_w - sum.unwrap_or(0.0)).max(0.0))),
        total,
        meta: AttributionMeta {
            from: instant(from_ms),
            to: instant(to_ms),
            interval_s: grid.step_ms as f64 / 1000.0,
            time_zone: zone.name().to_owned(),
            currency: home.currency,
            has_tariff: pricing.is_some(),
            is_demo: api.is_demo,
        },
    };
    Ok(Json(told))
}

/// What each device drew, most energy first.
async fn attribute(
    (api, grid, now_ms): (&Api, &Grid, i64),
    house: &[Held],
    first_ms: Option<i64>,
    profiles: &[ProfileRecord],
    pricing: Option<&Pricing>,
) -> Result<Vec<Attributed>, Problem> {
    let from_ms = grid.from_ms.max(first_ms.unwrap_or(i64::MAX));
    if from_ms >= grid.end_ms {
        return Ok(Vec::new());
    }
    let hours = api.books.hours(profiles, from_ms, grid.end_ms, now_ms).await?;
    let teller = Teller { api, grid, hours: &hours, profiles, pricing, now_ms };
    let mut all = if grid.is_fine { teller.by_levels(house).await? } else { teller.by_hours(house) };
    all.sort_by(|a, b| b.kwh.total_cmp(&a.kwh).then(a.series.cmp(&b.series)));
    Ok(all)
}

/// Devices with their names.
async fn name(
    (api, grid, now_ms): (&Api, &Grid, i64),
    first_ms: Option<i64>,
    profiles: &[ProfileRecord],
    devices: &[Attributed],
    has_tariff: bool,
) -> Result<Vec<DevicePower>, Problem> {
    let tell = Tell::read(api).await?;
    let mut named = Vec::new();
    for one in devices {
        let record = profiles.iter().find(|record| record.series == one.series);
        let Some(info) = tell.info(one.series) else { continue };
        let on_ms = match one.on_ms {
            Some(on_ms) => on_ms,
            None => {
                let from_ms = grid.from_ms.max(first_ms.unwrap_or(grid.from_ms));
                api.books.time_on_ms(one.series, from_ms, grid.end_ms, now_ms).await? as f64
            }
        };
        named.push(DevicePower {
            entity_id: info.device.clone(),
            name: record.map_or_else(|| info.label().to_owned(), |record| tell.name(record)),
            grouped_with: record.map(|record| record.profile.grouped_with.clone()).unwrap_or_default(),
            verdict: record.map_or(Verdict::NotEnoughEvents, |record| record.profile.verdict),
            power_w: one.power_w.iter().map(|w| w.and_then(watts)).collect(),
            energy_kwh: watt_hours(one.kwh),
            cost: known_cost(&one.cost, has_tariff),
            hours_on: (on_ms / 36_000.0).round() / 100.0,
        });
    }
    Ok(named)
}

/// Power to a tenth of a W; `None` where there is none.
fn watts(power_w: f64) -> Option<f64> {
    power_w.is_finite().then(|| (power_w * 10.0).round() / 10.0)
}
