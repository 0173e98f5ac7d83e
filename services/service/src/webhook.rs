//! Requests to addresses that the owner names. Such an address, its headers and what is sent may hold secrets: none of it is ever shown,
//! only the host.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use secrecy::SecretString;
use serde::Deserialize;

use crate::web::{self, root};

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `POST`.
    #[default]
    Post,
    /// `PUT`.
    Put,
}

/// Where something is sent.
#[derive(Clone)]
pub struct Target {
    url: Url,
    method: Method,
    headers: HeaderMap,
}

/// Why something was not sent, by what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It was not taken and may be later. Send it again.
    #[error("{0}")]
    Later(String),
    /// Whether it was taken is not known. Do not send again what must be sent once.
    #[error("{0}")]
    Unclear(String),
    /// It is not taken, and never will be.
    #[error("{0}")]
    Refused(String),
}

impl Target {
    /// An address with what is sent along. The error says what is wrong, without any secret.
    pub fn new(url: &SecretString, method: Method, content_type: &str, headers: &BTreeMap<String, SecretString>) -> Result<Self, String> {
        let url = web::address(url, "https://ntfy.sh/my-topic")?;
        let said = HeaderValue::from_str(content_type).map_err(|_| "content_type: this is none such as application/json".to_owned())?;
        let mut all = HeaderMap::from_iter([(CONTENT_TYPE, said)]);
        all.extend(web::headers(headers)?);
        Ok(Target { url, method, headers: all })
    }

    /// Its host, which may be shown.
    pub fn host(&self) -> &str {
        web::host(&self.url)
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("host", &self.host()).field("method", &self.method).finish_non_exhaustive()
    }
}

/// Sends; clones share connections.
#[derive(Clone, Debug)]
pub struct Sender(Client);

impl Sender {
    /// Prepares requests; connects to nothing yet.
    pub fn new() -> Result<Self, String> {
        web::client(TIMEOUT).map(Sender)
    }

    /// Sends `body`; well once the other side says that it took it.
    pub async fn send(&self, target: &Target, body: String) -> Result<(), SendError> {
        let host = target.host();
        let method = match target.method {
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        };
        let request = self.0.request(method, target.url.clone()).headers(target.headers.clone()).body(body);
        match request.send().await.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)) => {
                Err(SendError::Later(format!("{host} answers {status}")))
            }
            Ok(status) if status.is_server_error() => Err(SendError::Later(format!("{host} answers {status}"))),
            Ok(status) if status.is_redirection() => {
                Err(SendError::Refused(format!("{host} answers {status}: it is elsewhere now; give the address that it names")))
            }
            Ok(status) => Err(SendError::Refused(format!("{host} answers {status}: the address, a token or what is sent is wrong"))),
            Err(error) if error.is_connect() => Err(SendError::Later(format!("{host} cannot be reached: {}", root(&error)))),
            Err(error) if error.is_timeout() => Err(SendError::Unclear(format!("{host} did not answer in time"))),
            Err(error) => Err(SendError::Unclear(format!("{host} did not answer: {}", root(&error)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use wiremock::matchers::{body_string, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    fn target(url: &str) -> Result<Target, String> {
        let headers = BTreeMap::from([("Authorization".to_owned(), SecretString::from("Bearer hush"))]);
        Target::new(&SecretString::from(url), Method::Put, "text/plain", &headers)
    }

    #[tokio::test]
    async fn what_is_sent_arrives_as_it_was_said() {
        let server = MockServer::start().await;
        let request = Mock::given(method("PUT")).and(path("/topic")).and(body_string("Hello"));
        let request = request.and(header("authorization", "Bearer hush")).and(header("content-type", "text/plain"));
        request.respond_with(ResponseTemplate::new(200)).expect(1).mount(&server).await;
        let target = target(&format!("{}/topic", server.uri())).unwrap();
        Sender::new().unwrap().send(&target, "Hello".to_owned()).await.unwrap();
    }

    #[rstest]
    #[case(503, true)]
    #[case(429, true)]
    #[case(404, false)]
    #[case(302, false)]
    #[tokio::test]
    async fn what_is_not_taken_is_told_by_whether_it_may_be_later(#[case] status: u16, #[case] is_later: bool) {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).insert_header("location", "http://127.0.0.1:1/bot7:hush");
        Mock::given(method("PUT")).respond_with(answer).expect(1).mount(&server).await;
        let target = target(&format!("{}/bot7:hush/send", server.uri())).unwrap();
        let error = Sender::new().unwrap().send(&target, String::new()).await.unwrap_err();
        assert_eq!(matches!(error, SendError::Later(_)), is_later, "{error:?}");
        assert!(!error.to_string().contains("hush") && error.to_string().contains(&status.to_string()), "{error}");
    }

    #[tokio::test]
    async fn neither_an_error_nor_debug_output_shows_the_address() {
        let target = target("http://anna:hush@127.0.0.1:1/bot7:hush/send?token=hush").unwrap();
        let error = Sender::new().unwrap().send(&target, "hush".to_owned()).await.unwrap_err();
        assert!(matches!(error, SendError::Later(_)) && error.to_string().starts_with("127.0.0.1 cannot be reached"), "{error}");
        let said = format!("{error} {error:?} {target:?}");
        assert!(!said.contains("hush") && !said.contains("anna"), "{said}");
    }

    #[rstest]
    #[case("ntfy.sh/hush")]
    #[case("file:///hush")]
    #[case("https:///")]
    #[case("")]
    fn what_is_no_address_is_refused_without_repeating_it(#[case] url: &str) {
        let error = target(url).unwrap_err();
        assert!(error.contains("https://ntfy.sh/my-topic") && !error.contains("hush"), "{error}");
    }

    #[test]
    fn a_header_cannot_smuggle_another_in() {
        let headers = BTreeMap::from([("Title".to_owned(), SecretString::from("a\r\nX-Evil: hush"))]);
        let error = Target::new(&SecretString::from("http://a"), Method::Post, "text/plain", &headers).unwrap_err();
        assert!(error.contains("title") && !error.contains("hush"), "{error}");
    }
}
