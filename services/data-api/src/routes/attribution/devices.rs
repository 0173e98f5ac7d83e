//! What each device is thought to have drawn: by its own meter, by its level and what was learned, or by the energy of its hours.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::try_join_all;
use wattribute_domain::{Cost, Level, Pricing, ProfileRecord, Quantity, Series, SeriesId, SeriesInfo, Verdict};
use wattribute_store::Result;

use super::cells::{Drawn, Grid, HOUR_MS, Held};
use super::laid::{Varying, lay};
use crate::books::{Hours, add_share, counts, power_w, price_of};
use crate::routes::Api;
use crate::routes::known::Known;

/// What is attributed to one device.
pub struct Attributed {
    /// Its level series.
    pub series: SeriesId,
    /// Mean power in each stretch, W; `None` where it is not known.
    pub power_w: Vec<Option<f64>>,
    /// Energy of the span, kWh.
    pub kwh: f64,
    /// What it cost at the prices of import.
    pub cost: Cost,
    /// Time on in the span, ms; `None` where that was not counted yet.
    pub on_ms: Option<f64>,
}

/// What is needed to attribute.
pub struct Teller<'a> {
    /// Where everything is.
    pub api: &'a Api,
    /// The stretches that are asked for.
    pub grid: &'a Grid,
    /// Energies of the hours that the span touches.
    pub hours: &'a Hours,
    /// What is learned of all devices.
    pub profiles: &'a [ProfileRecord],
    /// The prices, where there are any.
    pub pricing: Option<&'a Pricing>,
    /// The present, ms since the epoch.
    pub now_ms: i64,
}

/// How the power of a device follows.
enum Way {
    /// It has a sensor of its own.
    Measured(SeriesId),
    /// From its level.
    Steady,
    /// From the energy of its hours; what it draws on average while it is on, W, where nothing is learned of an hour yet.
    Laid(Option<f64>),
}

