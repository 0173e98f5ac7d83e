//! The prices, worked out once for each tariff.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono_tz::Tz;
use wattribute_domain::{Pricing, Quantity, Series, Tariffs};
use wattribute_store::{Result, Store, tariffs};

/// How long prices that an entity says are believed before they are read again, ms.
const FRESH_MS: i64 = 30_000;
/// How far ahead prices may be known, ms.
const AHEAD_MS: i64 = 3 * 86_400_000;

struct Kept {
    tariffs: Tariffs,
    zone: Tz,
    read_ms: i64,
    pricing: Arc<Pricing>,
}

/// The prices of the tariffs that are kept.
#[derive(Default)]
pub struct Prices(Mutex<Option<Kept>>);

impl Prices {
    /// The prices as they are known at `now_ms`; `None` where no tariff is.
    pub async fn get(&self, store: &dyn Store, zone: Tz, now_ms: i64) -> Result<Option<Arc<Pricing>>> {
        let Some((tariffs, _)) = tariffs(store).await? else { return Ok(None) };
        let is_dynamic = !tariffs.entities().is_empty();
        {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let is_fresh = |k: &&Kept| !is_dynamic || (0..FRESH_MS).contains(&(now_ms - k.read_ms));
            if let Some(kept) = kept.as_ref().filter(|k| k.zone == zone && k.tariffs == tariffs).filter(is_fresh) {
                return Ok(Some(kept.pricing.clone()));
            }
        }
        let mut prices: HashMap<String, Series> = HashMap::new();
        if is_dynamic {
            let series = store.series().await?;
            for entity in tariffs.entities() {
                for (id, _) in series.iter().filter(|(_, info)| info.quantity == Quantity::PricePerKwh && info.device == entity) {
                    let rows = store.readings(*id, i64::MIN, now_ms + AHEAD_MS).await?;
                    let all = prices.entry(entity.to_owned()).or_default();
                    all.at_ms.extend(rows.at_ms);
                    all.value.extend(rows.value);
                }
            }
            prices.values_mut().for_each(|rows| _ = rows.normalise());
        }
        let (of, at) = (tariffs.clone(), zone);
        let pricing = tokio::task::spawn_blocking(move || Arc::new(Pricing::new(&of, at, &prices))).await;
        let Ok(pricing) = pricing else { return Ok(None) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Kept { tariffs, zone, read_ms: now_ms, pricing: pricing.clone() });
        Ok(Some(pricing))
    }
}
