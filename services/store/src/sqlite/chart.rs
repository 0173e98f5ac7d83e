//! Charts: from heads where those suffice, from rows where not.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use wattribute_domain::SeriesId;

use super::block::{self, Held, TEN_MINUTES_MS};
use super::connect::Fault;
use super::{BLOCK_MS, block_of, fold, read, recent};
use crate::{Bucket, StoreError};

/// Steps from this on are drawn from cells of ten minutes even where they do not begin and end with them.
const COARSE_MS: i64 = 6 * TEN_MINUTES_MS;
/// More buckets than this nobody looks at.
const MOST: i64 = 1_000_000;

pub fn chart(db: &Connection, series: SeriesId, from_ms: i64, to_ms: i64, step_ms: i64) -> Result<Vec<Bucket>, Fault> {
    let (from_ms, to_ms) = (read::within(from_ms), read::within(to_ms));
    if step_ms <= 0 || (to_ms - from_ms) / step_ms >= MOST {
        return Err(StoreError::Refused(format!(
            "a chart needs a step above 0 and at most {MOST} points, not a step of {step_ms} ms over {} ms",
            to_ms - from_ms
        ))
        .into());
    }
    if to_ms <= from_ms {
        return Ok(Vec::new());
    }
    let aligned = from_ms % TEN_MINUTES_MS == 0 && step_ms % TEN_MINUTES_MS == 0;
    let coarse = aligned || step_ms >= COARSE_MS;
    let mut drawing = Drawing::new(from_ms, to_ms, step_ms);

    let first_block = block_of(from_ms);
    let mut carried = read::last_before(db, series, first_block)?.map_or(f64::NAN, |(_, value)| value);
    let mut at = first_block;
    for (start_ms, part) in parts(db, series, first_block, to_ms)? {
        let end_ms = start_ms + BLOCK_MS;
        if let Some(head) = part.head.as_ref().filter(|_| !part.recent) {
            let whole = drawing.is_in_one(start_ms, end_ms);
            // The ends of the chart may cut cells; they are drawn from rows.
            let inside = coarse && from_ms <= start_ms && end_ms <= to_ms;
            let cells = if whole {
                Some((vec![head.held], BLOCK_MS))
            } else if inside && !head.cells.is_empty() {
                Some((block::read_cells(&head.cells), TEN_MINUTES_MS))
            } else {
                fold::rollup(db, series, start_ms)?
            };
            if let Some((cells, cell_ms)) = cells {
                drawing.hold(at, head.first_ms, carried);
                for (k, cell) in cells.iter().enumerate() {
                    let from = start_ms + k as i64 * cell_ms;
                    // What is before the first row was held from before, and is drawn already.
                    drawing.cell(from.max(head.first_ms), from + cell_ms, cell);
                }
                (carried, at) = (head.last, end_ms);
                continue;
            }
        }
        let mut rows = fold::rows(db, series, start_ms)?;
        if part.recent {
            rows = fold::overlay(rows, &recent::range(db, series, start_ms, end_ms)?);
        }
        for (&next, &value) in rows.at_ms.iter().zip(&rows.value) {
            drawing.hold(at, next, carried);
            (carried, at) = (value, next);
        }
    }
    drawing.hold(at, to_ms, carried);
    Ok(drawing.buckets())
}

/// What there is of one block.
#[derive(Default)]
struct Part {
    head: Option<Head>,
    /// Whether it has rows that are not folded: then all of it is read.
    recent: bool,
}

/// A head, as far as charts need it.
struct Head {
    first_ms: i64,
    last: f64,
    held: Held,
    /// As bytes; empty where there are none.
    cells: Vec<u8>,
}

/// Blocks that have anything to say from `first_block` to `to_ms`, in order.
fn parts(db: &Connection, series: SeriesId, first_block: i64, to_ms: i64) -> Result<BTreeMap<i64, Part>, Fault> {
    let mut statement = db.prepare_cached(
        "SELECT start_ms, first_ms, last, min, max, integral, covered_ms, cells
         FROM head WHERE series = ?1 AND start_ms >= ?2 AND start_ms < ?3 ORDER BY start_ms",
    )?;
    let mut found = statement.query(params![series.0, first_block, to_ms])?;
    let mut parts: BTreeMap<i64, Part> = BTreeMap::new();
    while let Some(row) = found.next()? {
        let number = |k| -> Result<f64, Fault> { Ok(row.get::<_, Option<f64>>(k)?.unwrap_or(f64::NAN)) };
        let head = Head {
            first_ms: row.get(1)?,
            last: number(2)?,
            held: Held { min: number(3)?, max: number(4)?, integral: row.get(5)?, covered_ms: row.get(6)? },
            cells: fold::blob(row, 7)?.to_vec(),
        };
        parts.insert(row.get(0)?, Part { head: Some(head), recent: false });
    }
    for at_ms in recent::range(db, series, first_block, to_ms)?.at_ms {
        parts.entry(block_of(at_ms)).or_default().recent = true;
    }
    Ok(parts)
}

/// Buckets being filled.
struct Drawing {
    from_ms: i64,
    to_ms: i64,
    step_ms: i64,
    held: Vec<Held>,
    /// The bucket drawn last, and its start and end, ms: nearly always the next one as well.
    last: (usize, i64, i64),
}

impl Drawing {
    fn new(from_ms: i64, to_ms: i64, step_ms: i64) -> Self {
        let count = (to_ms - from_ms).div_euclid(step_ms) + i64::from((to_ms - from_ms) % step_ms != 0);
        Drawing { from_ms, to_ms, step_ms, held: vec![Held::NOTHING; count as usize], last: (0, from_ms, from_ms + step_ms) }
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
