//! The house's power in equal steps of time, and where nothing can be seen in it.

use wattribute_domain::{DeviceProfile, Entity, Level, Series, Verdict};

use super::edges::Lens;
use crate::attribution::events::Events;
use crate::attribution::meter::{Meter, quantile};
use crate::attribution::steps::Guards;

/// The most samples that are looked at: what bounds time and memory.
const MOST_SAMPLES: i64 = 2_000_000;

/// What a meter says more often is looked at this far apart, s: loads that run for a shorter time than some of these are not looked for.
const SHORTEST_S: f64 = 4.0;

/// From this time between samples on, a sample more or less is much, s.
const COARSE_S: f64 = 15.0;

/// Steps of a device's own meter from here on leave a mark where it is subtracted, W.
const METERED_STEP_W: f64 = 15.0;

/// Power in equal steps.
#[derive(Clone, Debug)]
pub struct Samples {
    /// Instant of the first sample, ms.
    pub start_ms: i64,
    /// Time between two samples, ms.
    pub step_ms: i64,
    /// Power held at each, W; `NaN` in a gap.
    pub power_w: Vec<f32>,
    /// Whether something known was switched at about that time.
    pub masked: Vec<bool>,
}

impl Samples {
    /// The house less its metered devices and those whose power is known, with the guarded windows around every change of `entities` masked. `None` of a meter that
    /// said next to nothing.
    pub fn new(power: &Series, metered: &[Series], known: &[(&Entity, Option<&DeviceProfile>)]) -> Option<Self> {
        let (first_ms, last_ms) = (*power.at_ms.first()?, *power.at_ms.last()?);
        let meter = Meter::new(power);
        let usual_ms = (meter.interval_s.clamp(SHORTEST_S, 600.0) * 1000.0).round() as i64;
        let step_ms = usual_ms.max((last_ms - first_ms) / MOST_SAMPLES + 1);
        let n = ((last_ms - first_ms) / step_ms) as usize;
        if n < 100 {
            return None;
        }
        // Between the ticks of a regular meter, so that each sample is one reading.
        let start_ms = first_ms + step_ms / 2;
        let mut samples = Samples { start_ms, step_ms, power_w: vec![f32::NAN; n], masked: vec![false; n] };
        samples.add(power, |sample, w| *sample = w as f32);
        let guards = Guards::wide(step_ms as f64 / 1000.0);
        for own in metered {
            // Where a device's own meter is silent it counts as nothing.
            samples.add(own, |sample, w| *sample -= if w.is_finite() { w as f32 } else { 0.0 });
            for (k, pair) in own.value.windows(2).enumerate() {
                let held = |w: f64| if w.is_finite() { w } else { 0.0 };
                if (held(pair[1]) - held(pair[0])).abs() >= METERED_STEP_W {
                    samples.mask(own.at_ms[k + 1], own.at_ms[k + 1], guards);
                }
            }
        }
        for (entity, profile) in known {
            let events = Events::of(entity);
            if let Some(profile) = profile.filter(|p| p.verdict == Verdict::Learned) {
                for stretch in events.stretches(last_ms) {
                    let drawn_w = drawn_w(entity, profile, stretch.level) as f32;
                    let (from, to) = (samples.place(stretch.from_ms), samples.place(stretch.to_ms));
                    if from < to {
                        samples.power_w[from..to].iter_mut().for_each(|w| *w -= drawn_w);
                    }
                }
            }
            for change in events.changes {
                samples.mask(change.since_ms.unwrap_or(change.at_ms), change.at_ms, guards);
            }
        }
        Some(samples)
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.power_w.len()
    }

    /// Seconds between two samples.
    pub fn step_s(&self) -> f64 {
        self.step_ms as f64 / 1000.0
    }

    /// How edges are looked for in them.
    pub fn lens(&self) -> Lens {
        if self.step_s() < COARSE_S { Lens::FINE } else { Lens::COARSE }
    }

    /// Instant of a sample, ms.
    pub fn at_ms(&self, k: usize) -> i64 {
        self.start_ms + k as i64 * self.step_ms
    }

