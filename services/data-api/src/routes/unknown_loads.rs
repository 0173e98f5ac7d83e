//! Loads that no entity explains, and what the owner calls them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wattribute_domain::{UNKNOWN_LOADS, UNKNOWN_NAMES, UnknownLoad, UnknownLoads, UnknownRun};
use wattribute_service::Problem;
use wattribute_service::problem::Params;
use wattribute_store::Store;

use super::{Api, instant, within};

/// Names by id.
type Names = BTreeMap<String, String>;

/// The longest name, in characters.
const LONGEST_NAME: usize = 100;

/// Names are read and written again as a whole: one at a time.
static NAMING: Mutex<()> = Mutex::const_new(());

/// The routes of this file.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(unknown)).routes(routes!(rename))
}

/// How much is told of each load.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// At most so many of its latest runs.
    #[param(default = 20, minimum = 0, maximum = 500)]
    runs: Option<u32>,
}

/// A load that no entity explains: steps of about the same size and duration that come again and again.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnknownLoadRow {
    /// Names it in this API; the same whenever the load is found again.
    id: String,
    /// What the owner calls it; null until there is a name.
    name: Option<String>,
    /// In a few words.
    #[schema(example = "about 2.2 kW, 6 times a day, 3 minutes")]
    summary: String,
    /// Power while it runs, W.
    power_w: f64,
    /// Lower end of the 90 % interval of `power_w`, W.
    power_low_w: f64,
    /// Upper end of the 90 % interval of `power_w`, W.
    power_high_w: f64,
    /// How long it usually runs at a time, s: the median.
    duration_s: f64,
    /// A tenth of its runs are shorter, s.
    duration_low_s: f64,
    /// A tenth of its runs are longer, s.
    duration_high_s: f64,
    /// How often it ran in the span of `meta`, those runs counted in that were hidden behind other things or by gaps; an estimate.
    runs: u32,
    /// How many of these runs were seen.
    runs_seen: u32,
    /// Runs per day of 24 h.
    runs_per_day: f64,
    /// Energy of all its runs in the span of `meta`, kWh.
    energy_kwh: f64,
    /// Energy per day of 24 h, kWh.
    energy_kwh_per_day: f64,
    /// Runs seen that began in each hour of the home's local day: 24 numbers, from midnight on.
    #[schema(min_items = 24, max_items = 24)]
    hours_of_day: Vec<u32>,
    /// Strength of evidence, 0 to 1: the share of its runs that would not have come about by chance.
    #[schema(minimum = 0, maximum = 1)]
    strength: f64,
    /// When it was last seen to begin, RFC 3339 UTC.
    last_run: String,
    /// The latest runs that were seen, oldest first.
    recent_runs: Vec<UnknownRunRow>,
}

/// One run.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnknownRunRow {
    /// When it began, RFC 3339 UTC.
    from: String,
    /// When it ended, RFC 3339 UTC.
    to: String,
    /// What it drew, W.
    power_w: f64,
    /// What it used, kWh.
    energy_kwh: f64,
}

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnknownLoadList {
    /// The loads, those that use most first.
    unknown_loads: Vec<UnknownLoadRow>,
    /// What they were looked for in.
    meta: UnknownLoadMeta,
}

/// What unknown loads were looked for in.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnknownLoadMeta {
    /// First instant looked at, RFC 3339 UTC; null where nothing was looked at yet.
    from: Option<String>,
    /// End of what was looked at (not included), RFC 3339 UTC; null where nothing was looked at yet.
    to: Option<String>,
    /// When they were looked for, RFC 3339 UTC; null before the first time.
    computed_at: Option<String>,
}

/// What the owner calls a load.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Naming {
    /// The name, of 1 to 100 characters without control characters, not only spaces; null takes the name away.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]*$")]
    name: Option<String>,
}

