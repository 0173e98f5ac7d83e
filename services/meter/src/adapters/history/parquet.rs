//! Parquet with the columns of the richer CSV, read column by column without Arrow.

mod column;

use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};

use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;

use self::column::{Cells, Instants, Texts, Times};
use super::collector::Collector;
use super::csv::{Columns, WANTED};
use super::{HistoryError, Progress};

/// Small enough for a batch to stay in the processor's cache on its way from one thread to the other.
const ROWS_PER_BATCH: usize = 8_192;
const BATCHES_IN_FLIGHT: usize = 4;

/// Some rows, column by column.
struct Batch {
    rows: usize,
    ids: Cells<ByteArray>,
    states: Cells<ByteArray>,
    instants: Instants,
    attributes: Option<Cells<ByteArray>>,
}

/// Reads a Parquet file: one thread decodes, this one collects.
pub(super) fn read(
    path: &Path,
    collector: &mut Collector,
    progress: &mut dyn FnMut(Progress<'_>),
) -> std::result::Result<(), HistoryError> {
    let file = File::open(path).map_err(|e| HistoryError::unreadable(path, &e))?;
    let reader = SerializedFileReader::new(file).map_err(|e| damaged(path, &e))?;
    let metadata = reader.metadata().file_metadata();
    let columns = columns(path, metadata.schema_descr())?;
    let total = u64::try_from(metadata.num_rows()).unwrap_or(0);
    let file_name = collector.file().to_owned();

    let (sender, batches) = sync_channel(BATCHES_IN_FLIGHT);
    let mut rows = Rows { collector, naive: false, row: 0, last: None };
    let mut damage = None;
    std::thread::scope(|scope| {
        scope.spawn(move || decode(&reader, columns, &sender));
        for batch in batches {
            match batch {
                Ok(batch) => rows.batch(&batch),
                Err(error) => {
                    rows.collector.malformed(|| format!("after row {}: {}", rows.row, said(&error)));
                    damage.get_or_insert(error);
                }
            }
            progress(Progress { file: &file_name, done: rows.row, total });
        }
    });
    if rows.naive {
        rows.collector.note(format!("Times in {file_name} name no time zone and were read as UTC."));
    }
    match damage {
        Some(error) if rows.row == 0 => Err(damaged(path, &error)),
        Some(_) => {
            rows.collector.note(format!("{file_name} is damaged: {} of its {total} rows could be read.", rows.row));
            Ok(())
        }
        None => Ok(()),
    }
}

fn columns(path: &Path, schema: &SchemaDescriptor) -> std::result::Result<Columns, HistoryError> {
    let flat = |k: usize| schema.column(k).path().parts().len() == 1 && schema.column(k).max_rep_level() == 0;
    // A nested column keeps its place but has no name to be found by.
    let names: Vec<String> =
        (0..schema.num_columns()).map(|k| if flat(k) { schema.column(k).name().to_owned() } else { "(nested)".to_owned() }).collect();
    let columns = Columns::find(path, &names)?;
    let wrong = |name: &str, what: &str| HistoryError::columns(path, format!("column `{name}` of {what}"), WANTED);
    for k in [columns.entity_id, columns.state] {
        if !column::holds_text(&schema.column(k)) {
            return Err(wrong(&names[k], "text"));
        }
    }
    let time = columns.last_updated.or(columns.last_changed).unwrap_or_default();
    if !column::holds_times(&schema.column(time)) {
        return Err(wrong(&names[time], "times"));
    }
    Ok(Columns { attributes: columns.attributes.filter(|k| column::holds_text(&schema.column(*k))), ..columns })
}

/// Sends every row group batch by batch; one that is damaged is given up where it breaks.
fn decode(reader: &SerializedFileReader<File>, columns: Columns, sender: &SyncSender<Result<Batch>>) {
    for group in 0..reader.num_row_groups() {
        if let Err(error) = decode_group(reader, group, columns, sender)
            && sender.send(Err(error)).is_err()
        {
            return;
        }
    }
}

fn decode_group(reader: &SerializedFileReader<File>, group: usize, columns: Columns, sender: &SyncSender<Result<Batch>>) -> Result<()> {
    let group = reader.get_row_group(group)?;
    let schema = group.metadata().schema_descr_ptr();
    let wrong = || ParquetError::General("a column is of another type than its schema says".to_owned());
    let texts = |k: usize| -> Result<Texts> { column::texts(group.get_column_reader(k)?, &schema.column(k)).ok_or_else(wrong) };
    let time = columns.last_updated.or(columns.last_changed).unwrap_or_default();
    let (mut ids, mut states) = (texts(columns.entity_id)?, texts(columns.state)?);
    let mut times = Times::of(group.get_column_reader(time)?, &schema.column(time)).ok_or_else(wrong)?;
    let mut attributes = columns.attributes.map(texts).transpose()?;
    loop {
        let (rows, ids) = ids.read(ROWS_PER_BATCH)?;
        if rows == 0 {
            return Ok(());
        }
        let (states_read, states) = states.read(rows)?;
        let (times_read, instants) = times.read(rows)?;
        let attributes = attributes.as_mut().map(|reader| reader.read(rows)).transpose()?;
        if states_read != rows || times_read != rows || attributes.as_ref().is_some_and(|(read, _)| *read != rows) {
            return Err(ParquetError::General("its columns are not of one length".to_owned()));
        }
        let batch = Batch { rows, ids, states, instants, attributes: attributes.map(|(_, cells)| cells) };
        if sender.send(Ok(batch)).is_err() {
            return Ok(());
        }
    }
}

struct Rows<'a> {
    collector: &'a mut Collector,
    naive: bool,
    row: u64,
    /// Attributes of the row before, the entity they were of and what they were learned as.
    last: Option<(ByteArray, u32, u32)>,
}

