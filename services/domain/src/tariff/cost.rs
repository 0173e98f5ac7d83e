//! What some energy cost.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What some energy cost, or earned where it was exported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cost {
    /// The cost of all energy whose price is known, in the home's currency.
    pub cost: f64,
    /// The same by band, in the order in which they came.
    pub bands: Vec<BandCost>,
    /// Energy whose price is not known, kWh; it is in no other number here.
    pub unpriced_kwh: f64,
}

/// The part of a cost that fell into one band.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BandCost {
    /// Name of the band: a rate's, `fixed`, `dynamic` or `export`.
    pub band: String,
    /// Energy, kWh.
    pub kwh: f64,
    /// What it cost, in the home's currency.
    pub cost: f64,
}

impl Cost {
    /// Energy whose price is known, kWh.
    pub fn priced_kwh(&self) -> f64 {
        self.bands.iter().map(|b| b.kwh).sum()
    }

    /// Adds another cost to this one.
    pub fn add(&mut self, other: &Cost) {
        other.bands.iter().for_each(|b| self.count(&b.band, b.kwh, b.cost));
        self.unpriced_kwh += other.unpriced_kwh;
    }

    pub(super) fn count(&mut self, band: &str, kwh: f64, cost: f64) {
        self.cost += cost;
        match self.bands.iter_mut().find(|b| b.band == band) {
            Some(known) => {
                known.kwh += kwh;
                known.cost += cost;
            }
            None => self.bands.push(BandCost { band: band.to_owned(), kwh, cost }),
        }
    }
}
