//! The frame every service hangs in: configuration, telemetry, HTTP, connections, shutdown. It knows nothing of energy.

mod context;
pub mod health;
pub mod home_assistant;
pub mod mqtt;
pub mod tls;

pub use context::Context;
pub use health::{Health, State};
