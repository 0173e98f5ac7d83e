use serde_json::json;
use wattribute_service::home_assistant::Config;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::publish::{Api, CallError, HomeAssistant};

async fn api(server: &MockServer) -> Api {
    Api::new(&Config { url: server.uri(), token: Some("hush".into()), ..Config::default() }).unwrap()
}

#[tokio::test]
async fn a_wrong_token_is_not_tried_again_and_again() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(401)).expect(1).mount(&server).await;
    let api = api(&server).await;
    for _ in 0..3 {
        let error = api.post("/api/events/wattribute_alert", json!({})).await.unwrap_err();
        assert!(matches!(&error, CallError::Away(why) if why.contains("token") && !why.contains("hush")), "{error}");
    }
    let error = api.command(json!({ "type": "recorder/info" })).await.unwrap_err();
    assert!(matches!(error, CallError::Away(_)), "nor over the other connection: {error}");
}

#[tokio::test]
async fn what_is_not_there_is_none_and_need_not_be_removed() {
    let server = MockServer::start().await;
    let state = json!({ "state": "12" });
    let here = Mock::given(method("GET")).and(path("/api/states/sensor.a")).and(header("authorization", "Bearer hush"));
    here.respond_with(ResponseTemplate::new(200).set_body_json(&state)).mount(&server).await;
    let api = api(&server).await;
    assert_eq!(api.get("/api/states/sensor.a").await, Ok(Some(state)));
    assert_eq!(api.get("/api/states/sensor.b").await, Ok(None));
    assert_eq!(api.delete("/api/states/sensor.b").await, Ok(()));
}

#[tokio::test]
async fn who_does_not_answer_is_away_and_who_refuses_says_why() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(400).set_body_json(json!({ "message": "no" }))).mount(&server).await;
    let api = api(&server).await;
    let refused = CallError::Refused { code: "400".to_owned(), message: "no".to_owned() };
    assert_eq!(api.post("/api/states/sensor.a", json!({})).await, Err(refused));
    let nobody = Config { url: "http://127.0.0.1:9".to_owned(), token: Some("hush".into()), ..Config::default() };
    let error = Api::new(&nobody).unwrap().command(json!({ "type": "ping" })).await.unwrap_err();
    assert!(matches!(error, CallError::Away(_)), "{error}");
}
