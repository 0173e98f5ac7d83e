//! The API, under `/api/v1`.

mod alerts;
mod asked;
mod attribution;
mod correlations;
mod device;
mod devices;
mod drift;
mod export;
pub mod gauges;
mod history;
mod home;
mod impact;
mod known;
mod legacy;
mod live;
mod now;
mod owner;
mod phantom;
mod readings;
mod series;
mod sources;
mod span;
mod tariffs;
mod tokens;
mod unknown_loads;

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wattribute_domain::{Cost, SeriesId, day_start_ms, local_day};
use wattribute_service::{Health, Problem};
use wattribute_store::{Result as Stored, Store};

use crate::Config;
use crate::books::{Books, Flows};
use crate::memo::Memo;

pub use live::Live;

/// What the routes read.
#[derive(Clone)]
pub struct Api {
    /// Where everything is.
    pub store: Arc<dyn Store>,
    /// Energies and costs, as far as they were worked out.
    pub(crate) books: Arc<Books>,
    /// Answers that cost something, for some seconds.
    pub(crate) kept: Arc<Kept>,
    /// How it is set.
    pub(crate) settings: Arc<Config>,
    /// Whether it is made up.
    pub is_demo: bool,
    /// How what this process depends on is.
    pub health: Health,
    /// What happens, as it happens.
    pub live: Live,
    /// Since when dependencies are as they are.
    pub since: sources::Since,
    /// Readings counted so far.
    pub counted: legacy::Counted,
    /// When it began.
    pub begun: std::time::Instant,
}

/// Answers that are kept for some seconds, by what was asked: days, nights, hours; drift by series.
#[derive(Default)]
pub(crate) struct Kept {
    impacts: Memo<u32, Vec<impact::DeviceImpact>>,
    phantom: Memo<u32, phantom::PhantomLoad>,
    circuits: Memo<u32, Vec<now::CircuitRow>>,
    drift: Memo<SeriesId, Vec<drift::Drift>>,
}

impl Kept {
    /// Forgets what rests on what the owner says.
    fn forget(&self) {
        self.impacts.forget();
        self.phantom.forget();
        self.drift.forget();
    }
}

impl Api {
    /// The API of a store.
    pub fn new(store: Arc<dyn Store>, config: Config, is_demo: bool) -> Self {
        Api {
            books: Arc::new(Books::new(store.clone())),
            kept: Arc::default(),
            settings: Arc::new(config),
            is_demo,
            health: Health::default(),
            live: Live::new(store.clone(), is_demo, CancellationToken::new()),
            since: sources::Since::default(),
            counted: legacy::Counted::default(),
            begun: std::time::Instant::now(),
            store,
        }
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
        .routes(routes!(history::history))
        .routes(routes!(attribution::attribution));
    let v1 = OpenApiRouter::new()
        .routes(routes!(devices::devices))
        .routes(routes!(device::device))
        .routes(routes!(owner::say))
        .routes(routes!(owner::unsay))
        .routes(routes!(alerts::alerts))
        .routes(routes!(tariffs::tariffs, tariffs::put_tariffs))
        .routes(routes!(home::home, home::patch_home))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
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
    OpenApiRouter::new().nest("/api/v1", v1.nest("/energy", energy)).merge(unknown_loads::router()).merge(legacy).with_state(api)
}

/// From when on a standing charge is due, ms since the epoch: the local day on which anything was known first; never where nothing is.
fn charged_from_ms(zone: Tz, first_ms: Option<i64>) -> i64 {
    first_ms.map_or(i64::MAX, |first_ms| day_start_ms(zone, local_day(zone, first_ms)))
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
