//! Who says something.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use wattribute_domain::{SeriesId, SeriesInfo};

use super::connect::Fault;
use crate::{StoreError, described};

pub fn describe(db: &mut Connection, series: &[SeriesInfo]) -> Result<Vec<SeriesId>, Fault> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let ids = series.iter().map(|info| describe_one(&tx, info)).collect::<Result<_, _>>()?;
    tx.commit()?;
    Ok(ids)
}

/// Adds series with their numbers.
pub fn take(db: &mut Connection, all: &[(SeriesId, SeriesInfo)]) -> Result<(), Fault> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (id, info) in all {
        tx.prepare_cached("INSERT INTO series (id, source, identity, device, quantity, info) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![id.0, info.source, info.identity, info.device, info.quantity.name(), text(info)?])?;
    }
    Ok(tx.commit()?)
}

pub fn all(db: &Connection) -> Result<Vec<(SeriesId, SeriesInfo)>, Fault> {
    let mut rows = db.prepare_cached("SELECT id, info FROM series ORDER BY id")?;
    let rows = rows.query_map([], |r| Ok((SeriesId(r.get(0)?), r.get::<_, String>(1)?)))?;
    rows.map(|row| {
        let (id, info) = row?;
        Ok((id, parse(&info)?))
    })
    .collect()
}

/// What is known of one series.
pub fn info(db: &Connection, series: SeriesId) -> Result<SeriesInfo, Fault> {
    let text = db.prepare_cached("SELECT info FROM series WHERE id = ?1")?.query_row([series.0], |r| r.get::<_, String>(0)).optional()?;
    parse(&text.ok_or_else(|| StoreError::Refused(format!("series {} is not described: describe it before writing", series.0)))?)
}

fn describe_one(db: &Connection, info: &SeriesInfo) -> Result<SeriesId, Fault> {
    let known = known(db, info)?;
    let Some((id, before)) = known else {
        db.prepare_cached("INSERT INTO series (source, identity, device, quantity, info) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![info.source, info.identity, info.device, info.quantity.name(), text(info)?])?;
        return Ok(SeriesId(db.last_insert_rowid() as u32));
    };
    let before = parse(&before)?;
    let now = described::with(&before, info)?;
    if now != before {
        db.prepare_cached("UPDATE series SET identity = ?2, device = ?3, info = ?4 WHERE id = ?1")?.execute(params![
            id,
            now.identity,
            now.device,
            text(&now)?
        ])?;
    }
    Ok(SeriesId(id))
}

/// The row of a series: by identity, else by the id that people know where one side knows no identity.
fn known(db: &Connection, info: &SeriesInfo) -> Result<Option<(u32, String)>, Fault> {
    let quantity = info.quantity.name();
    let row = |r: &rusqlite::Row| Ok((r.get(0)?, r.get(1)?));
    let by_identity = db
        .prepare_cached("SELECT id, info FROM series WHERE source = ?1 AND identity = ?2 AND quantity = ?3")?
        .query_row(params![info.source, info.identity, quantity], row)
        .optional()?;
    if by_identity.is_some() {
        return Ok(by_identity);
    }
    let by_device = "SELECT id, info FROM series WHERE source = ?1 AND device = ?2 AND quantity = ?3 AND (identity = device OR ?4) ORDER BY id DESC LIMIT 1";
    Ok(db
        .prepare_cached(by_device)?
        .query_row(params![info.source, info.device, quantity, info.identity == info.device], row)
        .optional()?)
}

fn text(info: &SeriesInfo) -> Result<String, Fault> {
    serde_json::to_string(info).map_err(|e| StoreError::Refused(format!("{} cannot be written: {e}", info.device)).into())
}

fn parse(text: &str) -> Result<SeriesInfo, Fault> {
    serde_json::from_str(text).map_err(|e| StoreError::Corrupt(format!("a row of `series` cannot be read ({e}): {text}")).into())
}
