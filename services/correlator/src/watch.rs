//! The loop: looks when something arrives or a window closes, learns when there is news, and tells.

mod begin;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::Utc;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use wattribute_analysis::HOUR_MS;
use wattribute_domain::{CorrelationRecord, HourEnergy, HouseRecord, OwnerWords, SeriesId};
use wattribute_service::http::{About, serve};
use wattribute_service::{Context, Health, State};
use wattribute_store::{HomeChoice, Store, home_choice};

use crate::Config;
use crate::http::{Service, router};
use crate::learn::{DAY_MS, Found, HOUSE, Learned, changed_days, find_meter, learn};
use crate::live::{Live, finals};
use crate::now::{MeterNow, NamedCorrelation};
use crate::present::{Energies, named, phantom_w, present};
use crate::publish::Publisher;
use crate::second_meter::compare;
use crate::silence::{meters, unheard};
use crate::unknown::Unknown;
use begin::{begin, start_publishing};

/// How often it looks whether there is anything to do.
const TICK: Duration = Duration::from_secs(1);

/// A source that was heard within this time is taken to be there: silence is then "unchanged".
const HEARD_MS: i64 = 20_000;

/// What was said this long ago has arrived.
const ARRIVED_MS: i64 = 1_500;

/// Backfill that pauses for this long has come to an end, ms.
const QUIET_MS: i64 = 4_000;

/// Time between two comparisons with other meters, ms.
const COMPARE_MS: i64 = 6 * 3_600_000;

/// The longest time between two tries to find the house's meter, ms; the first come sooner, while readings begin to arrive.
const FIND_MS: i64 = 10_000;

/// Tries to find the meter that may fail without a word.
const EARLY_FINDS: u32 = 4;

/// Time between two looks at which series there are and which meters speak, ms.
const REFRESH_MS: i64 = 10_000;

/// Serves HTTP and watches, until it is told to stop.
pub async fn run(config: Config, context: Context) -> anyhow::Result<()> {
    let about = About::of("correlator", &context);
    let Context { store, listener, shutdown, health, is_demo, .. } = context;
    let errors = Arc::new(AtomicU64::new(0));
    let service = Service { store: store.clone(), config: config.clone(), errors: errors.clone() };
    let http = tokio::spawn(serve(listener, about, router(service), shutdown.clone()));
    let watching = watch(config, store, health, is_demo, errors, shutdown.clone());
    let watched = watching.await;
    shutdown.cancel();
    http.await.context("answering HTTP")??;
    watched
}

async fn watch(
    config: Config,
    store: Arc<dyn Store>,
    health: Health,
    is_demo: bool,
    errors: Arc<AtomicU64>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let live = tokio::select! {
        live = begin(&store, &config, &health) => live,
        () = shutdown.cancelled() => return Ok(()),
    };
    let publisher = start_publishing(&config, store.clone(), &health, is_demo);
    let mut watch = Watch::new(live, store, publisher, health, is_demo, config);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shutdown.cancelled() => break,
        }
        let done = watch.step(Utc::now().timestamp_millis()).await;
        if done.is_err() {
            errors.fetch_add(1, Ordering::Relaxed);
        }
        watch.tell(done);
    }
    if let Some(learning) = watch.learning {
        learning.abort();
    }
    watch.publisher.stop().await;
    Ok(())
}

/// What was learned, and how long that took.
type Learning = JoinHandle<anyhow::Result<(Option<Learned>, Duration)>>;

