//! Columns of text, for people.

/// Lines of columns, each as wide as what stands in it needs, two spaces before the first and between them.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let widths: [usize; N] = std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0) + 2);
    let line = |row: &[String; N]| {
        let cells: String = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("  {}", cells.trim_end())
    };
    rows.iter().map(line).collect()
}
