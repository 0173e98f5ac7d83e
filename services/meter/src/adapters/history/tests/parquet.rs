//! Parquet in the ways that polars, pandas and DuckDB write it.

use std::fs::File;
use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::column::writer::ColumnWriter;
use ::parquet::data_type::ByteArray;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use rstest::rstest;

use super::*;

/// A row: entity, state, ms after [`T0_MS`], attributes; `None` is null.
type Row = (Option<&'static str>, Option<&'static str>, Option<i64>, Option<&'static str>);

const ROWS: [Row; 6] = [
    (Some("sensor.house_power"), Some("250.5"), Some(0), Some(POWER)),
    (Some("light.hall"), Some("on"), Some(250), Some(r#"{"brightness":51}"#)),
    (Some("sensor.house_power"), Some("unavailable"), Some(10_000), Some(POWER)),
    (Some("light.hall"), Some("on"), Some(12_125), Some(r#"{"brightness":102}"#)),
    (Some("light.hall"), Some("off"), Some(20_000), None),
    (Some("sensor.house_power"), Some("262.5"), Some(20_000), Some(POWER)),
];

#[derive(Clone, Copy)]
enum Time {
    Ms,
    Us,
    Ns,
    WholeSeconds,
    Seconds,
    Text,
}

fn schema(time: Time, columns: &str) -> String {
    let time = match time {
        Time::Ms => "optional int64 last_updated (TIMESTAMP(MILLIS,true));",
        Time::Us => "optional int64 last_updated (TIMESTAMP(MICROS,true));",
        Time::Ns => "optional int64 last_updated (TIMESTAMP(NANOS,true));",
        Time::WholeSeconds => "optional int64 last_updated;",
        Time::Seconds => "optional double last_updated;",
        Time::Text => "optional binary last_updated (UTF8);",
    };
    format!("message history {{ {} }}", columns.replace("TIME;", time))
}

const COLUMNS: &str = "optional binary entity_id (UTF8); optional binary state (UTF8); TIME; optional binary attributes (UTF8);";

fn write(path: &Path, time: Time, groups: &[&[Row]], dictionary: bool) {
    let schema = Arc::new(parse_message_type(&schema(time, COLUMNS)).unwrap());
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).set_dictionary_enabled(dictionary);
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(properties.build())).unwrap();
    for rows in groups {
        let mut group = writer.next_row_group().unwrap();
        for k in 0..4 {
            let text: Vec<Option<ByteArray>> = rows.iter().map(|row| [row.0, row.1, None, row.3][k].map(ByteArray::from)).collect();
            let at_ms: Vec<Option<i64>> = rows.iter().map(|row| row.2.map(|ms| T0_MS + ms)).collect();
            let mut column = group.next_column().unwrap().unwrap();
            match (column.untyped(), time, k) {
                (ColumnWriter::ByteArrayColumnWriter(w), Time::Text, 2) => {
                    let text =
                        |ms: i64| ByteArray::from(format!("2023-11-14 22:13:{:06.3}", 20.0 + (ms - T0_MS) as f64 / 1000.0).into_bytes());
                    put(&at_ms, text, |values, levels| w.write_batch(values, Some(levels), None).map(drop));
                }
                (ColumnWriter::ByteArrayColumnWriter(w), ..) => {
                    put(&text, |t| t, |values, levels| w.write_batch(values, Some(levels), None).map(drop));
                }
                (ColumnWriter::DoubleColumnWriter(w), ..) => {
                    put(&at_ms, |ms| ms as f64 / 1000.0, |values, levels| w.write_batch(values, Some(levels), None).map(drop));
                }
                (ColumnWriter::Int64ColumnWriter(w), ..) => {
                    let whole = |ms: i64| match time {
                        Time::Us => ms * 1000,
                        Time::Ns => ms * 1_000_000,
                        Time::WholeSeconds => ms / 1000,
                        _ => ms,
                    };
                    put(&at_ms, whole, |values, levels| w.write_batch(values, Some(levels), None).map(drop));
                }
                _ => panic!("a column of an unexpected type"),
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
}

fn put<A: Clone, B>(cells: &[Option<A>], as_written: impl Fn(A) -> B, write: impl FnOnce(&[B], &[i16]) -> ::parquet::errors::Result<()>) {
    let values: Vec<B> = cells.iter().flatten().cloned().map(as_written).collect();
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    write(&values, &levels).unwrap();
}

#[rstest]
#[case::ms(Time::Ms, true)]
#[case::us(Time::Us, true)]
#[case::ns(Time::Ns, false)]
#[case::seconds_as_float(Time::Seconds, true)]
#[case::text(Time::Text, false)]
fn every_way_of_writing_a_time_says_the_same(#[case] time: Time, #[case] dictionary: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.bin");
    write(&path, time, &[&ROWS[..2], &ROWS[2..]], dictionary);
    let history = read_one(&path);
    assert_eq!(ids(&history), ["sensor.house_power", "light.hall"]);
    assert_eq!(sensor(&history, "sensor.house_power").unit.as_deref(), Some("W"));
    assert_eq!(readings(&history, "sensor.house_power"), [(0.0, Some(250.5)), (10.0, None), (20.0, Some(262.5))]);
    assert_eq!(said(&history, "light.hall"), levels(&[(0.25, "on 0.20"), (12.125, "on 0.40"), (20.0, "off")]));
    assert_eq!((history.rows, history.bad.left_out()), (6, 0));
    assert_eq!(history.notes.len(), usize::from(matches!(time, Time::Text)));
}

#[test]
fn whole_seconds_are_told_by_their_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.parquet");
    write(&path, Time::WholeSeconds, &[&ROWS], true);
    assert_eq!(readings(&read_one(&path), "sensor.house_power"), [(0.0, Some(250.5)), (10.0, None), (20.0, Some(262.5))]);
}

#[test]
fn rows_with_nulls_are_counted_and_keep_the_columns_in_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.parquet");
    let rows = [
        (None, Some("1"), Some(0), None),
        (Some("sensor.p"), Some("1"), Some(1000), Some(POWER)),
        (Some("sensor.p"), None, Some(2000), Some(POWER)),
        (Some("sensor.p"), Some("3"), None, Some(POWER)),
        (Some("sensor.p"), Some("4"), Some(4000), None),
    ];
    write(&path, Time::Ms, &[&rows], true);
    let history = read_one(&path);
    assert_eq!(readings(&history, "sensor.p"), [(1.0, Some(1.0)), (2.0, None), (4.0, Some(4.0))]);
    assert_eq!((history.bad.malformed, history.bad.no_time, history.bad.not_a_number), (1, 1, 0));
    assert_eq!(history.bad.first.as_deref(), Some("history.parquet row 1: no entity_id"));
}

#[rstest]
#[case(
    "required binary entity_id (UTF8); TIME;",
    "history.parquet has no column `state`: a history has the columns entity_id, state and last_changed or last_updated, and perhaps attributes; found entity_id, last_updated"
)]
#[case(
    "required binary entity_id (UTF8); required double state; TIME;",
    "history.parquet has no column `state` of text: a history has the columns entity_id, state and last_changed or last_updated, and perhaps attributes"
)]
#[case(
    "required binary entity_id (UTF8); required binary state (UTF8); required boolean last_changed;",
    "history.parquet has no column `last_changed` of times: a history has the columns entity_id, state and last_changed or last_updated, and perhaps attributes"
)]
#[case(
    "required binary entity_id (UTF8); required binary state (UTF8); TIME;",
    "history.parquet holds no rows: nothing was recorded in it"
)]
fn a_file_that_is_no_history_is_one_clear_line(#[case] columns: &str, #[case] line: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.parquet");
    let schema = Arc::new(parse_message_type(&schema(Time::Ms, columns)).unwrap());
    SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::default()).unwrap().close().unwrap();
    assert_eq!(error_of(&path), line);
}

#[test]
fn a_file_cut_short_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.parquet");
    write(&path, Time::Ms, &[&ROWS], true);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
    assert_eq!(error_of(&path), "history.parquet is damaged: it is cut short, or was still being written; give a whole copy of it");
}

#[test]
fn a_damaged_row_group_leaves_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.parquet");
    write(&path, Time::Ms, &[&ROWS[..3], &ROWS[3..]], false);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4..60].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let history = read_one(&path);
    assert_eq!(readings(&history, "sensor.house_power"), [(20.0, Some(262.5))]);
    assert_eq!(history.bad.malformed, 1);
    assert_eq!(history.notes, ["history.parquet is damaged: 3 of its 6 rows could be read."]);
}
