#![doc = include_str!("README.md")]

mod collector;
mod csv;
mod error;
mod filter;
mod format;
mod nature;
mod parquet;
mod recorder;
mod slot;
#[cfg(test)]
mod tests;
pub(crate) mod time;

use std::path::{Path, PathBuf};

use wattribute_domain::History;

use self::collector::Collector;
pub use self::error::HistoryError;
use self::filter::Filter;
pub(crate) use self::filter::set as patterns;
use self::format::Format;
pub(crate) use self::recorder::energy_preferences;

/// What to read, and what to leave out.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Globs over entity ids (`light.*`) or bare domains (`light`): only these are answered. Empty: all. Sensors of power and
    /// energy are read whatever this says, or the meter could not be found.
    pub include: Vec<String>,
    /// Globs over entity ids or bare domains that are left out, sensors too.
    pub exclude: Vec<String>,
    /// First instant wanted, ms since the epoch. What was said last before it holds from here on.
    pub from_ms: Option<i64>,
    /// First instant no longer wanted, ms since the epoch.
    pub to_ms: Option<i64>,
    /// Ids that are read as sensors whatever else is said, such as those of `--meter`.
    pub keep: Vec<String>,
}

/// How far reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Name of the file being read.
    pub file: &'a str,
    /// Bytes or rows done.
    pub done: u64,
    /// Bytes or rows there are; 0 where that is not known.
    pub total: u64,
}

/// Reads files of any known format, recognised by content, into one history, in order and without repeats.
pub fn read(paths: &[PathBuf], options: &Options, progress: &mut dyn FnMut(Progress<'_>)) -> Result<History, HistoryError> {
    if paths.is_empty() {
        return Err(HistoryError::NothingToRead);
    }
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        files.push((format::recognise(path)?, path));
    }
    // Formats that carry units and device classes first: what they tell of an entity serves those that do not.
    files.sort_by_key(|(format, _)| *format);

    let mut collector = Collector::new(Filter::new(options)?, options.from_ms, options.to_ms);
    for (format, path) in files {
        collector.begin_file(path);
        let rows_before = collector.rows();
        match format {
            Format::Recorder => recorder::read(path, &mut collector, progress)?,
            Format::Parquet => parquet::read(path, &mut collector, progress)?,
            Format::Csv => csv::read(path, &mut collector, progress)?,
        }
        if collector.rows() == rows_before {
            return Err(HistoryError::no_rows(path));
        }
    }
    Ok(collector.finish())
}

/// Makes a history of rows that stand in no file.
pub(crate) struct Rows(Collector);

impl Rows {
    /// Of a place of that name, as messages call it.
    pub(crate) fn of(name: &str) -> Result<Self, HistoryError> {
        let mut collector = Collector::new(Filter::new(&Options::default())?, None, None);
        collector.begin_file(Path::new(name));
        Ok(Rows(collector))
    }

    /// The entity was in `state` at `at_ms`, with these attributes (JSON) where they are known.
    pub(crate) fn say(&mut self, entity_id: &str, state: &str, attributes: Option<&str>, at_ms: i64) {
        let collector = &mut self.0;
        let Some(slot) = collector.slot(entity_id.as_bytes()) else {
            return collector.malformed(|| format!("`{entity_id}` is no entity id"));
        };
        if collector.is_ignored(slot) {
            return collector.skip();
        }
        let known = collector.known(slot, attributes.map(str::as_bytes));
        collector.say(slot, known, state.as_bytes(), time::usable(at_ms), || format!("at {at_ms} ms"));
    }

    /// The history, in order and without repeats.
    pub(crate) fn finish(self) -> History {
        self.0.finish()
    }
}
