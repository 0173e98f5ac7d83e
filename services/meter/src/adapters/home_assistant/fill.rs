//! Fills a hole from Home Assistant's history, slice by slice, oldest first.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use chrono::DateTime;
use serde_json::{Value, json};
use wattribute_domain::{Attributes, Quantity};
use wattribute_service::home_assistant::{Connection, HaError};

use super::tracker::{Tracker, is_news};
use super::wire::Row;
use crate::adapters::Event;

/// How much time is asked for at once, ms.
const SLICE_MS: i64 = 6 * 3_600_000;
/// How many rows an answer should hold: more entities are asked for at once while it is less, fewer while it is more.
const ROWS: std::ops::Range<usize> = 5_000..20_000;
/// The most entities asked for at once.
const MOST_ENTITIES: usize = 200;
/// Home Assistant was down where nothing at all was recorded for this long before its start, ms.
const OUTAGE_MS: i64 = 300_000;

type Answer = Pin<Box<dyn Future<Output = Result<Value, HaError>> + Send>>;

/// What is to be filled, and how far that has come.
pub(super) struct Fill {
    /// From when each series is wanted, ms since the epoch.
    from_ms: HashMap<u32, i64>,
    /// Whether the store has what the series that are not new held when their hole began.
    is_held: bool,
    /// Keys in the order they are asked for.
    keys: Vec<u32>,
    /// Series that the store knew nothing of.
    new: HashSet<u32>,
    slices: VecDeque<(i64, i64)>,
    /// Of the first slice, what is still to be asked for.
    queue: VecDeque<u32>,
    /// What each series said last, as far as it is filled.
    last: HashMap<u32, (i64, f64)>,
    /// Series that history knows.
    answered: HashSet<u32>,
    entities_at_once: usize,
    /// From here on events are heard, ms since the epoch.
    joined_ms: i64,
    /// The recorder writes some seconds late: the last slice waits for it.
    last_not_before: Instant,
    /// When Home Assistant started, if it did so within the hole, ms since the epoch.
    started_ms: Option<i64>,
    /// When it was last known to run before it started, ms since the epoch.
    alive_ms: Option<i64>,
    pending: Option<(Vec<u32>, Answer)>,
}

/// What there is to fill.
pub(super) struct Hole {
    /// Series that the store knew nothing of, wanted from `new_from_ms`.
    pub new: Vec<u32>,
    pub new_from_ms: i64,
    /// The others, wanted after `from_ms`.
    pub known: Vec<u32>,
    pub from_ms: i64,
    /// Whether the store has what they held at `from_ms`.
    pub is_held: bool,
    /// From here on events are heard.
    pub joined_ms: i64,
    /// When Home Assistant was last heard.
    pub alive_ms: Option<i64>,
    /// When Home Assistant started.
    pub started_ms: Option<i64>,
    /// How long the recorder may take to write what happened before.
    pub settle: Duration,
}

impl Fill {
    pub fn new(hole: Hole, tracker: &Tracker) -> Self {
        let Hole { new, new_from_ms, known, from_ms, is_held, joined_ms, alive_ms, started_ms, settle } = hole;
        let mut from: HashMap<u32, i64> = known.iter().map(|key| (*key, from_ms)).collect();
        from.extend(new.iter().map(|key| (*key, new_from_ms)));
        let mut keys: Vec<u32> = from.keys().copied().collect();
        keys.sort_by_key(|key| (ask(tracker, *key), *key));
        let mut slices = VecDeque::new();
        let mut at = from.values().copied().min().unwrap_or(joined_ms).min(joined_ms);
        while at < joined_ms && !keys.is_empty() {
            let to = (at.div_euclid(SLICE_MS) * SLICE_MS + SLICE_MS).min(joined_ms);
            slices.push_back((at, to));
            at = to;
        }
        let mut fill = Fill {
            last: HashMap::new(),
            from_ms: from,
            is_held,
            keys,
            new: new.into_iter().collect(),
            slices,
            queue: VecDeque::new(),
            answered: HashSet::new(),
            entities_at_once: 20,
            joined_ms,
            last_not_before: Instant::now() + settle,
            started_ms: started_ms.filter(|started| *started > from_ms),
            alive_ms,
            pending: None,
        };
        fill.begin_slice();
        fill
    }

