#![doc = include_str!("README.md")]

mod discover;
#[cfg(test)]
mod tests;
mod wire;

pub use self::discover::discover;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use wattribute_domain::{Role, SeriesInfo, device_name};
use wattribute_service::mqtt::{self, Message};

use super::broker::{Hears, Listener};
use super::pick::{Pick, check, is_of_something_else, read};
use super::{AdapterError, Event, Register, Told};

/// The adapter's name, and the source of its series.
pub const NAME: &str = "mqtt";

/// One `[[mqtt_source]]`: a device that publishes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What it is called.
    pub name: String,
    /// Where it publishes.
    #[serde(default)]
    pub topic: Option<String>,
    /// Where it says whether it is there: `online` and `offline`, or these as `state` in JSON.
    #[serde(default)]
    pub availability: Option<String>,
    /// What it is in the home.
    #[serde(default)]
    pub role: Option<Role>,
    /// What is read of it.
    pub values: Vec<Pick>,
}

impl Config {
    fn topic_of<'a>(&'a self, pick: &'a Pick) -> Option<&'a str> {
        pick.topic.as_deref().or(self.topic.as_deref())
    }

    fn told(&self) -> Told {
        Told { role: self.role, ..Told::by(&self.name, &self.name) }
    }

    fn check(&self) -> Result<(), AdapterError> {
        let what = format!("[[mqtt_source]] {}", self.name);
        let wrong = |why: String| Err(AdapterError::Unsupported(format!("{what}: {why}")));
        if device_name(&self.name).is_empty() {
            return wrong("name: it must hold a letter or a digit".to_owned());
        }
        check(&what, &self.values)?;
        for pick in &self.values {
            match self.topic_of(pick) {
                None => {
                    return wrong(format!("there is no topic for `{}`: set `topic`, of the device or of the value", pick.quantity.name()));
                }
                Some(topic) => wire::topic(topic).or_else(|why| wrong(format!("topic: {why}")))?,
            }
        }
        self.availability.as_deref().map_or(Ok(()), |topic| wire::topic(topic).or_else(|why| wrong(format!("availability: {why}"))))
    }
}

/// Listens to devices that the owner describes.
pub struct Mqtt {
    devices: Vec<Config>,
    register: Register,
    /// Devices that are away or make no sense now, by name, and why.
    troubles: BTreeMap<String, String>,
    /// Devices that have been understood, by name.
    understood: BTreeSet<String>,
}

impl Mqtt {
    /// An adapter for these devices; of those that are described wrongly the second part says what would be right. Connects at the first
    /// [`Adapter::next`](super::Adapter::next).
    pub fn listen(devices: &[Config], broker: &mqtt::Config, known: &[SeriesInfo]) -> (Listener<Self>, Vec<AdapterError>) {
        let (mut good, mut wrong): (Vec<Config>, Vec<AdapterError>) = (Vec::new(), Vec::new());
        for device in devices {
            match device.check() {
                Ok(()) if good.iter().any(|other| device_name(&other.name) == device_name(&device.name)) => {
                    wrong.push(AdapterError::Unsupported(format!("[[mqtt_source]] {}: another has the same name", device.name)));
                }
                Ok(()) => good.push(device.clone()),
                Err(error) => wrong.push(error),
            }
        }
        let values = |device: &Config| device.values.iter().filter_map(|pick| device.topic_of(pick)).map(str::to_owned).collect::<Vec<_>>();
        let mut topics: Vec<String> =
            good.iter().flat_map(|device| values(device).into_iter().chain(device.availability.clone())).collect();
        topics.sort_unstable();
        topics.dedup();
        let mqtt = Mqtt { devices: good, register: Register::new(NAME, known), troubles: BTreeMap::new(), understood: BTreeSet::new() };
        (Listener::new(NAME, broker, topics, mqtt), wrong)
    }

    /// Whether there is anything to listen to.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }
}

impl Hears for Mqtt {
    fn hear(&mut self, message: &Message, at_ms: i64) -> Vec<Event> {
        let mut out = Vec::new();
        for device in &self.devices {
            let name = device_name(&device.name);
            if device.availability.as_ref() == Some(&message.topic) {
                match wire::availability(&message.payload) {
                    Some(true) => drop(self.troubles.remove(&name)),
                    Some(false) => {
                        self.troubles.insert(name.clone(), format!("it is offline, as {} says", message.topic));
                        if !message.retained {
                            self.register.silence(&device.name, at_ms, &mut out);
                        }
                    }
                    None => {}
                }
            }
            let picks = || device.values.iter().filter(|pick| device.topic_of(pick) == Some(&message.topic));
            // What the broker kept was said at some time before.
            if picks().next().is_none() || message.retained {
                continue;
            }
            match read(device.told(), picks(), &message.payload) {
                Ok(told) => {
                    self.troubles.remove(&name);
                    self.understood.insert(name);
                    self.register.say_all(&[told], &wire::masked(&message.payload), at_ms, &mut out);
                }
                // One whose pointers are right may say something else now and then, such as that it was switched.
                Err(_) if self.understood.contains(&name) && is_of_something_else(picks(), &message.payload) => {}
                Err(why) => {
                    metrics::counter!("wattribute_bad_payloads_total", "adapter" => NAME).increment(1);
                    self.troubles.insert(name, format!("{}: {why}", message.topic));
                }
            }
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
