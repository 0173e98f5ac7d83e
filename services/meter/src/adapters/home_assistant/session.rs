//! One connection's time: joining, and hearing what comes.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use wattribute_domain::Quantity;
use wattribute_service::home_assistant::{Connection, HaError, Subscription};

use super::fill::{Fill, Hole};
use super::schedule::Told;
use super::select::{is_ours, quantity_of};
use super::snapshot::Snapshot;
use super::tracker::{Known, Outcome};
use super::wire::{Change, Said};
use super::{HomeAssistant, OVERLAP_MS, now_ms};
use crate::adapters::Event;
use crate::adapters::same::DEVICES;

/// How long Home Assistant may take to start.
const START_PATIENCE: Duration = Duration::from_secs(300);
/// How often it is looked at anew, at least.
const REDISCOVER_EVERY: Duration = Duration::from_secs(3600);
/// Changes of the registries come in bursts: how long to wait for the next.
const DEBOUNCE: Duration = Duration::from_secs(2);
/// The most changes handed over at once.
const BATCH: usize = 2_000;
/// The most changes kept for entities that are not known yet.
const WAITING: usize = 10_000;
/// Events that tell of a change in the registries. A version that does not have one never fires it.
const REGISTRY_EVENTS: [&str; 5] =
    ["entity_registry_updated", "device_registry_updated", "area_registry_updated", "label_registry_updated", "core_config_updated"];

type Pending<T> = Option<Pin<Box<dyn Future<Output = Result<T, HaError>> + Send>>>;

pub(super) struct Session {
    connection: Connection,
    changes: Subscription<Change>,
    registry_changed: Arc<Notify>,
    /// Held so that their events keep coming.
    _registry: Vec<Subscription<()>>,
    /// Changes of entities that are not known yet.
    waiting: Vec<Change>,
    rediscover_at: Instant,
    rediscovery: Pending<Snapshot>,
    /// How often it is asked whether everything was heard.
    ping_every: Duration,
    ping_at: Instant,
    /// When it was sent, ms since the epoch of our clock.
    ping_sent_ms: i64,
    ping: Pending<Value>,
    fill: Option<Fill>,
    /// Of the current states and what came since, what history must not undo: key, instant, value.
    authority: Vec<(u32, i64, f64)>,
    joined_ms: i64,
    /// The least that our clock was ahead of an event's, ms: latency, and how far the clocks differ.
    least_lag_ms: Option<i64>,
}

/// Time between two payloads of one entity that are kept, ms.
const PAYLOAD_EVERY_MS: i64 = 60_000;

impl HomeAssistant {
    /// Connects, and learns what there is.
    pub(super) async fn join(&mut self) -> Result<(), HaError> {
        let connection = Connection::open(&self.config).await?;
        connection.wait_until_running(START_PATIENCE).await?;
        // First listen, then look, so that nothing is lost in between.
        let decode = |event: Value| {
            let change = Change::of_event(&event);
            if change.is_none() {
                metrics::counter!("wattribute_bad_payloads_total", "adapter" => super::NAME).increment(1);
            }
            change
        };
        let changes = connection.subscribe_as(json!({"type": "subscribe_events", "event_type": "state_changed"}), decode).await?;
        let joined_ms = now_ms();
        let registry_changed = Arc::new(Notify::new());
        let mut registry = Vec::new();
        for event_type in REGISTRY_EVENTS {
            let notify = registry_changed.clone();
            let told = move |_| {
                notify.notify_one();
                None::<()>
            };
            // A token of a user who is no administrator may not hear all of them.
            match connection.subscribe_as(json!({"type": "subscribe_events", "event_type": event_type}), told).await {
                Ok(subscription) => registry.push(subscription),
                Err(HaError::Refused { .. }) => {}
                Err(e) => return Err(e),
            }
        }
        let config = connection.call(json!({"type": "get_config"})).await?;
        let snapshot = Snapshot::take(&connection, &config).await?;

        let mut session = Session {
            connection,
            changes,
            registry_changed,
            _registry: registry,
            waiting: Vec::new(),
            rediscover_at: Instant::now() + REDISCOVER_EVERY,
            rediscovery: None,
            ping_every: self.ping_every,
            ping_at: Instant::now() + self.ping_every,
            ping_sent_ms: 0,
            ping: None,
            fill: None,
            authority: Vec::new(),
            joined_ms,
            least_lag_ms: None,
        };
        self.describe_all();
        let new = self.look(&snapshot, true);
        self.bury_the_gone();
        session.authority = self.current(&snapshot);
        self.hear_prices(&snapshot);
        // Until the hole is filled, this is what is known.
        let current = session.authority.iter().filter(|(_, at_ms, _)| self.heard_ms.is_none_or(|heard| *at_ms >= heard));
        self.out.extend(current.map(|(key, at_ms, value)| Event::Reading { key: *key, at_ms: *at_ms, value: *value }));
        session.fill = Some(Fill::new(self.hole(new, &snapshot, joined_ms), &self.tracker));
        self.remember(&session.authority);
        self.away_since = None;
        self.silenced = false;
        self.session = Some(session);
        Ok(())
    }

