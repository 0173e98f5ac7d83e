//! What was said.

use rusqlite::{Connection, OptionalExtension, params};
use wattribute_domain::{Reading, Series, SeriesId};

use super::connect::Fault;
use super::{block, fold, recent};
use crate::held::block_of;
use crate::rows::{overlay, within};

pub fn readings(db: &Connection, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Series, Fault> {
    let (from_ms, to_ms) = (within(from_ms), within(to_ms));
    if to_ms <= from_ms {
        return Ok(Series::default());
    }
    let first_block = block_of(from_ms);
    let mut statement = db.prepare_cached(
        "SELECT h.start_ms, b.times, b.value FROM head h LEFT JOIN block b ON b.series = h.series AND b.start_ms = h.start_ms
         WHERE h.series = ?1 AND h.start_ms >= ?2 AND h.start_ms < ?3 ORDER BY h.start_ms",
    )?;
    let mut found = statement.query(params![series.0, first_block, to_ms])?;
    let mut rows = Series::default();
    while let Some(row) = found.next()? {
        let start_ms = row.get(0)?;
        let times = fold::blob(row, 1)?;
        let part =
            if times.is_empty() { fold::rows(db, series, start_ms)? } else { block::read_rows(times, fold::blob(row, 2)?, start_ms)? };
        rows.at_ms.extend(part.at_ms);
        rows.value.extend(part.value);
    }
    let mut rows = overlay(rows, &recent::range(db, series, first_block, to_ms)?);

    let end = rows.at_ms.partition_point(|&at| at < to_ms);
    rows.at_ms.truncate(end);
    rows.value.truncate(end);
    match rows.at_ms.partition_point(|&at| at <= from_ms) {
        0 => {
            if let Some((at_ms, value)) = last_before(db, series, first_block)? {
                rows.at_ms.insert(0, at_ms);
                rows.value.insert(0, value);
            }
        }
        after => {
            rows.at_ms.drain(..after - 1);
            rows.value.drain(..after - 1);
        }
    }
    Ok(rows)
}

/// The last row of a series before `before_ms`, which is the start of a block or past everything.
pub fn last_before(db: &Connection, series: SeriesId, before_ms: i64) -> Result<Option<(i64, f64)>, Fault> {
    let folded = db
        .prepare_cached("SELECT last_ms, last FROM head WHERE series = ?1 AND start_ms < ?2 ORDER BY start_ms DESC LIMIT 1")?
        .query_row(params![series.0, before_ms], |r| Ok((r.get(0)?, r.get::<_, Option<f64>>(1)?.unwrap_or(f64::NAN))))
        .optional()?;
    let recent = recent::last_before(db, series, before_ms)?;
    Ok(match (folded, recent) {
        (Some(f), Some(r)) => Some(if r.0 >= f.0 { r } else { f }),
        (folded, recent) => recent.or(folded),
    })
}

pub fn latest(db: &Connection) -> Result<Vec<Reading>, Fault> {
    let mut statement = db.prepare_cached("SELECT series, at_ms, value FROM newest ORDER BY series")?;
    let rows = statement.query_map([], |r| {
        Ok(Reading { series: SeriesId(r.get(0)?), at_ms: r.get(1)?, value: r.get::<_, Option<f64>>(2)?.unwrap_or(f64::NAN) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
