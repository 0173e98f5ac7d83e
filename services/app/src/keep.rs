//! `import`, `backup` and `restore`: into the store, out of it as a whole, and back.

use std::io::{IsTerminal, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use chrono_tz::Tz;
use wattribute_meter::adapters::history;
use wattribute_meter::import::{Summary, import as write, import_energy_meter, is_energy_meter};
use wattribute_store::Origin;

use crate::config::{self, Services};
use crate::instant::time_zone;
use crate::progress::{Reading, Working};
use crate::run::{Arguments, open_store, runtime, store_origin, store_settings, store_url};
use crate::{number, output, text};

/// What `import` takes.
#[derive(clap::Args, Debug)]
pub struct ImportArguments {
    /// Home Assistant databases, history exports (CSV) or Parquet files, several of which are read as one history; databases of energyMeter
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
    /// Time zone of the clock that energyMeter wrote its times by; else the home's
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<Tz>,
    #[command(flatten)]
    all: Arguments,
}

/// What `backup` takes.
#[derive(clap::Args, Debug)]
pub struct BackupArguments {
    /// Where the copy goes; a file that is there is not written over
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    all: Arguments,
    /// Of the made-up home of `wattribute demo`
    #[arg(long)]
    demo: bool,
}

/// What `restore` takes.
#[derive(clap::Args, Debug)]
pub struct RestoreArguments {
    /// A backup; the store that is there now is kept beside it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    all: Arguments,
    /// Of the made-up home of `wattribute demo`
    #[arg(long)]
    demo: bool,
}

/// Reads files as `analyze` does and writes what they say into the store. The same files again change nothing.
pub fn import(arguments: &ImportArguments) -> anyhow::Result<ExitCode> {
    let loaded = config::load(arguments.all.config.as_deref(), Services::All)?;
    let (energy_meters, files): (Vec<_>, Vec<_>) = arguments.files.iter().cloned().partition(|file| is_energy_meter(file));
    for file in &energy_meters {
        let (store, url) = open_store(&loaded, Origin::Home)?;
        let zone = time_zone(arguments.time_zone, loaded.config.home.time_zone.as_deref());
        let summary = runtime()?.block_on(import_energy_meter(file, zone, &*store));
        let summary = summary.with_context(|| format!("{} cannot be imported", file.display()))?;
        mirror_later(&loaded, &*store, &summary)?;
        told(&summary, &url);
    }
    if files.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let terminal = stderr().is_terminal();
    let mut reading = Reading::begin(terminal);
    let read = history::read(&files, &history::Options::default(), &mut |progress| reading.show(&progress));
    reading.end();
    let history = read?;
    let left_out = history.bad.left_out();
    if left_out > 0 {
        let first = history.bad.first.as_deref().map(|first| format!("; the first: {}", text::one_line(first))).unwrap_or_default();
        eprintln!("wattribute: {} rows were left out{first}", number::fixed(left_out as f64, 0));
    }
    let (store, url) = open_store(&loaded, Origin::Home)?;
    let working = Working::begin("Writing it to the store", terminal);
    let written = runtime()?.block_on(write(history, &*store, "home_assistant", &mut |_| {}));
    drop(working);
    let summary = written.context("the history cannot be written to the store")?;
    mirror_later(&loaded, &*store, &summary)?;
    told(&summary, &url);
    Ok(ExitCode::SUCCESS)
}

/// Has the services write what was imported to the mirror as well, where there is one.
fn mirror_later(loaded: &config::Loaded, store: &dyn wattribute_store::Store, summary: &Summary) -> anyhow::Result<()> {
    let Some((first_ms, last_ms)) = summary.span_ms.filter(|_| loaded.config.mirror_url().is_some()) else { return Ok(()) };
    let asked = runtime()?.block_on(wattribute_store::mirror::fill_later(store, first_ms, last_ms + 1));
    asked.context("what was imported is in the store, but not in the mirror")
}

/// Says what an import wrote.
fn told(summary: &Summary, url: &str) {
    for note in &summary.notes {
        eprintln!("wattribute: {}", text::one_line(note));
    }
    let (series, readings) = (number::fixed(summary.series as f64, 0), number::fixed(summary.readings as f64, 0));
    println!("{readings} readings of {series} series are in {url}");
}

/// Writes a consistent copy of the store, also while it is in use.
pub fn backup(arguments: &BackupArguments) -> anyhow::Result<ExitCode> {
    let loaded = config::load(arguments.all.config.as_deref(), Services::All)?;
    let (path, origin) = (&arguments.file, if arguments.demo { Origin::Demo } else { Origin::Home });
    if path.exists() {
        bail!("{}: this file is there already; name a new one", path.display());
    }
    output::check_writable(path, &[])?;
    let url = store_url(&loaded, origin)?;
    if store_origin(&loaded, &url)?.is_none() {
        bail!("there is no store at {} yet", wattribute_store::shown(&url));
    }
    let (store, url) = open_store(&loaded, origin)?;
    runtime()?.block_on(store.backup(path)).with_context(|| format!("{}: the copy cannot be written", path.display()))?;
    println!("{url} is copied to {}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Puts a backup in the place of the store, which nothing may have open.
pub fn restore(arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    let loaded = config::load(arguments.all.config.as_deref(), Services::All)?;
    let origin = if arguments.demo { Origin::Demo } else { Origin::Home };
    let url = store_url(&loaded, origin)?;
    let kept = wattribute_store::restore_with(&url, origin, &arguments.file, &store_settings(&loaded)?)?;
    println!("{} is now {}", arguments.file.display(), wattribute_store::shown(&url));
    if let Some(kept) = kept {
        println!("what was there before is kept as {}; remove it when you do not need it", kept.display());
    }
    Ok(ExitCode::SUCCESS)
}
