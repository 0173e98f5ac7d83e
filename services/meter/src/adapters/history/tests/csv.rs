//! Home Assistant's history export and richer CSV.

use rstest::rstest;

use super::*;

const EXPORT: &str = "entity_id,state,last_changed
sensor.house_power,250.5,2023-11-14T22:13:20.000Z
sensor.house_power,unavailable,2023-11-14T22:13:30.000Z
sensor.house_power,2250.5,2023-11-14T22:13:40.000Z
switch.kettle,off,2023-11-14T22:13:20.000Z
switch.kettle,on,2023-11-14T22:13:40.500Z
sensor.weather,sunny,2023-11-14T22:13:20.000Z
automation.night,on,2023-11-14T22:13:20.000Z
";

fn check_export(history: &History) {
    assert_eq!(ids(history), ["sensor.house_power", "switch.kettle"]);
    assert_eq!(sensor(history, "sensor.house_power").unit, None);
    assert_eq!(readings(history, "sensor.house_power"), [(0.0, Some(250.5)), (10.0, None), (20.0, Some(2250.5))]);
    assert_eq!(said(history, "switch.kettle"), levels(&[(0.0, "off"), (20.5, "on")]));
    assert_eq!((history.rows, history.bad.left_out()), (7, 0));
}

#[test]
fn an_export_of_the_history_page_is_read_without_units() {
    let history = read_text(EXPORT);
    check_export(&history);
    assert_eq!(history.notes, Vec::<String>::new());
}

#[rstest]
#[case::byte_order_mark_and_crlf(format!("\u{feff}{}", EXPORT.replace('\n', "\r\n")))]
#[case::semicolons(EXPORT.replace(',', ";"))]
#[case::tabs(EXPORT.replace(',', "\t"))]
#[case::quotes(EXPORT.replace(',', "\",\"").replace('\n', "\"\n").lines().map(|l| format!("\"{l}\n")).collect())]
#[case::no_newline_at_the_end(EXPORT.trim_end().to_owned())]
#[case::offsets_of_a_zone(EXPORT.replace("2023-11-14T22", "2023-11-14 23").replace('Z', "+01:00"))]
#[case::header_in_capitals(EXPORT.replace("entity_id,state,last_changed", "Entity_ID, State ,Last_Changed"))]
fn ways_of_writing_make_no_difference(#[case] content: String) {
    check_export(&read_text(&content));
}

#[test]
fn columns_are_found_by_name_in_any_order_and_others_are_ignored() {
    let history = read_text(
        "last_changed,context,attributes,state,last_updated,entity_id\n\
         1700000000,x,\"{\"\"brightness\"\": 51, \"\"friendly_name\"\": \"\"Hall\"\"}\",on,1700000000.5,light.hall\n\
         1700000000,x,\"{\"\"brightness\"\": 102, \"\"friendly_name\"\": \"\"Hall\"\"}\",on,1700000001500,light.hall\n\
         1700000002,x,,off,,light.hall\n",
    );
    assert_eq!(said(&history, "light.hall"), levels(&[(0.5, "on 0.20"), (1.5, "on 0.40"), (2.0, "off")]));
    assert_eq!(entity(&history, "light.hall").name.as_deref(), Some("Hall"));
}

#[test]
fn times_without_a_zone_are_utc_and_that_is_said() {
    let history = read_text("entity_id,state,last_changed\nswitch.kettle,on,2023-11-14 22:13:20\n");
    assert_eq!(said(&history, "switch.kettle"), levels(&[(0.0, "on")]));
    assert_eq!(history.notes, ["Times in history.csv name no time zone and were read as UTC."]);
}

#[test]
fn bad_rows_are_counted_and_the_first_is_remembered() {
    let power = POWER.replace('"', "\"\"");
    let history = read_text(&format!(
        "entity_id,state,last_updated,attributes\n\
         sensor.p,10,1700000000,\"{power}\"\n\
         sensor.p\n\
         sensor.p,20,later,\"{power}\"\n\
         sensor.p,twenty,1700000010,\"{power}\"\n\
         sensor.p,inf,1700000020,\"{power}\"\n\
         ,1,1700000020,\n\
         sensor.p,40,1700000040,\"{power}\"\n\
         sensor.p,30,1700000030,\"{power}\"\n"
    ));
    assert_eq!(readings(&history, "sensor.p"), [(0.0, Some(10.0)), (10.0, None), (30.0, Some(30.0)), (40.0, Some(40.0))]);
    let bad = &history.bad;
    assert_eq!((bad.malformed, bad.no_time, bad.not_a_number, bad.out_of_order, history.rows), (2, 1, 2, 1, 8));
    assert_eq!(bad.first.as_deref(), Some("history.csv line 3: too few fields"));
}

