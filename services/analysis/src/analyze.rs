//! From a history to an answer.

use std::collections::{BTreeMap, BTreeSet};

use wattribute_domain::{Answer, DeviceProfile, Entity, History, MeterReport, Series, Verdict};

use crate::attribution::hours::{EnergyOfHour, of_power as energy_by_hour};
use crate::attribution::learn::{Learned, learn, round};
use crate::attribution::meter::{Meter, quantile};
use crate::attribution::owner::Owner;
use crate::house::{self, House, Metered};
use crate::long_term::long_term;
use crate::{Analysis, AnalysisError, Settings, rollup};

/// Learns what each device draws.
///
/// # Errors
///
/// [`AnalysisError::NoMeter`] and [`AnalysisError::BadMeter`] where no meter is found or the one named cannot be used, [`AnalysisError::NoEvents`] where the meter
/// has no readings or nothing was ever switched.
pub fn analyze(mut history: History, settings: &Settings) -> Result<Analysis, AnalysisError> {
    let mut house = house::find(&mut history, settings.meter.as_deref(), settings.meter_unit.as_deref())?;
    clip(&mut house.power, settings.from_ms, settings.to_ms);
    let stray = drop_strays(&mut house.power);
    if stray > 0 {
        house.notes.push(format!("{stray} readings of the meter are months away from all others and were left out: a clock was wrong."));
    }
    let (Some(&from_ms), Some(&to_ms)) = (house.power.at_ms.first(), house.power.at_ms.last()) else {
        return Err(AnalysisError::NoEvents(format!(
            "{} has no readings in the time that was asked for; widen --from and --to",
            house.label
        )));
    };
    if house.power.len() < 10 {
        return Err(AnalysisError::NoEvents(format!(
            "{} has only {} different readings; a meter that reports at least every minute, over some days, is needed",
            house.label,
            house.power.len()
        )));
    }
    let mut metered = house::metered(&history, &house);
    let mut entities = std::mem::take(&mut history.entities);
    if entities.iter().all(|e| e.said.len() < 2) {
        return Err(AnalysisError::NoEvents(
            "nothing that switches a load changes in this history: switches, lights, fans, climate, media players and the like are needed"
                .to_owned(),
        ));
    }
    for entity in &mut entities {
        trim(entity, from_ms, to_ms);
        if let Some(name) = settings.owner.get(&entity.entity_id).and_then(|word| word.name.as_ref()) {
            entity.name = Some(name.clone());
        }
    }
    let mut notes = std::mem::take(&mut house.notes);
    let owner = Owner::of(&settings.owner, &entities);
    // Who says what a device draws says that it is not what this sensor measures.
    for m in metered.extract_if(.., |m| owner.says_power(m.entity)) {
        notes.push(format!("{} is not taken for the meter of {}, of which you say what it draws.", m.sensor, entities[m.entity].entity_id));
    }
    let before = long_term(&history.statistics, &house.label, from_ms, settings.time_zone);
    notes.extend(before.map(|b| b.note(&house.label, settings.time_zone)));
    let learned = learn_beside_metered(&house, &entities, &metered, &owner, &mut notes);
    let sensors = metered.into_iter().map(|m| (m.entity, m.sensor)).collect();
    let names: Vec<(String, Vec<String>)> = entities.into_iter().map(|e| (e.entity_id, e.modes)).collect();
    let mut analysis = answer(learned, house, settings, names, sensors, notes);
    analysis.answer.baseline_w = analysis.answer.baseline_w.or(before.and_then(|b| b.baseline_w).map(|w| round(w, 1)));
    Ok(analysis)
}

/// What was learned, of metered entities and of the others.
struct Both {
    learned: Learned,
    /// Energy of the house and seconds of silence.
    house_kwh: f64,
    gap_s: f64,
}