struct Watch {
    live: Live,
    store: Arc<dyn Store>,
    publisher: Publisher,
    health: Health,
    is_demo: bool,
    config: Config,
    energies: Energies,
    /// Learning under way.
    learning: Option<Learning>,
    learned_ms: i64,
    /// What the owner said of devices when learning began last.
    learned_by: OwnerWords,
    /// What the owner set of the home through the API.
    chosen: HomeChoice,
    /// The meter that the owner named when learning began last.
    learned_for: Option<String>,
    learning_took: Duration,
    /// Changes whose window closed since learning began last.
    finals_since: usize,
    /// Finals that were handed to the publisher.
    announced: HashSet<(i64, SeriesId)>,
    last_correlation: Option<NamedCorrelation>,
    looked_ms: i64,
    refreshed_ms: i64,
    found_ms: i64,
    /// When other meters were compared last.
    compared_ms: i64,
    /// The search for loads that no entity explains.
    unknown: Unknown,
    /// How often the meter was looked for.
    finds: u32,
    /// Whether it was told that the house's meter is not known.
    is_missed: bool,
    /// Local night that was looked at, by when, and its phantom load.
    phantom: (i64, Option<f64>),
    /// What was heard of meters, and when that was looked at.
    meters: (i64, Vec<MeterNow>),
    trouble: Option<String>,
}

impl Watch {
    fn new(live: Live, store: Arc<dyn Store>, publisher: Publisher, health: Health, is_demo: bool, config: Config) -> Self {
        Watch {
            live,
            store,
            publisher,
            health,
            is_demo,
            config,
            energies: Energies::default(),
            learning: None,
            learned_ms: 0,
            learned_by: OwnerWords::new(),
            chosen: HomeChoice::default(),
            learned_for: None,
            learning_took: Duration::ZERO,
            finals_since: 0,
            announced: HashSet::new(),
            last_correlation: None,
            looked_ms: 0,
            refreshed_ms: 0,
            found_ms: 0,
            compared_ms: 0,
            unknown: Unknown::default(),
            finds: 0,
            is_missed: false,
            phantom: (0, None),
            meters: (0, Vec::new()),
            trouble: None,
        }
    }

    async fn step(&mut self, now_ms: i64) -> anyhow::Result<()> {
        let rest_ms = if self.live.learned.is_some() { REFRESH_MS } else { self.find_rest_ms() };
        if now_ms - self.refreshed_ms >= rest_ms || self.live.catalogue.is_outdated(&*self.store).await? {
            self.refreshed_ms = now_ms;
            if self.live.refresh().await? {
                self.live.fill(now_ms).await?;
            }
            self.live.remember().await?;
        }
        self.listen().await?;
        self.take_learned(now_ms).await?;
        if self.live.learned.is_none() {
            return self.find(now_ms).await;
        }
        self.live.arrive(now_ms).await?;
        let until_ms = self.until_ms(now_ms).await?;
        let waited = now_ms - self.looked_ms >= self.config.processing_interval.as_millis() as i64;
        if self.live.is_due(until_ms) || waited {
            self.looked_ms = now_ms;
            let records = self.live.look(until_ms).await?;
            self.announce(&records).await;
        }
        let is_news = self.live.catalogue.learned_by() != self.learned_by || self.named() != self.learned_for.as_deref();
        if self.learning.is_none() && is_news {
            self.begin_learning(now_ms);
        }
        // What comes in from the past is joined when it has stopped coming, after it was learned from.
        if self.live.backlog_s() > 0.0 && self.learning.is_none() && now_ms - self.live.backlog_grew_ms > QUIET_MS {
            if self.live.backlog_s() > 3600.0 && self.learned_ms < self.live.backlog_grew_ms {
                self.begin_learning(now_ms);
            } else {
                let began = Instant::now();
                while began.elapsed() < TICK / 2 && self.live.catch_up(until_ms).await? {}
            }
        } else if self.learning.is_none() && self.is_time_to_learn(now_ms) {
            self.begin_learning(now_ms);
        }
        if self.live.backlog_s() == 0.0 && now_ms - self.compared_ms > COMPARE_MS {
            self.compared_ms = now_ms;
            if let Some(learned) = &self.live.learned {
                let meter = (learned.meter.as_str(), &learned.inputs[..]);
                compare(&*self.store, &self.live.catalogue, self.live.house, meter, now_ms).await?;
            }
        }
        if let Some(learned) = self.live.learned.as_ref().filter(|_| self.live.backlog_s() == 0.0 && self.learning.is_none()) {
            self.unknown.step(&self.store, &self.live.catalogue, self.live.house, learned, now_ms).await?;
        }
        self.publish(now_ms).await?;
        metrics::gauge!("wattribute_correlator_backlog_seconds").set(self.live.backlog_s());
        metrics::gauge!("wattribute_correlator_lag_seconds").set((now_ms - until_ms) as f64 / 1000.0);
        Ok(())
    }

