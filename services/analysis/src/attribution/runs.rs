//! Runs: stretches in which a unit is on, with what is known of their ends.

use super::events::{Events, Stretch, same};
use wattribute_domain::Level;

/// A run: from on to off, at one or several levels.
#[derive(Clone, Debug)]
pub struct Run {
    /// Start, ms.
    pub from_ms: i64,
    /// End, ms.
    pub to_ms: i64,
    /// Levels within the run, in order.
    pub levels: Vec<Stretch>,
    /// Whether both ends were heard when they happened.
    pub clean: bool,
    /// The times between which a lost end lies, ms; the run's own ends where they are known.
    pub bounds: (i64, i64),
}

impl Run {
    /// Length, s.
    pub fn seconds(&self) -> f64 {
        (self.to_ms - self.from_ms) as f64 / 1000.0
    }

    /// The same run at another time.
    pub fn shifted(&self, by_ms: i64) -> Run {
        Run { from_ms: self.from_ms + by_ms, to_ms: self.to_ms + by_ms, ..self.clone() }
    }

    /// Moves the ends; levels follow.
    pub fn reshape(&mut self, from_ms: i64, to_ms: i64) {
        (self.from_ms, self.to_ms) = (from_ms, to_ms.max(from_ms));
        self.levels.retain(|l| l.to_ms > from_ms && l.from_ms < to_ms);
        if let Some(first) = self.levels.first_mut() {
            first.from_ms = from_ms;
        }
        if let Some(last) = self.levels.last_mut() {
            last.to_ms = to_ms;
        }
    }
}

/// What may have been lost: a level that was heard twice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Doubt {
    /// The level was heard at `first_ms`, and again at `again_ms`.
    pub first_ms: i64,
    /// See `first_ms`.
    pub again_ms: i64,
    /// Which level.
    pub level: Level,
}

/// The runs of a unit up to `end_ms`, and the doubts about them.
pub fn runs(events: &Events, end_ms: i64) -> (Vec<Run>, Vec<Doubt>) {
    let mut out: Vec<Run> = Vec::new();
    let first_ms = events.first.map_or(i64::MIN, |f| f.0);
    for stretch in events.stretches(end_ms) {
        if stretch.level.is_off() || stretch.to_ms <= stretch.from_ms {
            continue;
        }
        match out.last_mut() {
            Some(run) if run.to_ms == stretch.from_ms => {
                run.to_ms = stretch.to_ms;
                run.levels.push(stretch);
            }
            _ => out.push(Run { from_ms: stretch.from_ms, to_ms: stretch.to_ms, levels: vec![stretch], clean: true, bounds: (0, 0) }),
        }
    }
    let unheard: Vec<(i64, i64)> = events.changes.iter().filter_map(|c| c.since_ms.map(|s| (s, c.at_ms))).collect();
    for run in &mut out {
        let touches = |&(a, b): &(i64, i64)| (a <= run.from_ms && run.from_ms <= b) || (a <= run.to_ms && run.to_ms <= b);
        run.clean = run.from_ms > first_ms && run.to_ms < end_ms && !unheard.iter().any(touches);
        run.bounds = (run.from_ms, run.to_ms);
    }
    let doubts = events.repeats.iter().map(|r| Doubt { first_ms: r.first_ms, again_ms: r.at_ms, level: r.level }).collect();
    (out, doubts)
}

/// Splits the run that holds a lost off: it was on from `doubt.first_ms` to some time before `doubt.again_ms`, when it went on again.
pub fn split(runs: &mut Vec<Run>, doubt: Doubt, off_ms: i64) {
    let Some(k) = runs
        .iter()
        .position(|r| r.from_ms <= doubt.first_ms && doubt.again_ms < r.to_ms && r.levels.iter().any(|l| same(l.level, doubt.level)))
    else {
        return;
    };
    let mut later = runs[k].clone();
    let bounds = (doubt.first_ms, doubt.again_ms);
    later.reshape(doubt.again_ms, later.to_ms);
    later.bounds.0 = doubt.again_ms;
    let from_ms = runs[k].from_ms;
    runs[k].reshape(from_ms, off_ms);
    runs[k].bounds = bounds;
    runs[k].clean = false;
    runs.insert(k + 1, later);
}

/// Adds a run whose start was lost: off was heard at `doubt.first_ms` and again at `doubt.again_ms`.
pub fn insert(runs: &mut Vec<Run>, doubt: Doubt, on_ms: i64, level: Level) {
    let levels = vec![Stretch { from_ms: on_ms, to_ms: doubt.again_ms, level }];
    let run = Run { from_ms: on_ms, to_ms: doubt.again_ms, levels, clean: false, bounds: (doubt.first_ms, doubt.again_ms) };
    let k = runs.partition_point(|r| r.from_ms < on_ms);
    runs.insert(k, run);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::events::Change;

    const ON: Level = Level { mode: 1, fraction: 1.0 };
    const DIM: Level = Level { mode: 1, fraction: 0.5 };

    fn events(first: Level, changes: &[(i64, Level, Option<i64>)]) -> Events {
        let mut from = first;
        let mut out = Events { first: Some((0, first)), ..Events::default() };
        for &(at_ms, to, since_ms) in changes {
            out.changes.push(Change { at_ms, from, to, since_ms });
            from = to;
        }
        out
    }

    #[test]
    fn a_run_goes_from_on_to_off_through_all_levels() {
        let off = Level::off();
        let heard = [(100, ON, None), (200, DIM, None), (300, off, None), (500, ON, None), (600, off, Some(560)), (700, ON, None)];
        let (runs, doubts) = runs(&events(off, &heard), 900);
        let found: Vec<(i64, i64, usize, bool)> = runs.iter().map(|r| (r.from_ms, r.to_ms, r.levels.len(), r.clean)).collect();
        // The second ended unheard, in the middle of the silence; the third never ends.
        assert_eq!(found, [(100, 300, 2, true), (500, 580, 1, false), (700, 900, 1, false)]);
        assert!(doubts.is_empty());
    }

    #[test]
    fn what_was_lost_splits_a_run_or_adds_one() {
        let off = Level::off();
        let (mut all, _) = runs(&events(off, &[(100, ON, None), (900, off, None)]), 2_000);
        split(&mut all, Doubt { first_ms: 100, again_ms: 600, level: ON }, 300);
        insert(&mut all, Doubt { first_ms: 900, again_ms: 1_500, level: off }, 1_200, ON);
        let found: Vec<(i64, i64, bool)> = all.iter().map(|r| (r.from_ms, r.to_ms, r.clean)).collect();
        assert_eq!(found, [(100, 300, false), (600, 900, true), (1_200, 1_500, false)]);
        assert!(all.iter().all(|r| r.levels[0].from_ms == r.from_ms && r.levels[0].to_ms == r.to_ms));
    }
}
