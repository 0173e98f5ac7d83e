//! Power by the time between pulses, where a device says none of its own.

use wattribute_domain::counter::MOST_KW;

use super::wire::Said;

/// A device that was not heard for so long is followed anew, ms: what it drew meanwhile is no power of now.
const FORGOTTEN_MS: i64 = 900_000;

/// What is known of the last pulses of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Power {
    /// Where the counter stood, and when that was said, ms since the epoch.
    last: Option<(f64, i64)>,
    /// When the counter was first seen where it stands, ms since the epoch: the last pulse was no later.
    pulse_ms: Option<f64>,
    /// What it came to last, W.
    power_w: Option<f64>,
}

impl Power {
    /// Power at `at_ms`, W, from what the device says of its pulses; `None` where that does not tell.
    ///
    /// While no pulse comes, the power is no more than one pulse would have been in that time: it falls towards 0 and never gets there.
    pub fn hear(&mut self, said: &Said, at_ms: i64, pulses_per_kwh: f64) -> Option<f64> {
        let watts = |pulses: f64, ms: f64| (ms > 0.0).then(|| pulses * 3.6e9 / (pulses_per_kwh * ms));
        let before = self.last.filter(|(_, last_ms)| at_ms > *last_ms && at_ms - last_ms <= FORGOTTEN_MS);
        let step = said.pulse_count.zip(before).map(|(count, (last, _))| count - last);
        let since_ms = before.map(|(_, last_ms)| (at_ms - last_ms) as f64);
        // Some call the time between two posts their interval: then more than one pulse came within it.
        let is_of_pulses = |ms: &f64| !step.zip(since_ms).is_some_and(|(step, since_ms)| step >= 2.0 && *ms >= 0.8 * since_ms);
        let told_w = said.interval_ms.filter(is_of_pulses).and_then(|ms| watts(1.0, ms));
        let pulse_ms = said.since_pulse_ms.map_or(at_ms as f64, |ms| at_ms as f64 - ms);
        let counted_w = match (step, self.pulse_ms) {
            (Some(step), Some(before_ms)) if step > 0.0 => watts(step, pulse_ms - before_ms),
            (Some(0.0), _) => self.power_w,
            _ => None,
        };
        if let Some(count) = said.pulse_count {
            if step != Some(0.0) {
                self.pulse_ms = Some(pulse_ms);
            }
            self.last = Some((count, at_ms));
        }
        let quiet_ms = self.pulse_ms.filter(|_| step == Some(0.0)).map(|pulse_ms| at_ms as f64 - pulse_ms);
        let quiet_ms = said.since_pulse_ms.or(quiet_ms);
        let most_w = quiet_ms.and_then(|ms| watts(1.0, ms)).unwrap_or(f64::INFINITY);
        // A contact that bounces counts no pulses.
        let can_be = |power_w: &f64| *power_w <= MOST_KW * 1000.0;
        let power_w = told_w.filter(can_be).or(counted_w.filter(can_be)).map(|power_w| power_w.min(most_w));
        self.power_w = power_w;
        power_w
    }
}
