//! Sensors over MQTT discovery.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use wattribute_service::mqtt::{self, Client, Event, Events, LastWill, MqttError};
use wattribute_store::Store;

use super::board::Board;
use super::condition::Condition;
use super::discovery::Place;
use super::memory;
use super::wanted::{Wanted, now_ms};

const KEY: &str = "publish.mqtt";
/// Where Home Assistant says that it has started, unless its MQTT integration was told otherwise.
const BIRTH: &str = "homeassistant/status";
/// How long Home Assistant has for removing an entity before its other topics are emptied, ms: it warns of empty attributes.
const WITHDRAWAL_MS: i64 = 1_500;

/// A connection to the broker that was opened for publishing, with the right last will.
#[derive(Debug)]
pub struct Mqtt {
    client: Client,
    events: Events,
    place: Place,
}

/// Opens a connection for publishing. A made-up home has a client id, topics and ids of its own.
pub fn connect(config: &mqtt::Config, is_demo: bool) -> Result<Mqtt, MqttError> {
    let base = if is_demo { format!("{}_demo", config.base_topic) } else { config.base_topic.clone() };
    let availability = format!("{base}/status");
    let will = LastWill { topic: availability.clone(), text: "offline".to_owned() };
    // An id for each base topic, so that two homes on one broker do not throw each other out.
    let (client, events) = mqtt::connect(config, &format!("{}-publish", base.replace('/', "-")), Some(will))?;
    let place = Place { prefix: config.discovery_prefix.clone(), base, availability, is_demo, configuration_url: None };
    Ok(Mqtt { client, events, place })
}

impl Mqtt {
    /// To publish alerts with: the client, and the topic that they go to.
    pub(super) fn for_alerts(&self) -> (Client, String) {
        (self.client.clone(), format!("{}/alert", self.place.base))
    }
}

/// The topics of an entity that was announced, by its announcement's: what is to be emptied when it goes.
type Announced = BTreeMap<String, Vec<String>>;

struct Writer {
    client: Client,
    place: Place,
    store: Arc<dyn Store>,
    condition: Condition,
    min_interval_ms: i64,
    board: Board,
    /// Announcements as made since the last connect.
    made: BTreeMap<String, String>,
    /// What the broker keeps of us, also from former runs.
    announced: Option<Announced>,
    /// When announcements were withdrawn whose other topics are still to be emptied, ms since the epoch.
    withdrawn: BTreeMap<String, i64>,
}

/// Keeps the broker's picture as `wanted` says, until nobody wants anything any more.
pub(super) async fn write(
    mqtt: Mqtt,
    configuration_url: Option<String>,
    min_interval: Duration,
    store: Arc<dyn Store>,
    condition: Condition,
    mut wanted: watch::Receiver<Option<Arc<Wanted>>>,
) {
    let Mqtt { client, mut events, place } = mqtt;
    let mut writer = Writer {
        client,
        place: Place { configuration_url, ..place },
        store,
        condition,
        min_interval_ms: min_interval.as_millis() as i64,
        board: Board::default(),
        made: BTreeMap::new(),
        announced: None,
        withdrawn: BTreeMap::new(),
    };
    for topic in [format!("{}/status", writer.place.prefix), BIRTH.to_owned()] {
        let _ = writer.client.subscribe(&topic);
    }
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { break },
            event = events.next() => match event {
                Some(event) => writer.hear(event),
                None => return,
            },
            _ = tick.tick() => {}
        }
        let wanted = wanted.borrow_and_update().clone();
        if let Some(wanted) = wanted
            && writer.client.is_connected()
        {
            match writer.say(&wanted).await {
                Ok(()) => writer.condition.is_well(),
                Err(Stop::Later) => {}
                Err(Stop::Memory(why)) => writer.condition.failed(&why),
            }
        }
    }
    let _ = writer.client.publish(&writer.place.availability, "offline", true);
    writer.client.disconnect().await;
    // Until the goodbye is out.
    let _ = tokio::time::timeout(Duration::from_secs(2), async { while events.next().await.is_some() {} }).await;
}

