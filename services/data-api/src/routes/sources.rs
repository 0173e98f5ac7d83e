//! Where readings come from, how that goes, and what is kept of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wattribute_domain::SeriesId;
use wattribute_service::{Health, Problem, State as How};
use wattribute_store::{OURS, Powers, link, standings};

use super::known::{HEARD_MS, extent_ms, heard_ms};
use super::{Api, instant, now};

/// Where readings come from, and what is kept of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sources {
    /// One for each adapter that ever said something or is set up, by name.
    sources: Vec<Source>,
    /// What is kept.
    store: Kept,
    /// What else does not work in this process, in plain words.
    problems: Vec<String>,
    /// Whether this home is made up.
    is_demo: bool,
}

/// One adapter.
#[derive(Debug, Serialize, ToSchema)]
pub struct Source {
    /// Its name.
    #[schema(example = "home_assistant")]
    source: String,
    /// Its name for people.
    #[schema(example = "Home Assistant")]
    title: String,
    /// Address of its own page for people; null where there is none.
    #[schema(example = "http://homeassistant.local:8123")]
    link: Option<String>,
    /// Whether it is up; null where nothing reads it now: it was imported, or is no longer set up.
    is_up: Option<bool>,
    /// Since when it is up or down, as far as this process knows, RFC 3339 UTC; null where it does not.
    since: Option<String>,
    /// Up to when it was heard, RFC 3339 UTC; null where it does not say.
    heard_at: Option<String>,
    /// When one of its series said something last, RFC 3339 UTC; null where none did.
    last_at: Option<String>,
    /// Number of its series.
    series: usize,
    /// Of these, how many are silent now.
    silent: usize,
    /// What is wrong and what would help; null where nothing is, or where another process reads it.
    error: Option<String>,
}

/// What is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct Kept {
    /// Size of its files, bytes; null where they cannot be seen.
    size_bytes: Option<u64>,
    /// First reading of any series, RFC 3339 UTC, to ten seconds; null where there is none.
    oldest_at: Option<String>,
    /// Last reading of any series, RFC 3339 UTC; null where there is none.
    newest_at: Option<String>,
    /// How long readings are kept as they were said, s; null for ever.
    keep_raw_s: Option<u64>,
    /// How long their 1-minute means are kept, s; null for ever.
    keep_minutes_s: Option<u64>,
    /// How long their 10-minute means are kept, s; null for ever.
    keep_ten_minutes_s: Option<u64>,
}

/// Since when each dependency is as it is; clones share it.
#[derive(Clone, Default)]
pub struct Since(Arc<Mutex<BTreeMap<String, (bool, i64)>>>);

impl Since {
    /// Notes what is up and what is down at `now_ms`.
    pub fn look(&self, health: &Health, now_ms: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, how) in health.dependencies() {
            let is_up = how == How::Ok;
            match all.get(&name) {
                Some((was_up, _)) if *was_up == is_up => {}
                _ => {
                    all.insert(name, (is_up, now_ms));
                }
            }
        }
    }

    fn of(&self, name: &str) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).map(|(_, since_ms)| *since_ms)
    }
}

