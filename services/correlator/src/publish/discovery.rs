//! MQTT discovery: where an entity is announced, and how. Works on Home Assistant 2024.3 as on 2026.11.

use serde_json::{Map, Value, json};

use super::entity::{Entity, Platform};

/// Where we are on the broker, and who.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Home Assistant's discovery prefix.
    pub prefix: String,
    /// What our own topics begin with.
    pub base: String,
    /// Topic that says whether we are there.
    pub availability: String,
    /// Whether this is the made-up home.
    pub is_demo: bool,
    /// Address of the dashboard.
    pub configuration_url: Option<String>,
}

impl Place {
    pub(super) fn root(&self) -> &'static str {
        if self.is_demo { "wattribute_demo" } else { "wattribute" }
    }

    /// Where an entity is announced.
    pub(super) fn config_topic(&self, entity: &Entity) -> String {
        format!("{}/{}/{}/{}/config", self.prefix, entity.look.platform.name(), self.root(), entity.key)
    }

    /// Where its state is said.
    pub(super) fn state_topic(&self, entity: &Entity) -> String {
        format!("{}/{}/state", self.base, entity.key)
    }

    /// Where its attributes are said.
    pub(super) fn attributes_topic(&self, entity: &Entity) -> String {
        format!("{}/{}/attributes", self.base, entity.key)
    }

    /// The announcement.
    pub(super) fn announcement(&self, entity: &Entity) -> Value {
        let look = &entity.look;
        let object_id = format!("{}_{}", self.root(), entity.key);
        let mut said = Map::new();
        let mut say = |key: &str, value: Value| {
            if !value.is_null() {
                said.insert(key.to_owned(), value);
            }
        };
        say("name", json!(look.name));
        say("unique_id", json!(entity.unique_id));
        // The first since 2025.10, the second before.
        say("default_entity_id", json!(format!("{}.{object_id}", look.platform.name())));
        say("object_id", json!(object_id));
        say("state_topic", json!(self.state_topic(entity)));
        say("json_attributes_topic", json!(self.attributes_topic(entity)));
        say("availability_topic", json!(self.availability));
        say("device_class", json!(look.device_class));
        if look.platform == Platform::Sensor {
            say("state_class", json!(look.state_class));
            say("unit_of_measurement", json!(look.unit));
            say("suggested_display_precision", json!(look.precision));
        }
        say("icon", json!(look.icon));
        say("device", self.device(entity));
        say("origin", json!({ "name": "Wattribute", "sw_version": env!("CARGO_PKG_VERSION") }));
        Value::Object(said)
    }

    fn device(&self, entity: &Entity) -> Value {
        let root = self.root();
        match &entity.appliance {
            None => {
                let mut device = json!({
                    "identifiers": [root],
                    "name": if self.is_demo { "Wattribute Demo" } else { "Wattribute" },
                    "manufacturer": "Wattribute",
                    "model": if self.is_demo { "A made-up home" } else { "Power attributed to devices" },
                    "sw_version": env!("CARGO_PKG_VERSION"),
                });
                if let Some(url) = &self.configuration_url {
                    device["configuration_url"] = json!(url);
                }
                device
            }
            Some(appliance) => {
                let mut device = json!({
                    "identifiers": [format!("{root}_{}", appliance.id)],
                    "name": appliance.name,
                    "manufacturer": "Wattribute",
                    "model": "Learned from the house's meter",
                    "via_device": root,
                });
                if let Some(area) = &appliance.area {
                    device["suggested_area"] = json!(area);
                }
                device
            }
        }
    }
}
