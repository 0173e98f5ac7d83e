//! What series said, thinned to what a chart can show.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wattribute_domain::{Quantity, SeriesId, SeriesInfo};
use wattribute_service::Problem;
use wattribute_store::{Powers, Store};

use super::asked::Asked;
use super::known::Known;
use super::series::Units;
use super::{Api, instant, now};

/// Series in one answer, at most.
const MOST_SERIES: usize = 20;
/// Points of each series, at most.
const MOST_POINTS: usize = 10_000;
const USUAL_POINTS: usize = 1_000;
/// Steps that a chart is thinned to, s: they divide a day.
const STEPS_S: [i64; 21] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 14_400, 21_600, 28_800, 43_200, 86_400];
const TEN_MINUTES_MS: i64 = 600_000;

/// What series said.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readings {
    /// One each, in the order of their numbers.
    series: Vec<SeriesReadings>,
    /// What is true of all.
    meta: ReadingsMeta,
}

/// What one series said, in columns of equal length.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesReadings {
    /// Its number.
    id: u32,
    /// The id that people know.
    #[schema(example = "sensor.house_power")]
    device: String,
    /// Friendly name; null where there is none.
    name: Option<String>,
    /// What it tells, with its unit.
    #[schema(value_type = String, example = "power_w")]
    quantity: Quantity,
    /// Its unit; null for a level and for a power factor.
    unit: Option<String>,
    /// Start of each stretch, ms since the epoch; with `raw` when each value was said.
    at: Vec<i64>,
    /// Mean over the time it was not silent, in its unit; null in a gap. Of a level that is only on or off, the share of the time it was on. Null
    /// with `raw`.
    mean: Option<Vec<Option<f64>>>,
    /// Least value held within, in its unit; null in a gap. Null with `raw`.
    min: Option<Vec<Option<f64>>>,
    /// Greatest value held within, in its unit; null in a gap. Of a counter that does not begin anew, its value at the end. Null with `raw`.
    max: Option<Vec<Option<f64>>>,
    /// Only with `raw`: what was said, in its unit; null says that it is silent from then on.
    value: Option<Vec<Option<f64>>>,
}

/// What is true of all readings of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadingsMeta {
    /// Start, RFC 3339 UTC: a little before what was asked for where stretches begin at even times.
    from: String,
    /// End (not included), RFC 3339 UTC.
    to: String,
    /// Length of a stretch, s; null with `raw`.
    interval_s: Option<f64>,
    /// Whether this home is made up.
    is_demo: bool,
}

