//! One column of a row group, a batch of rows at a time.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type, Int96, Int96Type};
use parquet::errors::Result;
use parquet::schema::types::ColumnDescriptor;

use super::super::time;

/// Values of a batch; those that are null take no room.
#[derive(Default)]
pub(super) struct Cells<T> {
    values: Vec<T>,
    /// Whether there is a value, row by row, as a number that the column's `full` stands for. Empty: there always is.
    levels: Vec<i16>,
    full: i16,
}

impl<T> Cells<T> {
    /// The cells from the first row to the last.
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<&T>> {
        let mut values = self.values.iter();
        let mut levels = self.levels.iter();
        let required = self.full == 0;
        std::iter::from_fn(move || {
            if required || levels.next().copied()? == self.full {
                let value = values.next();
                if required && value.is_none() { None } else { Some(value) }
            } else {
                Some(None)
            }
        })
    }
}

/// Reads a column batch by batch.
pub(super) struct Reader<D: DataType> {
    reader: ColumnReaderImpl<D>,
    full: i16,
}

impl<D: DataType> Reader<D> {
    fn new(reader: ColumnReaderImpl<D>, column: &ColumnDescriptor) -> Self {
        Reader { reader, full: column.max_def_level() }
    }

    /// The next `rows` rows, or fewer at the end.
    pub(super) fn read(&mut self, rows: usize) -> Result<(usize, Cells<D::T>)> {
        let mut cells = Cells { values: Vec::with_capacity(rows), levels: Vec::new(), full: self.full };
        let levels = if self.full == 0 { None } else { Some(&mut cells.levels) };
        let (rows, ..) = self.reader.read_records(rows, levels, None, &mut cells.values)?;
        Ok((rows, cells))
    }
}

/// A column of text.
pub(super) type Texts = Reader<ByteArrayType>;

/// A column of text, if it is one.
pub(super) fn texts(reader: ColumnReader, column: &ColumnDescriptor) -> Option<Texts> {
    match reader {
        ColumnReader::ByteArrayColumnReader(reader) => Some(Reader::new(reader, column)),
        _ => None,
    }
}

/// A column of times, in any of the ways they are written.
pub(super) enum Times {
    /// Whole units since 1970; the divisor makes them ms, 0 where it is told by size.
    Whole(Reader<Int64Type>, i64),
    Seconds(Reader<DoubleType>),
    Text(Reader<ByteArrayType>),
    Old(Reader<Int96Type>),
}

/// Times of a batch.
pub(super) enum Instants {
    Whole(Cells<i64>, i64),
    Seconds(Cells<f64>),
    Text(Cells<ByteArray>),
    Old(Cells<Int96>),
}

/// Whether a column can hold times, or texts.
pub(super) fn holds_times(column: &ColumnDescriptor) -> bool {
    matches!(column.physical_type(), Type::INT64 | Type::DOUBLE | Type::BYTE_ARRAY | Type::INT96)
}

/// Whether a column can hold text.
pub(super) fn holds_text(column: &ColumnDescriptor) -> bool {
    column.physical_type() == Type::BYTE_ARRAY
}

impl Times {
    /// A column of times, if it is one.
    pub(super) fn of(reader: ColumnReader, column: &ColumnDescriptor) -> Option<Self> {
        Some(match reader {
            ColumnReader::Int64ColumnReader(reader) => Times::Whole(Reader::new(reader, column), per_ms(column)),
            ColumnReader::DoubleColumnReader(reader) => Times::Seconds(Reader::new(reader, column)),
            ColumnReader::ByteArrayColumnReader(reader) => Times::Text(Reader::new(reader, column)),
            ColumnReader::Int96ColumnReader(reader) => Times::Old(Reader::new(reader, column)),
            _ => return None,
        })
    }

    pub(super) fn read(&mut self, rows: usize) -> Result<(usize, Instants)> {
        Ok(match self {
            Times::Whole(reader, per_ms) => {
                let (rows, cells) = reader.read(rows)?;
                (rows, Instants::Whole(cells, *per_ms))
            }
            Times::Seconds(reader) => reader.read(rows).map(|(rows, cells)| (rows, Instants::Seconds(cells)))?,
            Times::Text(reader) => reader.read(rows).map(|(rows, cells)| (rows, Instants::Text(cells)))?,
            Times::Old(reader) => reader.read(rows).map(|(rows, cells)| (rows, Instants::Old(cells)))?,
        })
    }
}

impl Instants {
    /// Times from the first row to the last, in ms, `None` where there is no usable one; and whether one was without a zone.
    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = Option<(i64, bool)>> + '_> {
        let told = |at_ms: Option<i64>| at_ms.map(|at_ms| (at_ms, false));
        match self {
            Instants::Whole(cells, 0) => Box::new(cells.iter().map(move |cell| told(cell.and_then(|n| time::from_number(*n as f64))))),
            Instants::Whole(cells, 1) => Box::new(cells.iter().map(move |cell| told(cell.and_then(|n| time::usable(*n))))),
            Instants::Whole(cells, per_ms) => {
                Box::new(cells.iter().map(move |cell| told(cell.and_then(|n| time::usable(n.div_euclid(*per_ms))))))
            }
            Instants::Seconds(cells) => Box::new(cells.iter().map(move |cell| told(cell.and_then(|n| time::from_number(*n))))),
            Instants::Text(cells) => {
                Box::new(cells.iter().map(|cell| cell.and_then(|text| time::parse(text.data())).map(|i| (i.at_ms, i.naive))))
            }
            Instants::Old(cells) => Box::new(cells.iter().map(move |cell| told(cell.and_then(|n| time::usable(n.to_millis()))))),
        }
    }
}

fn per_ms(column: &ColumnDescriptor) -> i64 {
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(stamp)), _) => match stamp.unit {
            TimeUnit::MILLIS => 1,
            TimeUnit::MICROS => 1_000,
            TimeUnit::NANOS => 1_000_000,
        },
        (_, ConvertedType::TIMESTAMP_MILLIS) => 1,
        (_, ConvertedType::TIMESTAMP_MICROS) => 1_000,
        _ => 0,
    }
}
