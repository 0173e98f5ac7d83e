//! What is told of a change as time goes on.

use super::*;
use wattribute_domain::{CorrelationVerdict, OwnerWord, Said};

/// A switch that is turned on and off at the given seconds.
fn switch(id: &str, at_s: &[i64]) -> Entity {
    let mut entity = Entity::new(id);
    entity.mode("on");
    entity.said.push(Said { at_ms: 0, level: Some(Level::off()) });
    for (k, at) in at_s.iter().enumerate() {
        let level = if k % 2 == 0 { Level { mode: 1, fraction: 1.0 } } else { Level::off() };
        entity.said.push(Said { at_ms: at * 1000, level: Some(level) });
    }
    entity
}

/// A meter that says only what changes, at once.
fn still_house(rows: &[(i64, f64)]) -> Series {
    Series { at_ms: rows.iter().map(|r| r.0 * 1000 + 5).collect(), value: rows.iter().map(|r| r.1).collect() }
}

#[test]
fn a_silent_meter_is_an_unchanged_one() {
    let model = Model::of_little(&Series::default(), &[], &OwnerWords::new());
    let power = still_house(&[(0, 120.0), (300, 2120.0)]);
    let kettle = [switch("switch.kettle", &[300])];
    let (provisional_s, final_s) = model.delays_s();
    let early = model.look(&power, &kettle, 300_000 + 5_000);
    assert!(early.correlations.is_empty() && early.next_close_ms.is_some(), "{early:?}");
    let first = model.look(&power, &kettle, 300_000 + (provisional_s * 1000.0) as i64 + 100);
    assert_eq!(first.correlations[0].stage, Stage::Provisional);
    let last = model.look(&power, &kettle, 300_000 + (final_s * 1000.0) as i64 + 100);
    let c = &last.correlations[0];
    assert_eq!((c.stage, c.correlation.verdict, last.next_close_ms), (Stage::Final, CorrelationVerdict::Clean, None));
    assert!((c.correlation.power_after_w - c.correlation.power_before_w - 2000.0).abs() < 1.0, "{c:?}");
    assert!(c.correlation.explained_w.is_nan(), "nothing is learned yet");
}

#[test]
fn what_happens_together_is_said_to_overlap() {
    let model = Model::of_little(&Series::default(), &[], &OwnerWords::new());
    let power = still_house(&[(0, 120.0), (300, 2120.0), (303, 2132.0)]);
    let look = model.look(&power, &[switch("switch.kettle", &[300]), switch("light.hall", &[303])], 900_000);
    let verdicts: Vec<_> = look.correlations.iter().map(|c| (c.correlation.verdict, c.others.clone())).collect();
    assert_eq!(verdicts, [(CorrelationVerdict::Overlapping, vec![1]), (CorrelationVerdict::Overlapping, vec![0])]);
}

#[test]
fn a_gap_gives_no_step_and_says_so_when_the_window_closes() {
    let model = Model::of_little(&Series::default(), &[], &OwnerWords::new());
    let power = still_house(&[(0, 120.0), (299, f64::NAN), (900, 120.0)]);
    let look = model.look(&power, &[switch("switch.kettle", &[300])], 1_000_000);
    assert_eq!(look.correlations[0].correlation.verdict, CorrelationVerdict::NoData);
    assert!(look.correlations[0].correlation.power_after_w.is_nan());
}

#[test]
fn a_still_house_is_learned_from_a_few_switches() {
    let at_s: Vec<i64> = (1..=16).map(|k| k * 90).collect();
    let rows = std::iter::once((0, 120.0)).chain(at_s.iter().enumerate().map(|(k, &s)| (s, if k % 2 == 0 { 132.0 } else { 120.0 })));
    let rows: Vec<(i64, f64)> = rows.collect();
    let lamp = [switch("light.hall", &at_s)];
    let model = Model::of_little(&still_house(&rows), &lamp, &OwnerWords::new());
    assert!(model.interval_s() < 2.0, "{}", model.interval_s());
    assert!(model.delays_s().1 < 60.0, "{:?}", model.delays_s());
    assert!((model.power_w("light.hall", Level { mode: 1, fraction: 1.0 }).unwrap() - 12.0).abs() < 0.5);
    let look = model.look(&still_house(&rows), &lamp, 17 * 90_000);
    assert!(look.correlations.iter().all(|c| (c.correlation.explained_w.abs() - 12.0).abs() < 0.5), "{look:?}");
}

#[test]
fn what_the_owner_says_to_draw_nothing_is_not_looked_at_and_what_is_stated_explains() {
    let at_s: Vec<i64> = (1..=16).map(|k| k * 90).collect();
    let rows = std::iter::once((0, 120.0)).chain(at_s.iter().enumerate().map(|(k, &s)| (s, if k % 2 == 0 { 132.0 } else { 120.0 })));
    let power = still_house(&rows.collect::<Vec<_>>());
    let late: Vec<i64> = at_s.iter().map(|s| s + 9).collect();
    let entities = [switch("switch.ghost", &late), switch("light.hall", &at_s)];
    let look = |words: &OwnerWords| {
        let model = Model::of_little(&power, &entities, words);
        (model.clone(), model.look(&power, &entities, 17 * 90_000).correlations)
    };
    let (unsaid, before) = look(&OwnerWords::new());
    assert!(
        before.iter().any(|c| c.correlation.entity == 0) && before.iter().any(|c| c.correlation.verdict == CorrelationVerdict::Overlapping)
    );
    let word = |has_load, power_w| OwnerWord { has_load, power_w, said_at_ms: 1, ..OwnerWord::default() };
    let words = OwnerWords::from([("switch.ghost".to_owned(), word(Some(false), None)), ("light.hall".to_owned(), word(None, Some(9.0)))]);
    let (said, after) = look(&words);
    assert!(after.len() >= 14 && after.iter().all(|c| c.correlation.entity == 1 && c.others.is_empty()), "{after:?}");
    assert!(
        after.iter().all(|c| c.correlation.verdict == CorrelationVerdict::Clean && c.correlation.explained_w.abs() == 9.0),
        "{after:?}"
    );
    assert!(!said.looks_alike(&unsaid), "the past is joined again");
}
