#![doc = include_str!("README.md")]

mod fill;
mod prices;
mod report;
mod schedule;
mod select;
mod session;
mod snapshot;
mod tracker;
mod wire;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use wattribute_domain::{SeriesInfo, Tariffs};
use wattribute_service::home_assistant::{Config, HaError};
use wattribute_store::Store;

use super::{Adapter, AdapterError, Event};

pub use self::report::{discover, once};
use self::schedule::Schedule;
use self::select::Rules;
pub(crate) use self::select::WHOLE_HOUSE;
use self::session::Session;
use self::tracker::Tracker;

/// The adapter's name, and the source of its series.
pub const NAME: &str = "home_assistant";
/// Key of the document that says until when Home Assistant has been heard, ms since the epoch.
pub const HEARD: &str = "heard:home_assistant";

/// Key of the document that holds the tariffs of the home.
pub const TARIFFS: &str = "tariffs";

/// What was said just before the last batch may still have been on its way, ms.
const OVERLAP_MS: i64 = 5_000;

/// Reads a Home Assistant.
pub struct HomeAssistant {
    config: Config,
    rules: Rules,
    tracker: Tracker,
    /// Everything until here has been handed over, ms since the epoch.
    heard_ms: Option<i64>,
    /// Events were heard until here, ms since the epoch.
    live_ms: Option<i64>,
    /// Since when it has been away.
    away_since: Option<tokio::time::Instant>,
    /// Whether the series were already said to be silent.
    silenced: bool,
    /// Whether the store has been told of the series.
    described: bool,
    settle: Duration,
    ping_every: Duration,
    patience: Duration,
    out: Vec<Event>,
    /// When what an entity said was kept word for word last, ms since the epoch.
    payload_ms: std::collections::HashMap<String, i64>,
    /// Prices that are known in advance.
    schedule: Schedule,
    /// Entities whose lists of prices nobody knows how to read: said once of each.
    strange_prices: HashSet<String>,
    /// Where tariffs are kept, which name entities that say prices.
    tariffs: Option<Arc<dyn Store>>,
    tariffs_looked_at: Option<tokio::time::Instant>,
    tariffs_every: Duration,
    session: Option<Session>,
}

impl HomeAssistant {
    /// An adapter that goes on where it was: with the series that the store has of it, and the document [`HEARD`]. Connects at the first
    /// [`Adapter::next`].
    pub fn new(config: Config, known: Vec<SeriesInfo>, heard_ms: Option<i64>) -> Result<Self, AdapterError> {
        let known = known.into_iter().filter(|info| info.source == NAME).collect();
        Ok(HomeAssistant {
            rules: Rules::new(&config)?,
            config,
            tracker: Tracker::new(known),
            heard_ms,
            live_ms: heard_ms,
            away_since: Some(tokio::time::Instant::now()),
            silenced: false,
            described: false,
            settle: Duration::from_secs(7),
            ping_every: Duration::from_secs(10),
            patience: Duration::from_secs(300),
            out: Vec::new(),
            payload_ms: std::collections::HashMap::new(),
            schedule: Schedule::default(),
            strange_prices: HashSet::new(),
            tariffs: None,
            tariffs_looked_at: None,
            tariffs_every: Duration::from_secs(20),
            session: None,
        })
    }

    /// How long the recorder may take to write what happened; 7 s unless told otherwise.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// How often Home Assistant is asked whether all was heard that it said; every 10 s unless told otherwise.
    #[must_use]
    pub fn ping_every(mut self, ping_every: Duration) -> Self {
        self.ping_every = ping_every;
        self
    }

    /// How long Home Assistant may be away before its values hold no longer; 5 min unless told otherwise.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Reads as prices what the tariffs in a store (document [`TARIFFS`]) name, also where they change later.
    #[must_use]
    pub fn with_tariffs_of(mut self, store: Arc<dyn Store>) -> Self {
        self.tariffs = Some(store);
        self
    }

    /// How often the tariffs are looked at; every 20 s unless told otherwise.
    #[must_use]
    pub fn tariffs_every(mut self, tariffs_every: Duration) -> Self {
        self.tariffs_every = tariffs_every;
        self
    }

    /// Looks now and then which entities the tariffs name.
    async fn look_at_tariffs(&mut self) {
        let Some(store) = &self.tariffs else { return };
        if self.session.is_some() && self.tariffs_looked_at.is_some_and(|at| at.elapsed() < self.tariffs_every) {
            return;
        }
        self.tariffs_looked_at = Some(tokio::time::Instant::now());
        // What cannot be read now is looked at again.
        let Ok(text) = store.document(TARIFFS).await else { return };
        let tariffs = match text.as_deref().map(serde_json::from_str::<Tariffs>) {
            Some(Ok(tariffs)) => tariffs,
            Some(Err(error)) => {
                tracing::debug!("the tariffs in the store cannot be read: {error}");
                return;
            }
            None => Tariffs::default(),
        };
        let named: HashSet<String> = tariffs.entities().into_iter().map(|id| id.trim().to_ascii_lowercase()).collect();
        if self.rules.tariffs != named {
            self.rules.tariffs = named;
            self.look_again();
        }
    }

    /// After a while without Home Assistant, nothing that it said holds; its history may heal that later.
    fn fall_silent(&mut self) {
        let away = self.away_since.is_some_and(|since| since.elapsed() > self.patience);
        if let (true, false, Some(live_ms)) = (away, self.silenced, self.live_ms) {
            self.silenced = true;
            self.describe_all();
            self.tracker.silence(live_ms, &mut self.out);
        }
    }

    fn describe_all(&mut self) {
        if !std::mem::replace(&mut self.described, true) {
            let all = self.tracker.series.iter().enumerate();
            self.out.extend(all.map(|(key, tracked)| Event::Series { key: key as u32, info: tracked.info.clone() }));
        }
    }

    fn handed_over(&mut self, until_ms: i64) {
        if self.heard_ms.is_none_or(|heard| heard < until_ms) {
            self.heard_ms = Some(until_ms);
            self.out.push(Event::Document { key: HEARD.to_owned(), text: until_ms.to_string() });
        }
    }
}

#[async_trait]
impl Adapter for HomeAssistant {
    fn name(&self) -> &str {
        NAME
    }

    fn link(&self) -> Option<String> {
        // Inside an add-on it is known by an address that no browser knows.
        let address = self.config.address().ok().filter(|_| !self.config.url.trim().is_empty())?;
        Some(address.to_string())
    }

    fn is_up(&self) -> bool {
        self.session.is_some()
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        loop {
            self.schedule.due(now_ms(), &mut self.out);
            if !self.out.is_empty() {
                self.schedule.mend(&mut self.out);
                return Ok(std::mem::take(&mut self.out));
            }
            self.look_at_tariffs().await;
            let done = if self.session.is_some() {
                self.step().await
            } else {
                self.fall_silent();
                if !self.out.is_empty() {
                    continue;
                }
                self.join().await
            };
            if let Err(error) = done {
                self.session = None;
                self.away_since.get_or_insert_with(tokio::time::Instant::now);
                return Err(error.into());
            }
        }
    }
}

impl From<HaError> for AdapterError {
    fn from(error: HaError) -> Self {
        let text = error.to_string();
        match error {
            HaError::Setup(_) => AdapterError::Unsupported(text),
            HaError::Unreachable(_) => AdapterError::Unreachable(text),
            HaError::Timeout(_) => AdapterError::Timeout(text),
            HaError::Unauthorized { .. } => AdapterError::Unauthorized(text),
            HaError::Refused { .. } | HaError::Protocol(_) => AdapterError::Protocol(text),
        }
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}
