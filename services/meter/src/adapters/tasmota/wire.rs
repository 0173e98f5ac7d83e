//! What Tasmota says: topics, and the JSON of its sensors.
//!
//! Tasmota's documentation, <https://tasmota.github.io/docs/MQTT/> and <https://tasmota.github.io/docs/Smart-Meter-Interface/>, and its source:
//! `xdrv_03_energy` writes `ENERGY`, with an array where there are several channels or phases and a single voltage where they share one
//! (`voltage_common`); the keys of a smart meter are whatever the owner's script calls them.

use serde_json::{Map, Value};
use wattribute_domain::{Quantity, Role};

use super::keys::Keys;
use super::names::NOT_ELECTRIC;
use crate::adapters::Told;
use crate::adapters::numbers::{json, number};

/// What a topic is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What its sensors say.
    Sensor,
    /// Whether it is there.
    LastWill,
}

/// The device that a topic is of, and what it is about; `None` of what is not read. The prefix may stand before or after the device:
/// `tele/plug/SENSOR`, `plug/tele/SENSOR`.
pub(super) fn topic(topic: &str) -> Option<(String, Kind)> {
    let (path, last) = topic.rsplit_once('/')?;
    let kind = match last {
        "SENSOR" | "STATUS8" | "STATUS10" => Kind::Sensor,
        "LWT" => Kind::LastWill,
        _ => return None,
    };
    let levels: Vec<&str> = path.split('/').filter(|level| !matches!(*level, "tele" | "stat" | "")).collect();
    Some((if levels.is_empty() { "tasmota".to_owned() } else { levels.join("/") }, kind))
}

/// What is wrong with a filter that no topic of a Tasmota matches, such as `tele/desk`; nothing where one may.
pub(super) fn deaf(filter: &str) -> Option<String> {
    let last = filter.rsplit('/').next().unwrap_or(filter);
    let is_heard =
        matches!(last, "#" | "+" | "SENSOR" | "LWT" | "STATE" | "RESULT") || last.starts_with("STATUS") || last.starts_with("INFO");
    (!is_heard).then(|| format!("on `{filter}` no Tasmota publishes: write {filter}/#, or {filter}/SENSOR"))
}

/// Where to ask a device for what its sensors say, and where it answers, by a topic that it spoke on; `None` where that shows no prefix.
pub(super) fn question(topic: &str) -> Option<(String, String)> {
    let (path, _) = topic.rsplit_once('/')?;
    let levels: Vec<&str> = path.split('/').collect();
    let prefix = levels.iter().position(|level| matches!(*level, "tele" | "stat"))?;
    let with = |word: &str, last: &str| {
        let mut levels = levels.clone();
        levels[prefix] = word;
        format!("{}/{last}", levels.join("/"))
    };
    Some((with("cmnd", "STATUS"), with("stat", "STATUS10")))
}

/// Whether a last will says that its device is there; `None` where it says neither.
pub(super) fn last_will(payload: &[u8]) -> Option<bool> {
    match payload.trim_ascii() {
        b"Online" | b"online" => Some(true),
        b"Offline" | b"offline" => Some(false),
        _ => None,
    }
}

/// What the sensors of `device` say of power and energy; nothing where they say nothing of it. The error says what makes no sense.
pub(super) fn sensors(device: &str, payload: &[u8], keys: &Keys) -> Result<Vec<Told>, String> {
    // Some builds say a plain word where they have nothing to say.
    if payload.trim_ascii().is_empty() || last_will(payload).is_some() {
        return Ok(Vec::new());
    }
    let said = json(payload)?;
    let said = ["StatusSNS", "StatusSTS"].iter().find_map(|status| said.get(status)).unwrap_or(&said);
    let Value::Object(sensors) = said else { return Err("it is JSON, but no object of sensors".to_owned()) };
    let mut told = Vec::new();
    for (key, sensor) in sensors {
        let Value::Object(values) = sensor else { continue };
        if key == "ENERGY" {
            let known = energy(device, values);
            let says_nothing = known.iter().all(|told| told.values.is_empty());
            // A script may call its meter so too, and its values otherwise.
            told.extend(if says_nothing { meter(device, "", values, keys).into_iter().collect() } else { known });
        } else {
            told.extend(meter(device, key, values, keys));
        }
    }
    // A script may write its values beside `Time`.
    if told.is_empty() && sensors.values().filter(|value| value.is_object()).count() == 0 {
        told.extend(meter(device, "", sensors, keys));
    }
    told.retain(|told| !told.values.is_empty());
    Ok(told)
}

