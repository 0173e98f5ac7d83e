//! aioshelly, the library of Home Assistant, as a client of the emulator and of our own listener: what our tests say a Shelly is, it is.

use std::process::{Command, Stdio};

use super::emulator::{Device, connect};
use super::*;

/// What the script answers to `mode`; `None` where there is no Python with aioshelly.
async fn peer(mode: &str, arguments: &[&str]) -> Option<Value> {
    let python = std::env::var_os("WATTRIBUTE_PEERS_PYTHON")?;
    if !Command::new(&python).args(["-c", "import aioshelly"]).stderr(Stdio::null()).status().ok()?.success() {
        return None;
    }
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/shelly.py")).arg(mode).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = tokio::time::timeout(PATIENCE, output).await.unwrap().unwrap().unwrap();
    assert!(output.status.success(), "{mode}: {}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn skipped() {
    println!("SKIPPED: WATTRIBUTE_PEERS_PYTHON names no Python that imports aioshelly");
}

#[tokio::test]
async fn aioshelly_reads_the_first_generation_of_the_emulator() {
    let device = Device::start(fixture("gen1_em_exporting.json")).await;
    device.lock_with("hush");
    let port = device.port.to_string();
    let Some(said) = peer("first", &[&port, "admin", "hush"]).await else { return skipped() };
    assert_eq!(said["model"], "SHEM");
    assert_eq!(said["status"], fixture("gen1_em_exporting.json")["status"]);
    assert_eq!(said["refused"], true, "a wrong password");
}

#[tokio::test]
async fn aioshelly_reads_later_generations_of_the_emulator() {
    for password in [None, Some("hush")] {
        let device = Device::start(fixture("rpc_pro_3em.json")).await;
        password.into_iter().for_each(|password| device.lock_with(password));
        let port = device.port.to_string();
        let Some(said) = peer("rpc", &[&port, "admin", password.unwrap_or_default()]).await else { return skipped() };
        assert_eq!((&said["model"], &said["name"]), (&json!("SPEM-003CEBEU"), &json!("House")));
        assert_eq!(said["status"], fixture("rpc_pro_3em.json")["status"]);
        assert_eq!(said["refused"], password.is_some(), "a wrong password");
    }
}

#[tokio::test]
async fn aiohttp_logs_in_to_the_emulator_by_digest() {
    let device = Device::start(fixture("rpc_plus_plug_s.json")).await;
    device.lock_with("hush");
    let port = device.port.to_string();
    let Some(said) = peer("digest", &[&port, "admin", "hush"]).await else { return skipped() };
    assert_eq!(said["status"], fixture("rpc_plus_plug_s.json")["status"]);
    assert_eq!(said["refused"], true, "a wrong password");
}

#[tokio::test]
async fn aioshelly_hears_the_emulator_that_connects_to_it() {
    let device = Device::start(fixture("rpc_plus_plug_s.json")).await;
    let port = crate::ports::free_port();
    let url = format!("ws://127.0.0.1:{port}/api/shelly/ws");
    let text = port.to_string();
    let arguments = [text.as_str(), "A0B1C2000011"];
    let listening = peer("listen", &arguments);
    tokio::pin!(listening);
    let said = tokio::select! {
        said = &mut listening => said,
        outbound = connect(&url, device.state.clone()) => {
            let said = listening.await;
            outbound.go();
            said
        }
    };
    let Some(said) = said else { return skipped() };
    assert_eq!((&said["method"], &said["params"]), (&json!("NotifyFullStatus"), &fixture("rpc_plus_plug_s.json")["status"]));
}

#[tokio::test]
async fn our_listener_hears_another_websocket_client() {
    let port = crate::ports::free_port();
    let mut shelly = adapter(json!({"listen": format!("127.0.0.1:{port}")}));
    let text = port.to_string();
    let arguments = [text.as_str()];
    let client = peer("connect", &arguments);
    tokio::pin!(client);
    let mut ear = Ear::default();
    let said = loop {
        tokio::select! {
            said = &mut client => break said,
            events = shelly.next() => ear.hear(events.unwrap()),
        }
    };
    let Some(said) = said else { return skipped() };
    assert_eq!((&said["protocol"], &said["asked"]), (&json!("json-rpc"), &json!("Shelly.GetConfig")));
    until(&mut shelly, &mut ear, "what it said", |ear, _| ear.of("shellyplus1pm_a0b1c2000099", Quantity::PowerW).contains(&33.5)).await;
}
