//! One story of a store, for each backend: a home is described, says things in and out of order, falls silent, is repaired, is kept.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::backend::{Backend, Kind};
use common::{HOUR, T0, batch, power, reading, rows, span, url};
use rstest::rstest;
use wattribute_domain::{
    CorrelationRecord, CorrelationVerdict, DeviceProfile, Hold, HourEnergy, Level, ProfileRecord, Quantity, Reading, SeriesId, SeriesInfo,
    Stage, Verdict,
};
use wattribute_store::{Arrivals, Batch, Bucket, CorrelationQuery, Origin, Payload, Settings, Store, StoreError};

/// A backend under test: opens the same store again and again.
type Open<'a> = &'a dyn Fn() -> Arc<dyn Store>;

#[rstest]
#[tokio::test]
async fn a_home(#[values(Kind::Sqlite, Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(backend) = Backend::of(kind) else { return };
    let open = || backend.open();
    series_keep_their_numbers(&open).await;
    readings_come_in_any_order(&open).await;
    a_hole_is_filled_and_a_gap_stays(&open).await;
    charts_weigh_by_time(&open).await;
    what_arrived_is_told(&open).await;
    payloads_and_documents_are_kept(&open).await;
    what_was_learned_is_kept(&open).await;
    the_store_can_be_copied(&open, backend.folder.path()).await;
}

async fn series_keep_their_numbers(open: Open<'_>) {
    let store = open();
    let mut lamp = SeriesInfo::new("home_assistant", "light.hall", Quantity::Level);
    assert_eq!(lamp.mode("on"), 1);
    let meter = SeriesInfo::new("home_assistant", "sensor.house", Quantity::PowerW);
    let ids = store.describe(vec![lamp.clone(), meter.clone()]).await.unwrap();
    assert_ne!(ids[0], ids[1]);

    // It gets a registry entry, then another name: it stays the same series.
    lamp.identity = "unique-1".to_owned();
    assert_eq!(store.describe(vec![lamp.clone()]).await.unwrap(), ids[..1]);
    lamp.device = "light.entrance".to_owned();
    lamp.name = Some("Entrance".to_owned());
    lamp.hold = Hold::Intervals;
    lamp.mode("blinking");
    assert_eq!(store.describe(vec![lamp.clone()]).await.unwrap(), ids[..1]);
    // The registry cannot be read for once: neither a new series nor a lost identity.
    let mut plain = lamp.clone();
    plain.identity.clone_from(&plain.device);
    assert_eq!(store.describe(vec![plain]).await.unwrap(), ids[..1]);
    // Another entity under a name that was used before is another series.
    let other = SeriesInfo { identity: "unique-2".to_owned(), ..SeriesInfo::new("home_assistant", "light.hall", Quantity::Level) };
    let other_id = store.describe(vec![other.clone()]).await.unwrap()[0];
    assert!(!ids.contains(&other_id));

    // Modes only grow.
    let mut fewer = lamp.clone();
    fewer.modes.pop();
    assert_eq!(store.describe(vec![fewer]).await.unwrap(), ids[..1]);
    let mut wrong = lamp.clone();
    wrong.modes = vec!["off".to_owned(), "blinking".to_owned()];
    assert!(matches!(store.describe(vec![wrong]).await, Err(StoreError::Refused(text)) if text.contains("light.entrance")));

    drop(store);
    assert_eq!(open().series().await.unwrap(), vec![(ids[0], lamp), (ids[1], meter), (other_id, other)]);
}

