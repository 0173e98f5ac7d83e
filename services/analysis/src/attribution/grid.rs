//! The meter in equal steps of time, for energies: coarse enough to be cheap over a year, fine enough for a kettle.

use super::meter::Meter;

/// Mean power in equal bins, aligned with the first reading.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Start of the first bin as heard from entities (the meter's delay is taken out), ms.
    pub start_ms: i64,
    /// Width of a bin, s.
    pub step_s: f64,
    /// Mean power of each bin, W; `NaN` where the meter was silent for most of it.
    pub power_w: Vec<f32>,
}

impl Grid {
    /// Averages the meter, which shows things `delay_s` after they are heard of.
    pub fn new(meter: &Meter<'_>, delay_s: f64) -> Self {
        let step_s = meter.interval_s.max(10.0).min(meter.interval_s.max(60.0));
        let step_ms = (step_s * 1000.0).round() as i64;
        let step_s = step_ms as f64 / 1000.0;
        let (times, values) = (&meter.series.at_ms, &meter.series.value);
        let Some((&first, &last)) = times.first().zip(times.last()) else {
            return Grid { start_ms: 0, step_s, power_w: Vec::new() };
        };
        let bins = ((last - first) / step_ms + 1) as usize;
        let mut sum = vec![0f32; bins];
        let mut covered = vec![0f32; bins];
        for k in 0..times.len() {
            let (mut from, to) = (times[k], times.get(k + 1).copied().unwrap_or(times[k]));
            let value = values[k];
            if !value.is_finite() {
                continue;
            }
            while from < to {
                let bin = ((from - first) / step_ms) as usize;
                let end = to.min(first + (bin as i64 + 1) * step_ms);
                let seconds = (end - from) as f32 / 1000.0;
                sum[bin] += value as f32 * seconds;
                covered[bin] += seconds;
                from = end;
            }
        }
        let enough = 0.5 * step_s as f32;
        let power_w = sum.iter().zip(&covered).map(|(s, c)| if *c >= enough { s / c } else { f32::NAN }).collect();
        Grid { start_ms: first - (delay_s * 1000.0) as i64, step_s, power_w }
    }

    /// Number of bins.
    pub fn len(&self) -> usize {
        self.power_w.len()
    }

    /// Whether there is no bin.
    pub fn is_empty(&self) -> bool {
        self.power_w.is_empty()
    }

    /// The place of an instant in bins, with its fraction; may lie outside.
    pub fn place(&self, at_ms: i64) -> f64 {
        (at_ms - self.start_ms) as f64 / 1000.0 / self.step_s
    }

    /// Seconds in which `[from_ms, to_ms)` overlaps each bin: calls `each(bin, share of the bin)`.
    pub fn shares(&self, from_ms: i64, to_ms: i64, mut each: impl FnMut(usize, f32)) {
        let (a, b) = (self.place(from_ms).max(0.0), self.place(to_ms).min(self.len() as f64));
        let mut bin = a.floor();
        while bin < b {
            let share = (b.min(bin + 1.0) - a.max(bin)) as f32;
            if share > 0.0 {
                each(bin as usize, share);
            }
            bin += 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattribute_domain::Series;

    #[test]
    fn bins_hold_the_mean_of_what_was_covered() {
        // 10 s bins: half 100 W and half 300 W; 4 s of 500 W and silence; silence and 8 s of 200 W.
        let rows = [(0, 100.0), (5_000, 300.0), (10_000, 500.0), (14_000, f64::NAN), (22_000, 200.0), (30_000, 0.0)];
        let series = Series { at_ms: rows.iter().map(|r| r.0).collect(), value: rows.iter().map(|r| r.1).collect() };
        let grid = Grid::new(&Meter::new(&series), 2.0);
        assert_eq!((grid.start_ms, grid.step_s), (-2_000, 10.0));
        assert_eq!(grid.power_w[0], 200.0);
        assert!(grid.power_w[1].is_nan(), "covered for less than half");
        assert_eq!(grid.power_w[2], 200.0);
    }

    #[test]
    fn shares_add_up_to_the_time_within_the_grid() {
        let grid = Grid { start_ms: 1_000, step_s: 10.0, power_w: vec![0.0; 3] };
        let mut shares = Vec::new();
        grid.shares(-5_000, 13_500, |bin, share| shares.push((bin, share)));
        assert_eq!(shares, [(0, 1.0), (1, 0.25)]);
        shares.clear();
        grid.shares(26_000, 99_000, |bin, share| shares.push((bin, share)));
        assert_eq!(shares, [(2, 0.5)]);
    }
}
