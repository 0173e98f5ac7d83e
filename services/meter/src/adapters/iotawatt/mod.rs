#![doc = include_str!("README.md")]

#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use wattribute_domain::{Quantity, Role, SeriesInfo, device_name};

use self::wire::{Column, Rows};
use super::web::{Ticks, Web};
use super::{Adapter, AdapterError, Event, Register, Told, now_ms};

/// The adapter's name, and the source of its series.
pub const NAME: &str = "iotawatt";

/// The rows of its log, s.
const STEP_S: i64 = 5;
/// Holes up to this are filled at 5 s, longer ones at a minute, s.
const FINE_S: i64 = 6 * 3600;
/// Rows of one answer, at most: it measures nothing while it answers.
const ROWS: i64 = 720;
/// How far its clock may be off without being corrected, s.
const SKEW_S: i64 = 30;
/// How often it is asked what it measures.
const LOOK_AGAIN_MS: i64 = 600_000;
const TIMEOUT: Duration = Duration::from_secs(10);

/// One `[[iotawatt]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What it is called.
    #[serde(default = "name")]
    pub name: String,
    /// Where it is; never shown, as it may hold a password.
    pub url: SecretString,
    /// How often it is asked.
    #[serde(default = "every", with = "humantime_serde")]
    pub every: Duration,
    /// How much of its log is fetched at the first start.
    #[serde(default = "backfill", with = "humantime_serde")]
    pub backfill: Duration,
    /// What its inputs and outputs are, by name.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// Inputs and outputs that are left out, by name.
    #[serde(default)]
    pub exclude: Vec<String>,
}

fn name() -> String {
    NAME.to_owned()
}

fn every() -> Duration {
    Duration::from_secs(5)
}

fn backfill() -> Duration {
    Duration::from_secs(24 * 3600)
}

/// Reads one IoTaWatt from its log, so that what was missed is fetched later.
pub struct Iotawatt {
    device: String,
    config: Config,
    web: Web,
    ticks: Ticks,
    register: Register,
    columns: Vec<Column>,
    looked_ms: i64,
    /// Everything before this was handed over, s since the epoch of our clock; a whole row.
    until_s: i64,
    /// Whether it knows no queries.
    is_old: bool,
    has_told_of_its_clock: bool,
    /// Whether another IoTaWatt is read, whose inputs may have the same names.
    is_one_of_several: bool,
    /// What the owner named that it does not measure, as it was told.
    unknown: Option<String>,
}

impl Iotawatt {
    /// An adapter that goes on where it was: with the series that the store has of it, and the instant of the last reading of any of them, ms
    /// since the epoch. Asks for nothing yet.
    pub fn new(config: &Config, known: &[SeriesInfo], last_ms: Option<i64>) -> Result<Self, AdapterError> {
        let what = format!("[[iotawatt]] {}", config.name);
        let device = device_name(&config.name);
        if device.is_empty() {
            return Err(AdapterError::Unsupported(format!("{what}: name: it must hold a letter or a digit")));
        }
        let first_ms = now_ms() - i64::try_from(config.backfill.as_millis()).unwrap_or(0);
        let until_s = last_ms.map_or(first_ms, |last_ms| last_ms + 1000 * STEP_S).max(first_ms).div_euclid(1000 * STEP_S) * STEP_S;
        Ok(Iotawatt {
            web: Web::new(&what, &config.url, &BTreeMap::new(), TIMEOUT)?,
            device,
            ticks: Ticks::every(config.every),
            config: config.clone(),
            register: Register::new(NAME, known),
            columns: Vec::new(),
            looked_ms: i64::MIN,
            until_s,
            is_old: false,
            has_told_of_its_clock: false,
            is_one_of_several: false,
            unknown: None,
        })
    }

    /// The same as one of several: its name stands before those of its inputs.
    #[must_use]
    pub fn among(mut self, count: usize) -> Self {
        self.is_one_of_several = count > 1;
        self
    }

