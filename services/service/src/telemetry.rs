//! Logs. `docs/LOGGING.md` says what is logged, and how.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// Everything of ours, of libraries only what is wrong.
const DEFAULT: &str = "info,hyper=warn,reqwest=warn,rustls=warn,rumqttc=warn,tungstenite=warn";

/// Begins to log to standard error: for people on a terminal, JSON lines otherwise. `RUST_LOG` says what; `info` if it is not set.
pub fn begin() {
    let said = std::env::var("RUST_LOG").ok().filter(|said| !said.trim().is_empty());
    let (filter, wrong) = match said.as_deref().map(EnvFilter::try_new) {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(DEFAULT), Some(error)),
        None => (EnvFilter::new(DEFAULT), None),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let begun = if stderr().is_terminal() { log.compact().try_init() } else { log.json().flatten_event(true).try_init() };
    if begun.is_err() {
        tracing::debug!("logging had begun already");
    }
    if let Some(error) = wrong {
        tracing::warn!(%error, "RUST_LOG cannot be read, so `info` is logged; an example is RUST_LOG=info,wattribute_meter=debug");
    }
}
