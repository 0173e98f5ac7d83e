//! HTTP as every service speaks it: its own routes, and beside them health, metrics and documentation.

mod answer;
mod describe;
mod docs;
mod metrics;
mod report;
mod tag;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::ServiceBuilderExt;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::MakeRequestUuid;
use tower_http::trace::TraceLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::{Access, Context, Health, Problem, access};

pub use answer::DEMO;
pub use report::{DependencyStatus, HealthReport, Overall};

const LONGEST_REQUEST: Duration = Duration::from_millis(if cfg!(test) { 500 } else { 30_000 });
const LONGEST_GOODBYE: Duration = Duration::from_secs(10);
const LARGEST_BODY_BYTES: usize = 1 << 20;

/// What a service says of itself.
#[derive(Clone)]
pub struct About {
    /// Its name, such as `meter`.
    pub service: &'static str,
    /// What it depends on.
    pub health: Health,
    /// Who may ask.
    pub access: Access,
    /// Whether what it answers is made up.
    pub is_demo: bool,
}

impl About {
    /// The service `name` in its context.
    pub fn of(service: &'static str, context: &Context) -> Self {
        About { service, health: context.health.clone(), access: context.access.clone(), is_demo: context.is_demo }
    }
}

/// Answers how the service is, as it does always, and everything else with 503 and why: something is not there yet that it needs.
pub async fn serve_health(listener: TcpListener, about: About, why: &'static str, shutdown: CancellationToken) -> anyhow::Result<()> {
    let all = axum::routing::any(async move || Problem::new(StatusCode::SERVICE_UNAVAILABLE, why));
    serve(listener, about, OpenApiRouter::new().route("/", all.clone()).route("/{*any}", all), shutdown).await
}

/// Answers on `listener` until `shutdown` is cancelled, then lets requests end for at most 10 s.
pub async fn serve(listener: TcpListener, about: About, routes: OpenApiRouter, shutdown: CancellationToken) -> anyhow::Result<()> {
    let service = about.service;
    let app = router(about, routes).into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps small packets back");
        }
    });
    let serving = axum::serve(listener, app).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let too_long = async {
        shutdown.cancelled().await;
        tokio::time::sleep(LONGEST_GOODBYE).await;
    };
    tokio::select! {
        ended = serving => ended.with_context(|| format!("{service} cannot answer HTTP any more")),
        () = too_long => {
            tracing::warn!(service, "some requests did not end in time and were cut off");
            Ok(())
        }
    }
}

/// The service's own routes with `/health`, `/metrics`, `/docs` and `/openapi.json`.
pub fn router(about: About, routes: OpenApiRouter) -> Router {
    let metrics = metrics::handle();
    let (own, api) = routes.merge(report::routes(&about)).merge(metrics::routes(metrics, &about)).split_for_parts();
    let app = own
        .merge(docs::routes(api, about.service))
        .merge(access::routes(about.access.clone()))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_that_way);
    layered(app, about)
}

/// Through what every request goes: the last of it first, each part in its order.
fn layered(app: Router, about: About) -> Router {
    let About { service, access, is_demo, .. } = about;
    let counted = metrics::Counted(service);
    let origins = access.origins().to_vec();
    let app = app.layer(
        ServiceBuilder::new()
            .layer(from_fn(answer::survived))
            .layer(from_fn_with_state(access, access::guard))
            .layer(from_fn(in_time))
            .layer(from_fn(tag::tagged))
            .layer(RequestBodyLimitLayer::new(LARGEST_BODY_BYTES)),
    );
    // Pages of other origins can also read why they are refused.
    let app = if origins.is_empty() { app } else { app.layer(access::origin::layer(origins)) };
    app.layer(
        ServiceBuilder::new()
            .map_request(answer::named)
            .set_x_request_id(MakeRequestUuid)
            // What fails is logged where it is handled; an unhealthy /health is an answer.
            .layer(TraceLayer::new_for_http().make_span_with(move |request: &Request| span(service, request)).on_failure(()))
            .propagate_x_request_id()
            .layer(from_fn_with_state(counted, metrics::count))
            .layer(CompressionLayer::new())
            .layer(from_fn(move |request, next| answer::finished(is_demo, request, next))),
    )
}

fn span(service: &'static str, request: &Request) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::debug_span!("request", service, http.method = %request.method(), http.route = route, http.request_id = id)
}

/// An answer must begin within that time; what streams may go on.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LONGEST_REQUEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "this took longer than 30 s; ask for less").into_response(),
    }
}

async fn nothing_here(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}; /docs lists what there is", uri.path()))
}

async fn not_that_way(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}; /docs says what it takes", uri.path()))
}

#[cfg(test)]
mod tests;
