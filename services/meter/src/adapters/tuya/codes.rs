//! What Tuya's codes mean, such as `cur_power` or `phase_a`.
//!
//! Tuya's cloud names each data point (dp) by a code, with a scale and a unit; tinytuya's wizard writes them into `devices.json` as `mapping`. What we
//! know of dps without a mapping is written in the same codes ([`super::shapes`]), so that there is one way from a dp to a reading.

use wattribute_domain::Quantity;

/// What a dp says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A quantity.
    Is(Quantity),
    /// Voltage, current and power of a phase (1 to 3), packed.
    Phase(u8),
    /// Whether the relay is on.
    Relay,
    /// Which way the power flows: `FORWARD` or `REVERSE`.
    Direction,
    /// Energy drawn since it was reported last, of plugs; a counter, of meters.
    AddedEnergy,
}

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Meaning {
    /// What it says.
    pub what: What,
    /// Which clamp or socket of the device, from 1; 0: the device as a whole.
    pub channel: u8,
    /// Whether the channel is written as a letter, as phases are.
    pub by_letter: bool,
}

/// What a code means; `None` where it is nothing that we read.
pub(super) fn meaning(code: &str) -> Option<Meaning> {
    let code = code.trim().to_ascii_lowercase();
    if let Some(what) = base(&code) {
        return Some(Meaning { what, channel: 0, by_letter: false });
    }
    let last = code.chars().last()?;
    let rest = code[..code.len() - last.len_utf8()].trim_end_matches('_');
    let (channel, by_letter) = match last {
        '1'..='9' => (last as u8 - b'0', false),
        'a'..='c' => (last as u8 - b'a' + 1, true),
        _ => return None,
    };
    base(rest).map(|what| Meaning { what, channel, by_letter })
}

fn base(code: &str) -> Option<What> {
    Some(match code {
        "cur_power" | "power" | "active_power" | "activepower" | "power_total" | "total_power" | "total_active_power"
        | "active_power_total" => What::Is(Quantity::PowerW),
        "cur_voltage" | "voltage" | "ac_voltage" => What::Is(Quantity::VoltageV),
        "cur_current" | "current" | "ac_current" => What::Is(Quantity::CurrentA),
        "frequency" | "ac_frequency" | "ac_freq" | "freq" | "supply_frequency" => What::Is(Quantity::FrequencyHz),
        "power_factor" | "powerfactor" => What::Is(Quantity::PowerFactor),
        "forward_energy_total"
        | "total_forward_energy"
        | "forward_energy"
        | "energy_forward"
        | "energy_forword"
        | "total_energy"
        | "energy_total"
        | "all_energy"
        | "energy_consumed"
        | "energyconsumed"
        | "totalenergyconsumed"
        | "electric_total" => What::Is(Quantity::EnergyImportKwh),
        "reverse_energy_total" | "total_reverse_energy" | "reverse_energy" | "energy_reverse" | "energy_reserse" => {
            What::Is(Quantity::EnergyExportKwh)
        }
        "phase_a" => What::Phase(1),
        "phase_b" => What::Phase(2),
        "phase_c" => What::Phase(3),
        "switch" | "relay" => What::Relay,
        "direction" | "dir_current" | "energy_direction" => What::Direction,
        "add_ele" => What::AddedEnergy,
        _ => return None,
    })
}

/// What a number in `unit` is multiplied by, in the unit of the quantity; `None` of an unknown unit. Without one it is Tuya's usual: W, V, A, kWh, Hz.
pub(super) fn factor(quantity: Quantity, unit: &str) -> Option<f64> {
    let unit = unit.trim().to_ascii_lowercase().replace(['·', '*', '.', ' '], "");
    Some(match (quantity, unit.as_str()) {
        (_, "") => 1.0,
        (Quantity::PowerW, "w") | (Quantity::VoltageV, "v") | (Quantity::FrequencyHz, "hz") => 1.0,
        (Quantity::CurrentA, "a") | (Quantity::EnergyImportKwh | Quantity::EnergyExportKwh, "kwh" | "kw/h" | "度" | "°") => 1.0,
        (Quantity::PowerW, "kw") => 1000.0,
        (Quantity::PowerW, "mw") | (Quantity::VoltageV, "mv") | (Quantity::CurrentA, "ma") => 0.001,
        (Quantity::EnergyImportKwh | Quantity::EnergyExportKwh, "wh") => 0.001,
        (Quantity::PowerFactor, "%") => 0.01,
        (Quantity::PowerFactor, _) => 1.0,
        _ => return None,
    })
}
