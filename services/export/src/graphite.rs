//! The export to Graphite: what the store says goes to Carbon, a point for each stretch of time and metric, through a spool on disk.
//!
//! Points are worked out from the store alone, so that the same come out after a restart; each has the start of its stretch as its time, so that
//! what is sent again replaces itself.

mod carbon;
mod config;
mod energy;
mod follow;
mod line;
mod names;
mod plan;
mod slots;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use wattribute_service::Health;
use wattribute_store::Store;
use wattribute_store::spool::Spool;

pub use config::{Address, Config, Prefix, Tag};
pub use names::normal;

use carbon::Carbon;
use follow::Follow;

/// How it is named in /health.
const DEPENDENCY: &str = "graphite";

/// Exports until it is told to stop; `data_dir` is where the spool lies. Ends at once where no address is set.
///
/// # Errors
///
/// Where the spool cannot be opened, or the file of the own CA cannot be read.
pub async fn run(
    config: Config,
    store: Arc<dyn Store>,
    data_dir: &Path,
    health: Health,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some(address) = config.address.clone() else { return Ok(()) };
    let folder = data_dir.join("spool").join("graphite");
    let limit_bytes = config.spool_mb.max(1) << 20;
    let spool = tokio::task::spawn_blocking(move || Spool::open(folder, limit_bytes)).await?.context("what waits for Graphite")?;
    let spool = Arc::new(spool);
    let carbon = Carbon::new(address, &config, health).map_err(anyhow::Error::msg).context("[graphite]")?;
    let follow = Follow::new(store, spool.clone(), &config);
    // When told to stop, what was said until then is sent, as far as that goes at once.
    let following = follow.run(shutdown.clone());
    let sending = carbon.deliver(spool, shutdown);
    tokio::join!(following, sending);
    Ok(())
}
