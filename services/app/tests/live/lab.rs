//! A Home Assistant for tests, its house, and a broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use wattribute_service::home_assistant::{Config, Connection, Rest};

const LONGEST_WAIT: Duration = Duration::from_secs(90);

/// The Home Assistant and the broker that the environment names.
pub struct Lab {
    pub config: Config,
    pub url: String,
    pub token: String,
    pub broker: String,
    pub is_patient: bool,
    rest: Rest,
}

pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

impl Lab {
    pub fn of_environment() -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let live = variable("WATTRIBUTE_TEST_LIVE")?;
        let (url, token) = (variable("HOME_ASSISTANT_URL")?, variable("HOME_ASSISTANT_TOKEN")?);
        let broker = format!("mqtt://127.0.0.1:{}", variable("HA_LAB_MQTT_PORT")?);
        let config = Config { url: url.clone(), token: Some(token.clone().into()), ..Config::default() };
        Some(Lab { rest: Rest::new(&config).unwrap(), config, url, token, broker, is_patient: live == "slow" })
    }

    pub async fn connect(&self) -> Connection {
        Connection::open(&self.config).await.unwrap()
    }

    pub async fn call(&self, service: &str, data: Value) {
        self.rest.post(&format!("/api/services/{service}"), &data).await.unwrap();
    }

    /// Switches a switch or a light; when that was asked, ms.
    pub async fn switch(&self, entity_id: &str, on: bool) -> i64 {
        let domain = entity_id.split_once('.').unwrap().0;
        let asked_ms = now_ms();
        self.call(&format!("{domain}/turn_{}", if on { "on" } else { "off" }), json!({ "entity_id": entity_id })).await;
        asked_ms
    }

    pub async fn set(&self, entity_id: &str, value: f64) {
        self.call("input_number/set_value", json!({ "entity_id": entity_id, "value": value })).await;
    }

    /// A state made by the test alone.
    pub async fn post_power(&self, entity_id: &str, power_w: f64) {
        let attributes = json!({ "unit_of_measurement": "W", "device_class": "power", "state_class": "measurement" });
        let state = json!({ "state": format!("{power_w:.1}"), "attributes": attributes });
        self.rest.post(&format!("/api/states/{entity_id}"), &state).await.unwrap();
    }

    pub async fn remove(&self, entity_id: &str) {
        let _gone_already = self.rest.delete(&format!("/api/states/{entity_id}")).await;
    }

    pub async fn state(&self, entity_id: &str) -> Option<Value> {
        self.rest.get(&format!("/api/states/{entity_id}")).await.ok()
    }

    pub async fn number(&self, entity_id: &str) -> f64 {
        self.state(entity_id).await.and_then(|s| s["state"].as_str()?.parse().ok()).unwrap_or(f64::NAN)
    }

    /// Waits until an entity is as wanted.
    pub async fn until(&self, entity_id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let state = self.state(entity_id).await;
            if let Some(state) = state.as_ref().filter(|s| wanted(s)) {
                return state.clone();
            }
            assert!(begun.elapsed() < LONGEST_WAIT, "{entity_id}: {state:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Restarts Home Assistant and waits until it runs again; how long that took, s.
    pub async fn restart(&self) -> f64 {
        let begun = Instant::now();
        let started = self.connect().await;
        let _gone = self.rest.post("/api/services/homeassistant/restart", &json!({})).await;
        started.closed().await;
        loop {
            let config = self.rest.get("/api/config").await.ok();
            if config.is_some_and(|c| c["state"] == "RUNNING") {
                return begun.elapsed().as_secs_f64();
            }
            assert!(begun.elapsed() < LONGEST_WAIT, "Home Assistant does not come back");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// An address that leads to Home Assistant and counts who comes.
    pub async fn counted(&self) -> (String, Arc<AtomicUsize>) {
        let target = self.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let counter = count.clone();
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                let target = target.clone();
                tokio::spawn(async move {
                    let mut to = TcpStream::connect(target).await?;
                    tokio::io::copy_bidirectional(&mut from, &mut to).await
                });
            }
        });
        (url, count)
    }
}
