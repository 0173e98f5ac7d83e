use super::*;
use wattribute_domain::{Entity, Level, Said};

fn lamp(rows: &[(i64, bool)]) -> Entity {
    let mut entity = Entity::new("light.hall");
    entity.mode("on");
    let level = |on: bool| if on { Level { mode: 1, fraction: 1.0 } } else { Level::off() };
    entity.said = rows.iter().map(|&(minute, on)| Said { at_ms: minute * 60_000, level: Some(level(on)) }).collect();
    entity
}

#[test]
fn how_long_it_is_usually_on_and_since_when() {
    let mut rows: Vec<(i64, bool)> = vec![(0, false)];
    (0..6).for_each(|k| rows.extend([(k * 100 + 10, true), (k * 100 + 10 + 6 * (k + 1), false)]));
    rows.push((1000, true));
    let found = on(&lamp(&rows), 1600 * 60_000);
    assert_eq!(found, On { since_ms: Some(1000 * 60_000), usual_h: Some(0.6) });
    let off = on(&lamp(&rows[..5]), 1600 * 60_000);
    assert_eq!(off, On { since_ms: None, usual_h: None });
}

#[test]
fn only_days_that_changed_are_written_again() {
    let hour = |day: i64, hour: i64, energy_kwh| HourEnergy {
        series: SeriesId(1),
        hour_ms: day * DAY_MS + hour * 3_600_000,
        energy_kwh,
        estimated: false,
    };
    let kept = [hour(1, 0, 1.0), hour(2, 0, 1.0), hour(3, 5, 1.0)];
    let fresh = [hour(1, 0, 1.001), hour(2, 0, 1.5)];
    let days: Vec<(i64, usize)> = changed_days(&kept, &fresh, (DAY_MS, 3 * DAY_MS)).iter().map(|d| (d.0 / DAY_MS, d.2.len())).collect();
    assert_eq!(days, [(2, 1), (3, 0)], "day 1 says the same, day 3 is retracted");
}
