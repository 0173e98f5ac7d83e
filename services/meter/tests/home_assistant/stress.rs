//! A large home, as fast as it can be read.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wattribute_meter::ingest;
use wattribute_service::Health;
use wattribute_store::{Origin, Store};

use crate::fake::{Fake, changed};
use crate::live::{adapter, now_ms, watts};

/// How many changes are sent; a day at 100 a second is 8,640,000.
const VARIABLE: &str = "WATTRIBUTE_TEST_CHANGES";
const ENTITIES: usize = 5_000;
/// So many of them are read: the others tell temperatures.
const READ: usize = 1_000;
/// Changes in one frame.
const FRAME: usize = 50;
/// Time between two changes, ms: 100 a second.
const EVERY_MS: i64 = 10;

pub async fn store(folder: &Path) -> Arc<dyn Store> {
    wattribute_store::open(&format!("sqlite:{}", folder.join("test.db").display()), Origin::Home).unwrap()
}

fn entity(k: usize) -> (String, Value) {
    match k {
        k if k < READ / 2 => (format!("sensor.power_{k}"), watts()),
        k if k < READ => (format!("light.lamp_{k}"), json!({"friendly_name": format!("Lamp {k}")})),
        k => (format!("sensor.temperature_{k}"), json!({"unit_of_measurement": "°C", "device_class": "temperature"})),
    }
}

fn change(k: usize, from_ms: i64) -> Value {
    let (id, mut attributes) = entity(k * 7_919 % ENTITIES);
    let round = k / ENTITIES;
    let state = match id.starts_with("light") {
        true if round.is_multiple_of(2) => "on".to_owned(),
        true => "off".to_owned(),
        false => round.to_string(),
    };
    if id.starts_with("light") {
        attributes["brightness"] = json!(round % 255 + 1);
    }
    changed(&id, &state, &attributes, from_ms + k as i64 * EVERY_MS)
}

/// Resident memory, MB.
fn resident_mb() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(f64::NAN) * 4096.0 / 1e6
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_large_home_nothing_is_lost_and_memory_stays() {
    let changes: usize = std::env::var(VARIABLE).ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let fake = Fake::start().await;
    let now = now_ms();
    for k in 0..ENTITIES {
        let (id, attributes) = entity(k);
        fake.has(&id, "off", &attributes, now - 1_000);
    }
    let from_ms = now + 60_000;
    let frames = (0..changes).step_by(FRAME).map(move |k| (k..(k + FRAME).min(changes)).map(|k| change(k, from_ms)).collect());
    fake.home.lock().unwrap().stream = Some(Box::new(frames));

    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let (health, shutdown) = (Health::default(), CancellationToken::new());
    let begun = Instant::now();
    let running = tokio::spawn(ingest(vec![Box::new(adapter(&fake))], store.clone(), None, health, shutdown.clone()));

    // How far it has come is what the store knows to have been heard.
    let mut early_mb = None;
    let (tenth_ms, last_ms) = (from_ms + (changes / 10) as i64 * EVERY_MS, from_ms + (changes - 1) as i64 * EVERY_MS);
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let heard: i64 = store.document("heard:home_assistant").await.unwrap().and_then(|text| text.parse().ok()).unwrap_or(0);
        if heard >= tenth_ms {
            early_mb.get_or_insert_with(resident_mb);
        }
        if heard >= last_ms {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(500), "it is not done yet");
    }
    let (seconds, late_mb) = (begun.elapsed().as_secs_f64(), resident_mb());
    shutdown.cancel();
    running.await.unwrap().unwrap();

    let expected = (0..changes).filter(|k| k * 7_919 % ENTITIES < READ).count();
    let mut found = 0;
    for (id, _) in store.series().await.unwrap() {
        found += store.readings(id, from_ms, i64::MAX).await.unwrap().at_ms.iter().filter(|at_ms| **at_ms >= from_ms).count();
    }
    let early_mb = early_mb.unwrap();
    println!(
        "{changes} changes of {ENTITIES} entities in {seconds:.1} s ({:.0} a second); {found} of {expected} readings found; {early_mb:.1} MB after a tenth, {late_mb:.1} MB at the end",
        changes as f64 / seconds
    );
    assert_eq!(found, expected);
    // The fake's own frames are in it too; for short runs the first tenth is still the warm-up.
    let most = if changes >= 800_000 { 1.1 } else { 1.5 };
    assert!(late_mb <= most * early_mb, "{early_mb} MB, then {late_mb} MB");
}
