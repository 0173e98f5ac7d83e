//! Entities that are metered already: by a sensor of the same name, or of the same device.

use std::collections::{HashMap, HashSet};

use wattribute_domain::{Entity, History, Sensor, Series, object_of};

use super::{
    House, align, counter,
    expression::Expression,
    names,
    quantity::{self, Quantity},
};

/// An entity that is metered by a sensor of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Metered {
    /// Index into [`History::entities`].
    pub entity: usize,
    /// Id of the sensor: of power where there is one, else of energy.
    pub sensor: String,
    /// Active power in W; `NaN` is a gap. `None` without a sensor of power.
    pub power: Option<Series>,
    /// Energy in kWh over the whole history by its own counter, resets, dips and jumps told apart; `None` without a counter.
    pub energy_kwh: Option<f64>,
}

/// What sensors of power are called after their device, the surest first.
const POWER_SUFFIXES: [&str; 20] = [
    "power",
    "active_power",
    "current_power",
    "power_w",
    "current_power_w",
    "electric_consumption_w",
    "electric_w",
    "current_consumption",
    "current_consumption_w",
    "power_consumption",
    "energy_power",
    "instantaneous_demand",
    "electrical_measurement",
    "total_active_power",
    "total_power",
    "power_usage",
    "power_draw",
    "watts",
    "watt",
    "w",
];

/// What counters of energy are called after their device, the surest first.
const ENERGY_SUFFIXES: [&str; 24] = [
    "total_energy",
    "energy_total",
    "energy",
    "energy_kwh",
    "total_energy_kwh",
    "electric_consumption_kwh",
    "electric_kwh",
    "total_consumption",
    "summation_delivered",
    "energy_consumption",
    "energy_consumed",
    "consumed_energy",
    "energy_usage",
    "total_energy_import",
    "energy_import",
    "kwh",
    "consumption",
    "energy_today",
    "today_energy",
    "today_s_consumption",
    "daily_energy",
    "energy_daily",
    "this_month_s_consumption",
    "energy_this_month",
];

/// Words that an entity may carry in its name and its sensor may lack, or the other way round.
const GENERIC: [&str; 5] = ["_switch", "_relay", "_plug", "_outlet", "_socket"];

/// How an entity came to a sensor; the lower the surer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    Name,
    Device,
}

/// Whether something in `domain` is a load, or the switch of one (0); stands for one (1); or only tells of one (2).
fn remoteness(entity: &Entity) -> u8 {
    match entity.domain() {
        "input_boolean" => 1,
        "sensor" | "binary_sensor" => 2,
        _ => 0,
    }
}

/// Who may claim a sensor.
pub(super) struct Claims<'a> {
    entities: &'a [Entity],
    by_name: HashMap<&'a str, Vec<usize>>,
    by_short_name: HashMap<&'a str, Vec<usize>>,
    by_device: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Claims<'a> {
    /// Looks at all entities of `history`.
    pub(super) fn of(history: &'a History) -> Self {
        let (mut by_name, mut by_short_name, mut by_device) =
            (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for (k, entity) in history.entities.iter().enumerate() {
            let name = object_of(&entity.entity_id);
            by_name.entry(name).or_default().push(k);
            by_short_name.entry(short(name)).or_default().push(k);
            if let Some(device) = &entity.device_id {
                by_device.entry(device.as_str()).or_default().push(k);
            }
        }
        Claims { entities: &history.entities, by_name, by_short_name, by_device }
    }

    /// Whether `sensor` carries the name of something that is switched.
    pub(super) fn is_named_after_a_switch(&self, sensor: &Sensor) -> bool {
        stems(object_of(&sensor.entity_id)).iter().any(|stem| {
            let claimants = self.by_name.get(stem.as_str()).into_iter().chain(self.by_short_name.get(short(stem)));
            claimants.flatten().any(|&k| remoteness(&self.entities[k]) == 0)
        })
    }

    /// Whether the device of `sensor` can be switched.
    pub(super) fn is_on_a_switched_device(&self, sensor: &Sensor) -> bool {
        let on_device = sensor.device_id.as_deref().and_then(|device| self.by_device.get(device));
        on_device.is_some_and(|claimants| claimants.iter().any(|&k| remoteness(&self.entities[k]) == 0))
    }

    /// The one entity that `sensor` belongs to; `None` where nobody or several claim it.
    fn owner(&self, sensor: &Sensor) -> Option<(By, usize)> {
        let stems = stems(object_of(&sensor.entity_id));
        let by_name = stems.iter().find_map(|stem| self.by_name.get(stem.as_str()));
        let by_name = by_name.or_else(|| stems.iter().find_map(|stem| self.by_short_name.get(short(stem))));
        if let Some(claimants) = by_name {
            let same_device =
                claimants.iter().copied().filter(|&k| sensor.device_id.is_some() && self.entities[k].device_id == sensor.device_id);
            return self.nearest(claimants.iter().copied()).or_else(|| self.nearest(same_device)).map(|k| (By::Name, k));
        }
        let claimants = self.by_device.get(sensor.device_id.as_deref()?)?;
        self.nearest(claimants.iter().copied()).map(|k| (By::Device, k))
    }

    /// The one that is nearest to being a load; `None` where several are.
    fn nearest(&self, claimants: impl Iterator<Item = usize>) -> Option<usize> {
        let claimants: Vec<usize> = claimants.collect();
        let least = claimants.iter().map(|&k| remoteness(&self.entities[k])).min()?;
        let mut nearest = claimants.into_iter().filter(|&k| remoteness(&self.entities[k]) == least);
        let first = nearest.next()?;
        nearest.next().is_none().then_some(first)
    }
}

