//! The command over databases that a real Home Assistant wrote: as they are, and stretched to a day in which there is something to learn.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

const VARIABLE: &str = "WATTRIBUTE_TEST_RECORDER";

/// The loads of the house that `scripts/switch-things.py` switches: entity, what it draws, and how far from that an answer may be, W.
const LOADS: [(&str, f64, f64); 3] = [("switch.kettle", 2000.0, 40.0), ("switch.heater", 1500.0, 30.0), ("light.hall_lamp", 12.0, 2.0)];

/// A second becomes this many, so that switches are a minute apart, as in a house.
const STRETCH: f64 = 40.0;

/// How often the stretched history is told.
const TIMES: u32 = 20;

#[test]
fn a_database_of_a_real_home_assistant_is_analyzed() {
    let Some(list) = std::env::var_os(VARIABLE) else {
        println!("SKIPPED: set {VARIABLE} to databases that a real Home Assistant wrote (scripts/test-real.sh makes them)");
        return;
    };
    for path in std::env::split_paths(&list) {
        let short = analyze(&path);
        assert_eq!(short["meter"]["entity_id"], "sensor.grid_power");
        // Switched every 1.5 s, nothing can be told apart; what is told must not be wrong.
        told(&short, false);

        let folder = tempfile::tempdir().unwrap();
        let stretched = folder.path().join("stretched.db");
        stretch(&path, &stretched);
        let long = analyze(&stretched);
        assert_eq!(long["meter"]["entity_id"], "sensor.grid_power");
        told(&long, true);
    }
}

/// What is told of the loads is true; `all` of it must be told, but the lamp's power.
fn told(answer: &Value, all: bool) {
    for (entity_id, true_w, tolerance_w) in LOADS {
        let device = answer["devices"].as_array().unwrap().iter().find(|d| d["entity_id"] == entity_id).unwrap();
        let power_w = device["power_w"].as_f64();
        println!("{entity_id}: {power_w:?} W, {} kWh measured", device["measured_energy_kwh"]);
        assert!(power_w.is_none_or(|w| (w - true_w).abs() <= tolerance_w), "{device:#}");
        assert!(!all || power_w.is_some() || entity_id == "light.hall_lamp", "{device:#}");
        // Each has a sensor of its own, which is believed.
        let (hours, kwh) = (device["hours_on"].as_f64().unwrap(), device["measured_energy_kwh"].as_f64().unwrap());
        assert_eq!(device["verdict"], "measured");
        assert!(!all || (kwh * 1000.0 / hours - true_w).abs() < 0.02 * true_w, "{device:#}");
        assert_eq!(device["grouped_with"], Value::Array(Vec::new()), "what has a meter is no sum of others");
    }
}

fn analyze(path: &Path) -> Value {
    let said = Command::new(env!("CARGO_BIN_EXE_wattribute")).arg("analyze").arg("--json").arg(path).output().unwrap();
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).unwrap()
}

/// Copies a database and multiplies its history: from the first time the kettle went on, seconds grow and all is told over and over.
fn stretch(from: &Path, to: &Path) {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    source.execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
    let copy = Connection::open(to).unwrap();
    // Counters, and what is counted over hours, would no longer be true.
    copy.execute_batch(
        "DELETE FROM statistics; DELETE FROM statistics_short_term; DELETE FROM recorder_runs;
         CREATE TEMP TABLE gone AS SELECT metadata_id FROM states_meta WHERE entity_id = 'sensor.grid_energy';
         DELETE FROM states WHERE metadata_id IN gone;
         CREATE TEMP TABLE told AS SELECT * FROM states WHERE last_updated_ts >= (
             SELECT min(last_updated_ts) FROM states WHERE state = 'on'
             AND metadata_id = (SELECT metadata_id FROM states_meta WHERE entity_id = 'switch.kettle'));
         DELETE FROM states WHERE last_updated_ts >= (SELECT min(last_updated_ts) FROM told);
         UPDATE told SET state_id = NULL, old_state_id = NULL, last_changed_ts = NULL;
         CREATE TEMP TABLE span AS SELECT min(last_updated_ts) AS start, max(last_updated_ts) - min(last_updated_ts) AS seconds FROM told;
         CREATE TEMP TABLE retold AS SELECT * FROM told;",
    )
    .unwrap();
    for k in 0..TIMES {
        copy.execute("DELETE FROM retold", []).unwrap();
        copy.execute("INSERT INTO retold SELECT * FROM told", []).unwrap();
        copy.execute(
            "UPDATE retold SET last_updated_ts = (SELECT start + ?1 * (?2 * seconds + retold.last_updated_ts - start) FROM span)",
            (STRETCH, k),
        )
        .unwrap();
        copy.execute("INSERT INTO states SELECT * FROM retold ORDER BY last_updated_ts", []).unwrap();
    }
}
