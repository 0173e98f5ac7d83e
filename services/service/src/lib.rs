//! The frame every service hangs in: configuration, telemetry, HTTP, connections, shutdown. It knows nothing of energy.

pub mod access;
pub mod config;
mod context;
pub mod health;
pub mod home_assistant;
pub mod http;
pub mod mqtt;
pub mod problem;
pub mod shutdown;
pub mod telemetry;
pub mod tls;
pub mod web;
pub mod webhook;

pub use access::Access;
pub use config::ConfigError;
pub use context::Context;
pub use health::{Health, State};
pub use problem::Problem;
