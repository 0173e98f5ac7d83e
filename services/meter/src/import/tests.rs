//! Importing is converting, and doing it twice is doing it once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use wattribute_domain::{
    CorrelationRecord, EnergyPreferences, Entity, History, HourEnergy, Level, ProfileRecord, Quantity, Reading, Role, Said, Sensor, Series,
    SeriesId, SeriesInfo,
};
use wattribute_store::{Arrivals, Batch, Bucket, CorrelationCounts, CorrelationQuery, Payload, Result, Store};

use super::{Progress, Summary, import};

/// A store that keeps series, readings and documents, and is asked nothing else.
#[derive(Default)]
struct Kept {
    series: Mutex<Vec<SeriesInfo>>,
    readings: Mutex<BTreeMap<(u32, i64), u64>>,
    documents: Mutex<BTreeMap<String, String>>,
    largest_batch: Mutex<usize>,
}

impl Kept {
    fn of(&self, device: &str, quantity: Quantity) -> (SeriesInfo, Vec<(i64, f64)>) {
        let series = self.series.lock().unwrap();
        let k = series.iter().position(|info| info.device == device && info.quantity == quantity).unwrap();
        let readings = self.readings.lock().unwrap();
        let rows = readings.range((k as u32, i64::MIN)..=(k as u32, i64::MAX)).map(|((_, at_ms), bits)| (*at_ms, f64::from_bits(*bits)));
        (series[k].clone(), rows.collect())
    }

    fn all(&self) -> (Vec<SeriesInfo>, BTreeMap<(u32, i64), u64>, BTreeMap<String, String>) {
        let (series, readings) = (self.series.lock().unwrap().clone(), self.readings.lock().unwrap().clone());
        (series, readings, self.documents.lock().unwrap().clone())
    }
}

#[async_trait]
impl Store for Kept {
    async fn describe(&self, new: Vec<SeriesInfo>) -> Result<Vec<SeriesId>> {
        let mut all = self.series.lock().unwrap();
        let mut number = |info: SeriesInfo| {
            let same = |k: &SeriesInfo| k.source == info.source && k.quantity == info.quantity && k.identity == info.identity;
            let k = all.iter().position(same).unwrap_or_else(|| {
                all.push(info.clone());
                all.len() - 1
            });
            assert!(info.modes.starts_with(&all[k].modes), "modes only ever grow");
            all[k] = info;
            SeriesId(k as u32)
        };
        Ok(new.into_iter().map(&mut number).collect())
    }

    async fn series(&self) -> Result<Vec<(SeriesId, SeriesInfo)>> {
        Ok(self.series.lock().unwrap().iter().cloned().enumerate().map(|(k, info)| (SeriesId(k as u32), info)).collect())
    }

    async fn write(&self, batch: Batch) -> Result<()> {
        let mut largest = self.largest_batch.lock().unwrap();
        *largest = largest.max(batch.readings.len());
        let rows = batch.readings.into_iter().map(|r| ((r.series.0, r.at_ms), r.value.to_bits()));
        self.readings.lock().unwrap().extend(rows);
        Ok(())
    }

    async fn document(&self, key: &str) -> Result<Option<String>> {
        Ok(self.documents.lock().unwrap().get(key).cloned())
    }

    async fn put_documents(&self, documents: Vec<(String, String)>) -> Result<()> {
        self.documents.lock().unwrap().extend(documents);
        Ok(())
    }

    async fn readings(&self, _: SeriesId, _: i64, _: i64) -> Result<Series> {
        Ok(Series::default())
    }

    async fn latest(&self) -> Result<Vec<Reading>> {
        Ok(Vec::new())
    }

    async fn chart(&self, _: SeriesId, _: i64, _: i64, _: i64) -> Result<Vec<Bucket>> {
        Ok(Vec::new())
    }

    async fn arrivals(&self, _: i64) -> Result<Arrivals> {
        Ok(Arrivals::default())
    }

    async fn payloads(&self) -> Result<Vec<Payload>> {
        Ok(Vec::new())
    }

    async fn replace_correlations(&self, _: i64, _: i64, _: Vec<CorrelationRecord>) -> Result<()> {
        Ok(())
    }

    async fn correlations(&self, _: CorrelationQuery) -> Result<Vec<CorrelationRecord>> {
        Ok(Vec::new())
    }

    async fn correlation_counts(&self, _: i64, _: f64) -> Result<CorrelationCounts> {
        Ok(CorrelationCounts::default())
    }

    async fn replace_profiles(&self, _: Vec<ProfileRecord>) -> Result<()> {
        Ok(())
    }

    async fn profiles(&self) -> Result<Vec<ProfileRecord>> {
        Ok(Vec::new())
    }

    async fn replace_energy(&self, _: i64, _: i64, _: Vec<HourEnergy>) -> Result<()> {
        Ok(())
    }

    async fn energy(&self, _: i64, _: i64) -> Result<Vec<HourEnergy>> {
        Ok(Vec::new())
    }

    async fn total_energy(&self, _: i64) -> Result<Vec<(SeriesId, f64)>> {
        Ok(Vec::new())
    }

    async fn maintain(&self, _: i64) -> Result<()> {
        Ok(())
    }

    async fn backup(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }
}

