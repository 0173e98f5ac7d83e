//! `/docs` and `/openapi.json`: the API described by the code that answers it.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa_swagger_ui::Config;

use crate::Problem;

/// Scripts and styles come from here only; Swagger UI sets styles in its markup.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// The description and a page to read and try it.
pub fn routes(api: OpenApi, service: &str) -> Router {
    let api = Arc::new(titled(api, service));
    let config = Arc::new(Config::from("/openapi.json"));
    let index = config.clone();
    Router::new()
        .route("/openapi.json", get(move || async move { Json(api) }))
        .route("/docs", get(move || async move { file("index.html", index) }))
        .route("/docs/{*rest}", get(move |Path(rest): Path<String>| async move { file(&rest, config) }))
}

fn titled(mut api: OpenApi, service: &str) -> OpenApi {
    api.info.title = format!("Wattribute: {service}");
    api.info.description = Some("Every watt, attributed. From another machine than its own it wants a bearer token.".to_owned());
    api.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    api.components.get_or_insert_default().add_security_scheme("token", bearer);
    api.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("token", [])]);
    api
}

fn file(path: &str, config: Arc<Config<'static>>) -> Response {
    let served = match utoipa_swagger_ui::serve(path, config) {
        Ok(Some(served)) => served,
        Ok(None) => return Problem::not_found(format!("there is no /docs/{path}")).into_response(),
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let mut bytes = served.bytes.into_owned();
    if path == "index.html" {
        // Its links are relative, and the page is at `/docs` without a slash.
        bytes = String::from_utf8_lossy(&bytes).replacen("<head>", "<head><base href=\"/docs/\">", 1).into_bytes();
    }
    let headers = [(header::CONTENT_TYPE, served.content_type), (header::CONTENT_SECURITY_POLICY, POLICY.to_owned())];
    let mut response = (headers, bytes).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    response
}
