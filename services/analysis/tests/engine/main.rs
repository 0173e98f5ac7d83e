//! What must hold of `analyze` whatever the home: nothing but the loads decides the answer, the answer is true, and bad input gives one
//! clear line. One binary, since each would link all of polars.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
#[path = "../home/mod.rs"]
mod home;
mod invariance;
mod owner;
mod truth;
mod unknown;

use proptest::test_runner::{Config, RngSeed};

/// The same cases in every run: what is checked is statistical, and must not fail by chance in somebody else's change.
fn cases(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(2), failure_persistence: None, ..Config::default() }
}
