//! Who gets in. Requests over loopback do; all others need a token, unless the owner says otherwise. A browser login with a cookie is to
//! join [`Access::admits`].

mod host;
mod network;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{ConfigError, Problem};
use host::Hosts;
use network::Network;

/// Section `[access]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether others than this machine need a token.
    pub auth: Auth,
    /// Tokens that let in (`Authorization: Bearer …`).
    pub tokens: Vec<SecretString>,
    /// Networks that need no token: `192.168.1.0/24`, `fd00::/8` or single addresses.
    pub trusted_networks: Vec<String>,
    /// Host names that browsers may call us by, beside those of this machine.
    pub hosts: Vec<String>,
}

/// Whether others than this machine need a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// They do.
    #[default]
    Token,
    /// They do not.
    None,
}

/// Decides who gets in; clones are cheap. The default lets in this machine only.
#[derive(Clone, Default)]
pub struct Access(Arc<Rules>);

#[derive(Default)]
struct Rules {
    auth: Auth,
    /// SHA-256 of each token: what is compared has one length and tells nothing.
    tokens: Vec<[u8; 32]>,
    networks: Vec<Network>,
    hosts: Hosts,
}

/// Whether the request came from somebody who may see everything, or may only know that we are well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted(pub bool);

impl Access {
    /// The rules that the owner set; a network that cannot be read is an error.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let networks = config.trusted_networks.iter().map(|said| Network::parse(said)).collect::<Result<_, _>>()?;
        let tokens = config.tokens.iter().map(|token| Sha256::digest(token.expose_secret().trim().as_bytes()).into()).collect();
        Ok(Access(Arc::new(Rules { auth: config.auth, tokens, networks, hosts: Hosts::of_this_machine(&config.hosts) })))
    }

    /// Whether anybody but this machine could get in.
    pub fn lets_others_in(&self) -> bool {
        self.0.auth == Auth::None || !self.0.tokens.is_empty() || !self.0.networks.is_empty()
    }

    /// Whether a request with these headers from `peer` gets in. A request over loopback that says it was forwarded came from elsewhere;
    /// what such a header says of its origin is never believed.
    pub fn admits(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
        let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key(header::FORWARDED);
        let peer = peer.map(|ip| ip.to_canonical());
        let near = |ip: IpAddr| (ip.is_loopback() && !forwarded) || self.0.networks.iter().any(|network| network.contains(ip));
        self.0.auth == Auth::None || peer.is_some_and(near) || bearer(headers).is_some_and(|token| self.knows(token))
    }

    fn knows(&self, token: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        self.0.tokens.iter().fold(false, |known, token| known | bool::from(token.ct_eq(&digest)))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The middleware: refuses hosts that are not ours, foreign pages that want to change something, and strangers.
pub async fn guard(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = match host::of_request(headers, request.uri()) {
        Ok(host) => host,
        Err(problem) => return problem.into_response(),
    };
    if let Some(host) = &host
        && !access.0.hosts.include(host)
    {
        let detail = format!("this service is not called {}; if it is, add the name to `hosts` in [access]", host.escape_debug());
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, detail).into_response();
    }
    if !is_safe(request.method()) && host::is_foreign(headers, host.as_deref()) {
        return Problem::new(StatusCode::FORBIDDEN, "a page of another origin cannot change anything here").into_response();
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let admitted = access.admits(peer, headers);
    let path = request.uri().path();
    if !admitted && path != "/health" && !path.starts_with("/health/") {
        return refuse(headers);
    }
    request.extensions_mut().insert(Admitted(admitted));
    next.run(request).await
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn refuse(headers: &HeaderMap) -> Response {
    let detail = match bearer(headers) {
        Some(_) => "this token is not known here; `tokens` in [access] lists those that are",
        None => "from another machine a token is needed: `Authorization: Bearer …`, with one of `tokens` in [access]",
    };
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn access(auth: Auth) -> Access {
        let tokens = vec![SecretString::from("one"), SecretString::from("two")];
        Access::new(&Config { auth, tokens, trusted_networks: vec!["192.168.1.0/24".to_owned()], hosts: vec![] }).unwrap()
    }

    #[rstest]
    #[case("127.0.0.1", &[], true)]
    #[case("::1", &[], true)]
    #[case("::ffff:127.0.0.1", &[], true)]
    #[case("127.0.0.1", &[("x-forwarded-for", "127.0.0.1")], false)]
    #[case("192.168.1.7", &[], true)]
    #[case("::ffff:192.168.1.7", &[], true)]
    #[case("192.168.2.7", &[], false)]
    #[case("192.168.2.7", &[("x-forwarded-for", "192.168.1.7")], false)]
    #[case("192.168.2.7", &[("authorization", "Bearer two")], true)]
    #[case("192.168.2.7", &[("authorization", "bearer one")], true)]
    #[case("192.168.2.7", &[("authorization", "Bearer three")], false)]
    #[case("192.168.2.7", &[("authorization", "Bearer ")], false)]
    #[case("192.168.2.7", &[("authorization", "Basic two")], false)]
    fn this_machine_and_tokens_get_in(#[case] peer: &str, #[case] headers: &[(&'static str, &'static str)], #[case] admitted: bool) {
        let headers: HeaderMap = headers.iter().map(|(k, v)| (k.parse().unwrap(), HeaderValue::from_static(v))).collect();
        assert_eq!(access(Auth::Token).admits(Some(peer.parse().unwrap()), &headers), admitted);
        assert!(access(Auth::None).admits(Some(peer.parse().unwrap()), &headers));
    }

    #[test]
    fn without_a_peer_nobody_gets_in() {
        assert!(!Access::default().admits(None, &HeaderMap::new()));
        assert!(!Access::default().lets_others_in());
    }

    #[test]
    fn tokens_are_not_in_debug_output() {
        let config = Config { tokens: vec![SecretString::from("hush")], ..Config::default() };
        assert!(!format!("{config:?}").contains("hush"));
    }
}
