//! The reading API of energyMeter, so that its users and scripts move over unchanged.

mod days;
mod meter;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use wattribute_domain::SeriesId;
use wattribute_service::Problem;
use wattribute_store::{Standing, standings};

use super::asked::Asked;
use super::known::extent_ms;
use super::{Api, instant, now};
use days::summary;
use meter::Meter;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// Points of one answer, at most; longer spans are thinned to means.
const MOST_POINTS: i64 = 20_000;
/// A span up to this is looked through reading by reading before it is thinned, ms.
const SHORT_MS: i64 = 2 * DAY_MS;
/// Readings are counted over so long a span at most, ms.
const COUNTED_MS: i64 = 400 * DAY_MS;

/// The meter at one instant.
#[derive(Debug, Serialize, ToSchema)]
pub struct Point {
    /// When, ms since the epoch.
    t: i64,
    /// Power of the house, W; null in a gap.
    p: Option<f64>,
    /// Counter of energy drawn, kWh; where there is none, what was drawn since the first reading. Null where not known.
    e: Option<f64>,
}

/// Power and energy of the house, in order of time.
///
/// Without `start` it begins at the first reading. At most 20,000 points: a longer answer is thinned to means over even stretches.
#[utoipa::path(
    get, path = "/api/readings", operation_id = "meter_readings", tag = "energyMeter",
    params(
        ("start" = Option<String>, Query, description = "Start, ISO 8601 or ms since the epoch"),
        ("end" = Option<String>, Query, description = "End, ISO 8601 or ms since the epoch; now where it is not said"),
        ("after" = Option<String>, Query, description = "Only what is newer than this, ISO 8601 or ms since the epoch"),
    ),
    responses(
        (status = 200, body = Vec<Point>),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn readings(State(api): State<Api>, asked: Asked) -> Result<Json<Vec<Point>>, Problem> {
    let zone = Some(api.books.home().await?.1);
    let (start, end, after) = (asked.instant("start", zone)?, asked.instant("end", zone)?, asked.instant("after", zone)?);
    let now_ms = now().timestamp_millis();
    if start.zip(end).is_some_and(|(start, end)| end < start) {
        return Err(Problem::bad_parameter("end: it is before `start`"));
    }
    let meter = Meter::find(&api, now_ms).await?;
    let Some((first_ms, _)) = extent_ms(&*api.store).await? else { return Ok(Json(Vec::new())) };
    let start_ms = start.unwrap_or(first_ms).max(first_ms).max(after.map_or(i64::MIN, |after| after + 1));
    let to_ms = end.map_or(now_ms, |end| end.min(now_ms)) + 1;
    let Some(power) = meter.power.filter(|_| start_ms < to_ms) else { return Ok(Json(Vec::new())) };
    if to_ms - start_ms <= SHORT_MS
        && let Some(points) = said(&api, &meter, power, start_ms, to_ms).await?
    {
        return Ok(Json(points));
    }
    Ok(Json(thinned(&api, &meter, power, start_ms, to_ms.min(meter.until_ms)).await?))
}

/// Every reading of a span; `None` where they are too many.
async fn said(api: &Api, meter: &Meter, power: SeriesId, from_ms: i64, to_ms: i64) -> Result<Option<Vec<Point>>, Problem> {
    let rows = api.store.readings(power, from_ms, to_ms).await?;
    let first = rows.at_ms.partition_point(|at_ms| *at_ms < from_ms);
    if (rows.len() - first) as i64 > MOST_POINTS {
        return Ok(None);
    }
    if first == rows.len() {
        return Ok(Some(Vec::new()));
    }
    let mut counters = Vec::new();
    for id in &meter.import {
        counters.push(api.store.readings(*id, from_ms, to_ms).await?);
    }
    let mut counted_kwh = if meter.import.is_empty() { meter.counted_before(&*api.store, from_ms).await? } else { 0.0 };
    let mut points = Vec::new();
    for k in 0..rows.len() {
        let (at_ms, value) = (rows.at_ms[k], rows.value[k]);
        if at_ms >= from_ms {
            let e =
                if counters.is_empty() { Some(counted_kwh) } else { counters.iter().map(|counter| counter.at(at_ms)).sum::<Option<f64>>() };
            points.push(Point { t: at_ms, p: told(value, 2), e: e.and_then(|e| told(e, 4)) });
        }
        let next_ms = rows.at_ms.get(k + 1).copied().unwrap_or(at_ms);
        counted_kwh += if value.is_finite() { value.max(0.0) * (next_ms - at_ms.max(from_ms)).max(0) as f64 / 3.6e9 } else { 0.0 };
    }
    Ok(Some(points))
}

/// Means over even stretches of a span.
async fn thinned(api: &Api, meter: &Meter, power: SeriesId, from_ms: i64, to_ms: i64) -> Result<Vec<Point>, Problem> {
    if to_ms <= from_ms {
        return Ok(Vec::new());
    }
    // To whole ten seconds; an hour and more is drawn from what is summed up already.
    let step_ms = ((to_ms - from_ms) / MOST_POINTS / 10_000 + 1) * 10_000;
    let buckets = api.store.chart(power, from_ms, to_ms, step_ms).await?;
    let mut counters = Vec::new();
    for id in &meter.import {
        counters.push(api.store.chart(*id, from_ms, to_ms, step_ms).await?);
    }
    let mut counted_kwh = if counters.is_empty() { meter.counted_before(&*api.store, from_ms).await? } else { 0.0 };
    let mut points = Vec::new();
    for (k, bucket) in buckets.iter().enumerate() {
        let is_known = bucket.covered > 0.0;
        let e = if counters.is_empty() {
            Some(counted_kwh)
        } else {
            // A counter stands lowest where the stretch begins.
            counters.iter().map(|all| all.get(k).filter(|b| b.covered > 0.0).map(|b| b.min)).sum::<Option<f64>>()
        };
        if is_known {
            points.push(Point { t: bucket.from_ms, p: told(bucket.mean, 2), e: e.and_then(|e| told(e, 4)) });
            let length_ms = step_ms.min(to_ms - bucket.from_ms) as f64 * bucket.covered;
            counted_kwh += bucket.mean.max(0.0) * length_ms / 3.6e9;
        }
    }
    Ok(points)
}

/// What the meter said last.
#[derive(Debug, Serialize, ToSchema)]
pub struct LatestReading {
    /// When, RFC 3339 UTC; null where it never said anything.
    timestamp: Option<String>,
    /// The meter; null where none is known.
    meter_id: Option<String>,
    /// Power of the house, W; null in a gap.
    power_watts: Option<f64>,
    /// Counter of energy drawn, kWh; where there is none, what was drawn since the first reading. Null where not known.
    energy_in_kwh: Option<f64>,
    /// Counter of energy given, kWh; null where there is none.
    energy_out_kwh: Option<f64>,
    /// Power of phase 1, W; null where not known.
    power_phase_1_watts: Option<f64>,
    /// Power of phase 2, W; null where not known.
    power_phase_2_watts: Option<f64>,
    /// Power of phase 3, W; null where not known.
    power_phase_3_watts: Option<f64>,
    /// What the meter said, word for word; null where it is not kept.
    raw_payload: Option<String>,
}

/// What the meter said last.
#[utoipa::path(
    get, path = "/api/latest_reading", tag = "energyMeter",
    responses(
        (status = 200, body = LatestReading),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn latest_reading(State(api): State<Api>) -> Result<Json<LatestReading>, Problem> {
    let now_ms = now().timestamp_millis();
    let meter = Meter::find(&api, now_ms).await?;
    Ok(Json(latest(&api, &meter, now_ms).await?))
}

async fn latest(api: &Api, meter: &Meter, now_ms: i64) -> Result<LatestReading, Problem> {
    let latest = api.store.latest().await?;
    let last = |id: Option<SeriesId>| latest.iter().find(|r| Some(r.series) == id);
    let value = |id: Option<SeriesId>| last(id).and_then(|r| told(r.value, 4));
    let sum = |ids: &[SeriesId]| if ids.is_empty() { None } else { ids.iter().map(|id| value(Some(*id))).sum::<Option<f64>>() };
    let said = last(meter.power);
    let energy_in_kwh = match said {
        Some(_) if meter.import.is_empty() => told(meter.counted_before(&*api.store, now_ms.min(meter.until_ms)).await?, 4),
        _ => sum(&meter.import),
    };
    let payloads = api.store.payloads().await?;
    let raw =
        payloads.into_iter().find(|said| meter.devices.iter().any(|(source, device)| said.source == *source && said.device == *device));
    Ok(LatestReading {
        timestamp: said.map(|r| instant(r.at_ms)),
        meter_id: meter.devices.first().map(|(_, device)| device.clone()),
        power_watts: said.filter(|_| now_ms <= meter.until_ms).and_then(|r| told(r.value, 2)),
        energy_in_kwh,
        energy_out_kwh: sum(&meter.export),
        power_phase_1_watts: value(meter.phases[0]),
        power_phase_2_watts: value(meter.phases[1]),
        power_phase_3_watts: value(meter.phases[2]),
        raw_payload: raw.map(|said| said.text),
    })
}

/// Statistics of a span.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpanStats {
    /// Start, ms since the epoch.
    start: i64,
    /// End, ms since the epoch.
    end: i64,
    /// What is known of it.
    stats: Stats,
}

/// What is known of a span.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Stats {
    /// Energy drawn, kWh; by the counter where there is one. Null where not known.
    energy_used_kwh: Option<f64>,
    /// Least power, W; null where not known.
    min_power_watts: Option<f64>,
    /// Greatest power, W; null where not known.
    max_power_watts: Option<f64>,
    /// Mean power over the time that is known, W; null where nothing is.
    avg_power_watts: Option<f64>,
    /// Readings of power; of a span over 400 days null.
    count: Option<u64>,
}

