//! Which series say what comes into the home and what leaves it.

use std::collections::HashMap;

use wattribute_domain::{Home, Quantity, Role, SeriesId, SeriesInfo};
use wattribute_store::{OURS, Powers, Result, Store, house};

/// A series and the way energy is read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flow {
    /// A counter, kWh.
    Counter(SeriesId),
    /// What a power is above 0, W.
    Drawn(SeriesId),
    /// What a power is below 0, W.
    Given(SeriesId),
}

impl Flow {
    /// Its series.
    pub fn series(self) -> SeriesId {
        match self {
            Flow::Counter(id) | Flow::Drawn(id) | Flow::Given(id) => id,
        }
    }
}

/// What the home's energy is read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flows {
    /// From the grid.
    pub import: Vec<Flow>,
    /// To the grid.
    pub export: Vec<Flow>,
    /// From the sun.
    pub solar: Vec<Flow>,
    /// Into the house, by its power.
    pub house: Vec<Flow>,
    /// Whether there is a battery: then what is used is not import, sun and export alone.
    pub has_battery: bool,
    /// The same by power, where `import` counts: to see whether both agree.
    pub import_by_power: Vec<Flow>,
}

impl Flows {
    /// Looks for counters that Home Assistant's Energy dashboard was told or that have a role, else for powers.
    pub async fn find(store: &dyn Store, home: &Home) -> Result<Self> {
        let powers = Powers::read_series(store).await?;
        let house_record = house(store).await?;
        let house_id = match &house_record {
            Some(record) => Some(record.series),
            None => powers.house(store).await?,
        };
        let told = home.energy_preferences.clone().unwrap_or_default();
        let known: HashMap<(&str, Quantity), SeriesId> =
            powers.series.iter().rev().map(|(id, info)| ((info.device.as_str(), info.quantity), *id)).collect();
        let counters = |names: &[String]| -> Vec<Flow> {
            let counter = |name: &String| {
                let of = |quantity| known.get(&(name.as_str(), quantity)).copied();
                of(Quantity::EnergyImportKwh).or_else(|| of(Quantity::EnergyExportKwh)).map(Flow::Counter)
            };
            let found: Vec<Flow> = names.iter().filter_map(counter).collect();
            // Half of the counters would be half of the energy.
            if found.len() == names.len() { found } else { Vec::new() }
        };
        let of_role = |role: Role, quantity: Quantity| -> Vec<SeriesId> {
            let is_it = |(_, info): &&(SeriesId, SeriesInfo)| info.role == Some(role) && info.quantity == quantity && info.source != OURS;
            powers.series.iter().filter(is_it).map(|(id, _)| *id).collect()
        };
        let counted = |role, quantity| of_role(role, quantity).into_iter().map(Flow::Counter).collect::<Vec<_>>();
        let or = |first: Vec<Flow>, second: Vec<Flow>| if first.is_empty() { second } else { first };

        // The powers of the grid: what the house's expression reads, apart from sun and battery.
        let is_grid = |id: &SeriesId| {
            powers.info(*id).is_some_and(|i| i.quantity == Quantity::PowerW && !matches!(i.role, Some(Role::Solar | Role::Battery)))
        };
        let inputs = house_record.map(|record| record.inputs).unwrap_or_default();
        let grid: Vec<SeriesId> = inputs.iter().copied().filter(|id| is_grid(id)).collect();
        let grid = if grid.is_empty() { house_id.into_iter().collect() } else { grid };
        let solar_powers = of_role(Role::Solar, Quantity::PowerW);
        let drawn = |ids: &[SeriesId]| ids.iter().map(|id| Flow::Drawn(*id)).collect::<Vec<_>>();
        let given = |ids: &[SeriesId]| ids.iter().map(|id| Flow::Given(*id)).collect::<Vec<_>>();

        let import = or(counters(&told.grid_import_energy), counted(Role::WholeHouse, Quantity::EnergyImportKwh));
        let export = or(counters(&told.grid_export_energy), counted(Role::WholeHouse, Quantity::EnergyExportKwh));
        let solar = or(counters(&told.solar_energy), counted(Role::Solar, Quantity::EnergyImportKwh));
        let is_counted = !import.is_empty();
        Ok(Flows {
            import_by_power: if is_counted && grid.len() == 1 { drawn(&grid) } else { Vec::new() },
            export: if is_counted || !export.is_empty() { export } else { given(&grid) },
            import: or(import, drawn(&grid)),
            solar: or(solar, drawn(&solar_powers)),
            house: house_id.into_iter().map(Flow::Drawn).collect(),
            has_battery: !told.battery_power.is_empty() || !of_role(Role::Battery, Quantity::PowerW).is_empty(),
        })
    }

    /// Whether what the home used is import and sun less export: where all of these are counted and no battery stands between.
    pub fn adds_up(&self) -> bool {
        let is_counter = |flow: &Flow| matches!(flow, Flow::Counter(_));
        !self.has_battery && !self.import.is_empty() && self.import.iter().chain(&self.export).chain(&self.solar).all(is_counter)
    }
}
