//! The log of arrivals.

use rusqlite::{Connection, params};

use super::connect::Fault;
use super::recent::SLOT_MS;
use crate::Arrivals;
use crate::rows::join;

/// So many writes are remembered: two days of one a second.
const KEPT: i64 = 200_000;

/// Remembers that something changed in these spans.
pub fn add(db: &Connection, spans: Vec<(i64, i64)>) -> Result<(), Fault> {
    if spans.is_empty() {
        return Ok(());
    }
    let bytes: Vec<u8> = join(spans).iter().flat_map(|&(first, last)| [first.to_le_bytes(), last.to_le_bytes()]).flatten().collect();
    db.prepare_cached("INSERT INTO arrival (spans) VALUES (?1)")?.execute(params![bytes])?;
    Ok(())
}

/// What arrived since `cursor`.
pub fn since(db: &Connection, cursor: i64) -> Result<Arrivals, Fault> {
    let (oldest, newest) = ends(db)?;
    if cursor < oldest - 1 || cursor > newest {
        // Forgotten, or from another file: everything may be new.
        return Ok(Arrivals { cursor: newest, spans_ms: everything(db)?.into_iter().collect() });
    }
    Ok(Arrivals { cursor: newest, spans_ms: join(after(db, cursor)?) })
}

/// The spans of all writes after `cursor`, one after another.
pub fn after(db: &Connection, cursor: i64) -> Result<Vec<(i64, i64)>, Fault> {
    let mut statement = db.prepare_cached("SELECT spans FROM arrival WHERE seq > ?1 ORDER BY seq")?;
    let mut rows = statement.query([cursor])?;
    let mut spans = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = super::fold::blob(row, 0)?;
        let number = |b: &[u8]| b.try_into().map_or(0, i64::from_le_bytes);
        spans.extend(bytes.chunks_exact(16).map(|b| (number(&b[..8]), number(&b[8..]))));
        if spans.len() > 100_000 {
            spans = join(spans);
        }
    }
    Ok(spans)
}

/// Numbers of the oldest and newest write remembered; 1 and 0 where there is none.
pub fn ends(db: &Connection) -> Result<(i64, i64), Fault> {
    let ends = |r: &rusqlite::Row| Ok((r.get(0)?, r.get(1)?));
    Ok(db.query_row("SELECT coalesce((SELECT min(seq) FROM arrival), 1), coalesce((SELECT max(seq) FROM arrival), 0)", [], ends)?)
}

/// Forgets what is older than the last writes.
pub fn prune(db: &Connection) -> Result<(), Fault> {
    let (_, newest) = ends(db)?;
    db.execute("DELETE FROM arrival WHERE seq <= ?1", [newest - KEPT])?;
    Ok(())
}

/// First and last instant of all readings.
fn everything(db: &Connection) -> Result<Option<(i64, i64)>, Fault> {
    let folded: Option<i64> =
        db.query_row("SELECT min((SELECT first_ms FROM head WHERE series = s.id ORDER BY start_ms LIMIT 1)) FROM series s", [], |r| {
            r.get(0)
        })?;
    let recent: Option<i64> = db.query_row("SELECT min(slot) FROM recent", [], |r| r.get(0))?;
    let last: Option<i64> = db.query_row("SELECT max(at_ms) FROM newest", [], |r| r.get(0))?;
    let first = [folded, recent.map(|slot| slot * SLOT_MS)].into_iter().flatten().min();
    Ok(first.zip(last).map(|(first, last)| (first.min(last), last)))
}
