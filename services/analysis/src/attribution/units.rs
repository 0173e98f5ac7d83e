//! Units of attribution: an entity, or entities that are always switched together.

use super::curve::Curve;
use super::events::{Change, Events};
use super::owner::Owner;
use super::steps::Mark;

/// What is learned as one.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Indices of its entities; more than one is a group.
    pub members: Vec<usize>,
    /// What it did: the events of the member that was heard most.
    pub events: Events,
    /// Its power curve.
    pub curve: Curve,
    /// How often things of its kind draw the same power whenever they are on, 0 to 1.
    pub usually_steady: f64,
    /// Power at full level by the owner's word, W: not learned, and what the others draw is learned around it.
    pub stated_w: Option<f64>,
}

impl Unit {
    /// The parameters that are not learned, and what they are, W: a stated power is linear in the fraction.
    pub fn held(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let of_mode = move |power_w: f64| {
            self.curve.modes.iter().flat_map(move |mode| {
                let below = std::iter::once(0.0).chain(mode.knots.iter().copied());
                mode.knots.iter().zip(below).enumerate().map(move |(k, (knot, below))| (mode.first + k, power_w * f64::from(knot - below)))
            })
        };
        self.stated_w.into_iter().flat_map(of_mode)
    }
}

/// Changes of two members within this time are one.
const TOGETHER_MS: i64 = 8_000;

/// Share of the changes of each of two entities that must be common for them to be a group.
const COMMON: f64 = 0.8;

/// The longest silence across which a change still gives an equation, ms.
const UNHEARD_MS: i64 = 120_000;

/// Makes units of the events of entities of the given domains (`light`, `switch`, …), and of what the owner says of them.
pub fn units(events: Vec<Events>, domains: &[&str], owner: &Owner) -> Vec<Unit> {
    let mut group: Vec<usize> = owner.groups(events.len());
    for a in 0..events.len() {
        for b in a + 1..events.len() {
            let is_one = group[a] == a && group[b] == b && together(&events[a].changes, &events[b].changes);
            if is_one && owner.may_be_one(&group, a, b) {
                group.iter_mut().filter(|first| **first == b).for_each(|first| *first = a);
            }
        }
    }
    let mut out: Vec<Unit> = Vec::new();
    let mut place = vec![usize::MAX; events.len()];
    for (k, events) in events.into_iter().enumerate() {
        let first = group[k];
        if first != k {
            let unit = &mut out[place[first]];
            unit.members.push(k);
            unit.stated_w = unit.stated_w.or(owner.stated_w(k));
            if events.changes.len() > unit.events.changes.len() {
                unit.events = events;
            }
            continue;
        }
        place[k] = out.len();
        let usually_steady = usually_steady(domains[k]);
        out.push(Unit { members: vec![k], events, curve: Curve::default(), usually_steady, stated_w: owner.stated_w(k) });
    }
    let mut first = 0;
    for unit in &mut out {
        unit.curve = match unit.stated_w {
            Some(_) => Curve::whole(&unit.events, first),
            None => Curve::new(&unit.events.changes, first),
        };
        first += unit.curve.parameters();
    }
    out
}

/// A lamp draws what its level says; a socket may have anything behind it.
fn usually_steady(domain: &str) -> f64 {
    match domain {
        "light" | "fan" | "siren" | "cover" | "valve" => 0.995,
        "input_boolean" | "humidifier" => 0.8,
        "climate" | "water_heater" => 0.7,
        "switch" => 0.6,
        _ => 0.5,
    }
}

/// Whether nearly all changes of both happen at the same times in the same direction.
fn together(a: &[Change], b: &[Change]) -> bool {
    let most = a.len().max(b.len());
    if a.len().min(b.len()) < 6 || (a.len().min(b.len()) as f64) < COMMON * most as f64 {
        return false;
    }
    let (mut common, mut k) = (0, 0);
    for x in a {
        while k < b.len() && b[k].at_ms < x.at_ms - TOGETHER_MS {
            k += 1;
        }
        let same_way = |y: &Change| x.to.is_off() == y.to.is_off() && x.from.is_off() == y.from.is_off();
        if b[k..].iter().take_while(|y| y.at_ms <= x.at_ms + TOGETHER_MS).any(same_way) {
            common += 1;
        }
    }
    f64::from(common) >= COMMON * most as f64
}

/// All changes of all units in order of time.
pub fn marks(units: &[Unit]) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::with_capacity(units.iter().map(|u| u.events.changes.len()).sum());
    for (u, unit) in units.iter().enumerate() {
        for (k, change) in unit.events.changes.iter().enumerate() {
            let from_ms = change.since_ms.filter(|since| change.at_ms - since <= UNHEARD_MS).unwrap_or(change.at_ms);
            marks.push(Mark { from_ms, at_ms: change.at_ms, unit: u as u32, change: k as u32 });
        }
    }
    marks.sort_by_key(|m| (m.at_ms, m.unit, m.change));
    marks
}

/// Whether the time of a change is known well enough for an equation.
pub fn is_timed(change: &Change) -> bool {
    change.since_ms.is_none_or(|since| change.at_ms - since <= UNHEARD_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattribute_domain::Level;

    /// On and off every 10 minutes, `late_ms` late.
    fn switching(times: i64, late_ms: i64) -> Events {
        let on = Level { mode: 1, fraction: 1.0 };
        let change = |k: i64| {
            let (from, to) = if k % 2 == 0 { (Level::off(), on) } else { (on, Level::off()) };
            Change { at_ms: k * 600_000 + late_ms, from, to, since_ms: None }
        };
        Events { changes: (0..times).map(change).collect(), first: Some((0, Level::off())), repeats: Vec::new() }
    }

    #[test]
    fn only_what_goes_the_same_way_at_the_same_time_is_a_group() {
        let mut opposite = switching(20, 0);
        opposite.changes.remove(0);
        opposite.changes.iter_mut().for_each(|c| c.at_ms -= 600_000);
        let all = vec![switching(20, 0), switching(20, 300_000), switching(21, 5_000), opposite, switching(5, 0)];
        let units = units(all, &["light", "light", "switch", "light", "light"], &Owner::default());
        let members: Vec<&[usize]> = units.iter().map(|u| &u.members[..]).collect();
        assert_eq!(members, [&[0, 2][..], &[1], &[3], &[4]]);
        assert_eq!(units[0].events.changes.len(), 21, "of the member that was heard most");
        let first: Vec<usize> = units.iter().map(|u| u.curve.modes[0].first).collect();
        assert_eq!(first, [0, 1, 2, 3], "parameters are numbered on");
    }

    #[test]
    fn marks_are_in_order_and_reach_back_over_a_short_silence() {
        let mut late = switching(2, 0);
        late.changes[0].since_ms = Some(-60_000);
        late.changes[1].since_ms = Some(600_000 - UNHEARD_MS - 1);
        let marks = marks(&units(vec![switching(2, 1_000), late.clone()], &["light", "light"], &Owner::default()));
        let found: Vec<(u32, i64, i64)> = marks.iter().map(|m| (m.unit, m.from_ms, m.at_ms)).collect();
        assert_eq!(found, [(1, -60_000, 0), (0, 1_000, 1_000), (1, 600_000, 600_000), (0, 601_000, 601_000)]);
        assert_eq!(late.changes.iter().map(is_timed).collect::<Vec<_>>(), [true, false]);
    }
}
