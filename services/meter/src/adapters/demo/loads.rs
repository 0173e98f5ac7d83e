//! What things draw while they are on.

use super::random;

/// How a load draws over the time it is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Draw {
    /// The same all the time, W.
    Steady(f64),
    /// A compressor: runs up within three minutes to so many W, then follows the weather by a few per cent.
    Compressor(f64),
    /// A motor or a compressor that starts with a surge: three times its power in the first second.
    Motor(f64),
    /// A wash: fills, heats, tumbles to and fro, spins.
    Wash,
    /// A dishwasher: two heatings with a pump in between.
    Dishes,
    /// An oven: heats up, then keeps its heat in turns.
    Oven,
}

impl Draw {
    /// Power in W so long after it began, of a run that lasts `whole_s`. `seed` makes runs of the same kind differ.
    pub fn power_w(self, since_s: f64, whole_s: f64, seed: u64) -> f64 {
        let wander = |period_s: f64| random::wander(seed, 1, (since_s * 1e3) as i64, (period_s * 1e3) as i64);
        match self {
            Draw::Steady(w) => w,
            Draw::Compressor(w) => w * (0.4 + 0.6 * (since_s / 180.0).min(1.0)) * (0.95 + 0.1 * wander(300.0)),
            Draw::Motor(w) => w * if since_s < 1.0 { 3.0 } else { 1.0 },
            Draw::Wash => {
                let heating_s = 840.0 + 240.0 * random::share(seed, 2, 0);
                match since_s {
                    s if s < 120.0 => 22.0,
                    s if s < 120.0 + heating_s => 2050.0,
                    s if s > whole_s - 540.0 => 420.0 * (0.8 + 0.4 * wander(60.0)),
                    s if s.rem_euclid(28.0) < 17.0 => 180.0 * (0.85 + 0.3 * wander(20.0)),
                    _ => 8.0,
                }
            }
            Draw::Dishes => match since_s / whole_s {
                s if (0.1..0.27).contains(&s) || (0.7..0.82).contains(&s) => 1880.0,
                s if s > 0.84 => 6.0,
                _ => 62.0 * (0.9 + 0.2 * wander(40.0)),
            },
            Draw::Oven => {
                let (period_s, heats_s) = (96.0, 34.0 + 8.0 * random::share(seed, 2, 0));
                if since_s < 480.0 || since_s.rem_euclid(period_s) < heats_s { 2400.0 } else { 35.0 }
            }
        }
    }
}
