//! What can be said of a unit: intervals that cover, abstention, strength of evidence.

use super::curve::ModeCurve;
use super::energy::Load;
use super::meter::{Meter, quantile};
use super::power::Powers;
use super::steps::{Windows, contrast};
use super::units::Unit;
use wattribute_domain::Verdict;

/// By how much the standard errors are widened so that nine of ten intervals hold the truth (measured: `make exam`).
const WIDEN: f64 = 1.3;

/// Half width of a 90 % interval in standard errors.
const Z90: f64 = 1.645;

/// A power is told where its standard error is at most this share of it.
pub const TELL: f64 = 0.12;

/// Loads of up to this are called none, W.
const NOTHING_W: f64 = 2.0;

/// Changes that are needed to say anything.
const EVENTS: usize = 6;

/// A power with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// W.
    pub power_w: f64,
    /// Standard error, W, widened.
    pub error_w: f64,
}

impl Estimate {
    /// Lower end of the 90 % interval, W.
    pub fn low_w(&self) -> f64 {
        (self.power_w - Z90 * self.error_w).max(0.0)
    }

    /// Upper end of the 90 % interval, W.
    pub fn high_w(&self) -> f64 {
        self.power_w + Z90 * self.error_w
    }

    /// Whether it is known well enough to be told.
    pub fn is_told(&self) -> bool {
        self.power_w > NOTHING_W && self.error_w <= TELL * self.power_w
    }
}

/// The power at `fraction` of a mode.
pub fn estimate(mode: &ModeCurve, fraction: f32, powers: &Powers) -> Estimate {
    let shares: Vec<(usize, f64)> = mode.parts(fraction).collect();
    let power_w: f64 = shares.iter().map(|&(k, x)| x * powers.solution.parameters[k]).sum();
    let variance: f64 = shares
        .iter()
        .flat_map(|&(i, x)| shares.iter().map(move |&(j, y)| (i, j, x * y)))
        .map(|(i, j, xy)| xy * powers.solution.covariance.at(i, j))
        .sum();
    let error_w = (WIDEN * variance.max(0.0).sqrt()).hypot(0.0015 * power_w).hypot(0.1);
    Estimate { power_w, error_w }
}

/// The mode that draws most, and its power at the highest level.
pub fn top<'a>(unit: &'a Unit, powers: &Powers) -> Option<(&'a ModeCurve, Estimate)> {
    unit.curve
        .modes
        .iter()
        .map(|m| (m, estimate(m, *m.knots.last().unwrap_or(&1.0), powers)))
        .max_by(|a, b| a.1.power_w.total_cmp(&b.1.power_w))
}

/// Equations that the power of unit `u` rests on.
pub fn events_used(u: usize, powers: &Powers) -> usize {
    powers.by_unit[u].iter().filter(|&&k| powers.solution.weights[k as usize] > 0.1).count()
}

/// What can be said of a unit's power and energy.
pub fn verdict(unit: &Unit, load: &Load, top: Option<Estimate>, used: usize, strength: f64) -> Verdict {
    if unit.stated_w.is_some() {
        return Verdict::Stated;
    }
    let Some(top) = top.filter(|_| unit.events.changes.len() >= EVENTS && used >= EVENTS / 2) else {
        return Verdict::NotEnoughEvents;
    };
    let energy_known = load.energy_kwh > 2.0 * load.error_kwh && load.hours() > 0.0 && 1000.0 * load.energy_kwh / load.hours() > NOTHING_W;
    let varies = load.steady < 0.5;
    if varies && energy_known {
        Verdict::Varies
    } else if top.is_told() && strength >= 0.9 {
        if unit.members.len() > 1 { Verdict::Grouped } else { Verdict::Learned }
    } else if top.high_w() <= NOTHING_W {
        Verdict::NoLoad
    } else {
        Verdict::TooSmall
    }
}

/// Hours by which changes are shifted for the placebo.
const SHIFTS_H: [f64; 20] =
    [-26.0, -25.0, -24.0, -23.0, -22.0, -5.0, -4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 22.0, 23.0, 24.0, 25.0, 26.0];

