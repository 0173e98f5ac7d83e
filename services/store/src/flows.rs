//! Which series say what comes into the home and what leaves it.

use std::collections::HashMap;

use wattribute_domain::{Home, Quantity, Role, SeriesId, SeriesInfo};

use crate::{OURS, Powers, Result, Store, house};

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

        // The powers of the grid: what the house's expression reads, apart from sun and battery. Where it reads nothing of these, the grid is the
        // house: three phases are one connection, and are counted together.
        let is_own = |id: &SeriesId| powers.info(*id).is_some_and(|info| matches!(info.role, Some(Role::Solar | Role::Battery)));
        let grid: Vec<(SeriesId, bool)> = match &house_record {
            Some(record) if record.inputs.iter().any(is_own) => {
                let is_grid = |id: &SeriesId| !is_own(id) && powers.info(*id).is_some_and(|i| i.quantity == Quantity::PowerW);
                let signed = |id: SeriesId| (id, powers.info(id).is_some_and(|info| is_taken_off(&record.label, &info.entity_id())));
                record.inputs.iter().copied().filter(is_grid).map(signed).collect()
            }
            _ => house_id.into_iter().map(|id| (id, false)).collect(),
        };
        let solar_powers = of_role(Role::Solar, Quantity::PowerW);
        let drawn = |ids: &[SeriesId]| ids.iter().map(|id| Flow::Drawn(*id)).collect::<Vec<_>>();
        // A sensor of export counts above 0 what others count below.
        let into = grid.iter().map(|&(id, is_off)| if is_off { Flow::Given(id) } else { Flow::Drawn(id) }).collect::<Vec<_>>();
        let out = grid.iter().map(|&(id, is_off)| if is_off { Flow::Drawn(id) } else { Flow::Given(id) }).collect::<Vec<_>>();

        let import = or(counters(&told.grid_import_energy), counted(Role::WholeHouse, Quantity::EnergyImportKwh));
        let export = or(counters(&told.grid_export_energy), counted(Role::WholeHouse, Quantity::EnergyExportKwh));
        let solar = or(counters(&told.solar_energy), counted(Role::Solar, Quantity::EnergyImportKwh));
        let is_counted = !import.is_empty();
        Ok(Flows {
            import_by_power: if is_counted { into.clone() } else { Vec::new() },
            export: if is_counted || !export.is_empty() { export } else { out },
            import: or(import, into),
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

/// Whether an expression such as `sensor.import - 0.5 * sensor.export` takes an entity off.
fn is_taken_off(expression: &str, entity: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let found = expression.match_indices(entity).find(|(at, _)| {
        let (before, after) = (&expression[..*at], &expression[at + entity.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    });
    let Some((at, _)) = found else { return false };
    let before = expression[..at].trim_end();
    let before = before.strip_suffix('*').map_or(before, |factor| factor.trim_end().trim_end_matches(is_part).trim_end());
    before.ends_with('-')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use crate::{Origin, open};
    use rstest::rstest;
    use wattribute_domain::HouseRecord;

    #[rstest]
    #[case("sensor.import", false)]
    #[case("sensor.export", true)]
    #[case("sensor.export_2", true)]
    #[case("sensor.pv", false)]
    #[case("sensor.none", false)]
    fn what_is_taken_off_is_known(#[case] entity: &str, #[case] is_off: bool) {
        let expression = "sensor.import - sensor.export - 0.001*sensor.export_2 + sensor.pv";
        assert_eq!(is_taken_off(expression, entity), is_off);
    }

    /// A home whose house is worked out from powers of these names; the last is the sun's where it is called so.
    async fn flows(label: &str, names: &[&str]) -> (Flows, Vec<SeriesId>) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&format!("sqlite:{}/home.db", folder.path().display()), Origin::Home).unwrap();
        let role = |name: &str| (name == "sensor.pv").then_some(Role::Solar);
        let info = |name: &&str| SeriesInfo { role: role(name), ..SeriesInfo::new("home_assistant", name, Quantity::PowerW) };
        let mut infos: Vec<SeriesInfo> = names.iter().map(info).collect();
        infos.push(SeriesInfo::new(OURS, "house", Quantity::PowerW));
        let ids = store.describe(infos).await.unwrap();
        let record = HouseRecord {
            label: label.to_owned(),
            why: String::new(),
            series: ids[names.len()],
            inputs: ids[..names.len()].to_vec(),
            metered: Default::default(),
            baseline_w: None,
            interval_s: 5.0,
            lag_s: None,
            guard_before_s: None,
            guard_after_s: None,
            candidates: vec![],
            provisional_s: 10.0,
            final_s: 20.0,
            notes: vec![],
        };
        store.put_documents(vec![("house".to_owned(), serde_json::to_string(&record).unwrap())]).await.unwrap();
        (Flows::find(&*store, &Home::default()).await.unwrap(), ids)
    }

    #[tokio::test]
    async fn a_sensor_of_export_is_no_import() {
        let names = ["sensor.import", "sensor.export", "sensor.pv"];
        let (flows, ids) = flows("sensor.import - sensor.export + sensor.pv", &names).await;
        assert_eq!(flows.import, [Flow::Drawn(ids[0]), Flow::Given(ids[1])]);
        assert_eq!(flows.export, [Flow::Given(ids[0]), Flow::Drawn(ids[1])]);
        assert_eq!((flows.solar, flows.has_battery), (vec![Flow::Drawn(ids[2])], false));
    }

    #[tokio::test]
    async fn three_phases_are_one_connection() {
        let (flows, ids) = flows("sensor.a + sensor.b + sensor.c", &["sensor.a", "sensor.b", "sensor.c"]).await;
        assert_eq!((flows.import, flows.export), (vec![Flow::Drawn(ids[3])], vec![Flow::Given(ids[3])]));
    }
}
