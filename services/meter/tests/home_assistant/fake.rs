//! A Home Assistant of a few lines, that can be told to misbehave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::DateTime;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};
use wattribute_service::home_assistant::Config;

pub const TOKEN: &str = "right-token";

/// What a connection is told to do.
#[derive(Clone, Debug)]
pub enum Push {
    /// Send this event to whoever subscribed to its type.
    Event(Value),
    /// Send this, word for word.
    Raw(String),
    /// Close the connection.
    Close,
}

#[derive(Default)]
pub struct Home {
    pub run_state: String,
    pub states: Vec<Value>,
    pub entries: Vec<Value>,
    pub preferences: Option<Value>,
    /// Rows of history by entity: `(ms, state, attributes)`.
    pub history: HashMap<String, Vec<(i64, String, Value)>>,
    pub token: String,
    /// Commands that were received.
    pub heard: Vec<Value>,
    pub tries: usize,
    /// Once somebody listens, these frames are sent as fast as they are read.
    pub stream: Option<Box<dyn Iterator<Item = Vec<Value>> + Send>>,
}

#[derive(Clone)]
pub struct Fake {
    pub url: String,
    pub home: Arc<Mutex<Home>>,
    pub push: broadcast::Sender<Push>,
    /// How many are subscribed to changes of state.
    pub listeners: watch::Receiver<usize>,
}

impl Fake {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let home = Home { run_state: "RUNNING".to_owned(), token: TOKEN.to_owned(), ..Home::default() };
        let (push, _) = broadcast::channel(1 << 16);
        let (listening, listeners) = watch::channel(0);
        let fake = Fake { url, home: Arc::new(Mutex::new(home)), push, listeners };
        let accepting = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, accepting.clone(), listening.clone()));
            }
        });
        fake
    }

    pub fn config(&self) -> Config {
        Config { url: self.url.clone(), token: Some(TOKEN.into()), ..Config::default() }
    }

    /// An entity is in a state since `at_ms`; its history knows.
    pub fn has(&self, entity_id: &str, state: &str, attributes: &Value, at_ms: i64) {
        let mut home = self.home.lock().unwrap();
        home.states.retain(|known| known["entity_id"] != entity_id);
        home.states.push(row(entity_id, state, attributes, at_ms));
        home.history.entry(entity_id.to_owned()).or_default().push((at_ms, state.to_owned(), attributes.clone()));
    }

    /// An entity says something, and whoever listens hears it.
    pub fn says(&self, entity_id: &str, state: &str, attributes: &Value, at_ms: i64) {
        self.has(entity_id, state, attributes, at_ms);
        let _ = self.push.send(Push::Event(changed(entity_id, state, attributes, at_ms)));
    }

    /// Waits until somebody is subscribed to changes of state, and all that comes with it has been answered.
    pub async fn is_listened_to(&mut self) {
        self.listeners.wait_for(|n| *n > 0).await.unwrap();
    }
}

/// A `state_changed` event.
pub fn changed(entity_id: &str, state: &str, attributes: &Value, at_ms: i64) -> Value {
    let new_state = row(entity_id, state, attributes, at_ms);
    json!({"event_type": "state_changed", "time_fired": iso(at_ms), "origin": "LOCAL",
        "data": {"entity_id": entity_id, "old_state": null, "new_state": new_state}})
}

fn row(entity_id: &str, state: &str, attributes: &Value, at_ms: i64) -> Value {
    json!({"entity_id": entity_id, "state": state, "attributes": attributes, "last_changed": iso(at_ms), "last_updated": iso(at_ms)})
}

pub fn iso(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).unwrap().format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

