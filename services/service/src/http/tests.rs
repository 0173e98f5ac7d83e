use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, header};
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

#[derive(serde::Deserialize, utoipa::IntoParams)]
struct Asked {
    /// Which.
    #[param(minimum = 1)]
    _which: Option<u32>,
    /// How.
    _how: Option<crate::access::Scope>,
    /// Since when.
    _since: i64,
}

#[utoipa::path(get, path = "/things/{name}", params(("name" = String, Path), Asked), responses((status = 200, body = Vec<u32>)))]
async fn thing(_: crate::problem::Params<Asked>) -> Json<Vec<u32>> {
    Json(vec![])
}

#[utoipa::path(post, path = "/things/reset", responses((status = 200, body = Vec<u32>)))]
async fn reset() -> Json<Vec<u32>> {
    Json(vec![])
}

fn hush() -> Config {
    Config { tokens: vec![SecretString::from("hush")], ..Config::default() }
}

fn app(health: &Health, is_demo: bool) -> Router {
    app_with(health, is_demo, hush())
}

fn app_with(health: &Health, is_demo: bool, config: Config) -> Router {
    let about = About { service: "test", health: health.clone(), access: Access::new(&config).unwrap(), is_demo };
    let odd = OpenApiRouter::new()
        .route("/numbered/{number}", axum::routing::get(|_: axum::extract::Path<u32>| async { "" }))
        .route("/taken", axum::routing::post(|crate::problem::Body(_): crate::problem::Body<Vec<u32>>| async { "" }))
        .route("/dies", axum::routing::get(dies))
        .route("/sleeps", axum::routing::get(|| tokio::time::sleep(LONGEST_REQUEST * 2)))
        .route("/api/long", axum::routing::get(|| async { Json(vec!["long"; 100]) }))
        .route("/api/none", axum::routing::get(|| async { Problem::not_found("none") }))
        .route("/api/stream", axum::routing::get(stream));
    router(about, OpenApiRouter::new().routes(routes!(things)).routes(routes!(thing)).routes(routes!(reset)).merge(odd))
}

async fn dies() -> &'static str {
    panic!("a handler dies, as a test")
}

/// Two events, the second a good while after the longest time that an answer may take to begin.
async fn stream() -> axum::response::Sse<impl futures_util::Stream<Item = Result<axum::response::sse::Event, std::io::Error>>> {
    let event = |number: u32| Ok(axum::response::sse::Event::default().data(number.to_string()));
    let second = futures_util::stream::once(async move {
        tokio::time::sleep(LONGEST_REQUEST * 3).await;
        event(2)
    });
    axum::response::Sse::new(futures_util::StreamExt::chain(futures_util::stream::iter([event(1)]), second))
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
    assert_eq!(answer.response.headers()[header::ALLOW], "GET,HEAD");
}

async fn problem(answer: Answer) -> Problem {
    assert_eq!(answer.response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let (status, id) = (answer.status, answer.response.headers()["x-request-id"].to_str().unwrap().to_owned());
    let problem: Problem = serde_json::from_str(&answer.text().await).unwrap();
    assert_eq!((problem.status, problem.instance.as_deref()), (status, Some(id.as_str())));
    problem
}

#[rstest]
#[case("GET", "/nothing", 404)]
#[case("DELETE", "/things", 405)]
#[case("OPTIONS", "/things", 405)]
#[case("OPTIONS", "/nothing", 404)]
#[case("TRACE", "/things", 405)]
#[case("GET", "/numbered/two", 400)]
#[case("POST", "/taken", 415)]
#[case("GET", "/dies", 500)]
#[case("GET", "/things?token=x", 400)]
#[tokio::test]
async fn whatever_goes_wrong_is_a_problem_of_its_request(#[case] method: &str, #[case] path: &str, #[case] status: u16) {
    let answer = ask(&app(&Health::default(), false), method, path, "127.0.0.1", &[]).await;
    assert_eq!(answer.status, status);
    assert!(!problem(answer).await.detail.is_empty());
}

#[tokio::test]
async fn an_id_that_a_request_brings_is_kept_where_it_is_plain() {
    let app = app(&Health::default(), false);
    let answer = ask(&app, "GET", "/nothing", "127.0.0.1", &[("x-request-id", "mine-1")]).await;
    assert_eq!(problem(answer).await.instance.as_deref(), Some("mine-1"));
    let answer = ask(&app, "GET", "/nothing", "127.0.0.1", &[("x-request-id", "<script>")]).await;
    assert_ne!(problem(answer).await.instance.as_deref(), Some("<script>"));
}

#[rstest]
#[case(vec![b' '; (1 << 20) + 1], 413)]
#[case(b"[1, \"two\"]".to_vec(), 422)]
#[case(b"[1, ".to_vec(), 400)]
#[case(b"[1, 2]".to_vec(), 200)]
#[tokio::test]
async fn a_body_is_of_json_and_not_too_large(#[case] bytes: Vec<u8>, #[case] status: u16) {
    for announced in [true, false] {
        let body = match announced {
            true => Body::from(bytes.clone()),
            false => Body::from_stream(futures_util::stream::iter(
                bytes.chunks(4096).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>(),
            )),
        };
        let peer = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40000)));
        let request = Request::post("/taken").header("content-type", "application/json").extension(peer);
        let request = match announced {
            true => request.header("content-length", bytes.len()),
            false => request,
        };
        let response = app(&Health::default(), false).oneshot(request.body(body).unwrap()).await.unwrap();
        let answer = Answer { status: response.status().as_u16(), response };
        assert_eq!(answer.status, status, "announced: {announced}");
        if status >= 400 {
            problem(answer).await;
        }
    }
}

