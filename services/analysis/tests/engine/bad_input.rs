//! Bad input gives one clear line, or an answer; never a panic, and never a number that is none.

use proptest::prelude::*;
use wattribute_analysis::{Analysis, AnalysisError, analyze};
use wattribute_domain::{Entity, History, Level, Said, Sensor, Series, Verdict};

use crate::cases;
use crate::home::{Home, Load, METER, Plan, START_MS, settings};

/// Every number is one, and intervals hold what they are about.
fn assert_sane(analysis: &Analysis) {
    let answer = &analysis.answer;
    let meter = &answer.meter;
    let known = [meter.interval_s, meter.noise_w, meter.smallest_load_w, answer.house_kwh, answer.gap_hours, answer.unexplained_kwh];
    assert!(known.into_iter().all(f64::is_finite), "{answer:?}");
    let mut unknown = vec![meter.lag_s, answer.baseline_w, answer.price_per_kwh];
    for d in &answer.devices {
        unknown.extend([d.cost, d.measured_energy_kwh]);
        unknown.extend(d.levels.iter().map(|l| l.fraction));
        let powers = d.levels.iter().map(|l| (l.power_low_w, l.power_w, l.power_high_w));
        let energy = (d.energy_low_kwh, d.energy_kwh, d.energy_high_kwh);
        for (low, middle, high) in powers.chain([(d.power_low_w, d.power_w, d.power_high_w), energy]) {
            unknown.extend([low, middle, high]);
            assert!(low.zip(middle).is_none_or(|(l, m)| 0.0 <= l && l <= m), "{d:?}");
            assert!(middle.zip(high).is_none_or(|(m, h)| m <= h), "{d:?}");
        }
        assert!(d.hours_on.is_finite() && d.hours_on >= 0.0 && (0.0..=1.0).contains(&d.strength), "{d:?}");
    }
    assert!(unknown.into_iter().flatten().all(f64::is_finite), "{answer:?}");
    assert!(!answer.from.is_empty() && !answer.to.is_empty());
    for c in &analysis.correlations {
        assert!(c.explained_w.is_finite() && !c.standard_error_w.is_infinite() && !c.power_after_w.is_infinite(), "{c:?}");
    }
}

/// An answer that is sane, or an error of one line.
fn ask(history: History) -> Result<Analysis, AnalysisError> {
    let result = analyze(history, &settings());
    match &result {
        Ok(analysis) => assert_sane(analysis),
        Err(error) => {
            let line = error.to_string();
            assert!(line.len() > 20 && !line.contains('\n'), "{line:?}");
        }
    }
    result
}

fn home() -> Home {
    Plan { days: 2.0, ..Plan::new(31) }.build()
}

fn switch(id: &str, said: &[(i64, Option<bool>)]) -> Entity {
    let mut entity = Entity::new(id);
    let mode = entity.mode("on");
    let level = |on: bool| if on { Level { mode, fraction: 1.0 } } else { Level::off() };
    entity.said = said.iter().map(|&(s, on)| Said { at_ms: START_MS + s * 1000, level: on.map(level) }).collect();
    entity
}

#[test]
fn a_good_home_is_sane() {
    let analysis = ask(home().history).unwrap();
    assert_eq!(analysis.answer.devices.len(), 7);
}

#[test]
fn without_a_meter_there_is_no_answer() {
    assert!(matches!(ask(History::default()), Err(AnalysisError::NoMeter(_))));
    let mut home = home();
    home.history.sensors.clear();
    assert!(matches!(ask(home.history), Err(AnalysisError::NoMeter(_))));
}

#[test]
fn a_meter_that_never_says_a_number_is_none() {
    let mut all_nan = home();
    all_nan.meter().value.fill(f64::NAN);
    assert!(ask(all_nan.history.clone()).is_err());
    all_nan.history.normalise();
    assert!(ask(all_nan.history.clone()).is_err());
    let named = wattribute_analysis::Settings { meter: Some(METER.to_owned()), ..settings() };
    assert!(matches!(analyze(all_nan.history, &named), Err(AnalysisError::BadMeter(_))));
}

#[test]
fn a_few_readings_are_too_few() {
    for readings in [1, 2, 9] {
        let mut few = home();
        let meter = few.meter();
        meter.at_ms.truncate(readings);
        meter.value.truncate(readings);
        assert!(ask(few.history).is_err(), "{readings} readings");
    }
    let mut constant = home();
    constant.meter().value.fill(230.0);
    assert!(ask(constant.history).is_err());
}

#[test]
fn without_switches_there_is_nothing_to_learn_from() {
    let mut home = home();
    home.history.entities.clear();
    assert!(matches!(ask(home.history.clone()), Err(AnalysisError::NoEvents(_))));
    home.history.entities = vec![switch("switch.a", &[]), switch("switch.b", &[(0, Some(false))])];
    assert!(matches!(ask(home.history), Err(AnalysisError::NoEvents(_))));
}

