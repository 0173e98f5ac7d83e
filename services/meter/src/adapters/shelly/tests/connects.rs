//! Devices that connect to us.

use futures_util::SinkExt;
use rstest::rstest;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use super::emulator::{Device, connect};
use super::*;

async fn listening(more: Value) -> (Shelly, String) {
    let port = crate::ports::free_port();
    let mut said = json!({"listen": format!("127.0.0.1:{port}"), "every": "300ms"});
    said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (adapter(said), format!("ws://127.0.0.1:{port}/shelly/ws"))
}

/// Listens while a device connects.
async fn connected(shelly: &mut Shelly, ear: &mut Ear, url: &str, device: &Device) -> super::emulator::Outbound {
    let connecting = connect(url, device.state.clone());
    tokio::pin!(connecting);
    loop {
        tokio::select! {
            outbound = &mut connecting => return outbound,
            events = shelly.next() => ear.hear(events.unwrap()),
        }
    }
}

#[rstest]
#[case::open(None, None, true)]
#[case::with_password(Some("hush"), Some("hush"), true)]
#[case::without_its_password(Some("hush"), None, false)]
#[case::wrong_password(Some("hush"), Some("loud"), false)]
#[tokio::test]
async fn one_that_connects_is_read_and_asked(#[case] locked: Option<&str>, #[case] password: Option<&str>, #[case] answers: bool) {
    let device = Device::start(fixture("rpc_plus_plug_s.json")).await;
    locked.into_iter().for_each(|locked| device.lock_with(locked));
    let (mut shelly, url) = listening(password.map_or(json!({}), |password| json!({ "password": password }))).await;
    let mut ear = Ear::default();
    let outbound = connected(&mut shelly, &mut ear, &url, &device).await;
    let name = "desk";
    // What it says by itself; its name it says to everybody.
    for _ in 0..50 {
        if !ear.of(name, Quantity::PowerW).is_empty() {
            break;
        }
        let count = ear.readings.len();
        outbound.say.send(json!({"ts": 1.5, "switch:0": {"id": 0, "apower": 70.5}})).await.unwrap();
        until(&mut shelly, &mut ear, name, |ear, _| ear.readings.len() > count).await;
    }
    until(&mut shelly, &mut ear, name, |ear, _| ear.of(name, Quantity::PowerW).contains(&70.5)).await;
    let counted: Vec<f64> = ear.devices().into_iter().filter_map(|device| ear.last(device, Quantity::EnergyImportKwh)).collect();
    assert_eq!(counted, [7.258_589], "as it said when it connected");
    if answers {
        let before = ear.of(name, Quantity::PowerW).len();
        until(&mut shelly, &mut ear, "answers", |ear, _| ear.of(name, Quantity::PowerW).len() > before + 2).await;
        assert!(device.asked("Shelly.GetStatus") > 2 && device.asked("Shelly.GetConfig") == 1);
    }
    // It loses its power, and comes back.
    outbound.go();
    until(&mut shelly, &mut ear, "gone", |ear, troubles| {
        troubles.values().any(|why| why.contains("closed its connection")) && ear.last(name, Quantity::PowerW).is_some_and(f64::is_nan)
    })
    .await;
    let _again = connected(&mut shelly, &mut ear, &url, &device).await;
    until(&mut shelly, &mut ear, "back", |ear, troubles| troubles.is_empty() && ear.last(name, Quantity::PowerW) == Some(61.5)).await;
}

#[tokio::test]
async fn a_notification_is_no_reading_of_what_it_does_not_say() {
    let device = Device::start(fixture("rpc_pro_3em.json")).await;
    let (mut shelly, url) = listening(json!({"every": "1h", "meters_every": "1h"})).await;
    let mut ear = Ear::default();
    let outbound = connected(&mut shelly, &mut ear, &url, &device).await;
    until(&mut shelly, &mut ear, "house", |ear, _| {
        ear.last("house", Quantity::PowerW) == Some(-118.0) && device.asked("Shelly.GetStatus") > 0
    })
    .await;
    outbound.say.send(json!({"emdata:0": {"id": 0, "total_act": 7000.0, "total_act_ret": 300.0}})).await.unwrap();
    let before = ear.of("house", Quantity::PowerW).len();
    until(&mut shelly, &mut ear, "counter", |ear, _| ear.last("house", Quantity::EnergyImportKwh) == Some(7.0)).await;
    let (power, given) = (ear.of("house", Quantity::PowerW).len(), ear.last("house", Quantity::EnergyExportKwh));
    assert!(power <= before + 1 && given == Some(0.3), "power is not said again: {power} after {before}");
    assert_eq!(ear.devices(), ["house"]);
}

