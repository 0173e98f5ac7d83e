//! What does not matter to an answer.

use proptest::prelude::*;
use rstest::rstest;
use wattribute_analysis::{Analysis, analyze};
use wattribute_domain::{Answer, Correlation, DeviceProfile, Sensor, Series};

use crate::cases;
use crate::home::{Home, Load, METER, Plan, Random, device, settings};

/// The same answer, and the same words about every state change (as text, since `NaN` is nothing's equal).
fn assert_same(a: &Analysis, b: &Analysis) {
    assert_eq!(a.answer, b.answer);
    assert_eq!(a.entities, b.entities);
    assert_eq!(format!("{:?}", a.correlations), format!("{:?}", b.correlations));
}

#[test]
fn order_of_input_does_not_matter() {
    let mut home = Plan::new(11).build();
    let mut other = Sensor { entity_id: "sensor.freezer_power".to_owned(), unit: Some("W".to_owned()), ..Sensor::default() };
    other.readings = Series { at_ms: home.meter().at_ms.iter().step_by(20).copied().collect(), value: Vec::new() };
    other.readings.value = (0..other.readings.len()).map(|k| (k / 40 % 3) as f64 * 30.0).collect();
    home.history.sensors.push(other);
    let mut shuffled = home.history.clone();
    let mut random = Random::new(5, 0);
    random.shuffle(&mut shuffled.sensors);
    shuffled.sensors.reverse();
    random.shuffle(&mut shuffled.entities);
    for entity in &mut shuffled.entities {
        random.shuffle(&mut entity.said);
    }
    for sensor in &mut shuffled.sensors {
        let mut rows: Vec<(i64, f64)> = std::iter::zip(sensor.readings.at_ms.drain(..), sensor.readings.value.drain(..)).collect();
        random.shuffle(&mut rows);
        rows.into_iter().for_each(|(at_ms, value)| sensor.readings.push(at_ms, value));
    }
    home.history.normalise();
    shuffled.normalise();
    assert_same(&home.analyze(), &analyze(shuffled, &settings()).unwrap());
}

/// What is told of a device in W, and in kWh.
fn told(d: &DeviceProfile) -> (Vec<Option<f64>>, Vec<Option<f64>>) {
    let mut powers = vec![d.power_w, d.power_low_w, d.power_high_w];
    powers.extend(d.levels.iter().map(|l| l.power_w));
    (powers, vec![d.energy_kwh, d.energy_low_kwh, d.energy_high_kwh])
}

fn assert_doubled(what: &str, once: &[Option<f64>], twice: &[Option<f64>], share: f64, least: f64) {
    assert_eq!(once.len(), twice.len(), "{what}");
    for (a, b) in once.iter().zip(twice) {
        assert_eq!(a.is_some(), b.is_some(), "{what}: {once:?} {twice:?}");
        let (a, b) = (2.0 * a.unwrap_or(0.0), b.unwrap_or(0.0));
        assert!((b - a).abs() <= (share * a).max(least), "{what}: {once:?} {twice:?}");
    }
}