#[rstest]
#[case("sensor.p,20,later,", "history.csv line 3: no usable time")]
#[case("sensor.p,20,1970-01-01T00:00:05Z,", "history.csv line 3: no usable time")]
#[case("sensor.p,NaN,1700000010,", "history.csv line 3: `NaN` of sensor.p is not a number")]
#[case("kettle,on,1700000010,", "history.csv line 3: no entity_id")]
fn a_bad_row_is_named_by_file_and_line(#[case] row: &str, #[case] first: &str) {
    let power = POWER.replace('"', "\"\"");
    let history = read_text(&format!("entity_id,state,last_updated,attributes\nsensor.p,10,1700000000,\"{power}\"\n{row}\n"));
    assert_eq!(history.bad.first.as_deref(), Some(first));
    assert_eq!(history.bad.left_out(), 1);
}

#[rstest]
#[case(
    "entity_id,state\nswitch.a,on\n",
    "history.csv has no column `last_updated` or `last_changed`: a history has the columns entity_id, state and last_changed or last_updated, and perhaps attributes; found entity_id, state"
)]
#[case(
    "time,watts\n1,2\n",
    "history.csv has no column `entity_id`: a history has the columns entity_id, state and last_changed or last_updated, and perhaps attributes; found time, watts"
)]
#[case(
    "entity_id,last_changed\n",
    "history.csv has no column `state`: a history has the columns entity_id, state and last_changed or last_updated, and perhaps attributes; found entity_id, last_changed"
)]
#[case(
    "Dear diary,\n",
    "history.csv has no column `entity_id`: a history has the columns entity_id, state and last_changed or last_updated, and perhaps attributes; found Dear diary, "
)]
#[case("entity_id,state,last_changed\n", "history.csv holds no rows: nothing was recorded in it")]
fn a_file_that_is_no_history_is_one_clear_line(#[case] content: &str, #[case] line: &str) {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(error_of(&file(&folder, "history.csv", content)), line);
}

#[test]
fn a_sensor_is_known_by_unit_or_class_and_others_are_left_out() {
    let row = |id: &str, state: &str, json: &str| format!("{id},{state},1700000000,\"{}\"\n", json.replace('"', "\"\""));
    let history = read_text(&format!(
        "entity_id,state,last_updated,attributes\n{}",
        [
            row("sensor.by_unit", "1.5", r#"{"unit_of_measurement":"kW"}"#),
            row("sensor.by_class", "7", r#"{"device_class":"energy"}"#),
            row("sensor.temperature", "20", r#"{"unit_of_measurement":"°C","device_class":"temperature"}"#),
            row("sensor.count", "3", r#"{"friendly_name":"Count"}"#),
            row("sensor.washer", "Run", r#"{"device_class":"enum"}"#),
            row("binary_sensor.dryer", "on", r#"{"device_class":"running"}"#),
            row("binary_sensor.door", "on", r#"{"device_class":"door"}"#),
        ]
        .concat()
    ));
    assert_eq!(ids(&history), ["sensor.by_class", "sensor.by_unit", "binary_sensor.dryer", "sensor.washer"]);
}

#[test]
fn a_sensor_that_changes_its_unit_is_converted() {
    let history = read_text(
        "entity_id;state;last_updated;attributes\n\
         sensor.p;500;1700000000;{\"unit_of_measurement\":\"W\"}\n\
         sensor.p;0.75;1700000010;{\"unit_of_measurement\":\"kW\"}\n\
         sensor.p;20;1700000020;{\"unit_of_measurement\":\"°C\"}\n",
    );
    assert_eq!(readings(&history, "sensor.p"), [(0.0, Some(500.0)), (10.0, Some(750.0)), (20.0, None)]);
    assert_eq!(history.notes, ["sensor.p changed its unit: what it said in kW, °C was read as W."]);
}
