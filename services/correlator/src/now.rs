//! What is true of the home now: what is published.

use wattribute_domain::{CorrelationRecord, SeriesId, Verdict};

/// A device now.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceNow {
    /// Its level series; stable through renames.
    pub series: SeriesId,
    /// Stable text for unique ids: the identity of the level series.
    pub identity: String,
    /// Home Assistant's id.
    pub entity_id: String,
    /// Friendly name.
    pub name: String,
    /// Area it is in.
    pub area: Option<String>,
    /// What is known of it.
    pub verdict: Verdict,
    /// What it draws now, W: learned power at its present level, or what its own meter says; `None` where it cannot be told.
    pub power_w: Option<f64>,
    /// Whether it is on; `None` while it says nothing.
    pub is_on: Option<bool>,
    /// Energy since it was first known, kWh; never falls: a downward correction is absorbed by later increments.
    pub energy_kwh: f64,
    /// Energy attributed in the last 30 days, kWh: what "top" devices are chosen by.
    pub recent_energy_kwh: f64,
    /// Since when it has been on, ms since the epoch; `None` while off.
    pub on_since_ms: Option<i64>,
    /// How long it usually stays on, h, where known.
    pub usual_on_h: Option<f64>,
    /// On far longer than it usually is.
    pub left_on: bool,
}

/// A meter, or a source of meters, now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterNow {
    /// What stays when it is renamed.
    pub identity: String,
    /// Home Assistant's id; `None` for a source.
    pub entity_id: Option<String>,
    /// Friendly name.
    pub name: String,
    /// Whether it says anything.
    pub speech: Speech,
}

/// Whether a meter says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// It does.
    Heard,
    /// It has said nothing since then, ms since the epoch.
    SilentSince(i64),
    /// Its source is silent, so that nothing is known of it.
    Unknown,
}

/// The home now.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct HomeNow {
    /// When, ms since the epoch.
    pub at_ms: i64,
    /// Whether this is the made-up home of `wattribute demo`.
    pub is_demo: bool,
    /// Power of the house, W; `None` in a gap.
    pub power_w: Option<f64>,
    /// Sum over devices, W.
    pub attributed_power_w: Option<f64>,
    /// What neither a device nor the baseline explains, W.
    pub unattributed_power_w: Option<f64>,
    /// What the house draws when nothing is in use, W.
    pub baseline_power_w: Option<f64>,
    /// Mean power of the last whole night that nothing in use explains, W, local time; the phantom load.
    pub phantom_power_w: Option<f64>,
    /// Phantom load that is too much, W; `None`: as the alerts are configured.
    pub phantom_threshold_w: Option<f64>,
    /// IANA name of the home's time zone.
    pub time_zone: Option<String>,
    /// Devices, most energy first.
    pub devices: Vec<DeviceNow>,
    /// The house's meters and their sources; empty while that was not looked at.
    pub meters: Vec<MeterNow>,
    /// The last clean correlation.
    pub last_correlation: Option<NamedCorrelation>,
}

/// A correlation with the names that people know.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedCorrelation {
    /// Home Assistant's id of what changed.
    pub entity_id: String,
    /// Its friendly name.
    pub name: String,
    /// Mode before, such as `off`.
    pub previous_state: String,
    /// Mode after, such as `on`.
    pub state: String,
    /// The correlation.
    pub record: CorrelationRecord,
}
