//! Readings as Parquet: times in UTC to the ms, null where a series fell silent. Partitioned as Hive does, which DuckDB, Spark, Polars and
//! others read as one table.

use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

use anyhow::Context as _;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::{COLUMNS, Part, Sink};

/// Rows held in memory at a time.
const ROW_GROUP: usize = 1 << 17;

type Group<'a> = SerializedRowGroupWriter<'a, BufWriter<File>>;

/// A file being written.
pub(super) struct Table(SerializedFileWriter<BufWriter<File>>);

impl Table {
    pub fn begin(file: BufWriter<File>) -> anyhow::Result<Self> {
        let fields = COLUMNS.map(|name| match name {
            "at" => "required int64 at (TIMESTAMP(MILLIS,true));".to_owned(),
            "value" => "optional double value;".to_owned(),
            "source" | "device" | "quantity" => format!("required binary {name} (UTF8);"),
            _ => format!("optional binary {name} (UTF8);"),
        });
        let schema = Arc::new(parse_message_type(&format!("message readings {{ {} }}", fields.join(" ")))?);
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
        Ok(Table(SerializedFileWriter::new(file, schema, Arc::new(properties))?))
    }
}

impl Sink for Table {
    fn add(&mut self, part: &Part<'_>) -> anyhow::Result<()> {
        let [source, device, name, role, quantity] = part.words();
        for (at_ms, value) in part.rows.at_ms.chunks(ROW_GROUP).zip(part.rows.value.chunks(ROW_GROUP)) {
            let (mut group, count) = (self.0.next_row_group()?, at_ms.len());
            let mut column = group.next_column()?.context("a column is missing")?;
            column.typed::<Int64Type>().write_batch(at_ms, None, None)?;
            column.close()?;
            same(&mut group, &source, count, false)?;
            same(&mut group, &device, count, false)?;
            same(&mut group, &name, count, true)?;
            same(&mut group, &role, count, true)?;
            same(&mut group, &quantity, count, false)?;
            let present: Vec<i16> = value.iter().map(|value| i16::from(value.is_finite())).collect();
            let numbers: Vec<f64> = value.iter().copied().filter(|value| value.is_finite()).collect();
            let mut column = group.next_column()?.context("a column is missing")?;
            column.typed::<DoubleType>().write_batch(&numbers, Some(&present), None)?;
            column.close()?;
            texts(&mut group, value.iter().map(|value| part.state(*value)))?;
            group.close()?;
        }
        Ok(())
    }

    fn end(self: Box<Self>) -> anyhow::Result<()> {
        let file = self.0.into_inner()?.into_inner().map_err(|error| error.into_error())?;
        file.sync_all()?;
        Ok(())
    }
}

/// A column that says the same in all rows; null for nothing where it `may_lack` it.
fn same(group: &mut Group<'_>, text: &str, count: usize, may_lack: bool) -> anyhow::Result<()> {
    if may_lack {
        return texts(group, std::iter::repeat_n(Some(text).filter(|text| !text.is_empty()), count));
    }
    let mut column = group.next_column()?.context("a column is missing")?;
    column.typed::<ByteArrayType>().write_batch(&vec![ByteArray::from(text); count], None, None)?;
    column.close()?;
    Ok(())
}

fn texts<'a>(group: &mut Group<'_>, texts: impl Iterator<Item = Option<&'a str>>) -> anyhow::Result<()> {
    let texts: Vec<Option<&str>> = texts.collect();
    let present: Vec<i16> = texts.iter().map(|text| i16::from(text.is_some())).collect();
    let values: Vec<ByteArray> = texts.into_iter().flatten().map(ByteArray::from).collect();
    let mut column = group.next_column()?.context("a column is missing")?;
    column.typed::<ByteArrayType>().write_batch(&values, Some(&present), None)?;
    column.close()?;
    Ok(())
}
