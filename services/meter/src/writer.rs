//! Takes in what adapters say, in batches and in order, and never waits for the store: what it cannot take now waits, on disk where the store is
//! elsewhere, and is brought when it is back.

mod backlog;
mod bring;
mod said;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wattribute_domain::SeriesInfo;
use wattribute_service::Health;
use wattribute_store::spool::Spool;
use wattribute_store::{Payload, Store, StoreError};

use crate::adapters::{Event, Kept};
use backlog::Backlog;
pub(crate) use bring::bring_what_waits;
use said::Said;

/// A batch is written at the latest this long after its first reading.
const LONGEST: Duration = Duration::from_secs(1);
/// A batch is written when it holds this many readings.
const MOST: usize = 5_000;
/// At the end the store has so long to take what is in memory; then that waits on disk, where it may.
const LAST_TRY: Duration = Duration::from_secs(2);

/// What one adapter said at once.
pub(crate) struct Parcel {
    /// Which adapter: its own series are numbered by itself.
    pub adapter: Arc<str>,
    /// Which source it belongs to.
    pub source: Arc<str>,
    pub events: Vec<Event>,
}

/// Writes until nobody sends any more, then what is left. While the store takes nothing, what is said waits: in `spool`, where there is one, else in
/// memory; and where that is full, adapters wait. Beyond `shutdown` only what is on disk waits: what it did not write was not acknowledged
/// either, and is fetched again.
pub(crate) async fn write(
    store: Arc<dyn Store>,
    spool: Option<Arc<Spool>>,
    health: Health,
    parcels: mpsc::Receiver<Parcel>,
    shutdown: CancellationToken,
) -> Result<(), StoreError> {
    let backlog = Backlog::new(spool);
    let mut bringing = Box::pin(bring::bring(store, &backlog, health));
    tokio::select! {
        ended = &mut bringing => return ended,
        collected = collect(parcels, &backlog, &shutdown) => collected?,
    }
    backlog.close();
    if !backlog.has_disk() {
        return bringing.await;
    }
    if let Ok(ended) = tokio::time::timeout(LAST_TRY, &mut bringing).await {
        ended?;
    }
    // It may be at the disk just now.
    drop(bringing);
    backlog.spill().await.map_err(StoreError::Unavailable)
}

async fn collect(mut parcels: mpsc::Receiver<Parcel>, backlog: &Backlog, shutdown: &CancellationToken) -> Result<(), StoreError> {
    let mut collector = Collector {
        backlog,
        shutdown,
        infos: HashMap::new(),
        said: Said::default(),
        places: HashMap::new(),
        extents: HashMap::new(),
        since: None,
        waiting: Vec::new(),
    };
    loop {
        let due = collector.since.map_or_else(|| Instant::now() + Duration::from_secs(3600), |since| since + LONGEST);
        tokio::select! {
            parcel = parcels.recv() => match parcel {
                Some(parcel) => collector.take(parcel).await?,
                None => return collector.flush().await,
            },
            () = tokio::time::sleep_until(due) => collector.flush().await?,
        }
    }
}

/// An adapter's own number of a series.
type Key = (Arc<str>, u32);

struct Collector<'a> {
    backlog: &'a Backlog,
    shutdown: &'a CancellationToken,
    /// What adapters told of their series.
    infos: HashMap<Key, Arc<SeriesInfo>>,
    said: Said,
    /// Where each series stands in the batch.
    places: HashMap<Key, usize>,
    /// First and last instant of the readings of each series in the batch, ms since the epoch.
    extents: HashMap<usize, (i64, i64)>,
    /// When the batch was begun.
    since: Option<Instant>,
    /// Who waits for the batch to be on the disk.
    waiting: Vec<Kept>,
}

impl Collector<'_> {
    async fn take(&mut self, Parcel { adapter, source, events }: Parcel) -> Result<(), StoreError> {
        // The last that is said of each series counts, for all that is said at once.
        for event in &events {
            if let Event::Series { key, info } = event {
                self.told(&(adapter.clone(), *key), info);
            }
        }
        for event in events {
            match event {
                Event::Series { .. } => {}
                Event::Reading { key, at_ms, value } => {
                    let Some(place) = self.place(&(adapter.clone(), key)) else { continue };
                    let extent = self.extents.entry(place).or_insert((at_ms, at_ms));
                    *extent = (extent.0.min(at_ms), extent.1.max(at_ms));
                    self.said.readings.push((place, at_ms, value));
                }
                Event::Replaced { key, from_ms, to_ms } => {
                    let key = (adapter.clone(), key);
                    // The store forgets before it adds: what was said earlier and is now replaced must not be added after.
                    let extent = self.places.get(&key).and_then(|place| self.extents.get(place));
                    if extent.is_some_and(|(first, last)| *first < to_ms && *last >= from_ms) {
                        self.flush().await?;
                    }
                    let Some(place) = self.place(&key) else { continue };
                    self.said.replaced.push((place, from_ms, to_ms));
                }
                Event::Payload { device, at_ms, text } => {
                    self.said.payloads.push(Payload { source: source.to_string(), device, at_ms, text });
                }
                Event::Document { key, text } => {
                    self.said.documents.retain(|(known, _)| *known != key);
                    self.said.documents.push((key, text));
                }
                Event::Kept(kept) => self.waiting.push(kept),
            }
            self.since.get_or_insert_with(Instant::now);
            if self.said.readings.len() >= MOST {
                self.flush().await?;
            }
        }
        if self.waiting.is_empty() { Ok(()) } else { self.flush().await }
    }

    /// Notes what an adapter tells of a series; the store is told as well, also where nothing is read of it.
    fn told(&mut self, key: &Key, info: &SeriesInfo) {
        let info = Arc::new(info.clone());
        self.infos.insert(key.clone(), info.clone());
        match self.places.get(key) {
            Some(place) => self.said.series[*place] = info,
            None => drop(self.place(key)),
        }
    }

    /// Where a series stands in the batch; `None` where nobody told of it.
    fn place(&mut self, key: &Key) -> Option<usize> {
        match self.places.entry(key.clone()) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(new) => {
                self.said.series.push(self.infos.get(key)?.clone());
                Some(*new.insert(self.said.series.len() - 1))
            }
        }
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        self.since = None;
        self.extents.clear();
        self.places.clear();
        let said = std::mem::take(&mut self.said);
        let waiting = std::mem::take(&mut self.waiting);
        tokio::select! {
            () = self.backlog.push(said, waiting) => Ok(()),
            () = async { self.shutdown.cancelled().await; tokio::time::sleep(LAST_TRY).await } => {
                Err(StoreError::Unavailable("the store takes nothing, and what was heard last cannot wait any longer".to_owned()))
            }
        }
    }
}
