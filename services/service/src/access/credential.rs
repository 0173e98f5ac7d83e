//! What a request shows of itself: a token, a cookie, how it came.

use axum::extract::Query;
use axum::http::{HeaderMap, Uri, header};

/// The cookie of a browser that logged in.
pub const COOKIE: &str = "wattribute_session";
/// How many cookies of our name are looked at: another page of this host may have set more.
const MOST_COOKIES: usize = 4;
/// What a proxy adds.
const FORWARDED: &[&str] = &["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "x-forwarded-proto", "via"];
/// Parameters that people put tokens in.
const IN_QUERY: &[&str] = &["token", "access_token", "api_key", "apikey"];

/// The token of `Authorization: Bearer …`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// What the cookies of a login say.
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
    let ours = all.filter_map(|one| one.trim().split_once('=')).filter(|(name, value)| *name == COOKIE && !value.is_empty());
    ours.map(|(_, value)| value).take(MOST_COOKIES)
}

/// Whether a proxy brought the request.
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDED.iter().any(|name| headers.contains_key(*name))
}

/// Whether the browser came over https. Who says so wrongly only loses its own cookie.
pub fn is_https(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let first = |list: String| list.split(',').next().unwrap_or_default().trim().to_owned();
    first(text("x-forwarded-proto")) == "https"
        || first(text("forwarded")).contains("proto=https")
        || text("origin").starts_with("https://")
}

/// The parameter of the query that holds a token, if any.
pub fn in_query(uri: &Uri) -> Option<String> {
    let Query(all) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    all.into_iter().map(|(name, _)| name).find(|name| IN_QUERY.contains(&name.to_ascii_lowercase().as_str()))
}

/// Whether a person looks at the answer.
pub fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}
