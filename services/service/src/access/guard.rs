//! The middleware: refuses hosts that are not ours, foreign pages that want to change something, who asks too often, and strangers.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::scope::is_safe;
use super::{Access, Auth, Scope, Shown, credential, host, login, whose};
use crate::Problem;

/// Whether the request came from somebody who may see everything, or may only know that we are well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted(pub bool);

/// Lets a request through, or answers it.
pub async fn guard(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let peer = peer(request.extensions());
    let said = match access.judge(peer, request.method(), request.uri(), request.headers()).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    request.extensions_mut().insert(said);
    // An answer that lasts asks again.
    request.extensions_mut().insert(access);
    next.run(request).await
}

/// Who asks, as far as the connection tells.
pub fn peer(of_request: &Extensions) -> Option<IpAddr> {
    of_request.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical())
}

impl Access {
    async fn judge(&self, peer: Option<IpAddr>, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Admitted, Response> {
        let said = host::of_request(headers, uri).map_err(IntoResponse::into_response)?;
        if let Some(host) = &said
            && !self.0.hosts.include(host)
        {
            let detail = format!("this service is not called {}; if it is, add the name to `hosts` in [access]", host.escape_debug());
            return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail).into_response());
        }
        if !is_safe(method) && self.is_foreign(peer, headers, said.as_deref()) {
            return Err(Problem::new(StatusCode::FORBIDDEN, "a page of another origin cannot change anything here").into_response());
        }
        let is_near = self.is_near(peer, headers);
        if let Some(limit) = self.0.requests.as_ref().filter(|_| !is_near) {
            let detail = "too many requests from this address; `rate_limit_per_minute` in [access] says how many it may make";
            limit.take(whose(peer), Instant::now()).map_err(|wait| wait_for(wait, detail))?;
        }
        if let Some(name) = credential::in_query(uri) {
            let detail = format!(
                "{}: a token never goes in an address, where logs and histories keep it: send `Authorization: Bearer …`, or log in at /login",
                name.escape_debug()
            );
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail).into_response());
        }
        if is_near || self.0.auth == Auth::None {
            return Ok(Admitted(true));
        }
        let (shown, needed) = (self.shown(peer, headers).await, Scope::needed(method, uri.path()));
        if is_open(uri.path()) {
            return Ok(Admitted(matches!(shown, Shown::Known(scope) if scope.allows(Scope::Read))));
        }
        match shown {
            Shown::Known(scope) if scope.allows(needed) => Ok(Admitted(true)),
            Shown::Known(scope) => Err(wrong_scope(scope, needed)),
            Shown::TooOften(wait) => Err(too_often(wait)),
            _ if is_safe(method) && credential::wants_page(headers) => Err(login::redirect(uri)),
            shown => Err(unknown(shown)),
        }
    }

    /// Whether a page of another origin made the request. What a proxy says that we are called is believed of one on this machine or in a
    /// trusted network, such as Home Assistant's, which does not pass the Host on.
    fn is_foreign(&self, peer: Option<IpAddr>, headers: &HeaderMap, host: Option<&str>) -> bool {
        let is_named = headers.get(header::ORIGIN).is_some_and(|origin| self.0.origins.contains(origin));
        if is_named || !host::is_foreign(headers, host) {
            return false;
        }
        let is_proxy = peer.is_some_and(|ip| ip.is_loopback() || self.0.networks.iter().any(|network| network.contains(ip)));
        let called = headers.get("x-forwarded-host").and_then(|name| name.to_str().ok()).filter(|_| is_proxy);
        called.is_none_or(|name| host::is_foreign(headers, Some(name)))
    }
}

/// Strangers may know whether we are well, and log in.
fn is_open(path: &str) -> bool {
    matches!(path, "/health" | "/login" | "/logout") || path.starts_with("/health/")
}

/// An answer to one who must wait.
pub fn wait_for(wait: Duration, detail: &str) -> Response {
    let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
    response
}

/// Whole seconds to wait, at least one.
pub fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + 1
}

/// An answer to one whose tokens were wrong too often.
pub fn too_often(wait: Duration) -> Response {
    wait_for(wait, &format!("too many wrong tokens came from this address; it may try again in {} s", seconds(wait)))
}

fn wrong_scope(scope: Scope, needed: Scope) -> Response {
    let (scope, needed) = (scope.name(), needed.name());
    let detail = format!("this needs a token of scope `{needed}`, or `write`; this one is of scope `{scope}`");
    challenged(
        StatusCode::FORBIDDEN,
        detail.replace("`write`, or `write`", "`write`"),
        &format!("error=\"insufficient_scope\", scope=\"{needed}\""),
    )
}

fn unknown(shown: Shown) -> Response {
    match shown {
        Shown::Nothing => {
            let detail = "from another machine a token is needed: `Authorization: Bearer …`; `wattribute token create` makes one";
            challenged(StatusCode::UNAUTHORIZED, detail.to_owned(), "")
        }
        _ => {
            let detail = "this token or login is not known here (any more); `wattribute token list` prints the tokens that are";
            challenged(StatusCode::UNAUTHORIZED, detail.to_owned(), "error=\"invalid_token\"")
        }
    }
}

fn challenged(status: StatusCode, detail: String, why: &str) -> Response {
    let mut response = Problem::new(status, detail).into_response();
    let challenge = HeaderValue::from_str(format!("Bearer {why}").trim());
    response.headers_mut().extend(challenge.ok().map(|challenge| (header::WWW_AUTHENTICATE, challenge)));
    response
}
