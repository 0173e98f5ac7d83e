#![doc = include_str!("README.md")]

mod cognito;
#[cfg(test)]
mod emulator;
mod srp;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use wattribute_domain::{Role, SeriesInfo};

use self::cognito::Login;
use self::wire::{Account, Usage};
use super::web::{Ticks, Web};
use super::{Adapter, AdapterError, Event, Register, now_ms};

/// The adapter's name, and the source of its series.
pub const NAME: &str = "emporia";

/// The least time between two questions.
const LEAST: Duration = Duration::from_secs(10);
/// From here on means of minutes are asked for, below it those of a second.
const MINUTE: Duration = Duration::from_secs(60);
/// How long after it a minute is asked for: the devices send it a little later, ms.
const LATE_MS: i64 = 30_000;
/// The same of a second, ms.
const LATE_SECOND_MS: i64 = 10_000;
/// Minutes that are asked for at once after one was missed.
const AT_ONCE: i64 = 3;
/// How often the devices of the account are asked for.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);
/// The longest wait after the cloud asked for one.
const LONGEST_REST: Duration = Duration::from_secs(900);
/// Answers in which a device says nothing, before it is taken to be away.
const SILENT: u32 = 5;
/// How far what is answered may be from what was asked for, ms.
const FAR_MS: u64 = 600_000;
const TIMEOUT: Duration = Duration::from_secs(20);

/// The section `[emporia]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The account's email. Empty: Emporia is not asked.
    pub email: String,
    /// Its password; never shown.
    pub password: Option<SecretString>,
    /// How often it is asked.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// Where the API is; elsewhere only in tests.
    #[serde(skip)]
    api: String,
    /// Where the login is; elsewhere only in tests.
    #[serde(skip)]
    login: String,
    /// The least time between two questions; less only in tests.
    #[serde(skip)]
    least: Duration,
    /// How long an answer may take; less only in tests.
    #[serde(skip)]
    timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            email: String::new(),
            password: None,
            every: MINUTE,
            api: "https://api.emporiaenergy.com".to_owned(),
            login: "https://cognito-idp.us-east-2.amazonaws.com/".to_owned(),
            least: LEAST,
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

/// Asks Emporia's cloud for the circuits of one account.
pub struct Emporia {
    web: Web,
    login: Login,
    ticks: Ticks,
    register: Register,
    account: Account,
    looked: Option<Instant>,
    /// Whether means of minutes are asked for, rather than those of a second.
    is_by_minute: bool,
    /// The last interval that was said, ms since the epoch.
    last_ms: Option<i64>,
    /// How often it asked for less or broke, one after another.
    refusals: u32,
    /// The first wait after that; each is twice the one before.
    rest: Duration,
    /// Answers in which a device said nothing, one after another.
    silent: BTreeMap<i64, u32>,
}

impl Emporia {
    /// An adapter that goes on with the series that the store has; asks for nothing yet.
    pub fn new(config: &Config, known: &[SeriesInfo]) -> Result<Self, AdapterError> {
        let wrong = |why: String| AdapterError::Unsupported(format!("[emporia] {why}"));
        let password = config.password.clone().filter(|password| !password.expose_secret().is_empty());
        let password = password.ok_or_else(|| wrong("password: it is missing; it is that of Emporia's app".to_owned()))?;
        if config.every < config.least {
            return Err(wrong(format!("every: Emporia is asked every {} s at most, and asks for 60 s", config.least.as_secs())));
        }
        let web = |url: &str| Web::new("[emporia]", &SecretString::from(url), &BTreeMap::new(), config.timeout);
        Ok(Emporia {
            login: Login::new(web(&config.login)?, &config.email, password),
            web: web(&config.api)?,
            ticks: Ticks::every(config.every),
            register: Register::new(NAME, known),
            account: Account::default(),
            looked: None,
            is_by_minute: config.every >= MINUTE,
            last_ms: None,
            refusals: 0,
            rest: MINUTE,
            silent: BTreeMap::new(),
        })
    }

