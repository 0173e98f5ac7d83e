//! What becomes of readings in time, whatever keeps them.

use std::time::Duration;

use wattribute_domain::{HourEnergy, Quantity, Series};

use crate::held::TEN_MINUTES_MS;
use crate::{Result, StoreError};

const HOUR_MS: i64 = 3_600_000;

/// Before when nothing more is said, ms: whole hours, one to two hours after they were said, so that what is late by less costs nothing.
pub fn closed_before_ms(now_ms: i64) -> i64 {
    (now_ms - HOUR_MS).div_euclid(HOUR_MS) * HOUR_MS
}

/// What becomes of the raw readings of a quantity when they are past their time.
#[derive(Clone, Copy, PartialEq)]
pub enum Way {
    /// They are kept: few, and what was learned rests on them.
    Keep,
    /// The last of each ten minutes is kept: a counter's mean says nothing.
    Thin,
    /// Their means are kept.
    RollUp,
}

impl Way {
    /// The way of a quantity.
    pub fn of(quantity: Quantity) -> Self {
        match quantity {
            Quantity::Level | Quantity::PricePerKwh => Way::Keep,
            Quantity::EnergyImportKwh | Quantity::EnergyExportKwh => Way::Thin,
            _ => Way::RollUp,
        }
    }
}

/// The instant before which things are past their time; `None` where they are kept for ever.
pub fn past(keep: Option<Duration>, now_ms: i64) -> Option<i64> {
    keep.and_then(|span| i64::try_from(span.as_millis()).ok()).map(|ms| now_ms.saturating_sub(ms))
}

/// Of a counter the last row of each ten minutes, both sides of every fall and both ends of every silence.
pub fn thinned(rows: &Series) -> Series {
    let mut kept = Series::default();
    for k in 0..rows.len() {
        let (at_ms, value) = (rows.at_ms[k], rows.value[k]);
        let next = rows.at_ms.get(k + 1).copied().zip(rows.value.get(k + 1).copied());
        let ends_cell = next.is_none_or(|(next_ms, _)| next_ms.div_euclid(TEN_MINUTES_MS) != at_ms.div_euclid(TEN_MINUTES_MS));
        // What does not rise to `to`, comparisons with NaN included.
        let breaks = |from: f64, to: f64| !(from.is_nan() && to.is_nan()) && (to < from || from.is_nan() || to.is_nan());
        let before_break = next.is_some_and(|(_, next)| breaks(value, next));
        let after_break = k > 0 && breaks(rows.value[k - 1], value);
        if ends_cell || before_break || after_break {
            kept.push(at_ms, value);
        }
    }
    kept
}

/// Whether these hours may take the place of all in `[from_ms, to_ms)`.
pub fn energy_fits(from_ms: i64, to_ms: i64, hours: &[HourEnergy]) -> Result<()> {
    if let Some(bad) = hours.iter().find(|h| !(from_ms..to_ms).contains(&h.hour_ms) || !h.energy_kwh.is_finite()) {
        return Err(StoreError::Refused(format!(
            "the energy of series {} in the hour from {} ms ({} kWh) does not belong to {from_ms}..{to_ms} ms, or is no number",
            bad.series.0, bad.hour_ms, bad.energy_kwh
        )));
    }
    Ok(())
}
