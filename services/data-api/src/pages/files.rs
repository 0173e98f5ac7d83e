//! Files as a browser gets them. None of them knows under which path it is served: a proxy may have put one before ours.

use std::borrow::Cow;

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use wattribute_service::Problem;

/// The bytes of a file, by its name.
pub type Read = fn(&str) -> Option<Cow<'static, [u8]>>;

const INDEX: &str = "index.html";
const ICON: &str = "icon.svg";
/// What is shown where the dashboard was not built, and its icon.
const NOT_BUILT: &str = include_str!("not-built.html");
const NOT_BUILT_ICON: &str = include_str!("icon.svg");
/// Answers of ours that a file must not take the place of.
const OURS: &str = "openapi.json";

/// Everything of a page comes from here, and only a page of this origin may frame it: Home Assistant's, through its ingress.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self'; font-src 'self'; connect-src 'self'; object-src 'none'; \
                      frame-ancestors 'self'; base-uri 'none'; form-action 'self'";
/// Asked for again each time, since a new program brings a new one.
const LOOK_AGAIN: &str = "no-cache";
/// Never asked for again: its name says what is in it.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The files of these names. `index.html` is also what is at `/`; what is in `assets/` has the hash of its content in its name.
pub fn router(names: Vec<String>, read: Read) -> OpenApiRouter {
    let index =
        move || async move { of(INDEX, read, LOOK_AGAIN).unwrap_or_else(|_| answer(INDEX, NOT_BUILT.as_bytes().into(), LOOK_AGAIN)) };
    let icon =
        move || async move { of(ICON, read, LOOK_AGAIN).unwrap_or_else(|_| answer(ICON, NOT_BUILT_ICON.as_bytes().into(), LOOK_AGAIN)) };
    let asset = move |Path(name): Path<String>| async move { of(&format!("assets/{name}"), read, FOR_EVER) };
    let router = OpenApiRouter::new()
        .route("/", get(index))
        .route(&format!("/{INDEX}"), get(index))
        .route(&format!("/{ICON}"), get(icon))
        .route("/assets/{*name}", get(asset));
    let others = names.into_iter().filter(|name| is_plain(name) && ![INDEX, ICON, OURS].contains(&name.as_str()));
    others.fold(router, |router, name| {
        let path = format!("/{name}");
        router.route(&path, get(move || async move { of(&name, read, LOOK_AGAIN) }))
    })
}

/// A file beside the index, such as `manifest.webmanifest`; our own routes have no dot in them.
fn is_plain(name: &str) -> bool {
    name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn of(name: &str, read: Read, cached: &'static str) -> Result<Response, Problem> {
    let bytes = read(name).ok_or_else(|| Problem::not_found(format!("there is nothing at /{name}; /docs lists what there is")))?;
    Ok(answer(name, bytes, cached))
}

fn answer(name: &str, bytes: Cow<'static, [u8]>, cached: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind(name)), (header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, cached)];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (headers, bytes).into_response()
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
