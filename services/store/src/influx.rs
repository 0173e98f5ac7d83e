//! InfluxDB as the store, spoken to over HTTP: 1.x and 2.x.
//!
//! Readings stand in the measurements that owners of InfluxDB know (`place`), one point each, by the number of their series; silence is a field
//! of its own. What InfluxDB has no notion of is built on points that are written again: series, documents and profiles stand at the epoch, the
//! log of arrivals is ordered by the server's clock, and what is known of closed blocks (`heads`) spares charts their readings.

mod account;
mod answer;
mod chart;
mod client;
pub(crate) mod figures;
mod heads;
mod kept;
mod learned;
pub mod line;
mod log;
mod maintain;
pub(crate) mod mirrored;
mod newest;
mod place;
mod read;
mod series;
mod setup;
mod table;
mod write;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::OnceCell;
use wattribute_domain::{CorrelationRecord, HourEnergy, ProfileRecord, Reading, Series, SeriesId, SeriesInfo};

use crate::{Arrivals, Batch, Bucket, CorrelationCounts, CorrelationQuery, Origin, Payload, Result, Settings, Store};

pub use account::{Account, BUCKET, ORG};
pub use client::{Client, Dialect, Space, Written};
pub(crate) use setup::in_a_thread;
pub use setup::{connect_sink, look, origin};
pub use table::{Cell, Table};

/// The instants that InfluxDB can hold, ms: those of a 64-bit number of ns.
const INSTANTS: std::ops::Range<i64> = -9_223_372_000_000..9_223_372_000_000;
/// The same in words.
const YEARS: &str = "1678 to 2261";

/// A text as InfluxQL writes it.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
}

/// A store in InfluxDB. It connects when it is first needed, so that a service may start before InfluxDB does.
pub struct Influx {
    url: String,
    origin: Origin,
    settings: Settings,
    client: OnceCell<Client>,
    /// Series as last read.
    known: Mutex<BTreeMap<SeriesId, series::Known>>,
    /// Writes go one after another: each looks at what is there before.
    writing: tokio::sync::Mutex<write::Writing>,
    /// Arrivals that were told.
    told: Mutex<log::Told>,
    /// The newest rows, as last found.
    newest: Mutex<Option<newest::Newest>>,
    /// Up to where blocks have heads, ms, and when that was looked up.
    headed: Mutex<Option<(i64, tokio::time::Instant)>>,
}

impl Influx {
    /// A store at `url`; `settings` name bucket and token. Nothing is asked yet.
    pub fn new(url: &str, origin: Origin, settings: Settings) -> Result<Self> {
        client::address(url)?;
        Ok(Influx {
            url: url.to_owned(),
            origin,
            settings,
            client: OnceCell::new(),
            known: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            told: Mutex::default(),
            newest: Mutex::default(),
            headed: Mutex::default(),
        })
    }

    /// The connection, which is made, and all that is needed there, the first time.
    async fn client(&self) -> Result<&Client> {
        self.client.get_or_try_init(|| setup::connect(&self.url, self.origin, &self.settings)).await
    }
}

/// The inside of a lock; what another thread left half done is as good as nothing done.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Store for Influx {
    async fn describe(&self, series: Vec<SeriesInfo>) -> Result<Vec<SeriesId>> {
        self.describe_all(series).await
    }

    async fn series(&self) -> Result<Vec<(SeriesId, SeriesInfo)>> {
        self.load_series().await?;
        Ok(locked(&self.known).iter().map(|(id, known)| (*id, known.info.clone())).collect())
    }

    async fn write(&self, batch: Batch) -> Result<()> {
        self.write_batch(batch).await
    }

    async fn readings(&self, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Series> {
        self.read(series, from_ms, to_ms).await
    }

    async fn readings_of_all(&self, from_ms: i64, to_ms: i64) -> Result<Vec<Reading>> {
        self.read_all(from_ms, to_ms).await
    }

    async fn latest(&self) -> Result<Vec<Reading>> {
        self.newest().await
    }

    async fn chart(&self, series: SeriesId, from_ms: i64, to_ms: i64, step_ms: i64) -> Result<Vec<Bucket>> {
        self.draw(series, from_ms, to_ms, step_ms).await
    }

    async fn arrivals(&self, cursor: i64) -> Result<Arrivals> {
        self.arrived(cursor).await
    }

    async fn payloads(&self) -> Result<Vec<Payload>> {
        kept::payloads(self.client().await?).await
    }

    async fn document(&self, key: &str) -> Result<Option<String>> {
        kept::document(self.client().await?, key).await
    }

    async fn documents(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        kept::documents(self.client().await?, prefix).await
    }

    async fn put_documents(&self, documents: Vec<(String, String)>) -> Result<()> {
        kept::put_documents(self.client().await?, &documents).await
    }

    async fn forget_documents(&self, keys: Vec<String>) -> Result<()> {
        kept::forget_documents(self.client().await?, &keys).await
    }

    async fn replace_correlations(&self, from_ms: i64, to_ms: i64, records: Vec<CorrelationRecord>) -> Result<()> {
        self.replace_steps(from_ms, to_ms, &records).await
    }

    async fn correlations(&self, query: CorrelationQuery) -> Result<Vec<CorrelationRecord>> {
        learned::correlations(self.client().await?, &query).await
    }

    async fn correlation_counts(&self, from_ms: i64, min_delta_w: f64) -> Result<CorrelationCounts> {
        learned::counts(self.client().await?, from_ms, min_delta_w).await
    }

    async fn replace_profiles(&self, profiles: Vec<ProfileRecord>) -> Result<()> {
        kept::replace_profiles(self.client().await?, &profiles).await
    }

    async fn profiles(&self) -> Result<Vec<ProfileRecord>> {
        kept::profiles(self.client().await?).await
    }

    async fn replace_energy(&self, from_ms: i64, to_ms: i64, hours: Vec<HourEnergy>) -> Result<()> {
        kept::replace_energy(self.client().await?, from_ms, to_ms, &hours).await
    }

    async fn energy(&self, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>> {
        kept::energy(self.client().await?, None, from_ms, to_ms).await
    }

    async fn energy_of(&self, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>> {
        kept::energy(self.client().await?, Some(series), from_ms, to_ms).await
    }

    async fn total_energy(&self, to_ms: i64) -> Result<Vec<(SeriesId, f64)>> {
        kept::total_energy(self.client().await?, to_ms).await
    }

    async fn maintain(&self, now_ms: i64) -> Result<()> {
        self.keep_in_order(now_ms).await
    }

    async fn backup(&self, path: &Path) -> Result<()> {
        crate::copy::to_sqlite(self, self.origin, path).await
    }

    async fn check(&self) -> Result<()> {
        setup::check(self.client().await?).await
    }
}
