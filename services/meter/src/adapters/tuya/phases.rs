//! Voltage, current and power of one phase, packed and written in base64, as DIN-rail meters and breakers say them.
//!
//! Big-endian: voltage in 0.1 V (2 bytes), current in mA (3), active power in W (3); then what differs: leakage, or reactive and apparent power and the
//! power factor. Newer ones begin with a version and the length 15, `01 0f` or `02 0f`, and version 2 ends with the signs: bit 0 of the current,
//! bit 1 of the power (Home Assistant's `tuya/raw_data_models.py`). Some of 15 bytes say it the other way round ([`signs_first`]). Some say it as JSON instead, in V, A and kW. 3 bytes from 0x800000 on are taken as negative: 8 MW are no house.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use serde_json::{Map, Value};

use crate::adapters::numbers::number;

/// What one phase says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Phase {
    /// Voltage, V.
    pub voltage_v: f64,
    /// Current, A.
    pub current_a: f64,
    /// Active power, W; negative while exporting, where the device tells.
    pub power_w: f64,
}

/// The phase in the value of a dp; `None` where there is none in it.
pub(super) fn phase(value: &Value) -> Option<Phase> {
    let found = match value {
        Value::Object(said) => written(said),
        Value::String(text) if text.trim_start().starts_with('{') => written(serde_json::from_str::<Value>(text).ok()?.as_object()?),
        Value::String(text) => packed(text),
        _ => None,
    };
    // No house has such a voltage, or so much power: it is something else.
    found.filter(|found| (0.0..=1000.0).contains(&found.voltage_v) && found.power_w.abs() <= 1e6 && found.current_a.abs() <= 10_000.0)
}

/// 15 bytes that begin with signs, as meters by IVAP and Ketotek write them (jasonacox/tinytuya#175, make-all/tuya-local's
/// `ketotek_ktem06pro_energymeter`): whether the power flows out, active power in W (3 bytes), the same of reactive power, power factor (2),
/// current in mA (3), voltage in 0.1 V (2). Read as usual they would be of less than 52 V.
fn signs_first(bytes: &[u8]) -> Option<Phase> {
    let &[is_out @ (0 | 1), w1, w2, w3, 0 | 1, _, _, _, _, _, a1, a2, a3, v1, v2] = bytes else { return None };
    let three = |bytes: [u8; 3]| bytes.into_iter().fold(0.0, |sum, byte| sum * 256.0 + f64::from(byte));
    let (voltage_v, power_w) = (f64::from(u16::from_be_bytes([v1, v2])) / 10.0, three([w1, w2, w3]));
    let power_w = if is_out == 1 { 0.0 - power_w } else { power_w };
    (50.0..=500.0).contains(&voltage_v).then(|| Phase { voltage_v, current_a: three([a1, a2, a3]) / 1000.0, power_w })
}

fn written(said: &Map<String, Value>) -> Option<Phase> {
    let of = |name: &str| said.get(name).and_then(number);
    Some(Phase { voltage_v: of("voltage")?, current_a: of("electricCurrent")?, power_w: of("power")? * 1000.0 })
}

fn packed(text: &str) -> Option<Phase> {
    let bytes = BASE64_STANDARD.decode(text.trim()).or_else(|_| BASE64_STANDARD_NO_PAD.decode(text.trim())).ok()?;
    if let Some(phase) = signs_first(&bytes) {
        return Some(phase);
    }
    let (data, signs) = match bytes.as_slice() {
        [1, 0x0f, data @ ..] if data.len() == 15 => (data, 0),
        [2, 0x0f, data @ .., signs] if data.len() == 15 => (data, *signs),
        data => (data, 0),
    };
    let &[v1, v2, a1, a2, a3, w1, w2, w3, ..] = data else { return None };
    let three = |bytes: [u8; 3]| {
        let [high, middle, low] = bytes.map(i32::from);
        f64::from((high << 24 | middle << 16 | low << 8) >> 8)
    };
    let signed = |value: f64, bit: u8| if signs & bit == 0 { value } else { -value };
    Some(Phase {
        voltage_v: f64::from(u16::from_be_bytes([v1, v2])) / 10.0,
        current_a: signed(three([a1, a2, a3]) / 1000.0, 1),
        power_w: signed(three([w1, w2, w3]), 2),
    })
}