/// Energy and power of a span: least, greatest, mean. Start and end are taken the right way round.
#[utoipa::path(
    get, path = "/api/stats", operation_id = "meter_stats", tag = "energyMeter",
    params(
        ("start" = Option<String>, Query, description = "Start, ISO 8601 or ms since the epoch; 24 h before `end` where it is not said"),
        ("end" = Option<String>, Query, description = "End, ISO 8601 or ms since the epoch; now where it is not said"),
    ),
    responses(
        (status = 200, body = SpanStats),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn stats(State(api): State<Api>, asked: Asked) -> Result<Json<SpanStats>, Problem> {
    let zone = Some(api.books.home().await?.1);
    let now_ms = now().timestamp_millis();
    let end = asked.instant("end", zone)?.unwrap_or(now_ms);
    let start = asked.instant("start", zone)?.unwrap_or(end - DAY_MS);
    let (start, end) = (start.min(end), start.max(end));
    let meter = Meter::find(&api, now_ms).await?;
    let to_ms = end.saturating_add(1).min(meter.until_ms);
    let mut stats = Stats { count: Some(0), ..Stats::default() };
    if let Some(power) = meter.power
        && start < to_ms
    {
        let whole = api.store.chart(power, start, to_ms, to_ms - start).await?;
        if let Some(bucket) = whole.first().filter(|bucket| bucket.covered > 0.0) {
            stats.min_power_watts = told(bucket.min, 2);
            stats.max_power_watts = told(bucket.max, 2);
            stats.avg_power_watts = told(bucket.mean, 2);
        }
        stats.energy_used_kwh = meter.used(&*api.store, start, to_ms).await?.and_then(|kwh| told(kwh, 4));
        stats.count = match extent_ms(&*api.store).await? {
            Some((first_ms, last_ms)) if last_ms.min(to_ms) - first_ms.max(start) <= COUNTED_MS => {
                Some(count(&api, power, first_ms.max(start), to_ms.min(last_ms + 1)).await?)
            }
            _ => None,
        };
    }
    Ok(Json(SpanStats { start, end, stats }))
}

/// Readings of a series in a span, counted day by day.
async fn count(api: &Api, id: SeriesId, from_ms: i64, to_ms: i64) -> Result<u64, Problem> {
    let (mut at_ms, mut count) = (from_ms, 0);
    while at_ms < to_ms {
        let end_ms = (at_ms + DAY_MS).min(to_ms);
        let rows = api.store.readings(id, at_ms, end_ms).await?;
        count += rows.at_ms.iter().zip(&rows.value).filter(|(row_ms, value)| **row_ms >= at_ms && value.is_finite()).count() as u64;
        at_ms = end_ms;
    }
    Ok(count)
}

/// Energy by local days.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct EnergySummary {
    /// Mean of the whole days of the last year, kWh; null where there is none.
    avg_daily: Option<f64>,
    /// One each, in order, of the last three years at most.
    daily: Vec<DayEnergy>,
    /// For each of them the mean of the 30 days that end with it.
    moving_avg_30d: Vec<DayMean>,
}