/// The most changes of a unit that are shifted.
const SHIFTED: usize = 150;

/// Strength of evidence, 0 to 1: the share of shifted times at which the unit's changes, read in the same way, find less than `power_w`.
/// Shifted changes that fall on anything else that was switched are left out.
pub fn strength(meter: &Meter<'_>, unit: &Unit, powers: &Powers, windows: Windows, power_w: f64) -> f64 {
    let stride = unit.events.changes.len().div_ceil(SHIFTED).max(1);
    let (pre_ms, post_ms) = ((powers.guards.pre_s * 1000.0) as i64, (powers.guards.post_s * 1000.0) as i64);
    let (mut scratch, mut found) = (Vec::new(), Vec::new());
    let (mut less, mut all) = (0.0, 0.0);
    for hours in SHIFTS_H {
        found.clear();
        for change in unit.events.changes.iter().step_by(stride) {
            let at_ms = change.at_ms + (hours * 3.6e6) as i64;
            let inside = (at_ms - pre_ms, at_ms + post_ms);
            let k = powers.clusters.partition_point(|c| c.to_ms < inside.0);
            let before = k.checked_sub(1).map_or(i64::MIN, |p| powers.clusters[p].to_ms);
            let after = powers.clusters.get(k).map_or(i64::MAX, |c| c.from_ms);
            if after <= inside.1 {
                continue;
            }
            let direction = if change.to.is_off() { -1.0 } else { 1.0 };
            if let Some(c) = contrast(meter, inside, (before, after), windows, &mut scratch) {
                found.push(direction * c.step_w());
            }
        }
        if found.len() >= 4 {
            all += 1.0;
            if quantile(&mut found, 0.5).unwrap_or(0.0).abs() < power_w {
                less += 1.0;
            }
        }
    }
    if all == 0.0 { 1.0 } else { less / all }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::events::{Change, Events};
    use wattribute_domain::Level;

    #[test]
    fn a_power_is_told_where_its_error_is_a_small_share() {
        let e = |power_w, error_w| Estimate { power_w, error_w };
        assert!(e(100.0, 12.0).is_told() && !e(100.0, 12.1).is_told());
        assert!(!e(2.0, 0.1).is_told(), "2 W is nothing");
        assert_eq!((e(10.0, 10.0).low_w(), e(10.0, 10.0).high_w()), (0.0, 26.45));
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let on = Level { mode: 1, fraction: 1.0 };
        let change = |k: i64| Change { at_ms: k * 600_000, from: Level::off(), to: on, since_ms: None };
        let unit = |changes: i64, members: Vec<usize>| Unit {
            members,
            events: Events { changes: (0..changes).map(change).collect(), ..Events::default() },
            curve: crate::attribution::curve::Curve::default(),
            usually_steady: 0.995,
            stated_w: None,
        };
        let load = Load::default();
        let (sure, none, vague) = (
            Some(Estimate { power_w: 60.0, error_w: 1.0 }),
            Some(Estimate { power_w: 0.1, error_w: 0.5 }),
            Some(Estimate { power_w: 5.0, error_w: 5.0 }),
        );
        let of = |unit: &Unit, top, used, strength| verdict(unit, &load, top, used, strength);
        let lone = unit(20, vec![0]);
        assert_eq!(of(&lone, sure, 20, 1.0), Verdict::Learned);
        assert_eq!(of(&unit(20, vec![0, 1]), sure, 20, 1.0), Verdict::Grouped);
        assert_eq!(of(&lone, sure, 20, 0.85), Verdict::TooSmall, "chance finds as much");
        assert_eq!(of(&lone, none, 20, 1.0), Verdict::NoLoad);
        assert_eq!(of(&lone, vague, 20, 1.0), Verdict::TooSmall);
        assert_eq!(of(&lone, sure, 2, 1.0), Verdict::NotEnoughEvents);
        assert_eq!(of(&unit(5, vec![0]), sure, 20, 1.0), Verdict::NotEnoughEvents);
    }
}
