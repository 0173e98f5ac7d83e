//! Follows the store: works out the points of each stretch of time that is over, and puts them into the spool.

mod owed;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use wattribute_domain::{day_start_ms, local_day};
use wattribute_store::Store;
use wattribute_store::spool::Spool;

use super::config::{Config, Tag};
use super::energy::{Book, PERIODS, Reader};
use super::line::Lines;
use super::plan::{Account, Drain, Gauge, Plan};
use super::slots;
use owed::{Known, Owed};

/// The document that says how far it has come.
const KEY: &str = "graphite";
/// How long after a stretch is over its points are worked out, ms: readings are written within a second, and the house's power a second later.
const LATE_MS: i64 = 3_000;
/// Points younger than this are worked out again, and sent again where they changed, ms.
const RECENT_MS: i64 = 60_000;
/// How often energies are told, ms.
const ENERGY_EVERY_MS: i64 = 60_000;
/// How long one look at what there is to tell is believed, ms.
const PLAN_MS: i64 = 30_000;
/// What is worked out at once at most, ms.
const CHUNK_MS: i64 = 3_600_000;
/// Further back than this nothing is told: Graphite has forgotten its finest points, ms.
const OLDEST_MS: i64 = 7 * 86_400_000;
/// While more than this share of the spool is taken, what is older than an hour stays in the store.
const FULL: f64 = 0.5;

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// What arrived up to here was seen.
    cursor: i64,
    /// All points before this are in the spool, ms since the epoch.
    until_ms: i64,
    /// What is still to be told of the time before that.
    #[serde(default)]
    owed: Option<Owed>,
}

/// What the source of pulses keeps of a counter, as far as it is told.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Pulses {
    /// When it was said, ms since the epoch.
    at_ms: i64,
    /// All pulses that were ever counted.
    pulses: f64,
}

/// What follows the store.
pub struct Follow {
    store: Arc<dyn Store>,
    spool: Arc<Spool>,
    prefix: String,
    tags: String,
    every_ms: i64,
    backfill_ms: i64,
    progress: Option<Progress>,
    /// What there is to tell, and when that was looked up, ms.
    plan: Option<(i64, Arc<Plan>)>,
    book: Book,
    /// The metrics that were seen so far.
    known: Known,
    /// What was told lately, by path and time.
    told: HashMap<(Arc<str>, i64), f64>,
}

impl Follow {
    /// Follows `store` and puts what it says into `spool`.
    pub fn new(store: Arc<dyn Store>, spool: Arc<Spool>, config: &Config) -> Self {
        Follow {
            store,
            spool,
            prefix: config.prefix.as_str().to_owned(),
            tags: config.tags.iter().map(Tag::as_str).map(|tag| format!(";{tag}")).collect(),
            every_ms: config.every_ms(),
            backfill_ms: (config.backfill.as_millis() as i64).clamp(0, OLDEST_MS),
            progress: None,
            plan: None,
            book: Book::default(),
            known: Known::default(),
            told: HashMap::new(),
        }
    }

