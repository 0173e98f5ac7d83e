use std::sync::Arc;

use serde_json::json;
use wattribute_service::Health;
use wattribute_store::Store;

use super::support::{Memory, Pretend, home, until};
use crate::publish::{Config, HomeAssistant, Publisher};

#[tokio::test]
async fn without_a_broker_states_are_posted_again_after_a_restart_and_removed_when_they_go() {
    let (home_assistant, store) = (Arc::new(Pretend::default()), Arc::new(Memory::default()));
    let start = |config| {
        let api: Arc<dyn HomeAssistant> = home_assistant.clone();
        let store: Arc<dyn Store> = store.clone();
        Publisher::new(config, None, Some(api), store, &Health::default(), false)
    };
    let kettle = "/api/states/sensor.wattribute_kettle_power";
    let has = |path: &str| home_assistant.states.lock().unwrap().contains_key(path);
    let mut publisher = start(Config { min_interval_s: 0, ..Config::default() });
    let now = home();
    publisher.publish(&now).await;
    until("states", async || has("/api/states/binary_sensor.wattribute_kettle_left_on")).await;
    let states = home_assistant.states.lock().unwrap().clone();
    insta::assert_json_snapshot!(
        "posted",
        json!({
            "power": states[kettle],
            "energy": states["/api/states/sensor.wattribute_kettle_energy"],
            "left_on": states["/api/states/binary_sensor.wattribute_kettle_left_on"],
            "home": states["/api/states/sensor.wattribute_unattributed_power"],
        })
    );
    // Right after a start nothing is known of devices: nothing goes.
    publisher.publish(&crate::now::HomeNow { devices: Vec::new(), power_w: Some(1.0), attributed_power_w: Some(3.0), ..now.clone() }).await;
    let attributed = "/api/states/sensor.wattribute_attributed_power";
    until("the new value", async || home_assistant.states.lock().unwrap()[attributed]["state"] == "3.0").await;
    assert!(has(kettle));
    let mut without = now.clone();
    without.devices.remove(0);
    publisher.publish(&without).await;
    until("the kettle goes", async || !has(kettle)).await;
    assert!(has("/api/states/sensor.wattribute_hall_lamp_power"));
    publisher.stop().await;
    assert_eq!(home_assistant.states.lock().unwrap()[attributed]["state"], "unavailable", "nobody keeps it any more");

    let after = start(Config { sensors: false, ..Config::default() });
    until("leftovers of the former run go", async || home_assistant.states.lock().unwrap().is_empty()).await;
    after.stop().await;
}
