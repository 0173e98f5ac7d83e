//! The stretches of an answer, cut where hours and the span end, and what series say in them.

use std::ops::Range;

use wattribute_domain::{Level, Series, SeriesId};
use wattribute_store::{Result, Store};

use crate::routes::readings::stretches;

/// An hour, ms.
pub const HOUR_MS: i64 = 3_600_000;
/// Steps of what lies around the span, up to whole hours, ms.
const AROUND_MS: i64 = 60_000;

/// A piece of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// When it begins, ms since the epoch.
    pub from_ms: i64,
    /// When it ends, ms since the epoch.
    pub to_ms: i64,
    /// Which stretch of the answer it belongs to; `None` outside the span.
    pub stretch: Option<usize>,
}

impl Cell {
    /// How long it is, ms.
    pub fn length_ms(&self) -> f64 {
        (self.to_ms - self.from_ms) as f64
    }
}

/// A span in even stretches.
#[derive(Debug)]
pub struct Grid {
    /// What is told of, ms since the epoch.
    pub from_ms: i64,
    /// The end of what can be known of it, ms since the epoch: the present, where it reaches into the future.
    pub end_ms: i64,
    /// When the first stretch begins, ms since the epoch: not after the span does.
    pub even_ms: i64,
    /// Length of a stretch, ms.
    pub step_ms: i64,
    /// How many stretches.
    pub points: usize,
    /// Whether stretches are shorter than an hour. Then there are cells around the span as well, up to whole hours, and none crosses an hour.
    pub is_fine: bool,
    /// In order, without a hole; none where nothing can be known.
    pub cells: Vec<Cell>,
}

impl Grid {
    /// At most `most` stretches of `[from_ms, to_ms)`; of what lies after `now_ms` nothing is known.
    pub fn new(from_ms: i64, to_ms: i64, most: usize, now_ms: i64) -> Self {
        let (even_ms, step_ms) = stretches(from_ms, to_ms, most);
        let points = ((to_ms - even_ms - 1) / step_ms + 1) as usize;
        let end_ms = to_ms.min(now_ms).max(from_ms);
        let mut grid = Grid { from_ms, end_ms, even_ms, step_ms, points, is_fine: step_ms < HOUR_MS, cells: Vec::new() };
        if end_ms == from_ms {
            return grid;
        }
        let (first_ms, last_ms) = grid.around(now_ms);
        grid.cut(first_ms, from_ms, first_ms, AROUND_MS, false);
        grid.cut(from_ms, end_ms, even_ms, step_ms, true);
        grid.cut(end_ms, last_ms, end_ms, AROUND_MS, false);
        grid
    }

    /// From where to where there are cells, ms since the epoch.
    fn around(&self, now_ms: i64) -> (i64, i64) {
        if !self.is_fine {
            return (self.from_ms, self.end_ms);
        }
        let last_ms = -(-self.end_ms).div_euclid(HOUR_MS) * HOUR_MS;
        (self.from_ms.div_euclid(HOUR_MS) * HOUR_MS, last_ms.min(now_ms).max(self.end_ms))
    }

    fn cut(&mut self, from_ms: i64, to_ms: i64, even_ms: i64, step_ms: i64, is_told: bool) {
        let mut at_ms = from_ms;
        while at_ms < to_ms {
            let k = (at_ms - even_ms) / step_ms;
            let mut next_ms = (even_ms + (k + 1) * step_ms).min(to_ms);
            if self.is_fine {
                next_ms = next_ms.min((at_ms.div_euclid(HOUR_MS) + 1) * HOUR_MS);
            }
            self.cells.push(Cell { from_ms: at_ms, to_ms: next_ms, stretch: is_told.then_some(k as usize) });
            at_ms = next_ms;
        }
    }

    /// Start of each stretch, ms since the epoch.
    pub fn at(&self) -> Vec<i64> {
        (0..self.points as i64).map(|k| self.even_ms + k * self.step_ms).collect()
    }

