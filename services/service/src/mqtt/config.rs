use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::{Address, MqttError};

/// The section `[mqtt]`: one broker, for adapters and for what is published.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the broker is: `mqtt://[user:password@]host[:port]`, or `mqtts://` for TLS. Without it nothing is published or heard over MQTT.
    pub url: Option<Address>,
    /// User, unless the address names one.
    pub username: Option<String>,
    /// Password, unless the address has one.
    #[serde(serialize_with = "masked")]
    pub password: Option<SecretString>,
    /// File that holds the password, instead of it.
    pub password_file: Option<PathBuf>,
    /// Certificate (PEM) of the owner's own CA, where a broker with TLS has its certificate of one.
    pub ca_file: Option<PathBuf>,
    /// Where Home Assistant looks for new devices: its MQTT integration's discovery prefix.
    pub discovery_prefix: String,
    /// What our own topics begin with.
    pub base_topic: String,
    /// What the section is called, for what is said of it.
    #[serde(skip)]
    pub section: &'static str,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            url: None,
            username: None,
            password: None,
            password_file: None,
            ca_file: None,
            discovery_prefix: "homeassistant".to_owned(),
            base_topic: "wattribute".to_owned(),
            section: "mqtt",
        }
    }
}

impl Config {
    /// User and password, from wherever they stand; `None` for a broker that asks for neither.
    pub(super) fn credentials(&self) -> Result<Option<(String, SecretString)>, MqttError> {
        let in_url = self.url.as_ref();
        let username = in_url.and_then(|a| a.username.clone()).or_else(|| self.username.clone());
        let mut password = in_url.and_then(|a| a.password.clone()).or_else(|| self.password.clone());
        if let (None, Some(file)) = (&password, &self.password_file) {
            let text = std::fs::read_to_string(file)
                .map_err(|e| MqttError::Config(format!("{}.password_file: {} cannot be read: {e}", self.section, file.display())))?;
            password = Some(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()));
        }
        match (username, password) {
            (Some(username), password) => Ok(Some((username, password.unwrap_or_else(|| SecretString::from(String::new()))))),
            (None, Some(password)) if !password.expose_secret().is_empty() => {
                Err(MqttError::Config(format!("{0} has a password and no user; set {0}.username", self.section)))
            }
            (None, _) => Ok(None),
        }
    }
}

fn masked<S: Serializer>(password: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match password {
        Some(_) => serializer.serialize_str("***"),
        None => serializer.serialize_none(),
    }
}
