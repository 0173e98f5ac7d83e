//! What Shellies of the second generation and later say.
//!
//! <https://shelly-api-docs.shelly.cloud/gen2/>: a status is an object of components, `switch:0`, `em:0`, …; notifications hold only what
//! changed. `aenergy` of a switch or a `pm1` counts both ways where there is a `ret_aenergy` (its documentation, and home-assistant/core#153053).

use serde_json::{Map, Value, json};
use wattribute_domain::{Quantity, Role};

use super::names::Names;
use super::wire::{factor, level, not_negative, sum, text};
use crate::adapters::Told;
use crate::adapters::numbers::number;

const WH: f64 = 1000.0;
const PHASES: [&str; 3] = ["a", "b", "c"];

/// What components say that stand in `said`, whole or in part; `before`: what was said of all of them up to now.
pub(super) fn status(said: &Value, before: &Value) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    let Some(components) = said.as_object() else { return all };
    for (key, component) in components {
        let Some(part) = part(key, component, before.get(key).unwrap_or(&Value::Null)) else { continue };
        // The counters of a meter stand in a component of their own.
        match all.iter_mut().find(|known| known.identity == part.identity) {
            Some(known) => known.values.extend(part.values),
            None => all.push(part),
        }
    }
    all
}

/// What one component says; `None` where it measures nothing.
pub(super) fn part(key: &str, said: &Value, before: &Value) -> Option<Told> {
    let (kind, number_of_it) = key.split_once(':')?;
    let values = said.as_object()?;
    if number_of_it.is_empty() || !number_of_it.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let meter = kind.strip_suffix("data").unwrap_or(kind);
    let role = if matches!(meter, "em" | "em1" | "cb") { Role::Circuit } else { Role::Device };
    let told = Told { role: Some(role), ..Told::by(format!("{meter}:{number_of_it}"), "") };
    let told = match kind {
        // Whether it is on it knows all the same.
        _ if has_failed(values) => told.with(Quantity::Level, lit(values, before)),
        "em" => three_phases(told, values),
        "emdata" => {
            let of = |key: &str, phases: &str| value(values, key).or_else(|| sum(PHASES.map(|p| value(values, &format!("{p}_{phases}")))));
            told.with(Quantity::EnergyImportKwh, counter(of("total_act", "total_act_energy")))
                .with(Quantity::EnergyExportKwh, counter(of("total_act_ret", "total_act_ret_energy")))
        }
        "em1data" => told
            .with(Quantity::EnergyImportKwh, counter(value(values, "total_act_energy")))
            .with(Quantity::EnergyExportKwh, counter(value(values, "total_act_ret_energy"))),
        _ => plug(told, values, before),
    };
    (!told.values.is_empty()).then_some(told)
}

/// A switch, a meter of one phase, a lamp, a cover: they all say the same.
fn plug(told: Told, values: &Map<String, Value>, before: &Value) -> Told {
    let told = told.with(Quantity::Level, lit(values, before));
    let power = value(values, "apower").or_else(|| value(values, "act_power"));
    let total = |key: &str| values.get(key).and_then(|counter| counter.get("total")).and_then(number);
    if power.is_none() && total("aenergy").is_none() && !["apower", "act_power", "aenergy"].iter().any(|key| before.get(key).is_some()) {
        return told;
    }
    let returned = total("ret_aenergy");
    let returned_before = || before.pointer("/ret_aenergy/total").and_then(number);
    let import = total("aenergy").map(|both| both - returned.or_else(returned_before).unwrap_or(0.0));
    told.with(Quantity::PowerW, power)
        .with(Quantity::VoltageV, value(values, "voltage"))
        .with(Quantity::CurrentA, value(values, "current"))
        .with(Quantity::FrequencyHz, value(values, "freq"))
        .with(Quantity::PowerFactor, factor(value(values, "pf")))
        .with(Quantity::EnergyImportKwh, counter(import))
        .with(Quantity::EnergyExportKwh, counter(returned))
}

/// Whether it is on, and how bright: what it does not say of both is as it was.
fn lit(values: &Map<String, Value>, before: &Value) -> Option<f64> {
    let is_said = ["output", "brightness"].iter().any(|key| values.contains_key(*key));
    let brightness = value(values, "brightness").or_else(|| before.get("brightness").and_then(number));
    level(values.get("output").or_else(|| before.get("output")), brightness).filter(|_| is_said)
}

