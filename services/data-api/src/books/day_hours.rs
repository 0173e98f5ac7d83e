//! Energies of all devices in the hours of one day, packed: most devices are off in most hours.

use std::collections::BTreeMap;

use wattribute_domain::{HourEnergy, SeriesId};

const HOUR_MS: i64 = 3_600_000;

/// One day of UTC.
#[derive(Debug, Default)]
pub struct DayHours {
    devices: Box<[Device]>,
    /// Energies, kWh, device after device, of the hours in which anything is told.
    kwh: Box<[f64]>,
}

/// Hours of one device, a bit each.
#[derive(Clone, Copy, Debug)]
struct Device {
    series: SeriesId,
    told: u32,
    estimated: u32,
}

impl DayHours {
    /// Packs the hours of one day, in whatever order. Hours in which nothing was drawn say nothing, unless that is estimated.
    pub fn of(hours: impl Iterator<Item = HourEnergy>) -> Self {
        let mut by_device: BTreeMap<SeriesId, ([f64; 24], u32, u32)> = BTreeMap::new();
        for hour in hours.filter(|hour| hour.energy_kwh != 0.0 || hour.estimated) {
            let k = hour.hour_ms.div_euclid(HOUR_MS).rem_euclid(24) as usize;
            let (kwh, told, estimated) = by_device.entry(hour.series).or_default();
            kwh[k] = hour.energy_kwh;
            *told |= 1 << k;
            *estimated |= u32::from(hour.estimated) << k;
        }
        let is_told = |told: u32, k: usize| told & (1 << k) != 0;
        let of_device = |(kwh, told, _): &([f64; 24], u32, u32)| (0..24).filter(|k| is_told(*told, *k)).map(|k| kwh[k]).collect::<Vec<_>>();
        DayHours {
            kwh: by_device.values().flat_map(of_device).collect(),
            devices: by_device.into_iter().map(|(series, (_, told, estimated))| Device { series, told, estimated }).collect(),
        }
    }

    /// Each device with its hours: which of the day, kWh, and whether that is estimated.
    pub fn devices(&self) -> impl Iterator<Item = (SeriesId, impl Iterator<Item = (i64, f64, bool)>)> {
        let mut next = 0;
        self.devices.iter().map(move |device| {
            let begin = next;
            next += device.told.count_ones() as usize;
            let hours = (0..24_i64).filter(|k| device.told & (1 << k) != 0);
            let told = hours.zip(&self.kwh[begin..next]).map(|(k, kwh)| (k, *kwh, device.estimated & (1 << k) != 0));
            (device.series, told)
        })
    }

    /// How many energies are kept.
    pub fn count(&self) -> usize {
        self.kwh.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_comes_out_as_it_went_in() {
        let hour = |series: u32, k: i64, energy_kwh: f64, estimated: bool| HourEnergy {
            series: SeriesId(series),
            hour_ms: (24 * 20_000 + k) * HOUR_MS,
            energy_kwh,
            estimated,
        };
        let said =
            [hour(7, 23, 0.3, true), hour(3, 0, 0.1, false), hour(7, 0, 1.0 / 3.0, false), hour(7, 5, 0.0, false), hour(9, 4, 0.0, true)];
        let day = DayHours::of(said.into_iter());
        let told: Vec<_> = day.devices().map(|(series, hours)| (series, hours.collect::<Vec<_>>())).collect();
        let expected = [
            (SeriesId(3), vec![(0, 0.1, false)]),
            (SeriesId(7), vec![(0, 1.0 / 3.0, false), (23, 0.3, true)]),
            (SeriesId(9), vec![(4, 0.0, true)]),
        ];
        assert_eq!((told.as_slice(), day.count()), (expected.as_slice(), 4));
        assert_eq!(DayHours::of(std::iter::empty()).devices().count(), 0);
    }
}
