//! Clusters of changes and the step of the meter around each: DESIGN.md section 4, points 1 to 3.

use super::meter::Meter;
use rayon::prelude::*;

/// The window around a change in which its step may appear: left out on both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guards {
    /// Seconds left out before a change.
    pub pre_s: f64,
    /// Seconds left out after a change.
    pub post_s: f64,
}

impl Guards {
    /// Wide enough for a state that is said up to 5 s late and a meter that lags and ramps by some seconds.
    pub fn wide(interval_s: f64) -> Self {
        Guards { pre_s: 6.0, post_s: 8.0 + interval_s }
    }
}

/// A change of one unit, as far as steps are concerned.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Start of the time in which it may have happened, ms.
    pub from_ms: i64,
    /// When it was said, ms.
    pub at_ms: i64,
    /// The unit.
    pub unit: u32,
    /// Index of the change within the unit.
    pub change: u32,
}

/// Changes whose guarded windows overlap: one equation.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its marks: a range of the sorted marks.
    pub marks: std::ops::Range<usize>,
    /// Start of the guarded window, ms.
    pub from_ms: i64,
    /// End of the guarded window, ms.
    pub to_ms: i64,
}

/// The step around a cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contrast {
    /// Median power before, W.
    pub before_w: f64,
    /// Median power after, W.
    pub after_w: f64,
    /// Standard error of the difference, W.
    pub error_w: f64,
    /// End of the window before, ms.
    pub before_ms: i64,
    /// Start of the window after, ms.
    pub after_ms: i64,
}

impl Contrast {
    /// After minus before, W.
    pub fn step_w(&self) -> f64 {
        self.after_w - self.before_w
    }
}

/// How long the windows are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windows {
    /// The longest window on each side, s.
    pub longest_s: f64,
    /// The shortest that is of use, s.
    pub shortest_s: f64,
}

impl Windows {
    /// Windows of at most `longest_s`, and of at least two readings.
    pub fn of(interval_s: f64, longest_s: f64) -> Self {
        Windows { longest_s: longest_s.max(2.0 * interval_s), shortest_s: 0.9 * interval_s }
    }
}

/// Groups sorted marks whose guarded windows overlap.
pub fn clusters(marks: &[Mark], guards: Guards) -> Vec<Cluster> {
    let (pre_ms, post_ms) = ((guards.pre_s * 1000.0) as i64, (guards.post_s * 1000.0) as i64);
    let mut out: Vec<Cluster> = Vec::new();
    for (k, mark) in marks.iter().enumerate() {
        let (from_ms, to_ms) = (mark.from_ms - pre_ms, mark.at_ms + post_ms);
        match out.last_mut() {
            Some(c) if from_ms <= c.to_ms => {
                c.to_ms = c.to_ms.max(to_ms);
                c.marks.end = k + 1;
            }
            _ => out.push(Cluster { marks: k..k + 1, from_ms, to_ms }),
        }
    }
    out
}

/// The contrast of every cluster, between windows that end at the neighbouring clusters; `None` where the meter was silent or there was no room.
pub fn contrasts(meter: &Meter<'_>, clusters: &[Cluster], windows: Windows) -> Vec<Option<Contrast>> {
    (0..clusters.len())
        .into_par_iter()
        .map_init(Vec::new, |scratch, k| {
            let previous = k.checked_sub(1).map_or(i64::MIN, |p| clusters[p].to_ms);
            let next = clusters.get(k + 1).map_or(i64::MAX, |c| c.from_ms);
            contrast(meter, (clusters[k].from_ms, clusters[k].to_ms), (previous, next), windows, scratch)
        })
        .collect()
}

/// The contrast around `[from, to]` of `inside`, looking no further than `bounds`.
pub fn contrast(
    meter: &Meter<'_>,
    inside: (i64, i64),
    bounds: (i64, i64),
    windows: Windows,
    scratch: &mut Vec<(f64, f64)>,
) -> Option<Contrast> {
    let longest_ms = (windows.longest_s * 1000.0) as i64;
    let before = meter.window(bounds.0.max(inside.0 - longest_ms), inside.0, scratch)?;
    let start_ms = meter.first_whole_reading(inside.1);
    let after = meter.window(start_ms, bounds.1.min(start_ms + longest_ms), scratch)?;
    if before.covered_s < windows.shortest_s || after.covered_s < windows.shortest_s {
        return None;
    }
    let error = |w: &super::meter::Window| {
        let readings = (w.covered_s / meter.interval_s).max(1.0);
        let own = if readings >= 5.0 { 1.2533 * w.spread_w / readings.sqrt() } else { meter.noise_w / readings.sqrt() };
        own.hypot(meter.band_error_w(w.median_w))
    };
    Some(Contrast {
        before_w: before.median_w,
        after_w: after.median_w,
        error_w: error(&before).hypot(error(&after)),
        before_ms: inside.0,
        after_ms: start_ms,
    })
}
