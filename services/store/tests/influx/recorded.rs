//! A server that answers as InfluxDB 2.7 and 1.8 do, word for word.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use wattribute_store::influx::Account;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// Answers one after another; the last one stays.
pub struct Turns {
    answers: Vec<ResponseTemplate>,
    at: AtomicUsize,
}

impl Respond for Turns {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let at = self.at.fetch_add(1, Ordering::Relaxed).min(self.answers.len() - 1);
        self.answers[at].clone()
    }
}

pub fn turns(answers: Vec<ResponseTemplate>) -> Turns {
    Turns { answers, at: AtomicUsize::new(0) }
}

/// An answer of 2.x with an error.
pub fn error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(serde_json::json!({ "code": code, "message": message }))
}

/// A server of that version, below a path as behind a-proxy.
pub async fn server(version: &str) -> (MockServer, String) {
    let server = MockServer::start().await;
    let ping = ResponseTemplate::new(204).insert_header("X-Influxdb-Version", version).insert_header("X-Influxdb-Build", "OSS");
    Mock::given(method("GET")).and(path("/behind/a-proxy/ping")).respond_with(ping).mount(&server).await;
    let url = format!("{}/behind/a-proxy/", server.uri());
    (server, url)
}

/// Who we are there; patience is short where time is real.
pub fn account() -> Account {
    Account {
        token: "hunter2".to_owned(),
        org: "my home".to_owned(),
        bucket: "energy".to_owned(),
        patience: Duration::from_millis(300),
        timeout: Duration::from_secs(2),
        ..Account::default()
    }
}
