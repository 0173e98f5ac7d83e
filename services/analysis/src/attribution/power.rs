//! Powers from steps: clusters, contrasts, the joint solve and its intervals.

use super::meter::{Meter, quantile};
use super::solve::{Equation, Solution, solve};
use super::steps::{Cluster, Contrast, Guards, Mark, Windows, clusters, contrast, contrasts};
use super::units::{Unit, is_timed, marks};
use rayon::prelude::*;

/// What the steps say.
pub struct Powers {
    /// All changes in order of time.
    pub marks: Vec<Mark>,
    /// Clusters of marks.
    pub clusters: Vec<Cluster>,
    /// The step around each cluster.
    pub contrasts: Vec<Option<Contrast>>,
    /// Equations that were solved.
    pub equations: Vec<Equation>,
    /// Indices of the equations that each unit takes part in.
    pub by_unit: Vec<Vec<u32>>,
    /// Parameters, weights and covariance.
    pub solution: Solution,
    /// How far the background moves by itself across a guarded window, W (robust standard deviation beyond the standard error).
    pub floor_w: f64,
    /// The guards used.
    pub guards: Guards,
    /// The windows used.
    pub windows: Windows,
}

/// Number of parameters of all units.
pub fn parameter_count(units: &[Unit]) -> usize {
    units.iter().map(|u| u.curve.parameters()).sum()
}

/// The longest windows that are tried, s.
const WINDOWS_S: [f64; 5] = [15.0, 24.0, 36.0, 54.0, 80.0];

/// Share by which a load varies from run to run.
const RUN_TO_RUN: f64 = 0.01;

/// How well the length of a run is known, s (standard deviation): both ends are said some seconds late.
const LENGTH_ERROR_S: f64 = 2.0;

/// Clusters the changes of `units` by `guards` and solves for their powers.
pub fn solve_steps(meter: &Meter<'_>, units: &[Unit], guards: Guards) -> Powers {
    let marks = marks(units);
    let clusters = clusters(&marks, guards);
    let tried: Vec<Windows> = WINDOWS_S.iter().map(|&longest_s| Windows::of(meter.interval_s, longest_s)).collect();
    let moves: Vec<f64> = tried.par_iter().map(|&w| Calm::new(meter, &clusters, guards, w, SAMPLED).overall_w).collect();
    let best = (0..tried.len()).min_by(|&a, &b| moves[a].total_cmp(&moves[b])).unwrap_or(0);
    let windows = tried[best];
    let calm = Calm::new(meter, &clusters, guards, windows, usize::MAX);
    let contrasts = contrasts(meter, &clusters, windows);
    let start = clusters.first().map_or(0, |c| c.from_ms);
    let span_ms = clusters.last().map_or(1, |c| c.to_ms - start).max(1);
    let block_ms = (span_ms / 24).clamp(2 * 3_600_000, 24 * 3_600_000);
    let mut equations = Vec::new();
    for (k, (cluster, contrast)) in clusters.iter().zip(&contrasts).enumerate() {
        let Some(contrast) = contrast else { continue };
        let inside = &marks[cluster.marks.clone()];
        if !inside.iter().all(|m| is_timed(&units[m.unit as usize].events.changes[m.change as usize])) {
            continue;
        }
        let block = ((cluster.from_ms - start) / block_ms) as u32;
        let around_w = calm.around(cluster.from_ms);
        let parts = net_change(units, inside);
        let pulse = pulse(meter, units, inside, contrast, &parts, around_w);
        if !parts.is_empty() {
            let error_w = contrast.error_w.hypot(around_w);
            equations.push(Equation { step_w: contrast.step_w(), error_w, spread: RUN_TO_RUN, parts, cluster: k as u32, block });
        }
        equations.extend(pulse.map(|pulse| Equation { cluster: k as u32, block, ..pulse }));
    }
    let n = parameter_count(units);
    let by_unit = by_unit(units, &equations, n);
    let mut p0 = first_guess(units, &equations, &by_unit, n);
    let held: Vec<(usize, f64)> = units.iter().flat_map(Unit::held).collect();
    held.iter().for_each(|&(k, w)| p0[k] = w);
    let solution = if held.is_empty() { solve(&equations, n, p0) } else { solve(&without(&equations, &held, n), n, p0) };
    Powers { marks, clusters, contrasts, equations, by_unit, solution, floor_w: calm.overall_w, guards, windows }
}

