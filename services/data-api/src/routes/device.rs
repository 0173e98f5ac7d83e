//! All that is known of one device: its levels, its runs, what each cost, and why to believe it.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wattribute_domain::{
    CorrelationRecord, CorrelationVerdict, HouseRecord, Level, LevelProfile, ProfileRecord, SeriesId, SeriesInfo, Stage,
};
use wattribute_service::Problem;
use wattribute_service::problem::{Params, PathOf};
use wattribute_store::CorrelationQuery;

use super::devices::{Device, Tell};
use super::drift::{Drift, drift};
use super::span::span_of;
use super::{Api, instant, known_cost, now, told, watt_hours, within};
use crate::activity::{Run, runs};
use crate::books::{Used, first_of};

const DAY_MS: i64 = 86_400_000;
/// What is shown before and after a step, ms.
const BEFORE_MS: i64 = 60_000;
const AFTER_MS: i64 = 90_000;
/// How far back drift is told, days, and of how many steps at most.
const DRIFT_DAYS: i64 = 732;
const MOST_STEPS: usize = 20_000;
/// How long that is kept, ms: it changes in weeks.
const KEEP_DRIFT_MS: i64 = 600_000;

/// What is asked of a device.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeviceQuery {
    /// Activations from when on: RFC 3339, milliseconds since 1970, or a local date. Default: 30 days ago.
    #[param(example = "2026-03-01")]
    from: Option<String>,
    /// Activations until when, in the same words; not included. Default: now.
    #[param(example = "2026-04-01")]
    to: Option<String>,
    /// At most so many activations, the newest.
    #[param(default = 100, minimum = 1, maximum = 5000)]
    limit: Option<u32>,
    /// At most so many of the steps it was learned from, the newest.
    #[param(default = 20, minimum = 0, maximum = 100)]
    evidence: Option<u32>,
}

/// All that is known of one device.
#[derive(Debug, Serialize, ToSchema)]
pub struct DevicePage {
    /// What a list says of it.
    device: Device,
    /// Power for each mode, and along the fraction where there is one.
    levels: Vec<LevelPower>,
    /// The times it was on, newest first.
    activations: Vec<Activation>,
    /// All activations of the span together.
    total: ActivationTotal,
    /// How long it is usually on; null with less than 5 runs.
    running_time: Option<RunningTime>,
    /// Its power over time, by week or month, as its steps tell it.
    drift: Vec<Drift>,
    /// Steps it was learned from, aligned at the state change, newest first.
    evidence: Vec<Evidence>,
    /// What this page is of.
    meta: DeviceMeta,
}

/// What a device's page is of.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceMeta {
    /// Activations from when, RFC 3339 UTC.
    from: String,
    /// Activations until when, RFC 3339 UTC.
    to: String,
    /// Currency of costs, ISO 4217; null where it is not known.
    currency: Option<String>,
    /// Whether there is a tariff: costs are null without one.
    has_tariff: bool,
    /// Time before a switch that is left out when its step is told, since it may show there already, s; null until it is learned.
    guard_before_s: Option<f64>,
    /// Time after a switch that is left out, since the meter may still follow it, s; null until it is learned.
    guard_after_s: Option<f64>,
}

/// Power of one mode of a device, at one fraction.
#[derive(Debug, Serialize, ToSchema)]
pub struct LevelPower {
    /// Mode, such as `on`, `heating` or `playing`.
    mode: String,
    /// Share of the mode's full level, 0 to 1; null for a mode without one.
    fraction: Option<f64>,
    /// Power above what it draws when off, W; null where it cannot be told.
    power_w: Option<f64>,
    /// Lower end of the 90 % interval, W.
    power_low_w: Option<f64>,
    /// Upper end of the 90 % interval, W.
    power_high_w: Option<f64>,
}

/// A time that a device was on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Activation {
    /// When it was switched on, RFC 3339 UTC.
    from: String,
    /// When it was switched off, RFC 3339 UTC; null while it is on.
    to: Option<String>,
    /// Time it was known to be on, s.
    duration_s: f64,
    /// State it was in for most of the time.
    state: String,
    /// Energy, kWh; null where it cannot be told.
    energy_kwh: Option<f64>,
    /// What that cost at the prices in force; null where no price is known.
    cost: Option<f64>,
    /// Whether a part lies in a gap of the house's meter: learned power times known time on.
    estimated: bool,
}

/// All activations of a span together.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActivationTotal {
    /// How often it was switched on.
    times_on: u32,
    /// Time on, h.
    hours_on: f64,
    /// Energy, kWh; null where it cannot be told.
    energy_kwh: Option<f64>,
    /// What that cost at the prices in force; null where no price is known.
    cost: Option<f64>,
}

/// How long a device is on at a time, over the activations of the span that are over.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunningTime {
    /// How many activations.
    count: u32,
    /// A tenth is shorter, s.
    p10_s: f64,
    /// Half is shorter, s.
    median_s: f64,
    /// A tenth is longer, s.
    p90_s: f64,
    /// The longest, s.
    longest_s: f64,
}

