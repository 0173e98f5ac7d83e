//! What the dashboard's chart draws, computed by hand.

use std::collections::BTreeMap;

use serde_json::json;
use wattribute_domain::{DeviceProfile, HourEnergy, HouseRecord, LevelProfile, ProfileRecord, Tariffs, Verdict};
use wattribute_store::TariffsFrom;

use super::*;
use crate::routes::history::tests::Month;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

impl Home {
    /// Three hours of a home in which 100 W are nobody's, with when they began, ms. Minutes from there on:
    ///
    /// - 0 to 60: the heat pump says that it heats. It draws 1000 W up to 30, and then nothing;
    /// - 10 to 25: the lamp, 60 W;
    /// - all the time: the fridge, 40 W, which has a sensor;
    /// - 60 to 70: two switches that always go together, 100 W;
    /// - 80 to 100: nobody hears the house's meter; 90 to 110: nobody hears the lamp;
    /// - 120 to 150: the heat pump heats again, in an hour of which nothing is learned yet, and the house draws 300 W in all.
    pub(super) async fn attributed() -> (Self, i64) {
        let home = Home::empty();
        let from_ms = (now().timestamp_millis() / HOUR - 6) * HOUR;
        let power = |device: &str| SeriesInfo::new("home_assistant", device, Quantity::PowerW);
        let level = |device: &str, mode: &str| {
            let mut info = SeriesInfo::new("home_assistant", device, Quantity::Level);
            info.mode(mode);
            info
        };
        let infos = vec![
            SeriesInfo { role: Some(Role::WholeHouse), ..power("sensor.house") },
            power("sensor.fridge_power"),
            level("climate.heat", "heating"),
            level("light.hall", "on"),
            level("switch.fridge", "on"),
            level("switch.a", "on"),
            level("switch.b", "on"),
            level("switch.ghost", "on"),
        ];
        let ids = home.store.describe(infos).await.unwrap();
        let said: [(usize, &[(i64, f64)]); 8] = [
            (
                0,
                &[
                    (0, 1140.0),
                    (10, 1200.0),
                    (25, 1140.0),
                    (30, 140.0),
                    (60, 240.0),
                    (70, 140.0),
                    (80, f64::NAN),
                    (100, 140.0),
                    (120, 300.0),
                    (150, 140.0),
                ],
            ),
            (1, &[(0, 40.0)]),
            (2, &[(0, 1.0), (60, 0.0), (120, 1.0), (150, 0.0)]),
            (3, &[(-60, 0.0), (10, 1.0), (25, 0.0), (90, f64::NAN), (110, 0.0)]),
            (4, &[(-60, 1.0)]),
            (5, &[(-60, 0.0), (60, 1.0), (70, 0.0)]),
            (6, &[(-60, 0.0), (60, 1.0), (70, 0.0)]),
            (7, &[(-60, 1.0)]),
        ];
        let at = |minute: i64| from_ms + minute * MINUTE;
        let reading = |(k, (minute, value)): (usize, &(i64, f64))| Reading { series: ids[k], at_ms: at(*minute), value: *value };
        let readings = said.iter().flat_map(|(k, rows)| rows.iter().map(move |row| (*k, row))).map(reading).collect();
        home.store.write(Batch { readings, ..Batch::default() }).await.unwrap();
        let house = HouseRecord {
            label: "sensor.house".to_owned(),
            why: String::new(),
            series: ids[0],
            inputs: vec![ids[0]],
            metered: BTreeMap::from([(ids[4], ids[1])]),
            baseline_w: None,
            interval_s: 5.0,
            lag_s: None,
            guard_before_s: Some(6.0),
            guard_after_s: Some(13.0),
            candidates: vec![],
            provisional_s: 10.0,
            final_s: 20.0,
            notes: vec![],
        };
        home.store.put_documents(vec![("house".to_owned(), serde_json::to_string(&house).unwrap())]).await.unwrap();
        let profile = |k: usize, entity_id: &str, mode: &str, power_w: Option<f64>, verdict, with: &[&str]| ProfileRecord {
            series: ids[k],
            learned_at_ms: at(125),
            profile: profile(entity_id, mode, power_w, verdict, with),
            usual_on_h: None,
        };
        let profiles = vec![
            profile(2, "climate.heat", "heating", None, Verdict::Varies, &[]),
            profile(3, "light.hall", "on", Some(60.0), Verdict::Learned, &[]),
            profile(4, "switch.fridge", "on", Some(39.0), Verdict::Measured, &[]),
            profile(5, "switch.a", "on", Some(100.0), Verdict::Grouped, &["switch.b"]),
            profile(6, "switch.b", "on", Some(100.0), Verdict::Grouped, &["switch.a"]),
            profile(7, "switch.ghost", "on", None, Verdict::NoLoad, &[]),
        ];
        home.store.replace_profiles(profiles).await.unwrap();
        let hour =
            |k: usize, minute: i64, energy_kwh: f64| HourEnergy { series: ids[k], hour_ms: at(minute), energy_kwh, estimated: false };
        let hours =
            vec![hour(0, 0, 0.655), hour(2, 0, 0.5), hour(3, 0, 0.015), hour(4, 0, 0.04), hour(4, 60, 0.04), hour(5, 60, 0.1 / 6.0)];
        home.store.replace_energy(from_ms, at(120), hours).await.unwrap();
        (home, from_ms)
    }

