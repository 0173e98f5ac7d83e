//! The Parquet form: a file is written from front to back, so that what is written can be sent at once.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::Written;
use super::table::{Column, Kind, Name, Table};

/// Rows of a group: what is held in memory at a time.
const ROW_GROUP: usize = 1 << 17;

/// Bytes that are written and not sent yet; clones share them.
#[derive(Clone, Default)]
struct Unsent(Arc<Mutex<Vec<u8>>>);

impl Unsent {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Unsent {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A Parquet file that is being written.
pub struct ParquetFile {
    writer: SerializedFileWriter<Unsent>,
    unsent: Unsent,
    /// Rows that wait for their group to be full.
    rows: Table,
}

impl ParquetFile {
    /// A file with these columns.
    pub fn begin(names: &'static [Name]) -> anyhow::Result<Self> {
        let schema = Arc::new(parse_message_type(&message(names))?);
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
        let unsent = Unsent::default();
        let writer = SerializedFileWriter::new(unsent.clone(), schema, Arc::new(properties))?;
        Ok(ParquetFile { writer, unsent, rows: Table::new(names) })
    }

    fn write_group(&mut self) -> anyhow::Result<()> {
        let names = self.rows.names;
        let rows = std::mem::replace(&mut self.rows, Table::new(names));
        let mut group = self.writer.next_row_group()?;
        for values in rows.columns {
            let Some(mut column) = group.next_column()? else { break };
            match values {
                Column::At(all) => column.typed::<Int64Type>().write_batch(&all, None, None)?,
                Column::Text(all) => {
                    let all: Vec<ByteArray> = all.iter().map(|text| ByteArray::from(&**text)).collect();
                    column.typed::<ByteArrayType>().write_batch(&all, None, None)?
                }
                Column::Number(all) => {
                    let present: Vec<i16> = all.iter().map(|number| i16::from(number.is_finite())).collect();
                    let numbers: Vec<f64> = all.into_iter().filter(|number| number.is_finite()).collect();
                    column.typed::<DoubleType>().write_batch(&numbers, Some(&present), None)?
                }
                Column::Flag(all) => column.typed::<BoolType>().write_batch(&all, None, None)?,
            };
            column.close()?;
        }
        group.close()?;
        Ok(())
    }
}

impl Written for ParquetFile {
    fn write(&mut self, table: &Table) -> anyhow::Result<Vec<u8>> {
        self.rows.append(table);
        if self.rows.len() >= ROW_GROUP {
            self.write_group()?;
        }
        Ok(self.unsent.take())
    }

    fn end(mut self) -> anyhow::Result<Vec<u8>> {
        if self.rows.len() > 0 {
            self.write_group()?;
        }
        self.writer.close()?;
        Ok(self.unsent.take())
    }
}

fn message(names: &[Name]) -> String {
    let fields: Vec<String> = names
        .iter()
        .map(|Name(name, kind)| match kind {
            Kind::At => format!("required int64 {name} (TIMESTAMP(MILLIS,true));"),
            Kind::Text => format!("required binary {name} (UTF8);"),
            Kind::Number => format!("optional double {name};"),
            Kind::Flag => format!("required boolean {name};"),
        })
        .collect();
    format!("message wattribute {{ {} }}", fields.join(" "))
}
