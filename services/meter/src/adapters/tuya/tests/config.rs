//! What is set up, rightly and wrongly.

use std::path::{Path, PathBuf};

use rstest::rstest;
use serde_json::{Value, json};

use super::emulator::ID;
use crate::adapters::Adapter;
use crate::adapters::tuya::reader::with_port;
use crate::adapters::tuya::{Config, Device, devices, read};

const KEY: &str = "hush hush hush 1";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapters/tuya/fixtures/devices.json")
}

fn device(more: Value) -> Device {
    let mut device = json!({"id": ID});
    device.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(device).unwrap()
}

fn wrong(config: &Config) -> Vec<String> {
    read(config, &[]).1.into_iter().map(|error| error.to_string()).collect()
}

#[rstest]
#[case(json!({}), "has no `local_key`")]
#[case(json!({"local_key": "hush"}), "it has 4 letters, and would have 16")]
#[case(json!({"local_key": KEY, "local_key_file": "/x"}), "one is enough")]
#[case(json!({"local_key_file": "/nowhere/at/all"}), "/nowhere/at/all: ")]
#[case(json!({"id": " ", "local_key": KEY}), "id: it is empty")]
#[case(json!({"local_key": KEY, "dps": {"power_w": {"dp": 19, "scale": 0.0}}}), "power_w: scale: it must be a number other than 0")]
#[case(json!({"local_key": KEY, "dps": {"power_w": {"scale": 0.1}}}), "power_w: dp: say which it stands on")]
#[case(json!({"local_key": KEY, "dps": {"price_per_kwh": {"dp": 19}}}), "no device says `price_per_kwh`")]
fn what_cannot_be_meant_is_named_without_the_key(#[case] more: Value, #[case] says: &str) {
    let why = wrong(&Config { devices: vec![device(more)], ..Config::default() });
    assert!(why.len() == 1 && why[0].contains(says) && !why[0].contains("hush"), "{why:?}");
}

#[test]
fn a_device_that_is_there_twice_is_named_and_read_once() {
    let twice = vec![device(json!({"local_key": KEY})), device(json!({"local_key": KEY, "name": "Desk"}))];
    assert!(wrong(&Config { devices: twice, ..Config::default() })[0].contains("there twice"));
}

#[test]
fn what_measures_in_the_file_is_read_and_what_does_not_is_not() {
    let listed = devices::read(&fixture()).unwrap();
    let measures: Vec<&str> = listed.iter().filter(|listed| listed.may_measure).map(|listed| listed.name.as_str()).collect();
    assert_eq!(measures, ["Washing machine", "Main meter", "Clamps", "Plain plug"]);
    let config = Config { devices_file: Some(fixture()), exclude: vec!["main METER".to_owned()], ..Config::default() };
    assert!(config.is_set() && wrong(&config).is_empty());
}

#[tokio::test]
async fn the_keys_of_the_file_are_taken_for_devices_that_have_none() {
    let config = Config { devices_file: Some(fixture()), devices: vec![device(json!({"name": "Desk"}))], ..Config::default() };
    assert_eq!(wrong(&config), Vec::<String>::new());
}

#[test]
fn a_file_that_is_broken_is_named_without_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    for (text, says) in
        [("[{\"key\": \"hush\",,}]", "no JSON from line 1"), ("{\"a\": \"hush\"}", "no list of devices"), ("hush", "no JSON")]
    {
        let path = folder.path().join("devices.json");
        std::fs::write(&path, text).unwrap();
        let why = wrong(&Config { devices_file: Some(path), ..Config::default() });
        assert!(why.len() == 1 && why[0].contains(says) && !why[0].contains("hush"), "{why:?}");
    }
    let missing = Config { devices_file: Some(folder.path().join("none.json")), ..Config::default() };
    assert!(wrong(&missing)[0].contains("none.json: "));
}

#[test]
fn no_key_is_in_what_is_printed_for_debugging() {
    let device = device(json!({"local_key": KEY}));
    assert!(!format!("{device:?}").contains("hush"));
    let listed = devices::read(&fixture()).unwrap();
    assert!(!format!("{listed:?}").contains("aaaaaaaa"));
}

#[test]
fn without_devices_there_is_nothing_to_read() {
    assert!(!Config::default().is_set());
    let (fleet, wrong) = read(&Config::default(), &[]);
    assert!(fleet.is_empty() && wrong.is_empty() && fleet.name() == "tuya");
}

#[rstest]
#[case("192.168.1.41", "192.168.1.41:6668")]
#[case("plug.lan:7001", "plug.lan:7001")]
#[case("plug.lan", "plug.lan:6668")]
#[case("fe80::1", "[fe80::1]:6668")]
#[case("[fe80::1]:7001", "[fe80::1]:7001")]
#[case("[fe80::1]", "[fe80::1]:6668")]
fn a_host_may_have_a_port(#[case] host: &str, #[case] address: &str) {
    assert_eq!(with_port(host, 6668), address);
}
