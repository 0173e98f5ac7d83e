//! Devices that publish over MQTT.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use wattribute_service::mqtt::{self, Message};

use super::digest::{Challenge, own_nonce};
use super::heard::{Heard, Word};
use super::names::{Names, Way};
use super::rpc::Frame;
use super::topics::{Topic, topic};
use super::wire::{self, Who, text};
use super::{Login, NAME, gen1, rpc};
use crate::adapters::broker::{Broker, Heard as Spoken};
use crate::adapters::numbers::json as parsed;
use crate::adapters::web::Ticks;
use crate::adapters::{AdapterError, Speaker, now_ms};

const OFFLINE: &str = "it is offline, as its last will says: see that it has power and Wi-Fi";
/// How often one is asked who it is before it goes by its topic.
const TRIES: u32 = 3;

/// One that notified of something within so long does so of everything, ms.
const NOTIFIES_MS: i64 = 600_000;

/// Listens until the speaker's fleet ends.
pub(super) async fn listen(speaker: Speaker, broker: mqtt::Config, topics: Vec<String>, is_connected: Arc<AtomicBool>, heard: Heard) {
    if broker.url.is_none() {
        let why = "`topics` are heard over MQTT, and no broker is set up: set `url` in [mqtt], such as mqtt://192.168.1.2:1883";
        return speaker.trouble(why).await;
    }
    let reply = format!("{}/{NAME}", broker.base_topic);
    let mut listener = Listener {
        ticks: Ticks::every((heard.manner.every / 2).clamp(Duration::from_millis(100), Duration::from_secs(5))),
        broker: Broker::new(&broker, NAME, topics),
        reply,
        speaker,
        heard,
        devices: HashMap::new(),
        numbers: HashMap::new(),
        asked: 0,
    };
    loop {
        tokio::select! {
            said = listener.broker.next() => match said {
                Ok(Spoken::Connected) => {
                    is_connected.store(true, Ordering::Release);
                    listener.heard.begin_again().await;
                    listener.broker.listen_too(&format!("{}/rpc", listener.reply));
                    // Whoever is there says who it is.
                    listener.broker.ask("shellies/command", "announce");
                    listener.speaker.told(Vec::new(), "").await;
                }
                Ok(Spoken::Message(message)) => listener.hear(&message).await,
                Err(error) => {
                    is_connected.store(false, Ordering::Release);
                    listener.speaker.trouble(error.to_string()).await;
                    // What is set up wrongly does not mend itself.
                    if matches!(error, AdapterError::Unsupported(_)) {
                        return;
                    }
                }
            },
            () = listener.ticks.next() => listener.ask_who_is_quiet(),
        }
    }
}

/// What is known of who publishes under a prefix.
#[derive(Default)]
struct Device {
    mac: Option<String>,
    model: String,
    is_first: bool,
    tries: u32,
    /// When it said something that it measures, ms since the epoch.
    heard_ms: i64,
    /// When it was asked last, ms since the epoch.
    asked_ms: i64,
    /// When it notified of anything, ms since the epoch.
    notified_ms: i64,
    /// Whether it ever said what only a Shelly says.
    has_spoken: bool,
    has_been_asked_for_names: bool,
    challenge: Option<Challenge>,
}

