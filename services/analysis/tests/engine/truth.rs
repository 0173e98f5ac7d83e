//! What is told is true.

use proptest::prelude::*;
use wattribute_domain::{Level, Said, Verdict};

use crate::cases;
use crate::home::{Load, Plan, START_MS, covers, device};

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn a_ghost_stays_a_ghost(seed in any::<u64>()) {
        let analysis = Plan { days: 3.0, ..Plan::new(seed) }.build().analyze();
        let ghost = device(&analysis, "switch.ghost");
        prop_assert!(ghost.power_w.is_none_or(|w| w <= 2.0), "{ghost:?}");
        prop_assert!(ghost.levels.iter().all(|l| l.power_w.is_none_or(|w| w <= 2.0)), "{ghost:?}");
        let at_most_kwh = 0.002 * ghost.hours_on;
        prop_assert!(ghost.energy_kwh.is_none_or(|kwh| kwh <= at_most_kwh), "{ghost:?}");
    }

    #[test]
    fn a_planted_step_is_found(seed in any::<u64>(), ln_w in 5f64.ln()..2500f64.ln()) {
        let planted_w = ln_w.exp();
        let planted = Load::steady("switch.planted", planted_w, (300.0, 1800.0), (900.0, 3600.0));
        let home = Plan { days: 4.0, ..Plan::with(seed, vec![planted, Load::lamp(), Load::kettle()]) }.build();
        let truth_kwh = home.energy_kwh[0];
        let analysis = home.analyze();
        let found = device(&analysis, "switch.planted");
        match found.power_w {
            Some(_) => prop_assert!(covers(found, planted_w, 0.0), "{planted_w} W: {found:?}"),
            None => prop_assert!(planted_w < 20.0, "{planted_w} W: {found:?}"),
        }
        if let Some(kwh) = found.energy_kwh {
            prop_assert!((kwh / truth_kwh - 1.0).abs() < 0.1, "{truth_kwh} kWh: {found:?}");
        }
    }

    #[test]
    fn noise_is_not_found(seed in any::<u64>(), noise_w in 0.5f64..60.0) {
        let mut others = [Load::ghost(), Load::ghost(), Load::ghost()];
        let ids = ["switch.a", "light.b", "media_player.c"];
        others.iter_mut().zip(ids).for_each(|(load, id)| load.ids = vec![id]);
        let analysis = Plan { days: 4.0, noise_w, ..Plan::with(seed, others.to_vec()) }.build().analyze();
        for d in &analysis.answer.devices {
            prop_assert!(d.power_w.is_none_or(|w| w <= 2.0), "noise of {noise_w} W: {d:?}");
        }
    }
}

#[test]
fn all_kinds_of_loads_are_learned() {
    let home = Plan::new(21).build();
    let truth_kwh = home.energy_kwh.clone();
    let analysis = home.analyze();
    for (id, truth_w) in [("switch.kettle", 1500.0), ("light.hall", 60.0), ("light.dining", 40.0), ("light.shelf", 70.0)] {
        let found = device(&analysis, id);
        assert!(covers(found, truth_w, 0.0), "{id}, {truth_w} W: {found:?}");
    }
    let ids = ["switch.kettle", "light.hall", "light.dining", "switch.washer", "switch.ghost", "light.shelf"];
    for (id, truth_kwh) in ids.into_iter().zip(truth_kwh) {
        let found = device(&analysis, id);
        let within = found.energy_low_kwh.unwrap()..=found.energy_high_kwh.unwrap();
        assert!(within.contains(&truth_kwh) || (found.energy_kwh.unwrap() / truth_kwh - 1.0).abs() < 0.02, "{truth_kwh} kWh: {found:?}");
    }
    let washer = device(&analysis, "switch.washer");
    assert_eq!((washer.verdict, washer.power_w), (Verdict::Varies, None));
}

#[test]
fn what_is_always_switched_together_is_a_group() {
    let analysis = Plan::new(22).build().analyze();
    let (shelf, cupboard) = (device(&analysis, "light.shelf"), device(&analysis, "light.cupboard"));
    assert_eq!((shelf.verdict, cupboard.verdict), (Verdict::Grouped, Verdict::Grouped));
    assert_eq!(
        (&shelf.grouped_with[..], &cupboard.grouped_with[..]),
        (&["light.cupboard".to_owned()][..], &["light.shelf".to_owned()][..])
    );
    assert_eq!(shelf.power_w, cupboard.power_w);
    assert!(covers(shelf, 70.0, 0.0), "{shelf:?}");
    let grouped = analysis.answer.devices.iter().filter(|d| !d.grouped_with.is_empty()).count();
    assert_eq!(grouped, 2);
}

