//! A small home whose loads are known: a held meter every 3 s over a base, a fridge and noise, and entities that say what they did
//! 0 to 5 s late. The same plan and seed always give the same home, and a load does not depend on what else is in it.

use chrono_tz::Tz;
use wattribute_analysis::{Analysis, Settings, analyze};
use wattribute_domain::{DeviceProfile, Entity, History, Level, OwnerWords, Said, Sensor, Series};

/// The meter's id: a usual name, so that it is found.
pub const METER: &str = "sensor.house_power";

/// 2026-03-02, midnight in UTC.
pub const START_MS: i64 = 1_772_409_600_000;

/// Time between readings, s.
const EVERY_S: f64 = 3.0;

/// Marsaglia's xorshift64*.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut random = Random((seed.wrapping_mul(0xD134_2543_DE82_EF95) ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1 << 63);
        (0..8).for_each(|_| _ = random.share());
        random
    }

    /// Uniform in 0 to 1.
    pub fn share(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn between(&mut self, (from, to): (f64, f64)) -> f64 {
        from + (to - from) * self.share()
    }

    /// Nearly normal, standard deviation 1.
    fn normal(&mut self) -> f64 {
        ((0..4).map(|_| self.share()).sum::<f64>() - 2.0) * 3f64.sqrt()
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for k in (1..items.len()).rev() {
            items.swap(k, (self.share() * (k + 1) as f64) as usize);
        }
    }
}

/// Something that is switched.
#[derive(Clone)]
pub struct Load {
    /// Its entities; several are always switched together.
    pub ids: Vec<&'static str>,
    /// Power at its highest level, W; of all its entities together.
    pub power_w: f64,
    /// Levels that it is set to while on, as shares of full power.
    pub levels: &'static [f32],
    /// How long it stays on (at each level) and off, s.
    pub on_s: (f64, f64),
    pub off_s: (f64, f64),
    /// On and off by itself while it is on, s.
    pub cycle_s: Option<(f64, f64)>,
}

impl Load {
    /// Draws the same whenever it is on.
    pub fn steady(id: &'static str, power_w: f64, on_s: (f64, f64), off_s: (f64, f64)) -> Self {
        Load { ids: vec![id], power_w, levels: &[1.0], on_s, off_s, cycle_s: None }
    }

    pub fn kettle() -> Self {
        Load::steady("switch.kettle", 1500.0, (120.0, 240.0), (3600.0, 9000.0))
    }

    pub fn lamp() -> Self {
        Load::steady("light.hall", 60.0, (300.0, 2400.0), (1200.0, 7200.0))
    }

    pub fn dimmer() -> Self {
        Load { levels: &[0.25, 0.5, 0.75, 1.0], ..Load::steady("light.dining", 40.0, (300.0, 1200.0), (1200.0, 5400.0)) }
    }

    pub fn washer() -> Self {
        Load { cycle_s: Some((240.0, 360.0)), ..Load::steady("switch.washer", 500.0, (3000.0, 5400.0), (9000.0, 25000.0)) }
    }

    pub fn ghost() -> Self {
        Load::steady("switch.ghost", 0.0, (600.0, 2400.0), (1200.0, 5400.0))
    }

    pub fn pair() -> Self {
        Load { ids: vec!["light.shelf", "light.cupboard"], ..Load::steady("", 70.0, (600.0, 3600.0), (1800.0, 7200.0)) }
    }
}

/// What a home is made of.
#[derive(Clone)]
pub struct Plan {
    pub seed: u64,
    pub days: f64,
    /// Everything the meter says is multiplied by this, noise and rounding too.
    pub scale: f64,
    /// Standard deviation of a reading, W.
    pub noise_w: f64,
    /// What the meter rounds to, W.
    pub rounded_w: f64,
    /// Power of the sun at noon, W.
    pub sun_w: f64,
    pub loads: Vec<Load>,
}

impl Plan {
    /// All kinds of loads.
    pub fn new(seed: u64) -> Self {
        let loads = vec![Load::kettle(), Load::lamp(), Load::dimmer(), Load::washer(), Load::ghost(), Load::pair()];
        Plan { seed, days: 6.0, scale: 1.0, noise_w: 3.0, rounded_w: 0.1, sun_w: 0.0, loads }
    }

    pub fn with(seed: u64, loads: Vec<Load>) -> Self {
        Plan { loads, ..Plan::new(seed) }
    }