fn three_phases(told: Told, values: &Map<String, Value>) -> Told {
    let each = |what: &str| PHASES.map(|phase| value(values, &format!("{phase}_{what}")));
    let power = each("act_power");
    told.with(Quantity::PowerW, value(values, "total_act_power").or_else(|| sum(power)))
        .with(Quantity::PowerPhase1W, power[0])
        .with(Quantity::PowerPhase2W, power[1])
        .with(Quantity::PowerPhase3W, power[2])
        .with(Quantity::FrequencyHz, each("freq").into_iter().flatten().find(|hz| *hz > 0.0))
}

/// Whether a device has anything to measure with, of its whole status.
pub(super) fn can_measure(status: &Value) -> bool {
    let measures = |(key, part): (&String, &Value)| {
        key.starts_with("em") || ["apower", "act_power", "aenergy", "output"].iter().any(|of| part.get(of).is_some())
    };
    status.as_object().is_some_and(|all| all.iter().any(measures))
}

/// Whether a component says that its meter does not work.
fn has_failed(values: &Map<String, Value>) -> bool {
    let errors = values.get("errors").and_then(Value::as_array);
    errors.is_some_and(|errors| errors.iter().any(|error| error == "power_meter_failure"))
}

fn value(of: &Map<String, Value>, key: &str) -> Option<f64> {
    of.get(key).and_then(number)
}

fn counter(wh: Option<f64>) -> Option<f64> {
    not_negative(wh).map(|wh| wh / WH)
}

/// Puts what changed into what was known, component by component.
pub(super) fn merge(known: &mut Value, said: &Value) {
    match (known, said) {
        (Value::Object(known), Value::Object(said)) => {
            for (key, value) in said {
                match known.get_mut(key) {
                    Some(before) => merge(before, value),
                    None => drop(known.insert(key.clone(), value.clone())),
                }
            }
        }
        (known, said) => *known = said.clone(),
    }
}

/// What `Shelly.GetConfig` calls the device and its components.
pub(super) fn names(config: &Value) -> Names {
    let mut names = Names { device: text(config, "/sys/device/name"), ..Names::default() };
    for (key, component) in config.as_object().into_iter().flatten().filter(|(key, _)| key.contains(':')) {
        if let Some(name) = text(component, "/name") {
            names.parts.insert(key.clone(), name);
        }
    }
    names
}

/// A frame of RPC, over WebSocket or MQTT.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
    /// What changed, or all there is.
    Notify {
        /// Who says it, such as `shellyplus1pm-aabbccddeeff`.
        from: String,
        /// Components.
        status: Value,
    },
    /// An answer to the question of this number.
    Answer {
        /// Who says it.
        from: String,
        /// Number of the question.
        id: u64,
        /// What it says, or the code and the words of its refusal.
        result: Result<Value, (i64, String)>,
    },
    /// Anything else, such as an event of a button.
    Other {
        /// Who says it.
        from: String,
    },
}

/// Reads a frame. The error says what makes no sense.
pub(super) fn frame(mut said: Value) -> Result<Frame, String> {
    let from = text(&said, "/src").unwrap_or_default();
    if let Some(method) = said.get("method").and_then(Value::as_str) {
        let is_status = matches!(method, "NotifyStatus" | "NotifyFullStatus");
        let status = said.get_mut("params").map(Value::take).filter(Value::is_object);
        return Ok(match status.filter(|_| is_status) {
            Some(status) => Frame::Notify { from, status },
            None => Frame::Other { from },
        });
    }
    let id = said.get("id").and_then(number).filter(|id| *id >= 0.0).map(|id| id as u64);
    let id = id.ok_or_else(|| "it is neither a notification nor an answer of RPC".to_owned())?;
    let result = match said.get("error") {
        Some(error) => {
            let code = error.get("code").and_then(number).unwrap_or(0.0) as i64;
            Err((code, text(error, "/message").unwrap_or_default()))
        }
        None => Ok(said.get_mut("result").map(Value::take).unwrap_or_default()),
    };
    Ok(Frame::Answer { from, id, result })
}

/// A question, as it is sent.
pub(super) fn question(id: u64, from: &str, method: &str, auth: Option<Value>) -> String {
    let mut said = json!({"jsonrpc": "2.0", "id": id, "src": from, "method": method});
    if let Some(auth) = auth {
        said["auth"] = auth;
    }
    said.to_string()
}