/// What series said in a span of time: mean, least and greatest value of even stretches, never more of them than asked for.
///
/// Without `series`, `device`, `quantity`, `source` or `role` it is the power of the house. A value holds until the next one; time that a series
/// is silent for is null, never 0. With `raw=true` the answer has what was said, where it is still kept, and means of 1 or 10 minutes before that.
#[utoipa::path(
    get, path = "/readings", tag = "readings",
    params(
        ("series" = Option<String>, Query, description = "Numbers of series, separated by commas or said several times, at most 20", example = "1,2"),
        ("device" = Option<String>, Query, description = "Series of this device", example = "sensor.house_power"),
        ("quantity" = Option<String>, Query, description = "Series of this quantity", example = "power_w"),
        ("source" = Option<String>, Query, description = "Series of this adapter"),
        ("role" = Option<String>, Query, description = "Series of this role, such as `whole_house`"),
        ("from" = Option<String>, Query, description = "Start, RFC 3339 or ms since the epoch; 24 h before `to` where it is not said", example = "2026-01-31T00:00:00Z"),
        ("to" = Option<String>, Query, description = "End (not included), RFC 3339 or ms since the epoch; now where it is not said"),
        ("interval" = Option<String>, Query, description = "Length of a stretch, such as `5s`, `1m`, `10m`, `1h`, `1d` or `PT15M`; the first begins at `from`", example = "10m"),
        ("max_points" = Option<u32>, Query, minimum = 1, maximum = 10000, description = "At most so many stretches, 1000 where it is not said: their length follows, and they begin at even times"),
        ("raw" = Option<bool>, Query, description = "What was said, word for word, at most `max_points` of it"),
    ),
    responses(
        (status = 200, body = Readings),
        (status = 422, description = "A parameter is wrong, or it would be more than `max_points`", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be used", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn readings(State(api): State<Api>, asked: Asked) -> Result<Json<Readings>, Problem> {
    let (from_ms, to_ms) = asked.span()?;
    let interval_ms = asked.interval_ms()?;
    let is_raw = asked.flag("raw")?;
    let usual = if interval_ms.is_some() { MOST_POINTS } else { USUAL_POINTS };
    let most = asked.count("max_points", usual, 1..=MOST_POINTS)?;
    if is_raw && interval_ms.is_some() {
        return Err(Problem::bad_parameter("interval: it cannot be together with `raw=true`; leave one of them out"));
    }
    let chosen = chosen(&api, &asked).await?;
    let units = Units::read(&*api.store).await?;
    let (from_ms, step_ms) = match interval_ms {
        None if is_raw => (from_ms, 1),
        None => stretches(from_ms, to_ms, most),
        Some(step_ms) if (to_ms - from_ms - 1) / step_ms < most as i64 => (from_ms, step_ms),
        Some(_) => {
            let fits = (to_ms - from_ms - 1) / (most as i64 * 1000) + 1;
            return Err(Problem::bad_parameter(format!(
                "interval: it gives more than {most} points; from {fits}s on it fits, or ask for less"
            )));
        }
    };
    let known = Known::read(&*api.store, &chosen, now().timestamp_millis()).await?;
    let mut series = Vec::new();
    for (id, info) in chosen {
        let mut one = SeriesReadings {
            id: id.0,
            unit: units.of(info.quantity),
            quantity: info.quantity,
            at: Vec::new(),
            mean: None,
            min: None,
            max: None,
            value: None,
            device: info.device,
            name: info.name,
        };
        if is_raw {
            said(&*api.store, id, from_ms, to_ms, most, &mut one).await?;
        } else {
            draw(&*api.store, id, (from_ms, to_ms, step_ms), known.until_ms(id), &mut one).await?;
        }
        series.push(one);
    }
    let interval_s = (!is_raw).then_some(step_ms as f64 / 1000.0);
    let meta = ReadingsMeta { from: instant(from_ms), to: instant(to_ms), interval_s, is_demo: api.is_demo };
    Ok(Json(Readings { series, meta }))
}

/// The series asked for; the house's power where none is.
async fn chosen(api: &Api, asked: &Asked) -> Result<Vec<(SeriesId, SeriesInfo)>, Problem> {
    let all = api.store.series().await?;
    let chosen = match asked.series(&all)? {
        Some(chosen) => chosen,
        None => {
            let house = Powers::read(&*api.store, now().timestamp_millis()).await?.house(&*api.store).await?;
            all.into_iter().filter(|(id, _)| Some(*id) == house).collect()
        }
    };
    if chosen.len() > MOST_SERIES {
        let count = chosen.len();
        return Err(Problem::bad_parameter(format!(
            "series: these are {count} series, and at most {MOST_SERIES} are told at once; name fewer, or a device and a quantity"
        )));
    }
    Ok(chosen)
}

/// Where the first stretch begins and how long each is, ms, so that at most `most` of them cover the span: of a length that divides a day, and
/// beginning at its multiples, where that is possible.
pub(super) fn stretches(from_ms: i64, to_ms: i64, most: usize) -> (i64, i64) {
    for step_ms in STEPS_S.map(|s| s * 1000) {
        let even_ms = from_ms.div_euclid(step_ms) * step_ms;
        if (to_ms - even_ms - 1) / step_ms < most as i64 {
            return (even_ms, step_ms);
        }
    }
    let least_ms = (to_ms - from_ms - 1) / most as i64 + 1;
    (from_ms, (least_ms - 1).div_euclid(TEN_MINUTES_MS) * TEN_MINUTES_MS + TEN_MINUTES_MS)
}

async fn said(store: &dyn Store, id: SeriesId, from_ms: i64, to_ms: i64, most: usize, out: &mut SeriesReadings) -> Result<(), Problem> {
    let mut value = Vec::new();
    let mut day_ms = from_ms;
    // Day by day, and not beyond what is asked for, so that years cost no memory.
    let last_ms = store.latest().await?.into_iter().find(|r| r.series == id).map_or(from_ms, |r| to_ms.min(r.at_ms + 1));
    if let Some((first_ms, _)) = super::known::extent_ms(store).await? {
        day_ms = day_ms.max(first_ms);
    }
    while day_ms < last_ms {
        let end_ms = (day_ms + 86_400_000).min(last_ms);
        let rows = store.readings(id, day_ms, end_ms).await?;
        for (&at_ms, &said) in rows.at_ms.iter().zip(&rows.value).filter(|(at_ms, _)| **at_ms >= day_ms) {
            if value.len() == most {
                return Err(Problem::bad_parameter(format!(
                    "raw: series {} said more than {most} things in this time; ask for a shorter one, for more `max_points` (up to {MOST_POINTS}), or use /api/v1/export.csv",
                    id.0
                )));
            }
            out.at.push(at_ms);
            value.push(rounded(said));
        }
        day_ms = end_ms;
    }
    out.value = Some(value);
    Ok(())
}

async fn draw(
    store: &dyn Store,
    id: SeriesId,
    (from_ms, to_ms, step_ms): (i64, i64, i64),
    until_ms: i64,
    out: &mut SeriesReadings,
) -> Result<(), Problem> {
    let points = ((to_ms - from_ms - 1) / step_ms + 1) as usize;
    let buckets = store.chart(id, from_ms, to_ms.min(until_ms), step_ms).await?;
    let column = |of: fn(&wattribute_store::Bucket) -> f64| -> Option<Vec<Option<f64>>> {
        let mut column: Vec<Option<f64>> = buckets.iter().map(|b| if b.covered > 0.0 { rounded(of(b)) } else { None }).collect();
        column.resize(points, None);
        Some(column)
    };
    out.at = (0..points as i64).map(|k| from_ms + k * step_ms).collect();
    out.mean = column(|b| b.mean);
    out.min = column(|b| b.min);
    out.max = column(|b| b.max);
    Ok(())
}

/// To a millionth, or nothing where there is none.
fn rounded(number: f64) -> Option<f64> {
    number.is_finite().then(|| (number * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_even_and_never_too_many() {
        let day = 86_400_000;
        assert_eq!(stretches(0, day, 1000), (0, 120_000));
        assert_eq!(stretches(61_000, day, 1440), (60_000, 60_000));
        assert_eq!(stretches(0, 365 * day, 2000), (0, 21_600_000));
        assert_eq!(stretches(5, 6, 1), (0, 1000));
        // No even stretch covers a midnight alone.
        assert_eq!(stretches(day - 1, day + 1, 1), (day - 1, 600_000));
        for most in [1, 2, 7, 1000, 10_000] {
            for (from, to) in [(-day * 9, day * 40_000), (123, 987_654_321), (0, 1)] {
                let (begin, step) = stretches(from, to, most);
                assert!(begin <= from && (to - begin - 1) / step < most as i64, "{from} {to} {most}: {begin} {step}");
            }
        }
    }
}
