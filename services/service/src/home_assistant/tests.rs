//! Against a server that behaves, and one that does not.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::*;

type Server = WebSocketStream<TcpStream>;

async fn listen() -> (TcpListener, Config) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, Config { url, token: Some("right-token".into()), ..Config::default() })
}

async fn say(server: &mut Server, message: Value) {
    server.send(Message::text(message.to_string())).await.unwrap();
}

async fn hear(server: &mut Server) -> Value {
    loop {
        match server.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            _ => continue,
        }
    }
}

/// Lets a client in that has the right token, and answers `supported_features` as an old version does.
async fn let_in(listener: &TcpListener) -> Server {
    let (stream, _) = listener.accept().await.unwrap();
    let mut server = accept_async(stream).await.unwrap();
    say(&mut server, json!({"type": "auth_required", "ha_version": "2024.3.3"})).await;
    let auth = hear(&mut server).await;
    if auth["access_token"] != "right-token" {
        say(&mut server, json!({"type": "auth_invalid", "message": "Invalid access token or password"})).await;
        return server;
    }
    say(&mut server, json!({"type": "auth_ok", "ha_version": "2024.3.3"})).await;
    let features = hear(&mut server).await;
    assert_eq!(features["type"], "supported_features");
    say(
        &mut server,
        json!({"id": features["id"], "type": "result", "success": false, "error": {"code": "unknown_command", "message": "Unknown command."}}),
    )
    .await;
    server
}

#[tokio::test]
async fn commands_are_answered_and_events_come_in_order_even_coalesced() {
    let (listener, config) = listen().await;
    let server = tokio::spawn(async move {
        let mut server = let_in(&listener).await;
        let subscribe = hear(&mut server).await;
        let id = &subscribe["id"];
        say(&mut server, json!([{"id": id, "type": "result", "success": true, "result": null}, {"id": id, "type": "event", "event": 1}]))
            .await;
        server.send(Message::text("{nonsense")).await.unwrap();
        say(&mut server, json!([{"id": id, "type": "event", "event": 2}, {"id": id, "type": "event", "event": 3}])).await;
        let call = hear(&mut server).await;
        assert!(call["id"].as_u64() > id.as_u64());
        say(&mut server, json!({"id": call["id"], "type": "result", "success": true, "result": {"is": call["type"]}})).await;
        let refused = hear(&mut server).await;
        let error = json!({"code": "unknown_command", "message": "Unknown command."});
        say(&mut server, json!({"id": refused["id"], "type": "result", "success": false, "error": error})).await;
        server.close(None).await.unwrap();
    });
    let connection = Connection::open(&config).await.unwrap();
    assert_eq!(connection.version(), "2024.3.3");
    let mut events = connection.subscribe(json!({"type": "subscribe_events"})).await.unwrap();
    for wanted in 1..=3 {
        assert_eq!(events.next().await, Some(json!(wanted)));
    }
    assert_eq!(connection.call(json!({"type": "get_config"})).await.unwrap(), json!({"is": "get_config"}));
    assert!(connection.call(json!({"type": "nope"})).await.unwrap_err().is_unknown_command());
    assert_eq!(events.next().await, None);
    assert!(matches!(connection.closed().await, HaError::Unreachable(_)));
    assert!(matches!(connection.call(json!({"type": "get_config"})).await, Err(HaError::Unreachable(_))));
    server.await.unwrap();
}

#[tokio::test]
async fn a_wrong_token_is_told_without_its_text() {
    let (listener, mut config) = listen().await;
    config.token = Some("wrong-token".into());
    tokio::spawn(async move { let_in(&listener).await });
    let error = Connection::open(&config).await.err().unwrap();
    assert!(matches!(error, HaError::Unauthorized { .. }));
    assert!(error.to_string().contains("does not accept the token") && !error.to_string().contains("wrong-token"), "{error}");
}

#[tokio::test]
async fn what_is_not_home_assistant_is_told_apart_from_nobody() {
    let web = wiremock::MockServer::start().await;
    let config = Config { url: web.uri(), token: Some("t".into()), ..Config::default() };
    let error = Connection::open(&config).await.err().unwrap();
    assert!(matches!(&error, HaError::Protocol(text) if text.contains("is not Home Assistant")), "{error:?}");

    let (listener, config) = listen().await;
    drop(listener);
    assert!(matches!(Connection::open(&config).await, Err(HaError::Unreachable(_))));
}

#[tokio::test]
async fn tls_that_cannot_be_trusted_names_ca_file() {
    let (listener, mut config) = listen().await;
    config.url = config.url.replace("http", "https");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let error = Connection::open(&config).await.err().unwrap().to_string();
    assert!(error.contains("ca_file"), "{error}");
}

#[tokio::test]
async fn one_that_starts_is_waited_for() {
    let (listener, config) = listen().await;
    tokio::spawn(async move {
        let mut server = let_in(&listener).await;
        for state in ["NOT_RUNNING", "STARTING", "RUNNING"] {
            let call = hear(&mut server).await;
            say(&mut server, json!({"id": call["id"], "type": "result", "success": true, "result": {"state": state}})).await;
        }
        server
    });
    let connection = Connection::open(&config).await.unwrap();
    let running = connection.wait_until_running(Duration::from_secs(30)).await.unwrap();
    assert_eq!(running["state"], "RUNNING");
}

#[tokio::test]
async fn rest_says_what_went_wrong() {
    use wiremock::matchers::{header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    let web = MockServer::start().await;
    let config = Config { url: web.uri(), token: Some("right-token".into()), ..Config::default() };
    let ok = ResponseTemplate::new(200).set_body_json(json!({"message": "API running."}));
    Mock::given(method("GET")).and(path("/api/")).and(header("authorization", "Bearer right-token")).respond_with(ok).mount(&web).await;
    let missing = ResponseTemplate::new(404).set_body_json(json!({"message": "Entity not found."}));
    Mock::given(method("DELETE")).and(path("/api/states/sensor.nope")).respond_with(missing).mount(&web).await;
    Mock::given(method("POST")).and(path("/api/events/x")).respond_with(ResponseTemplate::new(401)).mount(&web).await;
    let rest = Rest::new(&config).unwrap();
    assert_eq!(rest.get("/api/").await.unwrap()["message"], "API running.");
    let error = rest.delete("/api/states/sensor.nope").await.unwrap_err();
    assert!(matches!(&error, HaError::Refused { code, message, .. } if code == "404" && message == "Entity not found."), "{error:?}");
    assert!(matches!(rest.post("/api/events/x", &json!({})).await, Err(HaError::Unauthorized { .. })));
}
