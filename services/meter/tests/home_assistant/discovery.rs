//! Who is read, and as what.

use serde_json::json;
use wattribute_domain::{Quantity, Role};
use wattribute_meter::adapters::home_assistant::HomeAssistant;
use wattribute_service::home_assistant::Config;

use crate::fake::{Fake, Push};
use crate::heard::Heard;
use crate::live::{adapter, now_ms, watts};

async fn read(config: Config) -> Heard {
    let mut adapter = HomeAssistant::new(config, Vec::new(), None).unwrap().settle(std::time::Duration::ZERO);
    let mut heard = Heard::default();
    heard.until(&mut adapter, |h| h.heard_ms().is_some()).await;
    heard
}

fn ids(heard: &Heard) -> Vec<&str> {
    let mut ids: Vec<_> = heard.series.values().map(|info| info.device.as_str()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn our_own_entities_are_never_read() {
    let fake = Fake::start().await;
    let t = now_ms();
    for id in ["sensor.grid", "sensor.wattribute_kettle_power", "sensor.kettle_by_mqtt", "sensor.renamed", "sensor.posted"] {
        let mut attributes = watts();
        if id == "sensor.posted" {
            attributes["attribution"] = "Wattribute".into();
        }
        fake.has(id, "5", &attributes, t);
    }
    fake.home.lock().unwrap().entries = vec![
        json!({"entity_id": "sensor.kettle_by_mqtt", "platform": "mqtt", "unique_id": "wattribute_kettle_power", "device_id": null}),
        json!({"entity_id": "sensor.renamed", "platform": "mqtt", "unique_id": "x", "device_id": "own"}),
    ];
    let mut adapter = adapter(&fake);
    let mut heard = Heard::default();
    heard.until(&mut adapter, |h| h.heard_ms().is_some()).await;
    assert_eq!(ids(&heard), ["sensor.grid"]);
    // Nor one that appears later.
    fake.says("sensor.wattribute_lamp_power", "7", &watts(), t + 1);
    fake.says("sensor.grid", "8", &watts(), t + 2);
    heard.until(&mut adapter, |h| h.of("sensor.grid").len() == 2).await;
    fake.says("sensor.new_meter", "9", &watts(), t + 3);
    heard.until(&mut adapter, |h| !h.of("sensor.new_meter").is_empty()).await;
    assert_eq!(ids(&heard), ["sensor.grid", "sensor.new_meter"]);
}

#[tokio::test]
async fn energy_preferences_tell_roles_and_the_price() {
    let fake = Fake::start().await;
    let t = now_ms();
    let kwh = json!({"unit_of_measurement": "Wh", "device_class": "energy", "state_class": "total_increasing"});
    fake.has("sensor.meter", "230", &watts(), t);
    fake.has("sensor.pv", "0", &watts(), t);
    fake.has("sensor.out", "2500", &kwh, t);
    fake.has("sensor.tariff", "31.5", &json!({"unit_of_measurement": "ct/kWh"}), t);
    fake.has("sensor.apparent", "250", &json!({"unit_of_measurement": "VA", "device_class": "apparent_power"}), t);
    fake.has("sensor.temperature", "21", &json!({"unit_of_measurement": "°C", "device_class": "temperature"}), t);
    fake.home.lock().unwrap().preferences = Some(json!({"energy_sources": [
        {"type": "grid", "stat_energy_from": "sensor.in", "stat_energy_to": "sensor.out", "stat_rate": "sensor.meter",
         "entity_energy_price": "sensor.tariff"}, {"type": "solar", "stat_rate": "sensor.pv"}], "device_consumption": []}));
    let heard = read(fake.config()).await;
    assert_eq!(ids(&heard), ["sensor.meter", "sensor.out", "sensor.pv", "sensor.tariff"]);
    let info = |id: &str| &heard.series[&heard.key(id).unwrap()];
    assert_eq!((info("sensor.meter").role, info("sensor.pv").role), (Some(Role::WholeHouse), Some(Role::Solar)));
    assert_eq!((info("sensor.out").quantity, heard.of("sensor.out")), (Quantity::EnergyExportKwh, vec![(t, 2.5)]));
    assert_eq!((info("sensor.tariff").quantity, heard.of("sensor.tariff")), (Quantity::PricePerKwh, vec![(t, 0.315)]));
    let home: serde_json::Value = serde_json::from_str(&heard.documents["home"]).unwrap();
    assert_eq!((&home["time_zone"], &home["energy_preferences"]["grid_power"][0]), (&json!("Europe/Berlin"), &json!("sensor.meter")));
}

#[tokio::test]
async fn include_and_exclude_take_domains_globs_and_areas_but_never_the_meter() {
    let fake = Fake::start().await;
    let t = now_ms();
    fake.has("sensor.grid", "120", &watts(), t);
    for id in ["light.hall", "light.kitchen", "switch.kettle", "switch.garden"] {
        fake.has(id, "off", &json!({}), t);
    }
    fake.home.lock().unwrap().entries =
        vec![json!({"entity_id": "switch.kettle", "platform": "shelly", "unique_id": "k", "device_id": "d1", "labels": []})];
    let lists = |include: &[&str], exclude: &[&str]| Config {
        include: include.iter().map(|s| (*s).to_owned()).collect(),
        exclude: exclude.iter().map(|s| (*s).to_owned()).collect(),
        meter: Some("sensor.grid * 1".to_owned()),
        ..fake.config()
    };
    assert_eq!(ids(&read(lists(&["light"], &["*.hall"])).await), ["light.kitchen", "sensor.grid"]);
    assert_eq!(ids(&read(lists(&["area:kitchen"], &["sensor"])).await), ["sensor.grid", "switch.kettle"]);
    assert_eq!(ids(&read(lists(&[], &["light", "area:Kitchen"])).await), ["sensor.grid", "switch.garden"]);
    let error = HomeAssistant::new(lists(&["zone:x"], &[]), Vec::new(), None).err().unwrap().to_string();
    assert!(error.contains("zone:x") && error.contains("area:NAME"), "{error}");
}

#[tokio::test]
async fn a_renamed_entity_stays_the_same_series() {
    let fake = Fake::start().await;
    let t = now_ms() - 10_000;
    fake.has("switch.old", "off", &json!({"friendly_name": "Plug"}), t);
    fake.home.lock().unwrap().entries = vec![json!({"entity_id": "switch.old", "platform": "shelly", "unique_id": "k"})];
    let (mut adapter, mut heard) = (adapter(&fake), Heard::default());
    heard.until(&mut adapter, |h| h.heard_ms().is_some()).await;
    let key = heard.key("switch.old").unwrap();
    {
        let mut home = fake.home.lock().unwrap();
        home.states.clear();
        home.entries = vec![json!({"entity_id": "switch.new", "platform": "shelly", "unique_id": "k"})];
    }
    let gone = json!({"event_type": "state_changed", "time_fired": crate::fake::iso(t + 9_000),
        "data": {"entity_id": "switch.old", "old_state": {}, "new_state": null}});
    let _ = fake.push.send(Push::Event(gone));
    fake.says("switch.new", "off", &json!({"friendly_name": "Plug"}), t + 9_000);
    fake.says("switch.new", "on", &json!({"friendly_name": "Plug"}), t + 9_500);
    heard.until(&mut adapter, |h| h.key("switch.new").is_some()).await;
    heard.until(&mut adapter, |h| h.readings.get(&(key, t + 9_500)) == Some(&1.0)).await;
    assert_eq!((heard.key("switch.new"), heard.series.len()), (Some(key), 1));
}
