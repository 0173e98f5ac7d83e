//! Blocks: reading one, changing one.

use rusqlite::{Connection, OptionalExtension, params};
use wattribute_domain::{Series, SeriesId};

use super::connect::Fault;
use super::{block, recent};
use crate::held::{self, BLOCK_MS, Held, MINUTE_MS, TEN_MINUTES_MS};
use crate::rows::{differences, overlay, without};

/// From this many rows on a head has cells: with fewer the block itself is read quicker.
const WITH_CELLS: usize = 96;

/// The folded rows of the block at `start_ms`; where they are forgotten, means of the finest rollup.
pub fn rows(db: &Connection, series: SeriesId, start_ms: i64) -> Result<Series, Fault> {
    let mut statement = db.prepare_cached("SELECT times, value FROM block WHERE series = ?1 AND start_ms = ?2")?;
    let mut found = statement.query(params![series.0, start_ms])?;
    if let Some(row) = found.next()? {
        return block::read_rows(blob(row, 0)?, blob(row, 1)?, start_ms);
    }
    stand_ins(db, series, start_ms)
}

/// Cells of the finest rollup of a forgotten block, with their length in ms; `None` where the block is there.
pub fn rollup(db: &Connection, series: SeriesId, start_ms: i64) -> Result<Option<(Vec<Held>, i64)>, Fault> {
    let mut statement = db.prepare_cached(
        "SELECT m.cells, h.cells FROM head h LEFT JOIN minutes m ON m.series = h.series AND m.start_ms = h.start_ms
         WHERE h.series = ?1 AND h.start_ms = ?2
         AND NOT EXISTS (SELECT 1 FROM block b WHERE b.series = h.series AND b.start_ms = h.start_ms)",
    )?;
    let mut found = statement.query(params![series.0, start_ms])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let (minutes, ten_minutes) = (blob(row, 0)?, blob(row, 1)?);
    Ok(Some(if minutes.is_empty() { (block::read_cells(ten_minutes), TEN_MINUTES_MS) } else { (block::read_minutes(minutes)?, MINUTE_MS) }))
}

/// Rows that say what the rollup of a forgotten block says, ending as it ended.
fn stand_ins(db: &Connection, series: SeriesId, start_ms: i64) -> Result<Series, Fault> {
    let head = db
        .prepare_cached("SELECT first_ms, last_ms, last FROM head WHERE series = ?1 AND start_ms = ?2")?
        .query_row(params![series.0, start_ms], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, Option<f64>>(2)?)))
        .optional()?;
    let Some((first_ms, last_ms, last)) = head else { return Ok(Series::default()) };
    let (cells, cell_ms) = rollup(db, series, start_ms)?.unwrap_or_default();
    Ok(held::stand_ins(start_ms, (first_ms, last_ms), last.unwrap_or(f64::NAN), &cells, cell_ms))
}

/// Changes a block: takes in its recent rows before `until_ms`, drops what lies in `erased` (`[from, to)`), lays `new` over it. Recent
/// rows stay where they are. Gives the instants where anything changed.
pub fn fold(
    db: &Connection,
    series: SeriesId,
    start_ms: i64,
    until_ms: i64,
    erased: &[(i64, i64)],
    new: &Series,
) -> Result<Vec<i64>, Fault> {
    let folded = rows(db, series, start_ms)?;
    let recent = recent::range(db, series, start_ms, until_ms.min(start_ms + BLOCK_MS))?;
    let before = overlay(folded.clone(), &recent);
    let after = overlay(without(before.clone(), erased), new);
    if !differences(&folded, &after).is_empty() {
        save(db, series, start_ms, &after)?;
    }
    Ok(differences(&before, &after))
}

/// Writes a block and its head; an empty one goes.
pub fn save(db: &Connection, series: SeriesId, start_ms: i64, rows: &Series) -> Result<(), Fault> {
    let key = params![series.0, start_ms];
    db.prepare_cached("DELETE FROM minutes WHERE series = ?1 AND start_ms = ?2")?.execute(key)?;
    let (Some(&first_ms), Some(&last_ms), Some(&last)) = (rows.at_ms.first(), rows.at_ms.last(), rows.value.last()) else {
        db.prepare_cached("DELETE FROM head WHERE series = ?1 AND start_ms = ?2")?.execute(key)?;
        db.prepare_cached("DELETE FROM block WHERE series = ?1 AND start_ms = ?2")?.execute(key)?;
        return Ok(());
    };
    let held = held::whole(rows, start_ms + BLOCK_MS);
    let cells = (rows.len() >= WITH_CELLS).then(|| block::write_cells(&held::cells(rows, start_ms, TEN_MINUTES_MS)));
    db.prepare_cached("INSERT OR REPLACE INTO head VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?11)")?.execute(params![
        series.0,
        start_ms,
        rows.len() as i64,
        first_ms,
        last_ms,
        last,
        held.min,
        held.max,
        held.integral,
        held.covered_ms,
        cells
    ])?;
    let (times, values) = block::write_rows(rows, start_ms)?;
    db.prepare_cached("INSERT OR REPLACE INTO block VALUES (?1, ?2, ?3, ?4)")?.execute(params![series.0, start_ms, times, values])?;
    Ok(())
}

/// A column of bytes.
pub fn blob<'a>(row: &'a rusqlite::Row, column: usize) -> Result<&'a [u8], Fault> {
    let bytes = row.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
    Ok(bytes.unwrap_or_default())
}
