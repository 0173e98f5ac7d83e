//! Importing is converting, and doing it twice is doing it once.

use wattribute_domain::{EnergyPreferences, Entity, History, Level, Quantity, Reading, Role, Said, Sensor, SeriesId, SeriesInfo};
use wattribute_store::sqlite::Sqlite;
use wattribute_store::{Origin, Settings, Store};

use super::{Progress, Summary, import};

/// A store in a folder of its own.
struct Kept {
    store: Sqlite,
    _folder: tempfile::TempDir,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("wattribute.db"), Origin::Home, Settings::default()).unwrap();
        Kept { store, _folder: folder }
    }

    async fn of(&self, device: &str, quantity: Quantity) -> (SeriesInfo, Vec<(i64, f64)>) {
        let all = self.store.series().await.unwrap();
        let (id, info) = all.into_iter().find(|(_, info)| info.device == device && info.quantity == quantity).unwrap();
        let rows = self.store.readings(id, 0, 1_000_000).await.unwrap();
        (info, rows.at_ms.into_iter().zip(rows.value).collect())
    }

    /// Everything, as text: a gap is not equal to itself.
    async fn all(&self) -> String {
        let readings: Vec<Reading> = self.store.readings_of_all(0, 1_000_000).await.unwrap();
        let series: Vec<(SeriesId, SeriesInfo)> = self.store.series().await.unwrap();
        format!("{series:?} {readings:?} {:?}", self.store.document("home").await.unwrap())
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
    import(history, &store.store, "home_assistant", &mut |_| {}).await.unwrap()
}

#[tokio::test]
async fn what_was_recorded_becomes_watts_kilowatt_hours_and_levels() {
    let store = Kept::new();
    let summary = into(&store, home()).await;
    let (grid, rows) = store.of("sensor.grid", Quantity::PowerW).await;
    assert_eq!((grid.identity.as_str(), grid.source.as_str(), grid.role), ("sensor.grid", "home_assistant", Some(Role::WholeHouse)));
    assert_eq!(rows[..2], [(1000, 300.0), (2000, -200.0)]);
    assert!(rows[2].1.is_nan(), "a gap stays a gap");
    assert_eq!(store.of("sensor.sold", Quantity::EnergyExportKwh).await.1, [(1000, 1.5)]);
    assert_eq!(store.of("sensor.plug_power", Quantity::PowerW).await.1, [(1000, 12.0)]);
    let (heater, rows) = store.of("climate.heater", Quantity::Level).await;
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
    let store = Kept::new();
    let first = into(&store, home()).await;
    let kept = store.all().await;
    assert_eq!(into(&store, home()).await, first);
    assert_eq!(store.all().await, kept);
}

#[tokio::test]
async fn what_the_store_knows_already_stays() {
    let store = Kept::new();
    let mut live = SeriesInfo::new("home_assistant", "climate.heater", Quantity::Level);
    live.identity = "unique-17".to_owned();
    live.area = Some("Hall".to_owned());
    live.mode("cooling");
    store.store.describe(vec![live]).await.unwrap();
    store.store.put_documents(vec![("home".to_owned(), "known".to_owned())]).await.unwrap();
    into(&store, home()).await;
    let (heater, rows) = store.of("climate.heater", Quantity::Level).await;
    assert_eq!((heater.identity.as_str(), heater.area.as_deref()), ("unique-17", Some("Hall")));
    assert_eq!(heater.modes, ["off", "cooling", "heating"]);
    assert_eq!(rows[1], (2000, 2.0), "heating is the second mode now");
    assert_eq!(store.store.document("home").await.unwrap().as_deref(), Some("known"));
}

#[tokio::test]
async fn a_long_series_is_written_in_parts() {
    let store = Kept::new();
    let rows: Vec<(i64, f64)> = (0..120_001).map(|k| (k, k as f64)).collect();
    let history = History { sensors: vec![sensor("sensor.grid", Some("W"), &rows)], ..History::default() };
    let mut told = Vec::new();
    let summary = import(history, &store.store, "home_assistant", &mut |p| told.push(p)).await.unwrap();
    assert_eq!(summary.readings, 120_001);
    assert_eq!(told.len(), 3);
    assert_eq!(told.last(), Some(&Progress { done: 120_001, total: 120_001 }));
    assert_eq!(store.of("sensor.grid", Quantity::PowerW).await.1, rows);
}

#[tokio::test]
async fn what_home_assistant_exports_can_be_imported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.csv");
    let rows = "entity_id,state,last_changed\n\
        sensor.house_power,120.5,2026-01-05T00:01:40.000Z\n\
        sensor.house_power,unavailable,2026-01-05T00:02:40.000Z\n\
        light.hall,off,2026-01-05T00:01:40.000Z\n\
        light.hall,on,2026-01-05T00:02:10.500Z\n";
    std::fs::write(&file, rows).unwrap();
    let history = crate::adapters::history::read(&[file], &Default::default(), &mut |_| {}).unwrap();
    let store = Kept::new();
    let summary = into(&store, history).await;
    assert_eq!((summary.series, summary.readings), (2, 4));
    assert!(
        summary.notes.iter().any(|note| note == "sensor.house_power was taken to be in W: the file does not say"),
        "{:?}",
        summary.notes
    );
    let latest = store.store.latest().await.unwrap();
    assert!(latest.iter().any(|r| r.at_ms == 1_767_571_330_500 && r.value == 1.0), "{latest:?}");
}
