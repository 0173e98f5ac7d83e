//! Where readings and what was learned of them live: one trait, and SQLite or InfluxDB behind it.
//!
//! The store is the only bus between services: the meter writes readings, the correlator reads them and writes what it learned, the data
//! API reads both. Several processes may have one store open.

mod copy;
mod described;
mod drawing;
mod error;
mod flows;
mod held;
mod home;
pub mod influx;
mod keep;
pub mod mirror;
mod owner;
mod powers;
mod rows;
mod settings;
pub mod spool;
pub mod sqlite;
mod standing;
mod today;

use std::sync::Arc;

use async_trait::async_trait;
use wattribute_domain::{CorrelationRecord, CorrelationVerdict, HourEnergy, ProfileRecord, Reading, Series, SeriesId, SeriesInfo};

pub use copy::copy;
pub use error::StoreError;
pub use flows::{Flow, Flows};
pub use home::{
    HOME_CHOICE, HomeChoice, HomeSettings, PHANTOM_THRESHOLD_W, SaidIn, TariffsFrom, configured_meter, home, home_choice, house, link,
    set_configured_meter, set_home, set_home_choice, set_links, set_tariffs, take_config, tariffs, zone,
};
/// Key of the document with the cursor of arrivals up to which the correlator has joined the past: what it works out of it is in the store.
pub const JOINED_CURSOR: &str = "correlator_cursor";

pub use owner::{OWNER_WORDS, owner_words, put_owner_words};
pub use powers::{OURS, Powers, held_until_ms};
pub use settings::Settings;
pub use standing::{STANDS_MS, Standing, reads_only, standings};
pub use today::{low_w, nights, today_kwh};

/// Short for what every method returns.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What one write brings; all of it is kept, or none.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Stretches whose readings are forgotten before `readings` are added: what is known better now, such as a hole that
    /// Home Assistant's history fills.
    pub replaced: Vec<Span>,
    /// Readings, in any order, new or late. The same series at the same instant again replaces the value.
    pub readings: Vec<Reading>,
    /// What devices said, word for word.
    pub payloads: Vec<Payload>,
    /// Documents to set, such as how far a source has been heard.
    pub documents: Vec<(String, String)>,
    /// Whether it was computed from what the store holds: then it is no arrival.
    pub derived: bool,
}

/// A stretch `[from_ms, to_ms)` of one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which series.
    pub series: SeriesId,
    /// Start, ms since the epoch.
    pub from_ms: i64,
    /// End (not included), ms since the epoch.
    pub to_ms: i64,
}

/// What a device said, word for word, with secrets masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Adapter it came through.
    pub source: String,
    /// Which device.
    pub device: String,
    /// When, ms since the epoch.
    pub at_ms: i64,
    /// What was said.
    pub text: String,
}

/// What arrived since a cursor: where readings were added or changed, in whatever order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// Where to go on from next time.
    pub cursor: i64,
    /// First and last instant (ms, both included) of each stretch that something arrived for, in order, those a minute or less apart
    /// joined; empty where nothing did.
    pub spans_ms: Vec<(i64, i64)>,
}

/// A stretch of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Start, ms since the epoch.
    pub from_ms: i64,
    /// Least value held within; `NaN` where the series was silent throughout.
    pub min: f64,
    /// Greatest value held within.
    pub max: f64,
    /// Mean, weighted by time, over the time it was not silent.
    pub mean: f64,
    /// Share of the bucket that the series was not silent for, 0 to 1.
    pub covered: f64,
}

/// Which correlations are asked for.
#[derive(Clone, Debug)]
pub struct CorrelationQuery {
    /// First instant, ms since the epoch.
    pub from_ms: i64,
    /// End (not included), ms since the epoch.
    pub to_ms: i64,
    /// Only these series; `None`: all.
    pub series: Option<Vec<SeriesId>>,
    /// Only steps of at least this, W, up or down; 0 also gives those without data.
    pub min_delta_w: f64,
    /// Only with one of these verdicts; `None`: with any.
    pub verdicts: Option<Vec<CorrelationVerdict>>,
    /// At most so many.
    pub limit: usize,
    /// Newest first.
    pub newest_first: bool,
}

impl CorrelationQuery {
    /// All of a span, oldest first.
    pub fn all(from_ms: i64, to_ms: i64) -> Self {
        CorrelationQuery { from_ms, to_ms, series: None, min_delta_w: 0.0, verdicts: None, limit: usize::MAX >> 1, newest_first: false }
    }
}

