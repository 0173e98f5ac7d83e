//! The pages, beside the same API: how to set up while there is nothing to show, else what is known now.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use wattribute_service::Problem;

use crate::{Api, has_readings};

const SETUP: &str = include_str!("pages/setup.html");
const LIVE: &str = include_str!("pages/live.html");
const STYLE: &str = include_str!("pages/style.css");
const SETUP_SCRIPT: &str = include_str!("pages/setup.js");
const LIVE_SCRIPT: &str = include_str!("pages/live.js");
const ICON: &str = include_str!("pages/icon.svg");

/// Everything of a page comes from here, and only a page of this origin may frame it: Home Assistant's, through its ingress.
const POLICY: &str = "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'";

/// The pages and the API.
pub fn router(api: Api) -> OpenApiRouter {
    let pages = OpenApiRouter::new()
        .route("/", get(index))
        .route("/style.css", get(|| async { asset("text/css", STYLE) }))
        .route("/setup.js", get(|| async { asset("text/javascript", SETUP_SCRIPT) }))
        .route("/live.js", get(|| async { asset("text/javascript", LIVE_SCRIPT) }))
        .route("/icon.svg", get(|| async { asset("image/svg+xml", ICON) }))
        .with_state(api.clone());
    crate::router(api).merge(pages)
}

async fn index(State(api): State<Api>) -> Result<Response, Problem> {
    let page = if has_readings(&*api.store).await? { LIVE } else { SETUP };
    let label = if api.is_demo { "<p class=\"demo\" role=\"note\">Demo: everything on this page is made up.</p>" } else { "" };
    let mut response = asset("text/html", "").into_response();
    *response.body_mut() = page.replace("<!--demo-->", label).into();
    Ok(response)
}

fn asset(kind: &str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&format!("{kind}; charset=utf-8")) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
