//! Pulse meters as the service runs them: pushed over HTTP, published on a real Mosquitto, calibrated while it runs.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use serde_json::{Value, json};
use tower::ServiceExt;
use wattribute_domain::{Quantity, Role};
use wattribute_meter::Sources;
use wattribute_meter::adapters::pulse;
use wattribute_service::access::{Scope, tokens};
use wattribute_service::{Health, State, http};

use crate::broker::Mosquitto;
use crate::home::Home;

fn meters(configs: Value) -> Sources {
    Sources { pulse: serde_json::from_value(configs).unwrap(), ..Sources::default() }
}

/// Pushes from an address; the status and what it is told.
async fn push_from(home: &Home, from: &str, path: &str, token: Option<&str>, body: &str) -> (u16, Value) {
    let about = http::About { service: "meter", health: Health::default(), access: home.access.clone(), is_demo: false };
    let app = http::router(about, pulse::routes(home.door.clone()));
    let mut request = Request::post(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let mut request = request.body(Body::from(body.to_owned())).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(from.parse().unwrap(), 5000)));
    let answer = app.oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&to_bytes(answer.into_body(), 1 << 20).await.unwrap()).unwrap_or(Value::Null))
}

async fn push(home: &Home, body: &str) -> (u16, Value) {
    push_from(home, "127.0.0.1", "/push/pulse", None, body).await
}

