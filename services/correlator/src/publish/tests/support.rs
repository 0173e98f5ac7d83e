use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::Value;
use wattribute_domain::{
    CorrelationRecord, CorrelationVerdict, HourEnergy, Level, ProfileRecord, Reading, Series, SeriesId, SeriesInfo, Stage, Verdict,
};
use wattribute_store::{Arrivals, Batch, Bucket, CorrelationCounts, CorrelationQuery, Payload, Result, Store};

use crate::now::{DeviceNow, HomeNow, NamedCorrelation};
use crate::publish::{CallError, HomeAssistant};

/// As much of a store as publishing uses, in memory.
#[derive(Default)]
pub struct Memory {
    pub documents: Mutex<BTreeMap<String, String>>,
    pub hours: Mutex<BTreeMap<(i64, SeriesId), f64>>,
}

impl Memory {
    pub fn set_hour(&self, series: u32, hour_ms: i64, energy_kwh: f64) {
        self.hours.lock().unwrap().insert((hour_ms, SeriesId(series)), energy_kwh);
    }
}

#[async_trait]
impl Store for Memory {
    async fn document(&self, key: &str) -> Result<Option<String>> {
        Ok(self.documents.lock().unwrap().get(key).cloned())
    }

    async fn put_documents(&self, documents: Vec<(String, String)>) -> Result<()> {
        self.documents.lock().unwrap().extend(documents);
        Ok(())
    }

    async fn documents(&self, _: &str) -> Result<Vec<(String, String)>> {
        unimplemented!()
    }

    async fn forget_documents(&self, _: Vec<String>) -> Result<()> {
        unimplemented!()
    }

