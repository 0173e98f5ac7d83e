//! What HomeIQ writes (<https://github.com/wtthornton/HomeIQ>): every state in `home_assistant_events`, and every five minutes what a sensor of
//! the house said in `smart_meter`, what sensors of circuits said in `smart_meter_circuit`.
//!
//! It invents: where it knew no Home Assistant or lost it, it wrote a made-up house as if it had been measured, and 0 W where a sensor was silent.
//! None of that is taken. Its correlations are not read either: they are learned anew, from the same states.

use std::collections::BTreeSet;

use serde_json::json;
use wattribute_domain::{Quantity, Role, Series, SeriesInfo};
use wattribute_store::influx::{Cell, Table};
use wattribute_store::{Result, Store};

use super::database::{Database, at_ms, cell, text};
use super::{Said, Summary, one_series, write};
use crate::adapters::home_assistant;
use crate::import::put;

/// Its measurements.
pub const MEASUREMENTS: [&str; 4] = [EVENTS, METER, CIRCUIT, "event_energy_correlation"];
const EVENTS: &str = "home_assistant_events";
const METER: &str = "smart_meter";
const CIRCUIT: &str = "smart_meter_circuit";
/// What series of its are called that no sensor of Home Assistant is known for.
const SOURCE: &str = "homeiq";
/// The sensors that it takes for the house's, the first that is there; of power, and of the day's energy.
const HOUSE: [&str; 4] = ["sensor.total_power", "sensor.power_total", "sensor.home_power", "sensor.power_consumption"];
const DAY: [&str; 3] = ["sensor.daily_energy", "sensor.energy_daily", "sensor.energy_today"];
/// The house that it makes up: W, and kWh of the day; and that house's circuits.
const MADE_UP: (f64, f64) = (2450.0, 18.5);
const MADE_UP_CIRCUITS: [(&str, f64); 6] =
    [("HVAC", 1200.0), ("Kitchen", 450.0), ("Living Room", 300.0), ("Office", 250.0), ("Bedrooms", 150.0), ("Other", 100.0)];
/// A house that never draws more was written in kW: no unit is looked at.
const LESS_THAN_A_HOUSE_W: f64 = 40.0;

/// The columns of a state, in its versions.
const STATE: [&str; 6] = ["state_value", "state", "attributes", "device_class", "attr_friendly_name", "attr_unit_of_measurement"];

/// The entities whose states are there.
pub async fn entities(database: &Database) -> Result<Vec<String>> {
    if database.has(EVENTS) { database.values(EVENTS, "entity_id").await } else { Ok(Vec::new()) }
}

/// Writes what an entity said.
pub async fn events(database: &Database, entity_id: &str, store: &dyn Store) -> super::Result<Summary> {
    let mut pages = database.rows(EVENTS, &STATE, &[("entity_id", entity_id)]);
    let mut summary = Summary::default();
    while let Some(table) = pages.next().await? {
        let said = table.rows.iter().filter_map(|row| said(&table, row));
        one_series(&mut summary, write(entity_id, &database.name(), said, store).await?);
    }
    Ok(summary)
}

fn said(table: &Table, row: &[Cell]) -> Option<Said> {
    let state = text(table, row, "state_value").or_else(|| text(table, row, "state"))?;
    let attributes = text(table, row, "attributes").map(str::to_owned).or_else(|| {
        let told = [
            ("device_class", "device_class"),
            ("friendly_name", "attr_friendly_name"),
            ("unit_of_measurement", "attr_unit_of_measurement"),
        ];
        let all: serde_json::Map<_, _> =
            told.iter().filter_map(|(name, column)| Some(((*name).to_owned(), json!(text(table, row, column)?)))).collect();
        (!all.is_empty()).then(|| serde_json::Value::Object(all).to_string())
    });
    Some(Said { at_ms: at_ms(row)?, state: state_of(state)?.to_owned(), attributes })
}

/// The state itself: some versions write the whole object of Home Assistant, as Python prints it.
fn state_of(text: &str) -> Option<&str> {
    if !text.starts_with('{') {
        return Some(text);
    }
    let rest = text.split_once("'state': ")?.1;
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    rest[1..].split_once(quote).map(|(state, _)| state)
}

/// Writes what it said of the house and its circuits, but for sensors whose own `states` are known; `None` where it said nothing. `meter` is the
/// sensor that the house's power is of.
pub async fn meter(
    database: &Database,
    meter: Option<&str>,
    states: &BTreeSet<String>,
    store: &dyn Store,
) -> super::Result<Option<Summary>> {
    let mut summary = Summary::default();
    let mut is_there = false;
    if database.has(METER) {
        is_there |= house(database, meter, states, store, &mut summary).await?;
    }
    if database.has(CIRCUIT) {
        for circuit in database.values(CIRCUIT, "circuit_name").await? {
            is_there |= circuit_of(database, &circuit, states, store, &mut summary).await?;
        }
    }
    Ok(is_there.then_some(summary))
}

/// What to do with what was said of a sensor.
enum Of {
    /// Its own states are known.
    Known(String),
    /// It is this series.
    Series(Box<SeriesInfo>),
}

