//! What always holds of local time, energy and cost.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use proptest::prelude::*;
use wattribute_domain::calendar::{buckets, day_start_ms, local_day};
use wattribute_domain::counter::{counter_quarters, increments, power_quarters};
use wattribute_domain::{Contract, Day, Period, Pricing, QUARTER_MS, Quarter, Rate, Series, Tariffs, TimeOfDay};

const MARCH_MS: i64 = 1_772_323_200_000;
const HOUR_MS: i64 = 3_600_000;

/// Zones that move their clocks by whole hours.
const ZONES: [Tz; 8] = [
    Tz::Europe__Berlin,
    Tz::Europe__London,
    Tz::America__New_York,
    Tz::America__Sao_Paulo,
    Tz::America__Havana,
    Tz::Asia__Kathmandu,
    Tz::Africa__Casablanca,
    Tz::Australia__Adelaide,
];

fn day_of(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date that there is")
}

fn a_day() -> impl Strategy<Value = (Tz, NaiveDate)> {
    let date = (0u64..18_000).prop_map(|days| day_of(1988, 1, 1) + Days::new(days));
    (prop::sample::select(ZONES.as_slice()), date)
}

/// Readings at most two hours apart; a tenth of them begins a gap.
fn readings(value: impl Strategy<Value = f64> + Clone) -> impl Strategy<Value = Series> {
    let row = (1i64..2 * HOUR_MS, prop_oneof![9 => value, 1 => Just(f64::NAN)]);
    prop::collection::vec(row, 1..80).prop_map(|rows| {
        let mut series = Series::default();
        let mut at_ms = MARCH_MS;
        for (step_ms, value) in rows {
            series.push(at_ms, value);
            at_ms += step_ms;
        }
        series.normalise();
        series
    })
}

/// From, to, price, days and which name.
type Said = (TimeOfDay, TimeOfDay, f64, Vec<Day>, usize);