async fn readings_come_in_any_order(open: Open<'_>) {
    let store = open();
    let (a, b) = (power(&store, "a").await, power(&store, "b").await);
    let said: Vec<Reading> = (0..1000).map(|k| reading(a, T0 + k * 60_000, k as f64)).collect();
    let mut shuffled = said.clone();
    shuffled.reverse();
    shuffled.rotate_left(333);
    for part in shuffled.chunks(170) {
        store.write(batch(part.to_vec())).await.unwrap();
    }
    store.write(batch(vec![reading(b, T0, 1.0), reading(b, T0, 2.0)])).await.unwrap();
    let expected: Vec<(i64, String)> = (0..1000).map(|k| (k * 60_000, k.to_string())).collect();
    assert_eq!(rows(&store, a, T0, T0 + 1000 * 60_000).await, expected);

    // Folding changes nothing, nor do repeats before or after, nor opening it anew.
    store.maintain(T0 + 10 * HOUR).await.unwrap();
    assert_eq!(rows(&store, a, T0, T0 + 1000 * 60_000).await, expected);
    store.write(batch(said[..700].to_vec())).await.unwrap();
    drop(store);
    let store = open();
    store.maintain(T0 + 100 * HOUR).await.unwrap();
    store.maintain(T0 + 100 * HOUR).await.unwrap();
    assert_eq!(rows(&store, a, T0, T0 + 1000 * 60_000).await, expected);

    // A late reading, and another value for an instant that was said already, before and after folding.
    store.write(batch(vec![reading(a, T0 + 30_000, 0.5), reading(a, T0 + 60_000, 1.5)])).await.unwrap();
    for _ in 0..2 {
        let early = [(0, "0".to_owned()), (30_000, "0.5".to_owned()), (60_000, "1.5".to_owned()), (120_000, "2".to_owned())];
        assert_eq!(rows(&store, a, T0, T0 + 150_000).await, early);
        store.maintain(T0 + 100 * HOUR).await.unwrap();
    }

    // It begins with the row that holds, from however long ago, and ends before the end.
    assert_eq!(rows(&store, a, T0 + 45_000, T0 + 60_000).await, [(30_000, "0.5".to_owned())]);
    assert_eq!(rows(&store, b, T0 + 500 * HOUR, T0 + 501 * HOUR).await, [(0, "2".to_owned())]);
    assert_eq!(rows(&store, b, T0 - HOUR, T0).await, []);
    assert_eq!(rows(&store, b, T0, T0).await, []);
    assert_eq!(rows(&store, b, i64::MIN, i64::MAX).await, [(0, "2".to_owned())]);
    let latest = store.latest().await.unwrap();
    assert_eq!(latest, [reading(a, T0 + 999 * 60_000, 999.0), reading(b, T0, 2.0)]);

    // What cannot be is refused whole, and says why.
    let wrong = batch(vec![reading(a, T0 + 1, 7.0), reading(a, i64::MAX, 1.0)]);
    assert!(matches!(store.write(wrong).await, Err(StoreError::Refused(text)) if text.contains("years")));
    let unknown = batch(vec![reading(a, T0 + 1, 7.0), reading(SeriesId(4711), T0, 1.0)]);
    assert!(matches!(store.write(unknown).await, Err(StoreError::Refused(text)) if text.contains("4711")));
    assert_eq!(rows(&store, a, T0, T0 + 2).await, [(0, "0".to_owned())]);
}

async fn a_hole_is_filled_and_a_gap_stays(open: Open<'_>) {
    let store = open();
    let id = power(&store, "holes").await;
    // An outage from minute 100 to 300: the series is said to be silent from its start on.
    let said = (0..400).filter(|m| !(101..300).contains(m)).map(|m| reading(id, T0 + m * 60_000, if m == 100 { f64::NAN } else { 50.0 }));
    store.write(batch(said.collect())).await.unwrap();
    let silent = rows(&store, id, T0 + 200 * 60_000, T0 + 300 * 60_000).await;
    assert_eq!(silent, [(100 * 60_000, "NaN".to_owned())]);
    store.maintain(T0 + 200 * HOUR).await.unwrap();
    assert_eq!(rows(&store, id, T0 + 200 * 60_000, T0 + 300 * 60_000).await, silent);

    // History fills it: the silence goes, what was said comes; what is outside stays.
    let filled = Batch {
        replaced: vec![span(id, T0 + 100 * 60_000, T0 + 300 * 60_000)],
        readings: (100..250).map(|m| reading(id, T0 + m * 60_000, 60.0)).collect(),
        ..Batch::default()
    };
    for _ in 0..2 {
        store.write(filled.clone()).await.unwrap();
        let now = store.readings(id, T0, T0 + 400 * 60_000).await.unwrap();
        assert_eq!((now.len(), now.value.iter().sum::<f64>()), (350, 200.0 * 50.0 + 150.0 * 60.0));
        store.maintain(T0 + 200 * HOUR).await.unwrap();
    }
    // The newest row may be among what is replaced, and so may all there is.
    store.write(Batch { replaced: vec![span(id, T0 + 60_000, T0 + 500 * HOUR)], ..Batch::default() }).await.unwrap();
    assert_eq!(store.latest().await.unwrap().iter().find(|r| r.series == id), Some(&reading(id, T0, 50.0)));
    store.write(Batch { replaced: vec![span(id, i64::MIN, i64::MAX)], ..Batch::default() }).await.unwrap();
    assert!(store.latest().await.unwrap().iter().all(|r| r.series != id));
    assert_eq!(rows(&store, id, T0, T0 + 1000 * HOUR).await, []);
}

