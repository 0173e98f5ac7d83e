//! Rows that are not folded yet.

use rusqlite::{Connection, OptionalExtension, params};
use wattribute_domain::{Reading, Series, SeriesId};

use super::connect::Fault;

/// Length of a slot, ms.
pub const SLOT_MS: i64 = 10_000;

/// The slots that hold anything, from ?1 on and before ?2: a seek each, however many rows they hold.
const SLOTS: &str = "WITH RECURSIVE slots(slot) AS (
    SELECT min(slot) FROM recent WHERE slot >= ?1
    UNION ALL
    SELECT (SELECT min(slot) FROM recent WHERE slot > slots.slot) FROM slots WHERE slots.slot < ?2)";

/// Rows of a series in `[from_ms, to_ms)`.
pub fn range(db: &Connection, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Series, Fault> {
    let mut rows = Series::default();
    if to_ms <= from_ms || !may_have(db, series, from_ms)? {
        return Ok(rows);
    }
    let sql = format!("{SLOTS} SELECT r.slot, offset_ms, value FROM slots CROSS JOIN recent r ON r.slot = slots.slot AND r.series = ?3");
    let mut statement = db.prepare_cached(&sql)?;
    let last_slot = (to_ms - 1).div_euclid(SLOT_MS);
    let mut found = statement.query(params![from_ms.div_euclid(SLOT_MS), last_slot, series.0])?;
    while let Some(row) = found.next()? {
        let at_ms = row.get::<_, i64>(0)? * SLOT_MS + row.get::<_, i64>(1)?;
        if from_ms <= at_ms && at_ms < to_ms {
            rows.push(at_ms, row.get::<_, Option<f64>>(2)?.unwrap_or(f64::NAN));
        }
    }
    Ok(rows)
}

/// The last row of a series before `before_ms`.
pub fn last_before(db: &Connection, series: SeriesId, before_ms: i64) -> Result<Option<(i64, f64)>, Fault> {
    if !may_have(db, series, i64::MIN / 2)? {
        return Ok(None);
    }
    let sql = "WITH RECURSIVE slots(slot) AS (
        SELECT max(slot) FROM recent WHERE slot <= ?1
        UNION ALL
        SELECT (SELECT max(slot) FROM recent WHERE slot < slots.slot) FROM slots WHERE slots.slot IS NOT NULL)
        SELECT r.slot * 10000 + offset_ms, value FROM slots CROSS JOIN recent r ON r.slot = slots.slot AND r.series = ?2
        WHERE r.slot * 10000 + offset_ms < ?3";
    let mut statement = db.prepare_cached(sql)?;
    let mut found = statement.query(params![(before_ms - 1).div_euclid(SLOT_MS), series.0, before_ms])?;
    // Slots come newest first, the rows of a slot in order.
    let mut last: Option<(i64, f64)> = None;
    while let Some(row) = found.next()? {
        let (at_ms, value): (i64, Option<f64>) = (row.get(0)?, row.get(1)?);
        if last.is_some_and(|(l, _)| at_ms < l) {
            break;
        }
        last = Some((at_ms, value.unwrap_or(f64::NAN)));
    }
    Ok(last)
}

/// Whether a series may have rows here from `from_ms` on: a quick no for what has not spoken lately.
fn may_have(db: &Connection, series: SeriesId, from_ms: i64) -> Result<bool, Fault> {
    let newest: Option<i64> =
        db.prepare_cached("SELECT at_ms FROM newest WHERE series = ?1")?.query_row([series.0], |r| r.get(0)).optional()?;
    let Some(newest) = newest.filter(|&at| at >= from_ms) else { return Ok(false) };
    let oldest: Option<i64> = db.prepare_cached("SELECT min(slot) FROM recent")?.query_row([], |r| r.get(0))?;
    Ok(oldest.is_some_and(|slot| newest >= slot * SLOT_MS))
}

/// Sets rows, best in order of slot and series; gives the instants where that changed anything.
pub fn put(db: &Connection, readings: &[Reading]) -> Result<Vec<i64>, Fault> {
    let mut statement = db.prepare_cached(
        "INSERT INTO recent VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value",
    )?;
    let mut changed = Vec::with_capacity(readings.len());
    for r in readings {
        // NaN becomes NULL.
        if statement.execute((r.at_ms.div_euclid(SLOT_MS), r.series.0, r.at_ms.rem_euclid(SLOT_MS), r.value))? > 0 {
            changed.push(r.at_ms);
        }
    }
    Ok(changed)
}

/// Drops rows of a series in `[from_ms, to_ms)`; how many there were.
pub fn erase(db: &Connection, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<usize, Fault> {
    if to_ms <= from_ms || !may_have(db, series, from_ms)? {
        return Ok(0);
    }
    let sql = format!(
        "DELETE FROM recent WHERE (slot, series, offset_ms) IN (
            {SLOTS} SELECT r.slot, r.series, r.offset_ms FROM slots CROSS JOIN recent r ON r.slot = slots.slot AND r.series = ?3
            WHERE r.slot * 10000 + r.offset_ms BETWEEN ?4 AND ?5)"
    );
    let slots = (from_ms.div_euclid(SLOT_MS), (to_ms - 1).div_euclid(SLOT_MS));
    Ok(db.prepare_cached(&sql)?.execute(params![slots.0, slots.1, series.0, from_ms, to_ms - 1])?)
}
