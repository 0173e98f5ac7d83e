use rstest::rstest;
use wattribute_domain::{Quantity, SeriesInfo};

use super::wire::{Kind, last_will, sensors, topic};
use super::*;
use crate::adapters::fixtures::{of, shared, shown};

fn understood(files: Vec<(String, String)>) -> String {
    let text = |(name, text): (String, String)| {
        let told = sensors("plug", text.as_bytes(), &Keys::default()).map_or_else(|why| format!("error: {why}"), |told| shown(&told));
        format!("{name}\n{told}\n")
    };
    files.into_iter().map(text).collect()
}

#[test]
fn every_fixture_is_read() {
    insta::assert_snapshot!(understood(of("tasmota")));
}

#[test]
fn answers_of_real_devices_are_read() {
    let found = shared("tasmota");
    if !found.is_empty() {
        insta::assert_snapshot!(understood(found));
    }
}

#[rstest]
#[case("tele/desk/SENSOR", Some(("desk", Kind::Sensor)))]
#[case("desk/tele/LWT", Some(("desk", Kind::LastWill)))]
#[case("stat/house/desk/STATUS10", Some(("house/desk", Kind::Sensor)))]
#[case("tele/SENSOR", Some(("tasmota", Kind::Sensor)))]
#[case("tele/desk/STATE", None)]
#[case("SENSOR", None)]
fn a_topic_names_a_device(#[case] text: &str, #[case] named: Option<(&str, Kind)>) {
    assert_eq!(topic(text), named.map(|(device, kind)| (device.to_owned(), kind)));
}

#[rstest]
#[case(b"Online", Some(true))]
#[case(b"Offline\n", Some(false))]
#[case(b"", None)]
fn a_last_will_says_whether_it_is_there(#[case] payload: &[u8], #[case] is_there: Option<bool>) {
    assert_eq!(last_will(payload), is_there);
}

#[rstest]
#[case("", 0)]
#[case("Online", 0)]
#[case("{}", 0)]
#[case(r#"{"Time":"2026-11-20T18:04:21","MT681":{"Total_in":{"a":1},"Power_cur":[1,2]}}"#, 0)]
#[case(r#"{"Total_in":5.5,"Power_cur":7}"#, 1)]
fn what_says_nothing_of_power_is_passed_over(#[case] payload: &str, #[case] devices: usize) {
    assert_eq!(sensors("a", payload.as_bytes(), &Keys::default()).unwrap().len(), devices);
}

#[rstest]
#[case(b"{\"Time\":\"2026-11-20T18:04:21\",\"MT681\":{\"Total_in\":81")]
#[case(b"[1,2]")]
#[case(b"hello")]
#[case(&[0xff, 0x00])]
fn garbage_is_named_and_hurts_nobody(#[case] payload: &[u8]) {
    assert!(!sensors("a", payload, &Keys::default()).unwrap_err().is_empty());
}

fn adapter(known: &[SeriesInfo]) -> Tasmota {
    Tasmota::new(&Config { topics: vec!["tele/#".to_owned()], ..Config::default() }, &mqtt::Config::default(), known).unwrap()
}

fn says(topic: &str, payload: &str) -> Message {
    Message { topic: topic.to_owned(), payload: payload.as_bytes().to_vec(), retained: false }
}

fn readings(events: &[Event]) -> Vec<(u32, i64, f64)> {
    let reading = |event: &Event| if let Event::Reading { key, at_ms, value } = event { Some((*key, *at_ms, *value)) } else { None };
    events.iter().filter_map(reading).collect()
}

