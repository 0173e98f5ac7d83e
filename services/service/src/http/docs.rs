//! `/docs` and `/openapi.json`: the API described by the code that answers it.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

use super::describe::described;
use crate::Problem;

/// Scripts and styles come from here only; Swagger UI sets styles in its markup.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'";
/// Where the description is, as seen from the files of the page: a proxy may have put a path before ours.
const API: &str = "../openapi.json";

/// The description and a page to read and try it.
pub fn routes(api: OpenApi, service: &str) -> Router {
    // It does not change while we run.
    let api: Bytes = serde_json::to_vec(&described(api, service)).unwrap_or_default().into();
    let config = Arc::new(Config::from(API));
    let index = config.clone();
    let json = HeaderValue::from_static("application/json");
    Router::new()
        .route("/openapi.json", get(move || async move { ([(header::CONTENT_TYPE, json)], api) }))
        .route("/docs", get(move || async move { file("", index) }))
        .route("/docs/", get(|| async { (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "../docs")]) }))
        .route("/docs/{*rest}", get(move |Path(rest): Path<String>| async move { file(&rest, config) }))
}

fn file(path: &str, config: Arc<Config<'static>>) -> Response {
    let served = match utoipa_swagger_ui::serve(path, config) {
        Ok(Some(served)) => served,
        Ok(None) => return Problem::not_found(format!("there is no /docs/{path}")).into_response(),
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let mut bytes = served.bytes.into_owned();
    if path.is_empty() {
        // Its links are relative, and the page is at `/docs` without a slash.
        bytes = String::from_utf8_lossy(&bytes).replacen("<head>", "<head><base href=\"docs/\">", 1).into_bytes();
    }
    if path == "swagger-initializer.js" {
        // Whole, so that what the description says relative to itself is understood.
        let whole = format!("new URL(\"{API}\", document.baseURI).href");
        bytes = String::from_utf8_lossy(&bytes).replacen(&format!("\"{API}\""), &whole, 1).into_bytes();
    }
    let headers = [(header::CONTENT_TYPE, served.content_type), (header::CONTENT_SECURITY_POLICY, POLICY.to_owned())];
    let mut response = (headers, bytes).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    response
}