#[tokio::test]
async fn browsers_are_told_what_they_may_do_with_an_answer() {
    let app = app(&Health::default(), false);
    for path in ["/things", "/nothing", "/health", "/metrics", "/docs", "/login"] {
        let answer = get(&app, path).await;
        let header = |name: &str| answer.response.headers().get(name).unwrap_or_else(|| panic!("{path}: {name}")).to_str().unwrap();
        assert_eq!((header("x-content-type-options"), header("cross-origin-resource-policy")), ("nosniff", "same-origin"));
        assert!(header("content-security-policy").contains("frame-ancestors"), "{path}");
        assert!(!answer.response.headers().contains_key("access-control-allow-origin"));
        header("referrer-policy");
        header("cache-control");
    }
    let policy = "content-security-policy";
    assert_eq!(get(&app, "/things").await.response.headers()[policy], "default-src 'none'; frame-ancestors 'none'");
    assert!(get(&app, "/docs").await.response.headers()[policy].to_str().unwrap().starts_with("default-src 'self'"));
}

#[tokio::test]
async fn what_was_answered_before_is_not_sent_again() {
    let app = app(&Health::default(), false);
    let answer = get(&app, "/api/long").await;
    assert_eq!(answer.response.headers()[header::CACHE_CONTROL], "no-cache, private");
    let tag = answer.response.headers()[header::ETAG].to_str().unwrap().to_owned();
    for (known, status) in [(tag.as_str(), 304), ("\"other\", *", 304), ("\"other\"", 200), (tag.trim_start_matches("W/"), 304)] {
        let answer = ask(&app, "GET", "/api/long", "127.0.0.1", &[("if-none-match", known), ("accept-encoding", "gzip")]).await;
        assert_eq!((answer.status, &answer.response.headers()[header::ETAG]), (status, &HeaderValue::from_str(&tag).unwrap()), "{known}");
        assert_eq!(to_bytes(answer.response.into_body(), usize::MAX).await.unwrap().is_empty(), status == 304);
    }
    for path in ["/things", "/api/stream", "/api/none"] {
        let answer = get(&app, path).await;
        assert!(!answer.response.headers().contains_key(header::ETAG), "{path}");
        let usual = if path == "/api/stream" { "no-cache" } else { "no-store" };
        assert_eq!(answer.response.headers()[header::CACHE_CONTROL], usual, "{path}");
    }
    assert!(get(&app, "/openapi.json").await.response.headers().contains_key(header::ETAG));
}

#[rstest]
#[case("/api/long", "gzip", Some("gzip"))]
#[case("/api/long", "br", Some("br"))]
#[case("/api/long", "identity", None)]
#[case("/api/stream", "gzip, br", None)]
#[tokio::test]
async fn long_answers_are_compressed_and_streams_are_not(#[case] path: &str, #[case] accepted: &str, #[case] encoding: Option<&str>) {
    let answer = ask(&app(&Health::default(), false), "GET", path, "127.0.0.1", &[("accept-encoding", accepted)]).await;
    let said = answer.response.headers().get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap());
    assert_eq!((answer.status, said), (200, encoding));
}