    fn begin_slice(&mut self) {
        if let Some((_, to)) = self.slices.front() {
            self.queue = self.keys.iter().copied().filter(|key| self.from_ms[key] < *to).collect();
        }
    }

    /// Whether nothing is left to be asked.
    pub fn is_done(&self) -> bool {
        self.slices.is_empty()
    }

    /// Waits for the next answer; asks first where nothing was asked. Dropping the future loses nothing.
    pub async fn answer(&mut self, connection: &Connection, tracker: &Tracker) -> (Vec<u32>, Result<Value, HaError>) {
        let Some(&(from_ms, to_ms)) = self.slices.front() else { return std::future::pending().await };
        if self.pending.is_none() {
            if self.slices.len() == 1 {
                tokio::time::sleep_until(self.last_not_before.into()).await;
            }
            let first = self.queue.front().map(|key| ask(tracker, *key));
            let alike = self.queue.iter().take_while(|key| Some(ask(tracker, **key)) == first).count();
            let keys: Vec<u32> = self.queue.iter().copied().take(alike.min(self.entities_at_once)).collect();
            let ids: Vec<&str> = keys.iter().map(|key| tracker.series[*key as usize].info.device.as_str()).collect();
            let mut command = json!({
                "type": "history/history_during_period",
                "start_time": instant(from_ms),
                "entity_ids": ids,
                "significant_changes_only": false,
                "minimal_response": first == Some(Ask::Numbers),
                "no_attributes": first != Some(Ask::Attributes),
            });
            if self.slices.len() > 1 {
                command["end_time"] = instant(to_ms).into();
            }
            let connection = connection.clone();
            self.pending = Some((keys, Box::pin(async move { connection.call(command).await })));
        }
        let Some((_, answer)) = &mut self.pending else { return std::future::pending().await };
        let answer = answer.await;
        let keys = self.pending.take().map_or_else(Vec::new, |(keys, _)| keys);
        (keys, answer)
    }

    /// Takes an answer: gives its readings, and until when everything is filled where a slice was finished, ms since the epoch.
    pub fn take(&mut self, keys: &[u32], answer: &Value, tracker: &mut Tracker, out: &mut Vec<Event>) -> Option<i64> {
        let (slice_from, slice_to) = *self.slices.front()?;
        let mut rows = 0;
        for &key in keys {
            let said = answer.get(&tracker.series[key as usize].info.device).and_then(Value::as_array);
            let Some(said) = said.filter(|said| !said.is_empty()) else { continue };
            rows += said.len();
            self.answered.insert(key);
            let from_ms = slice_from.max(self.from_ms[&key]);
            self.take_series(key, said, from_ms, slice_to, tracker, out);
        }
        match rows {
            r if r > ROWS.end => self.entities_at_once = (self.entities_at_once / 2).max(1),
            r if r < ROWS.start => self.entities_at_once = (self.entities_at_once * 2).min(MOST_ENTITIES),
            _ => {}
        }
        self.queue.drain(..keys.len().min(self.queue.len()));
        if !self.queue.is_empty() {
            return None;
        }
        self.slices.pop_front();
        self.begin_slice();
        if self.is_done() {
            self.tell_outage(out);
        }
        Some(slice_to)
    }

    /// That was too much at once: ask for less. False where it was one series already.
    pub fn ask_for_less(&mut self) -> bool {
        let is_one = self.entities_at_once == 1;
        self.entities_at_once = (self.entities_at_once / 4).max(1);
        !is_one
    }

