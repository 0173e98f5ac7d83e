//! The descriptions of the APIs, without a service that runs.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;

/// Whose API is told.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Described {
    /// The data API, 8006.
    DataApi,
    /// The meter service, 8014.
    Meter,
    /// The correlator, 8017.
    Correlator,
}

/// What `openapi` takes.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Whose description is printed
    #[arg(value_enum, default_value = "data-api")]
    api: Described,
}

/// Prints the OpenAPI 3.1 description that the service of this version answers at `/openapi.json`; a test holds that it is the same.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let text = match arguments.api {
        Described::DataApi => include_str!("../../../openapi/data-api.json"),
        Described::Meter => include_str!("../../../openapi/meter.json"),
        Described::Correlator => include_str!("../../../openapi/correlator.json"),
    };
    std::io::stdout().lock().write_all(text.as_bytes()).context("the description cannot be written")?;
    Ok(ExitCode::SUCCESS)
}
