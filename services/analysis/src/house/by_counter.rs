//! The counter of energy that is the house's, where nothing shows its power.

use wattribute_domain::{History, Sensor};

use super::{
    Choice,
    expression::Expression,
    metered::Claims,
    names,
    quantity::{self, Quantity},
};

/// The usual names first, then the counter that counts the most; a name of a house weighs as much as half of what the greatest
/// counts. Never what produces, nor the counter of a device.
pub(super) fn choose(history: &History) -> Option<Choice> {
    let claims = Claims::of(history);
    let of_devices = history.energy_preferences.as_ref().map_or(&[][..], |told| &told.device_energy);
    let is_likely = |s: &&Sensor| {
        quantity::has_readings(&s.readings)
            && !names::is_not_the_house(&s.entity_id)
            && !of_devices.contains(&s.entity_id)
            && !claims.is_named_after_a_switch(s)
            && (names::hints_at_the_house(&s.entity_id) || !claims.is_on_a_switched_device(s))
    };
    let mut found: Vec<(f64, &str)> = Vec::new();
    for sensor in history.sensors.iter().filter(is_likely) {
        let counted = match Quantity::said(sensor) {
            Quantity::Energy(kwh) if quantity::is_counter(sensor) => rise(sensor) * kwh,
            Quantity::Unsaid if names::hints_at_energy(&sensor.entity_id) && quantity::only_rises(&sensor.readings) => rise(sensor),
            _ => continue,
        };
        if counted > 0.0 {
            found.push((counted, &sensor.entity_id));
        }
    }
    let most = found.iter().map(|(counted, _)| *counted).fold(f64::MIN_POSITIVE, f64::max);
    let score = |&(counted, id): &(f64, &str)| {
        counted / most + if names::hints_at_the_house(id) { 0.5 } else { 0.0 } + if names::USUAL_ENERGY.contains(&id) { 2.0 } else { 0.0 }
    };
    found.sort_by(|a, b| score(b).total_cmp(&score(a)).then_with(|| a.1.cmp(b.1)));
    let best = found.first()?;
    Some(Choice {
        expression: Expression::sum(&[best.1])?,
        why: "no sensor shows the house's power, and of the counters of energy it is the likeliest to be the house's".to_owned(),
        candidates: found[1..].iter().filter(|other| score(other) > 0.8 * score(best)).take(5).map(|other| other.1.to_owned()).collect(),
        notes: export_note(history, best.1).into_iter().collect(),
    })
}

/// What it rose by in its own unit, by up to 500 of its readings.
fn rise(sensor: &Sensor) -> f64 {
    quantity::sample(&sensor.readings, 500).windows(2).map(|w| w[1] - w[0]).filter(|&rise| rise > 0.0 && rise < 1e9).sum()
}

/// How to take off what is exported, where a counter of the same name with `export` is there.
fn export_note(history: &History, id: &str) -> Option<String> {
    let pairs = [("import", "export"), ("consumed", "returned"), ("consumption", "return"), ("delivered", "returned")];
    let export =
        pairs.iter().map(|(taken, given)| id.replace(taken, given)).find(|other| other != id && super::sensor(history, other).is_some())?;
    Some(format!("what {export} counts is not taken off: --meter \"{id} - {export}\" would"))
}
