//! Energy by quarters of an hour.

use serde::{Deserialize, Serialize};

use super::{Kind, MOST_KW, increments};
use crate::Series;
use crate::calendar::{EARLIEST_MS, LATEST_MS, QUARTER_MS};

/// Power and counter that differ by more than this share are worth a word: the scale of one of them is wrong, or one does not see all.
pub const DISAGREEMENT: f64 = 0.05;

/// Least energy that says whether power and counter agree, kWh.
const LEAST_KWH: f64 = 1.0;
/// A quarter is whole when no more than this share of it is missing.
const MISSING: f64 = 0.01;

/// Energy of a quarter of an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quarter {
    /// Energy in what is known of it, kWh, never below 0.
    pub kwh: f64,
    /// Share of it that is known, 0 to 1. Nothing known is no zero.
    pub covered: f64,
    /// Whether a part is energy of unknown time, spread evenly: counted in a gap, or around a fall, of more than a quarter of an hour.
    pub estimated: bool,
}

/// Energy that went both ways.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quarters {
    /// Energy drawn, from power above 0.
    pub import: Vec<Quarter>,
    /// Energy given, from power below 0; as a positive number.
    pub export: Vec<Quarter>,
}

/// Energy that a counter (kWh) counted in each quarter of an hour from `from_ms`, rounded down to the quarter, to `to_ms`, rounded up.
///
/// What it counted between two readings is spread evenly between them, however long it said nothing: it says a value only when it changes. So the
/// series should begin with the reading held at `from_ms` and end with the first one after `to_ms`. After its last reading it counted nothing until
/// `until_ms`, up to when the series is known.
pub fn counter_quarters(counter: &Series, from_ms: i64, to_ms: i64, until_ms: i64) -> Vec<Quarter> {
    let grid = Grid::new(from_ms, to_ms);
    let mut quarters = grid.empty();
    let counts = increments(counter, MOST_KW);
    for increment in &counts.increments {
        let long = increment.to_ms - increment.from_ms > QUARTER_MS;
        let estimated = long && increment.kwh > 0.0 && increment.kind != Kind::Counted;
        grid.spread(&mut quarters, increment.from_ms, increment.to_ms, increment.kwh, estimated);
    }
    if let Some(since_ms) = counts.unchanged_from_ms {
        grid.spread(&mut quarters, since_ms, counts.unchanged_to_ms.unwrap_or(until_ms), 0.0, false);
    }
    quarters
}

/// Energy of a power (W, drawn above 0 and given below) in each quarter of an hour from `from_ms`, rounded down to the quarter, to `to_ms`, rounded
/// up. A gap is not integrated. The series should begin with the reading held at `from_ms`; its last one holds until `until_ms`.
pub fn power_quarters(power: &Series, from_ms: i64, to_ms: i64, until_ms: i64) -> Quarters {
    let grid = Grid::new(from_ms, to_ms);
    let mut quarters = Quarters { import: grid.empty(), export: grid.empty() };
    let first = power.at_ms.partition_point(|&t| t <= grid.from_ms).saturating_sub(1);
    for k in first..power.len() {
        let (begin_ms, watts) = (power.at_ms[k], power.value[k]);
        if begin_ms >= grid.to_ms {
            break;
        }
        let end_ms = power.at_ms.get(k + 1).map_or(until_ms, |&t| t.min(until_ms));
        if !watts.is_finite() || end_ms <= begin_ms {
            continue;
        }
        let kwh = watts * (end_ms as f64 - begin_ms as f64) / 3.6e9;
        grid.spread(&mut quarters.import, begin_ms, end_ms, kwh.max(0.0), false);
        grid.spread(&mut quarters.export, begin_ms, end_ms, (-kwh).max(0.0), false);
    }
    quarters
}

/// By how much the integral of power is above what the counter counted, as a share of the larger of the two (0.05 is 5 %; below 0 if it is less),
/// over the quarters that both know wholly and that are not estimated. `None` where that is less than 1 kWh. Worth reporting beyond
/// [`DISAGREEMENT`], either way.
pub fn disagreement(power: &[Quarter], counter: &[Quarter]) -> Option<f64> {
    let whole = |q: &Quarter| q.covered >= 1.0 - MISSING && !q.estimated;
    let both = power.iter().zip(counter).filter(|(p, c)| whole(p) && whole(c));
    let (power_kwh, counter_kwh) = both.fold((0.0, 0.0), |sum, (p, c)| (sum.0 + p.kwh, sum.1 + c.kwh));
    let larger: f64 = f64::max(power_kwh, counter_kwh);
    (larger >= LEAST_KWH).then(|| (power_kwh - counter_kwh) / larger)
}

/// Quarters in a row.
struct Grid {
    from_ms: i64,
    to_ms: i64,
}

impl Grid {
    fn new(from_ms: i64, to_ms: i64) -> Self {
        let from_ms = from_ms.clamp(EARLIEST_MS, LATEST_MS).div_euclid(QUARTER_MS) * QUARTER_MS;
        let to_ms = -(-to_ms.clamp(EARLIEST_MS, LATEST_MS)).div_euclid(QUARTER_MS) * QUARTER_MS;
        Grid { from_ms, to_ms: to_ms.max(from_ms) }
    }

    fn empty(&self) -> Vec<Quarter> {
        vec![Quarter::default(); ((self.to_ms - self.from_ms) / QUARTER_MS) as usize]
    }

    /// Adds energy that was drawn evenly over a span; of an instant, all at once.
    fn spread(&self, quarters: &mut [Quarter], from_ms: i64, to_ms: i64, kwh: f64, estimated: bool) {
        if from_ms == to_ms && (self.from_ms..self.to_ms).contains(&from_ms) {
            quarters[((from_ms - self.from_ms) / QUARTER_MS) as usize].kwh += kwh;
        }
        let (mut at_ms, end_ms) = (from_ms.max(self.from_ms), to_ms.min(self.to_ms));
        while at_ms < end_ms {
            let k = (at_ms - self.from_ms) / QUARTER_MS;
            let next_ms = (self.from_ms + (k + 1) * QUARTER_MS).min(end_ms);
            let quarter = &mut quarters[k as usize];
            quarter.kwh += kwh * (next_ms - at_ms) as f64 / (to_ms as f64 - from_ms as f64);
            quarter.covered = (quarter.covered + (next_ms - at_ms) as f64 / QUARTER_MS as f64).min(1.0);
            quarter.estimated |= estimated;
            at_ms = next_ms;
        }
    }
}