/// How many correlations are kept, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CorrelationCounts {
    /// State changes looked at.
    pub events: u64,
    /// Of these with a step that stands out: verdict `clean`, and at least `min_delta_w`.
    pub correlations: u64,
    /// Of these whose window has closed.
    pub finals: u64,
}

/// Whose readings a store holds. A store never holds both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A real home.
    Home,
    /// The made-up home of `wattribute demo`.
    Demo,
}

impl Origin {
    /// How it is written.
    fn word(self) -> &'static str {
        match self {
            Origin::Home => "home",
            Origin::Demo => "demo",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [Origin::Home, Origin::Demo].into_iter().find(|origin| origin.word() == word)
    }
}

/// Opens the store at `url` (`sqlite:path`, or `http://` and `https://` of an InfluxDB), which is made where there is none, with its folder.
pub fn open(url: &str, origin: Origin) -> Result<Arc<dyn Store>> {
    open_with(url, origin, Settings::default())
}

/// Like [`open`], with how long things are kept; the `url` of `settings` is not looked at.
pub fn open_with(url: &str, origin: Origin, settings: Settings) -> Result<Arc<dyn Store>> {
    if is_influx(url) {
        influx::look(url, origin, &settings)?;
        return Ok(Arc::new(influx::Influx::new(url, origin, settings)?));
    }
    Ok(Arc::new(sqlite::Sqlite::open(path_of(url)?, origin, settings)?))
}

/// Whose readings the store at `url` holds; `None` where there is no store yet. Changes nothing.
pub fn origin(url: &str) -> Result<Option<Origin>> {
    origin_with(url, &influx::Account::default())
}

/// Like [`origin`], with how an InfluxDB lets us in.
pub fn origin_with(url: &str, account: &influx::Account) -> Result<Option<Origin>> {
    if is_influx(url) { influx::origin(url, account) } else { sqlite::origin(path_of(url)?) }
}

/// An address of a store without what may be secret in it, to be shown.
pub fn shown(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split('/').next()?.rsplit_once('@')?.0.len(), rest))) {
        Some((scheme, user, rest)) => format!("{scheme}://{}", &rest[user + 1..]),
        None => url.to_owned(),
    }
}

fn is_influx(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

/// Puts a copy of the backup at `from` in the place of the store at `url`. The store that was there is kept beside it, and where is returned.
/// Nothing is changed unless the backup is whole, of the same home, and nobody has the present store open.
pub fn restore(url: &str, home: Origin, from: &std::path::Path) -> Result<Option<std::path::PathBuf>> {
    restore_with(url, home, from, &Settings::default())
}

/// Like [`restore`]; where the store is an InfluxDB, `settings` say how it lets us in, and nothing may be in the bucket yet: InfluxDB keeps nothing
/// beside. Waits until all of it is there.
pub fn restore_with(url: &str, home: Origin, from: &std::path::Path, settings: &Settings) -> Result<Option<std::path::PathBuf>> {
    if is_influx(url) {
        return copy::into_influx(url, home, from, settings).map(|()| None);
    }
    sqlite::restore(path_of(url)?, home, from)
}

/// The path in `sqlite:path`.
fn path_of(url: &str) -> Result<&std::path::Path> {
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Ok(std::path::Path::new(path)),
        // Only the scheme is repeated: the rest of a URL may hold a password.
        _ => {
            let scheme = url.split_once(':').map_or("no scheme", |(scheme, _)| scheme);
            Err(StoreError::Refused(format!(
                "a store's URL is `sqlite:path`, such as `sqlite:/var/lib/wattribute/wattribute.db`, or that of an InfluxDB, such as \
                 `http://influxdb:8086`, not `{scheme}`"
            )))
        }
    }
}

