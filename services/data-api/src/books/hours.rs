//! Energies of all devices by hour, kept in memory by day of UTC: a year of them is asked for again and again, and is read once for each learning.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use wattribute_domain::{ProfileRecord, SeriesId};
use wattribute_store::{Result, Store, StoreError, house};

use super::{Books, DeviceHours};
use crate::memo::Memo;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Energies are written after the profiles of the same learning: up to so long after it, days are read again, ms.
const WRITING_MS: i64 = 120_000;
/// How long what is read is believed meanwhile, and what came since the last learning, ms.
const FRESH_MS: i64 = 5_000;
/// Days that are kept at most: ten years.
const MOST_DAYS: usize = 3660;

/// One day of UTC: energies by hour, kWh; `NaN` where nothing is told.
#[derive(Clone)]
struct Day {
    learned_at_ms: i64,
    read_ms: i64,
    hours: Arc<[(SeriesId, [f32; 24])]>,
}

/// Days as far as they were asked for.
#[derive(Default)]
pub struct HourBook {
    days: Mutex<HashMap<i64, Day>>,
    /// What came since the hour of the last learning (its key), with when that was counted, ms.
    since: Memo<i64, Arc<(i64, DeviceHours)>>,
}

/// Energies of devices in hours in a row.
pub struct Hours {
    /// When the first hour begins, ms since the epoch.
    pub from_ms: i64,
    /// When the hour of the last learning begins, ms since the epoch: energies before were learned.
    pub learned_ms: i64,
    /// When what came since was counted, ms since the epoch.
    counted_ms: i64,
    /// Energy in each hour, kWh, by level series; of a group under its first. `NaN` where nothing is told.
    pub kwh: BTreeMap<SeriesId, Vec<f32>>,
}

impl Hours {
    /// Energy of a device in the hour that begins at `hour_ms`, kWh; `None` where nothing is told.
    pub fn kwh(&self, series: SeriesId, hour_ms: i64) -> Option<f64> {
        let k = usize::try_from((hour_ms - self.from_ms).div_euclid(HOUR_MS)).ok()?;
        self.kwh.get(&series)?.get(k).map(|kwh| f64::from(*kwh)).filter(|kwh| kwh.is_finite())
    }

    /// Up to when the energy of the hour that begins at `hour_ms` is counted, ms since the epoch.
    pub fn end_ms(&self, hour_ms: i64) -> i64 {
        if hour_ms < self.learned_ms { hour_ms + HOUR_MS } else { (hour_ms + HOUR_MS).min(self.counted_ms.max(hour_ms + 1)) }
    }
}

impl Books {
    /// Energies of all devices in the hours that `[from_ms, to_ms)` touches, as [`Books::device_hours`] tells them.
    pub async fn hours(&self, profiles: &[ProfileRecord], from_ms: i64, to_ms: i64, now_ms: i64) -> Result<Hours> {
        let learned_at_ms = profiles.iter().map(|p| p.learned_at_ms).max().unwrap_or(now_ms);
        let learned_ms = learned_at_ms.div_euclid(HOUR_MS) * HOUR_MS;
        let from_ms = from_ms.div_euclid(HOUR_MS) * HOUR_MS;
        let to_ms = (-(-to_ms).div_euclid(HOUR_MS) * HOUR_MS).max(from_ms);
        let count = ((to_ms - from_ms) / HOUR_MS) as usize;
        let mut all: BTreeMap<SeriesId, Vec<f32>> = BTreeMap::new();
        for (day, hours) in self.hours.days(&*self.store, from_ms, to_ms.min(learned_ms), learned_at_ms, now_ms).await? {
            let day_ms = day * DAY_MS;
            for (series, of_day) in hours.iter() {
                let row = all.entry(*series).or_insert_with(|| vec![f32::NAN; count]);
                for (hour_ms, kwh) in (day_ms..).step_by(HOUR_MS as usize).zip(of_day) {
                    if hour_ms >= from_ms && hour_ms < to_ms.min(learned_ms) {
                        row[((hour_ms - from_ms) / HOUR_MS) as usize] = *kwh;
                    }
                }
            }
        }
        let mut counted_ms = now_ms;
        if to_ms > learned_ms {
            let counting = async { Ok::<_, StoreError>(Arc::new((now_ms, self.device_hours(learned_ms, now_ms, None, now_ms).await?))) };
            let since = self.hours.since.get(learned_ms, FRESH_MS, now_ms, counting).await?;
            counted_ms = since.0;
            for (series, hours) in &since.1 {
                let row = all.entry(*series).or_insert_with(|| vec![f32::NAN; count]);
                for hour in hours.values().filter(|hour| (from_ms..to_ms).contains(&hour.hour_ms)) {
                    row[((hour.hour_ms - from_ms) / HOUR_MS) as usize] = hour.energy_kwh as f32;
                }
            }
        }
        if let Some(house) = house(&*self.store).await? {
            all.remove(&house.series);
        }
        Ok(Hours { from_ms, learned_ms, counted_ms, kwh: all })
    }
}

type Hourly = Arc<[(SeriesId, [f32; 24])]>;

impl HourBook {
    /// The learned days that the span touches.
    async fn days(&self, store: &dyn Store, from_ms: i64, to_ms: i64, learned_at_ms: i64, now_ms: i64) -> Result<Vec<(i64, Hourly)>> {
        if to_ms <= from_ms {
            return Ok(Vec::new());
        }
        let (first, last) = (from_ms.div_euclid(DAY_MS), (to_ms - 1).div_euclid(DAY_MS));
        let is_known = |day: &Day| {
            let is_written = day.read_ms - learned_at_ms > WRITING_MS || (0..FRESH_MS).contains(&(now_ms - day.read_ms));
            day.learned_at_ms == learned_at_ms && is_written
        };
        let missing: Vec<i64> = {
            let days = self.lock();
            (first..=last).filter(|day| !days.get(day).is_some_and(is_known)).collect()
        };
        if let (Some(first), Some(last)) = (missing.first(), missing.last()) {
            let mut fresh: BTreeMap<i64, BTreeMap<SeriesId, [f32; 24]>> = (*first..=*last).map(|day| (day, BTreeMap::new())).collect();
            for hour in store.energy(first * DAY_MS, (last + 1) * DAY_MS).await? {
                let day = fresh.entry(hour.hour_ms.div_euclid(DAY_MS)).or_default();
                let of_day = day.entry(hour.series).or_insert([f32::NAN; 24]);
                of_day[(hour.hour_ms.rem_euclid(DAY_MS) / HOUR_MS) as usize] = hour.energy_kwh as f32;
            }
            let mut days = self.lock();
            if days.len() + fresh.len() > MOST_DAYS {
                days.clear();
            }
            days.extend(
                fresh.into_iter().map(|(day, all)| (day, Day { learned_at_ms, read_ms: now_ms, hours: all.into_iter().collect() })),
            );
        }
        let days = self.lock();
        Ok((first..=last).filter_map(|day| Some((day, days.get(&day)?.hours.clone()))).collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Day>> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
