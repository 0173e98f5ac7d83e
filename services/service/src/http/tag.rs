//! `ETag`: who asks again and has what we would answer is told so, without it.

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::Problem;

const LARGEST_BYTES: usize = 1 << 20;

/// Tags answers in JSON that are whole and not large; streams and exports go through as they are.
pub async fn tagged(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_asked = *request.method() == Method::GET && (path.starts_with("/api/") || path == "/openapi.json");
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if !is_asked || !can_be_tagged(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST_BYTES).await else {
        return Problem::internal(&"an answer that is whole could not be read").into_response();
    };
    // Weak: what is sent may yet be compressed.
    let tag: String = Sha256::digest(&bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("W/\"{tag}\"");
    parts.headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (header::ETAG, tag)));
    parts.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache, private"));
    if known.is_some_and(|known| has(&known, &tag)) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn can_be_tagged(response: &Response) -> bool {
    let size = response.body().size_hint().exact();
    let untagged = !response.headers().contains_key(header::ETAG);
    response.status() == StatusCode::OK && untagged && is_json(response.headers()) && size.is_some_and(|size| size <= LARGEST_BYTES as u64)
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// Whether one of the tags is that one, or any is meant.
fn has(known: &HeaderValue, tag: &str) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.to_str().is_ok_and(|known| known.split(',').any(|one| one.trim() == "*" || plain(one) == plain(tag)))
}
