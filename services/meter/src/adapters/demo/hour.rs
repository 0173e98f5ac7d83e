//! What the home's meters and entities say within one hour.
//!
//! An hour begins afresh: every meter says its value at its start, whatever it said last. So an hour can be told again, word for word,
//! without those before it; only the counters go on, and they are handed over.

use serde::{Deserialize, Serialize};
use wattribute_domain::Level;

use super::plan::{Plan, Run};
use super::things::{THINGS, key};
use super::{random, weather};

/// One hour, ms.
pub(super) const HOUR_MS: i64 = 3_600_000;

const NOISE: u64 = 201;
const JITTER: u64 = 202;
const LAG: u64 = 203;
const DELAY: u64 = 204;
const PLUG_NOISE: u64 = 205;

/// What the home draws besides all runs, W: router, standby, a clock.
pub const STANDBY_W: f64 = 74.0;
/// Noise of the grid's meter, W (standard deviation).
const NOISE_W: f64 = 2.4;
/// The grid's meter says what differs by so much from what it said last, W.
const DEAD_BAND_W: f64 = 3.0;
const SOLAR_DEAD_BAND_W: f64 = 8.0;
const PLUG_DEAD_BAND_W: f64 = 2.0;
/// Entities say a change so late at most, ms.
const MOST_LATE_MS: i64 = 1200;
/// The meters show what was so long ago at most, ms.
const MOST_LAG_MS: i64 = 3000;
/// Counters are read once in so many ticks.
const COUNTER_TICKS: i64 = 24;

/// The home's counters, in µWh so that no sum depends on how it was cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counters {
    pub import_uwh: i64,
    pub export_uwh: i64,
    pub solar_uwh: i64,
}

impl Counters {
    /// What the counters showed when the demo began.
    pub fn at_start() -> Self {
        Counters { import_uwh: 8_214_370_000_000, export_uwh: 3_108_520_000_000, solar_uwh: 5_640_910_000_000 }
    }

    fn count(&mut self, grid_w: f64, solar_w: f64, ms: i64) {
        let uwh = |w: f64| (w * ms as f64 / 3.6).round() as i64;
        self.import_uwh += uwh(grid_w.max(0.0));
        self.export_uwh += uwh((-grid_w).max(0.0));
        self.solar_uwh += uwh(solar_w);
    }

    /// As shown: kWh to two decimals.
    fn shown(self) -> [(u32, f64); 3] {
        let kwh = |uwh: i64| (uwh / 10_000_000) as f64 / 100.0;
        [(key::GRID_ENERGY, kwh(self.import_uwh)), (key::GRID_EXPORT, kwh(self.export_uwh)), (key::SOLAR_ENERGY, kwh(self.solar_uwh))]
    }
}

/// One thing said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Said {
    pub key: u32,
    pub at_ms: i64,
    pub value: f64,
}

/// All that is said in the hour from `from_ms` on, in order; `counters` go on to its end.
pub(super) fn hour(plan: &mut Plan, seed: u64, every_ms: i64, from_ms: i64, counters: &mut Counters) -> Vec<Said> {
    let runs = plan.runs(from_ms - 2 * MOST_LAG_MS, from_ms + HOUR_MS);
    let mut said = Vec::with_capacity(1000);
    for run in &runs {
        said.extend(edges(run, seed).into_iter().flatten().filter(|s| (from_ms..from_ms + HOUR_MS).contains(&s.at_ms)));
    }
    meters(&runs, seed, every_ms, from_ms, counters, &mut said);
    said.sort_by_key(|s| (s.at_ms, s.key));
    said
}

/// The state of every entity at an instant.
pub(super) fn states(plan: &mut Plan, seed: u64, at_ms: i64) -> Vec<Said> {
    let mut states: Vec<Said> = (0..THINGS.len() as u32).map(|key| Said { key, at_ms, value: 0.0 }).collect();
    let mut edges: Vec<Said> = plan.runs(at_ms - MOST_LATE_MS, at_ms).iter().flat_map(|run| edges(run, seed)).flatten().collect();
    edges.sort_by_key(|s| s.at_ms);
    for edge in edges.iter().filter(|s| s.at_ms <= at_ms) {
        states[edge.key as usize].value = edge.value;
    }
    states
}