async fn charts_weigh_by_time(open: Open<'_>) {
    let store = open();
    let id = power(&store, "chart").await;
    // 100 W from half past, 200 W from 1:00, silent from 2:00 to 9:00, then 50 W for ever: over the borders of blocks at 4, 8, 12, ...
    let said = [(HOUR / 2, 100.0), (HOUR, 200.0), (2 * HOUR, f64::NAN), (9 * HOUR, 50.0)];
    store.write(batch(said.map(|(at, v)| reading(id, T0 + at, v)).to_vec())).await.unwrap();
    for _ in 0..2 {
        let hours = store.chart(id, T0, T0 + 30 * HOUR, HOUR).await.unwrap();
        assert_eq!(hours.len(), 30);
        assert_eq!((hours[0].min, hours[0].max, hours[0].mean, hours[0].covered), (100.0, 100.0, 100.0, 0.5));
        assert_eq!((hours[1].from_ms, hours[1].mean, hours[1].covered), (T0 + HOUR, 200.0, 1.0));
        assert!(hours[2..9].iter().all(|b| b.covered == 0.0 && b.mean.is_nan() && b.min.is_nan() && b.max.is_nan()));
        assert!(hours[9..].iter().all(|b| b.covered == 1.0 && b.mean == 50.0));
        let all = store.chart(id, T0, T0 + 30 * HOUR, 30 * HOUR).await.unwrap();
        let mean = (50.0 + 200.0 + 21.0 * 50.0) / 22.5;
        assert!(all.len() == 1 && (all[0].mean - mean).abs() < 1e-9 && (all[0].covered - 22.5 / 30.0).abs() < 1e-12, "{all:?}");
        assert_eq!((all[0].min, all[0].max), (50.0, 200.0));
        // The last bucket is as short as the span is.
        let last = store.chart(id, T0 + 9 * HOUR, T0 + 10 * HOUR + 1, HOUR).await.unwrap();
        assert_eq!((last.len(), last[1].covered, last[1].mean), (2, 1.0, 50.0));
        store.maintain(T0 + 300 * HOUR).await.unwrap();
    }
    assert!(matches!(store.chart(id, T0, T0 + HOUR, 0).await, Err(StoreError::Refused(_))));
    assert!(matches!(store.chart(id, i64::MIN, i64::MAX, 1).await, Err(StoreError::Refused(_))));
    assert_eq!(store.chart(id, T0, T0, HOUR).await.unwrap(), []);
}

