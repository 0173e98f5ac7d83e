//! Talking to InfluxDB over HTTP: 1.x, 2.x, and what of 3 Core is alike.

mod send;

use std::fmt;
use std::time::Duration;

use reqwest::{Client as Http, Method, Url, redirect};

use super::account::Account;
use super::answer::{self, Value};
use super::table::{Cell, Table};
use crate::{Result, StoreError};

pub use send::{Body, Failed, NO_INFLUX, Written};

/// Who asks is answered sooner than who writes: a page waits.
const READ_PATIENCE: Duration = Duration::from_secs(3);
/// An address with statements is no longer than this, bytes: proxies take no more than 8 KB.
const LONGEST: usize = 5_000;

/// Statements in as few questions as fit.
pub fn questions<'a>(statements: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for statement in statements {
        match all.last_mut() {
            Some(last) if last.len() + statement.len() < LONGEST => {
                last.push(';');
                last.push_str(statement);
            }
            _ => all.push(statement.to_owned()),
        }
    }
    all
}

/// What InfluxDB speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// 1.x: databases and retention policies.
    One,
    /// 2.x: organisations and buckets.
    Two,
    /// 3 Core: databases without deletes.
    Three,
}

/// A part of what is ours; each with its own retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// The bucket that the owner names: readings, state changes, correlations.
    Main,
    /// What we keep beside, for ever.
    Ours,
    /// Means of minutes.
    Minutes,
    /// Means of ten minutes.
    TenMinutes,
}

impl Space {
    /// Its retention policy (1.x); a bucket (2.x) is called after it. `None`: the bucket itself.
    pub fn policy(self) -> Option<&'static str> {
        match self {
            Space::Main => None,
            Space::Ours => Some("wattribute"),
            Space::Minutes => Some("wattribute_1m"),
            Space::TenMinutes => Some("wattribute_10m"),
        }
    }
}

/// A connection.
pub struct Client {
    http: Http,
    base: Url,
    account: Account,
    /// What the server speaks.
    pub dialect: Dialect,
    /// Its version, as it says.
    pub version: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({}, {:?})", self.base, self.dialect)
    }
}

/// The address without what may be secret in it, and that secret.
pub fn address(url: &str) -> Result<(Url, Option<String>)> {
    let wrong = || StoreError::Refused("the address of InfluxDB is written like `http://influxdb:8086`".to_owned());
    let mut url = Url::parse(url.trim()).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong());
    }
    let user = (!url.username().is_empty()).then(|| format!("{}:{}", plain(url.username()), plain(url.password().unwrap_or_default())));
    url.set_username("").ok();
    url.set_password(None).ok();
    if url.query().is_some() || url.fragment().is_some() {
        return Err(StoreError::Refused(
            "the address of InfluxDB ends with its path: token, org and bucket stand in [influxdb]".to_owned(),
        ));
    }
    Ok((url, user))
}

