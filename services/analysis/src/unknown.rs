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
use self::edges::{BLOCK, Edge, Movement, edges};
use self::explained::{Activity, is_explained};
use self::pairs::{Alike, Kind, Pair, middle_and_spread, pairs, shifted};
use self::samples::{Floor, Samples};
use crate::attribution::learn::round;
use crate::attribution::meter::quantile;

/// Smaller loads are not looked for, W.
const SMALLEST_W: f64 = 20.0;
/// A load is one that was seen so often, and on so many days.
const FEWEST_RUNS: usize = 5;
const FEWEST_DAYS: usize = 3;
/// Below this a load must be seen twice as often, W.
const SMALL_W: f64 = 60.0;
/// At most this share of the runs of a load may come about by chance, of a small one less.
const MOST_BY_CHANCE: f64 = 0.4;
const MOST_BY_CHANCE_IF_SMALL: f64 = 0.3;
/// Few runs of very different length are no load: the tenth longest are so many times as long as the tenth shortest.
const FEW_RUNS: usize = 50;
const VERY_DIFFERENT: f64 = 10.0;
/// So many standard deviations more runs than by chance.
const SURELY_MORE: f64 = 4.0;
/// Runs of a load that are listed.
const MOST_RUNS: usize = 500;
/// Where less than this share of trial runs is found, too little is known of the load.
const LEAST_VISIBLE: f64 = 0.2;
/// Trial runs that tell how many are missed.
const TRIALS: usize = 3000;
/// A trial run is found within so many samples of its beginning and end.
const TRIAL_REACH: usize = 2;
/// Blocks of samples around the ends of a trial run that are looked at.
const TRIAL_BLOCKS: usize = 3;

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
    noise_w: f64,
    /// Smaller edges are not looked for, W.
    smallest_w: f64,
    floor: Floor,
    edges: Vec<Edge>,
    activities: Vec<Activity>,
}

impl<'a> Look<'a> {
    fn new(search: &'a UnknownSearch<'a>, span_ms: (i64, i64)) -> Option<Self> {
        let profile = |entity: &Entity| search.profiles.iter().find(|p| p.entity_id == entity.entity_id);
        let known = search.entities.iter().map(|e| (e, profile(e)));
        let switching: Vec<(&Entity, Option<&DeviceProfile>)> =
            known.filter(|(_, profile)| profile.is_none_or(|p| p.verdict != Verdict::NoLoad)).collect();
        let samples = Samples::new(search.power, search.metered, &switching)?;
        let noise_w = samples.noise_w();
        let smallest_w = SMALLEST_W.max(3.0 * noise_w);
        let edges = edges(&samples.power_w, &Movement::new(&samples.power_w, samples.lens(), noise_w, smallest_w));
        let activities = switching.iter().map(|(entity, profile)| Activity::new(entity, *profile, span_ms.1)).collect();
        let floor = Floor::new(&samples);
        Some(Look { search, span_ms, samples, noise_w, smallest_w, floor, edges, activities })
    }

    fn loads(&self) -> Vec<UnknownLoad> {
        let mut taken: Vec<bool> = self.edges.iter().map(|e| self.samples.masked[e.place]).collect();
        let mut kinds: Vec<(Kind, usize)> = Vec::new();
        let mut loads: Vec<UnknownLoad> = Vec::new();
        for alike in [Alike::Closely, Alike::Roughly] {
            // What is left of the loads found already is no load of its own.
            let is_free = |k: usize| !taken[k] && !kinds.iter().any(|(kind, _)| kind.has(&self.edges[k]));
            let free: Vec<Edge> = (0..self.edges.len()).filter(|&k| is_free(k)).map(|k| self.edges[k]).collect();
            let pairs = self.pairs(&free, alike);
            let by_chance = self.by_chance(&free, alike);
            let mut crowds = self.crowds(&pairs);
            crowds.sort_by_key(|crowd| std::cmp::Reverse(crowd.len()));
            for crowd in crowds {
                let Some(kind) = Kind::of(&crowd, &free) else { continue };
                let seen = pairs.iter().filter(|pair| kind.fits(pair, &free)).count();
                let by_chance = by_chance(&kind);
                let chance = by_chance / seen.max(1) as f64;
                let most = if kind.rise_w.0 < SMALL_W { MOST_BY_CHANCE_IF_SMALL } else { MOST_BY_CHANCE };
                let is_more = seen as f64 - by_chance >= SURELY_MORE * (by_chance + 1.0).sqrt();
                if chance > most || !is_more || kinds.iter().any(|(other, between)| kind.is_echo_of(other, *between)) {
                    continue;
                }
                let mut runs = kind.runs(&self.edges, |k| !taken[k]);
                runs.retain(|run| self.is_borne(run, &self.edges));
                if let Some(load) = self.load(&kind, &runs, 1.0 - chance) {
                    let between = runs.windows(2).map(|w| (self.edges[w[1].rise].place - self.edges[w[0].rise].place) as f64);
                    kinds.push((kind, quantile(&mut between.collect::<Vec<_>>(), 0.1).unwrap_or(0.0) as usize));
                    runs.iter().for_each(|run| (taken[run.rise], taken[run.fall]) = (true, true));
                    loads.extend(load);
                }
            }
        }
        loads.sort_by(|a, b| b.energy_kwh.total_cmp(&a.energy_kwh));
        loads
    }

