//! The connection to Home Assistant: its WebSocket and REST APIs.

mod backoff;
mod config;
mod connection;
mod error;
mod rest;
mod socket;
#[cfg(test)]
mod tests;
mod wire;

pub use backoff::Backoff;
pub use config::{Address, Config};
pub use connection::{Connection, Subscription};
pub use error::HaError;
pub use rest::Rest;
