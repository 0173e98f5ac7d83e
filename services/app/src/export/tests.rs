use clap::Parser as _;
use wattribute_domain::Reading;
use wattribute_store::{Batch, open};

use super::*;

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    arguments: ExportArguments,
}

fn arguments(words: &[&str]) -> ExportArguments {
    Cli::try_parse_from([&["export"], words].concat()).unwrap().arguments
}

fn ms(at: &str) -> i64 {
    DateTime::parse_from_rfc3339(at).unwrap().timestamp_millis()
}

#[test]
fn months_are_those_of_the_homes_calendar() {
    let found = months(ms("2026-01-31T23:30:00Z"), ms("2026-03-31T22:00:00Z"), Tz::Europe__Berlin);
    let shown: Vec<_> = found.iter().map(|month| (month.year, month.month, month.to_ms - month.from_ms)).collect();
    const HOUR: i64 = 3_600_000;
    assert_eq!(shown, [(2026, 2, 28 * 24 * HOUR), (2026, 3, 31 * 24 * HOUR - HOUR)], "an hour is missing in March");
    assert_eq!(months(5, 5, Tz::UTC), []);
}

#[tokio::test]
async fn every_reading_is_in_the_file_of_its_month_and_silence_is_nothing() {
    let home = tempfile::tempdir().unwrap();
    let store = open(&format!("sqlite:{}", home.path().join("a.db").display()), Origin::Home).unwrap();
    let plug = SeriesInfo { name: Some("Desk, \"left\"".to_owned()), ..SeriesInfo::new("kasa", "desk", Quantity::PowerW) };
    let modes = vec!["off".to_owned(), "on".to_owned()];
    let lamp = SeriesInfo { modes, ..SeriesInfo::new("home_assistant", "light.hall", Quantity::Level) };
    let ids = store.describe(vec![plug, lamp]).await.unwrap();
    let reading = |series, at: &str, value| Reading { series, at_ms: ms(at), value };
    let readings = vec![
        reading(ids[0], "2025-12-31T23:59:59.500Z", 1.25),
        reading(ids[0], "2026-01-01T00:00:00Z", f64::NAN),
        reading(ids[1], "2026-01-02T00:00:00Z", 1.0),
    ];
    store.write(Batch { readings, ..Batch::default() }).await.unwrap();
    let folder = home.path().join("out");
    let (files, rows) = write(&arguments(&[folder.to_str().unwrap()]), &*store).await.unwrap();
    assert_eq!((files, rows), (2, 3));
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let head = "at,source,device,name,role,quantity,value,state\n";
    let december = format!("{head}2025-12-31T23:59:59.500Z,kasa,desk,\"Desk, \"\"left\"\"\",,power_w,1.25,\n");
    assert_eq!(text("readings-2025-12.csv"), december);
    let january = "2026-01-01T00:00:00.000Z,kasa,desk,\"Desk, \"\"left\"\"\",,power_w,,\n\
                   2026-01-02T00:00:00.000Z,home_assistant,light.hall,,,level,1,on\n";
    assert_eq!(text("readings-2026-01.csv"), format!("{head}{january}"));

    let words = [folder.to_str().unwrap(), "--format", "parquet", "--from", "2026-01-01T00:00:00Z"];
    assert_eq!(write(&arguments(&words), &*store).await.unwrap(), (1, 2));
    let file = File::open(folder.join("year=2026/month=01/readings.parquet")).unwrap();
    let reader = ::parquet::file::reader::SerializedFileReader::new(file).unwrap();
    let rows = ::parquet::file::reader::FileReader::get_row_iter(&reader, None).unwrap();
    let rows: Vec<String> = rows.map(|row| row.unwrap().to_string()).collect();
    assert_eq!(rows.len(), 2);
    assert!(rows[0].contains("device: \"desk\"") && rows[0].contains("value: null"), "{rows:?}");
    assert!(rows[1].contains("value: 1") && rows[1].contains("state: \"on\"") && rows[1].contains("name: null"), "{rows:?}");
    let is_part = |path: PathBuf| path.extension().is_some_and(|end| end == "part");
    assert!(!std::fs::read_dir(&folder).unwrap().any(|entry| is_part(entry.unwrap().path())));
}
