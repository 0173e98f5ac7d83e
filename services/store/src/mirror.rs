//! A store whose readings, correlations, profiles and energies are also written to an InfluxDB.
//!
//! The store itself stays what counts; what is to be written to InfluxDB waits in a spool, and [`sink::ToInflux`] brings it there. What is written is
//! put into the spool before the store is told to keep it, so that a crash in between leaves a reading too many there, and none too few.

mod fill;
mod sink;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::Mutex as Turn;
use wattribute_domain::{CorrelationRecord, HourEnergy, ProfileRecord, Reading, Series, SeriesId, SeriesInfo};

use crate::influx::figures::Figures;
use crate::influx::mirrored::{Forget, Said};
use crate::spool::Spool;
use crate::{Arrivals, Batch, Bucket, CorrelationCounts, CorrelationQuery, Payload, Result, Store, influx};

pub use fill::{fill_later, mirror};
pub use sink::ToInflux;

/// So many lines at most wait as one parcel.
const LINES: usize = 5_000;

/// A store and what waits for InfluxDB.
pub struct Mirror {
    store: Arc<dyn Store>,
    spool: Arc<Spool>,
    known: Mutex<BTreeMap<SeriesId, SeriesInfo>>,
    /// The turn of who writes: parcels stand in the order of writes.
    turn: Turn<Remembered>,
    is_broken: AtomicBool,
}

/// What is remembered from write to write.
#[derive(Default)]
struct Remembered {
    /// What entities were last, and since when.
    levels: BTreeMap<SeriesId, (i64, f64)>,
    figures: Figures,
}

impl Mirror {
    /// Writes to `store`, and to `spool` what InfluxDB is to have; [`mirror`] with a [`ToInflux`] brings it there.
    pub fn new(store: Arc<dyn Store>, spool: Arc<Spool>) -> Self {
        Mirror { store, spool, known: Mutex::default(), turn: Turn::default(), is_broken: AtomicBool::new(false) }
    }

    /// Puts into the spool what is to be forgotten and written. Where that cannot be, the store goes on without: it is what counts. Whether it could.
    async fn push(&self, forget: Vec<Forget>, said: Said) -> bool {
        let mut waits = true;
        for parcel in influx::mirrored::parcels(forget, said, LINES) {
            let pushed = self.spool.apart(move |spool| spool.push(parcel.as_bytes())).await;
            waits &= pushed.is_ok();
            let was_broken = self.is_broken.swap(pushed.is_err(), Ordering::Relaxed);
            match pushed {
                Err(error) if !was_broken => {
                    tracing::error!(%error, "what InfluxDB is to have cannot wait on disk, and is not written there")
                }
                Ok(()) if was_broken => tracing::info!("what InfluxDB is to have can wait on disk again"),
                _ => {}
            }
        }
        waits
    }

    /// What is known of these series; those that nobody described are not in it.
    async fn infos(&self, ids: impl Iterator<Item = SeriesId>) -> Result<BTreeMap<SeriesId, SeriesInfo>> {
        let known = |ids: &[SeriesId]| {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            ids.iter().filter_map(|id| Some((*id, known.get(id)?.clone()))).collect::<BTreeMap<_, _>>()
        };
        let ids: Vec<SeriesId> = ids.collect();
        let found = known(&ids);
        if ids.iter().all(|id| found.contains_key(id)) {
            return Ok(found);
        }
        let all = self.store.series().await?.into_iter().collect();
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = all;
        Ok(known(&ids))
    }
}

#[async_trait]
impl Store for Mirror {
    async fn describe(&self, series: Vec<SeriesInfo>) -> Result<Vec<SeriesId>> {
        let ids = self.store.describe(series).await?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(ids)
    }

    async fn series(&self) -> Result<Vec<(SeriesId, SeriesInfo)>> {
        self.store.series().await
    }

    async fn write(&self, batch: Batch) -> Result<()> {
        let mut turn = self.turn.lock().await;
        let infos = self.infos(batch.readings.iter().map(|r| r.series).chain(batch.replaced.iter().map(|s| s.series))).await?;
        let forget = batch.replaced.iter().filter_map(|span| influx::mirrored::span(infos.get(&span.series)?, *span)).collect();
        let beside = turn.figures.beside(&*self.store, |id| infos.get(&id), &batch.readings, chrono::Utc::now()).await;
        let mut said = Said::default();
        for reading in &batch.readings {
            if let Some(info) = infos.get(&reading.series) {
                said.reading(info, *reading, &beside, &mut turn.levels);
            }
        }
        self.push(forget, said).await;
        self.store.write(batch).await
    }