async fn what_arrived_is_told(open: Open<'_>) {
    let store = open();
    let id = power(&store, "arrivals").await;
    let cursor = store.arrivals(0).await.unwrap().cursor;
    assert_eq!(store.arrivals(cursor).await.unwrap(), Arrivals { cursor, spans_ms: vec![] });
    let later = T0 + 1000 * HOUR;
    store.write(batch(vec![reading(id, later, 1.0), reading(id, later + 59_000, 1.0), reading(id, later - 9 * HOUR, 1.0)])).await.unwrap();
    store.write(batch(vec![reading(id, later + 100_000, 1.0)])).await.unwrap();
    let told = store.arrivals(cursor).await.unwrap();
    assert_eq!(told.spans_ms, [(later - 9 * HOUR, later - 9 * HOUR), (later, later + 100_000)]);
    // The same again, folding and opening anew are no news; a bulk of late readings and a replaced span are.
    store.write(batch(vec![reading(id, later, 1.0)])).await.unwrap();
    store.maintain(later + 10 * HOUR).await.unwrap();
    let bulk: Vec<Reading> = (0..2000).map(|k| reading(id, T0 + k * 1000, 5.0)).collect();
    drop(store);
    let store = open();
    assert_eq!(store.arrivals(told.cursor).await.unwrap().spans_ms, []);
    store.write(batch(bulk.clone())).await.unwrap();
    let told = store.arrivals(told.cursor).await.unwrap();
    assert_eq!(told.spans_ms, [(T0, T0 + 1_999_000)]);
    store.write(batch(bulk)).await.unwrap();
    assert_eq!(store.arrivals(told.cursor).await.unwrap().spans_ms, []);
    store.write(Batch { replaced: vec![span(id, T0, T0 + 10_000)], ..Batch::default() }).await.unwrap();
    assert_eq!(store.arrivals(told.cursor).await.unwrap().spans_ms, [(T0, T0 + 9_000)]);
    // A cursor of another file: everything may be new.
    let all = store.arrivals(told.cursor + (1 << 60)).await.unwrap().spans_ms;
    assert!(all.len() == 1 && all[0].0 <= T0 && all[0].1 >= later + 100_000, "{all:?}");
}

async fn payloads_and_documents_are_kept(open: Open<'_>) {
    let store = open();
    let said = |at_ms, text: &str| Payload { source: "shelly".into(), device: "plug".into(), at_ms, text: text.into() };
    let batch = Batch {
        payloads: vec![said(T0, "old"), said(T0 + 2, "new"), Payload { device: "other".into(), ..said(T0 + 1, "first") }],
        documents: vec![("heard".to_owned(), "1".to_owned())],
        ..Batch::default()
    };
    store.write(batch).await.unwrap();
    store.put_documents(vec![("heard".into(), "2".into()), ("home".into(), "{}".into())]).await.unwrap();
    drop(store);
    let store = open();
    store.maintain(T0 + 1000 * HOUR).await.unwrap();
    let texts: Vec<String> = store.payloads().await.unwrap().into_iter().map(|p| p.text).collect();
    assert_eq!(texts, ["first", "new"]);
    assert_eq!(store.document("heard").await.unwrap().as_deref(), Some("2"));
    assert_eq!(store.document("home").await.unwrap().as_deref(), Some("{}"));
    assert_eq!(store.document("nothing").await.unwrap(), None);
    store.put_documents(vec![("home/b".into(), "B".into()), ("home/a".into(), "A".into())]).await.unwrap();
    let below = |all: Vec<(String, String)>| all.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!(below(store.documents("home/").await.unwrap()), ["home/a", "home/b"]);
    store.forget_documents(vec!["home/a".into(), "nothing".into()]).await.unwrap();
    assert_eq!(store.documents("home").await.unwrap(), [("home".to_owned(), "{}".to_owned()), ("home/b".to_owned(), "B".to_owned())]);
    assert!(store.documents("none").await.unwrap().is_empty());
}

fn step(series: u32, at_ms: i64, delta_w: f64, verdict: CorrelationVerdict, stage: Stage) -> CorrelationRecord {
    CorrelationRecord {
        series: SeriesId(series),
        at_ms,
        from: Level::off(),
        to: Level { mode: 1, fraction: 0.2 },
        power_before_w: 100.0,
        power_after_w: 100.0 + delta_w,
        standard_error_w: 1.5,
        explained_w: 40.0,
        verdict,
        others: vec![SeriesId(9), SeriesId(70_000)],
        stage,
    }
}

