//! Correlation as it happens: the steps around the latest changes, by what was learned of the meter and of the devices.

use std::collections::BTreeMap;

use wattribute_domain::{Correlation, Entity, Level, OwnerWords, Series, Stage};

use crate::attribution::curve::Curve;
use crate::attribution::events::Events;
use crate::attribution::learn::{join, learn};
use crate::attribution::meter::{Meter, Ways};
use crate::attribution::owner::Owner;
use crate::attribution::power::Powers;
use crate::attribution::steps::{Cluster, Contrast, Guards, Windows, clusters, contrasts};
use crate::attribution::units::{Unit, marks};

/// What live correlation needs of what was learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    ways: Ways,
    guards: Guards,
    windows: Windows,
    floor_w: f64,
    units: Vec<ModelUnit>,
    parameters: Vec<f64>,
    /// Entities of which the owner says a power, W, or that they switch nothing (`None`): the changes of those are not looked at.
    said: BTreeMap<String, Option<f64>>,
}

/// Entities that are learned as one.
#[derive(Clone, Debug, PartialEq)]
struct ModelUnit {
    members: Vec<String>,
    curve: Curve,
}

/// A correlation as far as it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveCorrelation {
    /// The change and the step around it; [`Correlation::entity`] counts the entities given.
    pub correlation: Correlation,
    /// Indices of other entities that changed within the window.
    pub others: Vec<u32>,
    /// Final where its window has closed.
    pub stage: Stage,
}

/// What a look at the latest changes brings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveLook {
    /// Changes whose step can be told, or could not be told until their window closed, in order of time.
    pub correlations: Vec<LiveCorrelation>,
    /// When there is more to say though nothing more is heard, ms: a provisional step, or a window that closes; `None` where all have.
    pub next_close_ms: Option<i64>,
}

impl Model {
    pub(crate) fn new(meter: &Meter<'_>, units: &[Unit], powers: &Powers, entities: &[Entity], owner: &Owner) -> Self {
        let id = |&k: &usize| entities[k].entity_id.clone();
        Model {
            ways: meter.ways(),
            guards: powers.guards,
            windows: powers.windows,
            floor_w: powers.floor_w,
            units: units.iter().map(|u| ModelUnit { members: u.members.iter().map(id).collect(), curve: u.curve.clone() }).collect(),
            parameters: powers.solution.parameters.clone(),
            said: said(entities, owner),
        }
    }

    /// What can be known from a stretch too short to learn devices from.
    pub fn of_little(power: &Series, entities: &[Entity], words: &OwnerWords) -> Self {
        let owner = Owner::of(words, entities);
        let usable = power.value.iter().filter(|v| v.is_finite()).count() >= 3;
        if usable {
            return learn(power, entities, 0.0, &owner).model;
        }
        let ways = Ways::default();
        let guards = Guards::wide(ways.interval_s);
        Model {
            ways,
            guards,
            windows: Windows::of(ways.interval_s, 24.0),
            floor_w: 1.0,
            units: Vec::new(),
            parameters: Vec::new(),
            said: said(entities, &owner),
        }
    }

    /// How far around a change its windows can reach, ms.
    pub fn reach_ms(&self) -> i64 {
        let side_s = self.guards.pre_s.max(self.guards.post_s) + self.windows.longest_s + 2.0 * self.ways.interval_s;
        (side_s * 1000.0) as i64
    }

    /// How long after a lone change its correlation is provisional and final at the latest, s, with the meter's readings at hand.
    pub fn delays_s(&self) -> (f64, f64) {
        let start_s = self.guards.post_s + self.ways.interval_s;
        (start_s + self.windows.shortest_s, start_s + self.windows.longest_s)
    }

    /// Time before and after a change that its windows leave out, s.
    pub fn guards_s(&self) -> (f64, f64) {
        (self.guards.pre_s, self.guards.post_s)
    }

    /// Usual time between the meter's readings, s.
    pub fn interval_s(&self) -> f64 {
        self.ways.interval_s
    }

