//! When somebody should know: too much power, too much at night, something left on, a meter that says nothing. Each condition is told
//! when it begins and when it is over, once each, also across restarts.

mod broker;
mod config;
mod edges;
mod hook;
mod outbox;
mod quiet;
mod template;

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wattribute_domain::{AlertKind, AlertRecord};

pub(super) use broker::{Broker, publish};
pub use config::{Config, Webhook};
pub(super) use hook::Hook;
pub(super) use outbox::{Outbox, deliver};
pub use quiet::QuietHours;

/// What is known of alerts, as remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alerts {
    /// Those that are on, by what they are about (`high_consumption`, `phantom_load`, `left_on:<identity>`, `no_data:<identity>`).
    on: BTreeMap<String, On>,
    /// Those that ended in quiet hours and whose beginning was told: their end is still to be told.
    owed: Vec<AlertRecord>,
    /// Since when a level has been on the other side of its threshold, ms since the epoch.
    #[serde(skip)]
    crossed_ms: BTreeMap<String, i64>,
    /// When it was looked first since the start, ms since the epoch: before, nobody could have heard a meter.
    #[serde(skip)]
    first_ms: Option<i64>,
}

/// An alert that is on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct On {
    alert: AlertRecord,
    /// Whether its beginning was told: not yet where it began in quiet hours.
    told: bool,
}

/// What a look at the home found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Looked {
    /// Alerts that began or ended.
    pub edges: Vec<AlertRecord>,
    /// What somebody is to be told now: beginnings and ends, with what is to be known of them now.
    pub tell: Vec<AlertRecord>,
}

impl Alerts {
    /// Whether an alert about `what` is on.
    pub(super) fn is_on(&self, what: &str) -> bool {
        self.on.contains_key(what)
    }
}

pub(super) const LEFT_ON: &str = "left_on:";

/// What an alert about a device left on is known by.
pub(super) fn left_on(identity: &str) -> String {
    format!("{LEFT_ON}{identity}")
}

/// An instant as Home Assistant reads it: RFC 3339, UTC.
pub(super) fn instant(at_ms: i64) -> Option<String> {
    DateTime::from_timestamp_millis(at_ms).map(|t| t.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// What the event `wattribute_alert` carries, and a webhook without a template of its own.
pub(super) fn payload(alert: &AlertRecord, is_demo: bool) -> Value {
    json!({
        "id": alert.id,
        "kind": alert.kind,
        "entity_id": alert.entity_id,
        "name": alert.name,
        "power_w": alert.power_w.map(tenth),
        "threshold_w": alert.threshold_w,
        "since": instant(alert.since_ms),
        "usual_on_h": alert.usual_on_h.map(tenth),
        "message": alert.message,
        "is_demo": is_demo,
        "on": alert.is_on(),
    })
}

/// What is to be known of an alert now, a sentence.
fn message(alert: &AlertRecord, now_ms: i64) -> String {
    let watts = |w: Option<f64>| w.map_or_else(|| "an unknown power".to_owned(), |w| format!("{w:.0} W"));
    let (power, threshold, name) = (watts(alert.power_w), watts(alert.threshold_w), &alert.name);
    match (alert.kind, alert.is_on()) {
        (AlertKind::HighConsumption, true) => format!("The house draws {power}, more than {threshold}"),
        (AlertKind::HighConsumption, false) => format!("The house draws {power}, no longer more than {threshold}"),
        (AlertKind::PhantomLoad, true) => format!("Last night the house drew {power} with nothing in use, more than {threshold}"),
        (AlertKind::PhantomLoad, false) => {
            format!("Last night the house drew {power} with nothing in use, no longer more than {threshold}")
        }
        (AlertKind::LeftOn, true) => match alert.usual_on_h {
            Some(h) => format!("{name} is still on; it usually stays on for at most {}", hours(h)),
            None => format!("{name} is still on, far longer than usual"),
        },
        (AlertKind::LeftOn, false) => format!("{name} is no longer left on"),
        (AlertKind::NoData, true) => {
            format!("Nothing has been heard from {name} for {}", hours((now_ms - alert.since_ms).max(0) as f64 / 3.6e6))
        }
        (AlertKind::NoData, false) => format!("{} is heard again", capitalised(name)),
    }
}

fn hours(h: f64) -> String {
    if h < 1.0 { format!("{:.0} min", (h * 60.0).max(1.0)) } else { format!("{h:.1} h") }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// To a tenth: more digits than a meter has help nobody.
pub(super) fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
