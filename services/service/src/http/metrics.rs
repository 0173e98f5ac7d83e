//! Metrics for Prometheus: one recorder for the process, whoever asks.

use std::sync::OnceLock;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State as Shared};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::About;
use crate::{Health, State};

const REQUESTS: &str = "wattribute_http_requests_total";
const DURATION: &str = "wattribute_http_request_duration_seconds";
const DEPENDENCY: &str = "wattribute_dependency_up";
const DURATIONS_S: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

/// The recorder of this process; the first to ask begins it. Where another one records already, nothing is shown.
pub fn handle() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let begin = || {
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &DURATIONS_S);
        let recorder = builder.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics is at work: /metrics stays empty");
        }
        metrics::describe_counter!(REQUESTS, "Requests answered, by service, method, route and status.");
        metrics::describe_histogram!(DURATION, "Time to answer a request, in seconds.");
        metrics::describe_gauge!(DEPENDENCY, "Whether what a service depends on works (1) or not (0).");
        metrics::describe_gauge!("wattribute_build_info", "The version that runs; always 1.");
        metrics::gauge!("wattribute_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        handle
    };
    HANDLE.get_or_init(begin).clone()
}

/// `/metrics`.
pub fn routes(handle: PrometheusHandle, about: &About) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(metrics)).with_state((handle, about.service, about.health.clone()))
}

/// Everything that is counted, as Prometheus reads it.
#[utoipa::path(get, path = "/metrics", tag = "service", responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")))]
async fn metrics(Shared((handle, service, health)): Shared<(PrometheusHandle, &'static str, Health)>) -> impl IntoResponse {
    for (dependency, state) in health.dependencies() {
        let up = if state == State::Ok { 1.0 } else { 0.0 };
        metrics::gauge!(DEPENDENCY, "service" => service, "dependency" => dependency).set(up);
    }
    handle.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render())
}

/// For whom requests are counted.
#[derive(Clone, Copy)]
pub struct Counted(pub &'static str);

/// Counts a request, by route rather than by path: a path would make a series for each entity somebody asks for.
pub async fn count(Shared(Counted(service)): Shared<Counted>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().to_string();
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::histogram!(DURATION, "service" => service, "route" => route.clone()).record(begun.elapsed().as_secs_f64());
    metrics::counter!(REQUESTS, "service" => service, "method" => method, "route" => route, "status" => status).increment(1);
    response
}
