//! Columns of figures under a heading of two lines.

use crate::text;

/// A column of figures, right-aligned; the tails (`± 4`) are left-aligned behind them.
pub struct Column {
    heading: [String; 2],
    cells: Vec<(String, String)>,
}

impl Column {
    /// A column without tails.
    pub fn new(heading: [&str; 2], cells: impl Iterator<Item = String>) -> Self {
        Column::with_tails(heading, cells.map(|cell| (cell, String::new())))
    }

    /// A column with tails.
    pub fn with_tails(heading: [&str; 2], cells: impl Iterator<Item = (String, String)>) -> Self {
        Column { heading: heading.map(str::to_owned), cells: cells.collect() }
    }

    fn figures(&self) -> usize {
        self.cells.iter().map(|(figure, _)| text::width(figure)).max().unwrap_or(0)
    }

    fn tails(&self) -> usize {
        self.cells.iter().map(|(_, tail)| text::width(tail)).max().unwrap_or(0)
    }

    /// Cells in a line that the column takes.
    pub fn width(&self) -> usize {
        let heading = self.heading.iter().map(|h| text::width(h)).max().unwrap_or(0);
        heading.max(self.figures() + self.tails())
    }

    /// One of the two lines of the heading.
    pub fn heading(&self, line: usize) -> String {
        let heading = &self.heading[line];
        match self.tails() {
            0 => text::right(heading, self.width()),
            tails => text::right(&text::left(&text::right(heading, self.width() - tails), self.width()), self.width()),
        }
    }

    /// The figure in a row.
    pub fn cell(&self, row: usize) -> String {
        let (figure, tail) = self.cells.get(row).map_or(("", ""), |(figure, tail)| (figure, tail));
        let tails = self.tails();
        text::right(figure, self.width() - tails) + &text::left(tail, tails)
    }
}
