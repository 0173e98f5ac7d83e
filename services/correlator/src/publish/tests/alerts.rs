use std::sync::Arc;

use super::support::{AT_MS, Memory, home};
use crate::now::HomeNow;
use crate::publish::Config;
use crate::publish::alerts::{Alerts, Kind};
use crate::publish::known::Known;

fn edges(alerts: &mut Alerts, now: &HomeNow) -> Vec<(Kind, bool)> {
    alerts.look(now, &Config::default()).into_iter().map(|(alert, is_on)| (alert.kind, is_on)).collect()
}

#[test]
fn high_consumption_begins_above_the_threshold_and_ends_well_below() {
    let mut alerts = Alerts::default();
    let at = |power_w| HomeNow { power_w, ..home() };
    assert_eq!(edges(&mut alerts, &at(Some(10_000.0))), []);
    assert_eq!(edges(&mut alerts, &at(Some(10_001.0))), [(Kind::HighConsumption, true)]);
    assert_eq!(edges(&mut alerts, &at(Some(9_500.0))), [], "not yet well below");
    assert_eq!(edges(&mut alerts, &at(Some(10_500.0))), [], "not again");
    assert_eq!(edges(&mut alerts, &at(None)), [], "a gap says nothing");
    assert_eq!(edges(&mut alerts, &at(Some(8_999.0))), [(Kind::HighConsumption, false)]);
    assert_eq!(edges(&mut alerts, &at(None)), [], "a gap begins nothing");
}

#[test]
fn a_night_with_much_phantom_load_is_told_once() {
    let mut alerts = Alerts::default();
    let night = |phantom_power_w| HomeNow { phantom_power_w, ..home() };
    assert_eq!(edges(&mut alerts, &night(Some(230.0))), [(Kind::PhantomLoad, true)]);
    assert_eq!(edges(&mut alerts, &night(Some(190.0))), []);
    assert_eq!(edges(&mut alerts, &night(Some(120.0))), [(Kind::PhantomLoad, false)]);
}

#[test]
fn left_on_begins_and_ends_with_the_device() {
    let mut alerts = Alerts::default();
    let mut now = home();
    now.devices[0].left_on = true;
    assert_eq!(edges(&mut alerts, &now), [(Kind::LeftOn, true)]);
    assert_eq!(edges(&mut alerts, &HomeNow { devices: Vec::new(), ..now.clone() }), [], "nothing is known yet");
    now.devices.remove(0);
    assert_eq!(edges(&mut alerts, &now), [(Kind::LeftOn, false)], "also when the device goes");
    assert_eq!(alerts, Alerts::default());
}

#[test]
fn an_alert_says_what_who_since_when_and_how_much() {
    let mut now = home();
    now.devices[0].left_on = true;
    now.power_w = Some(12_345.67);
    let mut alerts = Alerts::default();
    let began: Vec<_> = alerts.look(&now, &Config::default()).into_iter().map(|(alert, is_on)| alert.payload(is_on, false)).collect();
    now.devices[0].left_on = false;
    now.at_ms = AT_MS + 60_000;
    let ended: Vec<_> = alerts.look(&now, &Config::default()).into_iter().map(|(alert, is_on)| alert.payload(is_on, false)).collect();
    insta::assert_json_snapshot!("alerts", serde_json::json!({ "began": began, "ended": ended }));
}

#[tokio::test]
async fn an_alert_that_lasts_is_not_told_again_after_a_restart() {
    let store = Arc::new(Memory::default());
    let mut now = home();
    now.devices[0].left_on = true;
    let config = Config::default();
    let (entities, edges) = Known::new(store.clone()).look(&now, &config).await.unwrap();
    assert_eq!(edges.len(), 1);
    assert_eq!(entities.iter().find(|e| e.key == "kettle_left_on").unwrap().state.as_deref(), Some("ON"));
    let mut restarted = Known::new(store);
    assert_eq!(restarted.look(&now, &config).await.unwrap().1.len(), 0);
    now.devices[0].left_on = false;
    assert_eq!(restarted.look(&now, &config).await.unwrap().1.len(), 1, "its end is told");
}
