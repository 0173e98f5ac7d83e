//! Asking one device over HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::watch;
use wattribute_domain::Role;

use super::digest::{Challenge, own_nonce};
use super::names::{Book, Names, Way};
use super::wire::{self, Who, text};
use super::{Login, gen1, rpc};
use crate::adapters::numbers::json;
use crate::adapters::web::{Ticks, Web};
use crate::adapters::{AdapterError, Speaker, Told};

/// How long a device that does not let us in is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(300);
/// The longest that a device that is away is left alone.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How a device is asked.
#[derive(Clone)]
pub(super) struct Manner {
    /// What opens it.
    pub login: Login,
    /// How often a plug is asked.
    pub every: Duration,
    /// How often a meter is.
    pub meters_every: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl Manner {
    /// How often to ask who says this.
    pub fn turn(&self, told: &[Told]) -> Duration {
        if told.iter().any(|told| told.role == Some(Role::Circuit)) { self.meters_every } else { self.every }
    }
}

/// Reads the device at `address`, which may move, until the speaker's fleet ends. Of one that was found and not named by the owner nobody
/// misses anything before it has measured something.
pub(super) async fn read(speaker: Speaker, mut address: watch::Receiver<String>, manner: Manner, book: Book, was_found: bool) {
    let way = Way::Asked(speaker.device().into());
    let mut turn = manner.every;
    let mut ticks = Ticks::every(turn);
    let place = address.borrow_and_update().clone();
    let mut asking = match Asking::new(&place, &manner) {
        Ok(asking) => asking,
        Err(error) => return speaker.trouble(error.to_string()).await,
    };
    let (mut failures, mut said_of_trouble, mut is_missed) = (0, String::new(), !was_found);
    loop {
        ticks.next().await;
        let error = match asking.status(&book).await {
            Ok(said) if said.can_measure => {
                (failures, said_of_trouble, is_missed) = (0, String::new(), true);
                speaker.named(book.label(&said.mac)).await;
                let wanted = manner.turn(&said.parts);
                let told = book.told(&said.mac, &way, said.parts, 3 * wanted + manner.timeout);
                speaker.told(told.unwrap_or_default(), said.text).await;
                if wanted != turn {
                    (turn, ticks) = (wanted, Ticks::every(wanted));
                    ticks.next().await;
                }
                continue;
            }
            Ok(said) => {
                speaker.named(book.label(&said.mac)).await;
                AdapterError::Unsupported(format!("{} has neither a meter nor a relay: take it out of `hosts` in [shelly]", said.model))
            }
            Err(error) => error,
        };
        failures += 1;
        asking.who = None;
        let why = error.to_string();
        if book.lost(&asking.last_mac, &way) {
            // It is heard by another way: nothing is missed.
            speaker.told(Vec::new(), "").await;
            said_of_trouble.clear();
        } else if said_of_trouble != why && (is_missed || matches!(error, AdapterError::Unauthorized(_))) {
            speaker.trouble(&why).await;
            said_of_trouble = why;
        }
        let wait = match error {
            AdapterError::Unauthorized(_) | AdapterError::Unsupported(_) => LEFT_ALONE,
            _ => (turn * 2_u32.saturating_pow(failures.min(6) - 1)).min(LONGEST_WAIT.max(turn)),
        };
        let moved = async {
            if address.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait.saturating_sub(turn)) => {}
            () = moved => {}
        }
        let place = address.borrow_and_update().clone();
        if let Ok(anew) = Asking::new(&place, &manner) {
            asking = Asking { last_mac: asking.last_mac, ..anew };
        }
    }
}

/// What a device said of itself.
pub(super) struct Said {
    pub mac: String,
    pub model: String,
    /// What its components measure.
    pub parts: Vec<Told>,
    /// Whether it has anything to measure with.
    pub can_measure: bool,
    /// Its status, masked.
    pub text: String,
}

/// One device that is asked.
pub(super) struct Asking {
    web: Web,
    login: Login,
    challenge: Option<Challenge>,
    who: Option<Who>,
    /// Its MAC when it answered last.
    last_mac: String,
    /// Count of its changes of settings, when they were read last.
    settings_at: Option<i64>,
}

impl Asking {
    /// Of the device at `host`, an address or a whole URL. Asks for nothing yet.
    pub fn new(host: &str, manner: &Manner) -> Result<Self, AdapterError> {
        let url = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
        let what = format!("[shelly] hosts: `{}`", host.escape_debug());
        let web = Web::new(&what, &SecretString::from(url), &BTreeMap::new(), manner.timeout)?;
        let (login, last_mac) = (manner.login.clone(), String::new());
        Ok(Asking { web, login, challenge: None, who: None, last_mac, settings_at: None })
    }

