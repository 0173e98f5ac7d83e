//! A month that was computed by hand.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use tower::ServiceExt;
use wattribute_domain::{
    DeviceProfile, EnergyPreferences, Home, HourEnergy, ProfileRecord, Quantity, Reading, Role, SeriesId, SeriesInfo, Tariffs, Verdict,
};
use wattribute_store::{Batch, Origin, Store, TariffsFrom};

use super::*;
use crate::Config;

const HOUR: i64 = 3_600_000;
/// 2026-03-01T00:00 in Berlin (UTC+1), ms.
const MARCH: i64 = 1_772_319_600_000;
/// 2026-04-01T00:00 in Berlin (UTC+2): 31 days less the hour that is skipped on the 29th.
const APRIL: i64 = MARCH + (31 * 24 - 1) * HOUR;

pub(in crate::routes) struct Month {
    store: Arc<dyn Store>,
    _folder: tempfile::TempDir,
}

impl Month {
    /// Import counter: 1 kWh in every hour of the clock from 00:00 UTC on, except that it stands still while nothing is used.
    ///
    /// - import: 0.4 kWh an hour all month: a reading each hour;
    /// - on the 10th at 00:00 local the counter begins at zero again (the meter was restarted);
    /// - on the 20th from 10:00 to 15:00 nobody listened, the counter went on;
    /// - export: 0.5 kWh an hour from 11:00 to 14:00 local every day up to the 28th, by a counter;
    /// - the kettle: 0.1 kWh in the hour from 06:00 UTC every day.
    pub async fn lived() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = wattribute_store::open(&format!("sqlite:{}/home.db", folder.path().display()), Origin::Home).unwrap();
        let series = |device: &str, quantity| SeriesInfo::new("home_assistant", device, quantity);
        let mut kettle = series("switch.kettle", Quantity::Level);
        kettle.mode("on");
        let house = SeriesInfo { role: Some(Role::WholeHouse), ..series("sensor.house_power", Quantity::PowerW) };
        let all =
            vec![house, series("sensor.import", Quantity::EnergyImportKwh), series("sensor.export", Quantity::EnergyExportKwh), kettle];
        let ids = store.describe(all).await.unwrap();
        let mut readings = Vec::new();
        let mut say = |id: usize, at_ms, value| readings.push(Reading { series: ids[id], at_ms, value });
        let (mut counter, mut given) = (1000.0, 50.0);
        for hour in 0..=(APRIL - MARCH) / HOUR {
            let at_ms = MARCH + hour * HOUR;
            let (day, of_day) = (hour / 24 + 1, hour % 24);
            if hour == 9 * 24 {
                // What was counted up to here was said just before.
                say(1, at_ms - 1, counter);
                counter = 0.0;
            }
            let is_deaf = day == 20 && (11..15).contains(&of_day);
            if day == 20 && of_day == 10 {
                say(1, at_ms, counter);
                say(1, at_ms + 1, f64::NAN);
            } else if !is_deaf {
                say(1, at_ms, counter);
            }
            say(2, at_ms, given);
            counter += 0.4;
            if day <= 28 && (11..14).contains(&of_day) {
                given += 0.5;
            }
        }
        say(0, MARCH, 400.0);
        say(3, MARCH, 0.0);
        for day in 0..31 {
            let six_ms = (MARCH + HOUR) / (24 * HOUR) * (24 * HOUR) + day * 24 * HOUR + 6 * HOUR;
            say(3, six_ms, 1.0);
            say(3, six_ms + 3 * 60_000, 0.0);
        }
        store.write(Batch { readings, ..Batch::default() }).await.unwrap();
        let one = |id: &str| vec![id.to_owned()];
        let home = Home {
            time_zone: Some("Europe/Berlin".to_owned()),
            currency: Some("EUR".to_owned()),
            energy_preferences: Some(EnergyPreferences {
                grid_import_energy: one("sensor.import"),
                grid_export_energy: one("sensor.export"),
                ..EnergyPreferences::default()
            }),
            ..Home::default()
        };
        store.put_documents(vec![("home".to_owned(), serde_json::to_string(&home).unwrap())]).await.unwrap();
        let hours: Vec<HourEnergy> = (0..31)
            .map(|day| HourEnergy {
                series: ids[3],
                hour_ms: (MARCH + HOUR) / (24 * HOUR) * (24 * HOUR) + day * 24 * HOUR + 6 * HOUR,
                energy_kwh: 0.1,
                estimated: false,
            })
            .collect();
        store.replace_energy(MARCH - HOUR, APRIL + 24 * HOUR, hours).await.unwrap();
        store.replace_profiles(vec![profile(ids[3])]).await.unwrap();
        let month = Month { store, _folder: folder };
        month.agree().await;
        month
    }

    /// Nothing but a counter of import, 0.4 kWh an hour from noon of the 20th on.
    async fn begun_on_the_20th() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = wattribute_store::open(&format!("sqlite:{}/home.db", folder.path().display()), Origin::Home).unwrap();
        let import = SeriesInfo::new("home_assistant", "sensor.import", Quantity::EnergyImportKwh);
        let series = store.describe(vec![SeriesInfo { role: Some(Role::WholeHouse), ..import }]).await.unwrap()[0];
        let first = (19 * 24 + 12)..=(APRIL - MARCH) / HOUR;
        let readings = first.map(|hour| Reading { series, at_ms: MARCH + hour * HOUR, value: 0.4 * hour as f64 }).collect();
        store.write(Batch { readings, ..Batch::default() }).await.unwrap();
        let home = Home { time_zone: Some("Europe/Berlin".to_owned()), ..Home::default() };
        store.put_documents(vec![("home".to_owned(), serde_json::to_string(&home).unwrap())]).await.unwrap();
        let month = Month { store, _folder: folder };
        month.agree().await;
        month
    }

    /// The sun gave 0.7 kWh an hour from 11:00 to 14:00 local on the first days.
    async fn shone_upon(&self) {
        let info = SeriesInfo::new("home_assistant", "sensor.sun", Quantity::EnergyImportKwh);
        let series = self.store.describe(vec![info]).await.unwrap()[0];
        let mut given = 0.0;
        let mut readings = Vec::new();
        for hour in 0..=4 * 24 {
            readings.push(Reading { series, at_ms: MARCH + hour * HOUR, value: given });
            given += if (11..14).contains(&(hour % 24)) { 0.7 } else { 0.0 };
        }
        self.store.write(Batch { readings, ..Batch::default() }).await.unwrap();
        let mut home = wattribute_store::home(&*self.store).await.unwrap();
        home.energy_preferences.as_mut().unwrap().solar_energy = vec!["sensor.sun".to_owned()];
        self.store.put_documents(vec![("home".to_owned(), serde_json::to_string(&home).unwrap())]).await.unwrap();
    }

    /// Until the 15th 0.30 by day and 0.20 from 22:00 to 06:00, 0.50 a day; from the 16th 0.40 and 0.25, 0.60 a day; export 0.08.
    async fn agree(&self) {
        let contract = |from: Option<&str>, day: f64, night: f64, standing: f64| {
            serde_json::json!({
                "name": "S", "from": from, "standing_charge_per_day": standing, "export_price_per_kwh": 0.08,
                "rates": [{"name": "night", "price_per_kwh": night, "from": "22:00", "to": "06:00"}, {"name": "day", "price_per_kwh": day}],
            })
        };
        let contracts = [contract(None, 0.30, 0.20, 0.50), contract(Some("2026-03-16"), 0.40, 0.25, 0.60)];
        let tariffs: Tariffs = serde_json::from_value(serde_json::json!({ "contracts": contracts })).unwrap();
        tariffs.check().unwrap();
        wattribute_store::set_tariffs(&*self.store, &tariffs, TariffsFrom::Api).await.unwrap();
    }

    pub async fn ask(&self, path: &str) -> Value {
        let api = Api::new(self.store.clone(), Config::default(), false);
        let app: axum::Router = crate::routes::router(api).split_for_parts().0;
        let response = app.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let json = serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap();
        assert_eq!(status, 200, "{path}: {json}");
        json
    }
}

