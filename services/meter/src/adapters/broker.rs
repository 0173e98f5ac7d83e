//! What adapters hear from the MQTT broker.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use async_trait::async_trait;
use wattribute_service::mqtt::{self, Client, Event, Events, Message};

use super::web::Ticks;
use super::{Adapter, AdapterError, Listening, now_ms};

/// Who makes readings of what is published.
pub trait Hears: Send {
    /// What a message that came at `at_ms` says.
    fn hear(&mut self, message: &Message, at_ms: i64) -> Vec<super::Event>;

    /// Devices that are away or make no sense at `now_ms`, by name, and why.
    fn troubles(&self, now_ms: i64) -> BTreeMap<String, String>;

    /// Nobody could be heard until `at_ms`.
    fn begin_again(&mut self, at_ms: i64);
}

/// How often it is looked who has fallen silent.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// An adapter that does nothing but listen.
pub struct Listener<H> {
    name: &'static str,
    broker: Broker,
    ticks: Ticks,
    pub(crate) hears: H,
}

impl<H: Hears> Listener<H> {
    /// For the adapter `name`; connects at the first [`Adapter::next`].
    pub(super) fn new(name: &'static str, broker: &mqtt::Config, topics: Vec<String>, hears: H) -> Self {
        Listener { name, broker: Broker::new(broker, name, topics), ticks: Ticks::every(LOOK_EVERY), hears }
    }
}

#[async_trait]
impl<H: Hears> Adapter for Listener<H> {
    fn name(&self) -> &str {
        self.name
    }

    fn is_up(&self) -> bool {
        self.broker.is_connected()
    }

    async fn next(&mut self) -> Result<Vec<super::Event>, AdapterError> {
        let heard = tokio::select! {
            heard = self.broker.next() => heard?,
            () = self.ticks.next() => return Ok(Vec::new()),
        };
        Ok(match heard {
            Heard::Connected => {
                self.hears.begin_again(now_ms());
                Vec::new()
            }
            Heard::Message(message) => self.hears.hear(&message, now_ms()),
        })
    }

    fn troubles(&self) -> BTreeMap<String, String> {
        self.hears.troubles(now_ms())
    }

    fn listens(&self) -> Option<Listening> {
        Some(self.broker.listening())
    }
}

/// What was heard.
pub(super) enum Heard {
    /// The broker let us in, for the first time or again.
    Connected,
    /// Somebody published.
    Message(Message),
}

/// A connection to the broker that listens to topics.
pub(super) struct Broker {
    config: mqtt::Config,
    client_id: String,
    topics: Vec<String>,
    open: Option<(Client, Events)>,
    is_connected: bool,
}

impl Broker {
    /// For the adapter `name`; connects at the first [`Broker::next`].
    pub fn new(config: &mqtt::Config, name: &str, topics: Vec<String>) -> Self {
        // Of two with one id, each throws the other out, as `once` would the service: no two have the same.
        let unlike = RandomState::new().build_hasher().finish() as u16;
        let client_id = format!("{}-{name}-{unlike:04x}", config.base_topic.replace('/', "-"));
        Broker { config: config.clone(), client_id, topics, open: None, is_connected: false }
    }

    /// Waits for what is heard next. An error says that the broker is away, once: to call it again waits until it is back. Cancel-safe.
    pub async fn next(&mut self) -> Result<Heard, AdapterError> {
        loop {
            let (_, events) = match &mut self.open {
                Some(open) => open,
                closed => closed.insert(connect(&self.config, &self.client_id, &self.topics)?),
            };
            match events.next().await {
                Some(Event::Connected) => {
                    self.is_connected = true;
                    return Ok(Heard::Connected);
                }
                Some(Event::Message(message)) => return Ok(Heard::Message(message)),
                Some(Event::Disconnected(why)) => {
                    self.is_connected = false;
                    return Err(AdapterError::Unreachable(why));
                }
                None => {
                    self.is_connected = false;
                    self.open = None;
                }
            }
        }
    }

    /// Listens to one topic more; it is not told among those that the owner gave.
    pub fn listen_too(&self, topic: &str) {
        if let Some((client, _)) = &self.open {
            // One that cannot be asked for now is asked for at the next reconnect.
            let _ = client.subscribe(topic);
        }
    }

    /// Publishes a question; what cannot be sent now is not asked.
    pub fn ask(&self, topic: &str, payload: &str) {
        if let Some((client, _)) = &self.open {
            let _ = client.publish(topic, payload, false);
        }
    }

    /// Whether the broker has let us in.
    pub fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// What is listened to.
    pub fn listening(&self) -> Listening {
        Listening { topics: self.topics.clone(), is_connected: self.is_connected }
    }
}

fn connect(config: &mqtt::Config, client_id: &str, topics: &[String]) -> Result<(Client, Events), AdapterError> {
    let (client, events) = mqtt::connect(config, client_id, None).map_err(|error| AdapterError::Unsupported(error.to_string()))?;
    for topic in topics {
        client.subscribe(topic).map_err(|error| AdapterError::Unreachable(error.to_string()))?;
    }
    Ok((client, events))
}

/// What is wrong with a filter; nothing where it is right.
pub(super) fn wrong_filter(filter: &str) -> Option<String> {
    let levels: Vec<&str> = filter.split('/').collect();
    let bad_hash = levels.iter().enumerate().any(|(k, level)| level.contains('#') && (*level != "#" || k + 1 < levels.len()));
    let bad_plus = levels.iter().any(|level| level.contains('+') && *level != "+");
    let is_wrong = filter.trim().is_empty() || filter.contains('\0') || filter.len() > 65_535 || bad_hash || bad_plus;
    is_wrong
        .then(|| format!("`{filter}` is no topic: write it like tele/+/SENSOR, with + for one level and # at the end for all that follow"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("tele/+/SENSOR")]
    #[case("tele/#")]
    #[case("#")]
    #[case("/a b/c")]
    fn a_right_filter_is_taken(#[case] filter: &str) {
        assert_eq!(wrong_filter(filter), None);
    }

    #[rstest]
    #[case("")]
    #[case("a/#/b")]
    #[case("a#")]
    #[case("a/b+")]
    fn a_wrong_filter_is_named(#[case] filter: &str) {
        assert!(wrong_filter(filter).is_some_and(|why| why.contains("tele/+/SENSOR")));
    }
}
