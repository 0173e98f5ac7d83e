//! What Home Assistant knows of its home at one instant: settings, registries and states.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};
use wattribute_domain::{EnergyPreferences, Home};
use wattribute_service::home_assistant::{Connection, HaError};

use super::wire::Change;
use crate::adapters::history::energy_preferences;
use crate::adapters::same::plain;

#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    pub home: Home,
    pub preferences: EnergyPreferences,
    /// Entities whose state is the price of a kWh.
    pub prices: HashSet<String>,
    pub states: Vec<Change>,
    pub entries: HashMap<String, Entry>,
    pub devices: HashMap<String, Device>,
    /// Name by id.
    pub areas: HashMap<String, String>,
    /// Name by id.
    pub labels: HashMap<String, String>,
    pub bad_states: u64,
}

/// An entity in the registry.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub platform: String,
    pub unique_id: String,
    pub device_id: Option<String>,
    pub area_id: Option<String>,
    pub labels: Vec<String>,
}

/// A device in the registry.
#[derive(Clone, Debug, Default)]
pub(super) struct Device {
    pub area_id: Option<String>,
    pub labels: Vec<String>,
    pub ours: bool,
    /// MAC addresses and ids that its integration knows it by, in plain letters and digits.
    pub known_by: Vec<String>,
}

impl Snapshot {
    /// Asks for everything. What a version does not know, or what this user may not see, is left empty; only the states must come.
    pub async fn take(connection: &Connection, config: &Value) -> Result<Self, HaError> {
        let ask = |command: &'static str| connection.call(json!({ "type": command }));
        let (states, preferences, entries, devices, areas, labels) = tokio::join!(
            ask("get_states"),
            ask("energy/get_prefs"),
            ask("config/entity_registry/list"),
            ask("config/device_registry/list"),
            ask("config/area_registry/list"),
            ask("config/label_registry/list"),
        );
        let (preferences, entries) = (optional(preferences)?, optional(entries)?);
        Ok(Self::of(config, &states?, &preferences, &entries, &optional(devices)?, &optional(areas)?, &optional(labels)?))
    }

    /// Reads what Home Assistant answered.
    pub fn of(
        config: &Value,
        states: &Value,
        preferences: &Value,
        entries: &Value,
        devices: &Value,
        areas: &Value,
        labels: &Value,
    ) -> Self {
        let found = energy_preferences(preferences);
        let states = rows(states);
        let mut snapshot = Snapshot {
            home: Home {
                name: text(config, "location_name"),
                time_zone: text(config, "time_zone"),
                currency: text(config, "currency"),
                energy_preferences: found.clone(),
                version: text(config, "version"),
                ..Home::default()
            },
            preferences: found.unwrap_or_default(),
            prices: prices(preferences),
            states: states.iter().filter_map(Change::of_state).collect(),
            entries: rows(entries).iter().filter_map(entry).collect(),
            devices: rows(devices).iter().filter_map(device).collect(),
            areas: named(areas, "area_id"),
            labels: named(labels, "label_id"),
            bad_states: 0,
        };
        snapshot.bad_states = (states.len() - snapshot.states.len()) as u64;
        snapshot
    }

    /// The area that an entity is in: its own, else its device's.
    pub fn area(&self, entity_id: &str) -> Option<&str> {
        let entry = self.entries.get(entity_id)?;
        let device = entry.device_id.as_ref().and_then(|id| self.devices.get(id));
        let id = entry.area_id.as_ref().or_else(|| device?.area_id.as_ref())?;
        Some(self.areas.get(id).map_or(id.as_str(), String::as_str))
    }

    /// Its own id of each device, by the MAC addresses and ids that its integration knows it by.
    pub fn device_ids(&self) -> BTreeMap<&str, &str> {
        let devices = self.devices.iter().filter(|(_, device)| !device.ours);
        devices.flat_map(|(id, device)| device.known_by.iter().map(move |known| (known.as_str(), id.as_str()))).collect()
    }

    /// Names of the labels of an entity and of its device.
    pub fn labels_of(&self, entity_id: &str) -> Vec<&str> {
        let Some(entry) = self.entries.get(entity_id) else { return Vec::new() };
        let device = entry.device_id.as_ref().and_then(|id| self.devices.get(id));
        let ids = entry.labels.iter().chain(device.iter().flat_map(|d| &d.labels));
        ids.map(|id| self.labels.get(id).map_or(id.as_str(), String::as_str)).collect()
    }
}

fn optional(answer: Result<Value, HaError>) -> Result<Value, HaError> {
    match answer {
        Err(HaError::Refused { .. }) => Ok(Value::Null),
        answer => answer,
    }
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    value.get(key).map_or(&[][..], rows).iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn named(value: &Value, id: &str) -> HashMap<String, String> {
    rows(value).iter().filter_map(|row| Some((text(row, id)?, text(row, "name")?))).collect()
}

fn entry(row: &Value) -> Option<(String, Entry)> {
    // A few old integrations use numbers.
    let unique_id = row.get("unique_id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let entry = Entry {
        platform: text(row, "platform").unwrap_or_default(),
        unique_id: unique_id.unwrap_or_default(),
        device_id: text(row, "device_id"),
        area_id: text(row, "area_id"),
        labels: texts(row, "labels"),
    };
    Some((text(row, "entity_id")?, entry))
}

fn device(row: &Value) -> Option<(String, Device)> {
    let identifiers = row.get("identifiers").map_or(&[][..], rows);
    let own_identifier = identifiers.iter().filter_map(|pair| pair.get(1)?.as_str()).any(|id| id.starts_with("wattribute"));
    let connections = row.get("connections").map_or(&[][..], rows);
    let named = identifiers.iter().chain(connections).filter_map(|pair| pair.get(1)?.as_str());
    let known_by = named.map(plain).filter(|id| !id.is_empty()).collect();
    let ours = own_identifier || row.get("manufacturer").and_then(Value::as_str) == Some("Wattribute");
    Some((text(row, "id")?, Device { area_id: text(row, "area_id"), labels: texts(row, "labels"), ours, known_by }))
}

/// Price entities of the grid, wherever a version keeps them.
fn prices(preferences: &Value) -> HashSet<String> {
    let sources =
        preferences.get("energy_sources").map_or(&[][..], rows).iter().filter(|s| s.get("type").and_then(Value::as_str) == Some("grid"));
    let of = |flow: &Value| text(flow, "entity_energy_price");
    sources.flat_map(|s| of(s).into_iter().chain(s.get("flow_from").map_or(&[][..], rows).iter().filter_map(of))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_goes_by_its_mac_addresses_and_ids_unless_it_is_ours() {
        let devices = json!([
            {"id": "d1", "connections": [["mac", "50:c7:bf:01:02:03"]], "identifiers": [["tplink", "8006A0-F1"], ["bad"], 7]},
            {"id": "d2", "connections": null, "identifiers": [["mqtt", "wattribute_home"]]},
            {"id": "d3"}
        ]);
        let nothing = Value::Null;
        let snapshot = Snapshot::of(&nothing, &nothing, &nothing, &nothing, &devices, &nothing, &nothing);
        assert_eq!(snapshot.device_ids(), BTreeMap::from([("50c7bf010203", "d1"), ("8006a0f1", "d1")]));
    }
}
