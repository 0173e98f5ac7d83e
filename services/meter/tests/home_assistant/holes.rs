//! What was not heard is fetched, and what cannot be fetched stays a gap.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use wattribute_domain::{Quantity, SeriesInfo};
use wattribute_meter::adapters::home_assistant::HomeAssistant;

use crate::fake::{Fake, Push};
use crate::heard::Heard;
use crate::live::{adapter, now_ms, watts};

const HOUR_MS: i64 = 3_600_000;

#[tokio::test]
async fn the_first_start_fetches_ten_days_without_repeats() {
    let mut fake = Fake::start().await;
    let now = now_ms();
    // Home Assistant has been running for long.
    fake.has("zone.home", "1", &json!({}), now - 400 * HOUR_MS);
    let wanted: Vec<(i64, f64)> = (0..300).map(|k| (now - (300 - k) * HOUR_MS, f64::from(100 + (k % 7) as i32))).collect();
    for (at_ms, watt) in &wanted {
        fake.has("sensor.grid", &watt.to_string(), &watts(), *at_ms);
    }
    fake.has("climate.heat_pump", "heat", &json!({"hvac_action": "idle"}), now - 9 * HOUR_MS);
    fake.has("climate.heat_pump", "heat", &json!({"hvac_action": "heating"}), now - 5 * HOUR_MS);
    let (mut adapter, mut heard) = (adapter(&fake), Heard::default());
    // Live events do not wait for the past.
    let live = tokio::spawn(async move {
        fake.is_listened_to().await;
        fake.says("sensor.grid", "777", &watts(), now_ms());
    });
    heard.until(&mut adapter, |h| h.heard_ms() >= Some(now) && h.of("sensor.grid").iter().any(|r| r.1 == 777.0)).await;
    live.await.unwrap();
    let got: Vec<_> = heard.of("sensor.grid").into_iter().filter(|r| r.1 != 777.0).collect();
    // 10 days are 240 h: what held at their start, and all since.
    let start = now - 240 * HOUR_MS;
    let since: Vec<_> = wanted.iter().copied().filter(|r| r.0 > start + HOUR_MS).collect();
    let odd = |a: &[(i64, f64)], b: &[(i64, f64)]| -> Vec<_> { a.iter().filter(|r| !b.contains(r)).copied().collect() };
    assert!(got.ends_with(&since), "more {:?}, less {:?}, now {now}", odd(&got, &since), odd(&since, &got));
    assert!(got.len() - since.len() <= 2 && got[0].0 >= start, "{:?}", &got[..3]);
    let climate = heard.of("climate.heat_pump");
    assert_eq!(climate, [(now - 9 * HOUR_MS, 0.0), (now - 5 * HOUR_MS, 1.0)]);
}

#[tokio::test]
async fn a_hole_is_filled_once_and_what_was_known_stays() {
    let mut fake = Fake::start().await;
    let t = now_ms() - 60_000;
    fake.has("sensor.grid", "100", &watts(), t);
    fake.has("switch.kettle", "off", &json!({}), t);
    let (mut adapter, mut heard) = (adapter(&fake), Heard::default());
    heard.until(&mut adapter, |h| h.heard_ms() >= Some(t + 60_000)).await;
    fake.says("sensor.grid", "110", &watts(), t + 59_000);
    heard.until(&mut adapter, |h| h.of("sensor.grid").len() == 2).await;

    // While nobody listens, the kettle is switched on; the sensor says the same value at its restart.
    let _ = fake.push.send(Push::Close);
    fake.listeners.wait_for(|n| *n == 0).await.unwrap();
    let away = now_ms();
    fake.has("switch.kettle", "on", &json!({}), away);
    fake.has("sensor.grid", "2110", &watts(), away + 1);
    fake.has("sensor.grid", "2110", &watts(), away + 2);
    heard.until(&mut adapter, |h| h.heard_ms() >= Some(away + 2)).await;
    assert_eq!(heard.of("sensor.grid")[..3], [(t, 100.0), (t + 59_000, 110.0), (away + 1, 2110.0)]);
    assert_eq!(heard.of("switch.kettle"), [(t, 0.0), (away, 1.0)]);
    assert!(heard.readings.values().all(|value| !value.is_nan()));
}

