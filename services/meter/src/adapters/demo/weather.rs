//! Sun, clouds and cold over the home, in Berlin.

use std::f64::consts::TAU;

use super::random;

const LATITUDE_DEG: f64 = 52.5;
const LONGITUDE_DEG: f64 = 13.4;
const DAY_MS: i64 = 86_400_000;
/// Power of the panels with the sun overhead, W.
const PEAK_W: f64 = 3200.0;

const CLOUDINESS: u64 = 101;
const CLOUDS: u64 = 102;
const COLD: u64 = 103;

/// Share of the year since January 1st, about.
fn year_share(at_ms: i64) -> f64 {
    (at_ms as f64 / (365.2425 * DAY_MS as f64)).rem_euclid(1.0)
}

/// Sine of the sun's height, negative at night.
pub(super) fn sun(at_ms: i64) -> f64 {
    let declination = -23.44f64.to_radians() * (TAU * (year_share(at_ms) + 10.0 / 365.0)).cos();
    let day_share = at_ms.rem_euclid(DAY_MS) as f64 / DAY_MS as f64;
    let hour_angle = TAU * (day_share + LONGITUDE_DEG / 360.0 - 0.5);
    let latitude = LATITUDE_DEG.to_radians();
    latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * hour_angle.cos()
}

/// Power of the panels, W.
pub(super) fn solar_w(seed: u64, at_ms: i64) -> f64 {
    let sun = sun(at_ms);
    if sun <= 0.01 {
        return 0.0;
    }
    let cloudiness = random::wander(seed, CLOUDINESS, at_ms, DAY_MS);
    let cloud = random::wander(seed, CLOUDS, at_ms, 360_000);
    // Some days are clear, some are grey, and most have clouds that come and go.
    let shade = (cloudiness * 1.5 - 0.4 + 0.5 * (cloud - 0.5) * (cloudiness > 0.25) as u8 as f64).clamp(0.0, 0.9);
    PEAK_W * sun.powf(1.15) * (1.0 - shade)
}

/// Temperature outside, °C.
pub(super) fn outside_c(seed: u64, at_ms: i64) -> f64 {
    let year = -9.5 * (TAU * (year_share(at_ms) - 20.0 / 365.0)).cos();
    let day_share = at_ms.rem_euclid(DAY_MS) as f64 / DAY_MS as f64;
    let day = 3.5 * (TAU * (day_share - 14.0 / 24.0)).cos();
    9.5 + year + day + 8.0 * (random::wander(seed, COLD, at_ms, 3 * DAY_MS) - 0.5)
}
