//! `wattribute config`: what is in effect, and what could be.

use std::io::Write;
use std::process::ExitCode;

use crate::config::{self, Services};
use crate::run::Arguments;

/// What `config` takes.
#[derive(clap::Args, Debug)]
pub struct ConfigArguments {
    #[command(flatten)]
    all: Arguments,
    /// Print a file with every key, commented out at its default
    #[arg(long)]
    sample: bool,
}

/// Prints the configuration in effect with where each key was set, secrets as ****; or the sample.
pub fn run(arguments: &ConfigArguments) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if arguments.sample {
        out.write_all(config::SAMPLE.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = config::load(arguments.all.config.as_deref(), Services::All)?;
    match &loaded.file {
        Some(path) => writeln!(out, "# {}, and the environment", path.display())?,
        None => writeln!(out, "# no file was read; `wattribute config --sample` prints one to begin with")?,
    }
    out.write_all(loaded.shown.as_bytes())?;
    out.flush()?;
    for warning in &loaded.warnings {
        eprintln!("wattribute: {warning}");
    }
    Ok(ExitCode::SUCCESS)
}
