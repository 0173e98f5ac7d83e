//! Alerts over MQTT and webhooks.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wattribute_domain::{AlertKind, AlertRecord};
use wattribute_service::{Health, State};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::support::{AT_MS, Memory, home, until};
use crate::now::HomeNow;
use crate::publish::alerts::{self, Hook, Outbox, deliver};
use crate::publish::condition::Condition;
use crate::publish::{Config, Publisher};
use wattribute_service::webhook::Sender;

fn alert(kind: AlertKind, ended_ms: Option<i64>) -> AlertRecord {
    AlertRecord {
        id: format!("{}@{AT_MS}", kind.name()),
        kind,
        entity_id: None,
        name: "Home".to_owned(),
        message: "The house draws 11000 W, more than 10000 W".to_owned(),
        power_w: Some(11_000.0),
        threshold_w: Some(10_000.0),
        usual_on_h: None,
        since_ms: AT_MS,
        began_ms: AT_MS,
        ended_ms,
    }
}

fn config(webhook: &Value) -> alerts::Config {
    serde_json::from_value(json!({ "webhooks": [webhook], "high_consumption_for": "0s" })).unwrap()
}

struct Sent {
    outbox: Option<Outbox>,
    health: Health,
    task: tokio::task::JoinHandle<()>,
}

/// Begins to deliver to a webhook.
fn begin(webhook: &Value) -> Sent {
    let health = Health::default();
    let webhook = config(webhook).webhooks.remove(0);
    let (outbox, coming) = Outbox::new();
    let condition = Condition::new(&health, "alerts_webhook").part(&Hook::label(&webhook, 1));
    let hook = Hook { sender: Sender::new().unwrap(), webhook, is_demo: false };
    let task = tokio::spawn(deliver(hook, condition, coming, Duration::from_millis(10)));
    Sent { outbox: Some(outbox), health, task }
}

impl Sent {
    fn put(&self, alert: &AlertRecord) {
        self.outbox.as_ref().unwrap().put(alert);
    }

    fn state(&self) -> Option<State> {
        self.health.dependencies().remove("alerts_webhook")
    }

    /// Waits until all that was put in is sent or given up.
    async fn end(mut self) -> Option<State> {
        self.outbox = None;
        (&mut self.task).await.unwrap();
        self.state()
    }
}

async fn received(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

#[tokio::test]
async fn what_is_not_taken_now_is_sent_again_and_health_says_so_meanwhile() {
    let server = MockServer::start().await;
    let failing = Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).mount_as_scoped(&server).await;
    let sent = begin(&json!({"url": format!("{}/hush", server.uri())}));
    sent.put(&alert(AlertKind::HighConsumption, None));
    sent.put(&alert(AlertKind::NoData, None));
    until("it fails", async || matches!(sent.state(), Some(State::Degraded(_)))).await;
    let Some(State::Degraded(why)) = sent.state() else { panic!("it fails") };
    assert!(why.contains("503") && why.contains("127.0.0.1") && !why.contains("hush"), "{why}");
    drop(failing);
    Mock::given(method("POST")).and(path("/hush")).respond_with(ResponseTemplate::new(204)).expect(2).mount(&server).await;
    until("it is well", async || sent.state() == Some(State::Ok)).await;
    assert_eq!(sent.end().await, Some(State::Ok));
    // The first was tried more than once, and taken once.
    let mut kinds: Vec<Value> = received(&server).await.iter().map(|r| r.body_json::<Value>().unwrap()["kind"].clone()).collect();
    kinds.dedup();
    assert_eq!(kinds, ["high_consumption", "no_data"], "in turn");
}

#[tokio::test]
async fn what_is_refused_is_given_up() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(401)).expect(1).mount(&server).await;
    let sent = begin(&json!({"url": server.uri()}));
    sent.put(&alert(AlertKind::HighConsumption, None));
    assert!(matches!(sent.end().await, Some(State::Degraded(why)) if why.contains("401")));
}

#[tokio::test]
async fn a_webhook_is_sent_its_kinds_only() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let sent =
        begin(&json!({"url": server.uri(), "kinds": ["no_data"], "ends": false, "content_type": "text/plain", "body": "{kind} {on}"}));
    for kind in AlertKind::ALL {
        sent.put(&alert(kind, None));
        sent.put(&alert(kind, Some(AT_MS)));
    }
    sent.end().await;
    let bodies: Vec<_> = received(&server).await.into_iter().map(|r| String::from_utf8(r.body).unwrap()).collect();
    assert_eq!(bodies, ["no_data true"]);
}

#[tokio::test]
async fn a_publisher_sends_an_alert_once_also_across_restarts() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let store = Arc::new(Memory::default());
    let now = HomeNow { power_w: Some(12_000.0), ..home() };
    for _ in 0..2 {
        let config = Config { alerts: config(&json!({"url": server.uri()})), sensors: false, ..Config::default() };
        let mut publisher = Publisher::new(config, None, None, store.clone(), &Health::default(), false);
        publisher.publish(&now).await;
        publisher.publish(&now).await;
        publisher.stop().await;
    }
    let requests = received(&server).await;
    assert_eq!(requests.len(), 1);
    let body: Value = requests[0].body_json().unwrap();
    assert_eq!((&body["kind"], &body["on"], &body["power_w"]), (&json!("high_consumption"), &json!(true), &json!(12_000.0)));
}

/// The examples of docs/ALERTS.md, each sent to a server of ours instead of the one that it names.
#[tokio::test]
async fn the_examples_of_the_documentation_work() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ALERTS.md")).unwrap();
    let examples: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let example = |name: &str| examples.iter().find(|e| e.contains(name)).unwrap_or_else(|| panic!("no example of {name}"));
    let server = MockServer::start().await;
    let telegram = Mock::given(method("POST")).and(path("/bot123456:ABC-DEF/sendMessage")).and(header("content-type", "application/json"));
    telegram.respond_with(ResponseTemplate::new(200)).expect(1).named("Telegram").mount(&server).await;
    let ntfy = Mock::given(method("POST")).and(path("/my-secret-topic")).and(header("title", "Wattribute"));
    ntfy.respond_with(ResponseTemplate::new(200)).expect(1).named("ntfy").mount(&server).await;
    for (name, host) in [("api.telegram.org", "https://api.telegram.org"), ("ntfy.sh", "https://ntfy.sh")] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wattribute.toml");
        std::fs::write(&file, example(name).replace(host, &server.uri())).unwrap();
        let mut loader = wattribute_service::config::Loader::read(Some(&file), &[]).unwrap();
        let alerts: alerts::Config = loader.section("alerts").unwrap();
        loader.finish().unwrap();
        let alerts = alerts::Config { high_consumption_for: Duration::ZERO, quiet_hours: None, ..alerts };
        let config = Config { alerts, sensors: false, ..Config::default() };
        let mut publisher = Publisher::new(config, None, None, Arc::new(Memory::default()), &Health::default(), false);
        publisher.publish(&HomeNow { power_w: Some(12_000.0), ..home() }).await;
        publisher.stop().await;
    }
    let requests = received(&server).await;
    let telegram: Value = requests.iter().find(|r| r.url.path().starts_with("/bot")).unwrap().body_json().unwrap();
    assert_eq!(telegram, json!({"chat_id": "987654321", "text": "The house draws 12000 W, more than 10000 W"}));
    let ntfy = requests.iter().find(|r| r.url.path() == "/my-secret-topic").unwrap();
    assert_eq!(String::from_utf8_lossy(&ntfy.body), "The house draws 12000 W, more than 10000 W");
}
