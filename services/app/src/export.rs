//! `export`: readings out of the store, a file for each month.

mod csv;
mod parquet;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use chrono_tz::Tz;
use wattribute_domain::{Level, Quantity, Series, SeriesId, SeriesInfo};
use wattribute_store::{Origin, Store};

use crate::config::{self, Services};
use crate::instant::Moment;
use crate::number;
use crate::run::{Arguments, open_store, runtime, store_url};

/// What `export` takes.
#[derive(clap::Args, Debug)]
pub struct ExportArguments {
    /// Folder that the files go to; files of the same months are written anew
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// What is written
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// First day or instant, such as 2026-03-01
    #[arg(long, value_name = "DATE")]
    from: Option<Moment>,
    /// Last day or instant (not included)
    #[arg(long, value_name = "DATE")]
    to: Option<Moment>,
    #[command(flatten)]
    all: Arguments,
    /// Of the made-up home of `wattribute demo`
    #[arg(long)]
    demo: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// readings-2026-03.csv for each month
    Csv,
    /// year=2026/month=03/readings.parquet for each month
    Parquet,
}

/// Columns, in both forms.
const COLUMNS: [&str; 8] = ["at", "source", "device", "name", "role", "quantity", "value", "state"];

/// The rows of one series in one month.
struct Part<'a> {
    info: &'a SeriesInfo,
    rows: Series,
}

impl Part<'_> {
    /// What the series is, as its columns say it: source, device, name, role, quantity.
    fn words(&self) -> [String; 5] {
        let role = self.info.role.and_then(|role| serde_json::to_value(role).ok()).and_then(|role| role.as_str().map(str::to_owned));
        let name = self.info.name.clone().unwrap_or_default();
        [self.info.source.clone(), self.info.device.clone(), name, role.unwrap_or_default(), self.info.quantity.name().to_owned()]
    }

    /// The state that a value of a level stands for; `None` of all else, and where it is not known.
    fn state(&self, value: f64) -> Option<&str> {
        let level = Level::of_number(value).filter(|_| self.info.quantity == Quantity::Level)?;
        self.info.modes.get(usize::from(level.mode)).map(String::as_str)
    }
}

