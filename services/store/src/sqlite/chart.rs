//! Charts: from heads where those suffice, from rows where not.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use wattribute_domain::SeriesId;

use super::connect::Fault;
use super::{block, fold, read, recent};
use crate::Bucket;
use crate::drawing::Drawing;
use crate::held::{BLOCK_MS, Held, TEN_MINUTES_MS, block_of};
use crate::rows::overlay;

pub fn chart(db: &Connection, series: SeriesId, from_ms: i64, to_ms: i64, step_ms: i64) -> Result<Vec<Bucket>, Fault> {
    let Some(mut drawing) = Drawing::begin(from_ms, to_ms, step_ms)? else { return Ok(Vec::new()) };
    let to_ms = drawing.to_ms;
    let first_block = block_of(drawing.from_ms);
    drawing.carry(first_block, read::last_before(db, series, first_block)?.map_or(f64::NAN, |(_, value)| value));
    for (start_ms, part) in parts(db, series, first_block, to_ms)? {
        if let Some(head) = part.head.as_ref().filter(|_| !part.recent) {
            let cells = if drawing.is_whole(start_ms) {
                Some((vec![head.held], BLOCK_MS))
            } else if drawing.takes_cells(start_ms) && !head.cells.is_empty() {
                Some((block::read_cells(&head.cells), TEN_MINUTES_MS))
            } else {
                fold::rollup(db, series, start_ms)?
            };
            if let Some((cells, cell_ms)) = cells {
                drawing.block(start_ms, head.first_ms, head.last, &cells, cell_ms);
                continue;
            }
        }
        let mut rows = fold::rows(db, series, start_ms)?;
        if part.recent {
            rows = overlay(rows, &recent::range(db, series, start_ms, start_ms + BLOCK_MS)?);
        }
        drawing.rows(&rows);
    }
    Ok(drawing.finish())
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