    /// Takes in what the owner set of the home.
    async fn listen(&mut self) -> anyhow::Result<()> {
        let chosen = home_choice(&*self.store).await?;
        if chosen.meter != self.chosen.meter {
            // It is looked for at once.
            (self.finds, self.found_ms, self.is_missed) = (0, 0, false);
        }
        self.chosen = chosen;
        Ok(())
    }

    /// The meter that the owner names: what the configuration says wins.
    fn named(&self) -> Option<&str> {
        self.config.meter.as_deref().or(self.chosen.meter.as_deref())
    }

    /// Up to when the house's power is known.
    async fn until_ms(&self, now_ms: i64) -> anyhow::Result<i64> {
        let Some(learned) = &self.live.learned else { return Ok(now_ms) };
        let mut sources: Vec<String> =
            learned.inputs.iter().filter_map(|&id| self.live.catalogue.info(id)).map(|i| i.source.clone()).collect();
        sources.sort_unstable();
        sources.dedup();
        let mut until_ms = now_ms - ARRIVED_MS;
        for source in sources {
            let heard = self.store.document(&format!("heard:{source}")).await?.and_then(|text| text.parse::<i64>().ok());
            if let Some(heard_ms) = heard.filter(|h| now_ms - h > HEARD_MS) {
                until_ms = until_ms.min(heard_ms);
            }
        }
        Ok(until_ms)
    }

    /// Time until the meter is looked for again, ms.
    fn find_rest_ms(&self) -> i64 {
        FIND_MS.min(1_000 + 1_000 * i64::from(self.finds))
    }

    /// Looks for the house's meter, now and then.
    async fn find(&mut self, now_ms: i64) -> anyhow::Result<()> {
        if self.learning.is_some() || now_ms - self.found_ms < self.find_rest_ms() {
            return Ok(());
        }
        self.found_ms = now_ms;
        self.finds += 1;
        match find_meter(&*self.store, &self.live.catalogue, self.named(), now_ms).await {
            Ok(Found { meter, why, .. }) => {
                tracing::info!(meter, why, "the house's meter");
                self.health.set("whole_house_meter", State::Ok);
                self.learn(meter, now_ms);
            }
            Err(error) => {
                let heard_nothing = self.live.catalogue.sensors().is_empty();
                let why = if heard_nothing { "no sensor of power or energy was heard yet".to_owned() } else { format!("{error:#}") };
                self.health.set("whole_house_meter", State::Degraded(why.clone()));
                // At first little has arrived: that is no news. Nor is it that there is more to choose from.
                if self.finds >= EARLY_FINDS && !heard_nothing && !std::mem::replace(&mut self.is_missed, true) {
                    tracing::warn!(why, "the house's meter is not known yet");
                }
            }
        }
        Ok(())
    }

    /// Learning costs little where there is little, and is done the less often the longer it takes: with a tenth more changes, or after an hour.
    fn is_time_to_learn(&self, now_ms: i64) -> bool {
        let since_ms = now_ms - self.learned_ms;
        let rest_ms = 60_000.max(30 * self.learning_took.as_millis() as i64);
        let known: u32 = self.live.learned.iter().flat_map(|l| &l.profiles).map(|p| p.profile.events_total).sum();
        since_ms > rest_ms
            && (self.finals_since >= 1.max(known as usize / 10)
                || (since_ms > 3_600_000 && self.finals_since > 0)
                || since_ms > 6 * 3_600_000)
    }

    fn begin_learning(&mut self, now_ms: i64) {
        if let Some(learned) = &self.live.learned {
            let meter = learned.meter.clone();
            self.learn(meter, now_ms);
        }
    }

