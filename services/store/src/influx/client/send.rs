//! Requests: what their failures mean, and when they are tried again.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use tokio::time::Instant;

use super::{Client, Dialect, Space};
use crate::{Result, StoreError};

/// A body of at most so many bytes, or one line.
const LARGEST: usize = 1 << 20;
/// So many lines at most in one request.
const MOST_LINES: usize = 5_000;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// What a server says of a question that it will answer later: it is busy, or about to end.
const PASSING: [&str; 5] = ["timeout", "shutting down", "limit exceeded", "interrupted", "engine is closed"];
/// What is said of a 404 that is not InfluxDB's own.
pub const NO_INFLUX: &str = "there is no InfluxDB at the path";

/// What is sent along.
pub enum Body {
    /// A form.
    Form(Vec<(&'static str, String)>),
    /// JSON.
    Json(serde_json::Value),
    /// Line protocol.
    Lines(String),
}

/// What was answered.
pub struct Said {
    /// HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: String,
    /// `X-Influxdb-Version`.
    pub version: Option<String>,
    /// `Retry-After`.
    pub after: Option<Duration>,
}

/// How a request failed.
#[derive(Debug)]
pub enum Failed {
    /// For now: it is tried again.
    Now(StoreError),
    /// For now, and the server says when to come again.
    Later(StoreError, Duration),
    /// For good.
    Good(StoreError),
    /// What was sent is wrong: the server's word.
    Bad(String),
    /// What was sent is too large.
    TooLarge,
    /// The bucket or database is not there.
    Missing(String),
}

/// What became of lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Lines that the server refuses, and its word; the others are kept.
    pub set_aside: Vec<(String, String)>,
    /// The server's word on lines that it left out, being older than it keeps.
    pub too_old: Option<String>,
}

impl Client {
    /// One request, as it is.
    pub async fn send(&self, method: Method, path: &str, parameters: &[(&str, &str)], body: Option<Body>) -> Result<Said> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let mut request = self.http.request(method, url);
        request = match self.account.token.split_once(':') {
            _ if self.account.token.is_empty() => request,
            // 1.6 knows no other; 1.8 knows both. A token of 2.x that an owner chose may have a colon in it as well.
            Some((user, password)) if self.dialect == Dialect::One => request.basic_auth(user, Some(password)),
            _ => request.header("Authorization", format!("Token {}", self.account.token)),
        };
        request = match body {
            None => request,
            Some(Body::Json(json)) => request.json(&json),
            Some(Body::Lines(lines)) => request.header("Content-Type", "text/plain; charset=utf-8").body(lines),
            Some(Body::Form(fields)) => {
                let mut form = reqwest::Url::parse("http://form").map_err(|e| StoreError::Refused(e.to_string()))?;
                form.query_pairs_mut().extend_pairs(fields);
                request.header("Content-Type", "application/x-www-form-urlencoded").body(form.query().unwrap_or_default().to_owned())
            }
        };
        let failed = |error: reqwest::Error| {
            let (host, why) = (self.host(), root(&error));
            StoreError::Unavailable(if error.is_timeout() {
                format!("{host} did not answer in time")
            } else if error.is_connect() {
                format!("{host} cannot be reached: {why}; see that it runs, and `url` in [influxdb]")
            } else {
                format!("{host} broke off its answer: {why}")
            })
        };
        let answer = request.send().await.map_err(failed)?;
        let header = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let after = header("retry-after").and_then(|s| s.trim().parse().ok()).map(Duration::from_secs);
        let (status, version) = (answer.status(), header("x-influxdb-version"));
        let body = answer.text().await.map_err(failed)?;
        Ok(Said { status, body, version, after })
    }

    /// Does a request until it succeeds, fails for good, or patience ends.
    pub async fn patiently<T, F: Future<Output = std::result::Result<T, Failed>>>(
        &self,
        patience: Duration,
        ask: impl Fn() -> F,
    ) -> Result<T> {
        self.try_again(patience, ask).await.map_err(|failed| self.failed(failed))
    }

    /// A failure, for who asked.
    pub fn failed(&self, failed: Failed) -> StoreError {
        match failed {
            Failed::Now(error) | Failed::Later(error, _) | Failed::Good(error) => error,
            Failed::Bad(why) => StoreError::Refused(format!("{} refuses: {why}", self.host())),
            Failed::TooLarge => StoreError::Refused(format!("{} refuses what is too large for it", self.host())),
            Failed::Missing(why) => StoreError::Unavailable(format!("{}: {why}; `wattribute` makes it when it starts", self.host())),
        }
    }

