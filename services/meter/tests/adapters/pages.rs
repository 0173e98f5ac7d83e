//! Devices with a page: each by itself.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wattribute_domain::{Quantity, Role};
use wattribute_meter::Sources;
use wattribute_service::State;

use crate::home::Home;

/// A device that answers every request with the same page, until it is cancelled. Where it is.
async fn device(port: u16, page: &'static str, gone: CancellationToken) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let mut socket = tokio::select! {
                accepted = listener.accept() => accepted.unwrap().0,
                () = gone.cancelled() => return,
            };
            let mut asked = [0; 1024];
            if socket.read(&mut asked).await.is_ok() {
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}", page.len());
                let _asker_may_be_gone = socket.write_all(answer.as_bytes()).await;
            }
        }
    });
    port
}

fn sources(ports: &[(&str, u16)]) -> Sources {
    let source = |(name, port): &(&str, u16)| {
        let page = json!({"name": name, "url": format!("http://anna:hush@127.0.0.1:{port}/"), "every": "200ms", "role": "device",
            "values": [{"quantity": "power_w", "pointer": "/power"}]});
        serde_json::from_value(page).unwrap()
    };
    Sources { http: ports.iter().map(source).collect(), ..Sources::default() }
}

#[tokio::test]
async fn one_that_is_away_is_named_stops_no_other_and_is_read_again() {
    let (gone, here) = (CancellationToken::new(), CancellationToken::new());
    let desk = device(0, r#"{"power": 60}"#, gone.clone()).await;
    let lamp = device(0, r#"{"power": 7}"#, here.clone()).await;
    let nonsense = device(0, "<html>", here.clone()).await;
    let home = Home::start(sources(&[("Desk", desk), ("lamp", lamp), ("odd", nonsense)])).await;
    home.until("http.desk", Quantity::PowerW, 2).await;
    assert_eq!(home.role("http.desk").await, Some(Role::Device));
    home.until_health("http", |state| matches!(state, State::Degraded(why) if why.starts_with("odd: ") && !why.contains("hush"))).await;
    gone.cancel();
    home.until_health("http", |state| matches!(state, State::Degraded(why) if why.contains("desk: 127.0.0.1 cannot be reached"))).await;
    let before = home.until("http.lamp", Quantity::PowerW, 1).await.len();
    let all = home.until("http.lamp", Quantity::PowerW, before + 3).await;
    assert!(all.iter().all(|value| *value == 7.0), "{all:?}");
    let missed = home.until("http.desk", Quantity::PowerW, 1).await;
    assert!(missed.iter().all(|value| *value == 60.0), "nothing is made up: {missed:?}");
    let again = CancellationToken::new();
    device(desk, r#"{"power": 61}"#, again).await;
    let all = home.until("http.desk", Quantity::PowerW, missed.len() + 1).await;
    assert_eq!(all.last(), Some(&61.0));
    home.until_health("http", |state| matches!(state, State::Degraded(why) if !why.contains("desk"))).await;
    let standing = home.until_standing("http", |standing| standing.error.as_deref().is_some_and(|why| why.starts_with("odd: "))).await;
    assert!(!standing.is_up && standing.mqtt_connected.is_none());
    tokio::time::timeout(Duration::from_secs(5), home.stop()).await.unwrap();
}

#[tokio::test]
async fn what_is_described_wrongly_is_named_and_the_rest_is_read() {
    let lamp = device(0, r#"{"power": 7}"#, CancellationToken::new()).await;
    let home = Home::start(sources(&[("lamp", lamp), ("Lamp", lamp)])).await;
    home.until("http.lamp", Quantity::PowerW, 1).await;
    home.until_health("http_settings", |state| matches!(state, State::Degraded(why) if why.contains("another has the same name"))).await;
    home.stop().await;
}

/// CPU time of this process, s, and what it has in memory, MB.
fn costs() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: f64 = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let rss =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    (ticks / 100.0, rss.unwrap_or(0.0) / 1024.0)
}

#[tokio::test]
async fn many_devices_are_each_read_in_time() {
    let Some(count) = std::env::var("WATTRIBUTE_TEST_DEVICES").ok().and_then(|text| text.parse::<usize>().ok()) else {
        println!("SKIPPED: WATTRIBUTE_TEST_DEVICES says how many devices to read for a minute, such as 200");
        return;
    };
    let port = device(0, r#"{"power": 7}"#, CancellationToken::new()).await;
    let names: Vec<String> = (0..count).map(|k| format!("plug {k}")).collect();
    let ports: Vec<(&str, u16)> = names.iter().map(|name| (name.as_str(), port)).collect();
    let mut all = sources(&ports);
    all.http.iter_mut().for_each(|device| device.every = Duration::from_secs(10));
    let (before_s, _) = costs();
    let home = Home::start(all).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let (after_s, megabytes) = costs();
    let mut latest_ms = 0;
    for k in 0..count {
        let at_ms = home.instants(&format!("http.plug_{k}"), Quantity::PowerW).await;
        assert!(at_ms.len() >= 5, "plug {k} was read {} times", at_ms.len());
        latest_ms = at_ms.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap().max(latest_ms);
    }
    println!(
        "{count} devices every 10 s: {:.2} % of one core, {megabytes:.0} MB, at most {latest_ms} ms between two readings",
        (after_s - before_s) / 0.6
    );
    assert!(latest_ms < 20_000, "none is late by more than a poll");
    home.stop().await;
}
