//! Buckets of a chart, filled from rows and from what is known of stretches as a whole.

use wattribute_domain::Series;

use crate::held::{BLOCK_MS, Held, TEN_MINUTES_MS};
use crate::rows::within;
use crate::{Bucket, Result, StoreError};

/// Steps from this on are drawn from cells of ten minutes even where they do not begin and end with them.
const COARSE_MS: i64 = 6 * TEN_MINUTES_MS;
/// More buckets than this nobody looks at.
const MOST: i64 = 1_000_000;

/// Buckets being filled.
pub struct Drawing {
    /// Start, ms since the epoch.
    pub from_ms: i64,
    /// End (not included), ms since the epoch.
    pub to_ms: i64,
    step_ms: i64,
    held: Vec<Held>,
    /// Up to where it is drawn, ms, and what is held from there on.
    at: i64,
    carried: f64,
    /// The bucket drawn last, and its start and end, ms: nearly always the next one as well.
    last: (usize, i64, i64),
}

impl Drawing {
    /// An empty chart of stretches of `step_ms` from `from_ms` on; `None` where nothing lies between `from_ms` and `to_ms`.
    pub fn begin(from_ms: i64, to_ms: i64, step_ms: i64) -> Result<Option<Self>> {
        let (from_ms, to_ms) = (within(from_ms), within(to_ms));
        if step_ms <= 0 || (to_ms - from_ms) / step_ms >= MOST {
            return Err(StoreError::Refused(format!(
                "a chart needs a step above 0 and at most {MOST} points, not a step of {step_ms} ms over {} ms",
                to_ms - from_ms
            )));
        }
        if to_ms <= from_ms {
            return Ok(None);
        }
        let count = (to_ms - from_ms).div_euclid(step_ms) + i64::from((to_ms - from_ms) % step_ms != 0);
        let (held, last) = (vec![Held::NOTHING; count as usize], (0, from_ms, from_ms + step_ms));
        Ok(Some(Drawing { from_ms, to_ms, step_ms, held, at: from_ms, carried: f64::NAN, last }))
    }

    /// From where on rows are drawn, ms, and what the series says there.
    pub fn carry(&mut self, at_ms: i64, value: f64) {
        (self.at, self.carried) = (at_ms, value);
    }

    /// Whether the block from `start_ms` lies within one bucket: its head says all that is to be drawn of it.
    pub fn is_whole(&self, start_ms: i64) -> bool {
        self.is_in_one(start_ms, start_ms + BLOCK_MS)
    }

    /// Whether the block from `start_ms` may be drawn from cells of ten minutes. The ends of the chart may cut cells; they are drawn from rows.
    pub fn takes_cells(&self, start_ms: i64) -> bool {
        let aligned = self.from_ms % TEN_MINUTES_MS == 0 && self.step_ms % TEN_MINUTES_MS == 0;
        (aligned || self.step_ms >= COARSE_MS) && self.from_ms <= start_ms && start_ms + BLOCK_MS <= self.to_ms
    }

    /// Draws a block from `start_ms` by its cells, of which each is `cell_ms` long. Its first row is at `first_ms`, its last says `last`.
    pub fn block(&mut self, start_ms: i64, first_ms: i64, last: f64, cells: &[Held], cell_ms: i64) {
        self.hold(self.at, first_ms, self.carried);
        for (k, cell) in cells.iter().enumerate() {
            let from = start_ms + k as i64 * cell_ms;
            // What is before the first row was held from before, and is drawn already.
            self.cell(from.max(first_ms), from + cell_ms, cell);
        }
        self.carry(start_ms + BLOCK_MS, last);
    }

    /// Draws rows.
    pub fn rows(&mut self, rows: &Series) {
        for (&next, &value) in rows.at_ms.iter().zip(&rows.value) {
            self.hold(self.at, next, self.carried);
            self.carry(next, value);
        }
    }

    /// Draws what is held up to the end.
    pub fn finish(mut self) -> Vec<Bucket> {
        self.hold(self.at, self.to_ms, self.carried);
        self.buckets()
    }

    /// Whether `[from_ms, to_ms)` lies within one bucket.
    fn is_in_one(&self, from_ms: i64, to_ms: i64) -> bool {
        self.from_ms <= from_ms
            && to_ms <= self.to_ms
            && (from_ms - self.from_ms) / self.step_ms == (to_ms - 1 - self.from_ms) / self.step_ms
    }

    /// Calls `add` for each bucket that `[from_ms, to_ms)` touches, with how many ms of it.
    fn spread(&mut self, from_ms: i64, to_ms: i64, mut add: impl FnMut(&mut Held, i64)) {
        let (mut at, end) = (from_ms.max(self.from_ms), to_ms.min(self.to_ms));
        while at < end {
            let (_, start, stop) = self.last;
            if !(start..stop).contains(&at) {
                let bucket = (at - self.from_ms) / self.step_ms;
                let start = self.from_ms + bucket * self.step_ms;
                self.last = (bucket as usize, start, start + self.step_ms);
            }
            let until = end.min(self.last.2);
            if let Some(held) = self.held.get_mut(self.last.0) {
                add(held, until - at);
            }
            at = until;
        }
    }

    /// A value held over `[from_ms, to_ms)`.
    fn hold(&mut self, from_ms: i64, to_ms: i64, value: f64) {
        if value.is_finite() {
            self.spread(from_ms, to_ms, |held, ms| held.hold(value, ms));
        }
    }

    /// What is known of `[from_ms, to_ms)` as a whole; a border of buckets within divides it by time.
    fn cell(&mut self, from_ms: i64, to_ms: i64, cell: &Held) {
        if cell.covered_ms > 0 && from_ms < to_ms {
            let length = (to_ms - from_ms) as f64;
            self.spread(from_ms, to_ms, |held, ms| held.add(cell, ms as f64 / length));
        }
    }

    fn buckets(self) -> Vec<Bucket> {
        let bucket = |(k, held): (usize, &Held)| {
            let from_ms = self.from_ms + k as i64 * self.step_ms;
            let length = self.step_ms.min(self.to_ms - from_ms) as f64;
            Bucket { from_ms, min: held.min, max: held.max, mean: held.mean(), covered: (held.covered_ms as f64 / length).min(1.0) }
        };
        self.held.iter().enumerate().map(bucket).collect()
    }
}
