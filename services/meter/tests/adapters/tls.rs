//! TLS to a real broker: Glow's cloud, and the owner's own.

use std::path::PathBuf;

use serde_json::{Value, json};
use wattribute_domain::{Quantity, Role};
use wattribute_meter::Sources;
use wattribute_service::State;

use crate::broker::{Mosquitto, PASSWORD, USER};
use crate::home::Home;

const SAID: &str = include_str!("../../src/adapters/glow/fixtures/cloud_both.json");

fn cloud(broker: &Mosquitto, with: Value) -> Sources {
    let mut cloud = json!({
        "url": format!("mqtts://localhost:{}", broker.port), "username": USER, "password": PASSWORD, "device_id": "AABBCC",
        "ca_file": broker.authority("ca"),
    });
    cloud.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    Sources { glow: serde_json::from_value(json!({ "cloud": cloud })).unwrap(), ..Sources::default() }
}

#[tokio::test]
async fn what_glow_passes_on_is_kept_and_the_cloud_may_go_and_come_back() {
    let Some(mut broker) = Mosquitto::start_tls().await else { return };
    let home = Home::start(cloud(&broker, json!({"gas_kwh_per_m3": 11.0}))).await;
    home.until_health("glow", |state| *state == State::Ok).await;
    broker.publish("SMART/HILD/DDEEFF", SAID, &[]);
    broker.publish("SMART/HILD/AABBCC", SAID, &[]);
    assert_eq!(home.until("glow.electricity", Quantity::PowerW, 1).await, [623.0]);
    assert_eq!(home.until("glow.electricity", Quantity::EnergyImportKwh, 1).await, [4595.852]);
    assert_eq!(home.until("glow.gas", Quantity::EnergyImportKwh, 1).await, [22_000.0]);
    assert_eq!((home.role("glow.electricity").await, home.role("glow.gas").await), (Some(Role::WholeHouse), Some(Role::Gas)));
    let kept = home.payload("glow", "electricity").await;
    assert!(kept.contains("elecMtr") && !kept.contains("1200000000000"), "{kept}");
    broker.publish("SMART/HILD/AABBCC", r#"{"elecMtr":{"0702"#, &[]);
    home.until_health("glow", |state| matches!(state, State::Degraded(why) if why.contains("display: ") && why.contains("no JSON"))).await;
    broker.publish("SMART/HILD/AABBCC", SAID, &[]);
    home.until_health("glow", |state| *state == State::Ok).await;
    broker.go();
    home.until_health("glow", |state| matches!(state, State::Degraded(why) if why.contains("mqtts://localhost"))).await;
    broker.come_back().await;
    home.until_health("glow", |state| *state == State::Ok).await;
    broker.publish("SMART/HILD/AABBCC", SAID, &[]);
    home.until("glow.electricity", Quantity::PowerW, 3).await;
    home.stop().await;
}

#[tokio::test]
async fn who_cannot_be_trusted_is_told_nothing_and_named() {
    let Some(broker) = Mosquitto::start_tls().await else { return };
    let stranger: PathBuf = broker.authority("stranger");
    for (with, says) in [
        (json!({"ca_file": stranger}), "name that CA's file as glow.cloud.ca_file"),
        (json!({"ca_file": null}), "name that CA's file as glow.cloud.ca_file"),
        (json!({"url": format!("mqtts://127.0.0.1:{}", broker.port)}), "give the name that stands in its certificate in glow.cloud.url"),
        (json!({"password": "wrong-hush"}), "check glow.cloud.username and glow.cloud.password"),
        (json!({"url": format!("mqtt://localhost:{}", broker.port)}), "glow.cloud.ca_file is for TLS"),
    ] {
        let home = Home::start(cloud(&broker, with.clone())).await;
        let is_told = |why: &str| why.contains(says) && !why.contains("hush");
        home.until_health("glow", |state| matches!(state, State::Degraded(why) | State::Down(why) if is_told(why))).await;
        home.stop().await;
    }
}

#[tokio::test]
async fn the_owners_broker_may_speak_tls() {
    let Some(broker) = Mosquitto::start_tls().await else { return };
    let url = format!("mqtts://{USER}:{PASSWORD}@localhost:{}", broker.port);
    let of = |ca: &str| Sources {
        broker: serde_json::from_value(json!({"url": url, "ca_file": broker.authority(ca)})).unwrap(),
        tasmota: serde_json::from_value(json!({"topics": ["tele/#"]})).unwrap(),
        ..Sources::default()
    };
    let home = Home::start(of("ca")).await;
    home.until_health("tasmota", |state| *state == State::Ok).await;
    broker.publish("tele/desk/SENSOR", r#"{"ENERGY":{"Power":60}}"#, &[]);
    assert_eq!(home.until("tasmota.desk", Quantity::PowerW, 1).await, [60.0]);
    home.stop().await;
    let home = Home::start(of("stranger")).await;
    home.until_health("tasmota", |state| matches!(state, State::Degraded(why) if why.contains("mqtt.ca_file") && !why.contains("hush")))
        .await;
    home.stop().await;
}

#[tokio::test]
async fn a_meter_is_not_read_twice() {
    let Some(broker) = Mosquitto::start_tls().await else { return };
    let mut both = cloud(&broker, json!({}));
    both.glow.topics = vec!["glow/#".to_owned()];
    both.broker = serde_json::from_value(
        json!({"url": format!("mqtts://{USER}:{PASSWORD}@localhost:{}", broker.port), "ca_file": broker.authority("ca")}),
    )
    .unwrap();
    let home = Home::start(both).await;
    home.until_health("glow_settings", |state| matches!(state, State::Degraded(why) if why.contains("keep one of the two"))).await;
    home.until_health("glow", |state| *state == State::Ok).await;
    home.stop().await;
}
