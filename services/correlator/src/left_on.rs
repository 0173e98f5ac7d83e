//! What is on far longer than it usually is.

use wattribute_analysis::attribution::events::Events;
use wattribute_domain::Entity;

/// How long an entity is on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct On {
    /// Since when it is on, ms since the epoch; `None` while it is off.
    pub since_ms: Option<i64>,
    /// How long it usually stays on, h: the 95th percentile of its runs; `None` with less than 5 of them.
    pub usual_h: Option<f64>,
}

/// Since when an entity is on, and how long it usually stays so.
pub fn on(entity: &Entity, now_ms: i64) -> On {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for stretch in Events::of(entity).stretches(now_ms).into_iter().filter(|s| !s.level.is_off()) {
        match runs.last_mut() {
            Some(run) if run.1 == stretch.from_ms => run.1 = stretch.to_ms,
            _ => runs.push((stretch.from_ms, stretch.to_ms)),
        }
    }
    let since_ms = runs.last().filter(|r| r.1 == now_ms).map(|r| r.0);
    let mut lengths: Vec<i64> = runs.iter().filter(|r| r.1 < now_ms).map(|r| r.1 - r.0).collect();
    lengths.sort_unstable();
    let usual = (lengths.len() >= 5).then(|| lengths[(lengths.len() * 95).div_ceil(100).min(lengths.len()) - 1]);
    On { since_ms, usual_h: usual.map(|ms| ms as f64 / 3.6e6) }
}

/// On for more than three times as long as it usually is at most, and for more than an hour longer; not what draws nothing.
pub fn is_left_on(on_since_ms: Option<i64>, usual_on_h: Option<f64>, power_w: Option<f64>, now_ms: i64) -> bool {
    let (Some(since_ms), Some(usual_h)) = (on_since_ms, usual_on_h) else { return false };
    let hours = (now_ms - since_ms) as f64 / 3.6e6;
    power_w.is_some_and(|w| w > 0.5) && hours > (3.0 * usual_h).max(usual_h + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_on_is_far_longer_than_usual() {
        let hour = 3_600_000;
        assert!(is_left_on(Some(0), Some(1.0), Some(40.0), 4 * hour));
        assert!(!is_left_on(Some(0), Some(1.0), Some(40.0), 2 * hour));
        assert!(!is_left_on(Some(0), Some(0.01), Some(40.0), hour / 2), "a minute more is not left on");
        assert!(!is_left_on(Some(0), None, Some(40.0), 400 * hour), "nothing is usual yet");
        assert!(!is_left_on(Some(0), Some(1.0), Some(0.0), 4 * hour));
    }
}
