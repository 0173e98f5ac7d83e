//! The adapter and the service against a real Home Assistant (`ha-lab`), where one is given.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wattribute_domain::{Quantity, SeriesId};
use wattribute_meter::adapters::AdapterError;
use wattribute_meter::adapters::home_assistant::HomeAssistant;
use wattribute_meter::{discover, ingest, once};
use wattribute_service::home_assistant::{Config, Connection, Rest};
use wattribute_service::{Health, State};
use wattribute_store::{Origin, Store};

/// Set it to let the tests switch things in the Home Assistant of `HOME_ASSISTANT_URL` and restart it.
const VARIABLE: &str = "WATTRIBUTE_TEST_LIVE";

fn real() -> Option<Config> {
    let variables = (std::env::var(VARIABLE), std::env::var("HOME_ASSISTANT_URL"), std::env::var("HOME_ASSISTANT_TOKEN"));
    let (Ok(_), Ok(url), Ok(token)) = variables else {
        println!("SKIPPED: set {VARIABLE}, HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN to those of a Home Assistant for tests (ha-lab)");
        return None;
    };
    let ca_file = std::env::var_os("WATTRIBUTE__HOME_ASSISTANT__CA_FILE").map(Into::into);
    Some(Config { url, token: Some(token.into()), ca_file, ..Config::default() })
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// A running ingest over a store in a temporary folder.
struct Running {
    store: Arc<dyn Store>,
    health: Health,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), wattribute_store::StoreError>>,
    rest: Rest,
    _folder: tempfile::TempDir,
}

impl Running {
    async fn start(config: &Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = wattribute_store::open(&format!("sqlite:{}", folder.path().join("test.db").display()), Origin::Home).unwrap();
        let (health, shutdown) = (Health::default(), CancellationToken::new());
        let adapter = HomeAssistant::new(config.clone(), Vec::new(), None).unwrap();
        let task = tokio::spawn(ingest(vec![Box::new(adapter)], store.clone(), None, health.clone(), shutdown.clone()));
        Running { store, health, shutdown, task, rest: Rest::new(config).unwrap(), _folder: folder }
    }

    async fn series(&self, entity_id: &str) -> Option<SeriesId> {
        self.store.series().await.unwrap().into_iter().find(|(_, info)| info.device == entity_id).map(|(id, _)| id)
    }

    async fn of(&self, entity_id: &str, from_ms: i64) -> Vec<(i64, f64)> {
        let Some(id) = self.series(entity_id).await else { return Vec::new() };
        let rows = self.store.readings(id, from_ms, i64::MAX).await.unwrap();
        rows.at_ms.into_iter().zip(rows.value).collect()
    }

