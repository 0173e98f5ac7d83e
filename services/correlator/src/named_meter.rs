//! The house's meter in the owner's words: `tasmota/mt681`, an expression over such, or a source alone.

use wattribute_domain::{Quantity, Role, SeriesId, SeriesInfo, with_dots};

use crate::catalogue::{Catalogue, sensor_name};

/// The expression over series that the owner means; without words the only meter beside Home Assistant that says of itself that it is the house's.
/// `None`: it is to be found. The error says which meters there are.
pub fn meant(catalogue: &Catalogue, words: Option<&str>) -> anyhow::Result<Option<String>> {
    let all: Vec<(SeriesId, &SeriesInfo)> =
        catalogue.all().filter(|(_, info)| !matches!(info.role, Some(Role::Gas | Role::Guess))).collect();
    let of = |wanted: &dyn Fn(&SeriesInfo) -> bool| -> Vec<String> {
        all.iter().filter(|(_, info)| wanted(info)).map(|(_, info)| sensor_name(info)).collect()
    };
    let is_whole = |info: &SeriesInfo| info.role == Some(Role::WholeHouse);
    let is_power = |info: &SeriesInfo| info.quantity == Quantity::PowerW;
    let Some(words) = words.map(str::trim).filter(|words| !words.is_empty()) else {
        let all_whole = of(&|info| is_whole(info) && is_power(info));
        let beside = of(&|info| is_whole(info) && is_power(info) && !matches!(info.source.as_str(), "home_assistant" | "demo"));
        return Ok(beside.into_iter().next().filter(|_| all_whole.len() == 1));
    };
    let is_source = words.chars().all(|c| c.is_alphanumeric() || c == '_') && !words.contains('.');
    if !is_source || words == "home_assistant" {
        return Ok(Some(with_dots(words)).filter(|_| words != "home_assistant"));
    }
    let candidates = [
        of(&|info| info.source == words && is_power(info) && is_whole(info)),
        of(&|info| info.source == words && is_power(info)),
        of(&|info| info.source == words && info.quantity == Quantity::EnergyImportKwh && is_whole(info)),
    ];
    match candidates.into_iter().find(|found| !found.is_empty()) {
        Some(found) if found.len() == 1 => Ok(found.into_iter().next()),
        Some(found) => anyhow::bail!("{words} has several meters: name one of {} as `meter` in [home]", found.join(", ")),
        None => anyhow::bail!("{words} has not said any power yet: see that it is set up and speaks"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;
    use wattribute_domain::Home;

    use super::*;

    fn catalogue(devices: &[(&str, &str, Option<Role>)]) -> Catalogue {
        let info = |(source, device, role): &(&str, &str, Option<Role>)| SeriesInfo {
            role: *role,
            ..SeriesInfo::new(source, device, Quantity::PowerW)
        };
        Catalogue::of(devices.iter().zip(0..).map(|(device, id)| (SeriesId(id), info(device))).collect::<BTreeMap<_, _>>(), Home::default())
    }

    const METER: (&str, &str, Option<Role>) = ("tasmota", "mt681", Some(Role::WholeHouse));
    const PLUG: (&str, &str, Option<Role>) = ("tasmota", "desk", Some(Role::Device));
    const GRID: (&str, &str, Option<Role>) = ("home_assistant", "sensor.grid", Some(Role::WholeHouse));

    #[rstest]
    #[case(&[PLUG], None, Ok(None))]
    #[case(&[PLUG, METER], None, Ok(Some("tasmota.mt681")))]
    #[case(&[GRID, METER], None, Ok(None))]
    #[case(&[GRID], None, Ok(None))]
    #[case(&[GRID, METER], Some("tasmota/mt681"), Ok(Some("tasmota.mt681")))]
    #[case(&[GRID, METER], Some("sensor.grid - http/pv"), Ok(Some("sensor.grid - http.pv")))]
    #[case(&[GRID, METER, PLUG], Some("tasmota"), Ok(Some("tasmota.mt681")))]
    #[case(&[PLUG], Some("tasmota"), Ok(Some("tasmota.desk")))]
    #[case(&[METER], Some("home_assistant"), Ok(None))]
    #[case(&[METER, ("tasmota", "heat", Some(Role::WholeHouse))], Some("tasmota"), Err("tasmota.mt681, tasmota.heat"))]
    #[case(&[GRID], Some("glow"), Err("not said any power yet"))]
    fn a_meter_is_meant(
        #[case] devices: &[(&str, &str, Option<Role>)],
        #[case] words: Option<&str>,
        #[case] expected: Result<Option<&str>, &str>,
    ) {
        match (meant(&catalogue(devices), words), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.as_deref(), expected),
            (Err(error), Err(says)) => assert!(error.to_string().contains(says), "{error}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }
}
