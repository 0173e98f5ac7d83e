//! Energy per hour: what the runs of a device are modelled to draw, hour by hour.

use std::collections::BTreeMap;

use wattribute_domain::{DeviceProfile, Series, Verdict};

use super::energy::Load;
use super::grid::Grid;
use super::units::Unit;

/// An hour, ms.
pub const HOUR_MS: i64 = 3_600_000;

/// Energy of one entity in one hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnergyOfHour {
    /// Index of the entity.
    pub entity: usize,
    /// Start of the hour, ms since the epoch.
    pub hour_ms: i64,
    /// Energy, kWh.
    pub energy_kwh: f64,
    /// Whether the house's meter was silent for a part of it.
    pub estimated: bool,
}

/// Energies of all units whose energy can be told, under their first member; together they are the energy of the profile.
pub fn hours(grid: &Grid, units: &[Unit], loads: &[Load], profiles: &[Option<DeviceProfile>]) -> Vec<EnergyOfHour> {
    let mut out = Vec::new();
    for (unit, load) in units.iter().zip(loads) {
        let entity = unit.members[0];
        let told = profiles[entity].as_ref().filter(|p| p.verdict != Verdict::NoLoad).and_then(|p| p.energy_kwh);
        let Some(told_kwh) = told.filter(|k| *k > 0.0) else { continue };
        let mut found: BTreeMap<i64, (f64, bool)> = BTreeMap::new();
        for (first, draw) in &load.draws {
            for (k, &w) in draw.iter().enumerate() {
                let at_ms = grid.start_ms + ((first + k) as f64 * grid.step_s * 1000.0) as i64;
                let hour = found.entry(at_ms.div_euclid(HOUR_MS) * HOUR_MS).or_default();
                hour.0 += f64::from(w) * grid.step_s / 3.6e6;
                hour.1 |= grid.power_w.get(first + k).is_none_or(|w| !w.is_finite());
            }
        }
        let drawn_kwh: f64 = found.values().map(|h| h.0).sum();
        if drawn_kwh > 0.0 {
            let scale = told_kwh / drawn_kwh;
            let hour = |(hour_ms, (kwh, estimated))| EnergyOfHour { entity, hour_ms, energy_kwh: kwh * scale, estimated };
            out.extend(found.into_iter().map(hour));
        }
    }
    out
}

/// Energy of a series of W per hour, kWh; gaps are not filled, and hours without any reading are left out.
pub fn of_power(power: &Series) -> BTreeMap<i64, f64> {
    let mut out: BTreeMap<i64, f64> = BTreeMap::new();
    for (times, &w) in power.at_ms.windows(2).zip(&power.value) {
        let mut from_ms = times[0];
        while w.is_finite() && from_ms < times[1] {
            let hour_ms = from_ms.div_euclid(HOUR_MS) * HOUR_MS;
            let to_ms = times[1].min(hour_ms + HOUR_MS);
            *out.entry(hour_ms).or_default() += w * (to_ms - from_ms) as f64 / 3.6e9;
            from_ms = to_ms;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_of_a_series_falls_into_hours() {
        let power = Series { at_ms: vec![0, 5_400_000, 9_000_000, 12_600_000], value: vec![1000.0, f64::NAN, 2000.0, 0.0] };
        let hours: Vec<(i64, f64)> = of_power(&power).into_iter().map(|(h, kwh)| (h / HOUR_MS, kwh)).collect();
        assert_eq!(hours, [(0, 1.0), (1, 0.5), (2, 1.0), (3, 1.0)]);
    }
}
