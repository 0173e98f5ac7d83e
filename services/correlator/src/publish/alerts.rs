//! When somebody should know: too much power, too much at night, something left on.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Config;
use crate::now::HomeNow;

/// An alert ends when what it is about is this much below what began it.
const FALLS_TO: f64 = 0.9;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    HighConsumption,
    PhantomLoad,
    LeftOn,
}

/// An alert that is on, or has just ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Alert {
    pub kind: Kind,
    /// Home Assistant's id of the device; `None` for the home.
    pub entity_id: Option<String>,
    pub name: String,
    pub power_w: Option<f64>,
    pub threshold_w: Option<f64>,
    pub since_ms: i64,
    pub usual_on_h: Option<f64>,
}

/// The alerts that are on, by what they are about (`high_consumption`, `phantom_load`, `left_on:<identity>`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Alerts {
    pub on: BTreeMap<String, Alert>,
}

impl Alerts {
    /// Whether an alert about `what` is on.
    pub(super) fn is_on(&self, what: &str) -> bool {
        self.on.contains_key(what)
    }

    /// Looks at the home as it is now, and tells what began (`true`) and what ended (`false`).
    pub(super) fn look(&mut self, now: &HomeNow, config: &Config) -> Vec<(Alert, bool)> {
        let home = |kind, power_w, threshold_w| Alert {
            kind,
            entity_id: None,
            name: if now.is_demo { "Demo home" } else { "Home" }.to_owned(),
            power_w: Some(power_w),
            threshold_w: Some(threshold_w),
            since_ms: now.at_ms,
            usual_on_h: None,
        };
        let mut edges = Vec::new();
        let levels = [
            ("high_consumption", Kind::HighConsumption, now.power_w, config.high_consumption_w),
            ("phantom_load", Kind::PhantomLoad, now.phantom_power_w, config.high_phantom_load_w),
        ];
        for (what, kind, power_w, threshold_w) in levels {
            // What is not known begins nothing and ends nothing.
            let Some(power_w) = power_w else { continue };
            let is_on = if self.is_on(what) { power_w > threshold_w * FALLS_TO } else { power_w > threshold_w };
            self.set(what.to_owned(), is_on, home(kind, power_w, threshold_w), &mut edges);
        }
        for device in &now.devices {
            let alert = Alert {
                kind: Kind::LeftOn,
                entity_id: Some(device.entity_id.clone()),
                name: device.name.clone(),
                power_w: device.power_w,
                threshold_w: None,
                since_ms: device.on_since_ms.unwrap_or(now.at_ms),
                usual_on_h: device.usual_on_h,
            };
            self.set(left_on(&device.identity), device.left_on, alert, &mut edges);
        }
        // Right after a start no device is known yet: that ends nothing.
        let is_there =
            |what: &str| !what.starts_with(LEFT_ON) || now.devices.is_empty() || now.devices.iter().any(|d| what == left_on(&d.identity));
        let gone: Vec<_> = self.on.keys().filter(|what| !is_there(what)).cloned().collect();
        edges.extend(gone.iter().filter_map(|what| self.on.remove(what)).map(|alert| (alert, false)));
        edges
    }

    fn set(&mut self, what: String, is_on: bool, alert: Alert, edges: &mut Vec<(Alert, bool)>) {
        if is_on && !self.is_on(&what) {
            self.on.insert(what, alert.clone());
            edges.push((alert, true));
        } else if !is_on && let Some(was) = self.on.remove(&what) {
            edges.push((Alert { power_w: alert.power_w, since_ms: was.since_ms, ..alert }, false));
        }
    }
}

const LEFT_ON: &str = "left_on:";

/// What an alert about a device left on is known by.
pub(super) fn left_on(identity: &str) -> String {
    format!("{LEFT_ON}{identity}")
}

/// An instant as Home Assistant reads it: RFC 3339, UTC.
pub(super) fn instant(at_ms: i64) -> Option<String> {
    DateTime::from_timestamp_millis(at_ms).map(|t| t.to_rfc3339_opts(SecondsFormat::Millis, true))
}

impl Alert {
    /// What the event `wattribute_alert` carries.
    pub(super) fn payload(&self, is_on: bool, is_demo: bool) -> Value {
        json!({
            "kind": self.kind,
            "entity_id": self.entity_id,
            "name": self.name,
            "power_w": self.power_w.map(tenth),
            "threshold_w": self.threshold_w,
            "since": instant(self.since_ms),
            "usual_on_h": self.usual_on_h.map(tenth),
            "message": self.message(is_on),
            "is_demo": is_demo,
            "on": is_on,
        })
    }

    fn message(&self, is_on: bool) -> String {
        let watts = |w: Option<f64>| w.map_or_else(|| "an unknown power".to_owned(), |w| format!("{w:.0} W"));
        let (power, threshold) = (watts(self.power_w), watts(self.threshold_w));
        match (self.kind, is_on) {
            (Kind::HighConsumption, true) => format!("The house draws {power}, more than {threshold}"),
            (Kind::HighConsumption, false) => format!("The house draws {power}, no longer more than {threshold}"),
            (Kind::PhantomLoad, true) => format!("Last night the house drew {power} with nothing in use, more than {threshold}"),
            (Kind::PhantomLoad, false) => format!("Last night the house drew {power} with nothing in use, no longer more than {threshold}"),
            (Kind::LeftOn, true) => match self.usual_on_h {
                Some(h) => format!("{} is still on; it usually stays on for at most {}", self.name, hours(h)),
                None => format!("{} is still on, far longer than usual", self.name),
            },
            (Kind::LeftOn, false) => format!("{} is no longer left on", self.name),
        }
    }
}

fn hours(h: f64) -> String {
    if h < 1.0 { format!("{:.0} min", (h * 60.0).max(1.0)) } else { format!("{h:.1} h") }
}

/// To a tenth: more digits than a meter has help nobody.
pub(super) fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
