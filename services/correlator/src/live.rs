//! The latest minutes: what changed, what the meter did, what is kept of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wattribute_domain::{CorrelationRecord, Hold, Level, Reading, Series, SeriesId, Stage};
use wattribute_store::{Batch, JOINED_CURSOR, Span, Store};

use crate::catalogue::Catalogue;
use crate::join::{Joined, join, keep};
use crate::learn::{Learned, house_info};
use crate::window::Window;

/// Stretches that are joined at once when catching up, ms.
const CHUNK_MS: i64 = 6 * 3_600_000;
/// How often it is remembered how far arrivals were taken in.
const REMEMBERED_EVERY: Duration = Duration::from_secs(20);

/// Live correlation over one store.
pub struct Live {
    store: Arc<dyn Store>,
    /// What there is.
    pub catalogue: Catalogue,
    /// What was learned last.
    pub learned: Option<Learned>,
    /// The series of the house's power.
    pub house: SeriesId,
    /// The latest minutes.
    pub window: Window,
    from_ms: i64,
    lookback_ms: i64,
    cursor: i64,
    /// The cursor as the store remembers it.
    remembered: i64,
    /// Stretches before the window in which something arrived: still to be joined.
    backlog: Vec<(i64, i64)>,
    /// When the backlog last grew, ms.
    pub backlog_grew_ms: i64,
    /// Whether there was one since the cursor was remembered.
    had_backlog: bool,
    remembered_at: Option<Instant>,
    written: Series,
    next_close_ms: Option<i64>,
    stale: bool,
}

impl Live {
    /// Begins where the store is.
    pub async fn begin(store: Arc<dyn Store>, lookback_minutes: u32) -> anyhow::Result<Self> {
        let house =
            store.describe(vec![house_info()]).await?.first().copied().ok_or_else(|| anyhow::anyhow!("the store gave no series"))?;
        let catalogue = Catalogue::read(&*store).await?;
        // What arrived before this start and was not joined then is told by the store once more.
        let cursor = store.document(JOINED_CURSOR).await?.and_then(|c| c.parse().ok()).unwrap_or(0);
        Ok(Live {
            store,
            catalogue,
            learned: None,
            house,
            window: Window::default(),
            from_ms: i64::MAX,
            lookback_ms: i64::from(lookback_minutes) * 60_000,
            cursor,
            remembered: cursor,
            backlog: Vec::new(),
            backlog_grew_ms: 0,
            had_backlog: false,
            remembered_at: None,
            written: Series::default(),
            next_close_ms: None,
            stale: true,
        })
    }

    /// Reads anew which series there are; whether that changed.
    pub async fn refresh(&mut self) -> anyhow::Result<bool> {
        let fresh = Catalogue::read(&*self.store).await?;
        let changed = fresh.levels() != self.catalogue.levels() || fresh.sensors() != self.catalogue.sensors();
        self.catalogue = fresh;
        Ok(changed)
    }

    /// Takes what was learned, and looks again at everything through it. Returns whether the past must be joined anew.
    pub async fn take(&mut self, learned: Learned, now_ms: i64) -> anyhow::Result<bool> {
        let anew = self.learned.as_ref().is_none_or(|old| old.meter != learned.meter || !old.model.looks_alike(&learned.model));
        self.learned = Some(learned);
        self.fill(now_ms).await?;
        Ok(anew)
    }

    /// Reads the window from the store.
    pub async fn fill(&mut self, now_ms: i64) -> anyhow::Result<()> {
        let Some(learned) = &self.learned else { return Ok(()) };
        let reach_ms = learned.model.reach_ms();
        self.from_ms = now_ms - self.lookback_ms.max(4 * reach_ms);
        let mut ids = self.catalogue.levels().to_vec();
        ids.extend(learned.inputs.iter().copied().chain(learned.metered.values().copied()));
        self.window = Window::default();
        for id in ids {
            self.window.keep(id, self.store.readings(id, self.from_ms, i64::MAX).await?);
        }
        let mut written = self.store.readings(self.house, self.commit_ms(), i64::MAX).await?;
        clip(&mut written, self.commit_ms());
        self.written = written;
        self.stale = true;
        Ok(())
    }

    /// From when on live looks write.
    fn commit_ms(&self) -> i64 {
        self.from_ms.saturating_add(self.learned.as_ref().map_or(0, |l| l.model.reach_ms()))
    }

    /// Takes in what arrived since last time; whether anything did that matters now.
    pub async fn arrive(&mut self, now_ms: i64) -> anyhow::Result<bool> {
        let arrivals = self.store.arrivals(self.cursor).await?;
        let mut changed = false;
        for &(first_ms, last_ms) in &arrivals.spans_ms {
            if last_ms >= self.from_ms {
                let from_ms = first_ms.max(self.from_ms);
                let readings = self.store.readings_of_all(from_ms, last_ms.saturating_add(1)).await?;
                changed |= self.window.replace(from_ms, last_ms, &readings);
            }
            if first_ms < self.commit_ms() {
                self.add_backlog(first_ms, last_ms.min(self.commit_ms()));
                self.backlog_grew_ms = now_ms;
            }
        }
        self.cursor = arrivals.cursor;
        self.stale |= changed;
        Ok(changed)
    }

