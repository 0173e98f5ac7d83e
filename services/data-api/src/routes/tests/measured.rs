//! Series, readings and sources.

use serde_json::json;
use wattribute_domain::Hold;
use wattribute_store::Settings;

use super::*;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

impl Home {
    /// Asks a described route, whose answer must fit.
    async fn fitting(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.ask(path).await;
        assert_fits(path.split('?').next().unwrap(), "get", status, &body);
        (status, body)
    }

    async fn describe(&self, info: SeriesInfo) -> SeriesId {
        self.store.describe(vec![info]).await.unwrap()[0]
    }

    async fn say(&self, series: SeriesId, rows: &[(i64, f64)]) {
        let readings = rows.iter().map(|&(at_ms, value)| Reading { series, at_ms, value }).collect();
        self.store.write(Batch { readings, ..Batch::default() }).await.unwrap();
    }
}

fn power(device: &str) -> SeriesInfo {
    SeriesInfo::new("home_assistant", device, Quantity::PowerW)
}

/// The start of an hour, some hours ago.
fn some_hours_ago(hours: i64) -> i64 {
    (now().timestamp_millis() / HOUR_MS - hours) * HOUR_MS
}

#[tokio::test]
async fn series_say_what_they_are_and_what_they_said_last() {
    let home = Home::lived_in().await;
    let (status, all) = home.fitting("/api/v1/series").await;
    assert_eq!((status, all["series"].as_array().unwrap().len(), all["meta"]["count"].as_u64()), (200, 4, Some(4)));
    let (_, houses) = home.fitting("/api/v1/series?role=whole_house&quantity=power_w").await;
    let house = &houses["series"][0];
    assert_eq!((house["device"].as_str(), house["unit"].as_str()), (Some("sensor.house_power"), Some("W")));
    assert_eq!((house["last_value"].as_f64(), house["is_silent"].as_bool()), (Some(500.0), Some(false)));
    let (_, kettle) = home.fitting("/api/v1/series?device=switch.kettle&source=home_assistant").await;
    let kettle = &kettle["series"][0];
    assert_eq!((kettle["last_state"].as_str(), kettle["unit"].is_null()), (Some("off"), true));
    let (_, lamp) = home.fitting("/api/v1/series?device=light.hall").await;
    assert!(lamp["series"][0]["last_at"].is_null() && lamp["series"][0]["is_silent"] == json!(true), "{lamp}");
}

#[tokio::test]
async fn a_gap_is_null_and_means_are_weighted_by_time() {
    let home = Home::empty();
    let id = home.describe(power("sensor.house_power")).await;
    let t = some_hours_ago(5);
    home.say(id, &[(t, 100.0), (t + HOUR_MS, f64::NAN), (t + 2 * HOUR_MS, 300.0), (t + 2 * HOUR_MS + 20 * MINUTE_MS, 600.0)]).await;
    let (_, chart) = home.fitting(&format!("/api/v1/readings?series={}&from={t}&to={}&interval=PT30M", id.0, t + 3 * HOUR_MS)).await;
    let one = &chart["series"][0];
    assert_eq!(one["mean"], json!([100.0, 100.0, null, null, 400.0, 600.0]));
    assert_eq!(one["min"], json!([100.0, 100.0, null, null, 300.0, 600.0]));
    assert_eq!(one["max"], json!([100.0, 100.0, null, null, 600.0, 600.0]));
    assert_eq!(one["at"][1].as_i64(), Some(t + 30 * MINUTE_MS));
    assert_eq!(chart["meta"]["interval_s"], json!(1800.0));
    let (_, raw) = home.fitting(&format!("/api/v1/readings?series={}&from={t}&to={}&raw=true", id.0, t + 3 * HOUR_MS)).await;
    assert_eq!(raw["series"][0]["value"], json!([100.0, null, 300.0, 600.0]));
    let (status, problem) =
        home.fitting(&format!("/api/v1/readings?series={}&from={t}&to={}&raw=true&max_points=3", id.0, t + 3 * HOUR_MS)).await;
    assert!(status == 422 && problem["detail"].as_str().unwrap().contains("more than 3"), "{problem}");
}

#[tokio::test]
async fn the_future_is_not_known_and_neither_is_what_a_source_that_is_away_would_say() {
    let home = Home::empty();
    let id = home.describe(power("sensor.house_power")).await;
    let polled = home.describe(SeriesInfo { hold: Hold::Intervals, ..SeriesInfo::new("shelly", "plug", Quantity::PowerW) }).await;
    let now_ms = now().timestamp_millis();
    let t = some_hours_ago(3);
    home.say(id, &[(t, 100.0)]).await;
    home.say(polled, &[(t, 5.0), (t + 10_000, 5.0), (t + 20_000, 5.0)]).await;
    let mean = async |id: SeriesId| {
        let path = format!("/api/v1/readings?series={}&from={t}&to={}&interval=1h", id.0, t + 6 * HOUR_MS);
        home.fitting(&path).await.1["series"][0]["mean"].clone()
    };
    let seen = mean(id).await;
    assert_eq!((seen[2].as_f64(), seen[5].as_f64(), seen.as_array().unwrap().len()), (Some(100.0), None, 6), "{seen}");
    assert_eq!(mean(polled).await, json!([5.0, null, null, null, null, null]));
    let heard = ("heard:home_assistant".to_owned(), (t + HOUR_MS).to_string());
    home.store.put_documents(vec![heard]).await.unwrap();
    assert!(now_ms > t + 2 * HOUR_MS);
    assert_eq!(mean(id).await, json!([100.0, null, null, null, null, null]));
}

