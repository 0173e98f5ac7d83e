//! What series say at an instant, and which of them is the house.

use std::collections::HashMap;

use wattribute_domain::{HELD_INTERVALS, Hold, Quantity, Role, SeriesId, SeriesInfo, UNKNOWN_HOLD_MS, YOUNG_MS};

use crate::{Result, Store, house};

/// The source of series that we compute ourselves.
pub const OURS: &str = "wattribute";

/// How far back is looked for the usual interval of a polled or pushed series, ms.
const LOOK_BACK_MS: i64 = 3_600_000;

/// Until when what a polled or pushed series said at `at_ms` holds, ms since the epoch: for three of its usual intervals, and at least until
/// `now_ms` while it is young.
pub async fn held_until_ms(store: &dyn Store, series: SeriesId, at_ms: i64, now_ms: i64) -> Result<i64> {
    if now_ms - at_ms <= YOUNG_MS {
        return Ok(now_ms);
    }
    let usual_ms = store.readings(series, at_ms - LOOK_BACK_MS, at_ms + 1).await?.usual_interval_ms();
    Ok(at_ms + usual_ms.map_or(UNKNOWN_HOLD_MS, |ms| HELD_INTERVALS * ms))
}

/// All series and what they say.
pub struct Powers {
    /// All series, by number.
    pub series: Vec<(SeriesId, SeriesInfo)>,
    /// When each said something last, ms, and what; only of those that speak now.
    said: HashMap<SeriesId, (i64, f64)>,
}

impl Powers {
    /// What all series say at `now_ms`. What a polled or pushed device said holds for three of its usual intervals.
    pub async fn read(store: &dyn Store, now_ms: i64) -> Result<Self> {
        let series = store.series().await?;
        let mut said: HashMap<SeriesId, (i64, f64)> =
            store.latest().await?.into_iter().filter(|r| r.value.is_finite()).map(|r| (r.series, (r.at_ms, r.value))).collect();
        for (id, _) in series.iter().filter(|(_, info)| info.hold == Hold::Intervals) {
            let Some(&(at_ms, _)) = said.get(id) else { continue };
            if now_ms > held_until_ms(store, *id, at_ms, now_ms).await? {
                said.remove(id);
            }
        }
        Ok(Powers { series, said })
    }

    /// All series, without what they say.
    pub async fn read_series(store: &dyn Store) -> Result<Self> {
        Ok(Powers { series: store.series().await?, said: HashMap::new() })
    }

    /// What a series says, and since when, ms; `None` where it is silent.
    pub fn now(&self, id: SeriesId) -> Option<(i64, f64)> {
        self.said.get(&id).copied()
    }

    /// What is known of a series.
    pub fn info(&self, id: SeriesId) -> Option<&SeriesInfo> {
        self.series.iter().find(|(known, _)| *known == id).map(|(_, info)| info)
    }

    /// The series of the house's power: what the correlator worked out, else the only one that is said to be it.
    pub async fn house(&self, store: &dyn Store) -> Result<Option<SeriesId>> {
        if let Some(record) = house(store).await? {
            return Ok(Some(record.series));
        }
        let whole = |(_, info): &&(SeriesId, SeriesInfo)| info.quantity == Quantity::PowerW && info.role == Some(Role::WholeHouse);
        let mut all = self.series.iter().filter(whole);
        Ok(all.next().filter(|_| all.next().is_none()).map(|(id, _)| *id))
    }

    /// Parts of the house with a power of their own.
    pub fn circuits(&self) -> impl Iterator<Item = &(SeriesId, SeriesInfo)> {
        let other = |role| matches!(role, Some(Role::WholeHouse | Role::Solar | Role::Battery | Role::Gas | Role::Copy | Role::Guess));
        self.series.iter().filter(move |(_, info)| info.quantity == Quantity::PowerW && info.source != OURS && !other(info.role))
    }
}
