//! What has to be there before anything is kept: buckets (2.x) or database and retention policies (1.x), and whose readings they hold.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::account::Account;
use super::client::{Client, Dialect, Failed, NO_INFLUX, Space};
use super::line::Point;
use crate::{Origin, Result, Settings, StoreError};

/// Whose readings, which format, and when it was last checked.
const META: &str = "wattribute_meta";
/// The format of what this program writes.
const FORMAT: i64 = 1;
/// Retention is longer than what is asked for by this: we forget by whole blocks, and the server by whole shards.
const SLACK: Duration = Duration::from_secs(14 * 86_400);

/// Connects and makes what is missing.
pub async fn connect(url: &str, origin: Origin, settings: &Settings) -> Result<Client> {
    let client = Client::connect(url, &settings.influx).await?;
    let spaces =
        [(Space::Main, None), (Space::Ours, None), (Space::Minutes, settings.keep_minutes), (Space::TenMinutes, settings.keep_ten_minutes)];
    match client.dialect {
        Dialect::One => one(&client, &spaces).await?,
        Dialect::Two => two(&client, &spaces).await?,
        Dialect::Three => {
            return Err(StoreError::Refused(format!(
                "{} is version {}, which cannot forget single points, so that it cannot be the store: keep the store in SQLite and let [influxdb] \
                 mirror it, or use InfluxDB 2",
                client.host(),
                client.version
            )));
        }
    }
    claim(&client, origin).await?;
    Ok(client)
}

/// Connects to an InfluxDB that is only written to; its bucket or database is made where it is missing. 3 Core makes it by itself.
pub async fn connect_sink(url: &str, account: &Account) -> Result<Client> {
    let client = Client::connect(url, account).await?;
    match client.dialect {
        Dialect::One => one(&client, &[(Space::Main, None)]).await?,
        Dialect::Two => two(&client, &[(Space::Main, None)]).await?,
        Dialect::Three => {}
    }
    Ok(client)
}

/// The database and its policies.
async fn one(client: &Client, spaces: &[(Space, Option<Duration>)]) -> Result<()> {
    let name = client.bucket().replace('\\', "\\\\").replace('"', "\\\"");
    // Without the right to make it, it may be there all the same.
    let made = client.command(&format!("CREATE DATABASE \"{name}\"")).await;
    let found = client.query(Space::Main, &format!("SHOW RETENTION POLICIES ON \"{name}\"")).await;
    let found = match (made, found) {
        (Err(error), Err(_)) => return Err(error),
        (_, found) => found?,
    };
    let durations: Vec<(String, String)> = found
        .iter()
        .flatten()
        .flat_map(|table| &table.rows)
        .filter_map(|row| Some((row.first()?.text()?.to_owned(), row.get(1)?.text()?.to_owned())))
        .collect();
    for (space, keep) in spaces {
        let Some(policy) = space.policy() else { continue };
        let wanted = keep.map_or("INF".to_owned(), |keep| format!("{}h", (keep + SLACK).as_secs() / 3600));
        let said = keep.map_or("0s".to_owned(), |keep| format!("{}h0m0s", (keep + SLACK).as_secs() / 3600));
        let verb = match durations.iter().find(|(name, _)| name == policy) {
            None => "CREATE",
            Some((_, duration)) if *duration != said => "ALTER",
            Some(_) => continue,
        };
        let replication = if verb == "CREATE" { " REPLICATION 1" } else { "" };
        client.command(&format!("{verb} RETENTION POLICY \"{policy}\" ON \"{name}\" DURATION {wanted}{replication}")).await?;
    }
    Ok(())
}

