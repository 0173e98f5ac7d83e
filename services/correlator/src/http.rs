//! What the correlator answers over HTTP, beside health and metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wattribute_service::Problem;
use wattribute_store::{Store, StoreError};

use crate::Config;
use crate::second_meter::{Comparison, DOCUMENT};

/// What the routes work on.
#[derive(Clone)]
pub struct Service {
    /// Where rows are.
    pub store: Arc<dyn Store>,
    /// How it is set.
    pub config: Config,
    /// Runs that failed.
    pub errors: Arc<AtomicU64>,
}

/// Since when counters count, ms since the epoch.
const COUNTED_SINCE: &str = "correlator_counted_since";

/// Every state change is counted once, however often it was looked at.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Statistics {
    /// State changes looked at.
    total_events_processed: u64,
    /// Of these, with a step that stands out: verdict `clean` and at least MIN_POWER_DELTA.
    correlations_found: u64,
    /// Of these, whose window has closed.
    correlations_written: u64,
    /// `correlations_found` of `total_events_processed`, %.
    correlation_rate_pct: f64,
    /// Runs whose rows could be written, %: 100 while the store answers.
    write_success_rate_pct: f64,
    /// Runs that failed since the start.
    errors: u64,
    /// Always 0: what cannot be written is looked at again.
    retry_queue_size: u64,
    /// Always 0.
    retry_queue_capacity_pct: f64,
    /// How it is set.
    config: Settings,
}

/// How the correlator is set.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Settings {
    /// The longest it waits between two looks, s.
    processing_interval: f64,
    /// How far live runs look back, min.
    lookback_minutes: u32,
    /// Least step that is listed and published, W.
    min_power_delta: f64,
    /// How far back learning reads, days.
    learn_days: u32,
    /// Usual time between readings of the house's meter, s; null until it is known.
    interval_s: Option<f64>,
    /// How long after a lone change its correlation is there at the latest, s; null until the meter is known.
    provisional_s: Option<f64>,
    /// How long after a lone change its window closes, s; null until the meter is known.
    final_s: Option<f64>,
}

/// What a reset answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    /// What was done.
    message: String,
}

/// The routes.
pub fn router(service: Service) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(statistics))
        .routes(routes!(reset_statistics))
        .routes(routes!(meter_comparison))
        .with_state(Arc::new(service))
}

/// Counters since the last reset
#[utoipa::path(get, path = "/statistics", tag = "correlator",
    responses((status = 200, body = Statistics), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn statistics(State(service): State<Arc<Service>>) -> Result<Json<Statistics>, Problem> {
    let since_ms = service.store.document(COUNTED_SINCE).await?.and_then(|text| text.parse().ok()).unwrap_or(i64::MIN);
    let counts = service.store.correlation_counts(since_ms, service.config.min_power_delta).await?;
    let rate = if counts.events == 0 { 0.0 } else { 100.0 * counts.correlations as f64 / counts.events as f64 };
    let house = wattribute_store::house(&*service.store).await?;
    let errors = service.errors.load(Ordering::Relaxed);
    Ok(Json(Statistics {
        total_events_processed: counts.events,
        correlations_found: counts.correlations,
        correlations_written: counts.finals,
        correlation_rate_pct: (rate * 10.0).round() / 10.0,
        write_success_rate_pct: 100.0,
        errors,
        retry_queue_size: 0,
        retry_queue_capacity_pct: 0.0,
        config: Settings {
            processing_interval: service.config.processing_interval.as_secs_f64(),
            lookback_minutes: service.config.lookback_minutes,
            min_power_delta: service.config.min_power_delta,
            learn_days: service.config.learn_days,
            interval_s: house.as_ref().map(|h| h.interval_s),
            provisional_s: house.as_ref().map(|h| h.provisional_s),
            final_s: house.as_ref().map(|h| h.final_s),
        },
    }))
}

/// Counts from now on; needs a token unless asked from this machine
#[utoipa::path(post, path = "/statistics/reset", tag = "correlator",
    responses((status = 200, body = Message), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn reset_statistics(State(service): State<Arc<Service>>) -> Result<Json<Message>, Problem> {
    let now_ms = Utc::now().timestamp_millis();
    service.store.put_documents(vec![(COUNTED_SINCE.to_owned(), now_ms.to_string())]).await.map_err(|e: StoreError| Problem::from(e))?;
    Ok(Json(Message { message: "statistics count from now on".to_owned() }))
}

/// Other meters of the whole house beside the one that is taken for it, day by day
#[utoipa::path(get, path = "/meter-comparison", tag = "correlator",
    responses((status = 200, body = Vec<Comparison>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn meter_comparison(State(service): State<Arc<Service>>) -> Result<Json<Vec<Comparison>>, Problem> {
    let kept = service.store.document(DOCUMENT).await?.and_then(|text| serde_json::from_str(&text).ok());
    Ok(Json(kept.unwrap_or_default()))
}