    pub(super) async fn try_again<T, F: Future<Output = std::result::Result<T, Failed>>>(
        &self,
        patience: Duration,
        ask: impl Fn() -> F,
    ) -> std::result::Result<T, Failed> {
        let until = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let failed = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(failed @ (Failed::Now(_) | Failed::Later(..))) => failed,
                Err(other) => return Err(other),
            };
            let wait = if let Failed::Later(_, after) = &failed { *after } else { pause };
            if Instant::now() + wait > until {
                return Err(failed);
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(Duration::from_secs(3));
        }
    }

    /// What an answer that is no success means.
    pub fn sort(&self, said: &Said, doing: &str) -> Failed {
        let error = self.tell(said, doing);
        match (said.status, said.after) {
            (StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY, _) => Failed::Bad(word(&said.body)),
            (StatusCode::PAYLOAD_TOO_LARGE, _) => Failed::TooLarge,
            (StatusCode::NOT_FOUND, _) if own_word(&said.body).is_some() => Failed::Missing(word(&said.body)),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Failed::Good(error),
            (status, Some(after)) if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => Failed::Later(error, after),
            (status, None) if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => Failed::Now(error),
            _ => Failed::Good(error),
        }
    }

    /// An answer that is no success, for who asked.
    pub fn tell(&self, said: &Said, doing: &str) -> StoreError {
        let (host, word) = (self.host(), word(&said.body));
        StoreError::Unavailable(match said.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                format!(
                    "{host} does not let us in ({word}): see `token` and `org` in [influxdb]; the token must read, write and make buckets"
                )
            }
            StatusCode::NOT_FOUND if own_word(&said.body).is_none() => {
                format!("{host} answers 404 ({word}) when it {doing}: {NO_INFLUX} `{}`: see `url` in [influxdb]", self.base.path())
            }
            status => format!("{host} answers {} when it {doing}: {word}", status.as_u16()),
        })
    }

    /// What an error within an answer of 200 means.
    pub fn refusal(&self, error: &str) -> Failed {
        if error.contains("not found") {
            Failed::Missing(error.to_owned())
        } else if PASSING.iter().any(|word| error.contains(word)) {
            Failed::Now(StoreError::Unavailable(format!("{}: {error}", self.host())))
        } else {
            Failed::Bad(error.to_owned())
        }
    }

    /// Writes lines. A line that the server refuses is found and set aside; the others are kept.
    pub async fn write(&self, space: Space, lines: &[String]) -> Result<Written> {
        let mut written = Written::default();
        let mut parts: Vec<&[String]> = Vec::new();
        let (mut start, mut size) = (0, 0);
        for (k, line) in lines.iter().enumerate() {
            if k > start && (size + line.len() > LARGEST || k - start >= MOST_LINES) {
                parts.push(&lines[start..k]);
                (start, size) = (k, 0);
            }
            size += line.len() + 1;
        }
        parts.push(&lines[start..]);
        parts.retain(|part| !part.is_empty());
        parts.reverse();
        while let Some(part) = parts.pop() {
            match self.write_part(space, part).await {
                Ok(None) => {}
                Ok(Some(too_old)) => written.too_old = Some(too_old),
                Err(Failed::Bad(why)) if part.len() == 1 => written.set_aside.push((part[0].clone(), why)),
                Err(Failed::TooLarge) if part.len() == 1 => {
                    written.set_aside.push((part[0].clone(), "it is too large".to_owned()));
                }
                // Halves, until the bad line stands alone.
                Err(Failed::Bad(_) | Failed::TooLarge) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(failed) => return Err(self.failed(failed)),
            }
        }
        Ok(written)
    }

    async fn write_part(&self, space: Space, lines: &[String]) -> std::result::Result<Option<String>, Failed> {
        let bucket = self.bucket_of(space);
        let body = lines.join("\n");
        let (path, parameters) = match self.dialect {
            Dialect::One => {
                let mut all = vec![("db", self.account.bucket.as_str()), ("precision", "ms")];
                all.extend(space.policy().map(|policy| ("rp", policy)));
                ("write", all)
            }
            Dialect::Two | Dialect::Three => {
                ("api/v2/write", vec![("org", self.account.org.as_str()), ("bucket", bucket.as_str()), ("precision", "ms")])
            }
        };
        let (body, parameters) = (&body, &parameters);
        self.try_again(self.account.patience, || async move {
            let said = self.send(Method::POST, path, parameters, Some(Body::Lines(body.clone()))).await.map_err(Failed::Now)?;
            if said.status.is_success() {
                return Ok(None);
            }
            let why = word(&said.body);
            // The rest of the batch is kept.
            if said.status.is_client_error() && (why.contains("retention policy") || why.contains("outside retention")) {
                return Ok(Some(why));
            }
            Err(self.sort(&said, "is written to"))
        })
        .await
    }
}

/// What InfluxDB says in the JSON of its errors; `None` where this is no such: a proxy speaks, or another server.
fn own_word(body: &str) -> Option<String> {
    let read = super::answer::read_all(body).ok()?;
    let said = read.first().and_then(|v| v.get("message").or_else(|| v.get("error")));
    said.and_then(super::Value::text).map(str::to_owned)
}

/// The server's own word, on one line.
fn word(body: &str) -> String {
    let text = own_word(body).unwrap_or_else(|| body.to_owned());
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    if line.trim().is_empty() { "without a word".to_owned() } else { line.trim().to_owned() }
}

fn root(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
