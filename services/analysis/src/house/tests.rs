use proptest::prelude::*;
use rstest::rstest;
use wattribute_domain::{EnergyPreferences, Entity};

use super::*;

const MINUTE_MS: i64 = 60_000;
const GAP: f64 = f64::NAN;

/// A reading a minute.
fn sensor(id: &str, unit: Option<&str>, values: &[f64]) -> Sensor {
    Sensor {
        entity_id: id.to_owned(),
        unit: unit.map(str::to_owned),
        readings: Series { at_ms: (0..values.len() as i64).map(|k| k * MINUTE_MS).collect(), value: values.to_vec() },
        ..Sensor::default()
    }
}

fn history(sensors: Vec<Sensor>) -> History {
    History { sensors, ..History::default() }
}

fn error(mut history: History, meter: Option<&str>, unit: Option<&str>) -> String {
    find(&mut history, meter, unit).unwrap_err().to_string()
}

/// A day of a house with base load, fridge, kettle and lamp, a reading a minute: the house, then the devices.
fn day() -> Vec<(&'static str, Vec<f64>)> {
    let minutes = 1440;
    let fridge: Vec<f64> = (0..minutes).map(|k| if k % 50 < 20 { 95.0 } else { 0.0 }).collect();
    let kettle: Vec<f64> = (0..minutes).map(|k| if k % 333 < 4 { 2000.0 } else { 0.0 }).collect();
    let lamp: Vec<f64> = (0..minutes).map(|k| if k > 1080 { 40.0 } else { 0.0 }).collect();
    let house = (0..minutes).map(|k| 120.0 + (k % 7) as f64 + fridge[k] + kettle[k] + lamp[k]).collect();
    vec![("house", house), ("fridge", fridge), ("kettle", kettle), ("lamp", lamp)]
}

/// [`day`] with the house's sensor under another name.
fn home(meter: &str) -> History {
    let name = |name: &str| if name == "house" { meter.to_owned() } else { format!("sensor.{name}_power") };
    history(day().into_iter().map(|(id, values)| sensor(&name(id), Some("W"), &values)).collect())
}

#[test]
fn the_meter_that_is_named_is_taken_in_watts_without_a_copy() {
    let mut given = history(vec![sensor("sensor.other", Some("W"), &[1.0]), sensor("sensor.mains", Some("kW"), &[0.5, -0.25, GAP, 1.0])]);
    let before = given.sensors[1].readings.value.as_ptr();
    let house = find(&mut given, Some(" sensor.mains "), None).unwrap();
    assert_eq!((house.label.as_str(), &house.power.value[..2]), ("sensor.mains", &[500.0, -250.0][..]));
    assert!(house.power.value[2].is_nan());
    assert_eq!((house.used, house.notes.len(), house.counter_resolution_kwh), (vec!["sensor.mains".to_owned()], 0, None));
    assert_eq!(house.power.value.as_ptr(), before);
    assert!(given.sensors[1].readings.is_empty());
}

#[test]
fn an_expression_is_evaluated_in_watts() {
    let sensors = vec![
        sensor("sensor.import", Some("kW"), &[0.5, 0.0]),
        sensor("sensor.export", Some("W"), &[0.0, 300.0]),
        sensor("sensor.pv", Some("W"), &[100.0, 900.0]),
    ];
    let house = find(&mut history(sensors), Some("sensor.import-sensor.export+sensor.pv"), None).unwrap();
    assert_eq!(house.label, "sensor.import - sensor.export + sensor.pv");
    assert_eq!(house.power.value, [600.0]);
    assert_eq!(house.used, ["sensor.import", "sensor.export", "sensor.pv"]);
}

