//! What each kind of answer means for who writes and reads.

use std::time::Duration;

use rstest::rstest;
use wattribute_store::influx::{Client, Dialect, Space};
use wattribute_store::{Origin, Settings, StoreError, open_with};
use wiremock::matchers::{body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::recorded::{account, error, server, turns};

const WRITE: &str = "/behind/a-proxy/api/v2/write";
const QUERY: &str = "/behind/a-proxy/query";

fn lines() -> Vec<String> {
    (0..8).map(|k| format!("m,series=1 v={k} {k}")).collect()
}

fn unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Unavailable(why)) => why,
        other => panic!("{other:?}"),
    }
}

async fn client(version: &str) -> (MockServer, Client) {
    let (server, url) = server(version).await;
    let client = Client::connect(&url, &account()).await.unwrap();
    (server, client)
}

#[tokio::test]
async fn lines_go_where_the_version_takes_them() {
    let (server, client) = client("v2.7.12").await;
    let there =
        Mock::given(method("POST")).and(path(WRITE)).and(query_param("org", "my home")).and(query_param("bucket", "energy/wattribute"));
    let there = there.and(query_param("precision", "ms")).and(header("Authorization", "Token hunter2"));
    there.respond_with(ResponseTemplate::new(204)).expect(1).mount(&server).await;
    assert_eq!(client.dialect, Dialect::Two);
    assert_eq!(client.write(Space::Ours, &lines()).await.unwrap(), Default::default());
    let sent = &server.received_requests().await.unwrap().pop().unwrap().body;
    assert_eq!(sent, &lines().join("\n").into_bytes());

    let (server, url) = crate::recorded::server("1.8.10").await;
    // A password with a colon and an `@`.
    let url = url.replace("http://", "http://me:sec%3Aret%40@");
    let client = Client::connect(&url, &wattribute_store::influx::Account { token: String::new(), ..account() }).await.unwrap();
    let there = Mock::given(method("POST"))
        .and(path("/behind/a-proxy/write"))
        .and(query_param("db", "energy"))
        .and(query_param("rp", "wattribute"));
    let there = there.and(header("Authorization", "Basic bWU6c2VjOnJldEA="));
    there.respond_with(ResponseTemplate::new(204)).expect(1).mount(&server).await;
    assert_eq!(client.dialect, Dialect::One);
    client.write(Space::Ours, &lines()).await.unwrap();
    assert!(!format!("{client:?} {}", client.host()).contains("ret"));
}

#[tokio::test]
async fn a_token_of_version_two_stays_one_also_with_a_colon_in_it() {
    let (server, url) = server("v2.7.12").await;
    let account = wattribute_store::influx::Account { token: "my:own".to_owned(), ..account() };
    let client = Client::connect(&url, &account).await.unwrap();
    let there = Mock::given(path(WRITE)).and(header("Authorization", "Token my:own"));
    there.respond_with(ResponseTemplate::new(204)).expect(1).mount(&server).await;
    client.write(Space::Main, &lines()).await.unwrap();
}

/// 1.x names its version on every answer, also where there is nothing; another server names none.
#[rstest]
#[case(404, "404 page not found\n", Some("1.6.7~rc0"), "answers 404")]
#[case(404, "404 page not found\n", None, "answers 404")]
#[case(200, "<!doctype html><title>InfluxDB</title>", Some("v2.7.12"), "web page")]
#[tokio::test]
async fn a_wrong_path_is_told_and_is_no_store_yet_to_be_made(
    #[case] status: u16,
    #[case] body: &str,
    #[case] version: Option<&str>,
    #[case] says: &str,
) {
    let server = MockServer::start().await;
    let mut page = ResponseTemplate::new(status).set_body_string(body);
    if let Some(version) = version {
        page = page.insert_header("X-Influxdb-Version", version);
    }
    Mock::given(wiremock::matchers::any()).respond_with(page).mount(&server).await;
    let url = format!("{}/influx", server.uri());
    let why = unavailable(wattribute_store::origin_with(&url, &account()));
    assert!(why.contains(says) && why.contains("`url` in [influxdb]"), "{why}");
    if status == 404 {
        let refused = open_with(&url, Origin::Home, Settings { influx: account(), ..Settings::default() }).map(drop);
        assert!(matches!(&refused, Err(StoreError::Refused(why)) if why.contains("`/influx`")), "{refused:?}");
    }
}

