//! Files.

use axum::body::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use wattribute_domain::HourEnergy;

use super::*;

impl Home {
    /// A file with its name and kind.
    async fn file(&self, path: &str) -> (Bytes, String, String) {
        let app: Router = crate::router(Api::new(self.store.clone(), Config::default(), false)).split_for_parts().0;
        let response = app.oneshot(Request::get(format!("/api/v1/{path}")).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let (name, kind) = (header("content-disposition"), header("content-type"));
        (to_bytes(response.into_body(), usize::MAX).await.unwrap(), name, kind)
    }

    async fn table(&self, path: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let (bytes, ..) = self.file(path).await;
        let mut csv = csv::Reader::from_reader(&bytes[..]);
        let header = csv.headers().unwrap().iter().map(str::to_owned).collect();
        (header, csv.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect())
    }
}

#[tokio::test]
async fn readings_are_written_as_they_were_said() {
    let home = Home::lived_in().await;
    let now_ms = now().timestamp_millis();
    let silent = Reading { series: SeriesId(1), at_ms: now_ms - 1000, value: f64::NAN };
    home.store.write(Batch { readings: vec![silent], ..Batch::default() }).await.unwrap();
    let (bytes, name, kind) = home.file("export.csv?series=1,3").await;
    assert!(name.starts_with("attachment; filename=\"wattribute-readings-") && name.ends_with("Z.csv\""), "{name}");
    assert!(kind.starts_with("text/csv"), "{kind}");
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.starts_with("timestamp,source,device,name,quantity,unit,value,state\r\n"), "{text}");
    assert!(text.contains("Z,home_assistant,sensor.house_power,sensor.house_power,power_w,W,500,\r\n"), "{text}");
    assert!(text.contains(",power_w,W,,\r\n"), "a silence is an empty field: {text}");
    assert!(text.contains("Z,home_assistant,switch.kettle,Kettle,level,,0,off\r\n"), "{text}");
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[tokio::test]
async fn an_interval_gives_means() {
    let home = Home::lived_in().await;
    let t = now().timestamp_millis() - 3_600_000;
    let (header, rows) = home.table(&format!("export.csv?device=sensor.house_power&from={t}&to={}&interval=10m", t + 3_600_000)).await;
    assert_eq!(header[6..], ["mean", "min", "max", "covered"]);
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|row| row[6..] == ["500", "500", "500", "1"]), "{rows:?}");
}

#[tokio::test]
async fn no_name_is_a_formula() {
    let home = Home::empty();
    let bad = ["=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "plain, \"quoted\""];
    for (k, name) in bad.iter().enumerate() {
        let info =
            SeriesInfo { name: Some((*name).to_owned()), ..SeriesInfo::new("home_assistant", &format!("sensor.a{k}"), Quantity::PowerW) };
        let id = home.store.describe(vec![info]).await.unwrap()[0];
        let reading = Reading { series: id, at_ms: now().timestamp_millis() - 1000, value: -5.0 };
        home.store.write(Batch { readings: vec![reading], ..Batch::default() }).await.unwrap();
    }
    let (_, rows) = home.table("export.csv").await;
    let names: Vec<&str> = rows.iter().map(|row| row[3].as_str()).collect();
    assert_eq!(names, ["'=HYPERLINK(\"http://x\")", "'+1", "'-1", "'@SUM(A1)", "plain, \"quoted\""]);
    // A number is a number.
    assert!(rows.iter().all(|row| row[6] == "-5"), "{rows:?}");
}

#[tokio::test]
async fn correlations_and_energy_are_files_too() {
    let home = Home::lived_in().await;
    let (header, rows) = home.table("export.csv?what=correlations").await;
    assert_eq!(header[..5], ["timestamp", "entity_id", "name", "previous_state", "state"]);
    let deltas: Vec<&str> = rows.iter().map(|row| row[7].as_str()).collect();
    assert_eq!(deltas, ["2000", "12", "1990"]);
    assert_eq!((rows[0][10].as_str(), rows[0][11].as_str(), rows[0][12].as_str()), ("", "clean", "final"));
    let hour_ms = (now().timestamp_millis() / 3_600_000 - 1) * 3_600_000;
    let hour = HourEnergy { series: SeriesId(3), hour_ms, energy_kwh: 0.125, estimated: true };
    home.store.replace_energy(hour_ms, hour_ms + 1, vec![hour]).await.unwrap();
    let (header, rows) = home.table("export.csv?what=energy").await;
    assert_eq!(header, ["timestamp", "device", "name", "energy_kwh", "estimated"]);
    assert_eq!(rows, [[&*instant(hour_ms), "switch.kettle", "Kettle", "0.125", "true"]]);
}

#[tokio::test]
async fn parquet_holds_what_csv_holds() {
    let home = Home::lived_in().await;
    let now_ms = now().timestamp_millis();
    let id = home.store.describe(vec![SeriesInfo::new("test", "long", Quantity::PowerW)]).await.unwrap()[0];
    // More than one row group and several days.
    let readings: Vec<Reading> = (0..200_000)
        .map(|k| Reading { series: id, at_ms: now_ms - 410_000_000 + k * 2_000, value: if k == 7 { f64::NAN } else { k as f64 } })
        .collect();
    home.store.write(Batch { readings, ..Batch::default() }).await.unwrap();
    let (bytes, name, kind) = home.file(&format!("export.parquet?device=long&from={}", now_ms - 500_000_000)).await;
    assert!(name.ends_with("Z.parquet\"") && kind == "application/vnd.apache.parquet", "{name} {kind}");
    let reader = SerializedFileReader::new(bytes).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 200_000);
    assert_eq!(reader.num_row_groups(), 2);
    for (k, row) in reader.get_row_iter(None).unwrap().enumerate() {
        let row = row.unwrap();
        assert_eq!(row.get_timestamp_millis(0).unwrap(), now_ms - 410_000_000 + k as i64 * 2_000);
        if k == 7 {
            assert!(row.get_double(6).is_err(), "a silence is null");
        } else {
            assert_eq!((row.get_string(2).unwrap().as_str(), row.get_double(6).unwrap()), ("long", k as f64));
        }
    }
    let (bytes, ..) = home.file("export.parquet?what=correlations").await;
    assert_eq!(SerializedFileReader::new(bytes).unwrap().metadata().file_metadata().num_rows(), 3);
}

#[tokio::test]
async fn nothing_is_a_file_with_a_header() {
    let home = Home::empty();
    for what in ["readings", "correlations", "energy"] {
        let (header, rows) = home.table(&format!("export.csv?what={what}")).await;
        assert!(header.len() > 4 && rows.is_empty(), "{what}");
        let (bytes, ..) = home.file(&format!("export.parquet?what={what}")).await;
        assert_eq!(SerializedFileReader::new(bytes).unwrap().metadata().file_metadata().num_rows(), 0);
    }
}
