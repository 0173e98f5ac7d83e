use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use rstest::rstest;
use serde_json::{Value, json};
use tower::ServiceExt;
use wattribute_domain::{DeviceProfile, ProfileRecord, SeriesId, SeriesInfo, Verdict};
use wattribute_store::{Origin, Store};

use super::*;

struct Home {
    store: Arc<dyn Store>,
    _folder: tempfile::TempDir,
}

const HALL: &str = "/api/v1/devices/light.hall";

impl Home {
    /// Three lamps and a meter, of which nothing is learned.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = wattribute_store::open(&format!("sqlite:{}", folder.path().join("a.db").display()), Origin::Home).unwrap();
        let level = |id: &str| SeriesInfo::new("home_assistant", id, Quantity::Level);
        let meter = SeriesInfo::new("home_assistant", "sensor.house_power", Quantity::PowerW);
        let plug = SeriesInfo::new("shelly", "plug-1", Quantity::Level);
        store.describe(vec![level("light.hall"), level("light.shelf"), level("light.stairs"), meter, plug]).await.unwrap();
        Home { store, _folder: folder }
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: String) -> (u16, Value) {
        let api = Api::new(self.store.clone(), crate::Config::default(), false);
        let app: Router = crate::router(api).split_for_parts().0;
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, kind).body(Body::from(body)).unwrap();
        let response = app.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    async fn say(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("PATCH", path, "application/json", body.to_string()).await
    }

    async fn learned(&self, learned_at_ms: i64) {
        let profile = DeviceProfile {
            entity_id: "light.hall".to_owned(),
            name: "Hall".to_owned(),
            power_w: None,
            power_low_w: None,
            power_high_w: None,
            energy_kwh: None,
            energy_low_kwh: None,
            energy_high_kwh: None,
            cost: None,
            measured_energy_kwh: None,
            levels: vec![],
            events_used: 0,
            events_total: 0,
            times_on: 0,
            hours_on: 0.0,
            strength: 0.0,
            grouped_with: vec![],
            verdict: Verdict::NoLoad,
        };
        self.store.replace_profiles(vec![ProfileRecord { series: SeriesId(1), learned_at_ms, profile, usual_on_h: None }]).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_said_stays_until_it_is_taken_back() {
    let home = Home::new().await;
    let (status, said) = home.say(HALL, json!({"power_w": 9, "name": "Reading lamp", "grouped_with": ["light.shelf"]})).await;
    assert_eq!((status, said["entity_id"].as_str(), said["in_force"].as_bool()), (200, Some("light.hall"), Some(false)));
    assert_eq!((said["word"]["power_w"].as_f64(), said["word"]["name"].as_str()), (Some(9.0), Some("Reading lamp")));
    assert!(said["word"]["said_at"].as_str().unwrap().ends_with('Z') && said["word"]["has_load"].is_null(), "{said}");
    let (_, said) = home.say(HALL, json!({"name": null})).await;
    assert_eq!(
        (&said["word"]["name"], &said["word"]["power_w"], &said["word"]["grouped_with"]),
        (&Value::Null, &json!(9.0), &json!(["light.shelf"]))
    );
    let (_, said) = home.say(HALL, json!({"grouped_with": []})).await;
    assert_eq!((&said["word"]["power_w"], &said["word"]["grouped_with"]), (&json!(9.0), &Value::Null));
    let kept = words(&Api::new(home.store.clone(), crate::Config::default(), false)).await.unwrap();
    assert_eq!(kept["light.hall"].power_w, Some(9.0));
    let (status, said) = home.send("DELETE", &format!("{HALL}/word"), "text/plain", String::new()).await;
    assert_eq!((status, said["in_force"].as_bool()), (200, Some(false)));
    let fields = ["name", "has_load", "power_w", "grouped_with", "apart_from"];
    assert!(fields.iter().all(|field| said["word"][field].is_null()), "{said}");
}

#[tokio::test]
async fn a_word_is_in_force_once_learning_rests_on_it_and_a_name_at_once() {
    let home = Home::new().await;
    let (_, said) = home.say(HALL, json!({"name": "Reading lamp"})).await;
    assert_eq!((said["in_force"].as_bool(), &said["word"]["said_at"]), (Some(true), &Value::Null));
    home.learned(now().timestamp_millis() - 1).await;
    let (_, said) = home.say(HALL, json!({"has_load": false})).await;
    assert_eq!(said["in_force"].as_bool(), Some(false));
    home.learned(now().timestamp_millis() + 1).await;
    let (_, same) = home.say(HALL, json!({"has_load": false, "name": "Hall"})).await;
    assert_eq!((same["in_force"].as_bool(), &same["word"]["said_at"]), (Some(true), &said["word"]["said_at"]));
}

#[rstest]
#[case(json!({"power_w": -1}), "power_w")]
#[case(json!({"power_w": 100_001}), "power_w")]
#[case(json!({"power_w": "nine"}), "power_w")]
#[case(json!({"power_w": 9, "has_load": false}), "power_w")]
#[case(json!({"power_w": 0, "has_load": true}), "power_w")]
#[case(json!({"has_load": "no"}), "has_load")]
#[case(json!({"name": ""}), "name")]
#[case(json!({"name": " "}), "name")]
#[case(json!({"name": "a\u{0}b"}), "name")]
#[case(json!({"name": "x".repeat(101)}), "name")]
#[case(json!({"grouped_with": ["light.hall"]}), "grouped_with")]
#[case(json!({"grouped_with": ["light.none"]}), "grouped_with")]
#[case(json!({"grouped_with": ["sensor.house_power"]}), "grouped_with")]
#[case(json!({"grouped_with": "light.shelf"}), "grouped_with")]
#[case(json!({"grouped_with": ["light.shelf"], "has_load": false}), "grouped_with")]
#[case(json!({"apart_from": ["light.hall"]}), "apart_from")]
#[case(json!({"apart_from": ["light.none"]}), "apart_from")]
#[case(json!({"apart_from": ["light.shelf"], "grouped_with": ["light.shelf"]}), "apart_from")]
#[case(json!({"apart_from": ["light.stairs"]}), "apart_from")]
#[case(json!({"power": 9}), "power")]
#[case(json!(["power_w"]), "object")]
#[case(json!(9), "object")]
#[tokio::test]
async fn a_field_that_is_wrong_is_named(#[case] body: Value, #[case] field: &str) {
    let home = Home::new().await;
    home.say("/api/v1/devices/light.stairs", json!({"grouped_with": ["light.hall"]})).await;
    let (status, problem) = home.say(HALL, body).await;
    assert_eq!(status, 422, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(field), "{problem}");
    assert!(
        !words(&Api::new(home.store.clone(), crate::Config::default(), false)).await.unwrap().contains_key("light.hall"),
        "nothing is kept"
    );
}

#[rstest]
#[case("light.none", "application/json", "{}", 404)]
#[case("light.none", "application/json", "{", 404)]
#[case("sensor.house_power", "application/json", "{}", 404)]
#[case("%FF", "application/json", "{}", 404)]
#[case("light.hall", "application/json", "{", 400)]
#[case("light.hall", "text/plain", "{}", 415)]
#[case("light.hall", "application/merge-patch+json", "{}", 200)]
#[case("shelly.plug-1", "application/json", "{}", 200)]
#[tokio::test]
async fn what_is_no_device_or_no_json_is_refused(#[case] id: &str, #[case] kind: &str, #[case] body: &str, #[case] expected: u16) {
    let (status, answer) = Home::new().await.send("PATCH", &format!("/api/v1/devices/{id}"), kind, body.to_owned()).await;
    assert_eq!(status, expected, "{answer}");
    assert!(status == 200 || answer["status"] == status, "{answer}");
}

#[tokio::test]
async fn words_that_are_said_at_the_same_time_are_all_kept() {
    let home = Home::new().await;
    let paths = ["light.hall", "light.shelf", "light.stairs"].map(|id| format!("/api/v1/devices/{id}"));
    let (a, b, c) = tokio::join!(
        home.say(&paths[0], json!({"power_w": 1})),
        home.say(&paths[1], json!({"power_w": 2})),
        home.say(&paths[2], json!({"power_w": 3}))
    );
    assert_eq!([a.0, b.0, c.0], [200; 3]);
    let kept = words(&Api::new(home.store.clone(), crate::Config::default(), false)).await.unwrap();
    assert_eq!(kept.values().map(|word| word.power_w).collect::<Vec<_>>(), [Some(1.0), Some(2.0), Some(3.0)]);
}
