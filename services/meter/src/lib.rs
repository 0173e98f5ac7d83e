//! Adapters that turn what Home Assistant and devices say into readings and state changes.

pub mod adapters;
pub mod backups;
mod columns;
mod consumption;
mod find;
mod http;
pub mod import;
mod ingest;
mod once;
#[cfg(test)]
#[path = "../../store/tests/common/ports.rs"]
mod ports;
mod run;
mod sources;
mod tried;
mod writer;

pub use adapters::home_assistant::{discover, once};
pub use consumption::{Circuit, Consumption};
pub use find::{Kind, find};
pub use http::{House, router};
pub use ingest::ingest;
pub use once::once_of;
pub use run::{Config, run};
pub use sources::Sources;
pub use tried::{Tried, try_sources};