#[rstest]
#[case(
    "sensor.hose_power",
    "--meter sensor.hose_power: there is no sensor sensor.hose_power in the history; did you mean sensor.house_power?; power sensors: sensor.house_power, sensor.kettle_power"
)]
#[case(
    "switch.oven",
    "--meter switch.oven: switch.oven is not a sensor of power or energy; power sensors: sensor.house_power, sensor.kettle_power"
)]
#[case(
    "sensor.outdoor",
    "--meter sensor.outdoor: sensor.outdoor is in °C, which is neither power nor energy; power sensors: sensor.house_power, sensor.kettle_power"
)]
#[case(
    "sensor.kettle_power",
    "--meter sensor.kettle_power: sensor.kettle_power never said a number; power sensors: sensor.house_power, sensor.kettle_power"
)]
#[case("sensor.house_power +", "--meter sensor.house_power +: at character 21: expected an entity id, a number or (, found the end")]
#[case(
    "house_power",
    "--meter house_power: at character 1: expected an entity id such as sensor.house_power, found `house_power`; did you mean sensor.house_power?"
)]
#[case("1000", "--meter 1000: there is no entity id in it")]
fn a_meter_that_cannot_be_used_is_an_error(#[case] meter: &str, #[case] said: &str) {
    let mut given = history(vec![
        sensor("sensor.kettle_power", Some("W"), &[GAP]),
        sensor("sensor.house_power", Some("W"), &[1.0]),
        sensor("sensor.outdoor", Some("°C"), &[1.0]),
    ]);
    given.entities.push(Entity::new("switch.oven"));
    assert_eq!(error(given, Some(meter), None), said);
}

#[test]
fn a_unit_that_is_none_is_an_error() {
    let given = history(vec![sensor("sensor.house_power", None, &[1.0])]);
    assert_eq!(error(given, None, Some("A")), "--meter-unit A: not a unit of power or energy, such as W, kW, Wh or kWh");
}

#[rstest]
#[case::given(Some("mW"), "sensor.house_power", 0.0005)]
#[case::inferred(None, "sensor.house_power", 500.0)]
#[case::given_by_the_expression(None, "sensor.house_power * 1000", 500.0)]
fn a_missing_unit_is_given_or_inferred(#[case] unit: Option<&str>, #[case] meter: &str, #[case] first_w: f64) {
    let mut given = history(vec![sensor("sensor.house_power", None, &[0.5, 0.75, 2.25])]);
    let house = find(&mut given, Some(meter), unit).unwrap();
    assert!((house.power.value[0] - first_w).abs() < 1e-9);
    assert_eq!(house.notes.len(), usize::from(unit.is_none()), "{:?}", house.notes);
}

#[test]
fn insane_readings_are_gaps_and_said() {
    let house = find(&mut history(vec![sensor("sensor.house_power", Some("W"), &[300.0, 1e12, 310.0])]), None, None).unwrap();
    assert!(house.power.value[1].is_nan());
    assert_eq!(house.notes, ["1 readings of sensor.house_power lie beyond 1 MW and are taken for gaps"]);
    let all = history(vec![sensor("sensor.house_power", Some("GW"), &[300.0, 1e12])]);
    assert!(error(all, Some("sensor.house_power"), None).contains("beyond 1 MW: is its unit right?"));
}

#[test]
fn sensors_that_never_speak_together_are_an_error() {
    let given = history(vec![sensor("sensor.a", Some("W"), &[1.0, GAP]), sensor("sensor.b", Some("W"), &[GAP, 1.0])]);
    assert!(error(given, Some("sensor.a + sensor.b"), None).starts_with("sensor.a + sensor.b: there is no time at which it says a power"));
}

#[test]
fn the_power_of_the_energy_dashboard_is_grid_and_sun_and_battery() {
    let mut given = home("sensor.total_power");
    given.sensors.extend([
        sensor("sensor.grid", Some("W"), &[500.0, -200.0]),
        sensor("sensor.roof", Some("kW"), &[0.1, 1.0]),
        sensor("sensor.store", Some("W"), &[50.0, -300.0]),
    ]);
    given.energy_preferences = Some(EnergyPreferences {
        grid_power: vec!["sensor.grid".into()],
        solar_power: vec!["sensor.roof".into(), "sensor.gone".into()],
        battery_power: vec!["sensor.store".into()],
        ..EnergyPreferences::default()
    });
    let house = find(&mut given, None, None).unwrap();
    assert_eq!(house.label, "sensor.grid + sensor.roof + sensor.store");
    assert_eq!(house.power.value, [650.0, 500.0], "a battery counts positive while it discharges");
    assert!(house.why.contains("Energy dashboard") && house.notes.iter().any(|n| n.contains("sensor.gone")), "{house:?}");
}