    async fn readings(&self, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Series> {
        self.store.readings(series, from_ms, to_ms).await
    }

    async fn readings_of_all(&self, from_ms: i64, to_ms: i64) -> Result<Vec<Reading>> {
        self.store.readings_of_all(from_ms, to_ms).await
    }

    async fn latest(&self) -> Result<Vec<Reading>> {
        self.store.latest().await
    }

    async fn chart(&self, series: SeriesId, from_ms: i64, to_ms: i64, step_ms: i64) -> Result<Vec<Bucket>> {
        self.store.chart(series, from_ms, to_ms, step_ms).await
    }

    async fn arrivals(&self, cursor: i64) -> Result<Arrivals> {
        self.store.arrivals(cursor).await
    }

    async fn payloads(&self) -> Result<Vec<Payload>> {
        self.store.payloads().await
    }

    async fn document(&self, key: &str) -> Result<Option<String>> {
        self.store.document(key).await
    }

    async fn documents(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        self.store.documents(prefix).await
    }

    async fn put_documents(&self, documents: Vec<(String, String)>) -> Result<()> {
        self.store.put_documents(documents).await
    }

    async fn forget_documents(&self, keys: Vec<String>) -> Result<()> {
        self.store.forget_documents(keys).await
    }

    async fn replace_correlations(&self, from_ms: i64, to_ms: i64, records: Vec<CorrelationRecord>) -> Result<()> {
        let _turn = self.turn.lock().await;
        let infos = self.infos(records.iter().map(|r| r.series)).await?;
        let before = self.store.correlations(CorrelationQuery::all(from_ms, to_ms)).await?;
        let (forget, said) = influx::mirrored::correlations(&before, &records, &infos);
        self.push(forget, said).await;
        self.store.replace_correlations(from_ms, to_ms, records).await
    }

    async fn correlations(&self, query: CorrelationQuery) -> Result<Vec<CorrelationRecord>> {
        self.store.correlations(query).await
    }

    async fn correlation_counts(&self, from_ms: i64, min_delta_w: f64) -> Result<CorrelationCounts> {
        self.store.correlation_counts(from_ms, min_delta_w).await
    }

    async fn replace_profiles(&self, profiles: Vec<ProfileRecord>) -> Result<()> {
        let _turn = self.turn.lock().await;
        let before = self.store.profiles().await?;
        let mut said = Said::default();
        for profile in profiles.iter().filter(|profile| !before.contains(profile)) {
            said.profile(profile);
        }
        self.push(Vec::new(), said).await;
        self.store.replace_profiles(profiles).await
    }

    async fn profiles(&self) -> Result<Vec<ProfileRecord>> {
        self.store.profiles().await
    }

    async fn replace_energy(&self, from_ms: i64, to_ms: i64, hours: Vec<HourEnergy>) -> Result<()> {
        let _turn = self.turn.lock().await;
        let infos = self.infos(hours.iter().map(|hour| hour.series)).await?;
        let before = self.store.energy(from_ms, to_ms).await?;
        let (forget, said) = influx::mirrored::energies(&before, &hours, &infos);
        self.push(forget, said).await;
        self.store.replace_energy(from_ms, to_ms, hours).await
    }

    async fn energy(&self, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>> {
        self.store.energy(from_ms, to_ms).await
    }

    async fn energy_of(&self, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>> {
        self.store.energy_of(series, from_ms, to_ms).await
    }

    async fn total_energy(&self, to_ms: i64) -> Result<Vec<(SeriesId, f64)>> {
        self.store.total_energy(to_ms).await
    }

    async fn maintain(&self, now_ms: i64) -> Result<()> {
        self.store.maintain(now_ms).await
    }

    async fn backup(&self, path: &Path) -> Result<()> {
        self.store.backup(path).await
    }

    async fn check(&self) -> Result<()> {
        self.store.check().await
    }
}
