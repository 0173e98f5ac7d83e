//! How long devices were on, kept in memory by day of UTC.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use wattribute_domain::SeriesId;
use wattribute_store::Result;

use super::Books;
use crate::activity::{Run, runs};

const DAY_MS: i64 = 86_400_000;
/// How long a day that is over is believed, ms.
const SETTLED_MS: i64 = 3_600_000;
/// Days that are kept at most.
const MOST_DAYS: usize = 100_000;

/// Days of devices: time on, and when it was counted, ms.
#[derive(Default)]
pub struct TimeOn(Mutex<HashMap<(SeriesId, i64), (i64, i64)>>);

impl Books {
    /// Time that a level series is known to have been on in `[from_ms, to_ms)`, ms.
    pub async fn time_on_ms(&self, series: SeriesId, from_ms: i64, to_ms: i64, now_ms: i64) -> Result<i64> {
        let to_ms = to_ms.min(now_ms);
        // Of the last days more may still be said.
        let settled_ms = to_ms.min(now_ms - 2 * DAY_MS).div_euclid(DAY_MS) * DAY_MS;
        let begin_ms = -(-from_ms).div_euclid(DAY_MS) * DAY_MS;
        if settled_ms <= begin_ms {
            return self.count_on_ms(series, from_ms, to_ms).await;
        }
        let (first, end) = (begin_ms / DAY_MS, settled_ms / DAY_MS);
        let missing: Vec<i64> = {
            let days = self.time_on.lock();
            let is_known = |day| days.get(&(series, day)).is_some_and(|(_, at_ms)| (0..SETTLED_MS).contains(&(now_ms - at_ms)));
            (first..end).filter(|day| !is_known(*day)).collect()
        };
        if let (Some(first), Some(last)) = (missing.first(), missing.last()) {
            let (from_ms, to_ms) = (first * DAY_MS, (last + 1) * DAY_MS);
            let mut fresh: BTreeMap<i64, i64> = (*first..=*last).map(|day| (day, 0)).collect();
            for run in runs(&self.store.readings(series, from_ms, to_ms).await?, from_ms, to_ms) {
                for (hour_ms, on_ms) in run.by_hour() {
                    *fresh.entry(hour_ms.div_euclid(DAY_MS)).or_default() += on_ms;
                }
            }
            let mut days = self.time_on.lock();
            if days.len() + fresh.len() > MOST_DAYS {
                days.clear();
            }
            days.extend(fresh.into_iter().map(|(day, on_ms)| ((series, day), (on_ms, now_ms))));
        }
        let within: i64 = {
            let days = self.time_on.lock();
            (first..end).filter_map(|day| days.get(&(series, day))).map(|(on_ms, _)| on_ms).sum()
        };
        Ok(within + self.count_on_ms(series, from_ms, begin_ms).await? + self.count_on_ms(series, settled_ms, to_ms).await?)
    }

    async fn count_on_ms(&self, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<i64> {
        if to_ms <= from_ms {
            return Ok(0);
        }
        Ok(runs(&self.store.readings(series, from_ms, to_ms).await?, from_ms, to_ms).iter().map(Run::on_ms).sum())
    }
}

impl TimeOn {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(SeriesId, i64), (i64, i64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
