//! What Kasa devices answer in their older language (`IOT`): an object of modules, each with its methods.
//!
//! Facts: <https://github.com/python-kasa/python-kasa> (`kasa/iot`, `kasa/emeterstatus.py`) and what
//! <https://www.softscheck.com/en/reverse-engineering-tp-link-hs110/> found. Firmware says `power` in W, `voltage` in V, `current` in A and `total` in
//! kWh, or with the unit in the name: `power_mw`, `voltage_mv`, `current_ma`, `total_wh`.

use serde_json::{Value, json};
use wattribute_domain::{Quantity, Role};

use crate::adapters::Told;
use crate::adapters::numbers::number;
use crate::adapters::tplink::{Device, amperes, identity_of, kwh, level, part_of, text, volts, watts};

/// What is asked first: who it is, and what it measures.
pub(in crate::adapters) fn question() -> Value {
    json!({"system": {"get_sysinfo": {}}, "emeter": {"get_realtime": {}}})
}

/// What is to be asked after the answer to [`question`]: each outlet of a strip by its id, and bulbs, which measure elsewhere (under no id).
pub(in crate::adapters) fn more(answer: &Value) -> Vec<(String, Value)> {
    let Ok(info) = sysinfo(answer) else { return Vec::new() };
    if meter(answer).is_none() {
        let is_bulb = ["mic_type", "type"].iter().any(|key| text(info, key).is_some_and(|kind| kind.contains("BULB")));
        return if is_bulb { vec![(String::new(), json!({BULB: {"get_realtime": {}}}))] } else { Vec::new() };
    }
    let device = text(info, "deviceId").unwrap_or_default();
    let one = |child: &Value| {
        let id = text(child, "id")?;
        // Some firmware says only the last two digits of what it wants to be asked for.
        let whole = if id.len() == 2 { format!("{device}{id}") } else { id.to_owned() };
        Some((id.to_owned(), json!({"context": {"child_ids": [whole]}, "emeter": {"get_realtime": {}}})))
    };
    children(info).iter().filter_map(one).collect()
}

/// Where bulbs measure.
const BULB: &str = "smartlife.iot.common.emeter";

/// The device at `address`, of its answers to [`question`] and to what was [`more`] to ask, by the same ids.
pub(in crate::adapters) fn device(address: &str, answer: &Value, more: &[(String, Value)]) -> Result<Device, String> {
    let info = sysinfo(answer)?;
    let device_id = text(info, "deviceId").unwrap_or_default();
    let mac = ["mac", "mic_mac", "ethernet_mac"].iter().find_map(|key| text(info, key));
    let identity = identity_of(mac, device_id, address);
    let model = text(info, "model").unwrap_or_default().to_owned();
    let name = text(info, "alias").map(str::to_owned).unwrap_or_else(|| model.clone());
    let answered = |id: &str| more.iter().find(|(of, _)| of == id).and_then(|(_, answer)| meter(answer));
    let mut told: Vec<Told> = Vec::new();
    for (child, number) in children(info).iter().zip(1..) {
        let Some(id) = text(child, "id") else { continue };
        let called = text(child, "alias").map_or_else(|| format!("{name} {number}"), str::to_owned);
        let outlet = plug(format!("{identity}/{}", part_of(device_id, id)), called);
        told.push(measured(outlet, answered(id)).with(Quantity::Level, level(child.get("state"), None)));
    }
    if told.is_empty() {
        let light = info.get("light_state");
        let state = info.get("relay_state").or(light.and_then(|light| light.get("on_off")));
        let brightness = info.get("brightness").or(light.and_then(|light| light.get("brightness")));
        let said = meter(answer).or(answered(""));
        told.push(measured(plug(identity.clone(), name.clone()), said).with(Quantity::Level, level(state, brightness)));
    }
    told.retain(|told| !told.values.is_empty());
    Ok(Device { identity, name, model, told })
}

fn plug(identity: String, name: String) -> Told {
    Told { role: Some(Role::Device), ..Told::by(identity, name) }
}

fn measured(told: Told, said: Option<&Value>) -> Told {
    let value = |thousandth: &str, whole: &str| {
        let said = said?;
        let of = |key: &str| said.get(key).and_then(number);
        of(thousandth).map(|value| value / 1000.0).or_else(|| of(whole))
    };
    // Bulbs that measure neither say 0 of both: what answers has a voltage.
    let voltage = value("voltage_mv", "voltage");
    let has_none = voltage == Some(0.0);
    told.with(Quantity::PowerW, watts(value("power_mw", "power")))
        .with(Quantity::VoltageV, volts(voltage).filter(|_| !has_none))
        .with(Quantity::CurrentA, amperes(value("current_ma", "current")).filter(|_| !has_none))
        .with(Quantity::EnergyImportKwh, kwh(value("total_wh", "total")))
}

/// What it says of itself.
fn sysinfo(answer: &Value) -> Result<&Value, String> {
    let system = answer.get("system").ok_or("there is no `system` in its answer")?;
    refused(system)?;
    let info = system.get("get_sysinfo").filter(|info| info.is_object()).ok_or("there is no `get_sysinfo` in its answer")?;
    refused(info)?;
    Ok(info)
}

/// What it measures, where it does.
fn meter(answer: &Value) -> Option<&Value> {
    let of = |module: &str| {
        let module = answer.get(module).filter(|module| refused(module).is_ok())?;
        module.get("get_realtime").filter(|said| said.is_object() && refused(said).is_ok())
    };
    of("emeter").or_else(|| of(BULB))
}

/// Whether an answer is a refusal: `err_code` other than 0. One that is missing is none.
fn refused(said: &Value) -> Result<(), String> {
    match said.get("err_code").and_then(number) {
        None | Some(0.0) => Ok(()),
        Some(code) => Err(format!("it refuses: err_code {code} ({})", text(said, "err_msg").unwrap_or("no reason is given"))),
    }
}

fn children(info: &Value) -> &[Value] {
    info.get("children").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
