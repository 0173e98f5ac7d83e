//! Taking in a batch.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, TransactionBehavior, params};
use wattribute_domain::{Reading, Series, SeriesId};

use super::connect::Fault;
use super::{fold, log, read, recent, series};
use crate::Batch;
use crate::held::{BLOCK_MS, block_of};
use crate::rows::{INSTANTS, in_order};

/// From this many rows of one series on, they go straight into blocks: a backfill, or an import.
const BULK: usize = 512;

pub fn write(db: &mut Connection, batch: Batch, only_last_payload: bool) -> Result<(), Fault> {
    let readings = in_order(batch.readings, INSTANTS, "1 to 9999")?;
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut changed: Vec<(i64, i64)> = Vec::new();
    let named: BTreeSet<SeriesId> = readings.iter().map(|r| r.series).chain(batch.replaced.iter().map(|s| s.series)).collect();
    for &id in &named {
        series::info(&tx, id)?;
    }

    let mut shortened = BTreeSet::new();
    let mut erased: BTreeMap<(SeriesId, i64), Vec<(i64, i64)>> = BTreeMap::new();
    for span in &batch.replaced {
        let (from, to) = (span.from_ms.clamp(INSTANTS.start, INSTANTS.end), span.to_ms.clamp(INSTANTS.start, INSTANTS.end));
        if from >= to {
            continue;
        }
        shortened.insert(span.series);
        if recent::erase(&tx, span.series, from, to)? > 0 {
            changed.push((from, to - 1));
        }
        let mut blocks = tx.prepare_cached("SELECT start_ms FROM head WHERE series = ?1 AND start_ms >= ?2 AND start_ms < ?3")?;
        for start_ms in blocks.query_map(params![span.series.0, block_of(from), to], |r| r.get(0))? {
            erased.entry((span.series, start_ms?)).or_default().push((from, to));
        }
    }

    let mut few: Vec<Reading> = Vec::new();
    let (many, single): (Vec<_>, Vec<_>) = readings.chunk_by(|a, b| a.series == b.series).partition(|said| said.len() >= BULK);
    few.extend(single.into_iter().flatten());
    for group in many.into_iter().flat_map(|said| said.chunk_by(|a, b| block_of(a.at_ms) == block_of(b.at_ms))) {
        let (series, start_ms) = (group[0].series, block_of(group[0].at_ms));
        let spans = erased.remove(&(series, start_ms)).unwrap_or_default();
        let new = Series { at_ms: group.iter().map(|r| r.at_ms).collect(), value: group.iter().map(|r| r.value).collect() };
        let end_ms = start_ms + BLOCK_MS;
        changed.extend(fold::fold(&tx, series, start_ms, end_ms, &spans, &new)?.into_iter().map(|at| (at, at)));
        recent::erase(&tx, series, start_ms, end_ms)?;
    }
    for ((series, start_ms), spans) in erased {
        // Recent rows of the block stay where they are: those to be erased are gone already.
        let gone = fold::fold(&tx, series, start_ms, start_ms, &spans, &Series::default())?;
        changed.extend(gone.into_iter().map(|at| (at, at)));
    }
    few.sort_by_key(|r| (r.at_ms.div_euclid(recent::SLOT_MS), r.series, r.at_ms));
    changed.extend(recent::put(&tx, &few)?.into_iter().map(|at| (at, at)));

    for last in readings.chunk_by(|a, b| a.series == b.series).filter_map(<[Reading]>::last) {
        set_newest(&tx, last)?;
    }
    for &id in &shortened {
        // The newest row may be among the erased.
        tx.prepare_cached("UPDATE newest SET at_ms = ?2 WHERE series = ?1")?.execute(params![id.0, INSTANTS.end])?;
        let last = read::last_before(&tx, id, INSTANTS.end)?;
        tx.prepare_cached("DELETE FROM newest WHERE series = ?1")?.execute([id.0])?;
        if let Some((at_ms, value)) = last {
            set_newest(&tx, &Reading { series: id, at_ms, value })?;
        }
    }

    for payload in &batch.payloads {
        tx.prepare_cached("INSERT OR REPLACE INTO payload VALUES (?1, ?2, ?3, ?4)")?.execute(params![
            payload.source,
            payload.device,
            payload.at_ms,
            payload.text
        ])?;
        if only_last_payload {
            tx.prepare_cached("DELETE FROM payload WHERE source = ?1 AND device = ?2 AND at_ms < (SELECT max(at_ms) FROM payload WHERE source = ?1 AND device = ?2)")?
                .execute(params![payload.source, payload.device])?;
        }
    }
    super::learned::set_documents(&tx, &batch.documents)?;
    if !batch.derived {
        log::add(&tx, changed)?;
    }
    tx.commit()?;
    Ok(())
}

fn set_newest(db: &Connection, reading: &Reading) -> Result<(), Fault> {
    let mut statement = db.prepare_cached(
        "INSERT INTO newest VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms, value = excluded.value WHERE excluded.at_ms >= at_ms",
    )?;
    statement.execute(params![reading.series.0, reading.at_ms, reading.value])?;
    Ok(())
}
