//! What is said on a stream.

use serde::Serialize;
use utoipa::ToSchema;
use wattribute_domain::{CorrelationRecord, CorrelationVerdict, Quantity, SeriesId, SeriesInfo};
use wattribute_store::{CorrelationQuery, Powers, Result, Store};

use super::super::alerts::{AlertRow, log, row as told};
use super::super::correlations::{CorrelationRow, row};
use super::super::series::mode;
use super::super::{instant, now};

/// How far back a stream looks for what changed, ms.
pub const LOOK_BACK_MS: i64 = 15 * 60_000;
/// Rows of a series that are told within this time are one too many, ms.
pub const APART_MS: i64 = 1000;

/// The data of an event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it describes the stream; each event is written as what it is")]
pub enum LiveEvent {
    /// Of `hello`.
    Hello(LiveHello),
    /// Of `reading`.
    Reading(LiveReading),
    /// Of `correlation`.
    Correlation(LiveCorrelation),
    /// Of `alert`.
    Alert(LiveAlert),
    /// Of `profiles`.
    Profiles(LiveProfiles),
    /// Of `lagged`.
    Lagged(LiveLagged),
}

/// How things are now.
#[derive(Debug, Serialize, ToSchema)]
pub struct LiveHello {
    /// When this was said, RFC 3339 UTC.
    at: String,
    /// Number of the series of the house's power; null where it is not known yet.
    house: Option<u32>,
    /// What each series that is listened to said last.
    readings: Vec<LiveReading>,
    /// Correlations of the last 15 minutes, in order of time. What a listener has of this time beyond them is gone.
    correlations: Vec<LiveCorrelation>,
    /// The alerts that are on.
    alerts: Vec<AlertRow>,
    /// When devices were learned last, RFC 3339 UTC; null where they never were.
    learned_at: Option<String>,
    /// Whether this home is made up.
    is_demo: bool,
}

/// What a series said.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveReading {
    /// Number of the series.
    series: u32,
    /// The id that people know.
    #[schema(example = "sensor.house_power")]
    device: String,
    /// What it tells, with its unit.
    #[schema(value_type = String, example = "power_w")]
    quantity: Quantity,
    /// When it was said, RFC 3339 UTC.
    at: String,
    /// What was said, in its unit; null says that it is silent from then on.
    value: Option<f64>,
    /// Of a level, the mode, such as `on`.
    state: Option<String>,
}

impl LiveReading {
    pub fn new(id: SeriesId, info: &SeriesInfo, at_ms: i64, value: f64) -> Self {
        LiveReading {
            series: id.0,
            device: info.device.clone(),
            quantity: info.quantity,
            at: instant(at_ms),
            value: value.is_finite().then_some(value),
            state: mode(info, value).map(str::to_owned),
        }
    }
}

/// What became of a correlation or of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was not there before.
    New,
    /// It takes the place of the one that was told before.
    Replaced,
    /// It is no longer true.
    Retracted,
}

/// A state change and the step around it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveCorrelation {
    /// Names it, whatever becomes of it: the number of the series that changed, and when, ms since the epoch.
    #[schema(example = "7:1769882400000")]
    id: String,
    /// What became of it.
    change: Change,
    /// The row as `/api/v1/energy/correlations` tells it.
    #[serde(flatten)]
    row: CorrelationRow,
}

impl LiveCorrelation {
    /// `None` where there is no data, and so no step.
    pub fn new(record: &CorrelationRecord, info: &SeriesInfo) -> Option<Self> {
        (record.verdict != CorrelationVerdict::NoData).then(|| LiveCorrelation {
            id: format!("{}:{}", record.series.0, record.at_ms),
            change: Change::New,
            row: row(record, info),
        })
    }

    pub fn with(self, change: Change) -> Self {
        LiveCorrelation { change, ..self }
    }
}

/// An alert that began, changed or ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct LiveAlert {
    /// What became of it.
    pub change: Change,
    /// The alert, as `/api/v1/alerts` tells it.
    pub alert: AlertRow,
}

/// Devices were learned anew: what `/api/v1/devices` tells has changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct LiveProfiles {
    /// When, RFC 3339 UTC.
    pub learned_at: String,
}

/// The listener was too slow: some events were left out, and it goes on with those that follow.
#[derive(Debug, Serialize, ToSchema)]
pub struct LiveLagged {
    /// How many times something was left out.
    pub missed: u64,
}

/// Something to say.
pub struct Item {
    /// Name of the event.
    pub event: &'static str,
    /// What it says, JSON.
    pub data: String,
    /// Of a reading: which series, and whether it is told to who asked for none.
    pub series: Option<(SeriesId, bool)>,
}

