//! Section `[graphite]`.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::names::{normal, safe};

/// Section `[graphite]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Carbon's plaintext port; `None`: nothing is exported.
    pub address: Option<Address>,
    /// What all names begin with.
    pub prefix: Prefix,
    /// Tags of all metrics.
    pub tags: Vec<Tag>,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Certificate (PEM) of the owner's own CA.
    pub ca_file: Option<PathBuf>,
    /// The stretch of time that one point stands for, and how often points are sent; 1 s to 1 h.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// How far back it begins at the first start, and how far back what is heard late is sent; 7 days at most.
    #[serde(with = "humantime_serde")]
    pub backfill: Duration,
    /// What was sent so long before Carbon went is sent again when it is back: Carbon keeps points in memory before it writes them.
    #[serde(with = "humantime_serde")]
    pub resend: Duration,
    /// What waits on disk while Carbon is away, at most, MiB; then the oldest is dropped.
    pub spool_mb: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            address: None,
            prefix: Prefix("home.electricity".to_owned()),
            tags: Vec::new(),
            tls: false,
            ca_file: None,
            every: Duration::from_secs(10),
            backfill: Duration::from_secs(86_400),
            resend: Duration::from_secs(60),
            spool_mb: 256,
        }
    }
}

impl Config {
    /// The stretch that one point stands for, ms: whole seconds, since Graphite's times are.
    pub fn every_ms(&self) -> i64 {
        self.every.as_secs().clamp(1, 3600) as i64 * 1000
    }
}

/// Where Carbon listens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address {
    /// Its name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no address of Carbon's plaintext port; right are `graphite:2003` and `192.168.1.9`");
        let text = text.trim().trim_start_matches("tcp://");
        let (host, port) = match text.rsplit_once(':') {
            // `::1` is an address without a port.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (text, 2003),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@') || port == 0 {
            return Err(wrong());
        }
        Ok(Address { host: host.to_owned(), port })
    }
}

/// What names begin with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Prefix(String);

impl TryFrom<String> for Prefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<&str> = text.trim().trim_matches('.').split('.').collect();
        if parts.iter().any(|part| part.is_empty() || safe(part) != *part) {
            return Err(format!(
                "`{text}` cannot begin names; right is `home.electricity`: letters, digits, `_` and `-`, with dots between"
            ));
        }
        Ok(Prefix(parts.join(".")))
    }
}

impl Prefix {
    /// As it stands before names.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A tag of all metrics, `key=value`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Tag(String);

impl TryFrom<String> for Tag {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no tag; right is `house=cabin`, without `;`, `!`, `^`, `~` or blanks");
        let (key, value) = text.trim().split_once('=').ok_or_else(wrong)?;
        let fits = |part: &str| !part.is_empty() && !part.contains(|c: char| matches!(c, ';' | '=' | '!' | '^') || !c.is_ascii_graphic());
        if !fits(key) || !fits(value) || value.starts_with('~') || normal(key).is_empty() || key == "name" {
            return Err(wrong());
        }
        Ok(Tag(format!("{key}={value}")))
    }
}

impl Tag {
    /// As it stands behind names.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("graphite:2003", "graphite", 2003)]
    #[case("192.168.1.9", "192.168.1.9", 2003)]
    #[case("[::1]:2103", "::1", 2103)]
    #[case("::1", "::1", 2003)]
    #[case(" carbon.example.com:2004 ", "carbon.example.com", 2004)]
    fn an_address_has_a_port_or_the_usual_one(#[case] text: &str, #[case] host: &str, #[case] port: u16) {
        assert_eq!(Address::try_from(text.to_owned()), Ok(Address { host: host.to_owned(), port }));
    }

    #[rstest]
    #[case("graphite:port")]
    #[case(":2003")]
    #[case("http://graphite/")]
    #[case("graphite:0")]
    #[case("graphite:70000")]
    fn what_is_no_address_is_refused(#[case] text: &str) {
        assert!(Address::try_from(text.to_owned()).unwrap_err().contains("graphite:2003"));
    }

    #[rstest]
    #[case("house=cabin", true)]
    #[case("house", false)]
    #[case("house=", false)]
    #[case("house=a b", false)]
    #[case("house=a;b", false)]
    #[case("house=~a", false)]
    #[case("name=a", false)]
    fn tags_are_what_graphite_takes(#[case] text: &str, #[case] is_right: bool) {
        assert_eq!(Tag::try_from(text.to_owned()).is_ok(), is_right);
    }

    #[rstest]
    #[case("home.electricity", true)]
    #[case("cabin", true)]
    #[case("a..b", false)]
    #[case("a b", false)]
    #[case("a;b", false)]
    #[case("", false)]
    fn a_prefix_is_a_path(#[case] text: &str, #[case] is_right: bool) {
        assert_eq!(Prefix::try_from(text.to_owned()).is_ok(), is_right);
    }
}
