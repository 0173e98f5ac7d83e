use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Where the broker is: `mqtt://[user:password@]host[:port]`, or `mqtts://` for TLS. Shown without user and password.
#[derive(Clone, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    /// Name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether TLS is spoken.
    pub is_tls: bool,
    /// User, where the address names one.
    pub username: Option<String>,
    /// Password, where the address has one.
    pub password: Option<SecretString>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        let scheme = if self.is_tls { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.to_string()
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    // What was wrong is not repeated: it may hold a password.
    fn try_from(text: String) -> Result<Self, String> {
        const RIGHT: &str =
            "give it as mqtt://host:1883, or mqtts://host:8883 for TLS, with user:password@ before the host where the broker asks for them";
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("mqtt", text));
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" | "tls" | "mqtt+ssl" => true,
            _ => return Err(format!("mqtt.url does not begin with mqtt:// or mqtts://; {RIGHT}")),
        };
        let rest = rest.trim_end_matches('/');
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, rest),
        };
        let (host, port) = match (place.rsplit_once("]:"), place.rsplit_once(':')) {
            (Some((host, port)), _) => (host.trim_start_matches('['), Some(port)),
            (None, _) if place.ends_with(']') => (place.trim_start_matches('[').trim_end_matches(']'), None),
            (None, Some((host, port))) => (host, Some(port)),
            (None, None) => (place, None),
        };
        if host.is_empty() || host.contains(['/', '?', '#', ' ']) {
            return Err(format!("mqtt.url names no host; {RIGHT}"));
        }
        let port = match port {
            None if is_tls => 8883,
            None => 1883,
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(format!("the port in mqtt.url is not a number from 1 to 65535; {RIGHT}")),
            },
        };
        let (username, password) = match credentials.map(|c| c.split_once(':').map_or((c, None), |(u, p)| (u, Some(p)))) {
            Some((username, password)) => (Some(plain(username)), password.map(|p| SecretString::from(plain(p)))),
            None => (None, None),
        };
        Ok(Address { host: host.to_owned(), port, is_tls, username, password })
    }
}

/// Text with its `%41` turned into letters; what is not UTF-8 then, or no such code, is left as it stands.
fn plain(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut k = 0;
    while k < bytes.len() {
        let code = if bytes[k] == b'%' { text.get(k + 1..k + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok()) } else { None };
        out.push(code.unwrap_or(bytes[k]));
        k += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}
