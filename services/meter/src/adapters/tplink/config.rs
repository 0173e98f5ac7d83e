//! The sections `[kasa]` and `[tapo]`, which have the same keys.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::place::Place;

/// The section `[kasa]` or `[tapo]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether devices are looked for on the own network, and read where they are found.
    pub discover: bool,
    /// Devices by name or address, such as `192.168.1.20`; also those of other networks.
    pub hosts: Vec<String>,
    /// Where devices are looked for: addresses of whole networks, or of hosts.
    pub networks: Vec<String>,
    /// The user of the Kasa or Tapo app; newer devices let nobody else in.
    pub username: String,
    /// The user's password.
    pub password: Option<SecretString>,
    /// How often each device is read.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// How long a device may take for one answer.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How often devices are looked for again, also such as have another address now.
    #[serde(with = "humantime_serde")]
    pub rediscover: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            discover: false,
            hosts: Vec::new(),
            networks: vec!["255.255.255.255".to_owned()],
            username: String::new(),
            password: None,
            every: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            rediscover: Duration::from_secs(300),
        }
    }
}

impl Config {
    /// Whether anything is to be read.
    pub fn is_set_up(&self) -> bool {
        self.discover || !self.hosts.is_empty()
    }

    /// Who we say that we are.
    pub(super) fn credentials(&self) -> Credentials {
        Credentials { username: self.username.clone(), password: self.password.clone().unwrap_or_default() }
    }

    /// Places that were given; the error says which is wrong, of which section and key.
    pub(super) fn places(&self, section: &str) -> Result<(Vec<Place>, Vec<Place>), String> {
        let read = |key: &str, all: &[String]| {
            let mut places: Vec<Place> = Vec::new();
            for text in all {
                let place = Place::parse(text).map_err(|why| format!("[{section}] {key}: {why}"))?;
                if !places.contains(&place) {
                    places.push(place);
                }
            }
            Ok::<_, String>(places)
        };
        Ok((read("hosts", &self.hosts)?, read("networks", &self.networks)?))
    }
}

/// A user and a password.
#[derive(Clone)]
pub(super) struct Credentials {
    username: String,
    password: SecretString,
}

/// Users that devices come with, before or beside the owner's: facts of python-kasa (`kasa/credentials.py`).
const FACTORY: [(&str, &str); 2] = [("kasa@tp-link.net", "kasaSetup"), ("test@tp-link.net", "test")];

impl Credentials {
    /// The owner's, those that devices come with, and none at all: some devices go back to them at times.
    pub fn all(&self) -> Vec<(&str, &str)> {
        let mut all = vec![(self.username.as_str(), self.password.expose_secret())];
        for one in FACTORY.into_iter().chain([("", "")]) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }

    /// Whether the owner gave any.
    pub fn are_given(&self) -> bool {
        !self.username.is_empty() && !self.password.expose_secret().is_empty()
    }
}
