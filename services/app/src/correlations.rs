//! `--correlations`: every state change with the step around it, as CSV or Parquet.

mod parquet;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use chrono::{DateTime, SecondsFormat};
use wattribute_analysis::Analysis;
use wattribute_domain::{Correlation, CorrelationVerdict, Level};

use crate::output;

/// Columns, in order.
const COLUMNS: [&str; 11] = [
    "at",
    "entity_id",
    "from",
    "to",
    "power_before_w",
    "power_after_w",
    "power_delta_w",
    "power_delta_pct",
    "standard_error_w",
    "explained_w",
    "verdict",
];

/// What the file is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Csv,
    Parquet,
}

/// A place for correlations that is known to be usable.
pub struct Target {
    path: PathBuf,
    format: Format,
}

impl Target {
    /// Checks the name and the place before any work is done; `inputs` must not be written over.
    pub fn new(path: &Path, inputs: &[PathBuf]) -> anyhow::Result<Self> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        let format = match extension.as_deref() {
            Some("csv") => Format::Csv,
            Some("parquet") => Format::Parquet,
            _ => bail!("--correlations {}: the name must end in .csv or .parquet", path.display()),
        };
        output::check_writable(path, inputs)?;
        Ok(Target { path: path.to_owned(), format })
    }

    /// Writes the whole file.
    pub fn write(&self, analysis: &Analysis) -> anyhow::Result<()> {
        output::write_whole(&self.path, |out| match self.format {
            Format::Csv => write_csv(analysis, out),
            Format::Parquet => parquet::write(analysis, out),
        })
    }
}

fn write_csv(analysis: &Analysis, out: &mut impl Write) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(COLUMNS)?;
    for correlation in &analysis.correlations {
        let row = Row::new(analysis, correlation);
        let at = DateTime::from_timestamp_millis(correlation.at_ms).map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true));
        csv.write_field(at.unwrap_or_default())?;
        for field in [row.entity_id, &row.from, &row.to] {
            csv.write_field(field)?;
        }
        for number in row.numbers {
            csv.write_field(number.map(|x| format!("{x:.2}")).unwrap_or_default())?;
        }
        csv.write_field(row.verdict)?;
        csv.write_record(None::<&[u8]>)?;
    }
    Ok(csv.flush()?)
}

/// One state change in words and numbers.
struct Row<'a> {
    entity_id: &'a str,
    from: String,
    to: String,
    /// Before, after, delta, delta in percent of before, standard error, explained.
    numbers: [Option<f64>; 6],
    verdict: &'static str,
}

impl<'a> Row<'a> {
    fn new(analysis: &'a Analysis, correlation: &Correlation) -> Self {
        let (entity_id, modes) = analysis.entities.get(correlation.entity as usize).map_or(("", [].as_slice()), |(id, modes)| (id, modes));
        let (before, after) = (correlation.power_before_w, correlation.power_after_w);
        let percent = if before == 0.0 { f64::NAN } else { 100.0 * (after - before) / before.abs() };
        let numbers = [before, after, after - before, percent, correlation.standard_error_w, correlation.explained_w];
        Row {
            entity_id,
            from: said(correlation.from, modes),
            to: said(correlation.to, modes),
            numbers: numbers.map(|x| x.is_finite().then_some(x)),
            verdict: match correlation.verdict {
                CorrelationVerdict::Clean => "clean",
                CorrelationVerdict::Overlapping => "overlapping",
                CorrelationVerdict::Noisy => "noisy",
                CorrelationVerdict::NoData => "no_data",
            },
        }
    }
}

/// A level as people say it: `off`, `on`, `on 50 %`, `heating`.
fn said(level: Level, modes: &[String]) -> String {
    if level.is_off() {
        return "off".to_owned();
    }
    let mode = modes.get(usize::from(level.mode)).map_or("on", String::as_str);
    match f64::from(level.fraction) * 100.0 {
        percent if percent < 99.5 => format!("{mode} {percent:.0} %"),
        _ => mode.to_owned(),
    }
}

#[cfg(test)]
mod tests;
