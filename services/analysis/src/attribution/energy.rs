//! Energy: power times time for a steady load; for one that works by itself while it is on, what its runs lie above the house's rest.
//! Back-fitted: each unit is measured against what the others are modelled to draw (DESIGN.md section 4, point 7).

use super::grid::Grid;
use super::lost::restore;
use super::meter::quantile;
use super::power::Powers;
use super::runs::{Doubt, Run, runs};
use super::units::Unit;

/// What is known of a unit's energy.
#[derive(Clone, Debug)]
pub struct Load {
    /// Its runs, with lost ends put back.
    pub runs: Vec<Run>,
    /// Power at the highest level, W, by its steps.
    pub power_w: f64,
    /// Share of its steps that agree with one power: the prior that it is steady.
    pub agreement: f64,
    /// Probability that it draws the same power whenever it is on, 0 to 1.
    pub steady: f64,
    /// Energy over the span, kWh.
    pub energy_kwh: f64,
    /// Standard error of `energy_kwh`.
    pub error_kwh: f64,
    /// By power times time, and by runs, kWh; for reports.
    pub parts_kwh: (f64, f64),
    /// What each run is modelled to draw per bin, from its first bin.
    draws: Vec<(usize, Vec<f32>)>,
    /// Relative uncertainty of the draws.
    doubt: f32,
    /// The runs as heard, and the doubts about them.
    heard: (Vec<Run>, Vec<Doubt>),
}

impl Load {
    /// Time on, h.
    pub fn hours(&self) -> f64 {
        self.runs.iter().map(Run::seconds).sum::<f64>() / 3600.0
    }

    /// Mean power while on, W.
    fn mean_w(&self) -> f64 {
        let hours = self.hours();
        if hours > 0.0 { 1000.0 * self.energy_kwh / hours } else { 0.0 }
    }
}

/// A run as measured.
#[derive(Clone, Copy, Debug)]
struct Measure {
    /// ln of the run's length in s.
    ln_s: f64,
    /// Mean power above the rest, W, if the run is clean and was covered.
    mean: Option<(f64, f64)>,
    /// What the rest drew, W.
    base_w: f64,
    /// Length, s.
    seconds: f64,
}

/// Seconds before and after a run that tell what the rest of the house draws.
const BASE_S: f64 = 300.0;

/// By how much the spread of runs understates how wrong their mean may be: what else happens in a house goes with the runs.
const DOUBT_OF_RUNS: f64 = 1.5;

/// Passes of back-fitting.
const PASSES: usize = 4;

/// Measures the energy of all units.
pub fn loads(grid: &Grid, units: &[Unit], powers: &Powers, end_ms: i64) -> Vec<Load> {
    let mut loads: Vec<Load> = units.iter().map(|unit| start(unit, powers, end_ms)).collect();
    let mut rest: Vec<f32> = grid.power_w.clone();
    let mut doubt: Vec<f32> = vec![0.0; grid.len()];
    for (load, unit) in loads.iter_mut().zip(units) {
        load.draws = load.runs.iter().map(|run| steady_draw(grid, unit, powers, run)).collect();
        take(load, &mut rest, &mut doubt, 1.0);
    }
    for pass in 0..PASSES {
        let mut order: Vec<usize> = (0..loads.len()).collect();
        order.sort_by(|&a, &b| loads[b].energy_kwh.total_cmp(&loads[a].energy_kwh));
        for u in order {
            take(&loads[u], &mut rest, &mut doubt, -1.0);
            if pass < 3 {
                let power_w = if loads[u].steady > 0.5 || pass == 0 { loads[u].power_w } else { loads[u].mean_w() };
                loads[u].runs = restore(grid, &units[u], &loads[u].heard, end_ms, power_w, &rest);
            }
            fit(grid, &units[u], powers, &mut loads[u], &rest, &doubt);
            take(&loads[u], &mut rest, &mut doubt, 1.0);
        }
    }
    loads
}

