//! What runs of a length usually draw.

use super::measure::Measure;
use crate::attribution::meter::{quantile, weighted_median};
use rayon::prelude::*;

/// What runs usually draw, by their length: tabulated, since a year has very many runs.
pub struct Usual {
    /// Mean power, W, and its variance at each tick of ln seconds.
    table: Vec<(f64, f64)>,
}

/// Ticks of the table: ln seconds from 0, and their number (up to three months).
const TICK: f64 = 0.1;
const TICKS: usize = 160;

/// The most runs that the table is made from.
const TABULATED: usize = 800;

impl Usual {
    /// From clean runs, for the lengths that are in `asked`.
    pub fn new(clean: &[&Measure], asked: &[Measure]) -> Self {
        let stride = clean.len().div_ceil(TABULATED).max(1);
        let clean: Vec<&Measure> = clean.iter().step_by(stride).copied().collect();
        let mut all: Vec<f64> = clean.iter().filter_map(|m| m.mean).map(|m| m.0).collect();
        let middle = quantile(&mut all, 0.5).unwrap_or(0.0);
        let mut apart: Vec<f64> = all.iter().map(|m| (m - middle).abs()).collect();
        let spread = 1.4826 * quantile(&mut apart, 0.5).unwrap_or(0.0);
        let mut ticks = [false; TICKS + 1];
        for m in asked {
            let tick = Self::tick(m.ln_s);
            (ticks[tick], ticks[tick + 1]) = (true, true);
        }
        let at = |k: usize| if ticks[k] { location(k as f64 * TICK, &clean, (middle, spread)) } else { (0.0, 0.0) };
        let table = (0..=TICKS).into_par_iter().map(at).collect();
        Usual { table }
    }

    fn tick(ln_s: f64) -> usize {
        ((ln_s / TICK).max(0.0) as usize).min(TICKS - 1)
    }

    /// Mean power in W and its variance for a run of `ln_s` (ln seconds).
    pub fn at(&self, ln_s: f64) -> (f64, f64) {
        let k = Self::tick(ln_s);
        let share = (ln_s / TICK - k as f64).clamp(0.0, 1.0);
        let (a, b) = (self.table[k], self.table[k + 1]);
        (a.0 + share * (b.0 - a.0), a.1 + share * (b.1 - a.1))
    }
}

/// Robust mean over runs of a similar length (Huber), and its variance; `(middle, spread)` of all.
fn location(ln_s: f64, clean: &[&Measure], (middle, spread): (f64, f64)) -> (f64, f64) {
    if clean.is_empty() {
        return (0.0, 0.0);
    }
    for kernel in [0.15, 0.5, f64::INFINITY] {
        let (mut near, mut enough) = (Vec::new(), (0.0f64, 0.0f64));
        for (m, (mean, variance)) in clean.iter().filter_map(|m| Some((m, m.mean?))) {
            let d = (m.ln_s - ln_s) / kernel;
            let weight = if kernel.is_finite() { (-0.5 * d * d).exp() } else { 1.0 };
            if weight > 0.01 {
                near.push((mean, weight / (variance + (0.5 * spread).powi(2) + 4.0)));
                enough = (enough.0 + weight, enough.1 + weight * weight);
            }
        }
        if enough.0 > 0.0 && enough.0 * enough.0 >= 3.0 * enough.1 || kernel.is_infinite() {
            return huber(&near);
        }
    }
    (middle, spread * spread)
}

/// Huber's location of weighted values and its variance.
fn huber(values: &[(f64, f64)]) -> (f64, f64) {
    let mut sorted: Vec<(f64, f64)> = values.to_vec();
    let mut at = weighted_median(&mut sorted).unwrap_or(0.0);
    let mut apart: Vec<(f64, f64)> = values.iter().map(|v| ((v.0 - at).abs(), v.1)).collect();
    let scale = (1.4826 * weighted_median(&mut apart).unwrap_or(0.0)).max(1.0);
    for _ in 0..20 {
        let (mut sum, mut weight) = (0.0, 0.0);
        for &(x, w) in values {
            let w = w * (1.5 * scale / (x - at).abs().max(1.5 * scale));
            sum += w * x;
            weight += w;
        }
        let next = sum / weight;
        if (next - at).abs() < 1e-6 * scale {
            break;
        }
        at = next;
    }
    let w1: f64 = values.iter().map(|v| v.1).sum();
    let w2: f64 = values.iter().map(|v| v.1 * v.1).sum();
    (at, scale * scale * w2 / (w1 * w1))
}
