//! Loads in made-up houses whose truth is known.

use wattribute_domain::{Level, Said};

use super::*;

/// A Monday, midnight in UTC.
const START_MS: i64 = 1_772_409_600_000;

/// Uniform in 0 to 1, the same for the same number.
fn share(number: u64) -> f64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    for factor in [0xBF58_476D_1CE4_E5B9u64, 0x94D0_49BB_1331_11EB] {
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(factor);
    }
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// A house that is looked at every `every_s`.
struct House {
    every_s: f64,
    power_w: Vec<f64>,
    entities: Vec<Entity>,
    profiles: Vec<DeviceProfile>,
}

impl House {
    /// Draws 150 W with some noise, apart from what is added.
    fn new(days: f64, every_s: f64, noise_w: f64) -> Self {
        let n = (days * 86_400.0 / every_s) as u64;
        let noise = |k: u64| ((0..4).map(|j| share(4 * k + j)).sum::<f64>() - 2.0) * 3f64.sqrt();
        let power_w = (0..n).map(|k| 150.0 + noise_w * noise(k)).collect();
        House { every_s, power_w, entities: Vec::new(), profiles: Vec::new() }
    }

    fn seconds(&self) -> f64 {
        self.power_w.len() as f64 * self.every_s
    }

    fn add(&mut self, from_s: f64, to_s: f64, w: impl Fn(f64) -> f64) {
        let place = |s: f64| ((s / self.every_s).ceil().max(0.0) as usize).min(self.power_w.len());
        for k in place(from_s)..place(to_s) {
            self.power_w[k] += w(k as f64 * self.every_s - from_s);
        }
    }

    /// Runs about every `every_s` (half to one and a half of it), between so long and so long; returns when.
    fn runs(&self, stream: u64, every_s: f64, lasts_s: (f64, f64)) -> Vec<(f64, f64)> {
        let mut runs = Vec::new();
        let mut at_s = every_s * share(stream);
        for k in 0.. {
            let lasts = lasts_s.0 + (lasts_s.1 - lasts_s.0) * share(stream * 1_000_003 + 2 * k);
            if at_s + lasts > self.seconds() {
                return runs;
            }
            runs.push((at_s, at_s + lasts));
            at_s += lasts + every_s * (0.5 + share(stream * 1_000_003 + 2 * k + 1));
        }
        runs
    }

    fn steady(&mut self, stream: u64, w: f64, every_s: f64, lasts_s: (f64, f64)) -> Vec<(f64, f64)> {
        let runs = self.runs(stream, every_s, lasts_s);
        runs.iter().for_each(|&(from, to)| self.add(from, to, |_| w));
        runs
    }

    /// An entity that is on in these stretches, of which that was learned.
    fn entity(&mut self, id: &str, on_s: &[(f64, f64)], verdict: Verdict, power_w: Option<f64>) {
        let mut entity = Entity::new(id);
        entity.mode("on");
        let said = |s: f64, level| Said { at_ms: START_MS + (s * 1000.0) as i64, level: Some(level) };
        entity.said.push(said(0.0, Level::off()));
        let on = Level { mode: 1, fraction: 1.0 };
        entity.said.extend(on_s.iter().flat_map(|&(from, to)| [said(from - 1.0, on), said(to - 1.0, Level::off())]));
        self.entities.push(entity);
        self.profiles.push(DeviceProfile {
            entity_id: id.to_owned(),
            name: id.to_owned(),
            power_w,
            power_low_w: None,
            power_high_w: None,
            energy_kwh: None,
            energy_low_kwh: None,
            energy_high_kwh: None,
            cost: None,
            measured_energy_kwh: None,
            levels: Vec::new(),
            events_used: 0,
            events_total: 2 * on_s.len() as u32,
            times_on: on_s.len() as u32,
            hours_on: 0.0,
            strength: 1.0,
            grouped_with: Vec::new(),
            verdict,
        });
    }

    fn power(&self) -> Series {
        let mut power = Series::default();
        for (k, w) in self.power_w.iter().enumerate() {
            power.push(START_MS + (k as f64 * self.every_s * 1000.0) as i64, (w * 10.0).round() / 10.0);
        }
        power.normalise();
        power
    }

    fn look(&self) -> Vec<UnknownLoad> {
        self.look_at(&self.power())
    }

