//! The services as the binary runs them: on free ports, stopped by a signal, asked over HTTP.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../store/tests/common/ports.rs"]
mod ports;
mod running;

use std::path::Path;
use std::process::Command;

use rstest::rstest;
use serde_json::Value;

use running::{Running, wattribute};

#[tokio::test]
async fn without_a_source_it_says_how_to_set_one_up() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start("run", folder.path(), &[]);
    for part in ["meter", "correlator", "data API", "dashboard"] {
        let health = running.json(part, "/health").await;
        assert_eq!((health.0, health.1["status"].as_str()), (200, Some("degraded")), "{part}: {health:?}");
        assert!(health.1["details"].to_string().contains("HOME_ASSISTANT_URL"), "{part}: {health:?}");
        assert_eq!(health.1["dependencies"]["store"], "ok", "{part}");
    }
    let (status, page) = running.get("dashboard", "/").await;
    assert!(status == 200 && page.to_ascii_lowercase().contains("<!doctype html"), "{page}");
    assert!(!running.is_labelled("dashboard", "/").await);
    let (_, current) = running.json("data API", "/api/v1/energy/current").await;
    assert!(current["total_power_w"].is_null() && current["is_demo"] == false, "{current}");
    assert_eq!(running.json("dashboard", "/api/v1/energy/correlations").await.1, serde_json::json!([]));
    assert!(folder.path().join("data/wattribute.db").exists());
    assert_eq!(running.stop(), Some(0));
}

#[tokio::test]
async fn a_demo_says_so_and_keeps_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start("demo", folder.path(), &[]);
    assert!(running.said.iter().any(|line| line.starts_with("DEMO")), "{:?}", running.said);
    for (part, path) in [("meter", "/health"), ("correlator", "/health"), ("data API", "/api/v1/energy/current"), ("dashboard", "/")] {
        assert!(running.is_labelled(part, path).await, "{part}");
    }
    running.until("dashboard", "/api/v1/energy/current", |now| !now.contains("\"total_power_w\":null")).await;
    assert_eq!(running.stop(), Some(0));
    assert!(!folder.path().join("data/wattribute.db").exists());
    let demo = format!("sqlite:{}", folder.path().join("data/demo.db").display());
    let said = wattribute(&["run"], folder.path(), &[("WATTRIBUTE__STORE__URL", &demo)]);
    assert_eq!(said.status.code(), Some(2));
    let error = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(error.contains("demo") && error.lines().last().unwrap().starts_with("wattribute: "), "{error}");
}

#[tokio::test]
async fn a_stream_begins_at_once_and_is_not_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start("run", folder.path(), &[]);
    for part in ["data API", "dashboard"] {
        let asked = reqwest::Client::new().get(running.url(part, "/api/v1/live")).header("accept-encoding", "gzip, br");
        let mut stream = asked.send().await.unwrap();
        assert!(!stream.headers().contains_key("content-encoding"), "{:?}", stream.headers());
        let first = stream.chunk().await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&first).contains("event: hello"), "{first:?}");
    }
    assert_eq!(running.stop(), Some(0));
}

#[tokio::test]
async fn a_source_that_is_set_up_wrongly_stops_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start("run", folder.path(), &[("HOME_ASSISTANT_URL", "homeassistant.local")]);
    let (status, health) = running.json("data API", "/health").await;
    assert_eq!((status, health["status"].as_str()), (200, Some("degraded")));
    assert!(health["details"]["home_assistant"].as_str().unwrap().contains("http://homeassistant.local:8123"), "{health}");
    assert_eq!(running.stop(), Some(0));
}

#[tokio::test]
async fn only_known_names_and_own_pages_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start("run", folder.path(), &[]);
    let client = reqwest::Client::new();
    let url = running.url("data API", "/api/v1/energy/current");
    let rebound = client.get(&url).header("host", "evil.example").send().await.unwrap();
    assert_eq!(rebound.status().as_u16(), 421);
    assert_eq!(rebound.headers()["content-type"], "application/problem+json");
    let foreign =
        client.post(running.url("correlator", "/statistics/reset")).header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(foreign.status().as_u16(), 403);
    let forwarded = client.get(&url).header("x-forwarded-for", "203.0.113.9").send().await.unwrap();
    assert_eq!(forwarded.status().as_u16(), 401);
    assert_eq!(running.stop(), Some(0));
}

#[tokio::test]
async fn a_token_lets_in_who_is_not_at_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start("run", folder.path(), &[("DATA_API_KEY", "hush")]);
    let client = reqwest::Client::new();
    let ask = |token: &'static str| {
        let request = client.get(running.url("data API", "/api/v1/energy/current")).header("x-forwarded-for", "203.0.113.9");
        async move { request.bearer_auth(token).send().await.unwrap().status().as_u16() }
    };
    assert_eq!((ask("hush").await, ask("hum").await), (200, 401));
    assert_eq!(running.stop(), Some(0));
    assert!(!running::log(folder.path()).contains("hush"));
}

#[test]
fn one_service_runs_alone_on_the_port_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start("meter", folder.path(), &[("SERVICE_PORT", "0"), ("FETCH_INTERVAL_SECONDS", "300")]);
    assert_eq!(running.parts(), ["meter"]);
    assert_eq!(running.stop(), Some(0));
    assert_eq!(running::log(folder.path()).matches("FETCH_INTERVAL_SECONDS is not used any more").count(), 1);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let said = wattribute(&["correlator"], folder.path(), &[("WATTRIBUTE__CORRELATOR__LISTEN", &listen)]);
    let error = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(2), "{error}");
    assert!(error.contains(&listen) && error.contains("WATTRIBUTE__CORRELATOR__LISTEN"), "{error}");
}