fn profile(series: SeriesId) -> ProfileRecord {
    let profile = DeviceProfile {
        entity_id: "switch.kettle".to_owned(),
        name: "Kettle".to_owned(),
        power_w: Some(2000.0),
        power_low_w: Some(1990.0),
        power_high_w: Some(2010.0),
        energy_kwh: Some(3.1),
        energy_low_kwh: None,
        energy_high_kwh: None,
        cost: None,
        measured_energy_kwh: None,
        levels: vec![],
        events_used: 62,
        events_total: 62,
        times_on: 31,
        hours_on: 1.55,
        strength: 1.0,
        grouped_with: vec![],
        verdict: Verdict::Learned,
    };
    ProfileRecord { series, learned_at_ms: APRIL + 24 * HOUR, profile, usual_on_h: Some(0.05) }
}

fn near(value: &Value, expected: f64, slack: f64) {
    let number = value.as_f64().unwrap_or(f64::NAN);
    assert!((number - expected).abs() <= slack, "{value} is not {expected}");
}

const WH: f64 = 0.001;
const CENT: f64 = 0.005;

#[tokio::test]
async fn a_month_agrees_with_what_was_computed_by_hand() {
    let month = Month::lived().await;
    let answer = month.ask("/api/v1/energy/history?period=month&from=2026-03-01&to=2026-04-01").await;
    let row = &answer["history"][0];
    assert_eq!((answer["history"].as_array().unwrap().len(), row["is_partial"].as_bool()), (1, Some(false)));
    // 31 days of 24 hours less one: 743 h x 0.4 kWh = 297.2 kWh. The restart loses nothing: the last value was said just before it, and it
    // began at 0. The five hours without a listener are in the counter.
    near(&row["import_kwh"], 297.2, WH);
    // 28 days x 3 h x 0.5 kWh = 42 kWh.
    near(&row["export_kwh"], 42.0, WH);
    near(&row["consumption_kwh"], 297.2 - 42.0, WH);
    // 1st to 15th: 15 x 16 h x 0.4 x 0.30 = 28.80; 15 x 8 h x 0.4 x 0.20 = 9.60.
    // 16th to 31st: 16 x 16 h x 0.4 x 0.40 = 40.96; nights 16 x 8 h - 1 h = 127 h x 0.4 x 0.25 = 12.70. Together 92.06.
    near(&row["import_cost"], 92.06, CENT);
    // 42 x 0.08.
    near(&row["export_revenue"], 3.36, CENT);
    // 15 x 0.50 + 16 x 0.60.
    near(&row["standing_charge"], 17.10, CENT);
    near(&row["cost"], 92.06 + 17.10 - 3.36, CENT);
    let bands = row["bands"].as_array().unwrap();
    let band = |name: &str| bands.iter().find(|b| b["band"] == name).unwrap();
    // 31 x 16 h x 0.4 and 247 h x 0.4.
    near(&band("day")["energy_kwh"], 198.4, WH);
    near(&band("night")["energy_kwh"], 98.8, WH);
    assert_eq!(row["estimated"], true, "the counter says how much was used while nobody listened, not when");
}

