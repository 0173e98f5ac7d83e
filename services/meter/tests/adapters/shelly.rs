//! Shellies that publish, on a real broker.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use wattribute_domain::{Quantity, Role};
use wattribute_meter::Sources;
use wattribute_service::State;
use wattribute_service::mqtt::{self, Client, Event};

use crate::broker::Mosquitto;
use crate::home::Home;

const PLUG: &str = "shellyplusplugs-a0b1c2000011";

fn sources(broker: &Mosquitto, more: Value) -> Sources {
    let mut shelly = json!({"topics": ["shellies/#", "+/events/rpc", "+/status/+", "+/online", "cellar/#"], "every": "500ms"});
    shelly.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Sources {
        broker: serde_json::from_value(json!({"url": format!("mqtt://127.0.0.1:{}", broker.port)})).unwrap(),
        shelly: serde_json::from_value(shelly).unwrap(),
        ..Sources::default()
    }
}

/// A device of a later generation that answers questions of RPC under `prefix` and says `online` while it is there.
fn answers(broker: &Mosquitto, prefix: &'static str, password: bool) -> (tokio::task::JoinHandle<()>, Client) {
    let config = serde_json::from_value(json!({"url": format!("mqtt://127.0.0.1:{}", broker.port)})).unwrap();
    let (client, mut events) = mqtt::connect(&config, &format!("device-{}", prefix.replace('/', "-")), None).unwrap();
    client.subscribe(&format!("{prefix}/rpc")).unwrap();
    let says = client.clone();
    let task = tokio::spawn(async move {
        while let Some(event) = events.next().await {
            let Event::Message(message) = event else { continue };
            let question: Value = serde_json::from_slice(&message.payload).unwrap();
            let mut answer = json!({"id": question["id"], "src": PLUG, "dst": question["src"]});
            let method = question["method"].as_str().unwrap();
            if password && method != "Shelly.GetDeviceInfo" && question["auth"]["username"] != "admin" {
                let asked = json!({"auth_type": "digest", "nonce": 1_625_038_762, "nc": 1, "realm": PLUG, "algorithm": "SHA-256"});
                answer["error"] = json!({"code": 401, "message": asked.to_string()});
            } else {
                answer["result"] = match method {
                    "Shelly.GetDeviceInfo" => json!({"id": PLUG, "mac": "A0B1C2000011", "gen": 2, "model": "SNPL-00112EU"}),
                    "Shelly.GetConfig" => json!({"sys": {"device": {"name": "Desk"}}, "switch:0": {"id": 0, "name": null}}),
                    _ => json!({"sys": {"mac": "A0B1C2000011"}, "switch:0": {"id": 0, "apower": 61.5, "aenergy": {"total": 7258.589}}}),
                };
            }
            let reply = format!("{}/rpc", question["src"].as_str().unwrap());
            says.publish(&reply, answer.to_string(), false).unwrap();
        }
    });
    (task, client)
}

/// A device whose last will says that it is not there.
fn with_last_will(broker: &Mosquitto, topic: &str) -> Child {
    broker.publish(topic, "true", &["-r"]);
    let mut command = Command::new("mosquitto_sub");
    command.args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-t", "nothing/at/all"]);
    command.args(["--will-topic", topic, "--will-payload", "false", "--will-retain", "--will-qos", "1"]);
    command.stdout(Stdio::null()).spawn().unwrap()
}

