//! Answers of devices that have no adapter of their own: each is read by something, or it is said why nothing reads it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::fixtures::{of, shared, shown};
use super::{Told, http, pick};

/// Folders whose files the tests of the adapter of the same name walk one by one.
const OF_ADAPTERS: [&str; 8] = ["emporia", "glow", "iotawatt", "kasa", "sense", "shelly", "tasmota", "tuya"];
const SERIAL: &str = "a telegram of a smart meter's serial port, to which nothing here listens: a P1 reader turns it into JSON or MQTT";
const DESCRIBES: &str = "what the device is, its name and firmware: nothing measured";
const LIBRARY: &str = "what a library made of a gateway's XML, which no adapter speaks: Home Assistant does";
const SWITCHES: &str = "whether the plug is on: nothing measured; its power stands in its `data`";
const TABLE: &str = "a table of products, gathered by people: no answer of a device";

/// What reads a file.
enum Reader {
    /// The generic HTTP adapter with the values of this fixture, and what it says then.
    Sample(&'static str, &'static str),
    /// The same with these values.
    Values(Value, &'static str),
    /// Nothing, and why.
    Nothing(&'static str),
}

fn reader(folder: &str, file: &str) -> Option<Reader> {
    Some(match (folder, file) {
        ("homewizard", "v1_HWE-P1_data.json") => Reader::Sample(
            "homewizard_p1_v1.json",
            "p1 [p1] -: power_w=-543 power_phase_1_w=-676 power_phase_2_w=133 power_phase_3_w=0 \
             energy_import_kwh=13779.338 energy_export_kwh=0",
        ),
        ("homewizard", "v1_HWE-P1_data_single_phase.json") => Reader::Sample(
            "homewizard_p1_v1.json",
            "p1 [p1] -: power_w=-543 power_phase_1_w=-676 energy_import_kwh=13779.338 energy_export_kwh=4162.461",
        ),
        ("homewizard", "v1_HWE-SKT_data.json") => {
            Reader::Sample("homewizard_socket.json", "p1 [p1] -: power_w=123 energy_import_kwh=10830.511")
        }
        ("homewizard", "v2_HWE-P1_measurement_1_phase_no_gas.json") => Reader::Values(
            json!([
                {"quantity": "power_w", "pointer": "/power_w"},
                {"quantity": "power_phase_1_w", "pointer": "/power_l1_w"},
                {"quantity": "energy_import_kwh", "pointer": ["/energy_import_t1_kwh", "/energy_import_t2_kwh"]},
                {"quantity": "energy_export_kwh", "pointer": ["/energy_export_t1_kwh", "/energy_export_t2_kwh"]},
            ]),
            "p1 [p1] -: power_w=-678 power_phase_1_w=-676 energy_import_kwh=13779.338 energy_export_kwh=4162.461",
        ),
        ("homewizard", "v1_HWE-P1_device.json" | "v1_HWE-SKT_device.json") => Reader::Nothing(DESCRIBES),
        ("homewizard", "v1_HWE-SKT_state_all.json") => Reader::Nothing(SWITCHES),
        (
            "dsmr",
            "telegram_esy5q3db1024_v304.txt"
            | "telegram_fluvius_v171.txt"
            | "telegram_fluvius_v171_alt.txt"
            | "telegram_iskra_ie.txt"
            | "telegram_unpadded_crc.txt"
            | "telegram_v2_2.txt"
            | "telegram_v3.txt"
            | "telegram_v5.txt"
            | "telegram_v5_two_mbus.txt",
        ) => Reader::Nothing(SERIAL),
        ("plugwise", "p1v4_442_triple.json" | "smile_p1_v2.json" | "stretch_v31.json") => Reader::Nothing(LIBRARY),
        ("powercalc", "standby_power.csv") => Reader::Nothing(TABLE),
        _ => return None,
    })
}

fn read(values: &Value, answer: &str) -> String {
    let values: Vec<pick::Pick> = serde_json::from_value(values["values"].clone()).unwrap();
    pick::check("values", &values).unwrap();
    pick::read(Told::by("p1", "p1"), values.iter(), answer.as_bytes()).map_or_else(|why| format!("error: {why}"), |told| shown(&[told]))
}

fn folders() -> Vec<String> {
    let root = std::env::var_os("WATTRIBUTE_SHARED").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let entries = std::fs::read_dir(root.join("data/devices")).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir());
    paths.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
}

#[test]
fn every_answer_of_a_device_is_read_or_out_of_scope_for_a_reason() {
    let folders = folders();
    if folders.is_empty() {
        println!("SKIPPED: there are no answers of devices beside this project (WATTRIBUTE_SHARED names their folder)");
    }
    let samples = of(http::NAME);
    for folder in folders.into_iter().filter(|folder| !OF_ADAPTERS.contains(&folder.as_str())) {
        for (file, answer) in shared(&folder) {
            let (values, expected) = match reader(&folder, &file) {
                Some(Reader::Sample(sample, expected)) => {
                    let sample = &samples.iter().find(|(name, _)| name == sample).unwrap().1;
                    (serde_json::from_str::<Value>(sample).unwrap()["config"].take(), expected)
                }
                Some(Reader::Values(values, expected)) => (json!({ "values": values }), expected),
                Some(Reader::Nothing(why)) => {
                    assert!(why.contains(':'), "{why}");
                    continue;
                }
                None => panic!("{folder}/{file} is not known: read it, or say here why it is out of scope"),
            };
            assert_eq!(read(&values, &answer), expected, "{folder}/{file}");
        }
    }
}

#[test]
fn every_folder_of_an_adapter_is_walked_by_its_tests() {
    for folder in OF_ADAPTERS {
        let adapter = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapters").join(folder);
        // An adapter that is not here walks nothing.
        if !adapter.is_dir() {
            continue;
        }
        let sources = sources_in(&adapter);
        let wanted = format!("shared(\"{folder}\")");
        assert!(sources.into_iter().any(|source| source.contains(&wanted)), "{folder}: its tests do not walk the answers of real devices");
    }
}

/// What stands in the files of a folder and of those below it.
fn sources_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read =
        |path: std::path::PathBuf| if path.is_dir() { sources_in(&path) } else { std::fs::read_to_string(path).into_iter().collect() };
    entries.flat_map(read).collect()
}
