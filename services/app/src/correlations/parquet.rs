//! The Parquet form: the columns of the CSV, with null where nothing can be said.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use wattribute_analysis::Analysis;

use super::{COLUMNS, Row};

/// Rows held in memory at a time.
const ROW_GROUP: usize = 1 << 17;

/// Writes all correlations of `analysis`.
pub fn write(analysis: &Analysis, out: &mut BufWriter<File>) -> anyhow::Result<()> {
    let schema = Arc::new(parse_message_type(&message())?);
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
    let mut writer = SerializedFileWriter::new(&mut *out, schema, Arc::new(properties))?;
    for part in analysis.correlations.chunks(ROW_GROUP) {
        let rows: Vec<Row<'_>> = part.iter().map(|c| Row::new(analysis, c)).collect();
        let mut group = writer.next_row_group()?;
        let at: Vec<i64> = part.iter().map(|c| c.at_ms).collect();
        if let Some(mut column) = group.next_column()? {
            column.typed::<Int64Type>().write_batch(&at, None, None)?;
            column.close()?;
        }
        write_texts(&mut group, rows.iter().map(|r| r.entity_id))?;
        write_texts(&mut group, rows.iter().map(|r| r.from.as_str()))?;
        write_texts(&mut group, rows.iter().map(|r| r.to.as_str()))?;
        for k in 0..6 {
            write_numbers(&mut group, rows.iter().map(|r| r.numbers[k]))?;
        }
        write_texts(&mut group, rows.iter().map(|r| r.verdict))?;
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

fn message() -> String {
    let fields = COLUMNS.map(|name| match name {
        "at" => "required int64 at (TIMESTAMP(MILLIS,true));".to_owned(),
        "entity_id" | "from" | "to" | "verdict" => format!("required binary {name} (UTF8);"),
        _ => format!("optional double {name};"),
    });
    format!("message correlations {{ {} }}", fields.join(" "))
}

fn write_texts<'a>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    texts: impl Iterator<Item = &'a str>,
) -> anyhow::Result<()> {
    let texts: Vec<ByteArray> = texts.map(ByteArray::from).collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
        column.close()?;
    }
    Ok(())
}

fn write_numbers(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    numbers: impl Iterator<Item = Option<f64>>,
) -> anyhow::Result<()> {
    let numbers: Vec<Option<f64>> = numbers.collect();
    let present: Vec<i16> = numbers.iter().map(|x| i16::from(x.is_some())).collect();
    let values: Vec<f64> = numbers.into_iter().flatten().collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<DoubleType>().write_batch(&values, Some(&present), None)?;
        column.close()?;
    }
    Ok(())
}
