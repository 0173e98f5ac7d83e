//! The database of energyMeter (<https://github.com/momonala/energyMeter>): one smart meter behind Tasmota, a row for each of its messages.
//!
//! Its times are those of the clock on its wall, without an offset. In the hour that comes twice in autumn the rows' own order tells which it
//! is: where the clock falls, the second hour has begun.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use chrono::{NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use wattribute_domain::{Hold, Quantity, Reading, Role, SeriesInfo};
use wattribute_store::{Batch, Store};

use super::{BATCH, Summary};
use crate::adapters::tasmota;

/// Its table, and what is in each column.
const TABLE: &str = "energy_readings";
const COLUMNS: [(&str, Quantity); 6] = [
    ("power_watts", Quantity::PowerW),
    ("energy_in_kwh", Quantity::EnergyImportKwh),
    ("energy_out_kwh", Quantity::EnergyExportKwh),
    ("power_phase_1_watts", Quantity::PowerPhase1W),
    ("power_phase_2_watts", Quantity::PowerPhase2W),
    ("power_phase_3_watts", Quantity::PowerPhase3W),
];
/// What energyMeter calls the meter in the messages it takes.
const METER: &str = "mt681";
/// Rows that are read before they are written.
const ROWS: usize = BATCH / COLUMNS.len();

/// Whether a file is such a database.
pub fn is_energy_meter(path: &Path) -> bool {
    let open = || Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok();
    open().and_then(|db| columns(&db)).is_some()
}

/// Writes its readings as those of the Tasmota meter `mt681`, which goes on live. The same file again changes nothing. `zone` is that of the
/// clock on its wall.
pub async fn import_energy_meter(path: &Path, zone: Tz, store: &dyn Store) -> anyhow::Result<Summary> {
    let mut summary = Summary::default();
    let (mut last, mut numbers, mut left_out) = (Cursor::default(), BTreeMap::new(), 0_u64);
    loop {
        let (file, from) = (path.to_owned(), last.clone());
        let page = tokio::task::spawn_blocking(move || page(&file, zone, from)).await??;
        left_out += page.left_out;
        let is_end = page.rows == 0;
        for info in page.series {
            if let Entry::Vacant(free) = numbers.entry(info.quantity) {
                free.insert(store.describe(vec![info]).await?[0]);
            }
        }
        let of = |(quantity, at_ms, value): (Quantity, i64, f64)| numbers.get(&quantity).map(|&series| Reading { series, at_ms, value });
        let readings: Vec<Reading> = page.readings.into_iter().filter_map(of).collect();
        let first = readings.iter().map(|reading| reading.at_ms).min();
        summary.readings += readings.len() as u64;
        summary.extend(first.zip(readings.iter().map(|reading| reading.at_ms).max()));
        store.write(Batch { readings, ..Batch::default() }).await?;
        last = page.last;
        if is_end {
            break;
        }
    }
    summary.series = numbers.len() as u64;
    if left_out > 0 {
        summary.notes.push(format!("{left_out} rows of {} were left out: they have no time, or say nothing", path.display()));
    }
    Ok(summary)
}

/// How far has been read.
#[derive(Clone, Debug, Default)]
struct Cursor {
    rowid: i64,
    /// The last instant, ms since the epoch.
    at_ms: Option<i64>,
}

#[derive(Default)]
struct Page {
    rows: usize,
    left_out: u64,
    series: Vec<SeriesInfo>,
    readings: Vec<(Quantity, i64, f64)>,
    last: Cursor,
}

/// Which of the columns there are; `None` where it is another database.
fn columns(db: &Connection) -> Option<Vec<(&'static str, Quantity)>> {
    let mut statement = db.prepare("SELECT name FROM pragma_table_info(?1)").ok()?;
    let names: Vec<String> = statement.query_map([TABLE], |row| row.get(0)).ok()?.filter_map(Result::ok).collect();
    let there = |name: &str| names.iter().any(|known| known == name);
    (there("timestamp") && there("power_watts")).then(|| COLUMNS.into_iter().filter(|(name, _)| there(name)).collect())
}

fn page(path: &Path, zone: Tz, from: Cursor) -> anyhow::Result<Page> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let Some(columns) = columns(&db) else { anyhow::bail!("{}: there is no table {TABLE} with a power in it", path.display()) };
    let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    // Rows stand in the order in which they came.
    let mut statement = db.prepare(&format!("SELECT rowid, timestamp, {names} FROM {TABLE} WHERE rowid > ?1 ORDER BY rowid LIMIT ?2"))?;
    let mut rows = statement.query(rusqlite::params![from.rowid, ROWS as i64])?;
    let mut page = Page { last: from, ..Page::default() };
    let info = |quantity| SeriesInfo {
        role: Some(Role::WholeHouse),
        hold: Hold::Intervals,
        name: Some(METER.to_ascii_uppercase()),
        ..SeriesInfo::new(tasmota::NAME, METER, quantity)
    };
    while let Some(row) = rows.next()? {
        page.rows += 1;
        page.last.rowid = row.get(0)?;
        let values: Vec<(Quantity, f64)> =
            (2..).zip(&columns).filter_map(|(k, (_, quantity))| Some((*quantity, finite(row, k)?))).collect();
        let Some(at_ms) = instant(row, zone, page.last.at_ms).filter(|_| !values.is_empty()) else {
            page.left_out += 1;
            continue;
        };
        page.last.at_ms = Some(at_ms);
        for (quantity, value) in values {
            if !page.series.iter().any(|known: &SeriesInfo| known.quantity == quantity) {
                page.series.push(info(quantity));
            }
            page.readings.push((quantity, at_ms, value));
        }
    }
    Ok(page)
}