    fn hole(&self, new: Vec<u32>, snapshot: &Snapshot, joined_ms: i64) -> Hole {
        let fresh: HashSet<u32> = new.iter().copied().collect();
        let speaks = |key: &u32| self.tracker.series[*key as usize].speaks();
        let known = self.tracker.keys().into_iter().filter(|key| !fresh.contains(key) && speaks(key)).collect();
        let new = new.into_iter().filter(speaks).collect();
        let backfill_ms = joined_ms - i64::try_from(self.config.backfill.as_millis()).unwrap_or(0);
        // With everything said anew, Home Assistant started when the first of it was said.
        let started_ms = snapshot.states.iter().map(|state| state.at_ms).min();
        let from_ms = self.heard_ms.map_or(backfill_ms, |heard| (heard - OVERLAP_MS).min(joined_ms));
        let alive_ms = self.live_ms;
        Hole {
            alive_ms,
            new,
            new_from_ms: backfill_ms,
            known,
            from_ms,
            is_held: self.heard_ms.is_some(),
            joined_ms,
            started_ms,
            settle: self.settle,
        }
    }

    /// Takes over what is read now; the keys of what is new.
    fn look(&mut self, snapshot: &Snapshot, all: bool) -> Vec<u32> {
        let (mut candidates, mut left_out) = (Vec::new(), Vec::new());
        for state in &snapshot.states {
            let Some(said) = &state.said else { continue };
            match self.rules.candidate(snapshot, &state.entity_id, said) {
                Some(candidate) => candidates.push(candidate),
                None => {
                    let unreadable =
                        quantity_of(&state.entity_id, &said.attributes).is_none() && !is_ours(snapshot, &state.entity_id, said);
                    left_out.push((state.entity_id.clone(), if unreadable { Known::Unreadable } else { Known::LeftOut }));
                }
            }
        }
        if snapshot.bad_states > 0 {
            metrics::counter!("wattribute_bad_payloads_total", "adapter" => super::NAME).increment(snapshot.bad_states);
        }
        let new = self.tracker.update(candidates, left_out, all, &mut self.out);
        match serde_json::to_string(&snapshot.home) {
            Ok(text) => self.out.push(Event::Document { key: "home".to_owned(), text }),
            Err(e) => tracing::warn!("what Home Assistant says of the home cannot be kept: {e}"),
        }
        if let Ok(text) = serde_json::to_string(&snapshot.device_ids()) {
            self.out.push(Event::Document { key: DEVICES.to_owned(), text });
        }
        new
    }

    /// What went while nobody listened says nothing since.
    fn bury_the_gone(&mut self) {
        let Some(live_ms) = self.live_ms else { return };
        let present: HashSet<u32> = self.tracker.keys().into_iter().collect();
        for (key, tracked) in self.tracker.series.iter_mut().enumerate() {
            let key = key as u32;
            if !present.contains(&key) && tracked.last.is_none_or(|(_, value)| !value.is_nan()) {
                let at_ms = tracked.last.map_or(live_ms, |(last_ms, _)| live_ms.max(last_ms)) + 1;
                tracked.last = Some((at_ms, f64::NAN));
                self.out.push(Event::Reading { key, at_ms, value: f64::NAN });
            }
        }
    }

    /// What each series says now: key, instant, value.
    fn current(&mut self, snapshot: &Snapshot) -> Vec<(u32, i64, f64)> {
        let mut current = Vec::new();
        for state in &snapshot.states {
            if let (Some(key), Some(said)) = (self.tracker.key(&state.entity_id), &state.said)
                && self.tracker.series[key as usize].speaks()
            {
                let value = self.tracker.value(key, &said.state, &said.attributes, &mut self.out);
                current.push((key, state.at_ms, value));
            }
        }
        current
    }

    fn remember(&mut self, current: &[(u32, i64, f64)]) {
        for (key, at_ms, value) in current {
            self.tracker.series[*key as usize].last = Some((*at_ms, *value));
        }
    }

