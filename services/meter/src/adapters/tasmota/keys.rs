//! The keys under which the scripts of smart meters write their values.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use wattribute_domain::{Quantity, units};

use super::names::{
    CURRENT, EXPORT, FREQUENCY, IMPORT, IN_KW, PHASES, PHASES_BY_CODE, PHASES_BY_LETTER, POWER, POWER_IN, POWER_OUT, RATES, RATES_OF,
    VOLTAGE, in_one_word, plain,
};
use crate::adapters::numbers::number;

/// `[tasmota.keys]`: the owner's own names, looked for before those that are known. Upper and lower case are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// Active power; negative while exporting.
    pub power: Vec<String>,
    /// Counter of energy drawn.
    pub energy_import: Vec<String>,
    /// Counter of energy given.
    pub energy_export: Vec<String>,
    /// Active power of phase 1.
    pub power_phase_1: Vec<String>,
    /// Active power of phase 2.
    pub power_phase_2: Vec<String>,
    /// Active power of phase 3.
    pub power_phase_3: Vec<String>,
    /// What the script writes powers in, such as `kW`; W unless said, or unless a name says it.
    pub power_unit: Option<String>,
    /// What the script writes energies in, such as `Wh`; kWh unless said, or unless a name says it.
    pub energy_unit: Option<String>,
}

/// The numbers of a meter, by plain name, and in one word.
struct Numbers<'a> {
    all: HashMap<String, f64>,
    keys: &'a Keys,
}

impl Keys {
    /// What is wrong with the units, if anything is. The error says what would be right.
    pub(super) fn check(&self) -> Result<(), String> {
        let wrong = |unit: &Option<String>, factor: fn(&str) -> Option<f64>| unit.as_deref().is_some_and(|unit| factor(unit).is_none());
        let said = |unit: &Option<String>| unit.clone().unwrap_or_default();
        if wrong(&self.power_unit, units::watts_per) {
            return Err(format!("power_unit: `{}` is no unit of power; write W or kW", said(&self.power_unit)));
        }
        if wrong(&self.energy_unit, units::kwh_per) {
            return Err(format!("energy_unit: `{}` is no unit of energy; write kWh or Wh", said(&self.energy_unit)));
        }
        Ok(())
    }

    /// What the values of a meter say.
    pub(super) fn read(&self, values: &Map<String, Value>) -> Vec<(Quantity, f64)> {
        let mut all = HashMap::new();
        for (key, value) in values.iter().filter_map(|(key, value)| Some((key, number(value)?))) {
            let key = plain(key);
            if let Some(word) = in_one_word(&key) {
                all.entry(word).or_insert(value);
            }
            all.insert(key, value);
        }
        let numbers = Numbers { all, keys: self };
        let phases = numbers.phases();
        let [phase_1, phase_2, phase_3] = phases;
        let voltage = numbers.bare(VOLTAGE);
        let all = [
            (Quantity::PowerW, numbers.power(&phases)),
            (Quantity::PowerPhase1W, phase_1),
            (Quantity::PowerPhase2W, phase_2),
            (Quantity::PowerPhase3W, phase_3),
            (Quantity::EnergyImportKwh, numbers.counter(&self.energy_import, IMPORT, RATES_OF[0])),
            (Quantity::EnergyExportKwh, numbers.counter(&self.energy_export, EXPORT, RATES_OF[1])),
            (Quantity::VoltageV, voltage),
            // Some scripts call the current power `current`.
            (Quantity::CurrentA, voltage.and_then(|_| numbers.bare(CURRENT))),
            (Quantity::FrequencyHz, numbers.bare(FREQUENCY)),
        ];
        all.into_iter().filter_map(|(quantity, value)| Some((quantity, value?))).collect()
    }
}