    pub(super) async fn agree(&self, price_per_kwh: f64) {
        let tariffs: Tariffs = serde_json::from_value(json!({ "contracts": [{ "name": "S", "price_per_kwh": price_per_kwh }] })).unwrap();
        wattribute_store::set_tariffs(&*self.store, &tariffs, TariffsFrom::Api).await.unwrap();
    }

    /// What is told of a span, in minutes.
    async fn attribution(&self, from_ms: i64, minutes: (i64, i64), more: &str) -> Value {
        let (from_ms, to_ms) = (from_ms + minutes.0 * MINUTE, from_ms + minutes.1 * MINUTE);
        let (status, body) = self.ask(&format!("/api/v1/energy/attribution?from={from_ms}&to={to_ms}&{more}")).await;
        assert_fits("/api/v1/energy/attribution", "get", status, &body);
        assert_eq!(status, 200, "{body}");
        body
    }
}

pub(super) fn profile(entity_id: &str, mode: &str, power_w: Option<f64>, verdict: Verdict, grouped_with: &[&str]) -> DeviceProfile {
    let level = LevelProfile { mode: mode.to_owned(), fraction: None, power_w, power_low_w: None, power_high_w: None };
    DeviceProfile {
        entity_id: entity_id.to_owned(),
        name: entity_id.to_owned(),
        power_w,
        power_low_w: None,
        power_high_w: None,
        energy_kwh: (verdict == Verdict::Varies).then_some(5.0),
        energy_low_kwh: None,
        energy_high_kwh: None,
        cost: None,
        measured_energy_kwh: None,
        levels: vec![level],
        events_used: 10,
        events_total: 10,
        times_on: 10,
        hours_on: 10.0,
        strength: 1.0,
        grouped_with: grouped_with.iter().map(|&id| id.to_owned()).collect(),
        verdict,
    }
}

#[track_caller]
fn near(value: &Value, expected: f64) {
    near_within(value, expected, 0.0001);
}

#[track_caller]
fn near_within(value: &Value, expected: f64, slack: f64) {
    let number = value.as_f64().unwrap_or(f64::NAN);
    assert!((number - expected).abs() <= slack, "{value} is not {expected}");
}

/// Powers, W; `NaN` for null.
#[track_caller]
fn powers(column: &Value, expected: &[f64]) {
    let column = column.as_array().unwrap();
    assert_eq!(column.len(), expected.len(), "{column:?}");
    for (k, (value, expected)) in column.iter().zip(expected).enumerate() {
        let is_right = value.as_f64().map_or(expected.is_nan(), |w| (w - expected).abs() <= 0.051);
        assert!(is_right, "{value} at {k} is not {expected}: {column:?}");
    }
}

fn device<'a>(told: &'a Value, entity_id: &str) -> &'a Value {
    let found = told["devices"].as_array().unwrap().iter().find(|d| d["entity_id"] == entity_id);
    found.unwrap_or_else(|| panic!("{entity_id} is not told: {}", told["devices"]))
}

const NULL: f64 = f64::NAN;