#[tokio::test]
async fn days_have_as_many_hours_as_the_clock() {
    let month = Month::lived().await;
    let answer = month.ask("/api/v1/energy/history?period=day&from=2026-03-01&to=2026-04-01").await;
    let rows = answer["history"].as_array().unwrap();
    assert_eq!(rows.len(), 31);
    near(&rows[0]["import_kwh"], 24.0 * 0.4, WH);
    // The 29th has 23 hours, and its night is an hour shorter: 16 h x 0.4 x 0.40 + 7 h x 0.4 x 0.25 + 0.60.
    near(&rows[28]["import_kwh"], 23.0 * 0.4, WH);
    near(&rows[28]["cost"], 2.56 + 0.70 + 0.60, CENT);
    // The 10th, on which the counter began anew, and the 20th are whole days.
    near(&rows[9]["import_kwh"], 9.6, WH);
    near(&rows[19]["import_kwh"], 9.6, WH);
    let sum: f64 = rows.iter().map(|r| r["import_kwh"].as_f64().unwrap()).sum();
    near(&sum.into(), 297.2, WH);
    assert_eq!((rows[28]["from"].as_str(), rows[28]["to"].as_str()), (Some("2026-03-28T23:00:00.000Z"), Some("2026-03-29T22:00:00.000Z")));
}

