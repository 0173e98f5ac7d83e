//! What the store held before there was a mirror, or was written past it, put into the spool stretch by stretch: in the turn of who writes, so that
//! what is replaced meanwhile is replaced there as well.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use serde::{Deserialize, Serialize};
use wattribute_domain::SeriesId;

use super::{Mirror, ToInflux};
use crate::influx::figures::Beside;
use crate::influx::mirrored::{Said, correlations, energies};
use crate::spool::{Sink as _, deliver};
use crate::{CorrelationQuery, Result, Store, StoreError};

/// Documents that say which stretches are still to be put there begin so; `influx:` stays with the store.
const STRETCH: &str = "influx:fill:";
/// Document that says which bucket was looked at.
const LOOKED: &str = "influx:filled";
/// So much is put there at once, ms.
const AT_ONCE_MS: i64 = 86_400_000;
/// How often it is looked whether there is something to put there.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long is waited for an InfluxDB that does not answer, or for room.
const PAUSE: Duration = Duration::from_secs(2);

/// A stretch `[from_ms, to_ms)` of all series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stretch {
    from_ms: i64,
    to_ms: i64,
}

/// Has the process that mirrors put `[from_ms, to_ms)` (ms since the epoch) into the mirror, as the store has it: for who wrote past it.
pub async fn fill_later(store: &dyn Store, from_ms: i64, to_ms: i64) -> Result<()> {
    store.put_documents(vec![document(&format!("{STRETCH}{from_ms}"), Stretch { from_ms, to_ms })]).await
}

fn document(key: &str, stretch: Stretch) -> (String, String) {
    (key.to_owned(), serde_json::to_string(&stretch).unwrap_or_default())
}

/// Brings to InfluxDB all that waits and comes, until it is dropped. Where `fills`, a bucket that holds nothing of ours first gets all that the store
/// holds, and later what others wrote past the mirror; one process of a store does that.
pub async fn mirror<F: FnMut(Option<&str>) + Send>(mirror: Arc<Mirror>, mut sink: ToInflux<F>, fills: bool) {
    let spool = mirror.spool.clone();
    if !fills {
        return deliver(spool, sink).await;
    }
    // Before anything is brought, as from then on it is not empty.
    loop {
        match mirror.look_first(&mut sink).await {
            Ok(()) => break,
            Err(error) => {
                sink.told(Some(&error.to_string()), None);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    sink.told(None, None);
    tokio::join!(deliver(spool, sink), mirror.fill());
}

impl Mirror {
    /// Looks once at each bucket: one that holds nothing of ours is to have all that the store holds.
    async fn look_first<F: FnMut(Option<&str>) + Send>(&self, sink: &mut ToInflux<F>) -> Result<()> {
        let place = sink.place();
        if self.store.document(LOOKED).await?.as_deref() == Some(place.as_str()) {
            return Ok(());
        }
        let is_empty = match sink.is_empty().await {
            Ok(is_empty) => is_empty,
            // Who may write but not read may still mirror.
            Err(StoreError::Refused(why)) => {
                tracing::warn!("whether InfluxDB holds something of ours cannot be seen, so it gets only what is said from now on: {why}");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let mut documents = vec![(LOOKED.to_owned(), place)];
        let spans_ms = self.store.arrivals(-1).await?.spans_ms;
        if let (true, Some((from_ms, _)), Some((_, last_ms))) = (is_empty, spans_ms.first(), spans_ms.last()) {
            tracing::info!("InfluxDB holds nothing of ours yet, and gets what the store holds");
            // Prices of tomorrow are there today.
            let to_ms = Utc::now().timestamp_millis().max(last_ms + 1);
            documents.push(document(&format!("{STRETCH}first"), Stretch { from_ms: *from_ms, to_ms }));
        }
        self.store.put_documents(documents).await
    }

    /// Puts into the spool what is to be there, again and again.
    async fn fill(&self) {
        let mut levels = BTreeMap::new();
        loop {
            let pause = match self.fill_next(&mut levels).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::debug!(%error, "the mirror cannot be filled now");
                    LOOK_EVERY
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Puts a part of the first stretch into the spool; how long to wait then.
    async fn fill_next(&self, levels: &mut BTreeMap<SeriesId, (i64, f64)>) -> Result<Duration> {
        let Some((key, text)) = self.store.documents(STRETCH).await?.into_iter().next() else { return Ok(LOOK_EVERY) };
        let fill = self.spool.fill();
        if fill.bytes > fill.limit_bytes / 4 {
            return Ok(PAUSE);
        }
        let Some(stretch) = serde_json::from_str::<Stretch>(&text).ok().filter(|stretch| stretch.from_ms < stretch.to_ms) else {
            self.put_profiles().await?;
            self.store.forget_documents(vec![key]).await?;
            tracing::info!("InfluxDB has what the store held");
            return Ok(Duration::ZERO);
        };
        // Whole days, so that each hour is in one of them.
        let from_ms = stretch.from_ms.div_euclid(AT_ONCE_MS) * AT_ONCE_MS;
        let to_ms = from_ms + AT_ONCE_MS;
        if !self.put(from_ms, to_ms.min(stretch.to_ms.max(from_ms + 1)), levels).await? {
            return Ok(LOOK_EVERY);
        }
        self.store.put_documents(vec![document(&key, Stretch { from_ms: to_ms, ..stretch })]).await?;
        Ok(Duration::ZERO)
    }

    /// Puts `[from_ms, to_ms)` into the spool, as the store has it; whether it waits there.
    async fn put(&self, from_ms: i64, to_ms: i64, levels: &mut BTreeMap<SeriesId, (i64, f64)>) -> Result<bool> {
        let _turn = self.turn.lock().await;
        let infos = self.store.series().await?.into_iter().collect();
        let mut said = Said::default();
        for reading in self.store.readings_of_all(from_ms, to_ms).await? {
            if let Some(info) = BTreeMap::get(&infos, &reading.series) {
                said.reading(info, reading, &Beside::new(), levels);
            }
        }
        let records = self.store.correlations(CorrelationQuery::all(from_ms, to_ms)).await?;
        let (_, steps) = correlations(&[], &records, &infos);
        let (_, hours) = energies(&[], &self.store.energy(from_ms, to_ms).await?, &infos);
        Ok(self.push(Vec::new(), said).await && self.push(Vec::new(), steps).await && self.push(Vec::new(), hours).await)
    }

    async fn put_profiles(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        let mut said = Said::default();
        self.store.profiles().await?.iter().for_each(|profile| said.profile(profile));
        self.push(Vec::new(), said).await;
        Ok(())
    }
}
