//! Joins state changes to steps of power, learns what devices draw, attributes energy, and says so to Home Assistant.

mod catalogue;
mod http;
mod join;
mod learn;
pub mod left_on;
mod live;
mod named_meter;
pub mod now;
mod present;
pub mod publish;
mod second_meter;
mod silence;
mod unknown;
mod watch;
mod window;

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use wattribute_service::Context;

pub use http::{Statistics, router};

/// `[correlator]` in the config file.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where it answers HTTP.
    pub listen: SocketAddr,
    /// The longest it waits before it looks again; it looks as soon as something arrives or a window closes.
    #[serde(with = "humantime_serde")]
    pub processing_interval: Duration,
    /// How far live runs look back, min; it never limits catching up.
    pub lookback_minutes: u32,
    /// Steps of at least this are listed and published, W.
    pub min_power_delta: f64,
    /// How far back learning reads, days.
    pub learn_days: u32,
    /// What is published to Home Assistant.
    pub publish: publish::Config,
    /// The house's meter, an entity or an expression over entities, where the owner says it.
    #[serde(skip)]
    pub meter: Option<String>,
    /// Where Home Assistant is.
    #[serde(skip)]
    pub home_assistant: Option<wattribute_service::home_assistant::Config>,
    /// Where the broker is.
    #[serde(skip)]
    pub mqtt: Option<wattribute_service::mqtt::Config>,
    /// Whether the store holds the made-up home.
    #[serde(skip)]
    pub is_demo: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 8017)),
            processing_interval: Duration::from_secs(60),
            lookback_minutes: 5,
            min_power_delta: 10.0,
            learn_days: 90,
            publish: publish::Config::default(),
            meter: None,
            home_assistant: None,
            mqtt: None,
            is_demo: false,
        }
    }
}

/// Runs until it is told to stop.
///
/// # Errors
///
/// Where the store cannot be read at all, or the address is taken away.
pub async fn run(config: Config, context: Context) -> anyhow::Result<()> {
    watch::run(config, context).await
}
