use super::*;
use ::parquet::basic::LogicalType;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Row as Record, RowAccessor};
use wattribute_domain::{Answer, MeterReport};

fn sample() -> Analysis {
    let meter = MeterReport {
        entity_id: "sensor.house".to_owned(),
        interval_s: 1.0,
        lag_s: None,
        noise_w: 1.0,
        smallest_load_w: 3.0,
        why: String::new(),
        candidates: vec![],
    };
    let answer = Answer {
        meter,
        from: String::new(),
        to: String::new(),
        time_zone: "UTC".to_owned(),
        house_kwh: 0.0,
        gap_hours: 0.0,
        baseline_w: None,
        unexplained_kwh: 0.0,
        currency: None,
        price_per_kwh: None,
        devices: vec![],
        notes: vec![],
    };
    let on = |mode, fraction| Level { mode, fraction };
    let change = |at_ms, entity, from, to, before: f64, after: f64, verdict| Correlation {
        at_ms,
        entity,
        from,
        to,
        power_before_w: before,
        power_after_w: after,
        standard_error_w: if before.is_nan() { f64::NAN } else { 1.5 },
        verdict,
        explained_w: 21.0,
    };
    Analysis {
        answer,
        entities: vec![
            ("light.hall".to_owned(), vec!["off".to_owned(), "on".to_owned()]),
            ("climate.hall".to_owned(), vec!["off".to_owned(), "heating".to_owned()]),
        ],
        correlations: vec![
            change(1_760_000_000_123, 0, Level::off(), on(1, 128.0 / 255.0), 100.0, 121.25, CorrelationVerdict::Clean),
            change(1_760_000_060_000, 0, on(1, 128.0 / 255.0), on(1, 1.0), -50.0, 0.0, CorrelationVerdict::Overlapping),
            change(1_760_000_120_000, 1, Level::off(), on(1, 1.0), 0.0, 1500.0, CorrelationVerdict::Noisy),
            change(1_760_000_180_000, 1, on(1, 1.0), Level::off(), f64::NAN, f64::NAN, CorrelationVerdict::NoData),
        ],
        hours: Vec::new(),
        house_hours: std::collections::BTreeMap::new(),
        metered: Vec::new(),
        model: wattribute_analysis::Model::of_little(&wattribute_domain::Series::default(), &[], &wattribute_domain::OwnerWords::new()),
    }
}

#[test]
fn csv_has_a_line_for_each_state_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    Target::new(&path, &[]).unwrap().write(&sample()).unwrap();
    insta::assert_snapshot!(std::fs::read_to_string(path).unwrap(), @r"
    at,entity_id,from,to,power_before_w,power_after_w,power_delta_w,power_delta_pct,standard_error_w,explained_w,verdict
    2025-10-09T08:53:20.123Z,light.hall,off,on 50 %,100.00,121.25,21.25,21.25,1.50,21.00,clean
    2025-10-09T08:54:20.000Z,light.hall,on 50 %,on,-50.00,0.00,50.00,100.00,1.50,21.00,overlapping
    2025-10-09T08:55:20.000Z,climate.hall,off,heating,0.00,1500.00,1500.00,,1.50,21.00,noisy
    2025-10-09T08:56:20.000Z,climate.hall,heating,off,,,,,,21.00,no_data
    ");
}

#[test]
fn parquet_says_the_same_with_nulls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.PARQUET");
    Target::new(&path, &[]).unwrap().write(&sample()).unwrap();
    let file = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    let rows: Vec<Record> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[0].get_timestamp_millis(0).unwrap(), 1_760_000_000_123);
    assert_eq!(rows[0].get_string(3).unwrap(), "on 50 %");
    assert_eq!(rows[1].get_double(7).unwrap(), 100.0);
    assert!(rows[2].get_double(7).is_err(), "percent of nothing is null");
    assert!(rows[3].get_double(4).is_err(), "no data is null");
    assert_eq!(rows[3].get_string(10).unwrap(), "no_data");
    let at = file.metadata().file_metadata().schema_descr().column(0).logical_type_ref().cloned();
    let utc = LogicalType::timestamp(true, ::parquet::basic::TimeUnit::MILLIS);
    assert_eq!(at, Some(utc), "instants are UTC");
    let names: Vec<_> = rows[0].get_column_iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, COLUMNS);
}

#[test]
fn other_endings_are_refused() {
    assert!(Target::new(Path::new("out.xlsx"), &[]).is_err());
    assert!(Target::new(Path::new("out"), &[]).is_err());
}
