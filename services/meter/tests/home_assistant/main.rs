//! The Home Assistant adapter against a Home Assistant that does as it is told.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod away;
mod discovery;
mod fake;
mod faults;
mod heard;
mod holes;
mod live;
mod prices;
mod stress;