impl Rows<'_> {
    fn batch(&mut self, batch: &Batch) {
        let (mut ids, mut states, mut instants) = (batch.ids.iter(), batch.states.iter(), batch.instants.iter());
        let mut attributes = batch.attributes.as_ref().map(Cells::iter);
        for _ in 0..batch.rows {
            self.row += 1;
            let row = self.row;
            let (id, state) = (ids.next().flatten(), states.next().flatten());
            let instant = instants.next().flatten();
            let attributes = attributes.as_mut().and_then(|cells| cells.next().flatten()).filter(|json| !json.is_empty());
            let Some(slot) = id.and_then(|id| self.collector.slot(id.data())) else {
                self.collector.malformed(|| format!("row {row}: no entity_id"));
                continue;
            };
            if self.collector.is_ignored(slot) {
                self.collector.skip();
                continue;
            }
            self.naive |= instant.is_some_and(|(_, naive)| naive);
            let known = self.known(slot, attributes);
            let state = state.map_or(&b""[..], ByteArray::data);
            self.collector.say(slot, known, state, instant.map(|(at_ms, _)| at_ms), || format!("row {row}"));
        }
    }

    fn known(&mut self, slot: u32, attributes: Option<&ByteArray>) -> u32 {
        let Some(json) = attributes else { return self.collector.known(slot, None) };
        match &self.last {
            Some((last, of, known)) if *of == slot && last.data() == json.data() => *known,
            _ => {
                let known = self.collector.known(slot, Some(json.data()));
                self.last = Some((json.clone(), slot, known));
                known
            }
        }
    }
}

fn said(error: &ParquetError) -> String {
    let text = error.to_string();
    if text.contains("Corrupt footer") {
        return "it is cut short, or was still being written".to_owned();
    }
    let text = text.split_once(": ").map_or(text.as_str(), |(_, what)| what);
    text.lines().next().unwrap_or_default().to_lowercase()
}

fn damaged(path: &Path, error: &ParquetError) -> HistoryError {
    HistoryError::damaged(path, said(error))
}
