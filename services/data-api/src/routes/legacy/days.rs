//! Energy by local days.

use chrono_tz::Tz;
use wattribute_domain::calendar::{Period, QUARTER_MS, buckets};
use wattribute_domain::counter::counter_quarters;
use wattribute_service::Problem;
use wattribute_store::Store;

use super::meter::{Meter, TEN_MINUTES_MS, counter};
use super::{DAY_MS, DayEnergy, DayMean, EnergySummary, told};

/// No more days than this are told: three years.
const MOST_DAYS: i64 = 1096;
/// Hours of a day that must be known.
const WHOLE: f64 = 23.0 / 24.0;

/// What is known of one day.
#[derive(Clone, Copy, Default)]
struct Known {
    kwh: f64,
    known_ms: f64,
}

/// Energy of each local day since `first_ms`, with its means.
pub async fn summary(store: &dyn Store, meter: &Meter, zone: Tz, first_ms: i64) -> Result<EnergySummary, Problem> {
    let until_ms = meter.until_ms;
    let from_ms = first_ms.max(until_ms - MOST_DAYS * DAY_MS);
    let days = buckets(zone, Period::Day, from_ms, until_ms);
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(EnergySummary::default()) };
    let mut known = vec![Known::default(); days.len()];
    if meter.import.is_empty() {
        let Some(power) = meter.power else { return Ok(EnergySummary::default()) };
        let even_ms = first.0.div_euclid(TEN_MINUTES_MS) * TEN_MINUTES_MS;
        for bucket in store.chart(power, even_ms, until_ms, TEN_MINUTES_MS).await?.iter().filter(|bucket| bucket.covered > 0.0) {
            let end_ms = (bucket.from_ms + TEN_MINUTES_MS).min(until_ms);
            let known_ms = (end_ms - bucket.from_ms) as f64 * bucket.covered;
            spread(&days, &mut known, bucket.from_ms, end_ms, bucket.mean.max(0.0) * known_ms / 3.6e9, known_ms);
        }
    } else {
        let share = 1.0 / meter.import.len() as f64;
        for id in &meter.import {
            let counter = counter(store, *id, first.0, until_ms).await?;
            let begin_ms = first.0.div_euclid(QUARTER_MS) * QUARTER_MS;
            for (k, quarter) in counter_quarters(&counter, begin_ms, last.1, until_ms).iter().enumerate() {
                let from_ms = begin_ms + k as i64 * QUARTER_MS;
                let known_ms = quarter.covered * QUARTER_MS as f64 * share;
                spread(&days, &mut known, from_ms, from_ms + QUARTER_MS, quarter.kwh, known_ms);
            }
        }
    }
    let daily: Vec<DayEnergy> = days
        .iter()
        .zip(&known)
        .filter(|(_, known)| known.known_ms > 0.0)
        .filter_map(|(day, known)| {
            let is_partial = known.known_ms < WHOLE * (day.1 - day.0) as f64;
            Some(DayEnergy { t: day.1 - DAY_MS / 2, kwh: told(known.kwh, 4)?, is_partial })
        })
        .collect();
    let moving = daily.iter().enumerate().filter_map(|(k, day)| {
        let month: Vec<&DayEnergy> = daily[..=k].iter().filter(|d| day.t - d.t < 30 * DAY_MS - DAY_MS / 2).collect();
        let kwh = mean(month.iter().filter(|d| !d.is_partial).map(|d| d.kwh)).or_else(|| mean(month.iter().map(|d| d.kwh)))?;
        Some(DayMean { t: day.t, kwh })
    });
    let moving = moving.collect();
    let avg_daily = mean(daily.iter().filter(|day| !day.is_partial && until_ms - day.t <= 365 * DAY_MS).map(|day| day.kwh));
    Ok(EnergySummary { avg_daily, daily, moving_avg_30d: moving })
}

/// Adds energy that was drawn evenly over a span to the days that it lies in.
fn spread(days: &[(i64, i64)], known: &mut [Known], from_ms: i64, to_ms: i64, kwh: f64, known_ms: f64) {
    let first = days.partition_point(|day| day.1 <= from_ms);
    for (day, known) in days.iter().zip(known).skip(first).take_while(|(day, _)| day.0 < to_ms) {
        let share = (to_ms.min(day.1) - from_ms.max(day.0)) as f64 / (to_ms - from_ms) as f64;
        known.kwh += kwh * share;
        known.known_ms += known_ms * share;
    }
}

/// The mean, to a tenth of a Wh; `None` of nothing.
fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = numbers.fold((0.0, 0), |(sum, count), number| (sum + number, count + 1));
    told(sum / f64::from(count), 4)
}
