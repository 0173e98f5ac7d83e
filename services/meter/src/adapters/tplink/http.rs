//! Requests to devices that speak over HTTP.

use reqwest::{Client, Url, header, redirect};

use super::Trouble;
use super::place::Place;

/// The longest answer that is read, bytes.
const LONGEST: usize = 1 << 20;

/// A device that answers HTTP.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    base: Url,
    place: Place,
}

/// An answer.
pub(super) struct Answer {
    /// HTTP status.
    pub status: u16,
    /// What it says.
    pub body: Vec<u8>,
    /// Cookies that it gives, as they stand in its headers.
    cookies: Vec<String>,
}

impl Answer {
    /// A cookie by its name. Devices write several into one header: `TP_SESSIONID=ABCD;TIMEOUT=86400`.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let parts = self.cookies.iter().flat_map(|cookies| cookies.split(';'));
        parts.filter_map(|part| part.trim().split_once('=')).find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// The client of all devices of a source. Each request has a connection of its own, as plugs can have few.
pub(super) fn client() -> Result<Client, String> {
    let tls = wattribute_service::tls::client_config(None)?;
    let builder = Client::builder().tls_backend_preconfigured((*tls).clone()).pool_max_idle_per_host(0);
    builder.redirect(redirect::Policy::none()).no_proxy().build().map_err(|error| format!("the HTTP client cannot be set up: {error}"))
}

impl Http {
    pub fn to(client: &Client, place: &Place) -> Result<Self, Trouble> {
        let base = Url::parse(&format!("http://{}/", place.with_port(80))).map_err(|_| Trouble::Away(format!("{place} is no host")))?;
        Ok(Http { client: client.clone(), base, place: place.clone() })
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Posts to a path below the address, such as `app/request`, with at most one parameter. No error shows it: it may be a token.
    pub async fn post(
        &self,
        path: &str,
        parameter: Option<(&str, &str)>,
        cookie: Option<&str>,
        kind: &'static str,
        body: Vec<u8>,
    ) -> Result<Answer, Trouble> {
        let mut url = self.base.clone();
        url.set_path(path);
        if let Some((name, value)) = parameter {
            url.query_pairs_mut().append_pair(name, value);
        }
        let mut request = self.client.post(url).header(header::CONTENT_TYPE, kind).header(header::ACCEPT, kind);
        if kind == JSON {
            request = request.header("requestByApp", "true");
        }
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, format!("{SESSION}={cookie}"));
        }
        let place = &self.place;
        let failed = |error: reqwest::Error| {
            let error = error.without_url();
            if error.is_connect() {
                Trouble::Away(format!("{place} cannot be reached; see that it has power and this address"))
            } else {
                Trouble::Away(format!("{place} ended its answer early"))
            }
        };
        let mut answer = request.body(body).send().await.map_err(failed)?;
        let cookies =
            answer.headers().get_all(header::SET_COOKIE).iter().filter_map(|value| Some(value.to_str().ok()?.to_owned())).collect();
        let (status, mut body) = (answer.status().as_u16(), Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                return Err(Trouble::Nonsense(format!("{place} answers with more than {LONGEST} bytes: this is no plug")));
            }
        }
        Ok(Answer { status, body, cookies })
    }
}

/// The cookie that names a session.
pub(super) const SESSION: &str = "TP_SESSIONID";
/// The cookie that says how long a session lasts, s.
pub(super) const LASTS: &str = "TIMEOUT";
/// The type of bodies of `securePassthrough`.
pub(super) const JSON: &str = "application/json";
/// The type of bodies of KLAP.
pub(super) const BYTES: &str = "application/octet-stream";