fn tariffs() -> impl Strategy<Value = Tariffs> {
    let time = (0u16..96).prop_map(|quarter| TimeOfDay { minutes: quarter * 15 });
    let days = prop::sample::subsequence(vec![Day::Mon, Day::Wed, Day::Sun, Day::Weekdays, Day::Weekend], 0..3);
    let rate = (time.clone(), time, 0.0..1.0f64, days, 0usize..3);
    let contract = prop::collection::vec(rate, 0..4);
    prop::collection::vec(contract, 1..4).prop_map(|contracts| {
        let write = |(k, rates): (usize, Vec<Said>)| {
            let any_time = Rate {
                name: "standard".to_owned(),
                price_per_kwh: 0.3,
                from: None,
                to: None,
                days: vec![],
                first_day: None,
                last_day: None,
            };
            let mut written: Vec<Rate> = rates
                .into_iter()
                .filter(|r| r.0 != r.1)
                .map(|(from, to, price_per_kwh, days, name)| {
                    let name = ["night", "peak", "standard"][name].to_owned();
                    Rate { name, price_per_kwh, from: Some(from), to: Some(to), days, ..any_time.clone() }
                })
                .collect();
            written.push(any_time);
            let mut contract: Contract = serde_json::from_str(r#"{ "name": "any" }"#).expect("a name is enough to read it");
            contract.rates = written;
            contract.from = (k > 0).then(|| day_of(2026, 3, 20 + 4 * k as u32));
            contract
        };
        Tariffs { contracts: contracts.into_iter().enumerate().map(write).collect() }
    })
}

fn sum(quarters: &[Quarter]) -> f64 {
    quarters.iter().map(|q| q.kwh).sum()
}

/// The rows in another order, some of them said twice while nothing changed.
fn otherwise(series: &Series, seed: usize) -> Series {
    let mut rows: Vec<(i64, f64)> = series.at_ms.iter().copied().zip(series.value.iter().copied()).collect();
    let again: Vec<(i64, f64)> =
        rows.windows(2).step_by(3).filter(|w| w[1].0 - w[0].0 > 1).map(|w| ((w[0].0 + w[1].0) / 2, w[0].1)).collect();
    rows.extend(again);
    let count = rows.len();
    rows.rotate_left(seed % count);
    rows.reverse();
    let mut other = Series::default();
    rows.into_iter().for_each(|(at_ms, value)| other.push(at_ms, value));
    other.normalise();
    other
}

proptest! {
    #[test]
    fn a_day_has_23_24_or_25_hours((zone, date) in a_day()) {
        let (begin_ms, end_ms) = (day_start_ms(zone, date), day_start_ms(zone, date + Days::new(1)));
        prop_assert!([23, 24, 25].map(|h| h * HOUR_MS).contains(&(end_ms - begin_ms)), "{zone} {date}");
        prop_assert_eq!(local_day(zone, begin_ms), date);
        prop_assert_eq!(local_day(zone, end_ms - 1), date);
    }

    #[test]
    fn buckets_cover_all_without_a_hole((zone, date) in a_day(), late_ms in 0..HOUR_MS * 30, long_ms in 1..HOUR_MS * 900) {
        let from_ms = day_start_ms(zone, date) + late_ms;
        for period in [Period::Hour, Period::Day, Period::Week, Period::Month, Period::Year] {
            let found = buckets(zone, period, from_ms, from_ms + long_ms);
            prop_assert!(found[0].0 <= from_ms && from_ms < found[0].1);
            prop_assert!(found[found.len() - 1].0 < from_ms + long_ms && found[found.len() - 1].1 >= from_ms + long_ms);
            prop_assert!(found.windows(2).all(|w| w[0].1 == w[1].0 && w[0].0 < w[0].1));
            let parts = buckets(zone, period, found[0].0, found[0].1);
            prop_assert_eq!(parts, vec![found[0]], "a bucket is its own bucket");
        }
    }

    #[test]
    fn energy_in_quarters_is_the_integral(power in readings(-9000.0..9000.0f64)) {
        let until_ms = power.at_ms.last().copied().unwrap_or(MARCH_MS) + HOUR_MS;
        let mut integral_kwh = 0.0;
        let mut known_ms = 0;
        for k in 0..power.len() {
            let length_ms = power.at_ms.get(k + 1).copied().unwrap_or(until_ms) - power.at_ms[k];
            if power.value[k].is_finite() {
                integral_kwh += power.value[k] / 1000.0 * length_ms as f64 / HOUR_MS as f64;
                known_ms += length_ms;
            }
        }
        let quarters = power_quarters(&power, MARCH_MS - HOUR_MS, until_ms, until_ms);
        prop_assert!((sum(&quarters.import) - sum(&quarters.export) - integral_kwh).abs() < 1e-6);
        let covered: f64 = quarters.import.iter().map(|q| q.covered).sum();
        prop_assert!((covered * QUARTER_MS as f64 - known_ms as f64).abs() < 1.0);
        prop_assert!(quarters.import.iter().chain(&quarters.export).all(|q| q.kwh >= 0.0 && q.kwh <= 9.0 * 0.25 + 1e-9));
    }

    #[test]
    fn order_and_repeats_do_not_matter(power in readings(-9000.0..9000.0f64), seed in 0usize..100) {
        prop_assume!(!power.is_empty());
        let to_ms = MARCH_MS + 200 * HOUR_MS;
        let other = otherwise(&power, seed);
        prop_assert_eq!(power_quarters(&other, MARCH_MS, to_ms, to_ms), power_quarters(&power, MARCH_MS, to_ms, to_ms));
        prop_assert_eq!(counter_quarters(&other, MARCH_MS, to_ms, to_ms), counter_quarters(&power, MARCH_MS, to_ms, to_ms));
    }

    #[test]
    fn a_counter_counts_all_it_rose_however_often_it_speaks(steps in readings(0.0..9.0f64), keep in 1usize..5) {
        let mut counter = Series::default();
        let mut kwh = 5000.0;
        for (k, &at_ms) in steps.at_ms.iter().enumerate() {
            kwh += if steps.value[k].is_finite() { steps.value[k] * 0.001 } else { 0.0 };
            counter.push(at_ms, kwh);
        }
        prop_assume!(!counter.is_empty());
        let rose = kwh - counter.value[0];
        let last = counter.len() - 1;
        let thin = Series {
            at_ms: (0..=last).filter(|k| k % keep == 0 || *k == last).map(|k| counter.at_ms[k]).collect(),
            value: (0..=last).filter(|k| k % keep == 0 || *k == last).map(|k| counter.value[k]).collect(),
        };
        let to_ms = MARCH_MS + 200 * HOUR_MS;
        prop_assert!((sum(&counter_quarters(&counter, MARCH_MS, to_ms, to_ms)) - rose).abs() < 1e-6);
        prop_assert!((sum(&counter_quarters(&thin, MARCH_MS, to_ms, to_ms)) - rose).abs() < 1e-6);
    }

    #[test]
    fn whatever_a_counter_says_it_counts_no_more_than_can_be_drawn(counter in readings(prop_oneof![0.0..2.0f64, 4990.0..5010.0f64, 0.0..1e7f64])) {
        let counts = increments(&counter, 20.0);
        let mut end_ms = i64::MIN;
        for increment in &counts.increments {
            prop_assert!(increment.kwh >= 0.0 && increment.from_ms >= end_ms && increment.to_ms >= increment.from_ms, "{increment:?}");
            end_ms = increment.to_ms;
        }
        let hours = (counter.at_ms.last().copied().unwrap_or(0) - counter.at_ms.first().copied().unwrap_or(0)) as f64 / HOUR_MS as f64;
        let most_kwh = 20.0 * hours + counts.increments.len() as f64;
        prop_assert!(counts.increments.iter().map(|i| i.kwh).sum::<f64>() <= most_kwh + 1e-6);
        let quarters = counter_quarters(&counter, MARCH_MS, MARCH_MS + 200 * HOUR_MS, MARCH_MS + 200 * HOUR_MS);
        prop_assert!(quarters.iter().all(|q| q.kwh >= 0.0 && (0.0..=1.0).contains(&q.covered)));
    }

    #[test]
    fn price_boundaries_lose_no_energy(tariffs in tariffs(), late_ms in 0..40 * 24 * HOUR_MS, long_ms in 1..60 * HOUR_MS, cut in 0.01..0.99f64, kwh in 0.001..50.0f64) {
        tariffs.check().unwrap();
        let pricing = Pricing::new(&tariffs, Tz::Europe__Berlin, &HashMap::new());
        let (from_ms, to_ms) = (MARCH_MS + late_ms, MARCH_MS + late_ms + long_ms + 1);
        let whole = pricing.cost(from_ms, to_ms, kwh).unwrap();
        prop_assert!((whole.priced_kwh() - kwh).abs() < 1e-9 && whole.unpriced_kwh == 0.0);
        prop_assert!((whole.bands.iter().map(|b| b.cost).sum::<f64>() - whole.cost).abs() < 1e-9);
        let middle_ms = from_ms + ((to_ms - from_ms) as f64 * cut) as i64;
        let share = (middle_ms - from_ms) as f64 / (to_ms - from_ms) as f64;
        let mut parts = wattribute_domain::Cost::default();
        pricing.add_cost(&mut parts, from_ms, middle_ms, kwh * share);
        pricing.add_cost(&mut parts, middle_ms, to_ms, kwh * (1.0 - share));
        prop_assert!((parts.cost - whole.cost).abs() < 1e-9, "{parts:?} {whole:?}");
        for piece in pricing.import_pieces(from_ms, to_ms) {
            prop_assert_eq!(pricing.import_at(piece.from_ms), piece.price);
            prop_assert_eq!(pricing.import_at(piece.to_ms - 1), piece.price);
        }
    }
}