/// A part of an address without its `%40` and the like.
fn plain(part: &str) -> String {
    let hex = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let (bytes, mut out, mut at) = (part.as_bytes(), Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Client {
    /// Whether `url` is the address of an InfluxDB.
    pub fn check_address(url: &str) -> Result<()> {
        address(url).map(drop)
    }

    /// Asks who is there.
    pub async fn connect(url: &str, account: &Account) -> Result<Client> {
        let (base, user) = address(url)?;
        let mut account = account.clone();
        if let Some(user) = user.filter(|_| account.token.is_empty()) {
            account.token = user;
        }
        let mut builder = Http::builder().timeout(account.timeout).connect_timeout(account.timeout.min(Duration::from_secs(5)));
        if let Some(tls) = &account.tls {
            builder = builder.tls_backend_preconfigured((**tls).clone());
        }
        // Whoever is redirected to was not named by the owner, and would be sent the token.
        builder = builder.redirect(redirect::Policy::none()).user_agent(concat!("wattribute/", env!("CARGO_PKG_VERSION")));
        let http = builder.build().map_err(|e| StoreError::Refused(format!("no connection to InfluxDB can be set up: {e}")))?;
        // Until it says what it is, it is spoken to as to the oldest.
        let mut client = Client { http, base, account, dialect: Dialect::One, version: String::new() };
        client.probe().await?;
        Ok(client)
    }

    /// Looks at `/ping`, whose header names the version, and where a proxy took that away, at `/health`.
    async fn probe(&mut self) -> Result<()> {
        let ping = self.send(Method::GET, "ping", &[], None).await?;
        let mut version = ping.version.clone();
        if version.is_none() {
            let health = self.send(Method::GET, "health", &[], None).await?;
            version = health.version.clone();
            if let Ok(all) = answer::read_all(&health.body)
                && let Some(said) = all.first().and_then(|v| v.get("version")).and_then(Value::text)
            {
                version = Some(said.to_owned());
            }
            if version.is_none() && !health.status.is_success() && !ping.status.is_success() {
                return Err(self.tell(&ping, "is asked who it is"));
            }
        }
        let version = version.unwrap_or_default();
        self.dialect = match version.trim_start_matches(['v', 'V']).split('.').next() {
            Some("0" | "1") => Dialect::One,
            Some("3") => Dialect::Three,
            // Without a version 2.x is assumed: its proxies hide headers.
            _ => Dialect::Two,
        };
        self.version = version;
        Ok(())
    }

    /// The bucket (2.x) or database (1.x) that the owner names.
    pub fn bucket(&self) -> &str {
        &self.account.bucket
    }

    /// The organisation (2.x).
    pub fn org(&self) -> &str {
        &self.account.org
    }

    /// The address, which may be shown.
    pub fn host(&self) -> String {
        let port = self.base.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("InfluxDB at {}{port}", self.base.host_str().unwrap_or("?"))
    }

    /// The bucket of a space (2.x).
    pub fn bucket_of(&self, space: Space) -> String {
        match space.policy() {
            None => self.account.bucket.clone(),
            Some(policy) => format!("{}/{policy}", self.account.bucket),
        }
    }

    /// What `query` (InfluxQL, statements with `;` between) finds: tables, statement by statement.
    pub async fn query(&self, space: Space, query: &str) -> Result<Vec<Vec<Table>>> {
        self.query_in(space, query, "ms").await.map_err(|failed| self.failed(failed))
    }

    /// Like [`Client::query`]; `None` where the bucket or database is not there.
    pub async fn query_if_there(&self, space: Space, query: &str) -> Result<Option<Vec<Vec<Table>>>> {
        match self.query_in(space, query, "ms").await {
            Ok(found) => Ok(Some(found)),
            Err(Failed::Missing(_)) => Ok(None),
            Err(failed) => Err(self.failed(failed)),
        }
    }

    /// Like [`Client::query`], with instants in ns.
    pub async fn query_ns(&self, space: Space, query: &str) -> Result<Vec<Vec<Table>>> {
        self.query_in(space, query, "ns").await.map_err(|failed| self.failed(failed))
    }

    async fn query_in(&self, space: Space, query: &str, epoch: &str) -> std::result::Result<Vec<Vec<Table>>, Failed> {
        let mut parameters =
            vec![("db", self.account.bucket.as_str()), ("q", query), ("epoch", epoch), ("chunked", "true"), ("chunk_size", "20000")];
        parameters.extend(space.policy().map(|policy| ("rp", policy)));
        self.try_again(self.account.patience.min(READ_PATIENCE), || async {
            let said = self.send(Method::GET, "query", &parameters, None).await.map_err(Failed::Now)?;
            if !said.status.is_success() {
                return Err(self.sort(&said, "is asked"));
            }
            self.tables(&said.body)
        })
        .await
    }

    /// Runs what changes something and answers nothing (1.x).
    pub async fn command(&self, query: &str) -> Result<Vec<Vec<Table>>> {
        let parameters = [("db", self.account.bucket.as_str())];
        self.patiently(self.account.patience, || async {
            let form = send::Body::Form(vec![("q", query.to_owned())]);
            let said = self.send(Method::POST, "query", &parameters, Some(form)).await.map_err(Failed::Now)?;
            if !said.status.is_success() {
                return Err(self.sort(&said, "is told"));
            }
            self.tables(&said.body)
        })
        .await
    }

    fn tables(&self, body: &str) -> std::result::Result<Vec<Vec<Table>>, Failed> {
        let host = self.host();
        let broken = |why: String| Failed::Now(StoreError::Unavailable(format!("{host} broke off its answer: {why}")));
        let mut found: Vec<Vec<Table>> = Vec::new();
        let mut is_open = false;
        if body.trim_start().starts_with('<') {
            return Err(broken("it is a web page and no JSON; see the path of `url` in [influxdb]".to_owned()));
        }
        let documents = answer::read_all(body).map_err(broken)?;
        if documents.is_empty() {
            return Err(broken("it is empty".to_owned()));
        }
        for document in &documents {
            if let Some(error) = document.get("error").and_then(Value::text) {
                return Err(self.refusal(error));
            }
            let Some(results) = document.get("results") else { return Err(broken("it has no results".to_owned())) };
            for result in results.list() {
                if let Some(error) = result.get("error").and_then(Value::text) {
                    return Err(self.refusal(error));
                }
                let statement = result.get("statement_id").and_then(Value::whole).unwrap_or(0).clamp(0, 10_000) as usize;
                found.resize_with(found.len().max(statement + 1), Vec::new);
                for series in result.get("series").map(Value::list).unwrap_or_default() {
                    let table = Table::of(series);
                    match found[statement].last_mut() {
                        Some(before) if before.goes_on && before.is_like(&table) => before.extend(table),
                        _ => found[statement].push(table),
                    }
                }
                is_open = result.get("partial").is_some_and(Value::is_true);
            }
        }
        // Where the server cuts answers (`max-row-limit`) and does not send the rest, half must not look like all.
        let is_cut = is_open || found.iter().flatten().any(|table| table.goes_on);
        if is_cut {
            return Err(broken("its limit of rows (`max-row-limit`) cuts answers: set it to 0".to_owned()));
        }
        Ok(found)
    }

    /// Forgets the points of a measurement that have these tags, in `[from_ms, to_ms)`. The values of tags are plain words.
    pub async fn delete(&self, space: Space, all: &[Deletion]) -> Result<()> {
        match self.dialect {
            Dialect::One => {
                for some in all.chunks(50) {
                    let statements: Vec<String> = some.iter().map(Deletion::influxql).collect();
                    self.command(&statements.join(";")).await?;
                }
                Ok(())
            }
            Dialect::Two => {
                let bucket = self.bucket_of(space);
                for one in all {
                    let parameters = [("org", self.account.org.as_str()), ("bucket", bucket.as_str())];
                    self.patiently(self.account.patience, || async {
                        let body = send::Body::Json(one.json());
                        let said = self.send(Method::POST, "api/v2/delete", &parameters, Some(body)).await.map_err(Failed::Now)?;
                        if said.status.is_success() { Ok(()) } else { Err(self.sort(&said, "is told to forget")) }
                    })
                    .await?;
                }
                Ok(())
            }
            Dialect::Three => Err(StoreError::Refused(format!("{} cannot forget single points, which a store must", self.host()))),
        }
    }
}

/// Points to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Of which measurement.
    pub measurement: String,
    /// With which tags.
    pub tags: Vec<(&'static str, String)>,
    /// From when on, ms; `None`: from the start.
    pub from_ms: Option<i64>,
    /// Up to when (not included), ms; `None`: for ever.
    pub to_ms: Option<i64>,
}

impl Deletion {
    /// All points of a measurement with a tag.
    pub fn of(measurement: &str, key: &'static str, value: impl fmt::Display) -> Self {
        Deletion { measurement: measurement.to_owned(), tags: vec![(key, value.to_string())], from_ms: None, to_ms: None }
    }

    /// Those in `[from_ms, to_ms)`.
    #[must_use]
    pub fn within(self, from_ms: i64, to_ms: i64) -> Self {
        Deletion { from_ms: Some(from_ms), to_ms: Some(to_ms), ..self }
    }

    fn influxql(&self) -> String {
        let mut terms: Vec<String> = self.tags.iter().map(|(key, value)| format!("\"{key}\" = {}", super::quoted(value))).collect();
        terms.extend(self.from_ms.map(|at| format!("time >= {at}ms")));
        terms.extend(self.to_ms.map(|at| format!("time < {at}ms")));
        let condition = if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) };
        format!("DELETE FROM \"{}\"{condition}", self.measurement)
    }

    /// As 2.x takes it. Its end may or may not belong to it, so it lies between two of our instants.
    fn json(&self) -> serde_json::Value {
        let at = |ms: i64, ns: i64| {
            chrono::DateTime::from_timestamp_nanos(ms * 1_000_000 + ns).to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)
        };
        let mut terms = vec![format!("_measurement=\"{}\"", self.measurement)];
        terms.extend(self.tags.iter().map(|(key, value)| format!("{key}=\"{value}\"")));
        let from_ms = self.from_ms.unwrap_or(super::INSTANTS.start).max(super::INSTANTS.start);
        let to_ms = self.to_ms.unwrap_or(super::INSTANTS.end).min(super::INSTANTS.end);
        serde_json::json!({ "start": at(from_ms, 0), "stop": at(to_ms, -1), "predicate": terms.join(" AND ") })
    }
}

/// A number of a cell, where it is one.
pub fn number(cell: Option<&Cell>) -> f64 {
    cell.and_then(Cell::number).unwrap_or(f64::NAN)
}