#[tokio::test]
async fn each_device_is_drawn_under_the_house() {
    let (home, from_ms) = Home::attributed().await;
    home.agree(0.30).await;
    let told = home.attribution(from_ms, (0, 120), "max_points=12").await;
    assert_eq!((told["meta"]["interval_s"].as_f64(), told["at"][11].as_i64()), (Some(600.0), Some(from_ms + 110 * MINUTE)));
    let ids: Vec<&str> = told["devices"].as_array().unwrap().iter().map(|d| d["entity_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["climate.heat", "switch.fridge", "switch.a", "light.hall"], "most energy first");
    powers(&told["house"]["mean_w"], &[1140.0, 1200.0, 1170.0, 140.0, 140.0, 140.0, 240.0, 140.0, NULL, NULL, 140.0, 140.0]);
    powers(&told["house"]["min_w"], &[1140.0, 1200.0, 1140.0, 140.0, 140.0, 140.0, 240.0, 140.0, NULL, NULL, 140.0, 140.0]);
    powers(&told["house"]["max_w"], &[1140.0, 1200.0, 1200.0, 140.0, 140.0, 140.0, 240.0, 140.0, NULL, NULL, 140.0, 140.0]);
    // On for all of 10 to 20 and half of 20 to 30; silent from 90 to 110.
    powers(&device(&told, "light.hall")["power_w"], &[0.0, 60.0, 30.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, NULL, NULL, 0.0]);
    powers(&device(&told, "switch.fridge")["power_w"], &[40.0; 12]);
    powers(&device(&told, "switch.a")["power_w"], &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    // 0.5 kWh are 3000 W for ten minutes. Beside lamp and fridge 1100 W are left three times, and 100 W three times: 3600.
    let (high, low) = (1100.0 / 1.2, 100.0 / 1.2);
    powers(&device(&told, "climate.heat")["power_w"], &[high, high, high, low, low, low, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let (more, less) = (1100.0 - high, 100.0 - low);
    powers(&told["unattributed_w"], &[more, more, more, less, less, less, 100.0, 100.0, NULL, NULL, 100.0, 100.0]);
    powers(&told["others_w"], &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, NULL, NULL, 0.0, 0.0]);

    let heat = device(&told, "climate.heat");
    near(&heat["energy_kwh"], 0.5);
    near(&heat["cost"], 0.15);
    near(&heat["hours_on"], 1.0);
    near(&device(&told, "switch.fridge")["energy_kwh"], 0.08);
    near(&device(&told, "light.hall")["hours_on"], 0.25);
    let pair = device(&told, "switch.a");
    assert_eq!((pair["grouped_with"][0].as_str(), pair["verdict"].as_str()), (Some("switch.b"), Some("grouped")));
    near(&pair["energy_kwh"], 0.0167);

    // 190 + 300 + 95 + 70 Wh, and 40 + 23.333 + 46.667 in the 100 minutes that are known of 120.
    let total = &told["total"];
    near(&total["energy_kwh"], 0.765);
    near(&total["cost"], 0.2295);
    near(&total["covered"], 0.8333);
    near(&total["unattributed_kwh"], 0.765 - 0.5 - 0.08 - 0.015 - 0.0167);
    near(&total["others_kwh"], 0.0);
    near_within(&total["mean_w"], 459.0, 0.05);
    assert_eq!((total["max_w"].as_f64(), total["min_w"].as_f64()), (Some(1200.0), Some(140.0)));
    assert_eq!(total["max_at"].as_str(), Some(instant(from_ms + 10 * MINUTE).as_str()));
    assert_eq!(total["min_at"].as_str(), Some(instant(from_ms + 30 * MINUTE).as_str()));
    let energies = told["house"]["energy_kwh"].as_array().unwrap();
    near(&energies.iter().filter_map(Value::as_f64).sum::<f64>().into(), 0.765);
    near(&energies[2], 0.195);
    assert!(energies[8].is_null());
}

#[tokio::test]
async fn those_that_used_less_are_told_together() {
    let (home, from_ms) = Home::attributed().await;
    let told = home.attribution(from_ms, (0, 120), "max_points=12&devices=1").await;
    assert_eq!((told["devices"].as_array().unwrap().len(), told["devices"][0]["entity_id"].as_str()), (1, Some("climate.heat")));
    powers(&told["others_w"], &[40.0, 100.0, 70.0, 40.0, 40.0, 40.0, 140.0, 40.0, 40.0, 40.0, 40.0, 40.0]);
    near(&told["total"]["others_kwh"], 0.08 + 0.015 + 0.0167);
    assert!(told["devices"][0]["cost"].is_null() && told["total"]["cost"].is_null() && told["meta"]["has_tariff"] == false);
    let none = home.attribution(from_ms, (0, 120), "max_points=12&devices=0").await;
    assert_eq!((none["devices"].as_array().unwrap().len(), &none["unattributed_w"]), (0, &told["unattributed_w"]));
}

#[tokio::test]
async fn ten_minutes_within_an_hour_are_what_was_used_in_them() {
    let (home, from_ms) = Home::attributed().await;
    home.agree(0.30).await;
    let told = home.attribution(from_ms, (20, 30), "max_points=10").await;
    let total = &told["total"];
    // 1200 W for five minutes and 1140 W for five; a third of what the lamp used in its hour.
    near(&total["energy_kwh"], 0.195);
    near(&total["cost"], 0.0585);
    near(&total["covered"], 1.0);
    near(&device(&told, "light.hall")["energy_kwh"], 0.005);
    near(&device(&told, "light.hall")["hours_on"], 0.08);
    near(&device(&told, "switch.fridge")["energy_kwh"], 0.0067);
    // 10 of the 30 minutes that have 1100 W left of the 36000 W·min of the hour.
    near(&device(&told, "climate.heat")["energy_kwh"], 0.5 * 11.0 / 36.0);
    powers(&device(&told, "climate.heat")["power_w"], &[1100.0 / 1.2; 10]);
    near(&total["unattributed_kwh"], 0.195 - 0.005 - 0.0067 - 0.1528);
    assert_eq!((total["max_w"].as_f64(), total["min_w"].as_f64()), (Some(1200.0), Some(1140.0)));
    // Twenty minutes that cut two quarters: of the first what the meter said in it, 195 of 295 Wh, not two thirds.
    near(&home.attribution(from_ms, (20, 40), "max_points=20").await["total"]["energy_kwh"], 0.195 + 0.0233);
    // Stretches that begin before the span tell what lies in it.
    let told = home.attribution(from_ms, (25, 60), "max_points=4").await;
    assert_eq!((told["meta"]["interval_s"].as_f64(), told["at"][0].as_i64()), (Some(600.0), Some(from_ms + 20 * MINUTE)));
    powers(&told["house"]["mean_w"], &[1140.0, 140.0, 140.0, 140.0]);
    assert_eq!(told["total"]["max_at"].as_str(), Some(instant(from_ms + 25 * MINUTE).as_str()));
}

#[tokio::test]
async fn what_is_not_learned_yet_draws_its_mean_as_far_as_the_house_has_it() {
    let (home, from_ms) = Home::attributed().await;
    let told = home.attribution(from_ms, (120, 180), "max_points=6").await;
    // 500 W while it is on, but 300 W less the fridge are all that there is.
    powers(&device(&told, "climate.heat")["power_w"], &[260.0, 260.0, 260.0, 0.0, 0.0, 0.0]);
    powers(&told["unattributed_w"], &[0.0, 0.0, 0.0, 100.0, 100.0, 100.0]);
    powers(&device(&told, "switch.fridge")["power_w"], &[40.0; 6]);
}

#[tokio::test]
async fn stretches_of_an_hour_tell_the_energies_of_hours() {
    let (home, from_ms) = Home::attributed().await;
    let told = home.attribution(from_ms, (0, 180), "max_points=3").await;
    assert_eq!(told["meta"]["interval_s"].as_f64(), Some(3600.0));
    powers(&device(&told, "climate.heat")["power_w"], &[500.0, 0.0, 250.0]);
    powers(&device(&told, "light.hall")["power_w"], &[15.0, 0.0, 0.0]);
    powers(&device(&told, "switch.fridge")["power_w"], &[40.0; 3]);
    near(&device(&told, "light.hall")["hours_on"], 0.25);
    near(&device(&told, "climate.heat")["hours_on"], 1.5);
    // Of the second hour 40 minutes are known, with 110 Wh. In the third more is attributed than was drawn: nothing is left.
    powers(&told["unattributed_w"], &[100.0, 165.0 - 40.0 - 100.0 / 6.0, 0.0]);
    let history = home.ask(&format!("/api/v1/energy/history?period=hour&devices=true&from={from_ms}&to={}", from_ms + 3 * HOUR)).await.1;
    let of_history = |hour: usize, id: &str| -> f64 {
        let all = history["history"][hour]["devices"].as_array().unwrap();
        all.iter().find(|d| d["entity_id"] == id).map_or(0.0, |d| d["energy_kwh"].as_f64().unwrap())
    };
    for id in ["climate.heat", "light.hall", "switch.fridge", "switch.a"] {
        let mut sum = 0.0;
        for hour in 0..3 {
            sum += of_history(hour, id);
            near_within(&device(&told, id)["power_w"][hour], 1000.0 * of_history(hour, id), 0.11);
        }
        near(&device(&told, id)["energy_kwh"], sum);
    }
}

#[tokio::test]
async fn a_local_day_is_what_history_says_of_it() {
    let month = Month::lived().await;
    // A plain day with export, one on which the counter begins anew, one with a new price, one without export, and one of 23 hours.
    for (day, next, hours) in [(5, 6, 24), (10, 11, 24), (20, 21, 24), (29, 30, 23)] {
        let span = format!("from=2026-03-{day:02}&to=2026-03-{next:02}");
        let history = month.ask(&format!("/api/v1/energy/history?period=day&devices=true&{span}")).await;
        let row = &history["history"][0];
        for (points, is_fine) in [(300, true), (24, false), (7, false), (1, false)] {
            let told = month.ask(&format!("/api/v1/energy/attribution?{span}&max_points={points}")).await;
            let total = &told["total"];
            near(&total["energy_kwh"], row["consumption_kwh"].as_f64().unwrap());
            near(&total["cost"], row["cost"].as_f64().unwrap());
            near(&total["covered"], row["covered"].as_f64().unwrap());
            near(&total["unattributed_kwh"], row["unattributed_kwh"].as_f64().unwrap());
            let (kettle, known) = (device(&told, "switch.kettle"), &row["devices"][0]);
            near(&kettle["energy_kwh"], known["energy_kwh"].as_f64().unwrap());
            near(&kettle["cost"], known["cost"].as_f64().unwrap());
            near(&kettle["hours_on"], 0.05);
            let sum: f64 = told["house"]["energy_kwh"].as_array().unwrap().iter().filter_map(Value::as_f64).sum();
            near(&sum.into(), row["consumption_kwh"].as_f64().unwrap());
            assert_eq!(told["meta"]["interval_s"].as_f64().unwrap() < 3600.0, is_fine, "{points}");
            if points == 300 {
                assert_eq!(told["at"].as_array().unwrap().len(), hours * 12);
            }
        }
    }
}

#[tokio::test]
async fn parts_of_a_day_cost_together_what_the_day_costs() {
    let month = Month::lived().await;
    let at = |clock: &str| format!("2026-03-28T{clock}Z");
    let ask = async |from: &str, to: &str| month.ask(&format!("/api/v1/energy/attribution?from={from}&to={to}")).await["total"].clone();
    let whole = ask(&at("06:00:00"), &at("12:00:00")).await;
    let parts = [
        ask(&at("06:00:00"), &at("09:07:13")).await,
        ask(&at("09:07:13"), &at("09:12:00")).await,
        ask(&at("09:12:00"), &at("12:00:00")).await,
    ];
    let sum = |key: &str| parts.iter().map(|part| part[key].as_f64().unwrap()).sum::<f64>();
    // Of less than a quarter of an hour the power tells the energy: 400 W, as the counter counts.
    near_within(&sum("energy_kwh").into(), whole["energy_kwh"].as_f64().unwrap(), 0.0003);
    near_within(&sum("cost").into(), whole["cost"].as_f64().unwrap(), 0.0003);
}

#[tokio::test]
async fn the_future_and_the_time_before_anything_was_known_are_null() {
    let (home, from_ms) = Home::attributed().await;
    for (points, minutes) in [(10, (-600, 0)), (300, (60 * 24, 60 * 48))] {
        let told = home.attribution(from_ms, minutes, &format!("max_points={points}")).await;
        let all_null = |column: &Value| column.as_array().unwrap().iter().all(Value::is_null);
        assert!(
            all_null(&told["house"]["mean_w"]) && all_null(&told["unattributed_w"]) && all_null(&told["house"]["energy_kwh"]),
            "{told}"
        );
        assert!(told["total"]["energy_kwh"].is_null() && told["total"]["max_at"].is_null() && told["total"]["covered"] == 0.0);
        assert!(!told["at"].as_array().unwrap().is_empty());
    }
    // All that can be asked for, and a moment.
    let told = home.ask("/api/v1/energy/attribution?from=-2208988800000&to=7258118400000&max_points=2000").await;
    assert_eq!((told.0, told.1["total"]["max_w"].as_f64()), (200, Some(1200.0)));
    let told = home.ask(&format!("/api/v1/energy/attribution?from={}&to={}", from_ms + 1, from_ms + 2)).await;
    assert_eq!((told.0, told.1["house"]["mean_w"].as_array().unwrap().len()), (200, 1));
}

#[tokio::test]
async fn an_empty_store_has_nothing_to_draw() {
    let (status, told) = Home::empty().ask("/api/v1/energy/attribution").await;
    assert_fits("/api/v1/energy/attribution", "get", status, &told);
    assert_eq!((status, &told["at"], &told["devices"]), (200, &json!([]), &json!([])));
    let columns = [&told["house"]["mean_w"], &told["house"]["energy_kwh"], &told["others_w"], &told["unattributed_w"]];
    assert!(columns.iter().all(|column| **column == json!([])) && told["total"]["energy_kwh"].is_null(), "{told}");
}
