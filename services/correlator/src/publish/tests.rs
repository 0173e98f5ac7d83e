//! What is published, without a network; and over real ones in `live`.

mod alerts;
mod announcing;
mod asking;
mod broker;
mod choosing;
mod firing;
mod live;
mod posting;
mod sending;
mod support;
mod totals;