async fn serve(stream: TcpStream, fake: Fake, listening: watch::Sender<usize>) {
    let Ok(mut socket) = accept_async(stream).await else { return };
    fake.home.lock().unwrap().tries += 1;
    if say(&mut socket, &json!({"type": "auth_required", "ha_version": "2026.11.0"})).await.is_none() {
        return;
    }
    let Some(auth) = hear(&mut socket).await else { return };
    if auth["access_token"] != fake.home.lock().unwrap().token.as_str() {
        let _ = say(&mut socket, &json!({"type": "auth_invalid", "message": "Invalid access token or password"})).await;
        return;
    }
    let mut pushed = fake.push.subscribe();
    let mut subscriptions: HashMap<String, u64> = HashMap::new();
    let _ = say(&mut socket, &json!({"type": "auth_ok", "ha_version": "2026.11.0"})).await;
    let mut listens = false;
    let mut stream = None;
    loop {
        let ended = tokio::select! {
            command = hear(&mut socket) => match command {
                Some(command) => {
                    let answer = answer(&fake, &command, &mut subscriptions);
                    let sent = say(&mut socket, &answer).await;
                    if command["type"] == "get_states" && !std::mem::replace(&mut listens, true) {
                        listening.send_modify(|n| *n += 1);
                        stream = fake.home.lock().unwrap().stream.take();
                    }
                    sent
                }
                None => None,
            },
            () = std::future::ready(()), if stream.is_some() => match stream.as_mut().and_then(Iterator::next) {
                Some(events) => {
                    let id = subscriptions["state_changed"];
                    let frame: Vec<Value> = events.into_iter().map(|event| json!({"id": id, "type": "event", "event": event})).collect();
                    say(&mut socket, &frame.into()).await
                }
                None => {
                    stream = None;
                    Some(())
                }
            },
            push = pushed.recv() => match push {
                Ok(Push::Event(event)) => match subscriptions.get(event["event_type"].as_str().unwrap()) {
                    Some(id) => say(&mut socket, &json!({"id": id, "type": "event", "event": event})).await,
                    None => Some(()),
                },
                Ok(Push::Raw(text)) => socket.send(Message::text(text)).await.ok(),
                Ok(Push::Close) | Err(_) => {
                    let _ = socket.close(None).await;
                    None
                }
            },
        };
        if ended.is_none() {
            break;
        }
    }
    if listens {
        listening.send_modify(|n| *n -= 1);
    }
}

fn answer(fake: &Fake, command: &Value, subscriptions: &mut HashMap<String, u64>) -> Value {
    let mut home = fake.home.lock().unwrap();
    home.heard.push(command.clone());
    let result = match command["type"].as_str().unwrap() {
        "ping" => return json!({"id": command["id"], "type": "pong"}),
        "supported_features" => Value::Null,
        "get_config" => {
            json!({"state": home.run_state, "location_name": "Fake", "time_zone": "Europe/Berlin", "currency": "EUR", "version": "2026.11.0"})
        }
        "get_states" => home.states.clone().into(),
        "config/entity_registry/list" => home.entries.clone().into(),
        "config/device_registry/list" => {
            json!([{"id": "d1", "area_id": "a1", "identifiers": []}, {"id": "own", "identifiers": [["mqtt", "wattribute"]]}])
        }
        "config/area_registry/list" => json!([{"area_id": "a1", "name": "Kitchen"}]),
        "energy/get_prefs" if home.preferences.is_some() => home.preferences.clone().unwrap(),
        "subscribe_events" => {
            subscriptions.insert(command["event_type"].as_str().unwrap().to_owned(), command["id"].as_u64().unwrap());
            Value::Null
        }
        "history/history_during_period" => history(&home, command),
        _ => {
            let error = json!({"code": "unknown_command", "message": "Unknown command."});
            return json!({"id": command["id"], "type": "result", "success": false, "error": error});
        }
    };
    json!({"id": command["id"], "type": "result", "success": true, "result": result})
}

/// As Home Assistant answers: first what held at the start, at the start's instant; then what was said.
fn history(home: &Home, command: &Value) -> Value {
    let at = |key: &str| command[key].as_str().map(|text| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis());
    let (from_ms, to_ms) = (at("start_time").unwrap(), at("end_time").unwrap_or(i64::MAX));
    let mut answer = json!({});
    for id in command["entity_ids"].as_array().unwrap() {
        let Some(all) = home.history.get(id.as_str().unwrap()) else { continue };
        let held =
            all.iter().rfind(|(at_ms, ..)| *at_ms < from_ms).map(|(_, state, attributes)| (from_ms, state.clone(), attributes.clone()));
        let within = all.iter().filter(|(at_ms, ..)| (from_ms..to_ms).contains(at_ms)).cloned();
        let rows: Vec<Value> = held
            .into_iter()
            .chain(within)
            .map(|(at_ms, state, attributes)| {
                let mut row = json!({"s": state, "lu": at_ms as f64 / 1000.0});
                if command["no_attributes"] != true {
                    row["a"] = attributes;
                }
                row
            })
            .collect();
        if !rows.is_empty() {
            answer[id.as_str().unwrap()] = rows.into();
        }
    }
    answer
}

async fn say(socket: &mut WebSocketStream<TcpStream>, message: &Value) -> Option<()> {
    socket.send(Message::text(message.to_string())).await.ok()
}

async fn hear(socket: &mut WebSocketStream<TcpStream>) -> Option<Value> {
    loop {
        match socket.next().await? {
            Ok(Message::Text(text)) => return serde_json::from_str(&text).ok(),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}