#[test]
fn a_sun_that_sleeps_at_night_does_not_take_the_house_with_it() {
    let mut given =
        history(vec![sensor("sensor.grid", Some("W"), &[500.0, 501.0, 502.0]), sensor("sensor.roof", Some("W"), &[100.0, GAP])]);
    let told = EnergyPreferences {
        grid_power: vec!["sensor.grid".into()],
        solar_power: vec!["sensor.roof".into()],
        ..EnergyPreferences::default()
    };
    given.energy_preferences = Some(told);
    let house = find(&mut given, None, None).unwrap();
    assert_eq!(house.label, "sensor.grid");
    assert_eq!(house.notes, ["sensor.roof is left out of the house's power: it is silent for 50 % of the time"]);
}

#[test]
fn a_sun_without_a_grid_is_no_house() {
    let mut given =
        history(vec![sensor("sensor.roof", Some("W"), &[100.0, 90.0]), sensor("sensor.home_power", Some("W"), &[300.0, 310.0])]);
    given.energy_preferences = Some(EnergyPreferences { solar_power: vec!["sensor.roof".into()], ..EnergyPreferences::default() });
    assert_eq!(find(&mut given, None, None).unwrap().label, "sensor.home_power");
}

/// A counter of `watts` over `minutes`, in kWh.
fn counter(id: &str, start_kwh: f64, watts: &[f64]) -> Sensor {
    let mut kwh = start_kwh;
    let values: Vec<f64> = watts
        .iter()
        .map(|w| {
            kwh += w / 60_000.0;
            (kwh * 1000.0).round() / 1000.0
        })
        .collect();
    Sensor { state_class: Some("total_increasing".to_owned()), ..sensor(id, Some("kWh"), &values) }
}

#[test]
fn a_power_sensor_that_agrees_with_the_dashboards_counters_goes_first() {
    let mut given = home("sensor.something");
    given.sensors.push(counter("sensor.e_in", 4000.0, &day()[0].1));
    given.energy_preferences = Some(EnergyPreferences { grid_import_energy: vec!["sensor.e_in".into()], ..EnergyPreferences::default() });
    let house = find(&mut given, None, None).unwrap();
    assert_eq!((house.label.as_str(), house.counter_resolution_kwh), ("sensor.something", None));
    assert!(house.why.contains("agrees"), "{}", house.why);
}

#[test]
fn the_dashboards_counters_serve_where_no_power_agrees() {
    let kettle = day().remove(2).1;
    let mut given = history(vec![
        sensor("sensor.boiler_power", Some("W"), &kettle),
        counter("sensor.e_in", 4000.0, &[600.0; 120]),
        counter("sensor.e_out", 100.0, &[0.0; 120]),
    ]);
    given.energy_preferences = Some(EnergyPreferences {
        grid_import_energy: vec!["sensor.e_in".into()],
        grid_export_energy: vec!["sensor.e_out".into()],
        ..EnergyPreferences::default()
    });
    let house = find(&mut given, None, None).unwrap();
    assert_eq!(house.label, "sensor.e_in - sensor.e_out");
    assert!((house.power.value[10] - 600.0).abs() < 70.0);
    assert!(house.counter_resolution_kwh.is_some());
}

#[rstest]
#[case(&["sensor.grid_power", "sensor.power_total", "sensor.home_power"], "sensor.power_total")]
#[case(&["sensor.grid_power", "sensor.house_power"], "sensor.house_power")]
#[case(&["sensor.grid_power"], "sensor.grid_power")]
fn the_first_of_the_usual_names_is_taken(#[case] ids: &[&str], #[case] taken: &str) {
    let house = find(&mut history(ids.iter().map(|id| sensor(id, Some("W"), &[1.0, 2.0])).collect()), None, None).unwrap();
    assert_eq!(house.label, taken);
    assert!(house.why.contains("usual"));
    assert_eq!(house.candidates.len(), ids.len() - 1);
}

