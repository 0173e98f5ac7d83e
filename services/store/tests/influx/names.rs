//! Real servers take every line that we write, whatever things are called, and give back what was written.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use wattribute_store::influx::line::{Point, tag_value};
use wattribute_store::influx::{Account, Client, Space, connect_sink};

use crate::common::backend::Server;

const POINTS: usize = 400;

/// What a thing may be called, a text, a number.
type Named = (String, String, f64);

/// Names at random, most of them with what line protocol takes for something else.
fn named() -> Vec<Named> {
    let name = prop_oneof![4 => "[a-z ,=\\\\\"'#\n\r\t;:.äß漢☕_-]{0,12}", 1 => any::<String>(), 1 => "[ -~]{0,30}"];
    let number = prop_oneof![
        any::<f64>().prop_filter("finite", |n| n.is_finite()),
        (-1e6..1e6_f64),
        (0..100_000_i32).prop_map(|n| f64::from(n) / 10.0)
    ];
    let one = (name.clone(), name, number);
    let mut runner = TestRunner::deterministic();
    (0..POINTS).map(|_| one.new_tree(&mut runner).unwrap().current()).collect()
}

fn lines(points: impl Iterator<Item = Point>) -> Vec<String> {
    points.map(|point| point.line().unwrap()).collect()
}

#[tokio::test]
async fn influxdb_takes_every_line_and_gives_back_what_was_written() {
    let Some(server) = Server::start() else { return };
    let client = connect_sink(&server.url, &Account::default()).await.unwrap();
    let named = named();
    let point = |(k, (name, text, number)): (usize, &Named)| {
        Point::of("fuzz").tag("n", k).tag("name", name).field("number", *number).field("words", text.as_str()).at(1000)
    };
    let written = client.write(Space::Main, &lines(named.iter().enumerate().map(point))).await.unwrap();
    assert_eq!(written.set_aside, []);
    let found = client.query(Space::Main, "SELECT \"number\", \"words\" FROM \"fuzz\" GROUP BY *").await.unwrap();
    assert_eq!(found[0].len(), POINTS);
    for table in &found[0] {
        let (name, text, number) = &named[table.tag("n").unwrap().parse::<usize>().unwrap()];
        let row = &table.rows[0];
        assert_eq!(table.tag("name").unwrap_or_default(), tag_value(name));
        assert_eq!(row[1].number().unwrap().to_bits(), number.to_bits(), "{number}");
        assert_eq!(row[2].text(), Some(text.replace('\0', "").as_str()));
    }
    // Keys and measurements as well: what `line` does not refuse, the server takes.
    let odd = |(k, (name, text, number)): (usize, &Named)| {
        let point = Point::of(&tag_value(name)).tag(text, k).field(&format!("{k}{text}"), *number).at(k as i64);
        point.line().ok()
    };
    let odd: Vec<String> = named.iter().enumerate().filter_map(odd).collect();
    assert!(odd.len() > POINTS / 4, "{}", odd.len());
    assert_eq!(client.write(Space::Main, &odd).await.unwrap().set_aside, []);
}

#[tokio::test]
async fn victoria_metrics_takes_every_line_and_gives_back_what_was_written() {
    let Some(server) = Server::victoria() else { return };
    let client = Client::connect(&server.url, &Account::default()).await.unwrap();
    let named = named();
    // It keeps some twelve digits of a number, and no text.
    let number = |k: usize| (k as f64 * 37.0 - 5000.0) / 10.0;
    let at_ms = chrono::Utc::now().timestamp_millis() - 60_000;
    let point = |(k, (name, _, _)): (usize, &Named)| {
        Point::of("smart_meter_circuit").tag("n", k).tag("circuit_name", name).field("power_w", number(k)).at(at_ms)
    };
    client.write(Space::Main, &lines(named.iter().enumerate().map(point))).await.unwrap();
    let url = format!("{}/api/v1/export?match[]=smart_meter_circuit_power_w&start={}", server.url, at_ms / 1000 - 60);
    let mut found: BTreeMap<usize, (String, f64, i64)> = BTreeMap::new();
    // It shows what it took within moments.
    for _ in 0..100 {
        let text = reqwest::get(&url).await.unwrap().text().await.unwrap();
        for row in text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
            let tag = |key: &str| row["metric"][key].as_str().unwrap_or_default().to_owned();
            let value = (tag("circuit_name"), row["values"][0].as_f64().unwrap(), row["timestamps"][0].as_i64().unwrap());
            found.insert(tag("n").parse().unwrap(), value);
        }
        if found.len() == POINTS {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let missing: Vec<&str> = (0..POINTS).filter(|k| !found.contains_key(k)).map(|k| named[k].0.as_str()).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for (k, (name, value, at)) in found {
        assert_eq!((name.as_str(), value, at), (&*tag_value(&named[k].0), number(k), at_ms));
    }
}
