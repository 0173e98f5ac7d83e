//! What the tests of the store share.
#![allow(dead_code, reason = "each test crate uses its part")]

pub mod backend;

use std::path::Path;
use std::sync::Arc;

use wattribute_domain::{Quantity, Reading, SeriesId, SeriesInfo};
use wattribute_store::{Batch, Origin, Settings, Span, Store};

/// Where the tests' readings begin: a Tuesday in 2100, at the start of a block; ms.
pub const T0: i64 = 4_102_444_800_000 + 4 * 86_400_000;
pub const HOUR: i64 = 3_600_000;

pub fn url(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("data/store.db").display())
}

pub fn open(folder: &Path) -> Arc<dyn Store> {
    wattribute_store::open_with(&url(folder), Origin::Home, Settings::forever()).unwrap()
}

pub async fn power(store: &Arc<dyn Store>, name: &str) -> SeriesId {
    store.describe(vec![SeriesInfo::new("test", name, Quantity::PowerW)]).await.unwrap()[0]
}

pub fn reading(series: SeriesId, at_ms: i64, value: f64) -> Reading {
    Reading { series, at_ms, value }
}

pub fn batch(readings: Vec<Reading>) -> Batch {
    Batch { readings, ..Batch::default() }
}

pub fn span(series: SeriesId, from_ms: i64, to_ms: i64) -> Span {
    Span { series, from_ms, to_ms }
}

/// Rows of a series as text that can be compared, `NaN` included.
pub async fn rows(store: &Arc<dyn Store>, series: SeriesId, from_ms: i64, to_ms: i64) -> Vec<(i64, String)> {
    let rows = store.readings(series, from_ms, to_ms).await.unwrap();
    assert_eq!(rows.at_ms.len(), rows.value.len());
    rows.at_ms.iter().zip(&rows.value).map(|(&at, v)| (at - T0, v.to_string())).collect()
}
