#![doc = include_str!("README.md")]

mod keys;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use wattribute_domain::{SeriesInfo, device_name};
use wattribute_service::mqtt::{self, Message};

use self::wire::Kind;
use super::broker::{Broker, Heard, wrong_filter};
use super::{Adapter, AdapterError, Event, Listening, Register, now_ms};

pub use self::keys::Keys;

/// The adapter's name, and the source of its series.
pub const NAME: &str = "tasmota";

/// The section `[tasmota]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Topics that are listened to, such as `tele/#`. Empty: no Tasmota is read.
    pub topics: Vec<String>,
    /// What the script of a smart meter calls its values, beside the names that are known.
    pub keys: Keys,
}

/// Listens to Tasmota plugs and smart meters.
pub struct Tasmota {
    broker: Broker,
    keys: Keys,
    register: Register,
    /// Devices that are away or make no sense now, by topic, and why.
    troubles: BTreeMap<String, String>,
}

impl Tasmota {
    /// An adapter that goes on with the series that the store has. Connects at the first [`Adapter::next`].
    pub fn new(config: &Config, broker: &mqtt::Config, known: &[SeriesInfo]) -> Result<Self, AdapterError> {
        if let Some(wrong) = config.topics.iter().find_map(|topic| wrong_filter(topic)) {
            return Err(AdapterError::Unsupported(format!("[tasmota] topics: {wrong}")));
        }
        Ok(Tasmota {
            broker: Broker::new(broker, NAME, config.topics.clone()),
            keys: config.keys.clone(),
            register: Register::new(NAME, known),
            troubles: BTreeMap::new(),
        })
    }

    fn hear(&mut self, message: &Message, at_ms: i64) -> Vec<Event> {
        let mut out = Vec::new();
        let Some((device, kind)) = wire::topic(&message.topic) else { return out };
        match kind {
            Kind::LastWill => match wire::last_will(&message.payload) {
                Some(true) => drop(self.troubles.remove(&device)),
                Some(false) => self.went(&device, message.retained, at_ms, &mut out),
                None => {}
            },
            // What the broker kept was said at some time before.
            Kind::Sensor if message.retained => {}
            Kind::Sensor => match wire::sensors(&device, &message.payload, &self.keys) {
                Ok(told) => {
                    self.troubles.remove(&device);
                    self.register.say_all(&told, &String::from_utf8_lossy(&message.payload), at_ms, &mut out);
                }
                Err(why) => {
                    metrics::counter!("wattribute_bad_payloads_total", "adapter" => NAME).increment(1);
                    self.troubles.insert(device, format!("{} says what makes no sense: {why}", message.topic));
                }
            },
        }
        out
    }

    /// A device is away. That it was away before we came is no news of its series: when it went is not known.
    fn went(&mut self, device: &str, retained: bool, at_ms: i64, out: &mut Vec<Event>) {
        let mut identities = self.register.identities(&format!("{device}/"));
        identities.extend(self.register.identities(device).into_iter().filter(|identity| identity == device));
        // Of what never measured anything nobody misses anything.
        if identities.is_empty() {
            return;
        }
        self.troubles.insert(device.to_owned(), "it is offline, as its last will says: see that it has power and Wi-Fi".to_owned());
        if !retained {
            for identity in identities {
                self.register.silence(&identity, at_ms, out);
            }
        }
    }
}

#[async_trait]
impl Adapter for Tasmota {
    fn name(&self) -> &str {
        NAME
    }

    fn is_up(&self) -> bool {
        self.broker.is_connected()
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        Ok(match self.broker.next().await? {
            Heard::Connected => Vec::new(),
            Heard::Message(message) => self.hear(&message, now_ms()),
        })
    }

    fn troubles(&self) -> BTreeMap<String, String> {
        self.troubles.iter().map(|(device, why)| (device_name(device), why.clone())).collect()
    }

    fn listens(&self) -> Option<Listening> {
        Some(self.broker.listening())
    }
}
