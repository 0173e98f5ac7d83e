//! Tables, and how a file of an older format becomes one of today's.

use rusqlite::{Connection, TransactionBehavior};

use super::connect::Fault;
use crate::{Origin, StoreError};

/// `Watt`: SQLite's mark of whose file it is.
pub const APPLICATION_ID: u32 = 0x5761_7474;

/// What makes each format from the one before; never edited, only added to.
const MIGRATIONS: [&str; 3] = [
    "
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL, identity TEXT NOT NULL, device TEXT NOT NULL, quantity TEXT NOT NULL,
    info TEXT NOT NULL, -- all of SeriesInfo, JSON
    UNIQUE (source, identity, quantity)
);
CREATE INDEX series_by_device ON series (source, device, quantity);

-- Readings not yet folded. A slot is ten seconds: what is written at one time lies together, and so does what one series said lately.
-- A value of NULL begins silence. Where a block has the same instant, this row counts.
CREATE TABLE recent (slot INTEGER, series INTEGER, offset_ms INTEGER, value REAL, PRIMARY KEY (slot, series, offset_ms)) WITHOUT ROWID;
-- The newest row of each series.
CREATE TABLE newest (series INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, value REAL);

-- What is known of a block without reading it; stays when the block is forgotten. Integral (value x ms) and covered time count from
-- the first row on to the end of the block: what was held before is added by the reader.
CREATE TABLE head (
    series INTEGER, start_ms INTEGER, rows INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, last REAL,
    min REAL, max REAL, integral REAL NOT NULL, covered_ms INTEGER NOT NULL,
    thinned INTEGER NOT NULL, -- 1 where only some rows of a counter are left
    cells BLOB, -- the same by ten minutes, where rows are many
    PRIMARY KEY (series, start_ms)
) WITHOUT ROWID;
CREATE TABLE block (series INTEGER, start_ms INTEGER, times BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (series, start_ms));
-- One-minute means of blocks that are forgotten.
CREATE TABLE minutes (series INTEGER, start_ms INTEGER, cells BLOB NOT NULL, PRIMARY KEY (series, start_ms)) WITHOUT ROWID;

-- One row per write: the spans it changed something in.
CREATE TABLE arrival (seq INTEGER PRIMARY KEY, spans BLOB NOT NULL);

CREATE TABLE payload (source TEXT, device TEXT, at_ms INTEGER, text TEXT NOT NULL, PRIMARY KEY (source, device, at_ms)) WITHOUT ROWID;
CREATE TABLE document (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE correlation (
    at_ms INTEGER, series INTEGER, from_mode INTEGER NOT NULL, from_fraction REAL NOT NULL, to_mode INTEGER NOT NULL, to_fraction REAL NOT NULL,
    before_w REAL, after_w REAL, error_w REAL, explained_w REAL, verdict INTEGER NOT NULL, others BLOB NOT NULL, final INTEGER NOT NULL,
    PRIMARY KEY (at_ms, series)
) WITHOUT ROWID;
CREATE TABLE profile (series INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE energy (hour_ms INTEGER, series INTEGER, kwh REAL, estimated INTEGER NOT NULL, PRIMARY KEY (hour_ms, series)) WITHOUT ROWID;
",
    "
-- The same by UTC day, so that a total of years does not add up hours.
CREATE TABLE energy_day (day_ms INTEGER, series INTEGER, kwh REAL, PRIMARY KEY (day_ms, series)) WITHOUT ROWID;
INSERT INTO energy_day SELECT hour_ms - hour_ms % 86400000, series, sum(kwh) FROM energy GROUP BY 1, 2;
",
    "
-- What one entity did over years, for its page.
CREATE INDEX IF NOT EXISTS correlation_of ON correlation (series, at_ms);
",
];

/// The format that this program writes.
pub const FORMAT: i64 = MIGRATIONS.len() as i64;

/// Brings the file to today's format and looks whose readings it holds.
pub fn migrate(db: &mut Connection, name: &str, origin: Origin) -> Result<(), Fault> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let format: i64 = tx.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    if format > FORMAT {
        return Err(StoreError::Refused(format!(
            "{name} was written by a newer Wattribute (format {format}, this one knows up to {FORMAT}): update Wattribute, or set \
             WATTRIBUTE__STORE__URL to another file"
        ))
        .into());
    }
    for sql in &MIGRATIONS[format as usize..] {
        tx.execute_batch(sql)?;
    }
    if format < FORMAT {
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", FORMAT)?;
    }
    tx.execute("INSERT INTO meta VALUES ('origin', ?1) ON CONFLICT DO NOTHING", [origin.word()])?;
    let held: String = tx.query_row("SELECT value FROM meta WHERE key = 'origin'", [], |r| r.get(0))?;
    if held != origin.word() {
        let (holds, wants) = match origin {
            Origin::Home => ("the demo home", "`wattribute run`"),
            Origin::Demo => ("a real home", "`wattribute demo`"),
        };
        return Err(StoreError::Refused(format!(
            "{name} holds the readings of {holds}; {wants} needs a store of its own: set WATTRIBUTE__STORE__URL to another file"
        ))
        .into());
    }
    tx.commit()?;
    Ok(())
}
