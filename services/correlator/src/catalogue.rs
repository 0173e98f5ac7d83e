//! Which series there are, and what the engine sees of them.

use std::collections::{BTreeMap, BTreeSet};

use wattribute_domain::{Entity, History, Hold, Home, Level, Quantity, Said, Sensor, Series, SeriesId, SeriesInfo};
use wattribute_store::{Result, Store, home};

/// Source of the series that are computed here.
pub const OURS: &str = "wattribute";

/// All series of a store, apart from our own.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    series: BTreeMap<SeriesId, SeriesInfo>,
    /// What Home Assistant says of the home.
    pub home: Home,
}

/// Intervals that a polled or pushed value holds for.
const HELD_INTERVALS: i64 = 3;

impl Catalogue {
    /// Reads what there is.
    pub async fn read(store: &dyn Store) -> Result<Self> {
        let series = store.series().await?.into_iter().filter(|(_, info)| info.source != OURS).collect();
        let home = home(store).await?;
        Ok(Catalogue { series, home })
    }

    /// What is known of a series.
    pub fn info(&self, id: SeriesId) -> Option<&SeriesInfo> {
        self.series.get(&id)
    }

    /// Everything that may switch a load. A helper named like a load is that load by another name: were it one of its own, nothing the
    /// load does would ever be seen alone.
    pub fn levels(&self) -> Vec<SeriesId> {
        let all = || self.series.iter().filter(|(_, info)| info.quantity == Quantity::Level);
        let is_helper = |info: &SeriesInfo| info.domain() == "input_boolean";
        let loads: BTreeSet<(&str, &str)> = all().filter(|(_, info)| !is_helper(info)).map(|(_, info)| name(info)).collect();
        all().filter(|(_, info)| !(is_helper(info) && loads.contains(&name(info)))).map(|(id, _)| *id).collect()
    }

    /// Every sensor of power or energy.
    pub fn sensors(&self) -> Vec<SeriesId> {
        let measures =
            |info: &SeriesInfo| matches!(info.quantity, Quantity::PowerW | Quantity::EnergyImportKwh | Quantity::EnergyExportKwh);
        self.series.iter().filter(|(_, info)| measures(info)).map(|(id, _)| *id).collect()
    }

    /// The sensors of these names (as [`sensor_name`] gives them).
    pub fn sensors_named(&self, names: &[String]) -> Vec<SeriesId> {
        self.sensors().into_iter().filter(|id| self.series.get(id).is_some_and(|info| names.contains(&sensor_name(info)))).collect()
    }

    /// The level series of an entity.
    pub fn level_named(&self, entity_id: &str) -> Option<SeriesId> {
        let is_it = |info: &SeriesInfo| info.quantity == Quantity::Level && sensor_name(info) == entity_id;
        self.series.iter().find(|(_, info)| is_it(info)).map(|(id, _)| *id)
    }

    /// An entity of the engine, with nothing said yet.
    pub fn entity(&self, id: SeriesId, rows: &Series) -> Option<Entity> {
        let info = self.series.get(&id)?;
        let said = rows.at_ms.iter().zip(&rows.value).map(|(&at_ms, &value)| Said { at_ms, level: Level::of_number(value) });
        Some(Entity {
            entity_id: sensor_name(info),
            name: info.name.clone(),
            device_id: info.device_id.clone(),
            modes: info.modes.clone(),
            said: said.collect(),
        })
    }

    /// A sensor of the engine.
    pub fn sensor(&self, id: SeriesId, rows: Series) -> Option<Sensor> {
        let info = self.series.get(&id)?;
        let is_power = info.quantity == Quantity::PowerW;
        let readings = if info.hold == Hold::Intervals { end_silences(rows) } else { rows };
        Some(Sensor {
            entity_id: sensor_name(info),
            name: info.name.clone(),
            device_id: info.device_id.clone(),
            unit: Some(if is_power { "W" } else { "kWh" }.to_owned()),
            device_class: Some(if is_power { "power" } else { "energy" }.to_owned()),
            state_class: info.state_class.clone(),
            readings,
        })
    }

    /// What was said in `[from_ms, to_ms)` by these series.
    pub async fn history(&self, store: &dyn Store, ids: &[SeriesId], from_ms: i64, to_ms: i64) -> Result<History> {
        let mut history = self.nobody();
        for &id in ids {
            let rows = store.readings(id, from_ms, to_ms).await?;
            self.add(&mut history, id, rows);
        }
        Ok(history)
    }

    /// A history in which nothing was said.
    pub fn nobody(&self) -> History {
        History {
            energy_preferences: self.home.energy_preferences.clone(),
            time_zone: self.home.time_zone.clone(),
            currency: self.home.currency.clone(),
            ..History::default()
        }
    }

    /// Adds what a series said.
    pub fn add(&self, history: &mut History, id: SeriesId, rows: Series) {
        match self.series.get(&id).map(|info| info.quantity) {
            Some(Quantity::Level) => history.entities.extend(self.entity(id, &rows)),
            Some(_) => history.sensors.extend(self.sensor(id, rows)),
            None => {}
        }
    }
}

/// What the engine calls a series: the entity's id, or the device with its source where it is not Home Assistant's.
pub fn sensor_name(info: &SeriesInfo) -> String {
    match info.source.as_str() {
        "home_assistant" | "demo" => info.device.clone(),
        source => format!("{source}.{}", info.device),
    }
}

/// Source and name of what is switched: `hall` of `light.hall`.
fn name(info: &SeriesInfo) -> (&str, &str) {
    (&info.source, info.device.split_once('.').map_or(info.device.as_str(), |(_, object)| object))
}

/// Ends what a polled or pushed device said after three of its usual intervals of silence.
fn end_silences(rows: Series) -> Series {
    let mut gaps: Vec<i64> = rows.at_ms.windows(2).map(|w| w[1] - w[0]).collect();
    if gaps.is_empty() {
        return rows;
    }
    let middle = gaps.len() / 2;
    let usual_ms = (*gaps.select_nth_unstable(middle).1).max(1000);
    let mut out = Series::default();
    for (k, (&at_ms, &value)) in rows.at_ms.iter().zip(&rows.value).enumerate() {
        out.push(at_ms, value);
        if rows.at_ms.get(k + 1).is_some_and(|&next| next - at_ms > HELD_INTERVALS * usual_ms) {
            out.push(at_ms + HELD_INTERVALS * usual_ms, f64::NAN);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_named_like_a_load_is_that_load() {
        let devices = ["input_boolean.kettle", "switch.kettle", "input_boolean.guests", "sensor.kettle", "light.kettle"];
        let info = |device: &&str| {
            let quantity = if device.starts_with("sensor") { Quantity::PowerW } else { Quantity::Level };
            SeriesInfo::new("home_assistant", device, quantity)
        };
        let series = devices.iter().zip(0..).map(|(device, id)| (SeriesId(id), info(device))).collect();
        let catalogue = Catalogue { series, home: Home::default() };
        assert_eq!(catalogue.levels(), [SeriesId(1), SeriesId(2), SeriesId(4)]);
    }

    #[test]
    fn a_polled_value_holds_for_three_intervals() {
        let rows = Series { at_ms: vec![0, 5_000, 10_000, 60_000, 65_000], value: vec![1.0, 2.0, 3.0, 4.0, 5.0] };
        let ended = end_silences(rows);
        assert_eq!(ended.at_ms, [0, 5_000, 10_000, 25_000, 60_000, 65_000]);
        assert!(ended.value[3].is_nan() && ended.value[4] == 4.0);
    }
}
