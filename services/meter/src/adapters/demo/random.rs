//! Chance that does not depend on what was drawn before: a pure function of the seed and of what is asked.

/// Scrambles three numbers into one (SplitMix64's finaliser, three times).
pub(super) fn scramble(seed: u64, stream: u64, index: i64) -> u64 {
    let mut mixed = seed;
    for part in [stream, index as u64, 0x6A09_E667_F3BC_C908] {
        mixed = (mixed ^ part).wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
    }
    mixed
}

/// Uniform in 0 to 1.
pub(super) fn share(seed: u64, stream: u64, index: i64) -> f64 {
    (scramble(seed, stream, index) >> 11) as f64 / (1u64 << 53) as f64
}

/// Nearly normal, standard deviation 1, never beyond 3.5.
pub(super) fn normal(seed: u64, stream: u64, index: i64) -> f64 {
    let bits = scramble(seed, stream, index);
    let sum: f64 = (0..4).map(|k| ((bits >> (16 * k)) & 0xFFFF) as f64 / 65_535.0).sum();
    (sum - 2.0) * 3f64.sqrt()
}

/// A smooth wander in 0 to 1 that changes its mind every `period_ms`.
pub(super) fn wander(seed: u64, stream: u64, at_ms: i64, period_ms: i64) -> f64 {
    let knot = at_ms.div_euclid(period_ms);
    let along = at_ms.rem_euclid(period_ms) as f64 / period_ms as f64;
    let smooth = along * along * (3.0 - 2.0 * along);
    let (from, to) = (share(seed, stream, knot), share(seed, stream, knot + 1));
    from + (to - from) * smooth
}

/// A row of draws that belong together, such as all that happens on one day.
pub(super) struct Random {
    seed: u64,
    stream: u64,
    drawn: i64,
}

impl Random {
    pub fn new(seed: u64, stream: u64, index: i64) -> Self {
        Random { seed: scramble(seed, stream, index), stream, drawn: 0 }
    }

    /// Uniform in 0 to 1.
    pub fn share(&mut self) -> f64 {
        self.drawn += 1;
        share(self.seed, self.stream, self.drawn)
    }

    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.share()
    }

    /// True so often.
    pub fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }
}