#[tokio::test]
async fn a_stream_goes_on_and_what_does_not_begin_ends() {
    let app = app(&Health::default(), false);
    let text = get(&app, "/api/stream").await.text().await;
    assert_eq!(text, "data: 1\n\ndata: 2\n\n");
    let answer = get(&app, "/sleeps").await;
    assert_eq!(answer.status, 503);
    assert!(problem(answer).await.detail.contains("30 s"));
}

#[tokio::test]
async fn head_is_answered_like_get() {
    let app = app(&Health::default(), false);
    for path in ["/things", "/api/long", "/health", "/metrics", "/docs", "/openapi.json", "/login"] {
        let answer = ask(&app, "HEAD", path, "127.0.0.1", &[]).await;
        assert_eq!(answer.status, get(&app, path).await.status, "{path}");
        assert!(answer.text().await.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn only_named_origins_may_read() {
    let origin = ("origin", "https://grafana.example");
    let preflight = [origin, ("access-control-request-method", "GET"), ("access-control-request-headers", "authorization")];
    let none = app(&Health::default(), false);
    let answer = ask(&none, "OPTIONS", "/things", "10.0.0.9", &preflight).await;
    assert!(answer.status == 401 && !answer.response.headers().contains_key("access-control-allow-origin"));
    let some = app_with(&Health::default(), false, Config { cors_origins: vec![origin.1.to_owned()], ..hush() });
    let answer = ask(&some, "OPTIONS", "/things", "10.0.0.9", &preflight).await;
    let headers = answer.response.headers();
    assert_eq!((answer.status, &headers["access-control-allow-origin"]), (200, &HeaderValue::from_static(origin.1)));
    assert!(headers["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
    assert!(!headers.contains_key("access-control-allow-credentials"));
    // A page can read why it is refused.
    let answer = ask(&some, "GET", "/things", "10.0.0.9", &[origin]).await;
    assert_eq!((answer.status, &answer.response.headers()["access-control-allow-origin"]), (401, &HeaderValue::from_static(origin.1)));
    let answer = ask(&some, "GET", "/things", "10.0.0.9", &[("origin", "https://other.example"), ("authorization", "Bearer hush")]).await;
    assert!(answer.status == 200 && !answer.response.headers().contains_key("access-control-allow-origin"));
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
    for (path, method) in [("/things", "get"), ("/things/reset", "post"), ("/health", "get"), ("/metrics", "get")] {
        let operation = &api["paths"][path][method];
        assert!(operation.is_object(), "{path}");
        for (status, name) in [("4XX", "Refused"), ("5XX", "Failed")] {
            assert_eq!(operation["responses"][status]["$ref"], format!("#/components/responses/{name}"), "{path}");
            assert!(api["components"]["responses"][name]["content"]["application/problem+json"].is_object());
        }
        assert_eq!(operation["security"].is_array(), path == "/health", "{path}");
    }
    assert!(
        api["openapi"].as_str().unwrap().starts_with("3.1")
            && api["servers"][0]["url"] == "."
            && api["security"][0] == serde_json::json!({})
    );
    assert!(api["components"]["schemas"]["Problem"]["properties"]["instance"].is_object());
    let parameters = &api["paths"]["/things/{name}"]["get"]["parameters"];
    let told = |name: &str| {
        let all = parameters.as_array().unwrap().iter();
        let one = all.clone().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {parameters}"));
        (one["in"].as_str().unwrap().to_owned(), one["required"].as_bool(), one["schema"].clone())
    };
    assert_eq!((told("name").0.as_str(), told("name").1), ("path", Some(true)));
    let (place, required, schema) = told("_which");
    assert_eq!(
        (place.as_str(), required, schema["type"].as_str(), schema["minimum"].as_i64()),
        ("query", Some(false), Some("integer"), Some(1))
    );
    let (place, required, schema) = told("_how");
    assert_eq!((place.as_str(), required), ("query", Some(false)));
    assert!(schema["$ref"].is_string() && !schema.to_string().contains("null"), "{schema}");
    assert_eq!((told("_since").0.as_str(), told("_since").1), ("query", Some(true)));
    for scheme in ["token", "login"] {
        assert!(api["components"]["securitySchemes"][scheme].is_object(), "{scheme}");
    }
    let page = get(&app, "/docs").await.text().await;
    assert!(page.contains("swagger-initializer.js") && page.contains("<base href=\"docs/\">"), "{page}");
    assert!(get(&app, "/docs/swagger-initializer.js").await.text().await.contains("new URL(\"../openapi.json\", document.baseURI).href"));
    assert_eq!(get(&app, "/docs/").await.response.headers()[header::LOCATION], "../docs");
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
