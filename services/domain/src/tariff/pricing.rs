//! The price of every instant.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;

use super::cost::Cost;
use super::plan::Plan;
use super::settled::Settled;
use super::{Contract, MonthDay, Rate, Tariffs};
use crate::Series;
use crate::calendar::{DAY_MS, EARLIEST_MS, LATEST_MS, Offsets, Period, QUARTER_MS, buckets, day_start_ms};

/// 1970-01-01 and 2100-01-01: the offsets in between are looked up before they are asked for.
const KNOWN_MS: (i64, i64) = (0, 4_102_444_800_000);

/// What one kWh costs, and in which band.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price<'a> {
    /// Price of one kWh, in the home's currency.
    pub per_kwh: f64,
    /// Name of the band: a rate's, `fixed`, `dynamic` or `export`.
    pub band: &'a str,
}

/// A span with one price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece<'a> {
    /// From when, ms since the epoch.
    pub from_ms: i64,
    /// Until when, ms since the epoch; it does not belong to the span.
    pub to_ms: i64,
    /// The price; `None` where it is not known.
    pub price: Option<Price<'a>>,
}

/// Tariffs in a time zone with the prices that entities said: what was worked out once, so that a year of quarters is priced in milliseconds.
#[derive(Clone, Debug)]
pub struct Pricing {
    zone: Tz,
    offsets: Offsets,
    eras: Vec<Era>,
}

/// The time of one contract.
#[derive(Clone, Debug)]
struct Era {
    from_ms: i64,
    import: Way,
    export: Way,
    standing_charge_per_day: f64,
}

#[derive(Clone, Debug)]
enum Way {
    Unknown,
    One(f64, &'static str),
    Rates(Vec<Rate>, Plan),
    Entity(Settled, &'static str),
}

impl Pricing {
    /// The prices of `tariffs`, which passed [`Tariffs::check`], in local time of `zone`. `prices` holds what each entity of
    /// [`Tariffs::entities`] said, per kWh or whatever its factor makes that: a price is in force until the next one or a gap (`NaN`), so prices
    /// that are known ahead should end in one.
    pub fn new(tariffs: &Tariffs, zone: Tz, prices: &HashMap<String, Series>) -> Self {
        let eras = tariffs.contracts.iter().map(|contract| Era::new(contract, zone, prices)).collect();
        Pricing { zone, offsets: Offsets::new(zone, KNOWN_MS.0, KNOWN_MS.1), eras }
    }

    /// What a kWh drawn at an instant costs; `None` before the first contract and where an entity has said nothing.
    pub fn import_at(&self, ms: i64) -> Option<Price<'_>> {
        self.piece(ms, |era| &era.import).0
    }

    /// What a kWh given at an instant earns; `None` where no price of export is agreed or known.
    pub fn export_at(&self, ms: i64) -> Option<Price<'_>> {
        self.piece(ms, |era| &era.export).0
    }