    /// Builds the home.
    pub fn build(&self) -> Home {
        let end_s = self.days * 86_400.0;
        let mut power_w = vec![150.0; (end_s / EVERY_S) as usize];
        let mut fridge = Random::new(self.seed, 1);
        let mut at_s = fridge.between((0.0, 3000.0));
        while at_s < end_s {
            let off_s = at_s + fridge.between((900.0, 1200.0));
            add(&mut power_w, (at_s, off_s), 90.0);
            at_s = off_s + fridge.between((1500.0, 2100.0));
        }
        let mut history = History::default();
        let (mut on, mut energy_kwh) = (Vec::new(), Vec::new());
        for load in &self.loads {
            // By its name, so that it is the same beside other loads.
            let stream = load.ids[0].bytes().fold(7, |h: u64, b| h.wrapping_mul(31) + u64::from(b));
            let before_w: f64 = power_w.iter().sum();
            on.push(load.live(&mut Random::new(self.seed, stream), end_s, &mut power_w, &mut history.entities));
            energy_kwh.push((power_w.iter().sum::<f64>() - before_w) * EVERY_S / 3.6e6);
        }
        let mut noise = Random::new(self.seed, 2);
        let mut readings = Series::default();
        for (k, w) in power_w.iter().enumerate() {
            let at_s = k as f64 * EVERY_S;
            let from_noon_h = at_s / 3600.0 % 24.0 - 12.0;
            let sun_w = self.sun_w * (-(from_noon_h / 2.5).powi(2) / 2.0).exp();
            let w = ((w - sun_w + self.noise_w * noise.normal()) / self.rounded_w).round() * self.rounded_w;
            readings.push(at_ms(at_s), self.scale * w);
        }
        history.sensors.push(Sensor { entity_id: METER.to_owned(), unit: Some("W".to_owned()), readings, ..Sensor::default() });
        history.normalise();
        Home { history, on, energy_kwh }
    }
}

impl Load {
    /// Switches for `end_s`: adds its power and its entities, and tells when it was truly on.
    fn live(&self, random: &mut Random, end_s: f64, power_w: &mut [f64], entities: &mut Vec<Entity>) -> Vec<(f64, f64)> {
        let first = entities.len();
        for id in &self.ids {
            let mut entity = Entity::new(*id);
            entity.mode("on");
            entity.said.push(Said { at_ms: START_MS, level: Some(Level::off()) });
            entities.push(entity);
        }
        let mut say = |random: &mut Random, at_s: f64, level: Level| {
            for entity in &mut entities[first..] {
                entity.said.push(Said { at_ms: at_ms(at_s + random.between((0.0, 5.0))), level: Some(level) });
            }
        };
        let mut on = Vec::new();
        let mut at_s = random.between(self.off_s);
        while at_s < end_s - 2.0 * self.on_s.1 {
            let from_s = at_s;
            let times = if self.levels.len() > 1 { 1 + (random.share() * 3.0) as usize } else { 1 };
            for _ in 0..times {
                let fraction = self.levels[(random.share() * self.levels.len() as f64) as usize];
                let until_s = at_s + random.between(self.on_s);
                say(random, at_s, Level { mode: 1, fraction });
                let (work_s, rest_s) = self.cycle_s.unwrap_or((until_s - at_s, 1.0));
                let mut work = at_s;
                while work < until_s {
                    add(power_w, (work, (work + work_s).min(until_s)), self.power_w * f64::from(fraction));
                    work += work_s + rest_s;
                }
                at_s = until_s;
            }
            say(random, at_s, Level::off());
            on.push((from_s, at_s));
            at_s += random.between(self.off_s);
        }
        on
    }
}

fn add(power_w: &mut [f64], (from_s, to_s): (f64, f64), w: f64) {
    let place = |s: f64| ((s / EVERY_S).ceil() as usize).min(power_w.len());
    let (from, to) = (place(from_s), place(to_s));
    power_w[from..to].iter_mut().for_each(|p| *p += w);
}

fn at_ms(s: f64) -> i64 {
    START_MS + (s * 1000.0).round() as i64
}

/// A home and the truth about it.
#[derive(Clone)]
pub struct Home {
    pub history: History,
    /// When each load was on, s from the start, in the order of the plan.
    pub on: Vec<Vec<(f64, f64)>>,
    /// What each load of the plan took, kWh, scale left out.
    pub energy_kwh: Vec<f64>,
}

impl Home {
    /// Hours for which a load of the plan was on.
    pub fn hours_on(&self, load: usize) -> f64 {
        self.on[load].iter().map(|r| (r.1 - r.0) / 3600.0).sum()
    }

    pub fn meter(&mut self) -> &mut Series {
        &mut self.history.sensors.iter_mut().find(|s| s.entity_id == METER).unwrap().readings
    }

    pub fn entity(&mut self, id: &str) -> &mut Entity {
        self.history.entities.iter_mut().find(|e| e.entity_id == id).unwrap()
    }

    pub fn analyze(self) -> Analysis {
        analyze(self.history, &settings()).unwrap()
    }
}

pub fn settings() -> Settings {
    Settings {
        meter: None,
        meter_unit: None,
        price_per_kwh: Some(0.31),
        currency: Some("EUR".to_owned()),
        time_zone: Tz::Europe__Berlin,
        from_ms: None,
        to_ms: None,
        owner: OwnerWords::new(),
    }
}

/// What was learned of one entity.
pub fn device<'a>(analysis: &'a Analysis, id: &str) -> &'a DeviceProfile {
    analysis.answer.devices.iter().find(|d| d.entity_id == id).unwrap()
}

/// Whether `truth_w` lies within the interval told of a device, widened by its own half width and `more_w`.
pub fn covers(device: &DeviceProfile, truth_w: f64, more_w: f64) -> bool {
    let (Some(low), Some(high)) = (device.power_low_w, device.power_high_w) else { return false };
    let wider_w = (high - low) / 2.0 + more_w;
    (low - wider_w..=high + wider_w).contains(&truth_w)
}
