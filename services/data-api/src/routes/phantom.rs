//! What the home draws when nothing is in use.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wattribute_domain::{Level, Pricing, Role, SeriesId, Verdict};
use wattribute_service::Problem;
use wattribute_service::problem::Params;
use wattribute_store::{Powers, home_choice, low_w, nights};

use super::devices::Tell;
use super::{Api, cents, instant, now, told, watt_hours, within};
use crate::books::power_w;

const DAY_MS: i64 = 86_400_000;
/// How long an answer is kept, ms.
const KEEP_MS: i64 = 20_000;
/// Hours of a year, as a mean.
const YEAR_H: f64 = 8766.0;
/// Nights that say together what is drawn at present.
const PRESENT_NIGHTS: usize = 7;
/// Nights that a trend needs.
const TREND_NIGHTS: usize = 7;
/// An entity that was on for this share of a night was on all night.
const ALL_NIGHT: f64 = 0.95;

/// How many nights are told.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PhantomQuery {
    /// How many nights, the last ones.
    #[param(default = 30, minimum = 1, maximum = 400)]
    nights: Option<u32>,
}

/// What the home draws when nothing is in use, what of it is known, and what it costs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhantomLoad {
    /// What is drawn at present, W: the median of the last seven nights; null where none is known.
    baseline_w: Option<f64>,
    /// Energy of a year of that, kWh.
    energy_kwh_per_year: Option<f64>,
    /// What that costs at the mean price of import; null without a tariff.
    cost_per_year: Option<f64>,
    /// Currency of costs, ISO 4217; null where it is not known.
    currency: Option<String>,
    /// How it changes, W a month (the median of all slopes between nights); null with fewer than seven nights.
    trend_w_per_month: Option<f64>,
    /// What is too much, W.
    threshold_w: f64,
    /// Whether the present one is too much; null where it is not known.
    is_high: Option<bool>,
    /// What of it is known, most first.
    known: Vec<KnownLoad>,
    /// What is known, together, W.
    known_w: f64,
    /// What is not, W; null where the baseline is not known.
    unknown_w: Option<f64>,
    /// The nights, oldest first; those of which too little is known have no baseline.
    nights: Vec<NightLoad>,
    /// The hours of the local clock that are looked at.
    #[schema(example = "02:00-05:00")]
    window: String,
    /// Time zone of the window.
    time_zone: String,
}

/// Something known that draws all night.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KnownLoad {
    /// Home Assistant's id, or the device's name.
    device: String,
    /// Friendly name.
    name: String,
    /// What it draws, W.
    power_w: f64,
    /// Energy of a year of that, kWh.
    energy_kwh_per_year: f64,
    /// What that costs; null without a tariff.
    cost_per_year: Option<f64>,
    /// `measured` by a meter of its own, or `learned` and on all night.
    #[schema(example = "measured")]
    how: &'static str,
}

/// One night.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NightLoad {
    /// Local date on which it began.
    #[schema(value_type = String, format = Date, example = "2026-03-01")]
    date: NaiveDate,
    /// When it began, RFC 3339 UTC.
    from: String,
    /// When it ended, RFC 3339 UTC.
    to: String,
    /// The third percentile of its minutes, W; null where too little is known.
    baseline_w: Option<f64>,
}

