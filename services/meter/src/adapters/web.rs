//! Pages that adapters ask for. An address and its headers may hold secrets: none of it is ever shown, only the host.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response, StatusCode, Url};
use secrecy::SecretString;
use tokio::time::{Interval, MissedTickBehavior, interval};
use wattribute_service::web::{self, root};

use super::AdapterError;

/// The longest answer that is read, bytes.
const LONGEST: usize = 4 << 20;

/// A device or a service that answers HTTP.
#[derive(Clone)]
pub(super) struct Web {
    client: Client,
    base: Url,
    headers: HeaderMap,
}

/// An answer, whatever its status says.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Web {
    /// Prepares requests to `url`; connects to nothing yet. The error says what is wrong, after `what`, without any secret.
    pub fn new(what: &str, url: &SecretString, headers: &BTreeMap<String, SecretString>, timeout: Duration) -> Result<Self, AdapterError> {
        let wrong = |why: String| AdapterError::Unsupported(format!("{what}: {why}"));
        let base = web::address(url, "http://192.168.1.7/api/v1/data").map_err(wrong)?;
        let headers = web::headers(headers).map_err(wrong)?;
        Ok(Web { client: web::client(timeout).map_err(wrong)?, base, headers })
    }

    /// Its host, which may be shown.
    pub fn host(&self) -> &str {
        web::host(&self.base)
    }

    /// What the address itself answers.
    pub async fn get(&self) -> Result<Vec<u8>, AdapterError> {
        self.good(self.send(Method::GET, self.base.clone(), Vec::new(), &[]).await?)
    }

    /// What it answers at a path below the address, with a query; it is written as it is given.
    pub async fn get_at(&self, path: &str, query: &str) -> Result<Vec<u8>, AdapterError> {
        self.get_with(path, query, &[]).await
    }

    /// The same, with headers of this request alone, which win over those of all.
    pub async fn get_with(&self, path: &str, query: &str, headers: &[(&str, &str)]) -> Result<Vec<u8>, AdapterError> {
        self.good(self.ask(Method::GET, path, query, Vec::new(), headers).await?)
    }

    /// The whole answer of what is below the address, whatever its status. An empty path is the address itself, an empty query none.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, AdapterError> {
        let mut url = self.base.clone();
        if !path.is_empty() {
            url.set_path(&format!("{}/{}", url.path().trim_end_matches('/'), path.trim_start_matches('/')));
        }
        if !query.is_empty() {
            url.set_query(Some(query));
        }
        self.send(method, url, body, headers).await
    }

    async fn send(&self, method: Method, url: Url, body: Vec<u8>, headers: &[(&str, &str)]) -> Result<Answer, AdapterError> {
        let mut all = self.headers.clone();
        for (name, value) in headers {
            let (name, value) = web::header(name, value).map_err(AdapterError::Unsupported)?;
            all.insert(name, value);
        }
        let mut request = self.client.request(method, url).headers(all);
        if !body.is_empty() {
            request = request.body(body);
        }
        let answer = request.send().await.map_err(|error| self.failed(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Answer { status, headers, body: self.read(answer).await? })
    }

    async fn read(&self, mut answer: Response) -> Result<Vec<u8>, AdapterError> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.failed(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                return Err(AdapterError::Protocol(format!("{} answers with more than {LONGEST} bytes", self.host())));
            }
        }
        Ok(body)
    }

    fn failed(&self, error: &reqwest::Error) -> AdapterError {
        let host = self.host();
        if error.is_timeout() {
            AdapterError::Timeout(format!("{host} did not answer in time"))
        } else if error.is_connect() {
            AdapterError::Unreachable(format!("{host} cannot be reached: {}; see that it has power and this address", root(error)))
        } else {
            AdapterError::Unreachable(format!("{host} ended its answer early: {}", root(error)))
        }
    }

    /// The body of an answer whose status says that all is well.
    pub fn good(&self, answer: Answer) -> Result<Vec<u8>, AdapterError> {
        let host = self.host();
        match answer.status {
            status if status.is_success() => Ok(answer.body),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Err(AdapterError::Unauthorized(format!("{host} answers {status}: see its password or token")))
            }
            status if status.is_redirection() => {
                Err(AdapterError::Unreachable(format!("{host} answers {status}: it is elsewhere now; give the address that it names")))
            }
            status => Err(AdapterError::Unreachable(format!("{host} answers {status}"))),
        }
    }
}

