//! Which entities are read, as what, and why.

use std::collections::HashSet;

use globset::GlobSet;
use wattribute_domain::{Attributes, Quantity, Role, SeriesInfo, entities_of, may_switch_a_load, units};
use wattribute_service::home_assistant::Config;

use super::prices::money;
use super::snapshot::Snapshot;
use super::wire::Said;
use crate::adapters::AdapterError;
use crate::adapters::history::patterns;

/// Names that the whole house has where nobody said otherwise, most likely first.
pub(crate) const WHOLE_HOUSE: [&str; 4] = ["sensor.total_power", "sensor.power_total", "sensor.home_power", "sensor.power_consumption"];

/// Integrations whose sensors of power and energy are forecasts.
const FORECASTS: [&str; 3] = ["forecast_solar", "solcast_solar", "open_meteo_solar_forecast"];

/// An entity that is read.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub info: SeriesInfo,
    /// What one of its unit is in the unit of its quantity.
    pub factor: f64,
    pub why: &'static str,
}

/// What the owner wants read.
pub(super) struct Rules {
    include: Option<Wanted>,
    exclude: Wanted,
    /// Entities of the expression that is the whole house.
    meter: HashSet<String>,
    /// Entities that tariffs name.
    pub tariffs: HashSet<String>,
}

struct Wanted {
    ids: GlobSet,
    areas: Vec<String>,
    labels: Vec<String>,
}

impl Rules {
    pub fn new(config: &Config) -> Result<Self, AdapterError> {
        Ok(Rules {
            include: if config.include.is_empty() { None } else { Some(Wanted::new(&config.include)?) },
            exclude: Wanted::new(&config.exclude)?,
            meter: config.meter.iter().flat_map(|meter| entities_of(meter)).map(str::to_ascii_lowercase).collect(),
            tariffs: HashSet::new(),
        })
    }

    /// As what an entity is read; `None`: it is not.
    pub fn candidate(&self, snapshot: &Snapshot, entity_id: &str, said: &Said) -> Option<Candidate> {
        if is_ours(snapshot, entity_id, said) {
            return None;
        }
        let is_meter = self.meter.contains(entity_id);
        let is_tariff = self.tariffs.contains(entity_id);
        if !is_meter && !is_tariff && self.exclude.holds(snapshot, entity_id) {
            return None;
        }
        let unit = said.attributes.unit_of_measurement.as_str();
        let entry = snapshot.entries.get(entity_id);
        let price = snapshot.prices.contains(entity_id);
        let (quantity, factor, why) = match quantity_of(entity_id, &said.attributes) {
            _ if is_tariff => (Quantity::PricePerKwh, price_factor(unit), "price of a tariff"),
            _ if price => (Quantity::PricePerKwh, price_factor(unit), "price in the Energy dashboard"),
            Some(Quantity::PricePerKwh) if !is_meter => (Quantity::PricePerKwh, price_factor(unit), "price"),
            Some(Quantity::Level) if !is_meter => {
                if self.include.as_ref().is_some_and(|include| !include.holds(snapshot, entity_id)) {
                    return None;
                }
                (Quantity::Level, 1.0, "may switch a load")
            }
            Some(Quantity::PowerW) => {
                (Quantity::PowerW, factor(Quantity::PowerW, unit), if is_meter { "named as meter" } else { "power sensor" })
            }
            Some(quantity) if !matches!(quantity, Quantity::Level | Quantity::PricePerKwh) => {
                let exported = snapshot.preferences.grid_export_energy.iter().any(|id| id == entity_id);
                let quantity = if exported { Quantity::EnergyExportKwh } else { quantity };
                (quantity, factor(quantity, unit), if is_meter { "named as meter" } else { "energy counter" })
            }
            _ if is_meter => (Quantity::PowerW, 1.0, "named as meter"),
            _ => return None,
        };
        if !is_meter && quantity != Quantity::PricePerKwh && entry.is_some_and(|entry| FORECASTS.contains(&entry.platform.as_str())) {
            return None;
        }
        let mut info = SeriesInfo::new(super::NAME, entity_id, quantity);
        if let Some(entry) = entry.filter(|entry| !entry.unique_id.is_empty()) {
            // Home Assistant holds a platform's ids unique within a domain only.
            info.identity = format!("{}.{}.{}", info.domain(), entry.platform, entry.unique_id);
        }
        info.name = said.attributes.friendly_name.as_str().map(str::to_owned);
        info.device_id = entry.and_then(|entry| entry.device_id.clone());
        info.area = snapshot.area(entity_id).map(str::to_owned);
        info.device_class = said.attributes.device_class.as_str().map(str::to_owned);
        info.state_class = said.attributes.state_class.as_str().map(str::to_owned);
        info.role = self.role(snapshot, entity_id, quantity);
        Some(Candidate { info, factor, why })
    }

