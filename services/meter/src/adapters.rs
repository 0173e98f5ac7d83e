//! One folder for each kind of source.

pub mod history;
