//! The engine learns the demo's home, which it knows nothing of.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may say so by unwrapping")]

use chrono_tz::Tz;
use wattribute_analysis::{Settings, analyze};
use wattribute_domain::{Answer, DeviceProfile, Entity, History, Home, Level, Quantity, Said, Sensor, SeriesInfo, Verdict};
use wattribute_meter::adapters::demo::{Config, Demo, HEARD, Truth, truth};
use wattribute_meter::adapters::{Adapter, Event};

/// Noon of a day in spring.
const NOW_MS: i64 = 1_774_440_000_000;
const DAYS: u32 = 30;

/// All that the demo says of its past.
async fn past(seed: u64) -> Vec<Event> {
    let mut demo = Demo::new(Config { seed, days: DAYS, ..Config::default() }, NOW_MS).with_clock(|| NOW_MS);
    let mut events = Vec::new();
    loop {
        events.extend(demo.next().await.unwrap());
        let Some(Event::Document { key, text }) = events.last() else { panic!("a batch ends with how far it goes") };
        assert_eq!(key, HEARD);
        if serde_json::from_str::<serde_json::Value>(text).unwrap()["until_ms"] == NOW_MS {
            return events;
        }
    }
}

fn history(events: Vec<Event>) -> History {
    let (mut infos, mut sensors, mut entities) = (Vec::<SeriesInfo>::new(), Vec::new(), Vec::new());
    let mut history = History::default();
    for event in events {
        match event {
            Event::Series { info, .. } => {
                sensors
                    .push(Sensor { unit: Some(if info.quantity == Quantity::PowerW { "W" } else { "kWh" }.to_owned()), ..sensor(&info) });
                let entity = Entity::new(&info.device);
                entities.push(Entity { name: info.name.clone(), device_id: info.device_id.clone(), modes: info.modes.clone(), ..entity });
                infos.push(info);
            }
            Event::Reading { key, at_ms, value } if infos[key as usize].quantity == Quantity::Level => {
                entities[key as usize].said.push(Said { at_ms, level: Level::of_number(value) });
            }
            Event::Reading { key, at_ms, value } => sensors[key as usize].readings.push(at_ms, value),
            Event::Document { key, text } if key == "home" => {
                let home: Home = serde_json::from_str(&text).unwrap();
                history.energy_preferences = home.energy_preferences;
                history.time_zone = home.time_zone;
            }
            _ => {}
        }
    }
    history.sensors = sensors.into_iter().filter(|s| !s.readings.is_empty()).collect();
    history.entities = entities.into_iter().filter(|e| !e.said.is_empty()).collect();
    history.normalise();
    history
}

fn sensor(info: &SeriesInfo) -> Sensor {
    Sensor {
        entity_id: info.device.clone(),
        name: info.name.clone(),
        device_id: info.device_id.clone(),
        device_class: info.device_class.clone(),
        state_class: info.state_class.clone(),
        ..Sensor::default()
    }
}

async fn learned(seed: u64) -> (Answer, Vec<Truth>) {
    let history = history(past(seed).await);
    let time_zone = Tz::Europe__Berlin;
    let settings = Settings { meter: None, meter_unit: None, price_per_kwh: None, currency: None, time_zone, from_ms: None, to_ms: None };
    let answer = analyze(history, &settings).unwrap().answer;
    (answer, truth(seed, time_zone, NOW_MS - i64::from(DAYS) * 86_400_000, NOW_MS))
}

#[tokio::test]
async fn the_demo_home_is_learned() {
    for seed in [1, 2] {
        let (answer, truth) = learned(seed).await;
        assert_eq!(answer.meter.entity_id, "sensor.grid_power + sensor.solar_power");
        let of = |id: &str| -> (&DeviceProfile, &Truth) {
            (answer.devices.iter().find(|d| d.entity_id == id).unwrap(), truth.iter().find(|t| t.entity_id == id).unwrap())
        };
        for (device, truth) in answer.devices.iter().map(|d| of(&d.entity_id)) {
            println!(
                "{seed} {:32} {:?} {:?} ({:?}..{:?}) W, really {:.1} W; {:?} kWh, really {:.1} kWh; {} events, grouped with {:?}",
                device.entity_id,
                device.verdict,
                device.power_w,
                device.power_low_w,
                device.power_high_w,
                truth.power_w,
                device.energy_kwh,
                truth.energy_kwh,
                device.events_total,
                device.grouped_with
            );
        }
    }
}