/// Subtracts (`sign` 1) or gives back (-1) what a load is modelled to draw.
fn take(load: &Load, rest: &mut [f32], doubt: &mut [f32], sign: f32) {
    for (first, draw) in &load.draws {
        for (k, w) in draw.iter().enumerate() {
            rest[first + k] -= sign * w;
            doubt[first + k] += sign * (load.doubt * w).powi(2);
        }
    }
}

fn start(unit: &Unit, powers: &Powers, end_ms: i64) -> Load {
    let (runs, doubts) = runs(&unit.events, end_ms);
    let heard = (runs.clone(), doubts);
    let p = &powers.solution.parameters;
    let power_w = top_power(unit, p);
    let agreement = agreement(unit, powers);
    let seconds: f64 =
        runs.iter().flat_map(|r| &r.levels).map(|l| unit.curve.power_w(l.level, p) * (l.to_ms - l.from_ms) as f64 / 1000.0).sum();
    Load {
        runs,
        power_w,
        agreement,
        steady: agreement,
        energy_kwh: seconds / 3.6e6,
        error_kwh: 0.0,
        parts_kwh: (0.0, 0.0),
        draws: Vec::new(),
        doubt: 0.3,
        heard,
    }
}

/// Power at the highest level of the mode that draws most, W.
pub fn top_power(unit: &Unit, parameters: &[f64]) -> f64 {
    unit.curve.modes.iter().map(|m| parameters[m.first..m.first + m.knots.len()].iter().sum()).fold(0.0, f64::max)
}

/// Share of the on-steps and of the off-steps (whichever is less) that agree with the power learned; 0.5 where nothing can be said.
fn agreement(unit: &Unit, powers: &Powers) -> f64 {
    let p = &powers.solution.parameters;
    let range = unit.curve.range().unwrap_or_default();
    let (mut agree, mut all) = ([0.0f64; 2], [0.0f64; 2]);
    for e in &powers.equations {
        let mine: f64 = e.parts.iter().filter(|q| range.contains(&(q.0 as usize))).map(|&(k, x)| f64::from(x) * p[k as usize]).sum();
        let tolerance_w = (3.9 * e.error_w).max(0.06 * mine.abs() + 3.0);
        if mine.abs() < 2.0 * tolerance_w {
            continue;
        }
        let way = usize::from(mine < 0.0);
        all[way] += 1.0;
        if (e.step_w - e.explained_w(p)).abs() < tolerance_w {
            agree[way] += 1.0;
        }
    }
    // What is usual for its kind counts as some steps of evidence.
    let share = |k: usize| (agree[k] + 4.0 * unit.usually_steady) / (all[k] + 4.0);
    share(0).min(share(1)).min(0.995)
}

/// What a steady load draws in a run.
fn steady_draw(grid: &Grid, unit: &Unit, powers: &Powers, run: &Run) -> (usize, Vec<f32>) {
    let (first, mut draw) = empty_draw(grid, run);
    for level in &run.levels {
        let w = unit.curve.power_w(level.level, &powers.solution.parameters) as f32;
        grid.shares(level.from_ms, level.to_ms, |bin, share| {
            if let Some(d) = bin.checked_sub(first).and_then(|k| draw.get_mut(k)) {
                *d += w * share;
            }
        });
    }
    (first, draw)
}

fn empty_draw(grid: &Grid, run: &Run) -> (usize, Vec<f32>) {
    let last = grid.len() as f64;
    let a = grid.place(run.from_ms).floor().clamp(0.0, last) as usize;
    let b = grid.place(run.to_ms).ceil().clamp(0.0, last) as usize;
    (a, vec![0.0; b.saturating_sub(a)])
}