#[tokio::test]
async fn a_connection_that_breaks_while_the_past_is_fetched_is_no_loss() {
    let fake = Fake::start().await;
    let now = now_ms();
    fake.has("zone.home", "1", &json!({}), now - 400 * HOUR_MS);
    let wanted: Vec<(i64, f64)> = (0..2_000).map(|k| (now - (2_000 - k) * 400_000, (100 + k % 13) as f64)).collect();
    for (at_ms, watt) in &wanted {
        fake.has("sensor.grid", &watt.to_string(), &watts(), *at_ms);
    }
    let (mut adapter, mut heard) = (adapter(&fake), Heard::default());
    let mut breaks = 0;
    // Whenever three slices more are there, the connection breaks.
    heard
        .until(&mut adapter, |h| {
            if breaks < 5 && h.heard_ms() > Some(now - (220 - 20 * breaks) * HOUR_MS) {
                breaks += 1;
                let _ = fake.push.send(Push::Close);
            }
            h.heard_ms() >= Some(now)
        })
        .await;
    assert_eq!(breaks, 5);
    assert!(fake.home.lock().unwrap().tries > 3);
    let since: Vec<_> = wanted.into_iter().filter(|r| r.0 > now - 222 * HOUR_MS).collect();
    let got: Vec<_> = heard.of("sensor.grid").into_iter().filter(|r| r.0 > now - 222 * HOUR_MS).collect();
    assert_eq!(got, since);
}

#[tokio::test]
async fn a_restart_of_ours_goes_on_where_it_was() {
    let fake = Fake::start().await;
    let now = now_ms();
    for k in 0..100 {
        fake.has("sensor.grid", &(100 + k).to_string(), &watts(), now - (100 - k) * 60_000);
    }
    let mut known = SeriesInfo::new("home_assistant", "climate.heat_pump", Quantity::Level);
    known.modes = vec!["off".to_owned(), "cooling".to_owned()];
    fake.has("climate.heat_pump", "heat", &json!({"hvac_action": "heating"}), now - 90_000);
    let grid = SeriesInfo::new("home_assistant", "sensor.grid", Quantity::PowerW);
    let heard_ms = now - 30 * 60_000;
    let mut adapter = HomeAssistant::new(fake.config(), vec![known, grid], Some(heard_ms)).unwrap().settle(Duration::ZERO);
    let mut heard = Heard::default();
    heard.until(&mut adapter, |h| h.heard_ms() >= Some(now)).await;
    let first = heard.of("sensor.grid")[0].0;
    assert!(first >= heard_ms - 5_000 && first <= heard_ms, "{}", first - heard_ms);
    assert_eq!(heard.of("sensor.grid").iter().filter(|r| r.0 > heard_ms).count(), 29);
    // The modes that the store knows keep their numbers.
    assert_eq!(heard.of("climate.heat_pump"), [(now - 90_000, 2.0)]);
}

#[tokio::test]
async fn what_history_does_not_know_is_a_gap() {
    let mut fake = Fake::start().await;
    let t = now_ms() - 60_000;
    fake.has("sensor.grid", "100", &watts(), t);
    fake.has("sensor.still", "5", &watts(), t);
    let (mut adapter, mut heard) = (adapter(&fake), Heard::default());
    heard.until(&mut adapter, |h| h.heard_ms() >= Some(t + 60_000)).await;
    let _ = fake.push.send(Push::Close);
    fake.listeners.wait_for(|n| *n == 0).await.unwrap();
    let away = now_ms() + 10;
    fake.has("sensor.grid", "300", &watts(), away);
    fake.home.lock().unwrap().history.clear();
    let before = heard.heard_ms().unwrap();
    heard.until(&mut adapter, |h| h.heard_ms() >= Some(away)).await;
    let grid = heard.of("sensor.grid");
    assert_eq!((grid[0], grid[2], grid.len()), ((t, 100.0), (away, 300.0), 3), "{grid:?}");
    assert!(grid[1].1.is_nan() && (grid[1].0 - before).abs() <= 1, "{grid:?} {before}");
    // One that has said nothing since before the hole held its value throughout.
    assert_eq!(heard.of("sensor.still"), [(t, 5.0)]);
}

/// History is asked for in slices of six hours: one outage may lie over where two meet, whatever the time of the day.
#[rstest]
#[case(|now| now - 3 * HOUR_MS)]
#[case(|now| now / (6 * HOUR_MS) * (6 * HOUR_MS) - HOUR_MS)]
#[tokio::test]
async fn while_home_assistant_itself_was_down_nothing_was_measured(#[case] down: fn(i64) -> i64) {
    let fake = Fake::start().await;
    let now = now_ms();
    let (down, up) = (down(now), now - 1_000);
    fake.has("sensor.grid", "100", &watts(), down - 1_000);
    fake.has("sensor.grid", "120", &watts(), up);
    let grid = SeriesInfo::new("home_assistant", "sensor.grid", Quantity::PowerW);
    let mut adapter = HomeAssistant::new(fake.config(), vec![grid], Some(down)).unwrap().settle(Duration::ZERO);
    let mut heard = Heard::default();
    heard.until(&mut adapter, |h| h.heard_ms() >= Some(now)).await;
    let rows = heard.of("sensor.grid");
    assert!(rows.iter().any(|(at_ms, value)| value.is_nan() && (down..down + 2_000).contains(at_ms)), "{rows:?}");
    assert_eq!(rows.last(), Some(&(up, 120.0)));
}