    async fn heard_ms(&self) -> i64 {
        self.store.document("heard:home_assistant").await.unwrap().and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Waits until the readings since `from_ms` are as wanted; says what was there if that takes too long.
    async fn until(&self, entity_id: &str, from_ms: i64, wanted: impl Fn(&[(i64, f64)]) -> bool) -> Vec<(i64, f64)> {
        let begun = std::time::Instant::now();
        loop {
            let rows = self.of(entity_id, from_ms).await;
            if wanted(&rows) {
                return rows;
            }
            assert!(begun.elapsed() < Duration::from_secs(90), "{entity_id}: {rows:?} {:?}", self.health.dependencies());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn until_heard(&self, at_ms: i64) {
        let begun = std::time::Instant::now();
        while self.heard_ms().await < at_ms {
            assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", self.health.dependencies());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn call(&self, service: &str, data: Value) {
        self.rest.post(&format!("/api/services/{service}"), &data).await.unwrap();
    }

    async fn state_of(&self, entity_id: &str) -> (f64, i64) {
        let state = self.rest.get(&format!("/api/states/{entity_id}")).await.unwrap();
        let at = chrono::DateTime::parse_from_rfc3339(state["last_updated"].as_str().unwrap()).unwrap();
        (state["state"].as_str().unwrap().parse().unwrap_or(f64::NAN), at.timestamp_millis())
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// One test, since there is one Home Assistant.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_home_assistant_is_read() {
    let Some(config) = real() else { return };
    println!("{}", Connection::open(&config).await.unwrap().version());
    what_there_is(&config).await;
    let running = Running::start(&config).await;
    running.until_heard(now_ms()).await;
    assert_eq!(running.health.dependencies().get("home_assistant"), Some(&State::Ok));
    switching(&running).await;
    a_gap(&running).await;
    our_own(&running).await;
    a_restart(&running, &config).await;
    running.stop().await;
    a_token(&config).await;
}

async fn what_there_is(config: &Config) {
    let text = once(config, None).await.unwrap();
    println!("{text}");
    assert!(text.contains("sensor.grid_power_kw") && text.contains("power_w") && text.contains("switch.kettle"));
    println!("{}", discover(&Config { meter: Some("sensor.grid_power".to_owned()), ..config.clone() }).await.unwrap());
}

async fn switching(running: &Running) {
    running.call("switch/turn_off", json!({"entity_id": "switch.kettle"})).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let begun = now_ms();
    running.call("switch/turn_on", json!({"entity_id": "switch.kettle"})).await;
    let rows = running.until("switch.kettle", begun, |rows| rows.iter().any(|r| r.0 >= begun && r.1 == 1.0)).await;
    println!("the switch after {} ms: {rows:?}", now_ms() - begun);
    let (_, said_ms) = running.state_of("switch.kettle").await;
    assert!(rows.iter().any(|r| r.0 == said_ms && r.1 == 1.0), "{rows:?} {said_ms}");
    running.until("sensor.kettle_power", begun, |rows| rows.iter().any(|r| r.0 >= begun && r.1 >= 100.0)).await;
    // The same in kW is the same in W.
    let (kw, at_ms) = running.state_of("sensor.grid_power_kw").await;
    running.until("sensor.grid_power_kw", at_ms, |rows| rows.iter().any(|r| r.0 == at_ms && (r.1 - 1000.0 * kw).abs() < 1e-6)).await;
    // A number that is changed by hand is seen in what depends on it.
    let begun = now_ms();
    let (base_w, _) = running.state_of("input_number.base_w").await;
    running.call("input_number/set_value", json!({"entity_id": "input_number.base_w", "value": base_w + 7.0})).await;
    running.until("sensor.grid_power", begun, |rows| rows.iter().any(|r| r.0 >= begun)).await;
    running.call("input_number/set_value", json!({"entity_id": "input_number.base_w", "value": base_w})).await;
    running.call("switch/turn_off", json!({"entity_id": "switch.kettle"})).await;
}

async fn a_gap(running: &Running) {
    let begun = now_ms();
    running.call("input_boolean/turn_off", json!({"entity_id": "input_boolean.pv_online"})).await;
    running.until("sensor.pv_power", begun, |rows| rows.last().is_some_and(|r| r.0 >= begun && r.1.is_nan())).await;
    running.call("input_boolean/turn_on", json!({"entity_id": "input_boolean.pv_online"})).await;
    running.until("sensor.pv_power", begun, |rows| rows.last().is_some_and(|r| r.1.is_finite())).await;
}

async fn our_own(running: &Running) {
    let attributes = json!({"unit_of_measurement": "W", "device_class": "power", "attribution": "Wattribute"});
    running.rest.post("/api/states/sensor.wattribute_kettle_power", &json!({"state": "5", "attributes": attributes})).await.unwrap();
    running.rest.post("/api/states/sensor.posted_by_us", &json!({"state": "5", "attributes": attributes})).await.unwrap();
    let other = json!({"unit_of_measurement": "W", "device_class": "power"});
    running.rest.post("/api/states/sensor.posted_by_others", &json!({"state": "6", "attributes": other})).await.unwrap();
    // One that appears is read within seconds; ours never is.
    running.until("sensor.posted_by_others", 0, |rows| rows.last().is_some_and(|r| r.1 == 6.0)).await;
    assert!(running.series("sensor.wattribute_kettle_power").await.is_none() && running.series("sensor.posted_by_us").await.is_none());
    for id in ["sensor.wattribute_kettle_power", "sensor.posted_by_us", "sensor.posted_by_others"] {
        running.rest.delete(&format!("/api/states/{id}")).await.unwrap();
    }
    running.until("sensor.posted_by_others", 0, |rows| rows.last().is_some_and(|r| r.1.is_nan())).await;
}

async fn a_restart(running: &Running, config: &Config) {
    let begun = now_ms();
    running.call("switch/turn_on", json!({"entity_id": "switch.heater"})).await;
    let (_, on_ms) = running.state_of("switch.heater").await;
    // The recorder writes every few seconds, and at the end.
    let _ = running.rest.post("/api/services/homeassistant/restart", &json!({})).await;
    let begun_again = loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let state = running.rest.get("/api/config").await.ok().and_then(|c| c["state"].as_str().map(str::to_owned));
        let since = running.rest.get("/api/states/sensor.grid_power").await;
        if let (Some("RUNNING"), Ok(_)) = (state.as_deref(), since) {
            let (_, at_ms) = running.state_of("sensor.grid_power").await;
            if at_ms > begun && running.of("switch.heater", begun).await.iter().any(|r| r.0 > on_ms) {
                break at_ms;
            }
        }
        assert!(now_ms() - begun < 120_000, "{:?}", running.health.dependencies());
    };
    println!("restarted after {} ms", begun_again - begun);
    running.call("switch/turn_off", json!({"entity_id": "switch.heater"})).await;
    let (_, off_ms) = running.state_of("switch.heater").await;
    running.until_heard(off_ms).await;
    assert_eq!(running.health.dependencies().get("home_assistant"), Some(&State::Ok));

    // What the store has is what Home Assistant's own history has: nothing missing, nothing twice.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let connection = Connection::open(config).await.unwrap();
    for (id, series) in running.store.series().await.unwrap() {
        if series.quantity != Quantity::PowerW || series.device.starts_with("sensor.posted") {
            continue;
        }
        let start = chrono::DateTime::from_timestamp_millis(begun - 1_000).unwrap().to_rfc3339();
        let asked = json!({"type": "history/history_during_period", "start_time": start, "entity_ids": [series.device],
            "minimal_response": false, "no_attributes": true, "significant_changes_only": false});
        let answer = connection.call(asked).await.unwrap();
        let factor = if series.device.ends_with("_kw") { 1000.0 } else { 1.0 };
        let mut theirs: Vec<(i64, f64)> = Vec::new();
        for row in answer[&series.device].as_array().unwrap() {
            let value = row["s"].as_str().unwrap().parse().unwrap_or(f64::NAN) * factor;
            if theirs.last().is_none_or(|last| last.1 != value && !(last.1.is_nan() && value.is_nan())) {
                theirs.push(((row["lu"].as_f64().unwrap() * 1000.0 + 0.0005).floor() as i64, value));
            }
        }
        let ours = running.store.readings(id, begun - 1_000, i64::MAX).await.unwrap();
        let mut ours: Vec<(i64, f64)> = ours.at_ms.into_iter().zip(ours.value).collect();
        let repeats = ours.windows(2).filter(|w| w[0].1 == w[1].1).count();
        assert_eq!(repeats, 0, "{}: {ours:?}", series.device);
        // The first of both is what held before.
        ours.remove(0);
        theirs.remove(0);
        let said = |rows: &[(i64, f64)]| rows.iter().map(|r| format!("{} {:.6}", r.0, r.1)).collect::<Vec<_>>();
        assert_eq!(said(&ours), said(&theirs), "{}", series.device);
        println!("{}: {} readings over the restart, as in history", series.device, ours.len());
    }
}

async fn a_token(config: &Config) {
    let wrong = Config { token: Some("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.wrong".into()), ..config.clone() };
    let mut adapter = HomeAssistant::new(wrong, Vec::new(), None).unwrap();
    let error = wattribute_meter::adapters::Adapter::next(&mut adapter).await.unwrap_err();
    assert!(matches!(error, AdapterError::Unauthorized(_)));
    println!("{error}");
    assert!(error.to_string().contains("make a new long-lived token") && !error.to_string().contains("eyJ"));

    // One that is revoked while it is in use: the connection ends, and the next says why.
    let owner = Connection::open(config).await.unwrap();
    let made = owner.call(json!({"type": "auth/long_lived_access_token", "client_name": "wattribute test", "lifespan": 1})).await.unwrap();
    let token = made.as_str().unwrap().to_owned();
    let own = Config { token: Some(token.into()), ..config.clone() };
    let running = Running::start(&own).await;
    running.until_heard(1).await;
    let tokens = owner.call(json!({"type": "auth/refresh_tokens"})).await.unwrap();
    let of_test = tokens.as_array().unwrap().iter().find(|t| t["client_name"] == "wattribute test").unwrap();
    owner.call(json!({"type": "auth/delete_refresh_token", "refresh_token_id": of_test["id"]})).await.unwrap();
    let begun = std::time::Instant::now();
    loop {
        if let Some(State::Down(why)) = running.health.dependencies().get("home_assistant") {
            assert!(why.contains("does not accept the token"), "{why}");
            println!("revoked: said after {:?}", begun.elapsed());
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", running.health.dependencies());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    running.stop().await;
}
