//! What is heard while connected.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use wattribute_meter::adapters::home_assistant::HomeAssistant;

use crate::fake::{Fake, Push};
use crate::heard::Heard;

pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

pub fn watts() -> Value {
    json!({"unit_of_measurement": "W", "device_class": "power", "state_class": "measurement", "friendly_name": "Grid"})
}

pub fn adapter(fake: &Fake) -> HomeAssistant {
    HomeAssistant::new(fake.config(), Vec::new(), None).unwrap().settle(Duration::ZERO)
}

#[tokio::test]
async fn what_is_said_is_heard_when_it_was_said_and_in_watts() {
    let fake = Fake::start().await;
    let t = now_ms() - 100_000;
    let kilowatts = json!({"unit_of_measurement": "kW", "device_class": "power"});
    fake.has("sensor.grid_kw", "0.12", &kilowatts, t);
    fake.has("light.hall", "off", &json!({}), t);
    let (mut adapter, mut heard) = (adapter(&fake), Heard::default());
    heard.until(&mut adapter, |h| h.heard_ms().is_some()).await;
    assert_eq!(heard.of("sensor.grid_kw"), [(t, 120.0)]);

    fake.says("light.hall", "on", &json!({"brightness": 51}), t + 98_000);
    // The light says so again, with a new attribute that tells nothing; the sensor repeats itself; and one says nonsense.
    fake.says("light.hall", "on", &json!({"brightness": 51, "color_mode": "hs"}), t + 98_500);
    fake.says("sensor.grid_kw", "0.12", &json!({"unit_of_measurement": "kW", "icon": "x"}), t + 98_600);
    let _ = fake.push.send(Push::Raw("{no json".to_owned()));
    let _ = fake.push.send(Push::Event(json!({"event_type": "state_changed", "data": {"entity_id": 5}})));
    fake.says("sensor.grid_kw", "many", &kilowatts, t + 98_700);
    fake.says("sensor.grid_kw", "2.12", &kilowatts, t + 98_800);
    fake.says("sensor.grid_kw", "unavailable", &json!({}), t + 98_900);
    heard.until(&mut adapter, |h| h.heard_ms() >= Some(t + 98_900)).await;
    let grid = heard.of("sensor.grid_kw");
    assert_eq!((grid[0], grid[2], grid.len()), ((t, 120.0), (t + 98_800, 2120.0), 4), "{grid:?}");
    assert!(grid[1].0 == t + 98_700 && grid[1].1.is_nan() && grid[3].0 == t + 98_900 && grid[3].1.is_nan(), "{grid:?}");
    let light = heard.of("light.hall");
    assert_eq!(light.len(), 2, "{light:?}");
    assert_eq!((light[0], light[1].0, light[1].1 as f32), ((t, 0.0), t + 98_000, 0.2));
}

#[tokio::test]
async fn one_that_is_deleted_falls_silent() {
    let fake = Fake::start().await;
    let t = now_ms() - 50_000;
    fake.has("sensor.grid", "120", &watts(), t);
    let (mut adapter, mut heard) = (adapter(&fake), Heard::default());
    heard.until(&mut adapter, |h| h.heard_ms().is_some()).await;
    let gone = json!({"event_type": "state_changed", "time_fired": crate::fake::iso(t + 49_000),
        "data": {"entity_id": "sensor.grid", "old_state": {}, "new_state": null}});
    let _ = fake.push.send(Push::Event(gone));
    heard.until(&mut adapter, |h| h.of("sensor.grid").len() == 2).await;
    let (at_ms, value) = heard.of("sensor.grid")[1];
    assert!(at_ms == t + 49_000 && value.is_nan());
}

#[tokio::test]
async fn a_quiet_home_is_heard_too() {
    let fake = Fake::start().await;
    fake.has("sensor.grid", "120", &watts(), now_ms() - 50_000);
    let (mut adapter, mut heard) = (adapter(&fake).ping_every(Duration::from_millis(200)), Heard::default());
    heard.until(&mut adapter, |h| h.heard_ms().is_some()).await;
    let first = heard.heard_ms();
    heard.until(&mut adapter, |h| h.heard_ms() > first).await;
    assert_eq!(heard.of("sensor.grid").len(), 1);
}
