//! The same days in SQLite and in InfluxDB give the same answers on every route.

#[allow(dead_code, reason = "the store's tests use all of it")]
#[path = "../../../../store/tests/common/backend.rs"]
mod backend;

use std::path::Path;

use wattribute_domain::{HourEnergy, ProfileRecord, Verdict};
use wattribute_store::Settings;

use super::attribution::profile;
use super::*;
use backend::{Backend, Kind};

/// Where the SQLite file of a backend is.
fn url(folder: &Path) -> String {
    format!("sqlite:{}/home.db", folder.display())
}

/// What is asked of each route, with the times that stand for `{from}`, `{mid}` and `{to}`; the rest of the routes have their reason in `NOT_ASKED`.
const ASKED: &[&str] = &[
    "/api/energy_summary",
    "/api/latest_reading",
    "/api/readings?start={from}&end={to}",
    "/api/readings?start={mid}&end={to}",
    "/api/stats?start={from}&end={to}",
    "/api/v1/alerts",
    "/api/v1/devices",
    "/api/v1/devices/switch.kettle?from={from}&to={to}&evidence=5",
    "/api/v1/devices/light.hall",
    "/api/v1/energy/attribution?from={from}&to={to}",
    "/api/v1/energy/attribution?from={mid}&to={to}&max_points=50",
    "/api/v1/energy/circuits?hours=24",
    "/api/v1/energy/correlations?hours=48&min_delta=0",
    "/api/v1/energy/correlations?from={from}&to={to}&min_delta=50&limit=2",
    "/api/v1/energy/current",
    "/api/v1/energy/device-impact/switch.kettle?days=7",
    "/api/v1/energy/history?period=day",
    "/api/v1/energy/history?period=hour&from={from}&to={to}",
    "/api/v1/energy/phantom-load",
    "/api/v1/energy/statistics?hours=24",
    "/api/v1/energy/top-consumers?days=7",
    "/api/v1/export.csv?from={from}&to={to}",
    "/api/v1/export.csv?from={from}&to={to}&interval=10m",
    "/api/v1/export.csv?what=correlations&from={from}&to={to}",
    "/api/v1/home",
    "/api/v1/readings?from={from}&to={to}&interval=5m",
    "/api/v1/readings?from={from}&to={to}&interval=1h",
    "/api/v1/readings?from={mid}&to={to}&raw=true",
    "/api/v1/series",
    "/api/v1/sources",
    "/api/v1/tariffs",
    "/api/v1/tokens",
    "/api/v1/unknown-loads",
    "/status",
];
/// A stream, a file whose bytes hold when it was made, and what is told of the process.
const NOT_ASKED: &[&str] = &["/api/v1/live", "/api/v1/export.parquet", "/health", "/health/live", "/health/ready", "/metrics"];

