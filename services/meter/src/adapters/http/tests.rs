use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wattribute_domain::Quantity;
use wiremock::matchers::{header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::adapters::fixtures::{of, shared, shown};

fn config(said: Value) -> Config {
    serde_json::from_value(said).unwrap()
}

fn power(url: &str) -> Config {
    config(json!({"name": "P1", "url": url, "every": "100ms", "timeout": "300ms", "headers": {"X-Key": "hush"},
        "values": [{"quantity": "power_w", "pointer": "/power"}]}))
}

fn adapter(url: &str) -> Http {
    Http::new(&power(url), &[]).unwrap()
}

fn understood(config: &Config, answer: &str) -> String {
    let told = read(Http::new(config, &[]).unwrap().told, config.values.iter(), answer.as_bytes());
    told.map_or_else(|why| format!("error: {why}"), |told| shown(&[told]))
}

fn values(events: &[Event]) -> Vec<f64> {
    events.iter().filter_map(|event| if let Event::Reading { value, .. } = event { Some(*value) } else { None }).collect()
}

#[test]
fn every_fixture_is_read() {
    let text = |(name, text): (String, String)| {
        let case: Value = serde_json::from_str(&text).unwrap();
        format!("{name}\n{}\n", understood(&config(case["config"].clone()), case["answer"].as_str().unwrap()))
    };
    insta::assert_snapshot!(of("http").into_iter().map(text).collect::<String>());
}

#[test]
fn answers_of_real_devices_are_read() {
    let case: Value = serde_json::from_str(&of("http").into_iter().find(|(name, _)| name == "homewizard_p1_v1.json").unwrap().1).unwrap();
    let config = config(case["config"].clone());
    let measured = shared("homewizard").into_iter().filter(|(name, _)| name.starts_with("v1") && name.contains("_data"));
    let text: String = measured.map(|(name, answer)| format!("{name}\n{}\n", understood(&config, &answer))).collect();
    if !text.is_empty() {
        insta::assert_snapshot!(text);
    }
}

async fn answering(answer: ResponseTemplate) -> (MockServer, Http) {
    let server = MockServer::start().await;
    Mock::given(method("GET")).and(header("x-key", "hush")).respond_with(answer).mount(&server).await;
    let adapter = adapter(&format!("{}/data?token=hush", server.uri()));
    (server, adapter)
}

#[tokio::test]
async fn it_asks_with_its_headers_and_goes_on_after_a_failure() {
    let (server, mut http) = answering(ResponseTemplate::new(200).set_body_string("{\"power\": 412}")).await;
    let first = http.next().await.unwrap();
    let Event::Series { info, .. } = &first[0] else { panic!("{first:?}") };
    assert_eq!((info.source.as_str(), info.device.as_str(), info.quantity), ("http", "p1", Quantity::PowerW));
    assert_eq!(values(&first), [412.0]);
    server.reset().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    assert!(matches!(http.next().await, Err(AdapterError::Unreachable(_))));
    server.reset().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_string("{\"power\": 7}")).mount(&server).await;
    assert_eq!(values(&http.next().await.unwrap()), [7.0], "a restarted device is simply read again");
}

#[rstest]
#[case(ResponseTemplate::new(401), "see its password or token")]
#[case(ResponseTemplate::new(404), "404")]
#[case(ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/hush"), "elsewhere")]
#[case(ResponseTemplate::new(200).set_body_string("<html>hello"), "is no JSON")]
#[case(ResponseTemplate::new(200).set_body_string("{\"power\":"), "is no JSON")]
#[case(ResponseTemplate::new(200).set_body_string("{\"power\": null}"), "no number at /power")]
#[case(ResponseTemplate::new(200).set_body_bytes([0xff, 0xfe]), "no text")]
#[case(ResponseTemplate::new(200).set_body_string("{}").set_delay(Duration::from_secs(5)), "in time")]
#[tokio::test]
async fn what_goes_wrong_is_told_without_secrets(#[case] answer: ResponseTemplate, #[case] says: &str) {
    let (_server, mut http) = answering(answer).await;
    let error = http.next().await.unwrap_err().to_string();
    assert!(error.contains(says) && !error.contains("hush"), "{error}");
}

#[tokio::test]
async fn nobody_there_and_half_an_answer_are_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let half = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = [0; 256];
        let _some = socket.read(&mut asked).await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"power\": 41").await.unwrap();
    });
    let mut http = adapter(&format!("http://{address}/"));
    let error = http.next().await.unwrap_err();
    assert!(matches!(&error, AdapterError::Unreachable(why) if why.contains("early")), "{error}");
    half.await.unwrap();
    let error = http.next().await.unwrap_err();
    assert!(matches!(&error, AdapterError::Unreachable(why) if why.starts_with("127.0.0.1 cannot be reached")), "{error}");
}

#[rstest]
#[case(json!({"name": "a", "url": "192.168.1.7/hush", "values": [{"quantity": "power_w"}]}), "http://192.168.1.7/api/v1/data")]
#[case(json!({"name": "a", "url": "http://a/hush", "headers": {"A\n": "hush"}, "values": [{"quantity": "power_w"}]}), "no name of a header")]
#[case(json!({"name": "a", "url": "http://a/hush", "values": [{"quantity": "power_w", "topic": "a"}]}), "for [[mqtt_source]]")]
fn what_is_described_wrongly_is_refused(#[case] said: Value, #[case] says: &str) {
    let error = Http::new(&config(said), &[]).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("[[http_source]] a: ") && error.contains(says) && !error.contains("hush"), "{error}");
}

#[test]
fn an_address_and_headers_are_never_shown() {
    assert!(!format!("{:?}", power("http://anna:hush@a/hush")).contains("hush"));
}
