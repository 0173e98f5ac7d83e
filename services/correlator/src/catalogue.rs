//! Which series there are, and what the engine sees of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use wattribute_domain::{
    Entity, History, Hold, Home, Level, OwnerWord, OwnerWords, Quantity, Role, Said, Sensor, Series, SeriesId, SeriesInfo,
};
use wattribute_store::{OURS, OWNER_WORDS, Result, Store, home, owner_words};

/// All series of a store, apart from our own.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    series: BTreeMap<SeriesId, SeriesInfo>,
    levels: Vec<SeriesId>,
    by_name: HashMap<String, SeriesId>,
    /// What Home Assistant says of the home.
    pub home: Home,
    /// What the owner says of entities.
    pub owner: OwnerWords,
    /// The document that `owner` was read from.
    said: Option<String>,
}

impl Catalogue {
    /// Reads what there is.
    pub async fn read(store: &dyn Store) -> Result<Self> {
        let series = store.series().await?.into_iter().filter(|(_, info)| info.source != OURS).collect();
        let mut catalogue = Catalogue::of(series, home(store).await?);
        catalogue.said = store.document(OWNER_WORDS).await?;
        catalogue.listen(owner_words(store).await?);
        Ok(catalogue)
    }

    pub(crate) fn of(series: BTreeMap<SeriesId, SeriesInfo>, home: Home) -> Self {
        let all = || series.iter().filter(|(_, info)| info.quantity == Quantity::Level && info.role != Some(Role::Copy));
        let by_name = all().rev().map(|(id, info)| (sensor_name(info), *id)).collect();
        // A helper named like a load is that load by another name: were it one of its own, nothing the load does would ever be seen alone.
        let is_helper = |info: &SeriesInfo| info.domain() == "input_boolean";
        let named = |info: &SeriesInfo| (info.source.clone(), info.object().to_owned());
        let loads: BTreeSet<_> = all().filter(|(_, info)| !is_helper(info)).map(|(_, info)| named(info)).collect();
        let levels = all().filter(|(_, info)| !(is_helper(info) && loads.contains(&named(info)))).map(|(id, _)| *id).collect();
        Catalogue { levels, by_name, series, home, owner: OwnerWords::new(), said: None }
    }

    /// Takes what the owner says; names are put over those that were heard.
    fn listen(&mut self, owner: OwnerWords) {
        for (entity_id, name) in owner.iter().filter_map(|(id, word)| Some((id, word.name.as_ref()?))) {
            let info = self.by_name.get(entity_id).and_then(|id| self.series.get_mut(id));
            info.into_iter().for_each(|info| info.name = Some(name.clone()));
        }
        self.owner = owner;
    }

    /// Whether the owner has said something since this was read.
    pub async fn is_outdated(&self, store: &dyn Store) -> Result<bool> {
        Ok(store.document(OWNER_WORDS).await? != self.said)
    }

    /// What the owner says that learning depends on.
    pub fn learned_by(&self) -> OwnerWords {
        let bearing = self.owner.iter().filter(|(_, word)| word.bears_on_learning());
        bearing.map(|(id, word)| (id.clone(), OwnerWord { name: None, ..word.clone() })).collect()
    }

    /// What is known of a series.
    pub fn info(&self, id: SeriesId) -> Option<&SeriesInfo> {
        self.series.get(&id)
    }

    /// All series.
    pub fn all(&self) -> impl Iterator<Item = (SeriesId, &SeriesInfo)> {
        self.series.iter().map(|(id, info)| (*id, info))
    }

    /// Everything that may switch a load.
    pub fn levels(&self) -> &[SeriesId] {
        &self.levels
    }

    /// Every sensor of power or energy, but not of gas, and of a device that two sources read only one's.
    pub fn sensors(&self) -> Vec<SeriesId> {
        let measures = |info: &SeriesInfo| {
            let is_other = matches!(info.role, Some(Role::Gas | Role::Copy | Role::Guess));
            !is_other && matches!(info.quantity, Quantity::PowerW | Quantity::EnergyImportKwh | Quantity::EnergyExportKwh)
        };
        self.series.iter().filter(|(_, info)| measures(info)).map(|(id, _)| *id).collect()
    }

    /// The sensors of these names (as [`sensor_name`] gives them).
    pub fn sensors_named(&self, names: &[String]) -> Vec<SeriesId> {
        self.sensors().into_iter().filter(|id| self.series.get(id).is_some_and(|info| names.contains(&sensor_name(info)))).collect()
    }

    /// The level series of an entity.
    pub fn level_named(&self, entity_id: &str) -> Option<SeriesId> {
        self.by_name.get(entity_id).copied()
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

    /// A sensor of the engine, with what it said up to `end_ms`.
    pub fn sensor(&self, id: SeriesId, rows: Series, end_ms: i64) -> Option<Sensor> {
        let info = self.series.get(&id)?;
        let is_power = info.quantity == Quantity::PowerW;
        let readings = if info.hold == Hold::Intervals { rows.with_silences(end_ms) } else { rows };
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
            self.add(&mut history, id, rows, to_ms);
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

    /// Adds what a series said up to `end_ms`.
    pub fn add(&self, history: &mut History, id: SeriesId, rows: Series, end_ms: i64) {
        match self.series.get(&id).map(|info| info.quantity) {
            Some(Quantity::Level) => history.entities.extend(self.entity(id, &rows)),
            Some(_) => history.sensors.extend(self.sensor(id, rows, end_ms)),
            None => {}
        }
    }
}

/// What the engine calls a series.
pub fn sensor_name(info: &SeriesInfo) -> String {
    info.entity_id()
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
        let catalogue = Catalogue::of(series, Home::default());
        assert_eq!(catalogue.levels(), [SeriesId(1), SeriesId(2), SeriesId(4)]);
    }

    #[test]
    fn the_owners_name_is_put_over_the_one_that_was_heard() {
        let mut lamp = SeriesInfo::new("home_assistant", "light.hall", Quantity::Level);
        lamp.name = Some("Hue 7".to_owned());
        let mut catalogue = Catalogue::of(BTreeMap::from([(SeriesId(0), lamp)]), Home::default());
        let word = OwnerWord { name: Some("Hall lamp".to_owned()), ..OwnerWord::default() };
        catalogue.listen(OwnerWords::from([("light.hall".to_owned(), word), ("light.gone".to_owned(), OwnerWord::default())]));
        let entity = catalogue.entity(SeriesId(0), &Series::default()).unwrap();
        assert_eq!((catalogue.info(SeriesId(0)).unwrap().label(), entity.name.as_deref()), ("Hall lamp", Some("Hall lamp")));
        assert!(catalogue.learned_by().is_empty(), "a name changes nothing that is learned");
    }
}
