//! What an adapter said, put together as the store would.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use wattribute_domain::SeriesInfo;
use wattribute_meter::adapters::{Adapter, AdapterError, Event};

#[derive(Default)]
pub struct Heard {
    pub series: HashMap<u32, SeriesInfo>,
    pub readings: BTreeMap<(u32, i64), f64>,
    pub documents: HashMap<String, String>,
    pub events: usize,
}

impl Heard {
    pub fn take(&mut self, events: Vec<Event>) {
        self.events += events.len();
        for event in events {
            match event {
                Event::Series { key, info } => {
                    if let Some(known) = self.series.get(&key) {
                        assert!(info.modes.starts_with(&known.modes), "modes only ever grow");
                    }
                    self.series.insert(key, info);
                }
                Event::Reading { key, at_ms, value } => {
                    assert!(self.series.contains_key(&key), "a series is told of before its first reading");
                    self.readings.insert((key, at_ms), value);
                }
                Event::Replaced { key, from_ms, to_ms } => {
                    self.readings.retain(|(k, at_ms), _| *k != key || *at_ms < from_ms || *at_ms >= to_ms);
                }
                Event::Document { key, text } => drop(self.documents.insert(key, text)),
                Event::Payload { .. } | Event::Kept(_) => {}
            }
        }
    }

    /// Listens until `done`, through errors that are worth another try; fails after 20 s.
    pub async fn until(&mut self, adapter: &mut dyn Adapter, mut done: impl FnMut(&Heard) -> bool) {
        let all = async {
            while !done(self) {
                match adapter.next().await {
                    Ok(events) => self.take(events),
                    Err(AdapterError::Unreachable(_) | AdapterError::Timeout(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
                    Err(e) => panic!("{e}"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all).await.expect("within 20 s");
    }

    pub fn key(&self, entity_id: &str) -> Option<u32> {
        self.series.iter().find(|(_, info)| info.device == entity_id).map(|(key, _)| *key)
    }

    pub fn of(&self, entity_id: &str) -> Vec<(i64, f64)> {
        let Some(key) = self.key(entity_id) else { return Vec::new() };
        self.readings.range((key, i64::MIN)..=(key, i64::MAX)).map(|((_, at_ms), value)| (*at_ms, *value)).collect()
    }

    pub fn heard_ms(&self) -> Option<i64> {
        self.documents.get("heard:home_assistant")?.parse().ok()
    }
}
