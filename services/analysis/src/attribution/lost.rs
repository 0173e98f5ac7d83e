//! Puts lost state changes back: an entity that says "on" twice was off in between, and the meter, its usual running times and its usual
//! pauses tell when (DESIGN.md section 4, point 7; the recipe's part E).

use super::grid::Grid;
use super::meter::quantile;
use super::runs::{Doubt, Run, insert, split};
use super::units::Unit;
use rayon::prelude::*;
use wattribute_domain::Level;

/// The most instants that are weighed against each other for the two ends of a pause that nobody heard of.
const INSTANTS: usize = 64;

/// Prior share of changes that are lost.
const LOSS: f64 = 0.03;

/// A run this many times the median is asked whether it is two.
const LONG: f64 = 1.3;

/// Density of its length, per unit of ln s, below which a run is unusual.
const UNUSUAL: f64 = 0.15;

/// Evidence for where a unit went on or off, against the house without it.
struct Evidence<'a> {
    grid: &'a Grid,
    /// The house without the unit, W.
    rest: &'a [f32],
    /// Density of steps that happen anyway.
    steps: Density,
    /// Density of the rest's level while the unit is off.
    levels: Density,
    /// Usual step on and its spread, W.
    on: (f64, f64),
    /// Usual step off (negative) and its spread, W.
    off: (f64, f64),
    /// Usual power, W.
    power_w: f64,
    /// Usual ln running time and pause.
    running: Kernel,
    pausing: Kernel,
}

/// The runs of a unit with what was lost put back. `rest` is the house without the unit.
pub fn restore(grid: &Grid, unit: &Unit, (runs, doubts): &(Vec<Run>, Vec<Doubt>), end_ms: i64, power_w: f64, rest: &[f32]) -> Vec<Run> {
    let mut out = runs.to_vec();
    let running: Vec<f64> =
        runs.iter().filter(|r| r.clean && !doubts.iter().any(|d| within(d, r))).map(|r| r.seconds().max(1.0).ln()).collect();
    let pausing: Vec<f64> = runs.windows(2).map(|w| ((w[1].from_ms - w[0].to_ms) as f64 / 1000.0).max(1.0).ln()).collect();
    let mut sorted = running.clone();
    let Some(usual) = quantile(&mut sorted, 0.5) else { return out };
    let long = runs.iter().any(|r| r.seconds().ln() > usual + LONG.ln());
    if running.len() < 4 || (doubts.is_empty() && !long) {
        return out;
    }
    let changes = unit.events.changes.len() as f64;
    let mean_s = |ln_s: &[f64]| ln_s.iter().map(|x| x.exp()).sum::<f64>() / ln_s.len().max(1) as f64;
    let (running_s, pausing_s) = (mean_s(&running), mean_s(&pausing));
    let evidence = Evidence::new(grid, runs, power_w, rest, Kernel::new(&running), Kernel::new(&pausing));
    // How often a level is said again for other reasons: attributes change, a page is reloaded.
    let spans = |on: bool| doubts.iter().filter(move |d| d.level.is_off() != on).map(|d| (d.again_ms - d.first_ms) as f64 / 1000.0);
    let rate = |on: bool| {
        let (n, seconds) = spans(on).fold((0.0, 0.0), |s, d| (s.0 + 1.0, s.1 + d));
        let usual_s: f64 = if on { running_s } else { pausing_s };
        (n / (seconds + usual_s * changes / 2.0).max(1.0)).max(1e-6)
    };
    let places: Vec<Option<i64>> = doubts.par_iter().map(|&d| evidence.place(d, !d.level.is_off(), rate(!d.level.is_off()))).collect();
    for (&doubt, at_ms) in doubts.iter().zip(places).filter_map(|(d, at)| Some((d, at?))) {
        if !doubt.level.is_off() {
            split(&mut out, doubt, at_ms);
        } else if let Some(level) = level_before(runs, doubt.first_ms) {
            insert(&mut out, doubt, at_ms, level);
        }
    }
    // A run that never ends: its off may have been lost like any other.
    if let Some(last) = out.last_mut().filter(|r| !r.clean && r.bounds.1 == end_ms && r.to_ms == end_ms) {
        let level = last.levels[0].level;
        let doubt = Doubt { first_ms: last.levels.last().map_or(last.from_ms, |l| l.from_ms), again_ms: end_ms, level };
        if let Some(at_ms) = evidence.place(doubt, true, 1.0 / running_s) {
            let from_ms = last.from_ms;
            last.reshape(from_ms, at_ms);
        }
    }
    let gaps: Vec<Option<(i64, i64)>> = out
        .par_iter()
        .map(|run| {
            let ln_s = run.seconds().ln();
            let whole = run.bounds == (run.from_ms, run.to_ms);
            let unusual = whole && ln_s > usual + LONG.ln() && evidence.running.without(ln_s).density(ln_s) < UNUSUAL;
            if unusual { evidence.gap(run) } else { None }
        })
        .collect();
    let mut parted = Vec::with_capacity(out.len());
    for (mut run, gap) in out.into_iter().zip(gaps) {
        if let Some((off_ms, on_ms)) = gap {
            let (from_ms, to_ms) = (run.from_ms, run.to_ms);
            let mut later = run.clone();
            run.reshape(from_ms, off_ms);
            later.reshape(on_ms, to_ms);
            (run.clean, later.clean) = (false, false);
            parted.push(run);
            parted.push(later);
        } else {
            parted.push(run);
        }
    }
    parted
}

