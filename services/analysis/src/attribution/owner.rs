//! What the owner said of the entities that are learned: it holds, and the others are learned around it.

use wattribute_domain::{DeviceProfile, Entity, LevelProfile, OwnerWord, OwnerWords, Verdict};

use super::events::Events;
use super::meter::quantile;
use super::power::Powers;
use super::runs::{Run, runs};
use super::units::Unit;

/// Equations that are needed to contradict the owner, or to tell two entities apart.
const ENOUGH: usize = 6;

/// The owner's words by index of the entities; nothing at all where nothing that bears on learning was said.
#[derive(Clone, Debug, Default)]
pub struct Owner {
    words: Vec<Option<OwnerWord>>,
    /// Index of the first entity that each is one device with.
    one_with: Vec<usize>,
    /// Pairs that are not to be taken for one, the lesser first.
    apart: Vec<(usize, usize)>,
}

impl Owner {
    /// What `words` say of `entities`.
    pub fn of(words: &OwnerWords, entities: &[Entity]) -> Self {
        let word = |entity: &Entity| words.get(&entity.entity_id).filter(|word| word.bears_on_learning()).cloned();
        let mut owner = Owner { words: entities.iter().map(word).collect(), ..Owner::default() };
        if owner.words.iter().all(Option::is_none) {
            return Owner::default();
        }
        let place = |id: &String| entities.iter().position(|e| e.entity_id == *id);
        owner.one_with = (0..entities.len()).collect();
        for a in 0..entities.len() {
            let Some(word) = owner.words[a].clone() else { continue };
            owner.apart.extend(word.apart_from.iter().flatten().filter_map(place).map(|b| (a.min(b), a.max(b))));
            for b in word.grouped_with.iter().flatten().filter_map(place) {
                if owner.has_no_load(a) || owner.has_no_load(b) {
                    continue;
                }
                let (keep, other) = (owner.one_with[a].min(owner.one_with[b]), owner.one_with[a].max(owner.one_with[b]));
                owner.one_with.iter_mut().filter(|first| **first == other).for_each(|first| *first = keep);
            }
        }
        owner
    }

    fn word(&self, entity: usize) -> Option<&OwnerWord> {
        self.words.get(entity)?.as_ref()
    }

    /// Whether its power is said, or that there is none.
    pub fn says_power(&self, entity: usize) -> bool {
        self.has_no_load(entity) || self.stated_w(entity).is_some()
    }

    /// Whether it switches nothing.
    pub fn has_no_load(&self, entity: usize) -> bool {
        self.word(entity).is_some_and(OwnerWord::says_no_load)
    }

    /// Whether it is said to switch something.
    pub fn has_load(&self, entity: usize) -> bool {
        self.word(entity).is_some_and(|word| word.has_load == Some(true))
    }

    /// The power that is said of it, W at full level.
    pub fn stated_w(&self, entity: usize) -> Option<f64> {
        self.word(entity)?.stated_w()
    }

    /// The first of the entities that are one device, for each of `count`.
    pub fn groups(&self, count: usize) -> Vec<usize> {
        if self.one_with.is_empty() { (0..count).collect() } else { self.one_with.clone() }
    }