    /// Who it is; asked once, until it fails.
    pub async fn who(&mut self) -> Result<Who, AdapterError> {
        if let Some(who) = &self.who {
            return Ok(who.clone());
        }
        let said = self.get("shelly").await?;
        let who = wire::who(&said).map_err(|why| self.nonsense(&why))?;
        self.last_mac.clone_from(&who.mac);
        self.who = Some(who.clone());
        (self.challenge, self.settings_at) = (None, None);
        Ok(who)
    }

    /// What it measures now.
    pub async fn status(&mut self, book: &Book) -> Result<Said, AdapterError> {
        let who = self.who().await?;
        let is_first = who.generation == 1;
        let status = self.get(if is_first { "status" } else { "rpc/Shelly.GetStatus" }).await?;
        let parts = if is_first { gen1::status(&status, &who.model) } else { rpc::status(&status, &status) };
        let mac = text(&status, if is_first { "/mac" } else { "/sys/mac" });
        let settings = status.pointer(if is_first { "/cfg_changed_cnt" } else { "/sys/cfg_rev" }).and_then(Value::as_i64);
        if !status.is_object() {
            return Err(self.nonsense("its status is no object"));
        }
        if mac.is_some_and(|mac| wire::plain_mac(&mac) != who.mac) {
            self.who = None;
            return Err(AdapterError::Unreachable(format!("{} is another device now than {}", self.web.host(), who.id)));
        }
        if self.settings_at.is_none() || self.settings_at != Some(settings.unwrap_or(-1)) {
            self.learn_names(&who, book).await;
            self.settings_at = Some(settings.unwrap_or(-1));
        }
        let can_measure = if is_first { gen1::can_measure(&status, &who.model) } else { rpc::can_measure(&status) };
        Ok(Said { mac: who.mac, model: who.model, parts, can_measure, text: wire::masked(&status) })
    }

    /// Asks what it is called; one that does not say goes by what is known.
    async fn learn_names(&mut self, who: &Who, book: &Book) {
        book.met(&who.mac, &who.id);
        let path = if who.generation == 1 { "settings" } else { "rpc/Shelly.GetConfig" };
        let mut names = match self.get(path).await {
            Ok(said) if who.generation == 1 => gen1::names(&said),
            Ok(said) => rpc::names(&said),
            Err(_) if book.is_named(&who.mac) => return,
            Err(_) => Names::default(),
        };
        names.device = names.device.or_else(|| who.name.clone());
        book.named(&who.mac, names);
    }

    async fn get(&mut self, path: &str) -> Result<Value, AdapterError> {
        let body = self.body(path).await?;
        json(&body).map_err(|why| self.nonsense(&why))
    }

    async fn body(&mut self, path: &str) -> Result<Vec<u8>, AdapterError> {
        let known = self.header(path);
        let answer = self.ask(path, known.as_deref()).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return self.web.good(answer);
        }
        let host = self.web.host().to_owned();
        if self.login.password.is_none() {
            return Err(AdapterError::Unauthorized(format!("{host} wants a password: set `password` in [shelly]")));
        }
        let wrong = || AdapterError::Unauthorized(format!("{host} does not take the password: see `password` in [shelly]"));
        let challenge = answer.headers.get("www-authenticate").and_then(|header| header.to_str().ok());
        let Some(challenge) = challenge.filter(|header| !header.trim().to_ascii_lowercase().starts_with("basic")) else {
            return Err(wrong());
        };
        // The nonce may have been of before its restart: it is answered anew, once.
        self.challenge = Some(Challenge::of_header(challenge).map_err(|why| AdapterError::Unsupported(format!("{host}: {why}")))?);
        let anew = self.header(path);
        let answer = self.ask(path, anew.as_deref()).await?;
        if answer.status == StatusCode::UNAUTHORIZED { Err(wrong()) } else { self.web.good(answer) }
    }

    async fn ask(&self, path: &str, authorization: Option<&str>) -> Result<crate::adapters::web::Answer, AdapterError> {
        let headers: Vec<(&str, &str)> = authorization.map(|value| ("authorization", value)).into_iter().collect();
        self.web.ask(Method::GET, path, "", Vec::new(), &headers).await
    }

    /// The header that opens it, as far as it asked for one: a password is sent to nobody who did not.
    fn header(&mut self, path: &str) -> Option<String> {
        let password = self.login.password.as_ref()?;
        let who = self.who.as_ref()?;
        if who.generation == 1 {
            let pair = format!("{}:{}", self.login.username, password.expose_secret());
            return who.wants_password.then(|| format!("Basic {}", STANDARD.encode(pair)));
        }
        let challenge = self.challenge.as_mut()?;
        Some(challenge.header(Login::RPC_USER, password, "GET", &format!("/{path}"), &own_nonce()))
    }

    fn nonsense(&self, why: &str) -> AdapterError {
        AdapterError::Protocol(format!("the answer of {} makes no sense: {why}", self.web.host()))
    }
}