/// Where rows go.
trait Sink {
    /// Takes a month of one series.
    fn add(&mut self, part: &Part<'_>) -> anyhow::Result<()>;
    /// Finishes the file.
    fn end(self: Box<Self>) -> anyhow::Result<()>;
}

/// Writes a file for each month of the home's calendar in which anything was said.
pub fn run(arguments: &ExportArguments) -> anyhow::Result<ExitCode> {
    let loaded = config::load(arguments.all.config.as_deref(), Services::All)?;
    let origin = if arguments.demo { Origin::Demo } else { Origin::Home };
    let url = store_url(&loaded, origin)?;
    if url.starts_with("sqlite:") && wattribute_store::origin(&url)?.is_none() {
        bail!("there is no store at {url} yet");
    }
    let (store, url) = open_store(&loaded, origin)?;
    let (files, rows) = runtime()?.block_on(write(arguments, &*store))?;
    let (files, rows) = (number::fixed(files as f64, 0), number::fixed(rows as f64, 0));
    println!("{rows} readings of {url} are in {files} files in {}", arguments.folder.display());
    Ok(ExitCode::SUCCESS)
}

async fn write(arguments: &ExportArguments, store: &dyn Store) -> anyhow::Result<(u64, u64)> {
    let zone = wattribute_store::zone(&wattribute_store::home(store).await?);
    let series = store.series().await?;
    let to_ms = arguments.to.map_or_else(|| Utc::now().timestamp_millis() + 1, |to| to.in_zone(zone));
    let from_ms = match arguments.from {
        Some(from) => from.in_zone(zone),
        None => first_ms(store, &series, to_ms).await?.unwrap_or(to_ms),
    };
    if arguments.from.is_some() && from_ms >= to_ms {
        bail!(if arguments.to.is_some() { "--from must be before --to" } else { "--from is later than now: nothing was said after it" });
    }
    let (mut files, mut total) = (0, 0);
    for month in months(from_ms, to_ms, zone) {
        let (begin_ms, end_ms) = (month.from_ms.max(from_ms), month.to_ms.min(to_ms));
        let path = arguments.folder.join(match arguments.format {
            Format::Csv => format!("readings-{:04}-{:02}.csv", month.year, month.month),
            Format::Parquet => format!("year={:04}/month={:02}/readings.parquet", month.year, month.month),
        });
        let mut open: Option<Box<dyn Sink>> = None;
        // Under another name until it is whole, so that half a file never looks like one.
        let part_path = path.with_extension("part");
        for (id, info) in &series {
            let mut rows = store.readings(*id, begin_ms, end_ms).await?;
            let held = rows.at_ms.partition_point(|at_ms| *at_ms < begin_ms);
            drop(rows.at_ms.drain(..held));
            drop(rows.value.drain(..held));
            if rows.is_empty() {
                continue;
            }
            let sink = match &mut open {
                Some(sink) => sink,
                closed => closed.insert(create(&part_path, arguments.format)?),
            };
            total += rows.len() as u64;
            sink.add(&Part { info, rows }).with_context(|| format!("{} cannot be written", part_path.display()))?;
        }
        if let Some(sink) = open {
            sink.end().with_context(|| format!("{} cannot be written", part_path.display()))?;
            std::fs::rename(&part_path, &path).with_context(|| format!("{} cannot be written", path.display()))?;
            files += 1;
        }
    }
    Ok((files, total))
}

fn create(path: &Path, format: Format) -> anyhow::Result<Box<dyn Sink>> {
    let made = || {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        File::create(path).map(BufWriter::new)
    };
    let file = made().with_context(|| format!("{} cannot be made", path.display()))?;
    Ok(match format {
        Format::Csv => Box::new(csv::Sheet::begin(file)?),
        Format::Parquet => Box::new(parquet::Table::begin(file)?),
    })
}

/// A month of the home's calendar.
#[derive(Debug, PartialEq)]
struct Month {
    year: i32,
    month: u32,
    from_ms: i64,
    to_ms: i64,
}

/// The months that `[from_ms, to_ms)` touches.
fn months(from_ms: i64, to_ms: i64, zone: Tz) -> Vec<Month> {
    let date = |ms: i64| DateTime::from_timestamp_millis(ms).map(|at| at.with_timezone(&zone).date_naive().with_day(1).unwrap_or_default());
    let start_ms = |day: NaiveDate| Moment::Local(day.and_time(chrono::NaiveTime::MIN)).in_zone(zone);
    let mut found = Vec::new();
    let Some(mut day) = date(from_ms).filter(|_| from_ms < to_ms) else { return found };
    while start_ms(day) < to_ms {
        let next = day + Months::new(1);
        found.push(Month { year: day.year(), month: day.month(), from_ms: start_ms(day), to_ms: start_ms(next) });
        day = next;
    }
    found
}

/// When anything was said first, to the month, ms since the epoch.
async fn first_ms(store: &dyn Store, series: &[(SeriesId, SeriesInfo)], to_ms: i64) -> anyhow::Result<Option<i64>> {
    const MONTH_MS: i64 = 30 * 86_400_000;
    // Nobody measured at home before 2000.
    const BEGIN_MS: i64 = 946_684_800_000;
    let mut first: Option<i64> = None;
    for (id, _) in series {
        let until_ms = first.unwrap_or(to_ms);
        let said = store.chart(*id, BEGIN_MS, until_ms, MONTH_MS).await?.into_iter().find(|bucket| bucket.covered > 0.0);
        first = said.map(|bucket| bucket.from_ms).or(first);
    }
    Ok(first)
}

#[cfg(test)]
mod tests;
