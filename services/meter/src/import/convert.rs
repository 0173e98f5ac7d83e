//! Sensors in their units and entities with their states become series in ours.

use wattribute_domain::units::{kwh_per, watts_per};
use wattribute_domain::{EnergyPreferences, Entity, History, Quantity, Role, Sensor, Series, SeriesInfo};

/// All series of a history that say anything. `notes` says what was left out and what was taken for granted.
pub(super) fn series(history: History, source: &str, notes: &mut Vec<String>) -> Vec<(SeriesInfo, Series)> {
    let preferences = history.energy_preferences.unwrap_or_default();
    let mut parts = Vec::new();
    for sensor in history.sensors {
        match quantity(&sensor, &preferences, notes) {
            Some((quantity, factor)) => parts.push(of_sensor(sensor, source, quantity, factor, &preferences)),
            None => notes.push(left_out(&sensor)),
        }
    }
    parts.extend(history.entities.into_iter().map(|entity| of_entity(entity, source)));
    parts.retain(|(_, readings)| !readings.is_empty());
    if !history.statistics.is_empty() {
        let many = history.statistics.len();
        notes.push(format!("long-term statistics of {many} sensors were left out: hours cannot show steps"));
    }
    parts
}

fn left_out(sensor: &Sensor) -> String {
    match &sensor.unit {
        Some(unit) => format!("{} was left out: {unit} is not a unit of power or energy", sensor.entity_id),
        None => format!("{} was left out: the file does not say its unit, and its name does not tell it", sensor.entity_id),
    }
}

/// What a sensor tells, and what one of its unit is in ours.
fn quantity(sensor: &Sensor, preferences: &EnergyPreferences, notes: &mut Vec<String>) -> Option<(Quantity, f64)> {
    let unit = match &sensor.unit {
        Some(unit) => unit.as_str(),
        None => {
            let unit = unit_by_name(sensor)?;
            notes.push(format!("{} was taken to be in {unit}: the file does not say", sensor.entity_id));
            unit
        }
    };
    if let Some(factor) = watts_per(unit) {
        return Some((Quantity::PowerW, factor));
    }
    if let Some(factor) = kwh_per(unit) {
        let gives = preferences.grid_export_energy.contains(&sensor.entity_id);
        return Some((if gives { Quantity::EnergyExportKwh } else { Quantity::EnergyImportKwh }, factor));
    }
    match unit {
        "V" => Some((Quantity::VoltageV, 1.0)),
        "A" => Some((Quantity::CurrentA, 1.0)),
        "mA" => Some((Quantity::CurrentA, 1e-3)),
        "Hz" => Some((Quantity::FrequencyHz, 1.0)),
        _ => None,
    }
}

/// The unit of a sensor whose file carries none, by its class, else by the last words of its id.
fn unit_by_name(sensor: &Sensor) -> Option<&'static str> {
    let id = sensor.entity_id.as_str();
    let ends = |words: &[&str]| words.iter().any(|word| id.ends_with(&format!("_{word}")) || id.ends_with(&format!(".{word}")));
    Some(match sensor.device_class.as_deref() {
        _ if ends(&["kw"]) => "kW",
        _ if ends(&["kwh"]) => "kWh",
        _ if ends(&["wh"]) => "Wh",
        _ if ends(&["w", "watt", "watts"]) => "W",
        Some("power") => "W",
        Some("energy") => "kWh",
        None if ends(&["power", "power_consumption", "power_total", "total_power"]) => "W",
        None if ends(&["energy", "energy_total", "total_energy", "energy_today", "energy_daily"]) => "kWh",
        _ => return None,
    })
}

fn of_sensor(sensor: Sensor, source: &str, quantity: Quantity, factor: f64, preferences: &EnergyPreferences) -> (SeriesInfo, Series) {
    let named = |ids: &[String]| ids.contains(&sensor.entity_id);
    let role = match quantity {
        Quantity::PowerW if named(&preferences.grid_power) => Some(Role::WholeHouse),
        Quantity::PowerW if named(&preferences.battery_power) => Some(Role::Battery),
        _ if named(&preferences.solar_power) || named(&preferences.solar_energy) => Some(Role::Solar),
        _ if named(&preferences.device_energy) => Some(Role::Device),
        _ => None,
    };
    let info = SeriesInfo {
        name: sensor.name,
        device_id: sensor.device_id,
        device_class: sensor.device_class,
        state_class: sensor.state_class,
        role,
        ..SeriesInfo::new(source, &sensor.entity_id, quantity)
    };
    let mut readings = sensor.readings;
    readings.value.iter_mut().for_each(|value| *value *= factor);
    (info, readings)
}

fn of_entity(entity: Entity, source: &str) -> (SeriesInfo, Series) {
    let mut info =
        SeriesInfo { name: entity.name, device_id: entity.device_id, ..SeriesInfo::new(source, &entity.entity_id, Quantity::Level) };
    if !entity.modes.is_empty() {
        info.modes = entity.modes;
    }
    let mut readings = Series::default();
    for said in entity.said {
        readings.push(said.at_ms, said.level.map_or(f64::NAN, |level| level.to_number()));
    }
    // Repeats (an attribute changed that tells nothing of the level) are no news.
    readings.normalise();
    (info, readings)
}
