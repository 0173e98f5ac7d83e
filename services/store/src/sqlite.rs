//! The embedded store: one SQLite file.
//!
//! Recent readings stand in one table, in order of time, so that a write touches few pages. Older ones are folded, per series and four
//! hours, into compressed blocks; beside each block stands its head, which answers charts without the block being read.

mod block;
mod chart;
mod connect;
mod fold;
mod learned;
mod log;
mod maintain;
mod read;
mod recent;
mod restore;
mod schema;
mod series;
mod write;

use std::path::Path;

use async_trait::async_trait;
use wattribute_domain::{CorrelationRecord, HourEnergy, ProfileRecord, Reading, Series, SeriesId, SeriesInfo};

use crate::{Arrivals, Batch, Bucket, CorrelationCounts, CorrelationQuery, Origin, Payload, Result, Settings, Store};

use connect::Connections;
pub use connect::origin;
pub(crate) use connect::stand_alone;
pub use restore::restore;
pub(crate) use restore::unpack;

/// A store in one SQLite file.
pub struct Sqlite {
    connections: Connections,
    settings: Settings,
}

impl Sqlite {
    /// Opens the file at `path`; it is made where there is none, with its folder.
    pub fn open(path: &Path, origin: Origin, settings: Settings) -> Result<Self> {
        Ok(Sqlite { connections: Connections::open(path, origin)?, settings })
    }

    /// Takes over series of another store with the numbers that they have there; for a file that knows none yet.
    pub(crate) async fn take_series(&self, all: Vec<(SeriesId, SeriesInfo)>) -> Result<()> {
        self.connections.write(move |db| series::take(db, &all)).await
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn describe(&self, series: Vec<SeriesInfo>) -> Result<Vec<SeriesId>> {
        self.connections.write(move |db| series::describe(db, &series)).await
    }

    async fn series(&self) -> Result<Vec<(SeriesId, SeriesInfo)>> {
        self.connections.read(series::all).await
    }

    async fn write(&self, batch: Batch) -> Result<()> {
        let only_last = self.settings.keep_payloads.is_none();
        self.connections.write(move |db| write::write(db, batch, only_last)).await
    }

    async fn readings(&self, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Series> {
        self.connections.read(move |db| read::readings(db, series, from_ms, to_ms)).await
    }

    async fn latest(&self) -> Result<Vec<Reading>> {
        self.connections.read(read::latest).await
    }

    async fn chart(&self, series: SeriesId, from_ms: i64, to_ms: i64, step_ms: i64) -> Result<Vec<Bucket>> {
        self.connections.read(move |db| chart::chart(db, series, from_ms, to_ms, step_ms)).await
    }

    async fn arrivals(&self, cursor: i64) -> Result<Arrivals> {
        self.connections.read(move |db| log::since(db, cursor)).await
    }

    async fn payloads(&self) -> Result<Vec<Payload>> {
        self.connections.read(learned::payloads).await
    }

    async fn document(&self, key: &str) -> Result<Option<String>> {
        let key = key.to_owned();
        self.connections.read(move |db| learned::document(db, &key)).await
    }

    async fn documents(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        let prefix = prefix.to_owned();
        self.connections.read(move |db| learned::documents(db, &prefix)).await
    }

    async fn forget_documents(&self, keys: Vec<String>) -> Result<()> {
        self.connections.write(move |db| learned::forget_documents(db, &keys)).await
    }

    async fn put_documents(&self, documents: Vec<(String, String)>) -> Result<()> {
        self.connections.write(move |db| learned::put_documents(db, &documents)).await
    }

    async fn replace_correlations(&self, from_ms: i64, to_ms: i64, records: Vec<CorrelationRecord>) -> Result<()> {
        self.connections.write(move |db| learned::replace_correlations(db, from_ms, to_ms, &records)).await
    }

    async fn correlations(&self, query: CorrelationQuery) -> Result<Vec<CorrelationRecord>> {
        self.connections.read(move |db| learned::correlations(db, &query)).await
    }

    async fn correlation_counts(&self, from_ms: i64, min_delta_w: f64) -> Result<CorrelationCounts> {
        self.connections.read(move |db| learned::correlation_counts(db, from_ms, min_delta_w)).await
    }

    async fn replace_profiles(&self, profiles: Vec<ProfileRecord>) -> Result<()> {
        self.connections.write(move |db| learned::replace_profiles(db, &profiles)).await
    }

    async fn profiles(&self) -> Result<Vec<ProfileRecord>> {
        self.connections.read(learned::profiles).await
    }

    async fn replace_energy(&self, from_ms: i64, to_ms: i64, hours: Vec<HourEnergy>) -> Result<()> {
        self.connections.write(move |db| learned::replace_energy(db, from_ms, to_ms, &hours)).await
    }

    async fn energy(&self, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>> {
        self.connections.read(move |db| learned::energy(db, from_ms, to_ms)).await
    }

    async fn energy_of(&self, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>> {
        self.connections.read(move |db| learned::energy_of(db, series, from_ms, to_ms)).await
    }

    async fn total_energy(&self, to_ms: i64) -> Result<Vec<(SeriesId, f64)>> {
        self.connections.read(move |db| learned::total_energy(db, to_ms)).await
    }

    async fn maintain(&self, now_ms: i64) -> Result<()> {
        maintain::maintain(&self.connections, &self.settings, now_ms).await
    }

    async fn backup(&self, path: &Path) -> Result<()> {
        self.connections.backup(path).await
    }

    async fn check(&self) -> Result<()> {
        self.connections.read(|db| Ok(db.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))?)).await?;
        self.connections
            .write(|db| {
                // A value that differs each time, so that something is really written.
                db.execute("INSERT INTO meta VALUES ('checked', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1", [])?;
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use wattribute_domain::Quantity;

    use super::*;
    use crate::{Span, StoreError};

    #[tokio::test]
    async fn a_full_disk_is_told_and_passes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("small.db"), Origin::Home, Settings::default()).unwrap();
        let id = store.describe(vec![SeriesInfo::new("test", "a", Quantity::PowerW)]).await.unwrap()[0];
        // To SQLite this is a full disk.
        store.connections.write(|db| Ok(db.pragma_update(None, "max_page_count", 60)?)).await.unwrap();
        let reading = |k: i64| Reading { series: id, at_ms: k * 10_000, value: k as f64 };
        let (mut written, mut refused) = (0, 0);
        while refused < 3 {
            let batch = Batch { readings: (written..written + 400).map(reading).collect(), ..Batch::default() };
            match store.write(batch).await {
                Ok(()) => written += 400,
                Err(StoreError::Unavailable(text)) => {
                    assert!(text.contains("no room") && text.contains("small.db"), "{text}");
                    refused += 1;
                }
                Err(other) => panic!("{other:?}"),
            }
            assert!(written < 100_000, "never full");
        }
        // What was acknowledged is there, and room makes it write again.
        assert_eq!(store.readings(id, 0, i64::MAX).await.unwrap().len() as i64, written);
        let all = Span { series: id, from_ms: 0, to_ms: i64::MAX };
        store.write(Batch { replaced: vec![all], ..Batch::default() }).await.unwrap();
        store.write(Batch { readings: vec![reading(1)], ..Batch::default() }).await.unwrap();
        assert_eq!(store.latest().await.unwrap(), [reading(1)]);
    }
}