    fn role(&self, snapshot: &Snapshot, entity_id: &str, quantity: Quantity) -> Option<Role> {
        if quantity == Quantity::Level || quantity == Quantity::PricePerKwh {
            return None;
        }
        let preferences = &snapshot.preferences;
        let named = |list: &[String]| list.iter().any(|id| id == entity_id);
        if named(&preferences.solar_power) || named(&preferences.solar_energy) {
            Some(Role::Solar)
        } else if named(&preferences.battery_power) {
            Some(Role::Battery)
        } else if self.meter.contains(entity_id)
            || named(&preferences.grid_power)
            || named(&preferences.grid_import_energy)
            || named(&preferences.grid_export_energy)
        {
            Some(Role::WholeHouse)
        } else if named(&preferences.device_energy) {
            Some(Role::Device)
        } else if self.meter.is_empty() && preferences.grid_power.is_empty() && WHOLE_HOUSE.contains(&entity_id) {
            Some(Role::WholeHouse)
        } else {
            (quantity == Quantity::PowerW && entity_id.starts_with("sensor.power_")).then_some(Role::Circuit)
        }
    }
}

impl Wanted {
    fn new(words: &[String]) -> Result<Self, AdapterError> {
        let after = |prefix: &str| -> Vec<String> {
            words.iter().filter_map(|word| word.trim().to_lowercase().strip_prefix(prefix).map(|name| name.trim().to_owned())).collect()
        };
        let (areas, labels) = (after("area:"), after("label:"));
        let ids: Vec<String> = words.iter().filter(|word| !word.contains(':')).cloned().collect();
        if ids.len() + areas.len() + labels.len() < words.len() {
            let word = words.iter().find(|word| word.contains(':') && !is_tagged(word)).map_or("", String::as_str);
            return Err(AdapterError::Unsupported(format!(
                "bad pattern `{word}` in [home_assistant]: write area:NAME, label:NAME, an entity, a glob or a domain"
            )));
        }
        let ids = patterns(&ids).map_err(|e| AdapterError::Unsupported(format!("include or exclude of [home_assistant]: {e}")))?;
        Ok(Wanted { ids, areas, labels })
    }

    fn holds(&self, snapshot: &Snapshot, entity_id: &str) -> bool {
        self.ids.is_match(entity_id)
            || (!self.areas.is_empty() && snapshot.area(entity_id).is_some_and(|area| self.areas.contains(&area.to_lowercase())))
            || (!self.labels.is_empty() && snapshot.labels_of(entity_id).iter().any(|label| self.labels.contains(&label.to_lowercase())))
    }
}

fn is_tagged(word: &str) -> bool {
    let word = word.trim().to_lowercase();
    word.starts_with("area:") || word.starts_with("label:")
}

/// Whether Wattribute itself made the entity: what it publishes is never read back.
pub(super) fn is_ours(snapshot: &Snapshot, entity_id: &str, said: &Said) -> bool {
    let by_name = ["sensor.wattribute_", "binary_sensor.wattribute_"].iter().any(|prefix| entity_id.starts_with(prefix));
    let entry = snapshot.entries.get(entity_id);
    let by_registry = entry.is_some_and(|entry| {
        let by_device = entry.device_id.as_ref().and_then(|id| snapshot.devices.get(id)).is_some_and(|device| device.ours);
        by_device || (entry.platform == "mqtt" && entry.unique_id.starts_with("wattribute_"))
    });
    said.ours || by_name || by_registry
}

