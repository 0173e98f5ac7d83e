//! HTTP that we speak as a client to addresses that the owner names. Such an address and its headers may hold secrets: none of it is ever
//! shown, only the host.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url, redirect};
use secrecy::{ExposeSecret, SecretString};

use crate::tls;

/// An address as the owner gives it. The error says that it is none, without repeating it, and what one looks like.
pub fn address(said: &SecretString, such_as: &str) -> Result<Url, String> {
    let parsed = Url::parse(said.expose_secret().trim()).ok();
    let usable = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    usable.ok_or_else(|| format!("url: this is no address such as {such_as}"))
}

/// The host of an address, which may be shown.
pub fn host(url: &Url) -> &str {
    url.host_str().unwrap_or("?")
}

/// Headers as the owner gives them. The error names the one that cannot be sent, without its value.
pub fn headers(said: &BTreeMap<String, SecretString>) -> Result<HeaderMap, String> {
    said.iter().map(|(name, value)| header(name, value.expose_secret())).collect()
}

/// One header, whose value is shown by nobody.
pub fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let known =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("headers: `{}` is no name of a header", name.escape_debug()))?;
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| format!("headers: the value of `{known}` holds what a header cannot, such as a new line"))?;
    value.set_sensitive(true);
    Ok((known, value))
}

/// Prepares requests that take at most `timeout`; connects to nothing yet. It trusts what the machine trusts and follows nobody elsewhere.
pub fn client(timeout: Duration) -> Result<Client, String> {
    let tls = tls::client_config(None)?;
    let builder = Client::builder().tls_backend_preconfigured((*tls).clone()).timeout(timeout).connect_timeout(timeout);
    // Whoever is redirected to was not named by the owner, and would be sent the headers; and a POST would become a GET.
    let builder = builder.redirect(redirect::Policy::none()).user_agent(concat!("wattribute/", env!("CARGO_PKG_VERSION")));
    builder.build().map_err(|error| format!("the HTTP client cannot be set up: {error}"))
}

/// What is behind an error: of reqwest's own words, some repeat the address.
pub fn root(error: &reqwest::Error) -> String {
    let mut why: Option<&dyn Error> = error.source();
    while let Some(deeper) = why.and_then(Error::source) {
        why = Some(deeper);
    }
    why.map_or_else(|| "no reason was given".to_owned(), ToString::to_string)
}
