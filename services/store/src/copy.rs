//! From one store into another, of whatever kind.

use std::path::{Path, PathBuf};

use wattribute_domain::{Reading, SeriesId, SeriesInfo};

use crate::influx::Influx;
use crate::sqlite::{self, Sqlite};
use crate::{Batch, CorrelationQuery, Origin, Result, Settings, Store, StoreError};

/// So many readings are written at once.
const AT_ONCE: usize = 100_000;
/// Readings are taken over month by month, ms.
const MONTH_MS: i64 = 30 * 86_400_000;
/// Longer than anything lasted, ms.
const ALL_MS: (i64, i64) = (-9_000_000_000_000, 9_000_000_000_000);
/// While a backup is put into a bucket this document says which.
const RESTORING: &str = "influx:restoring";

/// Writes all that `from` holds into `to`, which holds nothing yet. What is said meanwhile may be in it or not.
pub async fn copy(from: &dyn Store, to: &dyn Store) -> Result<()> {
    let all = from.series().await?;
    let infos: Vec<SeriesInfo> = all.iter().map(|(_, info)| info.clone()).collect();
    let numbers = to.describe(infos).await?;
    if all.iter().zip(&numbers).any(|((id, _), number)| id != number) {
        return Err(StoreError::Refused("the store to copy to holds series already: name one with nothing in it".to_owned()));
    }
    copy_of(&all, from, to).await
}

/// The same, where both know these series by the same numbers.
async fn copy_of(all: &[(SeriesId, SeriesInfo)], from: &dyn Store, to: &dyn Store) -> Result<()> {
    for (first_ms, last_ms) in from.arrivals(-1).await?.spans_ms {
        for (series, _) in all {
            let mut from_ms = first_ms;
            while from_ms <= last_ms {
                let to_ms = (from_ms + MONTH_MS).min(last_ms + 1);
                let rows = from.readings(*series, from_ms, to_ms).await?;
                let said = rows.at_ms.iter().zip(&rows.value).filter(|(at_ms, _)| **at_ms >= from_ms);
                let readings: Vec<Reading> = said.map(|(&at_ms, &value)| Reading { series: *series, at_ms, value }).collect();
                for some in readings.chunks(AT_ONCE) {
                    to.write(Batch { readings: some.to_vec(), ..Batch::default() }).await?;
                }
                from_ms = to_ms;
            }
        }
    }
    to.write(Batch { payloads: from.payloads().await?, ..Batch::default() }).await?;
    to.put_documents(from.documents("").await?.into_iter().filter(|(key, _)| !key.starts_with("influx:")).collect()).await?;
    let (from_ms, to_ms) = ALL_MS;
    to.replace_correlations(from_ms, to_ms, from.correlations(CorrelationQuery::all(from_ms, to_ms)).await?).await?;
    to.replace_profiles(from.profiles().await?).await?;
    to.replace_energy(from_ms, to_ms, from.energy(from_ms, to_ms).await?).await
}

/// Puts the backup at `from` into the InfluxDB at `url`, into a bucket that holds no series of ours. What was broken off goes on with the same backup.
pub(crate) fn into_influx(url: &str, home: Origin, from: &Path, settings: &Settings) -> Result<()> {
    // Asked first: a wrong token or the demo's bucket must not wait for a long copy.
    crate::influx::look(url, home, settings)?;
    let unpacked = sqlite::unpack(home, from)?;
    let bytes = std::fs::metadata(from).map_or(0, |file| file.len());
    let from = Sqlite::open(unpacked.path(), home, Settings::forever())?;
    let (url, settings) = (url.to_owned(), settings.clone());
    let done = crate::influx::in_a_thread(async move {
        let to = Influx::new(&url, home, settings.clone())?;
        let (all, there) = (from.series().await?, to.series().await?);
        let name = format!("{bytes} bytes, {} series", all.len());
        let goes_on = to.document(RESTORING).await?.is_some_and(|begun| begun == name);
        let is_free = there.is_empty() || (goes_on && there.iter().all(|known| all.contains(known)));
        if !is_free {
            return Err(StoreError::Refused(format!(
                "the bucket `{}` holds readings of Wattribute already, and nothing was changed: name a new `bucket` in [influxdb], restore into that, \
                 and let the services use it",
                settings.influx.bucket
            )));
        }
        to.put_documents(vec![(RESTORING.to_owned(), name)]).await?;
        to.take_series(all.clone()).await?;
        copy_of(&all, &from, &to).await?;
        to.forget_documents(vec![RESTORING.to_owned()]).await
    });
    drop(unpacked);
    done
}

/// Writes all that `store` holds to a new SQLite file.
pub(crate) async fn to_sqlite(store: &dyn Store, origin: Origin, path: &Path) -> Result<()> {
    if path.exists() {
        return Err(StoreError::Refused(format!("{} exists already: name a new file for the backup", path.display())));
    }
    // Under another name until it is whole, so that half a backup never looks like one.
    let mut part = path.to_owned().into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    std::fs::remove_file(&part).ok();
    let done = write(store, origin, &part).await.and_then(|()| {
        let unfinished = |e| StoreError::Unavailable(format!("the backup {} could not be finished: {e}", path.display()));
        std::fs::rename(&part, path).map_err(unfinished)
    });
    if done.is_err() {
        std::fs::remove_file(&part).ok();
    }
    done
}

async fn write(store: &dyn Store, origin: Origin, path: &Path) -> Result<()> {
    let to = Sqlite::open(path, origin, Settings::forever())?;
    let all = store.series().await?;
    to.take_series(all.clone()).await?;
    copy_of(&all, store, &to).await?;
    drop(to);
    sqlite::stand_alone(path)
}
