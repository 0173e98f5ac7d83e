//! What the broker is told, with as much of a broker as that needs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use wattribute_service::{Health, State, mqtt};
use wattribute_store::Store;

use super::support::{Memory, home, until};
use crate::publish::alerts::Config as Alerts;
use crate::publish::{Config, Publisher, connect};

/// A broker for one client at a time: keeps what is retained and counts what is published.
struct Broker {
    config: mqtt::Config,
    kept: Arc<Mutex<BTreeMap<String, String>>>,
    counts: Arc<Mutex<BTreeMap<String, usize>>>,
    say: mpsc::Sender<Say>,
}

enum Say {
    /// Somebody else publishes.
    Publish(&'static str, &'static str),
    /// The connection breaks.
    Break,
}

impl Broker {
    async fn start() -> Self {
        Broker::at(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn at(listener: TcpListener) -> Self {
        let url = format!("mqtt://{}", listener.local_addr().unwrap());
        let (say, mut said) = mpsc::channel(4);
        let (kept, counts) = (Arc::<Mutex<BTreeMap<_, _>>>::default(), Arc::<Mutex<BTreeMap<_, _>>>::default());
        let (keeps, count) = (kept.clone(), counts.clone());
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (mut reader, mut writer) = socket.into_split();
                let (heard, mut packets) = mpsc::channel(1);
                tokio::spawn(async move {
                    while let Some(p) = packet(&mut reader).await
                        && heard.send(p).await.is_ok()
                    {}
                });
                loop {
                    let answer = tokio::select! {
                        p = packets.recv() => match p {
                            // A goodbye ends the connection, as MQTT has it.
                            Some(p) if p.0 >> 4 != 14 => answer(&p, &keeps, &count),
                            _ => break,
                        },
                        s = said.recv() => match s {
                            Some(Say::Publish(topic, payload)) => publish(topic, payload),
                            Some(Say::Break) => break,
                            None => return,
                        },
                    };
                    if writer.write_all(&answer).await.is_err() {
                        break;
                    }
                }
            }
        });
        let config = mqtt::Config { url: Some(url.try_into().unwrap()), ..mqtt::Config::default() };
        Broker { config, kept, counts, say }
    }

    fn keeps(&self, topic: &str) -> Option<String> {
        self.kept.lock().unwrap().get(topic).cloned()
    }

    fn count(&self, topic: &str) -> usize {
        self.counts.lock().unwrap().get(topic).copied().unwrap_or(0)
    }

    fn publisher(&self, store: &Arc<Memory>, health: &Health, config: Config) -> Publisher {
        let store: Arc<dyn Store> = store.clone();
        Publisher::new(config, Some(connect(&self.config, false).unwrap()), None, store, health, false)
    }
}

async fn packet(socket: &mut (impl AsyncReadExt + Unpin)) -> Option<(u8, Vec<u8>)> {
    let kind = socket.read_u8().await.ok()?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = socket.read_u8().await.ok()?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some((kind, body))
}

/// What the broker says to a packet.
fn answer((kind, body): &(u8, Vec<u8>), keeps: &Mutex<BTreeMap<String, String>>, count: &Mutex<BTreeMap<String, usize>>) -> Vec<u8> {
    match kind >> 4 {
        1 => vec![0x20, 2, 0, 0],
        3 => {
            let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
            let topic = String::from_utf8(body[2..end].to_vec()).unwrap();
            let payload = String::from_utf8(body[end + 2..].to_vec()).unwrap();
            assert_eq!(kind & 1 == 1, !topic.ends_with("/alert"), "{topic}: all but an alert is retained");
            *count.lock().unwrap().entry(topic.clone()).or_default() += 1;
            match payload.is_empty() {
                true => keeps.lock().unwrap().remove(&topic),
                false => keeps.lock().unwrap().insert(topic, payload),
            };
            vec![0x40, 2, body[end], body[end + 1]]
        }
        8 => vec![0x90, 3, body[0], body[1], 1],
        12 => vec![0xd0, 0],
        _ => Vec::new(),
    }
}

fn publish(topic: &str, payload: &str) -> Vec<u8> {
    let mut packet = vec![0x30, (2 + topic.len() + payload.len()) as u8, 0, topic.len() as u8];
    packet.extend(topic.bytes().chain(payload.bytes()));
    packet
}

const CONFIG: &str = "homeassistant/sensor/wattribute/kettle_power/config";
const STATE: &str = "wattribute/kettle_power/state";

fn eager() -> Config {
    Config { min_interval_s: 0, ..Config::default() }
}

#[tokio::test]
async fn all_is_said_anew_when_the_broker_or_home_assistant_was_away_and_only_then() {
    let (broker, store, health) = (Broker::start().await, Arc::new(Memory::default()), Health::default());
    let mut publisher = broker.publisher(&store, &health, eager());
    let now = home();
    publisher.publish(&now).await;
    let last = "wattribute/hall_lamp_energy/state";
    until("sensors", async || broker.count(last) == 1).await;
    assert_eq!(broker.keeps("wattribute/status").as_deref(), Some("online"));
    assert_eq!(broker.keeps(STATE).as_deref(), Some("2000"));

    let mut changed = now.clone();
    changed.devices[1].power_w = None;
    publisher.publish(&changed).await;
    until("the change", async || broker.keeps("wattribute/hall_lamp_power/state").as_deref() == Some("None")).await;
    assert_eq!((broker.count(CONFIG), broker.count(STATE)), (1, 1), "what did not change is not said again");

    broker.say.send(Say::Publish("homeassistant/status", "online")).await.unwrap();
    until("a started Home Assistant is told", async || broker.count(CONFIG) == 2 && broker.count(STATE) == 2).await;
    broker.kept.lock().unwrap().clear();
    broker.say.send(Say::Break).await.unwrap();
    until("a broker that lost everything is told", async || broker.keeps(CONFIG).is_some() && broker.keeps(STATE).is_some()).await;
    assert_eq!(broker.keeps("wattribute/status").as_deref(), Some("online"));
    assert_eq!(health.dependencies().get("mqtt"), Some(&State::Ok));
    publisher.stop().await;
    assert_eq!(broker.keeps("wattribute/status").as_deref(), Some("offline"), "a goodbye is said");
}

