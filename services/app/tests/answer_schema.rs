//! `docs/answer.schema.json` says what `--json` prints: all of it, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wattribute_domain::{Answer, DeviceProfile, LevelProfile, MeterReport, Verdict};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/answer.schema.json")).unwrap()
}

/// Every verdict there is; a new one does not compile here until it is listed.
fn verdicts() -> Vec<Verdict> {
    let next = |verdict| match verdict {
        Verdict::Learned => Some(Verdict::Varies),
        Verdict::Varies => Some(Verdict::Measured),
        Verdict::Measured => Some(Verdict::Stated),
        Verdict::Stated => Some(Verdict::NoLoad),
        Verdict::NoLoad => Some(Verdict::TooSmall),
        Verdict::TooSmall => Some(Verdict::Grouped),
        Verdict::Grouped => Some(Verdict::NotEnoughEvents),
        Verdict::NotEnoughEvents => None,
    };
    std::iter::successors(Some(Verdict::Learned), |&verdict| next(verdict)).collect()
}

/// An answer in which every field that may be null is `value`.
fn answer(value: Option<f64>) -> Answer {
    let level = LevelProfile { mode: "on".to_owned(), fraction: value, power_w: value, power_low_w: value, power_high_w: value };
    let device = |verdict| DeviceProfile {
        entity_id: format!("light.{verdict:?}"),
        name: "Hall lamp".to_owned(),
        power_w: value,
        power_low_w: value,
        power_high_w: value,
        energy_kwh: value,
        energy_low_kwh: value,
        energy_high_kwh: value,
        cost: value,
        measured_energy_kwh: value,
        levels: vec![level.clone()],
        events_used: 10,
        events_total: 12,
        times_on: 6,
        hours_on: 3.5,
        strength: 0.98,
        grouped_with: vec!["switch.amplifier".to_owned()],
        verdict,
    };
    Answer {
        meter: MeterReport {
            entity_id: "sensor.house_power".to_owned(),
            interval_s: 3.0,
            lag_s: value,
            noise_w: 1.2,
            smallest_load_w: 4.0,
            why: "It is the grid connection of your Energy dashboard.".to_owned(),
            candidates: vec!["sensor.other_power".to_owned()],
        },
        from: "2026-10-01T00:00:00Z".to_owned(),
        to: "2026-11-01T00:00:00Z".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        house_kwh: -12.5,
        gap_hours: 0.5,
        baseline_w: value,
        unexplained_kwh: -20.0,
        currency: value.map(|_| "EUR".to_owned()),
        price_per_kwh: value,
        devices: verdicts().into_iter().map(device).collect(),
        notes: vec!["A sentence.".to_owned()],
    }
}

fn keys(of: &Value) -> BTreeSet<&str> {
    of.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn full_and_empty_answers_are_valid() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for value in [Some(0.5), None] {
        let printed = serde_json::to_value(answer(value)).unwrap();
        let errors: Vec<String> = validator.iter_errors(&printed).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let mut wrong = serde_json::to_value(answer(Some(0.5))).unwrap();
    wrong["devices"][0]["verdict"] = json!("maybe");
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn the_schema_names_every_field_and_no_other() {
    let (schema, printed) = (schema(), serde_json::to_value(answer(Some(0.5))).unwrap());
    let pairs = [
        (&schema, &printed),
        (&schema["$defs"]["meter"], &printed["meter"]),
        (&schema["$defs"]["device"], &printed["devices"][0]),
        (&schema["$defs"]["level"], &printed["devices"][0]["levels"][0]),
    ];
    for (described, printed) in pairs {
        let required: BTreeSet<&str> = described["required"].as_array().unwrap().iter().map(|k| k.as_str().unwrap()).collect();
        assert_eq!(keys(&described["properties"]), keys(printed));
        assert_eq!(required, keys(printed));
        for (name, property) in described["properties"].as_object().unwrap() {
            assert!(property.get("$ref").or(property.get("description")).is_some(), "{name} is not described");
        }
    }
}

#[test]
fn fields_that_cannot_be_told_may_be_null_and_no_others() {
    let (schema, printed) = (schema(), serde_json::to_value(answer(None)).unwrap());
    let device = (&schema["$defs"]["device"], &printed["devices"][0]);
    for (described, printed) in [(&schema, &printed), (&schema["$defs"]["meter"], &printed["meter"]), device] {
        for (name, value) in printed.as_object().unwrap() {
            let kind = &described["properties"][name]["type"];
            let may_be_null = kind.as_array().is_some_and(|kinds| kinds.contains(&json!("null")));
            assert_eq!(may_be_null, value.is_null(), "{name}");
        }
    }
}