struct Listener {
    broker: Broker,
    /// Where answers are wanted.
    reply: String,
    speaker: Speaker,
    heard: Heard,
    /// By the prefix of their topics.
    devices: HashMap<String, Device>,
    /// Prefix and method of questions that wait for their answers.
    numbers: HashMap<u64, (String, &'static str)>,
    asked: u64,
    ticks: Ticks,
}

impl Listener {
    async fn hear(&mut self, message: &Message) {
        if message.topic == format!("{}/rpc", self.reply) {
            return self.answered(&message.payload).await;
        }
        let Some((prefix, about)) = topic(&message.topic) else { return };
        let way = Way::Publishes;
        match about {
            Topic::Announce => self.announced(&message.payload),
            Topic::Online => {
                let mac = self.mac(prefix);
                match message.payload.trim_ascii() {
                    b"true" => _ = self.known(prefix),
                    b"false" => {
                        // Of what never measured anything nobody misses anything.
                        if let Some(mac) = mac.filter(|mac| self.heard.book.measures(mac)) {
                            self.say(&mac, Word::Gone(way, OFFLINE.to_owned())).await;
                        }
                    }
                    _ => {}
                }
            }
            // What the broker kept was said at some time before.
            _ if message.retained => _ = self.known(prefix),
            Topic::Value(path) => {
                let device = self.known(prefix);
                device.is_first = true;
                let model = if device.model.is_empty() { prefix.rsplit('/').next().unwrap_or(prefix) } else { &device.model };
                let published = gen1::published(path, &message.payload, model);
                let text = json!({"topic": message.topic, "payload": String::from_utf8_lossy(&message.payload)}).to_string();
                self.known(prefix).has_spoken |= published.is_some();
                if let (Some(published), Some(mac)) = (published, self.mac(prefix)) {
                    self.spoke(prefix);
                    self.say(&mac, Word::Value(way, published, text)).await;
                }
            }
            Topic::Info | Topic::Component(_) | Topic::Events => {
                let said = match parsed(&message.payload) {
                    Ok(said) => said,
                    Err(why) => {
                        metrics::counter!("wattribute_bad_payloads_total", "adapter" => NAME).increment(1);
                        if let Some(mac) = self.mac(prefix).filter(|mac| self.heard.book.measures(mac)) {
                            self.say(&mac, Word::Gone(way, format!("{} says what makes no sense: {why}", message.topic))).await;
                        }
                        return;
                    }
                };
                let word = match about {
                    Topic::Info => {
                        self.known(prefix).is_first = true;
                        if let Some(mac) = text(&said, "/mac") {
                            self.known(prefix).mac = Some(wire::plain_mac(&mac));
                        }
                        Word::First(way, said, self.known(prefix).model.clone())
                    }
                    // What notifies says the same there.
                    Topic::Component(_) if now_ms() - self.known(prefix).notified_ms < NOTIFIES_MS => return,
                    Topic::Component(component) => Word::Status(way, json!({component: said})),
                    _ => match rpc::frame(said) {
                        Ok(Frame::Notify { from, status }) => {
                            self.met(prefix, wire::mac_of_id(&from), &from);
                            self.known(prefix).notified_ms = now_ms();
                            Word::Status(way, status)
                        }
                        _ => return,
                    },
                };
                self.known(prefix).has_spoken = true;
                if let Some(mac) = self.mac(prefix) {
                    self.spoke(prefix);
                    self.say(&mac, word).await;
                }
            }
        }
    }

    fn announced(&mut self, payload: &[u8]) {
        let Ok(said) = parsed(payload) else { return };
        let (Some(id), Some(mac)) = (text(&said, "/id"), text(&said, "/mac")) else { return };
        // The second generation announces itself too, where it is told to; its prefix need not be its id.
        let prefix = format!("shellies/{id}");
        let device = self.known(&prefix);
        device.model = text(&said, "/model").unwrap_or_default();
        device.is_first = true;
        self.met(&prefix, Some(wire::plain_mac(&mac)), &id);
    }

    async fn answered(&mut self, payload: &[u8]) {
        let Ok(Frame::Answer { from, id, result }) = parsed(payload).and_then(rpc::frame) else { return };
        let Some((prefix, method)) = self.numbers.remove(&id) else { return };
        match result {
            Ok(result) => match method {
                "Shelly.GetDeviceInfo" => {
                    let who = wire::who(&result).ok();
                    self.met(&prefix, who.as_ref().map(|who| who.mac.clone()), who.as_ref().map_or(&from, |who| &who.id));
                    if let Some(Who { mac, name: Some(name), .. }) = who
                        && !self.heard.book.is_named(&mac)
                    {
                        self.heard.book.named(&mac, Names { device: Some(name), ..Names::default() });
                    }
                }
                "Shelly.GetConfig" => {
                    if let Some(mac) = self.mac(&prefix) {
                        self.heard.book.named(&mac, rpc::names(&result));
                    }
                }
                _ => {
                    self.met(&prefix, wire::mac_of_id(&from), &from);
                    if let Some(mac) = self.mac(&prefix) {
                        self.spoke(&prefix);
                        self.say(&mac, Word::Status(Way::Publishes, result)).await;
                    }
                }
            },
            Err((401, message)) => {
                let may = self.heard.manner.login.password.is_some();
                let device = self.known(&prefix);
                let is_new = device.challenge.is_none();
                device.challenge = Challenge::of_refusal(&message).filter(|_| may && is_new);
                if device.challenge.is_some() {
                    self.ask(&prefix, method);
                } else if method == "Shelly.GetConfig" {
                    // That alone it says to everybody.
                    self.ask(&prefix, "Shelly.GetDeviceInfo");
                }
            }
            Err(_) => {}
        }
    }