fn finite(row: &Row<'_>, k: usize) -> Option<f64> {
    let value = match row.get_ref(k).ok()? {
        ValueRef::Real(value) => value,
        ValueRef::Integer(value) => value as f64,
        _ => return None,
    };
    value.is_finite().then_some(value)
}

/// The instant of a row, ms since the epoch: the first of two where the clock was put back, unless that lies before the row before it.
fn instant(row: &Row<'_>, zone: Tz, last_ms: Option<i64>) -> Option<i64> {
    let text: String = row.get(1).ok()?;
    if let Ok(exact) = chrono::DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)) {
        return Some(exact.timestamp_millis());
    }
    let wall = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"].iter().find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok())?;
    let (first, second) = match zone.from_local_datetime(&wall) {
        chrono::LocalResult::Single(at) => return Some(at.timestamp_millis()),
        chrono::LocalResult::Ambiguous(first, second) => (first.timestamp_millis(), second.timestamp_millis()),
        chrono::LocalResult::None => return None,
    };
    Some(if last_ms.is_some_and(|last_ms| last_ms > first) { second } else { first })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use wattribute_store::{Origin, open};

    use super::*;

    /// As its SQLAlchemy models make it.
    fn database(path: &Path, rows: &[&str]) {
        let db = Connection::open(path).unwrap();
        db.execute_batch(
            "CREATE TABLE energy_readings (timestamp DATETIME NOT NULL, meter_id VARCHAR(255), power_watts FLOAT, energy_in_kwh FLOAT,
                energy_out_kwh FLOAT, power_phase_1_watts FLOAT, power_phase_2_watts FLOAT, power_phase_3_watts FLOAT,
                raw_payload TEXT NOT NULL, PRIMARY KEY (timestamp))",
        )
        .unwrap();
        for row in rows {
            db.execute_batch(&format!("INSERT INTO energy_readings VALUES ({row}, '{{}}')")).unwrap();
        }
    }

    #[tokio::test]
    async fn the_meter_goes_on_with_what_energy_meter_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("energy.db");
        database(
            &path,
            &[
                "'2026-10-25 02:30:00.250000', 'm', 412.0, 1500.5, 0.25, 100, 200, 112",
                "'2026-10-25 02:59:59.000000', 'm', 500.0, 1500.6, 0.25, NULL, NULL, NULL",
                "'2026-10-25 02:00:01.000000', 'm', 510.0, 1500.7, 0.25, NULL, NULL, NULL",
                "'2026-10-25 03:00:01.000000', 'm', -20.0, 1500.8, 0.26, NULL, NULL, NULL",
                "'yesterday', 'm', 1.0, NULL, NULL, NULL, NULL, NULL",
                "'2026-10-25 03:00:11.000000', 'm', NULL, NULL, NULL, NULL, NULL, NULL",
            ],
        );
        assert!(is_energy_meter(&path) && !is_energy_meter(folder.path()));
        let store = open(&format!("sqlite:{}", folder.path().join("store.db").display()), Origin::Home).unwrap();
        for _ in 0..2 {
            let summary = import_energy_meter(&path, Tz::Europe__Berlin, &*store).await.unwrap();
            assert_eq!((summary.series, summary.readings), (6, 15), "{summary:?}");
            assert!(summary.notes[0].starts_with("2 rows"), "{summary:?}");
        }
        let series = store.series().await.unwrap();
        let (power, info) = series.iter().find(|(_, info)| info.quantity == Quantity::PowerW).unwrap();
        assert_eq!(info.known_as(), "tasmota.mt681");
        let rows = store.readings(*power, 0, i64::MAX).await.unwrap();
        let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        let expected = ["2026-10-25T00:30:00.250Z", "2026-10-25T00:59:59Z", "2026-10-25T01:00:01Z", "2026-10-25T02:00:01Z"].map(at);
        assert_eq!((rows.at_ms, rows.value), (expected.to_vec(), vec![412.0, 500.0, 510.0, -20.0]));
        // The live meter, whose identity is its topic, goes on with the same series.
        let live = SeriesInfo { identity: "tasmota_6F0690/MT681".to_owned(), ..info.clone() };
        assert_eq!(store.describe(vec![live]).await.unwrap(), [*power]);
    }
}