/// When a polled device is asked again. What was missed is not made up for.
pub(super) struct Ticks {
    every: Duration,
    interval: Option<Interval>,
}

impl Ticks {
    pub fn every(every: Duration) -> Self {
        Ticks { every: every.max(Duration::from_millis(100)), interval: None }
    }

    /// Waits until it is time; the first time at once. Cancel-safe.
    pub async fn next(&mut self) {
        let every = self.every;
        let interval = self.interval.get_or_insert_with(|| {
            let mut interval = interval(every);
            interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
            interval
        });
        interval.tick().await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use serde_json::json;
    use wiremock::matchers::{body_json, header, method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    fn web(url: &str) -> Web {
        let headers = BTreeMap::from([("X-Key".to_owned(), SecretString::from("hush"))]);
        Web::new("test", &SecretString::from(url), &headers, Duration::from_secs(5)).unwrap()
    }

    #[tokio::test]
    async fn what_is_posted_arrives_with_the_headers_of_all_and_of_this_one() {
        let server = MockServer::start().await;
        let asked = Mock::given(method("POST")).and(path("/api/login")).and(body_json(json!({"user": "anna"})));
        let asked = asked.and(header("x-key", "hush")).and(header("content-type", "application/x-amz-json-1.1"));
        asked.respond_with(ResponseTemplate::new(200).set_body_string("in")).expect(1).mount(&server).await;
        let said = web(&format!("{}/api/", server.uri()));
        let headers = [("Content-Type", "application/x-amz-json-1.1")];
        let body = json!({"user": "anna"}).to_string().into_bytes();
        let answer = said.ask(Method::POST, "login", "", body, &headers).await.unwrap();
        assert_eq!(said.good(answer).unwrap(), b"in");
        let refused = said.ask(Method::POST, "login", "", b"{}".to_vec(), &[("a", "b\nc")]).await.err().unwrap();
        assert!(matches!(&refused, AdapterError::Unsupported(why) if why.contains("`a`")), "{refused}");
    }

    #[tokio::test]
    async fn a_header_of_one_request_wins_and_does_not_stay() {
        let server = MockServer::start().await;
        let asked = |key: &'static str| Mock::given(path("/page")).and(query_param("q", "1")).and(header("x-key", key));
        asked("loud").respond_with(ResponseTemplate::new(200).set_body_string("one")).expect(1).mount(&server).await;
        asked("hush").respond_with(ResponseTemplate::new(200).set_body_string("two")).expect(1).mount(&server).await;
        let said = web(&server.uri());
        assert_eq!(said.get_with("page", "q=1", &[("X-Key", "loud")]).await.unwrap(), b"one");
        assert_eq!(said.get_at("page", "q=1").await.unwrap(), b"two");
    }

    #[tokio::test]
    async fn a_refusal_can_be_read_by_who_asks_for_it() {
        let server = MockServer::start().await;
        let refusal = ResponseTemplate::new(400).insert_header("set-cookie", "s=1").set_body_string("why");
        Mock::given(path("/")).respond_with(refusal).expect(2).mount(&server).await;
        let said = web(&server.uri());
        let answer = said.ask(Method::POST, "", "", b"x".to_vec(), &[]).await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.headers["set-cookie"], &*answer.body), (400, &"s=1".parse().unwrap(), &b"why"[..]));
        assert!(matches!(said.get().await.unwrap_err(), AdapterError::Unreachable(why) if why.ends_with("400 Bad Request")));
    }
}
