//! A held time series.

/// Usual intervals that a polled or pushed value holds for.
pub const HELD_INTERVALS: i64 = 3;
/// A polled or pushed value of which no interval is known holds for so long, ms.
pub const UNKNOWN_HOLD_MS: i64 = 300_000;
/// A polled or pushed value younger than this holds, whatever its interval, ms.
pub const YOUNG_MS: i64 = 10_000;

/// One quantity over time, as Home Assistant records it: a value holds until the next one.
///
/// A value of `NaN` says that the series is silent from then on (`unavailable`, `unknown`, text where a number belongs, the
/// end of a connection): a gap, never a zero. Instants do not fall; where two are equal the later row counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// When each value was said, ms since the epoch, in order.
    pub at_ms: Vec<i64>,
    /// What was said, in the unit of the series; `NaN` begins a gap.
    pub value: Vec<f64>,
}

impl Series {
    /// Number of rows, gaps included.
    pub fn len(&self) -> usize {
        self.at_ms.len()
    }

    /// Whether nothing was ever said.
    pub fn is_empty(&self) -> bool {
        self.at_ms.is_empty()
    }

    /// Appends what was said at `at_ms`; order is restored by [`Series::normalise`].
    pub fn push(&mut self, at_ms: i64, value: f64) {
        self.at_ms.push(at_ms);
        self.value.push(value);
    }

    /// The value held at `at_ms`; `None` before the first row and in a gap.
    pub fn at(&self, at_ms: i64) -> Option<f64> {
        let next = self.at_ms.partition_point(|&t| t <= at_ms);
        let value = *self.value.get(next.checked_sub(1)?)?;
        value.is_finite().then_some(value)
    }

    /// Usual time between rows, ms: their median distance, at least a second; `None` with fewer than two.
    pub fn usual_interval_ms(&self) -> Option<i64> {
        let mut gaps: Vec<i64> = self.at_ms.windows(2).map(|w| w[1] - w[0]).collect();
        let middle = gaps.len() / 2;
        (!gaps.is_empty()).then(|| (*gaps.select_nth_unstable(middle).1).max(1000))
    }

    /// The rows of a polled or pushed device with its silences, also the one that it is in at `now_ms`: what it said ends after
    /// [`HELD_INTERVALS`] of its usual intervals.
    pub fn with_silences(self, now_ms: i64) -> Series {
        let last = self.silent_since_ms(now_ms);
        let hold_ms = self.hold_ms();
        let mut out = Series::default();
        for (k, (&at_ms, &value)) in self.at_ms.iter().zip(&self.value).enumerate() {
            out.push(at_ms, value);
            if self.at_ms.get(k + 1).is_some_and(|&next| next - at_ms > hold_ms) {
                out.push(at_ms + hold_ms, f64::NAN);
            }
        }
        if let Some(last_ms) = last {
            out.push(last_ms, f64::NAN);
        }
        out
    }

    /// Since when a polled or pushed device says nothing at `now_ms`, though it spoke before, ms.
    pub fn silent_since_ms(&self, now_ms: i64) -> Option<i64> {
        let said_ms = self.at_ms.last().copied().zip(self.value.last()).filter(|(_, value)| value.is_finite())?.0;
        (now_ms > self.falls_silent_ms()?).then(|| said_ms + self.hold_ms())
    }

    /// When a polled or pushed device will be known to be silent unless it speaks, ms; `None` where it never spoke.
    pub fn falls_silent_ms(&self) -> Option<i64> {
        self.at_ms.last().map(|last_ms| last_ms.saturating_add(self.hold_ms().max(YOUNG_MS)))
    }

    fn hold_ms(&self) -> i64 {
        self.usual_interval_ms().map_or(UNKNOWN_HOLD_MS, |usual_ms| HELD_INTERVALS * usual_ms)
    }

    /// Puts the rows in order, keeps the last of equal instants, makes every non-finite value a gap and drops rows that
    /// repeat what is already held. Returns whether any row was out of order.
    ///
    /// What comes out is the same whether or not the recorder wrote unchanged values.
    pub fn normalise(&mut self) -> bool {
        let unordered = self.at_ms.windows(2).any(|w| w[1] < w[0]);
        if unordered {
            let mut order: Vec<u32> = (0..self.at_ms.len() as u32).collect();
            order.sort_by_key(|&k| self.at_ms[k as usize]);
            self.at_ms = order.iter().map(|&k| self.at_ms[k as usize]).collect();
            self.value = order.iter().map(|&k| self.value[k as usize]).collect();
        }
        let mut kept = 0;
        for k in 0..self.at_ms.len() {
            let (at_ms, value) = (self.at_ms[k], self.value[k]);
            let value = if value.is_finite() { value } else { f64::NAN };
            if kept > 0 && self.at_ms[kept - 1] == at_ms {
                kept -= 1;
            }
            let repeats = match kept.checked_sub(1) {
                Some(last) => self.value[last] == value || (self.value[last].is_nan() && value.is_nan()),
                None => value.is_nan(),
            };
            if !repeats {
                self.at_ms[kept] = at_ms;
                self.value[kept] = value;
                kept += 1;
            }
        }
        self.at_ms.truncate(kept);
        self.value.truncate(kept);
        unordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_repeats_and_gaps_are_normalised() {
        let mut s =
            Series { at_ms: vec![3000, 1000, 2000, 4000, 4000, 5000, 6000], value: vec![7.0, 5.0, 5.0, 8.0, 9.0, f64::INFINITY, f64::NAN] };
        assert!(s.normalise());
        assert_eq!(s.at_ms, [1000, 3000, 4000, 5000]);
        assert_eq!(s.value[..3], [5.0, 7.0, 9.0]);
        assert!(s.value[3].is_nan());
    }

    #[test]
    fn a_polled_value_holds_for_three_intervals() {
        let rows = Series { at_ms: vec![0, 5_000, 10_000, 60_000, 65_000], value: vec![1.0, 2.0, 3.0, 4.0, 5.0] };
        let ended = rows.clone().with_silences(75_000);
        assert_eq!(ended.at_ms, [0, 5_000, 10_000, 25_000, 60_000, 65_000]);
        assert!(ended.value[3].is_nan() && ended.value[4] == 4.0);
        assert_eq!((rows.silent_since_ms(80_000), rows.silent_since_ms(80_001)), (None, Some(80_000)), "and so does the last");
        assert!(rows.with_silences(90_000).value[6].is_nan());
    }

    #[test]
    fn a_quick_device_may_be_late_by_ten_seconds_before_it_is_silent() {
        let rows = Series { at_ms: (0..20).map(|k| k * 1000).collect(), value: vec![1.0; 20] };
        assert_eq!((rows.silent_since_ms(29_000), rows.silent_since_ms(29_001)), (None, Some(22_000)));
        let one = Series { at_ms: vec![0], value: vec![1.0] };
        assert_eq!((one.silent_since_ms(300_000), one.silent_since_ms(300_001)), (None, Some(300_000)));
        assert_eq!(Series { at_ms: vec![0], value: vec![f64::NAN] }.silent_since_ms(900_000), None, "it said so itself");
    }

    #[test]
    fn a_value_holds_until_the_next_and_not_in_a_gap() {
        let s = Series { at_ms: vec![10, 20, 30], value: vec![1.0, f64::NAN, 3.0] };
        assert_eq!([s.at(9), s.at(10), s.at(19), s.at(25), s.at(1000)], [None, Some(1.0), Some(1.0), None, Some(3.0)]);
    }
}
