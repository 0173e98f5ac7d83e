//! Brings what waits to the store, in order, until it has all of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use wattribute_domain::{Reading, SeriesId, SeriesInfo};
use wattribute_service::{Health, State};
use wattribute_store::spool::Spool;
use wattribute_store::{Batch, Span, Store, StoreError};

use super::backlog::{Backlog, Oldest};
use super::said::Said;

/// How long after a failure it is tried again: short, so that what waited is there soon after the store is.
const PAUSE: Duration = Duration::from_secs(2);
/// How `/health` calls what waits.
const WAITING: &str = "readings";

/// Brings all that waits and comes, until the backlog is closed: then what is in memory, if the store takes it at once.
pub(super) async fn bring(store: Arc<dyn Store>, backlog: &Backlog, health: Health) -> Result<(), StoreError> {
    let mut bringer = Bringer::new(store);
    let mut is_told = false;
    while let Some(oldest) = backlog.oldest().await {
        let said = match &oldest {
            Oldest::InMemory(waiting) => Ok(waiting.said.clone()),
            Oldest::OnDisk(parcel) => Said::of_bytes(&parcel.bytes).map(Arc::new),
        };
        backlog.tries(true);
        let brought = match said {
            Ok(said) => bringer.bring(&said).await,
            Err(why) => Err(StoreError::Refused(why)),
        };
        backlog.tries(false);
        let refused = match brought {
            Ok(()) => None,
            Err(StoreError::Refused(why)) => Some(why),
            Err(StoreError::Unavailable(why)) => {
                if !backlog.is_away(true) {
                    let place = if backlog.has_disk() { "on disk" } else { "in memory" };
                    tracing::warn!("the store takes nothing now; what is heard waits {place}: {why}");
                }
                health.set("store", State::Down(why.clone()));
                // What cannot go to disk stays in memory.
                let is_safe = backlog.spill().await.is_ok() && backlog.has_disk();
                is_told |= tell(backlog, &health, is_told);
                if backlog.is_closed() {
                    return if is_safe { Ok(()) } else { Err(StoreError::Unavailable(why)) };
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        if backlog.is_away(false) {
            tracing::info!("the store works again");
        }
        health.set("store", State::Ok);
        match oldest {
            Oldest::InMemory(waiting) => {
                if let Some(why) = &refused {
                    tracing::error!("the store refused {} readings, which are lost: {why}", waiting.said.readings.len());
                }
                backlog.done(&waiting, refused.is_none());
            }
            Oldest::OnDisk(parcel) => backlog.done_on_disk(parcel, refused).await,
        }
        is_told |= tell(backlog, &health, is_told);
    }
    Ok(())
}

/// Brings what an earlier process left on disk, for at most `wait`: adapters begin with what the store knows, and should find that in it. What is left
/// then is brought beside them.
pub(crate) async fn bring_what_waits(store: &Arc<dyn Store>, spool: &Arc<Spool>, wait: Duration) {
    let count = spool.fill().batches;
    if count == 0 {
        return;
    }
    tracing::info!("{count} batches of readings waited on disk and are brought to the store");
    let (mut bringer, until) = (Bringer::new(store.clone()), Instant::now() + wait);
    while Instant::now() < until {
        let Ok(Some(parcel)) = spool.apart(Spool::next).await else { return };
        // What cannot be read or is refused is told and set aside later, where that is done anyway.
        let Ok(said) = Said::of_bytes(&parcel.bytes) else { return };
        let Ok(Ok(())) = timeout_at(until, bringer.bring(&said)).await else { return };
        if spool.apart(move |spool| spool.done(&parcel)).await.is_err() {
            return;
        }
    }
}

/// Says in `/health` how much waits; nothing while nothing ever did. Returns whether it said something.
fn tell(backlog: &Backlog, health: &Health, is_told: bool) -> bool {
    match backlog.words() {
        Some(words) => health.set(WAITING, State::Degraded(words)),
        None if is_told => health.set(WAITING, State::Ok),
        None => return false,
    };
    true
}

/// How a series is known: source, identity, device and quantity.
type Known = (String, String, String, &'static str);

struct Bringer {
    store: Arc<dyn Store>,
    /// What the store was told of each series, and its number; none where the store refuses it.
    numbers: HashMap<Known, (Arc<SeriesInfo>, Option<SeriesId>)>,
}

impl Bringer {
    fn new(store: Arc<dyn Store>) -> Self {
        Bringer { store, numbers: HashMap::new() }
    }

    async fn bring(&mut self, said: &Said) -> Result<(), StoreError> {
        let ids = self.numbers_of(&said.series).await?;
        let id = |place: usize| ids.get(place).copied().flatten();
        let span = |&(place, from_ms, to_ms): &(usize, i64, i64)| Some(Span { series: id(place)?, from_ms, to_ms });
        let reading = |&(place, at_ms, value): &(usize, i64, f64)| Some(Reading { series: id(place)?, at_ms, value });
        let batch = Batch {
            replaced: said.replaced.iter().filter_map(span).collect(),
            readings: said.readings.iter().filter_map(reading).collect(),
            payloads: said.payloads.clone(),
            documents: said.documents.clone(),
            derived: false,
        };
        if batch.readings.is_empty() && batch.replaced.is_empty() && batch.payloads.is_empty() && batch.documents.is_empty() {
            return Ok(());
        }
        let readings = batch.readings.len() as u64;
        let written = self.store.write(batch).await;
        match &written {
            Ok(()) => metrics::counter!("wattribute_readings_total").increment(readings),
            // Whatever it is, the next batch tells of its series anew.
            Err(_) => self.numbers.clear(),
        }
        written
    }

    /// The store's numbers of these series, which are described where they are new or have changed.
    async fn numbers_of(&mut self, series: &[Arc<SeriesInfo>]) -> Result<Vec<Option<SeriesId>>, StoreError> {
        let new: Vec<Arc<SeriesInfo>> =
            series.iter().filter(|info| self.numbers.get(&known(info)).is_none_or(|(told, _)| told != *info)).cloned().collect();
        if !new.is_empty() {
            match self.store.describe(new.iter().map(|info| (**info).clone()).collect()).await {
                Ok(ids) => {
                    for (info, id) in new.into_iter().zip(ids) {
                        self.numbers.insert(known(&info), (info, Some(id)));
                    }
                }
                // One that the store refuses stops no other.
                Err(StoreError::Refused(_)) => {
                    for info in new {
                        let id = match self.store.describe(vec![(*info).clone()]).await {
                            Ok(ids) => ids.first().copied(),
                            Err(StoreError::Refused(why)) => {
                                tracing::error!("{} of {} cannot be kept: {why}", info.device, info.source);
                                None
                            }
                            Err(error) => return Err(error),
                        };
                        self.numbers.insert(known(&info), (info, id));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(series.iter().map(|info| self.numbers.get(&known(info)).and_then(|(_, id)| *id)).collect())
    }
}

fn known(info: &SeriesInfo) -> Known {
    (info.source.clone(), info.identity.clone(), info.device.clone(), info.quantity.name())
}