/// Measures one unit against `rest`, which holds what nobody else draws.
fn fit(grid: &Grid, unit: &Unit, powers: &Powers, load: &mut Load, rest: &[f32], doubt: &[f32]) {
    let without = without(load, rest);
    let measures: Vec<Measure> = (0..load.runs.len()).map(|k| measure(grid, &load.runs, k, (rest, &without), doubt)).collect();
    let hours: f64 = load.runs.iter().map(Run::seconds).sum::<f64>() / 3600.0;
    let steady_kwh: f64 = load
        .runs
        .iter()
        .flat_map(|r| &r.levels)
        .map(|l| unit.curve.power_w(l.level, &powers.solution.parameters) * (l.to_ms - l.from_ms) as f64 / 3.6e9)
        .sum();
    let clean: Vec<&Measure> = measures.iter().filter(|m| m.mean.is_some()).collect();
    let means: Vec<(f64, f64)> = measures.iter().map(|m| location(m.ln_s, &clean)).collect();
    let runs_kwh: f64 = means.iter().zip(&measures).map(|(m, k)| m.0 * k.seconds / 3.6e6).sum();
    let placebo_w = placebo(grid, load, &without, doubt);
    let error_kwh = (means.iter().zip(&measures).map(|(m, k)| m.1 * (k.seconds / 3.6e6).powi(2)).sum::<f64>() / means.len().max(1) as f64)
        .sqrt()
        * (means.len() as f64).sqrt();
    load.parts_kwh = (steady_kwh, runs_kwh);
    if clean.len() < 3 || hours <= 0.0 {
        load.steady = 1.0;
        (load.energy_kwh, load.error_kwh) = (steady_kwh, 0.3 * steady_kwh);
    } else {
        let mean_steady_w = steady_kwh / hours * 1000.0;
        let mean_runs_w = runs_kwh / hours * 1000.0;
        let s = DOUBT_OF_RUNS * (error_kwh / hours * 1000.0).hypot(placebo_w);
        let scale = s.hypot(0.03 * mean_steady_w + 0.5);
        let t = (mean_runs_w - mean_steady_w) / scale;
        let spike = 0.3675 * (1.0 + t * t / 3.0).powi(-2) / scale;
        let slab = 1.0 / (3.0 * mean_steady_w).max(500.0);
        let prior = load.agreement.clamp(0.03, 0.995);
        let w = prior * spike / (prior * spike + (1.0 - prior) * slab);
        load.steady = w;
        // What has one power is told as that times its time: a row that does not multiply out is no answer.
        load.energy_kwh = if w > 0.5 { steady_kwh } else { w * steady_kwh + (1.0 - w) * runs_kwh.max(0.0) };
        load.error_kwh = (1.0 - w) * s * hours / 1000.0 + w * 0.005 * steady_kwh;
    }
    if load.steady > 0.5 {
        load.draws = load.runs.iter().map(|run| steady_draw(grid, unit, powers, run)).collect();
        load.doubt = 0.02;
    } else {
        load.draws = (0..load.runs.len()).map(|k| template(grid, load, k, &measures, &means, rest)).collect();
        load.doubt = 0.3;
    }
}

/// What nobody is modelled to draw, once a load's own draws are taken out as well.
fn without(load: &Load, rest: &[f32]) -> Vec<f32> {
    let mut without = rest.to_vec();
    for (first, draw) in &load.draws {
        for (k, w) in draw.iter().enumerate() {
            without[first + k] -= w;
        }
    }
    without
}

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

/// Days by which runs are shifted to see what the same estimate gives where nothing of theirs is to be found.
const PLACEBO_DAYS: [f64; 8] = [-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0];