fn sensor(id: &str, unit: Option<&str>, rows: &[(i64, f64)]) -> Sensor {
    let mut sensor = Sensor { entity_id: id.to_owned(), unit: unit.map(str::to_owned), ..Sensor::default() };
    rows.iter().for_each(|&(at_ms, value)| sensor.readings.push(at_ms, value));
    sensor
}

fn home() -> History {
    let mut heater = Entity::new("climate.heater");
    let (heating, off) = (Level { mode: heater.mode("heating"), fraction: 1.0 }, Level::off());
    heater.said = [(1000, Some(off)), (2000, Some(heating)), (2500, Some(heating)), (3000, None), (4000, Some(off))]
        .map(|(at_ms, level)| Said { at_ms, level })
        .to_vec();
    History {
        sensors: vec![
            sensor("sensor.grid", Some("kW"), &[(1000, 0.3), (2000, -0.2), (3000, f64::NAN)]),
            sensor("sensor.sold", Some("Wh"), &[(1000, 1500.0)]),
            sensor("sensor.room", Some("°C"), &[(1000, 20.0)]),
            sensor("sensor.plug_power", None, &[(1000, 12.0)]),
            sensor("sensor.anything", None, &[(1000, 12.0)]),
        ],
        entities: vec![heater, Entity::new("light.never_heard")],
        energy_preferences: Some(EnergyPreferences {
            grid_power: vec!["sensor.grid".to_owned()],
            grid_export_energy: vec!["sensor.sold".to_owned()],
            ..EnergyPreferences::default()
        }),
        time_zone: Some("Europe/Berlin".to_owned()),
        ..History::default()
    }
}

async fn into(store: &Kept, history: History) -> Summary {
    import(history, store, "home_assistant", &mut |_| {}).await.unwrap()
}

#[tokio::test]
async fn what_was_recorded_becomes_watts_kilowatt_hours_and_levels() {
    let store = Kept::default();
    let summary = into(&store, home()).await;
    let (grid, rows) = store.of("sensor.grid", Quantity::PowerW);
    assert_eq!((grid.identity.as_str(), grid.source.as_str(), grid.role), ("sensor.grid", "home_assistant", Some(Role::WholeHouse)));
    assert_eq!(rows[..2], [(1000, 300.0), (2000, -200.0)]);
    assert!(rows[2].1.is_nan(), "a gap stays a gap");
    assert_eq!(store.of("sensor.sold", Quantity::EnergyExportKwh).1, [(1000, 1.5)]);
    assert_eq!(store.of("sensor.plug_power", Quantity::PowerW).1, [(1000, 12.0)]);
    let (heater, rows) = store.of("climate.heater", Quantity::Level);
    assert_eq!(heater.modes, ["off", "heating"]);
    assert_eq!(rows.iter().map(|r| r.0).collect::<Vec<_>>(), [1000, 2000, 3000, 4000], "repeats are no news");
    assert_eq!(rows[1].1, 1.0);
    assert!(rows[2].1.is_nan());
    assert_eq!((summary.series, summary.readings, summary.span_ms), (4, 9, Some((1000, 4000))));
    assert!(summary.notes.iter().any(|note| note.contains("sensor.room was left out: °C")), "{:?}", summary.notes);
    assert!(summary.notes.iter().any(|note| note.contains("sensor.anything was left out")), "{:?}", summary.notes);
}

#[tokio::test]
async fn importing_twice_is_importing_once() {
    let store = Kept::default();
    let first = into(&store, home()).await;
    let kept = store.all();
    assert_eq!(into(&store, home()).await, first);
    assert_eq!(store.all(), kept);
}

#[tokio::test]
async fn what_the_store_knows_already_stays() {
    let store = Kept::default();
    let mut live = SeriesInfo::new("home_assistant", "climate.heater", Quantity::Level);
    live.identity = "unique-17".to_owned();
    live.area = Some("Hall".to_owned());
    live.mode("cooling");
    store.describe(vec![live]).await.unwrap();
    store.put_documents(vec![("home".to_owned(), "known".to_owned())]).await.unwrap();
    into(&store, home()).await;
    let (heater, rows) = store.of("climate.heater", Quantity::Level);
    assert_eq!((heater.identity.as_str(), heater.area.as_deref()), ("unique-17", Some("Hall")));
    assert_eq!(heater.modes, ["off", "cooling", "heating"]);
    assert_eq!(rows[1], (2000, 2.0), "heating is the second mode now");
    assert_eq!(store.document("home").await.unwrap().as_deref(), Some("known"));
}

#[tokio::test]
async fn a_long_series_is_written_in_parts() {
    let store = Kept::default();
    let rows: Vec<(i64, f64)> = (0..120_001).map(|k| (k, k as f64)).collect();
    let history = History { sensors: vec![sensor("sensor.grid", Some("W"), &rows)], ..History::default() };
    let mut told = Vec::new();
    let summary = import(history, &store, "home_assistant", &mut |p| told.push(p)).await.unwrap();
    assert_eq!(summary.readings, 120_001);
    assert_eq!(*store.largest_batch.lock().unwrap(), 50_000);
    assert_eq!(told.last(), Some(&Progress { done: 120_001, total: 120_001 }));
    assert_eq!(store.of("sensor.grid", Quantity::PowerW).1, rows);
}
