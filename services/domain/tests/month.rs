//! A month that was computed by hand: March 2026 in Berlin, where clocks go forward on Sunday the 29th (31 days, 743 hours).
//!
//! The house:
//! - draws 0.4 kW at all times but from 12:00 to 14:00, when it gives 1 kW;
//! - cooks with 2 kW more from 18:00 to 19:00 every day;
//! - charges a car with 3 kW more from 01:00 to 04:00 on Sundays: the 1st, 8th, 15th, 22nd and 29th. On the 29th these are 2 hours.
//!
//! The contracts:
//! - until the 15th: night (22:00 to 06:00) 0.20, standard 0.30; 0.40 a day; 0.08 for export. 15 days.
//! - from the 16th, a Monday: night 0.24, peak (17:00 to 20:00, Monday to Friday) 0.45, standard 0.33; 0.50 a day; 0.07 for export. 16 days: 12 from Monday
//!   to Friday (16-20, 23-27, 30, 31) and 4 at weekends (21, 22, 28, 29).
//!
//! The meter: its counter of import dips on the 5th, is reset on the 10th at 09:00, and is silent on Friday the 20th from 15:00 to 20:00.
//!
//! One day: night 8 h x 0.4 = 3.2 kWh (on the 29th 7 h x 0.4 = 2.8); the rest 16 h, less 2 h of export, 14 h x 0.4 = 5.6, with cooking 7.6 kWh. Of that
//! fall into the peak 3 h x 0.4 + 2 = 3.2, which leaves 4.4 to standard.
//!
//! The gap, 5 h: 5 x 0.4 + 2 = 4.0 kWh were drawn, 0.8 in standard and 3.2 in peak. Spread evenly, 0.8 kWh an hour, they are 2 h = 1.6 in standard and 3 h = 2.4
//! in peak: 0.8 kWh go from peak to standard.
//!
//! | contract | band     | kWh                                                 | price | cost   |
//! |----------|----------|-----------------------------------------------------|-------|--------|
//! | first    | night    | 15 x 3.2 = 48.0, car 3 x 9 = 27.0: 75.0             | 0.20  | 15.000 |
//! | first    | standard | 15 x 7.6 = 114.0                                    | 0.30  | 34.200 |
//! | second   | night    | 15 x 3.2 + 2.8 = 50.8, car 9 + 6 = 15.0: 65.8       | 0.24  | 15.792 |
//! | second   | peak     | 12 x 3.2 = 38.4, gap - 0.8: 37.6                    | 0.45  | 16.920 |
//! | second   | standard | 12 x 4.4 + 4 x 7.6 = 52.8 + 30.4 = 83.2, + 0.8: 84.0 | 0.33  | 27.720 |
//!
//! Import: 189.0 + 187.4 = 376.4 kWh. Cross-check: (743 - 62) h x 0.4 = 272.4, cooking 31 x 2 = 62, car 4 x 9 + 6 = 42; together 376.4.
//! Cost: 49.20 + 60.432 = 109.632. Standing charge: 15 x 0.40 + 16 x 0.50 = 14.00. Export: 15 x 2 x 0.08 + 16 x 2 x 0.07 = 2.40 + 2.24 = 4.64.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Weekday};
use chrono_tz::Europe::Berlin;
use wattribute_domain::calendar::{buckets, day_start_ms};
use wattribute_domain::counter::{NoteKind, counter_quarters, disagreement, increments, power_quarters};
use wattribute_domain::{Cost, Period, Pricing, QUARTER_MS, Quarter, Series, Tariffs};

const CONTRACTS: &str = r#"{ "contracts": [
    { "name": "first", "standing_charge_per_day": 0.40, "export_price_per_kwh": 0.08, "rates": [
        { "name": "night", "price_per_kwh": 0.20, "from": "22:00", "to": "06:00" },
        { "name": "standard", "price_per_kwh": 0.30 } ] },
    { "from": "2026-03-16", "name": "second", "standing_charge_per_day": 0.50, "export_price_per_kwh": 0.07, "rates": [
        { "name": "night", "price_per_kwh": 0.24, "from": "22:00", "to": "06:00" },
        { "name": "peak", "price_per_kwh": 0.45, "from": "17:00", "to": "20:00", "days": ["weekdays"] },
        { "name": "standard", "price_per_kwh": 0.33 } ] } ] }"#;

fn pricing() -> Pricing {
    let tariffs: Tariffs = serde_json::from_str(CONTRACTS).expect("they are well written");
    tariffs.check().expect("they can be used");
    Pricing::new(&tariffs, Berlin, &HashMap::new())
}

fn month() -> (i64, i64) {
    let march = buckets(Berlin, Period::Month, day(10), day(11))[0];
    assert_eq!((march.1 - march.0) / 3_600_000, 743);
    march
}

fn day(day: u32) -> i64 {
    day_start_ms(Berlin, NaiveDate::from_ymd_opt(2026, 3, day).expect("a day of March"))
}

