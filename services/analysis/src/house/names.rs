//! What names tell: words in entity ids, the usual names of a house's meter, and ids that look like a mistyped one.

use wattribute_domain::object_of;

/// Names that earlier systems look for, in their order, and after them names that are common without anybody's agreement.
pub(super) const USUAL_POWER: [&str; 6] = [
    "sensor.total_power",
    "sensor.power_total",
    "sensor.home_power",
    "sensor.power_consumption",
    "sensor.house_power",
    "sensor.grid_power",
];

/// The usual names of the house's counter of the day.
pub(super) const USUAL_ENERGY: [&str; 3] = ["sensor.daily_energy", "sensor.energy_daily", "sensor.energy_today"];

/// Words of a meter of the whole house.
const HOUSE: [&str; 25] = [
    "house",
    "home",
    "grid",
    "mains",
    "main",
    "whole",
    "total",
    "net",
    "utility",
    "smartmeter",
    "p1",
    "dsmr",
    "em",
    "3em",
    "em3",
    "shellyem",
    "shellyem3",
    "shelly3em",
    "haus",
    "netz",
    "gesamt",
    "hausverbrauch",
    "stromzaehler",
    "huis",
    "slimmelezer",
];

/// Words of what produces or stores, or of what is not a reading of now.
const NOT_THE_HOUSE: [&str; 42] = [
    "solar",
    "pv",
    "pv1",
    "pv2",
    "inverter",
    "photovoltaic",
    "photovoltaik",
    "wechselrichter",
    "production",
    "produced",
    "produktion",
    "generation",
    "generated",
    "yield",
    "wind",
    "export",
    "exported",
    "return",
    "returned",
    "feed",
    "feedin",
    "einspeisung",
    "injection",
    "battery",
    "batterie",
    "akku",
    "forecast",
    "estimate",
    "estimated",
    "predicted",
    "max",
    "maximum",
    "min",
    "minimum",
    "peak",
    "limit",
    "rated",
    "target",
    "average",
    "mean",
    "price",
    "cost",
];

/// Words of power.
const POWER: [&str; 16] = [
    "power",
    "watt",
    "watts",
    "w",
    "kw",
    "consumption",
    "load",
    "demand",
    "leistung",
    "verbrauch",
    "vermogen",
    "verbruik",
    "puissance",
    "potencia",
    "potenza",
    "effekt",
];

/// Words of energy.
const ENERGY: [&str; 8] = ["energy", "kwh", "wh", "energie", "energia", "summation", "daily", "today"];

/// Words of quantities that are neither.
const OTHER: [&str; 40] = [
    "temperature",
    "temp",
    "temperatur",
    "humidity",
    "illuminance",
    "lux",
    "battery",
    "voltage",
    "volt",
    "volts",
    "spannung",
    "rssi",
    "signal",
    "linkquality",
    "lqi",
    "pressure",
    "co2",
    "pm25",
    "pm10",
    "tvoc",
    "price",
    "cost",
    "speed",
    "wind",
    "rain",
    "time",
    "uptime",
    "percent",
    "percentage",
    "level",
    "count",
    "counter",
    "frequency",
    "factor",
    "gas",
    "water",
    "moisture",
    "memory",
    "cpu",
    "angle",
];

/// Words that begin at `_` and `.` of what follows the domain.
fn words(entity_id: &str) -> impl Iterator<Item = &str> {
    object_of(entity_id).split(['_', '.'])
}

fn any(entity_id: &str, of: &[&str]) -> bool {
    words(entity_id).any(|word| of.contains(&word))
}

/// Whether the name is that of a meter of the whole house.
pub(super) fn hints_at_the_house(entity_id: &str) -> bool {
    any(entity_id, &HOUSE) || object_of(entity_id).contains("smart_meter")
}

/// Whether the name is that of something that produces or stores, or of a limit, a mean or a forecast.
pub(super) fn is_not_the_house(entity_id: &str) -> bool {
    any(entity_id, &NOT_THE_HOUSE)
}

/// Whether the name speaks of production by the sun.
pub(super) fn hints_at_solar(entity_id: &str) -> bool {
    any(entity_id, &["solar", "pv", "photovoltaic", "photovoltaik"])
}

/// Whether the name speaks of power (and not of energy or another quantity).
pub(super) fn hints_at_power(entity_id: &str) -> bool {
    any(entity_id, &POWER) && !hints_at_energy(entity_id) && !any(entity_id, &OTHER)
}

/// Whether the name speaks of energy.
pub(super) fn hints_at_energy(entity_id: &str) -> bool {
    let last_says_power = words(entity_id).last().is_some_and(|word| ["power", "w", "watt", "watts"].contains(&word));
    any(entity_id, &ENERGY) && !last_says_power && !any(entity_id, &["price", "cost"])
}

