//! What is kept beside readings: payloads, documents, and what was learned.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params, params_from_iter};
use wattribute_domain::{CorrelationRecord, CorrelationVerdict, HourEnergy, Level, ProfileRecord, SeriesId, Stage};

use super::connect::Fault;
use crate::{CorrelationCounts, CorrelationQuery, Payload, StoreError};

const DAY_MS: i64 = 86_400_000;

/// As they are numbered in the table; only ever added to.
const VERDICTS: [CorrelationVerdict; 4] =
    [CorrelationVerdict::Clean, CorrelationVerdict::Overlapping, CorrelationVerdict::Noisy, CorrelationVerdict::NoData];

pub fn payloads(db: &Connection) -> Result<Vec<Payload>, Fault> {
    // `max` in SQLite takes the other columns from its row.
    let mut statement =
        db.prepare_cached("SELECT source, device, max(at_ms), text FROM payload GROUP BY source, device ORDER BY source, device")?;
    let rows = statement.query_map([], |r| Ok(Payload { source: r.get(0)?, device: r.get(1)?, at_ms: r.get(2)?, text: r.get(3)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn document(db: &Connection, key: &str) -> Result<Option<String>, Fault> {
    Ok(db.prepare_cached("SELECT text FROM document WHERE key = ?1")?.query_row([key], |r| r.get(0)).optional()?)
}

pub fn documents(db: &Connection, prefix: &str) -> Result<Vec<(String, String)>, Fault> {
    let mut statement =
        db.prepare_cached("SELECT key, text FROM document WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 ORDER BY key")?;
    let rows = statement.query_map([prefix], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn forget_documents(db: &mut Connection, keys: &[String]) -> Result<(), Fault> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for key in keys {
        tx.prepare_cached("DELETE FROM document WHERE key = ?1")?.execute([key])?;
    }
    Ok(tx.commit()?)
}

pub fn put_documents(db: &mut Connection, documents: &[(String, String)]) -> Result<(), Fault> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    set_documents(&tx, documents)?;
    Ok(tx.commit()?)
}

/// Sets documents within a transaction that is under way.
pub fn set_documents(db: &Connection, documents: &[(String, String)]) -> Result<(), Fault> {
    let mut statement = db.prepare_cached(
        "INSERT INTO document VALUES (?1, ?2) ON CONFLICT DO UPDATE SET text = excluded.text WHERE text IS NOT excluded.text",
    )?;
    for (key, text) in documents {
        statement.execute([key, text])?;
    }
    Ok(())
}

pub fn replace_correlations(db: &mut Connection, from_ms: i64, to_ms: i64, records: &[CorrelationRecord]) -> Result<(), Fault> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let stay: BTreeSet<(i64, u32)> = records.iter().map(|r| (r.at_ms, r.series.0)).collect();
    let there: Vec<(i64, u32)> = tx
        .prepare_cached("SELECT at_ms, series FROM correlation WHERE at_ms >= ?1 AND at_ms < ?2")?
        .query_map([from_ms, to_ms], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut delete = tx.prepare_cached("DELETE FROM correlation WHERE at_ms = ?1 AND series = ?2")?;
    for key in there.iter().filter(|key| !stay.contains(key)) {
        delete.execute(params![key.0, key.1])?;
    }
    drop(delete);
    let mut put =
        tx.prepare_cached("INSERT OR REPLACE INTO correlation VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)")?;
    for r in records {
        put.execute(params![
            r.at_ms,
            r.series.0,
            r.from.mode,
            r.from.fraction,
            r.to.mode,
            r.to.fraction,
            r.power_before_w,
            r.power_after_w,
            r.standard_error_w,
            r.explained_w,
            VERDICTS.iter().position(|&v| v == r.verdict).unwrap_or_default() as i64,
            r.others.iter().flat_map(|s| s.0.to_le_bytes()).collect::<Vec<u8>>(),
            r.stage == Stage::Final
        ])?;
    }
    drop(put);
    Ok(tx.commit()?)
}

pub fn correlations(db: &Connection, query: &CorrelationQuery) -> Result<Vec<CorrelationRecord>, Fault> {
    let mut sql = String::from(
        "SELECT at_ms, series, from_mode, from_fraction, to_mode, to_fraction, before_w, after_w, error_w, explained_w, verdict, others, final
         FROM correlation WHERE at_ms >= ? AND at_ms < ? AND (? <= 0 OR abs(after_w - before_w) >= ?)",
    );
    let mut values: Vec<rusqlite::types::Value> =
        vec![query.from_ms.into(), query.to_ms.into(), query.min_delta_w.into(), query.min_delta_w.into()];
    if let Some(series) = &query.series {
        // As one JSON text: a list may be longer than SQLite takes parameters.
        sql.push_str(" AND series IN (SELECT value FROM json_each(?))");
        let ids: Vec<String> = series.iter().map(|s| s.0.to_string()).collect();
        values.push(format!("[{}]", ids.join(",")).into());
    }
    if let Some(wanted) = &query.verdicts {
        let numbers = VERDICTS.iter().enumerate().filter(|(_, verdict)| wanted.contains(verdict)).map(|(k, _)| k.to_string());
        sql.push_str(&format!(" AND verdict IN ({})", numbers.collect::<Vec<_>>().join(",")));
    }
    let order = if query.newest_first { " ORDER BY at_ms DESC, series DESC LIMIT ?" } else { " ORDER BY at_ms, series LIMIT ?" };
    sql.push_str(order);
    values.push(i64::try_from(query.limit).unwrap_or(i64::MAX).into());
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), correlation)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn correlation(row: &Row) -> rusqlite::Result<CorrelationRecord> {
    let number = |k: usize| -> rusqlite::Result<f64> { Ok(row.get::<_, Option<f64>>(k)?.unwrap_or(f64::NAN)) };
    let fraction = |k: usize| -> rusqlite::Result<f32> { Ok(row.get::<_, f64>(k)? as f32) };
    let others: Vec<u8> = row.get(11)?;
    Ok(CorrelationRecord {
        at_ms: row.get(0)?,
        series: SeriesId(row.get(1)?),
        from: Level { mode: row.get(2)?, fraction: fraction(3)? },
        to: Level { mode: row.get(4)?, fraction: fraction(5)? },
        power_before_w: number(6)?,
        power_after_w: number(7)?,
        standard_error_w: number(8)?,
        explained_w: number(9)?,
        verdict: VERDICTS.get(usize::from(row.get::<_, u16>(10)?)).copied().unwrap_or(CorrelationVerdict::NoData),
        others: others.chunks_exact(4).filter_map(|b| b.try_into().ok()).map(|b| SeriesId(u32::from_le_bytes(b))).collect(),
        stage: if row.get(12)? { Stage::Final } else { Stage::Provisional },
    })
}

pub fn correlation_counts(db: &Connection, from_ms: i64, min_delta_w: f64) -> Result<CorrelationCounts, Fault> {
    let sql = "SELECT count(*), coalesce(sum(stands_out), 0), coalesce(sum(stands_out AND final), 0) FROM (
        SELECT final, coalesce(verdict = 0 AND abs(after_w - before_w) >= ?2, 0) AS stands_out FROM correlation WHERE at_ms >= ?1)";
    let counts = db
        .prepare_cached(sql)?
        .query_row(params![from_ms, min_delta_w], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, i64>(2)?)))?;
    Ok(CorrelationCounts { events: counts.0 as u64, correlations: counts.1 as u64, finals: counts.2 as u64 })
}