    /// Whether the groups that begin with `a` and `b` may be taken for one because they are switched together: not where a power is said
    /// of one of them, for then the rest is the other's, and not where the owner tells them apart.
    pub fn may_be_one(&self, group: &[usize], a: usize, b: usize) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let of = |first: usize| group.iter().enumerate().filter(move |(_, g)| **g == first).map(|(k, _)| k);
        of(a).chain(of(b)).all(|k| !self.says_power(k)) && of(a).all(|a| of(b).all(|b| !self.apart.contains(&(a.min(b), a.max(b)))))
    }

    /// Units that are to be told apart, though they are not: nearly all that is known of one is known of both together. Of what has a
    /// stated power nothing needs to be told.
    pub fn inseparable(&self, units: &[Unit], powers: &Powers) -> Vec<(usize, usize)> {
        let unit_of = |entity: usize| units.iter().position(|u| u.members.contains(&entity));
        let pairs = self.apart.iter().filter_map(|&(a, b)| Some((unit_of(a)?, unit_of(b)?)));
        let is_open = |&(a, b): &(usize, usize)| a != b && units[a].stated_w.is_none() && units[b].stated_w.is_none();
        let alone = |a: usize, b: usize| {
            let used = |k: &&u32| powers.solution.weights[**k as usize] > 0.1;
            powers.by_unit[a].iter().filter(used).filter(|k| powers.by_unit[b].binary_search(k).is_err()).count()
        };
        let mut out: Vec<(usize, usize)> = pairs.filter(is_open).filter(|&(a, b)| alone(a, b) + alone(b, a) < ENOUGH).collect();
        out.sort_unstable();
        out.dedup();
        out
    }
}

/// What is told of an entity that the owner says switches nothing: how often and how long it was on.
pub fn no_load(entity: &Entity, before: &DeviceProfile, end_ms: i64) -> DeviceProfile {
    let events = Events::of(entity);
    let (runs, _) = runs(&events, end_ms);
    let hours_on = runs.iter().map(Run::seconds).sum::<f64>() / 3600.0;
    let mut modes: Vec<u16> = events.changes.iter().map(|c| c.to).filter(|l| !l.is_off()).map(|l| l.mode).collect();
    modes.sort_unstable();
    modes.dedup();
    let level = |mode: &u16| LevelProfile {
        mode: entity.modes.get(usize::from(*mode)).cloned().unwrap_or_default(),
        fraction: None,
        power_w: None,
        power_low_w: None,
        power_high_w: None,
    };
    let mut profile = DeviceProfile {
        events_total: events.changes.len() as u32,
        times_on: runs.len() as u32,
        hours_on: super::learn::round(hours_on, 2),
        levels: modes.iter().map(level).collect(),
        ..before.clone()
    };
    profile.state_no_load();
    profile
}

/// What the meter says of a unit whose power is stated, where that is clearly something else: a sentence.
pub fn contradiction(unit: &Unit, u: usize, powers: &Powers, profile: &DeviceProfile) -> Option<String> {
    let stated_w = unit.stated_w?;
    let range = unit.curve.range()?;
    let mut found: Vec<f64> = Vec::new();
    for e in powers.by_unit[u].iter().map(|&k| &powers.equations[k as usize]) {
        let share = e.explained_w(&powers.solution.parameters) / stated_w;
        if share.abs() > 0.3 && e.parts.iter().all(|part| range.contains(&(part.0 as usize))) {
            found.push(e.step_w / share);
        }
    }
    if found.len() < ENOUGH {
        return None;
    }
    let shown_w = quantile(&mut found, 0.5)?;
    let mut apart: Vec<f64> = found.iter().map(|w| (w - shown_w).abs()).collect();
    let error_w = 1.25 * 1.4826 * quantile(&mut apart, 0.5)? / (found.len() as f64).sqrt();
    let is_clear = (shown_w - stated_w).abs() > 3.0 * error_w + 0.1 * stated_w.max(shown_w) + 0.5;
    let watts = |w: f64| if w.abs() < 10.0 { format!("{w:.1}") } else { format!("{w:.0}") };
    is_clear.then(|| {
        format!("You say that {} draws {} W; the meter shows {} W when it is switched.", profile.name, watts(stated_w), watts(shown_w))
    })
}

/// What is told of units that the owner tells apart and the meter does not.
pub fn abstain(profile: &mut DeviceProfile) {
    profile.verdict = Verdict::NotEnoughEvents;
    (profile.power_w, profile.power_low_w, profile.power_high_w) = (None, None, None);
    (profile.energy_kwh, profile.energy_low_kwh, profile.energy_high_kwh) = (None, None, None);
    for level in &mut profile.levels {
        (level.power_w, level.power_low_w, level.power_high_w) = (None, None, None);
    }
}
