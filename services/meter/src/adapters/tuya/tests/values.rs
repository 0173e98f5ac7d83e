//! What dps say.

use rstest::rstest;
use serde_json::{Map, Value, json};
use wattribute_domain::{Quantity, Role};

use crate::adapters::Told;
use crate::adapters::fixtures::{of, shared, shown};
use crate::adapters::numbers::json as json_of;
use crate::adapters::tuya::phases::{Phase, phase};
use crate::adapters::tuya::wire::{Known, Who, told};
use crate::adapters::tuya::{Dp, Kind, shapes};

fn who(kind: Option<Kind>) -> Who<'static> {
    Who { id: "bf01", name: "Desk", role: None, kind }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// What a device of which nobody says anything says in `dps`.
fn guessed(kind: Option<Kind>, dps: &Value) -> Vec<Told> {
    let dps = object(dps);
    told(&who(kind), &shapes::guess(kind, &dps), &dps, &dps)
}

fn understood(name: &str, text: &str) -> String {
    let said = json_of(text.as_bytes()).unwrap();
    let told = if said.get("status_range").is_some() {
        let known = Known { is_circuit: true, ..Known::of_mapping(&said["status_range"]) };
        told(&who(Some(Kind::Meter)), &known, &object(&said["status"]), &Map::new())
    } else {
        guessed(None, said.get("dps").unwrap_or(&said["data"]["dps"]))
    };
    format!("{name}\n{}\n", shown(&told))
}

#[test]
fn every_fixture_is_read() {
    let dps = of("tuya").into_iter().filter(|(name, _)| !name.starts_with("frames") && name != "devices.json");
    insta::assert_snapshot!(dps.map(|(name, text)| understood(&name, &text)).collect::<String>());
}

#[test]
fn answers_of_real_devices_are_read() {
    for (name, text) in shared("tuya") {
        let wanted = match name.as_str() {
            // A dump of Tuya's cloud, which says codes and scales; a meter, so that what was added is its counter.
            "ha_cz_dual_channel_meter.json" => {
                "Desk [bf01] circuit: level=1 energy_import_kwh=0.19 current_a=0.083 power_w=6.4 voltage_v=121.7\nDesk 2 [bf01/2] circuit: level=1"
            }
            "plug_dps_18_44_off.json" => "Desk [bf01] device: level=1 current_a=0 power_w=0 voltage_v=228.4",
            "plug_old_dps_4_5_6.json" => "Desk [bf01] device: level=1 current_a=0.134 power_w=12 voltage_v=123.1",
            "plug_v31_dps_loaded.json" => "Desk [bf01] device: level=1 current_a=0.131 power_w=15.5 voltage_v=235.7",
            // 17 is what was drawn since it was last reported, which is no counter.
            "plug_v33_dps_17_26.json" => "Desk [bf01] device: level=1 current_a=0 power_w=0 voltage_v=238.6",
            other => panic!("{other} is new: say what is right"),
        };
        assert_eq!(understood(&name, &text), format!("{name}\n{wanted}\n"));
    }
}

fn value(told: &[Told], quantity: Quantity) -> Option<f64> {
    told.iter().find_map(|told| told.value(quantity))
}

#[rstest]
#[case(json!({"19": 155}), Some(15.5))]
#[case(json!({"19": 155, "4": 7, "6": 9}), Some(15.5))]
#[case(json!({"4": 155, "6": 9}), Some(15.5))]
#[case(json!({"6": 155}), Some(15.5))]
#[case(json!({"19": "155"}), Some(15.5))]
#[case(json!({"19": -155}), Some(-15.5))]
#[case(json!({"19": null, "20": 2300}), None)]
#[case(json!({"19": "NaN"}), None)]
#[case(json!({"19": 1e300}), None)]
#[case(json!({"19": [155]}), None)]
#[case(json!({"19": true}), None)]
fn power_is_on_the_first_of_19_4_and_6(#[case] dps: Value, #[case] power_w: Option<f64>) {
    assert_eq!(value(&guessed(None, &dps), Quantity::PowerW), power_w);
}

#[rstest]
#[case(json!(true), Some(1.0))]
#[case(json!(false), Some(0.0))]
#[case(json!("off"), Some(0.0))]
#[case(json!(1), Some(1.0))]
#[case(json!(7), None)]
#[case(json!(null), None)]
fn the_relay_is_on_or_off(#[case] relay: Value, #[case] level: Option<f64>) {
    assert_eq!(value(&guessed(Some(Kind::Plug), &json!({"1": relay, "19": 5})), Quantity::Level), level);
}

