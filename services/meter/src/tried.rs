//! Whether every source that is set up can be read.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use wattribute_store::Store;

use crate::Sources;
use crate::adapters::{pulse, tuya};
use crate::once::hear;

/// How one source is, or one device of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The source, such as `kasa`.
    pub source: String,
    /// What it says, or what is wrong and what would help.
    pub found: Result<String, String>,
}

/// Asks every source beside Home Assistant, for at most `wait`; `store` says what is known of the series already. Where the service runs as well
/// (`is_running`), what only one can read is left to it.
pub async fn try_sources(sources: &Sources, store: &dyn Store, wait: Duration, is_running: bool) -> wattribute_store::Result<Vec<Tried>> {
    let mut sources = sources.clone();
    // Devices that connect by themselves connect to the service.
    sources.shelly.listen.clear();
    let (adapters, wrong) = sources.adapters(store).await?;
    let (left, adapters): (Vec<_>, Vec<_>) = adapters.into_iter().partition(|adapter| is_running && adapter.name() == tuya::NAME);
    let until = Instant::now() + wait;
    let all = join_all(adapters.into_iter().map(|adapter| async move {
        let is_pushed = adapter.listens().is_some() || adapter.name() == pulse::NAME;
        (is_pushed, hear(adapter, until).await)
    }));
    let to_the_service = "left to the service, which runs: a device takes only one or few connections; see its /health";
    let mut tried: Vec<Tried> =
        left.iter().map(|adapter| Tried { source: adapter.name().to_owned(), found: Ok(to_the_service.to_owned()) }).collect();
    for (is_pushed, said) in all.await {
        let mut devices: Vec<&str> = said.heard().into_iter().map(|(info, _)| info.device.as_str()).collect();
        devices.dedup();
        let of = |found| Tried { source: said.source.clone(), found };
        tried.extend(said.troubles.iter().map(|why| of(Err(why.clone()))));
        if !devices.is_empty() {
            tried.push(of(Ok(format!("{} can be read", devices.join(", ")))));
        } else if said.troubles.is_empty() {
            let nothing = said.nothing(wait);
            tried.push(of(if is_pushed { Ok(format!("{nothing}; it speaks when it wants to")) } else { Err(nothing) }));
        }
    }
    tried.extend(wrong.into_iter().map(|(source, why)| Tried { source: source.to_owned(), found: Err(why.to_string()) }));
    Ok(tried)
}
