//! What the house and its circuits draw.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wattribute_service::Problem;
use wattribute_service::problem::Params;
use wattribute_store::Powers;

use super::{Api, instant, now, told, within};

/// One row a circuit every so often, as earlier systems wrote them, ms.
const STEP_MS: i64 = 300_000;

/// How long rows of circuits are kept, ms.
const KEEP_MS: i64 = 5_000;
/// Steps of at least this are counted, W.
const LEAST_STEP_W: f64 = 10.0;

/// What the house draws now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Current {
    /// When it was said, RFC 3339 UTC.
    timestamp: String,
    /// Power of the house, W; null in a gap.
    total_power_w: Option<f64>,
    /// Energy since midnight, local time, kWh; gaps are not filled.
    daily_kwh: Option<f64>,
    /// Whether this home is made up.
    is_demo: bool,
}

/// What the house draws now.
#[utoipa::path(get, path = "/current", tag = "energy", responses((status = 200, body = Current), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn current(State(api): State<Api>) -> Result<Json<Current>, Problem> {
    let now = now();
    let powers = Powers::read(&*api.store, now.timestamp_millis()).await?;
    let house = powers.house(&*api.store).await?;
    let said = house.and_then(|id| powers.now(id));
    let daily_kwh = match house {
        Some(id) => wattribute_store::today_kwh(&*api.store, id, now).await?,
        None => None,
    };
    let timestamp = instant(said.map_or(now.timestamp_millis(), |(at_ms, _)| at_ms));
    Ok(Json(Current { timestamp, total_power_w: said.map(|(_, power_w)| power_w), daily_kwh, is_demo: api.is_demo }))
}

/// How far back statistics reach.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatisticsQuery {
    /// How far back, h.
    #[param(default = 24, minimum = 1, maximum = 168)]
    hours: Option<u32>,
}

/// The house in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct Statistics {
    /// Power of the house now, W; null in a gap.
    current_power_w: Option<f64>,
    /// Energy since midnight, local time, kWh; gaps are not filled.
    daily_kwh: Option<f64>,
    /// Its highest power in these hours, W; null where nothing is known.
    peak_power_w: Option<f64>,
    /// When that was, RFC 3339 UTC, to the minute.
    peak_time: Option<String>,
    /// Its mean power, by time, W.
    average_power_w: Option<f64>,
    /// State changes with a step of at least 10 W that stands out.
    total_correlations: u64,
    /// Share of these hours for which the power is known, 0 to 1.
    covered: f64,
}

/// The house in short, over the last hours.
#[utoipa::path(
    get, path = "/statistics", tag = "energy", params(StatisticsQuery),
    responses(
        (status = 200, body = Statistics),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn statistics(State(api): State<Api>, Params(query): Params<StatisticsQuery>) -> Result<Json<Statistics>, Problem> {
    let hours = within("hours", query.hours, 24, 1..=168)?;
    let now = now();
    let now_ms = now.timestamp_millis();
    let from_ms = now_ms - i64::from(hours) * 3_600_000;
    let powers = Powers::read(&*api.store, now_ms).await?;
    let counts = api.store.correlation_counts(from_ms, LEAST_STEP_W).await?;
    let mut told_now = Statistics {
        current_power_w: None,
        daily_kwh: None,
        peak_power_w: None,
        peak_time: None,
        average_power_w: None,
        total_correlations: counts.correlations,
        covered: 0.0,
    };
    let Some(house) = powers.house(&*api.store).await? else { return Ok(Json(told_now)) };
    told_now.current_power_w = powers.now(house).and_then(|(_, power_w)| told(power_w));
    told_now.daily_kwh = wattribute_store::today_kwh(&*api.store, house, now).await?;
    let minutes = api.store.chart(house, from_ms, now_ms, 60_000).await?;
    let known = || minutes.iter().filter(|b| b.covered > 0.0);
    if let Some(peak) = known().max_by(|a, b| a.max.total_cmp(&b.max)) {
        told_now.peak_power_w = told(peak.max);
        told_now.peak_time = Some(instant(peak.from_ms));
    }
    let covered: f64 = known().map(|b| b.covered).sum();
    if covered > 0.0 {
        told_now.average_power_w = told(known().map(|b| b.mean * b.covered).sum::<f64>() / covered);
        told_now.covered = (1e4 * covered / minutes.len() as f64).round() / 1e4;
    }
    Ok(Json(told_now))
}

/// What is asked of circuits.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CircuitQuery {
    /// How far back, h.
    #[param(default = 1, minimum = 1, maximum = 24)]
    hours: Option<u32>,
}

/// Power of one circuit over five minutes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CircuitRow {
    /// Start of the five minutes, RFC 3339 UTC.
    timestamp: String,
    /// Its name.
    circuit_name: String,
    /// Its mean power, W.
    power_w: f64,
    /// Its share of the house's mean power, %; null where that is not known.
    percentage: Option<f64>,
}

/// What each circuit drew, in steps of five minutes, newest first.
#[utoipa::path(
    get, path = "/circuits", tag = "energy", params(CircuitQuery),
    responses(
        (status = 200, body = Vec<CircuitRow>),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn circuits(State(api): State<Api>, Params(query): Params<CircuitQuery>) -> Result<Json<Vec<CircuitRow>>, Problem> {
    let hours = within("hours", query.hours, 1, 1..=24)?;
    let now = now();
    api.kept.circuits.get(hours, KEEP_MS, now.timestamp_millis(), tell_circuits(&api, hours, now)).await.map(Json)
}

async fn tell_circuits(api: &Api, hours: u32, now: DateTime<Utc>) -> Result<Vec<CircuitRow>, Problem> {
    let powers = Powers::read(&*api.store, now.timestamp_millis()).await?;
    let to_ms = now.timestamp_millis();
    let from_ms = (to_ms - i64::from(hours) * 3_600_000).div_euclid(STEP_MS) * STEP_MS;
    let house = match powers.house(&*api.store).await? {
        Some(id) => api.store.chart(id, from_ms, to_ms, STEP_MS).await?,
        None => Vec::new(),
    };
    let mut rows = Vec::new();
    for (id, info) in powers.circuits() {
        for bucket in api.store.chart(*id, from_ms, to_ms, STEP_MS).await? {
            let Some(power_w) = told(bucket.mean).filter(|_| bucket.covered > 0.0) else { continue };
            let total = house.iter().find(|b| b.from_ms == bucket.from_ms).map(|b| b.mean).filter(|total| total.abs() > 1e-9);
            let percentage = total.and_then(|total| told(100.0 * power_w / total));
            rows.push((
                bucket.from_ms,
                CircuitRow { timestamp: instant(bucket.from_ms), circuit_name: info.label().to_owned(), power_w, percentage },
            ));
        }
    }
    rows.sort_by(|(a_ms, a), (b_ms, b)| b_ms.cmp(a_ms).then_with(|| b.power_w.total_cmp(&a.power_w)));
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}
