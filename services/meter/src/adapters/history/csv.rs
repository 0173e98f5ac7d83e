//! Home Assistant's history export, and richer CSV with `last_updated` and `attributes`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use super::collector::Collector;
use super::{HistoryError, Progress, time};

const ROWS_PER_PROGRESS: u64 = 20_000;

/// What a history needs, as errors say it.
pub(super) const WANTED: &str = "a history has the columns entity_id, state and last_changed or last_updated, and perhaps attributes";

/// Where the columns are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub entity_id: usize,
    pub state: usize,
    pub last_updated: Option<usize>,
    pub last_changed: Option<usize>,
    pub attributes: Option<usize>,
}

impl Columns {
    /// Finds them by name, in any order; others are passed over.
    pub(super) fn find(path: &Path, names: &[String]) -> Result<Self, HistoryError> {
        let find = |wanted: &str| names.iter().position(|name| name.trim().eq_ignore_ascii_case(wanted));
        let missing = |column: &str| {
            let mut found = names.iter().take(8).map(|name| name.trim().chars().take(30).collect()).collect::<Vec<String>>().join(", ");
            if names.len() > 8 {
                found.push_str(", …");
            }
            HistoryError::columns(path, column, format!("{WANTED}; found {found}"))
        };
        let columns = Columns {
            entity_id: find("entity_id").ok_or_else(|| missing("column `entity_id`"))?,
            state: find("state").ok_or_else(|| missing("column `state`"))?,
            last_updated: find("last_updated").or_else(|| find("last_updated_ts")),
            last_changed: find("last_changed").or_else(|| find("last_changed_ts")),
            attributes: find("attributes").or_else(|| find("shared_attrs")),
        };
        if columns.last_updated.or(columns.last_changed).is_none() {
            return Err(missing("column `last_updated` or `last_changed`"));
        }
        Ok(columns)
    }
}

/// Reads a CSV file with a header.
pub(super) fn read(path: &Path, collector: &mut Collector, progress: &mut dyn FnMut(Progress<'_>)) -> Result<(), HistoryError> {
    let unreadable = |e: std::io::Error| HistoryError::unreadable(path, &e);
    let file_name = collector.file().to_owned();
    let file = File::open(path).map_err(unreadable)?;
    let total = file.metadata().map_or(0, |m| m.len());
    let mut reader = BufReader::with_capacity(1 << 18, file);
    if reader.fill_buf().map_err(unreadable)?.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    let delimiter = delimiter(reader.fill_buf().map_err(unreadable)?);
    let mut csv = ReaderBuilder::new().delimiter(delimiter).quoting(delimiter != b'\t').flexible(true).from_reader(reader);
    let header = csv.byte_headers().map_err(|e| broken(path, &e))?;
    let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let columns = Columns::find(path, &names)?;

    let mut rows = Rows { collector, columns, naive: false };
    let mut record = ByteRecord::new();
    let mut count = 0u64;
    while csv.read_byte_record(&mut record).map_err(|e| broken(path, &e))? {
        rows.row(&record);
        count += 1;
        if count.is_multiple_of(ROWS_PER_PROGRESS) {
            progress(Progress { file: &file_name, done: csv.position().byte(), total });
        }
    }
    if rows.naive {
        rows.collector.note(format!("Times in {file_name} name no time zone and were read as UTC."));
    }
    progress(Progress { file: &file_name, done: total, total });
    Ok(())
}

struct Rows<'a> {
    collector: &'a mut Collector,
    columns: Columns,
    naive: bool,
}

impl Rows<'_> {
    fn row(&mut self, record: &ByteRecord) {
        let line = || format!("line {}", record.position().map_or(0, csv::Position::line));
        let field = |k: usize| record.get(k);
        let (Some(id), Some(state)) = (field(self.columns.entity_id), field(self.columns.state)) else {
            return self.collector.malformed(|| format!("{}: too few fields", line()));
        };
        let Some(slot) = self.collector.slot(id) else {
            return self.collector.malformed(|| format!("{}: no entity_id", line()));
        };
        if self.collector.is_ignored(slot) {
            return self.collector.skip();
        }
        let instant = |k: Option<usize>| k.and_then(field).and_then(time::parse);
        let instant = instant(self.columns.last_updated).or_else(|| instant(self.columns.last_changed));
        self.naive |= instant.is_some_and(|instant| instant.naive);

        let attributes = self.columns.attributes.and_then(field).filter(|json| !json.is_empty());
        let known = self.collector.known(slot, attributes);
        self.collector.say(slot, known, state, instant.map(|instant| instant.at_ms), line);
    }
}

/// The separator that the first line has most of.
fn delimiter(head: &[u8]) -> u8 {
    let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| line.iter().filter(|b| **b == delimiter).count();
    // The first of equals is the last that `max_by_key` sees.
    [b'\t', b';', b','].into_iter().max_by_key(|d| count(*d)).unwrap_or(b',')
}

fn broken(path: &Path, error: &csv::Error) -> HistoryError {
    match error.kind() {
        csv::ErrorKind::Io(e) => HistoryError::unreadable(path, e),
        _ => HistoryError::damaged(path, error.to_string().to_lowercase()),
    }
}
