//! InfluxDB: what is written in the names that its owners know, what every kind of answer means, and the mirror of another store.
//!
//! What needs a real server runs on an InfluxDB 1.x and a VictoriaMetrics where they are installed, and on the InfluxDB of `TEST_INFLUX_URL`;
//! recorded answers stand for one always.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "influx/answers.rs"]
mod answers;
mod common;
#[path = "influx/mirror.rs"]
mod mirror;
#[path = "influx/names.rs"]
mod names;
#[path = "influx/recorded.rs"]
mod recorded;
#[path = "influx/store.rs"]
mod store;
