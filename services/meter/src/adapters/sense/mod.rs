#![doc = include_str!("README.md")]

#[cfg(test)]
mod emulator;
mod feed;
mod login;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use wattribute_domain::SeriesInfo;

use self::feed::{Failed, Feed};
use self::login::Login;
use self::wire::Status;
use super::web::Ticks;
use super::{Adapter, AdapterError, Event, Register, now_ms};

/// The adapter's name, and the source of its series.
pub const NAME: &str = "sense";

/// Below it a connection stays, from it on it is asked each time.
const STAYS_BELOW: Duration = Duration::from_secs(10);
/// How often it is asked what the monitor is.
const LOOK_AGAIN: Duration = Duration::from_secs(86_400);
/// How far the monitor's clock may be off, ms.
const SKEW_MS: u64 = 60_000;
const TIMEOUT: Duration = Duration::from_secs(15);

/// The section `[sense]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The account's email. Empty: Sense is not asked.
    pub email: String,
    /// Its password; never shown.
    pub password: Option<SecretString>,
    /// Number of the monitor, where the account has several; 0: the first.
    pub monitor: u64,
    /// How often it is read.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// Whether the devices that Sense makes out are kept, with the role `guess`.
    pub guesses: bool,
    /// Where the API is; elsewhere only in tests.
    #[serde(skip)]
    api: String,
    /// Where the feed is; elsewhere only in tests.
    #[serde(skip)]
    feed: String,
    /// How long an answer may take; less only in tests.
    #[serde(skip)]
    timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            email: String::new(),
            password: None,
            monitor: 0,
            every: Duration::from_secs(30),
            guesses: true,
            api: "https://api.sense.com/apiservice/api/v1".to_owned(),
            feed: "wss://clientrt.sense.com".to_owned(),
            timeout: TIMEOUT,
        }
    }
}

impl Config {
    /// Whether an account is named.
    pub fn is_set(&self) -> bool {
        !self.email.trim().is_empty()
    }
}

/// Reads one Sense monitor from Sense's cloud.
pub struct Sense {
    config: Config,
    login: Login,
    ticks: Ticks,
    register: Register,
    /// The connection, where it stays.
    feed: Option<Feed>,
    said: Option<Instant>,
    last_ms: i64,
    /// What the monitor said last that it was, ms since the epoch.
    last_epoch_ms: Option<i64>,
    /// When it was asked what the monitor is, and whether Sense answers questions for what it measures.
    looked: Option<(Instant, bool)>,
}

impl Sense {
    /// An adapter that goes on with the series that the store has; asks for nothing yet.
    pub fn new(config: &Config, known: &[SeriesInfo]) -> Result<Self, AdapterError> {
        let wrong = |why: &str| AdapterError::Unsupported(format!("[sense] {why}"));
        let password = config.password.clone().filter(|password| !password.expose_secret().is_empty());
        let password = password.ok_or_else(|| wrong("password: it is missing; it is that of Sense's app"))?;
        if config.every.is_zero() {
            return Err(wrong("every: it must be some time, such as 30s"));
        }
        Ok(Sense {
            login: Login::new(&config.api, &config.email, password, config.timeout)?,
            ticks: Ticks::every(config.every),
            register: Register::new(NAME, known),
            config: config.clone(),
            feed: None,
            said: None,
            last_ms: i64::MIN,
            last_epoch_ms: None,
            looked: None,
        })
    }

    fn stays(&self) -> bool {
        self.config.every < STAYS_BELOW
    }

    fn monitor(&self, monitors: &[String]) -> Result<String, AdapterError> {
        let unknown = |why: String| AdapterError::Unsupported(format!("[sense] {why}"));
        match Some(self.config.monitor).filter(|monitor| *monitor != 0).map(|monitor| monitor.to_string()) {
            None => monitors.first().cloned().ok_or_else(|| unknown("the account has no monitor: set one up in Sense's app".to_owned())),
            Some(wanted) if monitors.contains(&wanted) => Ok(wanted),
            Some(wanted) => Err(unknown(format!("monitor: the account has no {wanted}, but {}", monitors.join(", ")))),
        }
    }

