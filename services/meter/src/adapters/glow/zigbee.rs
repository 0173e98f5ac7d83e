//! What Glow's cloud passes on of a meter: attributes of ZigBee Smart Energy as hexadecimal text, by cluster, set and attribute.
//!
//! Cluster `0702` (metering): `00.00` counter of energy drawn, `00.01` given, `03.00` unit, `03.01` multiplier, `03.02` divisor, `04.00` power, signed;
//! as listed at <https://gist.github.com/ndfred/b373eeafc4f5b0870c1b8857041289a9> and in glowprom's test message.

use serde_json::Value;
use wattribute_domain::{Quantity, Role};

use crate::adapters::Told;
use crate::adapters::numbers::json;

/// What one of a meter's units is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    Kwh,
    /// So many cubic metres.
    M3(f64),
}

/// What the meters behind a display say. The error says what makes no sense.
pub(super) fn read(display: &str, payload: &[u8], gas_kwh_per_m3: f64) -> Result<Vec<Told>, String> {
    let said = json(payload)?;
    if is_joined(&said) == Some(false) {
        return Err("the display does not hear its meter: see that it is near enough".to_owned());
    }
    let told: Vec<Told> = [electricity(display, &said), gas(display, &said, gas_kwh_per_m3)].into_iter().flatten().collect();
    if told.is_empty() {
        return Err("neither `elecMtr` nor `gasMtr` in it says anything: see that the display has found its meter".to_owned());
    }
    Ok(told)
}

fn electricity(display: &str, said: &Value) -> Option<Told> {
    let meter = said.pointer("/elecMtr/0702")?;
    let (factor, unit, is_bcd) = formatting(meter)?;
    if unit != Unit::Kwh {
        return None;
    }
    let energy = |attribute| Some(counter(meter.pointer(attribute)?, is_bcd)? * factor);
    // Without a meter behind it, the display says noughts.
    let import = energy("/00/00").filter(|kwh| *kwh > 0.0);
    let power = meter.pointer("/04/00").and_then(signed).map(|value| value * factor * 1000.0);
    let export = energy("/00/01").filter(|kwh| import.is_some() || *kwh > 0.0);
    let nothing_is_behind_it = import.is_none() && power.unwrap_or(0.0) == 0.0 && export.unwrap_or(0.0) == 0.0;
    let told = Told { role: Some(Role::WholeHouse), ..Told::by(format!("{display}/electricitymeter"), "electricity") };
    let told = told.with(Quantity::EnergyImportKwh, import).with(Quantity::PowerW, power).with(Quantity::EnergyExportKwh, export);
    (!nothing_is_behind_it).then_some(told)
}

fn gas(display: &str, said: &Value, gas_kwh_per_m3: f64) -> Option<Told> {
    let meter = said.pointer("/gasMtr/0702")?;
    let (factor, unit, is_bcd) = formatting(meter)?;
    let kwh_per = match unit {
        Unit::Kwh => 1.0,
        Unit::M3(m3) => m3 * gas_kwh_per_m3,
    };
    let import = counter(meter.pointer("/00/00")?, is_bcd).filter(|count| *count > 0.0)? * factor * kwh_per;
    let told = Told { role: Some(Role::Gas), ..Told::by(format!("{display}/gasmeter"), "gas") };
    Some(told.with(Quantity::EnergyImportKwh, Some(import)))
}

/// What the meter's numbers are multiplied by, what they are of, and whether its counters are decimal digits.
fn formatting(meter: &Value) -> Option<(f64, Unit, bool)> {
    let number = |attribute, otherwise: f64| match meter.pointer(attribute) {
        Some(value) => counter(value, false).filter(|number| *number > 0.0),
        None => Some(otherwise),
    };
    let factor = number("/03/01", 1.0)? / number("/03/02", 1000.0)?;
    let code = meter.pointer("/03/00").and_then(|code| counter(code, false)).unwrap_or(0.0) as u8;
    let unit = match code & 0x7f {
        0 => Unit::Kwh,
        1 => Unit::M3(1.0),
        2 => Unit::M3(0.028_316_846_592),
        3 => Unit::M3(2.831_684_659_2),
        _ => return None,
    };
    Some((factor, unit, code & 0x80 != 0))
}

