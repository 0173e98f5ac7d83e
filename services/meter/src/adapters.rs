//! One folder for each kind of source.

mod broker;
pub mod demo;
mod described;
mod discover;
pub mod emporia;
#[cfg(test)]
mod fixtures;
mod fleet;
pub mod glow;
pub mod history;
pub mod home_assistant;
pub mod http;
pub mod iotawatt;
pub mod kasa;
pub mod mqtt;
mod numbers;
mod pick;
pub mod pulse;
#[cfg(test)]
mod readmes;
mod rhythm;
mod roles;
pub(crate) mod same;
pub mod sense;
#[cfg(test)]
mod shared_answers;
pub mod shelly;
pub mod tapo;
pub mod tasmota;
mod told;
mod tplink;
pub mod tuya;
mod web;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tokio::sync::Notify;
use wattribute_domain::SeriesInfo;

pub use broker::{Hears, Listener};
pub(crate) use described::Described;
pub use discover::Found;
pub use fleet::{Fleet, Speaker};
pub use roles::Roles;
pub(crate) use same::Same;
pub use told::{Register, Told};

/// What an adapter has to say. Series are numbered by the adapter itself (`key`), from 0, as it meets them.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// There is a series with this number, or more is known of it (a new name, a new mode). Comes before its first reading.
    Series {
        /// The adapter's number for it.
        key: u32,
        /// Who it is.
        info: SeriesInfo,
    },
    /// What a series said; `NaN`: it is silent from then on.
    Reading {
        /// The adapter's number for the series.
        key: u32,
        /// When it was said, ms since the epoch.
        at_ms: i64,
        /// What was said, in the unit of its quantity.
        value: f64,
    },
    /// What was known of a series in `[from_ms, to_ms)` is to be forgotten: the readings that follow in the same batch know better.
    Replaced {
        /// The adapter's number for the series.
        key: u32,
        /// Start, ms since the epoch.
        from_ms: i64,
        /// End (not included), ms since the epoch.
        to_ms: i64,
    },
    /// What a device said, word for word, secrets masked.
    Payload {
        /// Which device.
        device: String,
        /// When, ms since the epoch.
        at_ms: i64,
        /// What it said.
        text: String,
    },
    /// A document to keep, such as how far the source has been heard, or what it says of the home.
    Document {
        /// Its key.
        key: String,
        /// What it says.
        text: String,
    },
    /// Whoever waits for it is told when all that was said before is on the disk.
    Kept(Kept),
}

/// Told once when what an adapter said is on the disk; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Notify>);

impl Kept {
    /// Says so.
    pub fn tell(&self) {
        self.0.notify_one();
    }

    /// Waits until it is said; for one who waits.
    pub async fn wait(&self) {
        self.0.notified().await;
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Why an adapter cannot go on, by what to do next.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// Nobody answers. Try again, later and later.
    #[error("{0}")]
    Unreachable(String),
    /// It did not answer in time. Try again, later and later.
    #[error("{0}")]
    Timeout(String),
    /// It does not let us in. Stop, say so, do not hammer.
    #[error("{0}")]
    Unauthorized(String),
    /// It is not what the adapter can read. Stop and say so.
    #[error("{0}")]
    Unsupported(String),
    /// It said something that makes no sense. Pass over it and go on.
    #[error("{0}")]
    Protocol(String),
}

/// A source of readings and state changes.
#[async_trait]
pub trait Adapter: Send {
    /// Its name in health, metrics and logs, such as `home_assistant`: the source of all its series.
    fn name(&self) -> &str;

    /// Which of the source's devices it reads, where each has an adapter of its own.
    fn device(&self) -> Option<&str> {
        None
    }

    /// Waits for the next batch. A polled adapter sleeps until its tick; a pushed one awaits its socket. Cancel-safe: dropping the
    /// future loses nothing that was not yet returned.
    async fn next(&mut self) -> Result<Vec<Event>, AdapterError>;

    /// Address of its source's own page for people, without credentials; `None` where there is none.
    fn link(&self) -> Option<String> {
        None
    }

    /// Whether its source answers: one that is away may still have something to say of its absence.
    fn is_up(&self) -> bool {
        true
    }

    /// Devices behind it that are away or make no sense now, by name, and why. They stop no other.
    fn troubles(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// What it listens to; `None` of what does not speak MQTT.
    fn listens(&self) -> Option<Listening> {
        None
    }
}

/// What an adapter listens to on the MQTT broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listening {
    /// Topics, as they were given.
    pub topics: Vec<String>,
    /// Whether the broker has let us in.
    pub is_connected: bool,
}

/// The present, ms since the epoch.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}