#[tokio::test]
async fn hours_days_weeks_and_months_say_the_same() {
    let month = Month::lived().await;
    for period in ["hour", "day", "month"] {
        let answer = month.ask(&format!("/api/v1/energy/history?period={period}&from=2026-03-01&to=2026-04-01")).await;
        let sum = |key: &str| answer["history"].as_array().unwrap().iter().map(|r| r[key].as_f64().unwrap()).sum::<f64>();
        near(&sum("import_kwh").into(), 297.2, WH);
        near(&sum("import_cost").into(), 92.06, 743.0 * 0.00005);
        // Each is told to a hundredth of a cent.
        near(&sum("standing_charge").into(), 17.10, 743.0 * 0.00005);
    }
}

#[tokio::test]
async fn a_device_costs_what_its_hours_cost() {
    let month = Month::lived().await;
    let answer = month.ask("/api/v1/energy/history?period=month&from=2026-03-01&to=2026-04-01&device=switch.kettle").await;
    let row = &answer["history"][0];
    near(&row["consumption_kwh"], 3.1, WH);
    // 06:00 UTC is 07:00 local until the 28th and 08:00 after: by day. 15 x 0.1 x 0.30 + 16 x 0.1 x 0.40.
    near(&row["cost"], 0.45 + 0.64, CENT);
    assert!(row["import_kwh"].is_null() && row["standing_charge"].is_null());

    let page = month.ask("/api/v1/devices/switch.kettle?from=2026-03-01&to=2026-04-01").await;
    let runs = page["activations"].as_array().unwrap();
    assert_eq!((runs.len(), page["total"]["times_on"].as_u64()), (31, Some(31)));
    near(&page["total"]["energy_kwh"], 3.1, WH);
    near(&page["total"]["cost"], 1.09, CENT);
    near(&page["total"]["hours_on"], 31.0 * 0.05, 0.01);
    // The newest is of the new price, the oldest of the old.
    near(&runs[0]["cost"], 0.04, 0.0005);
    near(&runs[30]["cost"], 0.03, 0.0005);
    near(&runs[0]["duration_s"], 180.0, 0.1);
    let each: f64 = runs.iter().map(|r| r["energy_kwh"].as_f64().unwrap()).sum();
    near(&each.into(), 3.1, WH);
    near(&page["running_time"]["median_s"], 180.0, 0.1);
}

/// 2026-03-02, local.
const SECOND: &str = "/api/v1/energy/history?from=2026-03-02&to=2026-03-03&devices=true";

#[tokio::test]
async fn devices_share_a_day_with_what_nothing_explains() {
    let month = Month::lived().await;
    let answer = month.ask(SECOND).await;
    let row = &answer["history"][0];
    assert_eq!(row["devices"][0]["entity_id"], "switch.kettle");
    near(&row["devices"][0]["energy_kwh"], 0.1, WH);
    near(&row["unattributed_kwh"], 9.6 - 1.5 - 0.1, WH);
    // By day 16 x 0.4 - 1.5 kWh at 0.30 and at night 8 x 0.4 at 0.20 are 2.11, of which the kettle has 0.03.
    near(&row["unattributed_cost"], 2.08, CENT);
    assert!(row["self_use_saved"].is_null(), "nothing says what the sun gave");
}