    fn look_at(&self, power: &Series) -> Vec<UnknownLoad> {
        let (entities, profiles) = (&self.entities, &self.profiles);
        unknown_loads(&UnknownSearch { power, metered: &[], entities, profiles, time_zone: chrono_tz::Europe::Berlin }).loads
    }
}

/// One load that is near the truth, and nothing else.
fn assert_only(loads: &[UnknownLoad], w: f64, runs: &[(f64, f64)]) {
    assert_eq!(loads.len(), 1, "{}", told(loads));
    assert_near(loads, w, runs);
}

fn assert_near(loads: &[UnknownLoad], w: f64, runs: &[(f64, f64)]) {
    let n = runs.len() as f64;
    let kwh = runs.iter().map(|r| w * (r.1 - r.0) / 3.6e6).sum::<f64>();
    let is_it = |l: &&UnknownLoad| {
        (l.power_w / w - 1.0).abs() < 0.05 && (f64::from(l.runs) / n - 1.0).abs() < 0.1 && (l.energy_kwh / kwh - 1.0).abs() < 0.15
    };
    assert!(loads.iter().any(|l| is_it(&l)), "{w} W, {n} runs, {kwh:.2} kWh, not\n{}", told(loads));
}

fn told(loads: &[UnknownLoad]) -> String {
    let line = |l: &UnknownLoad| {
        format!("{}: {} W, {} runs ({} seen), {} kWh, strength {}", l.summary(), l.power_w, l.runs, l.runs_seen, l.energy_kwh, l.strength)
    };
    loads.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[rstest::rstest]
#[case(1.0)]
#[case(5.0)]
#[case(10.0)]
#[case(30.0)]
#[case(60.0)]
fn a_load_that_nobody_knows_of_is_found_by_any_meter(#[case] every_s: f64) {
    let mut house = House::new(10.0, every_s, 3.0);
    let runs = house.steady(1, 2200.0, 14_000.0, (170.0, 260.0));
    let loads = house.look();
    assert_only(&loads, 2200.0, &runs);
    let load = &loads[0];
    assert!(load.power_low_w <= 2200.0 && 2200.0 <= load.power_high_w, "{load:?}");
    assert!((170.0..=260.0).contains(&load.duration_s) && load.duration_low_s <= load.duration_s, "{load:?}");
    assert!(load.summary().starts_with("about 2.2 kW, 6 times a day, 4 minutes") || every_s > 5.0, "{}", load.summary());
    let last = runs.last().unwrap();
    let run = load.recent_runs.last().unwrap();
    let off_s = |at_ms: i64, s: f64| ((at_ms - START_MS) as f64 / 1000.0 - s).abs();
    assert!(off_s(run.from_ms, last.0) <= 2.0 * every_s.max(4.0) && off_s(run.to_ms, last.1) <= 2.0 * every_s.max(4.0), "{run:?} {last:?}");
    assert_eq!(load.hours_of_day.iter().sum::<u32>(), load.runs_seen);
}

#[test]
fn noise_is_no_load() {
    for noise_w in [0.0, 1.0, 10.0, 60.0] {
        let loads = House::new(10.0, 5.0, noise_w).look();
        assert!(loads.is_empty(), "noise of {noise_w} W: {}", told(&loads));
    }
}

#[test]
fn loads_that_overlap_are_told_apart() {
    let mut house = House::new(14.0, 5.0, 3.0);
    let fridge = house.steady(1, 90.0, 1900.0, (800.0, 1100.0));
    let pump = house.steady(2, 700.0, 11_000.0, (40.0, 90.0));
    let heater = house.steady(3, 1200.0, 20_000.0, (1500.0, 4000.0));
    let loads = house.look();
    for (w, runs) in [(90.0, &fridge), (700.0, &pump), (1200.0, &heater)] {
        assert_near(&loads, w, runs);
    }
    assert_eq!(loads.len(), 3, "{}", told(&loads));
}

#[test]
fn a_surge_and_a_slow_fall_do_not_hide_a_load() {
    let mut house = House::new(14.0, 5.0, 3.0);
    let runs = house.runs(1, 6000.0, (1200.0, 1500.0));
    // Four times as much in the first second, and a sixth less at the end.
    runs.iter().for_each(|&(from, to)| house.add(from, to, |s| if s < 2.0 { 800.0 } else { 200.0 - 35.0 * s / 1400.0 }));
    let loads = house.look();
    assert_eq!(loads.len(), 1, "{}", told(&loads));
    assert!(
        (f64::from(loads[0].runs) / runs.len() as f64 - 1.0).abs() < 0.1 && (160.0..=205.0).contains(&loads[0].power_w),
        "{}",
        told(&loads)
    );
}

#[test]
fn what_an_entity_explains_is_not_unknown() {
    let mut house = House::new(14.0, 5.0, 3.0);
    let kettle = house.steady(1, 2000.0, 9000.0, (120.0, 240.0));
    house.entity("switch.kettle", &kettle, Verdict::Learned, Some(2000.0));
    // A washing machine that heats and rests while it is on.
    let washes = house.runs(2, 40_000.0, (5000.0, 7000.0));
    for &(from, to) in &washes {
        let mut at = from + 130.0;
        while at + 400.0 < to {
            house.add(at, at + 400.0, |_| 1900.0);
            at += 1100.0;
        }
    }
    house.entity("switch.washing_machine", &washes, Verdict::Varies, None);
    let loads = house.look();
    assert!(loads.is_empty(), "{}", told(&loads));
    house.entities.clear();
    assert!(house.look().iter().any(|l| (l.power_w / 2000.0 - 1.0).abs() < 0.08), "without entities it is unknown");
}

#[test]
fn some_lost_state_changes_make_no_load() {
    let mut house = House::new(20.0, 5.0, 3.0);
    let kettle = house.steady(1, 2000.0, 9000.0, (120.0, 240.0));
    let heard: Vec<(f64, f64)> = kettle.iter().enumerate().filter(|(k, _)| k % 10 != 3).map(|(_, r)| *r).collect();
    assert!(kettle.len() - heard.len() > 2 * FEWEST_RUNS);
    house.entity("switch.kettle", &heard, Verdict::Learned, Some(2000.0));
    let loads = house.look();
    assert!(loads.is_empty(), "{}", told(&loads));
}

#[test]
fn runs_hidden_by_what_is_switched_and_by_gaps_are_counted_in() {
    let mut house = House::new(20.0, 5.0, 3.0);
    let pump = house.steady(1, 700.0, 5000.0, (60.0, 120.0));
    // A lamp so restless that it hides a good part of the time.
    let lamp = house.steady(2, 60.0, 150.0, (30.0, 120.0));
    house.entity("light.hall", &lamp, Verdict::Learned, Some(60.0));
    let mut power = house.power();
    let gap =
        power.at_ms.partition_point(|&t| t < START_MS + 6 * 86_400_000)..power.at_ms.partition_point(|&t| t < START_MS + 9 * 86_400_000);
    power.value[gap].fill(f64::NAN);
    power.normalise();
    let loads = house.look_at(&power);
    assert_eq!(loads.len(), 1, "{}", told(&loads));
    assert!((loads[0].power_w / 700.0 - 1.0).abs() < 0.05, "{}", told(&loads));
    assert!(f64::from(loads[0].runs_seen) < 0.8 * pump.len() as f64, "nothing was hidden: {}", told(&loads));
    assert!((f64::from(loads[0].runs) / pump.len() as f64 - 1.0).abs() < 0.1, "{} runs, not\n{}", pump.len(), told(&loads));
}

#[test]
fn what_was_seen_a_few_times_is_no_load_yet() {
    let mut house = House::new(10.0, 5.0, 3.0);
    for k in 0..4 {
        house.add(40_000.0 + f64::from(k) * 90_000.0, 40_200.0 + f64::from(k) * 90_000.0, |_| 1500.0);
    }
    // Many times, but on two days.
    for k in 0..12 {
        house.add(300_000.0 + f64::from(k) * 7000.0, 300_500.0 + f64::from(k) * 7000.0, |_| 900.0);
    }
    let loads = house.look();
    assert!(loads.is_empty(), "{}", told(&loads));
}

#[test]
fn next_to_nothing_is_looked_at_without_a_word() {
    let house = House::new(0.01, 5.0, 3.0);
    for power in [Series::default(), Series { at_ms: vec![START_MS], value: vec![5.0] }, house.power()] {
        assert!(house.look_at(&power).is_empty());
    }
    let silent = Series { at_ms: vec![0, 1000, i64::from(u32::MAX) * 1000], value: vec![1.0, f64::NAN, f64::NAN] };
    assert!(house.look_at(&silent).is_empty());
}

#[test]
fn the_same_house_gives_the_same_loads() {
    let mut house = House::new(10.0, 5.0, 3.0);
    house.steady(1, 90.0, 1900.0, (800.0, 1100.0));
    assert_eq!(house.look(), house.look());
}