    /// Waits for the next thing that happens and makes events of it.
    pub(super) async fn step(&mut self) -> Result<(), HaError> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let happened = session.wait(&self.tracker).await;
        let Some(mut session) = self.session.take() else { return Ok(()) };
        let result = self.take(&mut session, happened);
        self.session = Some(session);
        result
    }

    fn take(&mut self, session: &mut Session, happened: Happened) -> Result<(), HaError> {
        match happened {
            Happened::Change(change) => self.take_changes(session, change),
            Happened::Filled(keys, answer) => self.take_history(session, &keys, answer)?,
            Happened::Rediscovered(snapshot) => self.take_snapshot(session, &(*snapshot)?),
            Happened::Ponged(answer) => {
                answer?;
                // Whatever happened before the ping was sent is here.
                while let Some(change) = session.changes.next_now() {
                    self.take_change(session, change);
                }
                self.has_heard(session, session.ping_sent_ms - session.least_lag_ms.unwrap_or(0).max(0));
            }
            Happened::Closed(why) => return Err(why),
            Happened::Nothing => {}
        }
        Ok(())
    }

    fn take_changes(&mut self, session: &mut Session, first: Change) {
        let bad = self.tracker.bad;
        let mut until_ms = first.at_ms;
        self.take_change(session, first);
        for _ in 1..BATCH {
            let Some(change) = session.changes.next_now() else { break };
            until_ms = until_ms.max(change.at_ms);
            self.take_change(session, change);
        }
        if self.tracker.bad > bad {
            metrics::counter!("wattribute_bad_payloads_total", "adapter" => super::NAME).increment(self.tracker.bad - bad);
        }
        self.has_heard(session, until_ms);
    }

    fn take_change(&mut self, session: &mut Session, change: Change) {
        let lag_ms = now_ms() - change.at_ms;
        session.least_lag_ms = Some(session.least_lag_ms.map_or(lag_ms, |least| least.min(lag_ms)));
        let before = self.out.len();
        let outcome = self.tracker.hear(&change, &mut self.out);
        if outcome == Outcome::Read {
            self.keep_payload(&change);
            if let Some(said) = &change.said {
                self.hear_price(&change.entity_id, said);
            }
        }
        if outcome == Outcome::New {
            session.rediscover_at = session.rediscover_at.min(Instant::now() + DEBOUNCE / 2);
            if session.waiting.len() < WAITING {
                session.waiting.push(change);
            }
        }
        if session.fill.is_some() {
            for event in &self.out[before..] {
                if let Event::Reading { key, at_ms, value } = event
                    && *at_ms < session.joined_ms
                {
                    session.authority.push((*key, *at_ms, *value));
                }
            }
        }
    }

    /// Hears the lists of prices of all entities.
    fn hear_prices(&mut self, snapshot: &Snapshot) {
        for state in &snapshot.states {
            if let Some(said) = &state.said {
                self.hear_price(&state.entity_id, said);
            }
        }
    }

    /// Hears the lists of prices of an entity, if it is a price and has any.
    fn hear_price(&mut self, entity_id: &str, said: &Said) {
        if said.prices.is_empty() && !said.strange_prices {
            return;
        }
        let Some(key) = self.tracker.key(entity_id) else { return };
        let tracked = &self.tracker.series[key as usize];
        if tracked.info.quantity != Quantity::PricePerKwh {
            return;
        }
        if said.strange_prices && self.strange_prices.insert(entity_id.to_owned()) {
            tracing::debug!("the list of prices of {entity_id} is of a shape that is not known, and is not read");
        }
        let number = || said.state.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let state = tracked.speaks().then(|| number().map_or(f64::NAN, |number| number * tracked.factor()));
        let told = Told { entity_id, listed: &said.prices, factor: tracked.factor(), state, at_ms: said.at_ms.max(now_ms()) };
        self.schedule.hear(key, &told, &mut self.out);
        self.schedule.due(now_ms(), &mut self.out);
    }

    /// Looks again soon at what there is.
    pub(super) fn look_again(&mut self) {
        if let Some(session) = &mut self.session {
            session.rediscover_at = Instant::now();
        }
    }

    /// Keeps what was said word for word, of each entity once a minute at most.
    fn keep_payload(&mut self, change: &Change) {
        let Some(raw) = &change.raw else { return };
        let last_ms = self.payload_ms.entry(change.entity_id.clone()).or_insert(i64::MIN / 2);
        if change.at_ms - *last_ms >= PAYLOAD_EVERY_MS {
            *last_ms = change.at_ms;
            self.out.push(Event::Payload { device: change.entity_id.clone(), at_ms: change.at_ms, text: raw.to_string() });
        }
    }

    fn has_heard(&mut self, session: &Session, until_ms: i64) {
        self.live_ms = Some(self.live_ms.map_or(until_ms, |live| live.max(until_ms)));
        if session.fill.is_none() {
            self.handed_over(until_ms);
        }
    }

    fn take_history(&mut self, session: &mut Session, keys: &[u32], answer: Result<Value, HaError>) -> Result<(), HaError> {
        let Some(fill) = &mut session.fill else { return Ok(()) };
        let answer = match answer {
            Ok(answer) => answer,
            // A slow machine with a large database.
            Err(HaError::Timeout(_)) if fill.ask_for_less() => return Ok(()),
            // It has no history of these: a gap stays a gap.
            Err(HaError::Refused { .. }) => Value::Null,
            Err(e) => return Err(e),
        };
        let filled = fill.take(keys, &answer, &mut self.tracker, &mut self.out);
        if let Some(until_ms) = filled.filter(|_| !fill.is_done()) {
            self.handed_over(until_ms);
        }
        if fill.is_done() {
            self.finish_fill(session);
        }
        Ok(())
    }

    fn finish_fill(&mut self, session: &mut Session) {
        let Some(mut fill) = session.fill.take() else { return };
        let unanswered = fill.unanswered();
        for (key, from_ms) in unanswered {
            let now_said = session.authority.iter().find(|(k, _, _)| *k == key);
            if now_said.is_none_or(|(_, at_ms, _)| *at_ms > from_ms) {
                // Until the overlap's end it was heard.
                self.out.push(Event::Reading { key, at_ms: from_ms + OVERLAP_MS + 1, value: f64::NAN });
            }
        }
        // What was said live counts more than what history says of the same time.
        let authority = std::mem::take(&mut session.authority);
        self.out.extend(fill.news(authority, &self.tracker));
        // What lists say counts more than that nobody spoke.
        self.schedule.repeat();
        let live_ms = self.live_ms.unwrap_or(session.joined_ms).max(session.joined_ms);
        self.handed_over(live_ms);
    }

    fn take_snapshot(&mut self, session: &mut Session, snapshot: &Snapshot) {
        self.look(snapshot, false);
        for change in std::mem::take(&mut session.waiting) {
            // Older than what is known of it now: only what is new is heard.
            self.tracker.hear(&change, &mut self.out);
        }
        self.hear_prices(snapshot);
        for (key, at_ms, value) in self.current(snapshot) {
            let last = &mut self.tracker.series[key as usize].last;
            if last.is_none_or(|(last_ms, _)| last_ms < at_ms) {
                *last = Some((at_ms, value));
                self.out.push(Event::Reading { key, at_ms, value });
            }
        }
    }
}