    fn take_series(&mut self, key: u32, said: &[Value], from_ms: i64, to_ms: i64, tracker: &mut Tracker, out: &mut Vec<Event>) {
        let held = self.is_held && !self.new.contains(&key) && from_ms == self.from_ms[&key];
        let first_ms = if held { from_ms + 1 } else { from_ms };
        out.push(Event::Replaced { key, from_ms: first_ms, to_ms });
        let is_last = to_ms == self.joined_ms;
        let quantity = tracker.series[key as usize].info.quantity;
        let mut attributes = Attributes::default();
        for value in said {
            let Some(row) = Row::of(value) else {
                tracker.bad += 1;
                continue;
            };
            if let Some(told) = row.attributes {
                attributes = told;
            }
            // The first row is what held when the slice began.
            let at_ms = row.at_ms.max(from_ms);
            if at_ms >= to_ms && !is_last {
                continue;
            }
            // What held when the slice began was said before: it is no sign of life.
            if row.at_ms > from_ms && self.started_ms.is_some_and(|started| row.at_ms < started) {
                self.alive_ms = self.alive_ms.max(Some(row.at_ms));
            }
            let number = tracker.value(key, row.state, &attributes, out);
            let last = self.last.get(&key).copied();
            let is_known =
                at_ms == from_ms && (held || last.is_some_and(|(_, value)| value == number || (value.is_nan() && number.is_nan())));
            if !is_known && is_news(last, at_ms, number, quantity) {
                out.push(Event::Reading { key, at_ms, value: number });
                self.last.insert(key, (at_ms, number));
            } else if last.is_none() {
                self.last.insert(key, (at_ms, number));
            }
        }
    }

    /// Of what was said live or is said now, what history did not say already.
    pub fn news(&mut self, mut said: Vec<(u32, i64, f64)>, tracker: &Tracker) -> Vec<Event> {
        said.sort_by_key(|(key, at_ms, _)| (*key, *at_ms));
        said.retain(|(key, at_ms, value)| {
            let last = self.last.get(key).copied().filter(|(last_ms, _)| last_ms < at_ms);
            let is_news = is_news(last, *at_ms, *value, tracker.series[*key as usize].info.quantity);
            if is_news {
                self.last.insert(*key, (*at_ms, *value));
            }
            is_news
        });
        said.into_iter().map(|(key, at_ms, value)| Event::Reading { key, at_ms, value }).collect()
    }

    /// Series that history knows nothing of, with the instant from which nothing is known of them, ms since the epoch: what they say now
    /// may be younger than that.
    pub fn unanswered(&self) -> Vec<(u32, i64)> {
        let unknown = self.keys.iter().filter(|key| !self.answered.contains(key) && !self.new.contains(key));
        unknown.map(|key| (*key, self.from_ms[key])).collect()
    }

    /// While Home Assistant was down nothing was measured: what was said before does not hold.
    fn tell_outage(&self, out: &mut Vec<Event>) {
        let (Some(started_ms), Some(alive_ms)) = (self.started_ms, self.alive_ms) else { return };
        if started_ms - alive_ms > OUTAGE_MS {
            let silent = self.keys.iter().filter(|key| self.answered.contains(key) && self.from_ms[key] <= alive_ms);
            out.extend(silent.map(|key| Event::Reading { key: *key, at_ms: alive_ms + 1, value: f64::NAN }));
        }
    }
}

/// How a series is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ask {
    /// Repeats and attributes say nothing.
    Numbers,
    /// States say it all.
    States,
    /// Attributes tell the level.
    Attributes,
}

fn ask(tracker: &Tracker, key: u32) -> Ask {
    let info = &tracker.series[key as usize].info;
    match info.domain() {
        _ if info.quantity != Quantity::Level => Ask::Numbers,
        "light" | "fan" | "climate" | "humidifier" | "water_heater" => Ask::Attributes,
        _ => Ask::States,
    }
}

fn instant(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339()
}
