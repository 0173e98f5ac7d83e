//! What is collected of one entity.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use wattribute_domain::{Attributes, Entity, Heard, Level, Said, Sensor, hear, is_silent, units};

/// Attributes that differ each time are not remembered beyond this many at once.
const REMEMBERED: usize = 4096;

/// What an entity is, as far as it is known yet.
pub(super) enum Kind {
    /// A `sensor` whose attributes have not told what it measures.
    Undecided(Sensor),
    /// Its device class, still to be told, decides whether it switches a load.
    Unheard,
    /// A sensor of power or energy.
    Sensor(Sensor),
    /// It may switch a load.
    Entity(Entity),
    /// Nothing that matters here.
    Ignored,
}

/// Names one set of attributes of one entity within a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u64);

impl Key {
    /// The row has no attributes.
    pub(super) const NONE: Key = Key(u64::MAX);

    /// The recorder's `attributes_id`.
    pub(super) fn id(id: i64) -> Self {
        Key(id as u64)
    }

    /// Attributes as text. Two texts of one entity that share 64 bits of hash are taken for the same: less likely than a bad disk.
    pub(super) fn text(text: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Key(hasher.finish())
    }
}

/// One set of attributes, and what states have meant under it.
struct Known {
    attributes: Attributes,
    /// What a reading is multiplied with to be in the sensor's unit; `NaN` where its unit cannot be converted.
    scale: f64,
    heard: Vec<(Box<str>, Option<Level>)>,
}

/// One entity: what it is and what it said.
pub(super) struct Slot {
    pub(super) id: Box<str>,
    pub(super) kind: Kind,
    /// Numbers and text heard while it was, or could have been, a sensor.
    pub(super) numbers: u64,
    pub(super) not_numbers: u64,
    pub(super) first_not_number: Option<String>,
    /// Attributes were seen, though they may not have told what it is.
    pub(super) has_attributes: bool,
    /// Units that differ from the sensor's own.
    pub(super) other_units: Vec<String>,
    pub(super) last_at_ms: i64,
    /// Anything was said, early or within the span wanted.
    pub(super) heard: bool,
    /// The last it said before the span wanted.
    before: Option<(i64, f64, Option<Level>)>,
    known: Vec<Known>,
    by_key: HashMap<Key, u32>,
    last: Option<(Key, u32)>,
}

impl Slot {
    pub(super) fn new(id: &str, kind: Kind) -> Self {
        Slot {
            id: id.into(),
            kind,
            numbers: 0,
            not_numbers: 0,
            first_not_number: None,
            has_attributes: false,
            other_units: Vec::new(),
            last_at_ms: i64::MIN,
            heard: false,
            before: None,
            known: Vec::new(),
            by_key: HashMap::new(),
            last: None,
        }
    }

    pub(super) fn is_ignored(&self) -> bool {
        matches!(self.kind, Kind::Ignored)
    }

    /// Keys name attributes within one file only.
    pub(super) fn forget_keys(&mut self) {
        self.known.clear();
        self.by_key.clear();
        self.last = None;
        self.last_at_ms = i64::MIN;
    }

    /// Whether `key` is what the row before had.
    pub(super) fn recall(&mut self, key: Key) -> Option<u32> {
        match self.last {
            Some((last, known)) if last == key => Some(known),
            _ => {
                let known = *self.by_key.get(&key)?;
                self.last = Some((key, known));
                Some(known)
            }
        }
    }

    /// Remembers attributes under `key`.
    pub(super) fn remember(&mut self, key: Key, attributes: Attributes) -> u32 {
        if self.known.len() >= REMEMBERED {
            self.known.clear();
            self.by_key.clear();
        }
        let scale = self.scale(&attributes);
        self.known.push(Known { attributes, scale, heard: Vec::new() });
        let known = (self.known.len() - 1) as u32;
        self.by_key.insert(key, known);
        self.last = Some((key, known));
        known
    }

    fn scale(&mut self, attributes: &Attributes) -> f64 {
        let (Kind::Sensor(sensor), Some(unit)) = (&mut self.kind, attributes.unit_of_measurement.as_str()) else { return 1.0 };
        let own = sensor.unit.get_or_insert_with(|| unit.to_owned());
        if own == unit {
            return 1.0;
        }
        if !self.other_units.iter().any(|u| u == unit) {
            self.other_units.push(unit.to_owned());
        }
        let ratio = |per: fn(&str) -> Option<f64>| Some(per(unit)? / per(own)?);
        ratio(units::watts_per).or_else(|| ratio(units::kwh_per)).unwrap_or(f64::NAN)
    }