/// The buckets, each with a mapping by which InfluxQL finds it.
async fn two(client: &Client, spaces: &[(Space, Option<Duration>)]) -> Result<()> {
    let mut org: Option<String> = None;
    for (space, keep) in spaces {
        let name = client.bucket_of(*space);
        let found = ask(client, Method::GET, "api/v2/buckets", &[("org", client.org()), ("name", &name)], None).await;
        let there = match found {
            Ok(found) => found["buckets"].as_array().into_iter().flatten().find(|bucket| bucket["name"] == name.as_str()).cloned(),
            Err(Failed::Missing(_)) => None,
            Err(failed) => return Err(told(client, failed)),
        };
        let every = keep.map_or(0, |keep| (keep + SLACK).as_secs());
        let rules = if every == 0 { json!([]) } else { json!([{ "type": "expire", "everySeconds": every }]) };
        let bucket = match there {
            Some(bucket) => {
                let kept = bucket["retentionRules"][0]["everySeconds"].as_u64().unwrap_or(0);
                // The owner's own bucket stays as it is.
                if space.policy().is_some() && kept != every {
                    let id = bucket["id"].as_str().unwrap_or_default();
                    let body = json!({ "retentionRules": rules });
                    ask(client, Method::PATCH, &format!("api/v2/buckets/{id}"), &[], Some(body)).await.map_err(|f| told(client, f))?;
                }
                bucket
            }
            None => {
                let org = match &org {
                    Some(org) => org.clone(),
                    None => org.insert(organisation(client).await?).clone(),
                };
                let body = json!({ "orgID": org, "name": name, "retentionRules": rules, "description": "made by Wattribute" });
                ask(client, Method::POST, "api/v2/buckets", &[], Some(body)).await.map_err(|f| told(client, f))?
            }
        };
        map(client, *space, &bucket).await?;
    }
    Ok(())
}

/// 2.x maps buckets called `database/policy` by itself; early ones have to be told.
async fn map(client: &Client, space: Space, bucket: &Json) -> Result<()> {
    match client.query(space, "SHOW MEASUREMENTS LIMIT 1").await {
        Ok(_) => Ok(()),
        Err(_) => {
            let body = json!({
                "bucketID": bucket["id"], "orgID": bucket["orgID"], "database": client.bucket(),
                "retention_policy": space.policy().unwrap_or("autogen"), "default": space.policy().is_none(),
            });
            ask(client, Method::POST, "api/v2/dbrps", &[], Some(body)).await.map_err(|f| told(client, f))?;
            client.query(space, "SHOW MEASUREMENTS LIMIT 1").await.map(drop)
        }
    }
}

/// The number of the organisation.
async fn organisation(client: &Client) -> Result<String> {
    let name = client.org();
    let found = ask(client, Method::GET, "api/v2/orgs", &[("org", name)], None).await;
    let id = match &found {
        Ok(found) => found["orgs"][0]["id"].as_str(),
        Err(Failed::Missing(_)) => None,
        Err(_) => return found.map(|_| String::new()).map_err(|failed| told(client, failed)),
    };
    id.map(str::to_owned).ok_or_else(|| {
        StoreError::Refused(format!(
            "{} knows no organisation `{name}`, or the token does not belong to it: see `org` and `token` in [influxdb]",
            client.host()
        ))
    })
}

async fn ask(
    client: &Client,
    method: Method,
    path: &str,
    parameters: &[(&str, &str)],
    body: Option<Json>,
) -> std::result::Result<Json, Failed> {
    let said = client.send(method, path, parameters, body.map(super::client::Body::Json)).await.map_err(Failed::Now)?;
    if !said.status.is_success() {
        return Err(client.sort(&said, "is asked for its buckets"));
    }
    serde_json::from_str(&said.body).map_err(|_| {
        Failed::Now(StoreError::Unavailable(format!(
            "{} answers something that is no JSON when it is asked for its buckets",
            client.host()
        )))
    })
}

fn told(client: &Client, failed: Failed) -> StoreError {
    match failed {
        Failed::Now(error) | Failed::Later(error, _) | Failed::Good(error) => error,
        Failed::Bad(why) | Failed::Missing(why) => StoreError::Refused(format!(
            "{} refuses to make our buckets: {why}; see `org`, `bucket` and `token` in [influxdb]",
            client.host()
        )),
        Failed::TooLarge => StoreError::Refused(format!("{} refuses to make our buckets", client.host())),
    }
}

