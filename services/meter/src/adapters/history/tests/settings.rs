//! Long-term statistics, and what lies in `.storage` beside a database.

use rusqlite::Connection;

use super::recorder::Generation;
use super::*;

fn database(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("home-assistant_v2.db");
    Generation::Current.create(&path, &[("sensor.p", "1", 0.0, r#"{"unit_of_measurement":"W"}"#), ("switch.kettle", "on", 1.0, "{}")]);
    path
}

fn store(folder: &TempDir, name: &str, json: &str) {
    std::fs::create_dir_all(folder.path().join(".storage")).unwrap();
    std::fs::write(folder.path().join(".storage").join(name), json).unwrap();
}

#[test]
fn settings_and_names_are_read_from_beside_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(&folder);
    store(
        &folder,
        "core.config",
        r#"{"version":1,"key":"core.config","data":{"time_zone":"Europe/Berlin","currency":"EUR","latitude":1.0}}"#,
    );
    store(
        &folder,
        "energy",
        r#"{"version":1,"data":{"energy_sources":[{"type":"grid","stat_energy_from":"sensor.e","number_energy_price":0.3}],"device_consumption":[]}}"#,
    );
    store(
        &folder,
        "core.entity_registry",
        r#"{"data":{"entities":[{"entity_id":"switch.kettle","device_id":"d1","name":null,"original_name":"Relay"},
            {"entity_id":"sensor.p","device_id":"d2","name":"My meter","original_name":"Power"}],"deleted_entities":[]}}"#,
    );
    store(
        &folder,
        "core.device_registry",
        r#"{"data":{"devices":[{"id":"d1","name":"Plug 7","name_by_user":"Kettle plug"},{"id":"d2","name":"Meter"}]}}"#,
    );
    let history = read_one(&path);
    assert_eq!((history.time_zone.as_deref(), history.currency.as_deref()), (Some("Europe/Berlin"), Some("EUR")));
    let preferences = history.energy_preferences.clone().unwrap();
    assert_eq!((preferences.grid_import_energy, preferences.price_per_kwh), (vec!["sensor.e".to_owned()], Some(0.3)));
    let kettle = entity(&history, "switch.kettle");
    assert_eq!((kettle.name.as_deref(), kettle.device_id.as_deref()), (Some("Kettle plug Relay"), Some("d1")));
    let meter = sensor(&history, "sensor.p");
    assert_eq!((meter.name.as_deref(), meter.device_id.as_deref()), (Some("My meter"), Some("d2")));
    assert_eq!(history.notes, Vec::<String>::new());
}

#[test]
fn malformed_settings_stop_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(&folder);
    store(&folder, "core.config", "{");
    store(&folder, "energy", r#"{"data":{"energy_sources":"none"}}"#);
    store(&folder, "core.entity_registry", "");
    let history = read_one(&path);
    assert_eq!(ids(&history), ["sensor.p", "switch.kettle"]);
    assert_eq!(
        history.notes,
        [
            ".storage/core.config is malformed at line 1 and was passed over.",
            ".storage/energy is malformed at line 1 and was passed over.",
            ".storage/core.entity_registry is malformed at line 1 and was passed over."
        ]
    );
}

#[test]
fn long_term_statistics_of_power_and_energy_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(&folder);
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "CREATE TABLE statistics_meta (id INTEGER PRIMARY KEY, statistic_id TEXT, source TEXT, unit_of_measurement TEXT);
             CREATE TABLE statistics (id INTEGER PRIMARY KEY, start DATETIME, start_ts FLOAT, mean FLOAT, min FLOAT, max FLOAT, sum FLOAT, metadata_id INTEGER);
             INSERT INTO statistics_meta VALUES (1, 'sensor.e', 'recorder', 'kWh'), (2, 'sensor.t', 'recorder', '°C'), (3, 'sensor.p', 'recorder', 'W');
             INSERT INTO statistics (start, start_ts, mean, min, sum, metadata_id) VALUES
                (NULL, 1700002800, NULL, NULL, 2.5, 1), ('2023-11-14 22:00:00.000000', NULL, NULL, NULL, 1.5, 1),
                (NULL, 1700002800, 20.0, 19.0, NULL, 2), (NULL, 1700002800, 300.0, 120.0, NULL, 3);",
        )
        .unwrap();
    let history = read_one(&path);
    let told: Vec<_> = history.statistics.iter().map(|s| (s.entity_id.as_str(), s.unit.as_deref(), s.rows.len())).collect();
    assert_eq!(told, [("sensor.e", Some("kWh"), 2), ("sensor.p", Some("W"), 1)]);
    let sums: Vec<_> = history.statistics[0].rows.iter().map(|row| (row.start_ms, row.sum)).collect();
    assert_eq!(sums, [(1_699_999_200_000, Some(1.5)), (1_700_002_800_000, Some(2.5))]);
    assert_eq!((history.statistics[1].rows[0].mean, history.statistics[1].rows[0].min), (Some(300.0), Some(120.0)));
}
