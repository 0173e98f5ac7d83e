//! What Tapo devices and newer Kasa devices answer (`SMART`): a result for each method.
//!
//! Facts: <https://github.com/python-kasa/python-kasa> (`kasa/smart`, its recorded answers of devices) and
//! <https://github.com/mihai-dinculescu/tapo>. `get_energy_usage` says `current_power` in mW and energies in Wh, `get_current_power` says
//! `current_power` in W, `get_emeter_data` of newer firmware says `power_mw`, `voltage_mv` and `current_ma`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wattribute_domain::{Quantity, Role};

use crate::adapters::Told;
use crate::adapters::numbers::number;
use crate::adapters::tplink::{Device, amperes, identity_of, kwh, level, part_of, text, volts, watts};

/// What it is, and whether it is on.
pub(in crate::adapters) const INFO: &str = "get_device_info";
/// The outlets of a strip.
pub(in crate::adapters) const CHILDREN: &str = "get_child_device_list";
/// What measures; devices know only some of it.
pub(in crate::adapters) const METERS: [&str; 3] = ["get_energy_usage", "get_current_power", "get_emeter_data"];

/// What it answered, by method; what it refused is not there.
pub(in crate::adapters) type Answers = BTreeMap<String, Value>;

/// A request for one method.
pub(in crate::adapters) fn request(method: &str, params: Value) -> Value {
    if params.is_null() { json!({"method": method}) } else { json!({"method": method, "params": params}) }
}

/// A request for several methods at once.
pub(in crate::adapters) fn requests(methods: &[&str]) -> Value {
    let all: Vec<Value> = methods.iter().map(|method| request(method, Value::Null)).collect();
    request("multipleRequest", json!({"requests": all}))
}

/// A request to an outlet of a strip.
pub(in crate::adapters) fn to_child(id: &str, inner: Value) -> Value {
    request("control_child", json!({"device_id": id, "requestData": inner}))
}

/// The error that an answer tells; 0 where there is none, `None` where this is no answer of this language.
pub(in crate::adapters) fn error_code(answer: &Value) -> Option<i64> {
    answer.get("error_code").and_then(number).map(|code| code as i64)
}

/// What each method of [`requests`] answered: its result, or its error. After an error some firmware leaves out the rest.
pub(in crate::adapters) fn answered(answer: &Value) -> Vec<(String, Result<Value, i64>)> {
    let all = answer.pointer("/result/responses").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let one = |said: &Value| {
        let method = said.get("method").and_then(Value::as_str)?.to_owned();
        let code = error_code(said).unwrap_or(0);
        Some((method, if code == 0 { Ok(said.get("result").cloned().unwrap_or(Value::Null)) } else { Err(code) }))
    };
    all.iter().filter_map(one).collect()
}

/// The answer of an outlet within that to [`to_child`].
pub(in crate::adapters) fn of_child(answer: &Value) -> Value {
    answer.pointer("/result/responseData").cloned().unwrap_or(Value::Null)
}

/// Whether it is no load itself but may have outlets: a strip says of itself nothing of being on.
pub(in crate::adapters) fn may_have_children(info: &Value) -> bool {
    info.get("device_on").is_none()
}

/// Its outlets, each with the id that it is asked by; sensors of a hub, which switch nothing, are left out.
pub(in crate::adapters) fn children(list: &[Value]) -> Vec<(String, Value)> {
    let switches = list.iter().filter(|child| child.get("device_on").is_some());
    switches.filter_map(|child| Some((text(child, "device_id")?.to_owned(), child.clone()))).collect()
}

/// The device at `address`: what it answered, and what each of its outlets says of itself and answered.
pub(in crate::adapters) fn device(address: &str, answers: &Answers, outlets: &[(Value, Answers)]) -> Result<Device, String> {
    let info = answers.get(INFO).filter(|info| info.is_object()).ok_or("it says nothing of itself (`get_device_info`)")?;
    let device_id = text(info, "device_id").unwrap_or_default();
    let identity = identity_of(text(info, "mac"), device_id, address);
    let model = text(info, "model").unwrap_or_default().to_owned();
    let name = nickname(info).unwrap_or_else(|| model.clone());
    let mut told: Vec<Told> = Vec::new();
    for ((outlet, said), number) in outlets.iter().zip(1..) {
        let Some(id) = text(outlet, "device_id") else { continue };
        let called = nickname(outlet).unwrap_or_else(|| format!("{name} {number}"));
        told.push(measured(format!("{identity}/{}", part_of(device_id, id)), called, outlet, said));
    }
    if told.is_empty() {
        told.push(measured(identity.clone(), name.clone(), info, answers));
    }
    told.retain(|told| !told.values.is_empty());
    Ok(Device { identity, name, model, told })
}

fn measured(identity: String, name: String, info: &Value, answers: &Answers) -> Told {
    let [usage, current, meter] = METERS.map(|method| answers.get(method));
    let value = |of: Option<&Value>, key: &str| of.and_then(|of| of.get(key)).and_then(number);
    let thousandth = |of: Option<&Value>, key: &str| value(of, key).map(|value| value / 1000.0);
    let power_w = thousandth(meter, "power_mw").or_else(|| thousandth(usage, "current_power")).or_else(|| value(current, "current_power"));
    // Of the two counters that it has, the one of the month falls less often. They are never mixed: that would look like a fall.
    let counter = if usage.is_some_and(|usage| usage.get("month_energy").is_some()) { "month_energy" } else { "today_energy" };
    let told = Told { role: Some(Role::Device), ..Told::by(identity, name) };
    told.with(Quantity::PowerW, watts(power_w))
        .with(Quantity::VoltageV, volts(thousandth(meter, "voltage_mv")))
        .with(Quantity::CurrentA, amperes(thousandth(meter, "current_ma")))
        .with(Quantity::EnergyImportKwh, kwh(thousandth(usage, counter)))
        .with(Quantity::Level, level(info.get("device_on"), info.get("brightness")))
}

/// What the owner calls it; it is written in base64.
fn nickname(info: &Value) -> Option<String> {
    let written = text(info, "nickname")?;
    let read = STANDARD.decode(written).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    Some(read.unwrap_or_else(|| written.to_owned()).trim().to_owned()).filter(|name| !name.is_empty())
}