/// A sensor that an entity could be metered by.
struct Offer<'a> {
    by: By,
    rank: usize,
    factor: f64,
    sensor: &'a Sensor,
}

/// The entities whose device has a power or energy sensor, in the order of [`History::entities`]: by name (`switch.kettle`
/// with `sensor.kettle_power`), else by Home Assistant's device. Never by a sensor of the house, nor by one that several
/// entities claim, nor by one of several of a device whose names do not tell which is whose.
pub fn metered(history: &History, house: &House) -> Vec<Metered> {
    let claims = Claims::of(history);
    let of_house = |id: &str| house.used.iter().any(|used| used == id);
    let house_devices: HashSet<&str> =
        history.sensors.iter().filter(|s| of_house(&s.entity_id)).filter_map(|s| s.device_id.as_deref()).collect();
    let mut offers: Vec<[Vec<Offer<'_>>; 2]> = history.entities.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    for sensor in history.sensors.iter().filter(|s| !of_house(&s.entity_id) && s.readings.value.iter().any(|v| v.is_finite())) {
        let Some((by, entity)) = claims.owner(sensor) else { continue };
        if by == By::Device && sensor.device_id.as_deref().is_some_and(|device| house_devices.contains(device)) {
            continue;
        }
        let (kind, rank, factor) = match measured(sensor) {
            Some(found) => found,
            None => continue,
        };
        offers[entity][kind].push(Offer { by, rank, factor, sensor });
    }
    let metered = offers.into_iter().enumerate().filter_map(|(entity, [power, energy])| {
        let (power, energy) = (best(power), best(energy));
        let sensor = power.as_ref().or(energy.as_ref())?.sensor.entity_id.clone();
        let energy_kwh = energy.and_then(|o| counter::energy_kwh(&o.sensor.readings, o.factor, quantity::may_fall(o.sensor)));
        Some(Metered { entity, sensor, power: power.map(|o| watts(&o)), energy_kwh })
    });
    metered.collect()
}

/// Whether it is power (0) or counted energy (1), how sure its name is, and W or kWh a unit.
fn measured(sensor: &Sensor) -> Option<(usize, usize, f64)> {
    let object = without_number(object_of(&sensor.entity_id)).0;
    let rank = |suffixes: &[&str]| {
        let carried = suffixes.iter().enumerate().filter(|(_, suffix)| ends_with(object, suffix).is_some());
        carried.max_by_key(|(_, suffix)| suffix.len()).map(|(rank, _)| rank)
    };
    let unlikely = ["yesterday", "last", "returned", "return", "export", "exported", "production", "produced", "cost", "price"];
    if object.split('_').any(|word| unlikely.contains(&word)) {
        return None;
    }
    match Quantity::said(sensor) {
        Quantity::Power(watts) => Some((0, rank(&POWER_SUFFIXES).unwrap_or(POWER_SUFFIXES.len()), watts)),
        Quantity::Energy(kwh) if quantity::is_counter(sensor) => Some((1, rank(&ENERGY_SUFFIXES).unwrap_or(ENERGY_SUFFIXES.len()), kwh)),
        Quantity::Unsaid if names::hints_at_energy(object) || sensor.device_class.as_deref() == Some("energy") => {
            Some((1, rank(&ENERGY_SUFFIXES)?, if object.ends_with("_wh") { 1e-3 } else { 1.0 }))
        }
        Quantity::Unsaid => Some((0, rank(&POWER_SUFFIXES)?, 1.0)),
        _ => None,
    }
}

/// The surest; `None` where only the device tells and several are alike.
fn best(mut offers: Vec<Offer<'_>>) -> Option<Offer<'_>> {
    offers.sort_by(|a, b| (a.by, a.rank, &a.sensor.entity_id).cmp(&(b.by, b.rank, &b.sensor.entity_id)));
    let alike = offers.len() > 1 && offers[0].by == By::Device && offers[0].rank == offers[1].rank;
    if alike { None } else { offers.into_iter().next() }
}

fn watts(offer: &Offer<'_>) -> Series {
    let readings = &offer.sensor.readings;
    let scaled = Series { at_ms: readings.at_ms.clone(), value: readings.value.iter().map(|v| v * offer.factor).collect() };
    match Expression::sum(&[&offer.sensor.entity_id]) {
        Some(plain) => align::evaluate(&plain, vec![scaled]).0,
        None => scaled,
    }
}

/// The names of devices that a sensor may be called after, the longest first: `kettle` of `kettle_power`, `kettle_2` of
/// `kettle_power_2`.
fn stems(object: &str) -> Vec<String> {
    let (object, number) = without_number(object);
    let mut stems: Vec<String> = POWER_SUFFIXES
        .iter()
        .chain(&ENERGY_SUFFIXES)
        .filter_map(|suffix| ends_with(object, suffix))
        .map(|stem| format!("{stem}{number}"))
        .collect();
    stems.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    stems.dedup();
    stems
}

/// What stands before `_suffix`.
fn ends_with<'a>(object: &'a str, suffix: &str) -> Option<&'a str> {
    object.strip_suffix(suffix)?.strip_suffix('_').filter(|stem| !stem.is_empty())
}

/// Splits off the `_2` by which Home Assistant tells equal names apart.
fn without_number(object: &str) -> (&str, &str) {
    let name = object.trim_end_matches(|c: char| c.is_ascii_digit());
    match name.strip_suffix('_') {
        Some(before) if name.len() < object.len() => (before, &object[before.len()..]),
        _ => (object, ""),
    }
}

/// Without a word that says only that it is switched.
fn short(name: &str) -> &str {
    GENERIC.iter().find_map(|word| name.strip_suffix(word)).unwrap_or(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
#[path = "metered_tests.rs"]
mod tests;