#[test]
fn the_curve_of_a_dimmer_rises_and_is_true() {
    let analysis = Plan::new(23).build().analyze();
    let levels: Vec<(f64, f64)> =
        device(&analysis, "light.dining").levels.iter().map(|l| (l.fraction.unwrap(), l.power_w.unwrap())).collect();
    assert!(levels.len() >= 3, "{levels:?}");
    assert!(levels.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{levels:?}");
    for &(fraction, w) in &levels {
        assert!((w - 40.0 * fraction).abs() < 2.0, "{levels:?}");
    }
}

#[test]
fn a_lost_off_is_put_back() {
    for (load, id) in [(0, "switch.kettle"), (1, "light.hall")] {
        for lost in [10, 31] {
            let mut home = Plan::new(24).build();
            let said = &mut home.entity(id).said;
            let offs: Vec<usize> = (1..said.len()).filter(|&k| said[k].level == Some(Level::off())).collect();
            said.remove(offs[lost]);
            let truth_h = home.hours_on(load);
            let analysis = home.analyze();
            let found_h = device(&analysis, id).hours_on;
            assert!((found_h / truth_h - 1.0).abs() < 0.05, "{id} without off {lost}: {found_h} h of {truth_h} h");
        }
    }
}

#[test]
fn silence_of_an_entity_is_no_time_on() {
    let home = Plan::new(25).build();
    let mut silent = home.clone();
    // Unavailable for some hours whenever it had been off for a while, as after a restart.
    let said = &mut silent.entity("light.hall").said;
    let mut with_gaps: Vec<Said> = Vec::new();
    for k in 0..said.len() {
        with_gaps.push(said[k]);
        let next_ms = said.get(k + 1).map_or(i64::MAX, |s| s.at_ms);
        if said[k].level == Some(Level::off()) && next_ms.saturating_sub(said[k].at_ms) > 3_600_000 {
            with_gaps.push(Said { at_ms: said[k].at_ms + 600_000, level: None });
            with_gaps.push(Said { at_ms: said[k].at_ms + 3_000_000, level: Some(Level::off()) });
        }
    }
    assert!(with_gaps.len() > said.len() + 20);
    *said = with_gaps;
    let (a, b) = (home.analyze(), silent.analyze());
    assert_eq!(device(&a, "light.hall"), device(&b, "light.hall"));
}

#[test]
fn silence_of_the_meter_is_no_energy() {
    let home = Plan::with(26, vec![Load::lamp(), Load::kettle()]).build();
    let whole_kwh = home.clone().analyze().answer.house_kwh;
    let mut silent = home.clone();
    let (from_ms, to_ms) = (START_MS + 36 * 3_600_000, START_MS + 60 * 3_600_000);
    let meter = silent.meter();
    let (first, last) = (meter.at_ms.partition_point(|&t| t < from_ms), meter.at_ms.partition_point(|&t| t < to_ms));
    let missing_kwh: f64 = (first..last).map(|k| meter.value[k] * (meter.at_ms[k + 1] - meter.at_ms[k]) as f64 / 3.6e9).sum();
    meter.value[first..last].fill(f64::NAN);
    silent.history.normalise();
    let answer = silent.analyze();
    assert!((answer.answer.house_kwh - (whole_kwh - missing_kwh)).abs() < 0.002, "{} {whole_kwh} {missing_kwh}", answer.answer.house_kwh);
    assert!((answer.answer.gap_hours - 24.0).abs() < 0.01, "{}", answer.answer.gap_hours);
    let lamp = device(&answer, "light.hall");
    assert!(covers(lamp, 60.0, 0.0), "{lamp:?}");
    assert!(answer.correlations.iter().filter(|c| c.power_before_w.is_nan()).count() > 10);
}

#[test]
fn the_sun_does_not_hide_a_load() {
    let home = Plan { sun_w: 3000.0, ..Plan::new(27) }.build();
    let truth_kwh = home.energy_kwh[0];
    let analysis = home.analyze();
    let kettle = device(&analysis, "switch.kettle");
    assert!(covers(kettle, 1500.0, 0.0), "{kettle:?}");
    assert!((kettle.energy_kwh.unwrap() / truth_kwh - 1.0).abs() < 0.05, "{kettle:?} {truth_kwh}");
    assert!(analysis.answer.house_kwh < 0.0, "{}", analysis.answer.house_kwh);
}
