//! The engine learns the demo's home, which it knows nothing of.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may say so by unwrapping")]

#[path = "demo_learned/phantom_load.rs"]
mod phantom_load;
#[path = "demo_learned/unknown_loads.rs"]
mod unknown_loads;

use chrono_tz::Tz;
use wattribute_analysis::{Settings, analyze};
use wattribute_domain::{Answer, DeviceProfile, Entity, History, Home, Level, Quantity, Said, Sensor, SeriesInfo, Verdict};
use wattribute_meter::adapters::demo::{Config, Demo, HEARD, Truth, truth};
use wattribute_meter::adapters::{Adapter, Event};

/// Noon of a day in spring.
const SPRING_MS: i64 = 1_774_440_000_000;
/// A morning in November.
const AUTUMN_MS: i64 = 1_795_255_200_000;
const DAYS: u32 = 30;

/// All that the demo says of its past.
async fn past(seed: u64, now_ms: i64) -> Vec<Event> {
    let mut demo = Demo::new(Config { seed, days: DAYS, ..Config::default() }, now_ms).with_clock(move || now_ms);
    let mut events = Vec::new();
    loop {
        events.extend(demo.next().await.unwrap());
        let Some(Event::Document { key, text }) = events.last() else { panic!("a batch ends with how far it goes") };
        assert_eq!(key, HEARD);
        // The last whole hour: what begins now has nothing to say yet.
        if serde_json::from_str::<serde_json::Value>(text).unwrap()["until_ms"].as_i64() >= Some(now_ms - 1) {
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

async fn learned(seed: u64, now_ms: i64) -> (Answer, Vec<Truth>) {
    let history = history(past(seed, now_ms).await);
    let time_zone = Tz::Europe__Berlin;
    let settings = Settings {
        meter: None,
        meter_unit: None,
        price_per_kwh: None,
        currency: None,
        time_zone,
        from_ms: None,
        to_ms: None,
        owner: Default::default(),
    };
    let answer = analyze(history, &settings).unwrap().answer;
    (answer, truth(seed, time_zone, now_ms - i64::from(DAYS) * 86_400_000, now_ms))
}

/// What is learned of the home of one seed, told so that a failure shows all of it.
fn told(answer: &Answer, truth: &[Truth]) -> String {
    let line = |device: &DeviceProfile| {
        let truth = truth.iter().find(|t| t.entity_id == device.entity_id).unwrap();
        format!(
            "{:28} {:?} {:?} W, really {:.1} W; {:?} kWh (measured {:?}), really {:.2} kWh",
            device.entity_id,
            device.verdict,
            device.power_w,
            truth.power_w,
            device.energy_kwh,
            device.measured_energy_kwh,
            truth.energy_kwh
        )
    };
    answer.devices.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[rstest::rstest]
#[case(1, SPRING_MS)]
#[case(1, AUTUMN_MS)]
#[case(2, SPRING_MS)]
#[tokio::test]
async fn the_demo_home_is_learned(#[case] seed: u64, #[case] now_ms: i64) {
    let (answer, truth) = learned(seed, now_ms).await;
    let told = told(&answer, &truth);
    let of = |id: &str| -> (&DeviceProfile, &Truth) {
        (answer.devices.iter().find(|d| d.entity_id == id).unwrap(), truth.iter().find(|t| t.entity_id == id).unwrap())
    };
    assert_eq!(answer.meter.entity_id, "sensor.grid_power + sensor.solar_power");

    let learned = ["switch.kettle", "switch.towel_heater", "light.workshop", "light.living_room", "light.kitchen"];
    for (device, truth) in learned.into_iter().map(of) {
        let off_w = device.power_w.map(|w| (w - truth.power_w).abs());
        let is_close = off_w.is_some_and(|off_w| off_w < f64::max(2.0, 0.02 * truth.power_w));
        assert!(is_close && device.verdict == Verdict::Learned, "{}\n{told}", device.entity_id);
    }
    for (lamp, truth) in answer.devices.iter().filter(|d| d.entity_id.starts_with("light.")).map(|d| of(&d.entity_id)) {
        assert!(lamp.power_w.is_none_or(|w| (w - truth.power_w).abs() < 2.0), "{}\n{told}", lamp.entity_id);
    }
    for level in &of("light.living_room").0.levels {
        let (fraction, power_w) = (level.fraction.unwrap(), level.power_w.unwrap());
        let really_w = 1.5 + 38.5 * fraction.powf(1.3);
        assert!((power_w - really_w).abs() < 4.0, "dimmed to {fraction} it draws {really_w} W, not {power_w}");
    }

    for id in ["switch.guest_room_plug", "input_boolean.movie_mode"] {
        assert!(of(id).0.power_w.is_none_or(|w| w < 2.0) && of(id).0.verdict != Verdict::Learned, "{id} has a load\n{told}");
    }
    let (amplifier, _) = of("switch.amplifier");
    assert_eq!(amplifier.grouped_with, ["switch.subwoofer"], "{told}");
    assert!((amplifier.power_w.unwrap() - 55.0).abs() < 3.0, "the group's sum\n{told}");
    let grouped = answer.devices.iter().filter(|d| d.verdict == Verdict::Grouped).count();
    assert_eq!(grouped, 2, "nothing else hangs on one switch\n{told}");

    let (dishwasher, truth_of_dishwasher) = of("switch.dishwasher");
    let measured_kwh = dishwasher.measured_energy_kwh.unwrap();
    assert!((measured_kwh / truth_of_dishwasher.energy_kwh - 1.0).abs() < 0.03, "the dishwasher's own meter\n{told}");
    for id in ["climate.heat_pump", "binary_sensor.oven", "binary_sensor.washing_machine"] {
        let (device, truth) = of(id);
        let energy_kwh = device.energy_kwh.unwrap();
        assert!((energy_kwh / truth.energy_kwh - 1.0).abs() < 0.15, "{id} used {energy_kwh} kWh\n{told}");
    }
}
