//! The whole engine in order: what `analyze` runs over a file.

use super::energy::{Load, loads};
use super::events::Events;
use super::grid::Grid;
use super::hours::{EnergyOfHour, hours};
use super::meter::{Meter, Ways};
use super::owner::{self, Owner};
use super::power::{Powers, solve_steps};
use super::response;
use super::steps::{Cluster, Contrast, Mark};
use super::units::{Unit, marks, units};
use super::verdict::{Estimate, estimate, events_used, strength, top, verdict};
use crate::live::Model;
use rayon::prelude::*;
use wattribute_domain::{Correlation, CorrelationVerdict, DeviceProfile, Entity, LevelProfile, Series, Verdict};

/// What was learned from one meter.
pub struct Learned {
    /// One profile per entity, in the order of the entities; costs are not filled in.
    pub profiles: Vec<DeviceProfile>,
    /// Every state change, in order of time.
    pub correlations: Vec<Correlation>,
    /// Usual time between readings, s.
    pub interval_s: f64,
    /// How long after a switch the meter follows, s.
    pub lag_s: Option<f64>,
    /// Noise of a reading, W.
    pub noise_w: f64,
    /// Loads below this are hard to tell, W.
    pub smallest_load_w: f64,
    /// Energy that the units explain, kWh; a group counts once.
    pub explained_kwh: f64,
    /// The house in equal steps.
    pub grid: Grid,
    /// Energy of each entity per hour; of a group, under its first member.
    pub hours: Vec<EnergyOfHour>,
    /// What live correlation needs.
    pub model: Model,
    /// What the owner should know of what was said, a sentence each.
    pub notes: Vec<String>,
}

/// Learns what `entities` draw from the house's power in W, as a meter tells it that reports no oftener than every `interval_s`: where
/// something was subtracted, there are more rows than readings. What the owner says is not learned.
pub fn learn(power: &Series, entities: &[Entity], interval_s: f64, owner: &Owner) -> Learned {
    let mut meter = Meter::new(power);
    let heard = |(k, entity): (usize, &Entity)| if owner.has_no_load(k) { Events::default() } else { Events::of(entity) };
    let events: Vec<Events> = entities.par_iter().enumerate().map(heard).collect();
    let domains: Vec<&str> = entities.iter().map(Entity::domain).collect();
    let units = units(events, &domains, owner);
    let marks = marks(&units);
    if response::is_still(&meter, &marks) {
        let said_s = meter.interval_s;
        meter = Meter::of_ways(power, Ways::default());
        meter.interval_s = meter.interval_s.min(said_s);
    }
    meter.interval_s = response::interval_s(&meter, &marks).max(interval_s);
    let guards = response::guards(&meter, &marks);
    let powers = solve_steps(&meter, &units, guards);
    let lag_s = response::lag(&meter, &units, &powers);
    let grid = Grid::new(&meter, lag_s.unwrap_or(meter.interval_s).clamp(-10.0, 3.0 * meter.interval_s + 60.0));
    let end_ms = power.at_ms.last().copied().unwrap_or_default();
    let loads = loads(&grid, &units, &powers, end_ms);
    let tops: Vec<Option<Estimate>> = units.iter().map(|u| top(u, &powers).map(|t| t.1)).collect();
    let strengths: Vec<f64> =
        units.par_iter().zip(&tops).map(|(u, t)| t.map_or(0.0, |t| strength(&meter, u, &powers, powers.windows, t.power_w))).collect();
    let mut profiles: Vec<Option<DeviceProfile>> = vec![None; entities.len()];
    let (mut explained_kwh, mut notes) = (0.0, Vec::new());
    let inseparable = owner.inseparable(&units, &powers);
    for (k, unit) in units.iter().enumerate() {
        let used = events_used(k, &powers);
        let mut profile = profile(unit, entities, &powers, &loads[k], tops[k], (used, strengths[k]));
        if inseparable.iter().any(|&(a, b)| a == k || b == k) {
            owner::abstain(&mut profile);
        }
        if unit.members.iter().any(|&member| owner.has_load(member)) {
            profile.state_some_load();
        }
        explained_kwh += profile.energy_kwh.unwrap_or(0.0);
        for &member in &unit.members {
            let entity = &entities[member];
            profiles[member] = Some(DeviceProfile {
                entity_id: entity.entity_id.clone(),
                name: entity.name.clone().unwrap_or_else(|| entity.entity_id.clone()),
                grouped_with: unit.members.iter().filter(|m| **m != member).map(|&m| entities[m].entity_id.clone()).collect(),
                ..profile.clone()
            });
        }
        let first = profiles[unit.members[0]].as_mut();
        if let Some(first) = first.filter(|_| owner.has_no_load(unit.members[0])) {
            *first = owner::no_load(&entities[unit.members[0]], first, end_ms);
        } else if let Some(first) = profiles[unit.members[0]].as_ref() {
            notes.extend(owner::contradiction(unit, k, &powers, first));
        }
    }
    for (a, b) in inseparable {
        let name = |unit: usize| profiles[units[unit].members[0]].as_ref().map_or("", |profile| &profile.name);
        notes.push(format!("{} and {} are hardly ever switched apart: what each of them draws cannot be told.", name(a), name(b)));
    }
    let hours = hours(&grid, &units, &loads, &profiles);
    let mut errors: Vec<f64> =
        units.iter().zip(&tops).filter(|(u, _)| u.stated_w.is_none()).flat_map(|(_, t)| t).map(|t| t.error_w).collect();
    let smallest_load_w = super::meter::quantile(&mut errors, 0.5).map_or(0.0, |e| e / super::verdict::TELL).max(1.0);
    Learned {
        profiles: profiles.into_iter().flatten().collect(),
        correlations: correlations(&units, &powers),
        model: Model::new(&meter, &units, &powers, entities, owner),
        notes,
        hours,
        interval_s: meter.interval_s,
        lag_s,
        noise_w: meter.noise_w,
        smallest_load_w,
        explained_kwh,
        grid,
    }
}