#[rstest]
#[case("3.1.0", Dialect::Three)]
#[case("v2.0.9", Dialect::Two)]
#[case("1.6.7~rc0", Dialect::One)]
#[tokio::test]
async fn the_version_says_what_is_spoken(#[case] version: &str, #[case] dialect: Dialect) {
    assert_eq!(client(version).await.1.dialect, dialect);
}

#[tokio::test]
async fn behind_a_proxy_that_hides_headers_health_tells_the_version() {
    let server = MockServer::start().await;
    Mock::given(path("/ping")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let health = serde_json::json!({"name": "influxdb", "message": "ready for queries and writes", "status": "pass", "checks": [], "version": "1.8.10"});
    Mock::given(path("/health")).respond_with(ResponseTemplate::new(200).set_body_json(health)).mount(&server).await;
    assert_eq!(Client::connect(&server.uri(), &account()).await.unwrap().dialect, Dialect::One);
}

#[tokio::test]
async fn a_bad_line_is_found_and_named_and_the_others_are_kept() {
    let (server, client) = client("v2.7.12").await;
    let conflict =
        "partial write: field type conflict: input field \"v\" on measurement \"m\" is type string, already exists as type float dropped=1";
    let bad = Mock::given(path(WRITE)).and(body_string_contains("v=5 5"));
    bad.respond_with(error(400, "invalid", conflict)).mount(&server).await;
    Mock::given(path(WRITE)).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let written = client.write(Space::Main, &lines()).await.unwrap();
    assert_eq!(written.set_aside, [("m,series=1 v=5 5".to_owned(), conflict.to_owned())]);
    let bodies: Vec<String> =
        server.received_requests().await.unwrap().iter().map(|r| String::from_utf8_lossy(&r.body).into_owned()).collect();
    for line in lines().iter().filter(|line| !line.contains("v=5")) {
        assert!(bodies.iter().any(|body| !body.contains("v=5 5") && body.lines().any(|l| l == line)), "{line} is lost");
    }
}

#[tokio::test]
async fn what_is_older_than_the_bucket_keeps_is_left_out_and_told() {
    let (server, client) = client("v2.7.12").await;
    let word = "failure writing points to database: partial write: points beyond retention policy dropped=3";
    Mock::given(path(WRITE)).respond_with(error(422, "unprocessable entity", word)).expect(1).mount(&server).await;
    let written = client.write(Space::Main, &lines()).await.unwrap();
    assert!(written.set_aside.is_empty() && written.too_old.as_deref() == Some(word));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_sent_in_halves() {
    let (server, client) = client("v2.7.12").await;
    let too_large = error(413, "request too large", "cannot read data: points batch is too large");
    Mock::given(path(WRITE))
        .and(body_string_contains("v=0 0\nm,series=1 v=1 1\nm,series=1 v=2"))
        .respond_with(too_large)
        .mount(&server)
        .await;
    Mock::given(path(WRITE)).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    assert_eq!(client.write(Space::Main, &lines()).await.unwrap(), Default::default());
}

#[rstest]
#[case(401, "unauthorized", "unauthorized access", "token")]
#[case(403, "forbidden", "insufficient permissions for write", "token")]
#[case(404, "not found", "bucket \"energy\" not found", "energy")]
#[case(503, "unavailable", "too many requests", "503")]
#[case(500, "internal error", "engine: cache-max-memory-size exceeded", "500")]
#[tokio::test]
async fn what_cannot_be_written_now_is_told_with_what_would_help(
    #[case] status: u16,
    #[case] code: &str,
    #[case] message: &str,
    #[case] says: &str,
) {
    let (server, client) = client("v2.7.12").await;
    Mock::given(path(WRITE)).respond_with(error(status, code, message)).mount(&server).await;
    let why = unavailable(client.write(Space::Main, &lines()).await);
    assert!(why.contains(message) && why.contains(says) && !why.contains("hunter2"), "{why}");
    // What the owner must mend is not tried again and again.
    let tries = server.received_requests().await.unwrap().len() - 1;
    assert_eq!(tries > 1, status >= 500, "{tries} tries");
}

#[rstest]
#[case(429)]
#[case(503)]
#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says(#[case] status: u16) {
    let (server, client) = client("v2.7.12").await;
    let busy = error(status, "too many requests", "slow down").insert_header("Retry-After", "0");
    Mock::given(path(WRITE)).respond_with(turns(vec![busy.clone(), busy, ResponseTemplate::new(204)])).mount(&server).await;
    assert_eq!(client.write(Space::Main, &lines()).await.unwrap(), Default::default());
    let later = error(status, "too many requests", "slow down").insert_header("Retry-After", "3600");
    server.reset().await;
    Mock::given(path(WRITE)).respond_with(later).expect(1).mount(&server).await;
    assert!(unavailable(client.write(Space::Main, &lines()).await).contains("slow down"));
}

#[rstest]
#[case(r#"{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","v"],"values":[[1,2],[3"#, "ends early")]
#[case("", "empty")]
#[case("<html><body>502 Bad Gateway</body></html>", "no JSON")]
#[case(
    r#"{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time"],"values":[[1]],"partial":true}],"partial":true}]}"#,
    "max-row-limit"
)]
#[tokio::test]
async fn half_an_answer_is_no_answer(#[case] body: &str, #[case] says: &str) {
    let (server, client) = client("v2.7.12").await;
    Mock::given(path(QUERY)).respond_with(ResponseTemplate::new(200).set_body_string(body)).mount(&server).await;
    let why = unavailable(client.query(Space::Main, "SELECT v FROM m").await.map(drop));
    assert!(why.contains("broke off") && why.contains(says), "{why}");
}

