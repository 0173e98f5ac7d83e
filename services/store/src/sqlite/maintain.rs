//! Folding, rolling up, forgetting: in small steps, so that nobody waits long.

use rusqlite::{Connection, TransactionBehavior, params};
use wattribute_domain::{Series, SeriesId};

use super::connect::{Connections, Fault};
use super::{block, fold, log, recent, series};
use crate::held::{BLOCK_MS, MINUTE_MS, TEN_MINUTES_MS, cells};
use crate::keep::{self, Way, past};
use crate::rows::within;
use crate::{Result, Settings};

/// So many blocks are changed in one transaction.
const AT_ONCE: usize = 8;

pub async fn maintain(store: &Connections, settings: &Settings, now_ms: i64) -> Result<()> {
    let now_ms = within(now_ms);
    let before_ms = keep::closed_before_ms(now_ms);
    fold_recent(store, before_ms).await?;
    for (series, info) in store.read(series::all).await? {
        let way = Way::of(info.quantity);
        if let Some(limit_ms) = past(settings.keep_raw, now_ms).filter(|_| way != Way::Keep) {
            forget_raw(store, series, way, limit_ms.min(before_ms)).await?;
        }
        let (minutes_ms, heads_ms) = (past(settings.keep_minutes, now_ms), past(settings.keep_ten_minutes, now_ms));
        store.write(move |db| forget_rollups(db, series, minutes_ms, heads_ms)).await?;
    }
    let payloads_ms = past(settings.keep_payloads, now_ms).unwrap_or(now_ms);
    store
        .write(move |db| {
            log::prune(db)?;
            let sql = "DELETE FROM payload WHERE at_ms < ?1 AND at_ms < (
                SELECT max(at_ms) FROM payload p WHERE p.source = payload.source AND p.device = payload.device)";
            db.execute(sql, [payloads_ms])?;
            Ok(())
        })
        .await
}

/// Folds recent rows before `before_ms`. They are dropped only when all are folded and nothing was written there meanwhile: until then
/// block and rows say the same, so that any of the steps may be the last before the power fails.
async fn fold_recent(store: &Connections, before_ms: i64) -> Result<()> {
    let (seq, mut blocks) = store.read(move |db| Ok((log::ends(db)?.1, blocks_with_recent(db, before_ms)?))).await?;
    while !blocks.is_empty() {
        let some = blocks.split_off(blocks.len().saturating_sub(AT_ONCE));
        store
            .write(move |db| {
                let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
                for (series, start_ms) in some {
                    fold::fold(&tx, series, start_ms, before_ms, &[], &Series::default())?;
                }
                Ok(tx.commit()?)
            })
            .await?;
    }
    while store.write(move |db| drop_some(db, before_ms, seq)).await? {}
    Ok(())
}

fn blocks_with_recent(db: &Connection, before_ms: i64) -> std::result::Result<Vec<(SeriesId, i64)>, Fault> {
    // SQL divides towards zero; shifted, so that instants before 1970 divide downwards as well.
    let sql = "SELECT DISTINCT (slot + 1440 * 10000000) / 1440 - 10000000, series FROM recent WHERE slot < ?1";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([before_ms / recent::SLOT_MS], |r| Ok((SeriesId(r.get(1)?), r.get::<_, i64>(0)? * BLOCK_MS)))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// Drops some of the folded rows; whether there are more.
fn drop_some(db: &mut Connection, before_ms: i64, seq: i64) -> std::result::Result<bool, Fault> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if log::after(&tx, seq)?.iter().any(|&(first, _)| first < before_ms) {
        return Ok(false);
    }
    let slot = before_ms / recent::SLOT_MS;
    let sql = "DELETE FROM recent WHERE slot < min(?1, coalesce((SELECT slot + 1 FROM recent ORDER BY slot LIMIT 1 OFFSET 20000), ?1))";
    let dropped = tx.execute(sql, [slot])?;
    tx.commit()?;
    Ok(dropped > 0)
}

