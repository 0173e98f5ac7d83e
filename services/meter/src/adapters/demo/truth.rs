//! What the things of the home really draw: what a learner of the demo is judged by.

use chrono_tz::Tz;

use super::loads::Draw;
use super::plan::Plan;
use super::things::THINGS;

/// What a thing draws and used.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Its id.
    pub entity_id: String,
    /// Mean power while it is on at its highest level, W; 0 for what draws nothing and for what was never on.
    pub power_w: f64,
    /// Energy it used, kWh.
    pub energy_kwh: f64,
}

/// What every entity of the demo's home in `time_zone` draws and used in `[from_ms, to_ms)`.
pub fn truth(seed: u64, time_zone: Tz, from_ms: i64, to_ms: i64) -> Vec<Truth> {
    let mut plan = Plan::new(seed, time_zone);
    let mut sums = vec![[[0.0; 2]; 2]; THINGS.len()];
    let mut day_ms = from_ms;
    while day_ms < to_ms {
        let until_ms = to_ms.min(day_ms + 86_400_000);
        for run in plan.runs(day_ms, until_ms) {
            let Some(key) = run.key else { continue };
            // The highest level of the first mode is what it is known for.
            let known_for = usize::from(run.level.mode == 1 && run.level.fraction > 0.99);
            let (mut at_ms, end_ms) = (run.from_ms.max(day_ms), run.to_ms.min(until_ms));
            while at_ms < end_ms {
                let step_ms = 1000.min(end_ms - at_ms);
                let [joule, s] = &mut sums[key as usize][known_for];
                *joule += run.power_w(at_ms + step_ms / 2, seed) * step_ms as f64 / 1e3;
                *s += step_ms as f64 / 1e3;
                at_ms += step_ms;
            }
        }
        day_ms = until_ms;
    }
    let told = THINGS.iter().zip(sums).map(|(thing, [rest, known_for])| Truth {
        entity_id: thing.id.to_owned(),
        power_w: if known_for[1] > 0.0 { known_for[0] / known_for[1] } else { 0.0 },
        energy_kwh: (rest[0] + known_for[0]) / 3.6e6,
    });
    told.collect()
}

/// What a load of the home that nothing in Home Assistant knows of draws and did.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownTruth {
    /// Power while it runs, the surge at its start left out, W.
    pub power_w: f64,
    /// How often it began.
    pub runs: u32,
    /// How long each of these runs lasts, s, in order of time.
    pub durations_s: Vec<f64>,
    /// Energy of these runs, kWh, the surge left out.
    pub energy_kwh: f64,
}

/// What every load without an entity did that began in `[from_ms, to_ms)`, by power.
pub fn unknown_truth(seed: u64, time_zone: Tz, from_ms: i64, to_ms: i64) -> Vec<UnknownTruth> {
    let mut found: Vec<UnknownTruth> = Vec::new();
    for run in Plan::new(seed, time_zone).runs(from_ms, to_ms) {
        let (None, Draw::Motor(power_w)) = (run.key, run.draw) else { continue };
        if run.from_ms < from_ms {
            continue;
        }
        let place = found.iter().position(|t| t.power_w == power_w).unwrap_or_else(|| {
            found.push(UnknownTruth { power_w, runs: 0, durations_s: Vec::new(), energy_kwh: 0.0 });
            found.len() - 1
        });
        let s = (run.to_ms - run.from_ms) as f64 / 1e3;
        found[place].runs += 1;
        found[place].durations_s.push(s);
        found[place].energy_kwh += power_w * s / 3.6e6;
    }
    found.sort_by(|a, b| a.power_w.total_cmp(&b.power_w));
    found
}
