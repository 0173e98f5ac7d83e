use std::sync::Arc;
use std::time::Duration;

use wattribute_domain::{AlertKind, AlertLog, AlertRecord};

use super::support::{AT_MS, Memory, home};
use crate::now::{HomeNow, MeterNow, Speech};
use crate::publish::Config;
use crate::publish::alerts::{self, Alerts};
use crate::publish::known::Known;

/// At once, and nothing is quiet.
fn plain() -> alerts::Config {
    alerts::Config { high_consumption_for: Duration::ZERO, ..alerts::Config::default() }
}

fn told(alerts: &mut Alerts, now: &HomeNow, config: &alerts::Config) -> Vec<(AlertKind, bool)> {
    alerts.look(now, config).tell.into_iter().map(|alert| (alert.kind, alert.is_on())).collect()
}

fn edges(alerts: &mut Alerts, now: &HomeNow) -> Vec<(AlertKind, bool)> {
    told(alerts, now, &plain())
}

const HIGH: AlertKind = AlertKind::HighConsumption;

#[test]
fn high_consumption_begins_above_the_threshold_and_ends_well_below() {
    let mut alerts = Alerts::default();
    let at = |power_w| HomeNow { power_w, ..home() };
    assert_eq!(edges(&mut alerts, &at(Some(10_000.0))), []);
    assert_eq!(edges(&mut alerts, &at(Some(10_001.0))), [(HIGH, true)]);
    assert_eq!(edges(&mut alerts, &at(Some(9_500.0))), [], "not yet well below");
    assert_eq!(edges(&mut alerts, &at(Some(10_500.0))), [], "not again");
    assert_eq!(edges(&mut alerts, &at(None)), [], "a gap says nothing");
    assert_eq!(edges(&mut alerts, &at(Some(8_999.0))), [(HIGH, false)]);
    assert_eq!(edges(&mut alerts, &at(None)), [], "a gap begins nothing");
}

#[test]
fn consumption_is_to_be_high_for_a_while_and_low_for_a_while() {
    let (mut alerts, config) = (Alerts::default(), alerts::Config::default());
    let mut at = |s: i64, power_w: f64| told(&mut alerts, &HomeNow { at_ms: AT_MS + 1000 * s, power_w: Some(power_w), ..home() }, &config);
    assert_eq!(at(0, 12_000.0), []);
    assert_eq!(at(50, 9_900.0), [], "a kettle");
    assert_eq!(at(55, 12_000.0), []);
    assert_eq!(at(114, 12_000.0), []);
    assert_eq!(at(115, 12_000.0), [(HIGH, true)]);
    assert_eq!(at(120, 2_000.0), []);
    assert_eq!(at(130, 12_000.0), []);
    assert_eq!(at(140, 2_000.0), []);
    assert_eq!(at(199, 2_000.0), []);
    assert_eq!(at(200, 2_000.0), [(HIGH, false)]);
}

#[test]
fn a_night_with_much_phantom_load_is_told_once() {
    let mut alerts = Alerts::default();
    let night = |phantom_power_w| HomeNow { phantom_power_w, ..home() };
    assert_eq!(edges(&mut alerts, &night(Some(230.0))), [(AlertKind::PhantomLoad, true)]);
    assert_eq!(edges(&mut alerts, &night(Some(190.0))), []);
    assert_eq!(edges(&mut alerts, &night(Some(120.0))), [(AlertKind::PhantomLoad, false)]);
    let chosen = HomeNow { phantom_threshold_w: Some(100.0), ..night(Some(120.0)) };
    assert_eq!(edges(&mut alerts, &chosen), [(AlertKind::PhantomLoad, true)], "what the owner chose counts");
}

#[test]
fn left_on_begins_and_ends_with_the_device() {
    let mut alerts = Alerts::default();
    let mut now = home();
    now.devices[0].left_on = true;
    assert_eq!(edges(&mut alerts, &now), [(AlertKind::LeftOn, true)]);
    assert_eq!(edges(&mut alerts, &HomeNow { devices: Vec::new(), ..now.clone() }), [], "nothing is known yet");
    now.devices.remove(0);
    assert_eq!(edges(&mut alerts, &now), [(AlertKind::LeftOn, false)], "also when the device goes");
}

#[test]
fn what_is_left_on_is_told_once_whatever_it_draws_and_whatever_is_learned() {
    let mut alerts = Alerts::default();
    let mut now = home();
    now.devices[0].left_on = true;
    assert_eq!(edges(&mut alerts, &now), [(AlertKind::LeftOn, true)]);
    for (power_w, is_on) in [(Some(0.0), Some(true)), (Some(2_000.0), Some(true)), (None, None), (Some(2_000.0), Some(true))] {
        let device = &mut now.devices[0];
        (device.power_w, device.is_on, device.left_on) = (power_w, is_on, !device.left_on);
        assert_eq!(edges(&mut alerts, &now), []);
    }
    (now.devices[0].is_on, now.devices[0].on_since_ms, now.devices[0].left_on) = (Some(false), None, false);
    assert_eq!(edges(&mut alerts, &now), [(AlertKind::LeftOn, false)]);
    assert_eq!(edges(&mut alerts, &now), []);
}