/// What came next.
enum Happened {
    Change(Change),
    Filled(Vec<u32>, Result<Value, HaError>),
    Rediscovered(Box<Result<Snapshot, HaError>>),
    Ponged(Result<Value, HaError>),
    Closed(HaError),
    Nothing,
}

impl Session {
    async fn wait(&mut self, tracker: &super::Tracker) -> Happened {
        if self.fill.as_ref().is_some_and(Fill::is_done) {
            // There was nothing to fill.
            return Happened::Filled(Vec::new(), Ok(Value::Null));
        }
        let (connection, fill) = (&self.connection, &mut self.fill);
        let history = async {
            match fill {
                Some(fill) => fill.answer(connection, tracker).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            change = self.changes.next() => match change {
                Some(change) => Happened::Change(change),
                None => Happened::Closed(self.connection.closed().await),
            },
            (keys, answer) = history => Happened::Filled(keys, answer),
            snapshot = settled(&mut self.rediscovery) => {
                self.rediscovery = None;
                Happened::Rediscovered(Box::new(snapshot))
            }
            pong = settled(&mut self.ping) => {
                self.ping = None;
                Happened::Ponged(pong)
            }
            () = self.registry_changed.notified() => {
                self.rediscover_at = self.rediscover_at.min(Instant::now() + DEBOUNCE);
                Happened::Nothing
            }
            () = sleep_until(self.rediscover_at), if self.rediscovery.is_none() => {
                self.rediscover_at = Instant::now() + REDISCOVER_EVERY;
                let connection = self.connection.clone();
                self.rediscovery = Some(Box::pin(async move {
                    let config = connection.call(json!({"type": "get_config"})).await?;
                    Snapshot::take(&connection, &config).await
                }));
                Happened::Nothing
            }
            () = sleep_until(self.ping_at), if self.ping.is_none() => {
                self.ping_at = Instant::now() + self.ping_every;
                self.ping_sent_ms = now_ms();
                let connection = self.connection.clone();
                self.ping = Some(Box::pin(async move { connection.call(json!({"type": "ping"})).await }));
                Happened::Nothing
            }
        }
    }
}

async fn settled<T>(pending: &mut Pending<T>) -> Result<T, HaError> {
    match pending {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
