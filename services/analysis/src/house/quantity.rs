//! What a sensor measures, and in which unit: as it says itself, else by its name and its values.

use wattribute_domain::{Sensor, Series, units};

use super::names;

/// What a sensor measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Quantity {
    /// Active power, W a unit.
    Power(f64),
    /// Apparent power (VA), taken for W a unit where there is nothing better.
    ApparentPower(f64),
    /// Energy, kWh a unit.
    Energy(f64),
    /// It does not say.
    Unsaid,
    /// Neither power nor energy.
    Other,
}

impl Quantity {
    /// What `unit` measures.
    pub(super) fn of_unit(unit: &str) -> Self {
        match (units::watts_per(unit), units::kwh_per(unit)) {
            (Some(watts), _) if unit.trim().ends_with("VA") => Quantity::ApparentPower(watts),
            (Some(watts), _) => Quantity::Power(watts),
            (None, Some(kwh)) => Quantity::Energy(kwh),
            (None, None) => Quantity::Other,
        }
    }

    /// What `sensor` says it measures.
    pub(super) fn said(sensor: &Sensor) -> Self {
        match sensor.unit.as_deref().map(str::trim) {
            Some(unit) if !unit.is_empty() => Quantity::of_unit(unit),
            _ => Quantity::Unsaid,
        }
    }

    /// What the house's `sensor`, which does not say its unit, measures, by its name and values; with a sentence for the owner.
    pub(super) fn inferred(sensor: &Sensor) -> (Self, String) {
        let id = &sensor.entity_id;
        let values = sample(&sensor.readings, 2000);
        let named_energy = sensor.device_class.as_deref() == Some("energy") || names::hints_at_energy(id);
        let named_power = sensor.device_class.as_deref() == Some("power") || names::hints_at_power(id);
        if only_rises(&sensor.readings) && (named_energy || !named_power) {
            let watt_hours = id.ends_with("_wh");
            let unit = if watt_hours { "Wh" } else { "kWh" };
            let note =
                format!("{id} carries no unit: it only ever rises, so it is read as a counter in {unit} (--meter-unit says otherwise)");
            return (Quantity::Energy(if watt_hours { 1e-3 } else { 1.0 }), note);
        }
        let kilo = looks_like_kilowatts(&values);
        let (unit, watts) = if kilo { ("kW", 1000.0) } else { ("W", 1.0) };
        let note = format!(
            "{id} carries no unit: by its values (half are below {:.4}) it is read as {unit} (--meter-unit says otherwise)",
            median_magnitude(&values)
        );
        (Quantity::Power(watts), note)
    }
}

/// Whether `sensor` counts: its class says so, or it is silent about its class.
pub(super) fn is_counter(sensor: &Sensor) -> bool {
    matches!(sensor.state_class.as_deref(), None | Some("total" | "total_increasing"))
}

/// Whether falls of `sensor`'s counter are meant: Home Assistant's state class `total`.
pub(super) fn may_fall(sensor: &Sensor) -> bool {
    sensor.state_class.as_deref() == Some("total")
}

/// Up to `most` numbers of `series`, evenly spread over its rows.
pub(super) fn sample(series: &Series, most: usize) -> Vec<f64> {
    let stride = series.len().div_ceil(most).max(1);
    series.value.iter().step_by(stride).copied().filter(|v| v.is_finite()).collect()
}

/// Whether `series` has at least two numbers.
pub(super) fn has_readings(series: &Series) -> bool {
    series.value.iter().filter(|v| v.is_finite()).take(2).count() == 2
}

/// Whether nearly all changes from row to row are rises, by up to 500 pairs of rows.
pub(super) fn only_rises(series: &Series) -> bool {
    let stride = series.len().div_ceil(500).max(1);
    let (mut rises, mut falls) = (0, 0);
    for k in (1..series.len()).step_by(stride) {
        rises += usize::from(series.value[k] > series.value[k - 1]);
        falls += usize::from(series.value[k] < series.value[k - 1]);
    }
    rises >= 8 && falls * 20 <= rises
}

/// Values of a house in kW: half below 25, none above 60, with decimals.
fn looks_like_kilowatts(values: &[f64]) -> bool {
    let decimals = values.iter().filter(|v| v.fract() != 0.0).count();
    decimals * 2 > values.len() && median_magnitude(values) < 25.0 && values.iter().all(|v| v.abs() < 60.0)
}

/// W a unit for a sensor of power that does not say its unit; kW only where the name allows it, since a lamp looks like that too.
pub(super) fn rough_watts(sensor: &Sensor) -> f64 {
    let may_be_kilo = names::hints_at_the_house(&sensor.entity_id) || sensor.entity_id.ends_with("_kw");
    if may_be_kilo && looks_like_kilowatts(&sample(&sensor.readings, 300)) { 1000.0 } else { 1.0 }
}

/// Median of |value|; 0 without values.
pub(super) fn median_magnitude(values: &[f64]) -> f64 {
    let mut magnitudes: Vec<f64> = values.iter().map(|v| v.abs()).collect();
    magnitudes.sort_unstable_by(f64::total_cmp);
    magnitudes.get(magnitudes.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn sensor(id: &str, values: &[f64]) -> Sensor {
        let readings = Series { at_ms: (0..values.len() as i64).collect(), value: values.to_vec() };
        Sensor { entity_id: id.to_owned(), readings, ..Sensor::default() }
    }

    #[rstest]
    #[case("kW", Quantity::Power(1000.0))]
    #[case("VA", Quantity::ApparentPower(1.0))]
    #[case("kVA", Quantity::ApparentPower(1000.0))]
    #[case("Wh", Quantity::Energy(1e-3))]
    #[case("°C", Quantity::Other)]
    #[case("W/m²", Quantity::Other)]
    #[case(" ", Quantity::Unsaid)]
    fn a_unit_tells_the_quantity(#[case] unit: &str, #[case] quantity: Quantity) {
        assert_eq!(Quantity::said(&Sensor { unit: Some(unit.to_owned()), ..Sensor::default() }), quantity);
    }

    #[rstest]
    #[case("sensor.house_power", &[0.31, 0.35, 4.25, 0.33], Quantity::Power(1000.0))]
    #[case("sensor.house_power", &[310.5, 350.1, 4250.0], Quantity::Power(1.0))]
    #[case("sensor.house_power", &[10.0, 12.0, 11.0], Quantity::Power(1.0))]
    #[case("sensor.house_power", &[0.5, 1.5, 75.5], Quantity::Power(1.0))]
    #[case("sensor.meter", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], Quantity::Energy(1.0))]
    #[case("sensor.house_wh", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], Quantity::Energy(1e-3))]
    #[case("sensor.house_power", &[101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 107.0, 108.0, 109.0], Quantity::Power(1.0))]
    fn a_missing_unit_is_inferred(#[case] id: &str, #[case] values: &[f64], #[case] quantity: Quantity) {
        let (inferred, note) = Quantity::inferred(&sensor(id, values));
        assert_eq!(inferred, quantity);
        assert!(note.contains(id) && note.contains("--meter-unit"), "{note}");
    }
}
