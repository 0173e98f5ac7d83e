//! What dps mean where nobody says it: maps of devices that are known, and which of them one is, by the dps that it has.
//!
//! From answers of real devices, tinytuya (`Contrib/WiFiDualMeterDevice.py`) and the device files of make-all/tuya-local.

use serde_json::{Map, Value};
use wattribute_domain::Quantity;

use super::codes::{self, Meaning, What};
use super::phases::phase;
use super::wire::{Entry, Known};
use super::{Dp, Kind};
use crate::adapters::numbers::number;

/// A dp, its code, and the power of ten that it is divided by.
type Row = (&'static str, &'static str, i32);

/// Plugs: power on 19.
const PLUG: &[Row] =
    &[("1", "switch", 0), ("18", "cur_current", 3), ("19", "cur_power", 1), ("20", "cur_voltage", 1), ("17", "add_ele", 3)];
/// Switches in the wall that measure: power on 22.
const SWITCH: &[Row] =
    &[("1", "switch", 0), ("21", "cur_current", 3), ("22", "cur_power", 1), ("23", "cur_voltage", 1), ("20", "add_ele", 3)];
/// Older plugs: power on 5, between current and voltage.
const OLD_PLUG: &[Row] = &[("1", "switch", 0), ("4", "cur_current", 3), ("5", "cur_power", 1), ("6", "cur_voltage", 1)];
/// Power alone, on 4.
const POWER_ON_4: &[Row] = &[("1", "switch", 0), ("4", "cur_power", 1)];
/// Power alone, on 6.
const POWER_ON_6: &[Row] = &[("1", "switch", 0), ("6", "cur_power", 1)];
/// Atorch's plugs and meters say everything to two digits.
const ATORCH: &[Row] = &[
    ("1", "switch", 0),
    ("111", "switch", 0),
    ("18", "cur_current", 3),
    ("19", "cur_power", 2),
    ("20", "cur_voltage", 2),
    ("123", "total_energy", 3),
    ("133", "frequency", 2),
    ("134", "power_factor", 2),
];
/// DIN-rail meters and breakers: phases on 6, 7, 8.
const DIN: &[Row] = &[
    ("1", "forward_energy_total", 2),
    ("2", "reverse_energy_total", 2),
    ("23", "reverse_energy_total", 2),
    ("6", "phase_a", 0),
    ("7", "phase_b", 0),
    ("8", "phase_c", 0),
    ("16", "switch", 0),
    ("29", "total_power", 0),
    ("32", "frequency", 2),
    ("50", "power_factor", 2),
];
/// Meters whose power is on 9: on breakers, and where there are phases, that is their faults.
const POWER_ON_9: Row = ("9", "total_power", 0);
/// Two clamps, each way.
const TWO_CLAMPS: &[Row] = &[
    ("1", "forward_energy_total", 2),
    ("2", "reverse_energy_total", 2),
    ("101", "power_a", 1),
    ("102", "direction_a", 0),
    ("104", "direction_b", 0),
    ("105", "power_b", 1),
    ("106", "energy_forward_a", 2),
    ("107", "energy_reverse_a", 2),
    ("108", "energy_forward_b", 2),
    ("109", "energy_reverse_b", 2),
    ("110", "power_factor_a", 2),
    ("111", "ac_frequency", 2),
    ("112", "ac_voltage", 1),
    ("113", "current_a", 3),
    ("114", "current_b", 3),
    ("115", "total_power", 1),
    ("121", "power_factor_b", 2),
];
/// One clamp or two, each with its own voltage.
const CLAMPS: &[Row] = &[
    ("105", "cur_power1", 1),
    ("106", "cur_current1", 3),
    ("107", "cur_voltage1", 1),
    ("108", "total_energy1", 3),
    ("115", "cur_power2", 1),
    ("116", "cur_current2", 3),
    ("117", "cur_voltage2", 1),
    ("118", "total_energy2", 3),
    ("123", "all_energy", 3),
];

