//! What the owner says holds, and the others are learned around it.

use wattribute_analysis::{Analysis, Settings, analyze};
use wattribute_domain::{CorrelationVerdict, Level, OwnerWord, OwnerWords, Said, Verdict};

use crate::home::{Home, Load, Plan, covers, device, settings};

fn said(words: &[(&str, OwnerWord)]) -> OwnerWords {
    words.iter().map(|(id, word)| ((*id).to_owned(), OwnerWord { said_at_ms: 1, ..word.clone() })).collect()
}

fn power(power_w: f64) -> OwnerWord {
    OwnerWord { power_w: Some(power_w), ..OwnerWord::default() }
}

fn no_load() -> OwnerWord {
    OwnerWord { has_load: Some(false), ..OwnerWord::default() }
}

fn ids(id: &str) -> Option<Vec<String>> {
    Some(vec![id.to_owned()])
}

fn learn(home: &Home, words: &[(&str, OwnerWord)]) -> Analysis {
    analyze(home.history.clone(), &Settings { owner: said(words), ..settings() }).unwrap()
}

fn text(analysis: &Analysis) -> String {
    format!("{:?}", analysis.answer)
}

#[test]
fn what_is_said_to_have_no_load_frees_what_it_overlaps() {
    let mut home = Plan::with(31, vec![Load::lamp(), Load::ghost()]).build();
    // 12 s after the lamp, always: near enough to hide it, too late to be one with it.
    let after: Vec<Said> = home.entity("light.hall").said.iter().map(|s| Said { at_ms: s.at_ms + 12_000, ..*s }).collect();
    home.entity("switch.ghost").said = after;
    let of_lamp = |analysis: &Analysis| -> (usize, usize) {
        let lamp = analysis.entities.iter().position(|(id, _)| id == "light.hall").unwrap() as u32;
        let all: Vec<_> = analysis.correlations.iter().filter(|c| c.entity == lamp).collect();
        (all.iter().filter(|c| c.verdict == CorrelationVerdict::Clean).count(), all.len())
    };
    assert_eq!(of_lamp(&learn(&home, &[])).0, 0, "hidden");
    for word in [no_load(), power(0.0)] {
        let analysis = learn(&home, &[("switch.ghost", word)]);
        let (clean, all) = of_lamp(&analysis);
        assert!(10 * clean > 8 * all && all > 50, "{clean} of {all}");
        assert_eq!(analysis.correlations.len(), all, "nobody looks at the ghost");
        let (lamp, ghost) = (device(&analysis, "light.hall"), device(&analysis, "switch.ghost"));
        assert!(lamp.verdict == Verdict::Learned && covers(lamp, 60.0, 0.0), "{lamp:?}");
        assert_eq!((ghost.verdict, ghost.power_w, ghost.energy_kwh), (Verdict::NoLoad, Some(0.0), Some(0.0)));
        assert!(ghost.events_total as usize == all && (ghost.hours_on - lamp.hours_on).abs() < 0.5, "{ghost:?}");
    }
}

#[test]
fn a_power_that_is_said_leaves_the_rest_to_the_others_of_the_group() {
    let home = Plan::new(32).build();
    let analysis = learn(&home, &[("light.shelf", power(9.0))]);
    let (shelf, cupboard) = (device(&analysis, "light.shelf"), device(&analysis, "light.cupboard"));
    assert_eq!((shelf.verdict, shelf.power_w, shelf.power_low_w, shelf.power_high_w), (Verdict::Stated, Some(9.0), Some(9.0), Some(9.0)));
    assert!((shelf.energy_kwh.unwrap() - 0.009 * shelf.hours_on).abs() < 0.001, "{shelf:?}");
    assert!((cupboard.power_w.unwrap() / 61.0 - 1.0).abs() < 0.05 && cupboard.verdict == Verdict::Learned, "{cupboard:?}");
    assert!(shelf.grouped_with.is_empty() && cupboard.grouped_with.is_empty());
    let pair_kwh = home.energy_kwh[5];
    assert!(((shelf.energy_kwh.unwrap() + cupboard.energy_kwh.unwrap()) / pair_kwh - 1.0).abs() < 0.05, "{shelf:?} {cupboard:?}");
    let hours: f64 = analysis.hours.iter().filter(|h| analysis.entities[h.entity].0 == "light.shelf").map(|h| h.energy_kwh).sum();
    assert!((hours - shelf.energy_kwh.unwrap()).abs() < 0.001, "{hours} kWh over the hours");
    for id in ["switch.kettle", "light.hall"] {
        let (with, without) = (device(&analysis, id).power_w.unwrap(), device(&learn(&home, &[]), id).power_w.unwrap());
        assert!((with / without - 1.0).abs() < 0.01, "{id}: {with} W, {without} W");
    }
}

