//! A copy of everything in one SQLite file, which any Wattribute can open.

use std::path::{Path, PathBuf};

use wattribute_domain::Reading;

use super::{INSTANTS, Influx};
use crate::sqlite::Sqlite;
use crate::{Batch, CorrelationQuery, Origin, Result, Settings, Store, StoreError};

/// So many readings are written at once.
const AT_ONCE: usize = 100_000;
/// Readings are taken over month by month, ms.
const MONTH_MS: i64 = 30 * 86_400_000;

/// Writes all that `store` holds to a new file. What is said meanwhile may be in it or not.
pub async fn to_sqlite(store: &Influx, origin: Origin, path: &Path) -> Result<()> {
    if path.exists() {
        return Err(StoreError::Refused(format!("{} exists already: name a new file for the backup", path.display())));
    }
    // Under another name until it is whole, so that half a backup never looks like one.
    let mut part = path.to_owned().into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    std::fs::remove_file(&part).ok();
    let done = copy(store, origin, &part).await.and_then(|()| {
        std::fs::rename(&part, path)
            .map_err(|e| StoreError::Unavailable(format!("the backup {} could not be finished: {e}", path.display())))
    });
    if done.is_err() {
        std::fs::remove_file(&part).ok();
    }
    done
}

async fn copy(store: &Influx, origin: Origin, path: &Path) -> Result<()> {
    let to = Sqlite::open(path, origin, Settings::forever())?;
    let all = store.series().await?;
    to.take_series(all.clone()).await?;
    if let Some((first_ms, last_ms)) = store.everything().await? {
        for (series, _) in &all {
            let mut from_ms = first_ms;
            while from_ms <= last_ms {
                let to_ms = (from_ms + MONTH_MS).min(last_ms + 1);
                let rows = store.readings(*series, from_ms, to_ms).await?;
                let said = rows.at_ms.iter().zip(&rows.value).filter(|(at_ms, _)| **at_ms >= from_ms);
                let readings: Vec<Reading> = said.map(|(&at_ms, &value)| Reading { series: *series, at_ms, value }).collect();
                for some in readings.chunks(AT_ONCE) {
                    to.write(Batch { readings: some.to_vec(), ..Batch::default() }).await?;
                }
                from_ms = to_ms;
            }
        }
    }
    to.write(Batch { payloads: store.payloads().await?, ..Batch::default() }).await?;
    to.put_documents(store.documents("").await?.into_iter().filter(|(key, _)| !key.starts_with("influx:")).collect()).await?;
    let (from_ms, to_ms) = (INSTANTS.start, INSTANTS.end);
    let records = store.correlations(CorrelationQuery::all(from_ms, to_ms)).await?;
    to.replace_correlations(from_ms, to_ms, records).await?;
    to.replace_profiles(store.profiles().await?).await?;
    to.replace_energy(from_ms, to_ms, store.energy(from_ms, to_ms).await?).await
}
