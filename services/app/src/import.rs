//! `import`: a past that was recorded before, into the store.

use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use chrono_tz::Tz;
use wattribute_meter::adapters::history;
use wattribute_meter::import::{Influx, Summary, import as write, import_energy_meter, import_influx, is_energy_meter};
use wattribute_store::influx::Account;
use wattribute_store::{Origin, Store};

use crate::config::{self, Loaded, Services};
use crate::instant::time_zone;
use crate::progress::{Reading, Working};
use crate::run::{Arguments, account, open_store, runtime};
use crate::{number, text};

/// What `import` takes.
#[derive(clap::Args, Debug)]
pub struct ImportArguments {
    /// Home Assistant databases, history exports (CSV) or Parquet files, several of which are read as one history; databases of energyMeter; the address
    /// of an InfluxDB (http://influxdb:8086) with what Home Assistant's integration or HomeIQ wrote there
    #[arg(required = true, value_name = "FILES|URL")]
    from: Vec<String>,
    /// Time zone of the clock that energyMeter wrote its times by; else the home's
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<Tz>,
    /// Of an InfluxDB: a bucket (2.x) or database (1.x) to read; else all that there are. Can be given more than once
    #[arg(long, value_name = "NAME")]
    bucket: Vec<String>,
    /// Of an InfluxDB 2.x: the organisation; else that of the configuration
    #[arg(long, value_name = "NAME")]
    org: Option<String>,
    /// Of an InfluxDB: a file with its token (2.x) or user:password (1.x); else that of the configuration, where its url is the same or none
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The entity of Home Assistant whose power HomeIQ wrote as that of the house; else the one that HomeIQ looks for, where it is known
    #[arg(long, value_name = "ENTITY")]
    meter: Option<String>,
    #[command(flatten)]
    all: Arguments,
}

/// Writes what was recorded into the store. The same again changes nothing.
pub fn import(arguments: &ImportArguments) -> anyhow::Result<ExitCode> {
    let loaded = config::load(arguments.all.config.as_deref(), Services::All)?;
    let is_address = |from: &String| ["http://", "https://"].iter().any(|scheme| from.to_ascii_lowercase().starts_with(scheme));
    let (addresses, files): (Vec<_>, Vec<_>) = arguments.from.iter().cloned().partition(is_address);
    let of_influx =
        [("--bucket", !arguments.bucket.is_empty()), ("--org", arguments.org.is_some()), ("--meter", arguments.meter.is_some())];
    if let Some((option, _)) = of_influx.iter().find(|(_, is_said)| *is_said && addresses.is_empty()) {
        anyhow::bail!("{option} is of an InfluxDB: give its address too, such as http://influxdb:8086");
    }
    let (energy_meters, files): (Vec<_>, Vec<_>) = files.into_iter().map(PathBuf::from).partition(|file| is_energy_meter(file));
    for file in &energy_meters {
        let (store, url) = open_store(&loaded, Origin::Home)?;
        let zone = time_zone(arguments.time_zone, loaded.config.home.time_zone.as_deref());
        let summary = runtime()?.block_on(import_energy_meter(file, zone, &*store));
        let summary = summary.with_context(|| format!("{} cannot be imported", file.display()))?;
        mirror_later(&loaded, &*store, &summary)?;
        told(&summary, &url);
    }
    if !files.is_empty() {
        import_files(&files, &loaded)?;
    }
    for address in addresses {
        let from = Influx {
            account: account_at(&address, arguments, &loaded)?,
            url: address,
            buckets: arguments.bucket.clone(),
            meter: arguments.meter.clone(),
        };
        let (store, url) = open_store(&loaded, Origin::Home)?;
        let working = Working::begin("Reading InfluxDB", stderr().is_terminal());
        let read = runtime()?.block_on(import_influx(&from, &*store));
        drop(working);
        let summary = read?;
        mirror_later(&loaded, &*store, &summary)?;
        told(&summary, &url);
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads files as `analyze` does.
fn import_files(files: &[PathBuf], loaded: &Loaded) -> anyhow::Result<()> {
    let terminal = stderr().is_terminal();
    let mut reading = Reading::begin(terminal);
    let read = history::read(files, &history::Options::default(), &mut |progress| reading.show(&progress));
    reading.end();
    let history = read?;
    let left_out = history.bad.left_out();
    if left_out > 0 {
        let first = history.bad.first.as_deref().map(|first| format!("; the first: {}", text::one_line(first))).unwrap_or_default();
        eprintln!("wattribute: {} rows were left out{first}", number::fixed(left_out as f64, 0));
    }
    let (store, url) = open_store(loaded, Origin::Home)?;
    let working = Working::begin("Writing it to the store", terminal);
    let written = runtime()?.block_on(write(history, &*store, "home_assistant", &mut |_| {}));
    drop(working);
    let summary = written.context("the history cannot be written to the store")?;
    mirror_later(loaded, &*store, &summary)?;
    told(&summary, &url);
    Ok(())
}

/// How the InfluxDB at an address lets us in. The token of `[influxdb]` is not sent to another one.
fn account_at(address: &str, arguments: &ImportArguments, loaded: &Loaded) -> anyhow::Result<Account> {
    let own = account(&loaded.config.influxdb)?;
    let same = |url: &str| url.trim_end_matches('/').eq_ignore_ascii_case(address.trim_end_matches('/'));
    let token = match &arguments.token_file {
        Some(file) => token_of(file)?,
        None if loaded.config.influxdb.url.as_deref().is_none_or(same) => own.token,
        None => String::new(),
    };
    Ok(Account { token, org: arguments.org.clone().unwrap_or(own.org), ..own })
}

fn token_of(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{}: the token cannot be read", file.display()))?;
    let token = text.trim().to_owned();
    anyhow::ensure!(!token.is_empty(), "{}: there is no token in it", file.display());
    Ok(token)
}

/// Has the services write what was imported to the mirror as well, where there is one.
fn mirror_later(loaded: &Loaded, store: &dyn Store, summary: &Summary) -> anyhow::Result<()> {
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