#[test]
fn a_part_of_the_dps_is_understood_as_the_whole_was_and_repeats_nothing() {
    let before = object(&json!({"1": true, "4": 134, "5": 120, "6": 1231}));
    let known = shapes::guess(None, &before);
    let said = told(&who(None), &known, &object(&json!({"5": 130})), &before);
    assert_eq!(shown(&said), "Desk [bf01] device: power_w=13");
    assert!(told(&who(None), &known, &object(&json!({"9": 3})), &before).is_empty());
}

#[rstest]
#[case("CRwABN0AAOc=", Some((233.2, 1.245, 231.0)))]
#[case("CRwABN0AAOc", Some((233.2, 1.245, 231.0)))]
#[case("AAAAAAAAAAA=", Some((0.0, 0.0, 0.0)))]
#[case("CIAAA+gAJxAIgA==", Some((217.6, 1.0, 10_000.0)))]
#[case("CRwABN3//xk=", Some((233.2, 1.245, -231.0)))]
#[case::signs_first_in("AAABcgAAAFAD2QAGSgkG", Some((231.0, 1.61, 370.0)))]
#[case::signs_first_out("AQABcgAAAFAD2QAGSgkG", Some((231.0, 1.61, -370.0)))]
#[case::fifteen_bytes("CQYABkoAAXIAAFAAAXti", Some((231.0, 1.61, 370.0)))]
#[case::fifteen_bytes_of_nothing("AAAAAAAAAAAAAAAAAAAA", Some((0.0, 0.0, 0.0)))]
#[case("AAAB", None)]
#[case("not base64", None)]
#[case("////////////", None)]
#[case("", None)]
fn a_phase_is_voltage_current_and_power(#[case] text: &str, #[case] wanted: Option<(f64, f64, f64)>) {
    let wanted = wanted.map(|(voltage_v, current_a, power_w)| Phase { voltage_v, current_a, power_w });
    assert_eq!(phase(&json!(text)), wanted);
}

#[rstest]
#[case(json!({"electricCurrent": 59.5, "power": 6.912, "voltage": 229.7}), Some(6912.0))]
#[case(json!("{\"electricCurrent\": 59.5, \"power\": -6.5, \"voltage\": \"229.7\"}"), Some(-6500.0))]
#[case(json!({"electricCurrent": 59.5, "power": null, "voltage": 229.7}), None)]
#[case(json!("{"), None)]
#[case(json!(7), None)]
#[case(json!(null), None)]
fn a_phase_may_be_written_out(#[case] value: Value, #[case] power_w: Option<f64>) {
    assert_eq!(phase(&value).map(|phase| phase.power_w), power_w);
}

#[test]
fn a_breaker_that_is_a_plug_inside_is_read_as_one() {
    let dps = json!({"1": true, "9": 0, "18": 2198, "19": 4953, "20": 2314, "26": 0});
    let wanted = "Desk [bf01] circuit: level=1 current_a=2.198 power_w=495.3 voltage_v=231.4";
    assert_eq!(shown(&guessed(Some(Kind::Breaker), &dps)), wanted);
}

/// Meters that say other things on the dps of the clamps: what they are cannot be told without a `mapping`.
#[rstest]
#[case::counters_and_both_ways(json!({"1": 4321, "2": 12, "9": 1371, "101": 4321, "102": 12, "105": 6012, "106": 2301, "107": 6012, "108": 1371, "109": 99}))]
#[case::each_phase_from_101(json!({"1": true, "101": 2301, "102": 5012, "103": 1151, "104": 99, "105": 43210, "106": 12, "107": 2299, "108": 5100, "109": 1170}))]
#[case::voltage_on_101(json!({"16": true, "101": 2301, "102": 5012, "103": 11510, "104": 13, "105": 43210, "106": 99, "107": 50}))]
#[case::a_strip(json!({"1": true, "2": false, "102": 5012, "103": 11510, "104": 2301, "105": 0, "106": 0, "107": 0, "108": 0}))]
#[case::a_thermostat(json!({"101": "auto", "102": 215, "103": true, "105": 200, "106": 300, "107": 10, "108": 512}))]
fn numbers_where_clamps_have_theirs_are_not_taken_for_clamps(#[case] dps: Value) {
    let told = guessed(None, &dps);
    let measured: Vec<_> = told.iter().flat_map(|told| &told.values).filter(|(quantity, _)| *quantity != Quantity::Level).collect();
    assert!(measured.is_empty(), "{measured:?}");
}

