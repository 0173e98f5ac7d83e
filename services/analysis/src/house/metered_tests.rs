use rstest::rstest;

use super::*;

const HOUR_MS: i64 = 3_600_000;

fn entity(id: &str, device: Option<&str>) -> Entity {
    Entity { device_id: device.map(str::to_owned), ..Entity::new(id) }
}

/// A reading an hour.
fn sensor(id: &str, unit: Option<&str>, device: Option<&str>, values: &[f64]) -> Sensor {
    Sensor {
        entity_id: id.to_owned(),
        unit: unit.map(str::to_owned),
        device_id: device.map(str::to_owned),
        readings: Series { at_ms: (0..values.len() as i64).map(|k| k * HOUR_MS).collect(), value: values.to_vec() },
        ..Sensor::default()
    }
}

fn house() -> House {
    House {
        power: Series::default(),
        label: "sensor.house_power".to_owned(),
        used: vec!["sensor.house_power".to_owned()],
        why: String::new(),
        candidates: Vec::new(),
        notes: Vec::new(),
        counter_resolution_kwh: None,
    }
}

/// `entity -> sensor` for each that is metered.
fn pairs(entities: Vec<Entity>, sensors: Vec<Sensor>) -> Vec<String> {
    let history = History { sensors, entities, ..History::default() };
    let found = metered(&history, &house());
    found.iter().map(|m| format!("{} -> {}", history.entities[m.entity].entity_id, m.sensor)).collect()
}

#[rstest]
#[case("switch.kettle", "sensor.kettle_power", Some("W"))]
#[case("light.kettle", "sensor.kettle_current_power", Some("kW"))]
#[case("switch.kettle", "sensor.kettle_active_power", Some("W"))]
#[case("switch.kettle", "sensor.kettle_electric_consumption_w", Some("W"))]
#[case("switch.kettle", "sensor.kettle_current_consumption", Some("W"))]
#[case("switch.kettle", "sensor.kettle_energy_power", Some("W"))]
#[case("switch.kettle", "sensor.kettle_energy", Some("kWh"))]
#[case("switch.kettle", "sensor.kettle_electric_consumption_kwh", Some("kWh"))]
#[case("switch.kettle", "sensor.kettle_total_energy", Some("Wh"))]
#[case("switch.kettle_2", "sensor.kettle_power_2", Some("W"))]
#[case("switch.kettle_switch", "sensor.kettle_power", Some("W"))]
#[case("switch.kettle", "sensor.kettle_plug_power", Some("W"))]
#[case("sensor.washer", "sensor.washer_power", Some("W"))]
#[case("switch.kettle", "sensor.kettle_power", None)]
#[case("switch.kettle", "sensor.kettle_energy", None)]
fn a_sensor_of_the_same_name_meters(#[case] entity_id: &str, #[case] sensor_id: &str, #[case] unit: Option<&str>) {
    let found = pairs(vec![entity(entity_id, None)], vec![sensor(sensor_id, unit, None, &[1.0, 2.0])]);
    assert_eq!(found, [format!("{entity_id} -> {sensor_id}")]);
}

#[rstest]
#[case::of_another_name("sensor.kettle_lid_power", Some("W"))]
#[case::of_another_quantity("sensor.kettle_power", Some("%"))]
#[case::of_apparent_power("sensor.kettle_power", Some("VA"))]
#[case::of_a_temperature("sensor.kettle_temperature", None)]
#[case::of_yesterday("sensor.kettle_energy_yesterday", Some("kWh"))]
#[case::of_the_house("sensor.house_power", Some("W"))]
fn a_sensor_does_not_meter(#[case] sensor_id: &str, #[case] unit: Option<&str>) {
    let entities = vec![entity("switch.kettle", Some("d")), entity("switch.house", None)];
    assert!(pairs(entities, vec![sensor(sensor_id, unit, None, &[1.0, 2.0])]).is_empty());
}

#[test]
fn a_sensor_of_the_same_device_meters() {
    let sensors = vec![sensor("sensor.shelly_1234_power", Some("W"), Some("d"), &[5.0])];
    assert_eq!(pairs(vec![entity("switch.boiler", Some("d"))], sensors.clone()), ["switch.boiler -> sensor.shelly_1234_power"]);
    assert!(pairs(vec![entity("switch.boiler", Some("e"))], sensors.clone()).is_empty());
    let with_led_and_alarm = vec![entity("binary_sensor.overload", Some("d")), entity("switch.boiler", Some("d"))];
    assert_eq!(pairs(with_led_and_alarm, sensors), ["switch.boiler -> sensor.shelly_1234_power"], "the alarm is no load");
}

