//! Conversion at the edge: everything inside is W and kWh.

/// What one of `unit` is in W (`kW` gives 1000), for the units of power that Home Assistant knows; `None` for anything else.
pub fn watts_per(unit: &str) -> Option<f64> {
    Some(match unit.trim() {
        "mW" => 1e-3,
        "W" | "w" | "Watt" | "Watts" | "watt" | "watts" | "VA" => 1.0,
        "kW" | "KW" | "kw" | "kVA" => 1e3,
        "MW" => 1e6,
        "GW" => 1e9,
        "TW" => 1e12,
        "BTU/h" => 0.293_071_07,
        _ => return None,
    })
}

/// What one of `unit` is in kWh (`Wh` gives 0.001), for the units of energy that Home Assistant knows; `None` for anything else.
pub fn kwh_per(unit: &str) -> Option<f64> {
    Some(match unit.trim() {
        "mWh" => 1e-6,
        "Wh" | "wh" | "VAh" => 1e-3,
        "kWh" | "KWh" | "kwh" | "KWH" | "kVAh" => 1.0,
        "MWh" => 1e3,
        "GWh" => 1e6,
        "TWh" => 1e9,
        "J" => 1.0 / 3.6e6,
        "kJ" => 1.0 / 3.6e3,
        "MJ" => 1.0 / 3.6,
        "GJ" => 1e3 / 3.6,
        "cal" => 4.184 / 3.6e6,
        "kcal" => 4.184 / 3.6e3,
        "Mcal" => 4.184 / 3.6,
        "Gcal" => 4184.0 / 3.6,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_become_watts_and_kilowatt_hours() {
        assert_eq!(watts_per("kW"), Some(1000.0));
        assert_eq!(watts_per("mW"), Some(0.001));
        assert_eq!(watts_per("°C"), None);
        assert_eq!(kwh_per("Wh"), Some(0.001));
        assert_eq!(kwh_per("MJ").map(|x| (x * 3.6 * 1e9).round()), Some(1e9));
        assert_eq!(kwh_per("m³"), None);
    }
}
