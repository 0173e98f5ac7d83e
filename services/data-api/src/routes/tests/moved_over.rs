//! energyMeter's API.

use chrono_tz::Tz;
use serde_json::json;
use wattribute_domain::calendar::day_start_ms;
use wattribute_store::{Payload, Standing};

use super::*;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

impl Home {
    async fn moved_over(&self, path: &str) -> Value {
        let (status, body) = self.ask(path).await;
        assert_fits(path.split('?').next().unwrap(), "get", status, &body);
        assert_eq!(status, 200, "{body}");
        body
    }

    /// A smart meter of which power and, if asked for, counters and phases were read, as (ms, W, kWh).
    async fn metered(rows: &[(i64, f64, f64)], has_counter: bool) -> Self {
        let home = Home::empty();
        let series = |quantity| SeriesInfo { role: Some(Role::WholeHouse), ..SeriesInfo::new("tasmota", "MT681", quantity) };
        let mut all = vec![series(Quantity::PowerW)];
        if has_counter {
            all.extend([series(Quantity::EnergyImportKwh), series(Quantity::EnergyExportKwh), series(Quantity::PowerPhase1W)]);
        }
        let ids = home.store.describe(all).await.unwrap();
        let mut readings = Vec::new();
        for &(at_ms, power_w, energy_kwh) in rows {
            readings.push(Reading { series: ids[0], at_ms, value: power_w });
            if has_counter {
                let counted = [(ids[1], energy_kwh), (ids[2], 12.5), (ids[3], power_w / 2.0)];
                readings.extend(counted.map(|(series, value)| Reading { series, at_ms, value }));
            }
        }
        let payload = Payload {
            source: "tasmota".to_owned(),
            device: "MT681".to_owned(),
            at_ms: rows.last().map_or(0, |row| row.0),
            text: r#"{"MT681":{"Power":400}}"#.to_owned(),
        };
        let zone = ("home".to_owned(), r#"{"time_zone":"Europe/Berlin"}"#.to_owned());
        home.store.write(Batch { readings, payloads: vec![payload], documents: vec![zone], ..Batch::default() }).await.unwrap();
        home
    }
}

/// A reading each ten minutes of a house that draws 400 W, since so many hours.
fn steady(hours: i64) -> Vec<(i64, f64, f64)> {
    let now_ms = now().timestamp_millis();
    let begin_ms = now_ms - hours * HOUR_MS;
    (0..=hours * 6).map(|k| (begin_ms + k * 600_000, 400.0, 1000.0 + k as f64 * 0.4 / 6.0)).collect()
}

#[tokio::test]
async fn readings_have_time_power_and_energy() {
    let rows = steady(3);
    let home = Home::metered(&rows, true).await;
    let all = home.moved_over("/api/readings").await;
    assert_eq!(all.as_array().unwrap().len(), rows.len());
    assert_eq!(all[0], json!({ "t": rows[0].0, "p": 400.0, "e": 1000.0 }));
    assert_eq!(all[6]["e"], json!(1000.4));
    let after = home.moved_over(&format!("/api/readings?after={}", rows[16].0)).await;
    assert_eq!(after.as_array().unwrap().iter().map(|p| p["t"].as_i64().unwrap()).collect::<Vec<_>>(), [rows[17].0, rows[18].0]);
    assert_eq!(home.moved_over(&format!("/api/readings?after={}", rows[18].0)).await, json!([]));
    let within = home.moved_over(&format!("/api/readings?start={}&end={}", instant(rows[2].0), rows[4].0)).await;
    assert_eq!(within.as_array().unwrap().len(), 3, "both ends count: {within}");
}

#[tokio::test]
async fn without_a_counter_energy_is_what_was_drawn_since_the_beginning() {
    let rows = steady(30);
    let home = Home::metered(&rows, false).await;
    let all = home.moved_over("/api/readings").await;
    let all = all.as_array().unwrap();
    let e = |k: usize| all[k]["e"].as_f64().unwrap();
    assert_eq!(e(0), 0.0);
    assert!((e(all.len() - 1) - 12.0).abs() < 0.01, "{}", e(all.len() - 1));
    assert!((1..all.len()).all(|k| e(k) >= e(k - 1)));
    // The same wherever the answer begins.
    let late = home.moved_over(&format!("/api/readings?start={}", rows[120].0)).await;
    assert!((late[0]["e"].as_f64().unwrap() - 8.0).abs() < 0.01, "{}", late[0]);
}

#[tokio::test]
async fn years_are_thinned() {
    let now_ms = now().timestamp_millis();
    let home = Home::empty();
    let id = home.store.describe(vec![SeriesInfo::new("tasmota", "MT681", Quantity::PowerW)]).await.unwrap()[0];
    let readings = (0..60_000).map(|k| Reading {
        series: id,
        at_ms: now_ms - 100 * DAY_MS + k * 144_000,
        value: if k % 2 == 0 { 100.0 } else { 300.0 },
    });
    home.store.write(Batch { readings: readings.collect(), ..Batch::default() }).await.unwrap();
    let all = home.moved_over("/api/readings").await;
    let all = all.as_array().unwrap();
    assert!((10_000..=20_000).contains(&all.len()), "{}", all.len());
    assert!(all[1..all.len() - 1].iter().all(|p| (100.0..=300.0).contains(&p["p"].as_f64().unwrap())));
    let kwh = all[all.len() - 1]["e"].as_f64().unwrap();
    assert!((kwh - 0.2 * 2400.0).abs() < 1.0, "{kwh}");
}

#[tokio::test]
async fn the_latest_reading_has_everything_that_the_meter_said() {
    let rows = steady(2);
    let home = Home::metered(&rows, true).await;
    let latest = home.moved_over("/api/latest_reading").await;
    let last = rows.last().unwrap();
    assert_eq!(latest["timestamp"].as_str(), Some(&*instant(last.0)));
    assert_eq!(latest["meter_id"].as_str(), Some("MT681"));
    assert_eq!((latest["power_watts"].as_f64(), latest["energy_in_kwh"].as_f64()), (Some(400.0), Some(1000.8)));
    assert_eq!((latest["energy_out_kwh"].as_f64(), latest["power_phase_1_watts"].as_f64()), (Some(12.5), Some(200.0)));
    assert!(latest["power_phase_2_watts"].is_null());
    assert_eq!(latest["raw_payload"].as_str(), Some(r#"{"MT681":{"Power":400}}"#));
}

#[tokio::test]
async fn statistics_are_of_the_span_asked_for() {
    let mut rows = steady(10);
    rows[20].1 = 1000.0;
    let home = Home::metered(&rows, true).await;
    let answer = home.moved_over(&format!("/api/stats?start={}&end={}", rows[12].0, rows[24].0)).await;
    assert_eq!((answer["start"].as_i64(), answer["end"].as_i64()), (Some(rows[12].0), Some(rows[24].0)));
    let stats = &answer["stats"];
    assert_eq!((stats["min_power_watts"].as_f64(), stats["max_power_watts"].as_f64()), (Some(400.0), Some(1000.0)));
    assert!((stats["avg_power_watts"].as_f64().unwrap() - 450.0).abs() < 0.1, "{stats}");
    assert!((stats["energy_used_kwh"].as_f64().unwrap() - 0.8).abs() < 0.001, "{stats}");
    assert_eq!(stats["count"].as_u64(), Some(13));
    // The wrong way round is the same.
    assert_eq!(home.moved_over(&format!("/api/stats?start={}&end={}", rows[24].0, rows[12].0)).await, answer);
    let none = home.moved_over("/api/stats?start=0&end=1000").await;
    assert!(none["stats"]["avg_power_watts"].is_null() && none["stats"]["count"] == json!(0), "{none}");
}

#[rstest]
#[case(true)]
#[case(false)]
#[tokio::test]
async fn days_are_local_and_a_part_of_one_is_partial(#[case] has_counter: bool) {
    // Since six in the morning, three days ago.
    let today = now().with_timezone(&Tz::Europe__Berlin).date_naive();
    let begin_ms = day_start_ms(Tz::Europe__Berlin, today - chrono::Days::new(3)) + 6 * HOUR_MS;
    let mut rows = steady(90);
    rows.retain(|row| row.0 >= begin_ms);
    let home = Home::metered(&rows, has_counter).await;
    let summary = home.moved_over("/api/energy_summary").await;
    let daily = summary["daily"].as_array().unwrap();
    let whole: Vec<&Value> = daily.iter().filter(|day| day["is_partial"] == json!(false)).collect();
    assert!((2..=3).contains(&whole.len()) && daily[0]["is_partial"] == json!(true), "{summary}");
    for day in &whole[..2] {
        let noon_ms = day["t"].as_i64().unwrap();
        let date = chrono::DateTime::from_timestamp_millis(noon_ms).unwrap().with_timezone(&Tz::Europe__Berlin).date_naive();
        let length_h = (day_start_ms(Tz::Europe__Berlin, date.succ_opt().unwrap()) - day_start_ms(Tz::Europe__Berlin, date)) / HOUR_MS;
        assert!((day["kwh"].as_f64().unwrap() - 0.4 * length_h as f64).abs() < 0.01, "{day}");
        assert_eq!(noon_ms, day_start_ms(Tz::Europe__Berlin, date.succ_opt().unwrap()) - DAY_MS / 2);
    }
    let mean = summary["avg_daily"].as_f64().unwrap();
    assert!((9.1..10.1).contains(&mean), "{mean}");
    let moving = summary["moving_avg_30d"].as_array().unwrap();
    assert_eq!(moving.len(), daily.len());
    assert!((moving[moving.len() - 1]["kwh"].as_f64().unwrap() - mean).abs() < 0.5, "{moving:?}");
}

#[tokio::test]
async fn the_status_counts_readings_once() {
    let rows = steady(30);
    let home = Home::metered(&rows, true).await;
    let api = Api::new(home.store.clone(), Config::default(), false);
    let app: Router = crate::router(api.clone()).split_for_parts().0;
    for total in [rows.len(), rows.len() + 1] {
        let response = app.clone().oneshot(Request::get("/status").body(Body::empty()).unwrap()).await.unwrap();
        let status: Value = serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap();
        assert_fits("/status", "get", 200, &status);
        assert_eq!(status["num_total_readings"].as_u64(), Some(total as u64));
        assert!((6..=8).contains(&status["num_readings_last_hour"].as_u64().unwrap()), "{status}");
        assert_eq!((status["mqtt_connected"].as_bool(), status["topic"].is_null()), (Some(false), true));
        let standing = Standing {
            told_at_ms: now().timestamp_millis(),
            topics: vec!["tele/#".to_owned()],
            mqtt_connected: Some(true),
            ..Standing::default()
        };
        home.store.put_documents(vec![standing.document("tasmota")]).await.unwrap();
        let response = app.clone().oneshot(Request::get("/status").body(Body::empty()).unwrap()).await.unwrap();
        let status: Value = serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap();
        assert_eq!((status["mqtt_connected"].as_bool(), status["topic"].as_str()), (Some(true), Some("tele/#")));
        home.store.forget_documents(vec!["standing:tasmota".to_owned()]).await.unwrap();
        let reading = Reading { series: SeriesId(1), at_ms: now().timestamp_millis(), value: 401.0 };
        home.store.write(Batch { readings: vec![reading], ..Batch::default() }).await.unwrap();
    }
}

#[tokio::test]
async fn an_empty_store_answers_with_nothing() {
    let home = Home::empty();
    assert_eq!(home.moved_over("/api/readings").await, json!([]));
    assert_eq!(home.moved_over("/api/energy_summary").await, json!({ "avg_daily": null, "daily": [], "moving_avg_30d": [] }));
    assert!(home.moved_over("/api/latest_reading").await["timestamp"].is_null());
    assert_eq!(home.moved_over("/api/stats").await["stats"]["count"], json!(0));
    assert_eq!(home.moved_over("/status").await["num_total_readings"], json!(0));
}
