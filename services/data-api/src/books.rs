//! The books: energies by quarter of an hour, and what they cost. Worked out from the store when asked for, and kept in memory until the store says
//! something else of the day.

mod day_hours;
mod devices;
mod hours;
mod ledger;
mod prices;
mod time_on;

use std::sync::Arc;

use chrono_tz::Tz;
use wattribute_domain::{Home, Pricing, QUARTER_MS, Quarter, SeriesId};
use wattribute_store::{Result, Store, home, zone};

pub use devices::{DeviceHours, Used, add_share, counts, first_of, power_w, price_of};
use hours::HourBook;
pub use hours::Hours;
use ledger::Ledger;
use prices::Prices;
use time_on::TimeOn;
pub use wattribute_store::{Flow, Flows};

use crate::memo::Memo;

/// Energies and prices of one store.
pub struct Books {
    store: Arc<dyn Store>,
    ledger: Ledger,
    prices: Prices,
    hours: HourBook,
    time_on: TimeOn,
    /// What the house drew at its lowest in nights that were asked for, W, by series and span.
    pub nights: Memo<(SeriesId, i64, i64), Option<f64>>,
}

/// Energy of the home in quarters of an hour, all from the same instant on.
pub struct HomeQuarters {
    /// When the first one begins, ms since the epoch.
    pub from_ms: i64,
    /// Drawn from the grid; empty where that is not known.
    pub import: Vec<Quarter>,
    /// Given to the grid; empty where nothing says so.
    pub export: Vec<Quarter>,
    /// Produced by the sun; empty where nothing says so.
    pub solar: Vec<Quarter>,
    /// Used in the home.
    pub consumption: Vec<Quarter>,
}

impl Books {
    /// The books of a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Books {
            ledger: Ledger::new(store.clone()),
            prices: Prices::default(),
            hours: HourBook::default(),
            time_on: TimeOn::default(),
            nights: Memo::default(),
            store,
        }
    }

    /// What is known of the home, with its time zone.
    pub async fn home(&self) -> Result<(Home, Tz)> {
        let home = home(&*self.store).await?;
        let zone = zone(&home);
        Ok((home, zone))
    }

    /// The prices; `None` where no tariff is known.
    pub async fn pricing(&self, zone: Tz, now_ms: i64) -> Result<Option<Arc<Pricing>>> {
        self.prices.get(&*self.store, zone, now_ms).await
    }

    /// When a series said something first, ms; to the month where that is long ago.
    pub async fn first_ms(&self, series: SeriesId, now_ms: i64) -> Result<Option<i64>> {
        self.ledger.first_ms(series, now_ms).await
    }

    /// What the home's energy is read from.
    pub async fn flows(&self, home: &Home) -> Result<Flows> {
        Flows::find(&*self.store, home).await
    }

    /// Energies of the home from `from_ms` to `to_ms`, both rounded outward to quarters.
    pub async fn quarters(&self, flows: &Flows, from_ms: i64, to_ms: i64, now_ms: i64) -> Result<HomeQuarters> {
        let from_ms = from_ms.div_euclid(QUARTER_MS) * QUARTER_MS;
        let to_ms = -(-to_ms).div_euclid(QUARTER_MS) * QUARTER_MS;
        let import = self.sum(&flows.import, from_ms, to_ms, now_ms).await?;
        let export = self.sum(&flows.export, from_ms, to_ms, now_ms).await?;
        let solar = self.sum(&flows.solar, from_ms, to_ms, now_ms).await?;
        let consumption = if flows.adds_up() {
            let none = Quarter { covered: 1.0, ..Quarter::default() };
            let at = |all: &[Quarter], k: usize| all.get(k).copied().unwrap_or(none);
            let quarter = |k: usize| {
                let (i, e, s) = (at(&import, k), at(&export, k), at(&solar, k));
                Quarter {
                    // A counter in lumps may say of a quarter that more left than came: only over time they add up.
                    kwh: i.kwh + s.kwh - e.kwh,
                    covered: i.covered.min(e.covered).min(s.covered),
                    estimated: i.estimated || e.estimated || s.estimated,
                }
            };
            (0..import.len()).map(quarter).collect()
        } else {
            self.sum(&flows.house, from_ms, to_ms, now_ms).await?
        };
        Ok(HomeQuarters { from_ms, import, export, solar, consumption })
    }

    /// The energies of several series together; a quarter is known as far as all of them are. Empty without any.
    pub async fn sum(&self, flows: &[Flow], from_ms: i64, to_ms: i64, now_ms: i64) -> Result<Vec<Quarter>> {
        let mut sum: Vec<Quarter> = Vec::new();
        for flow in flows {
            let quarters = self.ledger.quarters(*flow, from_ms, to_ms, now_ms).await?;
            if sum.is_empty() {
                sum = quarters;
                continue;
            }
            for (all, one) in sum.iter_mut().zip(quarters) {
                all.kwh += one.kwh;
                all.covered = all.covered.min(one.covered);
                all.estimated |= one.estimated;
            }
        }
        Ok(sum)
    }
}