    /// Adds a stretch that is to be joined, with those it touches.
    pub fn add_backlog(&mut self, from_ms: i64, to_ms: i64) {
        self.had_backlog = true;
        self.backlog.push((from_ms, to_ms));
        self.backlog.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::new();
        for &(from, to) in &self.backlog {
            match merged.last_mut() {
                Some(last) if from <= last.1 + 3_600_000 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        self.backlog = merged;
    }

    /// How much is still to be joined, s.
    pub fn backlog_s(&self) -> f64 {
        self.backlog.iter().map(|b| b.1 - b.0).sum::<i64>() as f64 / 1000.0
    }

    /// Whether a look is due: something arrived, or a window has closed.
    pub fn is_due(&self, until_ms: i64) -> bool {
        self.stale || self.next_close_ms.is_some_and(|c| c <= until_ms)
    }

    /// Joins the latest minutes, which are known up to `until_ms`; returns the rows.
    pub async fn look(&mut self, until_ms: i64) -> anyhow::Result<Vec<CorrelationRecord>> {
        let Some(learned) = &self.learned else { return Ok(Vec::new()) };
        self.stale = false;
        self.from_ms = self.from_ms.max(until_ms - self.lookback_ms.max(4 * learned.model.reach_ms()));
        self.window.trim(self.from_ms);
        let mut history = self.catalogue.nobody();
        for &id in self.catalogue.levels() {
            // Who said nothing within the window changed nothing in it.
            let rows = self.window.rows(id);
            if rows.len() > 1 || rows.at_ms.first().is_some_and(|&t| t > self.from_ms) {
                self.catalogue.add(&mut history, id, rows, until_ms);
            }
        }
        let polled = |id: SeriesId| self.catalogue.info(id).is_some_and(|info| info.hold == Hold::Intervals);
        let mut falls_silent_ms: Option<i64> = None;
        for &id in &learned.inputs {
            let mut rows = self.window.rows(id);
            if polled(id) {
                match rows.silent_since_ms(until_ms) {
                    // Kept in the window: what is left of a silent meter there does not tell how often it spoke.
                    Some(silent_ms) => {
                        self.window.fall_silent(id, silent_ms);
                        rows.push(silent_ms, f64::NAN);
                    }
                    None => falls_silent_ms = rows.falls_silent_ms().filter(|ms| *ms > until_ms).into_iter().chain(falls_silent_ms).min(),
                }
            }
            self.catalogue.add(&mut history, id, rows, until_ms);
        }
        let Joined { power, records, next_close_ms } = join(&self.catalogue, &learned.model, &learned.meter, history, until_ms);
        self.next_close_ms = next_close_ms.into_iter().chain(falls_silent_ms.map(|ms| ms + 1)).min();
        let commit_ms = self.commit_ms();
        self.write_house(power, commit_ms).await?;
        let records: Vec<CorrelationRecord> = records.into_iter().filter(|r| r.at_ms >= commit_ms).collect();
        keep(&*self.store, commit_ms, i64::MAX, records.clone()).await?;
        Ok(records)
    }

    /// Writes what is new of the house's power from `from_ms` on.
    async fn write_house(&mut self, mut power: Series, from_ms: i64) -> anyhow::Result<()> {
        clip(&mut power, from_ms);
        clip(&mut self.written, from_ms);
        let old = &self.written;
        let same = |k: usize| {
            let (a, b) = (old.value[k], power.value[k]);
            old.at_ms[k] == power.at_ms[k] && (a == b || (a.is_nan() && b.is_nan()))
        };
        let common = (0..old.len().min(power.len())).take_while(|&k| same(k)).count();
        let replaced = (common < old.len()).then(|| Span { series: self.house, from_ms: old.at_ms[common], to_ms: i64::MAX });
        let rows = power.at_ms.iter().zip(&power.value).skip(common);
        let readings: Vec<Reading> = rows.map(|(&at_ms, &value)| Reading { series: self.house, at_ms, value }).collect();
        if replaced.is_some() || !readings.is_empty() {
            self.store.write(Batch { replaced: replaced.into_iter().collect(), readings, derived: true, ..Batch::default() }).await?;
            self.written = power;
        }
        Ok(())
    }

    /// Joins the first stretch of the backlog, as far as `until_ms`; whether there was one.
    pub async fn catch_up(&mut self, until_ms: i64) -> anyhow::Result<bool> {
        let Some(learned) = &self.learned else { return Ok(false) };
        let Some(&(from_ms, to_ms)) = self.backlog.first() else { return Ok(false) };
        let margin_ms = 2 * learned.model.reach_ms();
        let (from_ms, to_ms) = (from_ms - margin_ms / 2, to_ms + margin_ms / 2);
        let end_ms = to_ms.min(from_ms.saturating_add(CHUNK_MS)).min(self.commit_ms());
        if from_ms < end_ms {
            let mut ids = self.catalogue.levels().to_vec();
            ids.extend(&learned.inputs);
            let history = self.catalogue.history(&*self.store, &ids, from_ms - margin_ms, end_ms + margin_ms).await?;
            let known_ms = until_ms.min(end_ms + margin_ms);
            let (catalogue, model, meter) = (self.catalogue.clone(), learned.model.clone(), learned.meter.clone());
            let joined = tokio::task::spawn_blocking(move || join(&catalogue, &model, &meter, history, known_ms)).await?;
            let records = joined.records.into_iter().filter(|r| (from_ms..end_ms).contains(&r.at_ms)).collect();
            keep(&*self.store, from_ms, end_ms, records).await?;
            self.rewrite_house(joined.power, from_ms, end_ms).await?;
        }
        let first = &mut self.backlog[0];
        first.0 = end_ms;
        if end_ms >= to_ms || end_ms >= self.commit_ms() {
            self.backlog.remove(0);
        }
        Ok(true)
    }

    /// Writes the house's power in a stretch of the past, unless it is there already.
    async fn rewrite_house(&self, mut power: Series, from_ms: i64, to_ms: i64) -> anyhow::Result<()> {
        let mut there = self.store.readings(self.house, from_ms, to_ms).await?;
        clip(&mut there, from_ms);
        clip(&mut power, from_ms);
        let end = power.at_ms.partition_point(|&t| t < to_ms);
        power.at_ms.truncate(end);
        power.value.truncate(end);
        let equal = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
        if there.at_ms == power.at_ms && there.value.iter().zip(&power.value).all(|(&a, &b)| equal(a, b)) {
            return Ok(());
        }
        let replaced = vec![Span { series: self.house, from_ms, to_ms }];
        let rows = power.at_ms.iter().zip(&power.value);
        let readings = rows.map(|(&at_ms, &value)| Reading { series: self.house, at_ms, value }).collect();
        self.store.write(Batch { replaced, readings, derived: true, ..Batch::default() }).await?;
        Ok(())
    }

    /// Power of the house now, W; `None` in a gap.
    pub fn power_w(&self) -> Option<f64> {
        self.written.value.last().copied().filter(|w| w.is_finite())
    }

    /// Whether an entity is on; `None` while it says nothing.
    pub fn is_on(&self, id: SeriesId) -> Option<bool> {
        let (_, number) = self.window.last(id)?;
        Level::of_number(number).map(|level| !level.is_off())
    }

    /// Since when an entity has been on, ms; `None` while it is off or silent.
    pub fn on_since_ms(&self, id: SeriesId) -> Option<i64> {
        let rows = self.window.rows(id);
        let is_on = |k: usize| Level::of_number(rows.value[k]).map(|l| !l.is_off());
        is_on(rows.len().checked_sub(1)?).filter(|on| *on)?;
        // Silence in between does not end it.
        let last_off = (0..rows.len()).rev().find(|&k| is_on(k) == Some(false));
        match last_off {
            Some(k) => rows.at_ms.get(k + 1).copied(),
            None => self.learned.as_ref()?.on_since_ms.get(&id).copied().or(rows.at_ms.first().copied()),
        }
    }

    /// Remembers how far arrivals were taken in, where nothing is left to do, now and then. Who follows the store goes by it to see that the past is
    /// joined.
    pub async fn remember(&mut self) -> anyhow::Result<()> {
        let is_time = self.remembered_at.is_none_or(|at| at.elapsed() > REMEMBERED_EVERY);
        if self.backlog.is_empty() && self.cursor > self.remembered && (is_time || self.had_backlog) {
            (self.had_backlog, self.remembered_at) = (false, Some(Instant::now()));
            self.store.put_documents(vec![(JOINED_CURSOR.to_owned(), self.cursor.to_string())]).await?;
            self.remembered = self.cursor;
        }
        Ok(())
    }
}

/// Rows whose window has closed.
pub fn finals(records: &[CorrelationRecord]) -> impl Iterator<Item = &CorrelationRecord> {
    records.iter().filter(|r| r.stage == Stage::Final)
}

/// Leaves out what lies before `from_ms`.
fn clip(rows: &mut Series, from_ms: i64) {
    let first = rows.at_ms.partition_point(|&t| t < from_ms);
    rows.at_ms.drain(..first);
    rows.value.drain(..first);
}
