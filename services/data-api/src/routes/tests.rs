use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use rstest::rstest;
use serde_json::Value;
use tower::ServiceExt;
use wattribute_domain::{CorrelationRecord, CorrelationVerdict, Level, Quantity, Reading, Role, SeriesId, SeriesInfo, Stage};
use wattribute_store::{Batch, Origin, Store};

use super::*;
use fits::{assert_fits, assert_is};

mod attribution;
mod exports;
mod fits;
mod fuzz;
mod gauges;
mod groups;
mod measured;
mod moved_over;
mod streams;
mod two_stores;
mod whose_meter;

struct Home {
    store: Arc<dyn Store>,
    _folder: tempfile::TempDir,
}

impl Home {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = wattribute_store::open(&format!("sqlite:{}/home.db", folder.path().display()), Origin::Home).unwrap();
        Home { store, _folder: folder }
    }

    /// A house at 500 W since two hours, of which the heater's circuit draws 125 W, and four correlations of two entities.
    async fn lived_in() -> Self {
        let home = Home::empty();
        let house =
            SeriesInfo { role: Some(Role::WholeHouse), ..SeriesInfo::new("home_assistant", "sensor.house_power", Quantity::PowerW) };
        let circuit =
            SeriesInfo { name: Some("Heater".to_owned()), ..SeriesInfo::new("home_assistant", "sensor.heater_power", Quantity::PowerW) };
        let mut kettle = SeriesInfo::new("home_assistant", "switch.kettle", Quantity::Level);
        kettle.name = Some("Kettle".to_owned());
        kettle.mode("on");
        let mut lamp = SeriesInfo::new("home_assistant", "light.hall", Quantity::Level);
        lamp.mode("on");
        let ids = home.store.describe(vec![house, circuit, kettle, lamp]).await.unwrap();
        let now_ms = now().timestamp_millis();
        let reading = |series, value| Reading { series, at_ms: now_ms - 7_200_000, value };
        let readings = vec![reading(ids[0], 500.0), reading(ids[1], 125.0), reading(ids[2], 0.0)];
        home.store.write(Batch { readings, ..Batch::default() }).await.unwrap();
        let on = Level { mode: 1, fraction: 1.0 };
        let record = |series: SeriesId, minutes_ago: i64, delta_w: f64| CorrelationRecord {
            series,
            at_ms: now_ms - minutes_ago * 60_000,
            from: Level::off(),
            to: on,
            power_before_w: 500.0,
            power_after_w: 500.0 + delta_w,
            standard_error_w: 2.0,
            explained_w: f64::NAN,
            verdict: CorrelationVerdict::Clean,
            others: vec![],
            stage: Stage::Final,
        };
        let records =
            vec![record(ids[2], 90, 2000.0), record(ids[3], 60, 12.0), record(ids[2], 30, 1990.0), record(ids[2], 60 * 30, 2010.0)];
        home.store.replace_correlations(0, i64::MAX, records).await.unwrap();
        home
    }

    async fn ask(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, "").await
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let api = Api::new(self.store.clone(), Config::default(), false);
        let app: Router = crate::pages::router(api).split_for_parts().0;
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let response = app.oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())))
    }
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked() {
    let home = Home::empty();
    assert_eq!(home.ask("/api/v1/tokens").await, (200, serde_json::json!([])));
    let (status, made) = home.send("POST", "/api/v1/tokens", r#"{"name": "phone", "scope": "read"}"#).await;
    assert!(status == 201 && made["token"].as_str().unwrap().starts_with("wtt_") && made["created_at"].as_str().unwrap().ends_with('Z'));
    let (_, all) = home.ask("/api/v1/tokens").await;
    assert_eq!((all[0]["name"].as_str(), all[0]["scope"].as_str()), (Some("phone"), Some("read")));
    assert!(!all.to_string().contains(made["token"].as_str().unwrap()) && all[0].as_object().unwrap().len() == 3, "{all}");
    for (body, status, says) in [
        (r#"{"name": "phone", "scope": "push"}"#, 409, "phone already"),
        (r#"{"name": "a b", "scope": "push"}"#, 422, "name: "),
        (r#"{"name": "tv", "scope": "all"}"#, 422, "scope: unknown variant `all`"),
        (r#"{"name": "tv", "scope": "read", "token": "mine"}"#, 422, "unknown field `token`"),
    ] {
        let (said, problem) = home.send("POST", "/api/v1/tokens", body).await;
        assert!(said == status && problem["detail"].as_str().unwrap().contains(says), "{body}: {said} {problem}");
    }
    assert_eq!(home.send("DELETE", "/api/v1/tokens/phone", "").await.0, 204);
    assert_eq!(home.send("DELETE", "/api/v1/tokens/phone", "").await.0, 404);
    assert_eq!(home.ask("/api/v1/tokens").await.1, serde_json::json!([]));
}

#[tokio::test]
async fn correlations_have_the_shape_that_clients_know() {
    let (status, rows) = Home::lived_in().await.ask("/api/v1/energy/correlations").await;
    assert_eq!(status, 200);
    let row = &rows[0];
    assert_eq!(
        (row["entity_id"].as_str(), row["domain"].as_str(), row["name"].as_str()),
        (Some("switch.kettle"), Some("switch"), Some("Kettle"))
    );
    assert_eq!((row["previous_state"].as_str(), row["state"].as_str()), (Some("off"), Some("on")));
    assert_eq!((row["power_before_w"].as_f64(), row["power_after_w"].as_f64()), (Some(500.0), Some(2490.0)));
    assert_eq!((row["power_delta_w"].as_f64(), row["power_delta_pct"].as_f64()), (Some(1990.0), Some(398.0)));
    assert_eq!((row["verdict"].as_str(), row["stage"].as_str()), (Some("clean"), Some("final")));
    assert!(row["explained_w"].is_null());
    assert!(row["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[rstest]
#[case("", &[1990.0, 2000.0])]
#[case("?min_delta=0", &[1990.0, 12.0, 2000.0])]
#[case("?min_delta=0&limit=2", &[1990.0, 12.0])]
#[case("?min_delta=0&domain=light", &[12.0])]
#[case("?entity_id=switch.kettle", &[1990.0, 2000.0])]
#[case("?entity_id=switch.kettle&limit=1", &[1990.0])]
#[case("?entity_id=switch.none", &[])]
#[case("?hours=48", &[1990.0, 2000.0, 2010.0])]
#[case("?hours=1", &[1990.0])]
#[tokio::test]
async fn correlations_are_narrowed_sorted_and_limited(#[case] query: &str, #[case] deltas: &[f64]) {
    let (_, rows) = Home::lived_in().await.ask(&format!("/api/v1/energy/correlations{query}")).await;
    let found: Vec<f64> = rows.as_array().unwrap().iter().map(|row| row["power_delta_w"].as_f64().unwrap()).collect();
    assert_eq!(found, deltas);
}

#[tokio::test]
async fn correlations_of_a_span_are_told() {
    let home = Home::lived_in().await;
    let ago = |minutes: i64| now().timestamp_millis() - minutes * 60_000;
    let deltas = async |query: String| -> Vec<f64> {
        let (status, rows) = home.ask(&format!("/api/v1/energy/correlations?min_delta=0&{query}")).await;
        assert_eq!(status, 200, "{query}: {rows}");
        rows.as_array().unwrap().iter().map(|row| row["power_delta_w"].as_f64().unwrap()).collect()
    };
    assert_eq!(deltas(format!("from={}&to={}", ago(100), ago(45))).await, [12.0, 2000.0]);
    assert_eq!(deltas(format!("from={}", ago(75))).await, [1990.0, 12.0], "until now");
    assert_eq!(deltas(format!("to={}", ago(60 * 20))).await, [2010.0], "of the 24 hours before");
    assert_eq!(deltas(format!("from={}", ago(60 * 24 * 400))).await, [1990.0, 12.0, 2000.0, 2010.0], "however long ago");
}

#[rstest]
#[case("correlations?hours=0", "hours")]
#[case("correlations?hours=169", "between 1 and 168")]
#[case("correlations?hours=two", "hours")]
#[case("correlations?limit=1001", "between 1 and 1000")]
#[case("correlations?min_delta=-1", "min_delta")]
#[case("correlations?min_delta=NaN", "min_delta")]
#[case("correlations?from=yesterday", "from: `yesterday` is no instant")]
#[case("correlations?from=2026-03-02&to=2026-03-01", "from: is not before `to`")]
#[case("correlations?from=2026-03-01&hours=3", "hours: cannot be together with `from` and `to`")]
#[case("correlations?to=2026-03-01&hours=24", "hours: cannot be together with `from` and `to`")]
#[case("circuits?hours=25", "between 1 and 24")]
#[case("attribution?max_points=0", "max_points: 0 is not between 1 and 2000")]
#[case("attribution?max_points=2001", "max_points: 2001 is not between 1 and 2000")]
#[case("attribution?devices=51", "devices: 51 is not between 0 and 50")]
#[case("attribution?devices=-1", "devices")]
#[case("attribution?from=yesterday", "from: `yesterday` is no instant")]
#[case("attribution?from=2026-03-02&to=2026-03-01", "from: is not before `to`")]
#[case("attribution?hours=3", "unknown field `hours`")]
#[tokio::test]
async fn a_wrong_parameter_is_named(#[case] path: &str, #[case] says: &str) {
    let (status, problem) = Home::lived_in().await.ask(&format!("/api/v1/energy/{path}")).await;
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
}

#[tokio::test]
async fn the_house_is_told_as_it_is() {
    let home = Home::lived_in().await;
    let (_, current) = home.ask("/api/v1/energy/current").await;
    assert_eq!((current["total_power_w"].as_f64(), current["is_demo"].as_bool()), (Some(500.0), Some(false)));
    let (_, circuits) = home.ask("/api/v1/energy/circuits").await;
    assert!(circuits.as_array().unwrap().len() >= 12);
    assert_eq!(
        (circuits[0]["circuit_name"].as_str(), circuits[0]["power_w"].as_f64(), circuits[0]["percentage"].as_f64()),
        (Some("Heater"), Some(125.0), Some(25.0))
    );
    let silent = Reading { series: SeriesId(1), at_ms: now().timestamp_millis(), value: f64::NAN };
    let series = home.store.series().await.unwrap().into_iter().find(|(_, info)| info.device == "sensor.house_power").unwrap().0;
    home.store.write(Batch { readings: vec![Reading { series, ..silent }], ..Batch::default() }).await.unwrap();
    assert!(home.ask("/api/v1/energy/current").await.1["total_power_w"].is_null());
}

#[tokio::test]
async fn an_empty_store_is_no_error() {
    let home = Home::empty();
    for path in ["energy/correlations", "energy/circuits", "energy/top-consumers"] {
        assert_eq!(home.ask(&format!("/api/v1/{path}")).await, (200, serde_json::json!([])), "{path}");
    }
    let (status, current) = home.ask("/api/v1/energy/current").await;
    assert!(status == 200 && current["total_power_w"].is_null() && current["daily_kwh"].is_null(), "{current}");
}
