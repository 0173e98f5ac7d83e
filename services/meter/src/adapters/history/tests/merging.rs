//! Spans, filters and several files at once.

use super::*;

const ROWS: &str = "entity_id,state,last_changed
sensor.p,1,1700000000
sensor.p,2,1700000010
sensor.p,3,1700000020
sensor.p,4,1700000030
light.a,on,1700000005
light.a,off,1700000025
light.b,on,1700000025
";

fn options(from_s: Option<i64>, to_s: Option<i64>) -> Options {
    let at = |s: Option<i64>| s.map(|s| T0_MS + 1000 * s);
    Options { from_ms: at(from_s), to_ms: at(to_s), ..Options::default() }
}

fn read_rows(content: &str, options: &Options) -> History {
    let folder = tempfile::tempdir().unwrap();
    read_with(&file(&folder, "rows.csv", content), options)
}

#[test]
fn what_was_said_last_before_the_span_holds_at_its_start() {
    let history = read_rows(ROWS, &options(Some(15), Some(30)));
    assert_eq!(readings(&history, "sensor.p"), [(15.0, Some(2.0)), (20.0, Some(3.0))]);
    assert_eq!(said(&history, "light.a"), levels(&[(15.0, "on"), (25.0, "off")]));
    assert_eq!(said(&history, "light.b"), levels(&[(25.0, "on")]));
    assert_eq!(history.bad.out_of_order, 0);
}

#[test]
fn a_row_at_the_very_start_of_the_span_counts_rather_than_the_one_before() {
    let history = read_rows(ROWS, &options(Some(20), None));
    assert_eq!(readings(&history, "sensor.p"), [(20.0, Some(3.0)), (30.0, Some(4.0))]);
}

#[test]
fn a_span_does_not_depend_on_the_order_of_rows() {
    let mut lines: Vec<&str> = ROWS.lines().collect();
    lines[1..].reverse();
    let backwards = read_rows(&lines.join("\n"), &options(Some(15), Some(30)));
    let history = read_rows(ROWS, &options(Some(15), Some(30)));
    assert_eq!(readings(&backwards, "sensor.p"), readings(&history, "sensor.p"));
    assert_eq!(said(&backwards, "light.a"), said(&history, "light.a"));
    assert!(backwards.bad.out_of_order > 0);
}

#[test]
fn include_leaves_the_sensors_and_exclude_does_not() {
    let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let include = Options { include: own(&["*.b"]), ..Options::default() };
    assert_eq!(ids(&read_rows(ROWS, &include)), ["sensor.p", "light.b"]);
    let exclude = Options { exclude: own(&["sensor", "light.b"]), ..Options::default() };
    assert_eq!(ids(&read_rows(ROWS, &exclude)), ["light.a"]);
    let keep = Options { keep: own(&["sensor.p"]), ..exclude };
    assert_eq!(ids(&read_rows(ROWS, &keep)), ["sensor.p", "light.a"]);
}

#[test]
fn an_entity_named_as_the_meter_is_a_sensor_whatever_it_is() {
    let options = Options { keep: vec!["input_number.house".to_owned()], ..Options::default() };
    let history = read_rows("entity_id,state,last_changed\ninput_number.house,100,1700000000\n", &options);
    assert_eq!(readings(&history, "input_number.house"), [(0.0, Some(100.0))]);
}

#[test]
fn files_that_overlap_are_one_history_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let header = "entity_id,state,last_changed\n";
    let early = file(&folder, "a.csv", &format!("{header}sensor.p,1,1700000000\nsensor.p,2,1700000010\nlight.a,on,1700000010\n"));
    let late = file(&folder, "b.csv", &format!("{header}sensor.p,2,1700000010\nsensor.p,3,1700000020\nlight.a,on,1700000010\n"));
    for paths in [[early.clone(), late.clone()], [late, early]] {
        let history = read(&paths, &Options::default(), &mut |_| {}).unwrap();
        assert_eq!(readings(&history, "sensor.p"), [(0.0, Some(1.0)), (10.0, Some(2.0)), (20.0, Some(3.0))]);
        assert_eq!(said(&history, "light.a"), levels(&[(10.0, "on")]));
        assert_eq!(history.bad.out_of_order, 0);
    }
}

#[test]
fn what_one_file_tells_of_an_entity_serves_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let header = "entity_id,state,last_changed\n";
    let plain = file(&folder, "plain.csv", &format!("{header}sensor.p,1,1700000000\n"));
    let database = folder.path().join("some.db");
    recorder::Generation::Current.create(&database, &[("sensor.p", "2", 10.0, POWER)]);
    let history = read(&[plain, database], &Options::default(), &mut |_| {}).unwrap();
    assert_eq!(readings(&history, "sensor.p"), [(0.0, Some(1.0)), (10.0, Some(2.0))]);
    assert_eq!(sensor(&history, "sensor.p").unit.as_deref(), Some("W"));
    assert_eq!(sensor(&history, "sensor.p").name.as_deref(), Some("House"));
}

#[test]
fn no_file_at_all_is_one_clear_line() {
    let error = read(&[], &Options::default(), &mut |_| {}).unwrap_err().to_string();
    assert_eq!(error, "no file to read: give a home-assistant_v2.db, or a history as CSV or Parquet");
}
