//! Readings as CSV: times in UTC, nothing where a series fell silent.

use std::fs::File;
use std::io::{BufWriter, Write};

use chrono::{DateTime, SecondsFormat};

use super::{COLUMNS, Part, Sink};

/// A file being written.
pub(super) struct Sheet(csv::Writer<BufWriter<File>>);

impl Sheet {
    pub fn begin(file: BufWriter<File>) -> anyhow::Result<Self> {
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(COLUMNS)?;
        Ok(Sheet(writer))
    }
}

impl Sink for Sheet {
    fn add(&mut self, part: &Part<'_>) -> anyhow::Result<()> {
        let [source, device, name, role, quantity] = part.words();
        for (&at_ms, &value) in part.rows.at_ms.iter().zip(&part.rows.value) {
            let at = DateTime::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true);
            let number = if value.is_finite() { value.to_string() } else { String::new() };
            let state = part.state(value).unwrap_or_default();
            self.0.write_record([&at, &source, &device, &name, &role, &quantity, &number, state])?;
        }
        Ok(())
    }

    fn end(self: Box<Self>) -> anyhow::Result<()> {
        let mut file = self.0.into_inner().map_err(|error| error.into_error())?;
        file.flush()?;
        file.get_ref().sync_all()?;
        Ok(())
    }
}
