use std::sync::Arc;

use serde_json::{Value, json};

use super::support::{AT_MS, Memory, home};
use crate::now::HomeNow;
use crate::publish::Config;
use crate::publish::board::{Board, Due};
use crate::publish::discovery::Place;
use crate::publish::entity::Entity;
use crate::publish::known::Known;

fn place(is_demo: bool) -> Place {
    let base = if is_demo { "wattribute_demo" } else { "wattribute" }.to_owned();
    let availability = format!("{base}/status");
    Place { prefix: "homeassistant".to_owned(), base, availability, is_demo, configuration_url: Some("http://ha.local:3000".to_owned()) }
}

async fn shown(now: &HomeNow) -> Vec<Entity> {
    Known::new(Arc::new(Memory::default())).look(now, &Config::default()).await.unwrap().0
}

fn announced(entities: &[Entity], is_demo: bool, keys: &[&str]) -> Value {
    let place = place(is_demo);
    let told = |e: &Entity| {
        let mut config = place.announcement(e);
        config["origin"]["sw_version"] = json!("[version]");
        if config["device"]["sw_version"].is_string() {
            config["device"]["sw_version"] = json!("[version]");
        }
        json!({ "topic": place.config_topic(e), "config": config, "state": e.state, "attributes": e.attributes })
    };
    let wanted = entities.iter().filter(|e| keys.contains(&e.key.as_str()));
    wanted.map(told).collect()
}

#[tokio::test]
async fn entities_are_announced_as_home_assistant_reads_them() {
    let entities = shown(&home()).await;
    let keys = ["attributed_power", "last_correlation", "high_consumption", "kettle_power", "kettle_energy", "kettle_left_on"];
    insta::assert_json_snapshot!("announced", announced(&entities, false, &keys));
    let all: Vec<_> = entities.iter().map(|e| format!("{} = {}", e.key, e.state.as_deref().unwrap_or("unknown"))).collect();
    insta::assert_json_snapshot!("shown", all);
}

#[tokio::test]
async fn a_made_up_home_says_so_and_shares_no_id_with_a_real_one() {
    let demo = HomeNow { is_demo: true, ..home() };
    let (real, demo) = (shown(&home()).await, shown(&demo).await);
    insta::assert_json_snapshot!("demo", announced(&demo, true, &["baseline_power", "kettle_power"]));
    assert!(demo.iter().all(|d| real.iter().all(|r| r.unique_id != d.unique_id)));
}

#[tokio::test]
async fn what_is_not_known_is_unknown_and_not_zero() {
    let mut now = home();
    now.devices[0].power_w = None;
    now.attributed_power_w = None;
    now.last_correlation = None;
    let entities = shown(&now).await;
    for key in ["attributed_power", "kettle_power", "last_correlation"] {
        assert_eq!(entities.iter().find(|e| e.key == key).unwrap().state, None, "{key}");
    }
}

#[tokio::test]
async fn the_last_correlation_fits_into_a_state() {
    let mut now = home();
    now.last_correlation.as_mut().unwrap().name = "ü".repeat(300);
    let entities = shown(&now).await;
    let state = entities.iter().find(|e| e.key == "last_correlation").unwrap().state.clone().unwrap();
    assert!(state.chars().count() == 255 && state.ends_with("ü +2000 W"), "{state}");
}

#[tokio::test]
async fn values_are_said_when_they_change_and_numbers_not_too_often() {
    let entities = shown(&home()).await;
    let (power, last) = (entities[0].clone(), entities.iter().find(|e| e.key == "last_correlation").unwrap().clone());
    let mut board = Board::default();
    let all = Due { state: true, attributes: true };
    for entity in [&power, &last] {
        assert_eq!(board.due(entity, 5_000, AT_MS), Some(all));
        board.note(entity, all, AT_MS);
        assert_eq!(board.due(entity, 5_000, AT_MS + 60_000), None, "unchanged");
    }
    let changed = |e: &Entity| Entity { state: Some("7.5".to_owned()), ..e.clone() };
    assert_eq!(board.due(&changed(&power), 5_000, AT_MS + 4_000), None, "too soon for a number");
    assert_eq!(board.due(&changed(&power), 5_000, AT_MS + 5_000), Some(Due { state: true, attributes: false }));
    assert!(board.due(&changed(&last), 5_000, AT_MS + 1).is_some(), "news is told at once");
    assert!(board.due(&Entity { state: None, ..power.clone() }, 5_000, AT_MS + 1).is_some(), "a gap is told at once");
    board.clear();
    assert_eq!(board.due(&power, 5_000, AT_MS + 1), Some(all), "all is said anew");
}

#[tokio::test]
async fn energy_never_falls_also_after_a_restart() {
    let store = Arc::new(Memory::default());
    let config = Config::default();
    let mut now = home();
    let energy = async |known: &mut Known, now: &HomeNow| {
        let entities = known.look(now, &config).await.unwrap().0;
        entities.iter().find(|e| e.key == "kettle_energy").unwrap().state.clone().unwrap()
    };
    let mut known = Known::new(store.clone());
    assert_eq!(energy(&mut known, &now).await, "13.000");
    (now.at_ms, now.devices[0].energy_kwh) = (AT_MS + 30_000, 13.5);
    assert_eq!(energy(&mut known, &now).await, "13.000", "once a minute");
    now.at_ms = AT_MS + 60_000;
    assert_eq!(energy(&mut known, &now).await, "13.500");
    (now.at_ms, now.devices[0].energy_kwh) = (AT_MS + 120_000, 12.0);
    assert_eq!(energy(&mut known, &now).await, "13.500", "a downward correction is absorbed");
    let mut restarted = Known::new(store);
    assert_eq!(energy(&mut restarted, &now).await, "13.500", "remembered");
    (now.at_ms, now.devices[0].energy_kwh) = (AT_MS + 180_000, 13.6);
    assert_eq!(energy(&mut restarted, &now).await, "13.600");
}