/// Hexadecimal digits, as they are; none where there are none, or more than 16.
fn digits(value: &Value) -> Option<&str> {
    let text = value.as_str()?.trim();
    let text = text.strip_prefix("0x").unwrap_or(text);
    ((1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(text)
}

/// A number that is never below 0; all ones mean that there is none.
fn counter(value: &Value, is_bcd: bool) -> Option<f64> {
    let text = digits(value)?;
    if text.len() > 2 && text.bytes().all(|byte| byte.eq_ignore_ascii_case(&b'f')) {
        return None;
    }
    if is_bcd { text.parse().ok() } else { u64::from_str_radix(text, 16).ok().map(|number| number as f64) }
}

/// A number of 24 bits with a sign, also where it is written with more digits; the lowest means that there is none.
fn signed(value: &Value) -> Option<f64> {
    const SIGN: i64 = 1 << 23;
    let text = digits(value)?;
    let bits = 4 * text.len() as u32;
    let number = i64::from_str_radix(text, 16).ok().filter(|_| bits < 64)?;
    let number = if number >> (bits - 1) == 1 { number - (1 << bits) } else { number };
    // Some displays write the sign of 24 bits without carrying it on.
    let number = if (SIGN..2 * SIGN).contains(&number) { number - 2 * SIGN } else { number };
    (-SIGN + 1..SIGN).contains(&number).then_some(number as f64)
}

/// Whether a display says that it hears its meter; `None` where it does not say.
fn is_joined(said: &Value) -> Option<bool> {
    Some(said.pointer("/pan/status")?.as_str()? == "joined")
}

/// A payload as it may be kept: numbers of the meter point, of the meter and of the display are masked.
pub(super) fn masked(payload: &[u8]) -> String {
    let Ok(mut said) = json(payload) else { return String::new() };
    let secret = ["/elecMtr/0702/03/07", "/elecMtr/0702/03/08", "/gasMtr/0702/03/07", "/gasMtr/0702/03/08", "/gid"];
    for place in secret {
        if let Some(value) = said.pointer_mut(place) {
            *value = "***".into();
        }
    }
    said.to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json as value;

    #[rstest]
    #[case("000009F3", Some(2547.0))]
    #[case("0001F4", Some(500.0))]
    #[case("FFFE0C", Some(-500.0))]
    #[case("FFFFFE0C", Some(-500.0))]
    #[case("00FFFE0C", Some(-500.0))]
    #[case("800000", None)]
    #[case("FF800000", None)]
    #[case("80000000", None)]
    #[case("7FFFFFFF", None)]
    #[case("", None)]
    #[case("12.5", None)]
    #[case("+5", None)]
    #[case("é", None)]
    #[case("FFFFFFFFFFFFFFFF", None)]
    fn power_has_a_sign(#[case] text: &str, #[case] wanted: Option<f64>) {
        assert_eq!(signed(&value!(text)), wanted);
    }

    #[rstest]
    #[case(value!("0000004D64CC"), false, Some(5_072_076.0))]
    #[case(value!("000000123456"), true, Some(123_456.0))]
    #[case(value!("00000012345A"), true, None)]
    #[case(value!("FFFFFFFFFFFF"), false, None)]
    #[case(value!(null), false, None)]
    #[case(value!(12), false, None)]
    fn a_counter_has_none(#[case] said: Value, #[case] is_bcd: bool, #[case] wanted: Option<f64>) {
        assert_eq!(counter(&said, is_bcd), wanted);
    }

    #[test]
    fn a_divisor_of_nought_says_nothing() {
        let meter = |divisor| value!({"elecMtr": {"0702": {"03": {"01": "01", "02": divisor}, "00": {"00": "64"}, "04": {"00": "0000"}}}});
        assert!(read("a", meter("00000000").to_string().as_bytes(), 11.2).is_err());
        let told = read("a", meter("0A").to_string().as_bytes(), 11.2).unwrap();
        assert_eq!(told[0].value(Quantity::EnergyImportKwh), Some(10.0));
    }

    #[test]
    fn who_the_meter_is_of_is_not_kept() {
        let kept = masked(
            br#"{"elecMtr":{"0702":{"03":{"07":"hush","08":"hush"}}},"gasMtr":{"0702":{"03":{"07":"hush"}}},"gid":"hush","ts":"a"}"#,
        );
        assert!(!kept.contains("hush") && kept.contains("\"ts\":\"a\""), "{kept}");
    }
}
