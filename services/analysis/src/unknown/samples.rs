//! The house's power in equal steps of time, and where nothing can be seen in it.

use wattribute_domain::{Entity, Series};

use crate::attribution::events::Events;
use crate::attribution::meter::{Meter, quantile};
use crate::attribution::steps::Guards;

/// The most samples that are looked at: what bounds time and memory.
const MOST_SAMPLES: i64 = 2_000_000;

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
    /// The house less its metered devices, with the guarded windows around every change of `entities` masked. `None` of a meter that
    /// said next to nothing.
    pub fn new(power: &Series, metered: &[Series], entities: &[&Entity]) -> Option<Self> {
        let (first_ms, last_ms) = (*power.at_ms.first()?, *power.at_ms.last()?);
        let meter = Meter::new(power);
        let usual_ms = (meter.interval_s.clamp(1.0, 600.0) * 1000.0).round() as i64;
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
        for entity in entities {
            for change in Events::of(entity).changes {
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
