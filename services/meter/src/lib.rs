//! Adapters that turn what Home Assistant and devices say into readings and state changes.

pub mod adapters;
pub mod import;