/// The engine knows some powers by their W, so that doubling is exact for none of its answers: errors of 0.1 W and tolerances of a few
/// W matter little; but below some 170 W it is more ready to call a load steady (a mean that is wrong by up to 500 W is thought
/// possible for any), which moves the energy of a lamp by a few percent. Loads of several hundred W are free of that. A ghost is left
/// out: whether it surely draws less than 2 W depends on the noise in W.
#[rstest]
#[case(1.0, 0.05)]
#[case(8.0, 0.01)]
fn doubling_every_power_doubles_every_answer(#[case] scale: f64, #[case] energy_share: f64) {
    let plan = Plan { scale, ..Plan::new(12) };
    let twice = Plan { scale: 2.0 * scale, ..plan.clone() }.build().analyze();
    let once = plan.build().analyze();
    for a in once.answer.devices.iter().filter(|d| d.entity_id != "switch.ghost") {
        let b = device(&twice, &a.entity_id);
        let ((a_w, a_kwh), (b_w, b_kwh)) = (told(a), told(b));
        assert_eq!(a.verdict, b.verdict);
        assert_doubled(&a.entity_id, &a_w, &b_w, 0.005, 0.3);
        assert_doubled(&a.entity_id, &a_kwh, &b_kwh, energy_share, 0.001);
    }
    let (a, b) = (&once.answer, &twice.answer);
    assert_doubled("baseline", &[a.baseline_w], &[b.baseline_w], 0.001, 0.1);
    assert_doubled("house", &[Some(a.house_kwh)], &[Some(b.house_kwh)], 0.0, 0.002);
    assert_doubled("unexplained", &[Some(a.unexplained_kwh)], &[Some(b.unexplained_kwh)], energy_share, 0.0);
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn shifting_time_shifts_nothing(shift_ms in -1_000_000_000_000i64..1_000_000_000_000) {
        let home = Plan { days: 2.0, ..Plan::new(13) }.build();
        let mut shifted = home.clone();
        for sensor in &mut shifted.history.sensors {
            sensor.readings.at_ms.iter_mut().for_each(|t| *t += shift_ms);
        }
        for entity in &mut shifted.history.entities {
            entity.said.iter_mut().for_each(|s| s.at_ms += shift_ms);
        }
        let (before, mut after) = (home.analyze(), shifted.analyze());
        // Local nights are others.
        let (from, to, baseline_w) = (before.answer.from.clone(), before.answer.to.clone(), before.answer.baseline_w);
        after.answer = Answer { from, to, baseline_w, ..after.answer };
        after.correlations = after.correlations.into_iter().map(|c| Correlation { at_ms: c.at_ms - shift_ms, ..c }).collect();
        assert_same(&before, &after);
    }
}

/// A home whose meter says whole W, and is quiet enough to say the same again.
fn quiet() -> Home {
    Plan { noise_w: 0.3, rounded_w: 1.0, ..Plan::new(14) }.build()
}

#[test]
fn thinning_a_meter_to_its_changes_changes_no_answer() {
    let mut thin = quiet();
    let mut thick = thin.clone();
    let changes = thin.meter().clone();
    let readings = thick.meter();
    *readings = Series::default();
    for (k, (&at_ms, &value)) in changes.at_ms.iter().zip(&changes.value).enumerate() {
        let until_ms = changes.at_ms.get(k + 1).copied().unwrap_or(at_ms + 1);
        (at_ms..until_ms).step_by(3000).for_each(|t| readings.push(t, value));
    }
    assert!(readings.len() > changes.len() * 5 / 4, "{} of {} readings are repeats", readings.len() - changes.len(), readings.len());
    let unsorted = thick.clone();
    thick.history.normalise();
    let answer = thin.clone().analyze();
    assert_same(&answer, &thick.analyze());
    assert_same(&answer, &unsorted.analyze());
    // By what it does, where its name says nothing.
    thin.history.sensors.iter_mut().filter(|s| s.entity_id == METER).for_each(|s| s.entity_id = "sensor.x".to_owned());
    let by_behaviour = analyze(thin.history, &settings()).unwrap();
    assert_eq!(by_behaviour.answer.devices, answer.answer.devices);
}

#[test]
fn a_load_does_not_depend_on_a_ghost_beside_it() {
    let alone = Plan::with(15, vec![Load::kettle(), Load::lamp()]).build().analyze();
    let beside = Plan::with(15, vec![Load::kettle(), Load::lamp(), Load::ghost()]).build().analyze();
    for id in ["switch.kettle", "light.hall"] {
        let (a, b) = (device(&alone, id).power_w.unwrap(), device(&beside, id).power_w.unwrap());
        assert!((a - b).abs() < 0.01 * a, "{id}: {a} W alone, {b} W beside a ghost");
    }
}
