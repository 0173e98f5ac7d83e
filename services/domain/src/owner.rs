//! The owner's word: what is true of an entity because the owner says so. It outlives every learning until it is taken back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{DeviceProfile, Verdict};

/// What the owner said, by entity.
pub type OwnerWords = BTreeMap<String, OwnerWord>;

/// The longest name, characters.
pub const LONGEST_NAME: usize = 100;

/// The greatest power that can be said, W.
pub const GREATEST_W: f64 = 100_000.0;

/// What the owner says of one entity; `None` where nothing is said. `Entity` names others: an id, or a series as it is kept, which survives
/// a rename.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnerWord<Entity = String> {
    /// A better name.
    pub name: Option<String>,
    /// Whether it switches a load at all.
    pub has_load: Option<bool>,
    /// Power at its full level, above what it draws when off, W.
    pub power_w: Option<f64>,
    /// Entities that are one device with it: always learned as one.
    pub grouped_with: Option<Vec<Entity>>,
    /// Entities that are not to be taken for one with it, though they are usually switched together.
    pub apart_from: Option<Vec<Entity>>,
    /// When anything but the name was said last, or taken back, ms since the epoch.
    pub said_at_ms: i64,
}

impl<Entity> Default for OwnerWord<Entity> {
    fn default() -> Self {
        OwnerWord { name: None, has_load: None, power_w: None, grouped_with: None, apart_from: None, said_at_ms: 0 }
    }
}

/// Why a word cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct WrongWord {
    /// The field that is wrong.
    pub field: &'static str,
    /// What is wrong with it, and what would be right.
    pub why: String,
}

impl<Entity> OwnerWord<Entity> {
    /// Whether anything is said that what is learned depends on: all but a name.
    pub fn bears_on_learning(&self) -> bool {
        self.has_load.is_some() || self.power_w.is_some() || self.grouped_with.is_some() || self.apart_from.is_some()
    }

    /// Whether it is said to draw nothing.
    pub fn says_no_load(&self) -> bool {
        self.has_load == Some(false) || self.power_w == Some(0.0)
    }

    /// The power that is said, W at full level; `None` where none is, or no load.
    pub fn stated_w(&self) -> Option<f64> {
        self.power_w.filter(|_| !self.says_no_load())
    }

    /// Whether profiles learned at `learned_at_ms` rest on it; `None`: nothing was learned yet. A name is in force at once.
    pub fn is_in_force(&self, learned_at_ms: Option<i64>) -> bool {
        (!self.bears_on_learning() && self.said_at_ms == 0) || learned_at_ms.is_some_and(|at_ms| at_ms >= self.said_at_ms)
    }

    /// The same with other names for entities; those without one are left out.
    pub fn map<Other>(self, other: impl Fn(Entity) -> Option<Other>) -> OwnerWord<Other> {
        let all = |entities: Option<Vec<Entity>>| {
            let entities: Vec<Other> = entities?.into_iter().filter_map(&other).collect();
            (!entities.is_empty()).then_some(entities)
        };
        OwnerWord {
            name: self.name,
            has_load: self.has_load,
            power_w: self.power_w,
            grouped_with: all(self.grouped_with),
            apart_from: all(self.apart_from),
            said_at_ms: self.said_at_ms,
        }
    }
}

impl OwnerWord {
    /// Whether this can be said of `entity_id` beside `others`, in a home where an entity `is_known`.
    ///
    /// # Errors
    ///
    /// The field that is wrong, and what would be right.
    pub fn check(&self, entity_id: &str, others: &OwnerWords, is_known: impl Fn(&str) -> bool) -> Result<(), WrongWord> {
        let wrong = |field, why: String| Err(WrongWord { field, why });
        if let Some(name) = &self.name {
            let length = name.chars().count();
            if name.trim().is_empty() || length > LONGEST_NAME {
                return wrong("name", format!("a name has 1 to {LONGEST_NAME} characters, not only spaces; this has {length}"));
            }
            if name.chars().any(char::is_control) {
                return wrong("name", "a name is one line of text, without control characters".to_owned());
            }
        }
        if let Some(power_w) = self.power_w {
            if !(0.0..=GREATEST_W).contains(&power_w) {
                return wrong("power_w", format!("{power_w} is no power of a device; 0 to {GREATEST_W} W is right"));
            }
            if self.has_load == Some(false) && power_w > 0.0 {
                return wrong("power_w", format!("what has no load does not draw {power_w} W; take one of both back with null"));
            }
            if self.has_load == Some(true) && power_w == 0.0 {
                return wrong("power_w", "what has a load draws more than 0 W; take one of both back with null".to_owned());
            }
        }
        let (one, apart) = (self.grouped_with.as_deref().unwrap_or_default(), self.apart_from.as_deref().unwrap_or_default());
        for (field, ids) in [("grouped_with", one), ("apart_from", apart)] {
            if ids.iter().any(|id| id == entity_id) {
                return wrong(field, format!("{entity_id} is the entity itself; name the others only"));
            }
            if let Some(id) = ids.iter().find(|id| !is_known(id)) {
                return wrong(field, format!("there is no entity {id:?} here that could switch a load; GET /api/v1/devices lists them"));
            }
        }
        if let Some(id) = one.iter().find(|id| apart.contains(id)) {
            return wrong("apart_from", format!("{id} is in grouped_with as well; it can only be one of both"));
        }
        if self.says_no_load() && !one.is_empty() {
            return wrong("grouped_with", "what has no load is no part of a device; take one of both back with null".to_owned());
        }
        let says = |id: &String, of: fn(&OwnerWord) -> &Option<Vec<String>>| {
            others.get(id).and_then(|word| of(word).as_ref()).is_some_and(|ids| ids.iter().any(|id| id == entity_id))
        };
        if let Some(id) = one.iter().find(|id| says(id, |word| &word.apart_from)) {
            return wrong("grouped_with", format!("of {id} it is said that it is apart from this one; take that back first"));
        }
        if let Some(id) = apart.iter().find(|id| says(id, |word| &word.grouped_with)) {
            return wrong("apart_from", format!("of {id} it is said that it is one with this one; take that back first"));
        }
        Ok(())
    }
}

