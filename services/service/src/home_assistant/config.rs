use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::HaError;

/// The section `[home_assistant]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where Home Assistant is: `http://homeassistant.local:8123`, `https://…`, also behind a path. Empty: there is none, or, inside an
    /// add-on, the Home Assistant that the add-on runs beside.
    pub url: String,
    /// Long-lived access token (your profile in Home Assistant, Security). Inside an add-on none is needed.
    #[serde(serialize_with = "masked")]
    pub token: Option<SecretString>,
    /// File that holds the token, instead of `token`.
    pub token_file: Option<PathBuf>,
    /// Certificate of your own CA (PEM), where Home Assistant's certificate is of one.
    pub ca_file: Option<PathBuf>,
    /// The whole-house power sensor, or an expression such as `sensor.import - sensor.export`. Unset: found by itself.
    pub meter: Option<String>,
    /// Which entities are asked what they draw: ids, globs (`light.*`), domains (`light`), `area:NAME`, `label:NAME`. Empty: all that may
    /// switch a load. Sensors of power and energy are read whatever this says.
    pub include: Vec<String>,
    /// What is left out, sensors too; in the same words.
    pub exclude: Vec<String>,
    /// How much of its history is fetched at the first start.
    #[serde(with = "humantime_serde")]
    pub backfill: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            url: String::new(),
            token: None,
            token_file: None,
            ca_file: None,
            meter: None,
            include: Vec::new(),
            exclude: Vec::new(),
            backfill: Duration::from_secs(10 * 24 * 3600),
        }
    }
}

/// The environment variable that the Supervisor gives an add-on.
const SUPERVISOR_TOKEN: &str = "SUPERVISOR_TOKEN";
/// Where the Supervisor lets an add-on reach Home Assistant.
const SUPERVISOR_URL: &str = "http://supervisor/core";

impl Config {
    /// Whether there is a Home Assistant to connect to.
    pub fn is_set(&self) -> bool {
        !self.url.trim().is_empty() || std::env::var_os(SUPERVISOR_TOKEN).is_some_and(|token| !token.is_empty())
    }

    /// Where Home Assistant is.
    pub fn address(&self) -> Result<Address, HaError> {
        match self.url.trim() {
            "" if self.is_set() => Address::parse(SUPERVISOR_URL),
            url => Address::parse(url),
        }
    }

    /// The token: `token`, else what `token_file` holds, else the Supervisor's.
    pub(super) fn token(&self) -> Result<SecretString, HaError> {
        let set = |token: &str| (!token.trim().is_empty()).then(|| SecretString::from(token.trim().to_owned()));
        if let Some(token) = self.token.as_ref().and_then(|token| set(token.expose_secret())) {
            return Ok(token);
        }
        if let Some(path) = &self.token_file {
            let text = std::fs::read_to_string(path)
                .map_err(|e| HaError::Setup(format!("token_file {} of [home_assistant]: {e}", path.display())))?;
            return set(&text).ok_or_else(|| HaError::Setup(format!("token_file {} of [home_assistant] is empty", path.display())));
        }
        let supervisor = std::env::var(SUPERVISOR_TOKEN).ok().and_then(|token| set(&token));
        supervisor.ok_or_else(|| {
            HaError::Setup(
                "there is no token for Home Assistant: make a long-lived token in your profile (Security) and set HOME_ASSISTANT_TOKEN"
                    .to_owned(),
            )
        })
    }
}

fn masked<S: Serializer>(token: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match token {
        Some(_) => serializer.serialize_str("***"),
        None => serializer.serialize_none(),
    }
}

/// Where Home Assistant is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    base: Url,
}

impl Address {
    /// Reads a URL with the scheme http, https, ws or wss.
    pub fn parse(text: &str) -> Result<Self, HaError> {
        let wrong = |why: &str| {
            HaError::Setup(format!("the URL of Home Assistant {why}; write it like http://homeassistant.local:8123 (HOME_ASSISTANT_URL)"))
        };
        let mut base = Url::parse(text.trim()).map_err(|e| wrong(&format!("cannot be read: {e}")))?;
        let scheme = match base.scheme() {
            "http" | "ws" => "http",
            "https" | "wss" => "https",
            other => return Err(wrong(&format!("begins with {other}:"))),
        };
        let port = base.port();
        // A special scheme can always be changed to another special one.
        base.set_scheme(scheme).map_err(|()| wrong("cannot be used"))?;
        base.set_port(port).map_err(|()| wrong("cannot be used"))?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong("holds a user or a password, which it must not"));
        }
        base.set_query(None);
        base.set_fragment(None);
        // Whoever copied the address of the API itself means Home Assistant.
        let path = base.path().trim_end_matches('/').trim_end_matches("/api/websocket").trim_end_matches("/api").to_owned();
        base.set_path(&path);
        Ok(Address { base })
    }

    /// Its host and port.
    pub(super) fn host(&self) -> (String, u16) {
        let host = self.base.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        (host.to_owned(), self.base.port_or_known_default().unwrap_or(8123))
    }

    /// The URL of `path` below it.
    pub(super) fn join(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    /// Where its WebSocket is.
    pub(super) fn websocket(&self) -> String {
        let http = self.join("/api/websocket");
        http.replacen("http", "ws", 1)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.base.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("http://ha.local:8123", "ws://ha.local:8123/api/websocket")]
    #[case("https://ha.example/", "wss://ha.example/api/websocket")]
    #[case("wss://ha.example/house/", "wss://ha.example/house/api/websocket")]
    #[case("ws://[::1]:8123/api/websocket", "ws://[::1]:8123/api/websocket")]
    #[case("http://supervisor/core", "ws://supervisor/core/api/websocket")]
    fn an_address_leads_to_the_websocket(#[case] url: &str, #[case] websocket: &str) {
        assert_eq!(Address::parse(url).unwrap().websocket(), websocket);
    }

    #[rstest]
    #[case("homeassistant.local:8123")]
    #[case("ftp://ha.local")]
    #[case("http://me:secret@ha.local")]
    #[case("")]
    fn a_bad_address_is_refused_without_repeating_it(#[case] url: &str) {
        let error = Address::parse(url).unwrap_err().to_string();
        assert!(error.contains("write it like http://homeassistant.local:8123") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn the_token_is_never_shown() {
        let config = Config { token: Some("abc123".into()), ..Config::default() };
        assert!(!format!("{config:?}").contains("abc123"));
        let json = serde_json::to_value(&config).unwrap();
        assert_eq!((json["token"].as_str(), json["backfill"].as_str()), (Some("***"), Some("10days")));
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = serde_json::from_str::<Config>(r#"{"urll":"http://ha"}"#).unwrap_err().to_string();
        assert!(error.contains("urll"), "{error}");
        assert_eq!(serde_json::from_str::<Config>(r#"{"backfill":"2d"}"#).unwrap().backfill, Duration::from_secs(172_800));
    }

    #[test]
    fn a_token_file_is_read_and_trimmed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc\n").unwrap();
        let config = Config { token_file: Some(file.path().to_owned()), ..Config::default() };
        assert_eq!(config.token().unwrap().expose_secret(), "abc");
    }
}
