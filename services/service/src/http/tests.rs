use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use rstest::rstest;
use secrecy::SecretString;
use serde_json::Value;
use tower::ServiceExt;
use utoipa_axum::routes;

use super::*;
use crate::{State, access::Config};

#[utoipa::path(get, path = "/things", responses((status = 200, body = Vec<u32>)))]
async fn things() -> Json<Vec<u32>> {
    Json(vec![1, 2])
}

#[utoipa::path(post, path = "/things/reset", responses((status = 200, body = Vec<u32>)))]
async fn reset() -> Json<Vec<u32>> {
    Json(vec![])
}

fn app(health: &Health, is_demo: bool) -> Router {
    let config = Config { tokens: vec![SecretString::from("hush")], ..Config::default() };
    let about = About { service: "test", health: health.clone(), access: Access::new(&config).unwrap(), is_demo };
    router(about, OpenApiRouter::new().routes(routes!(things)).routes(routes!(reset)))
}

struct Answer {
    status: u16,
    response: Response,
}

impl Answer {
    async fn text(self) -> String {
        String::from_utf8(to_bytes(self.response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
    }

    async fn json(self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }
}

async fn ask(app: &Router, method: &str, path: &str, peer: &str, headers: &[(&str, &str)]) -> Answer {
    let peer: SocketAddr = format!("{peer}:40000").parse().unwrap();
    let mut request = Request::builder().method(method).uri(path).extension(ConnectInfo(peer));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    Answer { status: response.status().as_u16(), response }
}

async fn get(app: &Router, path: &str) -> Answer {
    ask(app, "GET", path, "127.0.0.1", &[]).await
}

#[tokio::test]
async fn health_is_truthful() {
    let health = Health::default();
    let app = app(&health, false);
    health.set("store", State::Ok);
    let answer = get(&app, "/health").await;
    assert_eq!(answer.status, 200);
    let report = answer.json().await;
    assert_eq!((report["status"].as_str(), report["dependencies"]["store"].as_str()), (Some("healthy"), Some("ok")));
    for key in ["service", "version", "uptime_seconds", "timestamp"] {
        assert!(!report[key].is_null(), "{key}");
    }
    health.set("mqtt", State::Degraded("the broker does not answer".to_owned()));
    let answer = get(&app, "/health").await;
    assert_eq!(answer.status, 200);
    let report = answer.json().await;
    assert_eq!((report["status"].as_str(), report["dependencies"]["mqtt"].as_str()), (Some("degraded"), Some("down")));
    assert_eq!(report["details"]["mqtt"], "the broker does not answer");
    health.set("store", State::Down("the disk is full".to_owned()));
    assert_eq!(get(&app, "/health").await.status, 503);
    assert_eq!(get(&app, "/health/ready").await.status, 503);
    assert_eq!(get(&app, "/health/live").await.status, 200);
}

#[tokio::test]
async fn strangers_learn_only_whether_we_are_well() {
    let health = Health::default();
    health.set("mqtt", State::Degraded("mqtt://10.0.0.7 does not answer".to_owned()));
    let app = app(&health, false);
    let answer = ask(&app, "GET", "/health", "10.0.0.9", &[]).await;
    assert_eq!(answer.status, 200);
    let report = answer.json().await;
    assert_eq!(report["status"], "degraded");
    assert_eq!(report["details"], serde_json::json!({}));
    for path in ["/things", "/metrics", "/docs", "/openapi.json", "/healthy", "/nothing"] {
        let answer = ask(&app, "GET", path, "10.0.0.9", &[]).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
    assert_eq!(ask(&app, "GET", "/things", "10.0.0.9", &[("authorization", "Bearer hush")]).await.status, 200);
}

#[rstest]
#[case("GET", &[("host", "evil.example")], 421)]
#[case("GET", &[("host", "evil.example:8006")], 421)]
#[case("GET", &[("host", "127.0.0.1:8006")], 200)]
#[case("GET", &[("host", "localhost"), ("origin", "https://evil.example")], 200)]
#[case("POST", &[("host", "localhost"), ("origin", "https://evil.example")], 403)]
#[case("POST", &[("host", "localhost"), ("sec-fetch-site", "cross-site")], 403)]
#[case("POST", &[("host", "localhost:3000"), ("origin", "http://localhost:3000")], 200)]
#[case("POST", &[("host", "localhost")], 200)]
#[tokio::test]
async fn foreign_names_and_pages_are_refused(#[case] method: &str, #[case] headers: &[(&str, &str)], #[case] status: u16) {
    let path = if method == "GET" { "/things" } else { "/things/reset" };
    let answer = ask(&app(&Health::default(), false), method, path, "127.0.0.1", headers).await;
    assert_eq!(answer.status, status);
    if status >= 400 {
        assert_eq!(answer.response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let app = app(&Health::default(), false);
    let answer = get(&app, "/nothing").await;
    assert_eq!(
        (answer.status, &answer.response.headers()[header::CONTENT_TYPE]),
        (404, &HeaderValue::from_static("application/problem+json"))
    );
    assert!(answer.json().await["detail"].as_str().unwrap().contains("/nothing"));
    let answer = ask(&app, "DELETE", "/things", "127.0.0.1", &[]).await;
    assert_eq!(
        (answer.status, &answer.response.headers()[header::CONTENT_TYPE]),
        (405, &HeaderValue::from_static("application/problem+json"))
    );
}

#[tokio::test]
async fn a_demo_says_so_everywhere() {
    for path in ["/things", "/health", "/nothing", "/docs"] {
        assert_eq!(get(&app(&Health::default(), true), path).await.response.headers()[DEMO], "true", "{path}");
        assert!(!get(&app(&Health::default(), false), path).await.response.headers().contains_key(DEMO), "{path}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let health = Health::default();
    health.set("store", State::Ok);
    let app = app(&health, false);
    get(&app, "/things").await;
    get(&app, "/nothing/of/this/name").await;
    let text = get(&app, "/metrics").await.text().await;
    assert!(text.contains(r#"wattribute_http_requests_total{service="test",method="GET",route="/things",status="200"}"#), "{text}");
    assert!(text.contains(r#"wattribute_dependency_up{service="test",dependency="store"} 1"#), "{text}");
    assert!(text.contains("wattribute_http_request_duration_seconds_bucket"), "{text}");
    assert!(!text.contains("of/this/name"), "{text}");
}

#[tokio::test]
async fn the_api_is_described() {
    let app = app(&Health::default(), false);
    let api = get(&app, "/openapi.json").await.json().await;
    for path in ["/things", "/things/reset", "/health", "/metrics"] {
        assert!(api["paths"][path].is_object(), "{path}");
    }
    let page = get(&app, "/docs").await.text().await;
    assert!(page.contains("swagger-initializer.js") && page.contains("<base href=\"/docs/\">"), "{page}");
    assert!(get(&app, "/docs/swagger-initializer.js").await.text().await.contains("/openapi.json"));
    assert_eq!(get(&app, "/docs/swagger-ui.css").await.status, 200);
}

#[tokio::test]
async fn a_service_ends_when_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shutdown = CancellationToken::new();
    let about = About { service: "test", health: Health::default(), access: Access::default(), is_demo: false };
    let serving = tokio::spawn(serve(listener, about, OpenApiRouter::new(), shutdown.clone()));
    shutdown.cancel();
    serving.await.unwrap().unwrap();
}
