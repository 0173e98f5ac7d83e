//! Prices that are known in advance: told as readings when their time has come, and until then as a document.
//!
//! A reading in the future would be the newest of its series for a day, and whatever asks for the newest, or for what arrived, would take it
//! for the present. So no series ever holds one.

use std::collections::{BTreeMap, HashMap};

use wattribute_domain::PricesAhead;

use super::prices::Listed;
use crate::adapters::Event;

/// How long prices of the past are remembered, ms: lists go back to yesterday.
const REMEMBERED_MS: i64 = 3 * 86_400_000;

/// A list that says of now what the state says, to 2 % and to what rounding makes of small prices, is of the same price.
const SAME: (f64, f64) = (0.02, 0.000_6);

/// How much earlier than its time a state may already say the next price, ms.
const EARLY_MS: i64 = 60_000;

/// Prices by the key of their series.
#[derive(Default)]
pub(super) struct Schedule(HashMap<u32, Prices>);

#[derive(Default)]
struct Prices {
    entity_id: String,
    /// Price of one kWh in the currency, by when it comes into force, ms since the epoch.
    known: BTreeMap<i64, f64>,
    /// What was told as readings already.
    told: BTreeMap<i64, f64>,
    /// When the last price is no longer in force, where that is said, ms since the epoch.
    until_ms: Option<i64>,
    /// Whether the entity's state is a price too, which goes on where the list ends.
    has_state: bool,
    /// Whether it was said that the list is of another price than the state.
    is_strange: bool,
}

/// What an entity says of its price.
pub(super) struct Told<'a> {
    pub entity_id: &'a str,
    pub listed: &'a [Listed],
    /// What one of its unit is in the currency per kWh.
    pub factor: f64,
    /// What its state says, per kWh: `None` for an entity whose state is no price, NaN while it says nothing.
    pub state: Option<f64>,
    /// When, ms since the epoch.
    pub at_ms: i64,
}

impl Schedule {
    /// Hears the lists of an entity. A list of another price than the state (without taxes, say) is passed over.
    pub fn hear(&mut self, key: u32, told: &Told<'_>, out: &mut Vec<Event>) {
        let known: BTreeMap<i64, f64> = told.listed.iter().map(|l| (l.from_ms, l.price * l.factor.unwrap_or(told.factor))).collect();
        if known.is_empty() {
            return;
        }
        let prices = self.0.entry(key).or_default();
        told.entity_id.clone_into(&mut prices.entity_id);
        prices.has_state = told.state.is_some();
        if let Some(state) = told.state {
            let says = |at_ms: i64| in_force(&known, at_ms).is_some_and(|price| is_same(price, state));
            if !says(told.at_ms) && !says(told.at_ms + EARLY_MS) {
                if state.is_finite() && !std::mem::replace(&mut prices.is_strange, true) {
                    tracing::debug!("the list of prices of {} is not of the price that its state says, and is not read", told.entity_id);
                }
                return;
            }
        }
        let until_ms = told.listed.iter().max_by_key(|l| l.from_ms).and_then(|l| l.to_ms);
        if prices.known == known && prices.until_ms == until_ms {
            return;
        }
        (prices.known, prices.until_ms) = (known, until_ms);
        let present_ms = prices.known.range(..=told.at_ms).next_back().map_or(told.at_ms, |(at_ms, _)| *at_ms);
        let ahead = PricesAhead { prices: prices.known.range(present_ms..).map(|(at_ms, price)| (*at_ms, *price)).collect(), until_ms };
        match serde_json::to_string(&ahead) {
            Ok(text) => out.push(Event::Document { key: PricesAhead::key(told.entity_id), text }),
            Err(e) => tracing::warn!("the prices of {} cannot be kept: {e}", told.entity_id),
        }
    }

    /// Tells the prices whose time has come and that were not told.
    pub fn due(&mut self, now_ms: i64, out: &mut Vec<Event>) {
        for (&key, prices) in &mut self.0 {
            let mut tell = |at_ms: i64, value: f64| {
                let is_told = prices.told.get(&at_ms).is_some_and(|told| *told == value || (told.is_nan() && value.is_nan()));
                if !is_told {
                    prices.told.insert(at_ms, value);
                    out.push(Event::Reading { key, at_ms, value });
                }
            };
            prices.known.range(..=now_ms).for_each(|(at_ms, price)| tell(*at_ms, *price));
            if let Some(until_ms) = prices.until_ms.filter(|until_ms| !prices.has_state && *until_ms <= now_ms) {
                tell(until_ms, f64::NAN);
            }
            prices.told = prices.told.split_off(&(now_ms - REMEMBERED_MS));
        }
    }

    /// Lets all be told again: history may have been put over it.
    pub fn repeat(&mut self) {
        self.0.values_mut().for_each(|prices| prices.told.clear());
    }

    /// A silence within the time that a list tells of is none: the price was in force whether or not anybody spoke.
    pub fn mend(&self, events: &mut [Event]) {
        if self.0.is_empty() {
            return;
        }
        for event in events {
            if let Event::Reading { key, at_ms, value } = event
                && value.is_nan()
                && let Some(price) = self.0.get(key).and_then(|prices| prices.at(*at_ms))
            {
                *value = price;
            }
        }
    }
}