    /// A state said at `at_ms`, which is before the span wanted where `early`. Returns whether it was text in a sensor.
    pub(super) fn say(&mut self, known: u32, state: &[u8], at_ms: i64, early: bool) -> bool {
        self.heard = true;
        match &mut self.kind {
            Kind::Sensor(sensor) | Kind::Undecided(sensor) => {
                let (value, text) = number(state);
                let value = value * self.known[known as usize].scale;
                self.numbers += u64::from(!value.is_nan());
                if !early {
                    sensor.readings.push(at_ms, value);
                } else if self.before.is_none_or(|(before_ms, ..)| before_ms <= at_ms) {
                    self.before = Some((at_ms, value, None));
                }
                self.not_numbers += u64::from(text);
                text
            }
            Kind::Entity(entity) => {
                let level = self.known[known as usize].level(entity, state);
                if !early {
                    entity.said.push(Said { at_ms, level });
                } else if self.before.is_none_or(|(before_ms, ..)| before_ms <= at_ms) {
                    self.before = Some((at_ms, f64::NAN, level));
                }
                false
            }
            Kind::Unheard | Kind::Ignored => false,
        }
    }

    /// Nothing it said holds from `at_ms` on.
    pub(super) fn silence(&mut self, at_ms: i64, early: bool) {
        // The last states may be said in the very moment that recording ended, or just after.
        let at_ms = at_ms.max(self.last_at_ms + 1);
        match &mut self.kind {
            _ if early => self.before = Some((at_ms, f64::NAN, None)),
            Kind::Sensor(sensor) | Kind::Undecided(sensor) => sensor.readings.push(at_ms, f64::NAN),
            Kind::Entity(entity) => entity.said.push(Said { at_ms, level: None }),
            Kind::Unheard | Kind::Ignored => {}
        }
    }

    /// Makes room for what holds at the start of the span.
    pub(super) fn reserve(&mut self, from_ms: i64) {
        match &mut self.kind {
            Kind::Sensor(sensor) | Kind::Undecided(sensor) => sensor.readings.push(from_ms, f64::NAN),
            Kind::Entity(entity) => entity.said.push(Said { at_ms: from_ms, level: None }),
            Kind::Unheard | Kind::Ignored => {}
        }
    }

    /// Puts what was said last before the span into the room kept for it.
    pub(super) fn fill_reserve(&mut self) {
        match &mut self.kind {
            Kind::Sensor(sensor) | Kind::Undecided(sensor) => {
                if let (Some(first), Some((_, value, _))) = (sensor.readings.value.first_mut(), self.before) {
                    *first = value;
                }
            }
            Kind::Entity(entity) => match (entity.said.first_mut(), self.before) {
                (Some(first), Some((_, _, level))) => first.level = level,
                (Some(_), None) => drop(entity.said.remove(0)),
                (None, _) => {}
            },
            Kind::Unheard | Kind::Ignored => {}
        }
    }
}

impl Known {
    fn level(&mut self, entity: &mut Entity, state: &[u8]) -> Option<Level> {
        if let Some((_, level)) = self.heard.iter().find(|(text, _)| text.as_bytes() == state) {
            return *level;
        }
        let text = String::from_utf8_lossy(state);
        let level = match hear(&entity.entity_id, &text, &self.attributes) {
            Heard::Silent => None,
            Heard::Off => Some(Level::off()),
            Heard::On(mode, fraction) => Some(Level { mode: entity.mode(&mode), fraction }),
        };
        if self.heard.len() < 32 {
            self.heard.push((text.into(), level));
        }
        level
    }
}

/// The number a state says, `NaN` where it says none, and whether it should have said one.
fn number(state: &[u8]) -> (f64, bool) {
    let Ok(text) = std::str::from_utf8(state) else { return (f64::NAN, true) };
    match text.parse::<f64>().or_else(|_| text.trim().parse()) {
        Ok(value) if value.is_finite() => (value, false),
        Ok(_) => (f64::NAN, true),
        Err(_) => (f64::NAN, !is_silent(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("12.5", Some(12.5), false)]
    #[case(" -3e2 ", Some(-300.0), false)]
    #[case("unavailable", None, false)]
    #[case("unknown", None, false)]
    #[case("", None, false)]
    #[case("nan", None, true)]
    #[case("inf", None, true)]
    #[case("1e999", None, true)]
    #[case("12,5", None, true)]
    #[case("twelve", None, true)]
    fn only_finite_numbers_are_readings(#[case] state: &str, #[case] value: Option<f64>, #[case] bad: bool) {
        let (got, text) = number(state.as_bytes());
        assert_eq!((got.is_finite().then_some(got), text), (value, bad));
    }
}
