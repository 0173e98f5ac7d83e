//! What a query finds.

use super::answer::Value;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// A number.
    Real(f64),
    /// Text.
    Text(String),
}

impl Cell {
    fn of(value: &Value) -> Self {
        match value {
            Value::Flag(flag) => Cell::Flag(*flag),
            Value::Text(text) => Cell::Text(text.clone().into_owned()),
            Value::Number("-0") => Cell::Real(-0.0),
            Value::Number(text) => match text.parse() {
                Ok(whole) => Cell::Whole(whole),
                Err(_) => text.parse().map_or(Cell::Null, Cell::Real),
            },
            _ => Cell::Null,
        }
    }

    /// As a number.
    pub fn number(&self) -> Option<f64> {
        match self {
            Cell::Whole(whole) => Some(*whole as f64),
            Cell::Real(real) => Some(*real),
            _ => None,
        }
    }

    /// As a whole number.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Cell::Whole(whole) => Some(*whole),
            Cell::Real(real) if real.fract() == 0.0 && real.abs() < 9e15 => Some(*real as i64),
            _ => None,
        }
    }

    /// As a text.
    pub fn text(&self) -> Option<&str> {
        if let Cell::Text(text) = self { Some(text) } else { None }
    }
}

/// Rows of one series of a measurement.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The measurement.
    pub name: String,
    /// Tags that it was grouped by.
    pub tags: Vec<(String, String)>,
    /// Names of the columns; the first is `time`.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<Cell>>,
    /// Whether there is more of it to come.
    pub goes_on: bool,
}

impl Table {
    /// As it stands in the answer.
    pub fn of(series: &Value) -> Self {
        let texts = |value: &Value| value.list().iter().filter_map(|v| v.text().map(str::to_owned)).collect();
        let tags = match series.get("tags") {
            Some(Value::Object(all)) => {
                all.iter().map(|(key, value)| (key.to_string(), value.text().unwrap_or_default().to_owned())).collect()
            }
            _ => Vec::new(),
        };
        let rows = series.get("values").map(Value::list).unwrap_or_default();
        Table {
            name: series.get("name").and_then(Value::text).unwrap_or_default().to_owned(),
            tags,
            columns: series.get("columns").map(texts).unwrap_or_default(),
            rows: rows.iter().map(|row| row.list().iter().map(Cell::of).collect()).collect(),
            goes_on: series.get("partial").is_some_and(Value::is_true),
        }
    }

    /// Whether another part is of the same series.
    pub fn is_like(&self, other: &Table) -> bool {
        self.name == other.name && self.tags == other.tags && self.columns == other.columns
    }

    /// Takes in the next part.
    pub fn extend(&mut self, next: Table) {
        self.rows.extend(next.rows);
        self.goes_on = next.goes_on;
    }

    /// A tag it was grouped by.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// The number of the series that it was grouped by.
    pub fn series(&self) -> Option<u32> {
        self.tag("series")?.parse().ok()
    }

    /// Where a column stands.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|known| known == name)
    }
}

/// A row's instant.
pub fn at(row: &[Cell]) -> Option<i64> {
    row.first()?.whole()
}
