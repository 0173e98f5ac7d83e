//! The keys under which the scripts of smart meters write their values.

use serde::Deserialize;
use serde_json::{Map, Value};
use wattribute_domain::Quantity;

use crate::adapters::numbers::number;

/// `[tasmota.keys]`: the owner's own names, looked for before those that are known. Upper and lower case are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// Active power, W; negative while exporting.
    pub power: Vec<String>,
    /// Counter of energy drawn, kWh.
    pub energy_import: Vec<String>,
    /// Counter of energy given, kWh.
    pub energy_export: Vec<String>,
    /// Active power of phase 1, W.
    pub power_phase_1: Vec<String>,
    /// Active power of phase 2, W.
    pub power_phase_2: Vec<String>,
    /// Active power of phase 3, W.
    pub power_phase_3: Vec<String>,
}

const POWER: &[&str] = &[
    "power_cur",
    "power_curr",
    "power",
    "power_total",
    "total_power",
    "power_sum",
    "power_now",
    "current_power",
    "cur_power",
    "active_power",
    "power_active",
    "act_power",
    "p",
    "p_total",
    "p_sum",
    "p_act",
    "watt",
    "watts",
    "w",
    "leistung",
    "leistung_gesamt",
    "momentanleistung",
    "aktuelle_leistung",
    "power_w",
    "curr_w",
    "16_7_0",
    "16.7.0",
];
const POWER_IN: &[&str] = &["power_in", "p_in", "power_import", "power_bezug", "leistung_bezug", "1_7_0", "1.7.0"];
const POWER_OUT: &[&str] = &["power_out", "p_out", "power_export", "power_einspeisung", "leistung_einspeisung", "2_7_0", "2.7.0"];
const IMPORT: &[&str] = &[
    "e_in",
    "total_in",
    "energy_in",
    "total_kwh",
    "energy_import",
    "total_import",
    "import",
    "energy_total",
    "e_total",
    "total",
    "bezug",
    "zaehlerstand",
    "zählerstand",
    "zaehlerstand_bezug",
    "verbrauch",
    "verbrauch_gesamt",
    "gesamtverbrauch",
    "kwh",
    "1_8_0",
    "1.8.0",
];
const EXPORT: &[&str] = &[
    "e_out",
    "total_out",
    "energy_out",
    "energy_export",
    "total_export",
    "export",
    "einspeisung",
    "einspeisung_gesamt",
    "zaehlerstand_einspeisung",
    "lieferung",
    "2_8_0",
    "2.8.0",
];
/// What stands before the number of a rate.
const RATES: &[&str] = &["_t", "_", "_tarif", "t", "_tariff"];
/// What stands before the number of a phase.
const PHASES: &[&str] =
    &["power_p", "power_l", "p", "l", "p_l", "power_phase_", "power_phase", "phase_", "phase", "power_", "leistung_l", "watt_l", "w_l"];
const VOLTAGE: &[&str] = &["voltage", "volt", "u", "spannung"];
const CURRENT: &[&str] = &["current", "i", "strom", "ampere"];
const FREQUENCY: &[&str] = &["frequency", "frequenz", "freq", "hz", "f"];

impl Keys {
    /// What the values of a meter say.
    pub(super) fn read(&self, values: &Map<String, Value>) -> Vec<(Quantity, f64)> {
        let value = |name: &str| values.iter().find(|(key, _)| key.to_lowercase() == name).and_then(|(_, value)| number(value));
        let own = |names: &[String]| names.iter().find_map(|name| value(&name.trim().to_lowercase()));
        let known = |names: &[&str]| names.iter().find_map(|name| value(name));
        // Where all rates are said and not their sum.
        let rates = |names: &[&str]| {
            let of = |name: &str, rate: &str, k: u8| value(&format!("{name}{rate}{k}"));
            names
                .iter()
                .flat_map(|name| RATES.iter().map(move |rate| (name, rate)))
                .find_map(|(name, rate)| Some(of(name, rate, 1)? + of(name, rate, 2)?))
        };
        let counter = |own_names: &[String], names: &[&str]| own(own_names).or_else(|| known(names)).or_else(|| rates(names));
        let phase = |own_names: &[String], k: u8| own(own_names).or_else(|| PHASES.iter().find_map(|phase| value(&format!("{phase}{k}"))));
        let phases = [phase(&self.power_phase_1, 1), phase(&self.power_phase_2, 2), phase(&self.power_phase_3, 3)];
        let both_ways = || match (known(POWER_IN), known(POWER_OUT)) {
            (Some(drawn), given) => Some(drawn - given.unwrap_or(0.0)),
            (None, _) => None,
        };
        let power = own(&self.power).or_else(|| known(POWER)).or_else(both_ways).or_else(|| phases.into_iter().sum());
        let [phase_1, phase_2, phase_3] = phases;
        let all = [
            (Quantity::PowerW, power),
            (Quantity::PowerPhase1W, phase_1),
            (Quantity::PowerPhase2W, phase_2),
            (Quantity::PowerPhase3W, phase_3),
            (Quantity::EnergyImportKwh, counter(&self.energy_import, IMPORT)),
            (Quantity::EnergyExportKwh, counter(&self.energy_export, EXPORT)),
            (Quantity::VoltageV, known(VOLTAGE)),
            (Quantity::CurrentA, known(CURRENT)),
            (Quantity::FrequencyHz, known(FREQUENCY)),
        ];
        all.into_iter().filter_map(|(quantity, value)| Some((quantity, value?))).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(json!({"E_in": 1.5, "E_out": 2, "Power": -300}), &[(Quantity::PowerW, -300.0), (Quantity::EnergyImportKwh, 1.5), (Quantity::EnergyExportKwh, 2.0)])]
    #[case(json!({"Total_in": 1.5, "Power_cur": "79.9"}), &[(Quantity::PowerW, 79.9), (Quantity::EnergyImportKwh, 1.5)])]
    #[case(json!({"Power_in": 0, "Power_out": 250}), &[(Quantity::PowerW, -250.0)])]
    #[case(json!({"L1": 1, "L2": 2, "L3": -5}), &[(Quantity::PowerW, -2.0), (Quantity::PowerPhase1W, 1.0), (Quantity::PowerPhase2W, 2.0), (Quantity::PowerPhase3W, -5.0)])]
    #[case(json!({"L1": 1, "L2": 2}), &[(Quantity::PowerPhase1W, 1.0), (Quantity::PowerPhase2W, 2.0)])]
    #[case(json!({"Total_in_T1": 10, "Total_in_T2": 5.5, "E_out_1": 1}), &[(Quantity::EnergyImportKwh, 15.5)])]
    #[case(json!({"Power_cur": null, "Total_in": {}, "Meter_id": "0a01"}), &[])]
    fn keys_of_many_scripts_are_known(#[case] values: Value, #[case] read: &[(Quantity, f64)]) {
        assert_eq!(Keys::default().read(values.as_object().unwrap()), read);
    }

    #[test]
    fn the_owners_keys_come_first() {
        let keys = Keys { power: vec!["Netz".to_owned()], power_phase_3: vec!["drei".to_owned()], ..Keys::default() };
        let values = json!({"Power": 5, "netz": 7, "Drei": 1});
        assert_eq!(keys.read(values.as_object().unwrap()), [(Quantity::PowerW, 7.0), (Quantity::PowerPhase3W, 1.0)]);
    }
}