/// Where readings come from, how that goes, and what is kept of them.
#[utoipa::path(
    get, path = "/sources", tag = "readings",
    responses(
        (status = 200, body = Sources),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn sources(State(api): State<Api>) -> Result<Json<Sources>, Problem> {
    let now_ms = now().timestamp_millis();
    let powers = Powers::read(&*api.store, now_ms).await?;
    let latest: BTreeMap<SeriesId, i64> = api.store.latest().await?.into_iter().map(|r| (r.series, r.at_ms)).collect();
    api.since.look(&api.health, now_ms);
    let health = api.health.dependencies();
    let standings = standings(&*api.store, now_ms).await?;
    let mut names: BTreeSet<String> = powers.series.iter().map(|(_, info)| info.source.clone()).filter(|source| source != OURS).collect();
    names.extend(health.keys().filter(|name| *name == "home_assistant" && !api.is_demo).cloned());
    names.extend(standings.keys().filter(|_| !api.is_demo).cloned());
    let mut sources = Vec::new();
    for name in &names {
        let of_it: Vec<SeriesId> = powers.series.iter().filter(|(_, info)| info.source == *name).map(|(id, _)| *id).collect();
        let heard_ms = heard_ms(&*api.store, name).await?;
        let how = health.get(name);
        let stands = standings.get(name);
        let is_heard = heard_ms.map(|heard_ms| now_ms - heard_ms <= HEARD_MS);
        let is_up = how.map(|how| *how == How::Ok).or(stands.map(|stands| stands.is_up)).or(is_heard);
        let is_down = is_up == Some(false);
        let noted_ms = stands.map(|stands| stands.since_ms).or(api.since.of(name));
        let since_ms = if is_down { heard_ms.or(noted_ms) } else { noted_ms };
        sources.push(Source {
            source: name.clone(),
            title: title(name),
            link: link(&*api.store, name).await?,
            is_up,
            since: since_ms.map(instant),
            heard_at: heard_ms.map(instant),
            last_at: of_it.iter().filter_map(|id| latest.get(id)).max().map(|at_ms| instant(*at_ms)),
            series: of_it.len(),
            silent: of_it.iter().filter(|id| powers.now(**id).is_none()).count(),
            error: match how {
                Some(How::Degraded(why) | How::Down(why)) => Some(why.clone()),
                None if stands.is_some_and(|stands| stands.error.is_some()) => stands.and_then(|stands| stands.error.clone()),
                None if is_down => {
                    Some(format!("{name} was not heard for {} min: see the log of the meter service", silent_min(now_ms, heard_ms)))
                }
                _ => None,
            },
        });
    }
    let problems = health.into_iter().filter(|(name, _)| !names.contains(name)).filter_map(|(name, how)| match how {
        How::Ok => None,
        How::Degraded(why) | How::Down(why) => Some(format!("{name}: {why}")),
    });
    let extent_ms = extent_ms(&*api.store).await?;
    let seconds = |keep: Option<Duration>| keep.map(|keep| keep.as_secs());
    let store = Kept {
        size_bytes: size_bytes(api.settings.store.url.as_deref()).await,
        oldest_at: extent_ms.map(|(first_ms, _)| instant(first_ms)),
        newest_at: extent_ms.map(|(_, last_ms)| instant(last_ms)),
        keep_raw_s: seconds(api.settings.store.keep_raw),
        keep_minutes_s: seconds(api.settings.store.keep_minutes),
        keep_ten_minutes_s: seconds(api.settings.store.keep_ten_minutes),
    };
    Ok(Json(Sources { sources, store, problems: problems.collect(), is_demo: api.is_demo }))
}

/// A source's name for people.
fn title(name: &str) -> String {
    match name {
        "home_assistant" => "Home Assistant".to_owned(),
        "demo" => "Demo house".to_owned(),
        "http" => "HTTP".to_owned(),
        "mqtt" => "MQTT".to_owned(),
        "iotawatt" => "IoTaWatt".to_owned(),
        name => {
            let mut words = name.replace('_', " ");
            words.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
            words
        }
    }
}

fn silent_min(now_ms: i64, heard_ms: Option<i64>) -> i64 {
    heard_ms.map_or(0, |heard_ms| (now_ms - heard_ms) / 60_000)
}

/// Size of the file and of what is not yet folded into it.
async fn size_bytes(url: Option<&str>) -> Option<u64> {
    let path = url?.strip_prefix("sqlite:")?;
    let file = tokio::fs::metadata(Path::new(path)).await.ok()?.len();
    let log = tokio::fs::metadata(format!("{path}-wal")).await.map_or(0, |found| found.len());
    Some(file + log)
}
