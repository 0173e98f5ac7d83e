//! What Home Assistant keeps in `.storage` beside its database: the Energy dashboard's settings, time zone, currency, names.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::collector::{Collector, Registered};

mod energy;

pub(crate) use self::energy::energy_preferences;

/// Each file is an object with what matters in `data`.
#[derive(Deserialize)]
struct Stored<T> {
    data: T,
}

#[derive(Deserialize)]
struct Core {
    time_zone: Option<String>,
    currency: Option<String>,
}

#[derive(Deserialize)]
struct Entities {
    entities: Vec<EntityEntry>,
}

#[derive(Deserialize)]
struct EntityEntry {
    entity_id: String,
    device_id: Option<String>,
    name: Option<String>,
    original_name: Option<String>,
}

#[derive(Deserialize)]
struct Devices {
    devices: Vec<DeviceEntry>,
}

#[derive(Deserialize)]
struct DeviceEntry {
    id: String,
    name: Option<String>,
    name_by_user: Option<String>,
}

/// Reads what there is; a malformed file costs a note and nothing else.
pub(super) fn read(database: &Path, collector: &mut Collector) {
    let Ok(database) = std::fs::canonicalize(database) else { return };
    let folder = database.with_file_name(".storage");
    if !folder.is_dir() {
        return;
    }
    if let Some(core) = load::<Core>(&folder, "core.config", collector) {
        collector.settings(core.time_zone, core.currency);
    }
    if let Some(energy) = load::<energy::Energy>(&folder, "energy", collector) {
        collector.energy_preferences(energy.into());
    }
    let devices = load::<Devices>(&folder, "core.device_registry", collector).map_or_else(HashMap::new, |registry| {
        registry.devices.into_iter().filter_map(|d| Some((d.id, d.name_by_user.or(d.name)?))).collect::<HashMap<_, _>>()
    });
    let entities = load::<Entities>(&folder, "core.entity_registry", collector).map_or_else(Vec::new, |registry| registry.entities);
    for entry in entities {
        let device = entry.device_id.as_ref().and_then(|id| devices.get(id));
        // An entity that is the device itself has no name of its own.
        let original_name = match (device, entry.original_name) {
            (Some(device), Some(name)) if !name.starts_with(device.as_str()) => Some(format!("{device} {name}")),
            (device, name) => name.or(device.cloned()),
        };
        collector.register(entry.entity_id, Registered { device_id: entry.device_id, given_name: entry.name, original_name });
    }
}

fn load<T: DeserializeOwned>(folder: &Path, name: &str, collector: &mut Collector) -> Option<T> {
    let path = folder.join(name);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
        Err(e) => {
            collector.note(format!(".storage/{name} could not be read ({e}) and was passed over."));
            return None;
        }
    };
    match serde_json::from_slice::<Stored<T>>(&bytes) {
        Ok(stored) => Some(stored.data),
        Err(e) => {
            collector.note(format!(".storage/{name} is malformed at line {} and was passed over.", e.line()));
            None
        }
    }
}
