//! What a Glow display publishes on the local broker.
//!
//! `PREFIX/ID/SENSOR/electricitymeter` about every ten seconds and `…/gasmeter` every half hour, `PREFIX/ID/STATE` of the display itself:
//! <https://community.openenergymonitor.org/t/glow-ihd-with-local-mqtt/20689> and the integration ha_hildebrand_glow_ihd_mqtt.

use serde_json::Value;
use wattribute_domain::{Quantity, Role, units};

use crate::adapters::Told;
use crate::adapters::numbers::{json, number};

/// More than any home draws or gives, W: where the meter says no power, the display writes -8388.608 kW.
const MOST_W: f64 = 1e6;
/// More than any meter counts, kWh: where the meter says no counter, the display writes 281474976710.655 kWh.
const MOST_KWH: f64 = 1e9;

/// What a topic is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Electricity,
    Gas,
    /// The display itself.
    State,
}

/// The display that a topic is of, and what it is about; `None` of what is not read.
pub(super) fn topic(topic: &str) -> Option<(String, Kind)> {
    let (path, last) = topic.rsplit_once('/')?;
    let (path, kind) = match last {
        "electricitymeter" => (path.strip_suffix("/SENSOR")?, Kind::Electricity),
        "gasmeter" => (path.strip_suffix("/SENSOR")?, Kind::Gas),
        "STATE" => (path, Kind::State),
        _ => return None,
    };
    Some((path.rsplit('/').next().unwrap_or(path).to_owned(), kind))
}

/// What is wrong with a filter that no topic of a display matches, such as `glow`; nothing where one may.
pub(super) fn deaf(filter: &str) -> Option<String> {
    let last = filter.rsplit('/').next().unwrap_or(filter);
    let is_heard = matches!(last, "#" | "+" | "electricitymeter" | "gasmeter" | "STATE");
    (!is_heard).then(|| format!("on `{filter}` no display publishes: write {filter}/#"))
}

/// What a meter says, and the price of a kWh that it carries. The error says what makes no sense.
pub(super) fn meter(display: &str, kind: Kind, payload: &[u8]) -> Result<Told, String> {
    let said = json(payload)?;
    let (key, role) = match kind {
        Kind::Gas => ("gasmeter", Role::Gas),
        Kind::Electricity | Kind::State => ("electricitymeter", Role::WholeHouse),
    };
    let meter = said.get(key).filter(|meter| meter.is_object()).ok_or_else(|| format!("there is no `{key}` in it"))?;
    let energy = |way: &str| {
        let part = meter.get("energy")?.get(way)?;
        let kwh = number(part.get("cumulative")?)? * units::kwh_per(unit(part).unwrap_or("kWh"))?;
        (0.0..MOST_KWH).contains(&kwh).then_some(kwh)
    };
    let power = || {
        let power = meter.get("power")?;
        let watts = number(power.get("value")?)? * units::watts_per(unit(power).unwrap_or("kW"))?;
        (watts.abs() < MOST_W).then_some(watts)
    };
    // Without a meter behind it, the display says noughts.
    let import = energy("import").filter(|kwh| *kwh > 0.0);
    // Of one that says no counter of energy drawn, a nought is no counter of energy given either.
    let (export, power) = (energy("export").filter(|kwh| import.is_some() || *kwh > 0.0), power());
    let told = Told { role: Some(role), ..Told::by(format!("{display}/{key}"), if kind == Kind::Gas { "gas" } else { "electricity" }) };
    let told = told.with(Quantity::EnergyImportKwh, import);
    // Gas says how much, never how fast: the display writes a nought.
    let told = if kind == Kind::Gas { told } else { told.with(Quantity::PowerW, power).with(Quantity::EnergyExportKwh, export) };
    let nothing_is_behind_it = import.is_none() && told.values.iter().all(|(_, value)| *value == 0.0);
    if told.values.is_empty() || nothing_is_behind_it {
        return Err("it says neither power nor energy: see that the display has found its meter".to_owned());
    }
    let price = meter.pointer("/energy/import/price/unitrate").and_then(number).filter(|price| *price > 0.0);
    Ok(if kind == Kind::Gas { told } else { told.with(Quantity::PricePerKwh, price) })
}

fn unit(part: &Value) -> Option<&str> {
    part.get("units")?.as_str()
}

/// A payload as it may be kept: numbers of the meter point are masked.
pub(super) fn masked(payload: &[u8]) -> String {
    let Ok(mut said) = json(payload) else { return String::new() };
    for meter in ["electricitymeter", "gasmeter"] {
        for number in ["mpan", "mprn"] {
            if let Some(value) = said.pointer_mut(&format!("/{meter}/energy/import/{number}")) {
                *value = "***".into();
            }
        }
    }
    said.to_string()
}

/// Whether a display says that it hears its meter; `None` where it does not say.
pub(super) fn is_joined(payload: &[u8]) -> Option<bool> {
    let said = json(payload).ok()?;
    let status = said.pointer("/han/status")?.as_str()?;
    Some(status == "joined")
}