/// What the entity of a run says at its beginning and end.
fn edges(run: &Run, seed: u64) -> [Option<Said>; 2] {
    let Some(key) = run.key else { return [None, None] };
    let late = |at_ms: i64| 100 + (random::share(seed, DELAY + u64::from(key), at_ms) * (MOST_LATE_MS - 100) as f64) as i64;
    let say = |at_ms: i64, level: Level| Said { key, at_ms: at_ms + late(at_ms), value: level.to_number() };
    [Some(say(run.from_ms, run.level)), (!run.goes_on).then(|| say(run.to_ms, Level::off()))]
}

fn meters(runs: &[Run], seed: u64, every_ms: i64, from_ms: i64, counters: &mut Counters, said: &mut Vec<Said>) {
    let dishwasher = |run: &&Run| run.key == Some(key::DISHWASHER);
    let mut bands = [
        Band::new(key::GRID_POWER, DEAD_BAND_W),
        Band::new(key::SOLAR_POWER, SOLAR_DEAD_BAND_W),
        Band::new(key::DISHWASHER_POWER, PLUG_DEAD_BAND_W),
    ];
    let mut shown = [None; 3];
    // Runs come by their beginning: those ahead are not looked at, those behind are let go.
    let (mut next, mut active): (usize, Vec<&Run>) = (0, Vec::new());
    for tick in 0..(HOUR_MS + every_ms - 1) / every_ms {
        let tick_ms = from_ms + tick * every_ms;
        let dice = |stream| random::share(seed, stream, tick_ms);
        let at_ms = tick_ms + (dice(JITTER) * 0.08 * every_ms as f64) as i64;
        let seen_ms = at_ms - 1000 - (dice(LAG) * (MOST_LAG_MS - 1000) as f64) as i64;
        while runs.get(next).is_some_and(|run| run.from_ms <= seen_ms) {
            active.push(&runs[next]);
            next += 1;
        }
        active.retain(|run| seen_ms < run.to_ms);
        let solar_w = weather::solar_w(seed, seen_ms);
        let loads_w: f64 = active.iter().map(|run| run.power_w(seen_ms, seed)).sum();
        let grid_w = STANDBY_W + loads_w - solar_w + NOISE_W * random::normal(seed, NOISE, tick_ms);
        let plug_w: f64 = active.iter().filter(|run| dishwasher(run)).map(|run| run.power_w(seen_ms, seed)).sum();
        let plug_noise = if plug_w > 0.0 { 0.5 * random::normal(seed, PLUG_NOISE, tick_ms) } else { 0.0 };
        counters.count(grid_w, solar_w, every_ms.min(from_ms + HOUR_MS - tick_ms));
        for (band, value) in bands.iter_mut().zip([grid_w, solar_w, (plug_w + plug_noise).max(0.0)]) {
            said.extend(band.say(at_ms, value));
        }
        if tick % COUNTER_TICKS == 0 {
            for (last, (key, value)) in shown.iter_mut().zip(counters.shown()) {
                if *last != Some(value) {
                    *last = Some(value);
                    said.push(Said { key, at_ms, value });
                }
            }
        }
    }
}

/// A meter that says only what differs enough from what it said last.
struct Band {
    key: u32,
    width_w: f64,
    last_w: Option<f64>,
}

impl Band {
    fn new(key: u32, width_w: f64) -> Self {
        Band { key, width_w, last_w: None }
    }

    fn say(&mut self, at_ms: i64, value_w: f64) -> Option<Said> {
        let value_w = (10.0 * value_w).round() / 10.0;
        let is_news = self.last_w.is_none_or(|last| (value_w - last).abs() >= self.width_w || (value_w == 0.0 && last != 0.0));
        is_news.then(|| {
            self.last_w = Some(value_w);
            Said { key: self.key, at_ms, value: value_w }
        })
    }
}
