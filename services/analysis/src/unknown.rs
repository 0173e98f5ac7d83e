//! Loads that no entity explains: recurring steps of the house's power, paired and gathered (after Hart, 1992).
//!
//! A rise and the fall that takes it back are a run; runs of about the same power and duration are a load. Around every change of an
//! entity nothing is looked at, and what goes with an entity belongs to it. What lies hidden that way is made up for: runs of the same
//! kind are put into the same power at other times, and the share of them that is found tells how many were missed.
//!
//! Two loads of the same power that run for about as long cannot be told apart: they come out as one that runs more often.

mod density;
mod edges;
mod explained;
mod pairs;
mod samples;

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Timelike};
use chrono_tz::Tz;
use wattribute_domain::{DeviceProfile, Entity, Series, UnknownLoad, UnknownLoads, UnknownRun, Verdict};

use self::density::cuts;
use self::edges::{Edge, Movement, edges};
use self::explained::Activity;
use self::pairs::{Alike, Kind, Pair, middle_and_spread, pairs};
use self::samples::Samples;
use crate::attribution::learn::round;
use crate::attribution::meter::quantile;

/// Smaller loads are not looked for, W.
const SMALLEST_W: f64 = 20.0;
/// A load is one that was seen so often, and on so many days.
const FEWEST_RUNS: usize = 5;
const FEWEST_DAYS: usize = 3;
/// Below this a load must be seen twice as often, W.
const SMALL_W: f64 = 60.0;
/// At most this share of the runs of a load may come about by chance.
const MOST_BY_CHANCE: f64 = 0.5;
/// Runs of a load that are listed.
const MOST_RUNS: usize = 500;
/// Trial runs that tell how many are missed.
const TRIALS: usize = 400;
/// A trial run is found within so many samples of its beginning and end.
const TRIAL_REACH: usize = 2;
/// Samples around the ends of a trial run that are looked at.
const TRIAL_ROOM: usize = 26;

/// What is looked through for unknown loads.
#[derive(Clone, Copy, Debug)]
pub struct UnknownSearch<'a> {
    /// Power of the house in W, that of the sun added, normalised.
    pub power: &'a Series,
    /// What devices with a meter of their own draw, W, as far as it is a part of the house.
    pub metered: &'a [Series],
    /// Everything that may switch a load.
    pub entities: &'a [Entity],
    /// What was learned of them.
    pub profiles: &'a [DeviceProfile],
    /// Where hours and days are counted.
    pub time_zone: Tz,
}

/// The loads that no entity explains, those that use most first; they have no ids yet ([`UnknownLoads::continue_from`]).
pub fn unknown_loads(search: &UnknownSearch<'_>) -> UnknownLoads {
    let span_ms = (search.power.at_ms.first().copied().unwrap_or(0), search.power.at_ms.last().copied().unwrap_or(0));
    let mut found = UnknownLoads { from_ms: span_ms.0, to_ms: span_ms.1, ..UnknownLoads::default() };
    if let Some(look) = Look::new(search, span_ms) {
        found.loads = look.loads();
    }
    found
}

/// All that is worked with.
struct Look<'a> {
    search: &'a UnknownSearch<'a>,
    span_ms: (i64, i64),
    samples: Samples,
    movement: Movement,
    edges: Vec<Edge>,
    activities: Vec<Activity>,
}

impl<'a> Look<'a> {
    fn new(search: &'a UnknownSearch<'a>, span_ms: (i64, i64)) -> Option<Self> {
        let profile = |entity: &Entity| search.profiles.iter().find(|p| p.entity_id == entity.entity_id);
        let switching: Vec<&Entity> =
            search.entities.iter().filter(|e| profile(e).is_none_or(|p| p.verdict != Verdict::NoLoad)).collect();
        let samples = Samples::new(search.power, search.metered, &switching)?;
        let movement = Movement::new(&samples, SMALLEST_W.max(3.0 * samples.noise_w()));
        let edges = edges(&samples.power_w, 0, &movement);
        let activities = switching.iter().map(|e| Activity::new(e, profile(e), span_ms.1)).collect();
        Some(Look { search, span_ms, samples, movement, edges, activities })
    }