fn profile(series: u32, power_w: f64) -> ProfileRecord {
    let text = serde_json::json!({"entity_id": "light.hall", "name": "Hall", "power_w": power_w, "levels": [], "events_used": 1, "events_total": 2,
        "times_on": 1, "hours_on": 0.1, "strength": 0.5, "grouped_with": [], "verdict": serde_json::to_value(Verdict::NoLoad).unwrap()});
    let profile: DeviceProfile = serde_json::from_value(text).unwrap();
    ProfileRecord { series: SeriesId(series), learned_at_ms: T0, profile, usual_on_h: Some(1.5) }
}

async fn what_was_learned_is_kept(open: Open<'_>) {
    let store = open();
    use CorrelationVerdict::{Clean, NoData, Noisy};
    let first = [
        step(1, T0, 60.0, Clean, Stage::Final),
        step(2, T0, -5.0, Clean, Stage::Final),
        step(1, T0 + 1000, -60.0, Noisy, Stage::Provisional),
        step(1, T0 + 2000, 61.0, Clean, Stage::Provisional),
        CorrelationRecord { explained_w: f64::NAN, ..step(3, T0 + 3000, f64::NAN, NoData, Stage::Final) },
    ];
    store.replace_correlations(T0, T0 + 5000, first.to_vec()).await.unwrap();
    store.replace_correlations(T0, T0 + 5000, first.to_vec()).await.unwrap();
    let all = CorrelationQuery::all(T0, T0 + 5000);
    let found = store.correlations(all.clone()).await.unwrap();
    assert_eq!(found[..4], first[..4]);
    assert!(found.len() == 5 && found[4].power_after_w.is_nan() && found[4].explained_w.is_nan() && found[4].verdict == NoData);
    let counts = store.correlation_counts(T0, 10.0).await.unwrap();
    assert_eq!((counts.events, counts.correlations, counts.finals), (5, 2, 1));
    assert_eq!(store.correlation_counts(T0 + 3001, 10.0).await.unwrap(), Default::default());
    let big = CorrelationQuery { min_delta_w: 50.0, newest_first: true, limit: 2, ..all.clone() };
    assert_eq!(store.correlations(big).await.unwrap(), [first[3].clone(), first[2].clone()]);
    let of_two = CorrelationQuery { series: Some(vec![SeriesId(2), SeriesId(3)]), ..all.clone() };
    assert_eq!(store.correlations(of_two).await.unwrap().len(), 2);
    assert_eq!(store.correlations(CorrelationQuery { series: Some(vec![]), ..all.clone() }).await.unwrap(), []);
    // What is not there any more is retracted, what is outside the span stays.
    let finals = [step(1, T0 + 2000, 60.5, Clean, Stage::Final)];
    store.replace_correlations(T0 + 1000, T0 + 4000, finals.to_vec()).await.unwrap();
    assert_eq!(store.correlations(all.clone()).await.unwrap(), [first[0].clone(), first[1].clone(), finals[0].clone()]);

    store.replace_profiles(vec![profile(1, 40.0), profile(2, 10.0)]).await.unwrap();
    store.replace_profiles(vec![profile(2, 11.5)]).await.unwrap();
    drop(store);
    let store = open();
    assert_eq!(store.profiles().await.unwrap(), [profile(2, 11.5)]);

    let hour = |series, h: i64, energy_kwh| HourEnergy { series: SeriesId(series), hour_ms: T0 + h * HOUR, energy_kwh, estimated: h == 1 };
    let hours = vec![hour(1, 0, 0.5), hour(2, 0, 1.5), hour(1, 1, 0.25)];
    store.replace_energy(T0, T0 + 2 * HOUR, hours.clone()).await.unwrap();
    assert_eq!(store.energy(T0, T0 + 2 * HOUR).await.unwrap(), hours);
    store.replace_energy(T0 + HOUR, T0 + 3 * HOUR, vec![hour(1, 2, -0.5)]).await.unwrap();
    assert_eq!(store.energy(T0, T0 + 9 * HOUR).await.unwrap(), [hour(1, 0, 0.5), hour(2, 0, 1.5), hour(1, 2, -0.5)]);
    assert_eq!(store.energy_of(SeriesId(1), T0, T0 + 9 * HOUR).await.unwrap(), [hour(1, 0, 0.5), hour(1, 2, -0.5)]);
    assert_eq!(store.total_energy(T0 + HOUR).await.unwrap(), [(SeriesId(1), 0.5), (SeriesId(2), 1.5)]);
    assert_eq!(store.total_energy(T0 + 9 * HOUR).await.unwrap(), [(SeriesId(1), 0.0), (SeriesId(2), 1.5)]);
    // Totals go over days and end within one; what is corrected counts once.
    let days = |kwh: f64| (20..60).map(|h| hour(1, h, kwh)).collect::<Vec<_>>();
    for kwh in [9.0, 0.25] {
        store.replace_energy(T0 + 20 * HOUR, T0 + 60 * HOUR, days(kwh)).await.unwrap();
    }
    assert_eq!(store.total_energy(T0 + 50 * HOUR).await.unwrap(), [(SeriesId(1), 7.5), (SeriesId(2), 1.5)]);
    assert_eq!(store.total_energy(i64::MAX).await.unwrap(), [(SeriesId(1), 10.0), (SeriesId(2), 1.5)]);
    store.replace_energy(T0 + 20 * HOUR, T0 + 60 * HOUR, vec![]).await.unwrap();
    assert_eq!(store.total_energy(i64::MAX).await.unwrap(), [(SeriesId(1), 0.0), (SeriesId(2), 1.5)]);
    assert!(matches!(store.replace_energy(T0, T0 + HOUR, vec![hour(1, 1, 1.0)]).await, Err(StoreError::Refused(_))));
}

