//! Energies of all devices by hour, kept in memory by day of UTC: a year of them is asked for again and again, and is read once for each learning.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use wattribute_domain::{Cost, Pricing, ProfileRecord, SeriesId};
use wattribute_store::{Result, Store, StoreError, house};

use super::day_hours::DayHours;
use super::{Books, DeviceHours, Used, add_share, price_of};
use crate::memo::Memo;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Energies are written after the profiles of the same learning: up to so long after it, days are read again, ms.
const WRITING_MS: i64 = 120_000;
/// How long what is read is believed meanwhile, and what came since the last learning, ms.
const FRESH_MS: i64 = 5_000;
/// Days that are read at once.
const READ_DAYS: i64 = 31;
/// Energies that are kept at most, 8 bytes each: more than two years of fifty devices that are on half of the time.
const MOST: usize = 1_000_000;

/// One day as it is kept.
#[derive(Clone)]
struct Kept {
    learned_at_ms: i64,
    read_ms: i64,
    hours: Arc<DayHours>,
}

/// Days as far as they were asked for.
#[derive(Default)]
pub struct HourBook {
    days: Mutex<HashMap<i64, Kept>>,
    /// What came since the hour of the last learning (its key), with when that was counted, ms.
    since: Memo<i64, Arc<(i64, DeviceHours)>>,
}

/// Energies of devices in a span, day by day.
pub struct Energies {
    /// The days that are learned, in a row.
    days: Vec<(i64, Arc<DayHours>)>,
    /// When the hour of the last learning begins, ms since the epoch.
    learned_ms: i64,
    /// What came since, with when that was counted, ms since the epoch; `None` where it was not asked for.
    since: Option<Arc<(i64, DeviceHours)>>,
    /// The house is no device.
    house: Option<SeriesId>,
}

/// Energies of devices in hours in a row.
pub struct Hours {
    /// When the first hour begins, ms since the epoch.
    pub from_ms: i64,
    /// When the hour of the last learning begins, ms since the epoch: energies before were learned.
    pub learned_ms: i64,
    /// When what came since was counted, ms since the epoch.
    counted_ms: i64,
    /// Energy in each hour, kWh, by level series; of a group under its first. `NaN` where nothing was drawn.
    pub kwh: BTreeMap<SeriesId, Vec<f32>>,
}

impl Hours {
    /// Energy of a device in the hour that begins at `hour_ms`, kWh; `None` where nothing was drawn.
    pub fn kwh(&self, series: SeriesId, hour_ms: i64) -> Option<f64> {
        let k = usize::try_from((hour_ms - self.from_ms).div_euclid(HOUR_MS)).ok()?;
        self.kwh.get(&series)?.get(k).map(|kwh| f64::from(*kwh)).filter(|kwh| kwh.is_finite())
    }

    /// Up to when the energy of the hour that begins at `hour_ms` is counted, ms since the epoch.
    pub fn end_ms(&self, hour_ms: i64) -> i64 {
        if hour_ms < self.learned_ms { hour_ms + HOUR_MS } else { (hour_ms + HOUR_MS).min(self.counted_ms.max(hour_ms + 1)) }
    }
}

impl Energies {
    /// What each device used in `[from_ms, to_ms)`, as [`Used::of`] tells it, but with no more than one band of its cost.
    pub fn used(&self, from_ms: i64, to_ms: i64, pricing: Option<&Pricing>) -> BTreeMap<SeriesId, Used> {
        let first_ms = from_ms.div_euclid(HOUR_MS) * HOUR_MS;
        let part = |hour_ms: i64| (hour_ms.max(from_ms), (hour_ms + HOUR_MS).min(to_ms));
        let prices: Vec<Cost> = pricing.map_or_else(Vec::new, |pricing| {
            let price = |hour_ms| price_of(pricing, part(hour_ms).0, part(hour_ms).1);
            (first_ms..to_ms).step_by(HOUR_MS as usize).map(price).collect()
        });
        let add = |used: &mut Used, hour_ms: i64, kwh: f64, estimated: bool| {
            let (begin_ms, end_ms) = part(hour_ms);
            let kwh = kwh * (end_ms - begin_ms) as f64 / HOUR_MS as f64;
            used.kwh += kwh;
            used.estimated |= estimated;
            if let Some(price) = prices.get(((hour_ms - first_ms) / HOUR_MS) as usize) {
                add_share(&mut used.cost, price, kwh);
            }
        };
        let mut all: BTreeMap<SeriesId, Used> = BTreeMap::new();
        let is_device = |series: SeriesId| self.house != Some(series);
        let is_inside = |hour_ms: i64| (first_ms..to_ms).contains(&hour_ms);
        let first_day = self.days.partition_point(|(day, _)| (day + 1) * DAY_MS <= first_ms);
        for (day, hours) in self.days.iter().skip(first_day).take_while(|(day, _)| day * DAY_MS < to_ms) {
            for (series, of_day) in hours.devices().filter(|(series, _)| is_device(*series)) {
                let told = of_day.map(|(k, kwh, estimated)| (day * DAY_MS + k * HOUR_MS, kwh, estimated));
                for (hour_ms, kwh, estimated) in told.filter(|(hour_ms, ..)| is_inside(*hour_ms) && *hour_ms < self.learned_ms) {
                    add(all.entry(series).or_default(), hour_ms, kwh, estimated);
                }
            }
        }
        for (series, hours) in self.since.iter().flat_map(|since| &since.1).filter(|(series, _)| is_device(**series)) {
            for (hour_ms, hour) in hours.range(first_ms.min(to_ms)..to_ms) {
                add(all.entry(*series).or_default(), *hour_ms, hour.energy_kwh, hour.estimated);
            }
        }
        all
    }
}

