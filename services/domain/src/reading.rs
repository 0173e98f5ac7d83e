//! What devices say: series, readings and what is known of who said them.

use serde::{Deserialize, Serialize};

use crate::Level;

/// What a series tells, with its unit in the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Active power, W; negative while exporting.
    PowerW,
    /// Active power of phase 1, W.
    #[serde(rename = "power_phase_1_w")]
    PowerPhase1W,
    /// Active power of phase 2, W.
    #[serde(rename = "power_phase_2_w")]
    PowerPhase2W,
    /// Active power of phase 3, W.
    #[serde(rename = "power_phase_3_w")]
    PowerPhase3W,
    /// Counter of energy drawn, kWh; a fall is a reset.
    EnergyImportKwh,
    /// Counter of energy given, kWh; a fall is a reset.
    EnergyExportKwh,
    /// Voltage, V.
    VoltageV,
    /// Current, A.
    CurrentA,
    /// Frequency, Hz.
    FrequencyHz,
    /// Power factor, -1 to 1.
    PowerFactor,
    /// Price of one kWh, in the home's currency.
    PricePerKwh,
    /// What state an entity is in, as [`Level::to_number`] writes it.
    Level,
}

impl Quantity {
    /// All of them.
    pub const ALL: [Quantity; 12] = [
        Quantity::PowerW,
        Quantity::PowerPhase1W,
        Quantity::PowerPhase2W,
        Quantity::PowerPhase3W,
        Quantity::EnergyImportKwh,
        Quantity::EnergyExportKwh,
        Quantity::VoltageV,
        Quantity::CurrentA,
        Quantity::FrequencyHz,
        Quantity::PowerFactor,
        Quantity::PricePerKwh,
        Quantity::Level,
    ];

    /// Its name everywhere: column, JSON, file, chart.
    pub const fn name(self) -> &'static str {
        match self {
            Quantity::PowerW => "power_w",
            Quantity::PowerPhase1W => "power_phase_1_w",
            Quantity::PowerPhase2W => "power_phase_2_w",
            Quantity::PowerPhase3W => "power_phase_3_w",
            Quantity::EnergyImportKwh => "energy_import_kwh",
            Quantity::EnergyExportKwh => "energy_export_kwh",
            Quantity::VoltageV => "voltage_v",
            Quantity::CurrentA => "current_a",
            Quantity::FrequencyHz => "frequency_hz",
            Quantity::PowerFactor => "power_factor",
            Quantity::PricePerKwh => "price_per_kwh",
            Quantity::Level => "level",
        }
    }

    /// The quantity of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Quantity::ALL.into_iter().find(|q| q.name() == name)
    }
}

/// How long a value stands for what comes after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Until the next one: Home Assistant says a value only when it changes.
    #[default]
    UntilNext,
    /// For at most 3 of the series' usual intervals: polled and pushed devices.
    Intervals,
}

/// What a series is in the home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The whole house, or a part of the expression that is the house.
    WholeHouse,
    /// A branch of the installation.
    Circuit,
    /// One appliance or plug.
    Device,
    /// Production of the sun.
    Solar,
    /// A battery.
    Battery,
    /// Gas.
    Gas,
    /// What another source says of the same device as well: kept, and not counted.
    Copy,
    /// What a source works out by itself instead of measuring it, such as the devices that Sense makes out: kept, and not counted.
    Guess,
}

/// Number of a series within one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeriesId(pub u32);

/// Who says something, and what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesInfo {
    /// Adapter it comes from: `home_assistant`, `shelly`, `demo`, …
    pub source: String,
    /// What stays when it is renamed: the registry's unique id, a serial number; `device` where there is none. Unique with `source` and
    /// `quantity`.
    pub identity: String,
    /// The id that people know: an entity id, a device's name.
    pub device: String,
    /// What it tells.
    pub quantity: Quantity,
    /// Friendly name.
    pub name: Option<String>,
    /// Home Assistant's device it belongs to.
    pub device_id: Option<String>,
    /// Area (room) it is in.
    pub area: Option<String>,
    /// Home Assistant's device class, where said.
    pub device_class: Option<String>,
    /// Home Assistant's state class (`measurement`, `total_increasing`, `total`), where said.
    pub state_class: Option<String>,
    /// How long its values hold.
    pub hold: Hold,
    /// What it is in the home, where known.
    pub role: Option<Role>,
    /// For [`Quantity::Level`]: the names of the modes that [`Level::mode`] counts, the first always `off`. They only ever grow.
    pub modes: Vec<String>,
}

