//! The meter service as a whole: what adapters say is kept, and what the house draws is answered.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wattribute_domain::{Hold, Quantity, Role, SeriesInfo};
use wattribute_meter::adapters::{Adapter, AdapterError, Event};
use wattribute_meter::{House, ingest, router};
use wattribute_service::{Health, State};
use wattribute_store::{Origin, Store};

const HOUR_MS: i64 = 3_600_000;

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn store(folder: &std::path::Path) -> Arc<dyn Store> {
    wattribute_store::open(&format!("sqlite:{}", folder.join("test.db").display()), Origin::Home).unwrap()
}

/// Says what it was given, a batch at a time, then nothing more.
struct Script {
    name: &'static str,
    steps: std::vec::IntoIter<Result<Vec<Event>, AdapterError>>,
    asked: Arc<AtomicUsize>,
}

impl Script {
    fn of(name: &'static str, steps: Vec<Result<Vec<Event>, AdapterError>>) -> (Box<dyn Adapter>, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        (Box::new(Script { name, steps: steps.into_iter(), asked: asked.clone() }), asked)
    }
}

#[async_trait]
impl Adapter for Script {
    fn name(&self) -> &str {
        self.name
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.steps.next() {
            Some(step) => step,
            None => std::future::pending().await,
        }
    }
}

fn power(key: u32, device: &str) -> Event {
    Event::Series { key, info: SeriesInfo::new("script", device, Quantity::PowerW) }
}

fn says(key: u32, at_ms: i64, value: f64) -> Event {
    Event::Reading { key, at_ms, value }
}

fn document(text: &str) -> Event {
    Event::Document { key: "heard:script".to_owned(), text: text.to_owned() }
}

/// Runs adapters until the store has the document `heard:script` as given, then stops.
async fn run(adapters: Vec<Box<dyn Adapter>>, store: &Arc<dyn Store>, health: &Health, until: &str) {
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(ingest(adapters, store.clone(), None, health.clone(), shutdown.clone()));
    let done = async {
        while store.document("heard:script").await.unwrap().as_deref() != Some(until) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), done).await.unwrap();
    shutdown.cancel();
    task.await.unwrap().unwrap();
}

async fn rows(store: &Arc<dyn Store>, device: &str) -> Vec<(i64, f64)> {
    let (id, _) = store.series().await.unwrap().into_iter().find(|(_, info)| info.device == device).unwrap();
    let rows = store.readings(id, 0, i64::MAX).await.unwrap();
    rows.at_ms.into_iter().zip(rows.value).collect()
}

#[tokio::test]
async fn what_is_replaced_is_forgotten_and_what_follows_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (store, health) = (store(folder.path()), Health::default());
    let t = now_ms() - HOUR_MS;
    let first = vec![power(0, "a"), power(1, "b"), says(0, t, 1.0), says(0, t + 10, 2.0), says(0, t + 20, 3.0), says(1, t + 10, 9.0)];
    let replaced = Event::Replaced { key: 0, from_ms: t + 5, to_ms: t + 20 };
    let second = vec![replaced, says(0, t + 12, 4.0), says(0, t + 30, 5.0), document("1")];
    let (script, _) = Script::of("script", vec![Ok(first), Ok(second)]);
    run(vec![script], &store, &health, "1").await;
    assert_eq!(rows(&store, "a").await, [(t, 1.0), (t + 12, 4.0), (t + 20, 3.0), (t + 30, 5.0)]);
    assert_eq!(rows(&store, "b").await, [(t + 10, 9.0)]);
}

#[tokio::test]
async fn one_that_fails_stops_no_other_and_is_named_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (store, health) = (store(folder.path()), Health::default());
    let t = now_ms() - HOUR_MS;
    let (locked, asked) =
        Script::of("locked", vec![Err(AdapterError::Unauthorized("no entry: bring the key".to_owned())), Ok(vec![document("9")])]);
    let away = Err(AdapterError::Unreachable("nobody is there".to_owned()));
    let (script, _) = Script::of("script", vec![away, Ok(vec![power(0, "a"), says(0, t, 1.0), document("1")])]);
    run(vec![locked, script], &store, &health, "1").await;
    assert_eq!(rows(&store, "a").await, [(t, 1.0)]);
    assert_eq!(health.dependencies().get("script"), Some(&State::Ok));
    assert_eq!(health.dependencies().get("locked"), Some(&State::Down("no entry: bring the key".to_owned())));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "it is not asked again at once");
}

