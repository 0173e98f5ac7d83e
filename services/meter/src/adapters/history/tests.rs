//! Files of every kind, made on the spot, read through the front door.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wattribute_domain::{Entity, History, Sensor};

use super::{Options, read};

mod csv;
mod merging;
mod parquet;
mod real;
mod recorder;
mod settings;

/// 2023-11-14T22:13:20Z.
const T0_MS: i64 = 1_700_000_000_000;

const POWER: &str = r#"{"unit_of_measurement":"W","device_class":"power","state_class":"measurement","friendly_name":"House"}"#;

fn file(folder: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn read_with(path: &Path, options: &Options) -> History {
    read(&[path.to_owned()], options, &mut |_| {}).unwrap()
}

fn read_one(path: &Path) -> History {
    read_with(path, &Options::default())
}

fn error_of(path: &Path) -> String {
    read(&[path.to_owned()], &Options::default(), &mut |_| {}).unwrap_err().to_string()
}

fn read_text(content: &str) -> History {
    let folder = tempfile::tempdir().unwrap();
    read_one(&file(&folder, "history.csv", content))
}

fn sensor<'a>(history: &'a History, id: &str) -> &'a Sensor {
    history.sensors.iter().find(|s| s.entity_id == id).unwrap_or_else(|| panic!("no {id} in {:?}", ids(history)))
}

fn entity<'a>(history: &'a History, id: &str) -> &'a Entity {
    history.entities.iter().find(|e| e.entity_id == id).unwrap_or_else(|| panic!("no {id} in {:?}", ids(history)))
}

/// Ids of sensors, then of entities.
fn ids(history: &History) -> Vec<&str> {
    let sensors = history.sensors.iter().map(|s| s.entity_id.as_str());
    sensors.chain(history.entities.iter().map(|e| e.entity_id.as_str())).collect()
}

/// What a sensor read, in seconds after [`T0_MS`]; `None` begins a gap.
fn readings(history: &History, id: &str) -> Vec<(f64, Option<f64>)> {
    let series = &sensor(history, id).readings;
    let value = series.value.iter().map(|v| v.is_finite().then_some(*v));
    series.at_ms.iter().map(|at_ms| (at_ms - T0_MS) as f64 / 1000.0).zip(value).collect()
}

/// What an entity said, in seconds after [`T0_MS`], as its mode and fraction; `-` where it was silent.
fn said(history: &History, id: &str) -> Vec<(f64, String)> {
    let entity = entity(history, id);
    let level = |said: &wattribute_domain::Said| match said.level {
        None => "-".to_owned(),
        Some(level) if level.fraction < 1.0 => format!("{} {:.2}", entity.modes[usize::from(level.mode)], level.fraction),
        Some(level) => entity.modes[usize::from(level.mode)].clone(),
    };
    entity.said.iter().map(|said| ((said.at_ms - T0_MS) as f64 / 1000.0, level(said))).collect()
}

/// Owned copies, to compare with [`said`].
fn levels(list: &[(f64, &str)]) -> Vec<(f64, String)> {
    list.iter().map(|(at, level)| (*at, (*level).to_owned())).collect()
}
