//! Builds a history out of rows, whatever format they come from.

use std::collections::HashMap;
use std::path::Path;

use wattribute_domain::{Attributes, EnergyPreferences, Entity, History, Sensor, Statistic, may_switch_a_load};

use super::error::name_of;
use super::filter::Filter;
use super::nature::{decide, describe, measures};
use super::slot::{Key, Kind, Slot};

/// What the registry knows of an entity.
#[derive(Clone, Debug, Default)]
pub(super) struct Registered {
    pub device_id: Option<String>,
    /// Name the owner gave it.
    pub given_name: Option<String>,
    /// Name its integration gave it.
    pub original_name: Option<String>,
}

/// Takes rows in any order and from several files.
pub(super) struct Collector {
    filter: Filter,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
    slots: Vec<Slot>,
    by_id: HashMap<Box<str>, u32>,
    last: u32,
    file: String,
    out_of_order: u64,
    registry: HashMap<String, Registered>,
    statistics: HashMap<String, Statistic>,
    /// What is ready to hand out; sensors and entities are added at the end.
    history: History,
}

impl Collector {
    pub(super) fn new(filter: Filter, from_ms: Option<i64>, to_ms: Option<i64>) -> Self {
        Collector {
            filter,
            from_ms,
            to_ms,
            slots: Vec::new(),
            by_id: HashMap::new(),
            last: 0,
            file: String::new(),
            out_of_order: 0,
            registry: HashMap::new(),
            statistics: HashMap::new(),
            history: History::default(),
        }
    }

    /// Rows from here on are of this file.
    pub(super) fn begin_file(&mut self, path: &Path) {
        self.file = name_of(path);
        self.slots.iter_mut().for_each(Slot::forget_keys);
    }

    /// Name of the file being read.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Rows read so far, good and bad.
    pub(super) fn rows(&self) -> u64 {
        self.history.rows
    }

    /// A sentence for the reader of the answer.
    pub(super) fn note(&mut self, sentence: String) {
        if !self.history.notes.contains(&sentence) {
            self.history.notes.push(sentence);
        }
    }

    /// Where an entity is collected, `None` for what is no entity id. It is compared with the row's before, so that runs of one
    /// entity cost nothing.
    pub(super) fn slot(&mut self, entity_id: &[u8]) -> Option<u32> {
        if self.slots.get(self.last as usize).is_none_or(|slot| slot.id.as_bytes() != entity_id) {
            let entity_id = std::str::from_utf8(entity_id).ok().map(str::trim).filter(|id| id.contains('.'))?;
            self.last = self.by_id.get(entity_id).copied().unwrap_or_else(|| self.add(entity_id));
        }
        Some(self.last)
    }

    fn add(&mut self, entity_id: &str) -> u32 {
        let domain = entity_id.split_once('.').map(|(domain, _)| domain);
        let sensor = || Sensor { entity_id: entity_id.to_owned(), ..Sensor::default() };
        let kind = if self.filter.keeps(entity_id) {
            Kind::Sensor(sensor())
        } else if !self.filter.reads(entity_id) {
            Kind::Ignored
        } else {
            match domain {
                Some("sensor") => Kind::Undecided(sensor()),
                Some("binary_sensor") if self.filter.answers(entity_id) => Kind::Unheard,
                _ if may_switch_a_load(entity_id, None) && self.filter.answers(entity_id) => Kind::Entity(Entity::new(entity_id)),
                _ => Kind::Ignored,
            }
        };
        let mut slot = Slot::new(entity_id, kind);
        if let Some(from_ms) = self.from_ms {
            slot.reserve(from_ms);
        }
        self.slots.push(slot);
        let number = (self.slots.len() - 1) as u32;
        self.by_id.insert(entity_id.into(), number);
        number
    }

    /// Whether rows of this entity can be passed over unread.
    pub(super) fn is_ignored(&self, slot: u32) -> bool {
        self.slots[slot as usize].is_ignored()
    }

    /// A row that was passed over unread.
    pub(super) fn skip(&mut self) {
        self.history.rows += 1;
    }

    /// The attributes that were learned under `key`, if they are remembered.
    pub(super) fn recall(&mut self, slot: u32, key: Key) -> Option<u32> {
        self.slots[slot as usize].recall(key)
    }

    /// Learns attributes: what the entity is, its name, and what its states mean. `None`: the row has none.
    pub(super) fn learn(&mut self, slot: u32, key: Key, json: Option<&str>) -> u32 {
        let attributes = json.map(Attributes::parse).unwrap_or_default();
        let slot = &mut self.slots[slot as usize];
        slot.has_attributes |= json.is_some_and(|json| json.len() > 2);
        decide(slot, &attributes, &self.filter, self.from_ms);
        describe(slot, &attributes);
        slot.remember(key, attributes)
    }

    /// The same of attributes as text, which are read where they are not remembered.
    pub(super) fn known(&mut self, slot: u32, json: Option<&[u8]>) -> u32 {
        let key = json.map_or(Key::NONE, Key::text);
        let known = self.recall(slot, key);
        known.unwrap_or_else(|| self.learn(slot, key, json.map(String::from_utf8_lossy).as_deref()))
    }

