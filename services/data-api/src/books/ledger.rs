//! Energies by quarter of an hour and day of UTC, kept in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use wattribute_domain::counter::{counter_quarters, power_quarters};
use wattribute_domain::{Hold, QUARTER_MS, Quarter, SeriesId};
use wattribute_store::{Bucket, Result, Store};

use super::Flow;

const DAY_MS: i64 = 86_400_000;
/// 2000-01-01: no home was heard before, ms since the epoch.
const EARLIEST_MS: i64 = 946_684_800_000;
const QUARTERS: usize = (DAY_MS / QUARTER_MS) as usize;
/// Days that are read at once.
const READ_DAYS: i64 = 31;
/// How long days are believed before it is looked whether the store says something else of them, ms: the last two days, and those before.
const FRESH_MS: i64 = 5_000;
const SETTLED_MS: i64 = 60_000;

/// What the store says of a day, in short: where this is the same, the day is the same.
type Mark = [u64; 4];

#[derive(Clone)]
struct Day {
    mark: Mark,
    quarters: Arc<[Quarter]>,
}

#[derive(Default)]
struct Kept {
    days: HashMap<i64, Day>,
    /// When it was last looked, by how far back: the span of days, and when, ms.
    looked: Vec<(i64, i64, i64)>,
}

/// Days of series, as far as they were asked for.
pub struct Ledger {
    store: Arc<dyn Store>,
    kept: Mutex<HashMap<Flow, Kept>>,
    /// When series began, and when that was looked for, ms.
    first: Mutex<HashMap<SeriesId, (i64, i64)>>,
}

