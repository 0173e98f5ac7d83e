//! What the people of the home switch, on weekdays and at weekends, and what they forget.

use chrono::{Datelike, Weekday};
use wattribute_domain::Level;

use super::super::loads::Draw;
use super::super::random::{self, Random};
use super::super::things::key;
use super::super::weather;
use super::{Day, Run};

/// What is forgotten at night, in turn: entity and power, W.
const FORGOTTEN: [(u32, f64); 7] = [
    (key::CELLAR, 22.0),
    (key::TOWEL_HEATER, 450.0),
    (key::GARAGE, 36.0),
    (key::BATHROOM, 18.0),
    (key::STOREROOM, 11.0),
    (key::WORKSHOP, 58.0),
    (key::BEDROOM, 8.0),
];
/// Forgotten at about half past nine in the evening, found after the midnight that follows the next day: at any time, something
/// has been on since yesterday.
const FORGOTTEN_FROM: f64 = 1290.0;
const FORGOTTEN_TO: f64 = 2.0 * 1440.0 + 20.0;

/// The people's day, minutes of local time.
struct Hours {
    wake: f64,
    leave: f64,
    back: f64,
    sleep: f64,
    dawn: f64,
    dusk: f64,
    weekend: bool,
}

/// All that people begin on this day.
pub(super) fn of_day(day: &Day) -> Vec<Run> {
    let mut random = Random::new(day.seed, 21, day.number());
    let hours = hours(day, &mut random);
    let mut list = List { day, runs: Vec::new() };
    kitchen(&mut list, &hours, &mut Random::new(day.seed, 22, day.number()));
    lamps(&mut list, &hours, &mut Random::new(day.seed, 23, day.number()));
    evening(&mut list, &hours, &mut Random::new(day.seed, 24, day.number()));
    rest(&mut list, &hours, &mut Random::new(day.seed, 25, day.number()));
    let mut runs = list.in_turn();
    runs.retain(|run| !(0..3).any(|ago| overlaps(run, &forgotten(&day.other(-ago)))));
    runs.push(forgotten(day));
    runs
}

/// What is forgotten on the evening of a day.
fn forgotten(day: &Day) -> Run {
    let first = random::scramble(day.seed, 26, 0) % FORGOTTEN.len() as u64;
    let (key, power_w) = FORGOTTEN[(day.number() + first as i64).rem_euclid(FORGOTTEN.len() as i64) as usize];
    let from_ms = day.at_ms(FORGOTTEN_FROM + 8.0 * random::share(day.seed, 27, day.number()));
    Run { key: Some(key), from_ms, to_ms: day.at_ms(FORGOTTEN_TO), level: ON, draw: Draw::Steady(power_w), goes_on: false }
}

/// Whether two runs of one thing touch, or nearly.
fn overlaps(a: &Run, b: &Run) -> bool {
    a.key == b.key && a.from_ms < b.to_ms + 60_000 && b.from_ms < a.to_ms + 60_000
}

fn hours(day: &Day, random: &mut Random) -> Hours {
    let weekend = matches!(day.date.weekday(), Weekday::Sat | Weekday::Sun);
    let (wake, sleep) = if weekend { (505.0, 1425.0) } else { (395.0, 1370.0) };
    let (leave, back) = if weekend { (840.0, 960.0) } else { (490.0, 1035.0) };
    let light = |minutes: f64| weather::sun(day.at_ms(minutes)) > 0.0;
    let dawn = (240..720).step_by(5).map(f64::from).find(|&m| light(m)).unwrap_or(480.0);
    let dusk = (900..1320).step_by(5).map(f64::from).find(|&m| !light(m)).unwrap_or(1290.0);
    Hours {
        wake: wake + random.between(-20.0, 25.0),
        leave: leave + random.between(-15.0, 15.0),
        back: back + random.between(-30.0, 40.0),
        sleep: sleep + random.between(-25.0, 5.0),
        dawn,
        dusk,
        weekend,
    }
}

const ON: Level = Level { mode: 1, fraction: 1.0 };

/// Runs of one day as they are thought of.
struct List<'a> {
    day: &'a Day,
    runs: Vec<Run>,
}

