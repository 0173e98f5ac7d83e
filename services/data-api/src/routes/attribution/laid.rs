//! Devices that work by themselves while they are on: their energy is known, and is laid where the house's meter has room for it.

use std::ops::Range;

use super::cells::{Cell, Drawn};

/// A device of which only energies are known.
#[derive(Clone, Debug)]
pub struct Varying {
    /// What is known of its time on; its power is filled in.
    pub drawn: Drawn,
    /// Energy of each hour, kWh; `None` where none is told.
    pub kwh: Vec<Option<f64>>,
    /// What it draws on average while it is on, W: for hours of which nothing is learned yet.
    pub mean_on_w: Option<f64>,
}

/// Lays the energy of each hour over the time on within, in proportion to what is `left` of the house's power (W, by cell; `NaN` where that is not
/// known); where nothing is left, evenly. Hours from `learned_ms` on have no energy yet: there a device draws its mean, as far as that is left.
/// Who was on for less time comes first: what is on all the time gets what then remains.
pub fn lay(cells: &[Cell], hours: &[(i64, Range<usize>)], learned_ms: i64, left: &mut [f64], devices: &mut [Varying]) {
    for (hour, (hour_ms, range)) in hours.iter().enumerate() {
        let on_ms = |device: &Varying| device.drawn.on_ms[range.clone()].iter().sum::<f64>();
        let mut order: Vec<usize> = (0..devices.len()).collect();
        order.sort_by(|&a, &b| on_ms(&devices[a]).total_cmp(&on_ms(&devices[b])).then(a.cmp(&b)));
        for k in order {
            let device = &mut devices[k];
            let laid = if *hour_ms < learned_ms {
                learned(&cells[range.clone()], &left[range.clone()], &device.drawn.on_ms[range.clone()], device.kwh[hour].unwrap_or(0.0))
            } else {
                present(&cells[range.clone()], &left[range.clone()], &device.drawn.on_ms[range.clone()], device.mean_on_w)
            };
            for (c, w_ms) in range.clone().zip(laid) {
                if w_ms > 0.0 {
                    left[c] = (left[c] - w_ms / cells[c].length_ms()).max(0.0);
                    device.drawn.known_ms[c] = cells[c].length_ms();
                }
                device.drawn.w_ms[c] = w_ms;
            }
        }
    }
}

/// An hour whose energy is known, W·ms by cell.
fn learned(cells: &[Cell], left: &[f64], on_ms: &[f64], kwh: f64) -> Vec<f64> {
    let w_ms = kwh * 3.6e9;
    if w_ms <= 0.0 {
        return vec![0.0; cells.len()];
    }
    // A lost state change: it was on, and nobody said when.
    let lengths: Vec<f64> = cells.iter().map(Cell::length_ms).collect();
    let on_ms = if on_ms.iter().sum::<f64>() > 0.0 { on_ms } else { &lengths };
    let known = || left.iter().zip(on_ms).filter(|(left, _)| left.is_finite());
    let (sum, time) = known().fold((0.0, 0.0), |sum, (left, on)| (sum.0 + left * on, sum.1 + on));
    let usual = if time > 0.0 { sum / time } else { 1.0 };
    let weights: Vec<f64> = left.iter().zip(on_ms).map(|(left, on)| on * if left.is_finite() { *left } else { usual }).collect();
    let whole: f64 = weights.iter().sum();
    if whole > 0.0 {
        return weights.iter().map(|weight| w_ms * weight / whole).collect();
    }
    let time: f64 = on_ms.iter().sum();
    on_ms.iter().map(|on| w_ms * on / time).collect()
}

/// An hour of which nothing is learned yet, W·ms by cell.
fn present(cells: &[Cell], left: &[f64], on_ms: &[f64], mean_on_w: Option<f64>) -> Vec<f64> {
    let mean_w = mean_on_w.unwrap_or(0.0).max(0.0);
    let cell = |((cell, left), on): ((&Cell, &f64), &f64)| {
        let most = if left.is_finite() { left * cell.length_ms() } else { f64::INFINITY };
        (mean_w * on).min(most)
    };
    cells.iter().zip(left).zip(on_ms).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::super::cells::{Grid, HOUR_MS};
    use super::*;

    /// Four cells of a quarter of an hour.
    fn hour() -> Grid {
        Grid::new(0, HOUR_MS, 4, HOUR_MS)
    }

    fn device(on: [f64; 4], kwh: f64, mean_on_w: f64) -> Varying {
        let drawn = Drawn { on_ms: on.map(|share| share * 900_000.0).to_vec(), ..Drawn::nothing(4) };
        Varying { drawn, kwh: vec![Some(kwh)], mean_on_w: Some(mean_on_w) }
    }

    fn laid(learned_ms: i64, left: [f64; 4], mut devices: Vec<Varying>) -> Vec<Vec<f64>> {
        let grid = hour();
        lay(&grid.cells, &grid.hours(), learned_ms, &mut left.to_vec(), &mut devices);
        devices.iter().map(|d| d.drawn.w_ms.iter().map(|w_ms| (w_ms / 900_000.0).round()).collect()).collect()
    }

    #[test]
    fn energy_lies_where_the_house_has_room_for_it() {
        assert_eq!(laid(HOUR_MS, [1000.0, 0.0, 3000.0, 500.0], vec![device([1.0, 1.0, 1.0, 0.0], 1.0, 9.0)]), [[1000.0, 0.0, 3000.0, 0.0]]);
        assert_eq!(laid(HOUR_MS, [0.0; 4], vec![device([1.0, 0.0, 1.0, 0.0], 1.0, 9.0)]), [[2000.0, 0.0, 2000.0, 0.0]]);
        assert_eq!(laid(HOUR_MS, [0.0; 4], vec![device([0.0; 4], 1.0, 9.0)]), [[1000.0; 4]], "nobody said when");
    }

    #[test]
    fn in_a_gap_of_the_meter_it_lies_as_around_it() {
        let found = laid(HOUR_MS, [1000.0, f64::NAN, 3000.0, f64::NAN], vec![device([1.0; 4], 2.0, 9.0)]);
        assert_eq!(found, [[1000.0, 2000.0, 3000.0, 2000.0]]);
    }

    #[test]
    fn who_is_on_for_less_time_comes_first() {
        // A heater at 1000 W all the hour, and an oven at 1500 W in the third quarter.
        let devices = vec![device([1.0; 4], 1.0, 9.0), device([0.0, 0.0, 1.0, 0.0], 0.375, 9.0)];
        assert_eq!(laid(HOUR_MS, [1000.0, 1000.0, 2500.0, 1000.0], devices), [[1000.0; 4], [0.0, 0.0, 1500.0, 0.0]]);
    }

    #[test]
    fn what_is_not_learned_yet_draws_its_mean_as_far_as_it_is_left() {
        assert_eq!(laid(0, [1000.0, 200.0, f64::NAN, 0.0], vec![device([1.0, 1.0, 0.5, 1.0], 7.0, 400.0)]), [[400.0, 200.0, 200.0, 0.0]]);
    }
}