    /// Whether both would look at the meter through the same windows and by the same words of the owner, so that what one joined need not be
    /// joined again by the other.
    pub fn looks_alike(&self, other: &Model) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() <= 1.0 + 0.05 * a.max(b);
        let members = |m: &Model| m.units.iter().filter(|u| u.members.len() > 1).map(|u| u.members.clone()).collect::<Vec<_>>();
        near(self.guards.post_s, other.guards.post_s)
            && near(self.guards.pre_s, other.guards.pre_s)
            && (self.windows.longest_s - other.windows.longest_s).abs() < 1.0
            && members(self) == members(other)
            && self.said == other.said
    }

    /// Power of an entity at a level by its steps, W above what it draws when off; a group's is the sum, and told for its first member
    /// only. `None` where nothing was learned of the mode.
    pub fn power_w(&self, entity_id: &str, level: Level) -> Option<f64> {
        if level.is_off() {
            return Some(0.0);
        }
        let unit = self.units.iter().find(|u| u.members.first().is_some_and(|m| m == entity_id))?;
        unit.curve.modes.iter().any(|m| m.mode == level.mode).then(|| unit.curve.power_w(level, &self.parameters))
    }

    /// Joins what `entities` did with `power` (W, normalised), which is known up to `until_ms`: a meter that is silent till then has
    /// not changed.
    pub fn look(&self, power: &Series, entities: &[Entity], until_ms: i64) -> LiveLook {
        let mut power = power.clone();
        let last = power.at_ms.last().zip(power.value.last()).filter(|(last_ms, _)| **last_ms < until_ms);
        if let Some((_, &held)) = last {
            power.push(until_ms, held);
        }
        let meter = Meter::of_ways(&power, self.ways);
        let units = self.units_of(entities);
        let marks = marks(&units);
        let clusters = clusters(&marks, self.guards);
        let contrasts = contrasts(&meter, &clusters, self.windows);
        let explained_w: Vec<f64> = clusters.iter().map(|c| self.explained_w(&units, &marks[c.marks.clone()])).collect();
        let joined = join(&units, &marks, &clusters, &contrasts, &explained_w, self.floor_w);
        let mut look = LiveLook::default();
        let mut joined = joined.into_iter();
        for (k, (cluster, contrast)) in clusters.iter().zip(&contrasts).enumerate() {
            let closes_ms = self.closes_ms(&meter, cluster, contrast.as_ref(), clusters.get(k + 1));
            let stage = if closes_ms <= until_ms { Stage::Final } else { Stage::Provisional };
            if stage == Stage::Provisional {
                // A meter that says nothing more tells of the step no less.
                let told_ms = cluster.to_ms + ((self.ways.interval_s + self.windows.shortest_s) * 1000.0).ceil() as i64;
                let next_ms = if contrast.is_none() && told_ms > until_ms { told_ms.min(closes_ms) } else { closes_ms };
                look.next_close_ms = Some(look.next_close_ms.map_or(next_ms, |c| c.min(next_ms)));
            }
            let inside: Vec<u32> = marks[cluster.marks.clone()].iter().map(|m| units[m.unit as usize].members[0] as u32).collect();
            for correlation in joined.by_ref().take(cluster.marks.len()) {
                if stage == Stage::Provisional && contrast.is_none() {
                    continue; // nothing to say yet
                }
                let mut others: Vec<u32> = inside.iter().copied().filter(|&e| e != correlation.entity).collect();
                others.sort_unstable();
                others.dedup();
                look.correlations.push(LiveCorrelation { correlation, others, stage });
            }
        }
        look.correlations.sort_by_key(|c| (c.correlation.at_ms, c.correlation.entity));
        look
    }

    /// When the window after a cluster closes, ms: after its full length, or where the next one begins.
    fn closes_ms(&self, meter: &Meter<'_>, cluster: &Cluster, contrast: Option<&Contrast>, next: Option<&Cluster>) -> i64 {
        let start_ms = contrast.map_or_else(|| meter.first_whole_reading(cluster.to_ms), |c| c.after_ms);
        let full_ms = start_ms + (self.windows.longest_s * 1000.0) as i64;
        next.map_or(full_ms, |n| n.from_ms.clamp(cluster.to_ms, full_ms))
    }

    /// The step that the learned devices explain, W; `NaN` where nothing is learned of any of them.
    fn explained_w(&self, units: &[Unit], inside: &[crate::attribution::steps::Mark]) -> f64 {
        let (mut sum, mut known) = (0.0, false);
        for mark in inside {
            let unit = &units[mark.unit as usize];
            let change = &unit.events.changes[mark.change as usize];
            known |= unit.curve.parameters() > 0;
            sum += unit.curve.power_w(change.to, &self.parameters) - unit.curve.power_w(change.from, &self.parameters);
        }
        if known { sum } else { f64::NAN }
    }

    /// The entities as units: those that were learned as one are one.
    fn units_of(&self, entities: &[Entity]) -> Vec<Unit> {
        let mut out: Vec<Unit> = Vec::new();
        let mut taken: Vec<bool> = entities.iter().map(|e| self.said.get(&e.entity_id) == Some(&None)).collect();
        let looked_at: Vec<bool> = taken.iter().map(|taken| !taken).collect();
        let place = |id: &str| entities.iter().position(|e| e.entity_id == id).filter(|&k| looked_at[k]);
        let unit = |members: Vec<usize>, curve: Curve| {
            let heard = members.iter().map(|&k| Events::of(&entities[k])).max_by_key(|e| e.changes.len()).unwrap_or_default();
            Unit { members, events: heard, curve, usually_steady: 0.5, stated_w: None }
        };
        for known in &self.units {
            let members: Vec<usize> = known.members.iter().filter_map(|id| place(id)).collect();
            if !members.is_empty() {
                members.iter().for_each(|&k| taken[k] = true);
                out.push(unit(members, known.curve.clone()));
            }
        }
        let strangers = (0..entities.len()).filter(|&k| !taken[k]);
        out.extend(strangers.map(|k| unit(vec![k], Curve::default())));
        out
    }
}

/// What the owner says of the power of entities.
fn said(entities: &[Entity], owner: &Owner) -> BTreeMap<String, Option<f64>> {
    let says = |(k, e): (usize, &Entity)| owner.says_power(k).then(|| (e.entity_id.clone(), owner.stated_w(k)));
    entities.iter().enumerate().filter_map(says).collect()
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