#[test]
fn a_usual_name_without_readings_or_with_another_unit_is_passed_over() {
    let sensors = vec![
        sensor("sensor.total_power", Some("%"), &[1.0, 2.0]),
        sensor("sensor.power_total", Some("W"), &[GAP, GAP]),
        sensor("sensor.home_power", Some("W"), &[100.0, 200.0]),
    ];
    assert_eq!(find(&mut history(sensors), None, None).unwrap().label, "sensor.home_power");
}

#[test]
fn a_meter_that_goes_negative_beside_a_sun_is_explained() {
    let sensors = vec![sensor("sensor.grid_power", Some("W"), &[100.0, -200.0]), sensor("sensor.pv_power", Some("W"), &[100.0, 200.0])];
    let house = find(&mut history(sensors), None, None).unwrap();
    assert_eq!(house.power.value, [100.0, -200.0]);
    assert!(house.notes[0].contains("--meter \"sensor.grid_power + sensor.pv_power\""), "{:?}", house.notes);
}

#[rstest]
#[case::without_a_hint("sensor.cellar_1")]
#[case::with_a_hint("sensor.shellyem_channel_1_power")]
fn what_behaves_like_a_house_is_taken(#[case] meter: &str) {
    let mut given = home(meter);
    let charger: Vec<f64> = (0..1440).map(|k| if k < 100 { 7000.0 } else { 0.0 }).collect();
    given.sensors.push(sensor("sensor.charger_power", Some("W"), &charger));
    given.sensors.push(sensor("sensor.pv_power", Some("W"), &[9000.0; 1440]));
    let house = find(&mut given, None, None).unwrap();
    assert_eq!(house.label, meter, "{}", house.why);
    assert!(house.why.contains("steps of other sensors show in it"), "{}", house.why);
}

#[test]
fn a_solar_home_is_a_home_like_any_other() {
    let sun = |k: usize| if (480..1000).contains(&k) { 3000.0 + (k % 90) as f64 } else { 0.0 };
    let mut days = day();
    days[0].1.iter_mut().enumerate().for_each(|(k, w)| *w -= sun(k));
    let mut given = history(days.into_iter().map(|(id, values)| sensor(&format!("sensor.{id}_1"), Some("W"), &values)).collect());
    given.sensors[0].entity_id = "sensor.cellar_1".to_owned();
    given.sensors.push(sensor("sensor.inverter_power", Some("W"), &(0..1440).map(sun).collect::<Vec<f64>>()));
    let house = find(&mut given, None, None).unwrap();
    assert_eq!(house.label, "sensor.cellar_1", "{}", house.why);
    assert!(house.power.value.iter().any(|&w| w < -2000.0));
}

#[test]
fn without_units_names_and_values_tell() {
    let mut sensors: Vec<Sensor> = day().into_iter().map(|(id, values)| sensor(&format!("sensor.{id}_verbrauch"), None, &values)).collect();
    sensors.push(sensor("sensor.attic_temperature", None, &[4000.5; 1440]));
    let house = find(&mut history(sensors), None, None).unwrap();
    assert_eq!((house.label.as_str(), house.power.value[0]), ("sensor.house_verbrauch", 2215.0));
    assert!(house.notes[0].contains("is read as W"), "{:?}", house.notes);
}

#[test]
fn without_units_and_names_a_sensor_with_the_values_of_a_house_is_taken() {
    let mut sensors = vec![sensor("sensor.cellar", None, &day()[0].1), sensor("sensor.attic", None, &[21.5, 21.6, 21.4])];
    sensors.push(sensor("sensor.air_pressure", None, &[1013.0; 99]));
    assert_eq!(find(&mut history(sensors), None, None).unwrap().label, "sensor.cellar");
}

#[test]
fn phases_of_one_meter_are_added_up() {
    let third = |k: usize| -> Vec<f64> { day()[0].1.iter().enumerate().map(|(t, w)| w * if t % 3 == k { 0.5 } else { 0.25 }).collect() };
    let sensors =
        ["a", "b", "c"].iter().enumerate().map(|(k, phase)| sensor(&format!("sensor.em_channel_{phase}_power"), Some("W"), &third(k)));
    let house = find(&mut history(sensors.collect()), None, None).unwrap();
    assert_eq!(house.label, "sensor.em_channel_a_power + sensor.em_channel_b_power + sensor.em_channel_c_power");
    assert_eq!((house.power.value[0], house.candidates.len()), (2215.0, 0));
}

