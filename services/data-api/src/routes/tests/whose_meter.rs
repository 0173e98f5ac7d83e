//! The home and what the owner sets of it.

use serde_json::json;
use wattribute_domain::HouseRecord;
use wattribute_store::{HomeChoice, home_choice, set_configured_meter};

use super::*;

const PATH: &str = "/api/v1/home";

impl Home {
    async fn told(&self) -> Value {
        let (status, body) = self.ask(PATH).await;
        assert_fits(PATH, "get", status, &body);
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn set(&self, body: Value) -> (u16, Value) {
        let (status, answer) = self.send("PATCH", PATH, &body.to_string()).await;
        assert_fits(PATH, "patch", status, &answer);
        (status, answer)
    }

    /// As if the correlator had learned.
    async fn learned(&self, label: &str, candidates: &[&str]) {
        let record = HouseRecord {
            label: label.to_owned(),
            why: "it is the only one".to_owned(),
            series: SeriesId(1),
            inputs: vec![SeriesId(1)],
            metered: Default::default(),
            baseline_w: None,
            interval_s: 2.0,
            lag_s: Some(1.8),
            guard_before_s: None,
            guard_after_s: None,
            candidates: candidates.iter().map(|one| (*one).to_owned()).collect(),
            provisional_s: 10.0,
            final_s: 20.0,
            notes: vec![],
        };
        self.store.put_documents(vec![("house".to_owned(), serde_json::to_string(&record).unwrap())]).await.unwrap();
    }
}

#[tokio::test]
async fn of_an_empty_home_nothing_is_made_up() {
    let home = Home::empty().told().await;
    let meter = json!({"said": null, "from": null, "in_force": null, "why": null, "interval_s": null, "lag_s": null, "candidates": []});
    assert_eq!((&home["meter"], &home["name"], &home["learned_at"]), (&meter, &Value::Null, &Value::Null));
    assert_eq!((&home["night"], &home["time_zone"]), (&json!({"from": "02:00", "to": "05:00"}), &json!("UTC")));
    assert_eq!((home["phantom_threshold_w"].as_f64(), &home["phantom_threshold_from"]), (Some(200.0), &Value::Null));
}

#[tokio::test]
async fn the_meter_is_told_with_what_else_could_be_it() {
    let home = Home::lived_in().await;
    home.learned("sensor.house_power", &["sensor.heater_power + sensor.house_power"]).await;
    home.store.put_documents(vec![("home".to_owned(), r#"{"name":"Mill Lane","currency":"EUR"}"#.to_owned())]).await.unwrap();
    let told = home.told().await;
    assert_eq!((told["name"].as_str(), told["currency"].as_str()), (Some("Mill Lane"), Some("EUR")));
    let meter = &told["meter"];
    assert_eq!((meter["in_force"].as_str(), meter["why"].as_str()), (Some("sensor.house_power"), Some("it is the only one")));
    assert_eq!((meter["interval_s"].as_f64(), meter["lag_s"].as_f64(), &meter["said"]), (Some(2.0), Some(1.8), &Value::Null));
    let candidates: Vec<_> = meter["candidates"].as_array().unwrap().iter().map(|c| (c["meter"].as_str(), c["power_w"].as_f64())).collect();
    assert_eq!(candidates, [(Some("sensor.heater_power + sensor.house_power"), Some(625.0)), (Some("sensor.heater_power"), Some(125.0))]);
    assert_eq!(meter["candidates"][0]["name"], "Heater + sensor.house_power");
}

#[tokio::test]
async fn what_the_owner_chooses_is_kept_until_it_is_taken_back() {
    let home = Home::lived_in().await;
    let (status, told) = home.set(json!({"meter": " Sensor.house_power - sensor.heater_power"})).await;
    assert_eq!((status, told["meter"]["said"].as_str()), (200, Some("sensor.house_power - sensor.heater_power")));
    assert_eq!((told["meter"]["from"].as_str(), &told["meter"]["in_force"]), (Some("api"), &Value::Null));
    home.set(json!({"phantom_threshold_w": 120.5})).await;
    let told = home.told().await;
    assert_eq!((told["phantom_threshold_w"].as_f64(), told["phantom_threshold_from"].as_str()), (Some(120.5), Some("api")));
    assert_eq!(told["meter"]["from"].as_str(), Some("api"), "what was not said stays");
    assert_eq!(home.ask("/api/v1/energy/phantom-load").await.1["threshold_w"].as_f64(), Some(120.5));
    home.set(json!({"meter": null, "phantom_threshold_w": null})).await;
    assert_eq!(home_choice(&*home.store).await.unwrap(), HomeChoice::default());
    assert_eq!(home.set(json!({})).await.0, 200);
}

#[tokio::test]
async fn what_the_configuration_says_is_changed_there() {
    let home = Home::lived_in().await;
    set_configured_meter(&*home.store, Some("sensor.house_power")).await.unwrap();
    assert_eq!(home.told().await["meter"]["from"].as_str(), Some("config"));
    for meter in [json!("sensor.heater_power"), Value::Null] {
        let (status, problem) = home.set(json!({ "meter": meter })).await;
        assert!(status == 409 && problem["detail"].as_str().unwrap().contains("[home_assistant] meter"), "{problem}");
    }
    let api = Api::new(home.store.clone(), Config { phantom_threshold_w: 150.0, ..Config::default() }, false);
    let app: Router = crate::router(api).split_for_parts().0;
    let body = Body::from(r#"{"phantom_threshold_w": 90}"#);
    let request = Request::patch(PATH).header("content-type", "application/json").body(body).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 409);
    set_configured_meter(&*home.store, None).await.unwrap();
    assert_eq!(home.set(json!({"meter": "sensor.heater_power"})).await.0, 200);
}

#[rstest]
#[case(json!({"meter": "sensor.gone"}), "there is no entity sensor.gone")]
#[case(json!({"meter": "sensor.house_power + light.hall"}), "light.hall is no sensor of power or energy")]
#[case(json!({"meter": "sensor.mute"}), "sensor.mute has said nothing yet")]
#[case(json!({"meter": "sensor.house_power +"}), "missing at its end")]
#[case(json!({"meter": ""}), "no entity in it")]
#[case(json!({"meter": 7}), "meter: invalid type")]
#[case(json!({"phantom_threshold_w": 0}), "phantom_threshold_w: 0 is not between 1 and 100000")]
#[case(json!({"phantom_threshold_w": "much"}), "phantom_threshold_w: invalid type")]
#[case(json!({"night": "22:00-05:00"}), "unknown field `night`")]
#[case(json!(["sensor.house_power", null]), "a JSON object")]
#[tokio::test]
async fn what_cannot_be_is_refused_by_name(#[case] body: Value, #[case] says: &str) {
    let home = Home::lived_in().await;
    home.store.describe(vec![SeriesInfo::new("home_assistant", "sensor.mute", Quantity::PowerW)]).await.unwrap();
    let (status, problem) = home.set(body).await;
    assert!(status == 422 && problem["detail"].as_str().unwrap().contains(says), "{status} {problem}");
    assert_eq!(home_choice(&*home.store).await.unwrap(), HomeChoice::default());
}