impl List<'_> {
    /// On at a local time (minutes), for so many minutes.
    fn on(&mut self, key: u32, at: f64, minutes: f64, draw: Draw) {
        self.level(key, at, minutes, ON, draw, false);
    }

    fn level(&mut self, key: u32, at: f64, minutes: f64, level: Level, draw: Draw, goes_on: bool) {
        let from_ms = self.day.at_ms(at);
        self.runs.push(Run { key: Some(key), from_ms, to_ms: from_ms + (minutes * 60e3) as i64, level, draw, goes_on });
    }

    /// A row of levels of one thing, one after the other: minutes, level and power of each.
    fn levels(&mut self, key: u32, at: f64, row: &[(f64, Level, f64)]) {
        let mut from_ms = self.day.at_ms(at);
        for (k, &(minutes, level, power_w)) in row.iter().enumerate() {
            let to_ms = from_ms + (minutes * 60e3) as i64;
            let goes_on = k + 1 < row.len();
            self.runs.push(Run { key: Some(key), from_ms, to_ms, level, draw: Draw::Steady(power_w), goes_on });
            from_ms = to_ms;
        }
    }

    /// A few short runs, somewhen within a stretch of local time.
    fn now_and_then(&mut self, key: u32, times: usize, within: (f64, f64), minutes: (f64, f64), power_w: f64, random: &mut Random) {
        for _ in 0..times {
            let at = random.between(within.0, within.1);
            self.on(key, at, random.between(minutes.0, minutes.1), Draw::Steady(power_w));
        }
    }

    /// In order, and nothing is switched on that is on.
    fn in_turn(mut self) -> Vec<Run> {
        self.runs.sort_by_key(|run| (run.key, run.from_ms));
        let mut kept: Vec<Run> = Vec::with_capacity(self.runs.len());
        let mut dropping = false;
        for run in self.runs {
            let last = kept.last().filter(|last| last.key == run.key);
            let joins = last.is_some_and(|last| last.goes_on && last.to_ms == run.from_ms);
            dropping = !joins && (dropping || last.is_some_and(|last| run.from_ms < last.to_ms + 20_000));
            if !dropping {
                kept.push(run);
            }
            // What a dropped run goes over to is dropped with it.
            dropping = dropping && run.goes_on;
        }
        kept
    }
}

fn kitchen(list: &mut List<'_>, hours: &Hours, random: &mut Random) {
    let mut teas = vec![hours.wake + 12.0, hours.wake + 31.0, hours.back + 14.0, 1200.0];
    if hours.weekend {
        teas.extend([660.0, 800.0]);
    }
    for at in teas {
        if random.happens(0.9) {
            let (later, minutes) = (random.between(0.0, 9.0), random.between(1.5, 3.3));
            list.on(key::KETTLE, at + later, minutes, Draw::Steady(2000.0));
        }
    }
    list.on(key::KITCHEN, hours.wake + random.between(4.0, 9.0), random.between(22.0, 38.0), Draw::Steady(24.0));
    let dinner = 1105.0 + random.between(-15.0, 30.0);
    list.on(key::KITCHEN, dinner, random.between(45.0, 70.0), Draw::Steady(24.0));
    list.now_and_then(key::KITCHEN, 3, (1200.0, hours.sleep - 5.0), (1.5, 6.0), 24.0, random);
    if random.happens(if hours.weekend { 0.85 } else { 0.5 }) {
        list.on(key::OVEN, dinner + random.between(4.0, 12.0), random.between(28.0, 55.0), Draw::Oven);
    }
    if hours.weekend && random.happens(0.5) {
        list.on(key::OVEN, 690.0 + random.between(0.0, 40.0), random.between(30.0, 50.0), Draw::Oven);
    }
    if random.happens(0.85) {
        list.on(key::DISHWASHER, 1275.0 + random.between(0.0, 40.0), random.between(88.0, 105.0), Draw::Dishes);
    }
}

