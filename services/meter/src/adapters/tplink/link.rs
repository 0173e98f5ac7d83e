//! The connection to one device, whichever protocol it speaks.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::time::timeout;

use super::Trouble;
use super::config::Credentials;
use super::discovery::{self, Answered, Speech};
use super::http::Http;
use super::place::Place;
use super::session::{Open, THIRD_PARTY};
use super::xor::{self, Xor};
use crate::adapters::kasa;

/// How long a device is given to say what it speaks; one of another network may be asked by TCP only.
const ASKED: Duration = Duration::from_millis(900);

/// How devices are spoken to.
#[derive(Clone)]
pub(super) struct Manner {
    /// The client of those that speak HTTP.
    pub client: Client,
    /// Who we say that we are.
    pub credentials: Credentials,
    /// How long one answer may take.
    pub timeout: Duration,
}

/// A connection.
pub(super) struct Link {
    manner: Manner,
    place: Place,
    line: Line,
    /// The kind that it said it is of, such as `SMART.TAPOPLUG`.
    family: String,
}

enum Line {
    Xor(Xor),
    Session(Box<Open>),
}

impl Link {
    /// Connects to a device: as it says by itself, else as it turns out.
    pub async fn open(manner: &Manner, place: &Place, known: Option<&Answered>) -> Result<Self, Trouble> {
        let answered = match known {
            Some(answered) => Some(answered.clone()),
            None => {
                let found = discovery::search(std::slice::from_ref(place), ASKED.min(manner.timeout)).await;
                found.ok().and_then(|found| found.into_iter().next())
            }
        };
        let family = answered.as_ref().map(|answered| answered.family.clone()).unwrap_or_default();
        let link = |line, place: &Place| Link { manner: manner.clone(), place: place.clone(), line, family: family.clone() };
        if let Some(answered) = &answered {
            let place = &answered.place;
            let line = match answered.speech {
                Speech::Xor => return Ok(link(Line::Xor(Xor::to(place.with_port(xor::PORT))), place)),
                Speech::Klap(_) | Speech::Tpap => manner.klap(place).await?,
                Speech::Aes(version) => manner.aes(place, version).await?,
            };
            match (line, answered.speech) {
                (Some(line), _) => return Ok(link(line, place)),
                (None, Speech::Tpap) => {
                    return Err(Trouble::Nonsense(format!("{place} lets only its maker's app in (TPAP): {THIRD_PARTY}")));
                }
                // What it says may be older than its firmware.
                (None, _) => {}
            }
        }
        let line = manner.probe(place).await?;
        Ok(link(line, place))
    }

    /// What it answers.
    pub async fn ask(&mut self, request: &Value) -> Result<Value, Trouble> {
        let Link { manner, line, place, .. } = self;
        let asked = async {
            match line {
                Line::Xor(xor) => xor.ask(request).await,
                Line::Session(open) => open.ask(request, &manner.credentials).await,
            }
        };
        in_time(place, manner.timeout, asked).await
    }

    /// What turned out of it, for the next time.
    pub fn known(&self) -> Answered {
        let speech = match &self.line {
            Line::Xor(_) => Speech::Xor,
            Line::Session(open) if open.is_aes() => Speech::Aes(None),
            Line::Session(_) => Speech::Klap(None),
        };
        Answered { speech, family: self.family.clone(), ..Answered::at(self.place.clone()) }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether it speaks `IOT`; `None` where that does not show.
    pub fn speaks_iot(&self) -> Option<bool> {
        match &self.line {
            Line::Xor(_) => Some(true),
            Line::Session(open) if open.is_of_iot() => Some(true),
            Line::Session(_) if self.family.starts_with("IOT.") => Some(true),
            Line::Session(_) if self.family.starts_with("SMART.") => Some(false),
            Line::Session(_) => None,
        }
    }

    /// Notes what turned out.
    pub fn noted(&mut self, speaks_iot: bool) {
        self.family = if speaks_iot { "IOT.".to_owned() } else { "SMART.".to_owned() };
    }
}

impl Manner {
    async fn klap(&self, place: &Place) -> Result<Option<Line>, Trouble> {
        let http = Http::to(&self.client, place)?;
        let opened = in_time(place, self.timeout, Open::klap(http, &self.credentials)).await?;
        Ok(opened.map(|open| Line::Session(Box::new(open))))
    }

    async fn aes(&self, place: &Place, version: Option<u8>) -> Result<Option<Line>, Trouble> {
        let http = Http::to(&self.client, place)?;
        // Several logins may be tried.
        let opened = in_time(place, self.timeout * 3, Open::aes(http, &self.credentials, version)).await?;
        Ok(opened.map(|open| Line::Session(Box::new(open))))
    }

    /// Tries what a device may speak that does not say: first what needs no credentials.
    async fn probe(&self, place: &Place) -> Result<Line, Trouble> {
        let mut xor = Xor::to(place.with_port(xor::PORT));
        let first = match in_time(place, self.timeout, xor.ask(&kasa::wire::question())).await {
            Ok(answer) if kasa::wire::device(&place.to_string(), &answer, &[]).is_ok() => return Ok(Line::Xor(xor)),
            Ok(_) => Trouble::Nonsense(format!("{place} answers on port {}, but not as a plug", xor::PORT)),
            Err(trouble) => trouble,
        };
        let line = match self.klap(place).await {
            Ok(Some(line)) => return Ok(line),
            Ok(None) => self.aes(place, None).await?,
            // Where nobody listens for HTTP either, what was wrong before says more.
            Err(Trouble::Away(_)) => return Err(first),
            Err(trouble) => return Err(trouble),
        };
        line.ok_or_else(|| match first {
            Trouble::Nonsense(_) => first,
            _ => Trouble::Nonsense(format!("{place} speaks neither KLAP nor AES to us: if it is a plug, {THIRD_PARTY}")),
        })
    }
}

async fn in_time<T>(place: &Place, limit: Duration, asked: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let late = || {
        Trouble::Slow(format!(
            "{place} did not answer within {}; see that it has power and Wi-Fi",
            humantime_serde::re::humantime::format_duration(limit)
        ))
    };
    timeout(limit, asked).await.unwrap_or_else(|_| Err(late()))
}