/// A store of readings and of what was learned.
///
/// A value holds until the next row of its series, `NaN` until the next as well: whoever writes says when a device fell silent.
///
/// Everything is idempotent: writing the same again changes nothing. When a writing method returns, what it wrote survives a power cut.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds series, or updates what is known of them; they are recognised by `source`, `identity` and `quantity` (else by `source`,
    /// `device` and `quantity`, so that an entity that gets a registry entry later keeps its history). Numbers in the same order.
    /// Modes already known are kept in their order: the modes given must begin with them.
    async fn describe(&self, series: Vec<SeriesInfo>) -> Result<Vec<SeriesId>>;

    /// All series, by number.
    async fn series(&self) -> Result<Vec<(SeriesId, SeriesInfo)>>;

    /// Writes a batch.
    async fn write(&self, batch: Batch) -> Result<()>;

    /// What a series said in `[from_ms, to_ms)`, beginning with the row that holds at `from_ms` (with its own instant). Where raw
    /// readings are no longer kept, means of the finest rollup stand in for them.
    async fn readings(&self, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Series>;

    /// What all series said in `[from_ms, to_ms)`, without what holds from before; by series and time.
    async fn readings_of_all(&self, from_ms: i64, to_ms: i64) -> Result<Vec<Reading>> {
        let mut out = Vec::new();
        for (series, _) in self.series().await? {
            let rows = self.readings(series, from_ms, to_ms).await?;
            let within = rows.at_ms.iter().zip(&rows.value).filter(|(at_ms, _)| **at_ms >= from_ms);
            out.extend(within.map(|(&at_ms, &value)| Reading { series, at_ms, value }));
        }
        Ok(out)
    }

    /// The newest row of each series that has any.
    async fn latest(&self) -> Result<Vec<Reading>>;

    /// Minimum, mean and maximum over stretches of `step_ms` from `from_ms` on, up to `to_ms`.
    async fn chart(&self, series: SeriesId, from_ms: i64, to_ms: i64, step_ms: i64) -> Result<Vec<Bucket>>;

    /// Where readings were added or changed since `cursor` (0: from the start; what is older than the log of arrivals is given as one
    /// span over everything).
    async fn arrivals(&self, cursor: i64) -> Result<Arrivals>;

    /// The last payload of each device.
    async fn payloads(&self) -> Result<Vec<Payload>>;

    /// A document, by key.
    async fn document(&self, key: &str) -> Result<Option<String>>;

    /// All documents whose key begins with `prefix`, by key.
    async fn documents(&self, prefix: &str) -> Result<Vec<(String, String)>>;

    /// Sets documents.
    async fn put_documents(&self, documents: Vec<(String, String)>) -> Result<()>;

    /// Forgets documents; one that is not there is no error.
    async fn forget_documents(&self, keys: Vec<String>) -> Result<()>;

    /// Replaces all correlations of `[from_ms, to_ms)` by these; those that were there and are not here are thereby retracted.
    async fn replace_correlations(&self, from_ms: i64, to_ms: i64, records: Vec<CorrelationRecord>) -> Result<()>;

    /// Correlations asked for, in order of time.
    async fn correlations(&self, query: CorrelationQuery) -> Result<Vec<CorrelationRecord>>;

    /// How many correlations there are since `from_ms`.
    async fn correlation_counts(&self, from_ms: i64, min_delta_w: f64) -> Result<CorrelationCounts>;

    /// Replaces all profiles.
    async fn replace_profiles(&self, profiles: Vec<ProfileRecord>) -> Result<()>;

    /// All profiles.
    async fn profiles(&self) -> Result<Vec<ProfileRecord>>;

    /// Replaces the energies of all series in the hours that begin in `[from_ms, to_ms)` by these.
    async fn replace_energy(&self, from_ms: i64, to_ms: i64, hours: Vec<HourEnergy>) -> Result<()>;

    /// Energies of the hours that begin in `[from_ms, to_ms)`, by hour and series.
    async fn energy(&self, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>>;

    /// Energies of one series in the hours that begin in `[from_ms, to_ms)`, by hour.
    async fn energy_of(&self, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Vec<HourEnergy>> {
        Ok(self.energy(from_ms, to_ms).await?.into_iter().filter(|hour| hour.series == series).collect())
    }

    /// Total energy of each series over all hours before `to_ms`, kWh.
    async fn total_energy(&self, to_ms: i64) -> Result<Vec<(SeriesId, f64)>>;

    /// Folds what is old enough into blocks, rolls up and forgets what is past its time. `now_ms` is the present.
    async fn maintain(&self, now_ms: i64) -> Result<()>;

    /// Writes a consistent copy of the store to `path` while it is in use.
    async fn backup(&self, path: &std::path::Path) -> Result<()>;

    /// Whether it can be read and written.
    async fn check(&self) -> Result<()>;
}
