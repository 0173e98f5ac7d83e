//! State changes and the steps around them.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wattribute_domain::{CorrelationRecord, CorrelationVerdict, Level, SeriesId, SeriesInfo, Stage};
use wattribute_service::Problem;
use wattribute_service::problem::Params;
use wattribute_store::CorrelationQuery;

use super::span::span_of;
use super::{Api, instant, now, told, within};

/// Home Assistant's clock may be ahead of ours by so much, ms.
const AHEAD_MS: i64 = 60_000;

/// Which correlations are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Only of this entity.
    entity_id: Option<String>,
    /// Only of entities of this domain, such as `light`.
    domain: Option<String>,
    /// How far back, h.
    #[param(default = 24, minimum = 1, maximum = 168)]
    hours: Option<u32>,
    /// From when, instead of `hours`: RFC 3339, milliseconds since 1970, or a local date. Default: 24 h before `to`.
    #[param(example = "2026-03-01T18:00:00Z")]
    from: Option<String>,
    /// Until when, in the same words; not included. Default: now.
    #[param(example = "2026-03-02T18:00:00Z")]
    to: Option<String>,
    /// Only steps of at least this, W, up or down.
    #[param(default = 50.0, minimum = 0.0)]
    min_delta: Option<f64>,
    /// Only of these verdicts, between commas, or `all`; `no_data` rows, which have no power, are told only when asked for.
    #[param(example = "clean", value_type = Option<String>)]
    verdict: Option<String>,
    /// At most so many, the newest.
    #[param(default = 100, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// One state change and the step around it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CorrelationRow {
    /// When the change was said, RFC 3339 UTC.
    timestamp: String,
    /// Home Assistant's id of what changed.
    entity_id: String,
    /// `light` of `light.hall`.
    domain: String,
    /// State after.
    state: String,
    /// State before.
    previous_state: String,
    /// Power of the house before the step, W; null without data.
    power_before_w: Option<f64>,
    /// Power of the house after the step, W; null without data.
    power_after_w: Option<f64>,
    /// The step, W; null without data.
    power_delta_w: Option<f64>,
    /// The step in % of the power before; null without data or from nothing.
    power_delta_pct: Option<f64>,
    /// Friendly name of what changed.
    name: String,
    /// Standard error of the step, W; null without data.
    standard_error_w: Option<f64>,
    /// How it can be read.
    #[schema(value_type = String, example = "clean")]
    verdict: CorrelationVerdict,
    /// `provisional` while its window is open, then `final`.
    #[schema(value_type = String, example = "final")]
    stage: Stage,
    /// Step that the learned devices explain, W; null where none is learned.
    explained_w: Option<f64>,
}

/// State changes and the steps around them, newest first.
#[utoipa::path(
    get, path = "/correlations", tag = "energy", params(Asked),
    responses(
        (status = 200, body = Vec<CorrelationRow>),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn correlations(State(api): State<Api>, Params(asked): Params<Asked>) -> Result<Json<Vec<CorrelationRow>>, Problem> {
    let hours = within("hours", asked.hours, 24, 1..=168)?;
    let limit = within("limit", asked.limit, 100, 1..=1000)?;
    let (from_ms, to_ms) = span(&api, &asked, hours).await?;
    let min_delta_w = asked.min_delta.unwrap_or(50.0);
    if !(min_delta_w.is_finite() && min_delta_w >= 0.0) {
        return Err(Problem::bad_parameter(format!("min_delta: {min_delta_w} is not a power of at least 0, in W")));
    }
    let series: HashMap<SeriesId, SeriesInfo> = api.store.series().await?.into_iter().collect();
    let wanted = |info: &SeriesInfo| {
        let entity = asked.entity_id.as_ref().is_none_or(|id| info.device == *id);
        entity && asked.domain.as_ref().is_none_or(|domain| info.domain() == domain)
    };
    let is_narrowed = asked.entity_id.is_some() || asked.domain.is_some();
    let only = is_narrowed.then(|| series.iter().filter(|(_, info)| wanted(info)).map(|(id, _)| *id).collect());
    let query = CorrelationQuery {
        from_ms,
        to_ms,
        series: only,
        min_delta_w,
        verdicts: verdicts(asked.verdict.as_deref())?,
        limit: limit as usize,
        newest_first: true,
    };
    let records = api.store.correlations(query).await?;
    Ok(Json(records.into_iter().filter_map(|record| Some(row(&record, series.get(&record.series)?))).collect()))
}

/// The span that is asked for, ms since the epoch.
async fn span(api: &Api, asked: &Asked, hours: u32) -> Result<(i64, i64), Problem> {
    let now_ms = now().timestamp_millis();
    let (hours_ms, ahead_ms) = (i64::from(hours) * 3_600_000, now_ms + AHEAD_MS);
    let is_said = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    if !is_said(&asked.from) && !is_said(&asked.to) {
        return Ok((now_ms - hours_ms, ahead_ms));
    }
    if asked.hours.is_some() {
        return Err(Problem::bad_parameter("hours: cannot be together with `from` and `to`; leave it out, or leave both of them out"));
    }
    let (_, zone) = api.books.home().await?;
    let (from_ms, to_ms) = span_of(asked.from.as_deref(), asked.to.as_deref(), hours_ms, now_ms, zone)?;
    Ok((from_ms, if is_said(&asked.to) { to_ms } else { ahead_ms }))
}

/// The verdicts that are asked for; `None` for any.
fn verdicts(said: Option<&str>) -> Result<Option<Vec<CorrelationVerdict>>, Problem> {
    let known = [
        ("clean", CorrelationVerdict::Clean),
        ("overlapping", CorrelationVerdict::Overlapping),
        ("noisy", CorrelationVerdict::Noisy),
        ("no_data", CorrelationVerdict::NoData),
    ];
    match said.map(str::trim) {
        None | Some("") => Ok(Some(known[..3].iter().map(|(_, verdict)| *verdict).collect())),
        Some("all") => Ok(None),
        Some(said) => {
            let verdict = |word: &str| known.iter().find(|(name, _)| *name == word.trim()).map(|(_, verdict)| *verdict);
            let all: Option<Vec<_>> = said.split(',').map(verdict).collect();
            let wrong = || Problem::bad_parameter("verdict: right are clean, overlapping, noisy, no_data, several between commas, or all");
            all.map(Some).ok_or_else(wrong)
        }
    }
}

pub(super) fn row(record: &CorrelationRecord, info: &SeriesInfo) -> CorrelationRow {
    let mode = |level: Level| info.modes.get(usize::from(level.mode)).cloned().unwrap_or_else(|| "on".to_owned());
    CorrelationRow {
        timestamp: instant(record.at_ms),
        entity_id: info.device.clone(),
        domain: info.domain().to_owned(),
        state: mode(record.to),
        previous_state: mode(record.from),
        power_before_w: told(record.power_before_w),
        power_after_w: told(record.power_after_w),
        power_delta_w: told(record.power_delta_w()),
        power_delta_pct: told(record.power_delta_pct()),
        name: info.label().to_owned(),
        standard_error_w: told(record.standard_error_w),
        verdict: record.verdict,
        stage: record.stage,
        explained_w: told(record.explained_w),
    }
}
