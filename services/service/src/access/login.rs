//! `/login` and `/logout`: a browser shows a token once and holds a cookie from then on. The page works without a script.

use axum::Router;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, FromRequest, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::credential::{COOKIE, cookies, is_https, wants_page};
use super::guard::{peer, seconds, too_often};
use super::secret::source_of;
use super::tokens::{self, SESSION_S};
use super::{Access, Scope};
use crate::Problem;

const PAGE: &str = include_str!("login.html");
const STYLE: &str = include_str!("login.css");
const LONGEST_NEXT: usize = 2000;

/// The routes; nobody but a browser asks them, so that they are not in the described API.
pub fn routes(access: Access) -> Router {
    Router::new().route("/login", get(page).post(enter)).route("/logout", post(leave)).with_state(access)
}

/// Sends a browser to `login`. Every address is relative: a proxy may have put a path before ours.
pub fn redirect(uri: &Uri) -> Response {
    let depth = uri.path().matches('/').count().saturating_sub(1);
    let next = uri.path_and_query().map_or("", |path| path.as_str()).trim_start_matches('/');
    see_other(&format!("{}login?next={}", "../".repeat(depth), encoded(next)))
}

#[derive(Deserialize)]
struct Asked {
    next: Option<String>,
    again: Option<String>,
}

async fn page(State(access): State<Access>, headers: HeaderMap, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let Ok(Query(Asked { next: Some(next), again })) = asked else { return shown(StatusCode::OK, "", "", false) };
    access.0.known.look().await;
    let now_ms = chrono::Utc::now().timestamp_millis();
    if cookies(&headers).any(|cookie| access.0.known.session(cookie, now_ms).is_some()) {
        return see_other(&local(&next));
    }
    shown(StatusCode::OK, "", &next, again.is_none())
}

#[derive(Deserialize)]
struct Entered {
    token: SecretString,
    #[serde(default)]
    next: String,
}

