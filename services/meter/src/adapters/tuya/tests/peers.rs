//! tinytuya, which we did not write, reads our emulator; so the emulator is a device as others know it.

use std::process::Command;

use rstest::rstest;
use serde_json::{Value, json};
use wattribute_domain::Quantity;

use super::emulator::{Emulator, ID, KEY, Mood};
use super::faults::{Listener, quick};
use crate::adapters::tuya::Config;
use crate::adapters::tuya::broadcasts::question;
use crate::adapters::tuya::codec::Version;
use crate::adapters::tuya::crypto::random;

/// What tinytuya makes of it; `None`, with a word, where there is none.
async fn tinytuya(args: &[&str]) -> Option<Value> {
    let Some(python) = std::env::var_os("WATTRIBUTE_PEERS_PYTHON") else {
        println!("SKIPPED: WATTRIBUTE_PEERS_PYTHON names no python that has tinytuya");
        return None;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/tuya.py");
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let running = tokio::task::spawn_blocking(move || Command::new(python).arg(script).args(args).output());
    let done = running.await.unwrap().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(serde_json::from_slice(&done.stdout).unwrap())
}

#[rstest]
#[case(Version::V31)]
#[case(Version::V33)]
#[case(Version::V34)]
#[case(Version::V35)]
#[tokio::test]
async fn tinytuya_reads_and_switches_the_emulator(#[case] version: Version) {
    let emulator = Emulator::start(version, Mood::Good, json!({"1": true, "18": 131, "19": 155, "20": 2357})).await;
    let Some(said) = tinytuya(&["device", ID, KEY, &emulator.port.to_string(), version.name()]).await else { return };
    assert_eq!(said["before"], json!({"1": true, "18": 131, "19": 155, "20": 2357}), "{said}");
    assert_eq!(said["after"], json!({"1": false, "18": 131, "19": 155, "20": 2357}), "{said}");
    assert_eq!(emulator.state().dps["1"], false);
}

#[tokio::test]
async fn we_read_the_fake_device_of_tinytuya() {
    let Ok(host) = std::env::var("WATTRIBUTE_PEERS_TUYA") else {
        println!("SKIPPED: WATTRIBUTE_PEERS_TUYA says no host:port where tinytuya's tools/fake-v35-device.py runs");
        return;
    };
    let dps = json!({"level": {"dp": 20}, "power_w": {"dp": 22}});
    let device = json!({"id": "eb0123456789abcdefghij", "local_key": "thisisarealkey00", "host": host, "dps": dps});
    let config = Config { devices: vec![serde_json::from_value(device).unwrap()], times: quick(), ..Config::default() };
    let mut heard = Listener::of(&config);
    heard.until_power(946.0).await;
    assert!(heard.readings.contains(&(Quantity::Level, 1.0)), "{:?}", heard.readings);
}

#[tokio::test]
async fn tinytuya_understands_our_question_who_is_there() {
    let packet: String = question("192.168.1.9".parse().unwrap(), random().unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
    let Some(said) = tinytuya(&["packet", &packet]).await else { return };
    assert_eq!(said, json!({"from": "app", "ip": "192.168.1.9"}));
}