/// A step that a device was learned from.
#[derive(Debug, Serialize, ToSchema)]
pub struct Evidence {
    /// When the state change was said, RFC 3339 UTC.
    at: String,
    /// State before.
    previous_state: String,
    /// State after.
    state: String,
    /// Level before, as a share of the full one of that state, 0 to 1: 0 when off, and 1 in a state that has but one.
    level_before: f64,
    /// Level after, as a share of the full one of that state, 0 to 1.
    level_after: f64,
    /// Power of the house before, W; null without data.
    power_before_w: Option<f64>,
    /// The step, W; null without data.
    power_delta_w: Option<f64>,
    /// Standard error of the step, W; null without data.
    standard_error_w: Option<f64>,
    /// How it can be read.
    #[schema(value_type = String, example = "clean")]
    verdict: CorrelationVerdict,
    /// Time from the state change, s, of each value.
    offset_s: Vec<f64>,
    /// Power of the house less what it was before, W; null in a gap.
    power_w: Vec<Option<f64>>,
}

/// All that is known of one device.
#[utoipa::path(
    get, path = "/devices/{entity_id}", tag = "devices",
    params(("entity_id" = String, Path, description = "Home Assistant's id", example = "switch.kettle"), DeviceQuery),
    responses(
        (status = 200, body = DevicePage),
        (status = 404, description = "Nothing is known of it", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn device(
    State(api): State<Api>,
    PathOf(entity_id): PathOf<String>,
    Params(asked): Params<DeviceQuery>,
) -> Result<Json<DevicePage>, Problem> {
    let now_ms = now().timestamp_millis();
    let (home, zone) = api.books.home().await?;
    let (from_ms, to_ms) = span_of(asked.from.as_deref(), asked.to.as_deref(), 30 * DAY_MS, now_ms, zone)?;
    let limit = within("limit", asked.limit, 100, 1..=5000)? as usize;
    let evidence = within("evidence", asked.evidence, 20, 0..=100)? as usize;
    let (record, first) = api.profile(&entity_id).await?;
    let house = wattribute_store::house(&*api.store).await?;
    let tell = Tell::read(&api).await?;
    let info_of = |record: &ProfileRecord| {
        let unheard = || SeriesInfo::new("", &record.profile.entity_id, wattribute_domain::Quantity::Level);
        tell.info(record.series).cloned().unwrap_or_else(unheard)
    };
    let (info, info_of_first) = (info_of(&record), info_of(&first));
    let pricing = api.books.pricing(zone, now_ms).await?;
    let end_ms = to_ms.min(now_ms);

    let first_ms = from_ms.div_euclid(3_600_000) * 3_600_000;
    let mut hours = api.books.device_hours(first_ms, end_ms.max(first_ms), Some(first.series), now_ms).await?;
    let is_counted = hours.contains_key(&first.series) || record.profile.power_w.is_some();
    let hours = hours.remove(&first.series).unwrap_or_default();
    let levels = if from_ms < end_ms { api.store.readings(record.series, from_ms, end_ms).await? } else { Default::default() };
    let found = runs(&levels, from_ms, end_ms);
    let mut on_ms = std::collections::BTreeMap::<i64, i64>::new();
    for (hour, ms) in found.iter().flat_map(Run::by_hour) {
        *on_ms.entry(hour).or_default() += ms;
    }
    let has_tariff = pricing.is_some();
    let used = |run: &Run| Used::by_run(run, &hours, &on_ms, pricing.as_deref());
    let activations = found.iter().rev().take(limit).map(|run| {
        let used = used(run);
        Activation {
            from: instant(run.from_ms),
            to: run.to_ms.map(instant),
            duration_s: run.on_ms() as f64 / 1000.0,
            state: main_state(run, &info),
            energy_kwh: is_counted.then(|| watt_hours(used.kwh)),
            cost: known_cost(&used.cost, has_tariff).filter(|_| is_counted),
            estimated: used.estimated,
        }
    });
    let activations = activations.collect();
    let whole = Used::of(&hours, from_ms, end_ms, pricing.as_deref());
    let total = ActivationTotal {
        times_on: found.len() as u32,
        hours_on: (found.iter().map(Run::on_ms).sum::<i64>() as f64 / 36_000.0).round() / 100.0,
        energy_kwh: is_counted.then(|| watt_hours(whole.kwh)),
        cost: known_cost(&whole.cost, has_tariff).filter(|_| is_counted),
    };
    let drifting = async {
        let rows = api.store.correlations(clean_steps(first.series, now_ms, MOST_STEPS)).await?;
        Ok::<_, Problem>(drift(&rows, &first, &info_of_first, zone))
    };
    let drift = api.kept.drift.get(first.series, KEEP_DRIFT_MS, now_ms, drifting).await?;
    // Some of the newest are not final yet.
    let rows = api.store.correlations(clean_steps(first.series, now_ms, evidence + 20)).await?;
    let page = DevicePage {
        device: tell.device(&record),
        levels: record.profile.levels.iter().map(level_power).collect(),
        activations,
        total,
        running_time: running_time(&found),
        drift,
        evidence: gather(&api, house.as_ref(), &rows, &info_of_first, evidence).await?,
        meta: DeviceMeta {
            from: instant(from_ms),
            to: instant(to_ms),
            currency: home.currency,
            has_tariff,
            guard_before_s: house.as_ref().and_then(|house| house.guard_before_s),
            guard_after_s: house.as_ref().and_then(|house| house.guard_after_s),
        },
    };
    Ok(Json(page))
}

/// The steps that a device can be learned from, newest first.
fn clean_steps(series: SeriesId, now_ms: i64, most: usize) -> CorrelationQuery {
    CorrelationQuery {
        series: Some(vec![series]),
        verdicts: Some(vec![CorrelationVerdict::Clean]),
        limit: most,
        newest_first: true,
        ..CorrelationQuery::all(now_ms - DRIFT_DAYS * DAY_MS, now_ms)
    }
}

fn level_power(level: &LevelProfile) -> LevelPower {
    let LevelProfile { mode, fraction, power_w, power_low_w, power_high_w } = level.clone();
    LevelPower { mode, fraction, power_w, power_low_w, power_high_w }
}

fn main_state(run: &Run, info: &SeriesInfo) -> String {
    let mut by_mode = std::collections::BTreeMap::<u16, i64>::new();
    for (from, to, level) in &run.pieces {
        *by_mode.entry(level.mode).or_default() += to - from;
    }
    let most = by_mode.into_iter().max_by_key(|(_, ms)| *ms).map_or(1, |(mode, _)| mode);
    info.modes.get(usize::from(most)).cloned().unwrap_or_else(|| "on".to_owned())
}

fn running_time(found: &[Run]) -> Option<RunningTime> {
    let mut lengths: Vec<f64> = found.iter().filter(|r| r.to_ms.is_some()).map(|r| r.on_ms() as f64 / 1000.0).collect();
    if lengths.len() < 5 {
        return None;
    }
    lengths.sort_by(f64::total_cmp);
    let at = |share: f64| lengths[((lengths.len() - 1) as f64 * share).round() as usize];
    Some(RunningTime { count: lengths.len() as u32, p10_s: at(0.1), median_s: at(0.5), p90_s: at(0.9), longest_s: at(1.0) })
}

/// The power around the newest steps, less what it was before.
async fn gather(
    api: &Api,
    house: Option<&HouseRecord>,
    rows: &[CorrelationRecord],
    info: &SeriesInfo,
    most: usize,
) -> Result<Vec<Evidence>, Problem> {
    let Some(house) = house else { return Ok(Vec::new()) };
    let is_told = |r: &&CorrelationRecord| r.stage == Stage::Final;
    let mut found = Vec::new();
    for row in rows.iter().filter(is_told).take(most) {
        let power = api.store.readings(house.series, row.at_ms - BEFORE_MS, row.at_ms + AFTER_MS).await?;
        let said = power.at_ms.iter().zip(&power.value).map(|(at_ms, w)| (((at_ms - row.at_ms).max(-BEFORE_MS)) as f64 / 1000.0, *w));
        let (offset_s, power_w) = said.map(|(at_s, w)| (at_s, told(w - row.power_before_w))).unzip();
        let mode = |level: Level| info.modes.get(usize::from(level.mode)).cloned().unwrap_or_else(|| "on".to_owned());
        found.push(Evidence {
            at: instant(row.at_ms),
            previous_state: mode(row.from),
            state: mode(row.to),
            level_before: share_of_full(row.from),
            level_after: share_of_full(row.to),
            power_before_w: told(row.power_before_w),
            power_delta_w: told(row.power_delta_w()),
            standard_error_w: told(row.standard_error_w),
            verdict: row.verdict,
            offset_s,
            power_w,
        });
    }
    Ok(found)
}

/// A level as a share of the full one of its state, to a thousandth.
fn share_of_full(level: Level) -> f64 {
    if level.is_off() { 0.0 } else { (f64::from(level.fraction).clamp(0.0, 1.0) * 1e3).round() / 1e3 }
}

impl Api {
    /// What was learned of an entity, and of the first of its group, under which its energy and its steps stand: itself where it has none.
    pub(super) async fn profile(&self, entity_id: &str) -> Result<(ProfileRecord, ProfileRecord), Problem> {
        let all = self.store.profiles().await?;
        let found = all.iter().find(|p| p.profile.entity_id == entity_id).ok_or_else(|| unknown(entity_id))?;
        Ok((found.clone(), first_of(found, &all).clone()))
    }

    /// The level series of an entity of which something was learned or heard.
    pub(super) async fn device(&self, entity_id: &str) -> Result<(SeriesId, SeriesInfo), Problem> {
        let is_it = |info: &SeriesInfo| info.quantity == wattribute_domain::Quantity::Level && info.device == entity_id;
        let found = self.store.series().await?.into_iter().find(|(_, info)| is_it(info));
        found.ok_or_else(|| unknown(entity_id))
    }
}

fn unknown(entity_id: &str) -> Problem {
    let said: String = entity_id.chars().take(80).collect();
    Problem::not_found(format!("nothing is known of `{}`; GET /api/v1/devices lists what is", said.escape_debug()))
}
