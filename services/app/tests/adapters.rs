//! Meters that Home Assistant does not have, read by the binary: in one process, and in several.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../store/tests/common/ports.rs"]
mod ports;
#[allow(dead_code, reason = "each test file uses a part of it")]
mod running;

use std::io::{Read, Write};
use std::net::TcpListener;

use running::Running;

/// A meter with a page, for as long as the test runs. Where it is.
fn page() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, mut asked, body) = (socket.unwrap(), [0; 1024], r#"{"power": 412}"#);
            let _asker_may_be_gone = socket.read(&mut asked);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            let _asker_may_be_gone = socket.write_all(answer.as_bytes());
        }
    });
    port
}

fn sources(ports: &[(&str, u16)]) -> String {
    let source = |(name, port): &(&str, u16)| {
        format!(
            r#"{{"name": "{name}", "url": "http://anna:hush@127.0.0.1:{port}/", "every": "500ms", "role": "whole_house",
                "values": [{{"quantity": "power_w", "pointer": "/power"}}]}}"#
        )
    };
    format!("[{}]", ports.iter().map(source).collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn a_meter_with_a_page_is_the_house_without_home_assistant() {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(&[("P1", page())]);
    let running = Running::start("run", folder.path(), &[("WATTRIBUTE__HTTP_SOURCE", &sources), ("WATTRIBUTE__HOME__METER", "http/p1")]);
    assert!(running.said.iter().any(|line| line.contains("source") && line.contains("http")), "{:?}", running.said);
    running.until("meter", "/consumption", |said| said.contains("\"total_power_w\":412.0")).await;
    running.until("data API", "/api/v1/sources", |said| said.contains("\"source\":\"http\"") && said.contains("\"is_up\":true")).await;
    running.until("correlator", "/health", |said| said.contains("\"whole_house_meter\":\"ok\"")).await;
    let (_, health) = running.json("meter", "/health").await;
    assert_eq!(health["status"], "healthy", "{health}");
    assert_eq!(running.stop(), Some(0));
    assert!(!running::log(folder.path()).contains("hush"));
}

#[tokio::test]
async fn another_process_tells_which_meter_is_away_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = ports::free_port();
    let sources = sources(&[("P1", page()), ("attic", nobody)]);
    let meter = Running::start("meter", folder.path(), &[("WATTRIBUTE__HTTP_SOURCE", &sources)]);
    let api = Running::start("data-api", folder.path(), &[]);
    api.until("data API", "/api/v1/sources", |said| said.contains("attic: 127.0.0.1 cannot be reached") && !said.contains("hush")).await;
    let (_, status) = api.json("data API", "/status").await;
    assert_eq!((status["mqtt_connected"].as_bool(), status["topic"].is_null()), (Some(false), true));
    assert_eq!((api.stop(), meter.stop()), (Some(0), Some(0)));
}

#[test]
fn once_says_what_each_source_says_or_why_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = ports::free_port();
    let sources = sources(&[("P1", page()), ("attic", nobody)]);
    for words in [&["once"][..], &["meter", "--once"][..]] {
        let said = running::wattribute(words, folder.path(), &[("WATTRIBUTE__HTTP_SOURCE", &sources)]);
        let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert_eq!(said.status.code(), Some(0), "{err}");
        let lines: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(lines.contains(&vec!["p1", "power_w", "412", "W", "P1"]), "{out}");
        assert!(out.contains("127.0.0.1 cannot be reached") && !out.contains("hush"), "{out}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is written");
    let said = running::wattribute(&["once", "--write"], folder.path(), &[("WATTRIBUTE__HTTP_SOURCE", &sources)]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("Written: 1 readings"), "{said:?}");
    assert!(folder.path().join("data/wattribute.db").exists());
}

#[test]
fn check_tries_each_source_and_says_what_names_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(&[("P1", page()), ("attic", ports::free_port())]);
    let variables = [("WATTRIBUTE__HTTP_SOURCE", sources.as_str()), ("WATTRIBUTE__HOME__METER", "htp/p1")];
    let said = running::wattribute(&["check"], folder.path(), &variables);
    let out = String::from_utf8_lossy(&said.stdout).into_owned();
    let has = |start: &str, what: &str| out.lines().any(|line| line.starts_with(start) && line.contains(what));
    assert!(has("ok       http ", "p1 can be read"), "{out}");
    assert!(has("PROBLEM  http ", "attic: 127.0.0.1 cannot be reached"), "{out}");
    assert!(has("PROBLEM  configuration ", "`htp/p1`: there is no source `htp`; did you mean http?"), "{out}");
    assert!(said.status.code() == Some(1) && !out.contains("hush"), "{out}");
}