async fn enter(State(access): State<Access>, request: Request) -> Response {
    let (peer, headers) = (peer(request.extensions()), request.headers().clone());
    let read: Result<Form<Entered>, FormRejection> = Form::from_request(request, &()).await;
    let Ok(Form(Entered { token, next })) = read else {
        return Problem::bad_parameter("token: a form with the field `token` is expected").into_response();
    };
    let token = token.expose_secret().trim();
    let refuse = |status, detail: &str| match wants_page(&headers) {
        true => shown(status, detail, &next, false),
        false => Problem::new(status, detail).into_response(),
    };
    access.0.known.look().await;
    let found = match access.guess(peer, token) {
        Err(wait) => {
            let mut response = too_often(wait);
            if wants_page(&headers) {
                let retry = response.headers_mut().remove(header::RETRY_AFTER);
                let detail = format!("Too many wrong tokens came from here. Try again in {} s.", seconds(wait));
                response = shown(StatusCode::TOO_MANY_REQUESTS, &detail, &next, false);
                response.headers_mut().extend(retry.map(|retry| (header::RETRY_AFTER, retry)));
            }
            return response;
        }
        Ok(None) => return refuse(StatusCode::UNAUTHORIZED, "This token is not known here."),
        Ok(Some((Scope::Push, _))) => {
            return refuse(StatusCode::FORBIDDEN, "This token only pushes readings; one of scope read or write is needed.");
        }
        Ok(Some((_, found))) => found,
    };
    let Some(store) = access.0.known.store() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "There is no store to keep the login in.");
    };
    match tokens::open_session(store, &found).await {
        Ok(session) => {
            access.0.known.look_now().await;
            let secure = if is_https(&headers) { "; Secure" } else { "" };
            let cookie = format!("{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age={SESSION_S}{secure}", session.expose_secret());
            with_cookie(see_other(&local(&next)), &cookie)
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn leave(State(access): State<Access>, headers: HeaderMap) -> Response {
    if let Some(store) = access.0.known.store() {
        for cookie in cookies(&headers) {
            if let Err(error) = tokens::close_session(store, cookie).await {
                return Problem::from(error).into_response();
            }
        }
    }
    access.0.known.look_now().await;
    with_cookie(see_other("login"), &format!("{COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"))
}

/// The page. A browser that follows a link from elsewhere leaves its cookie at home; so the first page asks `again`, now from here.
fn shown(status: StatusCode, problem: &str, next: &str, again: bool) -> Response {
    let problem = if problem.is_empty() { String::new() } else { format!("<p class=\"wrong\" role=\"alert\">{}</p>", escaped(problem)) };
    let again = match again {
        true => format!("<meta http-equiv=\"refresh\" content=\"0; url=login?next={}&amp;again=1\">", encoded(next)),
        false => String::new(),
    };
    let page = PAGE.replace("<!--style-->", STYLE).replace("<!--again-->", &again).replace("<!--problem-->", &problem);
    let mut response = (status, page.replace("<!--next-->", &escaped(next))).into_response();
    let policy = format!("default-src 'none'; style-src {}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'", source_of(STYLE));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.extend(HeaderValue::from_str(&policy).ok().map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    response
}

/// Where to go on: within what is ours, relative to `login`; else to the start.
fn local(next: &str) -> String {
    let path = next.split(['?', '#']).next().unwrap_or_default();
    let plain = next.len() <= LONGEST_NEXT && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let dotted = path.to_ascii_lowercase().replace("%2e", ".");
    let stays = !path.starts_with('/') && !path.contains("//") && !path.contains(':') && dotted.split('/').all(|part| part != "..");
    if plain && stays { format!("./{next}") } else { "./".to_owned() }
}

fn see_other(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().extend(HeaderValue::from_str(to).ok().map(|to| (header::LOCATION, to)));
    response
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    let value = HeaderValue::from_str(cookie).ok().map(|mut value| {
        value.set_sensitive(true);
        value
    });
    response.headers_mut().extend(value.map(|value| (header::SET_COOKIE, value)));
    response
}

/// As a value in a query.
fn encoded(text: &str) -> String {
    let letter = |b: u8| match b.is_ascii_alphanumeric() || b"-._~/".contains(&b) {
        true => char::from(b).to_string(),
        false => format!("%{b:02X}"),
    };
    text.bytes().map(letter).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("docs", "./docs")]
    #[case("", "./")]
    #[case("api/v1/energy/correlations?hours=2&min_delta=5", "./api/v1/energy/correlations?hours=2&min_delta=5")]
    #[case("?from=//x", "./?from=//x")]
    #[case("/docs", "./")]
    #[case("//evil.example", "./")]
    #[case("https://evil.example", "./")]
    #[case("javascript:alert(1)", "./")]
    #[case("\\\\evil.example", "./")]
    #[case("a/../../..", "./")]
    #[case("a/%2E./b", "./")]
    #[case("docs\r\nset-cookie: x=y", "./")]
    #[case("ü", "./")]
    fn what_comes_next_is_ours(#[case] next: &str, #[case] goes_to: &str) {
        assert_eq!(local(next), goes_to);
    }

    #[rstest]
    #[case("/", "login?next=")]
    #[case("/docs", "login?next=docs")]
    #[case("/docs/index.html", "../login?next=docs/index.html")]
    #[case("/api/v1/energy/current?a=b&c=%20", "../../../login?next=api/v1/energy/current%3Fa%3Db%26c%3D%2520")]
    fn the_way_to_the_login_is_relative(#[case] uri: &str, #[case] location: &str) {
        assert_eq!(redirect(&uri.parse().unwrap()).headers()[header::LOCATION], location);
    }

    #[test]
    fn nothing_that_was_sent_becomes_markup() {
        assert_eq!(escaped("\"><script>'&"), "&quot;&gt;&lt;script&gt;&#39;&amp;");
    }
}
