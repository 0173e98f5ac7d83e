use rstest::rstest;
use serde_json::{Value, json};
use wattribute_domain::Quantity;

use super::*;
use crate::adapters::fixtures::{of, shown};

fn adapter(devices: Value) -> (Mqtt, Vec<AdapterError>) {
    let devices: Vec<Config> = serde_json::from_value(devices).unwrap();
    let (listener, wrong) = Mqtt::listen(&devices, &mqtt::Config::default(), &[]);
    (listener.hears, wrong)
}

fn says(topic: &str, payload: &str) -> Message {
    Message { topic: topic.to_owned(), payload: payload.as_bytes().to_vec(), retained: false }
}

fn plug() -> Value {
    json!([{"name": "Heater", "topic": "z/heater", "availability": "z/heater/availability", "values": [{"quantity": "power_w", "pointer": "/power"}]},
        {"name": "lamp", "topic": "z/lamp", "values": [{"quantity": "power_w"}]}])
}

fn values(events: &[Event]) -> Vec<f64> {
    events.iter().filter_map(|event| if let Event::Reading { value, .. } = event { Some(*value) } else { None }).collect()
}

#[test]
fn every_fixture_is_read() {
    let text = |(name, text): (String, String)| {
        let case: Value = serde_json::from_str(&text).unwrap();
        let device: Config = serde_json::from_value(case["config"].clone()).unwrap();
        device.check().unwrap();
        let topic = case["topic"].as_str().unwrap();
        let picks = device.values.iter().filter(|pick| device.topic_of(pick) == Some(topic));
        let told = read(device.told(), picks, case["payload"].as_str().unwrap().as_bytes()).unwrap();
        format!("{name}\n{}\n", shown(&[told]))
    };
    insta::assert_snapshot!(of("mqtt").into_iter().map(text).collect::<String>());
}

#[test]
fn one_that_talks_nonsense_stops_no_other() {
    let (mut mqtt, _) = adapter(plug());
    assert!(mqtt.hear(&says("z/heater", "{\"power\": 5"), 1_000).is_empty());
    assert_eq!(values(&mqtt.hear(&says("z/lamp", "7"), 1_000)), [7.0]);
    assert!(mqtt.troubles(3_000)["heater"].contains("is no JSON"));
    assert_eq!(values(&mqtt.hear(&says("z/heater", "{\"power\": 5}"), 2_000)), [5.0]);
    assert!(mqtt.troubles(3_000).is_empty());
}

#[test]
fn what_says_that_it_goes_is_silent_until_it_speaks_again() {
    let (mut mqtt, _) = adapter(plug());
    mqtt.hear(&says("z/heater", "{\"power\": 5}"), 1_000);
    assert!(values(&mqtt.hear(&says("z/heater/availability", "{\"state\":\"offline\"}"), 2_000))[0].is_nan());
    assert!(mqtt.troubles(3_000)["heater"].contains("offline"));
    mqtt.hear(&says("z/heater/availability", "online"), 3_600_000);
    assert!(mqtt.troubles(3_000).is_empty());
    let kept = Message { retained: true, ..says("z/heater", "{\"power\": 5}") };
    assert!(mqtt.hear(&kept, 3_600_000).is_empty(), "when it was said is not known");
}

#[test]
fn one_that_is_understood_may_say_something_else() {
    let (mut mqtt, _) = adapter(plug());
    let switched = says("z/heater", "{\"state\": \"ON\", \"linkquality\": 98}");
    mqtt.hear(&switched, 1_000);
    assert!(mqtt.troubles(3_000)["heater"].contains("`linkquality`"), "its pointer may be wrong");
    mqtt.hear(&says("z/heater", "{\"power\": 5}"), 2_000);
    assert!(mqtt.hear(&switched, 3_000).is_empty() && mqtt.troubles(3_000).is_empty());
    mqtt.hear(&says("z/heater", "{\"power\": null}"), 4_000);
    assert!(mqtt.troubles(3_000)["heater"].contains("null"));
}

#[test]
fn what_is_kept_word_for_word_has_no_secrets() {
    let (mut mqtt, _) = adapter(plug());
    let events = mqtt.hear(&says("z/heater", r#"{"power": 5, "voltage": nan, "wifi": {"Password": "hush"}}"#), 1_000);
    let kept = events.iter().find_map(|event| if let Event::Payload { text, .. } = event { Some(text) } else { None }).unwrap();
    assert!(kept.contains("\"power\":5") && !kept.contains("hush"), "{kept}");
}

#[rstest]
#[case(json!({"name": "a", "topic": "z/+", "values": [{"quantity": "power_w"}]}), "one [[mqtt_source]] for each device")]
#[case(json!({"name": "a", "values": [{"quantity": "power_w"}]}), "there is no topic for `power_w`")]
#[case(json!({"name": "-", "topic": "z", "values": [{"quantity": "power_w"}]}), "a letter or a digit")]
#[case(json!({"name": "LAMP", "topic": "z", "values": [{"quantity": "power_w"}]}), "the same name")]
fn one_that_is_described_wrongly_stops_no_other(#[case] wrong: Value, #[case] says_why: &str) {
    let mut devices = plug().as_array().unwrap().clone();
    devices.push(wrong);
    let (mut mqtt, errors) = adapter(devices.into());
    assert!(errors.len() == 1 && errors[0].to_string().contains(says_why), "{errors:?}");
    assert_eq!(values(&mqtt.hear(&says("z/lamp", "7"), 1_000)), [7.0]);
}

#[test]
fn the_units_of_a_quantity_are_known_by_its_name() {
    let error = serde_json::from_value::<Config>(json!({"name": "a", "values": [{"quantity": "power"}]})).unwrap_err().to_string();
    assert!(error.contains("power") && error.contains(Quantity::PowerW.name()), "{error}");
}