async fn the_store_can_be_copied(open: Open<'_>, folder: &Path) {
    let store = open();
    store.check().await.unwrap();
    let copy = folder.join("copy.db");
    store.backup(&copy).await.unwrap();
    assert!(matches!(store.backup(&copy).await, Err(StoreError::Refused(text)) if text.contains("exists")));
    let copied = wattribute_store::open(&format!("sqlite:{}", copy.display()), Origin::Home).unwrap();
    assert_eq!(copied.series().await.unwrap(), store.series().await.unwrap());
    assert_eq!(copied.latest().await.unwrap(), store.latest().await.unwrap());
    for (id, _) in store.series().await.unwrap() {
        assert_eq!(rows(&copied, id, T0 - HOUR, T0 + 2000 * HOUR).await, rows(&store, id, T0 - HOUR, T0 + 2000 * HOUR).await);
    }
}

/// Buckets are the same as far as means tell; `NaN` is like `NaN`.
fn same(found: &[Bucket], expected: &[Bucket]) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        let like = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
        assert!(f.from_ms == e.from_ms && like(f.mean, e.mean) && f.covered == e.covered, "{f:?} instead of {e:?}");
    }
}

#[rstest]
#[tokio::test]
async fn raw_readings_give_way_to_means_in_time(#[values(Kind::Sqlite, Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(backend) = Backend::of(kind) else { return };
    let days = |n: u64| Some(Duration::from_secs(n * 86_400));
    let settings = Settings { keep_raw: days(1), keep_minutes: days(10), keep_ten_minutes: days(100), ..Settings::default() };
    let store = backend.open_with(settings);
    let id = power(&store, "power").await;
    let kinds = [Quantity::EnergyImportKwh, Quantity::Level].map(|q| SeriesInfo::new("test", "other", q));
    let others = store.describe(kinds.to_vec()).await.unwrap();
    let (counter, level) = (others[0], others[1]);
    // A day: power alternates by 5 s and is silent in the sixth hour, the counter rises and falls once, the lamp is on and off.
    let mut said = Vec::new();
    for k in 0..17_280 {
        let at = T0 + k * 5000;
        let silent = (5 * 720..6 * 720).contains(&k);
        said.push(reading(id, at, if silent { f64::NAN } else { 100.0 + 10.0 * (k % 2) as f64 }));
        said.push(reading(counter, at, if k < 9001 { k as f64 / 100.0 } else { (k - 9001) as f64 / 100.0 }));
    }
    let lamp: Vec<Reading> = (0..50).map(|k| reading(level, T0 + k * 20 * 60_000, (k % 2) as f64)).collect();
    store.write(batch([said, lamp].concat())).await.unwrap();
    let fine = store.chart(id, T0, T0 + 24 * HOUR, 60_000).await.unwrap();
    let coarse = store.chart(id, T0, T0 + 24 * HOUR, HOUR).await.unwrap();
    let lamps = rows(&store, level, T0, T0 + 24 * HOUR).await;

    store.maintain(T0 + 3 * 24 * HOUR).await.unwrap();
    let means = store.readings(id, T0, T0 + 4 * HOUR).await.unwrap();
    assert!(means.len() <= 242 && means.value[..240].iter().all(|&v| v == 105.0), "{means:?}");
    same(&store.chart(id, T0, T0 + 24 * HOUR, 60_000).await.unwrap(), &fine);
    same(&store.chart(id, T0, T0 + 24 * HOUR, HOUR).await.unwrap(), &coarse);
    assert_eq!(coarse[5].covered, 0.0);
    assert_eq!(store.readings(id, T0 + 11 * HOUR / 2, T0 + 6 * HOUR).await.unwrap().at(T0 + 11 * HOUR / 2), None);
    assert_eq!(rows(&store, level, T0, T0 + 24 * HOUR).await, lamps);
    let thin = store.readings(counter, T0, T0 + 24 * HOUR).await.unwrap();
    assert!(thin.len() < 200, "{}", thin.len());
    let fall = thin.value.windows(2).position(|w| w[1] < w[0]).unwrap();
    assert_eq!((thin.value[fall], thin.value[fall + 1]), (90.0, 0.0));

    // A late reading to what is forgotten changes its minute and nothing else (but the block's last, which ends with the last row again).
    store.write(batch(vec![reading(id, T0 + HOUR, 500.0), reading(id, T0 + HOUR + 5000, 100.0)])).await.unwrap();
    store.maintain(T0 + 3 * 24 * HOUR).await.unwrap();
    let now = store.chart(id, T0, T0 + 24 * HOUR, 60_000).await.unwrap();
    assert_eq!(now[60].max, 500.0);
    same(&now[..60], &fine[..60]);
    same(&now[61..239], &fine[61..239]);

    store.maintain(T0 + 20 * 24 * HOUR).await.unwrap();
    assert!(store.readings(id, T0 + 8 * HOUR, T0 + 12 * HOUR).await.unwrap().len() <= 26);
    same(&store.chart(id, T0 + 8 * HOUR, T0 + 24 * HOUR, HOUR).await.unwrap(), &coarse[8..]);
    store.maintain(T0 + 200 * 24 * HOUR).await.unwrap();
    assert_eq!(store.readings(id, T0, T0 + 12 * HOUR).await.unwrap().len(), 0);
    assert_eq!(rows(&store, level, T0, T0 + 24 * HOUR).await, lamps);
    assert_eq!(store.latest().await.unwrap().len(), 3);
}

#[tokio::test]
async fn payloads_are_kept_for_their_span() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { keep_payloads: Some(Duration::from_secs(3600)), ..Settings::default() };
    let store = wattribute_store::open_with(&url(folder.path()), Origin::Home, settings).unwrap();
    let said = |device: &str, at_ms| Payload { source: "s".into(), device: device.into(), at_ms, text: "{}".into() };
    let payloads = vec![said("a", T0), said("a", T0 + HOUR), said("a", T0 + HOUR + 1), said("b", T0)];
    store.write(Batch { payloads, ..Batch::default() }).await.unwrap();
    store.maintain(T0 + 2 * HOUR).await.unwrap();
    drop(store);
    let db = rusqlite::Connection::open(folder.path().join("data/store.db")).unwrap();
    let left: i64 = db.query_row("SELECT count(*) FROM payload", [], |r| r.get(0)).unwrap();
    assert_eq!(left, 3);
}