#[tokio::test]
async fn devices_the_rest_and_what_the_sun_saved_are_the_bill_for_import() {
    let month = Month::lived().await;
    month.shone_upon().await;
    let answer = month.ask(SECOND).await;
    let row = &answer["history"][0];
    // The sun gave 2.1 kWh, of which 1.5 left the home: 0.6 kWh by day at 0.30.
    near(&row["self_use_kwh"], 0.6, WH);
    near(&row["self_use_saved"], 0.18, 0.0005);
    near(&row["import_cost"], 1.92 + 0.64, CENT);
    near(&row["unattributed_kwh"], 9.6 + 0.6 - 0.1, WH);
    near(&row["unattributed_cost"], 1.92 + 0.64 + 0.18 - 0.03, CENT);

    // What devices are thought to have used can be more than there was.
    let hour_ms = MARCH + 30 * HOUR;
    let kettle = month.store.profiles().await.unwrap()[0].series;
    let much = HourEnergy { series: kettle, hour_ms, energy_kwh: 20.0, estimated: false };
    month.store.replace_energy(hour_ms, hour_ms + HOUR, vec![much]).await.unwrap();
    let answer = month.ask(SECOND).await;
    let row = &answer["history"][0];
    assert_eq!((row["unattributed_kwh"].as_f64(), row["unattributed_cost"].as_f64()), (Some(0.0), Some(0.0)));
}

#[tokio::test]
async fn devices_together_are_told_as_each_alone() {
    let month = Month::lived().await;
    let kettle = month.store.profiles().await.unwrap()[0].series;
    // From 22:00 to 23:00 local on the 3rd, at night.
    let hour_ms = MARCH + (2 * 24 + 22) * HOUR;
    let hour = HourEnergy { series: kettle, hour_ms, energy_kwh: 0.2, estimated: true };
    month.store.replace_energy(hour_ms, hour_ms + HOUR, vec![hour]).await.unwrap();
    for period in ["hour", "day", "week", "month", "year"] {
        let span = format!("period={period}&from=2026-03-01&to=2026-04-01");
        let all = month.ask(&format!("/api/v1/energy/history?{span}&devices=true")).await;
        let alone = month.ask(&format!("/api/v1/energy/history?{span}&device=switch.kettle")).await;
        let alone: Vec<&Value> = alone["history"].as_array().unwrap().iter().filter(|r| r["consumption_kwh"] != 0.0).collect();
        let of_all: Vec<&Value> = all["history"].as_array().unwrap().iter().filter(|r| r["devices"] != serde_json::json!([])).collect();
        assert_eq!(of_all.len(), alone.len(), "{period}");
        for (all, alone) in of_all.into_iter().zip(alone) {
            let told = &all["devices"][0];
            let pairs = [(&all["from"], &alone["from"]), (&told["energy_kwh"], &alone["consumption_kwh"]), (&told["cost"], &alone["cost"])];
            assert!(pairs.iter().all(|(all, alone)| all == alone) && told["estimated"] == alone["estimated"], "{period}: {all} {alone}");
        }
    }
    let third = month.ask("/api/v1/energy/history?from=2026-03-03&to=2026-03-04&devices=true").await;
    let told = &third["history"][0]["devices"][0];
    near(&told["energy_kwh"], 0.3, WH);
    near(&told["cost"], 0.03 + 0.04, 0.0005);
    assert_eq!(told["estimated"], true);
}

#[tokio::test]
async fn energies_are_read_once_for_each_learning() {
    let month = Month::lived().await;
    let api = Api::new(month.store.clone(), Config::default(), false);
    let profiles = month.store.profiles().await.unwrap();
    let kettle = profiles[0].series;
    let now_ms = APRIL + 48 * HOUR;
    let of_march = async |profiles: &[ProfileRecord]| -> Value {
        let energies = api.books.energies(profiles, MARCH, APRIL, now_ms).await.unwrap();
        energies.used(MARCH, APRIL, None)[&kettle].kwh.into()
    };
    near(&of_march(&profiles).await, 3.1, WH);
    let hour_ms = MARCH + 30 * HOUR;
    let more = HourEnergy { series: kettle, hour_ms, energy_kwh: 0.4, estimated: false };
    month.store.replace_energy(hour_ms, hour_ms + HOUR, vec![more]).await.unwrap();
    near(&of_march(&profiles).await, 3.1, WH);
    let learned_anew = vec![ProfileRecord { learned_at_ms: now_ms, ..profiles[0].clone() }];
    near(&of_march(&learned_anew).await, 3.5, WH);
}