#[test]
fn children_of_a_strip_are_told_by_name_and_left_out_otherwise() {
    let children = || vec![entity("switch.strip_1", Some("d")), entity("switch.strip_2", Some("d"))];
    let named =
        vec![sensor("sensor.strip_2_power", Some("W"), Some("d"), &[5.0]), sensor("sensor.strip_1_power", Some("W"), Some("d"), &[5.0])];
    assert_eq!(pairs(children(), named), ["switch.strip_1 -> sensor.strip_1_power", "switch.strip_2 -> sensor.strip_2_power"]);
    assert!(pairs(children(), vec![sensor("sensor.strip_power", Some("W"), Some("d"), &[5.0])]).is_empty());
}

#[test]
fn a_device_with_several_sensors_of_power_and_no_names_is_left_out() {
    let sensors = vec![sensor("sensor.outlet_a", Some("W"), Some("d"), &[5.0]), sensor("sensor.outlet_b", Some("W"), Some("d"), &[5.0])];
    assert!(pairs(vec![entity("switch.strip", Some("d"))], sensors).is_empty());
}

#[test]
fn of_entities_of_one_name_the_load_is_metered_and_equals_are_left_out() {
    let power = || vec![sensor("sensor.kettle_power", Some("W"), Some("d"), &[5.0])];
    let helper = vec![entity("input_boolean.kettle", None), entity("switch.kettle", None)];
    assert_eq!(pairs(helper, power()), ["switch.kettle -> sensor.kettle_power"]);
    assert!(pairs(vec![entity("light.kettle", None), entity("switch.kettle", None)], power()).is_empty());
    let told_by_device = vec![entity("light.kettle", Some("e")), entity("switch.kettle", Some("d"))];
    assert_eq!(pairs(told_by_device, power()), ["switch.kettle -> sensor.kettle_power"]);
}

#[test]
fn the_house_meters_own_device_meters_nothing_else() {
    let sensors = vec![
        sensor("sensor.house_power", Some("W"), Some("em"), &[500.0]),
        sensor("sensor.em_channel_2_power", Some("W"), Some("em"), &[50.0]),
    ];
    assert!(pairs(vec![entity("switch.contactor", Some("em"))], sensors).is_empty());
}

#[test]
fn power_is_in_watts_and_energy_is_counted_over_resets() {
    let mut daily = sensor("sensor.kettle_energy_today", Some("Wh"), None, &[0.0, 500.0, 900.0, 0.0, 300.0]);
    daily.state_class = Some("total_increasing".to_owned());
    let history = History {
        sensors: vec![sensor("sensor.kettle_power", Some("kW"), None, &[0.0, 2.0, f64::NAN, 9e9]), daily],
        entities: vec![entity("switch.kettle", None)],
        ..History::default()
    };
    let found = metered(&history, &house());
    let power = found[0].power.as_ref().unwrap();
    assert_eq!((found.len(), found[0].sensor.as_str(), &power.value[..2]), (1, "sensor.kettle_power", &[0.0, 2000.0][..]));
    assert!(power.value[2].is_nan() && power.len() == 3, "what no plug can draw is a gap");
    assert!((found[0].energy_kwh.unwrap() - 1.2).abs() < 1e-9);
}

#[test]
fn the_total_counts_before_the_day_and_a_mere_measurement_does_not() {
    let mut stored = sensor("sensor.kettle_energy", Some("kWh"), None, &[1.0, 9.0]);
    stored.state_class = Some("measurement".to_owned());
    let history = History {
        sensors: vec![
            sensor("sensor.kettle_energy_today", Some("kWh"), None, &[0.0, 1.0]),
            sensor("sensor.kettle_energy_total", Some("kWh"), None, &[70.0, 72.0]),
            stored,
        ],
        entities: vec![entity("switch.kettle", None)],
        ..History::default()
    };
    let found = metered(&history, &house());
    assert_eq!((found[0].sensor.as_str(), found[0].energy_kwh, found[0].power.is_none()), ("sensor.kettle_energy_total", Some(2.0), true));
}

#[test]
fn the_order_of_sensors_does_not_matter() {
    let mut history = History {
        sensors: vec![
            sensor("sensor.kettle_energy", Some("kWh"), None, &[0.0, 1.0]),
            sensor("sensor.kettle_power", Some("W"), None, &[70.0, 72.0]),
            sensor("sensor.kettle_current_power", Some("W"), None, &[71.0, 72.0]),
            sensor("sensor.lamp_watts", Some("W"), None, &[5.0]),
        ],
        entities: vec![entity("switch.kettle", None), entity("light.lamp", None)],
        ..History::default()
    };
    let before = metered(&history, &house());
    for _ in 0..3 {
        history.sensors.rotate_left(1);
        assert_eq!(metered(&history, &house()), before);
    }
    assert_eq!(before[0].sensor, "sensor.kettle_power");
}
