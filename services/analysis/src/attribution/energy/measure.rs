//! A run as the house's meter shows it: its mean over what the rest of the house draws, and how far that can be trusted.

use crate::attribution::grid::Grid;
use crate::attribution::meter::quantile;
use crate::attribution::runs::Run;

/// A run as measured.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// ln of the run's length in s.
    pub ln_s: f64,
    /// Mean power above the rest, W, if the run is clean and was covered.
    pub mean: Option<(f64, f64)>,
    /// What the rest drew, W.
    pub base_w: f64,
    /// Length, s.
    pub seconds: f64,
}

/// Seconds before and after a run that tell what the rest of the house draws.
const BASE_S: f64 = 300.0;

/// Seconds around a run that tell how restless the house is, and how long what it does then lasts.
const AROUND_S: f64 = 3600.0;
const LASTS_S: f64 = 600.0;

/// Variance of the mean over a run of `seconds` in bins `[a, b)` that the house's own doings make, W².
fn restlessness(grid: &Grid, without: &[f32], (a, b): (usize, usize), base_w: f64, seconds: f64) -> f64 {
    let reach = (AROUND_S / grid.step_s).ceil() as usize;
    let stride = (reach / 60).max(1);
    let near = without[a.saturating_sub(reach)..a].iter().chain(&without[b..(b + reach).min(without.len())]);
    let (mut sum, mut n) = (0.0, 0.0);
    for w in near.step_by(stride).filter(|w| w.is_finite()) {
        sum += (f64::from(*w) - base_w).powi(2);
        n += 1.0;
    }
    if n > 0.0 { sum / n * (LASTS_S / seconds.max(1.0)).min(1.0) } else { 0.0 }
}

/// The mean of a run above the rest of the house.
pub fn measure(grid: &Grid, runs: &[Run], k: usize, (rest, without): (&[f32], &[f32]), doubt: &[f32]) -> Measure {
    let run = &runs[k];
    let seconds = run.seconds();
    let last = grid.len() as f64;
    let a = (grid.place(run.from_ms).floor() - 1.0).clamp(0.0, last) as usize;
    let b = (grid.place(run.to_ms).ceil() + 1.0).clamp(0.0, last) as usize;
    let width = (BASE_S / grid.step_s).ceil() as usize;
    let before_from =
        a.saturating_sub(width).max(k.checked_sub(1).map_or(0, |p| (grid.place(runs[p].to_ms).ceil() + 1.0).max(0.0) as usize));
    let after_to =
        (b + width).min(rest.len()).min(runs.get(k + 1).map_or(usize::MAX, |n| (grid.place(n.from_ms).floor() - 1.0).max(0.0) as usize));
    let side = |from: usize, to: usize| -> Option<(f64, f64)> {
        let mut w: Vec<f64> = rest.get(from..to)?.iter().filter(|w| w.is_finite()).map(|&w| f64::from(w)).collect();
        if (w.len() as f64) * grid.step_s < 50.0 {
            return None;
        }
        let middle = quantile(&mut w, 0.5)?;
        w.iter_mut().for_each(|x| *x = (*x - middle).abs());
        Some((middle, 1.4826 * quantile(&mut w, 0.5)?))
    };
    let (before, after) = (side(before_from, a), side(b, after_to));
    let mut out = Measure { ln_s: seconds.max(1.0).ln(), mean: None, base_w: 0.0, seconds };
    let (base_w, base_variance) = match (before, after) {
        (Some(x), Some(y)) => (f64::midpoint(x.0, y.0), (x.0 - y.0).powi(2) / 12.0 + 0.25 * (x.1 * x.1 + y.1 * y.1) / 4.0),
        (Some(x), None) | (None, Some(x)) => (x.0, x.1 * x.1 + 400.0),
        (None, None) => return out,
    };
    out.base_w = base_w;
    let inside = &rest[a.min(b)..b];
    let (mut sum, mut n, mut spread) = (0.0, 0.0, 0.0);
    for (w, d) in inside.iter().zip(&doubt[a.min(b)..b]) {
        if w.is_finite() {
            sum += f64::from(*w) - base_w;
            spread += f64::from(d.max(0.0).sqrt());
            n += 1.0;
        }
    }
    if run.clean && n > 0.0 && n >= 0.9 * inside.len() as f64 {
        let covered = inside.len() as f64 / n;
        let mean_w = sum * covered * grid.step_s / seconds;
        let restless = restlessness(grid, without, (a.min(b), b), base_w, seconds);
        out.mean = Some((mean_w, base_variance + restless + (spread / n).powi(2)));
    }
    out
}
