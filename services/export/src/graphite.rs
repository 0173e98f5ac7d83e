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
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wattribute_service::{Health, State};
use wattribute_store::Store;
use wattribute_store::spool::Spool;

pub use config::{Address, Config, Prefix, Tag};
pub use names::normal;

use carbon::Carbon;
use follow::Follow;

/// How it is named in /health.
const DEPENDENCY: &str = "graphite";

/// How long it waits before it tries again to begin.
const AGAIN: Duration = Duration::from_secs(30);

/// Exports until it is told to stop; `data_dir` is where the spool lies. Ends at once where no address is set. What is wrong, be it Carbon, the spool or a
/// certificate, is said in /health and once in the log, and tried again.
pub async fn run(config: Config, store: Arc<dyn Store>, data_dir: &Path, health: Health, shutdown: CancellationToken) {
    let Some(address) = config.address.clone() else { return };
    let folder = data_dir.join("spool").join("graphite");
    let mut said = None;
    while !shutdown.is_cancelled() {
        let wrong = match begin(&folder, &config, &address, &health).await {
            Ok((spool, carbon)) => {
                let following = Follow::new(store, spool.clone(), &config).run(shutdown.clone());
                tokio::join!(following, carbon.deliver(spool, shutdown));
                return;
            }
            Err(wrong) => wrong,
        };
        if said.as_ref() != Some(&wrong) {
            tracing::error!("nothing is exported to Graphite: {wrong}");
        }
        health.set(DEPENDENCY, State::Degraded(wrong.clone()));
        said = Some(wrong);
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// Whether Carbon takes a connection, and where it is: `None` where no address is set; the error says why not.
pub async fn check(config: &Config) -> Option<(Address, Result<(), String>)> {
    let address = config.address.clone()?;
    let found = match Carbon::new(address.clone(), config, Health::default()) {
        Ok(carbon) => carbon.is_there().await,
        Err(wrong) => Err(wrong),
    };
    Some((address, found))
}

/// The spool and the way to Carbon; the error says what is wrong.
async fn begin(folder: &Path, config: &Config, address: &Address, health: &Health) -> Result<(Arc<Spool>, Carbon), String> {
    let carbon = Carbon::new(address.clone(), config, health.clone()).map_err(|wrong| format!("[graphite] {wrong}"))?;
    let (folder, limit_bytes) = (folder.to_owned(), config.spool_mb.max(1) << 20);
    let opened = tokio::task::spawn_blocking(move || Spool::open(folder, limit_bytes)).await;
    let spool = opened.map_err(|bug| format!("the spool ended by a bug: {bug}"))?.map_err(|wrong| wrong.to_string())?;
    Ok((Arc::new(spool), carbon))
}