impl Prices {
    /// The price in force at an instant, as far as the list reaches.
    fn at(&self, at_ms: i64) -> Option<f64> {
        let (last_ms, _) = self.known.last_key_value()?;
        // Without a word on when it ends, the last price is taken for as long as the one before it.
        let before_ms = self.known.range(..last_ms).next_back().map(|(before_ms, _)| *before_ms);
        let until_ms = self.until_ms.or_else(|| Some(last_ms + (last_ms - before_ms?)))?;
        in_force(&self.known, at_ms).filter(|_| at_ms < until_ms)
    }
}

fn in_force(known: &BTreeMap<i64, f64>, at_ms: i64) -> Option<f64> {
    known.range(..=at_ms).next_back().map(|(_, price)| *price)
}

fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() <= SAME.0 * a.abs().max(b.abs()) + SAME.1
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const AT_MS: i64 = 500_000 * HOUR_MS;

    /// Prices in cents of the hours from two ago to two ahead: 10, 11, 12 (now), 13, 14.
    fn list() -> Vec<Listed> {
        let row = |k: i64| Listed {
            from_ms: AT_MS + (k - 2) * HOUR_MS,
            to_ms: Some(AT_MS + (k - 1) * HOUR_MS),
            price: 10.0 + k as f64,
            factor: None,
        };
        (0..5).map(row).collect()
    }

    fn heard(schedule: &mut Schedule, state: Option<f64>) -> Vec<Event> {
        let mut out = Vec::new();
        let list = list();
        schedule.hear(0, &Told { entity_id: "sensor.price", listed: &list, factor: 0.01, state, at_ms: AT_MS + 60_000 }, &mut out);
        out
    }

    fn due(schedule: &mut Schedule, now_ms: i64) -> Vec<(i64, f64)> {
        let mut out = Vec::new();
        schedule.due(now_ms, &mut out);
        let of = |event: &Event| match event {
            Event::Reading { at_ms, value, .. } => ((at_ms - AT_MS) / HOUR_MS, (value * 1000.0).round() / 1000.0),
            other => panic!("{other:?}"),
        };
        out.iter().map(of).collect()
    }

    #[test]
    fn prices_become_readings_when_their_time_has_come_and_a_document_before() {
        let mut schedule = Schedule::default();
        let out = heard(&mut schedule, Some(0.12));
        let [Event::Document { key, text }] = &out[..] else { panic!("{out:?}") };
        assert_eq!(key, "prices_ahead:sensor.price");
        let ahead: PricesAhead = serde_json::from_str(text).unwrap();
        assert_eq!(ahead.prices, [(AT_MS, 0.12), (AT_MS + HOUR_MS, 0.13), (AT_MS + 2 * HOUR_MS, 0.14)]);
        assert_eq!(ahead.until_ms, Some(AT_MS + 3 * HOUR_MS));
        assert_eq!(due(&mut schedule, AT_MS + 60_000), [(-2, 0.1), (-1, 0.11), (0, 0.12)]);
        assert_eq!(due(&mut schedule, AT_MS + HOUR_MS - 1), []);
        assert_eq!(due(&mut schedule, AT_MS + HOUR_MS), [(1, 0.13)]);
        assert_eq!(heard(&mut schedule, Some(0.12)), [], "the same again is no news");
        assert_eq!(due(&mut schedule, AT_MS + 9 * HOUR_MS), [(2, 0.14)], "the state goes on where the list ends");
        schedule.repeat();
        assert_eq!(due(&mut schedule, AT_MS).len(), 3);
    }

    #[test]
    fn a_list_without_a_state_ends_in_silence() {
        let mut schedule = Schedule::default();
        heard(&mut schedule, None);
        let told = due(&mut schedule, AT_MS + 9 * HOUR_MS);
        assert!(told.len() == 6 && told[5].0 == 3 && told[5].1.is_nan(), "{told:?}");
        assert_eq!(due(&mut schedule, AT_MS + 10 * HOUR_MS), []);
    }

    #[test]
    fn a_list_of_another_price_than_the_state_is_not_read() {
        for state in [0.25, f64::NAN] {
            let mut schedule = Schedule::default();
            assert_eq!(heard(&mut schedule, Some(state)), []);
            assert_eq!(due(&mut schedule, AT_MS + HOUR_MS), []);
        }
    }

    #[test]
    fn nobody_speaking_does_not_end_a_price() {
        let mut schedule = Schedule::default();
        heard(&mut schedule, Some(0.12));
        let silent = |at_ms: i64| Event::Reading { key: 0, at_ms, value: f64::NAN };
        let mut events = [silent(AT_MS + 7), silent(AT_MS + 3 * HOUR_MS), Event::Reading { key: 1, at_ms: AT_MS, value: f64::NAN }];
        schedule.mend(&mut events);
        assert_eq!(events[0], Event::Reading { key: 0, at_ms: AT_MS + 7, value: 0.12 });
        assert!(events[1..].iter().all(|e| matches!(e, Event::Reading { value, .. } if value.is_nan())), "{events:?}");
    }
}
