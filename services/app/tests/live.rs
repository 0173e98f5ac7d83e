//! The binary against a real Home Assistant and a real broker: things are switched there, and what comes of it is seen there. Skipped
//! unless `WATTRIBUTE_TEST_LIVE`, `HOME_ASSISTANT_URL`, `HOME_ASSISTANT_TOKEN` and `HA_LAB_MQTT_PORT` are set; `WATTRIBUTE_TEST_LIVE=slow`
//! also waits for Home Assistant's own statistics, restarts it and adds 100 sensors. The house is to be that of ha-lab: a meter `sensor.grid_power`, loads whose power is
//! known, and automations that count what they hear.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "live/lab.rs"]
mod lab;
#[allow(dead_code, reason = "it serves other tests too")]
mod running;
#[path = "live/story.rs"]
mod story;
#[path = "live/watcher.rs"]
mod watcher;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;

use lab::{Lab, now_ms};
use running::Running;
use story::{KETTLE, Story};

const KETTLE_POWER: &str = "sensor.wattribute_kettle_power";
const KETTLE_ENERGY: &str = "sensor.wattribute_kettle_energy";
/// What an automation of the lab listens to.
const HEARD_POWER: &str = "sensor.lab_mqtt_power";

/// One test, since there is one Home Assistant.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_in_a_real_home_assistant_is_seen_in_it() {
    let Some(lab) = Lab::of_environment() else {
        println!("SKIPPED: WATTRIBUTE_TEST_LIVE, HOME_ASSISTANT_URL, HOME_ASSISTANT_TOKEN or HA_LAB_MQTT_PORT is not set");
        return;
    };
    println!("Home Assistant {}", lab.connect().await.version());
    a_wrong_token_is_told_and_not_hammered(&lab).await;
    quiet(&lab).await;
    let mut story = Story::begin(lab).await;

    let before = story.lab.number("counter.service_events").await;
    story.round(&["kettle on", "heater on", "lamp on", "kettle off", "heater off", "lamp off"]).await;
    story.judge("constant").await;
    let noise = story.make_noise();
    story.round(&["kettle on", "heater on", "lamp on", "kettle off", "kettle on", "lamp off", "heater off", "kettle off"]).await;
    noise.abort();
    story.judge("noisy").await;
    // The automation counted each event once.
    let events = story.watcher.events().len() as f64;
    story.lab.until("counter.service_events", |s| s["state"].as_str().and_then(|n| n.parse().ok()) == Some(before + events)).await;

    sensors_are_learned_and_accepted(&story).await;
    if story.lab.is_patient {
        a_restart_leaves_no_trace(&mut story).await;
        memory(&story).await;
    }
    rename(&story, HEARD_POWER, KETTLE_POWER).await;
    story.end().await;
}

/// All off, nothing wavers.
async fn quiet(lab: &Lab) {
    for load in ["switch.kettle", "switch.heater", "switch.fridge", "light.hall_lamp"] {
        lab.switch(load, false).await;
    }
    lab.set("input_number.base_w", 120.0).await;
    lab.call("input_boolean/turn_on", json!({ "entity_id": "input_boolean.pv_online" })).await;
}

async fn a_wrong_token_is_told_and_not_hammered(lab: &Lab) {
    let (url, attempts) = lab.counted().await;
    let folder = tempfile::tempdir().unwrap();
    let wrong = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.wrong";
    let running = Running::start("run", folder.path(), &[("HOME_ASSISTANT_URL", &url), ("HOME_ASSISTANT_TOKEN", wrong)]);
    let begun = Instant::now();
    running.until("meter", "/health", |text| text.contains("does not accept the token")).await;
    println!("a wrong token: said after {:.1} s", begun.elapsed().as_secs_f64());
    tokio::time::sleep(Duration::from_secs(15).saturating_sub(begun.elapsed())).await;
    let (_, health) = running.json("meter", "/health").await;
    println!("{}", health["details"]["home_assistant"]);
    assert!(!health.to_string().contains("eyJ") && !running::log(folder.path()).contains("eyJ"), "the token is told: {health}");
    let attempts = attempts.load(Ordering::Relaxed);
    println!("{attempts} connections in 15 s");
    assert!((1..=4).contains(&attempts), "{attempts} connections in 15 s with a wrong token");
    assert_eq!(running.stop(), Some(0));
}