async fn consumption(store: &Arc<dyn Store>, meter: Option<&str>) -> Value {
    let (app, _) = router(House { store: store.clone(), meter: meter.map(str::to_owned) }).split_for_parts();
    let request = Request::get("/consumption").body(Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(app, request).await.unwrap();
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap()
}

#[tokio::test]
async fn consumption_says_null_where_nothing_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let nothing = consumption(&store, None).await;
    assert_eq!((&nothing["total_power_w"], &nothing["daily_kwh"], &nothing["circuits"]), (&Value::Null, &Value::Null, &json!([])));

    let now = now_ms();
    // A home whose day began at some hour of the recent past.
    let hour = chrono::DateTime::from_timestamp_millis(now).unwrap().format("%H").to_string().parse::<i64>().unwrap();
    let midnight_ms = now.div_euclid(24 * HOUR_MS) * 24 * HOUR_MS;
    let named = |device: &str, name: &str, role, hold| SeriesInfo {
        name: Some(name.to_owned()),
        role,
        hold,
        ..SeriesInfo::new("script", device, Quantity::PowerW)
    };
    let series = vec![
        named("sensor.home_power", "House", None, Hold::UntilNext),
        named("sensor.power_kitchen", "Kitchen", Some(Role::Circuit), Hold::UntilNext),
        named("sensor.gone_power", "Gone", None, Hold::UntilNext),
        named("plug-7", "Plug", None, Hold::Intervals),
        named("dryer", "Dryer (guess)", Some(Role::Guess), Hold::Intervals),
    ];
    let events = (0..).zip(series).map(|(key, info)| Event::Series { key, info });
    let readings = vec![
        says(0, midnight_ms - HOUR_MS, 1000.0),
        says(0, midnight_ms + 1, 1000.0),
        says(0, now - 1, 2000.0),
        says(1, now - HOUR_MS, 500.0),
        says(2, now - 10, f64::NAN),
        says(3, now - HOUR_MS, 70.0),
        says(4, now - 1, 900.0),
        document("1"),
    ];
    let (script, _) = Script::of("script", vec![Ok(events.chain(readings).collect())]);
    run(vec![script], &store, &Health::default(), "1").await;
    let answer = consumption(&store, None).await;
    assert_eq!(answer["total_power_w"], 2000.0);
    let kwh = answer["daily_kwh"].as_f64().unwrap();
    assert!((hour as f64 - 0.02..hour as f64 + 1.02).contains(&kwh), "{kwh} kWh at {hour} h");
    let circuits = answer["circuits"].as_array().unwrap();
    assert_eq!(circuits.len(), 3, "a guess is no part of the house");
    assert_eq!(circuits[0], json!({"name": "Kitchen", "entity_id": "sensor.power_kitchen", "power_w": 500.0, "percentage": 25.0}));
    for circuit in &circuits[1..] {
        assert_eq!((&circuit["power_w"], &circuit["percentage"]), (&Value::Null, &Value::Null), "{circuit}");
    }
    assert_eq!(consumption(&store, Some("sensor.power_kitchen")).await["total_power_w"], 500.0);
}

#[tokio::test]
async fn the_page_of_home_assistant_is_known_before_it_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (store, shutdown) = (store(folder.path()), CancellationToken::new());
    let home_assistant = wattribute_service::home_assistant::Config {
        url: "http://127.0.0.1:9/house/?auth=hush".to_owned(),
        token: Some("hush".into()),
        ..Default::default()
    };
    let config = wattribute_meter::Config { home_assistant: Some(home_assistant), ..Default::default() };
    let context = wattribute_service::Context {
        store: store.clone(),
        listener: tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(),
        access: wattribute_service::Access::new(&Default::default()).unwrap(),
        shutdown: shutdown.clone(),
        health: Health::default(),
        is_demo: false,
    };
    let running = tokio::spawn(wattribute_meter::run(config, context));
    let told = async {
        while wattribute_store::link(&*store, "home_assistant").await.unwrap().as_deref() != Some("http://127.0.0.1:9/house") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    shutdown.cancel();
    running.await.unwrap().unwrap();
}
