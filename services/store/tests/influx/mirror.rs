//! A store in SQLite whose readings, correlations, profiles and energies are also in an InfluxDB.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wattribute_domain::{CorrelationRecord, CorrelationVerdict, HourEnergy, Level, Quantity, Role, SeriesId, SeriesInfo, Stage};
use wattribute_store::influx::{Account, Space, connect_sink};
use wattribute_store::mirror::{Mirror, ToInflux, fill_later, mirror as run};
use wattribute_store::spool::{Spool, deliver};
use wattribute_store::{Batch, Store};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::common::backend::Server;
use crate::common::{HOUR, T0, batch, open, reading, span};
use crate::recorded::{error, turns};

/// 2025-11-04T00:00:00Z, ms.
const EARLIER: i64 = 1_762_214_400_000;

fn mirror(folder: &Path) -> (Arc<Mirror>, Arc<Spool>) {
    let spool = Arc::new(Spool::open(folder.join("spool"), 10 << 20).unwrap());
    (Arc::new(Mirror::new(open(folder), spool.clone())), spool)
}

fn account() -> Account {
    Account { patience: Duration::ZERO, timeout: Duration::from_secs(5), ..Account::default() }
}

/// Brings all that waits.
async fn bring(spool: &Arc<Spool>, url: &str) {
    let delivering = tokio::spawn(deliver(spool.clone(), ToInflux::new(url, account(), |_| ()).unwrap()));
    while spool.fill().batches > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    delivering.abort();
}

async fn house_and_lamp(store: &dyn Store) -> (SeriesId, SeriesId) {
    let house = SeriesInfo { role: Some(Role::WholeHouse), ..SeriesInfo::new("tasmota", "mt681", Quantity::PowerW) };
    let mut lamp = SeriesInfo::new("home_assistant", "light.hall", Quantity::Level);
    lamp.mode("on");
    let ids = store.describe(vec![house, lamp]).await.unwrap();
    (ids[0], ids[1])
}

fn step(series: SeriesId, at_ms: i64, to: u16, delta_w: f64) -> CorrelationRecord {
    CorrelationRecord {
        series,
        at_ms,
        from: Level::off(),
        to: Level { mode: to, fraction: 1.0 },
        power_before_w: 100.0,
        power_after_w: 100.0 + delta_w,
        standard_error_w: 1.0,
        explained_w: delta_w,
        verdict: CorrelationVerdict::Clean,
        others: vec![],
        stage: Stage::Final,
    }
}

#[tokio::test]
async fn what_the_store_keeps_is_in_influxdb_as_well() {
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (store, spool) = mirror(folder.path());
    let (house, lamp) = house_and_lamp(&*store).await;
    store.write(batch((0..10).map(|k| reading(house, T0 + k * 1000, 100.0 + k as f64)).collect())).await.unwrap();
    store.write(batch(vec![reading(lamp, T0, 0.0), reading(lamp, T0 + 3000, 1.0), reading(house, T0 + 20_000, f64::NAN)])).await.unwrap();
    store.replace_correlations(T0, T0 + HOUR, vec![step(lamp, T0 + 3000, 1, 60.0), step(lamp, T0 + 5000, 1, 50.0)]).await.unwrap();
    let hour = |h: i64, energy_kwh| HourEnergy { series: lamp, hour_ms: T0 + h * HOUR, energy_kwh, estimated: false };
    store.replace_energy(T0, T0 + 2 * HOUR, vec![hour(0, 0.25), hour(1, 0.5)]).await.unwrap();
    bring(&spool, &server.url).await;
    // A stretch is replaced, a step retracted, an hour taken back: there as here.
    store.write(Batch { replaced: vec![span(house, T0 + 2000, T0 + 8000)], ..batch(vec![reading(house, T0 + 4000, 7.0)]) }).await.unwrap();
    store.replace_correlations(T0, T0 + HOUR, vec![step(lamp, T0 + 3000, 1, 61.0)]).await.unwrap();
    store.replace_energy(T0, T0 + 2 * HOUR, vec![hour(0, 0.25)]).await.unwrap();
    bring(&spool, &server.url).await;

    let client = connect_sink(&server.url, &account()).await.unwrap();
    let numbers = async |query: &str| {
        let found = client.query(Space::Main, query).await.unwrap();
        found[0].iter().flat_map(|table| &table.rows).map(|row| (row[0].whole().unwrap() - T0, row[1].number())).collect::<Vec<_>>()
    };
    let expected: Vec<(i64, Option<f64>)> =
        [(0, 100.0), (1000, 101.0), (4000, 7.0), (8000, 108.0), (9000, 109.0)].map(|(at, v)| (at, Some(v))).to_vec();
    assert_eq!(numbers("SELECT \"total_power_w\" FROM \"smart_meter\" WHERE \"meter_type\" = 'tasmota'").await, expected);
    assert_eq!(numbers("SELECT \"silent\" FROM \"smart_meter\"").await, [(20_000, None)]);
    let steps = "SELECT \"power_delta_w\" FROM \"event_energy_correlation\" WHERE \"entity_id\" = 'light.hall' AND \"state\" = 'on' AND \"previous_state\" = 'off'";
    assert_eq!(numbers(steps).await, [(3000, Some(61.0))]);
    assert_eq!(numbers("SELECT \"level\" FROM \"home_assistant_events\" WHERE \"state_value\" = 'on'").await, [(3000, Some(1.0))]);
    assert_eq!(numbers("SELECT \"energy_kwh\" FROM \"wattribute_energy\"").await, [(0, Some(0.25))]);
    // And the store has it all.
    assert_eq!(store.readings(house, T0, T0 + HOUR).await.unwrap().len(), 6);
}

