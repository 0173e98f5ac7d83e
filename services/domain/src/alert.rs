//! What somebody should know of: alerts, and the log of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// The house draws more than it should.
    HighConsumption,
    /// More than it should be was drawn last night with nothing in use.
    PhantomLoad,
    /// A device is on far longer than it usually is.
    LeftOn,
    /// A meter, or all that a source reads, says nothing.
    NoData,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [AlertKind; 4] = [AlertKind::HighConsumption, AlertKind::PhantomLoad, AlertKind::LeftOn, AlertKind::NoData];

    /// Its name everywhere: configuration, JSON, template.
    pub const fn name(self) -> &'static str {
        match self {
            AlertKind::HighConsumption => "high_consumption",
            AlertKind::PhantomLoad => "phantom_load",
            AlertKind::LeftOn => "left_on",
            AlertKind::NoData => "no_data",
        }
    }
}

/// An alert that is on or has ended, as kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertRecord {
    /// What it is about and when it began; no two alerts share one.
    pub id: String,
    /// What it is about.
    pub kind: AlertKind,
    /// Home Assistant's id of the device or sensor; `None` for the home and for a whole source.
    pub entity_id: Option<String>,
    /// Friendly name of the device, the sensor, the source or the home.
    pub name: String,
    /// What is to be known, a sentence.
    pub message: String,
    /// Power of what it is about when it began, W; `None` where it is not known.
    pub power_w: Option<f64>,
    /// Power that was passed, W; `None` where there is none.
    pub threshold_w: Option<f64>,
    /// How long the device usually stays on, h; `None` where that says nothing.
    pub usual_on_h: Option<f64>,
    /// Since when what it tells of is so, ms since the epoch; for a device left on, when it was switched on.
    pub since_ms: i64,
    /// When the alert began, ms since the epoch.
    pub began_ms: i64,
    /// When it ended, ms since the epoch; `None` while it is on.
    pub ended_ms: Option<i64>,
}

impl AlertRecord {
    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        self.ended_ms.is_none()
    }
}

/// The alerts that are on and the last that ended, as kept (document `alerts`), in the order in which they began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertLog {
    /// The alerts.
    pub alerts: Vec<AlertRecord>,
}

/// Alerts that have ended and are kept.
const KEPT: usize = 500;

impl AlertLog {
    /// Key of the document that holds the log.
    pub const KEY: &str = "alerts";

    /// Notes an alert that began or ended; of those that ended the oldest are forgotten.
    pub fn note(&mut self, alert: &AlertRecord) {
        match self.alerts.iter_mut().find(|known| known.id == alert.id) {
            Some(known) => *known = alert.clone(),
            None => self.alerts.push(alert.clone()),
        }
        self.alerts.sort_by_key(|a| a.began_ms);
        let mut too_many = self.alerts.iter().filter(|a| !a.is_on()).count().saturating_sub(KEPT);
        self.alerts.retain(|a| {
            let goes = too_many > 0 && !a.is_on();
            too_many -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(began_ms: i64, ended_ms: Option<i64>) -> AlertRecord {
        AlertRecord {
            id: format!("high_consumption@{began_ms}"),
            kind: AlertKind::HighConsumption,
            entity_id: None,
            name: "Home".to_owned(),
            message: String::new(),
            power_w: None,
            threshold_w: None,
            usual_on_h: None,
            since_ms: began_ms,
            began_ms,
            ended_ms,
        }
    }

    #[test]
    fn the_log_keeps_what_is_on_and_the_last_that_ended() {
        let mut log = AlertLog::default();
        log.note(&alert(0, None));
        for k in 1..=600 {
            log.note(&alert(k, None));
            log.note(&alert(k, Some(k + 1)));
        }
        assert_eq!(log.alerts.len(), 501);
        assert!(log.alerts[0].is_on() && log.alerts[1].began_ms == 101 && log.alerts[500].began_ms == 600);
    }

    #[test]
    fn kinds_have_names() {
        for kind in AlertKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
