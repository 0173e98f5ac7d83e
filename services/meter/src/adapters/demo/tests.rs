//! The demo's home is the same home whenever and however it is told.

use std::collections::BTreeMap;

use chrono::{TimeZone, Utc};
use wattribute_domain::Level;

use super::plan::{Plan, Run};
use super::things::{THINGS, key};
use super::*;

const DAY_MS: i64 = 24 * HOUR_MS;

/// A Monday in March, 09:17 UTC.
fn now_ms() -> i64 {
    Utc.with_ymd_and_hms(2026, 3, 23, 9, 17, 31).unwrap().timestamp_millis()
}

fn days(days: u32) -> Config {
    Config { days, ..Config::default() }
}

/// All that the demo has to say up to `now_ms`.
fn all(demo: &mut Demo, now_ms: i64) -> Vec<Event> {
    std::iter::from_fn(|| Some(demo.due(now_ms)).filter(|events| !events.is_empty())).flatten().collect()
}

fn readings(events: &[Event]) -> Vec<(u32, i64, f64)> {
    let of = |event: &Event| match event {
        Event::Reading { key, at_ms, value } => Some((*key, *at_ms, *value)),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

fn heard(events: &[Event]) -> String {
    let of = |event: &Event| match event {
        Event::Document { key, text } if key == HEARD => Some(text.clone()),
        _ => None,
    };
    events.iter().rev().find_map(of).unwrap()
}

fn said_by(readings: &[(u32, i64, f64)], key: u32) -> Vec<(i64, f64)> {
    readings.iter().filter(|r| r.0 == key).map(|r| (r.1, r.2)).collect()
}

/// Mean of a held series times time, kWh, counting only what `part` of it says.
fn kwh(said: &[(i64, f64)], part: impl Fn(f64) -> f64) -> f64 {
    said.windows(2).map(|w| part(w[0].1) * (w[1].0 - w[0].0) as f64 / 3.6e9).sum()
}

#[test]
fn the_same_seed_is_the_same_home_and_another_is_another() {
    let tell = |seed| readings(&all(&mut Demo::new(Config { seed, ..days(2) }, now_ms()), now_ms()));
    assert_eq!(tell(1), tell(1));
    assert_ne!(tell(1), tell(2));
}

#[test]
fn a_restart_goes_on_without_a_seam() {
    let whole = readings(&all(&mut Demo::new(days(2), now_ms()), now_ms() + 3 * HOUR_MS));
    let mut cut = all(&mut Demo::new(days(2), now_ms()), now_ms());
    for minutes in [1, 2, 43, 100, 180] {
        let mut again = Demo::resume(days(2), &heard(&cut)).unwrap();
        let more = all(&mut again, now_ms() + minutes * 60_000);
        assert!(matches!(more[0], Event::Series { key: 0, .. }), "series have no numbers before they are told");
        cut.extend(more);
    }
    assert_eq!(readings(&cut), whole);
}

#[test]
fn every_batch_says_how_far_it_goes() {
    let mut demo = Demo::new(days(3), now_ms());
    let mut from_ms = 0;
    for _ in 0..4 {
        let batch = demo.due(now_ms());
        assert!(batch.len() < 2 * BATCH);
        let until_ms: i64 = serde_json::from_str::<Heard>(&heard(&batch)).unwrap().until_ms;
        assert!(readings(&batch).iter().all(|r| from_ms <= r.1 && r.1 <= until_ms));
        from_ms = until_ms + 1;
    }
}

#[test]
fn a_document_of_another_home_is_refused() {
    let cut = all(&mut Demo::new(days(1), now_ms()), now_ms());
    let refused = |seed, text: &str| Demo::resume(Config { seed, ..days(1) }, text).err().map(|e| e.to_string());
    assert!(refused(2, &heard(&cut)).unwrap().contains("seed 1, not of seed 2"));
    assert!(refused(1, "1742721451000").unwrap().contains("new database file"));
}

#[test]
fn thirty_days_are_in_order_and_of_a_sensible_size() {
    for month in [3, 6, 12] {
        let now_ms = Utc.with_ymd_and_hms(2026, month, 27, 12, 0, 0).unwrap().timestamp_millis();
        let readings = readings(&all(&mut Demo::new(days(30), now_ms), now_ms));
        assert!((150_000..600_000).contains(&readings.len()), "{}", readings.len());
        let mut last = BTreeMap::new();
        for (key, at_ms, value) in readings {
            assert!(value.is_finite() && at_ms <= now_ms);
            let before = last.insert(key, at_ms).unwrap_or(i64::MIN);
            assert!(before <= at_ms, "series {key} goes back from {before} to {at_ms}");
        }
        assert_eq!(last.len(), things::series().len(), "every series says something");
    }
}

#[test]
fn entities_say_a_state_only_when_it_changes() {
    let readings = readings(&all(&mut Demo::new(days(10), now_ms()), now_ms()));
    for key in 0..THINGS.len() as u32 {
        let said = said_by(&readings, key);
        assert!(said.windows(2).all(|w| w[0].1 != w[1].1), "{} repeats itself", THINGS[key as usize].id);
        let modes = THINGS[key as usize].modes.len() as u16;
        assert!(said.iter().all(|(_, value)| Level::of_number(*value).unwrap().mode <= modes));
    }
}

#[test]
fn counters_are_the_integral_of_power() {
    let readings = readings(&all(&mut Demo::new(days(5), now_ms()), now_ms()));
    let counted = |key| said_by(&readings, key).last().unwrap().1 - said_by(&readings, key)[0].1;
    for key in [key::GRID_ENERGY, key::GRID_EXPORT, key::SOLAR_ENERGY] {
        assert!(said_by(&readings, key).windows(2).all(|w| w[0].1 <= w[1].1), "a counter falls");
    }
    let grid = said_by(&readings, key::GRID_POWER);
    let close = |a: f64, b: f64| (a - b).abs() < 0.01 * a.abs() + 0.1;
    let (import, export) = (kwh(&grid, |w| w.max(0.0)), kwh(&grid, |w| (-w).max(0.0)));
    assert!(close(import, counted(key::GRID_ENERGY)), "{import} {}", counted(key::GRID_ENERGY));
    assert!(close(export, counted(key::GRID_EXPORT)), "{export} {}", counted(key::GRID_EXPORT));
    assert!(export > 1.0, "the sun never gave more than the home took");
    let solar = kwh(&said_by(&readings, key::SOLAR_POWER), |w| w);
    assert!(close(solar, counted(key::SOLAR_ENERGY)), "{solar} {}", counted(key::SOLAR_ENERGY));
}

#[test]
fn everything_that_was_planted_occurs_in_any_season() {
    for month in [1, 4, 7, 10] {
        let from_ms = Utc.with_ymd_and_hms(2026, month, 1, 0, 0, 0).unwrap().timestamp_millis();
        let runs = Plan::new(1, Tz::Europe__Berlin).runs(from_ms, from_ms + 30 * DAY_MS);
        for (key, thing) in THINGS.iter().enumerate() {
            let times = runs.iter().filter(|run| run.key == Some(key as u32)).count();
            assert!(times >= 10, "{} is on {times} times from month {month} on", thing.id);
        }
        assert!(runs.iter().any(|run| run.key.is_none() && run.draw == loads::Draw::Motor(740.0)), "the pump never ran");
        let dimmed: Vec<f32> = runs.iter().filter(|run| run.key == Some(key::LIVING_ROOM)).map(|run| run.level.fraction).collect();
        assert!([0.2, 0.4, 0.6, 0.8, 1.0].iter().all(|share| dimmed.contains(share)), "{dimmed:?}");
    }
}

#[test]
fn something_is_always_on_since_yesterday_and_rarely_the_same() {
    let mut plan = Plan::new(1, Tz::Europe__Berlin);
    for hour in 0..20 * 24 {
        let at_ms = now_ms() + hour * HOUR_MS;
        let runs = plan.runs(at_ms, at_ms + 1);
        let day = plan::Day {
            seed: 1,
            zone: Tz::Europe__Berlin,
            date: Utc.timestamp_millis_opt(at_ms).unwrap().with_timezone(&Tz::Europe__Berlin).date_naive(),
        };
        let forgotten = |run: &Run| run.key.is_some() && run.from_ms < day.at_ms(0.0) && run.to_ms - run.from_ms > 20 * HOUR_MS;
        assert!(runs.iter().any(forgotten), "nothing is forgotten at hour {hour}");
    }
    for key in (0..THINGS.len() as u32).filter(|key| *key != key::HEAT_PUMP) {
        let mut hours: Vec<i64> = plan
            .runs(now_ms(), now_ms() + 60 * DAY_MS)
            .iter()
            .filter(|run| run.key == Some(key))
            .map(|run| (run.to_ms - run.from_ms) / HOUR_MS)
            .collect();
        hours.sort_unstable();
        assert!(hours[hours.len() * 95 / 100] < 6, "{} is usually on for long", THINGS[key as usize].id);
    }
}

#[test]
fn what_hangs_on_one_switch_always_goes_together() {
    let runs = Plan::new(3, Tz::Europe__Berlin).runs(now_ms(), now_ms() + 20 * DAY_MS);
    let of = |key| -> Vec<(i64, i64)> { runs.iter().filter(|run| run.key == Some(key)).map(|run| (run.from_ms, run.to_ms)).collect() };
    assert!(of(key::AMPLIFIER).len() > 20);
    assert_eq!(of(key::AMPLIFIER), of(key::SUBWOOFER));
}

#[test]
fn days_of_23_and_of_25_hours_are_days_like_others() {
    for (month, day, hours) in [(3, 29, 23), (10, 25, 25)] {
        let date = chrono::NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        let local = |date: chrono::NaiveDate| plan::Day { seed: 1, zone: Tz::Europe__Berlin, date };
        let (from_ms, to_ms) = (local(date).at_ms(0.0), local(date.succ_opt().unwrap()).at_ms(0.0));
        assert_eq!(to_ms - from_ms, hours * HOUR_MS);
        let runs = Plan::new(1, Tz::Europe__Berlin).runs(from_ms, to_ms);
        let first_tea = runs.iter().find(|run| run.key == Some(key::KETTLE)).unwrap();
        let minutes = local(date).minutes(first_tea.from_ms);
        assert!((495.0..600.0).contains(&minutes), "tea at {minutes} minutes past midnight on a Sunday");
        for key in 0..THINGS.len() as u32 {
            let of: Vec<&Run> = runs.iter().filter(|run| run.key == Some(key)).collect();
            assert!(of.windows(2).all(|w| w[0].to_ms <= w[1].from_ms), "{} is on twice", THINGS[key as usize].id);
        }
    }
}

#[test]
fn the_meter_shows_a_kettle_a_little_later_than_it_is_told() {
    let readings = readings(&all(&mut Demo::new(days(6), now_ms()), now_ms()));
    let grid = wattribute_domain::Series {
        at_ms: said_by(&readings, key::GRID_POWER).iter().map(|s| s.0).collect(),
        value: said_by(&readings, key::GRID_POWER).iter().map(|s| s.1).collect(),
    };
    let on: Vec<i64> = said_by(&readings, key::KETTLE).iter().filter(|s| s.1 > 0.0).map(|s| s.0).collect();
    let steps: Vec<f64> = on.iter().filter_map(|at_ms| Some(grid.at(at_ms + 12_000)? - grid.at(at_ms - 4_000)?)).collect();
    let shown = steps.iter().filter(|w| (1950.0..2050.0).contains(*w)).count();
    assert!(steps.len() > 15 && shown * 10 > steps.len() * 7, "{steps:?}");
}

#[test]
fn the_truth_is_what_was_built_in() {
    let truth = truth(1, Tz::Europe__Berlin, now_ms() - 10 * DAY_MS, now_ms());
    let of = |id: &str| truth.iter().find(|t| t.entity_id == id).unwrap();
    assert!((of("switch.kettle").power_w - 2000.0).abs() < 1e-6);
    assert!((of("light.hall").power_w - 6.0).abs() < 1e-6);
    assert_eq!(of("switch.guest_room_plug").energy_kwh, 0.0);
    assert!((600.0..2200.0).contains(&of("climate.heat_pump").power_w));
    assert!((0.5..1.6).contains(&(of("binary_sensor.washing_machine").energy_kwh / 5.0)), "{:?}", of("binary_sensor.washing_machine"));
}

#[tokio::test]
async fn live_readings_come_as_the_clock_goes() {
    let clock = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(now_ms()));
    let seen = clock.clone();
    // Every look at the clock is half a minute later, so that there is always something to say.
    let tick = move || seen.fetch_add(30_000, std::sync::atomic::Ordering::Relaxed);
    let mut demo = Demo::new(days(1), now_ms()).with_clock(tick);
    let mut told = demo.next().await.unwrap();
    while clock.load(std::sync::atomic::Ordering::Relaxed) < now_ms() + 600_000 {
        told.extend(demo.next().await.unwrap());
    }
    let mut expected = readings(&all(&mut Demo::new(days(1), now_ms()), now_ms() + 600_000));
    let told = readings(&told);
    expected.truncate(told.len());
    assert_eq!(told, expected);
    assert!(told.last().unwrap().1 > now_ms() + 500_000, "{:?}", told.last());
}
