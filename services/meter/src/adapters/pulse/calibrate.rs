//! `wattribute calibrate pulse`: what the owner read off the meter. A running service takes it up within seconds.

use serde::{Deserialize, Serialize};
use wattribute_domain::device_name;
use wattribute_store::{Result, Store, StoreError};

use super::counter::Counter;

/// What the keys of calibrations begin with; the meter's name follows. Who calibrates writes them, the service reads them.
const CALIBRATION: &str = "pulse:";
/// What the keys of counters begin with; the meter's name follows. The service writes them.
const COUNTER: &str = "pulse_counter:";

/// What the owner read off a meter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Calibration {
    /// When, ms since the epoch.
    pub at_ms: i64,
    /// What the meter showed, kWh.
    pub meter_reading_kwh: f64,
    /// Pulses of one kWh, where the owner said them, now or before.
    pub pulses_per_kwh: Option<f64>,
    /// All pulses that had been counted then; `None` where none had.
    pub pulses: Option<f64>,
}

/// What a calibration came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibrated {
    /// What holds from here on.
    pub calibration: Calibration,
    /// What the counter stood at before, kWh, where it had counted.
    pub was_kwh: Option<f64>,
    /// What two calibrations apart in time tell of the pulses.
    pub hint: Option<Hint>,
}

/// What two calibrations apart in time tell of the pulses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hint {
    /// Pulses that were counted in between.
    pub pulses: f64,
    /// What the meter counted in between, kWh.
    pub kwh: f64,
    /// Pulses of one kWh by that.
    pub pulses_per_kwh: f64,
}

impl std::fmt::Display for Hint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Hint { pulses, kwh, pulses_per_kwh } = self;
        write!(f, "since the last calibration {pulses:.0} pulses for {kwh:.3} kWh = {pulses_per_kwh:.1} pulses per kWh")
    }
}

/// Sets what the meter `name` shows at `now_ms`, kWh, and where it is said its pulses of one kWh. It holds from then on; what was counted before
/// stays as it is.
pub async fn calibrate(
    store: &dyn Store,
    name: &str,
    meter_reading_kwh: f64,
    pulses_per_kwh: Option<f64>,
    now_ms: i64,
) -> Result<Calibrated> {
    let refused = |why: &str| Err(StoreError::Refused(why.to_owned()));
    let name = device_name(name);
    if name.is_empty() {
        return refused("name: it must hold a letter or a digit");
    }
    if !(0.0..=1e9).contains(&meter_reading_kwh) {
        return refused("the meter's reading is what it shows, in kWh: a number from 0 to 1000000000");
    }
    if pulses_per_kwh.is_some_and(|pulses| !is_rate(pulses)) {
        return refused("pulses per kWh stand on the meter, such as 1000 imp/kWh: a number from 0.001 to 10000000");
    }
    let before = calibration(store, &name).await?;
    let counter = counter(store, &name).await?.filter(|counter| counter.is_begun);
    let pulses = counter.as_ref().map(|counter| counter.pulses);
    let hint = before.as_ref().and_then(|before| {
        let (pulses, kwh) = (pulses? - before.pulses?, meter_reading_kwh - before.meter_reading_kwh);
        (pulses > 0.0 && kwh > 0.0).then(|| Hint { pulses, kwh, pulses_per_kwh: pulses / kwh })
    });
    let at_ms = before.as_ref().map_or(now_ms, |before| now_ms.max(before.at_ms + 1));
    let pulses_per_kwh = pulses_per_kwh.or(before.and_then(|before| before.pulses_per_kwh));
    let calibration = Calibration { at_ms, meter_reading_kwh, pulses_per_kwh, pulses };
    let text = serde_json::to_string(&calibration).unwrap_or_default();
    store.put_documents(vec![(format!("{CALIBRATION}{name}"), text)]).await?;
    Ok(Calibrated { calibration, was_kwh: counter.map(|counter| counter.kwh), hint })
}

/// Whether so many pulses can be one kWh.
pub(super) fn is_rate(pulses_per_kwh: f64) -> bool {
    (1e-3..=1e7).contains(&pulses_per_kwh)
}

/// The calibration of a meter, by its plain name.
pub(super) async fn calibration(store: &dyn Store, name: &str) -> Result<Option<Calibration>> {
    read(store, format!("{CALIBRATION}{name}")).await
}

/// The counter of a meter, by its plain name.
pub(super) async fn counter(store: &dyn Store, name: &str) -> Result<Option<Counter>> {
    read(store, format!("{COUNTER}{name}")).await
}

/// Key and text of the document of a counter.
pub(super) fn document(name: &str, counter: &Counter) -> (String, String) {
    (format!("{COUNTER}{name}"), serde_json::to_string(counter).unwrap_or_default())
}

async fn read<T: serde::de::DeserializeOwned>(store: &dyn Store, key: String) -> Result<Option<T>> {
    // What cannot be read is as if it were not there: the next word writes it anew.
    Ok(store.document(&key).await?.and_then(|text| serde_json::from_str(&text).ok()))
}