/// A smart meter that is read through a script; none of gas, water or heat.
fn meter(device: &str, key: &str, values: &Map<String, Value>, keys: &Keys) -> Option<Told> {
    if NOT_ELECTRIC.contains(&key.to_lowercase().as_str()) {
        return None;
    }
    let (identity, name) = if key.is_empty() { (device.to_owned(), device) } else { (format!("{device}/{key}"), key) };
    let mut told = Told::by(identity, name);
    for (quantity, value) in keys.read(values) {
        told = told.with(quantity, Some(value));
    }
    // What counts energy is a meter; what does not may be any sensor of power, such as an INA219.
    let counts = |(quantity, _): &(Quantity, f64)| matches!(quantity, Quantity::EnergyImportKwh | Quantity::EnergyExportKwh);
    told.role = told.values.iter().any(counts).then_some(Role::WholeHouse);
    let measures = |quantity: &Quantity| matches!(quantity, Quantity::PowerW | Quantity::EnergyImportKwh | Quantity::EnergyExportKwh);
    // After a restart all is nought until the meter has been heard.
    let was_heard = told.values.iter().any(|(_, value)| *value != 0.0);
    (was_heard && told.values.iter().any(|(quantity, _)| measures(quantity))).then_some(told)
}

/// A plug, a strip or a built-in meter.
fn energy(device: &str, values: &Map<String, Value>) -> Vec<Told> {
    let each = |key: &str| -> Vec<Option<f64>> {
        match values.get(key) {
            Some(Value::Array(all)) => all.iter().map(number).collect(),
            Some(one) => vec![number(one)],
            None => Vec::new(),
        }
    };
    let name = device;
    let power = each("Power");
    if power.len() < 2 {
        let first = |key: &str| each(key).first().copied().flatten();
        return vec![plug(device, name, Role::Device, first)];
    }
    if power.len() == 3 && each("Voltage").len() == 3 {
        return vec![three_phases(device, &power, &each)];
    }
    // Of several channels: what is said once is said of all of them.
    let several: Vec<Told> = (0..power.len())
        .map(|k| {
            let channel = format!("{device}_{}", k + 1);
            plug(&format!("{device}/{}", k + 1), &channel, Role::Device, |key| {
                let said = each(key);
                match (said.len(), key) {
                    (1, "Voltage" | "Frequency") => said[0],
                    (1, _) => None,
                    _ => said.get(k).copied().flatten(),
                }
            })
        })
        .collect();
    let sum = |key: &str| each(key).first().copied().flatten().filter(|_| each(key).len() == 1);
    let whole = counters(Told { role: Some(Role::Device), ..Told::by(device, name) }, sum);
    several.into_iter().chain([whole]).collect()
}

fn plug(identity: &str, name: &str, role: Role, said: impl Fn(&str) -> Option<f64>) -> Told {
    let told = Told { role: Some(role), ..Told::by(identity, name) }
        .with(Quantity::PowerW, said("Power"))
        .with(Quantity::VoltageV, said("Voltage"))
        .with(Quantity::CurrentA, said("Current"))
        .with(Quantity::FrequencyHz, said("Frequency"))
        .with(Quantity::PowerFactor, said("Factor"));
    counters(told, said)
}

fn counters(told: Told, said: impl Fn(&str) -> Option<f64>) -> Told {
    told.with(Quantity::EnergyImportKwh, said("ImportActive").or_else(|| said("Total")))
        .with(Quantity::EnergyExportKwh, said("ExportActive"))
}

/// Three phases of one meter, each with a voltage of its own.
fn three_phases(device: &str, power: &[Option<f64>], each: &impl Fn(&str) -> Vec<Option<f64>>) -> Told {
    let sum = |all: &[Option<f64>]| all.iter().copied().sum::<Option<f64>>().filter(|_| !all.is_empty());
    let counter = |key: &str| sum(&each(key));
    let told = Told::by(device, device)
        .with(Quantity::PowerW, sum(power))
        .with(Quantity::PowerPhase1W, power[0])
        .with(Quantity::PowerPhase2W, power[1])
        .with(Quantity::PowerPhase3W, power[2]);
    counters(told, counter)
}