/// Loads that no entity explains: recurring steps of the house's power, those that use most first.
#[utoipa::path(
    get, path = "/api/v1/unknown-loads", operation_id = "unknown_loads", tag = "devices", params(Asked),
    responses(
        (status = 200, body = UnknownLoadList),
        (status = 422, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn unknown(State(api): State<Api>, Params(asked): Params<Asked>) -> Result<Json<UnknownLoadList>, Problem> {
    let runs = within("runs", asked.runs, 20, 0..=500)? as usize;
    let names: Names = document(&*api.store, UNKNOWN_NAMES).await?.unwrap_or_default();
    let found: Option<UnknownLoads> = document(&*api.store, UNKNOWN_LOADS).await?;
    let meta = UnknownLoadMeta {
        from: found.as_ref().map(|f| instant(f.from_ms)),
        to: found.as_ref().map(|f| instant(f.to_ms)),
        computed_at: found.as_ref().map(|f| instant(f.computed_at_ms)),
    };
    let loads = found.map(|f| f.loads).unwrap_or_default();
    Ok(Json(UnknownLoadList { unknown_loads: loads.iter().map(|load| row(load, names.get(&load.id), runs)).collect(), meta }))
}

/// Names a load that no entity explains, or takes its name away. The name stays with the load through every later search.
#[utoipa::path(
    patch, path = "/api/v1/unknown-loads/{id}", operation_id = "name_unknown_load", tag = "devices",
    params(("id" = String, Path, description = "Id of the load, such as `u1`")),
    request_body = Naming,
    responses(
        (status = 200, body = UnknownLoadRow),
        (status = 400, description = "The body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such load", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not said to be JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The name is wrong", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn rename(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    said: Result<Json<Naming>, JsonRejection>,
) -> Result<Json<UnknownLoadRow>, Problem> {
    let Path(id) = id.map_err(|_| Problem::not_found("there is no such load; /api/v1/unknown-loads lists them"))?;
    let Json(Naming { name }) = said.map_err(|rejected| Problem::new(rejected.status(), rejected.body_text()))?;
    let name = name.map(|name| checked(&name)).transpose()?;
    let _one_at_a_time = NAMING.lock().await;
    let found: UnknownLoads = document(&*api.store, UNKNOWN_LOADS).await?.unwrap_or_default();
    let Some(load) = found.loads.iter().find(|load| load.id == id) else {
        return Err(Problem::not_found(format!("there is no unknown load `{}`; /api/v1/unknown-loads lists them", id.escape_debug())));
    };
    let mut names: Names = document(&*api.store, UNKNOWN_NAMES).await?.unwrap_or_default();
    let before = names.get(&id).cloned();
    match name {
        Some(name) => names.insert(id.clone(), name),
        None => names.remove(&id),
    };
    if names.get(&id) != before.as_ref() {
        let text = serde_json::to_string(&names).map_err(|error| Problem::internal(&error))?;
        api.store.put_documents(vec![(UNKNOWN_NAMES.to_owned(), text)]).await?;
    }
    Ok(Json(row(load, names.get(&id), 20)))
}

/// A name as it is kept.
fn checked(name: &str) -> Result<String, Problem> {
    if name.chars().count() > LONGEST_NAME {
        return Err(Problem::bad_parameter(format!("name: at most {LONGEST_NAME} characters, not {}", name.chars().count())));
    }
    if name.chars().any(char::is_control) {
        return Err(Problem::bad_parameter("name: control characters such as line breaks cannot be part of a name"));
    }
    let name = name.trim();
    if name.is_empty() {
        return Err(Problem::bad_parameter("name: at least one character that can be seen, or null to take the name away"));
    }
    Ok(name.to_owned())
}

/// A document; one that cannot be read counts as none, since whoever writes it will write it again.
async fn document<T: DeserializeOwned>(store: &dyn Store, key: &str) -> Result<Option<T>, Problem> {
    let Some(text) = store.document(key).await? else { return Ok(None) };
    Ok(serde_json::from_str(&text).inspect_err(|error| tracing::debug!(%error, key, "a document cannot be read")).ok())
}

fn row(load: &UnknownLoad, name: Option<&String>, runs: usize) -> UnknownLoadRow {
    let run = |run: &UnknownRun| UnknownRunRow {
        from: instant(run.from_ms),
        to: instant(run.to_ms),
        power_w: run.power_w,
        energy_kwh: (run.energy_kwh() * 1e5).round() / 1e5,
    };
    let mut hours_of_day = load.hours_of_day.clone();
    hours_of_day.resize(24, 0);
    UnknownLoadRow {
        id: load.id.clone(),
        name: name.cloned(),
        summary: load.summary(),
        power_w: load.power_w,
        power_low_w: load.power_low_w,
        power_high_w: load.power_high_w,
        duration_s: load.duration_s,
        duration_low_s: load.duration_low_s,
        duration_high_s: load.duration_high_s,
        runs: load.runs,
        runs_seen: load.runs_seen,
        runs_per_day: load.runs_per_day,
        energy_kwh: load.energy_kwh,
        energy_kwh_per_day: load.energy_kwh_per_day,
        hours_of_day,
        strength: load.strength,
        last_run: instant(load.last_run_ms),
        recent_runs: load.recent_runs[load.recent_runs.len().saturating_sub(runs)..].iter().map(run).collect(),
    }
}

#[cfg(test)]
#[path = "unknown_loads_tests.rs"]
mod tests;
