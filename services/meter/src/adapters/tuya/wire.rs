//! What a device says in its dps, as readings. Pure: no I/O, and nothing panics on what devices may say.

use serde_json::{Map, Value};
use wattribute_domain::{Quantity, Role};

use super::codes::{Meaning, What, factor, meaning};
use super::phases::{Phase, phase};
use super::shapes::way_of;
use super::{Dp, Kind};
use crate::adapters::Told;
use crate::adapters::numbers::number;

/// One dp and what it says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// Its number, as it stands in JSON.
    pub dp: String,
    /// What it says.
    pub what: What,
    /// Which clamp or socket of the device, from 1; 0: the device as a whole.
    pub channel: u8,
    /// What it is multiplied by.
    pub scale: f64,
}

/// What is known of the dps of a device.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Known {
    /// The dps that say something that is read.
    pub entries: Vec<Entry>,
    /// Whether it measures a circuit, not what is plugged in.
    pub is_circuit: bool,
}

impl Known {
    /// One more dp.
    pub fn add(&mut self, dp: &str, meaning: Meaning, scale: f64) {
        self.entries.push(Entry { dp: dp.to_owned(), what: meaning.what, channel: meaning.channel, scale });
    }

    /// What a `mapping` of tinytuya's `devices.json` says, or a dump of Tuya's cloud, whose dps are codes themselves: `{ dp: { code, values: { unit, scale } } }`.
    pub fn of_mapping(mapping: &Value) -> Self {
        let mut found: Vec<(String, Meaning, f64)> = Vec::new();
        for (dp, one) in mapping.as_object().into_iter().flatten() {
            let code = one.get("code").and_then(Value::as_str).unwrap_or(dp);
            let Some(meaning) = meaning(code) else { continue };
            // The cloud writes what tinytuya reads for us as a text of JSON.
            let values = one.get("values").or_else(|| one.get("value")).cloned().unwrap_or_default();
            let values = values.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(values);
            let unit = values.get("unit").and_then(Value::as_str).unwrap_or_default();
            let digits = values.get("scale").and_then(number).filter(|digits| (0.0..=9.0).contains(digits));
            let quantity = match meaning.what {
                What::Is(quantity) => Some(quantity),
                What::AddedEnergy => Some(Quantity::EnergyImportKwh),
                _ => None,
            };
            let scale = match quantity.map(|quantity| (factor(quantity, unit), quantity)) {
                // A unit that is not known says that it is not what its code says.
                Some((None, _)) => continue,
                Some((Some(factor), quantity)) => factor * 10f64.powf(-digits.unwrap_or(usual_digits(quantity, unit))),
                None => 1.0,
            };
            found.push((dp.clone(), meaning, scale));
        }
        let has_phase_c = found.iter().any(|(_, meaning, _)| meaning.by_letter && meaning.channel == 3);
        let measured = |(_, meaning, _): &&(String, Meaning, f64)| matches!(meaning.what, What::Is(_));
        let clamps = found.iter().filter(measured).map(|(_, meaning, _)| meaning.channel).max().unwrap_or(0);
        let mut known = Known::default();
        for (dp, meaning, scale) in found {
            let what = match meaning.what {
                What::Is(quantity) if has_phase_c && meaning.by_letter => match of_phase(quantity, meaning.channel) {
                    Some(quantity) => What::Is(quantity),
                    None => continue,
                },
                what => what,
            };
            let is_whole = (has_phase_c && meaning.by_letter)
                || (meaning.what == What::Relay && meaning.channel == 1)
                || (meaning.what != What::Relay && clamps <= 1);
            known.add(&dp, Meaning { what, channel: if is_whole { 0 } else { meaning.channel }, ..meaning }, scale);
        }
        known.is_circuit = clamps > 1 || known.entries.iter().any(|entry| matches!(entry.what, What::Phase(_)));
        known
    }

