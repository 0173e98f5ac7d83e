//! What goes on and off by itself: fridge, freezer, heat pump, and a pump that nobody knows of.

use wattribute_domain::Level;

use super::super::loads::Draw;
use super::super::things::key;
use super::super::{random, weather};
use super::{Day, Run};

const FRIDGE: u64 = 11;
const FREEZER: u64 = 12;
const HEAT_PUMP: u64 = 13;
const PUMP: u64 = 14;
const MINUTE_MS: i64 = 60_000;
/// The heat pump makes hot water in the first turn after this local time, minutes.
const HOT_WATER: f64 = 750.0;
const HEAT_PUMP_TURN_MS: i64 = 72 * MINUTE_MS;

/// Adds what begins on this day.
pub(super) fn of_day(day: &Day, runs: &mut Vec<Run>) {
    let (from_ms, to_ms) = (day.at_ms(0.0), day.other(1).at_ms(0.0));
    // Turns are counted from the epoch, so that days join without a seam.
    let turns = |period_ms: i64| (from_ms.div_euclid(period_ms)..=to_ms.div_euclid(period_ms)).map(move |turn| (turn, turn * period_ms));
    let mut add = |key: Option<u32>, from_ms2: i64, lasts_ms: i64, draw: Draw| {
        if (from_ms..to_ms).contains(&from_ms2) {
            runs.push(Run { key, from_ms: from_ms2, to_ms: from_ms2 + lasts_ms, level: ON, draw, goes_on: false });
        }
    };
    for (stream, period_ms, shortest, power_w) in [(FRIDGE, 47 * MINUTE_MS, 13.0, 85.0), (FREEZER, 83 * MINUTE_MS, 22.0, 62.0)] {
        for (turn, at_ms) in turns(period_ms) {
            let share = |index| random::share(day.seed, stream, 2 * turn + index);
            let lasts_ms = ((shortest + 6.0 * share(0)) * 60e3) as i64;
            add(None, at_ms + (share(1) * 480e3) as i64, lasts_ms, Draw::Motor(power_w));
        }
    }
    for (turn, at_ms) in turns(HEAT_PUMP_TURN_MS) {
        let begins_ms = at_ms + (random::share(day.seed, HEAT_PUMP, turn) * 240e3) as i64;
        let local = day.minutes(at_ms);
        let turn_minutes = (HEAT_PUMP_TURN_MS / MINUTE_MS) as f64;
        let outside_c = weather::outside_c(day.seed, at_ms);
        // Warmer by day than by night.
        let wanted_c = if (330.0..1320.0).contains(&local) { 17.0 } else { 12.0 };
        let needs = ((wanted_c - outside_c) / 24.0).clamp(0.0, 0.85);
        if (HOT_WATER..HOT_WATER + turn_minutes).contains(&local) {
            add(Some(key::HEAT_PUMP), begins_ms, 38 * MINUTE_MS, Draw::Compressor(1900.0));
        } else if needs > 0.1 {
            let power_w = (600.0 + 85.0 * (15.0 - outside_c)).clamp(600.0, 2200.0);
            let lasts_ms = (needs * 66.0 * 60e3) as i64;
            add(Some(key::HEAT_PUMP), begins_ms, lasts_ms, Draw::Compressor(power_w));
        }
    }
    // Ground water: on about half of the days the pump in the cellar runs a minute at a time.
    let wet = random::share(day.seed, PUMP, -day.number());
    for (turn, at_ms) in turns(97 * MINUTE_MS) {
        let share = |index| random::share(day.seed, PUMP, 3 * turn + index);
        if share(0) < wet {
            add(None, at_ms + (share(1) * 5400e3) as i64, ((40.0 + 50.0 * share(2)) * 1e3) as i64, Draw::Motor(740.0));
        }
    }
}

const ON: Level = Level { mode: 1, fraction: 1.0 };
