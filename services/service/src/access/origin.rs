//! Pages of other origins that may ask us: none, unless the owner names them.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

use crate::ConfigError;

/// An origin as browsers write it: `https://grafana.example`.
pub fn parse(said: &str) -> Result<HeaderValue, ConfigError> {
    let wrong =
        || ConfigError(format!("[access] cors_origins: `{said}` is not an origin such as https://grafana.example:3000 (no path, no *)"));
    let origin = said.trim().trim_end_matches('/').to_ascii_lowercase();
    let (scheme, host) = origin.split_once("://").ok_or_else(wrong)?;
    let is_host = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
    if !matches!(scheme, "http" | "https") || !is_host {
        return Err(wrong());
    }
    HeaderValue::from_str(&origin).map_err(|_| wrong())
}

/// Lets pages of these origins read answers and send a token. Cookies stay at home.
pub fn layer(origins: Vec<HeaderValue>) -> CorsLayer {
    let plain = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_NONE_MATCH, plain("last-event-id")])
        .expose_headers([header::ETAG, header::RETRY_AFTER, plain("x-request-id"), plain("wattribute-demo")])
        .max_age(Duration::from_secs(600))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://grafana.example", Some("https://grafana.example"))]
    #[case(" http://Grafana.lan:3000/ ", Some("http://grafana.lan:3000"))]
    #[case("http://[fd00::1]:3000", Some("http://[fd00::1]:3000"))]
    #[case("*", None)]
    #[case("https://*.example", None)]
    #[case("null", None)]
    #[case("grafana.example", None)]
    #[case("https://", None)]
    #[case("https://grafana.example/d/1", None)]
    #[case("file:///home", None)]
    fn an_origin_is_scheme_host_and_port(#[case] said: &str, #[case] origin: Option<&str>) {
        assert_eq!(parse(said).ok(), origin.map(|origin| HeaderValue::from_str(origin).unwrap()));
    }
}