/// The equations less what is held in them: a parameter that is in none stays what it was at the start.
fn without(equations: &[Equation], held: &[(usize, f64)], n: usize) -> Vec<Equation> {
    let mut known: Vec<Option<f64>> = vec![None; n];
    held.iter().for_each(|&(k, w)| known[k] = Some(w));
    let mut out = equations.to_vec();
    for e in &mut out {
        e.step_w -= e.parts.iter().filter_map(|&(k, x)| Some(f64::from(x) * known[k as usize]?)).sum::<f64>();
        e.parts.retain(|&(k, _)| known[k as usize].is_none());
    }
    out
}

/// The change of level that a cluster leaves behind.
fn net_change(units: &[Unit], inside: &[Mark]) -> Vec<(u32, f32)> {
    let mut parts: Vec<(u32, f32)> = Vec::new();
    for mark in inside {
        let unit = &units[mark.unit as usize];
        let change = &unit.events.changes[mark.change as usize];
        unit.curve.parts(change.to, |p, x| add(&mut parts, p, x));
        unit.curve.parts(change.from, |p, x| add(&mut parts, p, -x));
    }
    parts.retain(|p| p.1.abs() > 1e-3);
    parts
}

/// Where something was switched on and off again within a cluster, its step is nil, but not the energy under it: the integral of the
/// power over the level before, against the time each level lasted.
fn pulse(meter: &Meter<'_>, units: &[Unit], inside: &[Mark], contrast: &Contrast, net: &[(u32, f32)], around_w: f64) -> Option<Equation> {
    let end_ms = contrast.after_ms - (meter.interval_s * 1000.0) as i64;
    let mut lasting: Vec<(u32, f32)> = Vec::new();
    for mark in inside {
        let unit = &units[mark.unit as usize];
        let change = &unit.events.changes[mark.change as usize];
        let rest_s = (end_ms - mark.at_ms) as f64 / 1000.0;
        unit.curve.parts(change.to, |p, x| add(&mut lasting, p, x * rest_s));
        unit.curve.parts(change.from, |p, x| add(&mut lasting, p, -x * rest_s));
    }
    let longest_s = lasting.iter().filter(|p| net.iter().all(|n| n.0 != p.0)).map(|p| p.1.abs()).fold(0.0, f32::max);
    if longest_s < 20.0 {
        return None;
    }
    let (mean_w, covered_s) = meter.mean(contrast.before_ms, contrast.after_ms);
    let width_s = (contrast.after_ms - contrast.before_ms) as f64 / 1000.0;
    if covered_s < 0.95 * width_s {
        return None;
    }
    let scale = 1.0 / f64::from(longest_s);
    for part in &mut lasting {
        part.1 *= scale as f32;
    }
    lasting.retain(|p| p.1.abs() > 1e-3);
    let error_w = contrast.error_w.hypot(around_w) * width_s * scale;
    let spread = RUN_TO_RUN.hypot(LENGTH_ERROR_S * scale);
    Some(Equation { step_w: (mean_w - contrast.before_w) * width_s * scale, error_w, spread, parts: lasting, cluster: 0, block: 0 })
}

fn add(parts: &mut Vec<(u32, f32)>, parameter: usize, x: f64) {
    match parts.iter_mut().find(|p| p.0 == parameter as u32) {
        Some(p) => p.1 += x as f32,
        None => parts.push((parameter as u32, x as f32)),
    }
}

/// Indices of the equations that each unit takes part in.
fn by_unit(units: &[Unit], equations: &[Equation], n: usize) -> Vec<Vec<u32>> {
    let mut owner = vec![0; n];
    for (u, range) in units.iter().enumerate().filter_map(|(u, unit)| Some((u, unit.curve.range()?))) {
        owner[range].fill(u);
    }
    let mut out: Vec<Vec<u32>> = vec![Vec::new(); units.len()];
    for (k, e) in equations.iter().enumerate() {
        for part in &e.parts {
            let list = &mut out[owner[part.0 as usize]];
            if list.last() != Some(&(k as u32)) {
                list.push(k as u32);
            }
        }
    }
    out
}

