//! The house's meter: which sensor it is, or which sum of sensors, and its power.

mod align;
mod behaviour;
mod by_counter;
mod counter;
mod expression;
mod metered;
mod names;
mod preferences;
mod quantity;

use wattribute_domain::{History, Sensor, Series};

use self::{expression::Expression, quantity::Quantity};
use crate::AnalysisError;

pub use metered::{Metered, metered};

/// The house's meter.
#[derive(Clone, Debug, PartialEq)]
pub struct House {
    /// Active power in W, import positive, as [`Series::normalise`] leaves it; `NaN` is a gap.
    pub power: Series,
    /// The entity, or the expression over entities, that is the house.
    pub label: String,
    /// Ids of the sensors in it.
    pub used: Vec<String>,
    /// Why this meter was taken, a sentence.
    pub why: String,
    /// Other sensors that could be the house's meter, best first; none where there is no doubt.
    pub candidates: Vec<String>,
    /// What the owner should know, a sentence each.
    pub notes: Vec<String>,
    /// The step of the counter, kWh, where power was derived from one (the coarsest of several).
    pub counter_resolution_kwh: Option<f64>,
}

/// Which sensors are the house, and why.
#[derive(Clone, Debug)]
struct Choice {
    expression: Expression,
    why: String,
    candidates: Vec<String>,
    notes: Vec<String>,
}

/// Finds the house's meter in `history` (in order of time, see [`History::normalise`]) and takes its readings out of it, without
/// a copy where it is one sensor of power.
///
/// What `meter` names (an entity, or an expression over entities), else the power that Home Assistant's Energy dashboard is set
/// up with, else a power sensor that agrees with the dashboard's counters, else a usual name, else those counters, else the power
/// sensor that behaves like a whole house, else a counter of energy. Counters come late because they cannot show short steps.
/// Sensors that do not say their unit are read in `meter_unit`, else in the unit that their values suggest.
///
/// # Errors
///
/// [`AnalysisError::BadMeter`] where `meter` or `meter_unit` cannot be used, [`AnalysisError::NoMeter`] where nothing is found.
pub fn find(history: &mut History, meter: Option<&str>, meter_unit: Option<&str>) -> Result<House, AnalysisError> {
    let given = meter_unit.map(given_unit).transpose()?;
    let choice = match meter {
        Some(text) => named(history, text)?,
        None => {
            let mut notes = Vec::new();
            let found = preferences::power(history, &mut notes)
                .or_else(|| preferences::power_behind_counters(history))
                .or_else(|| usual(history))
                .or_else(|| preferences::counters(history, &mut notes))
                .or_else(|| behaviour::choose(history))
                .or_else(|| by_counter::choose(history));
            let mut choice = found.ok_or_else(|| no_meter(history))?;
            choice.notes.splice(0..0, notes);
            choice
        }
    };
    read(history, choice, given)
}

fn given_unit(unit: &str) -> Result<Quantity, AnalysisError> {
    match Quantity::of_unit(unit) {
        Quantity::Other => {
            Err(AnalysisError::BadMeter(format!("--meter-unit {unit}: not a unit of power or energy, such as W, kW, Wh or kWh")))
        }
        quantity => Ok(quantity),
    }
}

/// What `--meter` says.
fn named(history: &History, text: &str) -> Result<Choice, AnalysisError> {
    let bad = |what: String| AnalysisError::BadMeter(format!("--meter {text}: {what}"));
    let expression = Expression::parse(text).map_err(|error| {
        let is_word = text.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        let like = similar(history, text).filter(|_| is_word).map_or(String::new(), |like| format!("; {like}"));
        bad(format!("{error}{like}"))
    })?;
    for id in &expression.ids {
        let Some(sensor) = sensor(history, id) else {
            let what = match history.entities.iter().any(|e| e.entity_id == *id) {
                true => format!("{id} is not a sensor of power or energy"),
                false => format!("there is no sensor {id} in the history"),
            };
            let like = similar(history, id).map_or(String::new(), |like| format!("; {like}"));
            return Err(bad(format!("{what}{like}; {}", power_sensors(history))));
        };
        if Quantity::said(sensor) == Quantity::Other {
            let unit = sensor.unit.as_deref().unwrap_or_default();
            return Err(bad(format!("{id} is in {unit}, which is neither power nor energy; {}", power_sensors(history))));
        }
        if !sensor.readings.value.iter().any(|v| v.is_finite()) {
            return Err(bad(format!("{id} never said a number; {}", power_sensors(history))));
        }
    }
    Ok(Choice { expression, why: "it was named with --meter".to_owned(), candidates: Vec::new(), notes: Vec::new() })
}

/// `did you mean …?`, where a sensor of power or energy looks like `id`.
fn similar(history: &History, id: &str) -> Option<String> {
    let known = history.sensors.iter().filter(|s| Quantity::said(s) != Quantity::Other).map(|s| s.entity_id.as_str());
    let like = names::nearest(&id.trim().to_ascii_lowercase(), known, 3);
    (!like.is_empty()).then(|| format!("did you mean {}?", like.join(" or ")))
}

fn power_sensors(history: &History) -> String {
    let mut ids: Vec<&str> = (history.sensors.iter())
        .filter(|s| {
            matches!(Quantity::said(s), Quantity::Power(_))
                || (Quantity::said(s) == Quantity::Unsaid && names::hints_at_power(&s.entity_id))
        })
        .map(|s| s.entity_id.as_str())
        .collect();
    ids.sort_unstable();
    format!("power sensors: {}", names::list(ids.into_iter(), 8))
}