impl Teller<'_> {
    /// By stretches of an hour and more: from the energies of hours alone.
    pub fn by_hours(&self, house: &[Held]) -> Vec<Attributed> {
        let (grid, hours) = (self.grid, self.hours);
        let length_ms = |k: usize| grid.cells.get(k).map_or(1.0, super::cells::Cell::length_ms);
        let count = hours.kwh.values().next().map_or(0, Vec::len);
        let price = |p: &Pricing, k: usize| price_of(p, self.hour_ms(k), self.hour_ms(k) + HOUR_MS);
        let prices: Vec<Cost> = self.pricing.into_iter().flat_map(|p| (0..count).map(move |k| price(p, k))).collect();
        let attributed = |(&series, all): (&SeriesId, &Vec<f32>)| {
            let mut found = Attributed { series, power_w: vec![None; grid.points], kwh: 0.0, cost: Cost::default(), on_ms: None };
            let mut sums = vec![0.0; grid.cells.len()];
            for (k, kwh) in all.iter().enumerate().filter(|(_, kwh)| **kwh > 0.0) {
                let hour_ms = self.hour_ms(k);
                let end_ms = hours.end_ms(hour_ms);
                let per_ms = f64::from(*kwh) / (end_ms - hour_ms) as f64;
                let (begin_ms, until_ms) = (hour_ms.max(grid.from_ms), end_ms.min(grid.end_ms));
                if begin_ms >= until_ms {
                    continue;
                }
                let mut stretch = ((begin_ms - grid.even_ms) / grid.step_ms) as usize;
                while let Some(cell) = grid.cells.get(stretch).filter(|c| c.from_ms < until_ms) {
                    sums[stretch] += per_ms * (cell.to_ms.min(until_ms) - cell.from_ms.max(begin_ms)) as f64;
                    stretch += 1;
                }
                let inside_kwh = per_ms * (until_ms - begin_ms) as f64;
                found.kwh += inside_kwh;
                if let Some(price) = prices.get(k) {
                    add_share(&mut found.cost, price, inside_kwh);
                }
            }
            for (k, kwh) in sums.into_iter().enumerate().filter(|(k, kwh)| *kwh > 0.0 || house[*k].is_known()) {
                found.power_w[k] = Some(kwh * 3.6e9 / length_ms(k));
            }
            found
        };
        hours.kwh.iter().map(attributed).filter(|found| found.kwh > 0.0).collect()
    }

    /// By stretches of less than an hour: from what levels and sensors said within.
    pub async fn by_levels(&self, house: &[Held]) -> Result<Vec<Attributed>> {
        let grid = self.grid;
        let metered = wattribute_store::house(&*self.api.store).await?.map(|house| house.metered).unwrap_or_default();
        let infos: HashMap<SeriesId, SeriesInfo> = self.api.store.series().await?.into_iter().collect();
        let all: Vec<(SeriesId, Way)> =
            self.candidates().into_iter().filter_map(|series| Some((series, self.way(series, &metered)?))).collect();
        let of_interest = all.iter().flat_map(|(series, way)| match way {
            Way::Measured(sensor) => vec![*series, *sensor],
            _ => vec![*series],
        });
        let of_interest: Vec<(SeriesId, SeriesInfo)> = of_interest.filter_map(|id| Some((id, infos.get(&id)?.clone()))).collect();
        let known = Known::read(&*self.api.store, &of_interest, self.now_ms).await?;
        let (first_ms, last_ms) = grid.reach();
        let levels = all.iter().map(|(series, _)| self.levels(*series, infos.get(series), first_ms, last_ms));
        let levels = try_join_all(levels).await?;

        let mut left: Vec<f64> = house.iter().map(|h| if h.is_known() { h.mean_w } else { f64::NAN }).collect();
        let (mut found, mut varying) = (Vec::new(), Vec::new());
        for ((series, way), levels) in all.into_iter().zip(&levels) {
            let until_ms = known.until_ms(series).min(last_ms);
            let modes = infos.get(&series).map(|info| info.modes.as_slice()).unwrap_or_default();
            let profile = self.record(series).map(|record| &record.profile);
            let steady = |level: Level| profile.and_then(|profile| power_w(profile, modes, level));
            let mut drawn = match way {
                Way::Steady => grid.walk(levels, until_ms, steady),
                _ => grid.walk(levels, until_ms, |_| Some(0.0)),
            };
            if let Way::Measured(sensor) = way {
                let held = grid.draw(&*self.api.store, sensor, known.until_ms(sensor)).await?;
                drawn.w_ms = held.iter().map(Held::drawn).collect();
                drawn.known_ms = held.iter().map(|h| h.known_ms).collect();
            }
            if let Way::Laid(mean_on_w) = way {
                let kwh = grid.hours().iter().map(|(hour_ms, _)| self.hours.kwh(series, *hour_ms)).collect();
                varying.push((series, Varying { drawn, kwh, mean_on_w }));
                continue;
            }
            left.iter_mut().enumerate().for_each(|(k, left)| *left -= drawn.mean_w(k).unwrap_or(0.0));
            found.push((series, drawn));
        }
        left.iter_mut().for_each(|left| *left = if left.is_finite() { left.max(0.0) } else { *left });
        let (series, mut varying): (Vec<SeriesId>, Vec<Varying>) = varying.into_iter().unzip();
        lay(&grid.cells, &grid.hours(), self.hours.learned_ms, &mut left, &mut varying);
        found.extend(series.into_iter().zip(varying.into_iter().map(|v| v.drawn)));
        let attributed = found.into_iter().map(|(series, drawn)| self.attributed(series, &drawn));
        Ok(attributed.filter(|found| found.kwh > 0.0 || found.power_w.iter().flatten().any(|w| *w > 0.0)).collect())
    }

    /// The devices that may have drawn anything: those that have energy, and those of which something is known that can be drawn.
    fn candidates(&self) -> BTreeSet<SeriesId> {
        let with_energy = self.hours.kwh.iter().filter(|(_, all)| all.iter().any(|kwh| *kwh > 0.0)).map(|(series, _)| *series);
        let known = self.profiles.iter().filter(|record| counts(record, self.profiles)).map(|record| record.series);
        with_energy.chain(known).collect()
    }

    /// `None` where nothing can be drawn of it.
    fn way(&self, series: SeriesId, metered: &BTreeMap<SeriesId, SeriesId>) -> Option<Way> {
        let has_energy = || self.hours.kwh.get(&series).is_some_and(|all| all.iter().any(|kwh| *kwh > 0.0));
        if let Some(sensor) = metered.get(&series) {
            return Some(Way::Measured(*sensor));
        }
        // Of a group the first carries the power; what has none now may have had energy when it was switched more often.
        let record = self.record(series).filter(|record| counts(record, self.profiles));
        let Some(ProfileRecord { profile, .. }) = record else { return has_energy().then_some(Way::Laid(None)) };
        let is_told = profile.levels.iter().any(|level| level.power_w.is_some());
        Some(if profile.verdict != Verdict::Varies && is_told { Way::Steady } else { Way::Laid(profile.mean_on_w()) })
    }

    async fn levels(&self, series: SeriesId, info: Option<&SeriesInfo>, from_ms: i64, to_ms: i64) -> Result<Series> {
        match info {
            Some(info) if info.quantity == Quantity::Level => self.api.store.readings(series, from_ms, to_ms).await,
            _ => Ok(Series::default()),
        }
    }

    /// Of a whole hour its energy; of an hour that the span cuts what was drawn within, as a share of what was drawn in all of it.
    fn attributed(&self, series: SeriesId, drawn: &Drawn) -> Attributed {
        let grid = self.grid;
        let (mut kwh, mut cost) = (0.0, Cost::default());
        for (hour_ms, cells) in grid.hours() {
            let Some(all_kwh) = self.hours.kwh(series, hour_ms).filter(|kwh| *kwh > 0.0) else { continue };
            let end_ms = self.hours.end_ms(hour_ms);
            let (begin_ms, until_ms) = (hour_ms.max(grid.from_ms), end_ms.min(grid.end_ms));
            if begin_ms >= until_ms {
                continue;
            }
            let is_told = |k: &usize| grid.cells[*k].stretch.is_some();
            let all: f64 = drawn.w_ms[cells.clone()].iter().sum();
            let inside: f64 = cells.filter(is_told).map(|k| drawn.w_ms[k]).sum();
            let share = match (begin_ms == hour_ms && until_ms == end_ms, all > 0.0) {
                (true, _) => 1.0,
                (false, true) => inside / all,
                (false, false) => (until_ms - begin_ms) as f64 / (end_ms - hour_ms) as f64,
            };
            kwh += all_kwh * share;
            if let Some(pricing) = self.pricing {
                pricing.add_cost(&mut cost, begin_ms, until_ms, all_kwh * share);
            }
        }
        let told = grid.cells.iter().zip(&drawn.on_ms).filter(|(cell, _)| cell.stretch.is_some());
        Attributed { series, power_w: drawn.by_stretch(grid), kwh, cost, on_ms: Some(told.map(|(_, ms)| ms).sum()) }
    }

    fn hour_ms(&self, k: usize) -> i64 {
        self.hours.from_ms + k as i64 * HOUR_MS
    }

    fn record(&self, series: SeriesId) -> Option<&ProfileRecord> {
        self.profiles.iter().find(|record| record.series == series)
    }
}
