//! What rows hold over stretches of time: blocks, and the cells within them.

use wattribute_domain::Series;

/// Length of a block, ms; blocks begin at its multiples.
pub const BLOCK_MS: i64 = 4 * 3_600_000;

/// The block that `at_ms` belongs to.
pub fn block_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(BLOCK_MS) * BLOCK_MS
}

/// Length of a cell of a head, ms.
pub const TEN_MINUTES_MS: i64 = 600_000;
/// Length of a cell of the finer rollup, ms.
pub const MINUTE_MS: i64 = 60_000;

/// What was held over a stretch; time without a value does not count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    pub min: f64,
    pub max: f64,
    /// Value x ms.
    pub integral: f64,
    pub covered_ms: i64,
}

impl Held {
    pub const NOTHING: Held = Held { min: f64::NAN, max: f64::NAN, integral: 0.0, covered_ms: 0 };

    /// Adds a value held for `ms`.
    pub fn hold(&mut self, value: f64, ms: i64) {
        if value.is_finite() && ms > 0 {
            // `f64::min` takes the number where the other is NaN.
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            self.integral += value * ms as f64;
            self.covered_ms += ms;
        }
    }

    /// Adds `share` (0 to 1) of another stretch.
    pub fn add(&mut self, other: &Held, share: f64) {
        if other.covered_ms > 0 && share > 0.0 {
            self.min = self.min.min(other.min);
            self.max = self.max.max(other.max);
            self.integral += other.integral * share;
            self.covered_ms += (other.covered_ms as f64 * share).round() as i64;
        }
    }

    /// Mean over the time with a value; `NaN` without any.
    pub fn mean(&self) -> f64 {
        if self.covered_ms > 0 { self.integral / self.covered_ms as f64 } else { f64::NAN }
    }
}

/// What `rows` hold from the first row to `end_ms`, as a whole.
pub fn whole(rows: &Series, end_ms: i64) -> Held {
    let mut held = Held::NOTHING;
    for (k, (&at, &value)) in rows.at_ms.iter().zip(&rows.value).enumerate() {
        held.hold(value, rows.at_ms.get(k + 1).copied().unwrap_or(end_ms) - at);
    }
    held
}

/// What `rows` hold within the block from `start_ms`, by cells of `cell_ms`; what is before the first row does not count.
pub fn cells(rows: &Series, start_ms: i64, cell_ms: i64) -> Vec<Held> {
    let mut cells = vec![Held::NOTHING; (BLOCK_MS / cell_ms) as usize];
    for (k, (&at, &value)) in rows.at_ms.iter().zip(&rows.value).enumerate() {
        let until = rows.at_ms.get(k + 1).copied().unwrap_or(start_ms + BLOCK_MS);
        let mut from = at;
        while from < until {
            let cell = (from - start_ms) / cell_ms;
            let to = until.min(start_ms + (cell + 1) * cell_ms);
            cells[cell as usize].hold(value, to - from);
            from = to;
        }
    }
    cells
}

/// Rows that say what the cells of a forgotten block say; the block from `start_ms` had rows from the first to the last of `ends` (ms), and ended
/// with `last`.
pub fn stand_ins(start_ms: i64, ends: (i64, i64), last: f64, cells: &[Held], cell_ms: i64) -> Series {
    let (first_ms, last_ms) = ends;
    let mut rows = Series::default();
    for (k, cell) in cells.iter().enumerate() {
        let from_ms = (start_ms + k as i64 * cell_ms).max(first_ms);
        let within = from_ms < start_ms + (k as i64 + 1) * cell_ms && from_ms <= last_ms;
        let silent_already = rows.value.last().is_some_and(|v| v.is_nan());
        if within && !(silent_already && cell.covered_ms == 0) {
            rows.push(from_ms, cell.mean());
        }
    }
    while rows.at_ms.last().is_some_and(|&at| at >= last_ms) {
        rows.at_ms.pop();
        rows.value.pop();
    }
    rows.push(last_ms, last);
    rows
}
