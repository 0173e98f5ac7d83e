//! Home Assistant's recorder database, of any schema since 2022.

mod open;
mod runs;
mod schema;
mod states;
mod statistics;
mod storage;

pub(crate) use self::storage::energy_preferences;

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use self::open::Opened;
use self::schema::Schema;
use super::collector::Collector;
use super::error::name_of;
use super::{HistoryError, Progress};

/// Reads states, long-term statistics and, where they lie beside the database, Home Assistant's settings.
pub(super) fn read(path: &Path, collector: &mut Collector, progress: &mut dyn FnMut(Progress<'_>)) -> Result<(), HistoryError> {
    let Opened { database, without_wal } = open::open(path, collector)?;
    let schema = Schema::of(&database).map_err(|e| failed(path, &e))?;
    if let (Some(why), false) = (without_wal, schema.has_table("states")) {
        return Err(HistoryError::WithoutWal { file: name_of(path), why });
    }
    schema.check(path)?;
    storage::read(path, collector);
    let rows_before = collector.rows();
    states::read(path, &database, &schema, collector, progress)?;
    if let Some(why) = without_wal {
        if collector.rows() == rows_before {
            return Err(HistoryError::WithoutWal { file: name_of(path), why });
        }
        say_that_the_wal_was_not_read(&database, why, collector);
    }
    if let Err(error) = statistics::read(&database, &schema, collector) {
        let file = collector.file().to_owned();
        collector.note(format!("Long-term statistics of {file} could not be read: {}.", said(&error)));
    }
    Ok(())
}

fn say_that_the_wal_was_not_read(database: &Connection, why: &str, collector: &mut Collector) {
    let file = collector.file();
    let sql = "SELECT \"end\" IS NULL FROM recorder_runs ORDER BY start DESC LIMIT 1";
    let running = database.query_row(sql, [], |row| row.get(0)) == Ok(true);
    let lost = if running {
        "Home Assistant was running, so the last minutes to hours are missing"
    } else {
        "if Home Assistant was running when it was copied, the last minutes to hours are missing"
    };
    collector.note(format!("The -wal of {file} {why}: {lost}."));
}

/// What SQLite says, in lower case.
fn said(error: &rusqlite::Error) -> String {
    let text = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    };
    text.to_lowercase()
}

/// The database cannot be read at all.
fn failed(path: &Path, error: &rusqlite::Error) -> HistoryError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => HistoryError::Locked { file: name_of(path) },
        Some(ErrorCode::NotADatabase) => HistoryError::damaged(path, "it is not a database, or it is encrypted"),
        Some(ErrorCode::ReadOnly) => {
            HistoryError::damaged(path, "it was copied in the middle of a write, which only a writable copy can undo")
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            HistoryError::Unreadable { file: path.display().to_string(), why: format!("{}: make it readable for this user", said(error)) }
        }
        _ => HistoryError::damaged(path, said(error)),
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::SystemIoFailure | ErrorCode::NotADatabase))
}