    /// The cells of each hour, with when it begins, ms since the epoch.
    pub fn hours(&self) -> Vec<(i64, Range<usize>)> {
        let mut hours: Vec<(i64, Range<usize>)> = Vec::new();
        for (k, cell) in self.cells.iter().enumerate() {
            let hour_ms = cell.from_ms.div_euclid(HOUR_MS) * HOUR_MS;
            match hours.last_mut() {
                Some((last_ms, cells)) if *last_ms == hour_ms => cells.end = k + 1,
                _ => hours.push((hour_ms, k..k + 1)),
            }
        }
        hours
    }

    /// From where to where there are cells, ms since the epoch.
    pub fn reach(&self) -> (i64, i64) {
        (self.cells.first().map_or(self.from_ms, |c| c.from_ms), self.cells.last().map_or(self.end_ms, |c| c.to_ms))
    }

    /// What a power says in each cell, as far as it is known.
    pub async fn draw(&self, store: &dyn Store, power: SeriesId, until_ms: i64) -> Result<Vec<Held>> {
        let (first_ms, last_ms) = self.reach();
        // A first stretch that begins before the span is drawn by itself: only what lies in the span belongs to it.
        let whole_ms = if self.from_ms > self.even_ms { self.end_ms.min(self.even_ms + self.step_ms) } else { self.even_ms };
        let parts = [
            (first_ms, self.from_ms, AROUND_MS),
            (self.from_ms, whole_ms, self.step_ms),
            (whole_ms, self.end_ms, self.step_ms),
            (self.end_ms, last_ms, AROUND_MS),
        ];
        let mut held = vec![Held::NOTHING; self.cells.len()];
        for (from_ms, to_ms, step_ms) in parts {
            let end_ms = to_ms.min(until_ms);
            if from_ms >= end_ms {
                continue;
            }
            let buckets = store.chart(power, from_ms, end_ms, step_ms).await?;
            let first = self.cells.partition_point(|c| c.from_ms < from_ms);
            for (k, cell) in self.cells.iter().enumerate().skip(first).take_while(|(_, c)| c.from_ms < end_ms) {
                let Some(bucket) = buckets.get(((cell.from_ms - from_ms) / step_ms) as usize) else { continue };
                if bucket.covered > 0.0 && bucket.mean.is_finite() {
                    let known_ms = bucket.covered * (cell.to_ms.min(end_ms) - cell.from_ms) as f64;
                    held[k] = Held { mean_w: bucket.mean, min_w: bucket.min, max_w: bucket.max, known_ms };
                }
            }
        }
        Ok(held)
    }

    /// What a power says in each stretch.
    pub fn merge(&self, held: &[Held]) -> Vec<Held> {
        let mut merged = vec![Held::NOTHING; self.points];
        for (cell, held) in self.cells.iter().zip(held).filter(|(_, held)| held.is_known()) {
            let Some(sum) = cell.stretch.and_then(|k| merged.get_mut(k)) else { continue };
            let known_ms = sum.known_ms + held.known_ms;
            let before = if sum.is_known() { sum.mean_w * sum.known_ms } else { 0.0 };
            let mean_w = (before + held.mean_w * held.known_ms) / known_ms;
            *sum = Held { mean_w, min_w: sum.min_w.min(held.min_w), max_w: sum.max_w.max(held.max_w), known_ms };
        }
        merged
    }

    /// What something whose power follows from its level drew in each cell: `power_w` of each level, where that is known.
    pub fn walk(&self, levels: &Series, until_ms: i64, power_w: impl Fn(Level) -> Option<f64>) -> Drawn {
        let mut drawn = Drawn::nothing(self.cells.len());
        let mut first = 0;
        for (k, (&at_ms, &said)) in levels.at_ms.iter().zip(&levels.value).enumerate() {
            let end_ms = levels.at_ms.get(k + 1).map_or(until_ms, |next_ms| (*next_ms).min(until_ms));
            let Some(level) = Level::of_number(said) else { continue };
            let power_w = power_w(level);
            while self.cells.get(first).is_some_and(|c| c.to_ms <= at_ms) {
                first += 1;
            }
            for (k, cell) in self.cells.iter().enumerate().skip(first).take_while(|(_, c)| c.from_ms < end_ms) {
                let ms = (cell.to_ms.min(end_ms) - cell.from_ms.max(at_ms)) as f64;
                if !level.is_off() {
                    drawn.on_ms[k] += ms;
                }
                if let Some(power_w) = power_w {
                    drawn.known_ms[k] += ms;
                    drawn.w_ms[k] += power_w * ms;
                }
            }
        }
        drawn
    }
}