/// Sensors of a learned device appear, Home Assistant's Energy preferences take them, and its automations hear them.
async fn sensors_are_learned_and_accepted(story: &Story) {
    let lab = &story.lab;
    let begun = Instant::now();
    let power = lab.until(KETTLE_POWER, |s| s["state"] == "0" || s["state"] == "0.0").await;
    println!("learned: {KETTLE_POWER} is there {:.0} s later", begun.elapsed().as_secs_f64());
    let energy = lab.until(KETTLE_ENERGY, |s| s["state"].as_str().is_some_and(|n| n.parse::<f64>().is_ok())).await;
    for (state, expected) in [(power, ["power", "measurement", "W"]), (energy, ["energy", "total_increasing", "kWh"])] {
        let attributes = &state["attributes"];
        let is = ["device_class", "state_class", "unit_of_measurement"].map(|key| attributes[key].as_str().unwrap_or_default());
        assert_eq!(is, expected, "{state}");
        assert_eq!(attributes["source_entity_id"], KETTLE, "{state}");
    }

    let connection = lab.connect().await;
    let devices = json!([{ "stat_consumption": KETTLE_ENERGY }]);
    connection.call(json!({ "type": "energy/save_prefs", "device_consumption": devices })).await.unwrap();
    let end = Instant::now() + Duration::from_secs(330);
    loop {
        let answer = connection.call(json!({ "type": "energy/validate" })).await.unwrap();
        let issues = answer["device_consumption"][0].as_array().unwrap().clone();
        // Its own statistics come every five minutes; until then it says that there are none.
        assert!(issues.iter().all(|i| i["type"] == "statistics_not_defined"), "{answer}");
        if issues.is_empty() || !lab.is_patient {
            println!("energy/validate: {}", answer["device_consumption"]);
            break;
        }
        assert!(Instant::now() < end, "{answer}");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    connection.call(json!({ "type": "energy/save_prefs", "device_consumption": [] })).await.unwrap();

    // It is renamed to what the automation listens to: it is the same sensor still.
    rename(story, KETTLE_POWER, HEARD_POWER).await;
}

async fn rename(story: &Story, from: &str, to: &str) {
    let rename = json!({ "type": "config/entity_registry/update", "entity_id": from, "new_entity_id": to });
    story.lab.connect().await.call(rename).await.unwrap();
}

/// Afterwards nothing is missing, nothing is there twice, and what is switched then is seen.
async fn a_restart_leaves_no_trace(story: &mut Story) {
    let (rows, events) = (story.watcher.rows(), story.watcher.events());
    let restarted_ms = now_ms();
    println!("Home Assistant restarted in {:.1} s", story.lab.restart().await);
    story.lab.until(HEARD_POWER, |s| s["state"] == "0" || s["state"] == "0.0").await;
    println!("{HEARD_POWER} is back after {:.1} s", (now_ms() - restarted_ms) as f64 / 1000.0);
    story.until_heard(now_ms()).await;

    // One source is away meanwhile.
    story.lab.call("input_boolean/turn_off", json!({ "entity_id": "input_boolean.pv_online" })).await;
    story.until_reading("sensor.pv_power", restarted_ms, f64::is_nan).await;
    // What was silent must have spoken for a while before a step can be told.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let counted = story.lab.number("counter.mqtt_high_load").await;
    let on_ms = story.switch("kettle on").await;
    story.lab.until("counter.mqtt_high_load", |s| s["state"].as_str().and_then(|n| n.parse().ok()) == Some(counted + 1.0)).await;
    println!("the automation on {HEARD_POWER} fired within {:.1} s", (now_ms() - on_ms) as f64 / 1000.0);
    story.space(on_ms).await;
    story.lab.call("input_boolean/turn_on", json!({ "entity_id": "input_boolean.pv_online" })).await;
    story.until_reading("sensor.pv_power", on_ms, f64::is_finite).await;
    story.round(&["kettle off", "lamp on", "lamp off"]).await;
    story.judge("restarted").await;

    // What was there before is there once, as it was.
    let now = story.watcher.rows();
    let old: Vec<&(i64, String)> = now.keys().filter(|k| k.0 < restarted_ms).collect();
    assert_eq!(old, rows.keys().collect::<Vec<_>>(), "rows of what was switched before the restart");
    assert!(story.watcher.events()[events.len()..].iter().all(|(_, e)| watcher::at_ms(e, "at") > restarted_ms), "old events again");
    story.no_gap_of_the_meter().await;
    assert!(!story.is_read(HEARD_POWER).await && !story.is_read(KETTLE_ENERGY).await, "our own sensors are read back");
}

/// Memory after all this, and with 100 sensors of power that speak every few seconds.
async fn memory(story: &Story) {
    println!("resident memory: {:.0} MB", story.resident_mb());
    let names: Vec<String> = (0..100).map(|k| format!("sensor.t_{k}")).collect();
    let begun = Instant::now();
    let mut beat = 0.0;
    while begun.elapsed() < Duration::from_secs(60) {
        for (k, name) in names.iter().enumerate() {
            story.lab.post_power(name, 10.0 + k as f64 + beat).await;
        }
        beat = (beat + 1.0) % 7.0;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let read = story.readings("sensor.t_99", 0).await.len();
    let resident_mb = story.resident_mb();
    println!("with 100 sensors of power more: {resident_mb:.0} MB; {read} readings of the last");
    for name in &names {
        story.lab.remove(name).await;
    }
    assert!(read > 3 && resident_mb <= 80.0, "{resident_mb} MB with 100 series more, {read} readings");
}