    /// Whether a series of the store is one of this device.
    pub fn is_of(config: &Config, info: &SeriesInfo) -> bool {
        info.source == NAME && info.identity.strip_prefix(&device_name(&config.name)).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Looks what it measures, now and then: inputs may be renamed or added.
    async fn look(&mut self, now_ms: i64) -> Result<(), AdapterError> {
        if !self.columns.is_empty() && now_ms - self.looked_ms < LOOK_AGAIN_MS {
            return Ok(());
        }
        let answer = self.web.get_at("query", "show=series").await;
        if matches!(&answer, Err(AdapterError::Unreachable(why)) if why.contains("404")) {
            self.is_old = true;
            return Ok(());
        }
        let mut columns = wire::series(&answer?).map_err(|why| self.nonsense(&why))?;
        self.compare(&columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>());
        columns.retain(|column| !self.is_excluded(&column.name));
        if columns.is_empty() {
            let why = format!("[[iotawatt]] {}: all that it measures is in `exclude`: leave something to read", self.config.name);
            return Err(AdapterError::Unsupported(why));
        }
        self.columns = columns;
        (self.is_old, self.looked_ms) = (false, now_ms);
        Ok(())
    }

    /// The next rows: of a hole as many as one answer may have, else the last ones.
    async fn rows(&mut self, now_s: i64) -> Result<Vec<Event>, AdapterError> {
        let is_hole = now_s - self.until_s > 12 * STEP_S;
        let step_s = if now_s - self.until_s > FINE_S { 60 } else { STEP_S };
        let from_s = self.until_s.div_euclid(step_s) * step_s;
        let to_s = (from_s + ROWS * step_s).min(now_s.div_euclid(step_s) * step_s);
        let query = if is_hole {
            wire::query(&self.columns, &from_s.to_string(), &to_s.to_string(), step_s)
        } else {
            wire::query(&self.columns, &format!("s-{}s", 12 * STEP_S), "s", STEP_S)
        };
        let answer = self.web.ask(Method::GET, "query", &query, Vec::new(), &[]).await?;
        if answer.status == StatusCode::BAD_REQUEST {
            // An input was renamed or taken away: what it measures is asked for anew at the next turn.
            self.columns.clear();
            return Err(self.nonsense(&wire::rows(&answer.body).err().unwrap_or_else(|| "it refuses the query".to_owned())));
        }
        let answer = self.web.good(answer)?;
        let said = wire::rows(&answer).map_err(|why| self.nonsense(&why))?;
        // A clock that is off is seen where it tells its own present.
        let skew_s = said.end_s.filter(|_| !is_hole).map_or(0, |end_s| now_s - end_s);
        let skew_s = if skew_s.abs() > SKEW_S { skew_s.div_euclid(STEP_S) * STEP_S } else { 0 };
        if skew_s != 0 && !std::mem::replace(&mut self.has_told_of_its_clock, true) {
            tracing::warn!("the clock of {NAME}/{} is {skew_s} s off: its readings are put where they belong by ours", self.device);
        }
        let measured = |(_, values): &&(i64, Vec<Option<f64>>)| values.iter().any(Option::is_some);
        let last_s = said.rows.iter().rev().find(measured).map(|(at_s, _)| at_s + skew_s + step_s);
        let out = self.told(&said, skew_s);
        // The newest rows may not be in its log yet. Where it has nothing for long, the hole stays.
        let given_up_s = to_s.min(now_s.div_euclid(STEP_S) * STEP_S - 12 * STEP_S);
        self.until_s = self.until_s.max(given_up_s).max(last_s.unwrap_or(i64::MIN));
        Ok(out)
    }

    fn told(&mut self, said: &Rows, skew_s: i64) -> Vec<Event> {
        let mut out = Vec::new();
        for (at_s, values) in said.rows.iter().filter(|(at_s, _)| at_s + skew_s >= self.until_s) {
            for (column, value) in self.columns.iter().zip(values) {
                // What a script makes of a voltage has a frequency that is none.
                let value = value.filter(|value| column.quantity != Quantity::FrequencyHz || (40.0..70.0).contains(value));
                let told = self.named(wire::circuit(&self.device, &column.name).with(column.quantity, value));
                self.register.say(&told, 1000 * (at_s + skew_s), &mut out);
            }
        }
        out
    }

    /// What it said, with what the owner says of it.
    fn named(&self, mut told: Told) -> Told {
        let of_it = |(name, role): (&String, &Role)| (device_name(name) == device_name(&told.name)).then_some(*role);
        told.role = self.config.roles.iter().find_map(of_it).or(told.role);
        if self.is_one_of_several {
            told.name = format!("{} {}", self.config.name, told.name);
        }
        told
    }

    fn is_excluded(&self, name: &str) -> bool {
        self.config.exclude.iter().any(|excluded| device_name(excluded) == device_name(name))
    }

    /// Tells, once, what the owner named that it does not measure.
    fn compare(&mut self, names: &[&str]) {
        let said = self.config.roles.keys().chain(&self.config.exclude).map(String::as_str);
        let unknown = wire::unknown(said, names);
        if let Some(why) = unknown.as_ref().filter(|_| self.unknown != unknown) {
            tracing::warn!("[[iotawatt]] {}: {why}", self.config.name);
        }
        self.unknown = unknown;
    }

    fn nonsense(&self, why: &str) -> AdapterError {
        AdapterError::Protocol(format!("the answer of {} makes no sense: {why}", self.web.host()))
    }
}

#[async_trait]
impl Adapter for Iotawatt {
    fn name(&self) -> &str {
        NAME
    }

    fn device(&self) -> Option<&str> {
        Some(&self.device)
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        let is_hole = self.looked_ms > i64::MIN && !self.is_old && now_ms() / 1000 - self.until_s > 12 * STEP_S;
        // While a hole is filled it is given some time to measure between two answers, but not a whole turn.
        if is_hole {
            tokio::time::sleep(Duration::from_millis(200)).await;
        } else {
            self.ticks.next().await;
        }
        self.look(now_ms()).await?;
        if !self.is_old {
            return self.rows(now_ms() / 1000).await;
        }
        let answer = self.web.get_at("status", "inputs=&outputs=").await?;
        let told = wire::status(&self.device, &answer).map_err(|why| self.nonsense(&why))?;
        self.compare(&told.iter().map(|told| told.name.as_str()).collect::<Vec<_>>());
        let mut out = Vec::new();
        for told in told {
            if !self.is_excluded(&told.name) {
                let told = self.named(told);
                self.register.say(&told, now_ms(), &mut out);
            }
        }
        Ok(out)
    }
}
