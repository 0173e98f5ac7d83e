//! What a series says in each stretch of time, and the energy of a power.

use wattribute_domain::Series;

/// How the values within a stretch become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The mean, weighted by time, from the first that was said in it on.
    Mean,
    /// The last that was said in it.
    Last,
}

/// What a series says in each stretch of `every_ms` from `from_ms` up to `to_ms`; `None` where it says nothing. Rows begin with what holds at `from_ms`.
/// Where nothing was said within a stretch it is what holds, if values of this series hold (`holds`).
pub fn values(rows: &Series, holds: bool, by: By, from_ms: i64, to_ms: i64, every_ms: i64) -> Vec<Option<f64>> {
    let mut next = rows.at_ms.partition_point(|&at| at < from_ms);
    let mut held = next.checked_sub(1).map(|k| rows.value[k]).filter(|v| v.is_finite());
    let mut values = Vec::new();
    let mut begin_ms = from_ms;
    while begin_ms < to_ms {
        let end_ms = begin_ms + every_ms;
        let first = next;
        while rows.at_ms.get(next).is_some_and(|&at| at < end_ms) {
            next += 1;
        }
        let said = first..next;
        values.push(if said.is_empty() { held.filter(|_| holds) } else { one(rows, said.clone(), by, end_ms) });
        if let Some(last) = said.last() {
            held = Some(rows.value[last]).filter(|v| v.is_finite());
        }
        begin_ms = end_ms;
    }
    values
}

/// The value of what was said in a stretch that ends at `end_ms`.
fn one(rows: &Series, said: std::ops::Range<usize>, by: By, end_ms: i64) -> Option<f64> {
    let finite = said.clone().filter(|&k| rows.value[k].is_finite());
    let last = rows.value[finite.clone().next_back()?];
    if by == By::Last {
        return Some(last);
    }
    if finite.clone().count() == 1 {
        // Nothing is to be lost by weighing and dividing.
        return Some(last);
    }
    let (mut sum, mut time_ms) = (0.0, 0.0);
    for k in finite {
        let until_ms = if k + 1 < said.end { rows.at_ms[k + 1] } else { end_ms };
        let held_ms = (until_ms - rows.at_ms[k]) as f64;
        sum += rows.value[k] * held_ms;
        time_ms += held_ms;
    }
    Some(if time_ms > 0.0 { sum / time_ms } else { last })
}

/// Energy, and whether anything is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Energy {
    /// Energy, kWh.
    pub kwh: f64,
    /// Whether a part of the time is known: nothing known is no zero.
    pub is_known: bool,
}

impl std::ops::AddAssign for Energy {
    fn add_assign(&mut self, more: Energy) {
        self.kwh += more.kwh;
        self.is_known |= more.is_known;
    }
}

/// Energy of a power (W) from `from_ms` to `to_ms`: of what is above 0, or below it (`below`), as a positive number. Gaps count nothing. The last row
/// holds to the end.
pub fn energy(power: &Series, below: bool, from_ms: i64, to_ms: i64) -> Energy {
    let mut sum = Energy::default();
    let first = power.at_ms.partition_point(|&at| at <= from_ms).saturating_sub(1);
    for k in first..power.len() {
        let begin_ms = power.at_ms[k].max(from_ms);
        let end_ms = power.at_ms.get(k + 1).map_or(to_ms, |&next| next.min(to_ms));
        let power_w = if below { -power.value[k] } else { power.value[k] };
        if begin_ms >= to_ms {
            break;
        }
        if end_ms > begin_ms && power_w.is_finite() {
            sum += Energy { kwh: power_w.max(0.0) * (end_ms - begin_ms) as f64 / 3.6e9, is_known: true };
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: f64 = f64::NAN;

    fn said(rows: &[(i64, f64)]) -> Series {
        Series { at_ms: rows.iter().map(|r| r.0).collect(), value: rows.iter().map(|r| r.1).collect() }
    }

    #[test]
    fn a_stretch_is_what_was_said_in_it() {
        let rows = said(&[(0, 5.0), (12_000, 7.0), (15_000, 9.0), (31_000, NONE), (32_000, NONE)]);
        let held = values(&rows, true, By::Mean, 0, 50_000, 10_000);
        assert_eq!(held, [Some(5.0), Some((3.0 * 7.0 + 5.0 * 9.0) / 8.0), Some(9.0), None, None]);
        let polled = values(&rows, false, By::Last, 0, 50_000, 10_000);
        assert_eq!(polled, [Some(5.0), Some(9.0), None, None, None], "what was polled is not repeated");
    }

    #[test]
    fn what_held_before_holds() {
        let rows = said(&[(-5_000, 3.25)]);
        assert_eq!(values(&rows, true, By::Mean, 0, 20_000, 10_000), [Some(3.25); 2]);
        assert_eq!(values(&rows, false, By::Mean, 0, 20_000, 10_000), [None; 2]);
        assert_eq!(values(&said(&[]), true, By::Mean, 0, 10_000, 10_000), [None]);
    }

    #[test]
    fn a_polled_device_is_silent_after_three_intervals() {
        let rows = said(&[(0, 1.0), (10_000, 2.0)]).with_silences(100_000);
        assert_eq!(rows.at(39_999), Some(2.0));
        assert_eq!(rows.at(40_000), None);
        assert_eq!(said(&[(0, 1.0), (10_000, 2.0)]).with_silences(30_000).at(30_000), Some(2.0));
    }

    #[test]
    fn energy_is_power_times_time_and_a_gap_is_none() {
        let rows = said(&[(0, 1000.0), (1_800_000, NONE), (3_600_000, -2000.0)]);
        let drawn = energy(&rows, false, 900_000, 7_200_000);
        assert!((drawn.kwh - 0.25).abs() < 1e-12 && drawn.is_known);
        assert!((energy(&rows, true, 0, 5_400_000).kwh - 1.0).abs() < 1e-12);
        assert_eq!(energy(&rows, false, 1_800_000, 3_600_000), Energy::default(), "nothing is known");
    }
}
