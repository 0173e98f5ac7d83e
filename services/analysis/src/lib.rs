//! Attribution: what each device draws, learned from the whole-house meter.
//!
//! Pure functions over the nouns of `domain`: no I/O, no clock, no randomness. The same history always gives the same answer.

mod analyze;
pub mod attribution;
mod compare;
mod house;
mod live;
mod long_term;
mod rollup;
mod unknown;

use std::collections::BTreeMap;

use chrono_tz::Tz;
use wattribute_domain::{Answer, Correlation, OwnerWords};

pub use analyze::analyze;
pub use attribution::hours::{EnergyOfHour, HOUR_MS, of_power as energy_by_hour};
pub use compare::{MeterDay, compare_meters};
pub use house::{House, find as find_house};
pub use live::{LiveCorrelation, LiveLook, Model};
pub use unknown::{UnknownSearch, unknown_loads};

/// What the person asking wants.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The house's meter: an entity id, or an expression such as `sensor.import - sensor.export + sensor.pv`. `None`: find it.
    pub meter: Option<String>,
    /// Unit of the meter where the file carries none (`W`, `kW`, `kWh`, …).
    pub meter_unit: Option<String>,
    /// Price of one kWh.
    pub price_per_kwh: Option<f64>,
    /// ISO 4217 code of the price.
    pub currency: Option<String>,
    /// Time zone in which nights and days are counted.
    pub time_zone: Tz,
    /// Start of the span, ms since the epoch.
    pub from_ms: Option<i64>,
    /// End of the span (not included), ms since the epoch.
    pub to_ms: Option<i64>,
    /// What the owner says of entities: not learned, and the others are learned around it.
    pub owner: OwnerWords,
}

/// An answer and the state changes behind it.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// What each device draws and costs.
    pub answer: Answer,
    /// Entity id and mode names that [`Correlation::entity`] and [`wattribute_domain::Level::mode`] count.
    pub entities: Vec<(String, Vec<String>)>,
    /// Every state change, in order of time.
    pub correlations: Vec<Correlation>,
    /// Energy of each entity per hour, in order of entities and time; of a group, under its first member.
    pub hours: Vec<EnergyOfHour>,
    /// Energy of the house per hour, kWh; gaps are not filled.
    pub house_hours: BTreeMap<i64, f64>,
    /// Entities with a meter of their own, and the sensor that is.
    pub metered: Vec<(usize, String)>,
    /// What live correlation needs.
    pub model: Model,
}

/// Why there is no answer: one line for the person asking, saying what, where and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// No sensor can be the house's meter.
    #[error("{0}")]
    NoMeter(String),
    /// What `--meter` names cannot be used.
    #[error("{0}")]
    BadMeter(String),
    /// There is nothing to learn from.
    #[error("{0}")]
    NoEvents(String),
}
