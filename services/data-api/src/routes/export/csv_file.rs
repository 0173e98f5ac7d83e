//! The CSV form.

use std::borrow::Cow;

use csv::{Terminator, WriterBuilder};

use super::Written;
use super::table::{Column, Table};
use crate::routes::instant;

/// A CSV file that is being written.
#[derive(Default)]
pub struct CsvFile {
    /// Whether its header is written.
    is_begun: bool,
}

impl Written for CsvFile {
    fn write(&mut self, table: &Table) -> anyhow::Result<Vec<u8>> {
        let mut csv = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::with_capacity(96 * (table.len() + 1)));
        if !std::mem::replace(&mut self.is_begun, true) {
            csv.write_record(table.names.iter().map(|name| name.0))?;
        }
        for k in 0..table.len() {
            for column in &table.columns {
                match column {
                    Column::At(all) => csv.write_field(all.get(k).map(|at_ms| instant(*at_ms)).unwrap_or_default())?,
                    Column::Text(all) => csv.write_field(harmless(all.get(k).map_or("", |text| &**text)).as_bytes())?,
                    Column::Number(all) => match all.get(k).filter(|number| number.is_finite()) {
                        Some(number) => csv.write_field(number.to_string())?,
                        None => csv.write_field("")?,
                    },
                    Column::Flag(all) => csv.write_field(if all.get(k) == Some(&true) { "true" } else { "false" })?,
                }
            }
            csv.write_record(None::<&[u8]>)?;
        }
        Ok(csv.into_inner().map_err(|error| error.into_error())?)
    }

    fn end(self) -> anyhow::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// Text that no spreadsheet takes for a formula.
fn harmless(text: &str) -> Cow<'_, str> {
    match text.trim_start().chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    }
}
