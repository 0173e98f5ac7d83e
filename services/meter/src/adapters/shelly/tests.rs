mod connects;
mod discovery;
mod emulator;
mod faults;
mod hears;
mod peers;
mod reads;

use std::time::Duration;

use serde_json::{Value, json};
use wattribute_domain::{Quantity, Role, SeriesInfo};
use wattribute_service::mqtt;

use super::*;
use crate::adapters::fixtures::of;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a device of a fixture says: `shelly`, `status`, and `settings` or `config`.
fn fixture(name: &str) -> Value {
    let text = of("shelly").into_iter().find(|(known, _)| known == name).unwrap().1;
    serde_json::from_str(&text).unwrap()
}

fn config(said: Value) -> Config {
    let mut all = json!({"every": "200ms", "meters_every": "100ms", "timeout": "300ms"});
    all.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

fn adapter(said: Value) -> Shelly {
    Shelly::new(&config(said), &mqtt::Config::default(), &[]).unwrap()
}

/// What was heard of an adapter.
#[derive(Default)]
struct Ear {
    series: Vec<(u32, SeriesInfo)>,
    readings: Vec<(u32, f64)>,
    payloads: Vec<String>,
}

impl Ear {
    fn hear(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Series { key, info } => {
                    self.series.retain(|(known, _)| *known != key);
                    self.series.push((key, info));
                }
                Event::Reading { key, value, .. } => self.readings.push((key, value)),
                Event::Payload { text, .. } => self.payloads.push(text),
                _ => {}
            }
        }
    }

    /// What a device said of a quantity.
    fn of(&self, device: &str, quantity: Quantity) -> Vec<f64> {
        let key = self.series.iter().find(|(_, info)| info.device == device && info.quantity == quantity).map(|(key, _)| *key);
        self.readings.iter().filter(|(known, _)| Some(*known) == key).map(|(_, value)| *value).collect()
    }

    fn last(&self, device: &str, quantity: Quantity) -> Option<f64> {
        self.of(device, quantity).last().copied()
    }

    fn role(&self, device: &str) -> Option<Role> {
        self.series.iter().filter(|(_, info)| info.device == device).find_map(|(_, info)| info.role)
    }

    fn devices(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.series.iter().map(|(_, info)| info.device.as_str()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Listens until what is wanted was heard.
async fn until(adapter: &mut Shelly, ear: &mut Ear, what: &str, wanted: impl Fn(&Ear, &BTreeMap<String, String>) -> bool) {
    let listening = async {
        loop {
            if wanted(ear, &adapter.troubles()) {
                return;
            }
            let events = adapter.next().await.unwrap();
            ear.hear(events);
        }
    };
    let done = tokio::time::timeout(PATIENCE, listening).await.is_ok();
    assert!(done, "{what} did not come: {:?} {:?} {:?}", ear.series, ear.readings, adapter.troubles());
}