/// The map of a device of which nobody says anything, by the dps that it has.
pub(super) fn guess(kind: Option<Kind>, dps: &Map<String, Value>) -> Known {
    let is_number = |dp: &str| dps.get(dp).and_then(number).is_some();
    let all = |wanted: &[&str]| wanted.iter().all(|dp| is_number(dp));
    let is_phase = |dp: &&str| dps.get(*dp).is_some_and(|value| phase(value).is_some());
    let is_way = |dp: &str| dps.get(dp).and_then(Value::as_str).is_some_and(|way| way_of(way).is_some());
    // What clamps say there are words.
    let is_other = |dp: &str| dps.get(dp).is_some_and(|value| value.is_boolean() || number(value).is_some());
    // A voltage of the mains in 0.1 V.
    let is_mains = |dp: &str| dps.get(dp).and_then(number).is_some_and(|value| (800.0..=2800.0).contains(&value));
    let has_phases = ["6", "7", "8"].iter().any(is_phase);
    let is_din = has_phases || (is_number("1") && dps.get("16").is_some_and(Value::is_boolean));
    let (rows, is_circuit) = match kind {
        _ if all(&["101", "105"]) && is_way("102") => (TWO_CLAMPS, true),
        _ if all(&["105", "106", "107"]) && !is_din && !["19", "101", "103"].into_iter().any(is_other) => (CLAMPS, true),
        _ if is_din && kind != Some(Kind::Plug) => (DIN, true),
        Some(Kind::Meter | Kind::Breaker) if is_number("1") && !is_number("19") => (DIN, true),
        _ if all(&["19", "123", "133"]) && !is_mains("20") => (ATORCH, false),
        _ if is_number("19") => (PLUG, false),
        _ if all(&["21", "22"]) && is_mains("23") => (SWITCH, false),
        _ if is_number("5") && (is_number("4") || is_number("6")) => (OLD_PLUG, false),
        _ if is_number("4") => (POWER_ON_4, false),
        _ if is_number("6") => (POWER_ON_6, false),
        _ => (PLUG, false),
    };
    let mut known = Known { is_circuit: is_circuit || matches!(kind, Some(Kind::Meter | Kind::Breaker)), ..Known::default() };
    let on_9 = (rows == DIN && kind == Some(Kind::Meter) && !has_phases).then_some(POWER_ON_9);
    // Alone on 20 it is what was added.
    let is_voltage = |dp: &str| rows != PLUG || dp != "20" || ["18", "19"].iter().any(|dp| dps.contains_key(*dp));
    for (dp, code, digits) in rows.iter().copied().chain(on_9).filter(|(dp, _, _)| is_voltage(dp)) {
        if let Some(meaning) = codes::meaning(code) {
            let is_alone = rows == CLAMPS && !is_number("115");
            known.add(dp, Meaning { channel: if is_alone { 0 } else { meaning.channel }, ..meaning }, 10f64.powi(-digits));
        }
    }
    if !is_circuit {
        // Sockets of a strip: what is not yes or no is something else.
        let sockets = (2..=7u8).filter(|socket| dps.get(&socket.to_string()).is_some_and(Value::is_boolean));
        sockets.for_each(|socket| known.add(&socket.to_string(), Meaning { what: What::Relay, channel: socket, by_letter: false }, 1.0));
    }
    known
}

/// The dps that one is asked for that answers no other question.
pub(super) fn asked(known: Option<&Known>) -> Vec<String> {
    match known.filter(|known| !known.entries.is_empty()) {
        Some(known) => known.entries.iter().map(|entry| entry.dp.clone()).collect(),
        None => ["1", "2", "4", "5", "6", "7", "8", "9", "16", "17", "18", "19", "20", "21", "22", "23"].map(str::to_owned).to_vec(),
    }
}

/// -1 of power that flows out, 1 of power that flows in.
pub(super) fn way_of(text: &str) -> Option<f64> {
    match text.trim().to_ascii_uppercase().as_str() {
        "FORWARD" => Some(1.0),
        "REVERSE" => Some(-1.0),
        _ => None,
    }
}

/// What the owner says of a dp.
pub(super) fn said(quantity: Quantity, dp: &Dp) -> Entry {
    let what = if quantity == Quantity::Level { What::Relay } else { What::Is(quantity) };
    Entry { dp: dp.dp.to_string(), what, channel: 0, scale: dp.scale }
}