#[tokio::test]
async fn an_alert_is_published_once() {
    let (broker, store, health) = (Broker::start().await, Arc::new(Memory::default()), Health::default());
    let alerts = Alerts { high_consumption_for: std::time::Duration::ZERO, ..Alerts::default() };
    let folder = tempfile::tempdir().unwrap();
    let config = Config { alerts, spool: Some(folder.path().to_owned()), ..eager() };
    let mut publisher = broker.publisher(&store, &health, config);
    let high = crate::now::HomeNow { power_w: Some(12_000.0), ..home() };
    publisher.publish(&high).await;
    publisher.publish(&high).await;
    until("the alert", async || broker.count("wattribute/alert") == 1).await;
    let alert: serde_json::Value = serde_json::from_str(&broker.keeps("wattribute/alert").unwrap()).unwrap();
    assert_eq!((&alert["kind"], &alert["on"]), (&"high_consumption".into(), &true.into()));
    publisher.publish(&crate::now::HomeNow { power_w: Some(100.0), ..home() }).await;
    until("its end", async || broker.count("wattribute/alert") == 2).await;
    publisher.stop().await;
}

#[tokio::test]
async fn what_goes_leaves_nothing_on_the_broker_also_after_a_restart() {
    let (broker, store, health) = (Broker::start().await, Arc::new(Memory::default()), Health::default());
    let mut publisher = broker.publisher(&store, &health, eager());
    let now = home();
    publisher.publish(&now).await;
    let lamp = "wattribute/hall_lamp_power/state";
    until("sensors", async || broker.keeps(lamp).is_some() && broker.keeps(STATE).is_some()).await;
    publisher.stop().await;

    let mut restarted = broker.publisher(&store, &health, eager());
    restarted.publish(&crate::now::HomeNow { devices: Vec::new(), attributed_power_w: Some(1.0), ..now.clone() }).await;
    until("the home", async || broker.keeps("wattribute/attributed_power/state").as_deref() == Some("1.0")).await;
    assert!(broker.keeps(CONFIG).is_some(), "while no device is known none goes");
    let mut without = now.clone();
    without.devices.remove(0);
    restarted.publish(&without).await;
    until("the kettle goes", async || broker.keeps(STATE).is_none()).await;
    let left = || broker.kept.lock().unwrap().keys().filter(|t| t.contains("kettle")).cloned().collect::<Vec<_>>();
    until("all of it", async || left().is_empty()).await;
    assert!(broker.keeps(lamp).is_some());
    restarted.stop().await;

    let off = broker.publisher(&store, &health, Config { sensors: false, ..Config::default() });
    until("everything goes", async || broker.kept.lock().unwrap().keys().all(|t| t == "wattribute/status")).await;
    off.stop().await;
}

#[tokio::test]
async fn an_alert_of_while_the_broker_was_away_waits_over_a_restart_and_is_published_once() {
    let (store, health, folder) = (Arc::new(Memory::default()), Health::default(), tempfile::tempdir().unwrap());
    let alerts = Alerts { high_consumption_for: std::time::Duration::ZERO, ..Alerts::default() };
    let config = Config { alerts, spool: Some(folder.path().to_owned()), ..eager() };
    // The port of a broker that is not there yet.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let publisher = |health: &Health| {
        let mqtt = mqtt::Config { url: Some(format!("mqtt://{at}").try_into().unwrap()), ..mqtt::Config::default() };
        let store: Arc<dyn Store> = store.clone();
        Publisher::new(config.clone(), Some(connect(&mqtt, false).unwrap()), None, store, health, false)
    };
    drop(listener);
    let mut away = publisher(&health);
    away.publish(&crate::now::HomeNow { power_w: Some(11_000.0), ..home() }).await;
    let waits = |why: &State| matches!(why, State::Degraded(why) if why.contains("alerts wait on disk"));
    until("it waits", async || health.dependencies().get("alerts_mqtt").is_some_and(waits)).await;
    away.stop().await;

    let broker = Broker::at(TcpListener::bind(at).await.unwrap());
    let mut back = publisher(&health);
    until("the alert", async || broker.count("wattribute/alert") == 1).await;
    back.publish(&crate::now::HomeNow { power_w: Some(11_000.0), ..home() }).await;
    until("it is well", async || health.dependencies().get("alerts_mqtt") == Some(&State::Ok)).await;
    back.stop().await;
    let mut again = publisher(&health);
    again.publish(&crate::now::HomeNow { power_w: Some(300.0), ..home() }).await;
    until("its end", async || broker.count("wattribute/alert") == 2).await;
    let alert: serde_json::Value = serde_json::from_str(&broker.keeps("wattribute/alert").unwrap()).unwrap();
    assert_eq!(alert["on"], false, "what was published is not published again");
    again.stop().await;
}
