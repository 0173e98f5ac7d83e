//! Our emulator, read by python-kasa, which we did not write: it must read of each device what our adapter reads.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use wattribute_domain::Quantity;

use super::{dump, manner};
use crate::adapters::tplink::emulator::{Emulator, Protocol, USER};
use crate::adapters::tplink::klap::Version;
use crate::adapters::tplink::link::Link;
use crate::adapters::tplink::place::Place;
use crate::adapters::tplink::read::{Known, read};

/// A dump in which nothing that tells of power is refused: python-kasa 0.12 reads no power at all where one of these is.
fn not_refusing(mut dump: Value) -> Value {
    let children = dump.get_mut("child_devices").and_then(Value::as_object_mut);
    children.into_iter().flat_map(|children| children.values_mut()).for_each(|child| *child = not_refusing(child.take()));
    if dump.get("get_energy_usage").is_some() {
        for method in ["get_current_power", "get_emeter_data", "get_emeter_vgain_igain"] {
            dump.as_object_mut().unwrap().entry(method).or_insert(json!({}));
        }
    }
    dump
}

#[tokio::test]
async fn python_kasa_reads_of_each_device_what_we_read() {
    let Some(python) = std::env::var_os("WATTRIBUTE_PEERS_PYTHON") else {
        println!("SKIPPED: WATTRIBUTE_PEERS_PYTHON names a Python that has python-kasa");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/python_kasa.py");
    let devices = [
        ("kasa", "hs110_hw1.json", Protocol::Xor),
        ("kasa", "kp115_hw1.json", Protocol::Xor),
        ("kasa", "hs300_hw2.json", Protocol::Xor),
        ("kasa", "hs110_hw1.json", Protocol::Klap(Version::One)),
        ("tapo", "p110_1.3.1.json", Protocol::Klap(Version::Two)),
        ("tapo", "p304m_1.0.9.json", Protocol::Klap(Version::Two)),
        ("tapo", "p115_1.2.3.json", Protocol::Aes),
    ];
    for (adapter, name, protocol) in devices {
        let device = Emulator::start(&not_refusing(dump(adapter, name)), protocol).await;
        let asked = json!({"port": device.port, "is_xor": protocol == Protocol::Xor, "username": USER.0, "password": USER.1}).to_string();
        let mut command = Command::new(&python);
        command.arg(&script).arg(asked).stdin(Stdio::null());
        let run = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        if said.starts_with("SKIPPED") {
            println!("{said}");
            return;
        }
        assert!(run.status.success(), "{name} over {protocol:?}: {}", String::from_utf8_lossy(&run.stderr));
        let theirs: BTreeMap<String, [Option<f64>; 4]> = serde_json::from_str(&said).unwrap();
        let mut link = Link::open(&manner(), &Place::parse(&device.host()).unwrap(), None).await.unwrap();
        let ours = read(&mut link, &mut Known::default()).await.unwrap().device;
        let ours: BTreeMap<String, [Option<f64>; 4]> = (ours.told.iter())
            .map(|told| {
                let quantities = [Quantity::PowerW, Quantity::VoltageV, Quantity::CurrentA, Quantity::Level];
                (told.name.clone(), quantities.map(|quantity| told.value(quantity).map(|value| (value * 1000.0).round() / 1000.0)))
            })
            .collect();
        println!("{name} over {protocol:?}: {said}");
        assert_eq!(ours, theirs, "{name} over {protocol:?}: W, V, A, on");
    }
}