#[tokio::test]
async fn an_error_within_a_good_answer_is_an_error() {
    let (server, client) = client("v2.7.12").await;
    let answer = r#"{"results":[{"statement_id":0,"error":"invalid measurement"}]}"#;
    Mock::given(path(QUERY)).respond_with(ResponseTemplate::new(200).set_body_string(answer)).mount(&server).await;
    let found = client.query(Space::Main, "SELECT v FROM m").await;
    assert!(matches!(&found, Err(StoreError::Refused(why)) if why.contains("invalid measurement")), "{found:?}");
}

#[tokio::test]
async fn an_answer_in_pieces_is_put_together() {
    let (server, client) = client("v2.7.12").await;
    let piece = |values: &str, partial: &str| {
        format!(
            r#"{{"results":[{{"statement_id":0,"series":[{{"name":"m","columns":["time","v"],"values":{values}{partial}}}]{partial}}}]}}"#
        )
    };
    let body = format!("{}\n{}\n", piece("[[1,0.1],[2,0.30000000000000004]]", ",\"partial\":true"), piece("[[3,5]]", ""));
    Mock::given(path(QUERY)).respond_with(ResponseTemplate::new(200).set_body_string(body)).mount(&server).await;
    let found = client.query(Space::Main, "SELECT v FROM m").await.unwrap();
    let numbers: Vec<Option<f64>> = found[0][0].rows.iter().map(|row| row[1].number()).collect();
    assert_eq!((found.len(), found[0].len(), numbers), (1, 1, vec![Some(0.1), Some(0.1 + 0.2), Some(5.0)]));
}

