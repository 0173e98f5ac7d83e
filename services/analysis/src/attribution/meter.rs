//! The whole-house meter as a held series: windows, medians and integrals weighted by time.

use wattribute_domain::Series;

/// What the meter said within a window, weighted by how long it held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Time-weighted median, W.
    pub median_w: f64,
    /// Robust standard deviation within the window (1.4826 times the median absolute deviation), W.
    pub spread_w: f64,
    /// Time within the window in which the meter was not silent, s.
    pub covered_s: f64,
}

/// A meter with what is known of its ways.
#[derive(Debug)]
pub struct Meter<'a> {
    /// Its readings, W, normalised.
    pub series: &'a Series,
    /// Usual time between its readings, s.
    pub interval_s: f64,
    /// Noise of one reading, W: robust standard deviation of the difference of neighbouring readings over the square root of 2.
    pub noise_w: f64,
    /// Dead band, W, at the lower quartile, the median and the upper quartile of power: changes smaller than this are not reported.
    band: [(f64, f64); 3],
}

/// How a meter reports, apart from what it said: learned from a long stretch, it serves for a short one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ways {
    /// Usual time between its readings, s.
    pub interval_s: f64,
    /// Noise of one reading, W.
    pub noise_w: f64,
    band: [(f64, f64); 3],
}

impl Default for Ways {
    /// Of a meter that has said next to nothing so far.
    fn default() -> Self {
        Ways { interval_s: 5.0, noise_w: 1.0, band: [(0.0, 0.0); 3] }
    }
}

impl<'a> Meter<'a> {
    /// Looks at how the meter reports. The series must be normalised ([`Series::normalise`]).
    pub fn new(series: &'a Series) -> Self {
        let n = series.len();
        let step = (n / 200_000).max(1);
        let mut gaps_s: Vec<f64> = Vec::new();
        let mut moves: Vec<(f64, f64)> = Vec::new();
        for k in (1..n).step_by(step) {
            let (a, b) = (series.value[k - 1], series.value[k]);
            if a.is_finite() && b.is_finite() {
                gaps_s.push((series.at_ms[k] - series.at_ms[k - 1]) as f64 / 1000.0);
                moves.push((a, (b - a).abs()));
            }
        }
        let interval_s = quantile(&mut gaps_s, 0.2).unwrap_or(60.0).max(0.2);
        let mut sizes: Vec<f64> = moves.iter().map(|m| m.1).collect();
        let noise_w = 1.4826 * quantile(&mut sizes, 0.5).unwrap_or(0.0) / std::f64::consts::SQRT_2;
        moves.sort_by(|a, b| a.0.total_cmp(&b.0));
        let third = moves.len() / 3;
        let mut band = [(0.0, 0.0); 3];
        for (part, slot) in band.iter_mut().enumerate() {
            let part = &moves[part * third..(part + 1) * third];
            let mut sizes: Vec<f64> = part.iter().map(|m| m.1).collect();
            let middle = part.get(part.len() / 2).map_or(0.0, |m| m.0);
            *slot = (middle, quantile(&mut sizes, 0.02).unwrap_or(0.0));
        }
        Meter { series, interval_s, noise_w, band }
    }

    /// A stretch of a meter whose ways are known.
    pub fn of_ways(series: &'a Series, ways: Ways) -> Self {
        Meter { series, interval_s: ways.interval_s, noise_w: ways.noise_w, band: ways.band }
    }

    /// Its ways.
    pub fn ways(&self) -> Ways {
        Ways { interval_s: self.interval_s, noise_w: self.noise_w, band: self.band }
    }

    /// How far a held value may be from the truth because the meter speaks only of larger changes, W (standard deviation).
    pub fn band_error_w(&self, power_w: f64) -> f64 {
        let [low, middle, high] = self.band;
        let band = if power_w <= middle.0 { interpolate(power_w, low, middle) } else { interpolate(power_w, middle, high) };
        band / 3f64.sqrt()
    }

    /// First row at or after `at_ms`.
    pub fn row(&self, at_ms: i64) -> usize {
        self.series.at_ms.partition_point(|&t| t < at_ms)
    }

    /// Calls `each(value, seconds)` for every stretch within `[from_ms, to_ms)` in which the meter held a value.
    pub fn held(&self, from_ms: i64, to_ms: i64, mut each: impl FnMut(f64, f64)) {
        let times = &self.series.at_ms;
        let mut k = times.partition_point(|&t| t <= from_ms).saturating_sub(1);
        while k < times.len() && times[k] < to_ms {
            let start = times[k].max(from_ms);
            let end = times.get(k + 1).map_or(start.max(times[k]), |&t| t).min(to_ms);
            let value = self.series.value[k];
            if value.is_finite() && end > start {
                each(value, (end - start) as f64 / 1000.0);
            }
            k += 1;
        }
    }

