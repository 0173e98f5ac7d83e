//! Prices that an entity says, and the one price of each span of settlement.

use crate::Series;
use crate::calendar::{Offsets, QUARTER_MS};

/// A price said so shortly after a quarter of an hour was in force from its beginning: an entity is a little late in saying it.
const LATE_MS: i64 = 120_000;

/// A series of prices, settled.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    prices: Series,
    settlement_ms: i64,
    factor: f64,
    surcharge: f64,
}

impl Settled {
    pub(super) fn new(mut prices: Series, settlement_minutes: u32, factor: Option<f64>, surcharge: Option<f64>) -> Self {
        prices.normalise();
        for at_ms in &mut prices.at_ms {
            let late = at_ms.rem_euclid(QUARTER_MS);
            if late <= LATE_MS {
                *at_ms -= late;
            }
        }
        prices.normalise();
        let settlement_ms = i64::from(settlement_minutes.clamp(1, 1440)) * 60_000;
        Settled { prices, settlement_ms, factor: factor.unwrap_or(1.0), surcharge: surcharge.unwrap_or(0.0) }
    }

    /// The price per kWh at an instant, where at least a quarter of its span of settlement is known, and until when it stands.
    pub(super) fn at(&self, offsets: &Offsets, ms: i64) -> (Option<f64>, i64) {
        let offset = offsets.at(ms);
        let begin_ms = (ms + offset.offset_ms).div_euclid(self.settlement_ms) * self.settlement_ms - offset.offset_ms;
        let (from_ms, to_ms) = (begin_ms.max(offset.from_ms), (begin_ms + self.settlement_ms).min(offset.to_ms));
        let first = self.prices.at_ms.partition_point(|&t| t <= from_ms).saturating_sub(1);
        let (mut sum, mut known_ms) = (0.0, 0);
        for k in first..self.prices.len() {
            let begin = self.prices.at_ms[k].max(from_ms);
            if begin >= to_ms {
                break;
            }
            let end = self.prices.at_ms.get(k + 1).map_or(to_ms, |&t| t.min(to_ms));
            if self.prices.value[k].is_finite() && end > begin {
                sum += self.prices.value[k] * (end - begin) as f64;
                known_ms += end - begin;
            }
        }
        let known = known_ms > 0 && 4 * known_ms >= to_ms - from_ms;
        (known.then(|| sum / known_ms as f64 * self.factor + self.surcharge), to_ms)
    }
}