    fn loads(&self) -> Vec<UnknownLoad> {
        let mut taken: Vec<bool> = self.edges.iter().map(|e| self.samples.masked[e.place]).collect();
        let mut kinds: Vec<Kind> = Vec::new();
        let mut loads: Vec<UnknownLoad> = Vec::new();
        for alike in [Alike::Closely, Alike::Roughly] {
            // What is left of the loads found already is no load of its own.
            let is_free = |k: usize| !taken[k] && !kinds.iter().any(|kind| kind.has(&self.edges[k]));
            let mut crowds = self.crowds(&pairs(&self.edges, is_free, alike, self.samples.step_s()));
            crowds.sort_by_key(|crowd| std::cmp::Reverse(crowd.len()));
            for crowd in crowds {
                let Some(kind) = Kind::of(&crowd, &self.edges) else { continue };
                let runs = kind.runs(&self.edges, |k| !taken[k]);
                if let Some(load) = self.load(&kind, &runs) {
                    runs.iter().for_each(|run| (taken[run.rise], taken[run.fall]) = (true, true));
                    kinds.push(kind);
                    loads.extend(load);
                }
            }
        }
        loads.sort_by(|a, b| b.energy_kwh.total_cmp(&a.energy_kwh));
        loads
    }

    /// Pairs of about the same power and length.
    fn crowds(&self, pairs: &[Pair]) -> Vec<Vec<Pair>> {
        let mut out = Vec::new();
        for of_power in split(pairs, |p| p.power_w.ln(), |_| 0.04, 0.4) {
            // As wide as the spread and the number of values ask for (Silverman).
            let width = |lengths: &[f64]| {
                let spread = middle_and_spread(lengths).map_or(0.0, |m| m.1);
                (0.9 * spread * (lengths.len() as f64).powf(-0.2)).max(0.1)
            };
            out.extend(split(&of_power, |p| (p.length as f64).ln(), width, 0.4));
        }
        out.retain(|crowd| crowd.len() >= FEWEST_RUNS);
        out
    }

    /// The load of these runs: `None` where they are none, `Some(None)` where an entity explains them.
    fn load(&self, kind: &Kind, runs: &[Pair]) -> Option<Option<UnknownLoad>> {
        let (power_w, spread_w) = middle_and_spread(&runs.iter().map(|r| r.power_w).collect::<Vec<_>>())?;
        let fewest = if power_w < SMALL_W { 2 * FEWEST_RUNS } else { FEWEST_RUNS };
        let listed: Vec<UnknownRun> = runs.iter().map(|run| self.run(run)).collect();
        let days: BTreeSet<NaiveDate> = listed.iter().filter_map(|r| Some(self.local(r.from_ms)?.date_naive())).collect();
        if runs.len() < fewest || days.len() < FEWEST_DAYS {
            return None;
        }
        let by_chance = kind.by_chance(runs, &self.edges, self.samples.len()) / runs.len() as f64;
        if by_chance > MOST_BY_CHANCE {
            return None;
        }
        let times: Vec<(i64, i64)> = listed.iter().map(|r| (r.from_ms, r.to_ms)).collect();
        if self.activities.iter().any(|a| a.explains(&times, power_w, self.span_ms)) {
            return Some(None);
        }
        let visible = self.visible(kind, runs, power_w);
        Some(Some(self.told(listed, (power_w, spread_w), visible, 1.0 - by_chance)))
    }

    fn run(&self, pair: &Pair) -> UnknownRun {
        let (from, to) = (self.edges[pair.rise].place, self.edges[pair.fall].place);
        // The step lies somewhere between two samples.
        let at_ms = |place| self.samples.at_ms(place) - self.samples.step_ms / 2;
        UnknownRun { from_ms: at_ms(from), to_ms: at_ms(to), power_w: round(pair.power_w, 1) }
    }

    fn local(&self, at_ms: i64) -> Option<DateTime<Tz>> {
        Some(DateTime::from_timestamp_millis(at_ms)?.with_timezone(&self.search.time_zone))
    }