#[test]
fn what_goes_away_is_silent_and_named_until_it_is_back() {
    let mut tasmota = adapter(&[]);
    let plug = r#"{"ENERGY":{"Total":1.5,"Power":60}}"#;
    assert_eq!(readings(&tasmota.hear(&says("tele/desk/SENSOR", plug), 1_000)), [(0, 1_000, 60.0), (1, 1_000, 1.5)]);
    let gone = readings(&tasmota.hear(&says("tele/desk/LWT", "Offline"), 2_000));
    assert!(gone.len() == 2 && gone.iter().all(|(_, at_ms, value)| *at_ms == 2_000 && value.is_nan()), "{gone:?}");
    assert!(tasmota.troubles()["desk"].contains("offline"));
    assert!(readings(&tasmota.hear(&says("tele/desk/LWT", "Offline"), 3_000)).is_empty(), "said once");
    // An hour later.
    tasmota.hear(&says("tele/desk/LWT", "Online"), 3_600_000);
    assert!(tasmota.troubles().is_empty());
    assert_eq!(
        readings(&tasmota.hear(&says("tele/desk/SENSOR", r#"{"ENERGY":{"Total":0.1,"Power":7}}"#), 3_601_000))[1].2,
        0.1,
        "its counter was reset"
    );
    assert!(
        tasmota.hear(&says("tele/lamp/LWT", "Offline"), 4_000_000).is_empty() && tasmota.troubles().is_empty(),
        "it never measured anything"
    );
}

#[test]
fn one_that_talks_nonsense_stops_no_other() {
    let mut tasmota = adapter(&[]);
    assert!(tasmota.hear(&says("tele/desk/SENSOR", "{\"ENERGY\":{\"Pow"), 1_000).is_empty());
    assert_eq!(readings(&tasmota.hear(&says("tele/lamp/SENSOR", r#"{"ENERGY":{"Power":5}}"#), 1_000)).len(), 1);
    assert_eq!(tasmota.troubles().keys().collect::<Vec<_>>(), ["desk"]);
    tasmota.hear(&says("tele/desk/SENSOR", r#"{"ENERGY":{"Power":5}}"#), 2_000);
    assert!(tasmota.troubles().is_empty());
}

#[test]
fn what_the_broker_kept_is_no_reading() {
    let info = SeriesInfo { identity: "desk".to_owned(), ..SeriesInfo::new(NAME, "desk", Quantity::PowerW) };
    let mut tasmota = adapter(&[info]);
    let kept = |topic: &str, payload: &str| Message { retained: true, ..says(topic, payload) };
    assert!(tasmota.hear(&kept("tele/desk/SENSOR", r#"{"ENERGY":{"Power":5}}"#), 1_000).is_empty());
    assert!(tasmota.hear(&kept("tele/desk/LWT", "Offline"), 1_000).is_empty(), "when it went is not known");
    assert_eq!(tasmota.troubles().len(), 1);
}

#[rstest]
#[case("tele/#/SENSOR", "`tele/#/SENSOR` is no topic")]
#[case("tele/tasmota", "write tele/tasmota/#")]
#[case("tele", "write tele/#")]
fn a_wrong_topic_is_refused_by_name(#[case] topic: &str, #[case] says: &str) {
    let wrong = Config { topics: vec!["tele/#".to_owned(), topic.to_owned()], ..Config::default() };
    let error = Tasmota::new(&wrong, &mqtt::Config::default(), &[]).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("[tasmota] topics: ") && error.contains(says), "{error}");
}

#[rstest]
#[case("tele/#")]
#[case("+/tele/SENSOR")]
#[case("tele/desk/STATE")]
#[case("stat/desk/STATUS10")]
#[case("tele/+")]
fn a_topic_on_which_something_may_come_is_taken(#[case] topic: &str) {
    let right = Config { topics: vec![topic.to_owned()], ..Config::default() };
    assert!(Tasmota::new(&right, &mqtt::Config::default(), &[]).is_ok());
}

#[test]
fn a_wrong_unit_is_refused_by_name() {
    let keys = Keys { power_unit: Some("Watt/h".to_owned()), ..Keys::default() };
    let error = Tasmota::new(&Config { keys, ..Config::default() }, &mqtt::Config::default(), &[]).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("[tasmota.keys] power_unit: `Watt/h`") && error.contains("kW"), "{error}");
}