    /// Whether it measures anything.
    pub fn measures(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.what, What::Is(Quantity::PowerW | Quantity::PowerPhase1W) | What::Phase(_)))
    }

    /// What the owner says, before everything else.
    pub fn with_said<'a>(mut self, said: impl Iterator<Item = (&'a Quantity, &'a Dp)>) -> Self {
        let said: Vec<Entry> = said.map(|(quantity, dp)| super::shapes::said(*quantity, dp)).collect();
        let is_said = |entry: &Entry| said.iter().any(|said| (said.what == entry.what && entry.channel == 0) || said.dp == entry.dp);
        self.entries.retain(|entry| !is_said(entry));
        self.entries.splice(0..0, said);
        self
    }
}

/// Whose readings they are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Who<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it is in the home, where the owner says it.
    pub role: Option<Role>,
    /// What sort of device it is, where that is known.
    pub kind: Option<Kind>,
}

/// What a device tells in `said`; `before` is what its dps were at last, which says how to understand it and is no reading.
pub(super) fn told(who: &Who<'_>, known: &Known, said: &Map<String, Value>, before: &Map<String, Value>) -> Vec<Told> {
    // What is summed up of its clamps is no circuit beside them.
    let has_clamps = known.entries.iter().any(|entry| entry.channel > 0 && matches!(entry.what, What::Is(_)));
    let usual = if known.is_circuit { Role::Circuit } else { Role::Device };
    let role = who.role.or((!has_clamps).then_some(usual));
    let mut all: Vec<(u8, Told)> = vec![(0, Told { role, ..Told::by(who.id, who.name) })];
    let mut phases: Vec<(u8, Phase)> = Vec::new();
    for entry in &known.entries {
        let Some(value) = said.get(&entry.dp) else { continue };
        let (quantity, value) = match entry.what {
            What::Phase(which) => {
                let found = phase(value).filter(|phase| phase.voltage_v > 0.0);
                phases.extend(found.map(|phase| (which, phase)));
                continue;
            }
            What::Direction => continue,
            What::Relay => (Quantity::Level, is_on(value)),
            What::AddedEnergy if who.kind == Some(Kind::Meter) => {
                (Quantity::EnergyImportKwh, sensible(Quantity::EnergyImportKwh, value, entry.scale))
            }
            What::AddedEnergy => continue,
            What::Is(quantity) => {
                let way = way(known, entry, said, before);
                (
                    quantity,
                    sensible(quantity, value, entry.scale).map(|value| if quantity == Quantity::PowerW { value * way } else { value }),
                )
            }
        };
        let at = all.iter().position(|(channel, _)| *channel == entry.channel).unwrap_or_else(|| {
            let name = format!("{} {}", who.name, entry.channel);
            all.push((entry.channel, Told { role: Some(usual), ..Told::by(format!("{}/{}", who.id, entry.channel), name) }));
            all.len() - 1
        });
        let told = std::mem::replace(&mut all[at].1, Told::by("", ""));
        all[at].1 = told.with(quantity, value);
    }
    let main = std::mem::replace(&mut all[0].1, Told::by("", ""));
    all[0].1 = with_phases(main, known, &phases, before);
    all.into_iter().map(|(_, told)| told).filter(|told| !told.values.is_empty()).collect()
}