/// What the home draws when nothing is in use, night by night, and what it is made of.
#[utoipa::path(
    get, path = "/phantom-load", tag = "energy", params(PhantomQuery),
    responses(
        (status = 200, body = PhantomLoad),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn phantom_load(State(api): State<Api>, Params(asked): Params<PhantomQuery>) -> Result<Json<PhantomLoad>, Problem> {
    let count = within("nights", asked.nights, 30, 1..=400)?;
    let now_ms = now().timestamp_millis();
    api.kept.phantom.get(count, KEEP_MS, now_ms, tell(&api, count, now_ms)).await.map(Json)
}

async fn tell(api: &Api, count: u32, now_ms: i64) -> Result<PhantomLoad, Problem> {
    let (home, zone) = api.books.home().await?;
    let pricing = api.books.pricing(zone, now_ms).await?;
    let powers = Powers::read_series(&*api.store).await?;
    let house = powers.house(&*api.store).await?;
    let spans = nights(&home, count, now_ms);
    let mut found = Vec::new();
    for &(date, from_ms, to_ms) in &spans {
        let low = match house {
            Some(house) => {
                // A night that is long over changes seldom.
                let keep_ms = if now_ms - to_ms > 2 * DAY_MS { 3_600_000 } else { 60_000 };
                let low = low_w(&*api.store, house, from_ms, to_ms);
                api.books.nights.get((house, from_ms, to_ms), keep_ms, now_ms, low).await?
            }
            None => None,
        };
        found.push(NightLoad { date, from: instant(from_ms), to: instant(to_ms), baseline_w: low.and_then(told) });
    }
    // Nights before anything was heard are no nights.
    let first = found.iter().position(|night| night.baseline_w.is_some()).unwrap_or(found.len());
    found.drain(..first);
    let told_w: Vec<f64> = found.iter().rev().filter_map(|night| night.baseline_w).take(PRESENT_NIGHTS).collect();
    let baseline_w = median(told_w);
    let yearly = |w: f64| Yearly::of(w, pricing.as_deref(), now_ms);
    let known = match house {
        Some(house) => known(api, &powers, house, spans.last().map(|s| (s.1, s.2)), &yearly).await?,
        None => Vec::new(),
    };
    let known_w: f64 = known.iter().map(|load| load.power_w).sum();
    let year = baseline_w.map(&yearly);
    let (threshold_w, _) = home_choice(&*api.store).await?.phantom_threshold_w(api.settings.phantom_threshold_w);
    Ok(PhantomLoad {
        baseline_w,
        energy_kwh_per_year: year.as_ref().map(|y| y.kwh),
        cost_per_year: year.as_ref().and_then(|y| y.cost),
        currency: home.currency.clone(),
        trend_w_per_month: trend(&found),
        threshold_w,
        is_high: baseline_w.map(|w| w > threshold_w),
        known_w: told(known_w).unwrap_or(0.0),
        unknown_w: baseline_w.and_then(|w| told((w - known_w).max(0.0))),
        known,
        nights: found,
        window: home.night.to_string(),
        time_zone: zone.name().to_owned(),
    })
}

struct Yearly {
    kwh: f64,
    cost: Option<f64>,
}

impl Yearly {
    /// At the mean price of the past year; where none is known of it, of the next.
    fn of(power_w: f64, pricing: Option<&Pricing>, now_ms: i64) -> Self {
        let kwh = power_w * YEAR_H / 1000.0;
        let over = |from_ms, to_ms| {
            let cost = pricing?.cost(from_ms, to_ms, 1.0)?;
            let priced = cost.priced_kwh();
            (priced > 0.0).then(|| cost.cost / priced)
        };
        let mean = over(now_ms - 365 * DAY_MS, now_ms).or_else(|| over(now_ms, now_ms + 365 * DAY_MS));
        Yearly { kwh: watt_hours(kwh), cost: mean.map(|price| cents(price * kwh)) }
    }
}

/// What is known to draw all of the last night.
async fn known(
    api: &Api,
    powers: &Powers,
    house: SeriesId,
    night: Option<(i64, i64)>,
    yearly: &(dyn Fn(f64) -> Yearly + Sync),
) -> Result<Vec<KnownLoad>, Problem> {
    let Some((from_ms, to_ms)) = night else { return Ok(Vec::new()) };
    let tell = Tell::read(api).await?;
    let record = wattribute_store::house(&*api.store).await?;
    let inputs = record.map(|r| r.inputs).unwrap_or_default();
    let profiles = api.store.profiles().await?;
    let mut found: BTreeMap<String, (String, f64, &'static str)> = BTreeMap::new();
    let meters: Vec<SeriesId> = profiles.iter().filter_map(|p| tell.meter_of(p.series)).collect();
    let is_device = |id: &SeriesId, role: Option<Role>| meters.contains(id) || role == Some(Role::Device);
    for (id, info) in powers.circuits().filter(|(id, info)| *id != house && !inputs.contains(id) && is_device(id, info.role)) {
        if let Some(w) = low_w(&*api.store, *id, from_ms, to_ms).await?.filter(|w| *w > 0.05) {
            found.insert(info.device.clone(), (info.label().to_owned(), w, "measured"));
        }
    }
    for record in profiles.iter().filter(|p| matches!(p.profile.verdict, Verdict::Learned | Verdict::Stated)) {
        let levels = api.store.readings(record.series, from_ms, to_ms).await?;
        let Some(info) = tell.info(record.series) else { continue };
        let (mut on_ms, mut energy) = (0, 0.0);
        for run in crate::activity::runs(&levels, from_ms, to_ms) {
            for (begin_ms, end_ms, level) in run.pieces {
                on_ms += end_ms - begin_ms;
                energy += power_w(&record.profile, &info.modes, level as Level).unwrap_or(0.0) * (end_ms - begin_ms) as f64;
            }
        }
        if on_ms as f64 >= ALL_NIGHT * (to_ms - from_ms) as f64 {
            found.insert(info.device.clone(), (tell.name(record), energy / on_ms as f64, "learned"));
        }
    }
    let load = |(device, (name, power_w, how)): (String, (String, f64, &'static str))| {
        let year = yearly(power_w);
        KnownLoad { device, name, power_w: told(power_w).unwrap_or(0.0), energy_kwh_per_year: year.kwh, cost_per_year: year.cost, how }
    };
    let mut all: Vec<KnownLoad> = found.into_iter().map(load).collect();
    all.sort_by(|a, b| b.power_w.total_cmp(&a.power_w));
    Ok(all)
}

/// The median of all slopes between nights (Theil 1950, Sen 1968), W a month.
fn trend(nights: &[NightLoad]) -> Option<f64> {
    let known: Vec<(f64, f64)> = nights
        .iter()
        .filter_map(|night| Some((f64::from(night.date.signed_duration_since(NaiveDate::default()).num_days() as i32), night.baseline_w?)))
        .collect();
    if known.len() < TREND_NIGHTS {
        return None;
    }
    let slopes = known.iter().enumerate().flat_map(|(k, a)| known[k + 1..].iter().map(move |b| (b.1 - a.1) / (b.0 - a.0)));
    median(slopes.collect()).and_then(|slope| told(slope * 30.44))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => told((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn night(day: u32, baseline_w: Option<f64>) -> NightLoad {
        NightLoad { date: NaiveDate::from_ymd_opt(2026, 3, day).unwrap(), from: String::new(), to: String::new(), baseline_w }
    }

    #[test]
    fn a_trend_is_not_bent_by_one_night() {
        let mut nights: Vec<NightLoad> = (1..=20).map(|day| night(day, Some(100.0 + f64::from(day)))).collect();
        nights[4].baseline_w = Some(900.0);
        nights[9].baseline_w = None;
        assert_eq!(trend(&nights), Some(30.44));
        assert_eq!(trend(&nights[..6]), None, "six nights are no trend");
    }
}