#[rstest]
#[case("run")]
#[case("check")]
#[case("config")]
#[case("once")]
fn an_unknown_key_is_refused_by_name(#[case] command: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("wattribute.toml"), "[meter]\nlisten_on = \"127.0.0.1:0\"\n").unwrap();
    let said = wattribute(&[command], folder.path(), &[]);
    let error = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(2), "{error}");
    assert_eq!(error, "wattribute: wattribute.toml: [meter] has no key `listen_on`; did you mean `listen`?\n");
}

#[test]
fn the_configuration_is_shown_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let said = wattribute(&["config"], folder.path(), &[("HOME_ASSISTANT_TOKEN", "hush"), ("API_KEY", "hush")]);
    let out = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success() && !out.contains("hush"), "{out}");
    assert!(out.contains("token = \"****\"  # HOME_ASSISTANT_TOKEN") && out.contains("tokens = [\"****\"]  # API_KEY"), "{out}");
    let sample = wattribute(&["config", "--sample"], folder.path(), &[]);
    assert_eq!(String::from_utf8_lossy(&sample.stdout), include_str!("../src/sample.toml"));
}

#[test]
fn a_check_names_what_is_wrong_and_what_would_help() {
    let folder = tempfile::tempdir().unwrap();
    let closed = format!("127.0.0.1:{}", ports::free_port());
    let (url, broker) = (format!("http://{closed}"), format!("mqtt://anna:hush@{closed}"));
    let variables = [("HOME_ASSISTANT_URL", url.as_str()), ("HOME_ASSISTANT_TOKEN", "hush"), ("WATTRIBUTE__MQTT__URL", broker.as_str())];
    let said = wattribute(&["check", "--report", "report.json"], folder.path(), &variables);
    let out = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.status.code(), Some(1), "{out}");
    for what in ["Home Assistant", "MQTT broker"] {
        assert!(out.lines().any(|line| line.starts_with("PROBLEM") && line.contains(what) && line.contains(" -> ")), "{out}");
    }
    assert!(out.lines().any(|line| line.starts_with("ok") && line.contains("store")), "{out}");
    let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
    assert!(!out.contains("hush") && !report.contains("hush"), "{out}\n{report}");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert!(report["variables_set"].to_string().contains("HOME_ASSISTANT_TOKEN") && report["findings"].as_array().unwrap().len() >= 4);
}

#[test]
fn a_history_goes_in_and_a_copy_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let csv =
        "entity_id,state,last_changed\nsensor.house_power,100,2026-10-01T00:00:00.000Z\nsensor.house_power,150,2026-10-01T00:00:05.000Z\n";
    std::fs::write(folder.path().join("history.csv"), csv).unwrap();
    let text = |arguments: &[&str]| {
        let said = wattribute(arguments, folder.path(), &[]);
        (said.status.code(), format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr)))
    };
    assert_eq!(text(&["backup", "copy.db"]).0, Some(2));
    let (code, said) = text(&["import", "history.csv"]);
    assert!(code == Some(0) && said.contains("2 readings of 1 series"), "{said}");
    let (code, said) = text(&["backup", "copy.db"]);
    assert!(code == Some(0), "{said}");
    let (code, said) = text(&["backup", "copy.db"]);
    assert!(code == Some(2) && said.contains("is there already"), "{said}");
    let copy = wattribute(&["check"], folder.path(), &[("WATTRIBUTE__STORE__URL", "sqlite:copy.db")]);
    assert!(String::from_utf8_lossy(&copy.stdout).contains("sqlite:copy.db: readable and writable, 1 series"), "{copy:?}");
}

/// Ids of operations that a description has more than once.
fn twice(api: &serde_json::Value) -> Vec<String> {
    let operations = api["paths"].as_object().into_iter().flatten().flat_map(|(_, path)| path.as_object().into_iter().flatten());
    let mut ids: Vec<_> = operations.filter_map(|(_, operation)| operation["operationId"].as_str().map(str::to_owned)).collect();
    ids.sort();
    ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect()
}

/// `openapi/*.json` are what the services answer; `make accept` writes them anew.
#[tokio::test]
async fn the_described_apis_are_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start("run", folder.path(), &[]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi");
    let mut stale = Vec::new();
    for (part, name) in [("meter", "meter"), ("correlator", "correlator"), ("data API", "data-api")] {
        let (status, api) = running.json(part, "/openapi.json").await;
        assert_eq!(status, 200);
        let twice = twice(&api);
        assert!(twice.is_empty(), "{name}: generated clients name functions by `operationId`; these are there twice: {twice:?}");
        let text = serde_json::to_string_pretty(&api).unwrap() + "\n";
        let path = root.join(name).with_extension("json");
        if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
                std::fs::create_dir_all(&root).unwrap();
                std::fs::write(&path, text).unwrap();
            } else {
                stale.push(path);
            }
        }
    }
    assert_eq!(running.stop(), Some(0));
    assert!(stale.is_empty(), "`make accept` writes {stale:?} anew; read the diff");
}

#[test]
fn a_second_signal_is_not_needed() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start("data-api", folder.path(), &[]);
    let id = running.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(running.ended(), Some(0));
}
