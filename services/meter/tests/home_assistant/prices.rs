//! Prices: of the Energy dashboard, of the unit, of tariffs, and in lists.

use std::sync::Arc;

use serde_json::{Value, json};
use wattribute_domain::{PricesAhead, Quantity};
use wattribute_meter::adapters::home_assistant::{HomeAssistant, TARIFFS};
use wattribute_store::{Origin, Store};

use crate::fake::{Fake, iso};
use crate::heard::Heard;
use crate::live::{adapter, now_ms};

const HOUR_MS: i64 = 3_600_000;

fn store() -> (tempfile::TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store = wattribute_store::open(&format!("sqlite:{}", folder.path().join("a.db").display()), Origin::Home).unwrap();
    (folder, store)
}

async fn name(store: &dyn Store, entity_id: &str) {
    let tariffs = json!({"contracts": [{"name": "dynamic", "entity": entity_id}]}).to_string();
    store.put_documents(vec![(TARIFFS.to_owned(), tariffs)]).await.unwrap();
}

/// Prices of the hours from two ago to two ahead, 10 to 14 ct; the present one is 12 ct.
fn list(start: &str, value: &str, now_ms: i64) -> Value {
    let hour_ms = now_ms / HOUR_MS * HOUR_MS;
    let row = |k: i64| json!({start: iso(hour_ms + (k - 2) * HOUR_MS), "end": iso(hour_ms + (k - 1) * HOUR_MS), value: 10 + k});
    (0..5).map(row).collect()
}

/// Hours relative to now and prices, in ct.
fn prices(heard: &Heard, entity_id: &str, now_ms: i64) -> Vec<(i64, i64)> {
    let hour_ms = now_ms / HOUR_MS * HOUR_MS;
    heard.of(entity_id).into_iter().map(|(at_ms, price)| ((at_ms - hour_ms).div_euclid(HOUR_MS), (price * 100.0).round() as i64)).collect()
}

#[tokio::test]
async fn a_price_and_its_list_become_a_series_without_a_future() {
    let fake = Fake::start().await;
    let now = now_ms();
    let attributes =
        json!({"unit_of_measurement": "ct/kWh", "device_class": "monetary", "raw_today": list("start", "value", now), "raw_tomorrow": []});
    fake.has("sensor.nordpool", "12", &attributes, now - 1_000);
    fake.has("sensor.co2", "300", &json!({"unit_of_measurement": "g/kWh"}), now);
    let (mut adapter, mut heard) = (adapter(&fake), Heard::default());
    heard.until(&mut adapter, |h| h.heard_ms().is_some()).await;
    assert_eq!(heard.series.len(), 1);
    assert_eq!(heard.series[&heard.key("sensor.nordpool").unwrap()].quantity, Quantity::PricePerKwh);
    heard.until(&mut adapter, |h| prices(h, "sensor.nordpool", now).len() >= 3).await;
    let found = prices(&heard, "sensor.nordpool", now);
    assert!([(-2, 10), (-1, 11), (0, 12)].iter().all(|p| found.contains(p)), "{found:?}");
    assert!(heard.of("sensor.nordpool").iter().all(|(at_ms, _)| *at_ms <= now_ms()), "{found:?}");
    let ahead: PricesAhead = serde_json::from_str(&heard.documents["prices_ahead:sensor.nordpool"]).unwrap();
    let ahead: Vec<i64> = ahead.prices.iter().map(|(_, price)| (price * 100.0).round() as i64).collect();
    assert_eq!(ahead, [12, 13, 14]);
}

#[tokio::test]
async fn what_a_tariff_names_is_read_though_it_is_excluded_and_its_state_is_no_price() {
    let (_folder, store) = store();
    let fake = Fake::start().await;
    let now = now_ms();
    let rates = "event.octopus_energy_electricity_1_2_current_day_rates";
    let pounds: Vec<Value> = list("start", "value_inc_vat", now).as_array().unwrap().clone();
    fake.has(rates, "2026-11-21T00:05:01.000+00:00", &json!({"rates": pounds, "event_types": ["x"]}), now - 1_000);
    fake.has("sensor.named_later", "0.2", &json!({}), now - 1_000);
    name(&*store, &rates.to_uppercase()).await;
    let config = wattribute_service::home_assistant::Config { exclude: vec!["event".to_owned()], ..fake.config() };
    let adapter = HomeAssistant::new(config, Vec::new(), None).unwrap().settle(std::time::Duration::ZERO);
    let mut adapter = adapter.ping_every(std::time::Duration::from_millis(50)).with_tariffs_of(store.clone());
    let mut heard = Heard::default();
    heard.until(&mut adapter, |h| h.key(rates).is_some_and(|_| h.of(rates).len() >= 3)).await;
    let found: Vec<f64> = heard.of(rates).into_iter().map(|(_, price)| price).collect();
    assert_eq!(found, [10.0, 11.0, 12.0], "pounds as they are, and no word on when it happened");
    assert_eq!(heard.key("sensor.named_later"), None);
}

#[tokio::test]
async fn a_tariff_that_changes_is_noticed_and_a_price_goes_on_while_the_sensor_is_unavailable() {
    let (_folder, store) = store();
    let fake = Fake::start().await;
    let now = now_ms();
    fake.has("sensor.price", "12", &json!({"unit_of_measurement": "ct", "today": list("startsAt", "total", now)}), now - 1_000);
    let adapter = HomeAssistant::new(fake.config(), Vec::new(), None).unwrap().settle(std::time::Duration::ZERO);
    let adapter = adapter.ping_every(std::time::Duration::from_millis(50)).tariffs_every(std::time::Duration::from_millis(50));
    let mut adapter = adapter.with_tariffs_of(store.clone());
    let mut heard = Heard::default();
    heard.until(&mut adapter, |h| h.heard_ms().is_some()).await;
    assert_eq!(heard.key("sensor.price"), None);
    name(&*store, "sensor.price").await;
    heard.until(&mut adapter, |h| h.key("sensor.price").is_some_and(|_| h.of("sensor.price").len() >= 3)).await;
    let t = now_ms();
    fake.says("sensor.price", "unavailable", &json!({}), t);
    heard.until(&mut adapter, |h| h.of("sensor.price").iter().any(|(at_ms, _)| *at_ms == t)).await;
    let last = heard.of("sensor.price").into_iter().find(|(at_ms, _)| *at_ms == t).unwrap();
    assert_eq!(last, (t, 12.0), "the list says what is in force");
}
