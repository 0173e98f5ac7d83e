//! Blocks: reading one, changing one.

use rusqlite::{Connection, OptionalExtension, params};
use wattribute_domain::{Series, SeriesId};

use super::block::{self, Held, MINUTE_MS, TEN_MINUTES_MS};
use super::connect::Fault;
use super::{BLOCK_MS, recent};

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
    let mut rows = Series::default();
    let head = db
        .prepare_cached("SELECT first_ms, last_ms, last FROM head WHERE series = ?1 AND start_ms = ?2")?
        .query_row(params![series.0, start_ms], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, Option<f64>>(2)?)))
        .optional()?;
    let Some((first_ms, last_ms, last)) = head else { return Ok(rows) };
    if let Some((cells, cell_ms)) = rollup(db, series, start_ms)? {
        for (k, cell) in cells.iter().enumerate() {
            let from_ms = (start_ms + k as i64 * cell_ms).max(first_ms);
            let within = from_ms < start_ms + (k as i64 + 1) * cell_ms && from_ms <= last_ms;
            let silent_already = rows.value.last().is_some_and(|v| v.is_nan());
            if within && !(silent_already && cell.covered_ms == 0) {
                rows.push(from_ms, cell.mean());
            }
        }
    }
    while rows.at_ms.last().is_some_and(|&at| at >= last_ms) {
        rows.at_ms.pop();
        rows.value.pop();
    }
    rows.push(last_ms, last.unwrap_or(f64::NAN));
    Ok(rows)
}

/// `upper` laid over `lower`: where both have an instant, the upper counts. Both are in order.
pub fn overlay(lower: Series, upper: &Series) -> Series {
    if upper.is_empty() {
        return lower;
    }
    if lower.is_empty() {
        return upper.clone();
    }
    let mut rows = Series { at_ms: Vec::with_capacity(lower.len() + upper.len()), value: Vec::with_capacity(lower.len() + upper.len()) };
    let (mut l, mut u) = (0, 0);
    while l < lower.len() || u < upper.len() {
        let take_upper = u < upper.len() && (l == lower.len() || upper.at_ms[u] <= lower.at_ms[l]);
        if take_upper {
            l += usize::from(l < lower.len() && lower.at_ms[l] == upper.at_ms[u]);
            rows.push(upper.at_ms[u], upper.value[u]);
            u += 1;
        } else {
            rows.push(lower.at_ms[l], lower.value[l]);
            l += 1;
        }
    }
    rows
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
    let mut after = before.clone();
    if !erased.is_empty() {
        let kept: Vec<bool> = after.at_ms.iter().map(|&at| !erased.iter().any(|&(from, to)| from <= at && at < to)).collect();
        let mut keep = kept.iter();
        after.at_ms.retain(|_| keep.next().copied().unwrap_or(true));
        let mut keep = kept.iter();
        after.value.retain(|_| keep.next().copied().unwrap_or(true));
    }
    let after = overlay(after, new);
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
    let held = block::whole(rows, start_ms + BLOCK_MS);
    let cells = (rows.len() >= WITH_CELLS).then(|| block::write_cells(&block::cells(rows, start_ms, TEN_MINUTES_MS)));
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

/// Instants at which two series say something different. Both are in order.
fn differences(a: &Series, b: &Series) -> Vec<i64> {
    let (mut k, mut m, mut found) = (0, 0, Vec::new());
    while k < a.len() || m < b.len() {
        let (at_a, at_b) = (a.at_ms.get(k).copied().unwrap_or(i64::MAX), b.at_ms.get(m).copied().unwrap_or(i64::MAX));
        let at = at_a.min(at_b);
        let same = at_a == at_b && (a.value[k] == b.value[m] || (a.value[k].is_nan() && b.value[m].is_nan()));
        if !same {
            found.push(at);
        }
        k += usize::from(at_a == at);
        m += usize::from(at_b == at);
    }
    found
}

/// A column of bytes.
pub fn blob<'a>(row: &'a rusqlite::Row, column: usize) -> Result<&'a [u8], Fault> {
    let bytes = row.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
    Ok(bytes.unwrap_or_default())
}
