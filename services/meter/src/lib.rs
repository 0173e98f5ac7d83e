//! Adapters that turn what Home Assistant and devices say into readings and state changes.

pub mod adapters;
mod consumption;
pub mod ingest;
mod http;
mod run;
mod writer;

pub use adapters::home_assistant::{discover, once};
pub use consumption::{Circuit, Consumption};
pub use http::router;
pub use run::{Config, RunError, run, run_with};
