use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use rstest::rstest;
use serde_json::{Value, json};
use tower::ServiceExt;
use wattribute_store::Origin;

use super::*;

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

    /// A fridge and a kettle of which no entity is known.
    async fn lived_in() -> Self {
        let home = Home::empty();
        let run = |k: i64| UnknownRun { from_ms: 3_600_000 * k, to_ms: 3_600_000 * k + 180_000, power_w: 2213.0 };
        let kettle = UnknownLoad {
            id: "u2".to_owned(),
            power_w: 2213.0,
            duration_s: 181.0,
            runs: 60,
            runs_seen: 30,
            runs_per_day: 6.0,
            recent_runs: (0..30).map(run).collect(),
            hours_of_day: vec![1; 24],
            last_run_ms: 29 * 3_600_000,
            ..UnknownLoad::default()
        };
        let fridge = UnknownLoad { id: "u1".to_owned(), ..kettle.clone() };
        let found =
            UnknownLoads { computed_at_ms: 5000, from_ms: 0, to_ms: 864_000_000, loads: vec![kettle, fridge], ..UnknownLoads::default() };
        home.put(UNKNOWN_LOADS, &serde_json::to_string(&found).unwrap()).await;
        home
    }

    async fn put(&self, key: &str, text: &str) {
        self.store.put_documents(vec![(key.to_owned(), text.to_owned())]).await.unwrap();
    }

    async fn ask(&self, request: Request<Body>) -> (u16, Value) {
        let api = Api::new(self.store.clone(), crate::Config::default(), false);
        let app: Router = router().with_state(api).split_for_parts().0;
        let response = app.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())))
    }

    async fn get(&self, query: &str) -> (u16, Value) {
        self.ask(Request::get(format!("/api/v1/unknown-loads{query}")).body(Body::empty()).unwrap()).await
    }

    async fn patch(&self, id: &str, body: &str) -> (u16, Value) {
        let request = Request::patch(format!("/api/v1/unknown-loads/{id}")).header("content-type", "application/json");
        self.ask(request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

#[tokio::test]
async fn an_empty_store_has_no_unknown_loads() {
    let nothing = json!({ "unknown_loads": [], "meta": { "from": null, "to": null, "computed_at": null } });
    assert_eq!(Home::empty().get("").await, (200, nothing));
}

#[tokio::test]
async fn loads_are_told_with_what_the_owner_calls_them() {
    let home = Home::lived_in().await;
    let (status, list) = home.get("?runs=2").await;
    assert_eq!(status, 200);
    assert_eq!(
        list["meta"],
        json!({ "from": "1970-01-01T00:00:00.000Z", "to": "1970-01-11T00:00:00.000Z", "computed_at": "1970-01-01T00:00:05.000Z" })
    );
    let kettle = &list["unknown_loads"][0];
    assert_eq!((kettle["id"].as_str(), kettle["name"].as_str()), (Some("u2"), None));
    assert_eq!(kettle["summary"], "about 2.2 kW, 6 times a day, 3 minutes");
    assert_eq!((kettle["last_run"].as_str(), kettle["runs"].as_u64()), (Some("1970-01-02T05:00:00.000Z"), Some(60)));
    let latest = json!({ "from": "1970-01-02T05:00:00.000Z", "to": "1970-01-02T05:03:00.000Z", "power_w": 2213.0, "energy_kwh": 0.11065 });
    assert_eq!((kettle["recent_runs"].as_array().unwrap().len(), &kettle["recent_runs"][1]), (2, &latest));

    let (status, named) = home.patch("u2", r#"{"name": "  Old kettle "}"#).await;
    assert_eq!((status, named["name"].as_str(), named["id"].as_str()), (200, Some("Old kettle"), Some("u2")));
    home.patch("u1", r#"{"name": "Fridge"}"#).await;
    let (_, list) = home.get("").await;
    assert_eq!((&list["unknown_loads"][0]["name"], &list["unknown_loads"][1]["name"]), (&json!("Old kettle"), &json!("Fridge")));
    let (status, unnamed) = home.patch("u2", r#"{"name": null}"#).await;
    assert_eq!((status, &unnamed["name"]), (200, &Value::Null));
    assert_eq!(home.get("").await.1["unknown_loads"][1]["name"], "Fridge");
}

#[rstest]
#[case("u2", r#"{"name": ""}"#, 422, "at least one")]
#[case("u2", r#"{"name": "  "}"#, 422, "at least one")]
#[case("u2", r#"{"name": "a\nb"}"#, 422, "control characters")]
#[case("u2", r#"{"name": 5}"#, 422, "name")]
#[case("u2", r#"{}"#, 422, "name")]
#[case("u2", r#"{"name": "a", "power_w": 3}"#, 422, "power_w")]
#[case("u2", r#"{"name""#, 400, "")]
#[case("u9", r#"{"name": "a"}"#, 404, "u9")]
#[case("%FF", r#"{"name": "a"}"#, 404, "unknown-loads")]
#[tokio::test]
async fn what_cannot_be_a_name_is_refused(#[case] id: &str, #[case] body: &str, #[case] status: u16, #[case] says: &str) {
    let home = Home::lived_in().await;
    let (said, problem) = home.patch(id, body).await;
    assert_eq!((said, problem["status"].as_u64()), (status, Some(u64::from(status))), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    assert_eq!(home.store.document(UNKNOWN_NAMES).await.unwrap(), None);
}

#[tokio::test]
async fn a_name_has_at_most_a_hundred_characters() {
    let home = Home::lived_in().await;
    let named = |n: usize| json!({ "name": "ü".repeat(n) }).to_string();
    assert_eq!(home.patch("u1", &named(100)).await.0, 200);
    assert_eq!(home.patch("u1", &named(101)).await.0, 422);
    let no_type = Request::patch("/api/v1/unknown-loads/u1").body(Body::from(r#"{"name": "a"}"#)).unwrap();
    let (status, problem) = home.ask(no_type).await;
    assert_eq!((status, problem["status"].as_u64()), (415, Some(415)));
}

#[tokio::test]
async fn a_wrong_parameter_or_document_is_no_accident() {
    let home = Home::lived_in().await;
    for query in ["?runs=501", "?runs=-1", "?runs=many"] {
        let (status, problem) = home.get(query).await;
        assert!(status == 422 && problem["detail"].as_str().unwrap().contains("runs"), "{query}: {problem}");
    }
    home.put(UNKNOWN_LOADS, "[1, 2").await;
    home.put(UNKNOWN_NAMES, "null").await;
    assert_eq!(home.get("").await.1["unknown_loads"], json!([]));
}