#[tokio::test]
async fn what_is_pushed_is_on_the_disk_when_it_is_answered_and_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let sources = || meters(json!([{"name": "Main meter", "pulses_per_kwh": 500, "meter_reading_kwh": 100}]));
    let home = Home::start_in(folder.path(), sources()).await;
    home.until_health("pulse", |state| *state == State::Ok).await;
    let (status, said) = push(&home, r#"{"power_kw": 0.4, "total_kwh": 7, "pulse_count": 50}"#).await;
    assert_eq!((status, &said["meter"], &said["energy_import_kwh"]), (200, &json!("pulse/main_meter"), &json!(100.1)), "{said}");
    assert_eq!((&said["power_w"], &said["counter"], &said["pulses_per_kwh"]), (&json!(400.0), &json!("first"), &json!(500.0)));
    assert_eq!(home.now("pulse.main_meter", Quantity::EnergyImportKwh).await, [100.1], "without waiting");
    assert_eq!(home.now("pulse.main_meter", Quantity::PowerW).await, [400.0]);
    assert_eq!(home.role("pulse.main_meter").await, Some(Role::WholeHouse));
    assert!(home.payload("pulse", "main_meter").await.contains("\"pulse_count\":50"));
    // What cannot be used is told by field, names the meter, and is over with the next good word.
    for (body, status, says) in [
        ("{\"pulse_count\": \"many\"}", 422, "pulse_count: this is no number"),
        ("{\"pulse_cou", 400, "no JSON"),
        ("", 400, "no JSON"),
        ("{}", 422, "pulse_count"),
    ] {
        let (got, said) = push(&home, body).await;
        assert!(got == status && said["detail"].as_str().unwrap().contains(says), "{body}: {got} {said}");
    }
    home.until_health("pulse", |state| matches!(state, State::Degraded(why) if why.starts_with("main_meter: what it says"))).await;
    assert_eq!(push(&home, r#"{"pulse_count": 60}"#).await.1["energy_import_kwh"], json!(100.12));
    home.until_health("pulse", |state| *state == State::Ok).await;
    home.stop().await;
    // Counted while nobody listened, then the device starts again too.
    let home = Home::start_in(folder.path(), sources()).await;
    home.until_health("pulse", |state| *state == State::Ok).await;
    assert_eq!(push(&home, r#"{"pulse_count": 110}"#).await.1["energy_import_kwh"], json!(100.22));
    let (_, restarted) = push(&home, r#"{"pulse_count": 5, "boot_id": 2, "uptime_ms": 900}"#).await;
    let (_, next) = push(&home, r#"{"pulse_count": 10, "boot_id": 2, "uptime_ms": 1900}"#).await;
    assert_eq!((&restarted["counter"], &next["counter"]), (&json!("unclear"), &json!("restarted")), "{restarted} {next}");
    assert_eq!(next["energy_import_kwh"], json!(100.24));
    home.stop().await;
}

#[tokio::test]
async fn the_service_answers_whoever_speaks_http() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("SKIPPED: curl is not installed (apt install curl)");
        return;
    }
    let home = Home::start(meters(json!([{"name": "meter", "token": "hush"}]))).await;
    home.until_health("pulse", |state| *state == State::Ok).await;
    let url = format!("http://{}/push/pulse/meter", home.address);
    let curl = async |options: &'static [&'static str]| {
        let mut command = Command::new("curl");
        command.args(["-s", "-w", "%{http_code}", "-d", r#"{"power_kw": "0.5", "pulse_count": 7}"#]).args(options).arg(&url);
        let said = tokio::task::spawn_blocking(move || command.output().unwrap().stdout).await.unwrap();
        String::from_utf8(said).unwrap()
    };
    let said = curl(&["-H", "Authorization: Bearer hush"]).await;
    assert!(said.ends_with("200") && said.contains(r#""power_w":500.0"#), "{said}");
    assert_eq!(home.now("pulse.meter", Quantity::EnergyImportKwh).await, [0.007]);
    let said = curl(&[]).await;
    assert!(said.ends_with("401") && said.contains("a token of its own"), "{said}");
    let said = curl(&["-X", "GET", "-H", "Authorization: Bearer hush"]).await;
    assert!(said.ends_with("405"), "{said}");
    home.stop().await;
}

#[tokio::test]
async fn a_meter_with_a_token_is_let_in_by_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "cellar-hush\n").unwrap();
    let store = Home::store_in(folder.path());
    let (_, owners) = tokens::create(&*store, "esp", Scope::Push).await.unwrap();
    let (_, readers) = tokens::create(&*store, "reader", Scope::Read).await.unwrap();
    let meters = meters(json!([{"name": "cellar", "token_file": file}, {"name": "garage", "token": "garage-hush"}, {"name": "open"}]));
    let home = Home::start_in(folder.path(), meters).await;
    home.until_health("pulse", |state| *state == State::Ok).await;
    let device = "192.168.7.7";
    let body = r#"{"power_w": 5}"#;
    let (owners, readers) = (tokens::ExposeSecret::expose_secret(&owners), tokens::ExposeSecret::expose_secret(&readers));
    for (from, path, token, wanted) in [
        (device, "/push/pulse/cellar", Some("cellar-hush"), 200),
        (device, "/push/pulse", Some("cellar-hush"), 200),
        (device, "/push/pulse/cellar", None, 401),
        (device, "/push/pulse/cellar", Some("hush"), 401),
        (device, "/push/pulse/cellar", Some("garage-hush"), 401),
        (device, "/push/pulse/open", Some("garage-hush"), 401),
        (device, "/push/pulse/open", None, 401),
        (device, "/push/pulse/cellar", Some(owners), 200),
        (device, "/push/pulse/cellar", Some(readers), 403),
        (device, "/push/pulse/attic", Some("cellar-hush"), 404),
        (device, "/metrics", Some("cellar-hush"), 403),
        ("127.0.0.1", "/push/pulse/cellar", None, 401),
        ("127.0.0.1", "/push/pulse/cellar", Some("wrong"), 401),
        ("127.0.0.1", "/push/pulse/cellar", Some("cellar-hush"), 200),
        ("127.0.0.1", "/push/pulse/open", None, 200),
        ("127.0.0.1", "/push/pulse", None, 404),
    ] {
        let (status, said) = push_from(&home, from, path, token, body).await;
        assert_eq!(status, wanted, "{path} from {from} with {token:?}: {said}");
        assert!(!said.to_string().contains("hush"), "{said}");
        if status == 404 {
            assert!(said["detail"].as_str().unwrap().contains("cellar, garage, open"), "{said}");
        }
    }
    let (_, said) = push_from(&home, "127.0.0.1", "/push/pulse", None, r#"{"device": "Open", "power_w": 5}"#).await;
    assert_eq!(said["meter"], "pulse/open");
    home.stop().await;
}

#[tokio::test]
async fn without_a_meter_the_door_says_so() {
    let home = Home::start(Sources::default()).await;
    let (status, said) = push(&home, "{}").await;
    assert!(status == 404 && said["detail"].as_str().unwrap().contains("[[pulse]]"), "{said}");
    home.stop().await;
}

#[tokio::test]
async fn a_running_service_takes_up_a_calibration_and_two_tell_the_pulses() {
    let home = Home::start(meters(json!([{"name": "meter"}]))).await;
    home.until_health("pulse", |state| *state == State::Ok).await;
    assert_eq!(push(&home, r#"{"total_kwh": 7, "pulse_count": 1000}"#).await.1["energy_import_kwh"], json!(7.0));
    let first = pulse::calibrate(&*home.store, "Meter", 4000.0, Some(1000.0), 1_000).await.unwrap();
    assert_eq!((first.was_kwh, first.hint), (Some(7.0), None));
    home.until_document("pulse_counter:meter", |text| text.contains("\"kwh\":4000.0")).await;
    // The first word after it decides that pulses count from now on.
    assert_eq!(push(&home, r#"{"total_kwh": 7.1, "pulse_count": 1100}"#).await.1["energy_import_kwh"], json!(4000.0));
    let (_, said) = push(&home, r#"{"total_kwh": 7.2, "pulse_count": 1900}"#).await;
    assert_eq!(said["energy_import_kwh"], json!(4000.8), "{said}");
    let second = pulse::calibrate(&*home.store, "meter", 4001.0, None, 2_000).await.unwrap();
    let hint = second.hint.unwrap();
    assert_eq!((hint.pulses, hint.kwh, second.calibration.pulses_per_kwh), (800.0, 1.0, Some(1000.0)));
    assert!(hint.to_string().contains("800 pulses for 1.000 kWh = 800.0 pulses per kWh"), "{hint}");
    home.until_document("pulse_counter:meter", |text| text.contains("\"kwh\":4001.0")).await;
    for (name, kwh, rate, says) in [(" ", 1.0, None, "name"), ("meter", -1.0, None, "reading"), ("meter", 1.0, Some(0.0), "imp/kWh")] {
        let error = pulse::calibrate(&*home.store, name, kwh, rate, 3_000).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    home.stop().await;
}

#[tokio::test]
async fn a_meter_that_says_nothing_is_named_until_it_speaks() {
    let home = Home::start(meters(json!([{"name": "cellar", "silent_after": "300ms"}]))).await;
    home.until_health("pulse", |state| matches!(state, State::Degraded(why) if why.contains("cellar: it has said nothing for 300ms")))
        .await;
    push(&home, r#"{"power_w": 5}"#).await;
    home.until_health("pulse", |state| *state == State::Ok).await;
    let all = home.until("pulse.cellar", Quantity::PowerW, 2).await;
    assert!(all[0] == 5.0 && all[1].is_nan(), "nothing is held: {all:?}");
    home.stop().await;
}

#[tokio::test]
async fn what_is_published_counts_too_and_pushing_goes_on_without_the_broker() {
    let Some(mut broker) = Mosquitto::start().await else { return };
    broker.publish("home/pulse", r#"{"pulse_count": 9}"#, &["-r"]);
    let home = Home::start(Sources {
        broker: serde_json::from_value(json!({"url": format!("mqtt://127.0.0.1:{}", broker.port)})).unwrap(),
        ..meters(json!([{"name": "cellar", "topic": "home/pulse"}, {"name": "garage", "topic": "home/pulse"}]))
    })
    .await;
    home.until_standing("pulse", |standing| standing.mqtt_connected == Some(true)).await;
    broker.publish("home/pulse", r#"{"pulse_count": 10}"#, &[]);
    broker.publish("home/pulse", r#"{"device": "garage", "power_kw": "1.5"}"#, &[]);
    assert_eq!(home.until("pulse.cellar", Quantity::EnergyImportKwh, 1).await, [0.01], "what the broker kept is no reading");
    assert_eq!(home.until("pulse.garage", Quantity::PowerW, 1).await, [1500.0]);
    broker.publish("home/pulse", "{\"pulse_co", &[]);
    home.until_health("pulse", |state| matches!(state, State::Degraded(why) if why.contains("cellar: what it says makes no sense"))).await;
    broker.go();
    home.until_health(
        "pulse",
        |state| matches!(state, State::Degraded(why) if why.contains("garage: ") && why.contains("mqtt://127.0.0.1")),
    )
    .await;
    let (status, _) = push_from(&home, "127.0.0.1", "/push/pulse/cellar", None, r#"{"pulse_count": 15}"#).await;
    assert_eq!(status, 200);
    assert_eq!(home.now("pulse.cellar", Quantity::EnergyImportKwh).await, [0.01, 0.015]);
    broker.come_back().await;
    home.until_health("pulse", |state| *state == State::Ok).await;
    home.stop().await;
}