    fn learn(&mut self, meter: String, now_ms: i64) {
        let named = self.named().map(str::to_owned);
        let (store, catalogue, days) = (self.store.clone(), self.live.catalogue.clone(), self.config.learn_days);
        self.finals_since = 0;
        self.learned_for = named.clone();
        self.learned_by = self.live.catalogue.learned_by();
        let learning = tokio::spawn(async move {
            // A better meter may have come since the last time.
            let found = find_meter(&*store, &catalogue, named.as_deref(), now_ms).await;
            let Found { meter, why, candidates } = found.unwrap_or_else(|error| {
                let why = match &named {
                    Some(named) => {
                        tracing::warn!(meter = named, why = format!("{error:#}"), "the meter that was named cannot be used");
                        format!("it was found before; {error:#}")
                    }
                    None => "it was found before".to_owned(),
                };
                Found { meter, why, candidates: Vec::new() }
            });
            let began = Instant::now();
            let learned = learn(&*store, &catalogue, &meter, days, now_ms).await?;
            Ok((learned.map(|l| Learned { why, candidates, ..l }), began.elapsed()))
        });
        self.learning = Some(learning);
    }

    /// Takes over what was learned, once learning is done.
    async fn take_learned(&mut self, now_ms: i64) -> anyhow::Result<()> {
        let Some(learning) = self.learning.take_if(|learning| learning.is_finished()) else { return Ok(()) };
        self.learned_ms = now_ms;
        let (learned, took) = learning.await.context("learning")??;
        self.learning_took = took;
        let Some(mut learned) = learned else { return Ok(()) };
        for hour in &mut learned.hours {
            if hour.series == HOUSE {
                hour.series = self.live.house;
            }
        }
        let first = self.live.learned.is_none();
        let told = learned.profiles.iter().filter(|p| p.profile.power_w.is_some_and(|w| w > 0.0)).count();
        tracing::info!(devices = told, seconds = self.learning_took.as_secs_f64(), "learned");
        metrics::gauge!("wattribute_learning_seconds").set(self.learning_took.as_secs_f64());
        let (provisional_s, final_s) = learned.model.delays_s();
        let guard_s = learned.model.guards_s();
        let house = HouseRecord {
            label: learned.meter.clone(),
            why: learned.why.clone(),
            series: self.live.house,
            inputs: learned.inputs.clone(),
            metered: learned.metered.iter().map(|(&entity, &sensor)| (entity, sensor)).collect(),
            baseline_w: learned.baseline_w,
            interval_s: learned.model.interval_s(),
            lag_s: learned.lag_s,
            guard_before_s: Some(guard_s.0),
            guard_after_s: Some(guard_s.1),
            candidates: learned.candidates.clone(),
            provisional_s,
            final_s,
            notes: learned.notes.clone(),
        };
        self.store.put_documents(vec![("house".to_owned(), serde_json::to_string(&house)?)]).await?;
        if !learned.profiles.is_empty() {
            self.store.replace_profiles(learned.profiles.clone()).await?;
        }
        let (span_ms, hours) = (learned.span_ms, std::mem::take(&mut learned.hours));
        let anew = self.live.take(learned, now_ms).await?;
        self.keep_energy(span_ms, hours).await?;
        self.energies = Energies::read(&*self.store, span_ms.1).await?;
        if anew {
            // Rows that were joined through other windows are joined again.
            self.live.add_backlog(span_ms.0, now_ms);
            if first {
                self.live.backlog_grew_ms = 0;
            }
        }
        Ok(())
    }

