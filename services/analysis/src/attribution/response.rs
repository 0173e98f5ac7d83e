//! How the meter shows a switch: learned from the house's own switches (DESIGN.md section 4, point 1; the recipe's part B).

use super::meter::{Meter, quantile};
use super::power::Powers;
use super::steps::{Guards, Mark};
use super::units::Unit;

/// Lags that are looked at around a switch, s.
const EARLIEST_S: f64 = -30.0;
const LATEST_S: f64 = 150.0;

/// The most switches that are looked at.
const SWITCHES: usize = 4000;

/// Usual time between readings, s: that of the meter, unless it speaks only of changes and the house is so still that hardly anything
/// but what is switched makes it speak. Then it is twice the median time from a switch to the next reading, as it would be for a
/// meter with a fixed beat.
pub fn interval_s(meter: &Meter<'_>, marks: &[Mark]) -> f64 {
    const EARLY_MS: i64 = 1_000;
    let times = &meter.series.at_ms;
    let stride = marks.len().div_ceil(SWITCHES).max(1);
    let wait_ms = |mark: &Mark| Some((*times.get(meter.row(mark.at_ms - EARLY_MS))? - mark.at_ms).max(0) as f64);
    let mut waits: Vec<f64> = marks.iter().step_by(stride).filter_map(wait_ms).collect();
    let enough = waits.len() >= 4;
    let Some(wait_ms) = quantile(&mut waits, 0.5).filter(|w| enough && 2.0 * w < 400.0 * meter.interval_s) else {
        return meter.interval_s;
    };
    let stride = times.len().div_ceil(SWITCHES).max(1);
    let follows = |at_ms: i64| {
        let last = marks.partition_point(|m| m.at_ms <= at_ms + EARLY_MS).checked_sub(1);
        last.is_some_and(|k| at_ms - marks[k].at_ms <= 2 * (wait_ms as i64 + EARLY_MS))
    };
    let following = times.iter().step_by(stride).filter(|&&at_ms| follows(at_ms)).count();
    if 2 * following >= times.len().div_ceil(stride) { (2e-3 * wait_ms).max(1.0) } else { meter.interval_s }
}

/// Readings beside switches that are needed to tell how a meter reports.
const OWN_READINGS: usize = 20;

/// Whether the house is so still that its meter has hardly said anything but what was switched: then neither the time between its
/// readings nor their size says anything of the meter's ways.
pub fn is_still(meter: &Meter<'_>, marks: &[Mark]) -> bool {
    const EARLY_MS: i64 = 1_000;
    const LATE_MS: i64 = 10_000;
    let (times, values) = (&meter.series.at_ms, &meter.series.value);
    let is_own = |&k: &usize| {
        let before = marks.partition_point(|m| m.at_ms <= times[k] + EARLY_MS);
        let follows = before.checked_sub(1).is_some_and(|m| times[k] - marks[m].at_ms <= LATE_MS);
        !follows && values[k].is_finite() && values[k - 1].is_finite()
    };
    (1..times.len()).filter(is_own).take(OWN_READINGS).count() < OWN_READINGS
}

/// Guards for this meter: wide ones, and wider where the average change of the meter around a switch stands out later (or earlier) than
/// those allow. Background is removed and single changes are capped, so that neither a busy house nor one big load decides.
pub fn guards(meter: &Meter<'_>, marks: &[Mark]) -> Guards {
    let wide = Guards::wide(meter.interval_s);
    let cell_s = (meter.interval_s / 3.0).max(1.0);
    let latest_s = LATEST_S + 2.0 * meter.interval_s;
    let cells = ((latest_s - EARLIEST_S) / cell_s).ceil() as usize;
    let cap_w = (10.0 * meter.noise_w).max(50.0);
    let mut moved = vec![0.0; cells];
    let stride = marks.len().div_ceil(SWITCHES).max(1);
    let mut switches = 0.0;
    for mark in marks.iter().step_by(stride) {
        switches += 1.0;
        let to_ms = mark.at_ms + (latest_s * 1000.0) as i64;
        let mut k = meter.row(mark.at_ms + (EARLIEST_S * 1000.0) as i64).max(1);
        while k < meter.series.len() && meter.series.at_ms[k] < to_ms {
            let change = meter.series.value[k] - meter.series.value[k - 1];
            let lag_s = (meter.series.at_ms[k] - mark.at_ms) as f64 / 1000.0;
            let cell = ((lag_s - EARLIEST_S) / cell_s) as usize;
            if change.is_finite() && cell < cells {
                moved[cell] += change.abs().min(cap_w);
            }
            k += 1;
        }
    }
    if switches < 40.0 {
        return wide;
    }
    let background = quantile(&mut moved.clone(), 0.5).unwrap_or(0.0);
    let mut apart: Vec<f64> = moved.iter().map(|m| (m - background).abs()).collect();
    let spread = 1.4826 * quantile(&mut apart, 0.5).unwrap_or(0.0);
    let above = |m: f64| (m - background - 6.0 * spread).max(0.0);
    // The stretch around the peak that rises above the background.
    let Some(peak) = (0..cells).max_by(|&a, &b| moved[a].total_cmp(&moved[b])).filter(|&k| above(moved[k]) > 0.3 * background) else {
        return wide;
    };
    let last = (peak..cells).take_while(|&k| above(moved[k]) > 0.0).last().unwrap_or(peak);
    let first = (0..=peak).rev().take_while(|&k| above(moved[k]) > 0.0).last().unwrap_or(peak);
    let (first_s, last_s) = (EARLIEST_S + first as f64 * cell_s, EARLIEST_S + (last + 1) as f64 * cell_s);
    Guards { pre_s: wide.pre_s.max(-first_s + 1.0), post_s: wide.post_s.max(last_s + 1.0) }
}