/// Learns all entities; where some have meters of their own, those are subtracted before the others are learned, and keep what was
/// learned of them from the whole house beside what they measured.
fn learn_beside_metered(house: &House, entities: &[Entity], metered: &[Metered], owner: &Owner, notes: &mut Vec<String>) -> Both {
    let mut learned = learn(&house.power, entities, 0.0, owner);
    let (house_kwh, gap_s) = integral(&house.power);
    let mut measured_kwh = 0.0;
    if !metered.is_empty() {
        let (seen, unseen): (Vec<&Metered>, Vec<&Metered>) = metered.iter().partition(|m| is_part_of(&house.power, m));
        for m in &unseen {
            notes.push(format!("{} does not show in {}: it is not counted as a part of it.", m.sensor, house.label));
        }
        let rest = less(&house.power, &seen);
        let mut others: Vec<Entity> = entities.to_vec();
        for m in &seen {
            others[m.entity].said.clear();
        }
        let of_rest = learn(&rest, &others, learned.interval_s, owner);
        let from_whole = std::mem::replace(&mut learned, of_rest);
        // What draws something by itself: of a group with one of these only the sum was learned. Helpers and twins draw nothing.
        let told = learned.profiles.iter().filter(|p| p.power_w.is_some_and(|w| w > 0.0)).map(|p| p.entity_id.clone());
        let loads: BTreeSet<String> = told.chain(seen.iter().map(|m| entities[m.entity].entity_id.clone())).collect();
        for m in seen {
            let mut profile = from_whole.profiles[m.entity].clone();
            let kwh = m.energy_kwh.or_else(|| m.power.as_ref().map(|p| integral(p).0));
            measured_kwh += kwh.unwrap_or(0.0);
            profile.measured_energy_kwh = kwh.map(|k| round(k, 4));
            profile.energy_kwh = profile.energy_kwh.or(profile.measured_energy_kwh);
            profile.verdict = Verdict::Measured;
            if profile.grouped_with.iter().any(|id| loads.contains(id)) {
                forget_sum(&mut profile);
            }
            learned.hours.retain(|h| h.entity != m.entity);
            let hours = m.power.as_ref().map(energy_by_hour).unwrap_or_default();
            let of = |(hour_ms, energy_kwh)| EnergyOfHour { entity: m.entity, hour_ms, energy_kwh, estimated: false };
            learned.hours.extend(hours.into_iter().map(of));
            profile.grouped_with.clear();
            learned.profiles[m.entity] = profile;
        }
        learned.explained_kwh += measured_kwh;
        learned.correlations = from_whole.correlations;
        (learned.interval_s, learned.lag_s) = (from_whole.interval_s, from_whole.lag_s);
        (learned.grid, learned.model) = (from_whole.grid, from_whole.model);
        learned.hours.sort_by_key(|h| (h.entity, h.hour_ms));
    }
    notes.append(&mut learned.notes);
    Both { learned, house_kwh, gap_s }
}

/// Leaves what a metered device measured: what was learned is of a group.
fn forget_sum(metered: &mut DeviceProfile) {
    (metered.power_w, metered.power_low_w, metered.power_high_w) = (None, None, None);
    for level in &mut metered.levels {
        (level.power_w, level.power_low_w, level.power_high_w) = (None, None, None);
    }
    metered.energy_kwh = metered.measured_energy_kwh;
    (metered.energy_low_kwh, metered.energy_high_kwh) = (None, None);
}

fn answer(
    both: Both,
    house: House,
    settings: &Settings,
    names: Vec<(String, Vec<String>)>,
    metered: Vec<(usize, String)>,
    notes: Vec<String>,
) -> Analysis {
    let house_hours = energy_by_hour(&house.power);
    let Both { learned, house_kwh, gap_s } = both;
    let cost = |kwh: Option<f64>| kwh.zip(settings.price_per_kwh).map(|(k, p)| round(k * p, 4));
    let mut devices: Vec<DeviceProfile> = learned.profiles;
    for device in &mut devices {
        device.cost = cost(device.measured_energy_kwh.or(device.energy_kwh));
    }
    let energy = |d: &DeviceProfile| d.measured_energy_kwh.or(d.energy_kwh).unwrap_or(-1.0);
    devices.sort_by(|a, b| energy(b).total_cmp(&energy(a)).then_with(|| a.entity_id.cmp(&b.entity_id)));
    let (from_ms, to_ms) = (house.power.at_ms[0], house.power.at_ms[house.power.len() - 1]);
    let answer = Answer {
        meter: MeterReport {
            entity_id: house.label,
            interval_s: round(learned.interval_s, 2),
            lag_s: learned.lag_s.map(|l| round(l, 1)),
            noise_w: round(learned.noise_w, 2),
            smallest_load_w: round(learned.smallest_load_w, 1),
            why: house.why,
            candidates: house.candidates,
        },
        from: rollup::rfc3339(from_ms),
        to: rollup::rfc3339(to_ms),
        time_zone: settings.time_zone.name().to_owned(),
        house_kwh: round(house_kwh, 3),
        gap_hours: round(gap_s / 3600.0, 2),
        baseline_w: rollup::baseline_w(&learned.grid, settings.time_zone).map(|w| round(w, 1)),
        unexplained_kwh: round(house_kwh - learned.explained_kwh, 3),
        currency: settings.currency.clone(),
        price_per_kwh: settings.price_per_kwh,
        devices,
        notes,
    };
    Analysis {
        answer,
        entities: names,
        correlations: learned.correlations,
        hours: learned.hours,
        house_hours,
        metered,
        model: learned.model,
    }
}

