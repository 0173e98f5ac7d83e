use std::collections::HashMap;

use chrono::DateTime;
use chrono_tz::{Europe, Tz};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::Series;

fn tariffs(contracts: Value) -> Tariffs {
    let tariffs: Tariffs = serde_json::from_value(json!({ "contracts": contracts })).unwrap();
    tariffs.check().unwrap();
    tariffs
}

fn refusal(contracts: Value) -> String {
    match serde_json::from_value::<Tariffs>(json!({ "contracts": contracts })) {
        Ok(tariffs) => tariffs.check().unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

fn pricing(contracts: Value, zone: Tz) -> Pricing {
    Pricing::new(&tariffs(contracts), zone, &HashMap::new())
}

fn dynamic(contract: Value, rows: &[(&str, f64)]) -> Pricing {
    let series = Series { at_ms: rows.iter().map(|r| ms(r.0)).collect(), value: rows.iter().map(|r| r.1).collect() };
    Pricing::new(&tariffs(json!([contract])), Europe::Berlin, &HashMap::from([("sensor.price".to_owned(), series)]))
}

fn ms(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

/// Price and band at each instant.
fn at<'a>(pricing: &'a Pricing, instants: &[&str]) -> Vec<Option<(f64, &'a str)>> {
    instants.iter().map(|t| pricing.import_at(ms(t)).map(|p| ((p.per_kwh * 1e9).round() / 1e9, p.band))).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn a_fixed_price_is_the_same_at_all_times() {
    let pricing = pricing(json!([{ "name": "one", "price_per_kwh": 0.31 }]), Europe::Berlin);
    assert_eq!(at(&pricing, &["1971-01-01T00:00:00Z", "2026-03-29T01:30:00Z"]), [Some((0.31, "fixed")); 2]);
    let cost = pricing.cost(ms("2020-01-01T00:00:00Z"), ms("2026-01-01T00:00:00Z"), 10.0).unwrap();
    assert!(close(cost.cost, 3.1));
    assert_eq!((cost.bands.len(), cost.unpriced_kwh), (1, 0.0));
    assert_eq!(pricing.export_at(0), None);
    assert_eq!(pricing.revenue(0, 1000, 1.0), None);
}

#[test]
fn the_first_rate_that_holds_counts_by_the_local_clock() {
    let pricing = pricing(
        json!([{ "name": "heat", "rates": [
            { "name": "winter night", "price_per_kwh": 0.1, "from": "22:00", "to": "06:00", "first_day": "11-01", "last_day": "02-29" },
            { "name": "weekend", "price_per_kwh": 0.2, "days": ["weekend"] },
            { "name": "peak", "price_per_kwh": 0.5, "from": "17:00", "to": "19:15", "days": ["monday", "fri"] },
            { "name": "standard", "price_per_kwh": 0.3 },
        ] }]),
        Europe::Berlin,
    );
    let (night, weekend, peak, standard) =
        (Some((0.1, "winter night")), Some((0.2, "weekend")), Some((0.5, "peak")), Some((0.3, "standard")));
    // 12 January 2026 is a Monday; Berlin is an hour ahead, in summer two.
    assert_eq!(
        at(&pricing, &["2026-01-12T15:59:59Z", "2026-01-12T16:00:00Z", "2026-01-12T18:14:59Z", "2026-01-12T18:15:00Z"]),
        [standard, peak, peak, standard]
    );
    assert_eq!(at(&pricing, &["2026-01-13T17:00:00Z", "2026-01-16T17:00:00Z", "2026-01-17T17:00:00Z"]), [standard, peak, weekend]);
    assert_eq!(
        at(&pricing, &["2026-01-12T20:59:59Z", "2026-01-12T21:00:00Z", "2026-01-13T04:59:59Z", "2026-01-13T05:00:00Z"]),
        [standard, night, night, standard]
    );
    assert_eq!(at(&pricing, &["2026-07-13T15:00:00Z", "2026-07-13T21:00:00Z"]), [peak, standard]);
    assert_eq!(at(&pricing, &["2026-02-28T22:30:00Z", "2026-02-28T23:30:00Z"]), [night, weekend], "the season ends with its last day");
    assert_eq!(at(&pricing, &["2026-11-01T02:00:00Z", "2026-10-30T22:59:59Z"]), [night, standard], "and begins with its first");
}

#[test]
fn energy_is_priced_by_the_pieces_of_its_time() {
    let rates = json!([{ "name": "day", "price_per_kwh": 0.4, "from": "02:00", "to": "04:00" }, { "name": "rest", "price_per_kwh": 0.2 }]);
    let pricing = pricing(json!([{ "name": "a", "rates": rates }]), Europe::Berlin);
    let share = |from: &str, to: &str| {
        let cost = pricing.cost(ms(from), ms(to), 12.0).unwrap();
        let day = cost.bands.iter().find(|b| b.band == "day").map_or(0.0, |b| b.kwh);
        assert!(close(cost.priced_kwh(), 12.0) && close(cost.cost, day * 0.4 + (12.0 - day) * 0.2), "{cost:?}");
        day
    };
    assert!(close(share("2026-03-27T23:00:00Z", "2026-03-28T05:00:00Z"), 4.0), "two hours of six");
    assert!(close(share("2026-03-28T23:00:00Z", "2026-03-29T05:00:00Z"), 2.0), "02:00 to 03:00 is not there");
    assert!(close(share("2026-10-24T22:00:00Z", "2026-10-25T04:00:00Z"), 6.0), "02:00 to 03:00 is there twice");
}

#[test]
fn a_new_price_never_rewrites_the_past() {
    let pricing = pricing(
        json!([
            { "from": "2026-01-01", "name": "old", "price_per_kwh": 0.3, "export_price_per_kwh": 0.08, "standing_charge_per_day": 0.4 },
            { "from": "2026-03-16", "name": "new", "price_per_kwh": 0.4, "standing_charge_per_day": 0.5 },
        ]),
        Europe::Berlin,
    );
    let instants = ["2025-12-31T22:59:59Z", "2025-12-31T23:00:00Z", "2026-03-15T22:59:59Z", "2026-03-15T23:00:00Z"];
    assert_eq!(at(&pricing, &instants), [None, Some((0.3, "fixed")), Some((0.3, "fixed")), Some((0.4, "fixed"))]);
    let cost = pricing.cost(ms("2026-03-15T21:00:00Z"), ms("2026-03-16T01:00:00Z"), 4.0).unwrap();
    assert!(close(cost.cost, 2.0 * 0.3 + 2.0 * 0.4));
    let before = pricing.cost(ms("2025-12-31T22:00:00Z"), ms("2026-01-01T00:00:00Z"), 4.0).unwrap();
    assert!(close(before.cost, 0.6) && close(before.unpriced_kwh, 2.0) && close(before.priced_kwh(), 2.0), "{before:?}");
    assert_eq!(pricing.cost(ms("2025-12-30T22:00:00Z"), ms("2025-12-31T00:00:00Z"), 4.0), None);
    assert_eq!(pricing.export_at(ms("2026-03-15T22:59:59Z")).unwrap(), Price { per_kwh: 0.08, band: "export" });
    assert_eq!(pricing.export_at(ms("2026-03-15T23:00:00Z")), None, "the new contract says none");
    // Two days of the old, two of the new.
    assert!(close(pricing.standing_charge(ms("2026-03-13T23:00:00Z"), ms("2026-03-17T23:00:00Z")), 1.8));
    assert!(close(pricing.standing_charge(ms("2025-12-25T23:00:00Z"), ms("2026-01-01T23:00:00Z")), 0.4));
}

#[test]
fn a_day_costs_its_standing_charge_once_however_long_it_is() {
    let pricing = pricing(json!([{ "name": "a", "price_per_kwh": 0.3, "standing_charge_per_day": 0.46 }]), Europe::Berlin);
    let charge = |from: &str, to: &str| pricing.standing_charge(ms(from), ms(to));
    assert!(close(charge("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"), 0.46));
    assert!(close(charge("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"), 0.46));
    assert!(close(charge("2026-03-28T23:00:00Z", "2026-03-29T00:00:00Z"), 0.02), "an hour of 23");
    assert!(close(charge("2026-03-28T11:00:00Z", "2026-03-29T10:30:00Z"), 0.46 / 2.0 + 0.46 / 2.0));
    assert_eq!(charge("2026-03-28T11:00:00Z", "2026-03-28T11:00:00Z"), 0.0);
    let days = pricing.standing_charge(i64::MIN, i64::MAX) / 0.46;
    assert!((109_572.5..109_573.5).contains(&days), "1900 to 2199 and no further: {days}");
}

#[test]
fn an_entity_says_the_price_with_taxes_and_fees() {
    let contract = json!({ "name": "spot", "entity": "sensor.price", "factor": 1.19, "surcharge_per_kwh": 0.15, "settlement_minutes": 15 });
    let rows = [("2026-03-10T10:00:05Z", 0.1), ("2026-03-10T10:15:40Z", 0.2), ("2026-03-10T10:30:00Z", f64::NAN)];
    let pricing = dynamic(contract, &rows);
    let instants = ["2026-03-10T09:59:59Z", "2026-03-10T10:00:00Z", "2026-03-10T10:15:00Z", "2026-03-10T10:30:00Z"];
    assert_eq!(at(&pricing, &instants), [None, Some((0.269, "dynamic")), Some((0.388, "dynamic")), None]);
    let cost = pricing.cost(ms("2026-03-10T10:00:00Z"), ms("2026-03-10T11:00:00Z"), 4.0).unwrap();
    assert!(close(cost.cost, 0.269 + 0.388) && close(cost.unpriced_kwh, 2.0), "no price is made up: {cost:?}");
    let pieces = pricing.import_pieces(ms("2026-03-10T10:00:00Z"), ms("2026-03-10T11:00:00Z"));
    assert_eq!(pieces.iter().map(|p| (p.to_ms - p.from_ms) / 60_000).collect::<Vec<_>>(), [15, 15, 30]);
    assert_eq!(pieces[2].price, None);
}

#[test]
fn settlement_prices_all_energy_of_its_span_at_the_mean() {
    let contract = json!({ "name": "spot", "entity": "sensor.price", "settlement_minutes": 60 });
    let rows = [
        ("2026-03-10T10:00:00Z", 0.1),
        ("2026-03-10T10:15:00Z", 0.3),
        ("2026-03-10T11:50:00Z", f64::NAN),
        ("2026-03-10T13:40:00Z", 0.5),
        ("2026-03-10T15:50:00Z", 0.5),
    ];
    let pricing = dynamic(contract.clone(), &rows);
    assert_eq!(at(&pricing, &["2026-03-10T10:01:00Z", "2026-03-10T10:59:00Z"]), [Some((0.25, "dynamic")); 2]);
    assert_eq!(at(&pricing, &["2026-03-10T11:55:00Z"]), [Some((0.3, "dynamic"))], "most of the hour says what the hour costs");
    assert_eq!(at(&pricing, &["2026-03-10T12:30:00Z", "2026-03-10T13:00:00Z"]), [None, Some((0.5, "dynamic"))]);
    let late = dynamic(contract, &[("2026-03-10T10:50:00Z", 0.4)]);
    assert_eq!(
        at(&late, &["2026-03-10T10:55:00Z", "2026-03-10T11:00:00Z"]),
        [None, Some((0.4, "dynamic"))],
        "too little of the hour is known"
    );
}

#[test]
fn export_is_paid_by_an_entity_too() {
    let contract = json!({ "name": "spot", "price_per_kwh": 0.3, "export_entity": "sensor.price", "export_factor": 0.01, "export_surcharge_per_kwh": -0.01 });
    let pricing = dynamic(contract, &[("2026-03-10T10:00:00Z", 6.0), ("2026-03-10T11:00:00Z", -2.0)]);
    let revenue = pricing.revenue(ms("2026-03-10T10:00:00Z"), ms("2026-03-10T12:00:00Z"), 2.0).unwrap();
    assert!(close(revenue.cost, 0.05 - 0.03), "{revenue:?}");
    assert_eq!(revenue.bands[0].band, "export");
}

#[rstest]
#[case::no_price(json!([{ "name": "a" }]), "contract \"a\" says no price of import; it needs exactly one of price_per_kwh, rates and entity")]
#[case::two_prices(json!([{ "name": "a", "price_per_kwh": 0.3, "entity": "sensor.p" }]), "says price_per_kwh and entity")]
#[case::unnamed(json!([{ "name": " ", "price_per_kwh": 0.3 }]), "name is empty; give it the name on your bill")]
#[case::nameless(json!([{ "price_per_kwh": 0.3 }]), "missing field `name`")]
#[case::misspelt(json!([{ "name": "a", "price": 0.3 }]), "unknown field `price`, expected one of `from`, `name`, `price_per_kwh`")]
#[case::negative(json!([{ "name": "a", "price_per_kwh": -0.3 }]), "price_per_kwh is -0.3; a price is a number such as 0.30, not below zero")]
#[case::no_entity(json!([{ "name": "a", "entity": "price" }]), "entity is \"price\"; write the id of an entity, such as \"sensor.electricity_price\"")]
#[case::factor_of_nothing(json!([{ "name": "a", "price_per_kwh": 0.3, "factor": 1.19 }]), "factor or surcharge_per_kwh stands without entity")]
#[case::zero_factor(json!([{ "name": "a", "entity": "sensor.p", "factor": 0.0 }]), "a factor is a number above zero")]
#[case::two_exports(json!([{ "name": "a", "price_per_kwh": 0.3, "export_price_per_kwh": 0.1, "export_entity": "sensor.p" }]), "stands beside export_entity; say one of them")]
#[case::settlement(json!([{ "name": "a", "entity": "sensor.p", "settlement_minutes": 20 }]), "settlement_minutes is 20; it may be 15, 30 or 60")]
#[case::no_date(json!([{ "from": "16.3.2026", "name": "a", "price_per_kwh": 0.3 }]), "\"16.3.2026\" is no date: write it as \"YYYY-MM-DD\"")]
#[case::same_day(
    json!([{ "from": "2026-01-01", "name": "a", "price_per_kwh": 0.3 }, { "from": "2026-01-01", "name": "b", "price_per_kwh": 0.3 }]),
    "contract \"b\" applies from 2026-01-01, and \"a\" before it from 2026-01-01; write contracts in the order of their first days"
)]
#[case::always_twice(json!([{ "name": "a", "price_per_kwh": 0.3 }, { "name": "b", "price_per_kwh": 0.3 }]), "contract \"b\" applies from always")]
fn what_cannot_be_a_contract_is_refused(#[case] contracts: Value, #[case] says: &str) {
    let said = refusal(contracts);
    assert!(said.contains(says), "{said}");
}

#[rstest]
#[case::time(json!({ "from": "6am", "to": "22:00" }), "\"6am\" is no time of the day: write it as \"HH:MM\", such as \"06:00\"")]
#[case::odd_minutes(json!({ "from": "06:10", "to": "22:00" }), "from of rate 1 (\"x\") is 06:10; rates begin and end on the quarter hour")]
#[case::half_a_span(json!({ "from": "06:00" }), "from of rate 1 (\"x\") is 06:00 and to is missing; say both, or none for the whole day")]
#[case::no_span(json!({ "from": "06:00", "to": "06:00" }), "leave both out for the whole day")]
#[case::no_day(json!({ "days": ["noday"] }), "unknown variant `noday`, expected one of `mon`")]
#[case::no_season(json!({ "first_day": "02-30", "last_day": "03-01" }), "\"02-30\" is no day of the year: write it as \"MM-DD\"")]
#[case::half_a_season(json!({ "first_day": "02-20" }), "first_day of rate 1 (\"x\") is 02-20 and last_day is missing")]
#[case::hole_at_night(json!({ "from": "06:00", "to": "24:00" }), "contract \"a\" has no rate for Monday 01-01 at 00:00; add a rate that holds then")]
#[case::hole_at_weekends(json!({ "days": ["weekdays", "sun"] }), "no rate for Saturday 01-01 at 00:00")]
#[case::hole_on_a_leap_day(json!({ "first_day": "03-01", "last_day": "02-28" }), "no rate for Monday 02-29 at 00:00")]
fn what_cannot_be_a_rate_is_refused(#[case] rate: Value, #[case] says: &str) {
    let mut whole = json!({ "name": "x", "price_per_kwh": 0.3 });
    whole.as_object_mut().unwrap().extend(rate.as_object().unwrap().clone());
    let said = refusal(json!([{ "name": "a", "rates": [whole] }]));
    assert!(said.contains(says), "{said}");
}

#[test]
fn a_contract_is_written_as_it_was_read() {
    let tariffs = tariffs(json!([{ "from": "2026-03-16", "name": "a", "rates": [
        { "name": "x", "price_per_kwh": 0.3, "from": "22:00", "to": "06:00", "days": ["weekdays"], "first_day": "10-01", "last_day": "03-31" },
        { "name": "y", "price_per_kwh": 0.2 },
    ] }, { "from": "2026-04-01", "name": "b", "entity": "sensor.p", "export_entity": "sensor.p" }]));
    let written = serde_json::to_value(&tariffs).unwrap();
    assert_eq!(written["contracts"][0]["from"], "2026-03-16");
    assert_eq!(written["contracts"][0]["rates"][0]["last_day"], "03-31");
    assert_eq!(written["contracts"][0]["settlement_minutes"], 60);
    assert_eq!(serde_json::from_value::<Tariffs>(written).unwrap(), tariffs);
    assert_eq!(tariffs.entities(), ["sensor.p"]);
    assert_eq!(Tariffs::default().check(), Ok(()), "no tariff is no mistake");
}

#[test]
fn nonsense_costs_nothing_and_breaks_nothing() {
    let pricing = pricing(json!([{ "name": "a", "rates": [{ "name": "x", "price_per_kwh": 0.3 }] }]), Europe::Berlin);
    assert_eq!(pricing.cost(5, 5, 1.0), None);
    assert_eq!(pricing.cost(6, 5, 1.0), None);
    assert_eq!(pricing.cost(0, 5, f64::NAN), None);
    let all = pricing.cost(i64::MIN, i64::MAX, 1.0).unwrap();
    assert!(close(all.priced_kwh() + all.unpriced_kwh, 1.0), "{all:?}");
    assert_eq!((pricing.import_at(i64::MIN), pricing.import_at(i64::MAX)), (None, None));
}

#[test]
fn costs_add_up_by_band() {
    let pricing = pricing(
        json!([{ "from": "2026-01-01", "name": "a", "rates": [{ "name": "night", "price_per_kwh": 0.2, "from": "22:00", "to": "06:00" }, { "name": "day", "price_per_kwh": 0.3 }] }]),
        Europe::Berlin,
    );
    let (from, to) = (ms("2025-12-31T12:00:00Z"), ms("2026-01-03T12:00:00Z"));
    let whole = pricing.cost(from, to, 72.0).unwrap();
    let (mut sum, mut streamed) = (Cost::default(), Cost::default());
    for k in 0..(to - from) / 900_000 {
        let quarter = (from + k * 900_000, from + (k + 1) * 900_000);
        if let Some(cost) = pricing.cost(quarter.0, quarter.1, 0.25) {
            sum.add(&cost);
        }
        pricing.add_cost(&mut streamed, quarter.0, quarter.1, 0.25);
    }
    assert!(close(sum.cost, whole.cost) && close(streamed.cost, whole.cost));
    assert!(close(sum.priced_kwh(), 61.0) && close(streamed.unpriced_kwh, 11.0) && close(whole.unpriced_kwh, 11.0));
    for band in &whole.bands {
        assert!(sum.bands.iter().any(|b| b.band == band.band && close(b.kwh, band.kwh) && close(b.cost, band.cost)));
    }
}

#[test]
fn its_schema_says_how_times_and_dates_are_written() {
    let schema = serde_json::to_value(<Contract as utoipa::PartialSchema>::schema()).unwrap();
    assert_eq!(schema["properties"]["from"]["type"], json!(["string", "null"]));
    assert_eq!(schema["properties"]["from"]["format"], "date");
    assert_eq!(schema["required"], json!(["name"]), "all else has a default");
    let schema = serde_json::to_value(<Rate as utoipa::PartialSchema>::schema()).unwrap();
    assert_eq!(schema["properties"]["to"]["type"], json!(["string", "null"]));
}
