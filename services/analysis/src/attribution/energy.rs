//! Energy: power times time for a steady load; for one that works by itself while it is on, what its runs lie above the house's rest.
//! Back-fitted: each unit is measured against what the others are modelled to draw (DESIGN.md section 4, point 7).

mod measure;
mod usual;

use self::measure::{Measure, measure};
use self::usual::Usual;
use super::grid::Grid;
use super::lost::restore;
use super::meter::quantile;
use super::power::Powers;
use super::runs::{Doubt, Run, runs};
use super::units::Unit;
use rayon::prelude::*;

/// What is known of a unit's energy.
#[derive(Clone, Debug, Default)]
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
    /// What each run is modelled to draw per bin, W, from its first bin.
    pub draws: Vec<(usize, Vec<f32>)>,
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

/// By how much the spread of runs understates how wrong their mean may be: what else happens in a house goes with the runs.
const DOUBT_OF_RUNS: f64 = 1.5;

/// From this many bins on, lost changes are put back once and not in every pass: there is plenty of the rest to learn from.
const LONG_BINS: usize = 500_000;

/// Passes of back-fitting.
const PASSES: usize = 4;

/// Measures the energy of all units.
pub fn loads(grid: &Grid, units: &[Unit], powers: &Powers, end_ms: i64) -> Vec<Load> {
    let mut loads: Vec<Load> = units.par_iter().enumerate().map(|(u, unit)| start(u, unit, powers, end_ms)).collect();
    let mut rest: Vec<f32> = grid.power_w.clone();
    let mut doubt: Vec<f32> = vec![0.0; grid.len()];
    for (load, unit) in loads.iter_mut().zip(units) {
        load.draws = load.runs.par_iter().map(|run| steady_draw(grid, unit, powers, run)).collect();
        take(load, &mut rest, &mut doubt, 1.0);
    }
    let passes = if grid.len() < LONG_BINS { PASSES } else { PASSES - 1 };
    for pass in 0..passes {
        let mut order: Vec<usize> = (0..loads.len()).collect();
        order.sort_by(|&a, &b| loads[b].energy_kwh.total_cmp(&loads[a].energy_kwh));
        for u in order {
            take(&loads[u], &mut rest, &mut doubt, -1.0);
            if pass < 3 && (grid.len() < LONG_BINS || pass == 1) {
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

fn start(u: usize, unit: &Unit, powers: &Powers, end_ms: i64) -> Load {
    let (runs, doubts) = runs(&unit.events, end_ms);
    let heard = (runs.clone(), doubts);
    let p = &powers.solution.parameters;
    let power_w = top_power(unit, p);
    let agreement = agreement(u, unit, powers);
    let energy_kwh = steady_kwh(unit, powers, &runs);
    Load {
        runs,
        power_w,
        agreement,
        steady: if unit.stated_w.is_some() { 1.0 } else { agreement },
        energy_kwh,
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
fn agreement(u: usize, unit: &Unit, powers: &Powers) -> f64 {
    let p = &powers.solution.parameters;
    let range = unit.curve.range().unwrap_or_default();
    let (mut agree, mut all) = ([0.0f64; 2], [0.0f64; 2]);
    for e in powers.by_unit[u].iter().map(|&k| &powers.equations[k as usize]) {
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

/// Power times time over runs, kWh.
fn steady_kwh(unit: &Unit, powers: &Powers, runs: &[Run]) -> f64 {
    let levels = runs.iter().flat_map(|r| &r.levels);
    levels.map(|l| unit.curve.power_w(l.level, &powers.solution.parameters) * (l.to_ms - l.from_ms) as f64 / 3.6e9).sum()
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
    if unit.stated_w.is_some() {
        let steady_kwh = steady_kwh(unit, powers, &load.runs);
        (load.energy_kwh, load.error_kwh, load.parts_kwh) = (steady_kwh, 0.0, (steady_kwh, steady_kwh));
        load.draws = load.runs.par_iter().map(|run| steady_draw(grid, unit, powers, run)).collect();
        load.doubt = 0.02;
        return;
    }
    let without = without(load, rest);
    let measures: Vec<Measure> =
        (0..load.runs.len()).into_par_iter().map(|k| measure(grid, &load.runs, k, (rest, &without), doubt)).collect();
    let hours = load.hours();
    let steady_kwh = steady_kwh(unit, powers, &load.runs);
    let clean: Vec<&Measure> = measures.iter().filter(|m| m.mean.is_some()).collect();
    let usual = Usual::new(&clean, &measures);
    let means: Vec<(f64, f64)> = measures.iter().map(|m| usual.at(m.ln_s)).collect();
    let runs_kwh: f64 = means.iter().zip(&measures).map(|(m, k)| m.0 * k.seconds / 3.6e6).sum();
    let placebo_w = placebo(grid, load, &without, doubt);
    let error_kwh = means.iter().zip(&measures).map(|(m, k)| m.1 * (k.seconds / 3.6e6).powi(2)).sum::<f64>().sqrt();
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
        load.draws = load.runs.par_iter().map(|run| steady_draw(grid, unit, powers, run)).collect();
        load.doubt = 0.02;
    } else {
        let mut by_length: Vec<usize> = (0..measures.len()).filter(|&k| measures[k].mean.is_some()).collect();
        by_length.sort_by(|&a, &b| measures[a].ln_s.total_cmp(&measures[b].ln_s).then(a.cmp(&b)));
        let draws: Vec<(usize, Vec<f32>)> =
            (0..load.runs.len()).into_par_iter().map(|k| template(grid, load, k, &measures, &by_length, &means, rest)).collect();
        load.draws = draws;
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
            let usual = Usual::new(&clean, &measures);
            found.push(clean.iter().map(|m| usual.at(m.ln_s).0 * m.seconds).sum::<f64>() / hours);
        }
    }
    if found.len() < 2 {
        return 0.0;
    }
    let thinned = (stride as f64).sqrt();
    (found.iter().map(|w| w * w).sum::<f64>() / found.len() as f64).sqrt() / thinned
}

/// The most runs whose shape makes a template.
const SHAPES: usize = 15;

/// What a run of a load that works by itself is modelled to draw: the median over runs of nearly the same length, point by point, or
/// its flat mean where there are too few.
fn template(
    grid: &Grid,
    load: &Load,
    k: usize,
    measures: &[Measure],
    by_length: &[usize],
    means: &[(f64, f64)],
    rest: &[f32],
) -> (usize, Vec<f32>) {
    let (first, mut draw) = empty_draw(grid, &load.runs[k]);
    let n = draw.len();
    let ln_s = measures[k].ln_s;
    let place = by_length.partition_point(|&j| measures[j].ln_s < ln_s);
    let around = &by_length[place.saturating_sub(SHAPES)..(place + SHAPES).min(by_length.len())];
    let mut near: Vec<(f64, usize)> = around.iter().map(|&j| ((measures[j].ln_s - ln_s).abs(), j)).filter(|m| m.0 < 0.12).collect();
    near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    near.truncate(SHAPES);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::events::{Change, Events};
    use crate::attribution::meter::Meter;
    use crate::attribution::power::solve_steps;
    use crate::attribution::steps::Guards;
    use crate::attribution::units::units;
    use wattribute_domain::{Level, Series};

    /// A switch that is on for 30 to 50 minutes every two hours, 60 times, over 100 W; `draw` tells its power so many s into a run.
    fn load(draw: impl Fn(i64) -> f64) -> (Load, f64) {
        let on = Level { mode: 1, fraction: 1.0 };
        let run = |k: i64| (k * 7_200_000 + 3_600_000, k * 7_200_000 + 3_600_000 + (1800 + k * 7 % 5 * 300) * 1000);
        let mut changes = Vec::new();
        let mut series = Series::default();
        let mut truth_kwh = 0.0;
        for k in 0..60 {
            let (from_ms, to_ms) = run(k);
            changes.push(Change { at_ms: from_ms, from: Level::off(), to: on, since_ms: None });
            changes.push(Change { at_ms: to_ms, from: on, to: Level::off(), since_ms: None });
            for at_ms in (k * 7_200_000..(k + 1) * 7_200_000).step_by(5000) {
                let mine_w = if (from_ms..to_ms).contains(&at_ms) { draw((at_ms - from_ms) / 1000) } else { 0.0 };
                truth_kwh += mine_w * 5.0 / 3.6e6;
                series.push(at_ms, 100.0 + (at_ms / 5000 * 7 % 3) as f64 + mine_w);
            }
        }
        let meter = Meter::new(&series);
        let units = units(vec![Events { changes, first: Some((0, Level::off())), repeats: Vec::new() }], &["switch"], &Default::default());
        let powers = solve_steps(&meter, &units, Guards::wide(5.0));
        let load = loads(&Grid::new(&meter, 0.0), &units, &powers, 60 * 7_200_000).remove(0);
        (load, truth_kwh)
    }

    #[test]
    fn a_steady_load_takes_power_times_time() {
        let (load, truth_kwh) = load(|_| 400.0);
        assert!(load.steady > 0.9 && (load.energy_kwh / truth_kwh - 1.0).abs() < 0.01, "{} of {truth_kwh} kWh", load.energy_kwh);
        assert!((load.hours() - 40.0).abs() < 0.01, "{} h", load.hours());
    }

    #[test]
    fn a_load_that_works_by_itself_takes_what_its_runs_lie_above_the_rest() {
        // Heats for 10 minutes, then hardly does anything.
        let (load, truth_kwh) = load(|s| if s < 600 { 1000.0 } else { 20.0 });
        assert!(load.steady < 0.1 && (load.energy_kwh / truth_kwh - 1.0).abs() < 0.03, "{} of {truth_kwh} kWh", load.energy_kwh);
        assert!(load.parts_kwh.0 > 1.5 * load.parts_kwh.1 || load.parts_kwh.0 < 0.5 * load.parts_kwh.1, "{:?}", load.parts_kwh);
    }
}