#[tokio::test]
async fn the_first_generation_is_heard_and_who_is_away_is_named() {
    let Some(mut broker) = Mosquitto::start().await else { return };
    let asked = broker.listener("shellies/command");
    broker.publish("shellies/shellyplug-s-000001/relay/0/power", "999", &["-r"]);
    let home = Home::start(sources(&broker, json!({}))).await;
    let asked = tokio::task::spawn_blocking(move || asked.wait_with_output().unwrap().stdout).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&asked).trim(), "announce");
    let mut plug = with_last_will(&broker, "shellies/shellyplug-s-000001/online");
    let announced =
        json!({"id": "shellyplug-s-000001", "model": "SHPLG-S", "mac": "A0B1C2000001", "ip": "192.168.1.40", "fw_ver": "1.14.0"});
    broker.publish("shellies/announce", &announced.to_string(), &[]);
    broker.publish("shellies/shellyplug-s-000001/relay/0/power", "412.5", &[]);
    broker.publish("shellies/shellyplug-s-000001/relay/0/energy", "6000000", &[]);
    for (phase, power) in [(0, "250.5"), (1, "-1200.25"), (2, "100")] {
        broker.publish(&format!("shellies/shellyem3-A0B1C2000005/emeter/{phase}/power"), power, &[]);
        broker.publish(&format!("shellies/shellyem3-A0B1C2000005/emeter/{phase}/total"), "1000", &[]);
    }
    assert_eq!(home.until("shelly.shellyplug_s_000001", Quantity::PowerW, 1).await, [412.5], "what the broker kept is no reading");
    assert_eq!(home.until("shelly.shellyplug_s_000001", Quantity::EnergyImportKwh, 1).await, [100.0]);
    assert_eq!(home.until("shelly.shellyem3_a0b1c2000005", Quantity::PowerW, 1).await, [-849.75]);
    assert_eq!(home.until("shelly.shellyem3_a0b1c2000005", Quantity::PowerPhase2W, 1).await, [-1200.25]);
    assert_eq!(home.until("shelly.shellyem3_a0b1c2000005", Quantity::EnergyImportKwh, 1).await, [3.0]);
    assert_eq!(home.role("shelly.shellyem3_a0b1c2000005").await, Some(Role::Circuit));

    plug.kill().unwrap();
    plug.wait().unwrap();
    let says = |state: &State| matches!(state, State::Degraded(why) if why.contains("shellyplug_s_000001: it is offline"));
    home.until_health("shelly", says).await;
    assert!(home.until("shelly.shellyplug_s_000001", Quantity::PowerW, 2).await[1].is_nan());
    // An hour later, with its counter reset.
    broker.publish("shellies/shellyplug-s-000001/online", "true", &["-r"]);
    broker.publish("shellies/shellyplug-s-000001/relay/0/energy", "60", &[]);
    assert_eq!(home.until("shelly.shellyplug_s_000001", Quantity::EnergyImportKwh, 3).await[2], 0.001);
    home.until_health("shelly", |state| *state == State::Ok).await;

    // The broker goes and comes back.
    broker.go();
    home.until_health("shelly", |state| matches!(state, State::Degraded(why) if why.contains("mqtt://127.0.0.1"))).await;
    home.until_standing("shelly", |standing| standing.mqtt_connected == Some(false)).await;
    broker.come_back().await;
    home.until_health("shelly", |state| *state == State::Ok).await;
    broker.publish("shellies/shellyplug-s-000001/relay/0/power", "7", &[]);
    assert_eq!(home.until("shelly.shellyplug_s_000001", Quantity::PowerW, 3).await[2], 7.0);
    home.stop().await;
}

#[tokio::test]
async fn later_generations_are_heard_asked_and_named() {
    for (prefix, password) in [(PLUG, false), ("cellar/plug", true)] {
        let Some(broker) = Mosquitto::start().await else { return };
        let (device, client) = answers(&broker, prefix, password);
        let more = if password { json!({"password": "hush"}) } else { json!({}) };
        let home = Home::start(sources(&broker, more)).await;
        home.until_health("shelly", |state| *state == State::Ok).await;
        broker.publish(&format!("{prefix}/online"), "true", &["-r"]);
        let answered = home.until("shelly.desk", Quantity::PowerW, 2).await;
        assert!(answered.iter().all(|value| *value == 61.5), "{answered:?}");
        // What it says by itself, first without notifications.
        broker.publish(&format!("{prefix}/status/switch:0"), &json!({"id": 0, "apower": 71.5}).to_string(), &[]);
        home.until("shelly.desk", Quantity::PowerW, answered.len() + 1).await;
        let says = json!({"src": PLUG, "dst": format!("{prefix}/events"), "method": "NotifyStatus", "params": {"ts": 1.5, "switch:0": {"id": 0, "apower": 70.5}}});
        broker.publish(&format!("{prefix}/events/rpc"), &says.to_string(), &[]);
        home.until("shelly.desk", Quantity::PowerW, answered.len() + 4).await;
        let all = home.until("shelly.desk", Quantity::PowerW, 1).await;
        assert!(all.contains(&70.5) && all.contains(&71.5), "{all:?}");
        // It makes no sense, and is well again with the next answer.
        broker.publish(&format!("{prefix}/events/rpc"), "{\"src\":", &[]);
        let count = all.len();
        let all = home.until("shelly.desk", Quantity::PowerW, count + 3).await;
        assert!(all.iter().any(|value| value.is_nan()), "{all:?}");
        home.until_health("shelly", |state| *state == State::Ok).await;
        device.abort();
        client.disconnect().await;
        home.stop().await;
    }
}

#[tokio::test]
async fn without_a_broker_it_says_what_is_missing() {
    let shelly = json!({"topics": ["shellies/#"], "hosts": ["127.0.0.1:9"]});
    let home = Home::start(Sources { shelly: serde_json::from_value(shelly).unwrap(), ..Sources::default() }).await;
    let says = |state: &State| matches!(state, State::Degraded(why) if why.contains("mqtt: ") && why.contains("set `url` in [mqtt]") && why.contains("127.0.0.1:9: "));
    home.until_health("shelly", says).await;
    tokio::time::timeout(std::time::Duration::from_secs(5), home.stop()).await.unwrap();
}
