//! Energies of devices by hour: what was learned of past hours, and what has come since.

use std::collections::{BTreeMap, HashMap};

use wattribute_domain::{Cost, DeviceProfile, HourEnergy, Level, Pricing, ProfileRecord, SeriesId, SeriesInfo};
use wattribute_store::{Result, house};

use super::{Books, Flow};
use crate::activity::{Run, runs};

const HOUR_MS: i64 = 3_600_000;

/// Energies by hour, ms since the epoch, of each device's level series; estimated where a part lies in a gap of the house's meter.
pub type DeviceHours = HashMap<SeriesId, BTreeMap<i64, HourEnergy>>;

impl Books {
    /// Energies of devices in the hours that begin in `[from_ms, to_ms)`, the present one up to `now_ms`; of a group, under its first member.
    /// `only` narrows it to one.
    pub async fn device_hours(&self, from_ms: i64, to_ms: i64, only: Option<SeriesId>, now_ms: i64) -> Result<DeviceHours> {
        let profiles = self.store.profiles().await?;
        let is_wanted = |series: SeriesId| only.is_none_or(|one| one == series);
        // Hours after the last learning are counted here; they are learned from later.
        let learned_ms = profiles.iter().map(|p| p.learned_at_ms).max().unwrap_or(now_ms).div_euclid(HOUR_MS) * HOUR_MS;
        let mut hours: DeviceHours = HashMap::new();
        let to_learned_ms = to_ms.min(learned_ms);
        let learned = match only {
            Some(series) => self.store.energy_of(series, from_ms, to_learned_ms).await?,
            None => self.store.energy(from_ms, to_learned_ms).await?,
        };
        for hour in learned {
            hours.entry(hour.series).or_default().insert(hour.hour_ms, hour);
        }
        let house = house(&*self.store).await?;
        if let Some(house) = &house {
            hours.remove(&house.series);
        }
        let tail_ms = (from_ms.max(learned_ms), to_ms.min(now_ms));
        if tail_ms.0 < tail_ms.1 {
            let series: HashMap<SeriesId, SeriesInfo> = self.store.series().await?.into_iter().collect();
            for record in profiles.iter().filter(|p| is_wanted(p.series) && counts(p, &profiles)) {
                let metered = house.as_ref().and_then(|h| h.metered.get(&record.series));
                let modes = series.get(&record.series).map(|info| info.modes.as_slice()).unwrap_or_default();
                for hour in self.tail(record, metered.copied(), modes, tail_ms, now_ms).await? {
                    hours.entry(record.series).or_default().insert(hour.hour_ms, hour);
                }
            }
        }
        Ok(hours)
    }

    async fn tail(
        &self,
        record: &ProfileRecord,
        metered: Option<SeriesId>,
        modes: &[String],
        (from_ms, to_ms): (i64, i64),
        now_ms: i64,
    ) -> Result<Vec<HourEnergy>> {
        let mut sums: BTreeMap<i64, f64> = BTreeMap::new();
        if let Some(sensor) = metered {
            let from_ms = from_ms.div_euclid(HOUR_MS) * HOUR_MS;
            let end_ms = -(-to_ms).div_euclid(HOUR_MS) * HOUR_MS;
            for (k, quarter) in self.sum(&[Flow::Drawn(sensor)], from_ms, end_ms, now_ms).await?.iter().enumerate() {
                *sums.entry(from_ms + (k as i64 / 4) * HOUR_MS).or_default() += quarter.kwh;
            }
        } else {
            let levels = self.store.readings(record.series, from_ms, to_ms).await?;
            for run in runs(&levels, from_ms, to_ms) {
                for (hour_ms, kwh) in energy_of(&run, &record.profile, modes) {
                    *sums.entry(hour_ms).or_default() += kwh;
                }
            }
        }
        let hour = |(hour_ms, energy_kwh)| HourEnergy { series: record.series, hour_ms, energy_kwh, estimated: false };
        Ok(sums.into_iter().map(hour).collect())
    }
}

/// What a device used in a span.
#[derive(Default)]
pub struct Used {
    /// Energy, kWh.
    pub kwh: f64,
    /// What it cost, without a standing charge.
    pub cost: Cost,
    /// Whether a part lies in a gap of the house's meter.
    pub estimated: bool,
}