fn sensor<'a>(history: &'a History, id: &str) -> Option<&'a Sensor> {
    history.sensors.iter().find(|s| s.entity_id == id)
}

/// The first of the usual names that is there, measures power and has readings.
fn usual(history: &History) -> Option<Choice> {
    let is_power = |s: &&Sensor| matches!(Quantity::said(s), Quantity::Power(_) | Quantity::Unsaid) && quantity::has_readings(&s.readings);
    let mut found = names::USUAL_POWER.iter().filter_map(|id| sensor(history, id)).filter(is_power);
    let first = &found.next()?.entity_id;
    Some(Choice {
        expression: Expression::sum(&[first])?,
        why: "its name is a usual one for the whole house's power".to_owned(),
        candidates: found.map(|s| s.entity_id.clone()).collect(),
        notes: solar_note(history, first).into_iter().collect(),
    })
}

/// How to learn the house and not the grid, where `id` goes negative and a sensor of the sun's power is there.
fn solar_note(history: &History, id: &str) -> Option<String> {
    if !quantity::sample(&sensor(history, id)?.readings, 2000).iter().any(|&v| v < 0.0) {
        return None;
    }
    let suns = history.sensors.iter().filter(|s| matches!(Quantity::said(s), Quantity::Power(_)) && names::hints_at_solar(&s.entity_id));
    let sun = &suns.min_by(|a, b| a.entity_id.cmp(&b.entity_id))?.entity_id;
    Some(format!("{id} goes below zero, so it shows the grid and not the house: --meter \"{id} + {sun}\" would show the house"))
}

fn no_meter(history: &History) -> AnalysisError {
    let sensors = match history.sensors.len() {
        0 => "there is no sensor of power or energy in the history".to_owned(),
        n => {
            let mut ids: Vec<&str> = history.sensors.iter().map(|s| s.entity_id.as_str()).collect();
            ids.sort_unstable();
            format!("none of the {n} sensors in the history looks like the whole house's ({})", names::list(ids.into_iter(), 5))
        }
    };
    AnalysisError::NoMeter(format!(
        "{sensors}; looked for the Energy dashboard's meters, for usual names ({}, …) and for what behaves like a house in W, kW or kWh: \
         name the meter with --meter, and see that Home Assistant's recorder does not leave it out",
        names::list(names::USUAL_POWER.into_iter().take(2), 2)
    ))
}

/// Takes the readings of `choice` out of `history` and makes power of them.
fn read(history: &mut History, choice: Choice, given: Option<Quantity>) -> Result<House, AnalysisError> {
    let Choice { expression, why, candidates, mut notes } = choice;
    let label = expression.to_string();
    let end_ms = history.sensors.iter().filter_map(|s| s.readings.at_ms.last()).max().copied().unwrap_or(i64::MIN);
    let several = expression.ids.len() > 1;
    let mut counter_resolution_kwh = None;
    let mut inputs = Vec::new();
    for id in &expression.ids {
        let Some(sensor) = history.sensors.iter_mut().find(|s| s.entity_id == *id) else { continue };
        sensor.readings.normalise();
        let quantity = match (Quantity::said(sensor), given) {
            (Quantity::Unsaid, Some(given)) => given,
            (Quantity::Unsaid, None) if expression.scales() => {
                notes.push(format!("{id} carries no unit: the expression is taken to give W"));
                Quantity::Power(1.0)
            }
            (Quantity::Unsaid, None) => {
                let (quantity, note) = Quantity::inferred(sensor);
                notes.push(note);
                quantity
            }
            (said, _) => said,
        };
        let mut readings = std::mem::take(&mut sensor.readings);
        inputs.push(match quantity {
            Quantity::Energy(kwh) => {
                let resolution_kwh = counter::resolution_kwh(&readings, kwh);
                if let Some(step_kwh) = resolution_kwh {
                    notes.push(counter::cost(id, &readings, step_kwh));
                }
                counter_resolution_kwh = resolution_kwh.into_iter().chain(counter_resolution_kwh).reduce(f64::max);
                counter::power(&readings, kwh, quantity::may_fall(sensor), if several { end_ms } else { i64::MIN })
            }
            Quantity::Power(watts) | Quantity::ApparentPower(watts) => {
                if matches!(quantity, Quantity::ApparentPower(_)) {
                    notes.push(format!(
                        "{id} is apparent power (VA): the bill counts active power (W), which is less for motors and electronics"
                    ));
                }
                if watts != 1.0 {
                    readings.value.iter_mut().for_each(|value| *value *= watts);
                }
                readings
            }
            Quantity::Unsaid | Quantity::Other => continue,
        });
    }
    notes.extend(align::silence(&expression, &inputs));
    let (power, insane) = align::evaluate(&expression, inputs);
    if insane > 0 {
        notes.push(format!("{insane} readings of {label} lie beyond 1 MW and are taken for gaps"));
    }
    if power.is_empty() {
        let what =
            if insane > 0 { "all it says lies beyond 1 MW: is its unit right?" } else { "there is no time at which it says a power" };
        return Err(AnalysisError::BadMeter(format!("{label}: {what} ({})", power_sensors(history))));
    }
    Ok(House { power, label, used: expression.ids, why, candidates, notes, counter_resolution_kwh })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
#[path = "house/tests.rs"]
mod tests;
