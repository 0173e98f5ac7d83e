use rstest::rstest;

use super::wire::{meter, topic};
use super::*;
use crate::adapters::fixtures::{of, shared, shown};

fn understood(files: Vec<(String, String)>) -> String {
    let text = |(name, text): (String, String)| {
        if let Some(is_joined) = wire::is_joined(text.as_bytes()) {
            return format!("{name}\njoined: {is_joined}\n");
        }
        if name.starts_with("cloud_") {
            let told = zigbee::read("AABBCC", text.as_bytes(), 11.2).map_or_else(|why| format!("error: {why}"), |told| shown(&told));
            return format!("{name}\n{told}\n");
        }
        let kind = if name.contains("gas") { Kind::Gas } else { Kind::Electricity };
        let told = meter("aabbcc", kind, text.as_bytes()).map_or_else(|why| format!("error: {why}"), |told| shown(&[told]));
        format!("{name}\n{told}\n")
    };
    files.into_iter().map(text).collect()
}

#[test]
fn every_fixture_is_read() {
    insta::assert_snapshot!(understood(of("glow")));
}

#[test]
fn answers_of_real_devices_are_read() {
    let found = shared("glow");
    if !found.is_empty() {
        insta::assert_snapshot!(understood(found));
    }
}

#[rstest]
#[case("glow/AABBCC/SENSOR/electricitymeter", Some(("AABBCC", Kind::Electricity)))]
#[case("home/glow/AABBCC/SENSOR/gasmeter", Some(("AABBCC", Kind::Gas)))]
#[case("glow/AABBCC/STATE", Some(("AABBCC", Kind::State)))]
#[case("glow/AABBCC/SENSOR/temperature", None)]
#[case("electricitymeter", None)]
fn a_topic_names_a_display(#[case] text: &str, #[case] named: Option<(&str, Kind)>) {
    assert_eq!(topic(text), named.map(|(display, kind)| (display.to_owned(), kind)));
}

fn says(topic: &str, payload: &str) -> Message {
    Message { topic: topic.to_owned(), payload: payload.as_bytes().to_vec(), retained: false }
}

#[test]
fn what_makes_no_sense_is_named_until_it_does() {
    let config = Config { topics: vec!["glow/#".to_owned()], ..Config::default() };
    let mut glow = Glow::listen(&config, &mqtt::Config::default(), &[]).unwrap().hears;
    let good = of("glow").into_iter().find(|(name, _)| name == "electricitymeter.json").unwrap().1;
    let electricity = "glow/AABBCC/SENSOR/electricitymeter";
    for bad in ["", "{\"electricitymeter\":{\"ener", "[]", "{\"electricitymeter\":7}", "{\"gasmeter\":{}}"] {
        assert!(glow.hear(&says(electricity, bad), 1_000).is_empty());
        assert_eq!(glow.troubles(3_000).keys().collect::<Vec<_>>(), ["aabbcc_electricity"], "{bad}");
    }
    let events = glow.hear(&says(electricity, &good.replace("not available", "1234567890123")), 2_000);
    let said = format!("{events:?}");
    assert!(glow.troubles(3_000).is_empty() && said.contains("623.0") && !said.contains("1234567890123"), "{said}");
    glow.hear(&says("glow/AABBCC/STATE", r#"{"han":{"rssi":-90,"status":"not joined"}}"#), 3_000);
    assert!(glow.troubles(3_000)["aabbcc_display"].contains("near enough"));
    glow.hear(&says("glow/AABBCC/STATE", r#"{"han":{"rssi":-75,"status":"joined","lqi":100}}"#), 3_000);
    assert!(glow.troubles(3_000).is_empty());
    assert!(glow.hear(&Message { retained: true, ..says(electricity, &good) }, 4_000).is_empty(), "when it was said is not known");
}

#[rstest]
#[case("glow", "write glow/#")]
#[case("glow/#/STATE", "is no topic")]
fn a_topic_on_which_nothing_comes_is_refused_by_name(#[case] topic: &str, #[case] says: &str) {
    let config = Config { topics: vec![topic.to_owned()], ..Config::default() };
    let error = Glow::listen(&config, &mqtt::Config::default(), &[]).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("[glow] topics: ") && error.contains(says), "{error}");
}