impl SeriesInfo {
    /// A series that holds until its next value, of which nothing more is known.
    pub fn new(source: &str, device: &str, quantity: Quantity) -> Self {
        SeriesInfo {
            source: source.to_owned(),
            identity: device.to_owned(),
            device: device.to_owned(),
            quantity,
            name: None,
            device_id: None,
            area: None,
            device_class: None,
            state_class: None,
            hold: Hold::UntilNext,
            role: None,
            modes: if quantity == Quantity::Level { vec!["off".to_owned()] } else { Vec::new() },
        }
    }

    /// The number of `mode`, which is added where it is new. Past 65,535 modes all new ones share the last number.
    pub fn mode(&mut self, mode: &str) -> u16 {
        crate::level::mode_number(&mut self.modes, mode)
    }

    /// `light` of `light.hall`.
    pub fn domain(&self) -> &str {
        crate::domain_of(&self.device)
    }

    /// `hall` of `light.hall`.
    pub fn object(&self) -> &str {
        crate::object_of(&self.device)
    }

    /// What the engine and the API call it: the entity's id, or the device with its source where it is not Home Assistant's. Of such a device
    /// only its power and its state go by its own name; the rest says what it is.
    pub fn entity_id(&self) -> String {
        match self.quantity {
            Quantity::PowerW | Quantity::Level => self.known_as(),
            _ if self.is_an_entity() => self.known_as(),
            quantity => format!("{}_{}", self.known_as(), quantity.name()),
        }
    }

    /// The id of the device that says it: an entity's own, else the device with its source.
    pub fn known_as(&self) -> String {
        if self.is_an_entity() { self.device.clone() } else { format!("{}.{}", self.source, self.device) }
    }

    fn is_an_entity(&self) -> bool {
        matches!(self.source.as_str(), "home_assistant" | "demo")
    }

    /// The friendly name, else the id.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.device)
    }
}

/// What one series said at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Which series.
    pub series: SeriesId,
    /// When it was said, ms since the epoch.
    pub at_ms: i64,
    /// What was said, in the unit of the quantity; `NaN` says that the series is silent from then on.
    pub value: f64,
}

impl Level {
    /// The level as one number: 0 is off; mode `m` at fraction `f` is `m - 1 + f`, so that a lamp at a fifth is 0.2 and on is 1.
    pub fn to_number(self) -> f64 {
        if self.is_off() { 0.0 } else { f64::from(self.mode) - 1.0 + f64::from(self.fraction).clamp(0.001, 1.0) }
    }

    /// What [`Level::to_number`] wrote; `None` for `NaN` (silent) and for anything it cannot have written.
    pub fn of_number(number: f64) -> Option<Self> {
        if !(0.0..=f64::from(u16::MAX)).contains(&number) {
            return None;
        }
        if number == 0.0 {
            return Some(Level::off());
        }
        let mode = number.ceil();
        Some(Level { mode: mode as u16, fraction: (number - (mode - 1.0)) as f32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_number() {
        for (mode, fraction) in [(0, 1.0), (1, 1.0), (1, 0.2), (2, 1.0), (7, 0.5)] {
            let level = Level { mode, fraction };
            let back = Level::of_number(level.to_number()).unwrap();
            assert!(back.mode == mode && (back.fraction - fraction).abs() < 1e-6, "{level:?} {back:?}");
        }
        assert_eq!(Level { mode: 1, fraction: 0.2 }.to_number() as f32, 0.2);
        assert_eq!(Level::of_number(f64::NAN), None);
        assert_eq!(Level::of_number(-1.0), None);
    }

    #[test]
    fn each_series_of_a_device_has_an_id_of_its_own() {
        let id = |source: &str, device: &str, quantity| SeriesInfo::new(source, device, quantity).entity_id();
        assert_eq!(id("tasmota", "mt681", Quantity::PowerW), "tasmota.mt681");
        assert_eq!(id("tasmota", "mt681", Quantity::EnergyExportKwh), "tasmota.mt681_energy_export_kwh");
        assert_eq!(id("home_assistant", "sensor.energy", Quantity::EnergyImportKwh), "sensor.energy");
    }

    #[test]
    fn quantities_have_names() {
        for quantity in Quantity::ALL {
            assert_eq!(Quantity::of_name(quantity.name()), Some(quantity));
            assert_eq!(serde_json::to_value(quantity).unwrap(), quantity.name());
        }
    }
}
