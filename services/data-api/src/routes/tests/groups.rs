//! Devices that always go together: each of them tells what all of them did.

use serde_json::json;

use super::*;

const MINUTE: i64 = 60_000;

impl Home {
    /// What a route says, which must fit its description.
    async fn told_of(&self, described: &str, path: &str) -> Value {
        let (status, body) = self.ask(path).await;
        assert_fits(described, "get", status, &body);
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn page(&self, entity_id: &str, from_ms: i64) -> Value {
        let path = format!("/api/v1/devices/{entity_id}?from={from_ms}&to={}", from_ms + 120 * MINUTE);
        self.told_of("/api/v1/devices/{entity_id}", &path).await
    }

    /// A step of a device, minutes after `from_ms`.
    async fn step(&self, device: &str, at_ms: i64, from: Level, to: Level) -> CorrelationRecord {
        let series = self.store.series().await.unwrap().into_iter().find(|(_, info)| info.device == device).unwrap().0;
        CorrelationRecord {
            series,
            at_ms,
            from,
            to,
            power_before_w: 140.0,
            power_after_w: 240.0,
            standard_error_w: 1.0,
            explained_w: f64::NAN,
            verdict: CorrelationVerdict::Clean,
            others: vec![],
            stage: Stage::Final,
        }
    }
}

#[tokio::test]
async fn each_of_a_group_tells_what_all_of_it_used() {
    let (home, from_ms) = Home::attributed().await;
    home.agree(0.30).await;
    // 100 W for ten minutes, 16.7 Wh, are half a cent.
    for id in ["switch.a", "switch.b"] {
        let span = format!("period=hour&from={}&to={}", from_ms + 60 * MINUTE, from_ms + 120 * MINUTE);
        let history = home.told_of("/api/v1/energy/history", &format!("/api/v1/energy/history?device={id}&{span}")).await;
        let row = &history["history"][0];
        assert_eq!((row["consumption_kwh"].as_f64(), row["cost"].as_f64()), (Some(0.0167), Some(0.005)), "{id}: {history}");
        assert_eq!((history["meta"]["device"].as_str(), history["history"].as_array().unwrap().len()), (Some(id), 1));

        let page = home.page(id, from_ms).await;
        let total = json!({"times_on": 1, "hours_on": 0.17, "energy_kwh": 0.0167, "cost": 0.005});
        assert_eq!((page["device"]["entity_id"].as_str(), &page["total"]), (Some(id), &total));
        let run = &page["activations"][0];
        assert_eq!((run["energy_kwh"].as_f64(), run["cost"].as_f64()), (Some(0.0167), Some(0.005)), "{id}: {run}");

        let impact = home.told_of("/api/v1/energy/device-impact/{entity_id}", &format!("/api/v1/energy/device-impact/{id}")).await;
        assert_eq!((impact["energy_kwh"].as_f64(), impact["cost"].as_f64()), (Some(0.0167), Some(0.005)), "{id}: {impact}");
        assert_eq!((impact["entity_id"].as_str(), impact["average_power_on_w"].as_f64()), (Some(id), Some(100.0)));
    }
    // Where all are told, it is told once.
    let ids = |rows: &Value| rows.as_array().unwrap().iter().map(|row| row["entity_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let (_, top) = home.ask("/api/v1/energy/top-consumers").await;
    let path = format!("/api/v1/energy/history?period=hour&from={}&to={}&devices=true", from_ms + 60 * MINUTE, from_ms + 120 * MINUTE);
    let history = home.told_of("/api/v1/energy/history", &path).await;
    for ids in [ids(&top), ids(&history["history"][0]["devices"])] {
        assert!(ids.iter().any(|id| id == "switch.a") && ids.iter().all(|id| id != "switch.b"), "{ids:?}");
    }
}

#[tokio::test]
async fn each_of_a_group_shows_the_steps_of_all_of_it() {
    let (home, from_ms) = Home::attributed().await;
    let (on, off) = (Level { mode: 1, fraction: 1.0 }, Level::off());
    let steps =
        vec![home.step("switch.a", from_ms + 60 * MINUTE, off, on).await, home.step("switch.a", from_ms + 70 * MINUTE, on, off).await];
    home.store.replace_correlations(0, i64::MAX, steps).await.unwrap();
    let (first, other) = (home.page("switch.a", from_ms).await, home.page("switch.b", from_ms).await);
    assert_eq!(first["evidence"].as_array().unwrap().len(), 2);
    assert_eq!((&first["evidence"], &first["drift"]), (&other["evidence"], &other["drift"]));
    let newest = &first["evidence"][0];
    assert_eq!((newest["previous_state"].as_str(), newest["level_before"].as_f64()), (Some("on"), Some(1.0)));
    assert_eq!((newest["state"].as_str(), newest["level_after"].as_f64()), (Some("off"), Some(0.0)));
}

#[tokio::test]
async fn a_step_says_from_which_level_to_which_and_what_was_left_out_around_it() {
    let (home, from_ms) = Home::attributed().await;
    let level = |fraction: f32| Level { mode: 1, fraction };
    let steps = vec![
        home.step("light.hall", from_ms + 10 * MINUTE, Level::off(), level(0.4)).await,
        home.step("light.hall", from_ms + 20 * MINUTE, level(0.4), level(102.0 / 255.0 * 2.0)).await,
    ];
    home.store.replace_correlations(0, i64::MAX, steps).await.unwrap();
    let page = home.page("light.hall", from_ms).await;
    let levels: Vec<[&Value; 2]> = page["evidence"].as_array().unwrap().iter().map(|e| [&e["level_before"], &e["level_after"]]).collect();
    assert_eq!(json!(levels), json!([[0.4, 0.8], [0.0, 0.4]]));
    assert_eq!((page["meta"]["guard_before_s"].as_f64(), page["meta"]["guard_after_s"].as_f64()), (Some(6.0), Some(13.0)));

    // What an older release learned does not say.
    let mut house: Value = serde_json::from_str(&home.store.document("house").await.unwrap().unwrap()).unwrap();
    house.as_object_mut().unwrap().retain(|key, _| !key.starts_with("guard"));
    home.store.put_documents(vec![("house".to_owned(), house.to_string())]).await.unwrap();
    let page = home.page("light.hall", from_ms).await;
    assert!(page["meta"]["guard_before_s"].is_null() && page["meta"]["guard_after_s"].is_null(), "{}", page["meta"]);
}
