//! What the house's power says in a span.

use wattribute_domain::{SeriesId, SeriesInfo};
use wattribute_store::{Bucket, Powers, Result};

use super::cells::{Cell, Grid, Held};
use super::{AttributionTotal, watts};
use crate::routes::known::Known;
use crate::routes::{Api, instant};

/// The highest and lowest power are told to this, ms.
const MINUTE_MS: i64 = 60_000;

/// The house's power.
pub struct House {
    /// Its series, and until when that is known, ms since the epoch.
    power: Option<(SeriesId, i64)>,
    /// What it says in each cell.
    pub held: Vec<Held>,
}

impl House {
    /// The same series as `current` and `statistics` tell.
    pub async fn draw(api: &Api, grid: &Grid, now_ms: i64) -> Result<Self> {
        let powers = Powers::read_series(&*api.store).await?;
        let Some(id) = powers.house(&*api.store).await? else {
            return Ok(House { power: None, held: vec![Held::NOTHING; grid.cells.len()] });
        };
        let of_house: Vec<(SeriesId, SeriesInfo)> = powers.series.into_iter().filter(|(known, _)| *known == id).collect();
        let until_ms = Known::read(&*api.store, &of_house, now_ms).await?.until_ms(id);
        Ok(House { power: Some((id, until_ms)), held: grid.draw(&*api.store, id, until_ms).await? })
    }

    /// Whether nothing says what the house draws.
    pub fn is_unknown(&self) -> bool {
        self.power.is_none()
    }

    /// Mean, lowest and highest power of the span, and when; nothing else of the total.
    pub async fn extremes(&self, api: &Api, grid: &Grid) -> Result<AttributionTotal> {
        let inside = || grid.cells.iter().zip(&self.held).filter(|(cell, held)| cell.stretch.is_some() && held.is_known());
        let (w_ms, ms) = inside().fold((0.0, 0.0), |sum, (_, held)| (sum.0 + held.mean_w * held.known_ms, sum.1 + held.known_ms));
        let lowest = inside().min_by(|a, b| a.1.min_w.total_cmp(&b.1.min_w));
        let highest = inside().min_by(|a, b| b.1.max_w.total_cmp(&a.1.max_w));
        let (Some(lowest), Some(highest)) = (lowest, highest) else { return Ok(AttributionTotal::default()) };
        Ok(AttributionTotal {
            mean_w: watts(w_ms / ms),
            min_w: watts(lowest.1.min_w),
            max_w: watts(highest.1.max_w),
            min_at: Some(instant(self.least_at_ms(api, lowest.0, |minute| minute.min).await?)),
            max_at: Some(instant(self.least_at_ms(api, highest.0, |minute| -minute.max).await?)),
            ..AttributionTotal::default()
        })
    }

    /// The first minute of a cell in which `of` is least, ms since the epoch.
    async fn least_at_ms(&self, api: &Api, cell: &Cell, of: fn(&Bucket) -> f64) -> Result<i64> {
        let minutes = match self.power {
            Some((id, until_ms)) if cell.length_ms() > MINUTE_MS as f64 => {
                api.store.chart(id, cell.from_ms, cell.to_ms.min(until_ms), MINUTE_MS).await?
            }
            _ => Vec::new(),
        };
        let known = minutes.iter().filter(|minute| minute.covered > 0.0);
        Ok(known.min_by(|a, b| of(a).total_cmp(&of(b))).map_or(cell.from_ms, |minute| minute.from_ms))
    }
}
