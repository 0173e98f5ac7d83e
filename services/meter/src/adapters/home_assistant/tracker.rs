//! The series that are read, and what each said last.

use std::collections::{HashMap, HashSet};

use wattribute_domain::{Attributes, Heard, Level, Quantity, SeriesInfo, hear, is_silent};

use super::select::{Candidate, factor, quantity_of};
use super::wire::{Change, Said};
use crate::adapters::Event;

/// A level that is said again counts as said again only after this long, ms: the engine knows from it that the entity still lives.
const REPEAT_MS: i64 = 32_000;

pub(super) struct Tracked {
    pub info: SeriesInfo,
    factor: f64,
    unit: Option<String>,
    /// What it said last: when (ms since the epoch) and what.
    pub last: Option<(i64, f64)>,
}

impl Tracked {
    fn new(info: SeriesInfo, factor: f64) -> Self {
        Tracked { info, factor, unit: None, last: None }
    }

    /// Whether its state says its value; that of an entity of events, which lists prices, says when it happened.
    pub fn speaks(&self) -> bool {
        !(self.info.quantity == Quantity::PricePerKwh && self.info.domain() == "event")
    }

    /// What one of its unit is in the unit of its quantity.
    pub fn factor(&self) -> f64 {
        self.factor
    }
}

/// What a change of state meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was read, or said nothing new.
    Read,
    /// It is not read.
    PassedOver,
    /// The entity is not known, or is no longer what it was: look again at what there is.
    New,
}

/// What is known of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is read under this key.
    Read(u32),
    /// It tells nothing that is read.
    Unreadable,
    /// It is not wanted, or is our own.
    LeftOut,
}

#[derive(Default)]
pub(super) struct Tracker {
    pub series: Vec<Tracked>,
    by_entity: HashMap<String, Known>,
    by_identity: HashMap<(String, Quantity), u32>,
    /// Rows that could not be read.
    pub bad: u64,
}

impl Tracker {
    /// Starts with the series that the store already has.
    pub fn new(known: Vec<SeriesInfo>) -> Self {
        let mut tracker = Tracker::default();
        for info in known {
            let factor = factor(info.quantity, None);
            tracker.add(info, factor);
        }
        tracker
    }

    fn add(&mut self, info: SeriesInfo, factor: f64) -> u32 {
        let key = self.series.len() as u32;
        self.by_identity.insert((info.identity.clone(), info.quantity), key);
        self.by_entity.insert(info.device.clone(), Known::Read(key));
        self.series.push(Tracked::new(info, factor));
        key
    }

    /// Takes over what is read now; says which series are new, and gives the events that tell of them. With `all`, tells of all of them.
    pub fn update(&mut self, candidates: Vec<Candidate>, left_out: Vec<(String, Known)>, all: bool, out: &mut Vec<Event>) -> Vec<u32> {
        let mut new = Vec::new();
        self.by_entity.clear();
        let present: HashSet<_> = candidates.iter().map(|c| (c.info.identity.clone(), c.info.quantity)).collect();
        let orphans = (0..).zip(&self.series).filter_map(|(key, tracked)| {
            let info = &tracked.info;
            (!present.contains(&(info.identity.clone(), info.quantity))).then(|| ((info.device.clone(), info.quantity), key))
        });
        let orphans: HashMap<(String, Quantity), u32> = orphans.collect();
        for Candidate { info, factor, .. } in candidates {
            // One that had no entry in the registry, or another behind the same id, such as a plug that was replaced, goes on in its place.
            let own = (info.identity.clone(), info.quantity);
            let adopted = || orphans.get(&(info.device.clone(), info.quantity)).copied();
            let found = self.by_identity.get(&own).copied().or_else(adopted);
            if let Some(key) = found {
                self.by_identity.insert(own, key);
            }
            let entity_id = info.device.clone();
            let key = match found {
                Some(key) => {
                    let tracked = &mut self.series[key as usize];
                    let info = SeriesInfo { modes: tracked.info.modes.clone(), ..info };
                    tracked.factor = factor;
                    tracked.unit = None;
                    if all || tracked.info != info {
                        tracked.info = info.clone();
                        out.push(Event::Series { key, info });
                    }
                    key
                }
                None => {
                    let key = self.add(info.clone(), factor);
                    out.push(Event::Series { key, info });
                    new.push(key);
                    key
                }
            };
            self.by_entity.insert(entity_id, Known::Read(key));
        }
        self.by_entity.extend(left_out);
        new
    }

    /// The key that an entity is read under.
    pub fn key(&self, entity_id: &str) -> Option<u32> {
        match self.by_entity.get(entity_id) {
            Some(Known::Read(key)) => Some(*key),
            _ => None,
        }
    }

    /// All keys of entities that there are now.
    pub fn keys(&self) -> Vec<u32> {
        let mut keys: Vec<u32> = self
            .by_entity
            .values()
            .filter_map(|known| match known {
                Known::Read(key) => Some(*key),
                _ => None,
            })
            .collect();
        keys.sort_unstable();
        keys
    }

    /// Hears a change of state.
    pub fn hear(&mut self, change: &Change, out: &mut Vec<Event>) -> Outcome {
        let key = match (self.by_entity.get(&change.entity_id), &change.said) {
            (Some(Known::Read(key)), _) => *key,
            // A sensor may have no unit while it starts.
            (Some(Known::Unreadable), Some(said)) if quantity_of(&change.entity_id, &said.attributes).is_some() => return Outcome::New,
            (None, Some(_)) => return Outcome::New,
            _ => return Outcome::PassedOver,
        };
        if let Some(said) = &change.said {
            self.learn_unit(key, said);
        }
        if !self.series[key as usize].speaks() {
            return Outcome::Read;
        }
        let value = match &change.said {
            Some(said) => self.value(key, &said.state, &said.attributes, out),
            None => f64::NAN,
        };
        if self.is_news(key, change.at_ms, value) {
            self.series[key as usize].last = Some((change.at_ms, value));
            out.push(Event::Reading { key, at_ms: change.at_ms, value });
        }
        Outcome::Read
    }

