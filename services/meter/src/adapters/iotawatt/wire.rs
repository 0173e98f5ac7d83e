//! What an IoTaWatt answers.
//!
//! Its documentation, `Docs/query.rst` of <https://github.com/boblemaire/IoTaWatt>: `/query?show=series` lists what it measures,
//! `/query?select=…` tells it over time from its own log, at 5 s for about a year. `/status?inputs=&outputs=` is as openHAB's binding reads it: the
//! watts of an input are a text with blanks.

use std::collections::BTreeSet;

use serde_json::Value;
use wattribute_domain::{Quantity, Role, device_name};

use crate::adapters::Told;
use crate::adapters::numbers::{json, number};

/// One input or output.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    /// Its name, as the IoTaWatt has it.
    pub name: String,
    /// What it measures.
    pub quantity: Quantity,
}

impl Column {
    /// What a query asks for.
    fn selected(&self) -> String {
        let unit = match self.quantity {
            Quantity::VoltageV => "volts.d1",
            Quantity::FrequencyHz => "hz.d2",
            _ => "watts.d1",
        };
        format!("{}.{unit}", encoded(&self.name))
    }
}

/// What it measures, of `/query?show=series`. What is neither power nor voltage is left out.
pub(super) fn series(answer: &[u8]) -> Result<Vec<Column>, String> {
    let said = json(answer)?;
    let all = said.get("series").and_then(Value::as_array).ok_or("there is no list `series` in it")?;
    let mut columns = Vec::new();
    for one in all {
        let (Some(name), Some(unit)) = (one.get("name").and_then(Value::as_str), one.get("unit").and_then(Value::as_str)) else { continue };
        let quantities: &[Quantity] = match unit {
            "Watts" => &[Quantity::PowerW],
            "Volts" => &[Quantity::VoltageV, Quantity::FrequencyHz],
            _ => &[],
        };
        columns.extend(quantities.iter().map(|&quantity| Column { name: name.to_owned(), quantity }));
    }
    if columns.is_empty() { Err("it measures neither power nor voltage yet: set up its inputs".to_owned()) } else { Ok(columns) }
}

/// Which of these names stand for nothing that it measures, and what would be right; `None` where all do.
pub(super) fn unknown<'a>(said: impl Iterator<Item = &'a str>, names: &[&str]) -> Option<String> {
    let is_known = |name: &str| names.iter().any(|known| device_name(known) == device_name(name));
    let unknown: Vec<String> = said.filter(|name| !is_known(name)).map(|name| format!("`{name}`")).collect();
    let have = || names.iter().map(|name| format!("`{name}`")).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
    (!unknown.is_empty())
        .then(|| format!("`roles` and `exclude` name {}, which it does not measure: it has {}", unknown.join(", "), have()))
}

/// The query that asks for these columns between two time specifiers, in rows of `step_s`.
pub(super) fn query(columns: &[Column], begin: &str, end: &str, step_s: i64) -> String {
    let selected: Vec<String> = columns.iter().map(Column::selected).collect();
    let group = if step_s % 60 == 0 { format!("{}m", step_s / 60) } else { format!("{step_s}s") };
    let selected = selected.join(",");
    format!("select=[time.utc.unix,{selected}]&begin={begin}&end={end}&group={group}&format=json&header=yes&missing=null")
}

/// Rows of a query.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rows {
    /// The end that was asked for, as the IoTaWatt understands it, s since the epoch; `None` where it does not say.
    pub end_s: Option<i64>,
    /// Start of each row, s since the epoch, and what each column says; `None` where it was not measured.
    pub rows: Vec<(i64, Vec<Option<f64>>)>,
}

/// The answer to a [`query`].
pub(super) fn rows(answer: &[u8]) -> Result<Rows, String> {
    let said = json(answer)?;
    if let Some(error) = said.get("error").and_then(Value::as_str) {
        return Err(format!("it refuses the query: {error}"));
    }
    let data = said.get("data").unwrap_or(&said).as_array().ok_or("there is no list `data` in it")?;
    let row = |row: &Value| {
        let cells = row.as_array()?;
        let at_s = number(cells.first()?)? as i64;
        Some((at_s, cells[1..].iter().map(number).collect()))
    };
    let rows = data.iter().filter_map(row).collect();
    let end_s = said.pointer("/range/1").and_then(number).map(|end| end as i64);
    Ok(Rows { end_s, rows })
}

/// What `/status?inputs=&outputs=` says now, of firmware that knows no queries: inputs go by their channel.
pub(super) fn status(host: &str, answer: &[u8]) -> Result<Vec<Told>, String> {
    let said = json(answer)?;
    let list = |key: &str| said.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut all = Vec::new();
    for (k, input) in list("inputs").iter().enumerate() {
        let channel = input.get("channel").and_then(number).map_or(k, |channel| channel as usize);
        let value = |key: &str| input.get(key).and_then(number);
        let told = circuit(host, &format!("input_{channel}"))
            .with(Quantity::PowerW, value("Watts"))
            .with(Quantity::PowerFactor, value("Pf").filter(|factor| factor.abs() <= 1.0))
            .with(Quantity::VoltageV, value("Vrms"))
            .with(Quantity::FrequencyHz, value("Hz"));
        all.push(told);
    }
    for output in list("outputs") {
        let (Some(name), Some(units)) = (output.get("name").and_then(Value::as_str), output.get("units").and_then(Value::as_str)) else {
            continue;
        };
        let quantity = match units {
            "Watts" => Quantity::PowerW,
            "Volts" => Quantity::VoltageV,
            _ => continue,
        };
        all.push(circuit(host, name).with(quantity, output.get("value").and_then(number)));
    }
    all.retain(|told| !told.values.is_empty());
    if all.is_empty() { Err("it says nothing of its inputs and outputs".to_owned()) } else { Ok(all) }
}

/// An input or output of the IoTaWatt `device`. What feeds the house is taken for its mains where the name says so.
pub(super) fn circuit(device: &str, name: &str) -> Told {
    let role = match device_name(name).as_str() {
        "solar" | "pv" | "solar_power" => Role::Solar,
        "battery" => Role::Battery,
        _ => Role::Circuit,
    };
    Told { role: Some(role), ..Told::by(format!("{device}/{name}"), name) }
}

/// A name as it stands in a query.
fn encoded(name: &str) -> String {
    let one = |byte: u8| match byte {
        b if b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.') => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    name.bytes().map(one).collect()
}