fn lamps(list: &mut List<'_>, hours: &Hours, random: &mut Random) {
    for at in [hours.wake, hours.leave - 6.0, hours.back, 1140.0, 1230.0, hours.sleep - 20.0] {
        let at = at + random.between(0.0, 6.0);
        list.on(key::HALL, at, random.between(2.0, 9.0), Draw::Steady(6.0));
    }
    list.now_and_then(key::HALL, 3, (hours.back, hours.sleep - 30.0), (1.5, 7.0), 6.0, random);
    list.on(key::BATHROOM, hours.wake + 2.0, random.between(8.0, 16.0), Draw::Steady(18.0));
    list.on(key::BATHROOM, hours.sleep - random.between(14.0, 24.0), random.between(6.0, 12.0), Draw::Steady(18.0));
    list.now_and_then(key::BATHROOM, 4, (hours.back, hours.sleep - 30.0), (2.0, 7.0), 18.0, random);
    list.on(key::BEDROOM, hours.wake - 3.0, random.between(6.0, 14.0), Draw::Steady(8.0));
    list.on(key::BEDROOM, hours.sleep - 9.0, random.between(12.0, 30.0), Draw::Steady(8.0));
    list.now_and_then(key::BEDROOM, 3, (hours.back, hours.sleep - 40.0), (2.0, 8.0), 8.0, random);
    let home = if hours.weekend { (hours.wake + 40.0, 1270.0) } else { (hours.back, 1270.0) };
    list.now_and_then(key::CELLAR, 5, home, (2.0, 9.0), 22.0, random);
    list.now_and_then(key::STOREROOM, 5, home, (1.5, 5.0), 11.0, random);
    list.now_and_then(key::WORKSHOP, 4, home, (4.0, 25.0), 58.0, random);
    for at in [hours.leave - 2.0, hours.back - 2.0] {
        list.on(key::GARAGE, at, random.between(3.0, 6.0), Draw::Steady(36.0));
    }
    list.now_and_then(key::GARAGE, 3, home, (2.0, 7.0), 36.0, random);
    for at in [hours.wake + 1.0, hours.wake + 24.0, hours.sleep - 65.0, hours.sleep - 32.0] {
        let at = at + random.between(0.0, 4.0);
        list.on(key::TOWEL_HEATER, at, random.between(9.0, 16.0), Draw::Steady(450.0));
    }
    // The dimmable one: full, then as the evening goes. A dimmed lamp draws more than its share of light.
    let begins = hours.dusk.max(hours.back).max(1000.0) + random.between(0.0, 15.0);
    let ends = hours.sleep - random.between(12.0, 25.0);
    let dimmed = |fraction: f64| (Level { mode: 1, fraction: fraction as f32 }, 1.5 + 38.5 * fraction.powf(1.3));
    let shares = [1.0, [0.4, 0.6, 0.8][(random.share() * 3.0) as usize], [0.2, 0.4, 0.6][(random.share() * 3.0) as usize]];
    let row = shares.map(|share| ((ends - begins).max(15.0) / 3.0, dimmed(share).0, dimmed(share).1));
    list.levels(key::LIVING_ROOM, begins, if row[1].1 == row[2].1 { &row[..2] } else { &row });
}

fn evening(list: &mut List<'_>, hours: &Hours, random: &mut Random) {
    let (playing, idle) = (ON, Level { mode: 2, fraction: 1.0 });
    let mut television = |list: &mut List<'_>, at: f64, minutes: f64| {
        let waits = random.between(0.6, 2.0);
        let pause = random.between(3.0, 9.0);
        let before = minutes * random.between(0.3, 0.7);
        list.levels(
            key::TV,
            at,
            &[(waits, idle, 34.0), (before, playing, 96.0), (pause, idle, 34.0), (minutes - before, playing, 96.0), (1.2, idle, 34.0)],
        );
        // Most often with the scene for it, which draws nothing itself.
        if random.happens(0.8) {
            list.on(key::MOVIE_MODE, at + random.between(0.05, 0.4), minutes, Draw::Steady(0.0));
        }
    };
    television(list, 1215.0 + 20.0 * random::share(list.day.seed, 28, list.day.number()), hours.sleep - 1215.0 - 50.0);
    if hours.weekend {
        television(list, hours.wake + 120.0, 65.0);
    }
    // Amplifier and subwoofer hang on one switch of the remote control.
    let music: &[f64] = if hours.weekend { &[hours.wake + 45.0, 985.0] } else { &[hours.back + 20.0] };
    for at in music {
        let (at, minutes) = (at + random.between(0.0, 15.0), random.between(25.0, 80.0));
        list.on(key::AMPLIFIER, at, minutes, Draw::Steady(35.0));
        list.on(key::SUBWOOFER, at, minutes, Draw::Steady(20.0));
    }
}

fn rest(list: &mut List<'_>, hours: &Hours, random: &mut Random) {
    let (opening, closing) = (ON, Level { mode: 2, fraction: 1.0 });
    let up = hours.dawn.max(hours.wake + 6.0) + random.between(0.0, 5.0);
    list.level(key::SHUTTER, up, random.between(0.40, 0.45), opening, Draw::Steady(145.0), false);
    let down = hours.dusk.max(990.0) + random.between(8.0, 20.0);
    list.level(key::SHUTTER, down, random.between(0.38, 0.42), closing, Draw::Steady(130.0), false);
    list.now_and_then(key::GUEST_ROOM, 4, (hours.wake, 1300.0), (10.0, 90.0), 0.0, random);
    let washes = match list.day.date.weekday() {
        Weekday::Sat => true,
        Weekday::Sun => random.happens(0.3),
        _ => random.happens(0.5),
    };
    if washes {
        let at = if hours.weekend { 590.0 } else { hours.back + 25.0 } + random.between(0.0, 40.0);
        list.on(key::WASHING_MACHINE, at, random.between(92.0, 118.0), Draw::Wash);
    }
}
