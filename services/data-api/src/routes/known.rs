//! Until when what a series said is known to hold.

use std::collections::HashMap;

use wattribute_domain::{Hold, SeriesId, SeriesInfo};
use wattribute_store::{OURS, Result, Store, held_until_ms};

/// A source that was heard within this time is there: silence is then "unchanged", ms.
pub const HEARD_MS: i64 = 60_000;

/// Until when each series is known.
pub struct Known {
    now_ms: i64,
    /// When those that are not known until now ended, ms since the epoch.
    ends_ms: HashMap<SeriesId, i64>,
}

impl Known {
    /// Looks at the sources of `series`: one that is away is known until it was last heard, and a polled or pushed value for three of its usual
    /// intervals.
    pub async fn read(store: &dyn Store, series: &[(SeriesId, SeriesInfo)], now_ms: i64) -> Result<Self> {
        let mut heard: HashMap<String, Option<i64>> = HashMap::new();
        let mut ends_ms = HashMap::new();
        let latest: HashMap<SeriesId, i64> = store.latest().await?.into_iter().map(|r| (r.series, r.at_ms)).collect();
        for (id, info) in series {
            let mut end_ms = now_ms;
            for source in sources_of(store, info).await? {
                let heard_ms = match heard.get(&source) {
                    Some(known) => *known,
                    None => {
                        let found = heard_ms(store, &source).await?;
                        heard.insert(source, found);
                        found
                    }
                };
                if let Some(heard_ms) = heard_ms.filter(|heard_ms| now_ms - heard_ms > HEARD_MS) {
                    end_ms = end_ms.min(heard_ms);
                }
            }
            if info.hold == Hold::Intervals
                && let Some(&last_ms) = latest.get(id)
            {
                end_ms = end_ms.min(held_until_ms(store, *id, last_ms, now_ms).await?);
            }
            if end_ms < now_ms {
                ends_ms.insert(*id, end_ms);
            }
        }
        Ok(Known { now_ms, ends_ms })
    }

    /// Until when a series is known, ms since the epoch; never after the present.
    pub fn until_ms(&self, id: SeriesId) -> i64 {
        self.ends_ms.get(&id).copied().unwrap_or(self.now_ms)
    }
}

/// The adapters that a series comes from; what we compute comes from what it is computed of.
async fn sources_of(store: &dyn Store, info: &SeriesInfo) -> Result<Vec<String>> {
    if info.source != OURS {
        return Ok(vec![info.source.clone()]);
    }
    let Some(house) = wattribute_store::house(store).await? else { return Ok(Vec::new()) };
    let all = store.series().await?;
    Ok(all.into_iter().filter(|(id, _)| house.inputs.contains(id)).map(|(_, info)| info.source).collect())
}

/// Up to when an adapter was heard, ms since the epoch; `None` where it does not say.
pub async fn heard_ms(store: &dyn Store, source: &str) -> Result<Option<i64>> {
    let Some(text) = store.document(&format!("heard:{source}")).await? else { return Ok(None) };
    let said: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    Ok(said.and_then(|said| said.as_i64().or_else(|| said.get("until_ms")?.as_i64())))
}

/// First and last instant of all readings, ms since the epoch; `None` where there is none.
pub async fn extent_ms(store: &dyn Store) -> Result<Option<(i64, i64)>> {
    // A cursor from before everything: all that arrived, as one span.
    let spans = store.arrivals(-1).await?.spans_ms;
    Ok(spans.first().zip(spans.last()).map(|(first, last)| (first.0, last.1)))
}