    /// Runs that may be, of any load.
    fn pairs(&self, edges: &[Edge], alike: Alike) -> Vec<Pair> {
        let mut found = pairs(edges, alike, self.samples.step_s());
        found.retain(|pair| self.is_borne(pair, edges));
        found
    }

    /// How many runs of a kind there would be by chance: what is found when all falls are at other times.
    fn by_chance(&self, edges: &[Edge], alike: Alike) -> impl Fn(&Kind) -> f64 {
        // Never whole days: what people do comes again the next day.
        const SHIFTS_DAYS: [f64; 4] = [1.22, 2.71, 0.37, 3.87];
        let shift = |days: f64| (days * 86_400.0 / self.samples.step_s()) as usize;
        let chances: Vec<(Vec<Edge>, Vec<Pair>)> = SHIFTS_DAYS
            .into_iter()
            .map(|days| {
                let moved = shifted(edges, shift(days), self.samples.len());
                let pairs = self.pairs(&moved, alike);
                (moved, pairs)
            })
            .collect();
        move |kind| {
            let count = |(edges, pairs): &(Vec<Edge>, Vec<Pair>)| pairs.iter().filter(|pair| kind.fits(pair, edges)).count();
            chances.iter().map(count).sum::<usize>() as f64 / chances.len() as f64
        }
    }

    /// Whether the house drew enough throughout a run.
    fn is_borne(&self, pair: &Pair, edges: &[Edge]) -> bool {
        self.floor.bears(&self.samples, edges[pair.rise].place, edges[pair.fall].place, pair.power_w)
    }

    /// Pairs of about the same power and length.
    fn crowds(&self, pairs: &[Pair]) -> Vec<Vec<Pair>> {
        let mut out = Vec::new();
        for of_power in split(pairs, |p| p.power_w.ln(), |_| 0.04, 0.4) {
            // As wide as the spread and the number of values ask for (Silverman).
            let width = |lengths: &[f64]| {
                let spread = middle_and_spread(lengths).map_or(0.0, |m| m.1);
                // Short runs have lengths of so few samples that each is a crowd.
                let grain = lengths.iter().sum::<f64>() / lengths.len().max(1) as f64;
                (0.9 * spread * (lengths.len() as f64).powf(-0.2)).max(0.1).max((-grain).exp())
            };
            out.extend(split(&of_power, |p| (p.length as f64).ln(), width, 0.4));
        }
        out.retain(|crowd| crowd.len() >= FEWEST_RUNS);
        out
    }

    /// The load of these runs: `None` where they are none, `Some(None)` where an entity explains them.
    fn load(&self, kind: &Kind, runs: &[Pair], strength: f64) -> Option<Option<UnknownLoad>> {
        let (power_w, spread_w) = middle_and_spread(&runs.iter().map(|r| r.power_w).collect::<Vec<_>>())?;
        let fewest = if power_w < SMALL_W { 2 * FEWEST_RUNS } else { FEWEST_RUNS };
        let listed: Vec<UnknownRun> = runs.iter().map(|run| self.run(run)).collect();
        let days: BTreeSet<NaiveDate> = listed.iter().filter_map(|r| Some(self.local(r.from_ms)?.date_naive())).collect();
        let mut lengths: Vec<f64> = runs.iter().map(|r| r.length as f64).collect();
        let spread = quantile(&mut lengths, 0.9)? / quantile(&mut lengths, 0.1)?.max(1.0);
        if runs.len() < fewest || days.len() < FEWEST_DAYS || (runs.len() < FEW_RUNS && spread > VERY_DIFFERENT) {
            return None;
        }
        let times: Vec<(i64, i64)> = listed.iter().map(|r| (r.from_ms, r.to_ms)).collect();
        if is_explained(&self.activities, &times, power_w, self.span_ms) {
            return Some(None);
        }
        let visible = self.visible(kind, runs);
        if visible < LEAST_VISIBLE {
            return None;
        }
        Some(Some(self.told(listed, (power_w, spread_w), visible, strength)))
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
    fn visible(&self, kind: &Kind, runs: &[Pair]) -> f64 {
        let mut rest = self.samples.power_w.clone();
        for run in runs {
            let inside = &mut rest[self.edges[run.rise].place..self.edges[run.fall].place];
            inside.iter_mut().enumerate().for_each(|(k, w)| *w -= kind.shape_w(k, run.length));
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
                let block = place / BLOCK;
                let window = block.saturating_sub(TRIAL_BLOCKS) * BLOCK..((block + TRIAL_BLOCKS + 1) * BLOCK).min(rest.len());
                let with = |k: usize| rest[k] + if (from..to).contains(&k) { kind.shape_w(k - from, length) } else { 0.0 };
                let piece: Vec<f32> = window.clone().map(with).collect();
                let is_it = |e: &Edge| {
                    let at = window.start + e.place;
                    let is_near = at.abs_diff(place) <= TRIAL_REACH && (e.power_w > 0.0) == (place == from);
                    is_near && kind.has(e) && !self.samples.masked[at]
                };
                edges(&piece, &Movement::new(&piece, self.samples.lens(), self.noise_w, self.smallest_w)).iter().any(is_it)
            };
            seen += usize::from(seen_at(from) && seen_at(to));
        }
        seen as f64 / tried.max(1) as f64
    }

    fn told(&self, listed: Vec<UnknownRun>, (power_w, spread_w): (f64, f64), visible: f64, strength: f64) -> UnknownLoad {
        let seen = listed.len();
        let days = (self.span_ms.1 - self.span_ms.0) as f64 / 86.4e6;
        let runs = seen as f64 / visible;
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
