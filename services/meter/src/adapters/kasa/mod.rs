#![doc = include_str!("README.md")]

#[cfg(test)]
mod tests;
pub(super) mod wire;

use std::time::Duration;

use wattribute_domain::SeriesInfo;

use super::discover::Found;
use super::fleet::Fleet;
use super::{AdapterError, tplink};

/// The section `[kasa]`.
pub use super::tplink::Config;

/// The adapter's name, and the source of its series.
pub const NAME: &str = "kasa";

/// An adapter of Kasa devices that goes on with the series that the store has. Connects at the first `next`.
pub fn read(config: &Config, known: &[SeriesInfo]) -> Result<Fleet, AdapterError> {
    tplink::fleet(NAME, config, known)
}

/// The Kasa devices that answer within `wait`.
pub async fn discover(config: &Config, wait: Duration) -> Result<Vec<Found>, AdapterError> {
    tplink::discover(NAME, config, wait).await
}