#[rstest]
#[case(json!({"1": true, "9": 0, "20": 12, "21": 652, "22": 1480, "23": 2294, "38": "memory"}), "Desk [bf01] device: level=1 current_a=0.652 power_w=148 voltage_v=229.4")]
#[case(json!({"1": true, "2": false, "20": 12, "21": 0, "22": 0, "23": 2294}), "Desk [bf01] device: level=1 current_a=0 power_w=0 voltage_v=229.4\nDesk 2 [bf01/2] device: level=0")]
#[case::plugs_have_their_factors_there(json!({"1": true, "18": 652, "19": 1480, "20": 2294, "21": 1, "22": 628, "23": 30636}), "Desk [bf01] device: level=1 current_a=0.652 power_w=148 voltage_v=229.4")]
#[case::what_was_added_is_no_voltage(json!({"1": true, "7": 0, "20": 2000, "21": 652, "22": 2294, "23": 12}), "Desk [bf01] device: level=1")]
fn switches_that_measure_say_it_from_20_to_23(#[case] dps: Value, #[case] wanted: &str) {
    assert_eq!(shown(&guessed(None, &dps)), wanted);
}

#[test]
fn one_of_which_nothing_is_known_is_asked_for_whatever_may_measure() {
    let asked = shapes::asked(None);
    assert!(["1", "4", "5", "6", "18", "19", "20", "21", "22", "23"].iter().all(|dp| asked.iter().any(|other| other == dp)), "{asked:?}");
}

#[test]
fn what_says_its_voltage_to_one_digit_does_so_with_its_power() {
    let dps = json!({"19": 4120, "20": 2301, "101": 1803, "103": 4120, "104": 0, "105": 5001, "107": 4321, "123": 1000, "133": 1000});
    assert_eq!(shown(&guessed(None, &dps)), "Desk [bf01] device: power_w=412 voltage_v=230.1");
}

#[rstest]
#[case::faults_beside_a_phase(json!({"1": 4321, "6": "CRwABN0AAOc=", "9": 0, "16": true}), Some(231.0))]
#[case::power_without_one(json!({"1": 4321, "9": 1371, "16": true}), Some(1371.0))]
fn a_meter_with_phases_has_its_faults_on_9(#[case] dps: Value, #[case] power_w: Option<f64>) {
    assert_eq!(value(&guessed(Some(Kind::Meter), &dps), Quantity::PowerW), power_w);
}

#[test]
fn of_three_phases_a_part_is_no_sum() {
    let three = json!({"6": "CQYAB/oAAXQ=", "7": "CV4AAPoAAC0=", "8": "AAAAAAAAAAA="});
    let all = guessed(None, &three);
    assert_eq!(shown(&all), "Desk [bf01] circuit: power_w=417 power_phase_1_w=372 power_phase_2_w=45 voltage_v=231");
    let part = told(&who(None), &shapes::guess(None, &object(&three)), &object(&json!({"7": "CV4AAPoAAC0="})), &object(&three));
    assert_eq!(shown(&part), "Desk [bf01] circuit: power_phase_2_w=45");
}

#[test]
fn power_that_flows_out_is_negative_also_where_its_direction_was_said_before() {
    let before = object(&json!({"101": 1204, "102": "REVERSE", "105": 0, "115": 0}));
    let said = told(&who(None), &shapes::guess(None, &before), &object(&json!({"101": 1300})), &before);
    assert_eq!(shown(&said), "Desk 1 [bf01/1] circuit: power_w=-130");
}

#[test]
fn a_mapping_says_codes_units_and_scales() {
    let mapping = json!({
        "16": {"code": "switch", "values": {}}, "105": {"code": "cur_power", "values": {"unit": "kW", "scale": 3}},
        "106": {"code": "cur_current", "values": "{\"unit\":\"mA\",\"scale\":0}"}, "1": {"code": "total_forward_energy", "values": {"unit": "kW·h", "scale": 2}},
        "107": {"code": "cur_voltage", "values": {"unit": "V"}}, "108": {"code": "power_factor", "values": {"unit": "%", "scale": 0}},
        "109": {"code": "frequency", "values": {"unit": "Hz", "scale": "1"}}, "110": {"code": "temp_current", "values": {"scale": 1}},
        "111": {"code": "reverse_energy_total", "values": {"unit": "days", "scale": 0}}, "112": 7,
    });
    let known = Known::of_mapping(&mapping);
    let dps = json!({"16": false, "105": 1234, "106": 5300, "1": 4321, "107": 2301, "108": 97, "109": 500, "110": 31, "111": 9, "112": 5});
    let said = told(&who(None), &known, &object(&dps), &Map::new());
    let wanted = "level=0 power_w=1234 current_a=5.3 energy_import_kwh=43.21 voltage_v=230.1 power_factor=0.97 frequency_hz=50";
    let mut values: Vec<&str> = wanted.split(' ').collect();
    values.sort_unstable();
    let line = shown(&said);
    let mut found: Vec<&str> = line.split_once(": ").unwrap().1.split(' ').collect();
    found.sort_unstable();
    assert_eq!(found, values);
}