#[tokio::test]
async fn a_slow_server_is_waited_for_and_not_for_ever() {
    let (server, url) = server("v2.7.12").await;
    let account = wattribute_store::influx::Account { timeout: Duration::from_millis(400), patience: Duration::ZERO, ..account() };
    let client = Client::connect(&url, &account).await.unwrap();
    let slow = |ms| ResponseTemplate::new(204).set_delay(Duration::from_millis(ms));
    Mock::given(path(WRITE)).respond_with(turns(vec![slow(150), slow(60_000)])).mount(&server).await;
    client.write(Space::Main, &lines()).await.unwrap();
    assert!(unavailable(client.write(Space::Main, &lines()).await).contains("did not answer in time"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let whole = r#"{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","v"],"values":[[1,2]]}]}]}"#;
        for count in 0.. {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut asked = [0; 4096];
            let read = socket.read(&mut asked).await.unwrap();
            let answer = if asked[..read].starts_with(b"GET /ping") {
                "HTTP/1.1 204 No Content\r\nX-Influxdb-Version: 1.8.10\r\nConnection: close\r\n\r\n".to_owned()
            } else {
                // Half of it at first, then the line is dead.
                let sent = if count < 2 { &whole[..40] } else { whole };
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{sent}", whole.len())
            };
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let client = Client::connect(&url, &account()).await.unwrap();
    let found = client.query(Space::Main, "SELECT v FROM m").await.unwrap();
    assert_eq!(found[0][0].rows.len(), 1);
}

/// Time stands still but for what is waited for: minutes pass at once.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_for_minutes_is_tried_until_it_is_back() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let begun = tokio::time::Instant::now();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut asked = [0; 4096];
            let read = socket.read(&mut asked).await.unwrap_or(0);
            let is_ping = asked[..read].starts_with(b"GET /ping");
            if is_ping || begun.elapsed() > Duration::from_secs(240) {
                let answer = b"HTTP/1.1 204 No Content\r\nX-Influxdb-Version: 1.8.10\r\nConnection: close\r\n\r\n";
                socket.write_all(answer).await.ok();
            }
        }
    });
    let account = |patience_s| wattribute_store::influx::Account {
        patience: Duration::from_secs(patience_s),
        timeout: Duration::from_secs(600),
        ..account()
    };
    let client = Client::connect(&url, &account(60)).await.unwrap();
    let why = unavailable(client.write(Space::Main, &lines()).await);
    assert!(why.contains("broke off") && begun.elapsed() >= Duration::from_secs(50), "{why}");
    let client = Client::connect(&url, &account(600)).await.unwrap();
    assert_eq!(client.write(Space::Main, &lines()).await.unwrap(), Default::default());
    assert!(begun.elapsed() >= Duration::from_secs(240), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_store_waits_for_an_influxdb_that_is_not_there_yet_and_not_for_a_wrong_token() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let settings = Settings { influx: account(), ..Settings::default() };
    let store = open_with(&url, Origin::Home, settings.clone()).unwrap();
    assert!(unavailable(store.latest().await.map(drop)).contains("cannot be reached"));

    let (server, url) = server("v2.7.12").await;
    Mock::given(path("/behind/a-proxy/api/v2/buckets"))
        .respond_with(error(401, "unauthorized", "unauthorized access"))
        .mount(&server)
        .await;
    let refused = open_with(&url, Origin::Home, settings.clone()).map(drop);
    assert!(matches!(&refused, Err(StoreError::Refused(why)) if why.contains("token") && !why.contains("hunter2")), "{refused:?}");

    let (_server, url) = crate::recorded::server("3.2.0").await;
    let refused = open_with(&url, Origin::Home, settings).map(drop);
    assert!(matches!(&refused, Err(StoreError::Refused(why)) if why.contains("mirror")), "{refused:?}");
}