/// Energy of a local day.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DayEnergy {
    /// Local noon, ms since the epoch.
    t: i64,
    /// Energy drawn, kWh.
    kwh: f64,
    /// Whether less than 23 of 24 hours of it are known.
    is_partial: bool,
}

/// Mean energy of a day.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DayMean {
    /// Local noon, ms since the epoch.
    t: i64,
    /// Mean over the whole days among the 30 that end with this one, kWh; over all where none is whole.
    kwh: f64,
}

/// Energy by local days, with its mean over a year and its moving mean over 30 days.
#[utoipa::path(
    get, path = "/api/energy_summary", tag = "energyMeter",
    responses(
        (status = 200, body = EnergySummary),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn energy_summary(State(api): State<Api>) -> Result<Json<EnergySummary>, Problem> {
    let now_ms = now().timestamp_millis();
    let (_, zone) = api.books.home().await?;
    let meter = Meter::find(&api, now_ms).await?;
    let Some((first_ms, _)) = extent_ms(&*api.store).await? else { return Ok(Json(EnergySummary::default())) };
    Ok(Json(summary(&*api.store, &meter, zone, first_ms).await?))
}

/// How the meter is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// `ok`: it answers.
    status: String,
    /// Whether the MQTT broker has let in who reads the meter.
    mqtt_connected: bool,
    /// The topics that are heard, with commas between; null where none is.
    topic: Option<String>,
    /// What the meter said last.
    last_reading: LatestReading,
    /// Readings of power in the last hour.
    num_readings_last_hour: u64,
    /// Readings of power that are kept.
    num_total_readings: u64,
}

