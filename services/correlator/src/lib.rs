//! Joins state changes to steps of power, learns what devices draw, attributes energy, and says so to Home Assistant.

pub mod now;
pub mod publish;