/// What is said of the whole: its origin and its format.
async fn meta(client: &Client) -> Result<Option<(Option<Origin>, i64)>> {
    let question = format!("SELECT \"origin\", \"format\" FROM \"{META}\" WHERE time = 0");
    // No database or bucket: nothing of ours.
    let Some(found) = client.query_if_there(Space::Ours, &question).await? else { return Ok(None) };
    let Some(row) = found.iter().flatten().flat_map(|table| &table.rows).next() else { return Ok(None) };
    let origin = row.get(1).and_then(|cell| cell.text()).and_then(Origin::of_word);
    Ok(Some((origin, row.get(2).and_then(|cell| cell.whole()).unwrap_or(0))))
}

/// Whose readings these are is said once.
async fn claim(client: &Client, origin: Origin) -> Result<()> {
    let held = match meta(client).await? {
        Some(held) => held,
        None => {
            let point = Point::of(META).field("origin", origin.word()).field("format", FORMAT).at(0);
            super::write::keep(client, Space::Ours, &[point]).await?;
            (Some(origin), FORMAT)
        }
    };
    let bucket = client.bucket();
    if held.1 > FORMAT {
        return Err(StoreError::Refused(format!(
            "the bucket {bucket} was written by a newer Wattribute (format {}, this one knows up to {FORMAT}): update Wattribute, or name another \
             bucket",
            held.1
        )));
    }
    match held.0 {
        Some(held) if held != origin => {
            let (holds, wants) = match origin {
                Origin::Home => ("the demo home", "`wattribute run`"),
                Origin::Demo => ("a real home", "`wattribute demo`"),
            };
            Err(StoreError::Refused(format!(
                "the bucket {bucket} holds the readings of {holds}; {wants} needs a store of its own: name another `bucket` in [influxdb]"
            )))
        }
        _ => Ok(()),
    }
}

/// Whether it can be written and read.
pub async fn check(client: &Client) -> Result<()> {
    let nonce = super::series::nonce() as i64;
    super::write::keep(client, Space::Ours, &[Point::of(META).field("checked", nonce).at(0)]).await?;
    let found = client.query(Space::Ours, &format!("SELECT \"checked\" FROM \"{META}\" WHERE time = 0")).await?;
    match found.iter().flatten().flat_map(|table| &table.rows).next() {
        Some(_) => Ok(()),
        None => Err(StoreError::Unavailable(format!("{} took what was written and does not give it back", client.host()))),
    }
}

/// Whose readings the InfluxDB at `url` holds; `None` where it holds none of ours. Changes nothing.
pub fn origin(url: &str, account: &Account) -> Result<Option<Origin>> {
    let (url, account) = (url.to_owned(), account.clone());
    in_a_thread(async move {
        let client = Client::connect(&url, &account).await?;
        Ok(meta(&client).await?.and_then(|(origin, _)| origin))
    })
}

/// Connects once to tell at the start what will not do: a wrong token, an origin that is not ours. An InfluxDB that is not there yet is no error.
pub fn look(url: &str, origin: Origin, settings: &Settings) -> Result<()> {
    let (url, mut settings) = (url.to_owned(), settings.clone());
    settings.influx.patience = Duration::ZERO;
    settings.influx.timeout = settings.influx.timeout.min(Duration::from_secs(5));
    match in_a_thread(async move { connect(&url, origin, &settings).await.map(drop) }) {
        Err(StoreError::Unavailable(why)) if why.contains("does not let us in") || why.contains(NO_INFLUX) => Err(StoreError::Refused(why)),
        Err(StoreError::Unavailable(why)) => {
            tracing::warn!("the store does not answer yet; it is tried again when it is needed: {why}");
            Ok(())
        }
        other => other,
    }
}

/// Runs something that waits, from wherever: also from within a runtime, which may not be blocked by another.
pub(crate) fn in_a_thread<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let failed = |why: String| StoreError::Unavailable(format!("InfluxDB could not be asked: {why}"));
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| failed(e.to_string()))?;
        runtime.block_on(work)
    };
    std::thread::spawn(run).join().unwrap_or_else(|_| Err(StoreError::Unavailable("InfluxDB could not be asked".to_owned())))
}