    async fn energy(&self, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>> {
        let hours = self.hours.lock().unwrap();
        let within = hours.iter().filter(|((hour_ms, _), _)| (from_ms..to_ms).contains(hour_ms));
        Ok(within
            .map(|((hour_ms, series), kwh)| HourEnergy { series: *series, hour_ms: *hour_ms, energy_kwh: *kwh, estimated: false })
            .collect())
    }

    async fn total_energy(&self, to_ms: i64) -> Result<Vec<(SeriesId, f64)>> {
        let mut sums = BTreeMap::new();
        for ((_, series), kwh) in self.hours.lock().unwrap().iter().filter(|((hour_ms, _), _)| *hour_ms < to_ms) {
            *sums.entry(*series).or_insert(0.0) += kwh;
        }
        Ok(sums.into_iter().collect())
    }

    async fn describe(&self, _: Vec<SeriesInfo>) -> Result<Vec<SeriesId>> {
        unimplemented!()
    }
    async fn series(&self) -> Result<Vec<(SeriesId, SeriesInfo)>> {
        unimplemented!()
    }
    async fn write(&self, _: Batch) -> Result<()> {
        unimplemented!()
    }
    async fn readings(&self, _: SeriesId, _: i64, _: i64) -> Result<Series> {
        unimplemented!()
    }
    async fn latest(&self) -> Result<Vec<Reading>> {
        unimplemented!()
    }
    async fn chart(&self, _: SeriesId, _: i64, _: i64, _: i64) -> Result<Vec<Bucket>> {
        unimplemented!()
    }
    async fn arrivals(&self, _: i64) -> Result<Arrivals> {
        unimplemented!()
    }
    async fn payloads(&self) -> Result<Vec<Payload>> {
        unimplemented!()
    }
    async fn replace_correlations(&self, _: i64, _: i64, _: Vec<CorrelationRecord>) -> Result<()> {
        unimplemented!()
    }
    async fn correlations(&self, _: CorrelationQuery) -> Result<Vec<CorrelationRecord>> {
        unimplemented!()
    }
    async fn correlation_counts(&self, _: i64, _: f64) -> Result<CorrelationCounts> {
        unimplemented!()
    }
    async fn replace_profiles(&self, _: Vec<ProfileRecord>) -> Result<()> {
        unimplemented!()
    }
    async fn profiles(&self) -> Result<Vec<ProfileRecord>> {
        unimplemented!()
    }
    async fn replace_energy(&self, _: i64, _: i64, _: Vec<HourEnergy>) -> Result<()> {
        unimplemented!()
    }
    async fn maintain(&self, _: i64) -> Result<()> {
        unimplemented!()
    }
    async fn backup(&self, _: &std::path::Path) -> Result<()> {
        unimplemented!()
    }
    async fn check(&self) -> Result<()> {
        unimplemented!()
    }
}

/// A Home Assistant that notes what it is told: states by path, events and imports in order.
#[derive(Default)]
pub struct Pretend {
    pub states: Mutex<BTreeMap<String, Value>>,
    pub events: Mutex<Vec<(String, Value)>>,
    pub imports: Mutex<Vec<Value>>,
    pub listed: Mutex<Vec<Value>>,
    /// How the next calls fail.
    pub failures: Mutex<VecDeque<CallError>>,
    /// Refuses what came with 2025.11.
    pub is_old: bool,
}

impl Pretend {
    fn fail(&self) -> std::result::Result<(), CallError> {
        self.failures.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl HomeAssistant for Pretend {
    async fn command(&self, command: Value) -> std::result::Result<Value, CallError> {
        self.fail()?;
        match command["type"].as_str() {
            Some("recorder/list_statistic_ids") => Ok(Value::Array(self.listed.lock().unwrap().clone())),
            Some("recorder/import_statistics") if self.is_old && !command["metadata"]["mean_type"].is_null() => {
                Err(CallError::Refused { code: "invalid_format".to_owned(), message: "extra keys not allowed".to_owned() })
            }
            _ => {
                self.imports.lock().unwrap().push(command);
                Ok(Value::Null)
            }
        }
    }

    async fn get(&self, path: &str) -> std::result::Result<Option<Value>, CallError> {
        self.fail()?;
        Ok(self.states.lock().unwrap().get(path).cloned())
    }

    async fn post(&self, path: &str, body: Value) -> std::result::Result<(), CallError> {
        self.fail()?;
        match path.strip_prefix("/api/events/") {
            Some(event) => self.events.lock().unwrap().push((event.to_owned(), body)),
            None => drop(self.states.lock().unwrap().insert(path.to_owned(), body)),
        }
        Ok(())
    }

    async fn delete(&self, path: &str) -> std::result::Result<(), CallError> {
        self.fail()?;
        self.states.lock().unwrap().remove(path);
        Ok(())
    }
}

/// A device that is on.
pub fn device(entity_id: &str, series: u32, power_w: f64, recent_energy_kwh: f64) -> DeviceNow {
    let (_, object) = entity_id.split_once('.').unwrap();
    DeviceNow {
        series: SeriesId(series),
        identity: format!("registry-{object}-{series}"),
        entity_id: entity_id.to_owned(),
        name: object.replace('_', " "),
        area: Some("Kitchen".to_owned()),
        verdict: Verdict::Learned,
        power_w: Some(power_w),
        is_on: Some(true),
        energy_kwh: recent_energy_kwh + 1.0,
        recent_energy_kwh,
        on_since_ms: Some(AT_MS - 60_000),
        usual_on_h: Some(0.1),
        left_on: false,
    }
}

/// 2026-11-21T10:00:00Z.
pub const AT_MS: i64 = 1_795_255_200_000;

/// A home with a kettle and a lamp.
pub fn home() -> HomeNow {
    HomeNow {
        at_ms: AT_MS,
        is_demo: false,
        power_w: Some(2_345.6),
        attributed_power_w: Some(2_012.34),
        unattributed_power_w: Some(213.2),
        baseline_power_w: Some(120.0),
        phantom_power_w: Some(80.04),
        phantom_threshold_w: None,
        time_zone: Some("Europe/Berlin".to_owned()),
        devices: vec![
            device("switch.kettle", 1, 2_000.4, 12.0),
            DeviceNow { usual_on_h: None, ..device("light.hall_lamp", 2, 12.34, 0.5) },
        ],
        meters: Vec::new(),
        last_correlation: Some(correlation(1, AT_MS - 9_000, 2_000.0)),
    }
}

/// A kettle that was switched on (or off, for a negative step).
pub fn correlation(series: u32, at_ms: i64, delta_w: f64) -> NamedCorrelation {
    let (off, on) = (Level::off(), Level { mode: 1, fraction: 1.0 });
    let (from, to) = if delta_w < 0.0 { (on, off) } else { (off, on) };
    let name = |level: Level| if level.is_off() { "off" } else { "on" }.to_owned();
    NamedCorrelation {
        entity_id: "switch.kettle".to_owned(),
        name: "Kettle".to_owned(),
        previous_state: name(from),
        state: name(to),
        record: CorrelationRecord {
            series: SeriesId(series),
            at_ms,
            from,
            to,
            power_before_w: 400.0,
            power_after_w: 400.0 + delta_w,
            standard_error_w: 1.5,
            explained_w: f64::NAN,
            verdict: CorrelationVerdict::Clean,
            others: Vec::new(),
            stage: Stage::Final,
        },
    }
}

/// Waits until `done`, for a few seconds at most.
pub async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !done().await {
        assert!(std::time::Instant::now() < end, "in vain: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