/// What a power says in a cell.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Mean over the time that is known, W; `NaN` where none is.
    pub mean_w: f64,
    /// Least, W.
    pub min_w: f64,
    /// Greatest, W.
    pub max_w: f64,
    /// Time that is known, ms.
    pub known_ms: f64,
}

impl Held {
    /// Nothing is known.
    pub const NOTHING: Held = Held { mean_w: f64::NAN, min_w: f64::NAN, max_w: f64::NAN, known_ms: 0.0 };

    /// Whether anything is.
    pub fn is_known(&self) -> bool {
        self.known_ms > 0.0
    }

    /// What was drawn, W·ms.
    pub fn drawn(&self) -> f64 {
        if self.is_known() { self.mean_w.max(0.0) * self.known_ms } else { 0.0 }
    }
}

/// What a device drew in each cell.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// Power times time, W·ms.
    pub w_ms: Vec<f64>,
    /// Time of which that is known, ms.
    pub known_ms: Vec<f64>,
    /// Time on, ms.
    pub on_ms: Vec<f64>,
}

impl Drawn {
    /// Nothing is known of any of so many cells.
    pub fn nothing(cells: usize) -> Self {
        Drawn { w_ms: vec![0.0; cells], known_ms: vec![0.0; cells], on_ms: vec![0.0; cells] }
    }

    /// Mean power in a cell, W; `None` where it is not known.
    pub fn mean_w(&self, k: usize) -> Option<f64> {
        (self.known_ms[k] > 0.0).then(|| self.w_ms[k] / self.known_ms[k])
    }

    /// Mean power in each stretch, W.
    pub fn by_stretch(&self, grid: &Grid) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0.0); grid.points];
        for (k, cell) in grid.cells.iter().enumerate() {
            if let Some(sum) = cell.stretch.and_then(|stretch| sums.get_mut(stretch)) {
                *sum = (sum.0 + self.w_ms[k], sum.1 + self.known_ms[k]);
            }
        }
        sums.into_iter().map(|(w_ms, ms)| (ms > 0.0).then(|| w_ms / ms)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn around_a_part_of_an_hour_there_are_cells_up_to_whole_hours() {
        let grid = Grid::new(20 * MINUTE + 5_000, 30 * MINUTE, 10, 100 * HOUR_MS);
        assert_eq!((grid.even_ms, grid.step_ms, grid.points), (20 * MINUTE, MINUTE, 10));
        assert_eq!(grid.reach(), (0, HOUR_MS));
        assert!(grid.cells.windows(2).all(|w| w[0].to_ms == w[1].from_ms));
        let told: Vec<&Cell> = grid.cells.iter().filter(|c| c.stretch.is_some()).collect();
        assert_eq!((told.len(), told[0].from_ms, told[9].to_ms), (10, 20 * MINUTE + 5_000, 30 * MINUTE));
        assert_eq!(grid.hours(), [(0, 0..grid.cells.len())]);
    }

    #[test]
    fn no_cell_crosses_an_hour_and_none_lies_in_the_future() {
        let grid = Grid::new(24 * HOUR_MS - 1, 24 * HOUR_MS + 1, 1, 24 * HOUR_MS + MINUTE);
        assert_eq!((grid.points, grid.hours().len()), (1, 2));
        assert_eq!(grid.reach(), (23 * HOUR_MS, 24 * HOUR_MS + MINUTE));
        assert!(Grid::new(5 * HOUR_MS, 6 * HOUR_MS, 10, 4 * HOUR_MS).cells.is_empty());
    }

    #[test]
    fn a_level_that_is_silent_is_not_known() {
        let grid = Grid::new(0, 4 * MINUTE, 4, 4 * MINUTE);
        let levels = Series { at_ms: vec![-5, MINUTE / 2, 2 * MINUTE], value: vec![0.0, 1.0, f64::NAN] };
        let drawn = grid.walk(&levels, 4 * MINUTE, |level| Some(if level.is_off() { 0.0 } else { 60.0 }));
        assert_eq!(drawn.by_stretch(&grid), [Some(30.0), Some(60.0), None, None]);
    }
}
