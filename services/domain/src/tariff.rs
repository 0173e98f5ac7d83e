//! What energy costs: contracts as their owners write them, and the price and cost of every instant.
//!
//! Money is in the home's currency, which is not said here.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use check::TariffError;
pub use cost::{BandCost, Cost};
pub use pricing::{Piece, Price, Pricing};
pub use words::{Day, MonthDay, TimeOfDay};

mod check;
mod cost;
mod plan;
mod pricing;
mod settled;
mod words;

/// Contracts in the order of their first day: a new price is a new contract and never rewrites the past.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tariffs {
    /// Each applies until the next one's first day.
    pub contracts: Vec<Contract>,
}

/// What was agreed with a supplier, from one day on. The price of import is said in one of three ways: `price_per_kwh`, `rates` or `entity`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// First local day on which it applies; `null` for always before the next one, which only the first contract may say.
    #[serde(default, with = "words::date")]
    #[schema(value_type = Option<String>, format = Date, example = "2026-03-16")]
    pub from: Option<NaiveDate>,
    /// What the owner calls it.
    pub name: String,
    /// The one price of import at all times, per kWh.
    #[serde(default)]
    pub price_per_kwh: Option<f64>,
    /// Prices of import by the time of the day, the day of the week and the season; the first that holds counts.
    #[serde(default)]
    pub rates: Vec<Rate>,
    /// Home Assistant's entity that says the price of import.
    #[serde(default)]
    pub entity: Option<String>,
    /// What the entity's number is multiplied by (taxes, cents to whole units, MWh to kWh); 1 unless said.
    #[serde(default)]
    pub factor: Option<f64>,
    /// What is added to the entity's price after `factor` (fees of the grid), per kWh; 0 unless said.
    #[serde(default)]
    pub surcharge_per_kwh: Option<f64>,
    /// What a local day costs without any energy, per day.
    #[serde(default)]
    pub standing_charge_per_day: f64,
    /// The one price paid for exported energy, per kWh.
    #[serde(default)]
    pub export_price_per_kwh: Option<f64>,
    /// Home Assistant's entity that says the price paid for exported energy.
    #[serde(default)]
    pub export_entity: Option<String>,
    /// What the number of the export entity is multiplied by; 1 unless said.
    #[serde(default)]
    pub export_factor: Option<f64>,
    /// What is added to the export entity's price after `export_factor` (a fee is below zero), per kWh; 0 unless said.
    #[serde(default)]
    pub export_surcharge_per_kwh: Option<f64>,
    /// How long one price of an entity stands, minutes: 15, 30 or 60. All energy within such a span of the local clock costs the mean of the prices
    /// that were in force in it, weighted by time.
    #[serde(default = "an_hour")]
    pub settlement_minutes: u32,
}

impl Contract {
    /// A contract that says nothing yet but its name.
    pub fn named(name: &str) -> Self {
        Contract {
            from: None,
            name: name.to_owned(),
            price_per_kwh: None,
            rates: Vec::new(),
            entity: None,
            factor: None,
            surcharge_per_kwh: None,
            standing_charge_per_day: 0.0,
            export_price_per_kwh: None,
            export_entity: None,
            export_factor: None,
            export_surcharge_per_kwh: None,
            settlement_minutes: 60,
        }
    }
}

/// One price of import and when it holds: at a local time at which all that it says is true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// The band it belongs to, such as `peak`, `night` or `standard`; several rates may share one.
    pub name: String,
    /// Price of import, per kWh.
    pub price_per_kwh: f64,
    /// Local time at which it begins, a multiple of 15 minutes; `null` with `to` for the whole day.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "22:00")]
    pub from: Option<TimeOfDay>,
    /// Local time at which it ends, a multiple of 15 minutes. Not after `from`, it holds before `to` and from `from` on, each on the days said.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "06:00")]
    pub to: Option<TimeOfDay>,
    /// Days of the week on which it holds; empty for all.
    #[serde(default)]
    pub days: Vec<Day>,
    /// First day of its season; `null` with `last_day` for the whole year.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "10-01")]
    pub first_day: Option<MonthDay>,
    /// Last day of its season, which still belongs to it; before `first_day`, the season goes over the new year.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "03-31")]
    pub last_day: Option<MonthDay>,
}

impl Tariffs {
    /// Whether they can be used: what is wrong first, where, and what would be right.
    pub fn check(&self) -> Result<(), TariffError> {
        check::check(self)
    }

    /// The entities whose prices [`Pricing::new`] needs, each once.
    pub fn entities(&self) -> Vec<&str> {
        let mut found: Vec<&str> =
            self.contracts.iter().flat_map(|c| [&c.entity, &c.export_entity]).flatten().map(String::as_str).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn an_hour() -> u32 {
    60
}

#[cfg(test)]
mod tests;
