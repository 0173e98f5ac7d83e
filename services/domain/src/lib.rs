//! The nouns of Wattribute and their units. No I/O, no clock: `now` is always an argument.
//!
//! Powers are in W, energies in kWh, instants in milliseconds since 1970-01-01T00:00:00Z (`_ms`), durations in seconds (`_s`).

mod alert;
pub mod calendar;
pub mod counter;
mod history;
mod level;
mod owner;
mod price_ahead;
mod profile;
mod reading;
mod record;
mod series;
pub mod tariff;
pub mod units;
mod unknown;
mod words;

pub use alert::{AlertKind, AlertLog, AlertRecord};
pub use calendar::{Period, QUARTER_MS, day_start_ms, local_day, night};
pub use counter::{Quarter, Quarters};
pub use history::{BadRows, EnergyPreferences, Entity, History, Said, Sensor, Statistic, StatisticRow};
pub use level::{Attributes, Heard, Level, OFF, hear, is_silent, may_switch_a_load};
pub use owner::{GREATEST_W, LONGEST_NAME, OwnerWord, OwnerWords, WrongWord, overlay};
pub use price_ahead::PricesAhead;
pub use profile::{Answer, Correlation, CorrelationVerdict, DeviceProfile, LevelProfile, MeterReport, Verdict};
pub use reading::{Hold, Quantity, Reading, Role, SeriesId, SeriesInfo};
pub use record::{CorrelationRecord, Home, HourEnergy, HouseRecord, Night, ProfileRecord, Stage};
pub use series::{HELD_INTERVALS, Series, UNKNOWN_HOLD_MS, YOUNG_MS};
pub use tariff::{BandCost, Contract, Cost, Day, MonthDay, Price, Pricing, Rate, TariffError, Tariffs, TimeOfDay};
pub use unknown::{EarlierLoad, UNKNOWN_LOADS, UNKNOWN_NAMES, UnknownLoad, UnknownLoads, UnknownRun};
pub use words::{device_name, domain_of, entities_of, letters_apart, object_of, with_dots};
