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
#[serde(untagged)]
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
        let of_unit = match (self.quantity, unit) {
            (Quantity::Level | Quantity::PricePerKwh, _) => {
                return Err(format!("quantity: `{}` cannot be read so; there are {}", self.quantity.name(), quantities()));
            }
            (_, None) => Some(1.0),
            (Quantity::PowerW | Quantity::PowerPhase1W | Quantity::PowerPhase2W | Quantity::PowerPhase3W, Some(unit)) => {
                units::watts_per(unit)
            }
            (Quantity::EnergyImportKwh | Quantity::EnergyExportKwh, Some(unit)) => units::kwh_per(unit),
            (Quantity::VoltageV, Some(unit)) => thousandths(unit, "V"),
            (Quantity::CurrentA, Some(unit)) => thousandths(unit, "A"),
            (Quantity::FrequencyHz, Some(unit)) => thousandths(unit, "Hz"),
            (Quantity::PowerFactor, Some(unit)) => (unit == "%").then_some(0.01),
        };
        let factor = of_unit.ok_or_else(|| {
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
            let found = text.trim().parse().ok().filter(|value: &f64| value.is_finite());
            if found.is_none() {
                missing.push(format!("{} is no number", beginning(&text)));
            }
            found
        } else {
            let answer = match parsed.get_or_insert_with(|| json(payload)) {
                Ok(answer) => answer,
                Err(why) => return Err(why.clone()),
            };
            let found = pick.pointer.0.iter().map(|pointer| answer.pointer(pointer).and_then(number)).sum::<Option<f64>>();
            if found.is_none() {
                missing.push(format!("there is no number at {}", pick.pointer.0.join(" and ")));
            }
            found
        };
        told = told.with(pick.quantity, value.zip(pick.factor().ok()).map(|(value, factor)| value * factor));
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

    #[rstest]
    #[case(value!([{"quantity": "power_w", "pointer": "/p"}]), "{\"p\": null}", "there is no number at /p")]
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
