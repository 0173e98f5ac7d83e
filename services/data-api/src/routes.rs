//! The API, under `/api/v1`.

mod asked;
mod correlations;
mod devices;
mod export;
mod known;
mod legacy;
mod live;
mod now;
mod readings;
mod series;
mod sources;

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wattribute_service::{Health, Problem};
use wattribute_store::{Settings, Store};

pub use live::Live;

/// What the routes read.
#[derive(Clone)]
pub struct Api {
    /// Where everything is.
    pub store: Arc<dyn Store>,
    /// Whether it is made up.
    pub is_demo: bool,
    /// How what this process depends on is.
    pub health: Health,
    /// How long the store keeps things, and where it is.
    pub settings: Settings,
    /// What happens, as it happens.
    pub live: Live,
    /// Since when dependencies are as they are.
    pub since: sources::Since,
    /// Readings counted so far.
    pub counted: legacy::Counted,
}

impl Api {
    /// What is in `store`, of which nothing else is known.
    pub fn new(store: Arc<dyn Store>, is_demo: bool) -> Self {
        Api {
            live: Live::new(store.clone(), is_demo, CancellationToken::new()),
            store,
            is_demo,
            health: Health::default(),
            settings: Settings::default(),
            since: sources::Since::default(),
            counted: legacy::Counted::default(),
        }
    }
}

/// All routes of the API.
pub fn router(api: Api) -> OpenApiRouter {
    let energy =
        OpenApiRouter::new().routes(routes!(now::current)).routes(routes!(now::circuits)).routes(routes!(correlations::correlations));
    let v1 = OpenApiRouter::new()
        .routes(routes!(devices::devices))
        .routes(routes!(series::series))
        .routes(routes!(readings::readings))
        .routes(routes!(sources::sources))
        .routes(routes!(live::live))
        .routes(routes!(export::csv))
        .routes(routes!(export::parquet));
    let legacy = OpenApiRouter::new()
        .routes(routes!(legacy::readings))
        .routes(routes!(legacy::latest_reading))
        .routes(routes!(legacy::stats))
        .routes(routes!(legacy::energy_summary))
        .routes(routes!(legacy::status));
    OpenApiRouter::new().nest("/api/v1", v1.nest("/energy", energy)).merge(legacy).with_state(api)
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