async fn of_house(
    named: Option<&str>,
    candidates: &[&str],
    quantity: Quantity,
    states: &BTreeSet<String>,
    store: &dyn Store,
) -> Result<Of> {
    let candidates: Vec<&str> = named.map_or_else(|| candidates.to_vec(), |named| vec![named]);
    if let Some(known) = candidates.iter().find(|id| states.contains(**id)) {
        return Ok(Of::Known((*known).to_owned()));
    }
    let series = store.series().await?;
    let is_there = |id: &&&str| {
        let is = |info: &SeriesInfo| info.source == home_assistant::NAME && info.device == **id && info.quantity == quantity;
        series.iter().any(|(_, info)| is(info))
    };
    let info = match named.or_else(|| candidates.iter().find(is_there).copied()) {
        Some(id) => SeriesInfo::new(home_assistant::NAME, id, quantity),
        None => SeriesInfo {
            role: Some(Role::WholeHouse),
            name: Some("Meter of HomeIQ".to_owned()),
            ..SeriesInfo::new(SOURCE, METER, quantity)
        },
    };
    Ok(Of::Series(Box::new(info)))
}

async fn house(
    database: &Database,
    meter: Option<&str>,
    states: &BTreeSet<String>,
    store: &dyn Store,
    summary: &mut Summary,
) -> super::Result<bool> {
    let greatest = database.greatest(METER, "total_power_w", MADE_UP.0).await?;
    let is_kw = greatest.is_some_and(|greatest| 0.0 < greatest && greatest < LESS_THAN_A_HOUSE_W);
    let power = of_house(meter, &HOUSE, Quantity::PowerW, states, store).await?;
    // The day's energy is of another sensor, which nobody named.
    let energy = of_house(None, &DAY, Quantity::EnergyImportKwh, states, store).await?;
    let (mut made_up, mut nothing, mut rows) = (0, 0, 0_u64);
    let mut pages = database.rows(METER, &["total_power_w", "daily_kwh"], &[]);
    while let Some(table) = pages.next().await? {
        let (mut watts, mut kwh) = (Series::default(), Series::default());
        for row in &table.rows {
            let number = |column| cell(&table, row, column).and_then(Cell::number).unwrap_or(0.0);
            let (total_w, day_kwh) = (number("total_power_w"), number("daily_kwh"));
            let Some(at_ms) = at_ms(row) else { continue };
            rows += 1;
            if (total_w, day_kwh) == MADE_UP {
                made_up += 1;
                continue;
            }
            if total_w == 0.0 {
                nothing += 1;
            } else {
                watts.push(at_ms, if is_kw { total_w * 1000.0 } else { total_w });
            }
            // From 0 back to what it was the counter would seem to have counted all of it again.
            if day_kwh > 0.0 {
                kwh.push(at_ms, day_kwh);
            }
        }
        let mut parts = Vec::new();
        for (of, readings) in [(&power, watts), (&energy, kwh)] {
            match of {
                Of::Known(id) if !readings.is_empty() => {
                    summary.note(format!("{METER} was left out: it is of {id}, whose own states are there"))
                }
                Of::Series(info) if !readings.is_empty() => parts.push(((**info).clone(), readings)),
                _ => {}
            }
        }
        let mut page = Summary::default();
        put(parts, store, &mut page, &mut |_| {}).await?;
        one_series(summary, page);
    }
    if is_kw {
        summary
            .note(format!("{METER} was taken to be in kW, which HomeIQ does not look at: a house draws more than {LESS_THAN_A_HOUSE_W} W"));
    }
    if made_up > 0 {
        summary.note(format!("{made_up} readings of {METER} were left out: HomeIQ made them up where it knew no power"));
    }
    if nothing > 0 {
        summary.note(format!("{nothing} readings of 0 W of {METER} were left out: HomeIQ writes them where the sensor says nothing"));
    }
    Ok(rows > 0)
}

async fn circuit_of(
    database: &Database,
    circuit: &str,
    states: &BTreeSet<String>,
    store: &dyn Store,
    summary: &mut Summary,
) -> super::Result<bool> {
    let is_entity = circuit.starts_with("sensor.");
    let info = if is_entity {
        SeriesInfo::new(home_assistant::NAME, circuit, Quantity::PowerW)
    } else {
        SeriesInfo { role: Some(Role::Circuit), name: Some(circuit.to_owned()), ..SeriesInfo::new(SOURCE, circuit, Quantity::PowerW) }
    };
    let made_up = MADE_UP_CIRCUITS.iter().find(|(name, _)| *name == circuit).map(|(_, power_w)| *power_w);
    let mut pages = database.rows(CIRCUIT, &["power_w"], &[("circuit_name", circuit)]);
    let (mut rows, mut series) = (0, Summary::default());
    while let Some(table) = pages.next().await? {
        rows += table.rows.len();
        if states.contains(circuit) {
            summary.note(format!("{CIRCUIT} {circuit} was left out: its own states are there"));
            return Ok(true);
        }
        let mut readings = Series::default();
        for row in &table.rows {
            if let (Some(at_ms), Some(power_w)) = (at_ms(row), cell(&table, row, "power_w").and_then(Cell::number))
                && made_up != Some(power_w)
            {
                readings.push(at_ms, power_w);
            }
        }
        if readings.is_empty() {
            continue;
        }
        if is_entity {
            summary.note(format!("{CIRCUIT} {circuit} was taken to be in W: HomeIQ does not look at units"));
        }
        let mut page = Summary::default();
        put(vec![(info.clone(), readings)], store, &mut page, &mut |_| {}).await?;
        one_series(&mut series, page);
    }
    summary.add(series);
    Ok(rows > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_found_in_what_python_prints() {
        assert_eq!(state_of("on"), Some("on"));
        assert_eq!(state_of("{'entity_id': 'light.a', 'state': 'on', 'attributes': {'state': 'x'}}"), Some("on"));
        assert_eq!(state_of("{'entity_id': 'select.a', 'state': \"Tom's\", 'attributes': {}}"), Some("Tom's"));
        assert_eq!(state_of("{'entity_id': 'light.a'}"), None);
        assert_eq!(state_of("{'state': '"), None);
    }
}
