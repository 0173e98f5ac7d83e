//! What is seen of the service from outside, and when: rows of its API, events and sensors in Home Assistant.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use wattribute_service::home_assistant::{Config, Connection};

use super::lab::now_ms;

/// A correlation as its readers see it.
#[derive(Clone, Debug)]
pub struct Row {
    /// When it was there first, ms.
    pub first_ms: i64,
    /// When it was final first, ms.
    pub final_ms: Option<i64>,
    /// As it was last.
    pub last: Value,
    /// How often it changed after it was final.
    pub corrected: usize,
}

/// An event or the state of a sensor, with when it came, ms.
pub type Seen = (i64, Value);

#[derive(Default)]
struct Book {
    rows: BTreeMap<(i64, String), Row>,
    events: Vec<Seen>,
    states: Vec<Seen>,
}

/// Writes down everything; ends with the test.
pub struct Watcher {
    book: Arc<Mutex<Book>>,
    tasks: Vec<JoinHandle<()>>,
}

pub fn at_ms(row: &Value, key: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(row[key].as_str().unwrap_or_default()).map_or(i64::MIN, |t| t.timestamp_millis())
}

impl Watcher {
    /// Begins; `correlations` is where the API has them.
    pub fn begin(config: &Config, correlations: String) -> Self {
        let book = Arc::new(Mutex::new(Book::default()));
        let tasks = vec![tokio::spawn(rows(correlations, book.clone())), tokio::spawn(home_assistant(config.clone(), book.clone()))];
        Watcher { book, tasks }
    }

    /// All rows, by when their change was said and of what.
    pub fn rows(&self) -> BTreeMap<(i64, String), Row> {
        self.book.lock().unwrap().rows.clone()
    }

    /// The events `wattribute_correlation`.
    pub fn events(&self) -> Vec<Seen> {
        self.book.lock().unwrap().events.clone()
    }

    /// What our sensors showed, each state in full with its `entity_id`.
    pub fn states(&self) -> Vec<Seen> {
        self.book.lock().unwrap().states.clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn rows(url: String, book: Arc<Mutex<Book>>) {
    let client = reqwest::Client::new();
    let mut beat = tokio::time::interval(Duration::from_millis(200));
    loop {
        beat.tick().await;
        let Ok(answer) = client.get(&url).send().await else { continue };
        let Ok(all) = answer.json::<Vec<Value>>().await else { continue };
        let mut book = book.lock().unwrap();
        let now = now_ms();
        for row in all {
            let key = (at_ms(&row, "timestamp"), row["entity_id"].as_str().unwrap_or_default().to_owned());
            let seen = book.rows.entry(key).or_insert_with(|| Row { first_ms: now, final_ms: None, last: Value::Null, corrected: 0 });
            if seen.final_ms.is_some() && seen.last["power_delta_w"] != row["power_delta_w"] {
                seen.corrected += 1;
            }
            if seen.final_ms.is_none() && row["stage"] == "final" {
                seen.final_ms = Some(now);
            }
            seen.last = row;
        }
    }
}

/// Listens again whenever Home Assistant went away.
async fn home_assistant(config: Config, book: Arc<Mutex<Book>>) {
    loop {
        if let Ok(connection) = Connection::open(&config).await {
            listen(&connection, &book).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn listen(connection: &Connection, book: &Mutex<Book>) -> Option<()> {
    let subscribe = |event: &str| json!({ "type": "subscribe_events", "event_type": event });
    let mut events = connection.subscribe(subscribe("wattribute_correlation")).await.ok()?;
    let mut states = connection.subscribe(subscribe("state_changed")).await.ok()?;
    loop {
        tokio::select! {
            event = events.next() => book.lock().unwrap().events.push((now_ms(), event?["data"].clone())),
            state = states.next() => {
                let state = state?["data"]["new_state"].clone();
                let is_ours = state["entity_id"].as_str().is_some_and(|id| id.contains("sensor.wattribute_") || id == "sensor.lab_mqtt_power");
                if is_ours {
                    book.lock().unwrap().states.push((now_ms(), state));
                }
            }
        }
    }
}