#[tokio::test]
async fn a_month_that_began_before_anything_was_known_is_the_sum_of_its_days() {
    let month = Month::begun_on_the_20th().await;
    let ask = async |period: &str| month.ask(&format!("/api/v1/energy/history?period={period}&from=2026-03-01&to=2026-04-01")).await;
    let (whole, days) = (ask("month").await, ask("day").await);
    let (row, days) = (&whole["history"][0], days["history"].as_array().unwrap());
    assert_eq!((whole["history"].as_array().unwrap().len(), days.len()), (1, 12));
    let sum = |key: &str| days.iter().map(|r| r[key].as_f64().unwrap()).sum::<f64>();
    // From noon of the 20th on there are 11 1/2 days less the hour that is skipped: 275 h x 0.4 kWh, of the month's 743 h.
    near(&row["import_kwh"], 110.0, WH);
    near(&row["covered"], 275.0 / 743.0, 0.0001);
    near(&days[0]["covered"], 0.5, 0.0001);
    near(&days[11]["covered"], 1.0, 0.0001);
    // A standing charge is told of the twelve days of which anything is.
    near(&row["standing_charge"], 12.0 * 0.60, CENT);
    near(&row["cost"], sum("cost"), 12.0 * 0.0001);
    near(&row["standing_charge"], sum("standing_charge"), 12.0 * 0.0001);
}

#[tokio::test]
async fn a_new_price_rewrites_nothing_that_was() {
    let month = Month::lived().await;
    let cost = |answer: &Value| answer["history"][0]["cost"].as_f64().unwrap();
    let path = "/api/v1/energy/history?period=day&from=2026-03-05&to=2026-03-06";
    let before = cost(&month.ask(path).await);
    let (mut tariffs, _) = wattribute_store::tariffs(&*month.store).await.unwrap().unwrap();
    let last = tariffs.contracts.last().unwrap().clone();
    tariffs.contracts.push(wattribute_domain::Contract { from: "2026-04-01".parse().ok(), standing_charge_per_day: 9.0, ..last });
    wattribute_store::set_tariffs(&*month.store, &tariffs, TariffsFrom::Api).await.unwrap();
    assert_eq!(cost(&month.ask(path).await), before);
}

#[tokio::test]
async fn what_is_said_late_counts() {
    let month = Month::lived().await;
    let api = Api::new(month.store.clone(), Config::default(), false);
    let day = (MARCH + 4 * 24 * HOUR, MARCH + 5 * 24 * HOUR);
    let (home, _) = api.books.home().await.unwrap();
    let flows = api.books.flows(&home).await.unwrap();
    let import = async |now_ms: i64| -> f64 {
        let quarters = api.books.quarters(&flows, day.0, day.1, now_ms).await.unwrap();
        quarters.import.iter().map(|q| q.kwh).sum()
    };
    let now_ms = APRIL + 24 * HOUR;
    near(&import(now_ms).await.into(), 9.6, WH);
    let id = flows.import[0].series();
    // At noon the counter had said 1 kWh more than was thought, and so it did from then on.
    let rows = month.store.readings(id, day.0 + 12 * HOUR, APRIL + HOUR).await.unwrap();
    let noon: Vec<Reading> = rows
        .at_ms
        .iter()
        .zip(&rows.value)
        .filter(|(at_ms, _)| **at_ms < MARCH + 9 * 24 * HOUR)
        .map(|(&at_ms, &value)| Reading { series: id, at_ms, value: value + 1.0 })
        .collect();
    month.store.write(Batch { readings: noon, ..Batch::default() }).await.unwrap();
    near(&import(now_ms + 120_000).await.into(), 10.6, WH);
}
