use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// How long to wait before the next try: 1 s at first, then longer and longer, up to a minute, with jitter so that not everything that
/// lost Home Assistant knocks at the same instant.
pub struct Backoff {
    delays: ExponentialBackoff,
}

impl Default for Backoff {
    fn default() -> Self {
        let builder = ExponentialBuilder::default().with_min_delay(Duration::from_secs(1)).with_max_delay(LONGEST / 2);
        Backoff { delays: builder.with_factor(2.0).without_max_times().with_jitter().build() }
    }
}

/// The longest wait; jitter at most doubles what is built without it.
const LONGEST: Duration = Duration::from_secs(60);

impl Backoff {
    /// How long to wait now.
    pub fn wait(&mut self) -> Duration {
        self.delays.next().unwrap_or(LONGEST).min(LONGEST)
    }

    /// It worked: the next failure starts with a short wait again.
    pub fn reset(&mut self) {
        *self = Backoff::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_longer_and_longer_up_to_a_minute() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = std::iter::repeat_with(|| backoff.wait()).take(20).collect();
        assert!(waits[0] >= Duration::from_secs(1) && waits[0] <= Duration::from_secs(2), "{waits:?}");
        assert!(waits[8..].iter().all(|w| *w >= LONGEST / 2 && *w <= LONGEST), "{waits:?}");
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_secs(2));
    }
}
