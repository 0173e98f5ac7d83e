#![doc = include_str!("README.md")]

mod cloud;
#[cfg(test)]
mod tests;
mod wire;
mod zigbee;

use std::collections::BTreeMap;

use serde::Deserialize;
use wattribute_domain::{SeriesInfo, device_name};
use wattribute_service::mqtt::{self, Message};

use self::wire::Kind;
use super::broker::{Hears, Listener, wrong_filter};
use super::{AdapterError, Event, Found, Register};

pub use self::cloud::{Cloud, GlowCloud};

/// The adapter's name, and the source of its series.
pub const NAME: &str = "glow";

/// The section `[glow]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Topics that are listened to, such as `glow/#`. Empty: no display is read.
    pub topics: Vec<String>,
    /// Glow's own broker, instead of a local one.
    pub cloud: Cloud,
}

/// Listens to Glow displays on the local broker.
pub struct Glow {
    register: Register,
    /// Displays that are away or make no sense now, and why.
    troubles: BTreeMap<String, String>,
}

impl Glow {
    /// An adapter that goes on with the series that the store has. Connects at the first [`Adapter::next`](super::Adapter::next).
    pub fn listen(config: &Config, broker: &mqtt::Config, known: &[SeriesInfo]) -> Result<Listener<Self>, AdapterError> {
        if let Some(wrong) = config.topics.iter().find_map(|topic| wrong_filter(topic).or_else(|| wire::deaf(topic))) {
            return Err(AdapterError::Unsupported(format!("[glow] topics: {wrong}")));
        }
        let glow = Glow { register: Register::new(NAME, known), troubles: BTreeMap::new() };
        Ok(Listener::new(NAME, broker, config.topics.clone(), glow))
    }
}

/// A display by what it publishes, and how it is set up; `None` of anything else.
pub(super) fn found(topic: &str, payload: &[u8]) -> Option<Found> {
    let (display, kind) = wire::topic(topic).filter(|(_, kind)| *kind != Kind::State)?;
    wire::meter(&display, kind, payload).ok()?;
    let prefix = topic.split_once('/').map_or(topic, |(prefix, _)| prefix);
    let (name, config) = (format!("Glow {display}"), format!("[glow]\ntopics = [\"{prefix}/#\"]\n"));
    Some(Found { kind: NAME, name, address: format!("{prefix}/{display}"), identity: display, config, ..Found::default() })
}

impl Hears for Glow {
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

    fn troubles(&self, now_ms: i64) -> BTreeMap<String, String> {
        self.register.troubles(self.troubles.clone(), now_ms, |_| false)
    }

    fn begin_again(&mut self, at_ms: i64) {
        self.register.begin_again(at_ms);
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Electricity => "electricity",
        Kind::Gas => "gas",
        Kind::State => "display",
    }
}