#[test]
fn a_stated_power_of_a_dimmer_is_linear_in_its_level() {
    let home = Plan::new(33).build();
    let analysis = learn(&home, &[("light.dining", power(44.0))]);
    let dimmer = device(&analysis, "light.dining");
    let levels: Vec<(f64, f64)> = dimmer.levels.iter().map(|l| (l.fraction.unwrap(), l.power_w.unwrap())).collect();
    assert!(levels.len() >= 3 && levels.iter().all(|(fraction, w)| (w - 44.0 * fraction).abs() < 0.1), "{levels:?}");
    assert!((dimmer.energy_kwh.unwrap() / (1.1 * home.energy_kwh[2]) - 1.0).abs() < 0.05, "{dimmer:?}");
}

#[test]
fn the_meter_may_contradict_the_owner_and_the_word_stands() {
    let home = Plan::new(34).build();
    let notes = |power_w: f64| {
        let analysis = learn(&home, &[("light.hall", power(power_w))]);
        assert_eq!(device(&analysis, "light.hall").power_w, Some(power_w));
        analysis.answer.notes.iter().filter(|note| note.contains("You say that light.hall")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(notes(60.0), Vec::<String>::new());
    let told = notes(9.0);
    assert!(told.len() == 1 && told[0].contains("draws 9.0 W; the meter shows 60 W"), "{told:?}");
}

#[test]
fn what_is_said_to_be_one_device_is_learned_as_one() {
    let mut home = Plan::new(35).build();
    // The cupboard's switch misses half of what the shelf's does.
    let rows = &mut home.entity("light.cupboard").said;
    *rows = rows.chunks(4).flat_map(|four| &four[..four.len().min(2)]).copied().collect();
    assert!(device(&learn(&home, &[]), "light.cupboard").grouped_with.is_empty(), "not switched together");
    let one = OwnerWord { grouped_with: ids("light.shelf"), ..OwnerWord::default() };
    let analysis = learn(&home, &[("light.cupboard", one)]);
    let (shelf, cupboard) = (device(&analysis, "light.shelf"), device(&analysis, "light.cupboard"));
    assert_eq!((shelf.grouped_with.clone(), cupboard.grouped_with.clone()), (ids("light.cupboard").unwrap(), ids("light.shelf").unwrap()));
    assert!(shelf.verdict == Verdict::Grouped && covers(shelf, 70.0, 0.0) && shelf.power_w == cupboard.power_w, "{shelf:?}");
}

#[test]
fn what_is_said_to_be_apart_is_told_apart_where_the_meter_can() {
    let mut home = Plan::new(36).build();
    let apart = [("light.shelf", OwnerWord { apart_from: ids("light.cupboard"), ..OwnerWord::default() })];
    let never = learn(&home, &apart);
    for id in ["light.shelf", "light.cupboard"] {
        let found = device(&never, id);
        assert_eq!((found.verdict, found.power_w, found.energy_kwh), (Verdict::NotEnoughEvents, None, None), "{found:?}");
        assert!(found.grouped_with.is_empty());
    }
    assert!(never.answer.notes.iter().any(|note| note.starts_with("light.cupboard and light.shelf are hardly ever switched apart")));
    // Of the 70 W, 30 W are the cupboard's, which is on alone now and then.
    let rows = home.entity("light.cupboard").said.clone();
    let gaps: Vec<i64> =
        rows.windows(2).filter(|w| w[0].level == Some(Level::off()) && w[1].at_ms - w[0].at_ms > 3_000_000).map(|w| w[0].at_ms).collect();
    let on = Some(Level { mode: 1, fraction: 1.0 });
    let alone: Vec<(i64, i64)> = gaps.iter().take(15).map(|off_ms| (off_ms + 900_000, off_ms + 2_100_000)).collect();
    assert_eq!(alone.len(), 15);
    for &(from_ms, to_ms) in &alone {
        let said = [Said { at_ms: from_ms + 2_000, level: on }, Said { at_ms: to_ms + 2_000, level: Some(Level::off()) }];
        home.entity("light.cupboard").said.extend(said);
        let meter = home.meter();
        (0..meter.len()).filter(|&k| (from_ms..to_ms).contains(&meter.at_ms[k])).for_each(|k| meter.value[k] += 30.0);
    }
    home.history.normalise();
    assert_eq!(device(&learn(&home, &[]), "light.shelf").grouped_with, ids("light.cupboard").unwrap(), "usually together");
    let split = learn(&home, &apart);
    for (id, truth_w) in [("light.shelf", 40.0), ("light.cupboard", 30.0)] {
        let found = device(&split, id);
        assert!(found.verdict == Verdict::Learned && (found.power_w.unwrap() / truth_w - 1.0).abs() < 0.1, "{found:?}");
        assert!(found.grouped_with.is_empty());
    }
}

#[test]
fn a_word_holds_through_every_learning_and_what_is_unsaid_is_learned_again() {
    let words = [("light.hall", OwnerWord { name: Some("Hall lamp".to_owned()), ..power(58.0) }), ("switch.ghost", no_load())];
    for days in [2.0, 3.0, 4.0] {
        let home = Plan { days, ..Plan::new(37) }.build();
        let analysis = learn(&home, &words);
        let (lamp, ghost) = (device(&analysis, "light.hall"), device(&analysis, "switch.ghost"));
        assert_eq!((lamp.verdict, lamp.power_w, lamp.name.as_str()), (Verdict::Stated, Some(58.0), "Hall lamp"));
        assert_eq!((ghost.verdict, ghost.power_w), (Verdict::NoLoad, Some(0.0)));
    }
    let home = Plan { days: 4.0, ..Plan::new(37) }.build();
    let unsaid = learn(&home, &[("light.hall", OwnerWord::default()), ("switch.ghost", OwnerWord::default())]);
    assert_eq!(text(&unsaid), text(&learn(&home, &[])));
}

#[test]
fn words_that_say_nothing_of_this_home_change_not_a_byte() {
    let home = Plan { days: 3.0, ..Plan::new(38) }.build();
    let one = OwnerWord { grouped_with: ids("light.neither"), ..no_load() };
    assert_eq!(text(&learn(&home, &[("light.unknown", power(9.0)), ("light.other", one)])), text(&home.analyze()));
}

#[test]
fn what_has_a_load_by_the_owners_word_is_not_called_nothing() {
    let home = Plan::with(39, vec![Load::lamp(), Load::ghost()]).build();
    assert_eq!(device(&learn(&home, &[]), "switch.ghost").verdict, Verdict::NoLoad);
    let analysis = learn(&home, &[("switch.ghost", OwnerWord { has_load: Some(true), ..OwnerWord::default() })]);
    let ghost = device(&analysis, "switch.ghost");
    assert_eq!((ghost.verdict, ghost.power_w), (Verdict::TooSmall, None));
    assert!(ghost.power_high_w.is_some_and(|w| w <= 2.5), "what it could be at most: {ghost:?}");
}