impl DeviceProfile {
    /// Makes it what the owner says of its power, W at full level; energies stay as they are.
    pub fn state(&mut self, power_w: f64) {
        self.verdict = Verdict::Stated;
        (self.power_w, self.power_low_w, self.power_high_w) = (Some(power_w), Some(power_w), Some(power_w));
        for level in &mut self.levels {
            let level_w = Some((100.0 * power_w * level.fraction.unwrap_or(1.0)).round() / 100.0);
            (level.power_w, level.power_low_w, level.power_high_w) = (level_w, level_w, level_w);
        }
    }

    /// Makes it one that draws nothing; how often and how long it was on stays.
    pub fn state_no_load(&mut self) {
        let nothing = (Some(0.0), Some(0.0), Some(0.0));
        self.verdict = Verdict::NoLoad;
        (self.power_w, self.power_low_w, self.power_high_w) = nothing;
        (self.energy_kwh, self.energy_low_kwh, self.energy_high_kwh) = nothing;
        self.levels.iter_mut().for_each(|level| (level.power_w, level.power_low_w, level.power_high_w) = nothing);
        self.cost = self.cost.map(|_| 0.0);
        (self.measured_energy_kwh, self.events_used, self.strength) = (None, 0, 0.0);
        self.grouped_with.clear();
    }

    /// Takes "nothing" back where the owner says that there is a load: it is too small to be seen.
    pub fn state_some_load(&mut self) {
        if self.verdict == Verdict::NoLoad {
            self.verdict = Verdict::TooSmall;
            (self.power_w, self.power_low_w, self.cost) = (None, None, None);
            (self.energy_kwh, self.energy_low_kwh, self.energy_high_kwh) = (None, None, None);
        }
    }
}

/// Lays the owner's word over what was learned without it, until the next learning rests on it: a name, no load, a power. Groups and what
/// the others draw are learned. Where the word is in force already, only what it says is said again.
pub fn overlay(profile: &mut DeviceProfile, word: &OwnerWord) {
    if let Some(name) = &word.name {
        profile.name.clone_from(name);
    }
    if word.says_no_load() {
        profile.state_no_load();
    } else if let Some(power_w) = word.stated_w() {
        if profile.verdict == Verdict::Stated && profile.power_w == Some(power_w) {
            return;
        }
        let energy_kwh = match (profile.power_w.filter(|w| *w > 0.0), profile.energy_kwh) {
            (Some(before_w), Some(kwh)) => kwh * power_w / before_w,
            _ => power_w * profile.hours_on / 1000.0,
        };
        let energy_kwh = (energy_kwh * 1e4).round() / 1e4;
        let per_kwh = profile.cost.zip(profile.measured_energy_kwh.or(profile.energy_kwh)).filter(|(_, kwh)| *kwh > 0.0);
        profile.cost = per_kwh.map(|(cost, kwh)| (1e4 * cost / kwh * energy_kwh).round() / 1e4);
        (profile.energy_kwh, profile.energy_low_kwh, profile.energy_high_kwh) = (Some(energy_kwh), Some(energy_kwh), Some(energy_kwh));
        profile.measured_energy_kwh = None;
        profile.grouped_with = word.grouped_with.clone().unwrap_or_default();
        profile.state(power_w);
    } else if word.has_load == Some(true) {
        profile.state_some_load();
    }
}

#[cfg(test)]
mod tests;
