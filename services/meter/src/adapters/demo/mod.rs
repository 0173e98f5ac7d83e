#![doc = include_str!("README.md")]

mod hour;
mod loads;
mod plan;
mod random;
#[cfg(test)]
mod tests;
mod things;
mod truth;
mod weather;

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use wattribute_domain::{EnergyPreferences, Home};

use self::hour::{Counters, HOUR_MS, Said};
use self::plan::Plan;
use super::{Adapter, AdapterError, Event};

pub use self::hour::STANDBY_W;
pub use self::truth::{Truth, UnknownTruth, truth, unknown_truth};

/// Document that tells how far the demo has been heard.
pub const HEARD: &str = "heard:demo";

/// Document that tells what is known of the home.
const HOME: &str = "home";

/// A batch of history has so many readings, or a few more.
const BATCH: usize = 4000;

/// Which made-up home.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Another seed is another home.
    pub seed: u64,
    /// History behind the present, days.
    pub days: u32,
    /// Time between the meter's readings, s.
    pub every_s: f64,
    /// Where its people live by the clock.
    pub time_zone: Tz,
}

impl Default for Config {
    fn default() -> Self {
        Config { seed: 1, days: 30, every_s: 5.0, time_zone: Tz::Europe__Berlin }
    }
}

impl Config {
    fn every_ms(&self) -> i64 {
        // NaN becomes the least.
        (self.every_s * 1e3).clamp(500.0, 60_000.0).max(500.0) as i64
    }
}

/// How far the demo has been heard, as kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Heard {
    seed: u64,
    /// All up to here was said, ms since the epoch.
    until_ms: i64,
    /// Start of the hour that was being told, ms since the epoch.
    hour_ms: i64,
    /// The counters at the start of that hour.
    counters: Counters,
}

/// The made-up home: first its history, then what it says from now on, as it says it.
pub struct Demo {
    config: Config,
    plan: Plan,
    clock: Box<dyn Fn() -> i64 + Send>,
    heard: Heard,
    /// The counters at the end of the hour that is being told.
    counters: Counters,
    /// What is left to say of that hour.
    hour: VecDeque<Said>,
    /// Said before anything else.
    first: Vec<Event>,
}

impl Demo {
    /// A home that is new to the store: its history up to `now_ms` comes first.
    pub fn new(config: Config, now_ms: i64) -> Self {
        let from_ms = (now_ms - i64::from(config.days) * 24 * HOUR_MS).div_euclid(HOUR_MS) * HOUR_MS;
        let heard = Heard { seed: config.seed, until_ms: from_ms - 1, hour_ms: from_ms, counters: Counters::at_start() };
        let mut demo = Demo::at(config, heard);
        let states = hour::states(&mut demo.plan, config.seed, from_ms);
        demo.first.extend(states.into_iter().map(reading));
        demo
    }

    /// Goes on from where document [`HEARD`] says that it was heard to.
    pub fn resume(config: Config, heard: &str) -> Result<Self, AdapterError> {
        let heard: Heard = serde_json::from_str(heard).map_err(|e| {
            AdapterError::Unsupported(format!(
                "the store's document {HEARD} is not one that the demo wrote ({e}): begin with a new database file"
            ))
        })?;
        if heard.seed != config.seed {
            return Err(AdapterError::Unsupported(format!(
                "the store has the demo home of seed {}, not of seed {}: use that seed, or begin with a new database file",
                heard.seed, config.seed
            )));
        }
        Ok(Demo::at(config, heard))
    }

    /// Takes the time from `clock` (ms since the epoch) instead of the machine's.
    pub fn with_clock(self, clock: impl Fn() -> i64 + Send + 'static) -> Self {
        Demo { clock: Box::new(clock), ..self }
    }

    fn at(config: Config, heard: Heard) -> Self {
        let mut first: Vec<Event> =
            things::series().into_iter().enumerate().map(|(key, info)| Event::Series { key: key as u32, info }).collect();
        first.push(Event::Document { key: HOME.to_owned(), text: json(&home(&config)) });
        let mut demo = Demo {
            config,
            plan: Plan::new(config.seed, config.time_zone),
            clock: Box::new(machine_clock),
            heard,
            counters: heard.counters,
            hour: VecDeque::new(),
            first,
        };
        demo.tell(heard.hour_ms);
        demo.hour.retain(|said| said.at_ms > heard.until_ms);
        demo
    }

    /// Works out the hour from `hour_ms` on.
    fn tell(&mut self, hour_ms: i64) {
        self.heard.hour_ms = hour_ms;
        self.heard.counters = self.counters;
        let every_ms = self.config.every_ms();
        self.hour = hour::hour(&mut self.plan, self.config.seed, every_ms, hour_ms, &mut self.counters).into();
    }

    /// What was said up to now and has not been handed out; about a batch of it where there is much.
    fn due(&mut self, now_ms: i64) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.first);
        let (before, was_ms) = (events.len(), self.heard.until_ms);
        while events.len() < BATCH {
            while let Some(said) = self.hour.pop_front_if(|said| said.at_ms <= now_ms) {
                events.push(reading(said));
            }
            let end_ms = self.heard.hour_ms + HOUR_MS;
            if now_ms < end_ms {
                self.heard.until_ms = was_ms.max(now_ms);
                break;
            }
            self.heard.until_ms = end_ms - 1;
            self.tell(end_ms);
        }
        if events.len() > before || before > 0 {
            events.push(Event::Document { key: HEARD.to_owned(), text: json(&self.heard) });
        }
        events
    }
}

#[async_trait]
impl Adapter for Demo {
    fn name(&self) -> &str {
        things::SOURCE
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        // Working out history takes time that others may want.
        tokio::task::yield_now().await;
        loop {
            let now_ms = (self.clock)();
            let events = self.due(now_ms);
            if !events.is_empty() {
                return Ok(events);
            }
            // The clock may be set meanwhile: never sleep for long.
            let next_ms = self.hour.front().map_or(self.heard.hour_ms + HOUR_MS, |said| said.at_ms);
            tokio::time::sleep(Duration::from_millis((next_ms - now_ms).clamp(20, 2000) as u64)).await;
        }
    }
}

fn reading(said: Said) -> Event {
    Event::Reading { key: said.key, at_ms: said.at_ms, value: said.value }
}

/// What Home Assistant would say of the home.
fn home(config: &Config) -> Home {
    let one = |id: &str| vec![id.to_owned()];
    Home {
        name: Some("Demo home (made up)".to_owned()),
        time_zone: Some(config.time_zone.name().to_owned()),
        currency: Some("EUR".to_owned()),
        energy_preferences: Some(EnergyPreferences {
            grid_power: one("sensor.grid_power"),
            grid_import_energy: one("sensor.grid_energy"),
            grid_export_energy: one("sensor.grid_export_energy"),
            solar_power: one("sensor.solar_power"),
            solar_energy: one("sensor.solar_energy"),
            price_per_kwh: Some(0.32),
            ..EnergyPreferences::default()
        }),
        ..Home::default()
    }
}

fn json<T: Serialize>(document: &T) -> String {
    // Plain structs of numbers and texts always can be written.
    serde_json::to_string(document).unwrap_or_default()
}

fn machine_clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