/// Seconds from when a switch is heard of until the meter has, on average, followed (negative: the meter is first): the area left of
/// the response of clear, lone steps. `None` with fewer than eight of them.
pub fn lag(meter: &Meter<'_>, units: &[Unit], powers: &Powers) -> Option<f64> {
    let p = &powers.solution.parameters;
    let mut lags: Vec<f64> = Vec::new();
    for (e, &weight) in powers.equations.iter().zip(&powers.solution.weights) {
        let cluster = &powers.clusters[e.cluster as usize];
        let Some(contrast) = powers.contrasts[e.cluster as usize].as_ref() else { continue };
        let clear = e.explained_w(p).abs() > (15.0 * meter.noise_w).max(40.0) && (e.step_w / e.explained_w(p) - 1.0).abs() < 0.1;
        if weight < 0.3 || cluster.marks.len() != 1 || !clear || contrast.step_w().abs() < 1.0 {
            continue;
        }
        let mark = &powers.marks[cluster.marks.start];
        if units[mark.unit as usize].events.changes[mark.change as usize].since_ms.is_some() {
            continue;
        }
        let (mean_w, covered_s) = meter.mean(contrast.before_ms, contrast.after_ms);
        let width_s = (contrast.after_ms - contrast.before_ms) as f64 / 1000.0;
        if covered_s > 0.95 * width_s {
            let left = (contrast.after_w - mean_w) / contrast.step_w() * width_s;
            lags.push(left - (mark.at_ms - contrast.before_ms) as f64 / 1000.0);
        }
        if lags.len() >= SWITCHES {
            break;
        }
    }
    if lags.len() < 8 { None } else { quantile(&mut lags, 0.5) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::events::{Change, Events};
    use crate::attribution::power::solve_steps;
    use crate::attribution::units::{marks, units};
    use wattribute_domain::{Level, Series};

    /// 200 W switched every 5 minutes, 60 times; the meter (every 3 s, with a little noise) shows it `late_s` after it is said.
    fn home(late_s: i64) -> (Series, Vec<Unit>) {
        let on = Level { mode: 1, fraction: 1.0 };
        let change = |k: i64| {
            let (from, to) = if k % 2 == 0 { (Level::off(), on) } else { (on, Level::off()) };
            Change { at_ms: (k + 1) * 300_000 + k % 3 * 1000, from, to, since_ms: None }
        };
        let changes: Vec<Change> = (0..60).map(change).collect();
        let mut series = Series::default();
        for k in 0..6_200 {
            let at_ms = k * 3000;
            let switched = changes.partition_point(|c| c.at_ms + late_s * 1000 <= at_ms);
            series.push(at_ms, 300.0 + (k * 7 % 5) as f64 + if switched % 2 == 1 { 200.0 } else { 0.0 });
        }
        let events = Events { changes, first: Some((0, Level::off())), repeats: Vec::new() };
        (series, units(vec![events], &["switch"], &Default::default()))
    }

    #[test]
    fn guards_widen_for_a_meter_that_is_late() {
        let guards_of = |late_s| {
            let (series, units) = home(late_s);
            guards(&Meter::new(&series), &marks(&units))
        };
        assert_eq!(guards_of(0), Guards::wide(3.0));
        let late = guards_of(30);
        assert!((33.0..40.0).contains(&late.post_s), "{late:?}");
        assert_eq!(late.pre_s, Guards::wide(3.0).pre_s);
        let early = guards_of(-15);
        assert!((15.0..20.0).contains(&early.pre_s), "{early:?}");
    }

    #[test]
    fn a_still_house_says_nothing_of_its_meter() {
        let (mut series, units) = home(0);
        let marks = marks(&units);
        assert!(!is_still(&Meter::new(&series), &marks));
        let switched = |k: usize| marks.iter().any(|m| (0..3_000).contains(&(series.at_ms[k] - m.at_ms)));
        let rows: Vec<(i64, f64)> = (0..series.len()).filter(|&k| switched(k)).map(|k| (series.at_ms[k], series.value[k])).collect();
        series = Series { at_ms: rows.iter().map(|r| r.0).collect(), value: rows.iter().map(|r| r.1).collect() };
        assert!(is_still(&Meter::new(&series), &marks));
    }

    #[test]
    fn the_lag_is_how_much_later_the_meter_is() {
        for late_s in [-4, 0, 5] {
            let (series, units) = home(late_s);
            let meter = Meter::new(&series);
            let powers = solve_steps(&meter, &units, Guards { pre_s: 10.0, post_s: 15.0 });
            // A reading comes 0 to 3 s after what it shows.
            let found_s = lag(&meter, &units, &powers).unwrap() - late_s as f64;
            assert!((0.0..3.0).contains(&found_s), "{late_s} s: {found_s} s more");
        }
    }
}
