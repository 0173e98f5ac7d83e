use rstest::rstest;
use serde_json::{Value, json};

use super::wire::{Answers, answered, device};
use crate::adapters::fixtures::{of, shared};
use crate::adapters::tplink::emulator::{Protocol, Version};
use crate::adapters::tplink::tests::read_all;

/// What the device spoke whose answers these are.
fn recorded(_: &str, dump: &Value) -> Protocol {
    match dump.pointer("/discovery_result/result/mgt_encrypt_schm/encrypt_type").and_then(Value::as_str) {
        Some("AES") => Protocol::Aes,
        _ => Protocol::Klap(Version::Two),
    }
}

#[tokio::test]
async fn every_fixture_is_read_over_the_wire() {
    let text = read_all(of("tapo"), recorded).await;
    assert_eq!(text, read_all(of("tapo"), |_, _| Protocol::Aes).await, "older firmware says the same over AES");
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn answers_of_real_devices_are_read_over_the_wire() {
    let files: Vec<_> = shared("kasa").into_iter().filter(|(name, _)| !name.starts_with("iot__")).collect();
    if !files.is_empty() {
        insta::assert_snapshot!(read_all(files, recorded).await);
    }
}

#[rstest]
#[case(json!({}))]
#[case(json!({"get_device_info": null}))]
#[case(json!({"get_device_info": 7, "get_energy_usage": {"current_power": 5}}))]
fn what_says_nothing_of_itself_is_named(#[case] answers: Value) {
    let answers: Answers = serde_json::from_value(answers).unwrap();
    assert!(device("192.168.1.20", &answers, &[]).unwrap_err().contains("get_device_info"));
}

#[test]
fn garbage_among_answers_is_passed_over() {
    assert!(answered(&json!([])).is_empty() && answered(&json!({"result": {"responses": 7}})).is_empty());
    let all = answered(&json!({"result": {"responses": [7, {"error_code": 0}, {"method": "a", "error_code": "-1002"}, {"method": "b"}]}}));
    assert_eq!(all, [("a".to_owned(), Err(-1002)), ("b".to_owned(), Ok(Value::Null))]);
}

#[test]
fn the_counter_of_the_month_is_never_mixed_with_that_of_the_day() {
    let energy = |usage: Value| {
        let answers = Answers::from([("get_device_info".to_owned(), json!({"device_on": true})), ("get_energy_usage".to_owned(), usage)]);
        device("192.168.1.20", &answers, &[]).unwrap().told[0].value(wattribute_domain::Quantity::EnergyImportKwh)
    };
    assert_eq!(energy(json!({"month_energy": 6110, "today_energy": 173})), Some(6.11));
    assert_eq!(energy(json!({"month_energy": null, "today_energy": 173})), None);
    assert_eq!(energy(json!({"today_energy": 173})), Some(0.173));
}