    /// The share of such runs that would be found, were they to begin at any time.
    fn visible(&self, kind: &Kind, runs: &[Pair], power_w: f64) -> f64 {
        let mut rest = self.samples.power_w.clone();
        for run in runs {
            rest[self.edges[run.rise].place..self.edges[run.fall].place].iter_mut().for_each(|w| *w -= power_w as f32);
        }
        let (mut tried, mut seen) = (0, 0);
        for trial in 0..TRIALS {
            let length = runs[trial * 7919 % runs.len()].length;
            // Evenly over the span, and at any time of the day.
            let from = ((trial as f64 * 0.618_033_988_75).fract() * rest.len() as f64) as usize;
            let to = from + length;
            if to >= rest.len() {
                continue;
            }
            tried += 1;
            let seen_at = |place: usize| {
                let window = place.saturating_sub(TRIAL_ROOM)..(place + TRIAL_ROOM).min(rest.len());
                let with = |k: usize| rest[k] + if (from..to).contains(&k) { power_w as f32 } else { 0.0 };
                let piece: Vec<f32> = window.clone().map(with).collect();
                let is_it = |e: &Edge| {
                    e.place.abs_diff(place) <= TRIAL_REACH && (e.power_w > 0.0) == (place == from) && kind.has(e) && !self.samples.masked[e.place]
                };
                edges(&piece, window.start, &self.movement).iter().any(is_it)
            };
            seen += usize::from(seen_at(from) && seen_at(to));
        }
        seen as f64 / tried.max(1) as f64
    }

    fn told(&self, listed: Vec<UnknownRun>, (power_w, spread_w): (f64, f64), visible: f64, strength: f64) -> UnknownLoad {
        let seen = listed.len();
        let days = (self.span_ms.1 - self.span_ms.0) as f64 / 86.4e6;
        let runs = seen as f64 / visible.clamp(0.05, 1.0);
        let mut lengths_s: Vec<f64> = listed.iter().map(|r| (r.to_ms - r.from_ms) as f64 / 1000.0).collect();
        let mut duration_s = |share| round(quantile(&mut lengths_s, share).unwrap_or(0.0), 0);
        let energy_kwh = listed.iter().map(UnknownRun::energy_kwh).sum::<f64>() / seen as f64 * runs;
        let error_w = (1.645 * 1.2533 * spread_w / (seen as f64).sqrt()).max(0.01 * power_w);
        let mut hours_of_day = vec![0; 24];
        for at in listed.iter().filter_map(|r| self.local(r.from_ms)) {
            hours_of_day[at.hour() as usize] += 1;
        }
        UnknownLoad {
            id: String::new(),
            power_w: round(power_w, 1),
            power_low_w: round(power_w - error_w, 1),
            power_high_w: round(power_w + error_w, 1),
            duration_s: duration_s(0.5),
            duration_low_s: duration_s(0.1),
            duration_high_s: duration_s(0.9),
            runs: runs.round() as u32,
            runs_seen: seen as u32,
            runs_per_day: round(runs / days, 2),
            energy_kwh: round(energy_kwh, 4),
            energy_kwh_per_day: round(energy_kwh / days, 4),
            hours_of_day,
            strength: round(strength.clamp(0.0, 1.0), 2),
            last_run_ms: listed.last().map_or(0, |r| r.from_ms),
            recent_runs: listed[seen.saturating_sub(MOST_RUNS)..].to_vec(),
        }
    }
}

/// Splits pairs where `of` of them lies thin, and drops what lies far from the middle of its crowd.
fn split(pairs: &[Pair], of: impl Fn(&Pair) -> f64, bandwidth: impl Fn(&[f64]) -> f64, share: f64) -> Vec<Vec<Pair>> {
    let values: Vec<f64> = pairs.iter().map(&of).collect();
    let cuts = cuts(&values, bandwidth(&values), share);
    let mut crowds: Vec<Vec<Pair>> = vec![Vec::new(); cuts.len() + 1];
    for pair in pairs {
        crowds[cuts.partition_point(|&cut| cut < of(pair))].push(*pair);
    }
    for crowd in &mut crowds {
        if let Some((middle, spread)) = middle_and_spread(&crowd.iter().map(&of).collect::<Vec<_>>()) {
            let reach = (4.0 * spread).max(0.05);
            crowd.retain(|p| (of(p) - middle).abs() <= reach);
        }
    }
    crowds
}

#[cfg(test)]
mod tests;