#[tokio::test]
async fn while_influxdb_is_away_readings_wait_on_disk_and_go_there_once_in_order() {
    let server = MockServer::start().await;
    let ping = ResponseTemplate::new(204).insert_header("X-Influxdb-Version", "3.0.1");
    Mock::given(path("/ping")).respond_with(ping).mount(&server).await;
    let away = error(503, "unavailable", "away");
    let back = ResponseTemplate::new(204);
    Mock::given(path("/api/v2/write")).respond_with(turns(vec![away, back])).mount(&server).await;
    let folder = tempfile::tempdir().unwrap();
    {
        let (store, spool) = mirror(folder.path());
        let (house, _) = house_and_lamp(&*store).await;
        for k in 0..3 {
            store.write(batch(vec![reading(house, T0 + k, k as f64)])).await.unwrap();
        }
        assert_eq!(spool.fill().batches, 3);
    }
    // The process ends, and another brings it.
    let (store, spool) = mirror(folder.path());
    let (house, _) = house_and_lamp(&*store).await;
    store.write(batch(vec![reading(house, T0 + 3, 3.0)])).await.unwrap();
    let told: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let heard = told.clone();
    let sink =
        ToInflux::new(&server.uri(), account(), move |wrong: Option<&str>| heard.lock().unwrap().push(wrong.map(str::to_owned))).unwrap();
    let delivering = tokio::spawn(deliver(spool.clone(), sink));
    while spool.fill().batches > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    delivering.abort();
    let taken: Vec<String> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .filter(|r| r.url.path() == "/api/v2/write")
        .map(|r| String::from_utf8_lossy(&r.body).rsplit_once(' ').unwrap().1.to_owned())
        .collect();
    let at = |k: i64| (T0 + k).to_string();
    assert_eq!(taken, [at(0), at(0), at(1), at(2), at(3)]);
    let told = told.lock().unwrap();
    assert!(told[0].as_deref().is_some_and(|why| why.contains("503") && why.contains("away")) && told.last() == Some(&None), "{told:?}");
}

