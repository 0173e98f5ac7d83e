//! Pages that adapters ask for. An address and its headers may hold secrets: none of it is ever shown, only the host.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Interval, MissedTickBehavior, interval};
use wattribute_service::tls;

use super::AdapterError;

/// The longest answer that is read, bytes.
const LONGEST: usize = 4 << 20;

/// A device that answers HTTP.
#[derive(Clone)]
pub(super) struct Web {
    client: Client,
    base: Url,
    headers: HeaderMap,
}

impl Web {
    /// Prepares requests to `url`; connects to nothing yet. The error says what is wrong, after `what`, without any secret.
    pub fn new(what: &str, url: &SecretString, headers: &BTreeMap<String, SecretString>, timeout: Duration) -> Result<Self, AdapterError> {
        let wrong = |why: String| AdapterError::Unsupported(format!("{what}: {why}"));
        let parsed = Url::parse(url.expose_secret().trim()).ok();
        let usable = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = usable.ok_or_else(|| wrong("url: this is no address such as http://192.168.1.7/api/v1/data".to_owned()))?;
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let known = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| wrong(format!("headers: `{}` is no name of a header", name.escape_debug())))?;
            let mut value = HeaderValue::from_str(value.expose_secret())
                .map_err(|_| wrong(format!("headers: the value of `{known}` holds what a header cannot, such as a new line")))?;
            value.set_sensitive(true);
            all.insert(known, value);
        }
        let tls = tls::client_config(None).map_err(wrong)?;
        let builder = Client::builder().tls_backend_preconfigured((*tls).clone()).timeout(timeout).connect_timeout(timeout);
        // Whoever is redirected to was not named by the owner, and would be sent the headers.
        let builder = builder.redirect(redirect::Policy::none()).user_agent(concat!("wattribute/", env!("CARGO_PKG_VERSION")));
        let client = builder.build().map_err(|error| wrong(format!("the HTTP client cannot be set up: {error}")))?;
        Ok(Web { client, base, headers: all })
    }

    /// Its host, which may be shown.
    pub fn host(&self) -> &str {
        self.base.host_str().unwrap_or("?")
    }

    /// What the address itself answers.
    pub async fn get(&self) -> Result<Vec<u8>, AdapterError> {
        self.ask(self.base.clone()).await
    }

    /// What it answers at a path below the address, with a query; it is written as it is given.
    pub async fn get_at(&self, path: &str, query: &str) -> Result<Vec<u8>, AdapterError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
        url.set_query(Some(query));
        self.ask(url).await
    }

    async fn ask(&self, url: Url) -> Result<Vec<u8>, AdapterError> {
        let host = self.host();
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                AdapterError::Timeout(format!("{host} did not answer in time"))
            } else if error.is_connect() {
                AdapterError::Unreachable(format!("{host} cannot be reached: {}; see that it has power and this address", root(&error)))
            } else {
                AdapterError::Unreachable(format!("{host} ended its answer early: {}", root(&error)))
            }
        };
        let mut answer = self.client.get(url).headers(self.headers.clone()).send().await.map_err(failed)?;
        match answer.status() {
            status if status.is_success() => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(AdapterError::Unauthorized(format!("{host} answers {status}: see its password or token")));
            }
            status if status.is_redirection() => {
                return Err(AdapterError::Unreachable(format!(
                    "{host} answers {status}: it is elsewhere now; give the address that it names"
                )));
            }
            status => return Err(AdapterError::Unreachable(format!("{host} answers {status}"))),
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                return Err(AdapterError::Protocol(format!("{host} answers with more than {LONGEST} bytes")));
            }
        }
        Ok(body)
    }
}

/// What is behind an error: of reqwest's own words, some repeat the address.
fn root(error: &reqwest::Error) -> String {
    let mut why: Option<&dyn Error> = error.source();
    while let Some(deeper) = why.and_then(Error::source) {
        why = Some(deeper);
    }
    why.map_or_else(|| "no reason was given".to_owned(), ToString::to_string)
}

/// When a polled device is asked again. What was missed is not made up for.
pub(super) struct Ticks {
    every: Duration,
    interval: Option<Interval>,
}

impl Ticks {
    pub fn every(every: Duration) -> Self {
        Ticks { every: every.max(Duration::from_millis(100)), interval: None }
    }

    /// Waits until it is time; the first time at once. Cancel-safe.
    pub async fn next(&mut self) {
        let every = self.every;
        let interval = self.interval.get_or_insert_with(|| {
            let mut interval = interval(every);
            interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
            interval
        });
        interval.tick().await;
    }
}
