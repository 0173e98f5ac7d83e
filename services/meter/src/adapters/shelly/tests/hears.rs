//! What is published over MQTT; with a real broker in `tests/adapters`.

use rstest::rstest;

use super::super::gen1::{self, Published, Rounds};
use super::super::topics::{Topic, topic};
use super::*;
use crate::adapters::Told;

#[rstest]
#[case("shellies/announce", Some(("", Topic::Announce)))]
#[case("shellies/shellyplug-s-DDEEFF/announce", Some(("shellies/shellyplug-s-DDEEFF", Topic::Announce)))]
#[case("shellies/shellyplug-s-DDEEFF/online", Some(("shellies/shellyplug-s-DDEEFF", Topic::Online)))]
#[case("shellies/a/info", Some(("shellies/a", Topic::Info)))]
#[case("shellies/a/relay/0/power", Some(("shellies/a", Topic::Value("relay/0/power"))))]
#[case("shellyplus1pm-aabbccddeeff/events/rpc", Some(("shellyplus1pm-aabbccddeeff", Topic::Events)))]
#[case("house/cellar/events/rpc", Some(("house/cellar", Topic::Events)))]
#[case("house/cellar/status/switch:0", Some(("house/cellar", Topic::Component("switch:0"))))]
#[case("house/cellar/status/sys", None)]
#[case("house/cellar/online", Some(("house/cellar", Topic::Online)))]
#[case("house/cellar/rpc", None)]
#[case("shellies", None)]
fn a_topic_names_a_device(#[case] text: &str, #[case] known: Option<(&str, Topic<'_>)>) {
    assert_eq!(topic(text), known);
}

fn part(identity: &str, role: Role, quantity: Quantity, value: f64) -> Option<Published> {
    Some(Published::Part(Told { role: Some(role), ..Told::by(identity, "") }.with(quantity, Some(value))))
}

#[rstest]
#[case("relay/0/power", "60.5", "SHPLG-S", part("meter:0", Role::Device, Quantity::PowerW, 60.5))]
#[case("relay/1/energy", "60000", "SHSW-25", part("meter:1", Role::Device, Quantity::EnergyImportKwh, 1.0))]
#[case("relay/power", "7", "SHSW-21", part("meter:0", Role::Device, Quantity::PowerW, 7.0))]
#[case("roller/0/power", " 7 ", "SHSW-25", part("meter:0", Role::Device, Quantity::PowerW, 7.0))]
#[case("emeter/1/total", "1500", "SHEM", part("emeter:1", Role::Circuit, Quantity::EnergyImportKwh, 1.5))]
#[case("emeter/1/pf", "2", "SHEM", None)]
#[case("emeter/0/energy", "5", "SHEM", None)]
#[case("emeter/2/power", "-5", "SHEM-3", Some(Published::Phase(Quantity::PowerW, 2, -5.0)))]
#[case("emeter/0/power", "5", "shellyem3-A0B1C2000005", Some(Published::Phase(Quantity::PowerW, 0, 5.0)))]
#[case("emeter/0/voltage", "230", "SHEM-3", None)]
#[case("emeter/7/power", "5", "SHEM-3", None)]
#[case("relay/0/power", "60", "SHSW-1", None)]
#[case("relay/0/power", "60", "shelly1-000003", None)]
#[case("relay/0", "on", "SHPLG-S", part("meter:0", Role::Device, Quantity::Level, 1.0))]
#[case("relay/0", "overpower", "SHPLG-S", part("meter:0", Role::Device, Quantity::Level, 0.0))]
#[case("relay/0", "off", "SHEM", part("relay:0", Role::Device, Quantity::Level, 0.0))]
#[case("relay/0", "5", "SHPLG-S", None)]
#[case("relay/0/power", "nan", "SHPLG-S", None)]
#[case("relay/x/power", "5", "SHPLG-S", None)]
#[case("temperature", "30", "SHPLG-S", None)]
fn a_value_has_a_topic_of_its_own(#[case] path: &str, #[case] payload: &str, #[case] model: &str, #[case] known: Option<Published>) {
    assert_eq!(gen1::published(path, payload.as_bytes(), model), known);
}

#[test]
fn three_phases_are_summed_where_all_were_said_together() {
    let mut rounds = Rounds::default();
    let power = |rounds: &mut Rounds, phase, value, at_ms| {
        let told = rounds.say(Quantity::PowerW, phase, value, at_ms);
        (told.value(Quantity::PowerW), told.value(Quantity::PowerPhase1W), told.value(Quantity::PowerPhase3W))
    };
    assert_eq!(power(&mut rounds, 0, 5.0, 1_000), (None, Some(5.0), None));
    assert_eq!(power(&mut rounds, 1, -20.0, 1_100), (None, None, None));
    assert_eq!(power(&mut rounds, 2, 7.0, 1_200), (Some(-8.0), None, Some(7.0)));
    // One of them was said too long before.
    power(&mut rounds, 0, 5.0, 31_000);
    power(&mut rounds, 1, 5.0, 34_000);
    assert_eq!(power(&mut rounds, 2, 5.0, 34_100).0, None);
    assert_eq!(power(&mut rounds, 0, 6.0, 34_200).0, Some(16.0));
    assert_eq!(rounds.say(Quantity::EnergyImportKwh, 0, 5.0, 34_200).values, []);
}

#[rstest]
#[case("gen1_plug_s.json", "relay/0/power")]
#[case("gen1_25_two_channels.json", "relay/0/power")]
#[case("gen1_em_exporting.json", "emeter/0/power")]
#[case("gen1_3em.json", "emeter/0/power")]
fn what_is_published_is_of_the_same_component_as_what_is_answered(#[case] name: &str, #[case] path: &str) {
    let said = fixture(name);
    let model = said["shelly"]["type"].as_str().unwrap();
    let answered = gen1::status(&said["status"], model);
    let answered = answered.iter().find(|told| told.value(Quantity::PowerW).is_some()).unwrap().identity.clone();
    let published = match gen1::published(path, b"5", model).unwrap() {
        Published::Part(part) => part,
        Published::Phase(quantity, phase, value) => Rounds::default().say(quantity, phase, value, 0),
    };
    assert_eq!(published.identity, answered);
}
