//! The API, under `/api/v1`.

mod correlations;
mod device;
mod devices;
mod drift;
mod history;
mod impact;
mod now;
mod phantom;
mod span;
mod tariffs;
mod tokens;
mod unknown_loads;

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wattribute_domain::{Cost, SeriesId};
use wattribute_service::Problem;
use wattribute_store::{Result as Stored, Store};

use crate::Config;
use crate::books::{Books, Flows};

/// What the routes read.
#[derive(Clone)]
pub struct Api {
    /// Where everything is.
    pub store: Arc<dyn Store>,
    /// Energies and costs, as far as they were worked out.
    pub(crate) books: Arc<Books>,
    /// How it is set.
    pub(crate) settings: Arc<Config>,
    /// Whether it is made up.
    pub is_demo: bool,
}

impl Api {
    /// The API of a store.
    pub fn new(store: Arc<dyn Store>, config: Config, is_demo: bool) -> Self {
        Api { books: Arc::new(Books::new(store.clone())), settings: Arc::new(config), store, is_demo }
    }

    /// When anything was said first that the home's energy, or a device's, is read from, ms.
    async fn first_ms(&self, flows: &Flows, device: Option<SeriesId>) -> Stored<Option<i64>> {
        let now_ms = now().timestamp_millis();
        let of_home = || flows.house.iter().chain(&flows.import).chain(&flows.solar).map(|flow| flow.series());
        let series: Vec<SeriesId> = device.map_or_else(|| of_home().collect(), |one| vec![one]);
        let mut first = None;
        for id in series {
            first = [first, self.books.first_ms(id, now_ms).await?].into_iter().flatten().min();
        }
        Ok(first)
    }
}

/// All routes of the API.
pub fn router(api: Api) -> OpenApiRouter {
    let energy = OpenApiRouter::new()
        .routes(routes!(now::current))
        .routes(routes!(now::statistics))
        .routes(routes!(now::circuits))
        .routes(routes!(correlations::correlations))
        .routes(routes!(impact::device_impact))
        .routes(routes!(impact::top_consumers))
        .routes(routes!(phantom::phantom_load))
        .routes(routes!(history::history));
    let v1 = OpenApiRouter::new()
        .routes(routes!(devices::devices))
        .routes(routes!(device::device))
        .routes(routes!(tariffs::tariffs, tariffs::put_tariffs))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke));
    OpenApiRouter::new().nest("/api/v1", v1.nest("/energy", energy)).merge(unknown_loads::router()).with_state(api)
}

/// An instant as it stands in answers: RFC 3339, UTC, ms.
fn instant(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Energy to a tenth of a Wh, kWh.
fn watt_hours(kwh: f64) -> f64 {
    (kwh * 1e4).round() / 1e4
}

/// Money to a hundredth of a cent.
fn cents(money: f64) -> f64 {
    (money * 1e4).round() / 1e4
}

/// A cost of which something is known: no energy costs nothing where there is a tariff.
fn known_cost(cost: &Cost, has_tariff: bool) -> Option<f64> {
    (has_tariff && (!cost.bands.is_empty() || cost.unpriced_kwh == 0.0)).then(|| cents(cost.cost))
}

/// A number to two decimals, or nothing where there is none.
fn told(number: f64) -> Option<f64> {
    number.is_finite().then(|| (number * 100.0).round() / 100.0)
}

/// A number of hours, days or rows within its range.
fn within(name: &str, said: Option<u32>, usual: u32, range: std::ops::RangeInclusive<u32>) -> Result<u32, Problem> {
    match said.unwrap_or(usual) {
        value if range.contains(&value) => Ok(value),
        value => Err(Problem::bad_parameter(format!("{name}: {value} is not between {} and {}", range.start(), range.end()))),
    }
}

fn now() -> DateTime<Utc> {
    Utc::now()
}

#[cfg(test)]
mod tests;
