//! What every answer has in common: that it is a problem where it is none of ours, of which request it is, and what browsers may do with it.

use std::panic::AssertUnwindSafe;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::Problem;

/// What made-up answers carry.
pub const DEMO: HeaderName = HeaderName::from_static("wattribute-demo");
const ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_ID: usize = 64;
const LONGEST_TEXT: usize = 4096;
/// An answer is no page, and nothing may frame it; pages have policies of their own.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Lets a request keep the id that it brings, where that can stand in a log and in an address.
pub fn named(mut request: Request) -> Request {
    let is_plain = |id: &HeaderValue| {
        let letters = id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(b));
        letters && (1..=LONGEST_ID).contains(&id.len())
    };
    if !request.headers().get(&ID).is_none_or(is_plain) {
        request.headers_mut().remove(&ID);
    }
    request
}

/// Turns what a handler died of into an answer; the panic itself is logged by the process's hook.
pub async fn survived(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => Problem::internal(&"a bug ended the request").into_response(),
    }
}

/// An answer as it leaves.
pub async fn finished(is_demo: bool, request: Request, next: Next) -> Response {
    let id = request.headers().get(&ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let mut response = told(id, next.run(request).await).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let mut unless_said = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    unless_said(header::REFERRER_POLICY, "same-origin");
    unless_said(header::CACHE_CONTROL, "no-store");
    unless_said(header::CONTENT_SECURITY_POLICY, POLICY);
    unless_said(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if is_demo {
        headers.insert(DEMO, HeaderValue::from_static("true"));
    }
    response
}

/// A problem with the request that it is of. What the frame's own parts say in plain text becomes a problem as well.
async fn told(id: Option<String>, mut response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_text = kind.is_none_or(|kind| kind.starts_with(b"text/plain"));
    let is_wrong = status.is_client_error() || status.is_server_error();
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_wrong && is_text => {
            let (parts, body) = response.into_parts();
            let text = to_bytes(body, LONGEST_TEXT).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&text).trim().to_owned();
            response = Response::from_parts(parts, Body::empty());
            let usual = || status.canonical_reason().unwrap_or("this cannot be answered").to_lowercase();
            Problem::new(status, if text.is_empty() { usual() } else { text })
        }
        None => return response,
    };
    let mut told = Problem { instance: id, ..problem }.into_response();
    let old = response.headers().iter().filter(|(name, _)| **name != header::CONTENT_LENGTH && **name != header::CONTENT_TYPE);
    // What else was said stays: Allow, WWW-Authenticate, Retry-After.
    for (name, value) in old {
        told.headers_mut().append(name.clone(), value.clone());
    }
    told
}