/// Two days of a home: the house every 10 s with an hour of silence, a circuit, a counter, and two devices that are switched.
async fn two_days(home: &Home, now_ms: i64) {
    let store = &home.store;
    let counter = SeriesInfo::new("home_assistant", "sensor.energy_import", Quantity::EnergyImportKwh);
    let counter = store.describe(vec![counter]).await.unwrap()[0];
    let ids: Vec<SeriesId> = store.series().await.unwrap().into_iter().map(|(id, _)| id).collect();
    let from_ms = now_ms - 2 * 86_400_000;
    let mut readings = Vec::new();
    for k in 0..2 * 8640 {
        let at_ms = from_ms + k * 10_000;
        let on = (k / 360) % 6 == 0;
        let silent = (9000..9360).contains(&k);
        let house_w = if silent { f64::NAN } else { 300.0 + (k % 7) as f64 + if on { 2000.0 } else { 0.0 } };
        readings.push(Reading { series: ids[0], at_ms, value: house_w });
        if k % 6 == 0 {
            readings.push(Reading { series: ids[1], at_ms, value: 100.0 + (k % 50) as f64 / 10.0 });
            readings.push(Reading { series: counter, at_ms, value: 1000.0 + k as f64 / 1000.0 });
        }
        if k % 360 == 0 {
            readings.push(Reading { series: ids[2], at_ms, value: if on { 1.0 } else { 0.0 } });
            readings.push(Reading { series: ids[3], at_ms, value: if on { 0.4 } else { 0.0 } });
        }
    }
    store.write(Batch { readings, ..Batch::default() }).await.unwrap();
    let first = from_ms / 3_600_000;
    let hours = (first..now_ms / 3_600_000).flat_map(|hour| {
        [(ids[0], 0.6), (ids[2], 0.3), (ids[3], 0.01)].map(|(series, energy_kwh)| HourEnergy {
            series,
            hour_ms: hour * 3_600_000,
            energy_kwh,
            estimated: hour % 5 == 0,
        })
    });
    store.replace_energy(first * 3_600_000, now_ms, hours.collect()).await.unwrap();
    let profile = |series: SeriesId, entity_id: &str, power_w: f64| ProfileRecord {
        series,
        learned_at_ms: now_ms,
        profile: profile(entity_id, "on", Some(power_w), Verdict::Learned, &[]),
        usual_on_h: None,
    };
    store.replace_profiles(vec![profile(ids[2], "switch.kettle", 2000.0), profile(ids[3], "light.hall", 12.0)]).await.unwrap();
}

/// Whether two answers say the same. What follows the clock may differ by the moment between two questions, and the first of all by a step of the readings.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            // Of an instant in ms, a few seconds; of anything else, a thousandth.
            (a - b).abs() <= if a.abs() > 1e12 { 5_000.0 } else { 1e-3 * (1.0 + b.abs()) }
        }
        (Value::String(a), Value::String(b)) => {
            let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
            a == b || at(a).zip(at(b)).is_some_and(|(a, b)| (a - b).num_seconds().abs() <= 10)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b))),
        (a, b) => a == b,
    }
}

#[rstest]
#[tokio::test]
async fn the_same_days_give_the_same_answers_on_every_route(#[values(Kind::InfluxOne, Kind::InfluxReal)] kind: Kind) {
    let Some(backend) = Backend::of(kind) else { return };
    let file = Home::lived_in().await;
    let now_ms = now().timestamp_millis();
    two_days(&file, now_ms).await;
    let influx = Home { store: backend.open_with(Settings::default()), _folder: tempfile::tempdir().unwrap() };
    wattribute_store::copy(&*file.store, &*influx.store).await.unwrap();

    let description = crate::router(Api::new(file.store.clone(), Config::default(), false)).split_for_parts().1;
    let description = serde_json::to_value(description).unwrap();
    for (path, _) in description["paths"].as_object().unwrap().iter().filter(|(_, methods)| methods["get"].is_object()) {
        let begin = path.split('{').next().unwrap();
        let is_asked = ASKED.iter().any(|asked| asked.split('?').next().unwrap().starts_with(begin));
        assert!(is_asked || NOT_ASKED.contains(&path.as_str()), "{path} is not asked");
    }
    let mut differing = Vec::new();
    // Once as it was written, once with all that was closed in blocks.
    for _ in 0..2 {
        for asked in ASKED {
            // From a full hour on: a stretch that cuts a block's cells is drawn to a cell, and blocks are closed at different times.
            let (from, mid, to) = ((now_ms / 3_600_000 - 47) * 3_600_000, now_ms - 3_600_000, now_ms);
            let asked = asked.replace("{from}", &from.to_string()).replace("{mid}", &mid.to_string()).replace("{to}", &to.to_string());
            let (of_file, of_influx) = (file.ask(&asked).await, influx.ask(&asked).await);
            if (of_file.0, of_influx.0) != (200, 200) || !alike(&of_file.1, &of_influx.1) {
                differing.push(format!("{asked}:\n{} {:.400}\n{} {:.400}", of_file.0, of_file.1, of_influx.0, of_influx.1));
            }
        }
        for home in [&file, &influx] {
            home.store.maintain(now().timestamp_millis()).await.unwrap();
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n\n"));
}