#[rstest]
#[case(1)]
#[case(2)]
#[case(7)]
#[case(1000)]
#[case(10_000)]
#[tokio::test]
async fn there_are_never_more_points_than_asked_for(#[case] most: usize) {
    let home = Home::lived_in().await;
    let now_ms = now().timestamp_millis();
    for span_ms in [1, 999, 86_400_000, 86_400_000 * 365, 86_400_000 * 365 * 20] {
        let (status, chart) = home.fitting(&format!("/api/v1/readings?from={}&to={now_ms}&max_points={most}", now_ms - span_ms)).await;
        let points = chart["series"][0]["at"].as_array().unwrap().len();
        assert!(status == 200 && (1..=most).contains(&points), "{span_ms} ms: {points} of {most}");
    }
}

#[tokio::test]
async fn several_series_are_asked_for_in_one_go_and_not_too_many() {
    let home = Home::lived_in().await;
    for query in ["series=1,2&series=3", "series=1&series=2&series=3&series=3", "series=1, 2 ,3"] {
        let (_, chart) = home.fitting(&format!("/api/v1/readings?{}", query.replace(' ', "%20"))).await;
        let ids: Vec<u64> = chart["series"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, [1, 2, 3], "{query}");
    }
    // Nothing said: the house.
    let (_, chart) = home.fitting("/api/v1/readings").await;
    assert_eq!(chart["series"][0]["device"], json!("sensor.house_power"));
    let (_, chart) = home.fitting("/api/v1/readings?device=sensor.nobody").await;
    assert_eq!(chart["series"], json!([]));
    home.store.describe((0..30).map(|k| power(&format!("sensor.plug_{k}"))).collect()).await.unwrap();
    let (status, problem) = home.fitting("/api/v1/readings?quantity=power_w").await;
    assert!(status == 422 && problem["detail"].as_str().unwrap().contains("at most 20"), "{problem}");
}

#[tokio::test]
async fn a_source_that_is_away_is_down_since_it_was_heard() {
    let home = Home::lived_in().await;
    let (_, answer) = home.fitting("/api/v1/sources").await;
    let source = &answer["sources"][0];
    assert_eq!(
        (source["source"].as_str(), source["series"].as_u64(), source["silent"].as_u64()),
        (Some("home_assistant"), Some(4), Some(1))
    );
    assert!(source["is_up"].is_null() && source["error"].is_null(), "{source}");
    let heard_ms = now().timestamp_millis() - 600_000;
    home.store.put_documents(vec![("heard:home_assistant".to_owned(), heard_ms.to_string())]).await.unwrap();
    let (_, answer) = home.fitting("/api/v1/sources").await;
    let source = &answer["sources"][0];
    assert_eq!((source["is_up"].as_bool(), source["since"].as_str()), (Some(false), Some(&*instant(heard_ms))));
    assert!(source["error"].as_str().unwrap().contains("10 min"), "{source}");
    assert_eq!((source["title"].as_str(), source["link"].as_str()), (Some("Home Assistant"), None));
    let link = |link: &str| wattribute_store::set_links(&*home.store, vec![("home_assistant".to_owned(), Some(link.to_owned()))]);
    for (said, shown) in [("https://ha.example/house", Some("https://ha.example/house")), ("javascript:alert(1)", None), ("", None)] {
        link(said).await.unwrap();
        assert_eq!(home.fitting("/api/v1/sources").await.1["sources"][0]["link"].as_str(), shown);
    }
    assert_eq!(answer["store"]["keep_raw_s"].as_u64(), Some(90 * 86_400));
}

#[tokio::test]
async fn what_the_process_knows_of_a_source_is_told_with_its_size() {
    let home = Home::lived_in().await;
    let mut api = Api::new(home.store.clone(), Config::default(), false);
    let url = format!("sqlite:{}/home.db", home._folder.path().display());
    api.settings = Arc::new(Config { store: Settings { url: Some(url), ..Settings::forever() }, ..Config::default() });
    api.health.set("home_assistant", wattribute_service::State::Degraded("the token is refused".to_owned()));
    api.health.set("mqtt", wattribute_service::State::Degraded("the broker is away".to_owned()));
    let app: Router = crate::router(api).split_for_parts().0;
    let response = app.oneshot(Request::get("/api/v1/sources").body(Body::empty()).unwrap()).await.unwrap();
    let answer: Value = serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap();
    assert_fits("/api/v1/sources", "get", 200, &answer);
    let source = &answer["sources"][0];
    assert_eq!((source["is_up"].as_bool(), source["error"].as_str()), (Some(false), Some("the token is refused")));
    assert!(source["since"].is_string());
    assert_eq!(answer["problems"], json!(["mqtt: the broker is away"]));
    assert!(answer["store"]["size_bytes"].as_u64().unwrap() > 4096 && answer["store"]["keep_raw_s"].is_null(), "{answer}");
    let oldest = answer["store"]["oldest_at"].as_str().unwrap();
    assert!(chrono::DateTime::parse_from_rfc3339(oldest).unwrap().timestamp_millis() <= now().timestamp_millis() - 7_199_000);
}