impl Numbers<'_> {
    fn value(&self, name: &str) -> Option<f64> {
        let name = plain(name);
        self.all.get(&name).or_else(|| self.all.get(&in_one_word(&name)?)).copied()
    }

    fn bare(&self, names: &[&str]) -> Option<f64> {
        names.iter().find_map(|name| self.value(name))
    }

    /// What one that says no unit is in W.
    fn watts(&self) -> Option<f64> {
        self.keys.power_unit.as_deref().and_then(units::watts_per)
    }

    /// Power by its name, W.
    fn watts_of(&self, name: &str) -> Option<f64> {
        let says_kw = name.starts_with("kw").then_some(1e3);
        let is_in_kw = IN_KW.contains(&name).then_some(1e3);
        let bare = || Some(self.value(name)? * says_kw.or(self.watts()).or(is_in_kw).unwrap_or(1.0));
        let with = |unit: &str, factor: f64| Some(self.value(&format!("{name}_{unit}"))? * factor);
        bare().or_else(|| with("w", 1.0)).or_else(|| with("kw", 1e3))
    }

    /// Energy by its name, kWh.
    fn kwh_of(&self, name: &str) -> Option<f64> {
        let says_kwh = name.starts_with("kwh").then_some(1.0);
        let owners = self.keys.energy_unit.as_deref().and_then(units::kwh_per);
        let with = |unit: &str, factor: f64| Some(self.value(&format!("{name}_{unit}"))? * factor);
        let bare = self.value(name).map(|value| value * says_kwh.or(owners).unwrap_or(1.0));
        bare.or_else(|| with("kwh", 1.0)).or_else(|| with("wh", 1e-3))
    }

    fn own(&self, names: &[String], factor: Option<f64>) -> Option<f64> {
        names.iter().find_map(|name| self.value(name)).map(|value| value * factor.unwrap_or(1.0))
    }

    fn phases(&self) -> [Option<f64>; 3] {
        let keys = self.keys;
        let own = [&keys.power_phase_1, &keys.power_phase_2, &keys.power_phase_3];
        let numbered = |k: usize| PHASES.iter().find_map(|(before, behind)| self.watts_of(&format!("{before}{}{behind}", k + 1)));
        let coded = |k: usize| PHASES_BY_CODE.iter().find_map(|codes| self.watts_of(codes[k]));
        std::array::from_fn(|k| {
            let own = self.own(own[k], self.watts());
            own.or_else(|| numbered(k)).or_else(|| coded(k)).or_else(|| self.watts_of(PHASES_BY_LETTER[k]))
        })
    }

    fn power(&self, phases: &[Option<f64>; 3]) -> Option<f64> {
        let known = |names: &[&str]| names.iter().find_map(|name| self.watts_of(name));
        let both_ways = || known(POWER_IN).map(|drawn| drawn - known(POWER_OUT).unwrap_or(0.0));
        let own = self.own(&self.keys.power, self.watts());
        own.or_else(|| known(POWER)).or_else(both_ways).or_else(|| phases.iter().copied().sum())
    }

    fn counter(&self, own: &[String], names: &[&str], code: &str) -> Option<f64> {
        let owners = self.keys.energy_unit.as_deref().and_then(units::kwh_per);
        // Where all rates are said and not their sum.
        let rates = || {
            let pairs = names.iter().chain([&code]).flat_map(|name| RATES.iter().map(move |rate| format!("{name}{rate}")));
            pairs.into_iter().find_map(|rate| {
                let mut sum = self.kwh_of(&format!("{rate}1"))? + self.kwh_of(&format!("{rate}2"))?;
                (3..=4).map_while(|k| self.kwh_of(&format!("{rate}{k}"))).for_each(|kwh| sum += kwh);
                Some(sum)
            })
        };
        self.own(own, owners).or_else(|| names.iter().find_map(|name| self.kwh_of(name))).or_else(rates)
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
    #[case::four_rates(json!({"energy_import_t1": 1, "energy_import_t2": 2, "energy_import_t3": 3, "energy_import_t4": 4}), &[(Quantity::EnergyImportKwh, 10.0)])]
    #[case::rates_by_code(json!({"1_8_1": 10, "1_8_2": 5.5}), &[(Quantity::EnergyImportKwh, 15.5)])]
    #[case(json!({"Power_cur": null, "Total_in": {}, "Meter_id": "0a01"}), &[])]
    #[case::hyphens(json!({"1-8-0": 7, "2-8-0": 1, "16-7-0": -90}), &[(Quantity::PowerW, -90.0), (Quantity::EnergyImportKwh, 7.0), (Quantity::EnergyExportKwh, 1.0)])]
    #[case::run_together(json!({"TotalIn": 7, "TotalOut": 1, "CurrPower": 5}), &[(Quantity::PowerW, 5.0), (Quantity::EnergyImportKwh, 7.0), (Quantity::EnergyExportKwh, 1.0)])]
    #[case::units_in_names(json!({"Total_in_Wh": 7500, "Power_kW": 0.5}), &[(Quantity::PowerW, 500.0), (Quantity::EnergyImportKwh, 7.5)])]
    #[case::kw_by_code(json!({"1_8_0": 7, "1_7_0": 0.5, "21_7_0": 0.25}), &[(Quantity::PowerW, 500.0), (Quantity::PowerPhase1W, 250.0), (Quantity::EnergyImportKwh, 7.0)])]
    #[case::kw_by_name(json!({"kWh_IN": 7, "kW_IN": 0.5}), &[(Quantity::PowerW, 500.0), (Quantity::EnergyImportKwh, 7.0)])]
    #[case::the_sum_of_both_directions_comes_last(json!({"energy_total": 9, "energy_imported": 7, "energy_exported": 2}), &[(Quantity::EnergyImportKwh, 7.0), (Quantity::EnergyExportKwh, 2.0)])]
    #[case::a_counter_that_is_called_power(json!({"Power_T1": 5, "Power_T2": 6, "Power_Sum": 11, "Power_Use_Sum": 230}), &[(Quantity::PowerW, 230.0)])]
    #[case::given_power_has_a_key_of_its_own(json!({"Momentanleistung": 0, "Einspeiseleistung": 250}), &[(Quantity::PowerW, -250.0)])]
    #[case::power_that_is_called_current(json!({"total": 5, "current": 230}), &[(Quantity::EnergyImportKwh, 5.0)])]
    #[case::a_pin_is_no_power(json!({"PIN": 1234, "Ein": 1, "Total_in": 5}), &[(Quantity::EnergyImportKwh, 5.0)])]
    #[case::a_sign_is_part_of_a_name(json!({"Zaehlerstand": 5, "-P": 230, "Bezug": 0.2}), &[(Quantity::EnergyImportKwh, 5.0)])]
    fn keys_of_many_scripts_are_known(#[case] values: Value, #[case] read: &[(Quantity, f64)]) {
        assert_eq!(Keys::default().read(values.as_object().unwrap()), read);
    }

    #[test]
    fn the_owners_keys_come_first() {
        let keys = Keys { power: vec!["Netz".to_owned()], power_phase_3: vec!["drei".to_owned()], ..Keys::default() };
        let values = json!({"Power": 5, "netz": 7, "Drei": 1});
        assert_eq!(keys.read(values.as_object().unwrap()), [(Quantity::PowerW, 7.0), (Quantity::PowerPhase3W, 1.0)]);
    }

    #[test]
    fn the_owner_says_the_units_of_his_script() {
        let keys = Keys { power_unit: Some("kW".to_owned()), energy_unit: Some("Wh".to_owned()), ..Keys::default() };
        let values = json!({"Power_Total": 0.41, "Power_L1": 0.2, "1_8_0": 7500, "2_8_0_kWh": 2, "kW_L2": 0.1});
        let read = [
            (Quantity::PowerW, 410.0),
            (Quantity::PowerPhase1W, 200.0),
            (Quantity::PowerPhase2W, 100.0),
            (Quantity::EnergyImportKwh, 7.5),
            (Quantity::EnergyExportKwh, 2.0),
        ];
        assert_eq!((keys.read(values.as_object().unwrap()), keys.check()), (read.to_vec(), Ok(())));
        let wrong = Keys { power_unit: Some("kWh".to_owned()), ..Keys::default() };
        assert!(wrong.check().is_err_and(|why| why.starts_with("power_unit: `kWh`") && why.contains("kW")));
        let wrong = Keys { energy_unit: Some("kW".to_owned()), ..Keys::default() };
        assert!(wrong.check().is_err_and(|why| why.starts_with("energy_unit: `kW`")));
    }
}
