//! What the home used in a span and in its stretches, and what that cost: by the quarters of an hour that are in the books.

use wattribute_domain::{Cost, Pricing, QUARTER_MS, Quarter};

use super::cells::{Grid, Held};
use crate::books::HomeQuarters;

/// What is known of the home's energy.
pub struct Books<'a> {
    /// Quarters that the span touches, as far as anything is known.
    pub quarters: HomeQuarters,
    /// Up to when they are counted, ms since the epoch.
    pub now_ms: i64,
    /// Whether there is a battery, which may be charged from the grid.
    pub has_battery: bool,
    /// The prices, where there are any.
    pub pricing: Option<&'a Pricing>,
    /// From when on a standing charge is due, ms since the epoch.
    pub charged_from_ms: i64,
}

/// What the home used.
pub struct Used {
    /// Energy of each stretch, kWh; `None` where nothing is known.
    pub by_stretch: Vec<Option<f64>>,
    /// Energy of the span, kWh; `None` where nothing is known.
    pub kwh: Option<f64>,
    /// What it cost; `None` where no price is known.
    pub cost: Option<f64>,
    /// Share of the time that has passed for which the energy is known, 0 to 1.
    pub covered: f64,
}

/// Reads the home's energy from its power, for spans of less than a quarter of an hour, or from the books.
pub fn used(grid: &Grid, house: &[Held], books: &Books) -> Used {
    let mut sums = vec![(0.0, 0.0); grid.points];
    let mut add = |stretch: Option<usize>, kwh: f64, ms: f64| {
        if let Some(sum) = stretch.and_then(|k| sums.get_mut(k)) {
            *sum = (sum.0 + kwh, sum.1 + ms);
        }
    };
    let is_short = grid.end_ms - grid.from_ms < QUARTER_MS;
    let shares = shares(grid, house, books);
    let mut money = Money { books, import: Cost::default(), export: Cost::default(), is_earned: false };
    for (k, quarter) in books.quarters.consumption.iter().enumerate() {
        let (at_ms, to_ms) = books.bounds(k);
        let (begin_ms, end_ms) = (at_ms.max(grid.from_ms), to_ms.min(grid.end_ms));
        let of = |all: &[Quarter]| all.get(k).map_or(0.0, |q| q.kwh);
        let time_share = (end_ms - begin_ms).max(0) as f64 / (to_ms - at_ms).max(1) as f64;
        if is_short {
            let kwh: f64 = shares[k].iter().map(|s| house[s.cell].drawn() * s.of_cell / 3.6e9).sum();
            let import = if quarter.kwh > 1e-9 { of(&books.quarters.import) / quarter.kwh } else { 1.0 };
            let import = if books.has_battery { import.max(0.0) } else { import.clamp(0.0, 1.0) };
            money.add(begin_ms, end_ms, kwh * import, of(&books.quarters.export) * time_share);
        } else {
            let inside: f64 = shares[k].iter().map(|s| s.of_quarter).sum();
            shares[k].iter().for_each(|s| add(grid.cells[s.cell].stretch, quarter.kwh * s.of_quarter, quarter.covered * s.ms));
            money.add(begin_ms, end_ms, of(&books.quarters.import) * inside, of(&books.quarters.export) * inside);
        }
    }
    if is_short {
        grid.cells.iter().zip(house).for_each(|(cell, held)| add(cell.stretch, held.drawn() / 3.6e9, held.known_ms));
    }
    let known_ms: f64 = sums.iter().map(|s| s.1).sum();
    let passed_ms = (grid.end_ms - grid.from_ms) as f64;
    let is_known = known_ms > 0.0;
    Used {
        kwh: is_known.then(|| sums.iter().map(|s| s.0).sum::<f64>().max(0.0)),
        cost: money.cost(grid).filter(|_| is_known),
        covered: if passed_ms > 0.0 { (known_ms / passed_ms).min(1.0) } else { 0.0 },
        by_stretch: sums.into_iter().map(|(kwh, ms)| (ms > 0.0).then_some(kwh)).collect(),
    }
}

/// What a cell of the span has of a quarter.
struct Share {
    cell: usize,
    /// Time, ms.
    ms: f64,
    /// Share of the cell, 0 to 1.
    of_cell: f64,
    /// Share of the quarter's energy, 0 to 1: by the house's power where that is known, else by time.
    of_quarter: f64,
}

/// The cells of the span in each quarter.
fn shares(grid: &Grid, house: &[Held], books: &Books) -> Vec<Vec<Share>> {
    let mut first = 0;
    let quarter = |k: usize| {
        let (at_ms, to_ms) = books.bounds(k);
        while grid.cells.get(first).is_some_and(|c| c.to_ms <= at_ms) {
            first += 1;
        }
        let cells = grid.cells.iter().enumerate().skip(first).take_while(|(_, c)| c.from_ms < to_ms);
        let mut found: Vec<(usize, f64, f64)> = cells
            .map(|(k, cell)| {
                let ms = (cell.to_ms.min(to_ms) - cell.from_ms.max(at_ms)) as f64;
                (k, ms, house[k].drawn() * ms / cell.length_ms())
            })
            .collect();
        let whole: f64 = found.iter().map(|f| f.2).sum();
        // Cells of an hour or more do not reach around the span: what they have of a quarter is a matter of time.
        let by_power = grid.is_fine && whole > 0.0;
        found.retain(|(k, ..)| grid.cells[*k].stretch.is_some());
        let share = |(cell, ms, drawn): (usize, f64, f64)| Share {
            cell,
            ms,
            of_cell: ms / grid.cells[cell].length_ms(),
            of_quarter: if by_power { drawn / whole } else { ms / (to_ms - at_ms).max(1) as f64 },
        };
        found.into_iter().map(share).collect()
    };
    (0..books.quarters.consumption.len()).map(quarter).collect()
}

impl Books<'_> {
    /// When a quarter begins and up to when it is counted, ms since the epoch.
    fn bounds(&self, k: usize) -> (i64, i64) {
        let at_ms = self.quarters.from_ms + k as i64 * QUARTER_MS;
        (at_ms, (at_ms + QUARTER_MS).min(self.now_ms.max(at_ms + 1)))
    }
}

/// What was paid and earned.
struct Money<'a> {
    books: &'a Books<'a>,
    import: Cost,
    export: Cost,
    is_earned: bool,
}

impl Money<'_> {
    fn add(&mut self, from_ms: i64, to_ms: i64, import_kwh: f64, export_kwh: f64) {
        let Some(pricing) = self.books.pricing else { return };
        if import_kwh > 0.0 {
            pricing.add_cost(&mut self.import, from_ms, to_ms, import_kwh);
        }
        if export_kwh > 0.0 {
            self.is_earned |= pricing.add_revenue(&mut self.export, from_ms, to_ms, export_kwh);
        }
    }

    /// As a history tells it: import and standing charge less what export earned.
    fn cost(&self, grid: &Grid) -> Option<f64> {
        let pricing = self.books.pricing?;
        let from_ms = grid.from_ms.max(self.books.charged_from_ms);
        let standing = if from_ms < grid.end_ms { pricing.standing_charge(from_ms, grid.end_ms) } else { 0.0 };
        let earned = if self.is_earned { self.export.cost } else { 0.0 };
        crate::routes::known_cost(&self.import, true).map(|_| self.import.cost + standing - earned)
    }
}