    fn learn_unit(&mut self, key: u32, said: &Said) {
        let tracked = &mut self.series[key as usize];
        if let Some(unit) = said.attributes.unit_of_measurement.as_str()
            && tracked.unit.as_deref() != Some(unit)
        {
            tracked.factor = factor(tracked.info.quantity, Some(unit));
            tracked.unit = Some(unit.to_owned());
        }
    }

    /// What a state is as a number; `NaN` where it says nothing. A new mode is told of first.
    pub fn value(&mut self, key: u32, state: &str, attributes: &Attributes, out: &mut Vec<Event>) -> f64 {
        let tracked = &mut self.series[key as usize];
        if tracked.info.quantity != Quantity::Level {
            if is_silent(state) || !tracked.speaks() {
                return f64::NAN;
            }
            return match state.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => number * tracked.factor,
                _ => {
                    self.bad += 1;
                    f64::NAN
                }
            };
        }
        let modes = tracked.info.modes.len();
        let number = match hear(&tracked.info.device, state, attributes) {
            Heard::Silent => f64::NAN,
            Heard::Off => Level::off().to_number(),
            Heard::On(mode, fraction) => Level { mode: tracked.info.mode(&mode), fraction }.to_number(),
        };
        if tracked.info.modes.len() > modes {
            out.push(Event::Series { key, info: tracked.info.clone() });
        }
        number
    }

    fn is_news(&self, key: u32, at_ms: i64, value: f64) -> bool {
        let tracked = &self.series[key as usize];
        is_news(tracked.last, at_ms, value, tracked.info.quantity)
    }

    /// Says that nothing is known of any series from `at_ms` on.
    pub fn silence(&mut self, at_ms: i64, out: &mut Vec<Event>) {
        for (key, tracked) in self.series.iter_mut().enumerate() {
            if tracked.last.is_none_or(|(_, value)| !value.is_nan()) {
                let at_ms = tracked.last.map_or(at_ms, |(last_ms, _)| at_ms.max(last_ms + 1));
                tracked.last = Some((at_ms, f64::NAN));
                out.push(Event::Reading { key: key as u32, at_ms, value: f64::NAN });
            }
        }
    }
}

/// Whether a value says more than the one before it. A value holds until the next, so that the same again says nothing; but that a level
/// is said again later shows that its entity lives.
pub(super) fn is_news(last: Option<(i64, f64)>, at_ms: i64, value: f64, quantity: Quantity) -> bool {
    let Some((last_ms, last)) = last else { return true };
    let same = last == value || (last.is_nan() && value.is_nan());
    !same || (quantity == Quantity::Level && !value.is_nan() && at_ms - last_ms > REPEAT_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(device: &str, identity: &str) -> Candidate {
        let info = SeriesInfo { identity: identity.to_owned(), ..SeriesInfo::new("home_assistant", device, Quantity::Level) };
        Candidate { info, factor: 1.0, why: "" }
    }

    #[test]
    fn a_replaced_plug_goes_on_in_its_place_and_a_moved_one_keeps_its_own() {
        let known = |device: &str, identity: &str| {
            let mut info = candidate(device, identity).info;
            info.mode("on");
            info
        };
        let mut tracker = Tracker::new(vec![known("switch.a", "switch.x.1"), known("switch.b", "switch.x.2")]);
        let mut out = Vec::new();
        let new =
            tracker.update(vec![candidate("switch.a", "switch.x.9"), candidate("switch.c", "switch.x.2")], Vec::new(), true, &mut out);
        assert!(new.is_empty());
        assert_eq!((tracker.key("switch.a"), tracker.key("switch.b"), tracker.key("switch.c")), (Some(0), None, Some(1)));
        let told: Vec<_> = out.iter().filter_map(|e| if let Event::Series { info, .. } = e { Some(info) } else { None }).collect();
        assert!(told.iter().all(|info| info.modes == ["off", "on"]), "{told:?}");
    }

    #[test]
    fn a_repeated_value_is_no_news_but_a_level_said_again_later_is() {
        let last = Some((1_000, 1.0));
        assert!(!is_news(last, 90_000, 1.0, Quantity::PowerW) && is_news(last, 1_001, 2.0, Quantity::PowerW));
        assert!(!is_news(last, 2_000, 1.0, Quantity::Level) && is_news(last, 34_000, 1.0, Quantity::Level));
        assert!(!is_news(Some((1_000, f64::NAN)), 90_000, f64::NAN, Quantity::Level) && is_news(last, 2_000, f64::NAN, Quantity::Level));
        assert!(is_news(None, 0, f64::NAN, Quantity::PowerW));
    }

    #[test]
    fn a_silence_is_told_once_and_after_what_was_said() {
        let mut tracker = Tracker::new(vec![candidate("switch.a", "a").info, candidate("switch.b", "b").info]);
        tracker.series[0].last = Some((5_000, 1.0));
        let mut out = Vec::new();
        tracker.silence(3_000, &mut out);
        let at: Vec<_> = out.iter().filter_map(|e| if let Event::Reading { at_ms, .. } = e { Some(*at_ms) } else { None }).collect();
        assert_eq!(at, [5_001, 3_000]);
        out.clear();
        tracker.silence(9_000, &mut out);
        assert!(out.is_empty());
    }
}