    /// Follows until it is told to stop.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut was_well = true;
        while !shutdown.is_cancelled() {
            let now_ms = Utc::now().timestamp_millis();
            let looked = tokio::select! {
                looked = self.look(now_ms) => looked,
                () = shutdown.cancelled() => return,
            };
            let is_behind = match looked {
                Ok(is_behind) => {
                    if !was_well {
                        tracing::info!("points for Graphite are worked out again");
                    }
                    was_well = true;
                    is_behind
                }
                Err(error) => {
                    if was_well {
                        tracing::warn!(error = format!("{error:#}"), "points for Graphite cannot be worked out; it is tried again");
                    }
                    was_well = false;
                    false
                }
            };
            let rest_ms = (now_ms - LATE_MS).div_euclid(self.every_ms) * self.every_ms + self.every_ms + LATE_MS - now_ms;
            let rest_ms = if is_behind { rest_ms.min(1000) } else { rest_ms };
            tokio::select! {
                () = sleep(Duration::from_millis(rest_ms.max(50) as u64)) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Tells what is over at `now_ms` and was not told; whether some of it waits until the spool has room.
    async fn look(&mut self, now_ms: i64) -> anyhow::Result<bool> {
        let end_ms = self.floor(now_ms - LATE_MS);
        let known = match self.progress {
            Some(progress) => progress,
            None => self.recall(end_ms).await?,
        };
        let arrivals = self.store.arrivals(known.cursor).await?;
        let until_ms = known.until_ms.min(end_ms);
        let (mut from_ms, mut energy_from_ms) = (until_ms - RECENT_MS, until_ms);
        let mut owed = known.owed;
        if let Some(&(first_ms, _)) = arrivals.spans_ms.first().filter(|(first_ms, _)| *first_ms < from_ms) {
            // What was said late changes what was told, and energies up to now.
            self.book.forget(first_ms);
            from_ms = first_ms.max(end_ms - self.backfill_ms).min(from_ms);
            energy_from_ms = from_ms;
            // What is worked out of it comes later.
            owed = Some(Owed::since(owed, from_ms, arrivals.cursor, now_ms));
        }
        let mut at_ms = self.floor(from_ms.max(end_ms - OLDEST_MS));
        let plan = self.plan(now_ms).await?;
        if self.known.sees_new(&plan) {
            owed = Some(Owed::since(owed, end_ms - self.backfill_ms, arrivals.cursor, now_ms));
        }
        if owed != known.owed {
            self.remember(Progress { owed, ..known }).await?;
        }
        while at_ms < end_ms {
            if self.share_taken().await? > FULL {
                // The store keeps it.
                return Ok(true);
            }
            let next_ms = self.chunk_end(&plan, at_ms).min(end_ms);
            let batches = self.lines(&plan, (at_ms, next_ms), energy_from_ms, now_ms).await?;
            self.push(batches).await?;
            self.remember(Progress { cursor: arrivals.cursor, until_ms: next_ms, owed }).await?;
            at_ms = next_ms;
        }
        if let Some(owed) = owed
            && !self.pay(&plan, owed, now_ms).await?
        {
            return Ok(true);
        }
        let mut batches = self.counted_meanwhile(&plan, until_ms, end_ms, now_ms).await?;
        batches.extend(self.pulses(&plan, end_ms, now_ms).await?);
        self.push(batches).await?;
        self.told.retain(|(_, at_ms), _| *at_ms >= end_ms - 2 * RECENT_MS);
        Ok(false)
    }

    async fn push(&self, batches: Vec<String>) -> anyhow::Result<()> {
        Ok(self.spool.apart(move |spool| batches.iter().try_for_each(|batch| spool.push(batch.as_bytes()))).await?)
    }

    /// The beginning of the stretch that an instant is in, ms.
    fn floor(&self, at_ms: i64) -> i64 {
        at_ms.div_euclid(self.every_ms) * self.every_ms
    }

    /// The end of what is worked out at once from `at_ms` on, ms: within an hour, and stretches that begin on one local day.
    fn chunk_end(&self, plan: &Plan, at_ms: i64) -> i64 {
        let end_ms = next_day_ms(plan, at_ms).min(at_ms + CHUNK_MS);
        -self.floor(-end_ms)
    }

    /// How far it had come; at the first start it begins as far back as is wanted.
    async fn recall(&self, end_ms: i64) -> anyhow::Result<Progress> {
        let kept = self.store.document(KEY).await?.and_then(|text| serde_json::from_str(&text).ok());
        match kept {
            Some(progress) => Ok(progress),
            None => Ok(Progress { cursor: self.store.arrivals(i64::MAX).await?.cursor, until_ms: end_ms - self.backfill_ms, owed: None }),
        }
    }

    async fn remember(&mut self, progress: Progress) -> anyhow::Result<()> {
        self.store.put_documents(vec![(KEY.to_owned(), serde_json::to_string(&progress)?)]).await?;
        self.progress = Some(progress);
        Ok(())
    }

    /// What of the spool is taken, 0 to 1.
    async fn share_taken(&self) -> anyhow::Result<f64> {
        let fill = self.spool.apart(|spool| Ok(spool.fill())).await?;
        metrics::gauge!("wattribute_spool_batches", "sink" => "graphite").set(fill.batches as f64);
        metrics::gauge!("wattribute_spool_bytes", "sink" => "graphite").set(fill.bytes as f64);
        metrics::counter!("wattribute_spool_dropped_batches_total", "sink" => "graphite").absolute(fill.dropped);
        Ok(fill.bytes as f64 / fill.limit_bytes.max(1) as f64)
    }

    /// What there is to tell.
    async fn plan(&mut self, now_ms: i64) -> anyhow::Result<Arc<Plan>> {
        if let Some((looked_ms, plan)) = &self.plan
            && (0..PLAN_MS).contains(&(now_ms - looked_ms))
        {
            return Ok(plan.clone());
        }
        let plan = Arc::new(Plan::read(&*self.store, &self.prefix).await?);
        match &self.plan {
            Some((_, before)) if before.zone != plan.zone => self.book = Book::default(),
            Some((_, before)) if before.attributed != plan.attributed => self.book.forget_learned(),
            _ => {}
        }
        self.plan = Some((now_ms, plan.clone()));
        Ok(plan)
    }

    /// The points of stretches that begin on one local day, but for those that were told already and are the same; energies only from `energy_from_ms` on.
    async fn lines(&mut self, plan: &Plan, (from_ms, to_ms): (i64, i64), energy_from_ms: i64, now_ms: i64) -> anyhow::Result<Vec<String>> {
        let store = self.store.clone();
        let reader = Reader { store: &store, plan, now_ms };
        let mut lines = Lines::default();
        self.gauges(&reader, &plan.gauges.iter().collect::<Vec<_>>(), (from_ms, to_ms), &mut lines).await?;
        self.energies(&reader, &plan.accounts.iter().collect::<Vec<_>>(), (from_ms.max(energy_from_ms), to_ms), &mut lines).await?;
        Ok(lines.batches())
    }

    /// Adds what metrics are in stretches, but for those that were told already and are the same.
    async fn gauges(
        &mut self,
        reader: &Reader<'_>,
        gauges: &[&Gauge],
        (from_ms, to_ms): (i64, i64),
        lines: &mut Lines,
    ) -> anyhow::Result<()> {
        let now_ms = reader.now_ms;
        for gauge in gauges {
            let values = self.values(reader, gauge, from_ms, to_ms).await?;
            for (value, at_ms) in values.into_iter().zip((from_ms..to_ms).step_by(self.every_ms as usize)) {
                if let Some(value) = value.filter(|value| self.is_news(&gauge.path, at_ms, *value, now_ms)) {
                    lines.add(&gauge.path, &self.tags, value, at_ms);
                }
            }
        }
        Ok(())
    }

    /// Adds the energies of stretches that begin on one local day.
    async fn energies(
        &mut self,
        reader: &Reader<'_>,
        accounts: &[&Account],
        (from_ms, to_ms): (i64, i64),
        lines: &mut Lines,
    ) -> anyhow::Result<()> {
        let zone = reader.plan.zone;
        let day_ms = day_start_ms(zone, local_day(zone, from_ms));
        let next_day_ms = next_day_ms(reader.plan, from_ms);
        let is_told = |at_ms: &i64| {
            let is_first_of_minute = at_ms.div_euclid(ENERGY_EVERY_MS) != (at_ms - self.every_ms).div_euclid(ENERGY_EVERY_MS);
            is_first_of_minute || at_ms + self.every_ms >= next_day_ms
        };
        let at: Vec<i64> = (self.floor(from_ms)..to_ms).step_by(self.every_ms as usize).filter(is_told).collect();
        let ends_ms: Vec<i64> = at.iter().map(|at_ms| (at_ms + self.every_ms).min(next_day_ms)).collect();
        if ends_ms.is_empty() {
            return Ok(());
        }
        for Account { path, drains } in accounts {
            let told = self.book.told(reader, drains, day_ms, to_ms - RECENT_MS, &ends_ms).await?;
            for (energies, at_ms) in told.into_iter().zip(&at) {
                for ((_, metric), kwh) in PERIODS.iter().zip(energies) {
                    lines.add(&format!("{path}.{metric}"), &self.tags, kwh.unwrap_or(f64::NAN), *at_ms);
                }
            }
        }
        Ok(())
    }

    /// What counters counted over a silence is known when they speak again: their energies since their last word before `until_ms`.
    async fn counted_meanwhile(&mut self, plan: &Plan, until_ms: i64, end_ms: i64, now_ms: i64) -> anyhow::Result<Vec<String>> {
        let store = self.store.clone();
        let reader = Reader { store: &store, plan, now_ms };
        let mut lines = Lines::default();
        for account in &plan.accounts {
            let mut from_ms = until_ms;
            for &(_, drain) in &account.drains {
                let Drain::Counter(id) = drain else { continue };
                let rows = self.store.readings(id, until_ms - 1, end_ms).await?;
                if let [last_ms, next_ms, ..] = rows.at_ms[..]
                    && last_ms < until_ms
                    && next_ms - last_ms > ENERGY_EVERY_MS
                {
                    from_ms = from_ms.min(last_ms);
                }
            }
            let mut at_ms = self.floor(from_ms.max(end_ms - self.backfill_ms));
            while at_ms < until_ms {
                let next_ms = self.chunk_end(plan, at_ms).min(until_ms);
                self.energies(&reader, &[account], (at_ms, next_ms), &mut lines).await?;
                at_ms = next_ms;
            }
        }
        Ok(lines.batches())
    }

    /// What counters of pulses stand at: only what they say now is known.
    async fn pulses(&mut self, plan: &Plan, end_ms: i64, now_ms: i64) -> anyhow::Result<Vec<String>> {
        let mut lines = Lines::default();
        for (document, path) in &plan.pulses {
            let said = self.store.document(document).await?.and_then(|text| serde_json::from_str::<Pulses>(&text).ok());
            let Some(Pulses { at_ms, pulses }) = said else { continue };
            let at_ms = self.floor(at_ms);
            if (end_ms - RECENT_MS..end_ms).contains(&at_ms) && self.is_news(path, at_ms, pulses, now_ms) {
                lines.add(path, &self.tags, pulses, at_ms);
            }
        }
        Ok(lines.batches())
    }

    /// What a metric is in each stretch: the sum of what its voices say.
    async fn values(&self, reader: &Reader<'_>, gauge: &Gauge, from_ms: i64, to_ms: i64) -> anyhow::Result<Vec<Option<f64>>> {
        let mut sum: Vec<Option<f64>> = Vec::new();
        for &voice in &gauge.voices {
            let rows = reader.rows(voice, from_ms, to_ms).await?;
            let values = slots::values(&rows, gauge.holds, gauge.by, from_ms, to_ms, self.every_ms);
            sum.resize(values.len(), None);
            for (sum, value) in sum.iter_mut().zip(values) {
                *sum = value.map(|value| sum.unwrap_or(0.0) + value).or(*sum);
            }
        }
        let said = |value: f64| match gauge.is_state {
            true => f64::from(u8::from(value != 0.0)),
            false => value * gauge.scale,
        };
        Ok(sum.into_iter().map(|value| value.map(said)).collect())
    }

    /// Whether this was not told yet; what is older than a minute is not remembered.
    fn is_news(&mut self, path: &Arc<str>, at_ms: i64, value: f64, now_ms: i64) -> bool {
        if at_ms < now_ms - 2 * RECENT_MS {
            return true;
        }
        self.told.insert((path.clone(), at_ms), value).is_none_or(|told| told.to_bits() != value.to_bits())
    }
}

/// When the local day after the one of `at_ms` begins, ms.
fn next_day_ms(plan: &Plan, at_ms: i64) -> i64 {
    let day = local_day(plan.zone, at_ms);
    day.succ_opt().map_or(i64::MAX, |next| day_start_ms(plan.zone, next))
}

#[cfg(test)]
mod tests;
