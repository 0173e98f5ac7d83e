//! What the house is, and what it draws.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use wattribute_domain::{Hold, Quantity, Role, SeriesId, SeriesInfo};
use wattribute_store::{Result, Store};

/// The source of series that we compute ourselves.
pub const OURS: &str = "wattribute";
/// A polled series is not believed for longer, ms.
const STALE_MS: i64 = 120_000;

/// Series of power and what they said last.
pub struct Powers {
    /// All series.
    pub series: Vec<(SeriesId, SeriesInfo)>,
    latest: HashMap<SeriesId, (i64, f64)>,
    now: DateTime<Utc>,
}

/// What the correlator says that the house is.
#[derive(Deserialize)]
struct HouseDocument {
    series: SeriesId,
}

impl Powers {
    /// Reads them.
    pub async fn read(store: &dyn Store, now: DateTime<Utc>) -> Result<Self> {
        let latest = store.latest().await?.into_iter().map(|r| (r.series, (r.at_ms, r.value))).collect();
        Ok(Powers { series: store.series().await?, latest, now })
    }

    /// The series of the house's power: what the correlator worked out, else the only one that is said to be it.
    pub async fn house(&self, store: &dyn Store) -> Result<Option<SeriesId>> {
        let document = store.document("house").await?.and_then(|text| serde_json::from_str::<HouseDocument>(&text).ok());
        if let Some(HouseDocument { series }) = document {
            return Ok(Some(series));
        }
        let whole = |(_, info): &&(SeriesId, SeriesInfo)| info.quantity == Quantity::PowerW && info.role == Some(Role::WholeHouse);
        let mut all = self.series.iter().filter(whole);
        Ok(all.next().filter(|_| all.next().is_none()).map(|(id, _)| *id))
    }

    /// Parts of the house with a power of their own.
    pub fn circuits(&self) -> impl Iterator<Item = &(SeriesId, SeriesInfo)> {
        let other = |role| matches!(role, Some(Role::WholeHouse | Role::Solar | Role::Battery | Role::Gas));
        self.series.iter().filter(move |(_, info)| info.quantity == Quantity::PowerW && info.source != OURS && !other(info.role))
    }

    /// What a series says now, and since when; `None` where it is silent.
    pub fn now(&self, id: SeriesId) -> Option<(i64, f64)> {
        let (_, info) = self.series.iter().find(|(known, _)| *known == id)?;
        let &(at_ms, value) = self.latest.get(&id)?;
        let is_stale = info.hold == Hold::Intervals && self.now.timestamp_millis() - at_ms > STALE_MS;
        (value.is_finite() && !is_stale).then_some((at_ms, value))
    }
}