    /// What the API answers. A token that is refused is renewed, then replaced by that of a new login, once each.
    async fn ask(&mut self, path: &str, query: &str) -> Result<Vec<u8>, AdapterError> {
        for turn in 0..3 {
            let token = self.login.token().await?;
            let answer = self.web.ask(Method::GET, path, query, Vec::new(), &[("authtoken", token.expose_secret())]).await?;
            let host = self.web.host();
            match answer.status {
                status if status.is_success() => {
                    self.refusals = 0;
                    return Ok(answer.body);
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if turn == 0 => self.login.refused(),
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.login.forget(),
                status => {
                    self.refusals = self.refusals.saturating_add(1);
                    return Err(AdapterError::Unreachable(match status {
                        StatusCode::TOO_MANY_REQUESTS => format!("{host} asks to be asked less often: raise `every` in [emporia]"),
                        status => format!("{host} answers {status}"),
                    }));
                }
            }
        }
        let why = "Emporia lets the account in, but tells it nothing: see that its app shows the devices to this account";
        Err(AdapterError::Unauthorized(why.to_owned()))
    }

    /// How long it is left alone: longer with each time that it asked for that.
    fn pause(&self) -> Duration {
        (self.rest * 2u32.saturating_pow(self.refusals.saturating_sub(1).min(8))).min(LONGEST_REST)
    }

    fn nonsense(&self, why: &str) -> AdapterError {
        AdapterError::Protocol(format!("the answer of {} makes no sense: {why}", self.web.host()))
    }

    /// Asks for the devices now and then.
    async fn look(&mut self) -> Result<(), AdapterError> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_AGAIN) {
            return Ok(());
        }
        let answer = self.ask("customers/devices", "").await?;
        self.account = wire::account(&answer).map_err(|why| self.nonsense(&why))?;
        if self.account.is_empty() {
            return Err(AdapterError::Unsupported("Emporia knows no device of this account: set one up in its app".to_owned()));
        }
        self.looked = Some(Instant::now());
        Ok(())
    }

    /// The intervals to ask for at `now_ms`, ms since the epoch: the last that is whole, and minutes missed shortly before it.
    fn due(&self, now_ms: i64) -> Vec<i64> {
        if !self.is_by_minute {
            return vec![(now_ms - LATE_SECOND_MS).div_euclid(1000) * 1000];
        }
        let minute = 60_000;
        let latest = (now_ms - LATE_MS).div_euclid(minute) * minute - minute;
        let first = self.last_ms.map_or(latest, |last| (last.div_euclid(minute) + 1) * minute).max(latest - (AT_ONCE - 1) * minute);
        (0..).map(|k| first + k * minute).take_while(|at_ms| *at_ms <= latest).collect()
    }

    /// What was used in the interval at `at_ms`, ms since the epoch, and how the cloud says it.
    async fn read(&mut self, at_ms: i64, scale: &str) -> Result<(Usage, String), AdapterError> {
        let answer = self.ask("AppAPI", &wire::question(&self.account, at_ms, scale)).await?;
        let usage = wire::usage(&self.account, &answer).map_err(|why| self.nonsense(&why))?;
        if usage.at_ms.is_some_and(|said_ms| said_ms.abs_diff(at_ms) > FAR_MS) {
            return Err(self.nonsense("it is of another time than was asked for"));
        }
        Ok((usage, String::from_utf8_lossy(&answer).into_owned()))
    }

    fn hear(&mut self, usage: &Usage, asked_ms: i64, text: &str, out: &mut Vec<Event>) {
        let at_ms = usage.at_ms.unwrap_or(asked_ms);
        // What was said already is not said again.
        if self.last_ms.is_none_or(|last| at_ms > last) {
            self.last_ms = Some(at_ms);
            // What the cloud says word for word is kept once, with the mains.
            let main = usage.told.iter().position(|told| told.role == Some(Role::WholeHouse)).unwrap_or(0);
            for (k, told) in usage.told.iter().enumerate() {
                if k == main {
                    self.register.say_all(std::slice::from_ref(told), text, at_ms, out);
                } else {
                    self.register.say(told, at_ms, out);
                }
            }
        }
        for (gid, has_spoken) in &usage.heard {
            if *has_spoken {
                self.silent.remove(gid);
                continue;
            }
            let count = self.silent.entry(*gid).or_insert(0);
            *count = count.saturating_add(1);
            if *count == SILENT {
                for identity in self.register.identities(&format!("{gid}/")) {
                    self.register.silence(&identity, at_ms, out);
                }
            }
        }
    }
}

#[async_trait]
impl Adapter for Emporia {
    fn name(&self) -> &str {
        NAME
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        self.ticks.next().await;
        if self.refusals > 0 {
            // The wait after a failure is at most a minute, which is not later and later enough for a cloud.
            sleep(self.pause()).await;
        }
        self.look().await?;
        let mut out = Vec::new();
        for at_ms in self.due(now_ms()) {
            let scale = if self.is_by_minute { "1MIN" } else { "1S" };
            match self.read(at_ms, scale).await {
                Ok((usage, text)) => self.hear(&usage, at_ms, &text, &mut out),
                // What was read before it is not lost with it.
                Err(_) if !out.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(out)
    }

    fn troubles(&self) -> BTreeMap<String, String> {
        let away = self.silent.iter().filter(|(_, count)| **count >= SILENT);
        away.map(|(gid, _)| (self.account.name(*gid), "Emporia hears nothing of it: see that it has power and Wi-Fi".to_owned())).collect()
    }
}