/// How large a mean the same runs have by chance at shifted times, W (root mean square).
fn placebo(grid: &Grid, load: &Load, without: &[f32], doubt: &[f32]) -> f64 {
    let stride = load.runs.len().div_ceil(100).max(1);
    let mut found = Vec::new();
    for days in PLACEBO_DAYS {
        let shift_ms = (days * 86_400_000.0) as i64;
        let shifted: Vec<Run> = load.runs.iter().step_by(stride).filter(|r| r.clean).map(|r| r.shifted(shift_ms)).collect();
        let measures: Vec<Measure> = (0..shifted.len()).map(|k| measure(grid, &shifted, k, (without, without), doubt)).collect();
        let clean: Vec<&Measure> = measures.iter().filter(|m| m.mean.is_some()).collect();
        if clean.len() >= 3 && 2 * clean.len() >= shifted.len() {
            let hours: f64 = clean.iter().map(|m| m.seconds).sum();
            found.push(clean.iter().map(|m| location(m.ln_s, &clean).0 * m.seconds).sum::<f64>() / hours);
        }
    }
    if found.len() < 2 {
        return 0.0;
    }
    let thinned = (stride as f64).sqrt();
    (found.iter().map(|w| w * w).sum::<f64>() / found.len() as f64).sqrt() / thinned
}

/// The mean of a run above the rest of the house.
fn measure(grid: &Grid, runs: &[Run], k: usize, (rest, without): (&[f32], &[f32]), doubt: &[f32]) -> Measure {
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

/// Robust mean over runs of a similar length (Huber), and its variance.
fn location(ln_s: f64, clean: &[&Measure]) -> (f64, f64) {
    if clean.is_empty() {
        return (0.0, 0.0);
    }
    let mut all: Vec<f64> = clean.iter().filter_map(|m| m.mean).map(|m| m.0).collect();
    let middle = quantile(&mut all, 0.5).unwrap_or(0.0);
    let mut apart: Vec<f64> = all.iter().map(|m| (m - middle).abs()).collect();
    let spread = 1.4826 * quantile(&mut apart, 0.5).unwrap_or(0.0);
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
    let mut at = super::meter::weighted_median(&mut sorted).unwrap_or(0.0);
    let mut apart: Vec<(f64, f64)> = values.iter().map(|v| ((v.0 - at).abs(), v.1)).collect();
    let scale = (1.4826 * super::meter::weighted_median(&mut apart).unwrap_or(0.0)).max(1.0);
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

/// What a run of a load that works by itself is modelled to draw: the median over runs of nearly the same length, point by point, or
/// its flat mean where there are too few.
fn template(grid: &Grid, load: &Load, k: usize, measures: &[Measure], means: &[(f64, f64)], rest: &[f32]) -> (usize, Vec<f32>) {
    let (first, mut draw) = empty_draw(grid, &load.runs[k]);
    let n = draw.len();
    let mut near: Vec<(f64, usize)> = measures
        .iter()
        .enumerate()
        .filter(|(_, m)| m.mean.is_some() && (m.ln_s - measures[k].ln_s).abs() < 0.12)
        .map(|(j, m)| ((m.ln_s - measures[k].ln_s).abs(), j))
        .collect();
    near.sort_by(|a, b| a.0.total_cmp(&b.0));
    near.truncate(15);
    if near.len() < 3 || n < 3 {
        for d in &mut draw {
            *d = means[k].0 as f32;
        }
        return (first, draw);
    }
    let shapes: Vec<(usize, usize, f64)> = near
        .iter()
        .map(|&(_, j)| {
            let (a, d) = empty_draw(grid, &load.runs[j]);
            (a, d.len(), measures[j].base_w)
        })
        .collect();
    let mut column: Vec<f64> = Vec::with_capacity(shapes.len());
    for (i, d) in draw.iter_mut().enumerate() {
        column.clear();
        for &(a, len, base_w) in &shapes {
            let at = a + (i * len.max(1)) / n;
            if let Some(w) = rest.get(at).filter(|w| w.is_finite()) {
                column.push(f64::from(*w) - base_w);
            }
        }
        *d = quantile(&mut column, 0.5).unwrap_or(0.0).max(0.0) as f32;
    }
    (first, draw)
}
