//! The prices, worked out once for each tariff.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono_tz::Tz;
use wattribute_domain::{PricesAhead, Pricing, Quantity, Series, Tariffs};
use wattribute_store::{Result, Store, tariffs};

/// How long prices that an entity says are believed before they are read again, ms.
const FRESH_MS: i64 = 30_000;

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
                let ahead: PricesAhead =
                    store.document(&PricesAhead::key(entity)).await?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
                for (id, _) in series.iter().filter(|(_, info)| info.quantity == Quantity::PricePerKwh && info.device == entity) {
                    let rows = store.readings(*id, i64::MIN, now_ms + 1).await?;
                    let all = prices.entry(entity.to_owned()).or_default();
                    all.at_ms.extend(rows.at_ms);
                    all.value.extend(rows.value);
                }
                let all = prices.entry(entity.to_owned()).or_default();
                for &(at_ms, price) in ahead.prices.iter().filter(|(at_ms, _)| *at_ms > now_ms) {
                    all.push(at_ms, price);
                }
                // The last price that is known ahead does not hold for ever.
                if let Some(until_ms) = ahead.until_ms.filter(|until_ms| *until_ms > now_ms) {
                    all.push(until_ms, f64::NAN);
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