/// Whether the name speaks of a quantity that is neither power nor energy.
pub(super) fn hints_at_something_else(entity_id: &str) -> bool {
    any(entity_id, &OTHER)
}

/// The name without what tells one of three (or two) phases, where there is one: `sensor.em_*_power` of `sensor.em_l1_power`.
pub(super) fn without_phase(entity_id: &str) -> Option<String> {
    const PHASES: [&str; 6] = ["l1", "l2", "l3", "a", "b", "c"];
    let all: Vec<&str> = entity_id.split('_').collect();
    let k =
        all.iter().enumerate().skip(1).position(|(k, word)| {
            PHASES[..3].contains(word) || (PHASES[3..].contains(word) && matches!(all[k - 1], "phase" | "channel"))
        })? + 1;
    Some([&all[..k], &["*"], &all[k + 1..]].concat().join("_"))
}

/// Up to `most` of `known` that look like `wanted`, best first: few letters changed, else the same telling words.
pub(super) fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let telling = |word: &&str| word.len() > 2 && !POWER.contains(word) && !ENERGY.contains(word);
    let mut scored: Vec<(bool, usize, usize, &str)> = known
        .filter_map(|id| {
            let letters = wattribute_domain::letters_apart(object_of(wanted), object_of(id));
            let shared = words(wanted).filter(telling).filter(|word| words(id).any(|other| other == *word)).count();
            let far = letters > object_of(wanted).len().max(4) / 4;
            (!far || shared > 0).then_some((far, if far { usize::MAX - shared } else { 0 }, letters, id))
        })
        .collect();
    scored.sort_unstable();
    let any_near = scored.first().is_some_and(|(far, ..)| !far);
    scored.into_iter().filter(|(far, ..)| !far || !any_near).take(most).map(|(.., id)| id).collect()
}

/// `a, b, c and 4 more`.
pub(super) fn list<'a>(ids: impl Iterator<Item = &'a str>, most: usize) -> String {
    let ids: Vec<&str> = ids.collect();
    match ids.len() {
        0 => "none".to_owned(),
        n if n > most => format!("{} and {} more", ids[..most].join(", "), n - most),
        _ => ids.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("sensor.house_pwer", &["sensor.house_power"])]
    #[case("sensor.power_house", &["sensor.house_power"])]
    #[case("sensor.kettle_wattage", &["sensor.kettle_power", "sensor.old_kettle"])]
    #[case("sensor.xyz", &[])]
    fn mistyped_ids_find_their_like(#[case] wanted: &str, #[case] found: &[&str]) {
        let known = ["sensor.house_power", "sensor.kettle_power", "sensor.old_kettle", "sensor.outdoor"];
        assert_eq!(nearest(wanted, known.into_iter(), 3), found);
    }

    #[rstest]
    #[case("sensor.house_power", true, false)]
    #[case("sensor.smart_meter_1", true, false)]
    #[case("sensor.shellyem3_channel_a_power", true, false)]
    #[case("sensor.pv_power", false, true)]
    #[case("sensor.grid_power_export", true, true)]
    #[case("sensor.kettle_power", false, false)]
    #[case("sensor.greenhouse_power", false, false)]
    fn names_hint_at_the_house(#[case] id: &str, #[case] house: bool, #[case] not: bool) {
        assert_eq!((hints_at_the_house(id), is_not_the_house(id)), (house, not));
    }

    #[rstest]
    #[case("sensor.kettle_power", true, false)]
    #[case("sensor.plug_energy_power", true, false)]
    #[case("sensor.plug_energy_total", false, true)]
    #[case("sensor.power_factor", false, false)]
    #[case("sensor.kettle_current_consumption", true, false)]
    #[case("sensor.energy_price", false, false)]
    fn names_hint_at_a_quantity(#[case] id: &str, #[case] power: bool, #[case] energy: bool) {
        assert_eq!((hints_at_power(id), hints_at_energy(id)), (power, energy));
    }

    #[rstest]
    #[case("sensor.p1_power_l1", Some("sensor.p1_power_*"))]
    #[case("sensor.em_channel_b_power", Some("sensor.em_channel_*_power"))]
    #[case("sensor.em_phase_c_active_power", Some("sensor.em_phase_*_active_power"))]
    #[case("sensor.plan_b_power", None)]
    fn phases_are_told_from_names(#[case] id: &str, #[case] rest: Option<&str>) {
        assert_eq!(without_phase(id).as_deref(), rest);
    }

    #[test]
    fn lists_are_cut() {
        assert_eq!(list(["a", "b", "c"].into_iter(), 2), "a, b and 1 more");
        assert_eq!(list(["a", "b"].into_iter(), 2), "a, b");
        assert_eq!(list([].into_iter(), 2), "none");
    }
}
