use serde::{Deserialize, Serialize};

/// Prices that an entity has told for times to come, as kept (document `prices_ahead:<entity id>`). What was in force is in the entity's
/// series; nothing in a series lies in the future.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PricesAhead {
    /// From when each price is in force, ms since the epoch, and the price of one kWh, in the home's currency; in order of time. Each holds
    /// until the next.
    pub prices: Vec<(i64, f64)>,
    /// When the last of them is no longer in force, ms since the epoch; `None` where that was not said.
    pub until_ms: Option<i64>,
}

impl PricesAhead {
    /// Key of the document of an entity.
    pub fn key(entity_id: &str) -> String {
        format!("prices_ahead:{entity_id}")
    }
}