/// The level of the run before an instant, or of the first one there is.
fn level_before(runs: &[Run], at_ms: i64) -> Option<Level> {
    let before = runs.partition_point(|r| r.from_ms < at_ms);
    runs.get(before.saturating_sub(1))?.levels.first().map(|l| l.level)
}

fn within(doubt: &Doubt, run: &Run) -> bool {
    run.from_ms <= doubt.first_ms && doubt.again_ms < run.to_ms
}

impl<'a> Evidence<'a> {
    fn new(grid: &'a Grid, runs: &[Run], power_w: f64, rest: &'a [f32], running: Kernel, pausing: Kernel) -> Self {
        let mut busy = vec![false; rest.len()];
        let mut on = vec![false; rest.len()];
        for run in runs {
            grid.shares(run.from_ms, run.to_ms, |bin, _| on[bin] = true);
            for at in [run.from_ms, run.to_ms] {
                let bin = grid.place(at).max(0.0) as usize;
                for b in &mut busy[bin.saturating_sub(4).min(rest.len())..(bin + 5).min(rest.len())] {
                    *b = true;
                }
            }
        }
        let stride = (rest.len() / 20_000).max(1);
        let free = (0..rest.len()).step_by(stride).filter(|&k| !busy[k]).filter_map(|k| step(grid, rest, k));
        let steps = Density::new(free.flat_map(|d| [d, -d]));
        let levels = Density::new((0..rest.len()).step_by(stride).filter(|&k| !on[k] && rest[k].is_finite()).map(|k| f64::from(rest[k])));
        let at = |ends: Vec<i64>, sign: f64| {
            let mut found: Vec<f64> = ends.iter().filter_map(|&ms| step(grid, rest, grid.place(ms).max(0.0) as usize)).collect();
            let middle = quantile(&mut found, 0.5).unwrap_or(sign * power_w);
            let mut apart: Vec<f64> = found.iter().map(|x| (x - middle).abs()).collect();
            (middle, (1.4826 * quantile(&mut apart, 0.5).unwrap_or(0.0)).max(0.02 * middle.abs()).max(2.0))
        };
        let clean = || runs.iter().filter(|r| r.clean);
        let on_step = at(clean().map(|r| r.from_ms).collect(), 1.0);
        let off_step = at(clean().map(|r| r.to_ms).collect(), -1.0);
        Evidence { grid, rest, steps, levels, on: on_step, off: off_step, power_w, running, pausing }
    }

    /// ln likelihood ratio of a switch at `bin` (on or off) against none.
    fn switch(&self, bin: usize, on: bool) -> f64 {
        let (expected, spread) = if on { self.on } else { self.off };
        if expected.abs() < 2.0 * spread {
            return 0.0;
        }
        let Some(d) = step(self.grid, self.rest, bin) else { return 0.0 };
        (self.steps.smeared(d - expected, spread).ln() - self.steps.at(d).ln()).clamp(-8.0, 25.0)
    }

    /// Running sum over `bins` of the evidence that the unit is off.
    fn off_evidence(&self, from: usize, to: usize) -> Vec<f64> {
        let weight = self.grid.step_s / 1200.0;
        let mut sum = 0.0;
        let mut out = Vec::with_capacity(to - from + 1);
        out.push(0.0);
        for k in from..to {
            let r = f64::from(self.rest[k]);
            if r.is_finite() && self.power_w > 10.0 {
                sum += weight * (self.levels.at(r).ln() - self.levels.smeared(r - self.power_w, 0.1 * self.power_w).ln()).clamp(-3.0, 3.0);
            }
            out.push(sum);
        }
        out
    }