impl Ledger {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Ledger { store, kept: Mutex::default(), first: Mutex::default() }
    }

    /// Energies of every quarter in `[from_ms, to_ms)`, which are multiples of a quarter; nothing is known after `now_ms`.
    pub async fn quarters(&self, flow: Flow, from_ms: i64, to_ms: i64, now_ms: i64) -> Result<Vec<Quarter>> {
        let mut out = vec![Quarter::default(); ((to_ms - from_ms).max(0) / QUARTER_MS) as usize];
        let Some((begin_ms, end_ms)) = self.known(flow.series(), from_ms, to_ms, now_ms).await? else { return Ok(out) };
        let (first, last) = (begin_ms.div_euclid(DAY_MS), (end_ms - 1).div_euclid(DAY_MS));
        self.look(flow, first, last, now_ms).await?;
        let kept = self.lock();
        let Some(kept) = kept.get(&flow) else { return Ok(out) };
        for day in first..=last {
            let Some(known) = kept.days.get(&day) else { continue };
            for (k, quarter) in known.quarters.iter().enumerate() {
                let at_ms = day * DAY_MS + k as i64 * QUARTER_MS;
                if at_ms >= from_ms && at_ms < to_ms {
                    out[((at_ms - from_ms) / QUARTER_MS) as usize] = *quarter;
                }
            }
        }
        Ok(out)
    }

    /// The part of the span in which the series can have said anything.
    async fn known(&self, series: SeriesId, from_ms: i64, to_ms: i64, now_ms: i64) -> Result<Option<(i64, i64)>> {
        let begin_ms = self.first_ms(series, now_ms).await?.map(|first_ms| first_ms.max(from_ms));
        Ok(begin_ms.map(|begin_ms| (begin_ms, to_ms.min(now_ms))).filter(|(begin_ms, end_ms)| begin_ms < end_ms))
    }

    /// When a series said something first, ms; to the month where that is long ago. Months without anything are told from few heads.
    pub async fn first_ms(&self, series: SeriesId, now_ms: i64) -> Result<Option<i64>> {
        if let Some(&(first_ms, looked_ms)) = self.first().get(&series)
            && (0..SETTLED_MS).contains(&(now_ms - looked_ms))
        {
            return Ok(Some(first_ms));
        }
        let months = self.store.chart(series, EARLIEST_MS, now_ms.max(EARLIEST_MS + 1), 30 * DAY_MS).await?;
        let Some(month) = months.iter().find(|b| b.covered > 0.0) else { return Ok(None) };
        let days = self.store.chart(series, month.from_ms, month.from_ms + 30 * DAY_MS, DAY_MS).await?;
        let day = days.iter().find(|b| b.covered > 0.0).map_or(month.from_ms, |b| b.from_ms);
        // What was held from before the first day was never said.
        let rows = self.store.readings(series, day, day + DAY_MS).await?;
        let first_ms = rows.at_ms.iter().zip(&rows.value).find(|(_, v)| v.is_finite()).map_or(day, |(at_ms, _)| *at_ms);
        self.first().insert(series, (first_ms, now_ms));
        Ok(Some(first_ms))
    }

    fn first(&self) -> std::sync::MutexGuard<'_, HashMap<SeriesId, (i64, i64)>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure that the days are as the store has them.
    async fn look(&self, flow: Flow, first: i64, last: i64, now_ms: i64) -> Result<()> {
        let today = now_ms.div_euclid(DAY_MS);
        let settled_to = last.min(today - 2);
        for (from, to, believed_ms) in [(first, settled_to, SETTLED_MS), (first.max(today - 1), last, FRESH_MS)] {
            if from <= to && !self.was_looked_at(flow, from, to, now_ms, believed_ms) {
                self.look_at(flow, from, to, now_ms).await?;
            }
        }
        Ok(())
    }

    fn was_looked_at(&self, flow: Flow, first: i64, last: i64, now_ms: i64, believed_ms: i64) -> bool {
        let kept = self.lock();
        let looked = kept.get(&flow).map(|k| k.looked.as_slice()).unwrap_or_default();
        looked.iter().any(|&(from, to, at_ms)| from <= first && last <= to && (0..believed_ms).contains(&(now_ms - at_ms)))
    }

    async fn look_at(&self, flow: Flow, first: i64, last: i64, now_ms: i64) -> Result<()> {
        let heads = self.store.chart(flow.series(), first * DAY_MS, (last + 1) * DAY_MS, DAY_MS).await?;
        let marks: HashMap<i64, Mark> = heads.iter().map(|b| (b.from_ms.div_euclid(DAY_MS), mark(b))).collect();
        let today = now_ms.div_euclid(DAY_MS);
        let changed: Vec<i64> = {
            let kept = self.lock();
            let days = kept.get(&flow).map(|k| &k.days);
            let is_same = |day: &i64| *day < today && days.and_then(|d| d.get(day)).is_some_and(|d| Some(&d.mark) == marks.get(day));
            (first..=last).filter(|day| !is_same(day)).collect()
        };
        for run in runs(&changed) {
            self.read(flow, run, &marks, now_ms).await?;
        }
        let mut kept = self.lock();
        let looked = &mut kept.entry(flow).or_default().looked;
        looked.retain(|&(from, to, at_ms)| now_ms - at_ms < SETTLED_MS && !(first <= from && to <= last));
        looked.push((first, last, now_ms));
        Ok(())
    }

    /// Reads days and what surrounds them: what a counter did the day before tells a dip from a reset.
    async fn read(&self, flow: Flow, (first, last): (i64, i64), marks: &HashMap<i64, Mark>, now_ms: i64) -> Result<()> {
        let (from_ms, to_ms) = (first * DAY_MS, (last + 1) * DAY_MS);
        let mut rows = self.store.readings(flow.series(), from_ms - DAY_MS, (to_ms + DAY_MS).min(now_ms + 1)).await?;
        let series = self.store.series().await?;
        if series.iter().any(|(id, info)| *id == flow.series() && info.hold == Hold::Intervals && !matches!(flow, Flow::Counter(_))) {
            rows = rows.with_silences((to_ms + DAY_MS).min(now_ms));
        }
        let quarters = tokio::task::spawn_blocking(move || match flow {
            Flow::Counter(_) => counter_quarters(&rows, from_ms, to_ms, now_ms),
            Flow::Drawn(_) => power_quarters(&rows, from_ms, to_ms, now_ms).import,
            Flow::Given(_) => power_quarters(&rows, from_ms, to_ms, now_ms).export,
        });
        let quarters = quarters.await.unwrap_or_default();
        let mut kept = self.lock();
        let days = &mut kept.entry(flow).or_default().days;
        for (day, part) in (first..=last).zip(quarters.chunks(QUARTERS)) {
            days.insert(day, Day { mark: marks.get(&day).copied().unwrap_or_default(), quarters: part.into() });
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Flow, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mark(bucket: &Bucket) -> Mark {
    [bucket.min, bucket.max, bucket.mean, bucket.covered].map(f64::to_bits)
}

/// Days in a row, at most so many as are read at once.
fn runs(days: &[i64]) -> Vec<(i64, i64)> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for &day in days {
        match runs.last_mut() {
            Some((first, last)) if *last + 1 == day && day - *first < READ_DAYS => *last = day,
            _ => runs.push((day, day)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_a_row_are_read_together() {
        assert_eq!(runs(&[1, 2, 3, 7, 9, 10]), [(1, 3), (7, 7), (9, 10)]);
        assert_eq!(runs(&(0..40).collect::<Vec<_>>()), [(0, 30), (31, 39)]);
        assert!(runs(&[]).is_empty());
    }
}
