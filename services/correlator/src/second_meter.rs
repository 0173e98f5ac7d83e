//! Other meters of the whole house, compared with the one that is taken for it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wattribute_analysis::{MeterDay, compare_meters};
use wattribute_domain::{Quantity, Role, SeriesId};
use wattribute_store::{Store, zone};

use crate::catalogue::{Catalogue, sensor_name};
use crate::learn::DAY_MS;

/// Key of the document that the comparison is kept in.
pub const DOCUMENT: &str = "meter_comparison";

/// Days that are compared.
const DAYS: i64 = 7;

/// Minutes of two meters of the same house go together at least so well.
const ALIKE: f64 = 0.9;

/// How another meter of the whole house compares with the one that is taken for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Comparison {
    /// The meter that is taken for the house's.
    meter: String,
    /// The other one.
    other: String,
    /// Local days, oldest first.
    days: Vec<Day>,
}

/// One local day of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Day {
    /// The local date, such as 2026-11-21.
    date: String,
    /// What the other says for each W of the first.
    ratio: f64,
    /// What the other says where the first says nothing, W.
    offset_w: f64,
    /// How much later the other shows a step, s; null on a day without clear steps.
    lag_s: Option<f64>,
    /// How well their minutes go together, -1 to 1.
    correlation: f64,
    /// Hours in which both spoke.
    hours: f64,
}

impl From<MeterDay> for Day {
    fn from(day: MeterDay) -> Self {
        let MeterDay { date, ratio, offset_w, lag_s, correlation, hours } = day;
        Day { date: date.to_string(), ratio, offset_w, lag_s, correlation, hours }
    }
}

/// Compares every other sensor of power that stands for the whole house, and keeps what came out.
pub async fn compare(
    store: &dyn Store,
    catalogue: &Catalogue,
    house: SeriesId,
    (meter, inputs): (&str, &[SeriesId]),
    now_ms: i64,
) -> anyhow::Result<()> {
    let others: Vec<(SeriesId, String)> = catalogue
        .sensors()
        .into_iter()
        .filter(|id| !inputs.contains(id))
        .filter_map(|id| Some((id, catalogue.info(id)?)))
        .filter(|(_, info)| info.quantity == Quantity::PowerW && info.role == Some(Role::WholeHouse))
        .map(|(id, info)| (id, sensor_name(info)))
        .collect();
    let mut found: Vec<Comparison> = Vec::new();
    if !others.is_empty() {
        let zone = zone(&catalogue.home);
        let from_ms = now_ms - DAYS * DAY_MS;
        let first = store.readings(house, from_ms, now_ms).await?;
        for (id, name) in others {
            let (first, mut second) = (first.clone(), store.readings(id, from_ms, now_ms).await?);
            let days = tokio::task::spawn_blocking(move || {
                second.normalise();
                compare_meters(&first, &second, zone)
            })
            .await?;
            let alike = days.iter().filter(|d| d.correlation >= ALIKE && (0.3..3.0).contains(&d.ratio)).count();
            if 2 * alike > days.len() {
                found.push(Comparison { meter: meter.to_owned(), other: name, days: days.into_iter().map(Day::from).collect() });
            }
        }
    }
    store.put_documents(vec![(DOCUMENT.to_owned(), serde_json::to_string(&found)?)]).await?;
    Ok(())
}