#[test]
fn a_mapping_is_read_as_it_is_spelled() {
    let kwh = json!({"unit": "KWH", "scale": 2});
    let mapping = json!({
        "101": {"code": "power_a", "values": {"unit": "W", "scale": 1}}, "102": {"code": "direction_a"}, "104": {"code": "direction_b"},
        "105": {"code": "power_b", "values": {"unit": "W", "scale": 1}}, "106": {"code": "energy_forword_a", "values": kwh},
        "107": {"code": "energy_reverse_a", "values": kwh}, "108": {"code": "energy_forword_b", "values": kwh},
        "109": {"code": "energy_reserse_b", "values": kwh},
    });
    let dps = json!({"101": 2993, "102": "FORWARD", "104": "REVERSE", "105": 2759, "106": 7004, "107": 5572, "108": 1664, "109": 3});
    let both = told(&who(None), &Known::of_mapping(&mapping), &object(&dps), &Map::new());
    let of = |channel: usize, quantity| both[channel].value(quantity);
    assert_eq!((of(0, Quantity::PowerW), of(1, Quantity::PowerW)), (Some(299.3), Some(-275.9)));
    assert_eq!((of(0, Quantity::EnergyImportKwh), of(1, Quantity::EnergyImportKwh)), (Some(70.04), Some(16.64)));
    assert_eq!((of(0, Quantity::EnergyExportKwh), of(1, Quantity::EnergyExportKwh)), (Some(55.72), Some(0.03)));
    let capitals = json!({"1": {"code": "ActivePower", "values": {"unit": "kW", "scale": 3}}, "2": {"code": "TotalEnergyConsumed", "values": {"unit": "kWh", "scale": 2}}, "3": {"code": "PowerFactor", "values": {"scale": 2}}});
    let known = Known::of_mapping(&capitals);
    assert!(known.measures());
    let said = told(&who(None), &known, &object(&json!({"1": 1234, "2": 4321, "3": 97})), &Map::new());
    assert_eq!(shown(&said), "Desk [bf01] device: power_w=1234 energy_import_kwh=43.21 power_factor=0.97");
}

#[test]
fn a_mapping_of_three_phases_is_one_meter() {
    let mapping = json!({
        "103": {"code": "voltage_a", "values": {"unit": "V", "scale": 1}}, "105": {"code": "power_a", "values": {"unit": "kW", "scale": 3}},
        "114": {"code": "power_b", "values": {"unit": "kW", "scale": 3}}, "123": {"code": "power_c", "values": {"unit": "kW", "scale": 3}},
        "104": {"code": "current_a", "values": {"unit": "A", "scale": 3}}, "29": {"code": "power_total", "values": {"unit": "kW", "scale": 3}},
    });
    let dps = object(&json!({"29": 600, "103": 2301, "104": 900, "105": 100, "114": 200, "123": 300}));
    let said = told(&who(None), &Known::of_mapping(&mapping), &dps, &Map::new());
    assert_eq!(said.len(), 1);
    let of = |quantity| said[0].value(quantity);
    assert_eq!((of(Quantity::PowerW), of(Quantity::PowerPhase1W), of(Quantity::PowerPhase3W)), (Some(600.0), Some(100.0), Some(300.0)));
    assert_eq!((of(Quantity::VoltageV), of(Quantity::CurrentA)), (Some(230.1), None));
}

#[test]
fn the_owner_has_the_last_word() {
    let dps = object(&json!({"1": true, "19": 155, "20": 2300, "17": 4321}));
    let said = [(Quantity::PowerW, Dp { dp: 19, scale: -0.01 }), (Quantity::EnergyImportKwh, Dp { dp: 17, scale: 0.001 })];
    let known = shapes::guess(None, &dps).with_said(said.iter().map(|(quantity, dp)| (quantity, dp)));
    let told = told(&Who { role: Some(Role::Solar), ..who(None) }, &known, &dps, &dps);
    assert_eq!(shown(&told), "Desk [bf01] solar: power_w=-1.55 energy_import_kwh=4.321 level=1 voltage_v=230");
}