    /// Asks those that were not heard for a turn: what they measure, or who they are.
    fn ask_who_is_quiet(&mut self) {
        let (now, turn_ms) = (now_ms(), self.heard.manner.every.as_millis() as i64);
        if self.numbers.len() > 4 * self.devices.len() + 16 {
            self.numbers.clear();
        }
        let quiet = |device: &Device| now - device.heard_ms.max(device.asked_ms) >= turn_ms;
        let prefixes: Vec<String> = self.devices.iter().filter(|(_, device)| quiet(device)).map(|(prefix, _)| prefix.clone()).collect();
        for prefix in prefixes {
            let device = self.known(&prefix);
            device.asked_ms = now;
            if device.mac.is_none() {
                device.tries = device.tries.saturating_add(1);
                let (tries, is_first, has_spoken) = (device.tries, device.is_first, device.has_spoken);
                if tries <= TRIES {
                    if prefix.starts_with("shellies/") {
                        self.broker.ask(&format!("{prefix}/command"), "announce");
                    }
                    if !is_first {
                        self.ask(&prefix, "Shelly.GetDeviceInfo");
                    }
                } else if has_spoken {
                    // It does not say: it goes by its topic.
                    let id = prefix.rsplit('/').next().unwrap_or(&prefix).to_owned();
                    self.met(&prefix, Some(id.clone()), &id);
                }
            } else if device.is_first {
                self.broker.ask(&format!("{prefix}/command"), "update");
            } else {
                if !std::mem::replace(&mut device.has_been_asked_for_names, true) {
                    self.ask(&prefix, "Shelly.GetConfig");
                }
                self.ask(&prefix, "Shelly.GetStatus");
            }
        }
    }

    fn ask(&mut self, prefix: &str, method: &'static str) {
        self.asked += 1;
        let password = self.heard.manner.login.password.clone();
        let device = self.devices.entry(prefix.to_owned()).or_default();
        let auth =
            device.challenge.as_mut().zip(password).map(|(challenge, password)| challenge.object(Login::RPC_USER, &password, &own_nonce()));
        let question = rpc::question(self.asked, &self.reply, method, auth);
        self.numbers.insert(self.asked, (prefix.to_owned(), method));
        self.broker.ask(&format!("{prefix}/rpc"), &question);
    }

    /// A device that publishes under a prefix, with the MAC that its id holds.
    fn known(&mut self, prefix: &str) -> &mut Device {
        if !self.devices.contains_key(prefix) {
            let id = prefix.rsplit('/').next().unwrap_or(prefix);
            let mac = wire::mac_of_id(id);
            if let Some(mac) = &mac {
                self.heard.book.met(mac, id);
            }
            self.devices.insert(prefix.to_owned(), Device { mac, ..Device::default() });
        }
        self.devices.entry(prefix.to_owned()).or_default()
    }

    fn met(&mut self, prefix: &str, mac: Option<String>, id: &str) {
        let device = self.known(prefix);
        if let Some(mac) = mac.filter(|_| device.mac.is_none()) {
            device.mac = Some(mac.clone());
            self.heard.book.met(&mac, id);
        }
    }

    fn mac(&mut self, prefix: &str) -> Option<String> {
        self.devices.get(prefix)?.mac.clone()
    }

    fn spoke(&mut self, prefix: &str) {
        // What changes is said at once, what stays is asked for: that it spoke is no answer to that.
        let is_first = self.known(prefix).is_first;
        if is_first {
            self.known(prefix).heard_ms = now_ms();
        }
    }

    async fn say(&self, mac: &str, word: Word) {
        self.heard.say(&self.speaker, mac, word).await;
    }
}