/// What is known of a unit.
fn profile(
    unit: &Unit,
    entities: &[Entity],
    powers: &Powers,
    load: &Load,
    top: Option<Estimate>,
    (used, strength): (usize, f64),
) -> DeviceProfile {
    let verdict = verdict(unit, load, top, used, strength);
    let switches_alike = top.is_some_and(|t| t.is_told()) && strength >= 0.9 && load.agreement >= 0.75;
    let told = matches!(verdict, Verdict::Learned | Verdict::Grouped) || verdict == Verdict::Varies && switches_alike;
    let entity = &entities[unit.members[0]];
    let mut levels = Vec::new();
    for mode in &unit.curve.modes {
        let has_fraction = mode.knots.len() > 1 || mode.knots.iter().any(|&k| k < 0.996);
        for &knot in &mode.knots {
            let e = estimate(mode, knot, powers);
            let tell = told && e.is_told();
            levels.push(LevelProfile {
                mode: entity.modes.get(usize::from(mode.mode)).cloned().unwrap_or_default(),
                fraction: has_fraction.then_some(round(f64::from(knot), 3)),
                power_w: tell.then(|| round(e.power_w, 2)),
                power_low_w: tell.then(|| round(e.low_w(), 2)),
                power_high_w: tell.then(|| round(e.high_w(), 2)),
            });
        }
    }
    let energy_told = !matches!(verdict, Verdict::TooSmall | Verdict::NotEnoughEvents);
    let nothing = verdict == Verdict::NoLoad;
    let energy_kwh = if nothing { 0.0 } else { load.energy_kwh };
    let spread_kwh = if nothing { 0.0 } else { 1.645 * load.error_kwh };
    let energy = |kwh: f64| energy_told.then(|| round(kwh.max(0.0), 4));
    let mut profile = DeviceProfile {
        entity_id: String::new(),
        name: String::new(),
        power_w: if nothing { Some(0.0) } else { top.filter(|_| told).map(|t| round(t.power_w, 2)) },
        power_low_w: if nothing { Some(0.0) } else { top.filter(|_| told).map(|t| round(t.low_w(), 2)) },
        power_high_w: top.filter(|_| told || matches!(verdict, Verdict::NoLoad | Verdict::TooSmall)).map(|t| round(t.high_w(), 2)),
        energy_kwh: energy(energy_kwh),
        energy_low_kwh: energy(energy_kwh - spread_kwh),
        energy_high_kwh: energy(energy_kwh + spread_kwh),
        cost: None,
        measured_energy_kwh: None,
        levels,
        events_used: used as u32,
        events_total: unit.events.changes.len() as u32,
        times_on: load.runs.len() as u32,
        hours_on: round(load.hours(), 2),
        strength: round(strength, 3),
        grouped_with: Vec::new(),
        verdict,
    };
    if let Some(power_w) = unit.stated_w {
        profile.state(power_w);
    }
    profile
}

/// Every state change with the step around it.
fn correlations(units: &[Unit], powers: &Powers) -> Vec<Correlation> {
    let mut explained = vec![0.0; powers.clusters.len()];
    for e in &powers.equations {
        explained[e.cluster as usize] = e.explained_w(&powers.solution.parameters);
    }
    join(units, &powers.marks, &powers.clusters, &powers.contrasts, &explained, powers.floor_w)
}

/// Joins every change with the step around its cluster.
pub fn join(
    units: &[Unit],
    marks: &[Mark],
    clusters: &[Cluster],
    contrasts: &[Option<Contrast>],
    explained_w: &[f64],
    floor_w: f64,
) -> Vec<Correlation> {
    let mut out = Vec::with_capacity(marks.len());
    for (k, cluster) in clusters.iter().enumerate() {
        let contrast = contrasts[k].as_ref();
        let verdict = match contrast {
            None => CorrelationVerdict::NoData,
            Some(_) if cluster.marks.len() > 1 => CorrelationVerdict::Overlapping,
            Some(c) if c.error_w > floor_w.max(5.0) && c.error_w > 0.3 * c.step_w().abs() => CorrelationVerdict::Noisy,
            Some(_) => CorrelationVerdict::Clean,
        };
        for mark in &marks[cluster.marks.clone()] {
            let unit = &units[mark.unit as usize];
            let change = &unit.events.changes[mark.change as usize];
            out.push(Correlation {
                at_ms: change.at_ms,
                entity: unit.members[0] as u32,
                from: change.from,
                to: change.to,
                power_before_w: contrast.map_or(f64::NAN, |c| c.before_w),
                power_after_w: contrast.map_or(f64::NAN, |c| c.after_w),
                standard_error_w: contrast.map_or(f64::NAN, |c| c.error_w),
                verdict,
                explained_w: explained_w[k],
            });
        }
    }
    out
}

/// Rounds to `digits` decimals: what is told is not more exact than that, and reads better.
pub fn round(x: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (x * scale).round() / scale
}
