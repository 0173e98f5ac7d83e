//! Keeps adapters going: each by itself, so that one that fails stops nothing else.

mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wattribute_service::home_assistant::Backoff;
use wattribute_service::{Health, State};
use wattribute_store::spool::Spool;
use wattribute_store::{Store, StoreError};

use crate::adapters::{Adapter, AdapterError};
use crate::writer::{Parcel, write};
use standing::Standings;

/// How long an adapter that was not let in, or that cannot read what it finds, is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(600);
/// Parcels that wait to be taken in before adapters are asked for no more.
const WAITING: usize = 4;

/// Runs adapters until `shutdown`, and writes what they say. While the store does not answer, that waits in `spool`, without one in memory, and adapters
/// go on. Ends early only where the store is broken.
pub async fn ingest(
    adapters: Vec<Box<dyn Adapter>>,
    store: Arc<dyn Store>,
    spool: Option<Arc<Spool>>,
    health: Health,
    shutdown: CancellationToken,
) -> Result<(), StoreError> {
    let (sender, parcels) = mpsc::channel(WAITING);
    let standings = Standings::new(health.clone());
    let mut tasks = JoinSet::new();
    for adapter in adapters {
        tasks.spawn(supervise(adapter, sender.clone(), standings.clone(), shutdown.clone()));
    }
    drop(sender);
    let kept = standings.clone();
    let keeping = shutdown.child_token();
    let _ends_with_us = keeping.clone().drop_guard();
    let (kept_in, until) = (store.clone(), keeping);
    tokio::spawn(async move { kept.keep(kept_in, until).await });
    // When all adapters have stopped, the writer writes what is left and ends too.
    write(store, spool, health, parcels, shutdown).await?;
    while tasks.join_next().await.is_some() {}
    Ok(())
}

async fn supervise(mut adapter: Box<dyn Adapter>, parcels: mpsc::Sender<Parcel>, standings: Standings, shutdown: CancellationToken) {
    let source: Arc<str> = adapter.name().into();
    let device: Option<Arc<str>> = adapter.device().map(Into::into);
    let name: Arc<str> = device.as_ref().map_or(source.clone(), |device| format!("{source}/{device}").into());
    let mut backoff = Backoff::default();
    let mut troubles = BTreeMap::new();
    match &device {
        None => metrics::gauge!("wattribute_adapter_up", "adapter" => source.to_string()).set(0.0),
        Some(d) => metrics::gauge!("wattribute_adapter_up", "adapter" => source.to_string(), "device" => d.to_string()).set(0.0),
    }
    let tell = |state: State| {
        let why = match &state {
            State::Degraded(why) | State::Down(why) => Some(why.clone()),
            State::Ok => None,
        };
        if standings.tell(&source, device.as_deref(), state)
            && let Some(why) = why
        {
            tracing::warn!("{name} does not work now: {why}");
        }
    };
    loop {
        let said = tokio::select! {
            said = adapter.next() => said,
            () = shutdown.cancelled() => return,
        };
        if let Some(listening) = adapter.listens() {
            standings.listens(&source, listening);
        }
        let wait = match said {
            Ok(events) => {
                if adapter.is_up() {
                    backoff.reset();
                    tell(State::Ok);
                    tell_troubles(&source, &mut troubles, adapter.troubles(), &standings);
                }
                tokio::select! {
                    sent = parcels.send(Parcel { adapter: name.clone(), source: source.clone(), events }) => match sent {
                        Ok(()) => continue,
                        // The writer has ended: the store is broken.
                        Err(_) => return,
                    },
                    () = shutdown.cancelled() => return,
                }
            }
            Err(AdapterError::Protocol(why)) => {
                metrics::counter!("wattribute_bad_payloads_total", "adapter" => source.to_string()).increment(1);
                tell(State::Degraded(why));
                backoff.wait()
            }
            Err(error @ (AdapterError::Unauthorized(_) | AdapterError::Unsupported(_))) => {
                tell(State::Down(error.to_string()));
                LEFT_ALONE
            }
            Err(error) => {
                tell(State::Degraded(error.to_string()));
                backoff.wait()
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Says of devices behind an adapter what went wrong with them since it was last asked, and what is well again.
fn tell_troubles(source: &str, before: &mut BTreeMap<String, String>, now: BTreeMap<String, String>, standings: &Standings) {
    for (device, why) in now.iter().filter(|(device, why)| before.get(*device) != Some(why)) {
        if standings.tell(source, Some(device), State::Degraded(why.clone())) {
            tracing::warn!("{source}/{device} does not work now: {why}");
        }
    }
    for device in before.keys().filter(|device| !now.contains_key(*device)) {
        standings.tell(source, Some(device), State::Ok);
    }
    *before = now;
}
