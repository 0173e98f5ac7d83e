//! Values that the owner picks out of JSON, or out of a payload that is nothing but a number.

use serde::Deserialize;
use serde_json::Value;
use wattribute_domain::{Quantity, units};

use super::numbers::{beginning, json, number};
use super::{AdapterError, Told};

/// One value: where it stands and what it is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pick {
    /// What it is, such as `power_w`, `energy_import_kwh` or `voltage_v`.
    pub quantity: Quantity,
    /// The topic that it comes on, where it is not the one of its device.
    #[serde(default)]
    pub topic: Option<String>,
    /// JSON pointers (RFC 6901) to it, such as `/power`; of several, the sum. None: the payload is the number.
    #[serde(default)]
    pub pointer: Pointers,
    /// The unit that it comes in, such as `kW`; unless said, that of its quantity.
    #[serde(default)]
    pub unit: Option<String>,
    /// What it is multiplied by, after its unit; -1 turns its sign.
    #[serde(default = "one")]
    pub scale: f64,
}

/// One pointer, several, or none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "OneOrSeveral")]
pub struct Pointers(pub Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "pointer: write one such as \"/power\", or a list of several, which are added up")]
enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
}

impl From<OneOrSeveral> for Pointers {
    fn from(said: OneOrSeveral) -> Self {
        Pointers(match said {
            OneOrSeveral::One(one) if one.is_empty() => Vec::new(),
            OneOrSeveral::One(one) => vec![one],
            OneOrSeveral::Several(several) => several,
        })
    }
}

fn one() -> f64 {
    1.0
}

impl Pick {
    /// What one of its numbers is in the unit of its quantity. The error says what would be right.
    pub(super) fn factor(&self) -> Result<f64, String> {
        let unit = self.unit.as_deref().map(str::trim).filter(|unit| !unit.is_empty());
        if matches!(self.quantity, Quantity::Level | Quantity::PricePerKwh) {
            return Err(format!("quantity: `{}` cannot be read so; there are {}", self.quantity.name(), quantities()));
        }
        let factor = unit.map_or(Some(1.0), |unit| self.of_unit(unit)).ok_or_else(|| {
            format!("unit: `{}` is none of {}; write it like W, kW, Wh, kWh, V or mA", unit.unwrap_or_default(), self.quantity.name())
        })?;
        if !self.scale.is_finite() || self.scale == 0.0 {
            return Err("scale: it must be a number other than 0".to_owned());
        }
        if let Some(wrong) = self.pointer.0.iter().find(|pointer| !pointer.starts_with('/')) {
            return Err(format!("pointer: `{wrong}` does not begin with a slash; write it like /power or /meters/0/power"));
        }
        Ok(factor * self.scale)
    }

    /// What one of `unit` is in the unit of its quantity; `None` of what is no unit of it.
    fn of_unit(&self, unit: &str) -> Option<f64> {
        match self.quantity {
            Quantity::PowerW | Quantity::PowerPhase1W | Quantity::PowerPhase2W | Quantity::PowerPhase3W => units::watts_per(unit),
            Quantity::EnergyImportKwh | Quantity::EnergyExportKwh => units::kwh_per(unit),
            Quantity::VoltageV => thousandths(unit, "V"),
            Quantity::CurrentA => thousandths(unit, "A"),
            Quantity::FrequencyHz => thousandths(unit, "Hz"),
            Quantity::PowerFactor => (unit == "%").then_some(0.01),
            Quantity::Level | Quantity::PricePerKwh => None,
        }
    }

    /// What a value says, in the unit of its quantity.
    fn said(&self, value: &Value) -> Option<f64> {
        match value {
            Value::String(text) => self.said_in(text),
            value => Some(number(value)? * self.factor().ok()?),
        }
    }

