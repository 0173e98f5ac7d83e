//! What an entity draws per mode and along the fraction, as a sum of steps that cannot be negative: a monotone curve.

use super::events::{Change, Events};
use wattribute_domain::Level;

/// A mode's curve: power is 0 at fraction 0 and rises by one parameter between neighbouring knots.
#[derive(Clone, Debug, PartialEq)]
pub struct ModeCurve {
    /// Number of the mode.
    pub mode: u16,
    /// Fractions at which the slope may change; the last is the highest level seen.
    pub knots: Vec<f32>,
    /// Index of the parameter of the first knot; the others follow.
    pub first: usize,
}

/// All modes of a unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Modes other than off, in order of first use.
    pub modes: Vec<ModeCurve>,
}

/// The most knots of a mode.
const KNOTS: usize = 4;

impl ModeCurve {
    /// The parameters that make up the power at `fraction`, with their shares.
    pub fn parts(&self, fraction: f32) -> impl Iterator<Item = (usize, f64)> + '_ {
        let below = std::iter::once(0.0).chain(self.knots.iter().copied());
        let shares = self.knots.iter().zip(below).map(move |(&knot, below)| ((fraction - below) / (knot - below)).clamp(0.0, 1.0));
        shares.enumerate().filter(|(_, share)| *share > 0.0).map(|(k, share)| (self.first + k, f64::from(share)))
    }
}

impl Curve {
    /// Chooses knots from the levels that `changes` go to; parameters are numbered from `first`.
    pub fn new(changes: &[Change], first: usize) -> Self {
        Curve::of(changes.iter().flat_map(|c| [c.from, c.to]), first, choose)
    }

    /// The same for all levels that were ever heard, each mode up to its full level.
    pub fn whole(events: &Events, first: usize) -> Self {
        let levels = events.first.iter().map(|f| f.1).chain(events.changes.iter().map(|c| c.to));
        let up_to_full = |fractions| {
            let mut knots = choose(fractions);
            match knots.last_mut() {
                Some(top) if *top > 0.98 => *top = 1.0,
                _ => knots.push(1.0),
            }
            knots
        };
        Curve::of(levels, first, up_to_full)
    }

    fn of(levels: impl Iterator<Item = Level>, first: usize, choose: impl Fn(Vec<f32>) -> Vec<f32>) -> Self {
        let mut modes: Vec<(u16, Vec<f32>)> = Vec::new();
        for level in levels.filter(|l| !l.is_off()) {
            match modes.iter_mut().find(|m| m.0 == level.mode) {
                Some(m) => m.1.push(level.fraction),
                None => modes.push((level.mode, vec![level.fraction])),
            }
        }
        let mut next = first;
        let modes = modes
            .into_iter()
            .map(|(mode, fractions)| {
                let knots = choose(fractions);
                let curve = ModeCurve { mode, first: next, knots };
                next += curve.knots.len();
                curve
            })
            .collect();
        Curve { modes }
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.modes.iter().map(|m| m.knots.len()).sum()
    }

    /// The range of its parameters; `None` without any.
    pub fn range(&self) -> Option<std::ops::Range<usize>> {
        let (first, last) = (self.modes.first()?, self.modes.last()?);
        Some(first.first..last.first + last.knots.len())
    }

    /// Calls `each(parameter, share)` for the parameters that make up the power at `level`.
    pub fn parts(&self, level: Level, mut each: impl FnMut(usize, f64)) {
        if let Some(m) = self.modes.iter().find(|m| m.mode == level.mode) {
            m.parts(level.fraction).for_each(|(k, share)| each(k, share));
        }
    }

    /// Power at `level`, W, given the parameters.
    pub fn power_w(&self, level: Level, parameters: &[f64]) -> f64 {
        let mut sum = 0.0;
        self.parts(level, |k, share| sum += share * parameters[k]);
        sum
    }
}

/// Few distinct fractions are knots themselves; many are summarised by quantiles. The highest is always one.
fn choose(mut fractions: Vec<f32>) -> Vec<f32> {
    fractions.sort_by(f32::total_cmp);
    fractions.retain(|f| *f > 0.0);
    let Some(&top) = fractions.last() else { return vec![1.0] };
    let mut distinct: Vec<(f32, usize)> = Vec::new();
    for &f in &fractions {
        match distinct.last_mut() {
            Some(d) if f - d.0 < 0.02 => d.1 += 1,
            _ => distinct.push((f, 1)),
        }
    }
    let mut knots: Vec<f32> = if distinct.len() <= KNOTS {
        distinct.iter().filter(|d| d.1 >= 4).map(|d| d.0).collect()
    } else {
        (1..KNOTS).map(|q| fractions[q * (fractions.len() - 1) / KNOTS]).collect()
    };
    knots.retain(|&k| k < top - 0.02 && k > 0.02);
    knots.dedup_by(|a, b| *a - *b < 0.05);
    knots.push(top);
    knots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_monotone_and_meets_its_knots() {
        let on = |fraction| Level { mode: 1, fraction };
        let changes: Vec<Change> = [0.25f32, 0.5, 1.0]
            .iter()
            .cycle()
            .take(15)
            .map(|&f| Change { at_ms: 0, from: Level::off(), to: on(f), since_ms: None })
            .collect();
        let curve = Curve::new(&changes, 3);
        assert_eq!(curve.modes[0].knots, [0.25, 0.5, 1.0]);
        let parameters = [0.0, 0.0, 0.0, 10.0, 20.0, 30.0];
        let power: Vec<f64> = [0.0, 0.125, 0.25, 0.5, 0.75, 1.0].iter().map(|&f| curve.power_w(on(f), &parameters)).collect();
        assert_eq!(power, [0.0, 5.0, 10.0, 30.0, 45.0, 60.0]);
        assert_eq!(curve.power_w(Level::off(), &parameters), 0.0);
    }
}
