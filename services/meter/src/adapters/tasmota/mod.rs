#![doc = include_str!("README.md")]

mod keys;
mod names;
mod questions;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use wattribute_domain::{SeriesInfo, device_name};
use wattribute_service::mqtt::{self, Message};

use self::questions::Questions;
use self::wire::Kind;
use super::broker::{Broker, Heard, wrong_filter};
use super::web::Ticks;
use super::{Adapter, AdapterError, Event, Found, Listening, Register, now_ms};

pub use self::keys::Keys;

/// The adapter's name, and the source of its series.
pub const NAME: &str = "tasmota";

const OFFLINE: &str = "it is offline, as its last will says: see that it has power and Wi-Fi";

/// The section `[tasmota]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Topics that are listened to, such as `tele/#`. Empty: no Tasmota is read.
    pub topics: Vec<String>,
    /// A device that was not heard for so long is asked (`Status 10`); zero: none is.
    #[serde(with = "humantime_serde")]
    pub ask_every: Duration,
    /// What the script of a smart meter calls its values, beside the names that are known.
    pub keys: Keys,
}

impl Default for Config {
    fn default() -> Self {
        Config { topics: Vec::new(), ask_every: Duration::from_secs(10), keys: Keys::default() }
    }
}

/// Listens to Tasmota plugs and smart meters.
pub struct Tasmota {
    broker: Broker,
    keys: Keys,
    register: Register,
    /// Devices that are away or make no sense now, by topic, and why.
    troubles: BTreeMap<String, String>,
    questions: Questions,
    ticks: Ticks,
}

impl Tasmota {
    /// An adapter that goes on with the series that the store has. Connects at the first [`Adapter::next`].
    pub fn new(config: &Config, broker: &mqtt::Config, known: &[SeriesInfo]) -> Result<Self, AdapterError> {
        if let Some(wrong) = config.topics.iter().find_map(|topic| wrong_filter(topic).or_else(|| wire::deaf(topic))) {
            return Err(AdapterError::Unsupported(format!("[tasmota] topics: {wrong}")));
        }
        config.keys.check().map_err(|why| AdapterError::Unsupported(format!("[tasmota.keys] {why}")))?;
        Ok(Tasmota {
            broker: Broker::new(broker, NAME, config.topics.clone()),
            keys: config.keys.clone(),
            register: Register::new(NAME, known),
            troubles: BTreeMap::new(),
            questions: Questions::every(config.ask_every),
            ticks: Ticks::every((config.ask_every / 2).clamp(Duration::from_millis(500), Duration::from_secs(5))),
        })
    }

    /// Notes who may be asked, and listens to where it answers.
    fn note(&mut self, device: &str, topic: &str, measures: bool, at_ms: i64) {
        if let Some(answer) = self.questions.heard(device, topic, measures, at_ms) {
            self.broker.listen_too(&answer);
        }
    }

    fn ask(&mut self, at_ms: i64) {
        let Tasmota { questions, troubles, broker, .. } = self;
        // One whose last words made no sense may do better.
        let is_away = |device: &str| troubles.get(device).is_some_and(|why| why == OFFLINE);
        for topic in questions.due(is_away, at_ms) {
            broker.ask(&topic, "10");
        }
    }

    fn hear(&mut self, message: &Message, at_ms: i64) -> Vec<Event> {
        let mut out = Vec::new();
        let Some((device, kind)) = wire::topic(&message.topic) else { return out };
        match kind {
            Kind::LastWill => match wire::last_will(&message.payload) {
                Some(true) => {
                    self.troubles.remove(&device);
                    self.note(&device, &message.topic, false, at_ms);
                }
                Some(false) => self.went(&device, message.retained, at_ms, &mut out),
                None => {}
            },
            // What the broker kept was said at some time before.
            Kind::Sensor if message.retained => {}
            Kind::Sensor => match wire::sensors(&device, &message.payload, &self.keys) {
                Ok(told) => {
                    self.troubles.remove(&device);
                    self.note(&device, &message.topic, !told.is_empty(), at_ms);
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
        self.troubles.insert(device.to_owned(), OFFLINE.to_owned());
        if !retained {
            for identity in identities {
                self.register.silence(&identity, at_ms, out);
            }
        }
    }
}

/// Where to ask one that says that it is there, and of which no more may be heard for minutes (`STATUS`, with `10`).
pub(super) fn question(topic: &str, payload: &[u8]) -> Option<String> {
    let is_there = wire::topic(topic).is_some_and(|(_, kind)| kind == Kind::LastWill) && wire::last_will(payload) == Some(true);
    wire::question(topic).filter(|_| is_there).map(|(question, _)| question)
}

/// A plug or smart meter by what it publishes, and how it is set up; `None` of anything else.
pub(super) fn found(topic: &str, payload: &[u8]) -> Option<Found> {
    let (device, _) = wire::topic(topic).filter(|(_, kind)| *kind == wire::Kind::Sensor)?;
    let told = wire::sensors(&device, payload, &Keys::default()).ok().filter(|told| !told.is_empty())?;
    let filter = match topic.split_once('/') {
        Some(("tele" | "stat", _)) | None => "tele/#".to_owned(),
        Some((first, _)) => format!("{first}/#"),
    };
    Some(Found {
        kind: NAME,
        name: told.iter().map(|told| told.name.as_str()).collect::<Vec<_>>().join(", "),
        address: topic.to_owned(),
        identity: device,
        config: format!("[tasmota]\ntopics = [\"{filter}\"]\n"),
        ..Found::default()
    })
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
        let heard = tokio::select! {
            heard = self.broker.next() => heard?,
            () = self.ticks.next() => {
                self.ask(now_ms());
                // Also so that it is seen who has fallen silent.
                return Ok(Vec::new());
            }
        };
        Ok(match heard {
            Heard::Connected => {
                self.register.begin_again(now_ms());
                self.questions.answers().for_each(|answer| self.broker.listen_too(answer));
                Vec::new()
            }
            Heard::Message(message) => self.hear(&message, now_ms()),
        })
    }

    fn troubles(&self) -> BTreeMap<String, String> {
        let is_known =
            |identity: &str| self.troubles.keys().any(|device| identity == device || identity.starts_with(&format!("{device}/")));
        let known = self.troubles.iter().map(|(device, why)| (device_name(device), why.clone())).collect();
        self.register.troubles(known, now_ms(), is_known)
    }

    fn listens(&self) -> Option<Listening> {
        Some(self.broker.listening())
    }
}
