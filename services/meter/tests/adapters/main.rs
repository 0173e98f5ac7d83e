//! Adapters as the service runs them: what is heard from a real Mosquitto, and devices with a page.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod broker;
mod home;
mod pages;
#[path = "../../../store/tests/common/ports.rs"]
mod ports;
mod pulse;
mod shelly;
mod tls;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use wattribute_domain::{Quantity, Role};
use wattribute_meter::Sources;
use wattribute_service::State;

use broker::Mosquitto;
use home::Home;

const METER: &str = r#"{"Time":"2026-11-21T16:00:00","MT681":{"Total_in":8123.5,"Power_cur":412,"Total_out":12.5}}"#;

fn sources(broker: &Mosquitto) -> Sources {
    let plug = json!({"name": "Heater", "topic": "z/heater", "values": [{"quantity": "power_w", "pointer": "/power"}], "role": "device"});
    Sources {
        broker: serde_json::from_value(json!({"url": format!("mqtt://127.0.0.1:{}", broker.port)})).unwrap(),
        tasmota: serde_json::from_value(json!({"topics": ["tele/#"]})).unwrap(),
        glow: serde_json::from_value(json!({"topics": ["glow/#"]})).unwrap(),
        mqtt: vec![serde_json::from_value(plug).unwrap()],
        roles: BTreeMap::from([("tasmota/desk".to_owned(), Role::Circuit)]),
        ..Sources::default()
    }
}

