use rstest::rstest;
use serde_json::{Value, json};

use super::wire::{device, more, question};
use crate::adapters::fixtures::{of, shared};
use crate::adapters::tplink::emulator::{Protocol, Version};
use crate::adapters::tplink::tests::read_all;

#[tokio::test]
async fn every_fixture_is_read_over_the_wire() {
    let text = read_all(of("kasa"), |_, _| Protocol::Xor).await;
    assert_eq!(text, read_all(of("kasa"), |_, _| Protocol::Klap(Version::One)).await, "newer firmware says the same over KLAP");
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn answers_of_real_devices_are_read_over_the_wire() {
    let files: Vec<_> = shared("kasa").into_iter().filter(|(name, _)| name.starts_with("iot__")).collect();
    if !files.is_empty() {
        insta::assert_snapshot!(read_all(files, |_, _| Protocol::Xor).await);
    }
}

#[rstest]
#[case(json!({}), "no `system`")]
#[case(json!([1, 2]), "no `system`")]
#[case(json!({"system": {"get_sysinfo": null}}), "no `get_sysinfo`")]
#[case(json!({"system": {"err_code": -3}}), "err_code -3")]
#[case(json!({"system": {"get_sysinfo": {"err_code": -1, "err_msg": "module not support"}}}), "module not support")]
fn what_is_no_plug_is_named(#[case] answer: Value, #[case] why: &str) {
    let error = device("192.168.1.20", &answer, &[]).unwrap_err();
    assert!(error.contains(why), "{error}");
    assert!(more(&answer).is_empty());
}

#[test]
fn an_error_code_that_is_missing_is_none() {
    let answer =
        json!({"system": {"get_sysinfo": {"mac": "50:C7:BF:00:00:01"}}, "emeter": {"get_realtime": {"power": 5, "err_code": null}}});
    let told = device("192.168.1.20", &answer, &[]).unwrap().told;
    assert_eq!(told[0].values.len(), 1);
    let refused = json!({"system": {"get_sysinfo": {"relay_state": 1}}, "emeter": {"get_realtime": {"power": 5, "err_code": -1}}});
    let device = device("192.168.1.20", &refused, &[]).unwrap();
    assert_eq!((device.identity.as_str(), device.told[0].values.len()), ("192.168.1.20", 1), "only that it is on");
}

#[test]
fn a_bulb_without_a_voltmeter_says_no_voltage() {
    let bulb = |said: Value| {
        let info = json!({"mic_mac": "50C7BF000009", "mic_type": "IOT.SMARTBULB", "model": "KL50(US)", "light_state": {"on_off": 1, "brightness": 12}});
        let told = device(
            "",
            &json!({"system": {"get_sysinfo": info}}),
            &[(String::new(), json!({"smartlife.iot.common.emeter": {"get_realtime": said}}))],
        );
        told.unwrap().told[0].values.iter().map(|(quantity, _)| quantity.name()).collect::<Vec<_>>()
    };
    let said = json!({"current_ma": 0, "err_code": 0, "power_mw": 998, "total_wh": 1, "voltage_mv": 0});
    assert_eq!(bulb(said), ["power_w", "energy_import_kwh", "level"]);
    assert_eq!(bulb(json!({"current_ma": 0, "power_mw": 0, "voltage_mv": 121_000})), ["power_w", "voltage_v", "current_a", "level"]);
}

#[test]
fn an_outlet_is_asked_by_its_whole_id() {
    let child = |id: &str| json!({"id": id, "state": 1});
    let info = json!({"deviceId": "8006AB", "children": [child("00"), child("8006AB01"), {"state": 1}, 7]});
    let answer = json!({"system": {"get_sysinfo": info}, "emeter": {"get_realtime": {"power_mw": 0}}});
    let asked: Vec<Value> = more(&answer).into_iter().map(|(_, question)| question["context"]["child_ids"][0].clone()).collect();
    assert_eq!(asked, ["8006AB00", "8006AB01"]);
    let told = device("", &answer, &[]).unwrap().told;
    assert_eq!(told.iter().map(|told| told.identity.as_str()).collect::<Vec<_>>(), ["8006AB/00", "8006AB/01"]);
    assert_eq!(question()["emeter"], json!({"get_realtime": {}}));
}