    /// The instants to weigh between two times, as bins.
    fn instants(&self, from_ms: i64, to_ms: i64) -> Option<(usize, usize)> {
        let a = self.grid.place(from_ms).ceil().max(0.0) as usize;
        let b = (self.grid.place(to_ms).floor().max(0.0) as usize).min(self.rest.len().saturating_sub(1));
        (a < b).then_some((a, b))
    }

    fn ms(&self, bin: f64) -> i64 {
        self.grid.start_ms + (bin * self.grid.step_s * 1000.0) as i64
    }

    /// Where the opposite of `doubt.level` was lost (`on`: the level is on, so an off was lost); `None` if nothing was.
    fn place(&self, doubt: Doubt, on: bool, again_per_s: f64) -> Option<i64> {
        let (a, b) = self.instants(doubt.first_ms, doubt.again_ms)?;
        let off = self.off_evidence(a, b);
        let last = off.len() - 1;
        let (mut weight, mut sum, mut top) = (0.0, 0.0, f64::NEG_INFINITY);
        let mut found: Vec<(f64, f64)> = Vec::with_capacity(b - a);
        for k in a..b {
            let since_s = (k - a) as f64 * self.grid.step_s + 0.5 * self.grid.step_s;
            let until_s = (b - k) as f64 * self.grid.step_s - 0.5 * self.grid.step_s;
            let ln = if on {
                self.switch(k, false) + self.running.ln(since_s) + self.pausing.ln(until_s) + off[last] - off[k - a]
            } else {
                self.switch(k, true) + self.pausing.ln(since_s) + self.running.ln(until_s) + off[k - a]
            };
            top = top.max(ln);
            found.push((k as f64 + 0.5, ln));
        }
        for &(at, ln) in &found {
            let w = (ln - top).exp();
            weight += w;
            sum += w * at;
        }
        // Against it: the level was held all the time, and something else made the entity say it again.
        let held_s = (doubt.again_ms - doubt.first_ms) as f64 / 1000.0;
        let again = self.grid.place(doubt.again_ms).max(0.0) as usize; // outside the grid it says nothing
        let lost = top + (weight * self.grid.step_s).ln() + self.switch(again, on) + LOSS.ln();
        let held = again_per_s.ln() + if on { self.running.survival_ln(held_s) } else { self.pausing.survival_ln(held_s) + off[last] };
        (lost > held).then(|| self.ms(sum / weight))
    }

    /// Whether a long run is two with a pause in between: where the pause began and ended.
    fn gap(&self, run: &Run) -> Option<(i64, i64)> {
        let (a, b) = self.instants(run.from_ms, run.to_ms)?;
        let stride = (b - a).div_ceil(INSTANTS).max(1);
        let off = self.off_evidence(a, b);
        let total_s = run.seconds();
        let bins: Vec<usize> = (a..b).step_by(stride).collect();
        // Within a stride the best instant stands for all.
        let best = |from: usize, on: bool| {
            (from..(from + stride).min(b)).map(|k| (self.switch(k, on), k)).max_by(|x, y| x.0.total_cmp(&y.0)).unwrap_or((0.0, from))
        };
        let offs: Vec<(f64, usize)> = bins.iter().map(|&k| best(k, false)).collect();
        let ons: Vec<(f64, usize)> = bins.iter().map(|&k| best(k, true)).collect();
        let without = self.running.without(total_s.ln());
        let mut top = (f64::NEG_INFINITY, 0, 0);
        let mut all = 0.0f64;
        let g = self.grid.step_s;
        for (i, &(off_ln, p)) in offs.iter().enumerate() {
            let first = off_ln + without.ln((p - a) as f64 * g + g / 2.0);
            for &(on_ln, q) in ons.iter().skip(i + 1) {
                if q <= p {
                    continue;
                }
                let ln = first + on_ln + self.pausing.ln((q - p) as f64 * g) + without.ln((b - q) as f64 * g + g / 2.0) + off[q - a]
                    - off[p - a];
                all += (ln - 20.0).clamp(-200.0, 200.0).exp();
                if ln > top.0 {
                    top = (ln, p, q);
                }
            }
        }
        let two = all.max(1e-300).ln() + 20.0 + 2.0 * (g * stride as f64).ln() + 2.0 * LOSS.ln();
        let one = without.ln(total_s);
        (two > one + 1.0).then(|| (self.ms(top.1 as f64 + 0.5), self.ms(top.2 as f64 + 0.5)))
    }
}

