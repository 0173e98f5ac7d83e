//! `/health`: how the service is, in the shape that earlier systems' users read.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::{Extension, Json};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::About;
use crate::access::Admitted;
use crate::{Health, State};

/// How the service is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HealthReport {
    /// The worst that any dependency makes of it.
    pub status: Overall,
    /// Name of the service.
    pub service: String,
    /// Its version.
    pub version: String,
    /// How long it has been running, s.
    pub uptime_seconds: u64,
    /// What it depends on.
    pub dependencies: BTreeMap<String, DependencyStatus>,
    /// For each dependency that is down, what is wrong and what would help. Not told to strangers.
    pub details: BTreeMap<String, String>,
    /// When this was said, RFC 3339 UTC.
    pub timestamp: String,
}

/// How the service is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overall {
    /// Everything works.
    Healthy,
    /// It does without something.
    Degraded,
    /// It is of no use as it is.
    Unhealthy,
}

/// How a dependency is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DependencyStatus {
    /// It works.
    Ok,
    /// It does not.
    Down,
}

/// A word that all is well.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Word {
    status: &'static str,
}

#[derive(Clone)]
struct Reported {
    service: &'static str,
    health: Health,
    begun: Instant,
}

/// `/health` and below.
pub fn routes(about: &About) -> OpenApiRouter {
    let reported = Reported { service: about.service, health: about.health.clone(), begun: Instant::now() };
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(live)).routes(routes!(ready)).with_state(reported)
}

/// How the service is.
#[utoipa::path(
    get, path = "/health", tag = "service",
    responses(
        (status = 200, description = "Healthy or degraded", body = HealthReport),
        (status = 503, description = "Unhealthy", body = HealthReport)
    )
)]
async fn health(Shared(reported): Shared<Reported>, admitted: Option<Extension<Admitted>>) -> (StatusCode, Json<HealthReport>) {
    let all = reported.health.dependencies();
    let report = HealthReport {
        status: overall(&all),
        service: reported.service.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: reported.begun.elapsed().as_secs(),
        dependencies: all.iter().map(|(name, state)| (name.clone(), word(state))).collect(),
        details: match admitted {
            Some(Extension(Admitted(true))) => all.into_iter().filter_map(|(name, state)| Some((name, why(state)?))).collect(),
            _ => BTreeMap::new(),
        },
        timestamp: now().to_rfc3339_opts(SecondsFormat::Millis, true),
    };
    let status = if report.status == Overall::Unhealthy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(report))
}

/// Whether the process answers at all.
#[utoipa::path(get, path = "/health/live", operation_id = "health_live", tag = "service", responses((status = 200, description = "It does", body = Word)))]
async fn live() -> Json<Word> {
    Json(Word { status: "ok" })
}

/// Whether the service is of use.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "health_ready", tag = "service",
    responses((status = 200, description = "It is", body = Word), (status = 503, description = "It is not", body = Word))
)]
async fn ready(Shared(reported): Shared<Reported>) -> (StatusCode, Json<Word>) {
    match overall(&reported.health.dependencies()) {
        Overall::Unhealthy => (StatusCode::SERVICE_UNAVAILABLE, Json(Word { status: "unhealthy" })),
        _ => (StatusCode::OK, Json(Word { status: "ok" })),
    }
}

fn overall(all: &BTreeMap<String, State>) -> Overall {
    let any = |wanted: fn(&State) -> bool| all.values().any(wanted);
    if any(|state| matches!(state, State::Down(_))) {
        Overall::Unhealthy
    } else if any(|state| matches!(state, State::Degraded(_))) {
        Overall::Degraded
    } else {
        Overall::Healthy
    }
}

fn word(state: &State) -> DependencyStatus {
    if *state == State::Ok { DependencyStatus::Ok } else { DependencyStatus::Down }
}

fn why(state: State) -> Option<String> {
    match state {
        State::Ok => None,
        State::Degraded(why) | State::Down(why) => Some(why),
    }
}

fn now() -> DateTime<Utc> {
    Utc::now()
}