/// Medians of what each unit's lone changes say, spread over its knots in proportion to their width.
fn first_guess(units: &[Unit], equations: &[Equation], by_unit: &[Vec<u32>], n: usize) -> Vec<f64> {
    let mut p0 = vec![0.0; n];
    for (unit, mine) in units.iter().zip(by_unit) {
        for mode in &unit.curve.modes {
            let range = mode.first as u32..(mode.first + mode.knots.len()) as u32;
            let mut below = 0.0;
            let widths: Vec<f64> = mode.knots.iter().map(|&k| f64::from(k) - std::mem::replace(&mut below, f64::from(k))).collect();
            let (mut alone, mut any) = (Vec::new(), Vec::new());
            for e in mine.iter().map(|&k| &equations[k as usize]) {
                let own = e.parts.iter().filter(|p| range.contains(&p.0));
                let x: f64 = own.map(|p| f64::from(p.1) * widths[(p.0 - range.start) as usize]).sum();
                if x.abs() > 0.1 {
                    any.push(e.step_w / x);
                    if e.parts.iter().all(|p| range.contains(&p.0)) {
                        alone.push(e.step_w / x);
                    }
                }
            }
            let slope = quantile(if alone.len() >= 3 { &mut alone } else { &mut any }, 0.5).unwrap_or(0.0).max(0.0);
            for (k, w) in widths.iter().enumerate() {
                p0[mode.first + k] = slope * w;
            }
        }
    }
    p0
}

/// Contrasts where nothing was switched: how much the background moves by itself, and when.
struct Calm {
    /// When, ms, and the size of the step there, W.
    steps: Vec<(i64, f64)>,
    /// Robust standard deviation over all of them, W.
    overall_w: f64,
}

/// Stretches of calm that suffice to compare windows.
const SAMPLED: usize = 4000;

/// Calm contrasts on each side that tell how restless the house is at a time.
const NEIGHBOURS: usize = 8;

impl Calm {
    /// Looks at no more than `most` of the stretches between clusters.
    fn new(meter: &Meter<'_>, clusters: &[Cluster], guards: Guards, windows: Windows, most: usize) -> Self {
        let guard_ms = ((guards.pre_s + guards.post_s) * 1000.0) as i64;
        let room_ms = guard_ms + (2000.0 * windows.longest_s) as i64;
        let calm: Vec<(i64, i64)> = clusters.windows(2).map(|c| (c[0].to_ms, c[1].from_ms)).filter(|c| c.1 - c.0 >= room_ms).collect();
        let within = |scratch: &mut Vec<(f64, f64)>, &(from_ms, to_ms): &(i64, i64)| -> Vec<(i64, f64)> {
            let many = ((to_ms - from_ms) / room_ms).clamp(1, 4);
            let middles = (0..many).map(|k| from_ms + (to_ms - from_ms) * (2 * k + 1) / (2 * many));
            middles
                .filter_map(|middle| {
                    let inside = (middle - guard_ms / 2, middle + guard_ms / 2);
                    contrast(meter, inside, (from_ms, to_ms), windows, scratch).map(|c| (middle, c.step_w().abs()))
                })
                .collect()
        };
        let stride = calm.len().div_ceil(most).max(1);
        let steps: Vec<(i64, f64)> = calm.par_iter().step_by(stride).map_init(Vec::new, within).flatten_iter().collect();
        let mut sizes: Vec<f64> = steps.iter().map(|s| s.1).collect();
        let overall_w = (1.4826 * quantile(&mut sizes, 0.5).unwrap_or(0.0)).max(0.2);
        Calm { steps, overall_w }
    }

    /// How far the background moves around `at_ms`, W.
    fn around(&self, at_ms: i64) -> f64 {
        let k = self.steps.partition_point(|s| s.0 < at_ms);
        let near = &self.steps[k.saturating_sub(NEIGHBOURS)..(k + NEIGHBOURS).min(self.steps.len())];
        let mut sizes: Vec<f64> = near.iter().map(|s| s.1).collect();
        let local_w = 1.4826 * quantile(&mut sizes, 0.5).unwrap_or(self.overall_w);
        local_w.max(0.25 * self.overall_w)
    }
}