impl Books {
    /// Energies of all devices in the hours that `[from_ms, to_ms)` touches, as [`Books::device_hours`] tells them.
    pub async fn energies(&self, profiles: &[ProfileRecord], from_ms: i64, to_ms: i64, now_ms: i64) -> Result<Energies> {
        let learned_at_ms = profiles.iter().map(|p| p.learned_at_ms).max().unwrap_or(now_ms);
        let learned_ms = learned_at_ms.div_euclid(HOUR_MS) * HOUR_MS;
        let days = self.hours.days(&*self.store, from_ms, to_ms.min(learned_ms), learned_at_ms, now_ms).await?;
        let mut since = None;
        if to_ms > learned_ms {
            let counting = async { Ok::<_, StoreError>(Arc::new((now_ms, self.device_hours(learned_ms, now_ms, None, now_ms).await?))) };
            since = Some(self.hours.since.get(learned_ms, FRESH_MS, now_ms, counting).await?);
        }
        let house = house(&*self.store).await?.map(|house| house.series);
        Ok(Energies { days, learned_ms, since, house })
    }

    /// The same as columns.
    pub async fn hours(&self, profiles: &[ProfileRecord], from_ms: i64, to_ms: i64, now_ms: i64) -> Result<Hours> {
        let from_ms = from_ms.div_euclid(HOUR_MS) * HOUR_MS;
        let to_ms = (-(-to_ms).div_euclid(HOUR_MS) * HOUR_MS).max(from_ms);
        let Energies { days, learned_ms, since, house } = self.energies(profiles, from_ms, to_ms, now_ms).await?;
        let count = ((to_ms - from_ms) / HOUR_MS) as usize;
        let place = |hour_ms: i64| ((hour_ms - from_ms) / HOUR_MS) as usize;
        let mut kwh: BTreeMap<SeriesId, Vec<f32>> = BTreeMap::new();
        for (day, hours) in &days {
            for (series, of_day) in hours.devices() {
                let row = kwh.entry(series).or_insert_with(|| vec![f32::NAN; count]);
                let told = of_day.map(|(k, kwh, _)| (day * DAY_MS + k * HOUR_MS, kwh));
                told.filter(|(ms, _)| (from_ms..to_ms.min(learned_ms)).contains(ms)).for_each(|(ms, kwh)| row[place(ms)] = kwh as f32);
            }
        }
        for (series, hours) in since.iter().flat_map(|since| &since.1) {
            let row = kwh.entry(*series).or_insert_with(|| vec![f32::NAN; count]);
            let told = hours.values().filter(|hour| (from_ms..to_ms).contains(&hour.hour_ms));
            told.for_each(|hour| row[place(hour.hour_ms)] = hour.energy_kwh as f32);
        }
        house.map(|house| kwh.remove(&house));
        Ok(Hours { from_ms, learned_ms, counted_ms: since.map_or(now_ms, |since| since.0), kwh })
    }
}

impl HourBook {
    /// The learned days that the span touches.
    async fn days(
        &self,
        store: &dyn Store,
        from_ms: i64,
        to_ms: i64,
        learned_at_ms: i64,
        now_ms: i64,
    ) -> Result<Vec<(i64, Arc<DayHours>)>> {
        if to_ms <= from_ms {
            return Ok(Vec::new());
        }
        let (first, last) = (from_ms.div_euclid(DAY_MS), (to_ms - 1).div_euclid(DAY_MS));
        let is_known = |day: &Kept| {
            let is_written = day.read_ms - learned_at_ms > WRITING_MS || (0..FRESH_MS).contains(&(now_ms - day.read_ms));
            day.learned_at_ms == learned_at_ms && is_written
        };
        let mut found: BTreeMap<i64, Arc<DayHours>> = {
            let days = self.lock();
            (first..=last).filter_map(|day| Some((day, days.get(&day).filter(|kept| is_known(kept))?.hours.clone()))).collect()
        };
        let mut missing = (first..=last).filter(|day| !found.contains_key(day)).collect::<Vec<_>>().into_iter().peekable();
        let mut fresh: Vec<(i64, Arc<DayHours>)> = Vec::new();
        while let Some(begin) = missing.next() {
            // Gaps between what is missing are seldom, and reading across one costs less than reading twice.
            let mut end = begin;
            while let Some(day) = missing.next_if(|day| *day - begin < READ_DAYS) {
                end = day;
            }
            let mut hours = store.energy(begin * DAY_MS, (end + 1) * DAY_MS).await?.into_iter().peekable();
            for day in begin..=end {
                let of_day = std::iter::from_fn(|| hours.next_if(|hour| hour.hour_ms < (day + 1) * DAY_MS));
                fresh.push((day, Arc::new(DayHours::of(of_day))));
            }
        }
        found.extend(fresh.iter().cloned());
        let mut days = self.lock();
        let kept: usize = days.values().map(|kept| kept.hours.count()).sum();
        let more: usize = fresh.iter().map(|(_, hours)| hours.count()).sum();
        if kept + more > MOST {
            days.clear();
        }
        if more <= MOST {
            days.extend(fresh.into_iter().map(|(day, hours)| (day, Kept { learned_at_ms, read_ms: now_ms, hours })));
        }
        Ok(found.into_iter().collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Kept>> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
