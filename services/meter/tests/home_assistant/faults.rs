//! A Home Assistant that does not answer as it should.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wattribute_meter::adapters::{Adapter, AdapterError};
use wattribute_meter::ingest;
use wattribute_service::{Health, State};

use crate::fake::Fake;
use crate::heard::Heard;
use crate::live::{adapter, now_ms, watts};

#[tokio::test]
async fn a_wrong_token_stops_and_does_not_hammer() {
    let fake = Fake::start().await;
    fake.home.lock().unwrap().token = "another".to_owned();
    assert!(matches!(adapter(&fake).next().await, Err(AdapterError::Unauthorized(_))));

    let folder = tempfile::tempdir().unwrap();
    let store = crate::stress::store(folder.path()).await;
    let (health, shutdown) = (Health::default(), CancellationToken::new());
    let running = tokio::spawn(ingest(vec![Box::new(adapter(&fake))], store, None, health.clone(), shutdown.clone()));
    let down = async {
        loop {
            if let Some(State::Down(why)) = health.dependencies().get("home_assistant") {
                return why.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let why = tokio::time::timeout(Duration::from_secs(10), down).await.unwrap();
    assert!(why.contains("make a new long-lived token") && !why.contains("right-token"), "{why}");
    // Longer than the first wait after a failure that is worth another try.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(fake.home.lock().unwrap().tries, 2);
    shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn one_that_is_starting_is_waited_for() {
    let fake = Fake::start().await;
    fake.has("sensor.grid", "100", &watts(), now_ms());
    fake.home.lock().unwrap().run_state = "NOT_RUNNING".to_owned();
    let (mut adapter, mut heard) = (adapter(&fake), Heard::default());
    let starting = fake.clone();
    let started = tokio::spawn(async move {
        while !starting.home.lock().unwrap().heard.iter().any(|command| command["type"] == "get_config") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(!starting.home.lock().unwrap().heard.iter().any(|command| command["type"] == "get_states"));
        starting.home.lock().unwrap().run_state = "RUNNING".to_owned();
    });
    heard.until(&mut adapter, |h| h.heard_ms().is_some()).await;
    started.await.unwrap();
    assert_eq!(heard.of("sensor.grid").len(), 1);
}