    /// What a text says: a number, also with a decimal comma, as YouLess writes it. A unit of its own behind it, as openHAB writes it, counts.
    fn said_in(&self, text: &str) -> Option<f64> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\0' | '\u{feff}'));
        if let Some(number) = decimal(text) {
            return Some(number * self.factor().ok()?);
        }
        let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '+' | '-' | '.' | ','))?;
        Some(decimal(&text[..end])? * self.of_unit(text[end..].trim())? * self.scale)
    }
}

/// A finite number, also with a decimal comma.
fn decimal(text: &str) -> Option<f64> {
    let with_comma = || (!text.contains('.') && text.matches(',').count() == 1).then(|| text.replace(',', "."));
    let number: Option<f64> = text.parse().ok().or_else(|| with_comma()?.parse().ok());
    number.filter(|number| number.is_finite())
}

/// What is in an object or a list.
fn names(all: &Value) -> String {
    match all {
        Value::Object(all) if !all.is_empty() => all.keys().take(12).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        Value::Array(all) => format!("a list of {}", all.len()),
        _ => "nothing".to_owned(),
    }
}

/// What stands where a number was looked for, in words that may be logged.
fn instead(answer: &Value, pointer: &str) -> String {
    match answer.pointer(pointer) {
        Some(Value::Null) => "null".to_owned(),
        Some(Value::String(text)) if text.chars().count() <= 20 => beginning(text),
        Some(Value::String(_)) => "a text".to_owned(),
        Some(all @ (Value::Object(_) | Value::Array(_))) => names(all),
        Some(other) => other.to_string(),
        None if answer.is_number() => "the whole is a number: leave `pointer` out".to_owned(),
        None => {
            let parents = pointer.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| &pointer[..at]);
            let parent = parents.rev().find(|parent| answer.pointer(parent).is_some()).unwrap_or_default();
            format!("{} at {}", answer.pointer(parent).map_or_else(String::new, names), if parent.is_empty() { "/" } else { parent })
        }
    }
}

/// Whether a payload is JSON in which none of the picks leads anywhere: it is of something else.
pub(super) fn is_of_something_else<'a>(mut picks: impl Iterator<Item = &'a Pick>, payload: &[u8]) -> bool {
    let Ok(said @ Value::Object(_)) = json(payload) else { return false };
    picks.all(|pick| !pick.pointer.0.is_empty() && pick.pointer.0.iter().all(|pointer| said.pointer(pointer).is_none()))
}

fn thousandths(unit: &str, whole: &str) -> Option<f64> {
    match unit.strip_suffix(whole)? {
        "" => Some(1.0),
        "m" => Some(1e-3),
        "k" => Some(1e3),
        _ => None,
    }
}

fn quantities() -> String {
    let may = Quantity::ALL.into_iter().filter(|quantity| !matches!(quantity, Quantity::Level | Quantity::PricePerKwh));
    may.map(Quantity::name).collect::<Vec<_>>().join(", ")
}

/// Says what is wrong with the picks of a device, if anything is.
pub(super) fn check(what: &str, picks: &[Pick]) -> Result<(), AdapterError> {
    let wrong = |why: String| Err(AdapterError::Unsupported(format!("{what}: {why}")));
    if picks.is_empty() {
        return wrong("there are no `values`: say at least one, such as { quantity = \"power_w\", pointer = \"/power\" }".to_owned());
    }
    for (k, pick) in picks.iter().enumerate() {
        if let Err(why) = pick.factor() {
            return wrong(format!("values, number {}: {why}", k + 1));
        }
        if picks[..k].iter().any(|earlier| earlier.quantity == pick.quantity) {
            return wrong(format!("values: `{}` is there twice; a device says each once", pick.quantity.name()));
        }
    }
    Ok(())
}