    /// The first sample at or after an instant.
    fn place(&self, at_ms: i64) -> usize {
        let k = (at_ms - self.start_ms + self.step_ms - 1).div_euclid(self.step_ms);
        (k.max(0) as usize).min(self.len())
    }

    /// Calls `each(sample, held value)` for every sample from the first reading on.
    fn add(&mut self, series: &Series, each: impl Fn(&mut f32, f64)) {
        let times = &series.at_ms;
        for (k, &value) in series.value.iter().enumerate() {
            let from = self.place(times[k]);
            let to = times.get(k + 1).map_or(self.len(), |&t| self.place(t));
            if from < to {
                self.power_w[from..to].iter_mut().for_each(|sample| each(sample, value));
            }
        }
    }

    /// Masks the guarded window around what happened in `[from_ms, to_ms]`.
    fn mask(&mut self, from_ms: i64, to_ms: i64, guards: Guards) {
        let from = self.place(from_ms - (guards.pre_s * 1000.0) as i64);
        let to = self.place(to_ms + (guards.post_s * 1000.0) as i64);
        if from < to {
            self.masked[from..to].fill(true);
        }
    }

    /// Standard deviation of the difference between neighbouring samples over the square root of 2, W, robust.
    pub fn noise_w(&self) -> f64 {
        let moves = self.power_w.windows(2).step_by((self.len() / 200_000).max(1)).map(|w| f64::from((w[1] - w[0]).abs()));
        let mut moves: Vec<f64> = moves.filter(|m| m.is_finite()).collect();
        1.4826 * quantile(&mut moves, 0.5).unwrap_or(0.0) / std::f64::consts::SQRT_2
    }
}

/// What a device draws at a level by what was learned of it, W: that of the nearest level.
fn drawn_w(entity: &Entity, profile: &DeviceProfile, level: Level) -> f64 {
    let Some(mode) = entity.modes.get(usize::from(level.mode)).filter(|_| !level.is_off()) else { return 0.0 };
    let off = |fraction: Option<f64>| (fraction.unwrap_or(1.0) - f64::from(level.fraction)).abs();
    let levels = profile.levels.iter().filter(|l| l.mode == *mode && l.power_w.is_some());
    let nearest = levels.min_by(|a, b| off(a.fraction).total_cmp(&off(b.fraction)));
    nearest.and_then(|l| l.power_w).or(profile.power_w).unwrap_or(0.0)
}

/// The least that the house draws about an instant.
#[derive(Clone, Debug)]
pub struct Floor {
    least_w: Vec<f32>,
    block: usize,
}

impl Floor {
    /// By the hours around each instant.
    pub fn new(samples: &Samples) -> Self {
        const BLOCK_S: f64 = 3.0 * 3600.0;
        const AROUND: usize = 4;
        let block = ((BLOCK_S / samples.step_s()) as usize).max(10);
        let low = |block: &[f32]| {
            let mut finite: Vec<f32> = block.iter().copied().filter(|w| w.is_finite()).collect();
            let place = finite.len() / 50;
            if finite.len() < 10 { f32::INFINITY } else { *finite.select_nth_unstable_by(place, f32::total_cmp).1 }
        };
        let lows: Vec<f32> = samples.power_w.chunks(block).map(low).collect();
        let around = |k: usize| &lows[k.saturating_sub(AROUND)..(k + AROUND + 1).min(lows.len())];
        let least_w = (0..lows.len()).map(|k| around(k).iter().copied().fold(f32::INFINITY, f32::min)).collect();
        Floor { least_w, block }
    }

    /// Whether something of that power may have run all the time: the house never drew less than it and the rest.
    pub fn bears(&self, samples: &Samples, from: usize, to: usize, power_w: f64) -> bool {
        // The ends may be half of it; a few readings may be wrong.
        let inside = &samples.power_w[(from + 1).min(to)..to.saturating_sub(1).max((from + 1).min(to))];
        let mut finite: Vec<f32> = inside.iter().copied().filter(|w| w.is_finite()).collect();
        if finite.is_empty() {
            return true;
        }
        let place = finite.len() / 20;
        let low_w = *finite.select_nth_unstable_by(place, f32::total_cmp).1;
        low_w - self.least_w[from / self.block] >= 0.6 * power_w as f32
    }
}
