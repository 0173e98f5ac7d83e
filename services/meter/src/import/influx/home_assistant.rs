//! What Home Assistant's own integration writes: a measurement for each unit, device class or entity, as it was told, with the tags `domain` and
//! `entity_id`, numbers in `value`, words in `state`, and attributes as fields, texts with `_str` behind their name.
//!
//! Source: `homeassistant/components/influxdb/__init__.py`, 2021 to 2026.11. It writes neither `unavailable` nor `unknown`: silence cannot be told.

use serde_json::{Map, Value, json};
use wattribute_domain::may_switch_a_load;
use wattribute_domain::units::{kwh_per, watts_per};
use wattribute_store::influx::{Cell, Table};
use wattribute_store::{Result, Store};

use super::database::{Database, at_ms, cell, text};
use super::{Said, Summary, homeiq, one_series, write};

/// The attributes that matter here.
const ATTRIBUTES: [&str; 9] = [
    "brightness",
    "percentage",
    "preset_mode",
    "hvac_action",
    "action",
    "friendly_name",
    "unit_of_measurement",
    "device_class",
    "state_class",
];

/// An entity, and where it stands.
pub struct Entity {
    pub entity_id: String,
    measurement: String,
    /// Its tags `domain` and `entity_id`.
    tags: (String, String),
    columns: Vec<String>,
    /// What the measurement's name tells.
    unit: Option<String>,
    device_class: Option<String>,
}

/// The entities that measure power or energy, or may switch a load.
pub async fn entities(database: &Database) -> Result<Vec<Entity>> {
    let mut all = Vec::new();
    for measurement in database.measurements() {
        let is_of_others = homeiq::MEASUREMENTS.contains(&measurement.as_str()) || measurement.starts_with("wattribute_");
        if is_of_others || measurement.split_once('.').is_some_and(|(domain, _)| !matters(domain)) {
            continue;
        }
        for table in database.newest(measurement, &["domain", "entity_id"]).await? {
            all.extend(entity(measurement, &table));
        }
    }
    all.sort_by(|a, b| (&a.entity_id, &a.measurement).cmp(&(&b.entity_id, &b.measurement)));
    Ok(all)
}

/// Whether entities of a domain can matter.
fn matters(domain: &str) -> bool {
    matches!(domain, "sensor" | "binary_sensor") || may_switch_a_load(&format!("{domain}.any"), None)
}

fn entity(measurement: &str, table: &Table) -> Option<Entity> {
    let tag = |key| table.tag(key).filter(|value| !value.is_empty());
    let (domain, object) = (tag("domain")?, tag("entity_id")?);
    let row = table.rows.first()?;
    let unit = (watts_per(measurement).is_some() || kwh_per(measurement).is_some()).then(|| measurement.to_owned());
    let class = measurement.strip_prefix(domain).and_then(|rest| rest.strip_prefix("__"));
    let columns =
        ["value", "state"].into_iter().map(str::to_owned).chain(ATTRIBUTES.into_iter().flat_map(|a| [a.to_owned(), format!("{a}_str")]));
    let entity = Entity {
        entity_id: if object.contains('.') { object.to_owned() } else { format!("{domain}.{object}") },
        measurement: measurement.to_owned(),
        tags: (domain.to_owned(), object.to_owned()),
        columns: columns.filter(|column| table.column(column).is_some()).collect(),
        unit,
        device_class: class.map(str::to_owned),
    };
    let attributes = entity.attributes(table, row);
    let said = |name: &str| attributes.get(name).and_then(Value::as_str);
    let (unit, class) = (said("unit_of_measurement"), said("device_class"));
    let is_wanted = match domain {
        // Where no attributes are written, its name has to tell.
        "sensor" => {
            attributes.is_empty()
                || unit.is_some_and(|unit| watts_per(unit).is_some() || kwh_per(unit).is_some())
                || matches!(class, Some("power" | "energy" | "enum"))
        }
        _ => may_switch_a_load(&entity.entity_id, class),
    };
    is_wanted.then_some(entity)
}

impl Entity {
    fn attributes(&self, table: &Table, row: &[Cell]) -> Map<String, Value> {
        let mut all = Map::new();
        for name in ATTRIBUTES {
            let word = text(table, row, &format!("{name}_str")).or_else(|| text(table, row, name));
            let number = || cell(table, row, name).and_then(Cell::number);
            if let Some(value) = word.map(|word| json!(word)).or_else(|| number().map(|number| json!(number))) {
                all.insert(name.to_owned(), value);
            }
        }
        for (name, told) in [("unit_of_measurement", &self.unit), ("device_class", &self.device_class)] {
            if let (Some(told), false) = (told, all.contains_key(name)) {
                all.insert(name.to_owned(), json!(told));
            }
        }
        all
    }

    fn said(&self, table: &Table, row: &[Cell]) -> Option<Said> {
        let number = || cell(table, row, "value").and_then(Cell::number).map(|number| number.to_string());
        let state = text(table, row, "state").map(str::to_owned).or_else(number)?;
        let attributes = self.attributes(table, row);
        let attributes = (!attributes.is_empty()).then(|| Value::Object(attributes).to_string());
        Some(Said { at_ms: at_ms(row)?, state, attributes })
    }
}

/// Writes what an entity said.
pub async fn states(database: &Database, entity: &Entity, store: &dyn Store) -> super::Result<Summary> {
    let (domain, object) = &entity.tags;
    let mut pages = database.rows(&entity.measurement, &entity.columns, &[("domain", domain), ("entity_id", object)]);
    let mut summary = Summary::default();
    while let Some(table) = pages.next().await? {
        let said = table.rows.iter().filter_map(|row| entity.said(&table, row));
        one_series(&mut summary, write(&entity.entity_id, &database.name(), said, store).await?);
    }
    Ok(summary)
}