#[tokio::test]
async fn what_devices_publish_is_kept_and_who_is_away_is_named() {
    let Some(mut broker) = Mosquitto::start().await else { return };
    broker.publish("tele/desk/SENSOR", r#"{"ENERGY":{"Power":999}}"#, &["-r"]);
    let home = Home::start(sources(&broker)).await;
    home.until_health("tasmota", |state| *state == State::Ok).await;
    home.until_health("mqtt", |state| *state == State::Ok).await;
    home.until_health("glow", |state| *state == State::Ok).await;

    let mut desk = broker.device("tele/desk/LWT");
    broker.publish("tele/cellar/SENSOR", METER, &[]);
    broker.publish("tele/desk/SENSOR", r#"{"ENERGY":{"Total":1.5,"Power":60,"Voltage":231}}"#, &[]);
    broker.publish("z/heater", r#"{"power":57.5}"#, &[]);
    let glow = r#"{"electricitymeter":{"energy":{"import":{"cumulative":4595.5,"units":"kWh"}},"power":{"value":0.623,"units":"kW"}}}"#;
    broker.publish("glow/AABBCC/SENSOR/electricitymeter", glow, &[]);
    assert_eq!(home.until("tasmota.mt681", Quantity::PowerW, 1).await, [412.0]);
    assert_eq!(home.until("tasmota.mt681", Quantity::EnergyExportKwh, 1).await, [12.5]);
    assert_eq!(home.until("tasmota.desk", Quantity::PowerW, 1).await, [60.0], "what the broker kept is no reading");
    assert_eq!(home.until("mqtt.heater", Quantity::PowerW, 1).await, [57.5]);
    assert_eq!(home.until("glow.electricity", Quantity::PowerW, 1).await, [623.0]);
    assert_eq!(home.role("tasmota.mt681").await, Some(Role::WholeHouse));
    assert_eq!(home.role("tasmota.desk").await, Some(Role::Circuit), "as the owner says");
    assert!(home.payload("tasmota", "mt681").await.contains("8123.5"));

    // One plug loses its power, another talks nonsense: neither stops the meter.
    desk.kill().unwrap();
    desk.wait().unwrap();
    broker.publish("tele/lamp/SENSOR", "{\"ENERGY\":{\"Pow", &[]);
    home.until_health(
        "tasmota",
        |state| matches!(state, State::Degraded(why) if why.contains("desk: it is offline") && why.contains("lamp: ")),
    )
    .await;
    assert!(home.until("tasmota.desk", Quantity::PowerW, 2).await[1].is_nan());
    broker.publish("tele/cellar/SENSOR", &METER.replace("412", "413"), &[]);
    assert_eq!(home.until("tasmota.mt681", Quantity::PowerW, 2).await, [412.0, 413.0]);
    broker.publish("tele/lamp/SENSOR", r#"{"ENERGY":{"Power":5}}"#, &[]);
    broker.publish("tele/desk/LWT", "Online", &["-r"]);
    home.until_health("tasmota", |state| *state == State::Ok).await;

    // The broker goes and comes back.
    broker.go();
    home.until_health("tasmota", |state| matches!(state, State::Degraded(why) if why.contains("mqtt://127.0.0.1"))).await;
    let standing = home.until_standing("tasmota", |standing| standing.mqtt_connected == Some(false)).await;
    assert!(!standing.is_up && standing.error.is_some_and(|why| why.contains("mqtt://127.0.0.1")));
    broker.come_back().await;
    home.until_health("tasmota", |state| *state == State::Ok).await;
    broker.publish("tele/cellar/SENSOR", &METER.replace("412", "414"), &[]);
    assert_eq!(home.until("tasmota.mt681", Quantity::PowerW, 3).await, [412.0, 413.0, 414.0]);
    let standing = home.until_standing("tasmota", |standing| standing.is_up).await;
    assert_eq!((standing.mqtt_connected, standing.topics), (Some(true), vec!["tele/#".to_owned()]));
    home.stop().await;
}

#[tokio::test]
async fn a_plug_that_says_little_is_asked() {
    let Some(broker) = Mosquitto::start().await else { return };
    let asked = broker.listener("cmnd/slow/STATUS");
    broker.publish("tele/slow/LWT", "Online", &["-r"]);
    let home = Home::start(sources(&broker)).await;
    let said = tokio::task::spawn_blocking(move || asked.wait_with_output().unwrap().stdout);
    let said = tokio::time::timeout(Duration::from_secs(30), said).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&said).trim(), "10");
    broker.publish("stat/slow/STATUS10", r#"{"StatusSNS":{"ENERGY":{"Power":33}}}"#, &[]);
    assert_eq!(home.until("tasmota.slow", Quantity::PowerW, 1).await, [33.0]);
    home.stop().await;
}

#[tokio::test]
async fn a_restart_goes_on_with_the_same_series() {
    let Some(broker) = Mosquitto::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    for count in 1..=2 {
        let home = Home::start_in(folder.path(), sources(&broker)).await;
        home.until_health("tasmota", |state| *state == State::Ok).await;
        broker.publish("tele/cellar/SENSOR", METER, &[]);
        broker.publish("tele/garage/SENSOR", METER, &[]);
        home.until("tasmota.mt681", Quantity::PowerW, count).await;
        home.until("tasmota.mt681_garage", Quantity::PowerW, count).await;
        home.stop().await;
    }
}

#[tokio::test]
async fn a_broker_that_lets_nobody_in_is_told_without_the_password() {
    let Some(mut broker) = Mosquitto::start().await else { return };
    broker.close().await;
    let url = format!("mqtt://anna:hush@127.0.0.1:{}", broker.port);
    let closed = Sources { broker: serde_json::from_value(json!({ "url": url })).unwrap(), ..sources(&broker) };
    let home = Home::start(closed).await;
    let says = |state: &State| matches!(state, State::Degraded(why) if why.contains("mqtt.password") && !why.contains("hush"));
    home.until_health("tasmota", says).await;
    home.until_health("glow", says).await;
    home.stop().await;
}

#[tokio::test]
async fn without_a_broker_it_says_what_is_missing_and_the_rest_runs() {
    let mut sources = Sources { tasmota: serde_json::from_value(json!({"topics": ["tele/#"]})).unwrap(), ..Sources::default() };
    let home = Home::start(sources.clone()).await;
    home.until_health("tasmota_settings", |state| matches!(state, State::Degraded(why) if why.contains("set `url` in [mqtt]"))).await;
    home.stop().await;
    // Nobody listens there.
    let port = ports::free_port();
    sources.broker = serde_json::from_value(json!({"url": format!("127.0.0.1:{port}")})).unwrap();
    let home = Home::start(sources).await;
    home.until_health("tasmota", |state| matches!(state, State::Degraded(why) if why.contains("cannot be reached"))).await;
    tokio::time::timeout(Duration::from_secs(5), home.stop()).await.unwrap();
}

#[tokio::test]
async fn what_measures_power_on_the_broker_is_found() {
    let Some(broker) = Mosquitto::start().await else { return };
    broker.publish("zigbee2mqtt/heater", r#"{"power": 57.5, "energy": 1.5}"#, &["-r"]);
    broker.publish("tele/desk/SENSOR", r#"{"ENERGY":{"Total":1.5,"Power":60}}"#, &["-r"]);
    broker.publish("weather/roof", r#"{"temperature": 7}"#, &["-r"]);
    let said = wattribute_meter::find(&[wattribute_meter::Kind::Mqtt], &sources(&broker), std::time::Duration::from_secs(1)).await;
    assert!(said.contains("[tasmota]") && said.contains("topics = [\"tele/#\"]"), "{said}");
    assert!(said.contains("topic = \"zigbee2mqtt/heater\"") && !said.contains("weather"), "{said}");
}
