//! Who gets in. Requests over loopback do; all others need a token or the cookie of a login, unless the owner says otherwise.

mod credential;
mod guard;
mod host;
mod known;
mod limit;
mod login;
mod network;
pub mod origin;
mod scope;
mod secret;
pub mod tokens;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use wattribute_store::Store;

use crate::ConfigError;
use host::Hosts;
use known::Known;
use limit::Limit;
use network::Network;
use secret::Fingerprint;

pub use credential::{COOKIE, bearer};
pub use guard::{Admitted, guard};
pub use login::routes;
pub use scope::Scope;

/// Section `[access]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether others than this machine need a token.
    pub auth: Auth,
    /// Tokens that let in (`Authorization: Bearer …`), beside those of `wattribute token create`; good for everything.
    pub tokens: Vec<SecretString>,
    /// Networks that need no token: `192.168.1.0/24`, `fd00::/8` or single addresses.
    pub trusted_networks: Vec<String>,
    /// Host names that browsers may call us by, beside those of this machine.
    pub hosts: Vec<String>,
    /// Origins whose pages may ask us: `https://grafana.example`.
    pub cors_origins: Vec<String>,
    /// Requests per minute that one address may make, unless it is this machine or in a trusted network; 0: any number.
    pub rate_limit_per_minute: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            auth: Auth::default(),
            tokens: Vec::new(),
            trusted_networks: Vec::new(),
            hosts: Vec::new(),
            cors_origins: Vec::new(),
            rate_limit_per_minute: 600,
        }
    }
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

/// Wrong tokens per minute and address; then it must wait.
const GUESSES_PER_MINUTE: u32 = 10;

/// Decides who gets in; clones are cheap. The default lets in this machine only.
#[derive(Clone)]
pub struct Access(Arc<Rules>);

struct Rules {
    auth: Auth,
    known: Known,
    networks: Vec<Network>,
    hosts: Hosts,
    origins: Vec<HeaderValue>,
    requests: Option<Limit>,
    guesses: Limit,
}

impl Default for Access {
    fn default() -> Self {
        Access(Arc::new(Rules {
            auth: Auth::Token,
            known: Known::default(),
            networks: Vec::new(),
            hosts: Hosts::default(),
            origins: Vec::new(),
            requests: None,
            guesses: Limit::new(GUESSES_PER_MINUTE, GUESSES_PER_MINUTE),
        }))
    }
}

/// What a request shows is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// It shows nothing.
    Nothing,
    /// A token or login that is known.
    Known(Scope),
    /// A token or login that is not.
    Unknown,
    /// It was wrong too often and must wait so long.
    TooOften(Duration),
}

impl Access {
    /// The rules that the owner set; a network or an origin that cannot be read is an error.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let networks = config.trusted_networks.iter().map(|said| Network::parse(said)).collect::<Result<_, _>>()?;
        let origins = config.cors_origins.iter().map(|said| origin::parse(said)).collect::<Result<_, _>>()?;
        let tokens = config.tokens.iter().map(|token| token.expose_secret().trim()).filter(|token| !token.is_empty());
        let per_minute = config.rate_limit_per_minute;
        Ok(Access(Arc::new(Rules {
            auth: config.auth,
            known: Known::configured(tokens.map(Fingerprint::of).collect()),
            networks,
            hosts: Hosts::of_this_machine(&config.hosts),
            origins,
            requests: (per_minute > 0).then(|| Limit::new(per_minute, per_minute / 3)),
            guesses: Limit::new(GUESSES_PER_MINUTE, GUESSES_PER_MINUTE),
        })))
    }

    /// From here on also tokens and logins that this store keeps.
    pub async fn keep_in(&self, store: Arc<dyn Store>) {
        self.0.known.keep_in(store);
        self.0.known.look().await;
    }

    /// From here on lets the device with this token push, and nothing else.
    pub fn let_push(&self, token: &SecretString) {
        self.0.known.let_push(Fingerprint::of(token.expose_secret().trim()));
    }

    /// Whether a request shows a token or a login that is good for `scope`, wherever it comes from.
    pub async fn shows(&self, request: &Parts, scope: Scope) -> bool {
        let peer = guard::peer(&request.extensions);
        matches!(self.shown(peer, &request.headers).await, Shown::Known(known) if known.allows(scope))
    }

    /// Whether a request that was let in to read would be let in now: its token may have been revoked, its login may have ended. For answers
    /// that last; [`guard()`] puts who is to be asked into the request's extensions.
    pub async fn still_admits(&self, request: &Parts) -> bool {
        let peer = guard::peer(&request.extensions);
        self.0.auth == Auth::None || self.is_near(peer, &request.headers) || self.shows(request, Scope::Read).await
    }

    /// Whether anybody but this machine could get in.
    pub fn lets_others_in(&self) -> bool {
        self.0.auth == Auth::None || !self.0.known.is_empty() || !self.0.networks.is_empty()
    }

    /// Origins whose pages may ask us.
    pub fn origins(&self) -> &[HeaderValue] {
        &self.0.origins
    }

    /// Whether a request from `peer` needs to show nothing. One over loopback that says it was forwarded came from elsewhere; what such a
    /// header says of its origin is never believed.
    fn is_near(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
        let is_forwarded = credential::is_forwarded(headers);
        let near = |ip: IpAddr| (ip.is_loopback() && !is_forwarded) || self.0.networks.iter().any(|network| network.contains(ip));
        peer.is_some_and(near)
    }

    /// What a request shows, and what that is worth.
    ///
    /// Who is wrong too often must wait, whatever it shows next, except for a token that we made and a login: nobody finds those by trying,
    /// and so a neighbour behind the same proxy who guesses shuts nobody else out.
    async fn shown(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Shown {
        let known = &self.0.known;
        let token = credential::bearer(headers);
        if token.is_none() && credential::cookies(headers).next().is_none() {
            return Shown::Nothing;
        }
        known.look().await;
        let shown = match token.map(|token| self.guess(peer, token)) {
            Some(Ok(Some((scope, _)))) => return Shown::Known(scope),
            Some(Err(wait)) => Shown::TooOften(wait),
            Some(Ok(None)) | None => Shown::Unknown,
        };
        let now_ms = Utc::now().timestamp_millis();
        let login = credential::cookies(headers).find_map(|cookie| known.session(cookie, now_ms));
        login.map_or(shown, Shown::Known)
    }

    /// What a token is good for, or that its guesser has to wait. What is wrong counts.
    fn guess(&self, peer: Option<IpAddr>, token: &str) -> Result<Option<(Scope, Fingerprint)>, Duration> {
        let Rules { known, guesses, .. } = &*self.0;
        let (peer, now) = (whose(peer), Instant::now());
        let found = |may_be_guessed: bool| known.token(token).filter(|_| !may_be_guessed || guesses.has(peer, now).is_ok());
        match found(!secret::is_token(token)) {
            Some(found) => Ok(Some(found)),
            None => guesses.take(peer, now).map(|()| None),
        }
    }
}

/// Requests without a peer share one.
fn whose(peer: Option<IpAddr>) -> IpAddr {
    peer.unwrap_or(IpAddr::from([0, 0, 0, 0]))
}

#[cfg(test)]
mod tests;
