//! A real InfluxDB as the store: beside other tools, after renames, with two processes, after a restart.

use std::collections::BTreeSet;
use std::time::Duration;

use rstest::rstest;
use wattribute_domain::{HourEnergy, Quantity, Role, SeriesInfo};
use wattribute_store::influx::{Account, Client, Space, connect_sink};
use wattribute_store::{Batch, Origin, Payload, Settings, StoreError, open_with, origin_with, restore_with};

use crate::common::backend::{Backend, Kind, Server};
use crate::common::{HOUR, T0, batch, power, reading, rows, span};

async fn beside(backend: &Backend) -> Client {
    connect_sink(&backend.url(), &backend.settings(Settings::default()).influx).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn readings_and_states_stand_where_their_owners_look_for_them(#[values(Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(backend) = Backend::of(kind) else { return };
    let store = backend.open();
    let house = SeriesInfo { role: Some(Role::WholeHouse), ..SeriesInfo::new("tasmota", "mt681", Quantity::PowerW) };
    let oven = SeriesInfo { name: Some("Oven".to_owned()), ..SeriesInfo::new("home_assistant", "sensor.power_oven", Quantity::PowerW) };
    let mut lamp = SeriesInfo::new("home_assistant", "light.hall", Quantity::Level);
    lamp.mode("on");
    let ids = store.describe(vec![house, oven, lamp]).await.unwrap();
    let said = vec![reading(ids[0], T0, 230.5), reading(ids[1], T0, 2000.0), reading(ids[2], T0, 0.0), reading(ids[2], T0 + 5000, 1.0)];
    store.write(batch(said)).await.unwrap();
    let client = beside(&backend).await;
    let ask = async |query: &str| client.query(Space::Main, query).await.unwrap()[0][0].clone();
    let table = ask("SELECT \"total_power_w\" FROM \"smart_meter\" GROUP BY \"meter_type\"").await;
    assert_eq!((table.tag("meter_type"), table.rows[0][1].number()), (Some("tasmota"), Some(230.5)));
    let table = ask("SELECT \"power_w\" FROM \"smart_meter_circuit\" WHERE \"circuit_name\" = 'Oven'").await;
    assert_eq!(table.rows[0][1].number(), Some(2000.0));
    let events = "SELECT \"state_value\", \"previous_state\", \"duration_in_state_seconds\" FROM \"home_assistant_events\" WHERE \"entity_id\" = 'light.hall'";
    let table = ask(events).await;
    let words: Vec<Option<&str>> = table.rows.iter().flat_map(|row| [row[1].text(), row[2].text()]).collect();
    assert_eq!((words, table.rows[1][3].number()), (vec![Some("off"), None, Some("on"), Some("off")], Some(5.0)));
}

#[rstest]
#[tokio::test]
async fn what_other_tools_write_into_the_bucket_is_left_alone(#[values(Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(backend) = Backend::of(kind) else { return };
    // Before us, and after.
    let client = beside(&backend).await;
    let foreign = [
        format!("home_assistant_events,entity_id=light.hall,domain=light state_value=\"on\",attributes=\"{{}}\" {T0}"),
        format!("smart_meter,meter_type=home_assistant total_power_w=99.5,daily_kwh=3.5 {T0}"),
        format!("event_energy_correlation,entity_id=light.hall,state=on power_before_w=1,power_after_w=2,power_delta_w=1 {T0}"),
    ];
    client.write(Space::Main, &foreign).await.unwrap();
    let store = backend.open();
    assert_eq!(store.latest().await.unwrap(), []);
    let id = power(&store, "a").await;
    store.write(batch(vec![reading(id, T0 + 5, 1.0)])).await.unwrap();
    client.write(Space::Main, &foreign).await.unwrap();
    assert_eq!(store.latest().await.unwrap(), [reading(id, T0 + 5, 1.0)]);
    assert_eq!(store.correlation_counts(0, 0.0).await.unwrap(), Default::default());
    let all = wattribute_store::CorrelationQuery::all(T0 - HOUR, T0 + HOUR);
    assert_eq!(store.correlations(all).await.unwrap(), []);
    store.replace_correlations(T0 - HOUR, T0 + HOUR, vec![]).await.unwrap();
    store.write(Batch { replaced: vec![span(id, T0 - HOUR, T0 + HOUR)], ..Batch::default() }).await.unwrap();
    let left = client.query(Space::Main, "SELECT \"total_power_w\", \"daily_kwh\" FROM \"smart_meter\"").await.unwrap();
    assert_eq!((left[0][0].rows[0][1].number(), left[0][0].rows[0][2].number()), (Some(99.5), Some(3.5)));
    assert_eq!(store.arrivals(0).await.unwrap().spans_ms, [(T0 + 5, T0 + 5)]);
}

#[rstest]
#[tokio::test]
async fn a_series_that_is_renamed_keeps_its_past_and_each_instant_once(#[values(Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(backend) = Backend::of(kind) else { return };
    let store = backend.open();
    let mut info = SeriesInfo { identity: "unique".to_owned(), ..SeriesInfo::new("home_assistant", "sensor.a", Quantity::PowerW) };
    let id = store.describe(vec![info.clone()]).await.unwrap()[0];
    store.write(batch((0..4).map(|k| reading(id, T0 + k, k as f64)).collect())).await.unwrap();
    (info.device, info.name, info.role) = ("sensor.b".to_owned(), Some("B, the second = \"best\"\n\\".to_owned()), Some(Role::WholeHouse));
    assert_eq!(store.describe(vec![info.clone()]).await.unwrap(), [id]);
    store.write(batch(vec![reading(id, T0 + 1, 10.0), reading(id, T0 + 2, f64::NAN), reading(id, T0 + 4, 4.0)])).await.unwrap();
    let all: Vec<(i64, String)> = [(0, "0"), (1, "10"), (2, "NaN"), (3, "3"), (4, "4")].map(|(at, v)| (at, v.to_owned())).to_vec();
    assert_eq!(rows(&store, id, T0, T0 + 10).await, all);
    drop(store);
    let store = backend.open();
    assert_eq!(store.series().await.unwrap(), [(id, info)]);
    store.write(batch(vec![reading(id, T0 + 3, f64::NAN)])).await.unwrap();
    store.write(batch(vec![reading(id, T0 + 3, 30.0)])).await.unwrap();
    assert_eq!(rows(&store, id, T0 + 3, T0 + 4).await, [(3, "30".to_owned())]);
    assert_eq!(store.latest().await.unwrap(), [reading(id, T0 + 4, 4.0)]);
}

#[rstest]
#[tokio::test]
async fn processes_that_describe_at_once_number_apart(#[values(Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(backend) = Backend::of(kind) else { return };
    let stores: Vec<_> = (0..4).map(|_| backend.open()).collect();
    let describe = |(k, store): (usize, std::sync::Arc<dyn wattribute_store::Store>)| {
        tokio::spawn(async move {
            let own = (0..5).map(|n| SeriesInfo::new("test", &format!("{k}-{n}"), Quantity::PowerW));
            store.describe(own.chain([SeriesInfo::new("test", "shared", Quantity::PowerW)]).collect()).await.unwrap()
        })
    };
    let mut all = Vec::new();
    for task in stores.into_iter().enumerate().map(describe).collect::<Vec<_>>() {
        all.push(task.await.unwrap());
    }
    assert!(all.iter().all(|ids| ids[5] == all[0][5]), "{all:?}");
    assert_eq!(all.iter().flatten().collect::<BTreeSet<_>>().len(), 21, "{all:?}");
    assert_eq!(backend.open().series().await.unwrap().len(), 21);
}

#[rstest]
#[tokio::test]
async fn one_process_hears_what_another_wrote(#[values(Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(backend) = Backend::of(kind) else { return };
    let (meter, correlator) = (backend.open(), backend.open());
    let id = power(&meter, "a").await;
    let mut cursor = correlator.arrivals(i64::MAX).await.unwrap().cursor;
    for k in 0..20 {
        // Two writes at once, of two processes, and a third of what was computed, which is no arrival.
        let (a, b, c) = (T0 + k * HOUR, T0 + k * HOUR + 600_000, T0 + k * HOUR + 1_200_000);
        let derived = Batch { derived: true, ..batch(vec![reading(id, c, 1.0)]) };
        let (one, two, three) = tokio::join!(
            meter.write(batch(vec![reading(id, a, 1.0)])),
            correlator.write(batch(vec![reading(id, b, 2.0)])),
            meter.write(derived)
        );
        one.and(two).and(three).unwrap();
        let told = correlator.arrivals(cursor).await.unwrap();
        assert_eq!(told.spans_ms, [(a, a), (b, b)]);
        cursor = told.cursor;
    }
    // Another process goes on from there.
    assert_eq!(backend.open().arrivals(cursor).await.unwrap().spans_ms, []);
    meter.put_documents(vec![("odd ' key \" \\\n".to_owned(), "{\"a\":\n\"\\\"\"}".repeat(20_000))]).await.unwrap();
    let all = correlator.documents("odd ").await.unwrap();
    assert!(all.len() == 1 && all[0].0 == "odd ' key \" \\\n" && all[0].1.len() == 220_000, "{}", all.len());
    meter.forget_documents(vec!["odd ' key \" \\\n".to_owned()]).await.unwrap();
    assert_eq!(correlator.document("odd ' key \" \\\n").await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn a_home_and_the_demo_never_share_a_bucket(#[values(Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(backend) = Backend::of(kind) else { return };
    let settings = backend.settings(Settings::forever());
    assert_eq!(origin_with(&backend.url(), &settings.influx).unwrap(), None);
    backend.open().check().await.unwrap();
    assert_eq!(origin_with(&backend.url(), &settings.influx).unwrap(), Some(Origin::Home));
    let refused = open_with(&backend.url(), Origin::Demo, settings).map(drop);
    assert!(matches!(&refused, Err(StoreError::Refused(why)) if why.contains("a real home")), "{refused:?}");
}

#[rstest]
#[tokio::test]
async fn payloads_are_kept_in_order_of_what_was_said(#[values(Kind::Sqlite, Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(backend) = Backend::of(kind) else { return };
    let store = backend.open();
    let said = |at_ms, text: &str| Payload { source: "s".into(), device: "d'\"\\".into(), at_ms, text: text.into() };
    let write = async |payload| store.write(Batch { payloads: vec![payload], ..Batch::default() }).await.unwrap();
    write(said(T0 + 5, "new\nline")).await;
    write(said(T0, "late")).await;
    assert_eq!(store.payloads().await.unwrap(), [said(T0 + 5, "new\nline")]);
    drop(store);
    let store = backend.open();
    store.write(Batch { payloads: vec![said(T0 + 4, "later still")], ..Batch::default() }).await.unwrap();
    assert_eq!(store.payloads().await.unwrap(), [said(T0 + 5, "new\nline")]);
}

#[rstest]
#[tokio::test]
async fn numbers_come_back_bit_by_bit(#[values(Kind::Sqlite, Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(backend) = Backend::of(kind) else { return };
    let store = backend.open();
    let id = power(&store, "a").await;
    let numbers =
        [0.1 + 0.2, 1.0 / 3.0, 1e300, -5e-324, f64::MAX, f64::MIN_POSITIVE, 123_456_789.012_345_68, 1e16, 9_007_199_254_740_993.0];
    store.write(batch(numbers.iter().enumerate().map(|(k, n)| reading(id, T0 + k as i64, *n)).collect())).await.unwrap();
    let found = store.readings(id, T0, T0 + HOUR).await.unwrap().value;
    assert_eq!(found.iter().map(|n| n.to_bits()).collect::<Vec<_>>(), numbers.map(f64::to_bits));
}

#[tokio::test]
async fn an_influxdb_1_that_asks_who_is_there_is_a_store_for_who_knows_the_password() {
    let Some(server) = Server::start_with_auth() else { return };
    let of = |token: &str| Account { token: token.to_owned(), patience: Duration::ZERO, ..Account::default() };
    let nobody = Client::connect(&server.url, &of("")).await.unwrap();
    nobody.command("CREATE USER \"ow ner\" WITH PASSWORD 'a:b@c' WITH ALL PRIVILEGES").await.unwrap();

    let settings = |token: &str| Settings { influx: of(token), ..Settings::forever() };
    let store = open_with(&server.url, Origin::Home, settings("ow ner:a:b@c")).unwrap();
    let id = power(&store, "a").await;
    store.write(batch(vec![reading(id, T0, 1.5)])).await.unwrap();
    store.write(Batch { replaced: vec![span(id, T0, T0 + 1)], ..batch(vec![reading(id, T0 + 1, 2.5)]) }).await.unwrap();
    assert_eq!(rows(&store, id, T0, T0 + HOUR).await, [(1, "2.5".to_owned())]);
    // In the address as well, where `@` is written otherwise.
    let url = server.url.replace("http://", "http://ow%20ner:a%3Ab%40c@");
    assert_eq!(origin_with(&url, &of("")).unwrap(), Some(Origin::Home));

    for wrong in ["ow ner:other", "", "a-token-of-2.x"] {
        let refused = open_with(&server.url, Origin::Home, settings(wrong)).map(drop);
        assert!(matches!(&refused, Err(StoreError::Refused(why)) if why.contains("does not let us in")), "{wrong}: {refused:?}");
        let told = origin_with(&server.url, &of(wrong));
        assert!(matches!(&told, Err(StoreError::Unavailable(why)) if why.contains("`token`")), "{wrong}: {told:?}");
    }
}

#[tokio::test]
async fn a_path_at_which_influxdb_has_nothing_is_told() {
    let Some(server) = Server::start() else { return };
    let told = origin_with(&format!("{}/influx", server.url), &Account::default());
    assert!(matches!(&told, Err(StoreError::Unavailable(why)) if why.contains("no InfluxDB at the path `/influx`")), "{told:?}");
    assert_eq!(origin_with(&server.url, &Account::default()).unwrap(), None, "at the right one it will be made");
}

#[rstest]
#[tokio::test]
async fn a_backup_is_put_back_into_a_bucket_with_nothing_of_ours_in_it(#[values(Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(mut backend) = Backend::of(kind) else { return };
    let store = backend.open();
    let house = SeriesInfo { role: Some(Role::WholeHouse), ..SeriesInfo::new("tasmota", "mt681", Quantity::PowerW) };
    let mut lamp = SeriesInfo::new("home_assistant", "light.hall", Quantity::Level);
    lamp.mode("on");
    let ids = store.describe(vec![house, lamp]).await.unwrap();
    let said = (0..500).map(|k| reading(ids[0], T0 + k * 60_000, k as f64 / 3.0)).chain([reading(ids[1], T0, 1.0)]).collect();
    store.write(batch(said)).await.unwrap();
    store.write(batch(vec![reading(ids[0], T0 + 10 * HOUR, f64::NAN)])).await.unwrap();
    store.put_documents(vec![("owner_word".to_owned(), "{}".to_owned())]).await.unwrap();
    let hour = HourEnergy { series: ids[0], hour_ms: T0, energy_kwh: 0.25, estimated: true };
    store.replace_energy(T0, T0 + HOUR, vec![hour]).await.unwrap();
    let copies = tempfile::tempdir().unwrap();
    let file = copies.path().join("backup.db");
    store.backup(&file).await.unwrap();
    assert_eq!(std::fs::read_dir(copies.path()).unwrap().count(), 1, "it stands alone");

    // Where something is, nothing changes.
    let settings = backend.settings(Settings::forever());
    let refused = restore_with(&backend.url(), Origin::Home, &file, &settings);
    assert!(matches!(&refused, Err(StoreError::Refused(why)) if why.contains("name a new `bucket`")), "{refused:?}");
    let before = (store.series().await.unwrap(), rows(&store, ids[0], 0, i64::MAX).await, store.payloads().await.unwrap());
    drop(store);
    backend.empty();
    let settings = backend.settings(Settings::forever());
    let refused = restore_with(&backend.url(), Origin::Demo, &file, &settings);
    assert!(matches!(&refused, Err(StoreError::Refused(why)) if why.contains("--demo")), "{refused:?}");
    backend.empty();
    let settings = backend.settings(Settings::forever());
    assert_eq!(restore_with(&backend.url(), Origin::Home, &file, &settings).unwrap(), None);
    let store = backend.open();
    assert_eq!((store.series().await.unwrap(), rows(&store, ids[0], 0, i64::MAX).await, store.payloads().await.unwrap()), before);
    assert_eq!(store.documents("").await.unwrap(), [("owner_word".to_owned(), "{}".to_owned())]);
    assert_eq!(store.energy(T0, T0 + HOUR).await.unwrap(), [hour]);

    // One that was broken off goes on with the same backup, and with no other.
    store.put_documents(vec![("influx:restoring".to_owned(), "7 bytes, 2 series".to_owned())]).await.unwrap();
    assert!(restore_with(&backend.url(), Origin::Home, &file, &settings).is_err());
    let bytes = std::fs::metadata(&file).unwrap().len();
    store.put_documents(vec![("influx:restoring".to_owned(), format!("{bytes} bytes, 2 series"))]).await.unwrap();
    store.write(Batch { replaced: vec![span(ids[0], T0 + HOUR, T0 + 9 * HOUR)], ..Batch::default() }).await.unwrap();
    assert_eq!(restore_with(&backend.url(), Origin::Home, &file, &settings).unwrap(), None);
    assert_eq!(rows(&store, ids[0], 0, i64::MAX).await, before.1);
}