pub fn replace_profiles(db: &mut Connection, profiles: &[ProfileRecord]) -> Result<(), Fault> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("DELETE FROM profile", [])?;
    for profile in profiles {
        let text = serde_json::to_string(profile)
            .map_err(|e| StoreError::Refused(format!("the profile of series {} cannot be written: {e}", profile.series.0)))?;
        tx.prepare_cached("INSERT OR REPLACE INTO profile VALUES (?1, ?2)")?.execute(params![profile.series.0, text])?;
    }
    Ok(tx.commit()?)
}

pub fn profiles(db: &Connection) -> Result<Vec<ProfileRecord>, Fault> {
    let mut statement = db.prepare_cached("SELECT record FROM profile ORDER BY series")?;
    let texts = statement.query_map([], |r| r.get::<_, String>(0))?;
    texts
        .map(|text| serde_json::from_str(&text?).map_err(|e| StoreError::Corrupt(format!("a row of `profile` cannot be read: {e}")).into()))
        .collect()
}

pub fn replace_energy(db: &mut Connection, from_ms: i64, to_ms: i64, hours: &[HourEnergy]) -> Result<(), Fault> {
    crate::keep::energy_fits(from_ms, to_ms, hours)?;
    let (from_ms, to_ms) = (crate::rows::within(from_ms), crate::rows::within(to_ms));
    if to_ms <= from_ms {
        return Ok(());
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("DELETE FROM energy WHERE hour_ms >= ?1 AND hour_ms < ?2", [from_ms, to_ms])?;
    let mut put = tx.prepare_cached("INSERT OR REPLACE INTO energy VALUES (?1, ?2, ?3, ?4)")?;
    for hour in hours {
        put.execute(params![hour.hour_ms, hour.series.0, hour.energy_kwh, hour.estimated])?;
    }
    drop(put);
    let (first, last) = (from_ms.div_euclid(DAY_MS) * DAY_MS, (to_ms - 1).div_euclid(DAY_MS) * DAY_MS);
    tx.execute("DELETE FROM energy_day WHERE day_ms BETWEEN ?1 AND ?2", [first, last])?;
    // Hours before 1970 would divide towards zero; there are none.
    tx.execute(
        "INSERT INTO energy_day SELECT hour_ms - hour_ms % ?3, series, sum(kwh) FROM energy WHERE hour_ms >= ?1 AND hour_ms < ?2 + ?3 GROUP BY 1, 2",
        [first, last, DAY_MS],
    )?;
    Ok(tx.commit()?)
}

pub fn energy(db: &Connection, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>, Fault> {
    let mut statement = db.prepare_cached(
        "SELECT hour_ms, series, kwh, estimated FROM energy WHERE hour_ms >= ?1 AND hour_ms < ?2 ORDER BY hour_ms, series",
    )?;
    let rows = statement.query_map([from_ms, to_ms], |r| {
        Ok(HourEnergy { hour_ms: r.get(0)?, series: SeriesId(r.get(1)?), energy_kwh: r.get(2)?, estimated: r.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn energy_of(db: &Connection, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>, Fault> {
    let mut statement = db.prepare_cached(
        "SELECT hour_ms, kwh, estimated FROM energy WHERE hour_ms >= ?1 AND hour_ms < ?2 AND series = ?3 ORDER BY hour_ms",
    )?;
    let rows = statement.query_map(params![from_ms, to_ms, series.0], |r| {
        Ok(HourEnergy { series, hour_ms: r.get(0)?, energy_kwh: r.get(1)?, estimated: r.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn total_energy(db: &Connection, to_ms: i64) -> Result<Vec<(SeriesId, f64)>, Fault> {
    let to_ms = crate::rows::within(to_ms);
    let today = to_ms.div_euclid(DAY_MS) * DAY_MS;
    let mut statement = db.prepare_cached(
        "SELECT series, sum(kwh) FROM (
             SELECT series, kwh FROM energy_day WHERE day_ms < ?1
             UNION ALL SELECT series, kwh FROM energy WHERE hour_ms >= ?1 AND hour_ms < ?2)
         GROUP BY series ORDER BY series",
    )?;
    let rows = statement.query_map([today, to_ms], |r| Ok((SeriesId(r.get(0)?), r.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