/// Leaves out the few readings at either end that lie more than two months from the next: a clock was wrong when they were written, and
/// holding them would stretch the history over years. Returns how many.
fn drop_strays(series: &mut Series) -> usize {
    const FEW: usize = 5;
    const MONTHS_MS: i64 = 60 * 86_400_000;
    let n = series.len();
    let apart = |k: usize| series.at_ms[k + 1] - series.at_ms[k] > MONTHS_MS;
    let ends = FEW.min(n / 2);
    let first = (0..ends).rev().find(|&k| apart(k)).map_or(0, |k| k + 1);
    let last = (n - ends..n).find(|&k| k > 0 && apart(k - 1)).unwrap_or(n);
    if last < n {
        series.at_ms.truncate(last);
        series.value.truncate(last);
    }
    series.at_ms.drain(..first);
    series.value.drain(..first);
    first + n - last
}

/// Keeps what lies in `[from, to)`.
fn clip(series: &mut Series, from_ms: Option<i64>, to_ms: Option<i64>) {
    if let Some(to) = to_ms {
        let n = series.at_ms.partition_point(|&t| t < to);
        series.at_ms.truncate(n);
        series.value.truncate(n);
    }
    if let Some(from) = from_ms {
        let n = series.at_ms.partition_point(|&t| t <= from).saturating_sub(1);
        series.at_ms.drain(..n);
        series.value.drain(..n);
        if let Some(first) = series.at_ms.first_mut() {
            *first = (*first).max(from);
        }
    }
}

/// Keeps what an entity said while the meter was there, and what it was at when that began.
fn trim(entity: &mut Entity, from_ms: i64, to_ms: i64) {
    let first = entity.said.partition_point(|s| s.at_ms <= from_ms).saturating_sub(1);
    let last = entity.said.partition_point(|s| s.at_ms <= to_ms);
    entity.said.truncate(last);
    entity.said.drain(..first.min(entity.said.len()));
    if let Some(said) = entity.said.first_mut() {
        said.at_ms = said.at_ms.max(from_ms);
    }
}

/// Energy in kWh over the time a series of W speaks, and the seconds it is silent for.
fn integral(power: &Series) -> (f64, f64) {
    let (mut joules, mut gap_s) = (0.0, 0.0);
    for (times, &w) in power.at_ms.windows(2).zip(&power.value) {
        let seconds = (times[1] - times[0]) as f64 / 1000.0;
        if w.is_finite() { joules += w * seconds } else { gap_s += seconds }
    }
    (joules / 3.6e6, gap_s)
}

/// Whether the steps of a device's own sensor show in the house's meter: the median ratio of both is near one.
fn is_part_of(house: &Series, metered: &Metered) -> bool {
    let Some(power) = &metered.power else { return true };
    let meter = Meter::new(house);
    let margin_ms = ((meter.interval_s + 12.0) * 1000.0) as i64;
    let (mut ratios, mut scratch) = (Vec::new(), Vec::new());
    for k in 1..power.len() {
        let step = power.value[k] - power.value[k - 1];
        let at = power.at_ms[k];
        let calm = at - power.at_ms[k - 1] > 2 * margin_ms && power.at_ms.get(k + 1).is_none_or(|&n| n - at > 2 * margin_ms);
        if step.abs() < (10.0 * meter.noise_w).max(30.0) || !calm {
            continue;
        }
        let before = meter.window(at - 2 * margin_ms, at - margin_ms, &mut scratch);
        let after = meter.window(at + margin_ms, at + 2 * margin_ms, &mut scratch);
        if let (Some(b), Some(a)) = (before, after) {
            ratios.push((a.median_w - b.median_w) / step);
        }
        if ratios.len() >= 300 {
            break;
        }
    }
    ratios.len() < 6 || quantile(&mut ratios, 0.5).is_none_or(|r| (0.5..1.5).contains(&r))
}