#[test]
fn an_entity_that_never_changes_is_told_apart() {
    let mut home = home();
    let held: Vec<(i64, Option<bool>)> = (0..100).map(|k| (k * 1000, Some(true))).collect();
    let lost: Vec<(i64, Option<bool>)> = (0..100).map(|k| (k * 1000, None)).collect();
    let ids = ["switch.silent", "switch.once", "switch.held", "switch.lost"];
    home.history.entities.extend([switch(ids[0], &[]), switch(ids[1], &[(60, Some(true))]), switch(ids[2], &held), switch(ids[3], &lost)]);
    home.history.normalise();
    let analysis = ask(home.history).unwrap();
    for id in ids {
        let d = crate::home::device(&analysis, id);
        assert_eq!((d.verdict, d.power_w, d.events_total), (Verdict::NotEnoughEvents, None, 0), "{id}");
    }
}

#[test]
fn clocks_out_of_order_are_put_in_order_or_survived() {
    let mut home = home();
    let hour = 3_600_000;
    for entity in &mut home.history.entities {
        // Clocks that jumped back by an hour, to 1970 and to 2100.
        let n = entity.said.len();
        entity.said[n / 2..].iter_mut().for_each(|s| s.at_ms -= hour);
        entity.said[1].at_ms = 1;
        entity.said[n - 1].at_ms = 4_102_444_800_000;
    }
    let meter = home.meter();
    let n = meter.len();
    meter.at_ms[n / 2..].iter_mut().for_each(|t| *t -= hour);
    meter.at_ms[10..20].reverse();
    ask(home.history.clone()).unwrap(); // as it is
    home.history.normalise();
    ask(home.history).unwrap();
}

#[test]
fn a_year_of_gaps_is_survived() {
    // A meter that held its value instead of falling silent: a month of that.
    for (silent, days) in [(true, 365), (false, 30)] {
        let mut home = home();
        let n = home.meter().len() / 2;
        let half_ms = home.meter().at_ms[n];
        if silent {
            home.meter().value[n - 1] = f64::NAN;
        }
        home.meter().at_ms[n..].iter_mut().for_each(|t| *t += days * 86_400_000);
        for entity in &mut home.history.entities {
            entity.said.iter_mut().filter(|s| s.at_ms >= half_ms).for_each(|s| s.at_ms += days * 86_400_000);
        }
        let analysis = ask(home.history).unwrap();
        assert_eq!(analysis.answer.gap_hours > 8758.0, silent);
    }
}

#[test]
fn values_that_no_house_draws_are_gaps() {
    let mut home = home();
    let strange = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e300, -1e300, f64::MIN_POSITIVE, -0.0];
    for (k, v) in home.meter().value.iter_mut().enumerate().filter(|(k, _)| k % 50 == 0) {
        *v = strange[k / 50 % strange.len()];
    }
    let analysis = ask(home.history).unwrap();
    let kettle = crate::home::device(&analysis, "switch.kettle");
    assert!(kettle.power_w.is_some_and(|w| (w - 1500.0).abs() < 75.0), "{kettle:?}");
}

#[test]
fn levels_that_are_none_are_survived() {
    let mut home = home();
    for (k, said) in home.entity("light.dining").said.iter_mut().enumerate() {
        if let Some(level) = said.level.as_mut().filter(|l| !l.is_off() && k % 3 == 0) {
            level.fraction = 0.0;
        }
    }
    home.entity("light.hall").said.iter_mut().filter_map(|s| s.level.as_mut()).for_each(|l| l.fraction = 0.0);
    ask(home.history).unwrap();
}

#[test]
fn one_load_that_is_always_on_is_survived() {
    let mut home = Plan { days: 1.0, ..Plan::with(32, vec![Load::lamp()]) }.build();
    let said = &mut home.entity("light.hall").said;
    said.retain(|s| s.level.is_some_and(|l| !l.is_off()));
    ask(home.history).unwrap();
}

fn row() -> impl Strategy<Value = (i64, f64)> {
    let value = prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(0.0), Just(-1e7), -3000.0..3000.0, 100.0..101.0];
    (0i64..2_000_000_000, value)
}

fn said() -> impl Strategy<Value = (i64, Option<bool>)> {
    (-100_000i64..2_100_000, proptest::option::weighted(0.9, any::<bool>()))
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn any_few_rows_are_survived(
        rows in proptest::collection::vec(row(), 0..300),
        switches in proptest::collection::vec(proptest::collection::vec(said(), 0..80), 0..5),
        in_order in any::<bool>(),
    ) {
        let mut readings = Series::default();
        rows.iter().for_each(|&(ms, v)| readings.push(START_MS + ms, v));
        let mut history = History::default();
        history.sensors.push(Sensor { entity_id: METER.to_owned(), unit: Some("W".to_owned()), readings, ..Sensor::default() });
        for (k, said) in switches.iter().enumerate() {
            history.entities.push(switch(&format!("switch.s{k}"), said));
        }
        if in_order {
            history.normalise();
        }
        let _ = ask(history);
    }
}
