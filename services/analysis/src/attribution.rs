//! The attribution engine: DESIGN.md section 4.

pub mod curve;
pub mod energy;
pub mod events;
pub mod grid;
pub mod hours;
pub mod learn;
pub mod lost;
pub mod meter;
pub mod owner;
pub mod power;
pub mod response;
pub mod runs;
pub mod solve;
pub mod steps;
pub mod units;
pub mod verdict;
