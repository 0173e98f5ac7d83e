#![doc = include_str!("README.md")]

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use wattribute_domain::{Role, SeriesInfo, device_name};

use super::pick::{Pick, check, read};
use super::web::{Ticks, Web};
use super::{Adapter, AdapterError, Event, Register, Told, now_ms};

/// The adapter's name, and the source of its series.
pub const NAME: &str = "http";

/// One `[[http_source]]`: a device with a page of JSON.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What it is called.
    pub name: String,
    /// Its page; it may hold a user and a password, and is never shown.
    pub url: SecretString,
    /// Headers that are sent along, such as `Authorization`; they are never shown.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretString>,
    /// How often it is asked.
    #[serde(default = "every", with = "humantime_serde")]
    pub every: Duration,
    /// How long an answer may take.
    #[serde(default = "timeout", with = "humantime_serde")]
    pub timeout: Duration,
    /// What it is in the home.
    #[serde(default)]
    pub role: Option<Role>,
    /// What is read of it.
    pub values: Vec<Pick>,
}

fn every() -> Duration {
    Duration::from_secs(10)
}

fn timeout() -> Duration {
    Duration::from_secs(5)
}

/// Asks one device for its page.
pub struct Http {
    device: String,
    told: Told,
    values: Vec<Pick>,
    web: Web,
    ticks: Ticks,
    register: Register,
}

impl Http {
    /// An adapter that goes on with the series that the store has; asks for nothing yet.
    pub fn new(config: &Config, known: &[SeriesInfo]) -> Result<Self, AdapterError> {
        let what = format!("[[http_source]] {}", config.name);
        let device = device_name(&config.name);
        if device.is_empty() {
            return Err(AdapterError::Unsupported(format!("{what}: name: it must hold a letter or a digit")));
        }
        check(&what, &config.values)?;
        if let Some(pick) = config.values.iter().find(|pick| pick.topic.is_some()) {
            return Err(AdapterError::Unsupported(format!("{what}: `{}` has a topic, which is for [[mqtt_source]]", pick.quantity.name())));
        }
        Ok(Http {
            device,
            told: Told { role: config.role, ..Told::by(&config.name, &config.name) },
            values: config.values.clone(),
            web: Web::new(&what, &config.url, &config.headers, config.timeout)?,
            ticks: Ticks::every(config.every),
            register: Register::new(NAME, known),
        })
    }
}

#[async_trait]
impl Adapter for Http {
    fn name(&self) -> &str {
        NAME
    }

    fn device(&self) -> Option<&str> {
        Some(&self.device)
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        self.ticks.next().await;
        let answer = self.web.get().await?;
        let told = read(self.told.clone(), self.values.iter(), &answer)
            .map_err(|why| AdapterError::Protocol(format!("the answer of {} makes no sense: {why}", self.web.host())))?;
        let mut out = Vec::new();
        self.register.say(&told, now_ms(), &mut out);
        Ok(out)
    }
}