    /// Keeps energies per hour, and tells of those that changed.
    async fn keep_energy(&mut self, span_ms: (i64, i64), hours: Vec<HourEnergy>) -> anyhow::Result<()> {
        // The first day of the span was cut by its start: what is kept of it was learned with what went before.
        let first_ms = span_ms.0.div_euclid(DAY_MS) * DAY_MS;
        let kept = self.store.energy(first_ms, span_ms.1.saturating_add(DAY_MS)).await?;
        // The hour that it starts within is no such cut: a home's first hour is seldom whole.
        let cut =
            kept.iter().any(|h| h.hour_ms + HOUR_MS <= span_ms.0) || !self.store.energy(first_ms - DAY_MS, first_ms).await?.is_empty();
        let from_ms = if cut { first_ms + DAY_MS } else { first_ms };
        let inside = |hours: &[HourEnergy]| hours.iter().filter(|h| h.hour_ms >= from_ms).copied().collect::<Vec<_>>();
        let (kept, fresh) = (inside(&kept), inside(&hours));
        let mut changed = Vec::new();
        for (from_ms, to_ms, hours) in changed_days(&kept, &fresh, (from_ms, span_ms.1)) {
            let lost = kept
                .iter()
                .filter(|k| (from_ms..to_ms).contains(&k.hour_ms) && !hours.iter().any(|h| (h.series, h.hour_ms) == (k.series, k.hour_ms)));
            changed.extend(lost.map(|k| HourEnergy { energy_kwh: 0.0, ..*k }));
            changed.extend(hours.iter().copied());
            self.store.replace_energy(from_ms, to_ms, hours).await?;
        }
        changed.retain(|h| h.series != self.live.house);
        if !changed.is_empty() {
            let now = present(&self.live, &mut Energies::default(), None, self.is_demo, span_ms.1);
            self.publisher.statistics(&changed, &now.devices).await;
        }
        Ok(())
    }

    /// Hands the rows whose window has closed to the publisher, each once.
    async fn announce(&mut self, records: &[CorrelationRecord]) {
        let oldest_ms = records.first().map_or(i64::MAX, |r| r.at_ms);
        self.announced.retain(|key| key.0 >= oldest_ms);
        let fresh: Vec<&CorrelationRecord> = finals(records).filter(|r| self.announced.insert((r.at_ms, r.series))).collect();
        self.finals_since += fresh.len();
        let news: Vec<NamedCorrelation> = fresh.into_iter().filter_map(|r| named(&self.live.catalogue, r)).collect();
        let stands_out = |r: &CorrelationRecord| {
            r.verdict == wattribute_domain::CorrelationVerdict::Clean && r.power_delta_w().abs() >= self.config.min_power_delta
        };
        if let Some(last) = finals(records).filter(|r| stands_out(r)).last() {
            self.last_correlation = named(&self.live.catalogue, last);
        }
        if !news.is_empty() {
            self.publisher.correlations(&news, self.price()).await;
        }
    }

    /// The price of one kWh and its currency, where Home Assistant was told one.
    fn price(&self) -> Option<(f64, String)> {
        let home = &self.live.catalogue.home;
        let price = home.energy_preferences.as_ref()?.price_per_kwh?;
        Some((price, home.currency.clone().unwrap_or_default()))
    }

    async fn publish(&mut self, now_ms: i64) -> anyhow::Result<()> {
        if now_ms - self.phantom.0 > 600_000 {
            self.phantom = (now_ms, phantom_w(&*self.store, self.live.house, &self.live.catalogue.home, now_ms).await?);
        }
        let mut now = present(&self.live, &mut self.energies, self.phantom.1, self.is_demo, now_ms);
        if let Some(learned) = self.live.learned.as_ref().filter(|_| now_ms - self.meters.0 >= REFRESH_MS) {
            self.meters = (now_ms, meters(&*self.store, &self.live.catalogue, &learned.inputs, now_ms).await?);
            let state = unheard(&self.live.catalogue, &learned.inputs, &self.meters.1).map_or(State::Ok, State::Degraded);
            self.health.set("whole_house_meter", state);
        }
        now.meters = self.meters.1.clone();
        let (threshold_w, _) = self.chosen.phantom_threshold_w(self.config.publish.alerts.high_phantom_load_w);
        now.phantom_threshold_w = Some(threshold_w);
        now.last_correlation = self.last_correlation.clone();
        self.publisher.publish(&now).await;
        Ok(())
    }

    /// Says once when it goes and once when it returns.
    fn tell(&mut self, done: anyhow::Result<()>) {
        match done {
            Ok(()) => {
                if self.trouble.take().is_some() {
                    tracing::info!("correlating again");
                }
                self.health.set("store", State::Ok);
            }
            Err(error) => {
                let why = format!("{error:#}");
                self.health.set("store", State::Down(why.clone()));
                if self.trouble.is_none() {
                    tracing::error!(error = why, "cannot correlate");
                }
                self.trouble = Some(why);
            }
        }
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
