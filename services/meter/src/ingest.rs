//! Keeps adapters going: each by itself, so that one that fails stops nothing else.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wattribute_service::home_assistant::Backoff;
use wattribute_service::{Health, State};
use wattribute_store::{Store, StoreError};

use crate::adapters::{Adapter, AdapterError};
use crate::writer::{Parcel, write};

/// How long an adapter that was not let in, or that cannot read what it finds, is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(600);
/// Parcels that wait for the store before adapters are asked for no more.
const WAITING: usize = 4;

/// Runs adapters until `shutdown`, and writes what they say. Ends early only where the store is broken.
pub async fn ingest(
    adapters: Vec<Box<dyn Adapter>>,
    store: Arc<dyn Store>,
    health: Health,
    shutdown: CancellationToken,
) -> Result<(), StoreError> {
    let (sender, parcels) = mpsc::channel(WAITING);
    let mut tasks = JoinSet::new();
    for adapter in adapters {
        tasks.spawn(supervise(adapter, sender.clone(), health.clone(), shutdown.clone()));
    }
    drop(sender);
    // When all adapters have stopped, the writer writes what is left and ends too.
    write(store, health, parcels, shutdown).await?;
    while tasks.join_next().await.is_some() {}
    Ok(())
}

async fn supervise(mut adapter: Box<dyn Adapter>, parcels: mpsc::Sender<Parcel>, health: Health, shutdown: CancellationToken) {
    let name: Arc<str> = adapter.name().into();
    let up = metrics::gauge!("wattribute_adapter_up", "adapter" => name.to_string());
    let mut backoff = Backoff::default();
    let mut is_down = false;
    up.set(0.0);
    loop {
        let said = tokio::select! {
            said = adapter.next() => said,
            () = shutdown.cancelled() => return,
        };
        let wait = match said {
            Ok(events) => {
                if adapter.is_up() {
                    up.set(1.0);
                    backoff.reset();
                    health.set(&name, State::Ok);
                    if std::mem::take(&mut is_down) {
                        tracing::info!("{name} is back");
                    }
                }
                tokio::select! {
                    sent = parcels.send(Parcel { source: name.clone(), events }) => match sent {
                        Ok(()) => continue,
                        // The writer has ended: the store is broken.
                        Err(_) => return,
                    },
                    () = shutdown.cancelled() => return,
                }
            }
            Err(AdapterError::Protocol(why)) => {
                metrics::counter!("wattribute_bad_payloads_total", "adapter" => name.to_string()).increment(1);
                went(&name, &health, &mut is_down, State::Degraded(why));
                backoff.wait()
            }
            Err(error @ (AdapterError::Unauthorized(_) | AdapterError::Unsupported(_))) => {
                went(&name, &health, &mut is_down, State::Down(error.to_string()));
                LEFT_ALONE
            }
            Err(error) => {
                went(&name, &health, &mut is_down, State::Degraded(error.to_string()));
                backoff.wait()
            }
        };
        up.set(0.0);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Says so once.
fn went(name: &str, health: &Health, is_down: &mut bool, state: State) {
    let (State::Down(why) | State::Degraded(why)) = &state else { return };
    if !std::mem::replace(is_down, true) {
        tracing::warn!("{name} does not work now: {why}");
    }
    health.set(name, state);
}
