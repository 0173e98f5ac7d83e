//! From what entities were heard to say to changes of level, and to the time they spent at each.

use wattribute_domain::{Entity, Level};

/// A change of level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// When it was said, ms.
    pub at_ms: i64,
    /// Level before.
    pub from: Level,
    /// Level after.
    pub to: Level,
    /// When the entity fell silent before it came back at another level: the change lies somewhere since then.
    pub since_ms: Option<i64>,
}

/// The same level said again, much later than an attribute would change after a switch: the opposite may have been lost in between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repeat {
    /// When the level was said first, ms.
    pub first_ms: i64,
    /// When it was said again, ms.
    pub at_ms: i64,
    /// The level.
    pub level: Level,
}

/// What an entity did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    /// Changes in order of time.
    pub changes: Vec<Change>,
    /// Repeats in order of time.
    pub repeats: Vec<Repeat>,
    /// Where the entity was first heard, and at which level.
    pub first: Option<(i64, Level)>,
}

/// A stretch at one level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Start, ms.
    pub from_ms: i64,
    /// End, ms.
    pub to_ms: i64,
    /// The level.
    pub level: Level,
}

/// Seconds after which saying the same level again is no longer taken for an attribute that follows a switch.
const REPEAT_S: i64 = 32;

/// Levels that differ by less than this in fraction are the same level.
const SAME_FRACTION: f32 = 0.004;

impl Events {
    /// Reads what an entity said. Attribute-only repeats, `unavailable` and `unknown` are not changes; coming back from them is one
    /// only if the level differs from the last one known.
    pub fn of(entity: &Entity) -> Self {
        let mut events = Events::default();
        let mut last: Option<(i64, Level)> = None;
        let mut silent_since: Option<i64> = None;
        for said in &entity.said {
            let Some(level) = said.level else {
                silent_since.get_or_insert(said.at_ms);
                continue;
            };
            match last {
                None => events.first = Some((said.at_ms, level)),
                Some((_, held)) if !same(held, level) => {
                    events.changes.push(Change { at_ms: said.at_ms, from: held, to: level, since_ms: silent_since });
                }
                Some((first_ms, held)) => {
                    if silent_since.is_some() || said.at_ms - first_ms <= REPEAT_S * 1000 {
                        silent_since = None;
                        continue; // the first time it was said stands
                    }
                    events.repeats.push(Repeat { first_ms, at_ms: said.at_ms, level: held });
                }
            }
            silent_since = None;
            last = Some((said.at_ms, level));
        }
        events
    }

    /// The stretches at each level up to `end_ms`, the first one from where the entity was first heard.
    pub fn stretches(&self, end_ms: i64) -> Vec<Stretch> {
        let Some((mut from_ms, mut level)) = self.first else { return Vec::new() };
        let mut out = Vec::with_capacity(self.changes.len() + 1);
        for change in &self.changes {
            // Of a change that happened unheard only the bounds are known: take the middle.
            let at_ms = change.since_ms.map_or(change.at_ms, |since| (since + change.at_ms) / 2).max(from_ms);
            out.push(Stretch { from_ms, to_ms: at_ms, level });
            (from_ms, level) = (at_ms, change.to);
        }
        out.push(Stretch { from_ms, to_ms: end_ms.max(from_ms), level });
        out
    }
}

/// Whether two levels are the same as far as a load is concerned.
pub fn same(a: Level, b: Level) -> bool {
    a.mode == b.mode && (a.is_off() || (a.fraction - b.fraction).abs() < SAME_FRACTION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattribute_domain::Said;

    fn on(fraction: f32) -> Option<Level> {
        Some(Level { mode: 1, fraction })
    }

    fn said(rows: &[(i64, Option<Level>)]) -> Entity {
        let mut e = Entity::new("light.a");
        e.mode("on");
        e.said = rows.iter().map(|&(s, level)| Said { at_ms: s * 1000, level }).collect();
        e
    }

    #[test]
    fn silence_and_attributes_are_not_changes() {
        let off = Some(Level::off());
        let e = said(&[
            (0, off),
            (100, on(1.0)),
            (110, on(1.0)),
            (200, None),
            (260, on(1.0)),
            (300, on(0.5)),
            (400, None),
            (500, off),
            (900, off),
        ]);
        let events = Events::of(&e);
        let at: Vec<_> = events.changes.iter().map(|c| (c.at_ms / 1000, c.since_ms.map(|t| t / 1000))).collect();
        assert_eq!(at, [(100, None), (300, None), (500, Some(400))]);
        assert_eq!(events.repeats, [Repeat { first_ms: 500_000, at_ms: 900_000, level: Level::off() }]);
        let on_s: i64 = events.stretches(1_000_000).iter().filter(|s| !s.level.is_off()).map(|s| (s.to_ms - s.from_ms) / 1000).sum();
        assert_eq!(on_s, 350);
    }
}
