//! What Home Assistant is to show: the same list for MQTT and for the API.

use serde_json::{Map, Value, json};

use super::alerts::{self, Alerts};
use super::choice::{Slugs, fingerprint};
use super::event;
use crate::now::{DeviceNow, HomeNow};

/// Longest state that Home Assistant takes, characters.
const LONGEST_STATE: usize = 255;

/// Which of Home Assistant's platforms an entity is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    Sensor,
    BinarySensor,
}

impl Platform {
    pub(super) fn name(self) -> &'static str {
        match self {
            Platform::Sensor => "sensor",
            Platform::BinarySensor => "binary_sensor",
        }
    }
}

/// The appliance that an entity is of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Appliance {
    /// Fingerprint of its identity.
    pub id: String,
    pub name: String,
    pub area: Option<String>,
}

/// What an entity shows, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub platform: Platform,
    /// Name beside that of its device.
    pub name: &'static str,
    pub device_class: Option<&'static str>,
    pub state_class: Option<&'static str>,
    pub unit: Option<&'static str>,
    pub icon: Option<&'static str>,
    /// Digits after the point that are worth showing.
    pub precision: Option<u8>,
}

/// One entity as Home Assistant is to show it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entity {
    /// Its name within topics and ids, such as `kettle_power`.
    pub key: String,
    /// What Home Assistant knows it by, whatever its name.
    pub unique_id: String,
    pub look: Look,
    /// `None`: it is of the home.
    pub appliance: Option<Appliance>,
    /// `None`: unknown.
    pub state: Option<String>,
    pub attributes: Map<String, Value>,
}

impl Entity {
    /// Whether it is of the made-up home.
    pub(super) fn is_demo(&self) -> bool {
        self.unique_id.starts_with("wattribute_demo_")
    }
}

const fn power(name: &'static str) -> Look {
    Look {
        platform: Platform::Sensor,
        name,
        device_class: Some("power"),
        state_class: Some("measurement"),
        unit: Some("W"),
        icon: None,
        precision: Some(0),
    }
}

const ENERGY: Look =
    Look { device_class: Some("energy"), state_class: Some("total_increasing"), unit: Some("kWh"), precision: Some(2), ..power("Energy") };

const fn problem(name: &'static str) -> Look {
    Look { platform: Platform::BinarySensor, device_class: Some("problem"), state_class: None, unit: None, precision: None, ..power(name) }
}

const LAST_CORRELATION: Look = Look {
    device_class: None,
    state_class: None,
    unit: None,
    precision: None,
    icon: Some("mdi:transmission-tower-import"),
    ..power("Last correlation")
};

/// The entities of the home and of the devices chosen, the home's first. `energy_kwh` gives the energy to show for an identity.
pub(super) fn entities(
    now: &HomeNow,
    chosen: &[&DeviceNow],
    alerts: &Alerts,
    slugs: &Slugs,
    energy_kwh: impl Fn(&DeviceNow) -> f64,
) -> Vec<Entity> {
    let root = if now.is_demo { "wattribute_demo" } else { "wattribute" };
    let home = |key: &str, look: Look, state: Option<String>| Entity {
        key: key.to_owned(),
        unique_id: format!("{root}_{key}"),
        look,
        appliance: None,
        state,
        attributes: Map::new(),
    };
    let mut all = vec![
        home("attributed_power", power("Attributed power"), now.attributed_power_w.map(watts)),
        home("unattributed_power", power("Unattributed power"), now.unattributed_power_w.map(watts)),
        home("baseline_power", power("Baseline power"), now.baseline_power_w.map(watts)),
        home("phantom_load", power("Phantom load last night"), now.phantom_power_w.map(watts)),
        Entity { attributes: last_attributes(now), ..home("last_correlation", LAST_CORRELATION, last_correlation(now)) },
        home("high_consumption", problem("High consumption"), Some(on_off(alerts.is_on("high_consumption")))),
        home("high_phantom_load", problem("High phantom load"), Some(on_off(alerts.is_on("phantom_load")))),
    ];
    for device in chosen {
        let Some(slug) = slugs.get(&device.identity) else { continue };
        let id = fingerprint(&device.identity);
        let name = if now.is_demo { format!("{} (Wattribute Demo)", device.name) } else { format!("{} (Wattribute)", device.name) };
        let mut attributes = Map::new();
        attributes.insert("source_entity_id".to_owned(), json!(device.entity_id));
        attributes.insert("verdict".to_owned(), json!(device.verdict));
        let of_device = |what: &str, look: Look, state: Option<String>| Entity {
            key: format!("{slug}_{what}"),
            unique_id: format!("{root}_{id}_{what}"),
            look,
            appliance: Some(Appliance { id: id.clone(), name: name.clone(), area: device.area.clone() }),
            state,
            attributes: attributes.clone(),
        };
        all.push(of_device("power", power("Power"), device.power_w.map(watts)));
        all.push(of_device("energy", ENERGY, Some(format!("{:.3}", energy_kwh(device)))));
        let is_left_on = alerts.is_on(&alerts::left_on(&device.identity));
        if device.usual_on_h.is_some() || is_left_on {
            let mut left_on = of_device("left_on", problem("Left on"), Some(on_off(is_left_on)));
            left_on.attributes.insert("on_since".to_owned(), json!(device.on_since_ms.and_then(alerts::instant)));
            left_on.attributes.insert("usual_on_h".to_owned(), json!(device.usual_on_h.map(alerts::tenth)));
            all.push(left_on);
        }
    }
    all
}

/// Tenths below 100 W, whole watts above: what a meter can tell.
fn watts(power_w: f64) -> String {
    // Adding 0 makes -0 a 0.
    if power_w.abs() < 99.95 { format!("{:.1}", alerts::tenth(power_w) + 0.0) } else { format!("{:.0}", power_w.round()) }
}

fn on_off(is_on: bool) -> String {
    if is_on { "ON" } else { "OFF" }.to_owned()
}

fn last_correlation(now: &HomeNow) -> Option<String> {
    let last = now.last_correlation.as_ref()?;
    let delta_w = last.record.power_delta_w();
    if !delta_w.is_finite() {
        return None;
    }
    let sign = if delta_w < 0.0 { '-' } else { '+' };
    let step = format!(" {sign}{} W", watts(delta_w.abs()));
    let name: String = last.name.chars().take(LONGEST_STATE - step.len()).collect();
    Some(name + &step)
}

fn last_attributes(now: &HomeNow) -> Map<String, Value> {
    match now.last_correlation.as_ref().map(|last| event::payload(last, None, now.is_demo)) {
        Some(Value::Object(mut attributes)) => {
            // The cost is the event's: here it would change with the price and not with what happened. A device's name is blocked by MQTT.
            for key in ["cost_per_hour", "currency"] {
                attributes.shift_remove(key);
            }
            let (entity_id, state) = (attributes.shift_remove("entity_id"), attributes.shift_remove("state"));
            attributes.shift_remove("name");
            attributes.insert("source_entity_id".to_owned(), entity_id.unwrap_or_default());
            attributes.insert("new_state".to_owned(), state.unwrap_or_default());
            attributes
        }
        _ => Map::new(),
    }
}
