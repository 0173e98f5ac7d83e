use rstest::rstest;
use wattribute_domain::Quantity;
use wiremock::matchers::{path, query_param, query_param_contains};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::adapters::fixtures::{of, shared, shown};

fn understood(name: &str, text: &str) -> String {
    let answer = text.as_bytes();
    let told = match name.split(['.', '_']).next().unwrap() {
        "status" => wire::status("iotawatt", answer).map(|told| shown(&told)),
        _ if name.contains("series") => {
            wire::series(answer).map(|columns| format!("{columns:?}\n{}", wire::query(&columns, "s-60s", "s", 5)))
        }
        _ => wire::rows(answer).map(|rows| format!("{rows:?}")),
    };
    format!("{name}\n{}\n", told.unwrap_or_else(|why| format!("error: {why}")))
}

#[test]
fn every_fixture_is_read() {
    insta::assert_snapshot!(of("iotawatt").into_iter().map(|(name, text)| understood(&name, &text)).collect::<String>());
}

#[test]
fn answers_of_real_devices_are_read() {
    let text: String = shared("iotawatt").into_iter().map(|(name, text)| understood(&name, &text)).collect();
    if !text.is_empty() {
        insta::assert_snapshot!(text);
    }
}

#[rstest]
#[case(b"{\"data\":[[1795197600,1")]
#[case(b"<html>")]
#[case(b"{\"data\":7}")]
fn garbage_is_named(#[case] answer: &[u8]) {
    assert!(wire::rows(answer).is_err() && wire::series(answer).is_err() && wire::status("a", answer).is_err());
}

