//! The settings of the Energy dashboard, in each form they have had since 2021: grids with lists of flows (until 2026), grids
//! that are one connection each, and either with power sensors.

use serde::Deserialize;
use wattribute_domain::EnergyPreferences;

/// `.storage/energy`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Energy {
    energy_sources: Vec<Source>,
    device_consumption: Vec<Device>,
}

/// A grid, solar or battery source, or one flow of a grid.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    r#type: String,
    flow_from: Vec<Source>,
    flow_to: Vec<Source>,
    power: Vec<Source>,
    stat_energy_from: Option<String>,
    stat_energy_to: Option<String>,
    stat_rate: Option<String>,
    power_config: Option<PowerConfig>,
    number_energy_price: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PowerConfig {
    stat_rate: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Device {
    stat_consumption: Option<String>,
}

impl Source {
    /// Its power sensor, and those of the lists in it.
    fn powers(&self) -> Vec<String> {
        let own = self.stat_rate.clone().or_else(|| self.power_config.as_ref()?.stat_rate.clone());
        own.into_iter().chain(self.power.iter().flat_map(Source::powers)).collect()
    }
}

/// What the Energy dashboard was told, from the answer to `energy/get_prefs`; `None` where it is of another shape.
pub(crate) fn energy_preferences(answer: &serde_json::Value) -> Option<EnergyPreferences> {
    Energy::deserialize(answer).ok().map(EnergyPreferences::from)
}

impl From<Energy> for EnergyPreferences {
    fn from(energy: Energy) -> Self {
        let mut found = EnergyPreferences::default();
        for source in &energy.energy_sources {
            match source.r#type.as_str() {
                "grid" => {
                    found.grid_power.extend(source.powers());
                    for flow in std::iter::once(source).chain(&source.flow_from) {
                        found.grid_import_energy.extend(flow.stat_energy_from.clone());
                        found.price_per_kwh = found.price_per_kwh.or(flow.number_energy_price);
                    }
                    let exports = std::iter::once(source).chain(&source.flow_to);
                    found.grid_export_energy.extend(exports.filter_map(|flow| flow.stat_energy_to.clone()));
                }
                "solar" | "wind" => {
                    found.solar_power.extend(source.powers());
                    found.solar_energy.extend(source.stat_energy_from.clone());
                }
                "battery" => found.battery_power.extend(source.powers()),
                _ => {}
            }
        }
        found.device_energy = energy.device_consumption.into_iter().filter_map(|device| device.stat_consumption).collect();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferences(json: &str) -> EnergyPreferences {
        serde_json::from_str::<Energy>(json).unwrap().into()
    }

    #[test]
    fn a_grid_with_lists_of_flows_and_one_that_is_a_connection_say_the_same() {
        let lists = r#"{"energy_sources":[{"type":"grid","flow_from":[{"stat_energy_from":"sensor.in","stat_cost":null,"number_energy_price":0.31}],
            "flow_to":[{"stat_energy_to":"sensor.out","number_energy_price":0.08}],"power":[{"stat_rate":"sensor.grid_power"}],"cost_adjustment_day":0}],
            "device_consumption":[{"stat_consumption":"sensor.washer_energy","name":"Washer"}]}"#;
        let flat = r#"{"energy_sources":[{"type":"grid","stat_energy_from":"sensor.in","stat_energy_to":"sensor.out","stat_rate":"sensor.grid_power",
            "number_energy_price":0.31,"number_energy_price_export":0.08,"cost_adjustment_day":0.0}],
            "device_consumption":[{"stat_consumption":"sensor.washer_energy"}],"device_consumption_water":[]}"#;
        let wanted = EnergyPreferences {
            grid_power: vec!["sensor.grid_power".to_owned()],
            grid_import_energy: vec!["sensor.in".to_owned()],
            grid_export_energy: vec!["sensor.out".to_owned()],
            device_energy: vec!["sensor.washer_energy".to_owned()],
            price_per_kwh: Some(0.31),
            ..EnergyPreferences::default()
        };
        assert_eq!(preferences(lists), wanted);
        assert_eq!(preferences(flat), wanted);
    }

    #[test]
    fn solar_and_battery_are_told_apart_and_gas_is_passed_over() {
        let found = preferences(
            r#"{"energy_sources":[{"type":"solar","stat_energy_from":"sensor.pv_energy","stat_rate":"sensor.pv_power","config_entry_solar_forecast":null},
            {"type":"battery","stat_energy_from":"sensor.b_out","stat_energy_to":"sensor.b_in","power_config":{"stat_rate":"sensor.b_power"}},
            {"type":"gas","stat_energy_from":"sensor.gas"}]}"#,
        );
        assert_eq!(found.solar_power, ["sensor.pv_power"]);
        assert_eq!(found.solar_energy, ["sensor.pv_energy"]);
        assert_eq!(found.battery_power, ["sensor.b_power"]);
        assert!(found.grid_import_energy.is_empty() && found.grid_export_energy.is_empty());
    }
}