async fn forget_raw(store: &Connections, series: SeriesId, way: Way, limit_ms: i64) -> Result<()> {
    let mut blocks = store
        .read(move |db| {
            let sql = match way {
                Way::Thin => "SELECT start_ms FROM head WHERE series = ?1 AND start_ms <= ?2 AND thinned = 0",
                _ => "SELECT start_ms FROM block WHERE series = ?1 AND start_ms <= ?2",
            };
            let mut statement = db.prepare_cached(sql)?;
            let starts = statement.query_map(params![series.0, limit_ms - BLOCK_MS], |r| r.get::<_, i64>(0))?;
            Ok(starts.collect::<std::result::Result<Vec<_>, _>>()?)
        })
        .await?;
    while !blocks.is_empty() {
        let some = blocks.split_off(blocks.len().saturating_sub(AT_ONCE));
        store
            .write(move |db| {
                let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
                for start_ms in some {
                    match way {
                        Way::Keep => {}
                        Way::Thin => thin(&tx, series, start_ms)?,
                        Way::RollUp => roll_up(&tx, series, start_ms)?,
                    }
                }
                Ok(tx.commit()?)
            })
            .await?;
    }
    Ok(())
}

/// Keeps the means of a block, by minutes and by ten minutes, and forgets its rows.
fn roll_up(db: &Connection, series: SeriesId, start_ms: i64) -> std::result::Result<(), Fault> {
    let rows = fold::rows(db, series, start_ms)?;
    let minutes = block::write_minutes(&cells(&rows, start_ms, MINUTE_MS))?;
    let cells = block::write_cells(&cells(&rows, start_ms, TEN_MINUTES_MS));
    db.prepare_cached("INSERT OR REPLACE INTO minutes VALUES (?1, ?2, ?3)")?.execute(params![series.0, start_ms, minutes])?;
    db.prepare_cached("UPDATE head SET cells = ?3 WHERE series = ?1 AND start_ms = ?2")?.execute(params![series.0, start_ms, cells])?;
    db.prepare_cached("DELETE FROM block WHERE series = ?1 AND start_ms = ?2")?.execute(params![series.0, start_ms])?;
    Ok(())
}

/// Keeps of a counter what [`keep::thinned`] keeps.
fn thin(db: &Connection, series: SeriesId, start_ms: i64) -> std::result::Result<(), Fault> {
    let rows = fold::rows(db, series, start_ms)?;
    let kept = keep::thinned(&rows);
    if kept.len() < rows.len() {
        fold::save(db, series, start_ms, &kept)?;
    }
    db.prepare_cached("UPDATE head SET thinned = 1 WHERE series = ?1 AND start_ms = ?2")?.execute(params![series.0, start_ms])?;
    Ok(())
}

fn forget_rollups(db: &mut Connection, series: SeriesId, minutes_ms: Option<i64>, heads_ms: Option<i64>) -> std::result::Result<(), Fault> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some(limit_ms) = minutes_ms {
        tx.prepare_cached("DELETE FROM minutes WHERE series = ?1 AND start_ms <= ?2")?.execute(params![series.0, limit_ms - BLOCK_MS])?;
    }
    if let Some(limit_ms) = heads_ms {
        // The last head stays: its last value holds until today.
        tx.prepare_cached(
            "DELETE FROM head WHERE series = ?1 AND start_ms <= ?2 AND start_ms < (SELECT max(start_ms) FROM head WHERE series = ?1)
             AND NOT EXISTS (SELECT 1 FROM block b WHERE b.series = head.series AND b.start_ms = head.start_ms)
             AND NOT EXISTS (SELECT 1 FROM minutes m WHERE m.series = head.series AND m.start_ms = head.start_ms)",
        )?
        .execute(params![series.0, limit_ms - BLOCK_MS])?;
    }
    tx.commit()?;
    Ok(())
}