#[tokio::test]
async fn in_version_two_buckets_are_made_with_the_tiers_and_points_are_forgotten_by_the_api() {
    let (server, url) = server("v2.7.12").await;
    let at = |place: &str| format!("/behind/a-proxy/{place}");
    let none = serde_json::json!({ "buckets": [] });
    Mock::given(method("GET"))
        .and(path(at("api/v2/buckets")))
        .respond_with(ResponseTemplate::new(200).set_body_json(none))
        .mount(&server)
        .await;
    let orgs = serde_json::json!({ "orgs": [{ "id": "0123456789abcdef", "name": "my home" }] });
    let org = Mock::given(path(at("api/v2/orgs"))).and(query_param("org", "my home"));
    org.respond_with(ResponseTemplate::new(200).set_body_json(orgs)).mount(&server).await;
    let made = serde_json::json!({ "id": "fedcba9876543210", "orgID": "0123456789abcdef", "name": "x", "retentionRules": [] });
    let make = Mock::given(method("POST")).and(path(at("api/v2/buckets")));
    make.respond_with(ResponseTemplate::new(201).set_body_json(made)).expect(4).mount(&server).await;
    let nothing = ResponseTemplate::new(200).set_body_string(r#"{"results":[{"statement_id":0}]}"#);
    Mock::given(path(QUERY)).respond_with(nothing).mount(&server).await;
    Mock::given(path(WRITE)).respond_with(ResponseTemplate::new(204)).mount(&server).await;

    let store = open_with(&url, Origin::Home, Settings { influx: account(), ..Settings::default() }).unwrap();
    // Opening looks once with a connection of its own; from here on it is the store's.
    let of_opening: Vec<_> = server.received_requests().await.unwrap();
    let buckets: Vec<serde_json::Value> = of_opening
        .iter()
        .filter(|r| r.method.as_str() == "POST" && r.url.path().ends_with("/api/v2/buckets"))
        .map(|r| serde_json::from_slice(&r.body).unwrap())
        .collect();
    let names: Vec<&str> = buckets.iter().map(|b| b["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["energy", "energy/wattribute", "energy/wattribute_1m", "energy/wattribute_10m"]);
    let kept: Vec<u64> = buckets.iter().map(|b| b["retentionRules"][0]["everySeconds"].as_u64().unwrap_or(0)).collect();
    assert_eq!(kept, [0, 0, (400 + 14) * 86_400, 0]);
    server.reset().await;
    let ping = ResponseTemplate::new(204).insert_header("X-Influxdb-Version", "v2.7.12");
    Mock::given(path(at("ping"))).respond_with(ping).mount(&server).await;
    let there = serde_json::json!({ "buckets": names.iter().map(|name| serde_json::json!({
        "id": "1", "orgID": "2", "name": name, "retentionRules": [{ "type": "expire", "everySeconds": if name.ends_with("1m") { (400 + 14) * 86_400 } else { 0 } }]
    })).collect::<Vec<_>>() });
    Mock::given(method("GET"))
        .and(path(at("api/v2/buckets")))
        .respond_with(ResponseTemplate::new(200).set_body_json(there))
        .mount(&server)
        .await;
    Mock::given(path(QUERY))
        .respond_with(ResponseTemplate::new(200).set_body_string(r#"{"results":[{"statement_id":0}]}"#))
        .mount(&server)
        .await;
    Mock::given(path(WRITE)).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    Mock::given(path(at("api/v2/delete"))).respond_with(ResponseTemplate::new(204)).expect(1).mount(&server).await;
    store.forget_documents(vec!["standing:tasmota".to_owned()]).await.unwrap();
    let all = server.received_requests().await.unwrap();
    let forgot = all.iter().find(|r| r.url.path().ends_with("/api/v2/delete")).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&forgot.body).unwrap();
    assert_eq!(body["predicate"], "_measurement=\"wattribute_document\" AND key=\"standing:tasmota\"");
    assert!(body["start"].as_str().unwrap().starts_with("1677-") && body["stop"].as_str().unwrap().starts_with("2262-"), "{body}");
    assert!(forgot.url.query_pairs().any(|(key, value)| key == "bucket" && value == "energy/wattribute"));
    assert!(
        !all.iter().any(|r| matches!(r.method.as_str(), "PATCH" | "POST") && r.url.path().contains("buckets")),
        "buckets that fit stay"
    );
}