    /// Where the first reading begins that was taken at or after `at_ms`: the next row, or one interval later where the meter kept
    /// silent because nothing had changed.
    pub fn first_whole_reading(&self, at_ms: i64) -> i64 {
        let latest_ms = at_ms + (self.interval_s * 1000.0) as i64;
        self.series.at_ms.get(self.row(at_ms)).map_or(latest_ms, |&t| t.min(latest_ms))
    }

    /// Median and spread within `[from_ms, to_ms)`; `None` where the meter was silent all the time. `scratch` is reused.
    pub fn window(&self, from_ms: i64, to_ms: i64, scratch: &mut Vec<(f64, f64)>) -> Option<Window> {
        scratch.clear();
        self.held(from_ms, to_ms, |value, seconds| scratch.push((value, seconds)));
        let covered_s: f64 = scratch.iter().map(|s| s.1).sum();
        let median_w = weighted_median(scratch)?;
        for s in scratch.iter_mut() {
            s.0 = (s.0 - median_w).abs();
        }
        let spread_w = 1.4826 * weighted_median(scratch)?;
        Some(Window { median_w, spread_w, covered_s })
    }

    /// Mean power in W within `[from_ms, to_ms)` and the seconds it is known for.
    pub fn mean(&self, from_ms: i64, to_ms: i64) -> (f64, f64) {
        let (mut sum, mut covered_s) = (0.0, 0.0);
        self.held(from_ms, to_ms, |value, seconds| {
            sum += value * seconds;
            covered_s += seconds;
        });
        (if covered_s > 0.0 { sum / covered_s } else { f64::NAN }, covered_s)
    }
}

fn interpolate(x: f64, a: (f64, f64), b: (f64, f64)) -> f64 {
    if b.0 <= a.0 {
        return a.1.max(b.1);
    }
    let share = ((x - a.0) / (b.0 - a.0)).max(0.0);
    // Beyond the last point the band goes on growing with power; it never falls below either end's smaller value.
    (a.1 + share * (b.1 - a.1)).max(a.1.min(b.1))
}

/// Median of values with weights: halfway between two where the halves weigh the same. Sorts the slice.
pub fn weighted_median(values: &mut [(f64, f64)]) -> Option<f64> {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|v| v.1).sum::<f64>() / 2.0;
    let mut below = 0.0;
    for (k, &(value, weight)) in values.iter().enumerate() {
        below += weight;
        if below > half * (1.0 + 1e-9) {
            return Some(value);
        }
        if below >= half * (1.0 - 1e-9) {
            return Some(values.get(k + 1).map_or(value, |next| (value + next.0) / 2.0));
        }
    }
    None
}

/// Quantile of unsorted values (linear between neighbours); `None` of nothing.
pub fn quantile(values: &mut [f64], q: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let k = place.floor() as usize;
    let (_, &mut low, above) = values.select_nth_unstable_by(k, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    Some(low + (place - k as f64) * (high - low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(rows: &[(i64, f64)]) -> Series {
        Series { at_ms: rows.iter().map(|r| r.0).collect(), value: rows.iter().map(|r| r.1).collect() }
    }

    #[test]
    fn windows_weigh_by_time_and_leave_gaps_out() {
        let s = series(&[(0, 100.0), (9_000, 500.0), (10_000, f64::NAN), (20_000, 300.0), (30_000, 0.0)]);
        let m = Meter::new(&s);
        let w = m.window(0, 30_000, &mut Vec::new()).unwrap();
        assert_eq!((w.median_w, w.covered_s), (300.0, 20.0));
        let (mean_w, covered_s) = m.mean(5_000, 25_000);
        assert_eq!((mean_w, covered_s), ((4.0 * 100.0 + 500.0 + 5.0 * 300.0) / 10.0, 10.0));
        assert_eq!(m.window(11_000, 19_000, &mut Vec::new()), None);
    }

    #[test]
    fn quantiles_and_medians_interpolate() {
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0, 4.0], 0.5), Some(2.5));
        assert_eq!(quantile(&mut [], 0.5), None);
        assert_eq!(weighted_median(&mut [(1.0, 1.0), (3.0, 1.0)]), Some(2.0));
        assert_eq!(weighted_median(&mut [(1.0, 3.0), (3.0, 1.0)]), Some(1.0));
    }
}
