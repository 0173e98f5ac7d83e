//! `once` and `discover`: what a source says now, and what would be read of it. Both only look.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use wattribute_service::home_assistant;
use wattribute_store::Origin;

use crate::config::{self, Services};
use crate::run::{Arguments, open_store, runtime};

/// What `discover` takes.
#[derive(clap::Args, Debug)]
pub struct DiscoverArguments {
    /// Where to look
    #[arg(value_enum)]
    what: Source,
    #[command(flatten)]
    all: Arguments,
}

/// Where to look.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Source {
    /// The Home Assistant that is set up
    HomeAssistant,
}

/// Prints what would be read of a source, and why.
pub fn discover(arguments: &DiscoverArguments) -> anyhow::Result<ExitCode> {
    let Source::HomeAssistant = arguments.what;
    let config = home_assistant(&arguments.all)?;
    show(&runtime()?.block_on(wattribute_meter::discover(&config))?)
}

/// What `once` takes.
#[derive(clap::Args, Debug)]
pub struct OnceArguments {
    #[command(flatten)]
    all: Arguments,
    /// Also write what is read to the store
    #[arg(long)]
    write: bool,
}

/// Reads every entity once and prints what it says.
pub fn once(arguments: &OnceArguments) -> anyhow::Result<ExitCode> {
    let config = home_assistant(&arguments.all)?;
    let store = match arguments.write {
        true => Some(open_store(&config::load(arguments.all.config.as_deref(), Services::All)?, Origin::Home)?.0),
        false => None,
    };
    show(&runtime()?.block_on(wattribute_meter::once(&config, store.as_deref()))?)
}

fn home_assistant(arguments: &Arguments) -> anyhow::Result<home_assistant::Config> {
    let loaded = config::load(arguments.config.as_deref(), Services::All)?;
    if !loaded.config.home_assistant.is_set() {
        bail!(
            "there is no Home Assistant to ask: set HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN, or `url` and `token` in [home_assistant]"
        );
    }
    Ok(loaded.config.home_assistant)
}

fn show(text: &str) -> anyhow::Result<ExitCode> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.trim_end().as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .context("cannot be printed")?;
    Ok(ExitCode::SUCCESS)
}
