//! The API, under `/api/v1`.

mod alerts;
mod correlations;
mod devices;
mod now;

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wattribute_service::Problem;
use wattribute_store::Store;

/// What the routes read.
#[derive(Clone)]
pub struct Api {
    /// Where everything is.
    pub store: Arc<dyn Store>,
    /// Whether it is made up.
    pub is_demo: bool,
}

/// All routes of the API.
pub fn router(api: Api) -> OpenApiRouter {
    let energy =
        OpenApiRouter::new().routes(routes!(now::current)).routes(routes!(now::circuits)).routes(routes!(correlations::correlations));
    let v1 = OpenApiRouter::new().routes(routes!(devices::devices)).routes(routes!(alerts::alerts));
    OpenApiRouter::new().nest("/api/v1", v1.nest("/energy", energy)).with_state(api)
}

/// An instant as it stands in answers: RFC 3339, UTC, ms.
fn instant(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
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
