#![doc = include_str!("README.md")]

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

/// The adapter's name, and the source of its series.
pub const NAME: &str = "glow";

/// The section `[glow]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Topics that are listened to, such as `glow/#`. Empty: no display is read.
    pub topics: Vec<String>,
}

/// Listens to Glow displays on the local broker.
pub struct Glow {
    broker: Broker,
    register: Register,
    /// Displays that are away or make no sense now, and why.
    troubles: BTreeMap<String, String>,
}

impl Glow {
    /// An adapter that goes on with the series that the store has. Connects at the first [`Adapter::next`].
    pub fn new(config: &Config, broker: &mqtt::Config, known: &[SeriesInfo]) -> Result<Self, AdapterError> {
        if let Some(wrong) = config.topics.iter().find_map(|topic| wrong_filter(topic)) {
            return Err(AdapterError::Unsupported(format!("[glow] topics: {wrong}")));
        }
        let broker = Broker::new(broker, NAME, config.topics.clone());
        Ok(Glow { broker, register: Register::new(NAME, known), troubles: BTreeMap::new() })
    }

    fn hear(&mut self, message: &Message, at_ms: i64) -> Vec<Event> {
        let mut out = Vec::new();
        // What the broker kept was said at some time before.
        let Some((display, kind)) = wire::topic(&message.topic).filter(|_| !message.retained) else { return out };
        let trouble = match kind {
            Kind::State => match wire::is_joined(&message.payload) {
                Some(false) => Some("the display does not hear its meter: see that it is near enough".to_owned()),
                Some(true) => None,
                None => return out,
            },
            Kind::Electricity | Kind::Gas => match wire::meter(&display, kind, &message.payload) {
                Ok(told) => {
                    self.register.say_all(&[told], &wire::masked(&message.payload), at_ms, &mut out);
                    None
                }
                Err(why) => {
                    metrics::counter!("wattribute_bad_payloads_total", "adapter" => NAME).increment(1);
                    Some(format!("{} says what makes no sense: {why}", kind_name(kind)))
                }
            },
        };
        let name = format!("{}_{}", device_name(&display), kind_name(kind));
        match trouble {
            Some(why) => drop(self.troubles.insert(name, why)),
            None => drop(self.troubles.remove(&name)),
        }
        out
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Electricity => "electricity",
        Kind::Gas => "gas",
        Kind::State => "display",
    }
}

#[async_trait]
impl Adapter for Glow {
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
        self.troubles.clone()
    }

    fn listens(&self) -> Option<Listening> {
        Some(self.broker.listening())
    }
}