/// Adds what phases say: of one its voltage, current and power, of several the power of each and of all.
fn with_phases(mut told: Told, known: &Known, phases: &[(u8, Phase)], before: &Map<String, Value>) -> Told {
    let was_there = |which: u8| {
        let dp = known.entries.iter().find(|entry| entry.what == What::Phase(which)).map(|entry| entry.dp.as_str());
        dp.and_then(|dp| before.get(dp)).and_then(phase).is_some_and(|phase| phase.voltage_v > 0.0)
    };
    let live: Vec<u8> = (1..=3).filter(|which| phases.iter().any(|(said, _)| said == which) || was_there(*which)).collect();
    let of = |which: u8| phases.iter().find(|(said, _)| *said == which).map(|(_, phase)| *phase);
    if let [only] = live[..] {
        let of_it = of(only);
        return told
            .with(Quantity::PowerW, of_it.map(|phase| phase.power_w))
            .with(Quantity::VoltageV, of_it.map(|phase| phase.voltage_v))
            .with(Quantity::CurrentA, of_it.map(|phase| phase.current_a));
    }
    // A sum of phases that were not all said at once would be of no instant.
    let all: Option<f64> = live.iter().map(|which| of(*which).map(|phase| phase.power_w)).sum();
    told = told.with(Quantity::PowerW, all.filter(|_| !live.is_empty()));
    for which in live {
        told = told.with(power_of_phase(which), of(which).map(|phase| phase.power_w));
    }
    told.with(Quantity::VoltageV, of(1).map(|phase| phase.voltage_v))
}

fn power_of_phase(which: u8) -> Quantity {
    match which {
        1 => Quantity::PowerPhase1W,
        2 => Quantity::PowerPhase2W,
        _ => Quantity::PowerPhase3W,
    }
}

/// What a value of one of three phases is of the whole device; `None` where it has no name there.
fn of_phase(quantity: Quantity, which: u8) -> Option<Quantity> {
    match quantity {
        Quantity::PowerW => Some(power_of_phase(which)),
        Quantity::VoltageV if which == 1 => Some(quantity),
        _ => None,
    }
}

/// What numbers are divided by, as a power of ten, where the cloud gives a code without saying it.
fn usual_digits(quantity: Quantity, unit: &str) -> f64 {
    match quantity {
        Quantity::PowerW | Quantity::VoltageV if !unit.to_ascii_lowercase().starts_with('k') => 1.0,
        Quantity::CurrentA if !unit.eq_ignore_ascii_case("mA") => 3.0,
        Quantity::EnergyImportKwh | Quantity::EnergyExportKwh | Quantity::PowerFactor | Quantity::FrequencyHz => 2.0,
        _ => 0.0,
    }
}

/// -1 where the power of this channel flows out.
fn way(known: &Known, entry: &Entry, said: &Map<String, Value>, before: &Map<String, Value>) -> f64 {
    let direction = known.entries.iter().find(|other| other.what == What::Direction && other.channel == entry.channel);
    let text = direction.and_then(|direction| said.get(&direction.dp).or_else(|| before.get(&direction.dp))).and_then(Value::as_str);
    text.and_then(way_of).unwrap_or(1.0)
}

fn is_on(value: &Value) -> Option<f64> {
    let is_on = match value {
        Value::Bool(is_on) => Some(*is_on),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "on" | "true" | "1" => Some(true),
            "off" | "false" | "0" => Some(false),
            _ => None,
        },
        value => number(value).filter(|number| [0.0, 1.0].contains(number)).map(|number| number == 1.0),
    };
    is_on.map(f64::from)
}

/// A number in the unit of its quantity; `None` where a house has no such thing.
fn sensible(quantity: Quantity, value: &Value, scale: f64) -> Option<f64> {
    let value = scaled(number(value)?, scale);
    let may = match quantity {
        Quantity::VoltageV => 0.0..=1000.0,
        Quantity::CurrentA => -10_000.0..=10_000.0,
        Quantity::FrequencyHz => 10.0..=1000.0,
        Quantity::PowerFactor => -1.0..=1.0,
        Quantity::EnergyImportKwh | Quantity::EnergyExportKwh => 0.0..=1e9,
        _ => -1e6..=1e6,
    };
    may.contains(&value).then_some(value)
}

/// A number times its scale. It is divided by what a small scale is one part of: 64 / 10 is 6.4, which 64 * 0.1 is not.
fn scaled(number: f64, scale: f64) -> f64 {
    let parts = (1.0 / scale).round();
    if (parts * scale - 1.0).abs() < 1e-9 { number / parts } else { number * scale }
}