#[tokio::test]
async fn a_line_that_influxdb_refuses_is_set_aside_and_named_and_the_rest_goes_on() {
    let Some(server) = Server::start() else { return };
    let client = connect_sink(&server.url, &account()).await.unwrap();
    // Another tool wrote a text where we write a number.
    client.write(Space::Main, &[format!("smart_meter,meter_type=other total_power_w=\"much\" {T0}")]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (store, spool) = mirror(folder.path());
    let (house, lamp) = house_and_lamp(&*store).await;
    store.write(batch(vec![reading(house, T0 + 1, 1.0), reading(lamp, T0 + 1, 1.0)])).await.unwrap();
    store.write(batch(vec![reading(lamp, T0 + 2, 0.0)])).await.unwrap();
    bring(&spool, &server.url).await;
    let aside = spool.fill().aside;
    let why = std::fs::read_to_string(aside[0].with_extension("why")).unwrap();
    assert!(aside.len() == 1 && why.contains("smart_meter,device=mt681") && why.contains("field type conflict"), "{why}");
    let found = client.query(Space::Main, "SELECT \"level\" FROM \"home_assistant_events\"").await.unwrap();
    assert_eq!(found[0][0].rows.len(), 2);
}

#[tokio::test]
async fn an_empty_bucket_gets_what_the_store_held_and_later_what_was_written_past_the_mirror() {
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (house, lamp) = {
        let store = open(folder.path());
        let (house, lamp) = house_and_lamp(&*store).await;
        // From before the present, as what was heard before is: three days, one of them silent.
        let days = [0, 24, 72].map(|hours| EARLIER + hours * HOUR);
        store
            .write(batch(days.iter().flat_map(|day| (0..50).map(move |k| reading(house, day + k * 1000, k as f64))).collect()))
            .await
            .unwrap();
        store.write(batch(vec![reading(lamp, EARLIER, 0.0), reading(lamp, EARLIER + 3000, 1.0)])).await.unwrap();
        store.replace_correlations(EARLIER, EARLIER + HOUR, vec![step(lamp, EARLIER + 3000, 1, 60.0)]).await.unwrap();
        let hour = HourEnergy { series: lamp, hour_ms: EARLIER, energy_kwh: 0.25, estimated: false };
        store.replace_energy(EARLIER, EARLIER + HOUR, vec![hour]).await.unwrap();
        (house, lamp)
    };
    let client = connect_sink(&server.url, &account()).await.unwrap();
    let count = async |field: &str, of: &str| {
        let found = client.query(Space::Main, &format!("SELECT count(\"{field}\") FROM \"{of}\"")).await.unwrap();
        found[0].first().and_then(|table| table.rows[0][1].number()).unwrap_or(0.0)
    };
    let until = async |field: &str, of: &str, wanted: f64| {
        let begun = tokio::time::Instant::now();
        while count(field, of).await != wanted {
            assert!(begun.elapsed() < Duration::from_secs(60), "{field} of {of}: {} and not {wanted}", count(field, of).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let (store, _spool) = mirror(folder.path());
    let start = || tokio::spawn(run(store.clone(), ToInflux::new(&server.url, account(), |_| ()).unwrap(), true));
    // It is broken off, and goes on.
    let running = start();
    until("total_power_w", "smart_meter", 150.0).await;
    running.abort();
    running.await.unwrap_err();
    // What another process imports, which asks for it.
    open(folder.path()).write(batch((0..10).map(|k| reading(house, EARLIER - 100 * HOUR + k, 1.0)).collect())).await.unwrap();
    fill_later(&*store, EARLIER - 100 * HOUR, EARLIER - 100 * HOUR + 10).await.unwrap();
    let running = start();
    until("total_power_w", "smart_meter", 160.0).await;
    until("level", "home_assistant_events", 2.0).await;
    until("power_delta_w", "event_energy_correlation", 1.0).await;
    until("energy_kwh", "wattribute_energy", 1.0).await;
    while !store.documents("influx:fill:").await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.abort();
    running.await.unwrap_err();
    let rows = client.query(Space::Main, "SELECT \"previous_state\" FROM \"home_assistant_events\"").await.unwrap();
    assert_eq!(rows[0][0].rows[0][1].text(), Some("off"));

    // A bucket with something of ours in it gets nothing that was before.
    let other = tempfile::tempdir().unwrap();
    let unmirrored = open(other.path());
    let (_, lamp_there) = house_and_lamp(&*unmirrored).await;
    assert_eq!(lamp_there, lamp);
    unmirrored.write(batch(vec![reading(lamp, EARLIER + 7000, 0.0)])).await.unwrap();
    drop(unmirrored);
    let (store, spool) = mirror(other.path());
    let running = tokio::spawn(run(store.clone(), ToInflux::new(&server.url, account(), |_| ()).unwrap(), true));
    store.write(batch(vec![reading(lamp, EARLIER + 9000, 1.0)])).await.unwrap();
    while spool.fill().batches > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(count("level", "home_assistant_events").await, 3.0);
    assert_eq!(store.documents("influx:fill:").await.unwrap(), []);
    running.abort();
}