/// Median of some bins after `k` less that of some bins before.
fn step(grid: &Grid, rest: &[f32], k: usize) -> Option<f64> {
    let m = if grid.step_s <= 20.0 { 3 } else { 1 };
    let side = |from: usize, to: usize| {
        let mut w = [0f64; 3];
        let mut n = 0;
        for x in rest.get(from..to)?.iter().filter(|x| x.is_finite()) {
            w[n] = f64::from(*x);
            n += 1;
        }
        if n == 0 { None } else { quantile(&mut w[..n], 0.5) }
    };
    Some(side(k + 1, k + 1 + m)? - side(k.checked_sub(m)?, k)?)
}

/// A density over W on an arcsinh scale: fine near zero, coarse far out.
struct Density {
    cells: Vec<f64>,
}

/// Cells on each side of zero, and the scale of the arcsinh, W.
const CELLS: i32 = 160;
const KNEE_W: f64 = 10.0;
const CELL: f64 = 0.06;

impl Density {
    fn new(values: impl Iterator<Item = f64>) -> Self {
        let mut cells = vec![0.0; (2 * CELLS + 1) as usize];
        let mut n = 0.0f64;
        for v in values {
            cells[Self::cell(v)] += 1.0;
            n += 1.0;
        }
        // Smooth a little, and leave a floor: what was never seen is not impossible.
        let smooth: Vec<f64> = (0..cells.len())
            .map(|k| {
                let sum = cells[k.saturating_sub(2)..(k + 3).min(cells.len())].iter().sum::<f64>() / 5.0;
                (sum + 0.02) / (n + 0.02 * cells.len() as f64)
            })
            .collect();
        Density { cells: smooth }
    }

    fn cell(w: f64) -> usize {
        (((w / KNEE_W).asinh() / CELL).round() as i32).clamp(-CELLS, CELLS).wrapping_add(CELLS) as usize
    }

    /// Density at `w`, per W.
    fn at(&self, w: f64) -> f64 {
        self.cells[Self::cell(w)] / (CELL * w.hypot(KNEE_W))
    }

    /// Density at `w` after smearing by `spread` W.
    fn smeared(&self, w: f64, spread: f64) -> f64 {
        const AT: [(f64, f64); 5] = [(-1.5, 0.13), (-0.75, 0.23), (0.0, 0.28), (0.75, 0.23), (1.5, 0.13)];
        AT.iter().map(|&(x, p)| p * self.at(w + x * spread)).sum()
    }
}

/// A kernel density over ln seconds, with a floor; kept as a table, since it is asked for very many instants.
struct Kernel {
    sums: Vec<f64>,
    count: f64,
    /// One duration that does not count (ln s).
    without: Option<f64>,
}

/// Width of the kernel, and of a cell of the table.
const WIDTH: f64 = 0.2;
const TICK: f64 = 0.05;

impl Kernel {
    fn new(ln_s: &[f64]) -> Self {
        let mut counts = vec![0.0; 360];
        for x in ln_s {
            counts[((x / TICK).round().max(0.0) as usize).min(359)] += 1.0;
        }
        let mut sums = vec![0.0; counts.len()];
        for (k, n) in counts.iter().enumerate().filter(|c| *c.1 > 0.0) {
            for (j, sum) in sums.iter_mut().enumerate().take(k + 17).skip(k.saturating_sub(16)) {
                *sum += n * (-0.5 * ((j as f64 - k as f64) * TICK / WIDTH).powi(2)).exp();
            }
        }
        Kernel { sums, count: ln_s.len() as f64, without: None }
    }

    /// The same without one duration of `ln_s`.
    fn without(&self, ln_s: f64) -> Kernel {
        Kernel { sums: self.sums.clone(), count: self.count, without: Some(ln_s) }
    }

    /// Share of the durations that are about `x` (ln s), per unit of ln s.
    fn density(&self, x: f64) -> f64 {
        let sum = self.sums[((x / TICK).round().max(0.0) as usize).min(self.sums.len() - 1)];
        let (own, n) = self.without.map_or((0.0, self.count), |own| ((-0.5 * ((x - own) / WIDTH).powi(2)).exp(), self.count - 1.0));
        (sum - own).max(0.0) / (n.max(1.0) * WIDTH * 2.5066)
    }

