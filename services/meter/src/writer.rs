//! Writes what adapters say to the store: in batches, in order, and not before the store can take it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wattribute_domain::{Reading, SeriesId, SeriesInfo};
use wattribute_service::home_assistant::Backoff;
use wattribute_service::{Health, State};
use wattribute_store::{Batch, Payload, Span, Store, StoreError};

use crate::adapters::{Event, Kept};

/// A batch is written at the latest this long after its first reading.
const LONGEST: Duration = Duration::from_secs(1);
/// A batch is written when it holds this many readings.
const MOST: usize = 5_000;

/// What one adapter said at once.
pub(crate) struct Parcel {
    /// Which adapter: its own series are numbered by itself.
    pub adapter: Arc<str>,
    /// Which source it belongs to.
    pub source: Arc<str>,
    pub events: Vec<Event>,
}

/// Writes until nobody sends any more, then what is left. While the store takes nothing it waits, but not beyond `shutdown`: what it did
/// not write was not acknowledged either, and is fetched again.
pub(crate) async fn write(
    store: Arc<dyn Store>,
    health: Health,
    mut parcels: mpsc::Receiver<Parcel>,
    shutdown: CancellationToken,
) -> Result<(), StoreError> {
    let mut writer = Writer {
        store,
        health,
        shutdown,
        numbers: HashMap::new(),
        batch: Batch::default(),
        extents: HashMap::new(),
        since: None,
        waiting: Vec::new(),
    };
    loop {
        let due = writer.since.map_or_else(|| Instant::now() + Duration::from_secs(3600), |since| since + LONGEST);
        tokio::select! {
            parcel = parcels.recv() => match parcel {
                Some(parcel) => writer.take(parcel).await?,
                None => return writer.flush().await,
            },
            () = tokio::time::sleep_until(due) => writer.flush().await?,
        }
    }
}

struct Writer {
    store: Arc<dyn Store>,
    health: Health,
    shutdown: CancellationToken,
    /// The store's number of each adapter's series.
    numbers: HashMap<(Arc<str>, u32), SeriesId>,
    batch: Batch,
    /// First and last instant of the readings of each series in the batch, ms since the epoch.
    extents: HashMap<SeriesId, (i64, i64)>,
    /// When the batch was begun.
    since: Option<Instant>,
    /// Who waits for the batch to be on the disk.
    waiting: Vec<Kept>,
}

impl Writer {
    async fn take(&mut self, Parcel { adapter, source, events }: Parcel) -> Result<(), StoreError> {
        self.describe(&adapter, &events).await?;
        for event in events {
            match event {
                Event::Series { .. } => continue,
                Event::Reading { key, at_ms, value } => {
                    let Some(&series) = self.numbers.get(&(adapter.clone(), key)) else { continue };
                    let extent = self.extents.entry(series).or_insert((at_ms, at_ms));
                    *extent = (extent.0.min(at_ms), extent.1.max(at_ms));
                    self.batch.readings.push(Reading { series, at_ms, value });
                }
                Event::Replaced { key, from_ms, to_ms } => {
                    let Some(&series) = self.numbers.get(&(adapter.clone(), key)) else { continue };
                    // The store forgets before it adds: what was said earlier and is now replaced must not be added after.
                    if self.extents.get(&series).is_some_and(|(first, last)| *first < to_ms && *last >= from_ms) {
                        self.flush().await?;
                    }
                    self.batch.replaced.push(Span { series, from_ms, to_ms });
                }
                Event::Payload { device, at_ms, text } => {
                    self.batch.payloads.push(Payload { source: source.to_string(), device, at_ms, text });
                }
                Event::Document { key, text } => {
                    self.batch.documents.retain(|(known, _)| *known != key);
                    self.batch.documents.push((key, text));
                }
                Event::Kept(kept) => self.waiting.push(kept),
            }
            self.since.get_or_insert_with(Instant::now);
            if self.batch.readings.len() >= MOST {
                self.flush().await?;
            }
        }
        if self.waiting.is_empty() { Ok(()) } else { self.flush().await }
    }

    /// The last that is said of each series counts.
    async fn describe(&mut self, adapter: &Arc<str>, events: &[Event]) -> Result<(), StoreError> {
        let mut told: HashMap<u32, &SeriesInfo> = HashMap::new();
        let mut order = Vec::new();
        for event in events {
            if let Event::Series { key, info } = event
                && told.insert(*key, info).is_none()
            {
                order.push(*key);
            }
        }
        if order.is_empty() {
            return Ok(());
        }
        let infos: Vec<SeriesInfo> = order.iter().map(|key| told[key].clone()).collect();
        match self.numbers_of(infos.clone()).await {
            Ok(numbers) => self.numbers.extend(order.into_iter().map(|key| (adapter.clone(), key)).zip(numbers)),
            // One that the store refuses stops no other.
            Err(StoreError::Refused(_)) => {
                for (key, info) in order.into_iter().zip(infos) {
                    let device = info.device.clone();
                    match self.numbers_of(vec![info]).await {
                        Ok(numbers) => self.numbers.extend(numbers.first().map(|number| ((adapter.clone(), key), *number))),
                        Err(StoreError::Refused(why)) => tracing::error!("{device} of {adapter} cannot be kept: {why}"),
                        Err(e) => return Err(e),
                    }
                }
            }
            Err(e) => return Err(e),
        }
        Ok(())
    }

    async fn numbers_of(&mut self, infos: Vec<SeriesInfo>) -> Result<Vec<SeriesId>, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            match self.store.describe(infos.clone()).await {
                Err(StoreError::Unavailable(why)) => self.wait(&mut backoff, why).await?,
                answer => {
                    self.is_back();
                    return answer;
                }
            }
        }
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        self.since = None;
        self.extents.clear();
        let batch = std::mem::take(&mut self.batch);
        let waiting = std::mem::take(&mut self.waiting);
        if batch.readings.is_empty() && batch.replaced.is_empty() && batch.payloads.is_empty() && batch.documents.is_empty() {
            waiting.iter().for_each(Kept::tell);
            return Ok(());
        }
        let readings = batch.readings.len() as u64;
        let mut backoff = Backoff::default();
        loop {
            match self.store.write(batch.clone()).await {
                Ok(()) => break,
                Err(StoreError::Unavailable(why)) => self.wait(&mut backoff, why).await?,
                Err(StoreError::Refused(why)) => {
                    tracing::error!("the store refused {readings} readings, which are lost: {why}");
                    return Ok(());
                }
                Err(e) => return Err(e),
            }
        }
        self.is_back();
        waiting.iter().for_each(Kept::tell);
        metrics::counter!("wattribute_readings_total").increment(readings);
        Ok(())
    }

    async fn wait(&mut self, backoff: &mut Backoff, why: String) -> Result<(), StoreError> {
        if self.health.set("store", State::Down(why.clone())) {
            tracing::warn!("the store takes nothing now; readings wait: {why}");
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.wait()) => Ok(()),
            () = self.shutdown.cancelled() => Err(StoreError::Unavailable(why)),
        }
    }

    fn is_back(&self) {
        let was_down = matches!(self.health.dependencies().get("store"), Some(State::Down(_)));
        if self.health.set("store", State::Ok) && was_down {
            tracing::info!("the store works again");
        }
    }
}