/// What an entity tells, as its id and attributes say; `None`: nothing that is read.
pub(super) fn quantity_of(entity_id: &str, attributes: &Attributes) -> Option<Quantity> {
    let unit = attributes.unit_of_measurement.as_str();
    let class = attributes.device_class.as_str();
    if entity_id.starts_with("sensor.") || entity_id.starts_with("input_number.") || entity_id.starts_with("number.") {
        let is_sensor = entity_id.starts_with("sensor.");
        match (class, unit) {
            (Some("apparent_power" | "reactive_power" | "energy_storage" | "reactive_energy"), _) => return None,
            (_, Some(unit)) if unit.trim().ends_with("VA") || unit.trim().ends_with("VAh") => return None,
            (Some("power"), Some(unit)) if is_sensor => return units::watts_per(unit).map(|_| Quantity::PowerW),
            (Some("power"), None) if is_sensor => return Some(Quantity::PowerW),
            (Some("energy"), Some(unit)) if is_sensor => return units::kwh_per(unit).map(|_| Quantity::EnergyImportKwh),
            (None | Some("monetary"), Some(unit)) if is_sensor && is_price(unit) => return Some(Quantity::PricePerKwh),
            (None, Some(unit)) if is_sensor && units::watts_per(unit).is_some() => return Some(Quantity::PowerW),
            (None, Some(unit)) if is_sensor && units::kwh_per(unit).is_some() => return Some(Quantity::EnergyImportKwh),
            _ => {}
        }
    }
    may_switch_a_load(entity_id, class).then_some(Quantity::Level)
}

/// What one of `unit` is in the unit of `quantity`.
pub(super) fn factor(quantity: Quantity, unit: Option<&str>) -> f64 {
    let known = match quantity {
        Quantity::PowerW => unit.and_then(units::watts_per),
        Quantity::EnergyImportKwh | Quantity::EnergyExportKwh => unit.and_then(units::kwh_per),
        Quantity::PricePerKwh => Some(price_factor(unit)),
        _ => None,
    };
    known.unwrap_or(1.0)
}

/// Whether a unit is that of a price of energy: `EUR/kWh`, `ct/kWh`, `kr/MWh`, not `g/kWh`.
fn is_price(unit: &str) -> bool {
    let energy = |unit: &str| matches!(unit.trim(), "Wh" | "kWh" | "MWh" | "GWh");
    unit.split_once('/').is_some_and(|(word, per)| energy(per) && money(word).is_some())
}

/// What one of a price's unit (`EUR/kWh`, `ct/kWh`, `EUR/MWh`) is in the currency a kWh.
fn price_factor(unit: Option<&str>) -> f64 {
    let Some((word, energy)) = unit.and_then(|unit| unit.split_once('/')) else { return 1.0 };
    let per_kwh = units::kwh_per(energy.trim()).filter(|kwh| *kwh > 0.0).unwrap_or(1.0);
    money(word).unwrap_or(1.0) / per_kwh
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("EUR/kWh", Some(1.0))]
    #[case("€/kWh", Some(1.0))]
    #[case("ct/kWh", Some(0.01))]
    #[case("p/kWh", Some(0.01))]
    #[case("öre/kWh", Some(0.01))]
    #[case("EUR/MWh", Some(0.001))]
    #[case("SEK/MWh", Some(0.001))]
    #[case("g/kWh", None)]
    #[case("gCO2eq/kWh", None)]
    #[case("EUR", None)]
    #[case("EUR/m³", None)]
    #[case("L/kWh", None)]
    fn a_price_is_known_by_its_unit(#[case] unit: &str, #[case] factor: Option<f64>) {
        for class in [json!(null), json!("monetary")] {
            let attributes = super::super::wire::attributes_of(&json!({"unit_of_measurement": unit, "device_class": class}));
            let quantity = quantity_of("sensor.a", &attributes);
            assert_eq!(quantity.filter(|q| *q == Quantity::PricePerKwh).map(|_| price_factor(Some(unit))), factor);
        }
    }
}