/// Why not all was said.
enum Stop {
    /// The broker is away or busy: it is said later.
    Later,
    Memory(String),
}

impl From<MqttError> for Stop {
    fn from(_: MqttError) -> Self {
        Stop::Later
    }
}

impl Writer {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.say_all_anew();
                let _ = self.client.publish(&self.place.availability, "online", true);
                self.condition.is_well();
            }
            Event::Disconnected(why) => self.condition.failed(&why),
            // One that was kept is older than our own connect.
            Event::Message(m) if !m.retained && m.payload == b"online" => self.say_all_anew(),
            Event::Message(_) => {}
        }
    }

    fn say_all_anew(&mut self) {
        self.board.clear();
        self.made.clear();
        self.withdrawn.clear();
    }

    async fn say(&mut self, wanted: &Wanted) -> Result<(), Stop> {
        self.take_stock(wanted).await?;
        let now_ms = now_ms();
        for entity in &wanted.entities {
            let topic = self.place.config_topic(entity);
            let announcement = self.place.announcement(entity).to_string();
            if self.made.get(&topic) != Some(&announcement) {
                self.client.publish(&topic, announcement.as_str(), true)?;
                self.made.insert(topic, announcement);
            }
            if let Some(due) = self.board.due(entity, self.min_interval_ms, now_ms) {
                if due.attributes {
                    let attributes = serde_json::to_string(&entity.attributes).unwrap_or_default();
                    self.client.publish(&self.place.attributes_topic(entity), attributes, true)?;
                }
                if due.state {
                    // `None` is how MQTT sensors say unknown.
                    self.client.publish(&self.place.state_topic(entity), entity.state.as_deref().unwrap_or("None"), true)?;
                }
                self.board.note(entity, due, now_ms);
            }
        }
        Ok(())
    }

    /// Remembers what is about to be announced, and empties what is wanted no more.
    async fn take_stock(&mut self, wanted: &Wanted) -> Result<(), Stop> {
        let memory = |e: wattribute_store::StoreError| Stop::Memory(e.to_string());
        let announced = match &mut self.announced {
            Some(announced) => announced,
            none => none.insert(memory::recall::<Announced>(self.store.as_ref(), KEY).await.map_err(memory)?),
        };
        let place = &self.place;
        let current: Announced =
            wanted.entities.iter().map(|e| (place.config_topic(e), vec![place.state_topic(e), place.attributes_topic(e)])).collect();
        let gone: Announced = match wanted.is_complete {
            true => announced.iter().filter(|(topic, _)| !current.contains_key(*topic)).map(|(k, v)| (k.clone(), v.clone())).collect(),
            false => Announced::new(),
        };
        self.withdrawn.retain(|topic, _| !current.contains_key(topic));
        let is_new = current.iter().any(|(topic, others)| announced.get(topic) != Some(others));
        if is_new {
            // Before they are announced: what nobody remembers would stay on the broker for good.
            let mut all = announced.clone();
            all.extend(current);
            memory::remember(self.store.as_ref(), KEY, &all).await.map_err(memory)?;
            *announced = all;
        }
        let now_ms = now_ms();
        let mut is_less = false;
        for (topic, others) in gone {
            let Some(withdrawn_ms) = self.withdrawn.get(&topic) else {
                self.client.publish(&topic, "", true)?;
                self.made.remove(&topic);
                self.withdrawn.insert(topic, now_ms);
                continue;
            };
            if now_ms - withdrawn_ms < WITHDRAWAL_MS {
                continue;
            }
            for other in &others {
                self.client.publish(other, "", true)?;
            }
            if let Some(key) = others.first().and_then(|t| t.strip_suffix("/state")).and_then(|t| t.rsplit('/').next()) {
                self.board.forget(key);
            }
            self.withdrawn.remove(&topic);
            announced.remove(&topic);
            is_less = true;
        }
        if !is_less {
            return Ok(());
        }
        memory::remember(self.store.as_ref(), KEY, announced).await.map_err(memory)
    }
}
