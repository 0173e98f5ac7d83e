//! Opening a database that others may be writing, without a trace.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::super::HistoryError;
use super::super::collector::Collector;
use super::{failed, is_damage};

/// How long to wait for a writer; Home Assistant holds its lock for far less.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the first 100 bytes tell (<https://www.sqlite.org/fileformat.html>).
struct Header {
    wal: bool,
    /// Length that the file should have at least, bytes; 0 where the header does not say.
    length: u64,
}

/// A database that is ready to be read.
pub(super) struct Opened {
    pub database: Connection,
    /// It is in WAL mode, and why its -wal was not read.
    pub without_wal: Option<&'static str>,
}

/// Opens read-only and begins one read transaction, so that all that is read is of one instant.
pub(super) fn open(path: &Path, collector: &mut Collector) -> Result<Opened, HistoryError> {
    // SQLite follows links before it looks for the -wal.
    let path = std::fs::canonicalize(path).map_err(|e| HistoryError::unreadable(path, &e))?;
    let file = collector.file().to_owned();
    let (header, length) = header(&path)?;
    let has_wal = beside(&path, "-wal").exists();
    let short = length < header.length;
    // What a -wal adds may be the end that is missing.
    if short && !has_wal {
        let percent = 100.0 * length as f64 / header.length as f64;
        collector.note(format!("{file} is cut short: only {percent:.0} % of it is there, and only that was read."));
    }
    let opened = |database, without_wal| Opened { database, without_wal };
    if header.wal && !has_wal {
        // Nobody has it open, or there would be a -wal: read it as it is and leave nothing beside it.
        return begin(&path, true, short).map(|database| opened(database, Some("is not beside it"))).map_err(|e| failed(&path, &e));
    }
    match begin(&path, false, short && !has_wal) {
        Ok(database) => Ok(opened(database, None)),
        Err(error) if has_wal && matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)) => {
            begin(&path, true, short)
                .map(|database| opened(database, Some("cannot be used, as the folder is not writable")))
                .map_err(|e| failed(&path, &e))
        }
        Err(error) if is_damage(&error) => begin(&path, false, true).map(|database| opened(database, None)).map_err(|e| failed(&path, &e)),
        Err(error) => Err(failed(&path, &error)),
    }
}

fn begin(path: &Path, immutable: bool, damaged: bool) -> rusqlite::Result<Connection> {
    let uri = format!("file:{}?{}", escaped(path), if immutable { "immutable=1" } else { "mode=ro" });
    let database =
        Connection::open_with_flags(uri, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    database.busy_timeout(PATIENCE)?;
    if damaged {
        // Only this makes SQLite read what there is of a file that was cut short; nothing can be written.
        database.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    }
    database.execute_batch("BEGIN")?;
    database.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(database)
}

fn header(path: &Path) -> Result<(Header, u64), HistoryError> {
    let unreadable = |e| HistoryError::unreadable(path, &e);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    file.take(100).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() < 100 {
        return Err(HistoryError::damaged(path, format!("it is cut short after {} bytes", bytes.len())));
    }
    let number = |at: usize| u64::from(u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
    let page_bytes = match u64::from(u16::from_be_bytes([bytes[16], bytes[17]])) {
        1 => 65_536,
        n => n,
    };
    // The count of pages is valid where the change counter equals the version it was valid for.
    let pages = if number(24) == number(92) { number(28) } else { 0 };
    Ok((Header { wal: bytes[18] == 2 || bytes[19] == 2, length: pages * page_bytes }, length))
}

/// `home-assistant_v2.db-wal` for `-wal`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A path as an SQLite URI writes it.
fn escaped(path: &Path) -> String {
    let mut uri = String::new();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => uri.push(byte as char),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
