//! What the house drew at night, kept in memory: nights that are long over change seldom.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use wattribute_domain::SeriesId;
use wattribute_store::{Result, Store, low_w};

/// How long a night is believed, ms: one of the last two days, and older ones.
const FRESH_MS: i64 = 60_000;
const SETTLED_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// When it was looked, ms, and what was found, W.
type Found = (i64, Option<f64>);

/// Lows of nights that were asked for, by series and span.
#[derive(Default)]
pub struct Nights(Mutex<HashMap<(SeriesId, i64, i64), Found>>);

impl Nights {
    /// The third percentile of the minutes of a night, W.
    pub async fn low_w(&self, store: &dyn Store, series: SeriesId, from_ms: i64, to_ms: i64, now_ms: i64) -> Result<Option<f64>> {
        let key = (series, from_ms, to_ms);
        let believed_ms = if now_ms - to_ms > 2 * DAY_MS { SETTLED_MS } else { FRESH_MS };
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if let Some((_, low)) = kept.filter(|(at_ms, _)| (0..believed_ms).contains(&(now_ms - at_ms))) {
            return Ok(low);
        }
        let low = low_w(store, series, from_ms, to_ms).await?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (now_ms, low));
        Ok(low)
    }
}
