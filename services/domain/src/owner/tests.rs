use super::*;
use crate::LevelProfile;

fn ids(all: &[&str]) -> Option<Vec<String>> {
    Some(all.iter().map(|id| (*id).to_owned()).collect())
}

fn refused(word: OwnerWord) -> Option<&'static str> {
    let others = OwnerWords::from([
        ("light.with".to_owned(), OwnerWord { grouped_with: ids(&["light.a"]), ..OwnerWord::default() }),
        ("light.apart".to_owned(), OwnerWord { apart_from: ids(&["light.a"]), ..OwnerWord::default() }),
    ]);
    word.check("light.a", &others, |id| id.starts_with("light.")).err().map(|wrong| wrong.field)
}

#[test]
fn a_word_that_cannot_be_true_is_refused_by_its_field() {
    let name = |name: &str| OwnerWord { name: Some(name.to_owned()), ..OwnerWord::default() };
    let power = |power_w, has_load| OwnerWord { power_w: Some(power_w), has_load, ..OwnerWord::default() };
    let with = |all: &[&str]| OwnerWord { grouped_with: ids(all), ..OwnerWord::default() };
    let apart = |all: &[&str]| OwnerWord { apart_from: ids(all), ..OwnerWord::default() };
    for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
        assert_eq!(refused(name(bad)), Some("name"), "{bad:?}");
    }
    assert_eq!(refused(name(&"ü".repeat(100))), None);
    for bad in [-1.0, 100_001.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(power(bad, None)), Some("power_w"), "{bad}");
    }
    assert_eq!(refused(power(9.0, Some(false))), Some("power_w"));
    assert_eq!(refused(power(0.0, Some(true))), Some("power_w"));
    for fine in [power(9.0, None), power(9.0, Some(true)), power(0.0, Some(false)), with(&["light.b"]), apart(&["light.b"])] {
        assert_eq!(refused(fine.clone()), None, "{fine:?}");
    }
    for bad in [with(&["light.a"]), with(&["light.b", "switch.unknown"]), with(&["light.apart"])] {
        assert_eq!(refused(bad.clone()), Some("grouped_with"), "{bad:?}");
    }
    assert_eq!(refused(OwnerWord { has_load: Some(false), ..with(&["light.b"]) }), Some("grouped_with"));
    for bad in [apart(&["light.a"]), apart(&["switch.unknown"]), apart(&["light.with"])] {
        assert_eq!(refused(bad.clone()), Some("apart_from"), "{bad:?}");
    }
    assert_eq!(refused(OwnerWord { apart_from: ids(&["light.b"]), ..with(&["light.b"]) }), Some("apart_from"));
}

fn lamp() -> DeviceProfile {
    let level = |fraction| LevelProfile {
        mode: "on".to_owned(),
        fraction: Some(fraction),
        power_w: Some(60.0 * fraction),
        power_low_w: Some(50.0),
        power_high_w: None,
    };
    DeviceProfile {
        entity_id: "light.a".to_owned(),
        name: "A".to_owned(),
        power_w: Some(60.0),
        power_low_w: Some(58.0),
        power_high_w: Some(62.0),
        energy_kwh: Some(1.2),
        energy_low_kwh: Some(1.1),
        energy_high_kwh: Some(1.3),
        cost: Some(0.6),
        measured_energy_kwh: None,
        levels: vec![level(0.5), level(1.0)],
        events_used: 30,
        events_total: 40,
        times_on: 20,
        hours_on: 25.0,
        strength: 1.0,
        grouped_with: vec!["light.b".to_owned()],
        verdict: Verdict::Grouped,
    }
}

fn laid_over(before: DeviceProfile, word: OwnerWord) -> DeviceProfile {
    let mut profile = before;
    overlay(&mut profile, &word);
    profile
}

#[test]
fn a_stated_power_is_shown_at_every_level_and_in_the_energy() {
    let word = OwnerWord { power_w: Some(9.0), name: Some("Shelf".to_owned()), ..OwnerWord::default() };
    let stated = laid_over(lamp(), word.clone());
    assert_eq!(
        (stated.name.as_str(), stated.verdict, stated.power_w, stated.power_low_w),
        ("Shelf", Verdict::Stated, Some(9.0), Some(9.0))
    );
    assert_eq!(stated.levels.iter().map(|l| l.power_w).collect::<Vec<_>>(), [Some(4.5), Some(9.0)]);
    assert_eq!((stated.energy_kwh, stated.cost, stated.hours_on), (Some(0.18), Some(0.09), 25.0));
    assert!(stated.grouped_with.is_empty());
    assert_eq!(laid_over(stated.clone(), word.clone()), stated, "once is enough");
    let untold = DeviceProfile { power_w: None, energy_kwh: None, cost: None, ..lamp() };
    assert_eq!(laid_over(untold, word).energy_kwh, Some(0.225), "25 h at 9 W");
}

#[test]
fn what_has_no_load_keeps_its_evidence_and_what_has_one_is_not_nothing() {
    let none = laid_over(lamp(), OwnerWord { has_load: Some(false), ..OwnerWord::default() });
    assert_eq!((none.verdict, none.power_w, none.energy_kwh, none.cost), (Verdict::NoLoad, Some(0.0), Some(0.0), Some(0.0)));
    assert_eq!((none.events_total, none.times_on, none.hours_on), (40, 20, 25.0));
    let some = laid_over(none, OwnerWord { has_load: Some(true), ..OwnerWord::default() });
    assert_eq!((some.verdict, some.power_w, some.energy_kwh), (Verdict::TooSmall, None, None));
    assert_eq!(laid_over(lamp(), OwnerWord { has_load: Some(true), ..OwnerWord::default() }), lamp());
    assert_eq!(laid_over(lamp(), OwnerWord::default()), lamp());
}

#[test]
fn a_word_is_in_force_when_something_was_learned_since() {
    let word: OwnerWord = OwnerWord { power_w: Some(9.0), said_at_ms: 1_000, ..OwnerWord::default() };
    assert_eq!([None, Some(999), Some(1_000)].map(|at| word.is_in_force(at)), [false, false, true]);
    let taken_back: OwnerWord = OwnerWord { said_at_ms: 1_000, ..OwnerWord::default() };
    assert!(!taken_back.is_in_force(Some(999)));
    assert!(OwnerWord::<String> { name: Some("A".to_owned()), ..OwnerWord::default() }.is_in_force(None));
}