impl Item {
    pub fn new(event: &'static str, data: &impl Serialize) -> Option<Self> {
        Some(Item { event, data: text(data)?, series: None })
    }

    pub fn reading(id: SeriesId, info: &SeriesInfo, at_ms: i64, value: f64) -> Option<Self> {
        let data = text(&LiveReading::new(id, info, at_ms, value))?;
        Some(Item { event: "reading", data, series: Some((id, is_usual(info))) })
    }
}

/// What is to be said at once.
pub struct News {
    /// Up to where in what arrived.
    pub cursor: i64,
    pub items: Vec<Item>,
}

/// Whether a series is told to who asked for none.
pub fn is_usual(info: &SeriesInfo) -> bool {
    info.quantity == Quantity::PowerW
}

/// JSON on one line.
pub fn text(data: &impl Serialize) -> Option<String> {
    let written = serde_json::to_string(data);
    written.inspect_err(|error| tracing::error!(%error, "an event cannot be written")).ok()
}

/// Correlations that a stream looks at.
pub fn recent(now_ms: i64) -> CorrelationQuery {
    CorrelationQuery {
        from_ms: now_ms - LOOK_BACK_MS,
        to_ms: now_ms + 60_000,
        series: None,
        min_delta_w: 0.0,
        verdicts: None,
        limit: 2000,
        newest_first: true,
    }
}

/// The alerts that are on and the last that ended, by id.
pub async fn alerts(store: &dyn Store) -> Result<Vec<(String, AlertRow)>> {
    Ok(log(store).await?.alerts.iter().map(|alert| (alert.id.clone(), told(alert))).collect())
}

/// When devices were learned last, ms since the epoch.
pub async fn learned_ms(store: &dyn Store) -> Result<Option<i64>> {
    Ok(store.profiles().await?.into_iter().map(|profile| profile.learned_at_ms).max())
}

/// How things are now, and up to where in what arrived.
pub async fn hello(store: &dyn Store, is_demo: bool, takes: impl Fn(SeriesId, &SeriesInfo) -> bool) -> Result<(LiveHello, i64)> {
    let cursor = store.arrivals(i64::MAX).await?.cursor;
    let now_ms = now().timestamp_millis();
    let powers = Powers::read(store, now_ms).await?;
    let latest = store.latest().await?;
    let told = latest.iter().filter_map(|r| Some((r, powers.info(r.series)?))).filter(|(r, info)| takes(r.series, info));
    let readings = told.map(|(r, info)| LiveReading::new(r.series, info, r.at_ms, r.value)).collect();
    let records = store.correlations(recent(now_ms)).await?;
    let correlations = records.iter().rev().filter_map(|r| LiveCorrelation::new(r, powers.info(r.series)?)).collect();
    let hello = LiveHello {
        at: instant(now_ms),
        house: powers.house(store).await?.map(|id| id.0),
        readings,
        correlations,
        alerts: alerts(store).await?.into_iter().map(|(_, alert)| alert).filter(|alert| alert.is_on).collect(),
        learned_at: learned_ms(store).await?.map(instant),
        is_demo,
    };
    Ok((hello, cursor))
}

/// Readings that arrived since a cursor, of the last minutes, in order of time.
pub async fn missed(store: &dyn Store, since: i64, takes: impl Fn(SeriesId, &SeriesInfo) -> bool) -> Result<Vec<Item>> {
    let from_ms = now().timestamp_millis() - LOOK_BACK_MS;
    let spans: Vec<(i64, i64)> = store.arrivals(since).await?.spans_ms.into_iter().filter(|span| span.1 >= from_ms).collect();
    let Some((first_ms, last_ms)) = spans.first().zip(spans.last()).map(|(first, last)| (first.0.max(from_ms), last.1)) else {
        return Ok(Vec::new());
    };
    let mut told = Vec::new();
    for (id, info) in store.series().await?.iter().filter(|(id, info)| takes(*id, info)) {
        let rows = store.readings(*id, first_ms, last_ms + 1).await?;
        let mut before_ms = i64::MIN;
        for (k, (&at_ms, &value)) in rows.at_ms.iter().zip(&rows.value).enumerate() {
            let arrived = spans.iter().any(|span| (span.0.max(first_ms)..=span.1).contains(&at_ms));
            let is_last = k + 1 == rows.len();
            if arrived && (is_last || at_ms.saturating_sub(before_ms) >= APART_MS) {
                before_ms = at_ms;
                told.extend(Item::reading(*id, info, at_ms, value).map(|item| (at_ms, item)));
            }
        }
    }
    told.sort_by_key(|(at_ms, _)| *at_ms);
    Ok(told.into_iter().map(|(_, item)| item).collect())
}