#[tokio::test]
async fn one_that_is_asked_and_connects_too_is_read_once() {
    let device = Device::start(fixture("rpc_plus_plug_s.json")).await;
    let (mut shelly, url) = listening(json!({"hosts": [device.host()]})).await;
    let mut ear = Ear::default();
    until(&mut shelly, &mut ear, "desk", |ear, _| ear.last("desk", Quantity::PowerW) == Some(61.5)).await;
    let outbound = connected(&mut shelly, &mut ear, &url, &device).await;
    outbound.say.send(json!({"switch:0": {"id": 0, "apower": 99.0}})).await.unwrap();
    let before = ear.of("desk", Quantity::PowerW).len();
    until(&mut shelly, &mut ear, "more", |ear, _| ear.of("desk", Quantity::PowerW).len() > before + 4).await;
    assert!(!ear.of("desk", Quantity::PowerW).contains(&99.0), "what is asked counts");
    assert_eq!(ear.devices(), ["desk"]);
    // It can be asked no more: what it says by itself counts, and nothing is missed.
    device.fault(super::emulator::Fault::Fails);
    until(&mut shelly, &mut ear, "by itself", |ear, _| {
        ear.last("desk", Quantity::PowerW) == Some(61.5)
            && ear.of("desk", Quantity::PowerW).iter().filter(|value| value.is_nan()).count() <= 1
    })
    .await;
    let count = |ear: &Ear| ear.of("desk", Quantity::PowerW).iter().filter(|value| !value.is_nan()).count();
    let before = count(&ear);
    until(&mut shelly, &mut ear, "it goes on and is well", |ear, troubles| count(ear) > before + 3 && troubles.is_empty()).await;
    outbound.go();
}

#[tokio::test]
async fn garbage_hurts_nobody() {
    let device = Device::start(fixture("rpc_plus_plug_s.json")).await;
    let (mut shelly, url) = listening(json!({})).await;
    let mut ear = Ear::default();
    let _good = connected(&mut shelly, &mut ear, &url, &device).await;
    until(&mut shelly, &mut ear, "desk", |ear, _| ear.last("desk", Quantity::PowerW) == Some(61.5)).await;
    let (mut bad, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    for text in [
        "",
        "{",
        "[1]",
        r#"{"src":7,"method":"NotifyStatus","params":{"switch:0":{"apower":1}}}"#,
        r#"{"id":3,"result":{"switch:0":{"apower":1}}}"#,
    ] {
        bad.send(Message::text(text)).await.unwrap();
    }
    bad.send(Message::binary(vec![0xff; 100])).await.unwrap();
    let _closed_by_us = bad.send(Message::text("x".repeat(1 << 20))).await;
    let _no_websocket = tokio::net::TcpStream::connect(url.trim_start_matches("ws://").trim_end_matches("/shelly/ws")).await.unwrap();
    let before = ear.of("desk", Quantity::PowerW).len();
    until(&mut shelly, &mut ear, "desk", |ear, _| ear.of("desk", Quantity::PowerW).len() > before + 3).await;
    assert_eq!((ear.devices(), shelly.troubles().len()), (vec!["desk"], 0));
}

#[tokio::test]
async fn an_address_that_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut shelly = adapter(json!({"listen": taken.local_addr().unwrap().to_string()}));
    until(&mut shelly, &mut Ear::default(), "taken", |_, troubles| troubles.get("listen").is_some_and(|why| why.contains("a free port")))
        .await;
}
