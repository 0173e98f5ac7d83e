//! What the home used in a span and in its stretches, and what that cost: by the quarters of an hour that are in the books.

use wattribute_domain::{Cost, Pricing, QUARTER_MS, Quarter};

use super::cells::{Cell, Grid, Held};
use crate::books::HomeQuarters;

/// What is known of the home's energy.
pub struct Account<'a> {
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

/// A quarter of which no more than this share is missing is whole.
const MISSING: f64 = 0.01;

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
pub fn used(grid: &Grid, house: &[Held], account: &Account) -> Used {
    let mut sums = vec![(0.0, 0.0); grid.points];
    let mut add = |stretch: Option<usize>, kwh: f64, ms: f64| {
        if let Some(sum) = stretch.and_then(|k| sums.get_mut(k)) {
            *sum = (sum.0 + kwh, sum.1 + ms);
        }
    };
    let is_short = grid.end_ms - grid.from_ms < QUARTER_MS;
    let shares = shares(grid, house, account);
    let mut money = Money { account, import: Cost::default(), export: Cost::default(), is_earned: false };
    for (k, quarter) in account.quarters.consumption.iter().enumerate() {
        let (at_ms, to_ms) = account.bounds(k);
        let (begin_ms, end_ms) = (at_ms.max(grid.from_ms), to_ms.min(grid.end_ms));
        let of = |all: &[Quarter]| all.get(k).map_or(0.0, |q| q.kwh);
        let time_share = (end_ms - begin_ms).max(0) as f64 / (to_ms - at_ms).max(1) as f64;
        if is_short {
            let kwh: f64 = shares[k].iter().map(|s| house[s.cell].drawn() * s.of_cell / 3.6e9).sum();
            let import = if quarter.kwh > 1e-9 { of(&account.quarters.import) / quarter.kwh } else { 1.0 };
            let import = if account.has_battery { import.max(0.0) } else { import.clamp(0.0, 1.0) };
            money.add(begin_ms, end_ms, kwh * import, of(&account.quarters.export) * time_share);
        } else {
            let inside: f64 = shares[k].iter().map(|s| s.of_quarter).sum();
            shares[k].iter().for_each(|s| add(grid.cells[s.cell].stretch, quarter.kwh * s.of_quarter, s.known_ms));
            money.add(begin_ms, end_ms, of(&account.quarters.import) * inside, of(&account.quarters.export) * inside);
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
    /// Time of it that is known, ms.
    known_ms: f64,
    /// Share of the cell, 0 to 1.
    of_cell: f64,
    /// Share of the quarter's energy, 0 to 1: by the house's power where that is known, else by time.
    of_quarter: f64,
}

/// What a cell and a quarter have in common.
struct Part {
    cell: usize,
    /// Time, ms.
    ms: f64,
    /// Share of the cell, 0 to 1.
    of_cell: f64,
    /// What the house drew, W·ms.
    drawn: f64,
    /// Time of which that is known, ms.
    heard_ms: f64,
}

/// The cells of the span in each quarter.
fn shares(grid: &Grid, house: &[Held], account: &Account) -> Vec<Vec<Share>> {
    let mut first = 0;
    let quarter = |(k, quarter): (usize, &Quarter)| {
        let (at_ms, to_ms) = account.bounds(k);
        let length_ms = (to_ms - at_ms) as f64;
        let known_ms = (quarter.covered * QUARTER_MS as f64).min(length_ms);
        while grid.cells.get(first).is_some_and(|c| c.to_ms <= at_ms) {
            first += 1;
        }
        let cells = grid.cells.iter().enumerate().skip(first).take_while(|(_, c)| c.from_ms < to_ms);
        let part = |(k, cell): (usize, &Cell)| {
            let ms = (cell.to_ms.min(to_ms) - cell.from_ms.max(at_ms)) as f64;
            let of_cell = ms / cell.length_ms();
            Part { cell: k, ms, of_cell, drawn: house[k].drawn() * of_cell, heard_ms: house[k].known_ms * of_cell }
        };
        let parts: Vec<Part> = cells.map(part).collect();
        let drawn: f64 = parts.iter().map(|p| p.drawn).sum();
        let heard_ms: f64 = parts.iter().map(|p| p.heard_ms).sum();
        // Cells of an hour or more do not reach around the span: what they have of a quarter is a matter of time.
        let by_power = grid.is_fine && drawn > 0.0;
        // Where nobody heard the power but a counter went on, as much was drawn as around.
        let is_cut = known_ms < (1.0 - MISSING) * length_ms;
        let weight = |p: &Part| p.drawn + if is_cut { 0.0 } else { drawn / heard_ms * (p.ms - p.heard_ms).max(0.0) };
        let whole: f64 = parts.iter().map(weight).sum();
        let share = |p: &Part| Share {
            cell: p.cell,
            known_ms: known_ms * if by_power && is_cut { p.heard_ms / heard_ms } else { p.ms / length_ms },
            of_cell: p.of_cell,
            of_quarter: if by_power { weight(p) / whole } else { p.ms / length_ms },
        };
        parts.iter().filter(|p| grid.cells[p.cell].stretch.is_some()).map(share).collect()
    };
    account.quarters.consumption.iter().enumerate().map(quarter).collect()
}

impl Account<'_> {
    /// When a quarter begins and up to when it is counted, ms since the epoch.
    fn bounds(&self, k: usize) -> (i64, i64) {
        let at_ms = self.quarters.from_ms + k as i64 * QUARTER_MS;
        (at_ms, (at_ms + QUARTER_MS).min(self.now_ms.max(at_ms + 1)))
    }
}

/// What was paid and earned.
struct Money<'a> {
    account: &'a Account<'a>,
    import: Cost,
    export: Cost,
    is_earned: bool,
}

impl Money<'_> {
    fn add(&mut self, from_ms: i64, to_ms: i64, import_kwh: f64, export_kwh: f64) {
        let Some(pricing) = self.account.pricing else { return };
        if import_kwh > 0.0 {
            pricing.add_cost(&mut self.import, from_ms, to_ms, import_kwh);
        }
        if export_kwh > 0.0 {
            self.is_earned |= pricing.add_revenue(&mut self.export, from_ms, to_ms, export_kwh);
        }
    }

    /// As a history tells it: import and standing charge less what export earned.
    fn cost(&self, grid: &Grid) -> Option<f64> {
        let pricing = self.account.pricing?;
        let from_ms = grid.from_ms.max(self.account.charged_from_ms);
        let standing = if from_ms < grid.end_ms { pricing.standing_charge(from_ms, grid.end_ms) } else { 0.0 };
        let earned = if self.is_earned { self.export.cost } else { 0.0 };
        crate::routes::known_cost(&self.import, true).map(|_| self.import.cost + standing - earned)
    }
}
