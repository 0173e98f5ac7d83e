//! What the events carry, and how many go out when.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value, json};
use wattribute_domain::{CorrelationVerdict, Stage};

use super::alerts::{instant, tenth};
use crate::now::NamedCorrelation;

/// Events older than this are no longer news, ms.
const NEWS_MS: i64 = 10 * 60_000;
/// How long it is remembered that an event went out, ms; longer than it is news.
const REMEMBERED_MS: i64 = 2 * NEWS_MS;
/// Events a second, at most.
const A_SECOND: f64 = 10.0;
/// Events that wait, at most; the oldest give way.
const WAITING: usize = 500;

/// What the event `wattribute_correlation` carries; also the attributes of the sensor of the last one.
pub(super) fn payload(c: &NamedCorrelation, price: Option<&(f64, String)>, is_demo: bool) -> Value {
    let r = &c.record;
    let cost = price.map(|(price, _)| (r.power_delta_w() / 1_000.0 * price * 10_000.0).round() / 10_000.0);
    json!({
        "entity_id": c.entity_id,
        "name": c.name,
        "state": c.state,
        "previous_state": c.previous_state,
        "power_before_w": tenth(r.power_before_w),
        "power_after_w": tenth(r.power_after_w),
        "power_delta_w": tenth(r.power_delta_w()),
        "power_delta_pct": tenth(r.power_delta_pct()),
        "standard_error_w": tenth(r.standard_error_w),
        "verdict": r.verdict,
        "explained_w": tenth(r.explained_w),
        "at": instant(r.at_ms),
        "is_demo": is_demo,
        "cost_per_hour": cost,
        "currency": price.map(|(_, currency)| currency),
    })
}

/// Which events went out lately, by instant and series: none goes out twice, also after a restart.
pub(super) type Sent = BTreeSet<(i64, u32)>;

/// Whether this correlation is an event.
pub(super) fn is_news(c: &NamedCorrelation, min_delta_w: f64, now_ms: i64) -> bool {
    let r = &c.record;
    r.stage == Stage::Final
        && r.verdict == CorrelationVerdict::Clean
        && r.power_delta_w().abs() >= min_delta_w
        && now_ms - r.at_ms <= NEWS_MS
}

/// An event that waits to go out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Waiting {
    Correlation { key: (i64, u32), payload: Value },
    Alert(Value),
}

/// The events that wait, and the allowance of a token bucket.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    tokens: f64,
    filled_ms: i64,
}

impl Queue {
    pub(super) fn new(now_ms: i64) -> Self {
        Queue { waiting: VecDeque::new(), tokens: A_SECOND, filled_ms: now_ms }
    }

    /// Lets an event wait, unless it went out or waits already. An alert goes before correlations.
    pub(super) fn push(&mut self, event: Waiting, sent: &Sent) {
        match &event {
            Waiting::Correlation { key, .. } => {
                let waits = |w: &Waiting| matches!(w, Waiting::Correlation { key: k, .. } if k == key);
                if sent.contains(key) || self.waiting.iter().any(waits) {
                    return;
                }
                self.waiting.push_back(event);
            }
            Waiting::Alert(_) => {
                let alerts = self.waiting.iter().take_while(|w| matches!(w, Waiting::Alert(_))).count();
                self.waiting.insert(alerts, event);
            }
        }
        while self.waiting.len() > WAITING {
            let oldest = self.waiting.iter().position(|w| matches!(w, Waiting::Correlation { .. })).unwrap_or(0);
            self.waiting.remove(oldest);
        }
    }

    /// The events that may go out now; `sent` is to be remembered before they do. What is no longer news is dropped.
    pub(super) fn due(&mut self, sent: &mut Sent, now_ms: i64) -> Vec<Waiting> {
        self.tokens = (self.tokens + (now_ms - self.filled_ms).max(0) as f64 / 1_000.0 * A_SECOND).min(A_SECOND);
        self.filled_ms = now_ms;
        self.waiting.retain(|w| !matches!(w, Waiting::Correlation { key: (at_ms, _), .. } if now_ms - at_ms > NEWS_MS));
        let count = (self.tokens as usize).min(self.waiting.len());
        self.tokens -= count as f64;
        let due: Vec<_> = self.waiting.drain(..count).collect();
        sent.retain(|(at_ms, _)| now_ms - at_ms <= REMEMBERED_MS);
        sent.extend(due.iter().filter_map(|w| match w {
            Waiting::Correlation { key, .. } => Some(*key),
            Waiting::Alert(_) => None,
        }));
        due
    }

    /// Takes back what could not go out, in its old place.
    pub(super) fn put_back(&mut self, due: Vec<Waiting>, sent: &mut Sent) {
        for event in due.into_iter().rev() {
            if let Waiting::Correlation { key, .. } = &event {
                sent.remove(key);
            }
            self.waiting.push_front(event);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
