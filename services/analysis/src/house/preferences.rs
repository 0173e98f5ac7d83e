//! The house as Home Assistant's Energy dashboard was told.
//!
//! Signs are those of Home Assistant (`homeassistant/components/energy/data.py`): the power of the grid is positive when the
//! house takes from it, the power of a battery is **positive when it discharges**. With Home Assistant's signs the house is
//! therefore `grid + solar + battery`; that is `grid + solar - battery` with a battery counted positive while it charges.

use wattribute_domain::{EnergyPreferences, History, Sensor};

use super::{
    Choice, align, behaviour, counter,
    expression::Expression,
    names,
    quantity::{self, Quantity},
    sensor,
};

/// A sensor of production that is silent for more than this share of the time costs more than it tells.
const MOST_SILENT: f64 = 0.2;
/// How far the energy of a power sensor may be from that of the counters.
const AGREES: f64 = 0.25;

/// The power of the grid with that of sun and batteries; `None` where the dashboard names no power or not all of it is there.
/// `notes` says what had to be left out.
pub(super) fn power(history: &History, notes: &mut Vec<String>) -> Option<Choice> {
    let told = history.energy_preferences.as_ref().filter(|told| !told.grid_power.is_empty())?;
    let grid: Vec<&Sensor> = told.grid_power.iter().filter_map(|id| power_sensor(history, id)).collect();
    if grid.len() < told.grid_power.len() {
        let missing = told.grid_power.iter().find(|id| power_sensor(history, id).is_none());
        notes.extend(missing.map(|id| format!("the Energy dashboard's grid power {id} is not in the history")));
        return None;
    }
    let mut ids: Vec<&str> = distinct(grid.iter().map(|s| s.entity_id.as_str()));
    let instants = align::instants(grid.iter().map(|s| &s.readings), 300);
    for id in distinct(told.solar_power.iter().chain(&told.battery_power).map(String::as_str)) {
        let Some(more) = power_sensor(history, id) else {
            notes.push(format!("the Energy dashboard's {id} is not in the history: what it gives or takes hides what the house draws"));
            continue;
        };
        let silent = instants.iter().filter(|&&at_ms| more.readings.at(at_ms).is_none()).count() as f64 / instants.len().max(1) as f64;
        if silent > MOST_SILENT {
            notes.push(format!("{id} is left out of the house's power: it is silent for {:.0} % of the time", 100.0 * silent));
        } else if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Some(Choice {
        expression: Expression::sum(&ids)?,
        why: "Home Assistant's Energy dashboard is set up with it".to_owned(),
        candidates: Vec::new(),
        notes: Vec::new(),
    })
}

/// A sensor of power that agrees with the dashboard's counters of the grid (with or without the sun): it tells more than they do.
pub(super) fn power_behind_counters(history: &History) -> Option<Choice> {
    let told = history.energy_preferences.as_ref()?;
    let (mean_grid_w, mean_house_w) = (mean_w(history, told, false), mean_w(history, told, true));
    let usual = names::USUAL_POWER.iter().map(|id| vec![(*id).to_owned()]);
    let found = usual.chain(behaviour::rank(history).into_iter().map(|candidate| candidate.ids)).find_map(|ids| {
        let sensors: Vec<&Sensor> = ids.iter().filter_map(|id| power_sensor(history, id)).collect();
        let instants = align::instants(sensors.iter().map(|s| &s.readings), 500);
        let watts = |s: &&Sensor| match Quantity::said(s) {
            Quantity::Power(watts) => watts,
            _ => quantity::rough_watts(s),
        };
        let sum_at = |&at_ms: &i64| sensors.iter().map(|s| s.readings.at(at_ms).map(|v| v * watts(s))).sum::<Option<f64>>();
        let at: Vec<f64> = instants.iter().filter_map(sum_at).collect();
        let own_w = at.iter().sum::<f64>() / at.len().max(1) as f64;
        let agrees = |by_counters_w: Option<f64>| by_counters_w.is_some_and(|w| w.abs() > 1.0 && (own_w - w).abs() <= AGREES * w.abs());
        (sensors.len() == ids.len() && !at.is_empty() && (agrees(mean_house_w) || agrees(mean_grid_w))).then_some(ids)
    })?;
    let ids: Vec<&str> = found.iter().map(String::as_str).collect();
    let notes = if let [id] = ids[..] { super::solar_note(history, id) } else { None };
    Some(Choice {
        expression: Expression::sum(&ids)?,
        why: "its energy agrees with the meters that Home Assistant's Energy dashboard is set up with".to_owned(),
        candidates: Vec::new(),
        notes: notes.into_iter().collect(),
    })
}

/// The dashboard's counters: import and sun, less export.
pub(super) fn counters(history: &History, notes: &mut Vec<String>) -> Option<Choice> {
    let told = history.energy_preferences.as_ref()?;
    let import: Vec<&str> = distinct(told.grid_import_energy.iter().map(String::as_str));
    if import.is_empty() || import.iter().any(|id| energy_sensor(history, id).is_none()) {
        return None;
    }
    let there = |ids: &[String], notes: &mut Vec<String>, means: &str| -> Vec<String> {
        let (there, missing): (Vec<_>, Vec<_>) = ids.iter().cloned().partition(|id| energy_sensor(history, id).is_some());
        notes.extend(missing.iter().map(|id| format!("the Energy dashboard's {id} is not in the history: {means}")));
        there
    };
    let solar = there(&told.solar_energy, notes, "what the sun gives hides what the house draws");
    let export = there(&told.grid_export_energy, notes, "what is exported counts as used");
    let gain: Vec<&str> = distinct(import.into_iter().chain(solar.iter().map(String::as_str)));
    Some(Choice {
        expression: Expression::sum(&gain)?.less(&distinct(export.iter().map(String::as_str))),
        why: "Home Assistant's Energy dashboard is set up with these counters, and no sensor shows the power behind them".to_owned(),
        candidates: Vec::new(),
        notes: Vec::new(),
    })
}

/// Mean power by the counters, W: of the grid, or with the sun of the house. `None` where one of them is not there.
fn mean_w(history: &History, told: &EnergyPreferences, with_sun: bool) -> Option<f64> {
    let sum_w = |ids: &[String]| {
        ids.iter()
            .map(|id| {
                let sensor = energy_sensor(history, id)?;
                let Quantity::Energy(kwh) = Quantity::said(sensor) else { return None };
                let (first, last) = (sensor.readings.at_ms.first()?, sensor.readings.at_ms.last()?);
                let hours = (last - first) as f64 / 3.6e6;
                let counted_kwh = counter::energy_kwh(&sensor.readings, kwh, quantity::may_fall(sensor))?;
                Some(if hours > 0.0 { counted_kwh * 1000.0 / hours } else { 0.0 })
            })
            .sum::<Option<f64>>()
    };
    if told.grid_import_energy.is_empty() {
        return None;
    }
    let sun_w = if with_sun { sum_w(&told.solar_energy)? } else { 0.0 };
    Some(sum_w(&told.grid_import_energy)? - sum_w(&told.grid_export_energy)? + sun_w)
}

fn power_sensor<'a>(history: &'a History, id: &str) -> Option<&'a Sensor> {
    let is_power = |s: &&Sensor| matches!(Quantity::said(s), Quantity::Power(_) | Quantity::ApparentPower(_) | Quantity::Unsaid);
    sensor(history, id).filter(is_power).filter(|s| s.readings.value.iter().any(|v| v.is_finite()))
}

fn energy_sensor<'a>(history: &'a History, id: &str) -> Option<&'a Sensor> {
    let is_energy = |s: &&Sensor| matches!(Quantity::said(s), Quantity::Energy(_) | Quantity::Unsaid);
    sensor(history, id).filter(is_energy).filter(|s| s.readings.value.iter().any(|v| v.is_finite()))
}

/// Each id once, in order of the alphabet, so that the order in the dashboard does not matter.
fn distinct<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