#[test]
fn others_are_listed_when_in_doubt() {
    let mut given = home("sensor.cellar_1");
    let twin: Vec<f64> = day()[0].1.iter().map(|w| w * 0.99 / 1000.0).collect();
    given.sensors.push(sensor("sensor.cellar_2", Some("kW"), &twin));
    let house = find(&mut given, None, None).unwrap();
    assert_eq!((house.label.as_str(), house.candidates), ("sensor.cellar_1", vec!["sensor.cellar_2".to_owned()]));
}

#[test]
fn a_plug_is_no_house() {
    let mut given = history(vec![sensor("sensor.kettle_power", Some("W"), &[0.0, 2000.0, 1900.0])]);
    given.entities.push(Entity::new("switch.kettle"));
    assert_eq!(
        error(given, None, None),
        "none of the 1 sensors in the history looks like the whole house's (sensor.kettle_power); looked for the Energy dashboard's meters, \
         for usual names (sensor.total_power, sensor.power_total, …) and for what behaves like a house in W, kW or kWh: name the meter with \
         --meter, and see that Home Assistant's recorder does not leave it out"
    );
}

#[test]
fn a_history_without_sensors_is_an_error_that_says_what_to_do() {
    let said = error(History::default(), None, None);
    assert!(said.starts_with("there is no sensor of power or energy in the history; looked for") && said.contains("--meter"), "{said}");
}

#[test]
fn apparent_power_is_the_last_resort_and_said() {
    let sensors = vec![sensor("sensor.linky_sinsts", Some("VA"), &[300.0, 350.0])];
    let house = find(&mut history(sensors.clone()), None, None).unwrap();
    assert!(house.label == "sensor.linky_sinsts" && house.notes[0].contains("apparent power"), "{house:?}");
    let both = [sensors, vec![sensor("sensor.cellar", Some("W"), &[100.0, 120.0])]].concat();
    assert_eq!(find(&mut history(both), None, None).unwrap().label, "sensor.cellar");
}

#[test]
fn a_counter_serves_where_there_is_no_power() {
    let sensors = vec![
        counter("sensor.meter_import", 100.0, &[600.0; 120]),
        counter("sensor.meter_export", 900.0, &[60.0; 120]),
        counter("sensor.freezer_energy", 7.0, &[60.0; 120]),
    ];
    let house = find(&mut history(sensors), None, None).unwrap();
    assert_eq!((house.label.as_str(), house.counter_resolution_kwh), ("sensor.meter_import", Some(0.01)));
    assert!((house.power.value[5] - 600.0).abs() < 1.0);
    assert!(house.notes.iter().any(|n| n.contains("sensor.meter_import - sensor.meter_export")), "{:?}", house.notes);
    assert!(
        house.notes.iter().any(|n| n.contains("counts in steps of 0.01 kWh; at 300 W that is a reading every 2 min")),
        "{:?}",
        house.notes
    );
}

proptest! {
    #[test]
    fn the_order_of_sensors_does_not_matter(order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let mut given = home("sensor.cellar_1");
        given.sensors.push(sensor("sensor.charger", Some("W"), &[0.0, 7000.0, 0.0]));
        given.sensors.push(counter("sensor.meter_import", 100.0, &[600.0; 120]));
        let shuffled = history(order.iter().map(|&k| given.sensors[k].clone()).collect());
        let (expected, found) = (find(&mut given, None, None).unwrap(), find(&mut { shuffled }, None, None).unwrap());
        prop_assert_eq!((expected.label, expected.why, expected.candidates, expected.notes), (found.label, found.why, found.candidates, found.notes));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[ a-z0-9_.+*/()−-]{0,40}") {
        let _ = find(&mut history(vec![sensor("sensor.a", Some("W"), &[1.0])]), Some(&text), None);
    }
}