/// An IoTaWatt that answers each query with a row for each step, saying how many minutes its clock is past the hour.
async fn server(clock_off_s: i64, since_s: i64) -> MockServer {
    let server = MockServer::start().await;
    let series =
        ResponseTemplate::new(200).set_body_string(r#"{"series":[{"name":"main","unit":"Watts"},{"name":"used","unit":"Watts"}]}"#);
    Mock::given(path("/query")).and(query_param("show", "series")).respond_with(series).mount(&server).await;
    let answer = move |request: &Request| {
        let asked: std::collections::HashMap<String, String> = request.url.query_pairs().into_owned().collect();
        let now_s = (now_ms() / 1000 + clock_off_s) / 5 * 5;
        let time = |text: &str| match text {
            "s" => now_s,
            "s-60s" => now_s - 60,
            text => text.parse().unwrap(),
        };
        let (begin, end) = (time(&asked["begin"]), time(&asked["end"]));
        let step = if asked["group"] == "1m" { 60 } else { 5 };
        let rows: Vec<String> =
            (begin..end).step_by(step).filter(|at_s| *at_s >= since_s).map(|at_s| format!("[{at_s},{}]", at_s % 3600)).collect();
        ResponseTemplate::new(200).set_body_string(format!("{{\"range\":[{begin},{end}],\"data\":[{}]}}", rows.join(",")))
    };
    Mock::given(path("/query")).and(query_param_contains("select", "main")).respond_with(answer).mount(&server).await;
    server
}

fn adapter(server: &MockServer, last_ms: Option<i64>) -> Iotawatt {
    let config =
        serde_json::json!({"url": server.uri(), "every": "100ms", "backfill": "1h", "exclude": ["used"], "roles": {"Main": "whole_house"}});
    Iotawatt::new(&serde_json::from_value(config).unwrap(), &[], last_ms).unwrap()
}

/// Asks until nothing is missing up to the present; the instants that were read, s, each with what was said.
async fn read(adapter: &mut Iotawatt) -> Vec<(i64, f64)> {
    let mut all = Vec::new();
    loop {
        let events = tokio::time::timeout(Duration::from_secs(10), adapter.next()).await.unwrap().unwrap();
        for event in events {
            match event {
                Event::Reading { at_ms, value, .. } => all.push((at_ms / 1000, value)),
                Event::Series { info, .. } => assert_eq!((info.device.as_str(), info.role), ("main", Some(Role::WholeHouse))),
                _ => {}
            }
        }
        if all.last().is_some_and(|(at_s, _)| now_ms() / 1000 - at_s < 15) {
            return all;
        }
    }
}

#[tokio::test]
async fn what_was_missed_is_fetched_and_nothing_is_said_twice() {
    let server = server(0, 0).await;
    let last_ms = now_ms() - 40 * 60_000;
    let mut adapter = adapter(&server, Some(last_ms));
    let mut all = read(&mut adapter).await;
    all.extend(read(&mut adapter).await);
    assert!((all[0].0 - last_ms / 1000 - 5).abs() <= 5, "{:?}", all[0]);
    assert!(all.windows(2).all(|pair| pair[1].0 - pair[0].0 == 5), "each row once, none left out");
    assert!(all.iter().all(|(at_s, value)| *value == (at_s % 3600) as f64));
    let columns =
        server.received_requests().await.unwrap().into_iter().filter(|r| r.url.query().is_some_and(|q| q.contains("used"))).count();
    assert_eq!(columns, 0, "what is excluded is not asked for");
}

#[tokio::test]
async fn where_its_log_has_nothing_the_hole_stays() {
    let since_s = now_ms() / 1000 - 300;
    let server = server(0, since_s).await;
    let all = read(&mut adapter(&server, Some(now_ms() - 3_000_000))).await;
    assert!(all[0].0 >= since_s, "{:?}", all[0]);
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected() {
    let server = server(-7200, 0).await;
    let last_ms = now_ms() - 30_000;
    let all = read(&mut adapter(&server, Some(last_ms))).await;
    assert!(all.iter().all(|(at_s, _)| (at_s * 1000 - last_ms).abs() < 60_000), "{all:?}");
}

#[tokio::test]
async fn one_that_knows_no_queries_is_read_from_its_status() {
    let server = MockServer::start().await;
    let status = of("iotawatt").into_iter().find(|(name, _)| name == "status.json").unwrap().1;
    Mock::given(path("/status")).respond_with(ResponseTemplate::new(200).set_body_string(status)).mount(&server).await;
    let events = adapter(&server, None).next().await.unwrap();
    let powers = events.iter().filter(|event| matches!(event, Event::Series { info, .. } if info.quantity == Quantity::PowerW)).count();
    assert_eq!(powers, 3, "{events:?}");
}

#[tokio::test]
async fn one_that_is_away_is_told() {
    let server = MockServer::start().await;
    let mut away = adapter(&server, None);
    drop(server);
    assert!(away.next().await.is_err());
}

fn described(server: &MockServer, said: serde_json::Value) -> Iotawatt {
    let mut config = serde_json::json!({"url": server.uri(), "every": "100ms", "backfill": "1h"});
    config.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    Iotawatt::new(&serde_json::from_value(config).unwrap(), &[], Some(now_ms() - 30_000)).unwrap()
}

fn series(events: &[Event]) -> Vec<(String, Option<Role>)> {
    let info = |event: &Event| if let Event::Series { info, .. } = event { Some((info.device.clone(), info.role)) } else { None };
    events.iter().filter_map(info).collect()
}

#[tokio::test]
async fn what_the_owner_says_of_inputs_holds_for_one_that_knows_no_queries() {
    let server = MockServer::start().await;
    let status = of("iotawatt").into_iter().find(|(name, _)| name == "status.json").unwrap().1;
    Mock::given(path("/status")).respond_with(ResponseTemplate::new(200).set_body_string(status)).mount(&server).await;
    let said = serde_json::json!({"roles": {"input_1": "whole_house"}, "exclude": ["Total", "input_0"]});
    let events = described(&server, said).next().await.unwrap();
    let named: Vec<_> = series(&events).into_iter().map(|(device, role)| (device, role.unwrap())).collect();
    let expected = [("input_1", Role::WholeHouse), ("input_1", Role::WholeHouse), ("input_4", Role::Circuit)];
    assert_eq!(named, expected.map(|(device, role)| (device.to_owned(), role)));
}

#[tokio::test]
async fn an_input_that_was_renamed_is_looked_for_at_once() {
    let server = MockServer::start().await;
    let list = |name: &str| ResponseTemplate::new(200).set_body_string(format!(r#"{{"series":[{{"name":"{name}","unit":"Watts"}}]}}"#));
    let rows = |at_s: i64| ResponseTemplate::new(200).set_body_string(format!(r#"{{"range":[0,{at_s}],"data":[[{at_s},7]]}}"#));
    let of_name = |name: &'static str| Mock::given(path("/query")).and(query_param_contains("select", name));
    let shown = |name: &'static str| Mock::given(path("/query")).and(query_param("show", "series")).respond_with(list(name));
    shown("oven").mount(&server).await;
    of_name("oven").respond_with(rows(now_ms() / 5000 * 5 - 5)).mount(&server).await;
    let mut adapter = described(&server, serde_json::json!({}));
    assert_eq!(series(&adapter.next().await.unwrap())[0].0, "oven");
    server.reset().await;
    shown("stove").mount(&server).await;
    let refusal = ResponseTemplate::new(400).set_body_string("{\"error\":\"invalid query. Invalid series: oven\"}");
    of_name("oven").respond_with(refusal).mount(&server).await;
    of_name("stove").respond_with(rows(now_ms() / 5000 * 5)).mount(&server).await;
    let error = adapter.next().await.unwrap_err().to_string();
    assert!(error.contains("Invalid series: oven"), "{error}");
    assert_eq!(series(&adapter.next().await.unwrap())[0].0, "stove");
}

#[tokio::test]
async fn inputs_of_several_have_its_name_before_theirs() {
    let server = server(0, 0).await;
    let mut one = described(&server, serde_json::json!({"name": "Cellar", "roles": {"main": "whole_house"}})).among(2);
    let named = series(&one.next().await.unwrap());
    assert_eq!(named[0], ("cellar_main".to_owned(), Some(Role::WholeHouse)));
}

#[tokio::test]
async fn a_frequency_that_no_grid_has_is_none() {
    let server = MockServer::start().await;
    let list = r#"{"series":[{"name":"in","unit":"Volts"},{"name":"both","unit":"Volts"}]}"#;
    Mock::given(path("/query"))
        .and(query_param("show", "series"))
        .respond_with(ResponseTemplate::new(200).set_body_string(list))
        .mount(&server)
        .await;
    let now_s = now_ms() / 5000 * 5;
    let rows = format!(r#"{{"range":[0,{now_s}],"data":[[{},120.5,60.01,241,120.02]]}}"#, now_s - 5);
    Mock::given(path("/query"))
        .and(query_param_contains("select", "in"))
        .respond_with(ResponseTemplate::new(200).set_body_string(rows))
        .mount(&server)
        .await;
    let events = described(&server, serde_json::json!({})).next().await.unwrap();
    let values: Vec<f64> =
        events.iter().filter_map(|event| if let Event::Reading { value, .. } = event { Some(*value) } else { None }).collect();
    assert_eq!(values, [120.5, 60.01, 241.0]);
}

#[tokio::test]
async fn who_leaves_out_all_is_told() {
    let server = server(0, 0).await;
    let error = described(&server, serde_json::json!({"exclude": ["main", "used"]})).next().await.unwrap_err().to_string();
    assert!(error.contains("`exclude`"), "{error}");
}

#[test]
fn a_name_that_is_mistyped_is_told_with_those_there_are() {
    let why = wire::unknown(["Man 1", "SOLAR"].into_iter(), &["Main 1", "solar", "solar"]).unwrap();
    assert_eq!(why, "`roles` and `exclude` name `Man 1`, which it does not measure: it has `Main 1`, `solar`");
    assert_eq!(wire::unknown(["main_1"].into_iter(), &["Main 1"]), None);
}
