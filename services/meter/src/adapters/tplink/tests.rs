//! The adapters against emulated devices.

mod faults;
mod found;
mod peers;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use wattribute_domain::{Quantity, SeriesInfo};

use super::emulator::{Emulator, Protocol, USER};
use super::link::Link;
use super::read::{Known, read};
use super::{Config, fleet, http, link::Manner};
use crate::adapters::fixtures::{of, shown};
use crate::adapters::fleet::Fleet;
use crate::adapters::{Adapter, Event};

const PATIENCE: Duration = Duration::from_secs(30);

/// A dump of ours, by its name.
pub fn dump(adapter: &str, name: &str) -> Value {
    let (_, text) = of(adapter).into_iter().find(|(file, _)| file == name).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn manner() -> Manner {
    Manner { client: http::client().unwrap(), credentials: config(json!({})).credentials(), timeout: Duration::from_secs(20) }
}

/// What is read of devices that answer from these dumps, as text: each is emulated, and spoken to over `protocol`.
pub async fn read_all(files: Vec<(String, String)>, protocol: impl Fn(&str, &Value) -> Protocol) -> String {
    let mut all = String::new();
    for (name, text) in files {
        let dump: Value = serde_json::from_str(&text).unwrap();
        let device = Emulator::start(&dump, protocol(&name, &dump)).await;
        let place = super::place::Place::parse(&device.host()).unwrap();
        let mut link = Link::open(&manner(), &place, None).await.unwrap();
        let said = read(&mut link, &mut Known::default()).await;
        let shown = match said {
            Ok(said) => {
                assert!(!said.text.contains("515000") && !said.text.contains(USER.1), "{}", said.text);
                format!("{} ({})\n{}", said.device.name, said.device.model, shown(&said.device.told))
            }
            Err(trouble) => format!("trouble: {}", trouble.why()),
        };
        all += &format!("{name}\n{}\n\n", shown.replace(&device.host(), "ADDRESS"));
    }
    all
}

/// A configuration in which all is quick, with what is given.
pub fn config(given: Value) -> Config {
    let mut all = json!({"username": USER.0, "password": USER.1, "every": "20ms", "timeout": "5s", "rediscover": "100ms", "networks": []});
    all.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

/// An adapter, and all that it said.
pub struct Heard {
    pub fleet: Fleet,
    pub series: BTreeMap<u32, SeriesInfo>,
    /// What each series said, by its identity.
    pub readings: BTreeMap<(String, Quantity), Vec<f64>>,
    pub payloads: String,
}

impl Heard {
    pub fn of(name: &'static str, given: Value) -> Self {
        Heard::after(name, given, &[])
    }

    /// With what the store knows of earlier days.
    pub fn after(name: &'static str, given: Value, known: &[SeriesInfo]) -> Self {
        let fleet = fleet(name, &config(given), known).unwrap();
        Heard { fleet, series: BTreeMap::new(), readings: BTreeMap::new(), payloads: String::new() }
    }

    /// Hears until what is looked for is there.
    pub async fn until(&mut self, what: &str, there: impl Fn(&Heard) -> bool) {
        let all = async {
            while !there(self) {
                for event in self.fleet.next().await.unwrap() {
                    match event {
                        Event::Series { key, info } => drop(self.series.insert(key, info)),
                        Event::Reading { key, value, .. } => {
                            let info = &self.series[&key];
                            self.readings.entry((info.identity.clone(), info.quantity)).or_default().push(value);
                        }
                        Event::Payload { text, .. } => self.payloads += &text,
                        _ => {}
                    }
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, all).await;
        assert!(waited.is_ok(), "{what} did not come: {:?} {:?}", self.fleet.troubles(), self.readings);
    }

    pub fn powers(&self, identity: &str) -> &[f64] {
        self.readings.get(&(identity.to_owned(), Quantity::PowerW)).map_or(&[], Vec::as_slice)
    }

    pub fn trouble(&self) -> String {
        format!("{:?}", self.fleet.troubles())
    }
}