    /// ln density per s at `seconds`.
    fn ln(&self, seconds: f64) -> f64 {
        let x = seconds.max(1.0).ln();
        (0.95 * self.density(x) + 0.05 / 10.0).ln() - x
    }

    /// ln of the share that lasts longer than `seconds`.
    fn survival_ln(&self, seconds: f64) -> f64 {
        let x = seconds.max(1.0).ln();
        let from = ((x / TICK).round() as usize).min(self.sums.len() - 1);
        let longer = self.sums[from..].iter().sum::<f64>() * TICK / (self.count.max(1.0) * WIDTH * 2.5066);
        (0.95 * longer.min(1.0) + 0.05 * (1.0 - x / 12.0).max(0.01)).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::curve::Curve;
    use crate::attribution::events::{Change, Events, Repeat};
    use crate::attribution::runs::runs;
    use wattribute_domain::Level;

    const ON: Level = Level { mode: 1, fraction: 1.0 };

    /// On for 15 to 25 minutes every hour, 40 times; the off of the 15th run, after 22.5 minutes, is not heard.
    fn home() -> (Unit, Grid) {
        let mut changes = Vec::new();
        let mut power_w = vec![100f32; 40 * 360 + 360];
        for k in 0..40 {
            let (on_ms, off_ms) = (k * 3_600_000 + 600_000, k * 3_600_000 + 1_500_000 + k * 7 % 5 * 150_000);
            changes.push(Change { at_ms: on_ms, from: Level::off(), to: ON, since_ms: None });
            changes.push(Change { at_ms: off_ms, from: ON, to: Level::off(), since_ms: None });
            power_w[on_ms as usize / 10_000..off_ms as usize / 10_000].iter_mut().for_each(|w| *w += 500.0);
        }
        power_w.iter_mut().enumerate().for_each(|(k, w)| *w += (k * 7 % 11) as f32);
        let lost = changes.drain(29..31).next_back().unwrap();
        let repeats = vec![Repeat { first_ms: changes[28].at_ms, at_ms: lost.at_ms, level: ON }];
        let events = Events { changes, repeats, first: Some((0, Level::off())) };
        let unit = Unit { members: vec![0], curve: Curve::new(&events.changes, 0), events, usually_steady: 0.6, stated_w: None };
        (unit, Grid { start_ms: 0, step_s: 10.0, power_w })
    }

    #[test]
    fn a_lost_off_is_put_back_where_the_meter_fell() {
        let (unit, grid) = home();
        let end_ms = grid.len() as i64 * 10_000;
        let heard = runs(&unit.events, end_ms);
        assert_eq!((heard.0.len(), heard.1.len()), (39, 1));
        let found = restore(&grid, &unit, &heard, end_ms, 500.0, &grid.power_w);
        assert_eq!(found.len(), 40);
        let truth_ms = 14 * 3_600_000 + 1_950_000;
        assert!((found[14].to_ms - truth_ms).abs() <= 20_000, "off at {} ms, not at {truth_ms} ms", found[14].to_ms);
        assert!(!found[14].clean && found[13].clean);
        // The same where nothing said that something was lost: the run is just far too long.
        let silent = restore(&grid, &unit, &(heard.0, Vec::new()), end_ms, 500.0, &grid.power_w);
        assert_eq!(silent.len(), 40);
        assert!((silent[14].to_ms - truth_ms).abs() <= 20_000 && (silent[15].from_ms - 15 * 3_600_000 - 600_000).abs() <= 20_000);
    }

    #[test]
    fn a_level_said_again_while_the_meter_stays_up_is_no_loss() {
        let (mut unit, mut grid) = home();
        let (first_ms, again_ms) = (unit.events.repeats[0].first_ms, unit.events.repeats[0].at_ms);
        grid.power_w[first_ms as usize / 10_000..again_ms as usize / 10_000].fill(605.0);
        // It is said again now and then for other reasons.
        for k in [3, 7, 20] {
            let change = unit.events.changes[2 * k];
            unit.events.repeats.push(Repeat { first_ms: change.at_ms, at_ms: change.at_ms + 600_000, level: ON });
        }
        let end_ms = grid.len() as i64 * 10_000;
        let heard = runs(&unit.events, end_ms);
        assert_eq!(restore(&grid, &unit, &heard, end_ms, 500.0, &grid.power_w).len(), 39);
    }
}