    /// What is measured when it is due, with its text.
    async fn hear(&mut self, token: &SecretString, monitor: &str) -> Result<(Value, String), Failed> {
        if !self.stays() && self.answers(token, monitor).await? {
            match self.login.get(&format!("app/{monitor}/realtime_update"), token).await {
                Err(Failed::Otherwise(AdapterError::Unsupported(_))) => self.looked = Some((Instant::now(), false)),
                heard => return heard,
            }
        }
        let mut feed = match self.feed.take() {
            Some(feed) => feed,
            None => Feed::connect(&self.config.feed, monitor, token, self.config.timeout).await?,
        };
        let heard = loop {
            let heard = feed.next().await?;
            // What comes in between is read, so that what is said is never of before.
            if !self.stays() || self.said.is_none_or(|said| said.elapsed() >= self.config.every) {
                break heard;
            }
        };
        if self.stays() {
            self.feed = Some(feed);
        } else {
            feed.close().await;
        }
        Ok(heard)
    }

    /// Whether Sense answers questions for what the monitor measures now, which is kinder than a connection each time.
    async fn answers(&mut self, token: &SecretString, monitor: &str) -> Result<bool, Failed> {
        if let Some((_, answers)) = self.looked.filter(|(looked, _)| looked.elapsed() < LOOK_AGAIN) {
            return Ok(answers);
        }
        let status = match self.login.get(&format!("app/monitors/{monitor}/status"), token).await {
            Ok((said, _)) => wire::status(&said),
            Err(Failed::Otherwise(AdapterError::Unsupported(_))) => Status { is_online: true, answers: false },
            Err(failed) => return Err(failed),
        };
        if !status.is_online {
            return Err(feed::not_heard().into());
        }
        self.looked = Some((Instant::now(), status.answers));
        Ok(status.answers)
    }

    fn say(&mut self, monitor: &str, update: &wire::Update, text: &str, now_ms: i64, out: &mut Vec<Event>) {
        // Sense may repeat what it heard last of a monitor that is away.
        if update.at_ms.is_some() && std::mem::replace(&mut self.last_epoch_ms, update.at_ms) == update.at_ms {
            return;
        }
        // A clock that is off is corrected by ours.
        let at_ms = update.at_ms.filter(|at_ms| at_ms.abs_diff(now_ms) <= SKEW_MS).unwrap_or(now_ms);
        if at_ms <= self.last_ms {
            return;
        }
        self.last_ms = at_ms;
        if let Some((house, others)) = update.told.split_first() {
            self.register.say_all(std::slice::from_ref(house), text, at_ms, out);
            others.iter().for_each(|told| self.register.say(told, at_ms, out));
        }
        // Only what is on is listed: of the rest nothing is known.
        for identity in self.register.identities(&wire::guesses(monitor)) {
            if update.told.iter().all(|told| told.identity != identity) {
                self.register.silence(&identity, at_ms, out);
            }
        }
    }
}

#[async_trait]
impl Adapter for Sense {
    fn name(&self) -> &str {
        NAME
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        if !self.stays() {
            self.ticks.next().await;
        }
        for turn in 0..3 {
            let (token, monitors) = self.login.token().await?;
            let monitor = self.monitor(&monitors)?;
            match self.hear(&token, &monitor).await {
                Ok((payload, text)) => {
                    let nonsense = |why| AdapterError::Protocol(format!("an update of Sense makes no sense: {why}"));
                    let update = wire::update(&monitor, &payload, self.config.guesses).map_err(nonsense)?;
                    self.said = Some(Instant::now());
                    let mut out = Vec::new();
                    self.say(&monitor, &update, &text, now_ms(), &mut out);
                    return Ok(out);
                }
                Err(Failed::Refused) if turn == 0 => self.login.refused(),
                Err(Failed::Refused) => self.login.forget(),
                Err(Failed::Otherwise(error)) => return Err(error),
            }
        }
        Err(AdapterError::Unauthorized(
            "Sense lets the account in, but tells it nothing: see that its app shows the house to it".to_owned(),
        ))
    }
}
