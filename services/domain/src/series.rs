//! A held time series.

/// Usual intervals that a polled or pushed value holds for.
pub const HELD_INTERVALS: i64 = 3;

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

    /// The rows of a polled or pushed device with its silences: what it said ends after [`HELD_INTERVALS`] of its usual intervals.
    pub fn with_silences(self) -> Series {
        let Some(usual_ms) = self.usual_interval_ms() else { return self };
        let mut out = Series::default();
        for (k, (&at_ms, &value)) in self.at_ms.iter().zip(&self.value).enumerate() {
            out.push(at_ms, value);
            if self.at_ms.get(k + 1).is_some_and(|&next| next - at_ms > HELD_INTERVALS * usual_ms) {
                out.push(at_ms + HELD_INTERVALS * usual_ms, f64::NAN);
            }
        }
        out
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
        let ended = rows.with_silences();
        assert_eq!(ended.at_ms, [0, 5_000, 10_000, 25_000, 60_000, 65_000]);
        assert!(ended.value[3].is_nan() && ended.value[4] == 4.0);
    }

    #[test]
    fn a_value_holds_until_the_next_and_not_in_a_gap() {
        let s = Series { at_ms: vec![10, 20, 30], value: vec![1.0, f64::NAN, 3.0] };
        assert_eq!([s.at(9), s.at(10), s.at(19), s.at(25), s.at(1000)], [None, Some(1.0), Some(1.0), None, Some(3.0)]);
    }
}
