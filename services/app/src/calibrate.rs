//! `calibrate`: what the owner read off a meter.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use chrono::Utc;
use wattribute_domain::device_name;
use wattribute_meter::adapters::pulse;
use wattribute_store::Origin;

use crate::config::{self, Services};
use crate::run::{Arguments, open_store, runtime};
use crate::{number, text};

/// What `calibrate` takes.
#[derive(clap::Args, Debug)]
pub struct CalibrateArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// A meter whose pulses are counted
    Pulse(PulseArguments),
}

/// What `calibrate pulse` takes.
#[derive(clap::Args, Debug)]
struct PulseArguments {
    /// What the meter shows now
    #[arg(long, value_name = "KWH")]
    meter_reading: f64,
    /// Which meter, where several are set up
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Pulses of one kWh, as they stand on the meter
    #[arg(long, value_name = "N")]
    pulses_per_kwh: Option<f64>,
    #[command(flatten)]
    all: Arguments,
}

/// Sets what a meter shows.
pub fn run(arguments: &CalibrateArguments) -> anyhow::Result<ExitCode> {
    let What::Pulse(PulseArguments { meter_reading, name, pulses_per_kwh, all }) = &arguments.what;
    let loaded = config::load(all.config.as_deref(), Services::All)?;
    let meters: Vec<String> = loaded.config.meter.sources.pulse.iter().map(|meter| device_name(&meter.name)).collect();
    let name = match (name.as_deref().map(device_name), &*meters) {
        (_, []) => bail!("no pulse meter is set up: give it a [[pulse]] in the configuration"),
        (Some(name), all) if all.contains(&name) => name,
        (Some(name), all) => bail!("--name {name}: there is no such pulse meter; there are {}", all.join(", ")),
        (None, [only]) => only.clone(),
        (None, all) => bail!("there are several pulse meters: say --name with one of {}", all.join(", ")),
    };
    let (store, _) = open_store(&loaded, Origin::Home)?;
    let now_ms = Utc::now().timestamp_millis();
    let done = runtime()?.block_on(pulse::calibrate(&*store, &name, *meter_reading, *pulses_per_kwh, now_ms));
    let done = done.context("the calibration cannot be kept")?;
    let kwh = |kwh: f64| format!("{} kWh", number::fixed(kwh, 3));
    match done.was_kwh {
        Some(was_kwh) => println!("{} shows {}; it stood at {}", text::one_line(&name), kwh(*meter_reading), kwh(was_kwh)),
        None => println!("{} shows {} with its first word", text::one_line(&name), kwh(*meter_reading)),
    }
    if let Some(pulses) = done.calibration.pulses_per_kwh {
        println!("{} pulses are one kWh", number::fixed(pulses, 1));
    }
    if let Some(hint) = done.hint {
        println!("{hint}; --pulses-per-kwh takes it over");
    }
    Ok(ExitCode::SUCCESS)
}