    /// A row: the entity was in `state` at `at_ms` (`None`: no usable time), with the attributes learned as `known`.
    pub(super) fn say(&mut self, slot: u32, known: u32, state: &[u8], at_ms: Option<i64>, row: impl FnOnce() -> String) {
        self.history.rows += 1;
        let Some(at_ms) = at_ms else {
            self.history.bad.no_time += 1;
            let file = &self.file;
            self.history.bad.remember(|| format!("{file} {}: no usable time", row()));
            return;
        };
        if self.to_ms.is_some_and(|to_ms| at_ms >= to_ms) {
            return;
        }
        let slot = &mut self.slots[slot as usize];
        self.out_of_order += u64::from(at_ms < slot.last_at_ms && !slot.is_ignored());
        slot.last_at_ms = at_ms;
        let early = self.from_ms.is_some_and(|from_ms| at_ms < from_ms);
        if slot.say(known, state, at_ms, early) && slot.first_not_number.is_none() {
            let state: String = String::from_utf8_lossy(state).chars().take(40).collect();
            slot.first_not_number = Some(format!("{} {}: `{state}` of {} is not a number", self.file, row(), slot.id));
        }
    }

    /// Recording ended at `at_ms`: what this file's entities said last holds no longer.
    pub(super) fn silence(&mut self, at_ms: i64) {
        if self.to_ms.is_some_and(|to_ms| at_ms >= to_ms) {
            return;
        }
        let early = self.from_ms.is_some_and(|from_ms| at_ms < from_ms);
        for slot in self.slots.iter_mut().filter(|slot| slot.last_at_ms != i64::MIN) {
            slot.silence(at_ms, early);
        }
    }

    /// A row that could not be read at all.
    pub(super) fn malformed(&mut self, row: impl FnOnce() -> String) {
        self.history.rows += 1;
        self.history.bad.malformed += 1;
        let file = &self.file;
        self.history.bad.remember(|| format!("{file} {}", row()));
    }

    /// What the registries of Home Assistant say; the first file that tells counts.
    pub(super) fn register(&mut self, entity_id: String, registered: Registered) {
        self.registry.entry(entity_id).or_insert(registered);
    }

    /// Home Assistant's own settings; the first file that tells counts.
    pub(super) fn settings(&mut self, time_zone: Option<String>, currency: Option<String>) {
        self.history.time_zone = self.history.time_zone.take().or(time_zone);
        self.history.currency = self.history.currency.take().or(currency);
    }

    /// What the Energy dashboard was told; the first file that tells counts.
    pub(super) fn energy_preferences(&mut self, preferences: EnergyPreferences) {
        self.history.energy_preferences.get_or_insert(preferences);
    }

    /// Whether long-term statistics of this id are wanted.
    pub(super) fn wants_statistics_of(&self, entity_id: &str, unit: Option<&str>) -> bool {
        self.filter.reads(entity_id) && unit.is_some_and(measures)
    }

    /// Rows of long-term statistics, in any order.
    pub(super) fn statistic(&mut self, mut statistic: Statistic) {
        let wanted = self.from_ms.unwrap_or(i64::MIN)..self.to_ms.unwrap_or(i64::MAX);
        statistic.rows.retain(|row| wanted.contains(&row.start_ms));
        match self.statistics.get_mut(&statistic.entity_id) {
            Some(known) if known.unit == statistic.unit => known.rows.append(&mut statistic.rows),
            Some(_) => {}
            None => drop(self.statistics.insert(statistic.entity_id.clone(), statistic)),
        }
    }

    /// The history, in order and without repeats.
    pub(super) fn finish(mut self) -> History {
        for slot in std::mem::take(&mut self.slots) {
            self.finish_slot(slot);
        }
        let mut history = self.history;
        for (_, mut statistic) in self.statistics {
            statistic.rows.sort_by_key(|row| row.start_ms);
            statistic.rows.dedup_by_key(|row| row.start_ms);
            history.statistics.push(statistic);
        }
        history.normalise();
        // Two files that overlap are no clock that ran backwards: only rows within one file count.
        history.bad.out_of_order = self.out_of_order;
        history
    }

    fn finish_slot(&mut self, mut slot: Slot) {
        if !slot.heard {
            return;
        }
        if self.from_ms.is_some() {
            slot.fill_reserve();
        }
        let registered = self.registry.remove(&*slot.id).unwrap_or_default();
        let name = |said: Option<String>| registered.given_name.clone().or(said).or(registered.original_name.clone());
        // Without units every sensor with numbers is a candidate; where attributes came and told of no power, it is none.
        let candidate = !slot.has_attributes && slot.numbers > slot.not_numbers;
        match slot.kind {
            Kind::Sensor(mut sensor) => {
                self.history.bad.not_a_number += slot.not_numbers;
                if let Some(first) = slot.first_not_number {
                    self.history.bad.remember(|| first);
                }
                if let (Some(own), false) = (&sensor.unit, slot.other_units.is_empty()) {
                    let others = slot.other_units.join(", ");
                    self.history.notes.push(format!("{} changed its unit: what it said in {others} was read as {own}.", slot.id));
                }
                sensor.name = name(sensor.name);
                sensor.device_id = registered.device_id;
                sensor.readings.at_ms.shrink_to_fit();
                sensor.readings.value.shrink_to_fit();
                self.history.sensors.push(sensor);
            }
            Kind::Undecided(mut sensor) if candidate => {
                self.history.bad.not_a_number += slot.not_numbers;
                if let Some(first) = slot.first_not_number {
                    self.history.bad.remember(|| first);
                }
                sensor.name = name(sensor.name);
                sensor.device_id = registered.device_id;
                self.history.sensors.push(sensor);
            }
            Kind::Entity(mut entity) if !entity.said.is_empty() => {
                entity.name = name(entity.name);
                entity.device_id = registered.device_id;
                self.history.entities.push(entity);
            }
            Kind::Undecided(_) | Kind::Entity(_) | Kind::Unheard | Kind::Ignored => {}
        }
    }
}