    /// The prices of import from one instant to another, each as long as it stands.
    pub fn import_pieces(&self, from_ms: i64, to_ms: i64) -> Vec<Piece<'_>> {
        self.pieces(from_ms, to_ms, |era| &era.import)
    }

    /// The prices of export from one instant to another, each as long as it stands.
    pub fn export_pieces(&self, from_ms: i64, to_ms: i64) -> Vec<Piece<'_>> {
        self.pieces(from_ms, to_ms, |era| &era.export)
    }

    /// What `kwh` drawn evenly from `from_ms` to `to_ms` cost, without the standing charge; `None` where no price is known at any time of it.
    /// Energy at times without a price is told apart, as [`Cost::unpriced_kwh`].
    pub fn cost(&self, from_ms: i64, to_ms: i64, kwh: f64) -> Option<Cost> {
        let mut cost = Cost::default();
        self.add_cost(&mut cost, from_ms, to_ms, kwh).then_some(cost)
    }

    /// What `kwh` given evenly from `from_ms` to `to_ms` earned; as [`Pricing::cost`] otherwise.
    pub fn revenue(&self, from_ms: i64, to_ms: i64, kwh: f64) -> Option<Cost> {
        let mut revenue = Cost::default();
        self.add_revenue(&mut revenue, from_ms, to_ms, kwh).then_some(revenue)
    }

    /// Adds to `sum` what [`Pricing::cost`] would tell, also where that is all unpriced, without making anything new: for many quarters. Returns
    /// whether any price was known.
    pub fn add_cost(&self, sum: &mut Cost, from_ms: i64, to_ms: i64, kwh: f64) -> bool {
        self.add(sum, from_ms, to_ms, kwh, |era| &era.import)
    }

    /// Adds to `sum` what [`Pricing::revenue`] would tell, as [`Pricing::add_cost`] does.
    pub fn add_revenue(&self, sum: &mut Cost, from_ms: i64, to_ms: i64, kwh: f64) -> bool {
        self.add(sum, from_ms, to_ms, kwh, |era| &era.export)
    }

    /// The standing charge from one instant to another, in the home's currency: once for each local day, however many hours it has, and of a part
    /// of a day its share of the day. Days before the first contract cost nothing.
    pub fn standing_charge(&self, from_ms: i64, to_ms: i64) -> f64 {
        let days = buckets(self.zone, Period::Day, from_ms, to_ms);
        let charge = |&(begin_ms, end_ms): &(i64, i64)| {
            let share = (end_ms.min(to_ms) - begin_ms.max(from_ms)) as f64 / (end_ms - begin_ms) as f64;
            self.era(begin_ms).map_or(0.0, |(era, _)| era.standing_charge_per_day * share)
        };
        days.iter().map(charge).sum()
    }

    /// The contract in force, and the beginning of the next.
    fn era(&self, ms: i64) -> Option<(&Era, i64)> {
        let next = self.eras.partition_point(|era| era.from_ms <= ms);
        Some((self.eras.get(next.checked_sub(1)?)?, self.eras.get(next).map_or(LATEST_MS, |era| era.from_ms)))
    }

    /// The price at an instant, and until when it surely stands.
    fn piece(&self, ms: i64, way: impl Fn(&Era) -> &Way) -> (Option<Price<'_>>, i64) {
        if ms >= LATEST_MS {
            return (None, i64::MAX);
        }
        if ms < EARLIEST_MS {
            return (None, EARLIEST_MS);
        }
        let Some((era, end_ms)) = self.era(ms) else {
            return (None, self.eras.first().map_or(i64::MAX, |era| era.from_ms));
        };
        match way(era) {
            Way::Unknown => (None, end_ms),
            Way::One(per_kwh, band) => (Some(Price { per_kwh: *per_kwh, band }), end_ms),
            Way::Entity(settled, band) => {
                let (price, until_ms) = settled.at(&self.offsets, ms);
                (price.map(|per_kwh| Price { per_kwh, band }), until_ms.min(end_ms))
            }
            Way::Rates(rates, plan) => {
                let offset = self.offsets.at(ms);
                let local_ms = ms + offset.offset_ms;
                let (day, since_ms) = (local_ms.div_euclid(DAY_MS), local_ms.rem_euclid(DAY_MS));
                let slot = plan.at(month_day(day), (day + 3).rem_euclid(7) as usize, (since_ms / QUARTER_MS) as usize);
                let until_ms = day * DAY_MS + i64::from(slot.until) * QUARTER_MS - offset.offset_ms;
                let rate = slot.rate.and_then(|k| rates.get(usize::from(k)));
                (rate.map(|r| Price { per_kwh: r.price_per_kwh, band: &r.name }), until_ms.min(offset.to_ms).min(end_ms))
            }
        }
    }

    fn pieces(&self, from_ms: i64, to_ms: i64, way: impl Fn(&Era) -> &Way) -> Vec<Piece<'_>> {
        let mut found: Vec<Piece<'_>> = Vec::new();
        let mut at_ms = from_ms;
        while at_ms < to_ms {
            let (price, until_ms) = self.piece(at_ms, &way);
            let until_ms = until_ms.min(to_ms);
            match found.last_mut() {
                Some(last) if last.price == price => last.to_ms = until_ms,
                _ => found.push(Piece { from_ms: at_ms, to_ms: until_ms, price }),
            }
            at_ms = until_ms;
        }
        found
    }

    fn add(&self, sum: &mut Cost, from_ms: i64, to_ms: i64, kwh: f64, way: impl Fn(&Era) -> &Way) -> bool {
        if to_ms <= from_ms || !kwh.is_finite() {
            return false;
        }
        let (mut at_ms, mut any) = (from_ms, false);
        while at_ms < to_ms {
            let (price, until_ms) = self.piece(at_ms, &way);
            let until_ms = until_ms.min(to_ms);
            let whole = at_ms == from_ms && until_ms == to_ms;
            let part = if whole { kwh } else { kwh * (until_ms as f64 - at_ms as f64) / (to_ms as f64 - from_ms as f64) };
            match price {
                Some(price) => {
                    sum.count(price.band, part, part * price.per_kwh);
                    any = true;
                }
                None => sum.unpriced_kwh += part,
            }
            at_ms = until_ms;
        }
        any
    }
}

impl Era {
    fn new(contract: &Contract, zone: Tz, prices: &HashMap<String, Series>) -> Self {
        let settled = |entity: &String, factor, surcharge, band| match prices.get(entity) {
            Some(series) => Way::Entity(Settled::new(series.clone(), contract.settlement_minutes, factor, surcharge), band),
            None => Way::Unknown,
        };
        let import = match (contract.price_per_kwh, &contract.entity) {
            (Some(price), _) => Way::One(price, "fixed"),
            (None, Some(entity)) => settled(entity, contract.factor, contract.surcharge_per_kwh, "dynamic"),
            (None, None) => Way::Rates(contract.rates.clone(), Plan::new(&contract.rates)),
        };
        let export = match (contract.export_price_per_kwh, &contract.export_entity) {
            (Some(price), _) => Way::One(price, "export"),
            (None, Some(entity)) => settled(entity, contract.export_factor, contract.export_surcharge_per_kwh, "export"),
            (None, None) => Way::Unknown,
        };
        let from_ms = contract.from.map_or(i64::MIN, |date| day_start_ms(zone, date));
        Era { from_ms, import, export, standing_charge_per_day: contract.standing_charge_per_day }
    }
}

/// The day of the year of a day since 1970-01-01.
fn month_day(day: i64) -> MonthDay {
    let date = NaiveDate::from_epoch_days(day as i32).unwrap_or_default();
    MonthDay { month: date.month() as u16, day: date.day() as u16 }
}
