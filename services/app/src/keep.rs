//! `backup` and `restore`: the store as a whole, out and back.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use wattribute_store::Origin;

use crate::config::{self, Services};
use crate::output;
use crate::run::{Arguments, open_store, runtime, store_origin, store_settings, store_url};

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