impl Used {
    /// By the energies of hours; an hour that the span cuts is shared.
    pub fn of(hours: &BTreeMap<i64, HourEnergy>, from_ms: i64, to_ms: i64, pricing: Option<&Pricing>) -> Self {
        let mut used = Used::default();
        for (&hour_ms, hour) in hours.range(from_ms.saturating_sub(HOUR_MS - 1)..to_ms) {
            let (begin_ms, end_ms) = (hour_ms.max(from_ms), (hour_ms + HOUR_MS).min(to_ms));
            let kwh = hour.energy_kwh * (end_ms - begin_ms) as f64 / HOUR_MS as f64;
            used.kwh += kwh;
            used.estimated |= hour.estimated;
            if let Some(pricing) = pricing {
                pricing.add_cost(&mut used.cost, begin_ms, end_ms, kwh);
            }
        }
        used
    }
}

/// What a kWh costs that is drawn evenly from `from_ms` to `to_ms`.
pub fn price_of(pricing: &Pricing, from_ms: i64, to_ms: i64) -> Cost {
    let mut cost = Cost::default();
    pricing.add_cost(&mut cost, from_ms, to_ms, 1.0);
    cost
}

/// Adds what `kwh` cost where one costs `price`. Which bands there are is not told: that there is a price is.
pub fn add_share(sum: &mut Cost, price: &Cost, kwh: f64) {
    sum.cost += price.cost * kwh;
    sum.unpriced_kwh += price.unpriced_kwh * kwh;
    if sum.bands.is_empty() {
        sum.bands.extend(price.bands.first().cloned());
    }
}

/// Whether energy is counted under this device: something is known of it, and it is the first of its group.
pub fn counts(record: &ProfileRecord, all: &[ProfileRecord]) -> bool {
    record.counts(all)
}

/// The device under which energy and steps of this one stand: itself, or the first of its group.
pub fn first_of<'a>(record: &'a ProfileRecord, all: &'a [ProfileRecord]) -> &'a ProfileRecord {
    record.first_of(all)
}

/// Energy of a run by hour, kWh, by what is known of the device; nothing where nothing is.
fn energy_of(run: &Run, profile: &DeviceProfile, modes: &[String]) -> BTreeMap<i64, f64> {
    let mut sums = BTreeMap::new();
    for piece in &run.pieces {
        let Some(power_w) = power_w(profile, modes, piece.2) else { continue };
        let part = Run { from_ms: piece.0, to_ms: Some(piece.1), pieces: vec![*piece] };
        for (hour_ms, on_ms) in part.by_hour() {
            *sums.entry(hour_ms).or_default() += power_w * on_ms as f64 / 3.6e9;
        }
    }
    sums
}

/// What a device draws at a level, W above what it draws when off: by itself varying ones at their mean.
pub fn power_w(profile: &DeviceProfile, modes: &[String], level: Level) -> Option<f64> {
    profile.power_of(modes, level)
}

impl Used {
    /// What a run used: of each hour's energy its part of the time that the device was on in it (`on_ms`), so that runs add up to hours.
    pub fn by_run(run: &Run, hours: &BTreeMap<i64, HourEnergy>, on_ms: &BTreeMap<i64, i64>, pricing: Option<&Pricing>) -> Self {
        let mut used = Used::default();
        for &(from_ms, to_ms, level) in &run.pieces {
            let piece = Run { from_ms, to_ms: Some(to_ms), pieces: vec![(from_ms, to_ms, level)] };
            for (hour_ms, ms) in piece.by_hour() {
                let (Some(hour), Some(&all_ms)) = (hours.get(&hour_ms), on_ms.get(&hour_ms)) else { continue };
                let kwh = hour.energy_kwh * ms as f64 / all_ms.max(1) as f64;
                used.kwh += kwh;
                used.estimated |= hour.estimated;
                if let Some(pricing) = pricing {
                    pricing.add_cost(&mut used.cost, from_ms.max(hour_ms), to_ms.min(hour_ms + HOUR_MS), kwh);
                }
            }
        }
        used
    }
}