/// Readings counted so far, so that years are counted once; clones share it.
#[derive(Clone, Default)]
pub struct Counted(Arc<Mutex<Option<CountedTo>>>);

struct CountedTo {
    series: SeriesId,
    first_ms: i64,
    /// Up to here, ms since the epoch.
    to_ms: i64,
    count: u64,
}

/// How the meter is, and how much it said.
#[utoipa::path(
    get, path = "/status", operation_id = "meter_status", tag = "energyMeter",
    responses(
        (status = 200, body = Status),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn status(State(api): State<Api>) -> Result<Json<Status>, Problem> {
    let now_ms = now().timestamp_millis();
    let meter = Meter::find(&api, now_ms).await?;
    let (mut last_hour, mut total) = (0, 0);
    if let Some(power) = meter.power
        && let Some((first_ms, last_ms)) = extent_ms(&*api.store).await?
    {
        last_hour = count(&api, power, now_ms - HOUR_MS, now_ms + 1).await?;
        let settled_ms = (last_ms - 2 * HOUR_MS).div_euclid(HOUR_MS) * HOUR_MS;
        let mut counted = api.counted.0.lock().await;
        // What begins to be forgotten is counted again.
        let is_same = |c: &&CountedTo| c.series == power && c.first_ms / DAY_MS == first_ms / DAY_MS && c.to_ms <= settled_ms;
        let (from_ms, before) = counted.as_ref().filter(is_same).map_or((first_ms, 0), |c| (c.to_ms, c.count));
        let count_to_settled = before + count(&api, power, from_ms, settled_ms).await?;
        *counted = Some(CountedTo { series: power, first_ms, to_ms: settled_ms.max(from_ms), count: count_to_settled });
        total = count_to_settled + count(&api, power, settled_ms.max(from_ms), last_ms + 1).await?;
    }
    let listening = listening(&api, &meter, now_ms).await?;
    Ok(Json(Status {
        status: "ok".to_owned(),
        mqtt_connected: listening.as_ref().and_then(|l| l.mqtt_connected) == Some(true),
        topic: listening.map(|l| l.topics.join(", ")).filter(|topics| !topics.is_empty()),
        last_reading: latest(&api, &meter, now_ms).await?,
        num_readings_last_hour: last_hour,
        num_total_readings: total,
    }))
}

/// What the source of the meter listens to, else what anything does that speaks MQTT; `None` where nothing does.
async fn listening(api: &Api, meter: &Meter, now_ms: i64) -> Result<Option<Standing>, Problem> {
    let mut all = standings(&*api.store, now_ms).await?;
    all.retain(|_, standing| standing.mqtt_connected.is_some());
    let of_meter = meter.devices.iter().find_map(|(source, _)| all.remove(source));
    Ok(of_meter.or_else(|| all.remove("tasmota")).or_else(|| all.pop_first().map(|(_, standing)| standing)))
}

/// A number to so many decimals, or nothing where there is none.
fn told(number: f64, decimals: i32) -> Option<f64> {
    let scale = 10f64.powi(decimals);
    number.is_finite().then(|| (number * scale).round() / scale)
}