/// The house less what metered devices say they draw; where one of those is silent it counts as nothing.
fn less(house: &Series, metered: &[&Metered]) -> Series {
    let mut changes: BTreeMap<i64, f64> = BTreeMap::new();
    for power in metered.iter().filter_map(|m| m.power.as_ref()) {
        let mut held = 0.0;
        for (&at, &w) in power.at_ms.iter().zip(&power.value) {
            let now = if w.is_finite() { w } else { 0.0 };
            *changes.entry(at).or_default() += now - held;
            held = now;
        }
    }
    let mut out = Series::default();
    let mut changes = changes.into_iter().peekable();
    let mut drawn = 0.0;
    for (k, (&at, &w)) in house.at_ms.iter().zip(&house.value).enumerate() {
        while let Some((_, change)) = changes.next_if(|c| c.0 <= at) {
            drawn += change;
        }
        out.push(at, w - drawn);
        let next = house.at_ms.get(k + 1).copied().unwrap_or(at);
        while let Some((when, change)) = changes.next_if(|c| c.0 < next) {
            drawn += change;
            out.push(when, w - drawn);
        }
    }
    out.normalise();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattribute_domain::{Level, OwnerWords, Said, Sensor};

    #[test]
    fn readings_of_a_wrong_clock_do_not_stretch_the_history() {
        let day = 86_400_000;
        let mut series = Series::default();
        series.push(5 * day, 7.0); // 1970
        (0..100).for_each(|k| series.push(20_000 * day + k * 10_000, k as f64));
        series.push(60_000 * day, 9.0); // 2134
        assert_eq!(drop_strays(&mut series), 2);
        assert_eq!((series.len(), series.at_ms[0], series.value[99]), (100, 20_000 * day, 99.0));
        assert_eq!(drop_strays(&mut series), 0);
    }

    /// Two days of a 10 s meter; what is `on` is so for 20 min, 50 min apart.
    const END_S: i64 = 2 * 86_400;

    fn is_on(at_s: i64) -> bool {
        at_s % 3000 >= 1800
    }

    fn entity(entity_id: &str) -> Entity {
        let mut entity = Entity::new(entity_id);
        entity.mode("on");
        let level = |at_s| if is_on(at_s) { Level { mode: 1, fraction: 1.0 } } else { Level::off() };
        entity.said = (0..END_S).step_by(600).map(|at_s| Said { at_ms: at_s * 1000, level: Some(level(at_s)) }).collect();
        entity
    }

    fn sensor(entity_id: &str, every_s: usize, power_w: impl Fn(i64) -> f64) -> Sensor {
        let mut readings = Series::default();
        (0..END_S).step_by(every_s).for_each(|at_s| readings.push(at_s * 1000, power_w(at_s)));
        Sensor { entity_id: entity_id.to_owned(), unit: Some("W".to_owned()), readings, ..Sensor::default() }
    }

    /// A kettle of 2000 W with a meter of its own, always together with `other`, which draws `other_w`.
    fn kettle_with(other: &str, other_w: f64) -> Answer {
        let on = |at_s: i64, w: f64| if is_on(at_s) { w } else { 0.0 };
        let house_w = |at_s: i64| 120.0 + (at_s / 10 % 7) as f64 + on(at_s - 3, 2000.0 + other_w);
        let history = History {
            sensors: vec![sensor("sensor.house_power", 10, house_w), sensor("sensor.kettle_power", 1, |at_s| on(at_s, 2000.0))],
            entities: vec![entity("switch.kettle"), entity(other)],
            ..History::default()
        };
        let settings = Settings {
            meter: Some("sensor.house_power".to_owned()),
            meter_unit: None,
            price_per_kwh: None,
            currency: None,
            time_zone: chrono_tz::UTC,
            from_ms: None,
            to_ms: None,
            owner: OwnerWords::new(),
        };
        analyze(history, &settings).unwrap().answer
    }

    fn device<'a>(answer: &'a Answer, entity_id: &str) -> &'a DeviceProfile {
        answer.devices.iter().find(|d| d.entity_id == entity_id).unwrap()
    }

    #[test]
    fn a_metered_device_keeps_its_power_beside_a_helper_that_goes_along() {
        let answer = kettle_with("input_boolean.kettle", 0.0);
        let kettle = device(&answer, "switch.kettle");
        assert_eq!(kettle.verdict, Verdict::Measured);
        assert!((kettle.power_w.unwrap() - 2000.0).abs() < 20.0 && kettle.grouped_with.is_empty(), "{kettle:?}");
        assert_eq!(device(&answer, "input_boolean.kettle").verdict, Verdict::NoLoad);
        assert!((answer.meter.interval_s - 10.0).abs() < 0.1, "more rows than readings: {:?}", answer.meter);
    }

    #[test]
    fn a_metered_device_is_not_given_the_power_of_what_is_always_on_with_it() {
        let answer = kettle_with("light.kitchen", 60.0);
        let (kettle, light) = (device(&answer, "switch.kettle"), device(&answer, "light.kitchen"));
        assert!(kettle.power_w.is_none() && kettle.grouped_with.is_empty(), "{kettle:?}");
        assert_eq!(kettle.energy_kwh, kettle.measured_energy_kwh);
        assert!((light.power_w.unwrap() - 60.0).abs() < 3.0 && light.grouped_with.is_empty(), "{light:?}");
    }
}