/// What the meter said: the counter of import in kWh after each quarter, and the power in W.
fn said() -> (Series, Series) {
    let (from_ms, to_ms) = month();
    let (mut counter, mut power) = (Series::default(), Series::default());
    let mut kwh = 1234.5;
    counter.push(from_ms, kwh);
    for at_ms in (from_ms..to_ms).step_by(QUARTER_MS as usize) {
        let local = DateTime::from_timestamp_millis(at_ms).expect("an instant in March").with_timezone(&Berlin);
        let mut kw = match local.hour() {
            12 | 13 => -1.0,
            18 => 2.4,
            _ => 0.4,
        };
        if local.weekday() == Weekday::Sun && (1..4).contains(&local.hour()) {
            kw += 3.0;
        }
        let minute_of = |hour: u32| local.hour() == hour && local.minute() == 0;
        if local.day() == 10 && minute_of(9) {
            kwh = 0.0;
        }
        kwh += f64::max(kw, 0.0) / 4.0;
        let silent = local.day() == 20 && (15..20).contains(&local.hour());
        power.push(at_ms, if silent { f64::NAN } else { kw * 1000.0 });
        // The counter says at the end of the quarter; silence begins right after 15:00 and ends with the value of 20:00.
        let dip = if local.day() == 5 && minute_of(10) { 0.15 } else { 0.0 };
        match silent {
            true if minute_of(15) => counter.push(at_ms + 1, f64::NAN),
            true if !(local.hour() == 19 && local.minute() == 45) => {}
            _ => counter.push(at_ms + QUARTER_MS, kwh - dip),
        }
    }
    counter.normalise();
    power.normalise();
    (counter, power)
}

fn sum(quarters: &[Quarter]) -> f64 {
    quarters.iter().map(|q| q.kwh).sum()
}

fn cost(pricing: &Pricing, quarters: &[Quarter], from_ms: i64) -> Cost {
    let mut cost = Cost::default();
    for (k, quarter) in quarters.iter().enumerate() {
        let begin_ms = from_ms + k as i64 * QUARTER_MS;
        pricing.add_cost(&mut cost, begin_ms, begin_ms + QUARTER_MS, quarter.kwh);
    }
    cost
}

/// To the tenth of a Wh, or the hundredth of a cent.
fn agrees(found: f64, by_hand: f64) -> bool {
    (found - by_hand).abs() < 1e-4
}

#[test]
fn the_month_agrees_to_the_wh_and_to_the_cent() {
    let ((from_ms, to_ms), pricing, (counter, power)) = (month(), pricing(), said());
    let quarters = counter_quarters(&counter, from_ms, to_ms, to_ms);
    assert_eq!(quarters.len(), 743 * 4);
    assert!(agrees(sum(&quarters), 376.4), "{}", sum(&quarters));

    let first_days = ((day(16) - from_ms) / QUARTER_MS) as usize;
    let (first, second) = (cost(&pricing, &quarters[..first_days], from_ms), cost(&pricing, &quarters[first_days..], day(16)));
    for (cost, band, kwh, money) in [
        (&first, "night", 75.0, 15.000),
        (&first, "standard", 114.0, 34.200),
        (&second, "night", 65.8, 15.792),
        (&second, "peak", 37.6, 16.920),
        (&second, "standard", 84.0, 27.720),
    ] {
        let found = cost.bands.iter().find(|b| b.band == band).unwrap();
        assert!(agrees(found.kwh, kwh) && agrees(found.cost, money), "{band}: {found:?}, by hand {kwh} kWh {money}");
    }
    let whole = cost(&pricing, &quarters, from_ms);
    assert!(agrees(whole.cost, 109.632) && whole.unpriced_kwh == 0.0, "{whole:?}");
    assert!(agrees(pricing.standing_charge(from_ms, to_ms), 14.00));

    let export = power_quarters(&power, from_ms, to_ms, to_ms).export;
    let mut revenue = Cost::default();
    for (k, quarter) in export.iter().enumerate() {
        let begin_ms = from_ms + k as i64 * QUARTER_MS;
        pricing.add_revenue(&mut revenue, begin_ms, begin_ms + QUARTER_MS, quarter.kwh);
    }
    assert!(agrees(sum(&export), 62.0) && agrees(revenue.cost, 4.64), "{revenue:?}");
}

#[test]
fn the_day_of_23_hours_agrees() {
    let (pricing, (counter, _)) = (pricing(), said());
    let quarters = counter_quarters(&counter, day(29), day(30), day(30));
    assert_eq!(quarters.len(), 92);
    // Night 2.8 and the car 6.0: 8.8 x 0.24 = 2.112; the rest, on a Sunday all standard, 7.6 x 0.33 = 2.508. Together 16.4 kWh and 4.62.
    assert!(agrees(sum(&quarters), 16.4));
    assert!(agrees(cost(&pricing, &quarters, day(29)).cost, 4.62));
    assert!(agrees(pricing.standing_charge(day(29), day(30)), 0.50));
}

#[test]
fn the_gap_is_estimated_by_the_counter_and_left_out_by_the_power() {
    let ((from_ms, to_ms), (counter, power)) = (month(), said());
    let by_counter = counter_quarters(&counter, from_ms, to_ms, to_ms);
    let by_power = power_quarters(&power, from_ms, to_ms, to_ms).import;
    // 15:00 of the 20th is 19 days and 15 hours after the beginning.
    let gap = (19 * 24 + 15) * 4..(19 * 24 + 20) * 4;
    for (k, (counted, integrated)) in by_counter.iter().zip(&by_power).enumerate() {
        assert_eq!(integrated.covered, if gap.contains(&k) { 0.0 } else { 1.0 }, "{k}");
        assert_eq!(counted.estimated, gap.contains(&k), "{k}");
        assert!((counted.covered - 1.0).abs() < 1e-9, "{k}");
    }
    assert!(by_counter[gap.clone()].iter().all(|q| agrees(q.kwh, 0.2)));
    assert!(agrees(sum(&by_counter[gap]), 4.0));
    assert!(agrees(sum(&by_power), 372.4));
    assert!(disagreement(&by_power, &by_counter).unwrap().abs() < 1e-6);
}

#[test]
fn the_dip_and_the_reset_are_told() {
    let counts = increments(&said().0, 100.0);
    assert_eq!(counts.notes.iter().map(|n| n.kind).collect::<Vec<_>>(), [NoteKind::Dip, NoteKind::Reset]);
    assert_eq!(counts.notes[1].at_ms, day(10) + 9 * 3_600_000 + QUARTER_MS);
}
