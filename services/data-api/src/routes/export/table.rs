//! Rows of an export, column by column.

use std::sync::Arc;

/// Name and kind of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name(pub &'static str, pub Kind);

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Instants.
    At,
    /// Text; never missing.
    Text,
    /// Numbers, some of which may be missing.
    Number,
    /// Yes or no.
    Flag,
}

/// The values of a column.
#[derive(Debug)]
pub enum Column {
    /// ms since the epoch.
    At(Vec<i64>),
    /// Text.
    Text(Vec<Arc<str>>),
    /// Numbers; `NaN` where there is none.
    Number(Vec<f64>),
    /// Yes or no.
    Flag(Vec<bool>),
}

/// Some rows, with columns of equal length.
#[derive(Debug)]
pub struct Table {
    pub names: &'static [Name],
    pub columns: Vec<Column>,
}

/// A value of a row.
pub enum Value {
    At(i64),
    Text(Arc<str>),
    Number(f64),
    Flag(bool),
}

impl Table {
    /// A table without rows.
    pub fn new(names: &'static [Name]) -> Self {
        let column = |name: &Name| match name.1 {
            Kind::At => Column::At(Vec::new()),
            Kind::Text => Column::Text(Vec::new()),
            Kind::Number => Column::Number(Vec::new()),
            Kind::Flag => Column::Flag(Vec::new()),
        };
        Table { names, columns: names.iter().map(column).collect() }
    }

    /// Adds a row, whose values are of the kinds of the columns.
    pub fn push<const N: usize>(&mut self, row: [Value; N]) {
        debug_assert_eq!(N, self.columns.len(), "a value for each column");
        for (column, value) in self.columns.iter_mut().zip(row) {
            match (column, value) {
                (Column::At(all), Value::At(at_ms)) => all.push(at_ms),
                (Column::Text(all), Value::Text(text)) => all.push(text),
                (Column::Number(all), Value::Number(number)) => all.push(number),
                (Column::Flag(all), Value::Flag(flag)) => all.push(flag),
                _ => debug_assert!(false, "a value is of the kind of its column"),
            }
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |column| match column {
            Column::At(all) => all.len(),
            Column::Text(all) => all.len(),
            Column::Number(all) => all.len(),
            Column::Flag(all) => all.len(),
        })
    }

    /// Adds the rows of another table of the same columns.
    pub fn append(&mut self, other: &Table) {
        for (column, more) in self.columns.iter_mut().zip(&other.columns) {
            match (column, more) {
                (Column::At(all), Column::At(more)) => all.extend_from_slice(more),
                (Column::Text(all), Column::Text(more)) => all.extend_from_slice(more),
                (Column::Number(all), Column::Number(more)) => all.extend_from_slice(more),
                (Column::Flag(all), Column::Flag(more)) => all.extend_from_slice(more),
                _ => debug_assert!(false, "tables have the same columns"),
            }
        }
    }
}