/// Adds to `told` what `payload` says. What is not there or is no number is left out; the error says that nothing is there at all.
pub(super) fn read<'a>(mut told: Told, picks: impl Iterator<Item = &'a Pick>, payload: &[u8]) -> Result<Told, String> {
    let mut parsed: Option<Result<Value, String>> = None;
    let mut missing = Vec::new();
    for pick in picks {
        let value = if pick.pointer.0.is_empty() {
            let text = String::from_utf8_lossy(payload);
            let found = pick.said_in(&text);
            if found.is_none() {
                missing.push(match json(payload) {
                    Ok(said @ (Value::Object(_) | Value::Array(_))) => {
                        format!("it is JSON: say with `pointer` where {} is; there is {}", pick.quantity.name(), names(&said))
                    }
                    _ => format!("{} is no number", beginning(&text)),
                });
            }
            found
        } else {
            let answer = match parsed.get_or_insert_with(|| json(payload)) {
                Ok(answer) => answer,
                Err(why) => return Err(why.clone()),
            };
            let said = |pointer: &&String| answer.pointer(pointer).and_then(|value| pick.said(value));
            let found = pick.pointer.0.iter().map(|pointer| said(&pointer)).sum::<Option<f64>>();
            if let Some(wrong) = pick.pointer.0.iter().find(|pointer| said(pointer).is_none()) {
                let where_to = pick.pointer.0.join(" and ");
                missing.push(format!("there is no number at {where_to}, but {}", instead(answer, wrong)));
            }
            found
        };
        told = told.with(pick.quantity, value);
    }
    if told.values.is_empty() { Err(missing.join("; ")) } else { Ok(told) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json as value;

    fn picks(said: Value) -> Vec<Pick> {
        serde_json::from_value(said).unwrap()
    }

    fn told(said: Value, payload: &str) -> Result<Vec<(Quantity, f64)>, String> {
        read(Told::by("a", "a"), picks(said).iter(), payload.as_bytes()).map(|told| told.values)
    }

    #[test]
    fn values_are_picked_by_pointer_unit_and_scale() {
        let said = value!([
            {"quantity": "power_w", "pointer": "/grid/power", "unit": "kW", "scale": -1},
            {"quantity": "energy_import_kwh", "pointer": ["/t1", "/t2"], "unit": "Wh"},
            {"quantity": "current_a", "pointer": "/list/1", "unit": "mA"},
            {"quantity": "voltage_v", "pointer": "/gone"},
        ]);
        let payload = r#"{"grid": {"power": "1.5"}, "t1": 1000, "t2": 500, "list": [0, 250]}"#;
        let expected = [(Quantity::PowerW, -1500.0), (Quantity::EnergyImportKwh, 1.5), (Quantity::CurrentA, 0.25)];
        assert_eq!(told(said, payload).unwrap(), expected);
        assert_eq!(told(value!([{"quantity": "power_w"}]), " 42.5\n").unwrap(), [(Quantity::PowerW, 42.5)]);
    }

    #[test]
    fn a_text_may_have_a_decimal_comma_and_a_unit_of_its_own() {
        // YouLess, openHAB, and a device that ends its texts with a nought.
        let said = value!([
            {"quantity": "energy_import_kwh", "pointer": "/cnt"},
            {"quantity": "power_w", "pointer": "/state", "scale": -1},
            {"quantity": "current_a", "pointer": "/current", "unit": "A"},
            {"quantity": "voltage_v", "pointer": "/ratio"},
        ]);
        let payload = r#"{"cnt": " 141950,625", "state": "1.5 kW", "current": "250 mA", "ratio": "230 %"}"#;
        let expected = [(Quantity::EnergyImportKwh, 141_950.625), (Quantity::PowerW, -1500.0), (Quantity::CurrentA, 0.25)];
        assert_eq!(told(said, payload).unwrap(), expected);
        let power = value!([{"quantity": "power_w", "unit": "kW"}]);
        assert_eq!(told(power.clone(), "412 W").unwrap(), [(Quantity::PowerW, 412.0)]);
        assert_eq!(told(power.clone(), "0,412\0").unwrap(), [(Quantity::PowerW, 412.0)]);
        for nonsense in ["1,234,567", "12:30", "W", "--5", "1.234,5", "nan", "412 kWh", "+"] {
            assert!(told(power.clone(), nonsense).is_err(), "{nonsense}");
        }
    }

    #[rstest]
    #[case("{\"p\": 5}", true)]
    #[case("{\"power\": null}", false)]
    #[case("{\"power\": 5}", false)]
    #[case("{\"po", false)]
    #[case("5", false)]
    fn what_is_of_something_else_is_known(#[case] payload: &str, #[case] is_so: bool) {
        let said = picks(value!([{"quantity": "power_w", "pointer": "/power"}, {"quantity": "voltage_v", "pointer": "/u/0"}]));
        assert_eq!(is_of_something_else(said.iter(), payload.as_bytes()), is_so);
    }

    #[test]
    fn a_pointer_that_is_no_text_is_named() {
        let error = serde_json::from_value::<Pick>(value!({"quantity": "power_w", "pointer": 5})).unwrap_err().to_string();
        assert!(error.contains("pointer") && error.contains("/power"), "{error}");
    }

    #[rstest]
    #[case(value!([{"quantity": "power_w", "pointer": "/p"}]), "{\"p\": null}", "there is no number at /p, but null")]
    #[case(value!([{"quantity": "power_w", "pointer": "/pwer"}]), "{\"power\": 5, \"t\": 1}", "at /pwer, but `power`, `t` at /")]
    #[case(value!([{"quantity": "power_w", "pointer": "/a/p/x"}]), "{\"a\": {\"power\": 5}}", "at /a/p/x, but `power` at /a")]
    #[case(value!([{"quantity": "power_w", "pointer": "/a"}]), "{\"a\": {\"power\": 5}}", "at /a, but `power`")]
    #[case(value!([{"quantity": "power_w", "pointer": "/a"}]), "{\"a\": [5, 6]}", "at /a, but a list of 2")]
    #[case(value!([{"quantity": "power_w", "pointer": "/a/7"}]), "{\"a\": [5, 6]}", "at /a/7, but a list of 2 at /a")]
    #[case(value!([{"quantity": "power_w", "pointer": "/a"}]), "{\"a\": \"unavailable\"}", "at /a, but `unavailable`")]
    #[case(value!([{"quantity": "power_w", "pointer": "/a"}]), "{\"a\": true}", "at /a, but true")]
    #[case(value!([{"quantity": "power_w", "pointer": "/power"}]), "412.5", "leave `pointer` out")]
    #[case(value!([{"quantity": "power_w"}]), "{\"power\": 5}", "say with `pointer` where power_w is; there is `power`")]
    #[case(value!([{"quantity": "power_w", "pointer": "/p"}]), "{\"p\": 1", "is no JSON")]
    #[case(value!([{"quantity": "power_w"}]), "unavailable", "`unavailable` is no number")]
    #[case(value!([{"quantity": "energy_import_kwh", "pointer": ["/a", "/b"]}]), "{\"a\": 1}", "/a and /b")]
    fn what_is_not_there_is_named(#[case] said: Value, #[case] payload: &str, #[case] says: &str) {
        let error = told(said, payload).unwrap_err();
        assert!(error.contains(says), "{error}");
    }

    #[rstest]
    #[case(value!([{"quantity": "level"}]), "power_phase_1_w")]
    #[case(value!([{"quantity": "power_w", "unit": "kWh"}]), "`kWh` is none of power_w")]
    #[case(value!([{"quantity": "power_w", "pointer": "power"}]), "write it like /power")]
    #[case(value!([{"quantity": "power_w", "scale": 0}]), "other than 0")]
    #[case(value!([{"quantity": "power_w"}, {"quantity": "power_w"}]), "twice")]
    #[case(value!([]), "no `values`")]
    fn what_cannot_be_meant_is_refused(#[case] said: Value, #[case] says: &str) {
        let error = check("[[mqtt_source]] a", &picks(said)).unwrap_err().to_string();
        assert!(error.starts_with("[[mqtt_source]] a: ") && error.contains(says), "{error}");
    }
}
