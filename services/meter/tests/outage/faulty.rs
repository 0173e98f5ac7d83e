//! A store that does not answer at times.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use wattribute_domain::{CorrelationRecord, HourEnergy, ProfileRecord, Reading, Series, SeriesId, SeriesInfo};
use wattribute_store::{Arrivals, Batch, Bucket, CorrelationCounts, CorrelationQuery, Payload, Store, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Another store, which is away at times.
pub struct Faulty {
    inner: Arc<dyn Store>,
    is_away: AtomicBool,
    written: Mutex<Vec<i64>>,
}

impl Faulty {
    pub fn over(inner: Arc<dyn Store>) -> Self {
        Faulty { inner, is_away: AtomicBool::new(false), written: Mutex::default() }
    }

    pub fn goes_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    /// Instants of all readings that were written, ms since the epoch, in the order in which they were.
    pub fn written(&self) -> Vec<i64> {
        self.written.lock().unwrap().clone()
    }

    fn inner(&self) -> Result<&Arc<dyn Store>> {
        match self.is_away.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("the cable is out".to_owned())),
            false => Ok(&self.inner),
        }
    }
}

#[async_trait]
impl Store for Faulty {
    async fn describe(&self, series: Vec<SeriesInfo>) -> Result<Vec<SeriesId>> {
        self.inner()?.describe(series).await
    }

    async fn series(&self) -> Result<Vec<(SeriesId, SeriesInfo)>> {
        self.inner()?.series().await
    }

    async fn write(&self, batch: Batch) -> Result<()> {
        let at_ms: Vec<i64> = batch.readings.iter().map(|reading| reading.at_ms).collect();
        self.inner()?.write(batch).await?;
        self.written.lock().unwrap().extend(at_ms);
        Ok(())
    }

    async fn readings(&self, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Series> {
        self.inner()?.readings(series, from_ms, to_ms).await
    }

    async fn latest(&self) -> Result<Vec<Reading>> {
        self.inner()?.latest().await
    }

    async fn chart(&self, series: SeriesId, from_ms: i64, to_ms: i64, step_ms: i64) -> Result<Vec<Bucket>> {
        self.inner()?.chart(series, from_ms, to_ms, step_ms).await
    }

    async fn arrivals(&self, cursor: i64) -> Result<Arrivals> {
        self.inner()?.arrivals(cursor).await
    }

    async fn payloads(&self) -> Result<Vec<Payload>> {
        self.inner()?.payloads().await
    }

    async fn document(&self, key: &str) -> Result<Option<String>> {
        self.inner()?.document(key).await
    }

    async fn documents(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        self.inner()?.documents(prefix).await
    }

    async fn put_documents(&self, documents: Vec<(String, String)>) -> Result<()> {
        self.inner()?.put_documents(documents).await
    }

    async fn forget_documents(&self, keys: Vec<String>) -> Result<()> {
        self.inner()?.forget_documents(keys).await
    }

    async fn replace_correlations(&self, from_ms: i64, to_ms: i64, records: Vec<CorrelationRecord>) -> Result<()> {
        self.inner()?.replace_correlations(from_ms, to_ms, records).await
    }

    async fn correlations(&self, query: CorrelationQuery) -> Result<Vec<CorrelationRecord>> {
        self.inner()?.correlations(query).await
    }

    async fn correlation_counts(&self, from_ms: i64, min_delta_w: f64) -> Result<CorrelationCounts> {
        self.inner()?.correlation_counts(from_ms, min_delta_w).await
    }

    async fn replace_profiles(&self, profiles: Vec<ProfileRecord>) -> Result<()> {
        self.inner()?.replace_profiles(profiles).await
    }

    async fn profiles(&self) -> Result<Vec<ProfileRecord>> {
        self.inner()?.profiles().await
    }

    async fn replace_energy(&self, from_ms: i64, to_ms: i64, hours: Vec<HourEnergy>) -> Result<()> {
        self.inner()?.replace_energy(from_ms, to_ms, hours).await
    }

    async fn energy(&self, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>> {
        self.inner()?.energy(from_ms, to_ms).await
    }

    async fn total_energy(&self, to_ms: i64) -> Result<Vec<(SeriesId, f64)>> {
        self.inner()?.total_energy(to_ms).await
    }

    async fn maintain(&self, now_ms: i64) -> Result<()> {
        self.inner()?.maintain(now_ms).await
    }

    async fn backup(&self, path: &Path) -> Result<()> {
        self.inner()?.backup(path).await
    }

    async fn check(&self) -> Result<()> {
        self.inner()?.check().await
    }
}