#[test]
fn a_silent_meter_is_told_of_after_a_while_and_not_for_what_nobody_could_hear() {
    let mut alerts = Alerts::default();
    let mut at = |minutes: i64, speech| {
        let meter =
            |identity: &str, speech| MeterNow { identity: identity.to_owned(), entity_id: None, name: "Home Assistant".to_owned(), speech };
        let meters = vec![meter("source:home_assistant", speech), meter("steady", Speech::Heard), meter("unknown", Speech::Unknown)];
        edges(&mut alerts, &HomeNow { at_ms: AT_MS + minutes * 60_000, meters, ..home() })
    };
    let silent = Speech::SilentSince(AT_MS - 3_600_000);
    assert_eq!(at(0, silent), [], "we have only begun to listen");
    assert_eq!(at(10, silent), []);
    assert_eq!(at(11, silent), [(AlertKind::NoData, true)]);
    assert_eq!(at(12, silent), []);
    assert_eq!(at(13, Speech::Unknown), []);
    assert_eq!(at(14, Speech::Heard), [(AlertKind::NoData, false)]);
    assert_eq!(at(24, Speech::SilentSince(AT_MS + 14 * 60_000)), []);
    assert_eq!(at(25, Speech::SilentSince(AT_MS + 14 * 60_000)), [(AlertKind::NoData, true)]);
}

#[test]
fn in_quiet_hours_only_what_is_urgent_is_told_and_the_rest_when_they_are_over() {
    // 11:00 in Berlin.
    let quiet = alerts::Config { quiet_hours: Some("10:30-12:00".parse().unwrap()), urgent: vec![HIGH], ..plain() };
    let mut alerts = Alerts::default();
    let mut now = home();
    let early = HomeNow { at_ms: AT_MS - 3_600_000, phantom_power_w: Some(500.0), ..home() };
    assert_eq!(told(&mut alerts, &early, &quiet), [(AlertKind::PhantomLoad, true)]);
    now.devices[0].left_on = true;
    now.devices[1].left_on = true;
    now.power_w = Some(20_000.0);
    assert_eq!(told(&mut alerts, &now, &quiet), [(HIGH, true)], "the phantom load is over and two are left on, quietly");
    (now.devices[1].left_on, now.devices[1].is_on) = (false, Some(false));
    assert_eq!(told(&mut alerts, &now, &quiet), []);
    now.at_ms = AT_MS + 3_600_000;
    let looked = alerts.look(&now, &quiet);
    assert_eq!(looked.edges, []);
    let said: Vec<_> = looked.tell.iter().map(|a| (a.kind, a.is_on())).collect();
    assert_eq!(said, [(AlertKind::PhantomLoad, false), (AlertKind::LeftOn, true)], "what began and ended in them is not told");
    assert_eq!(told(&mut alerts, &now, &quiet), [], "once");
}

#[test]
fn a_kind_that_is_not_wanted_is_not_looked_for() {
    let mut alerts = Alerts::default();
    let now = HomeNow { power_w: Some(20_000.0), phantom_power_w: Some(500.0), ..home() };
    let only = alerts::Config { kinds: vec![AlertKind::PhantomLoad], ..plain() };
    assert_eq!(edges(&mut alerts, &now).len(), 2);
    let looked = alerts.look(&now, &only);
    assert_eq!((looked.edges.len(), looked.tell.len()), (1, 0), "what is on of a kind that is wanted no more ends without a word");
}

#[test]
fn an_alert_says_what_who_since_when_and_how_much() {
    let mut now = home();
    now.devices[0].left_on = true;
    now.power_w = Some(12_345.67);
    let mut alerts = Alerts::default();
    let payloads = |told: Vec<AlertRecord>| told.iter().map(|alert| alerts::payload(alert, false)).collect::<Vec<_>>();
    let began = payloads(alerts.look(&now, &plain()).tell);
    (now.devices[0].left_on, now.devices[0].is_on) = (false, Some(false));
    now.at_ms = AT_MS + 60_000;
    let ended = payloads(alerts.look(&now, &plain()).tell);
    insta::assert_json_snapshot!("alerts", serde_json::json!({ "began": began, "ended": ended }));
}

#[tokio::test]
async fn an_alert_that_lasts_is_not_told_again_after_a_restart_and_stands_in_the_log() {
    let store = Arc::new(Memory::default());
    let log = || serde_json::from_str::<AlertLog>(&store.documents.lock().unwrap()[AlertLog::KEY]).unwrap().alerts;
    let mut now = home();
    now.devices[0].left_on = true;
    let config = Config::default();
    let (entities, told) = Known::new(store.clone()).look(&now, &config).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(entities.iter().find(|e| e.key == "kettle_left_on").unwrap().state.as_deref(), Some("ON"));
    assert!(log().len() == 1 && log()[0].is_on());
    let mut restarted = Known::new(store.clone());
    assert_eq!(restarted.look(&now, &config).await.unwrap().1.len(), 0);
    (now.devices[0].left_on, now.devices[0].is_on) = (false, Some(false));
    assert_eq!(restarted.look(&now, &config).await.unwrap().1.len(), 1, "its end is told");
    assert!(log().len() == 1 && log()[0].ended_ms == Some(now.at_ms));
}
