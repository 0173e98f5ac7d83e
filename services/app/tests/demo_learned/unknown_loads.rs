//! The loads of the demo's home that no entity tells of are found.

use chrono_tz::Tz;
use wattribute_analysis::{Settings, UnknownSearch, analyze, find_house, unknown_loads};
use wattribute_domain::{Series, UnknownLoad};
use wattribute_meter::adapters::demo::{UnknownTruth, unknown_truth};

use super::{AUTUMN_MS, DAYS, SPRING_MS, history, past};

const BERLIN: Tz = Tz::Europe__Berlin;

/// What is found in the demo's last weeks, with what was learned of its entities, and the truth.
async fn found(seed: u64, now_ms: i64) -> (Vec<UnknownLoad>, Vec<UnknownTruth>) {
    let history = history(past(seed, now_ms).await);
    let mut again = history.clone();
    let power = find_house(&mut again, None, None).unwrap().power;
    let settings = Settings {
        meter: None,
        meter_unit: None,
        price_per_kwh: None,
        currency: None,
        time_zone: BERLIN,
        from_ms: None,
        to_ms: None,
        owner: Default::default(),
    };
    let analysis = analyze(history, &settings).unwrap();
    let own = |id: &String| again.sensors.iter().find(|s| s.entity_id == *id && s.unit.as_deref() == Some("W"));
    let metered: Vec<Series> = analysis.metered.iter().filter_map(|(_, id)| Some(own(id)?.readings.clone())).collect();
    assert_eq!(metered.len(), 1, "the dishwasher has a meter of its own");
    let search = UnknownSearch {
        power: &power,
        metered: &metered,
        entities: &again.entities,
        profiles: &analysis.answer.devices,
        time_zone: BERLIN,
    };
    (unknown_loads(&search).loads, unknown_truth(seed, BERLIN, now_ms - i64::from(DAYS) * 86_400_000, now_ms))
}

/// All that was found beside all that is, so that a failure shows it.
fn told(loads: &[UnknownLoad], truth: &[UnknownTruth]) -> String {
    let load = |l: &UnknownLoad| {
        format!(
            "found  {:6.1} W ({} to {}), {:4} runs ({} seen), {:6.2} kWh, {} to {} s, strength {}: {}",
            l.power_w,
            l.power_low_w,
            l.power_high_w,
            l.runs,
            l.runs_seen,
            l.energy_kwh,
            l.duration_low_s,
            l.duration_high_s,
            l.strength,
            l.summary()
        )
    };
    let real = |t: &UnknownTruth| format!("really {:6.1} W, {:4} runs, {:6.2} kWh", t.power_w, t.runs, t.energy_kwh);
    loads.iter().map(load).chain(truth.iter().map(real)).collect::<Vec<_>>().join("\n")
}

#[rstest::rstest]
#[case(1, SPRING_MS)]
#[case(1, AUTUMN_MS)]
#[case(2, SPRING_MS)]
#[case(2, AUTUMN_MS)]
#[case(3, SPRING_MS)]
#[tokio::test]
async fn fridge_freezer_and_pump_are_found_and_nothing_else(#[case] seed: u64, #[case] now_ms: i64) {
    let (loads, truth) = found(seed, now_ms).await;
    let told = told(&loads, &truth);
    println!("seed {seed}, {now_ms}\n{told}");
    assert_eq!(truth.iter().map(|t| t.power_w).collect::<Vec<_>>(), [62.0, 85.0, 740.0]);
    for truth in &truth {
        let near = |l: &&UnknownLoad| (l.power_w / truth.power_w - 1.0).abs() < 0.05;
        let of_it: Vec<&UnknownLoad> = loads.iter().filter(near).collect();
        assert_eq!(of_it.len(), 1, "{} W\n{told}", truth.power_w);
        let off = f64::from(of_it[0].runs) / f64::from(truth.runs) - 1.0;
        assert!(off.abs() < 0.10, "{} W: count is off by {:.1} %\n{told}", truth.power_w, 100.0 * off);
        let mut lengths = truth.durations_s.clone();
        lengths.sort_by(f64::total_cmp);
        let median_s = lengths[lengths.len() / 2];
        assert!((of_it[0].duration_s - median_s).abs() < 6.0 + 0.05 * median_s, "{} W: {median_s} s\n{told}", truth.power_w);
        assert!((of_it[0].energy_kwh / truth.energy_kwh - 1.0).abs() < 0.12, "{} W\n{told}", truth.power_w);
    }
    assert_eq!(loads.len(), truth.len(), "nothing else is there\n{told}");
}
