//! A stretch of a home's history: what was said by whom, ready to be analysed.

use serde::{Deserialize, Serialize};

use crate::{Level, Series};

/// What an entity was heard to say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// When it was said (`last_updated`), ms since the epoch.
    pub at_ms: i64,
    /// The level it was in; `None` where it could not say (`unavailable`, `unknown`).
    pub level: Option<Level>,
}

/// An entity that may switch a load.
#[derive(Clone, Debug, Default)]
pub struct Entity {
    /// Home Assistant's id, such as `light.hall`.
    pub entity_id: String,
    /// Friendly name, where one is known.
    pub name: Option<String>,
    /// Home Assistant's device the entity belongs to, where the registry could be read.
    pub device_id: Option<String>,
    /// Names of the modes that [`Level::mode`] counts; the first is always `off`.
    pub modes: Vec<String>,
    /// Everything it said, attribute repeats included; sorted by [`History::normalise`].
    pub said: Vec<Said>,
}

impl Entity {
    /// A new entity with nothing said.
    pub fn new(entity_id: impl Into<String>) -> Self {
        Entity { entity_id: entity_id.into(), modes: vec!["off".to_owned()], ..Entity::default() }
    }

    /// The number of `mode`, which is added where it is new. Past 65,535 modes all new ones share the last number.
    pub fn mode(&mut self, mode: &str) -> u16 {
        crate::level::mode_number(&mut self.modes, mode)
    }

    /// `light` of `light.hall`.
    pub fn domain(&self) -> &str {
        crate::domain_of(&self.entity_id)
    }
}

/// A sensor of power or energy.
#[derive(Clone, Debug, Default)]
pub struct Sensor {
    /// Home Assistant's id, such as `sensor.house_power`.
    pub entity_id: String,
    /// Friendly name, where one is known.
    pub name: Option<String>,
    /// Home Assistant's device the sensor belongs to, where the registry could be read.
    pub device_id: Option<String>,
    /// Unit as said (`W`, `kW`, `kWh`, …); `None` where the file does not carry units.
    pub unit: Option<String>,
    /// Home Assistant's device class (`power`, `energy`), where said.
    pub device_class: Option<String>,
    /// Home Assistant's state class (`measurement`, `total_increasing`, `total`), where said.
    pub state_class: Option<String>,
    /// What it read, in `unit`.
    pub readings: Series,
}

/// What the owner told Home Assistant's Energy dashboard (`.storage/energy` beside the database).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnergyPreferences {
    /// Power sensors of the grid connection (`stat_rate`), W, import positive.
    pub grid_power: Vec<String>,
    /// Counters of energy from the grid.
    pub grid_import_energy: Vec<String>,
    /// Counters of energy to the grid.
    pub grid_export_energy: Vec<String>,
    /// Power sensors of solar production.
    pub solar_power: Vec<String>,
    /// Counters of solar energy.
    pub solar_energy: Vec<String>,
    /// Power sensors of batteries.
    pub battery_power: Vec<String>,
    /// Counters of energy of individual devices.
    pub device_energy: Vec<String>,
    /// Fixed price a kWh of the grid, if one is set.
    pub price_per_kwh: Option<f64>,
}

/// One row of Home Assistant's long-term statistics: an hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StatisticRow {
    /// Start of the hour, ms since the epoch.
    pub start_ms: i64,
    /// Mean over the hour, in the unit of the statistic.
    pub mean: Option<f64>,
    /// Least value within the hour.
    pub min: Option<f64>,
    /// Running sum at the end of the hour.
    pub sum: Option<f64>,
}

/// Long-term statistics of one sensor; they outlive its states, but cannot show steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistic {
    /// The sensor's id.
    pub entity_id: String,
    /// Unit of the values.
    pub unit: Option<String>,
    /// Hours in order.
    pub rows: Vec<StatisticRow>,
}

/// Rows that were passed over, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BadRows {
    /// Text, `NaN` or an infinity in a sensor of power or energy.
    pub not_a_number: u64,
    /// Rows without a usable time.
    pub no_time: u64,
    /// Rows that could not be read as a row at all.
    pub malformed: u64,
    /// Rows that came earlier than the row before them of the same entity (they were put in order, not dropped).
    pub out_of_order: u64,
    /// The first row that was passed over: where it is and what was wrong.
    pub first: Option<String>,
}

impl BadRows {
    /// Notes where the first bad row is.
    pub fn remember(&mut self, what: impl FnOnce() -> String) {
        if self.first.is_none() {
            self.first = Some(what());
        }
    }

    /// Rows that were left out.
    pub fn left_out(&self) -> u64 {
        self.not_a_number + self.no_time + self.malformed
    }
}

/// All that was read from one or several files.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Sensors of power and energy (without units: all sensors with numbers).
    pub sensors: Vec<Sensor>,
    /// Entities that may switch a load.
    pub entities: Vec<Entity>,
    /// What the Energy dashboard was told, where it could be read.
    pub energy_preferences: Option<EnergyPreferences>,
    /// Long-term statistics of power and energy sensors.
    pub statistics: Vec<Statistic>,
    /// IANA name of the home's time zone, where it could be read.
    pub time_zone: Option<String>,
    /// ISO 4217 code of the home's currency, where it could be read.
    pub currency: Option<String>,
    /// Rows that were read.
    pub rows: u64,
    /// Rows that were passed over.
    pub bad: BadRows,
    /// What the reader of the answer should know of the files, a sentence each.
    pub notes: Vec<String>,
}

impl History {
    /// Sorts everything by id and time and removes repeats of the same instant, so that what was read is the same
    /// whatever the order of files and rows.
    pub fn normalise(&mut self) {
        self.sensors.sort_by(|a, b| a.entity_id.cmp(&b.entity_id));
        self.entities.sort_by(|a, b| a.entity_id.cmp(&b.entity_id));
        self.statistics.sort_by(|a, b| a.entity_id.cmp(&b.entity_id));
        for sensor in &mut self.sensors {
            self.bad.out_of_order += u64::from(sensor.readings.normalise());
        }
        for entity in &mut self.entities {
            if entity.said.windows(2).any(|w| w[1].at_ms < w[0].at_ms) {
                self.bad.out_of_order += 1;
                entity.said.sort_by_key(|s| s.at_ms);
            }
            entity.said.dedup();
        }
    }
}
