//! A Home Assistant that does not come back.

use std::time::Duration;

use wattribute_domain::{Quantity, SeriesInfo};
use wattribute_meter::adapters::home_assistant::HomeAssistant;
use wattribute_meter::adapters::{Adapter, AdapterError};
use wattribute_service::home_assistant::Config;

use crate::heard::Heard;

#[tokio::test]
async fn when_patience_ends_nothing_that_it_said_holds() {
    // A port at which nobody is.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let config = Config { url, token: Some("t".into()), ..Config::default() };
    let known = vec![SeriesInfo::new("home_assistant", "sensor.grid", Quantity::PowerW)];
    let mut adapter = HomeAssistant::new(config, known, Some(1_000_000)).unwrap().patience(Duration::from_millis(100));
    assert!(matches!(adapter.next().await, Err(AdapterError::Unreachable(_))));
    tokio::time::sleep(Duration::from_millis(110)).await;
    let mut heard = Heard::default();
    heard.take(adapter.next().await.unwrap());
    let rows = heard.of("sensor.grid");
    assert!(rows.len() == 1 && rows[0].0 == 1_000_000 && rows[0].1.is_nan(), "{rows:?}");
    assert!(!adapter.is_up());
    assert!(matches!(adapter.next().await, Err(AdapterError::Unreachable(_))));
}
