//! How quick and how small the store is, as JSON; `scripts/bench_store.py` runs it beside others.
//!
//! `bench FOLDER [recording.bin ...]` measures; a recording is pairs of little-endian `i64` (ms) and `f64` (W). `bench --lines FOLDER` writes
//! the data that others are given, in InfluxDB's line protocol.
#![allow(clippy::unwrap_used, reason = "a bench: what goes wrong ends it")]

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use wattribute_domain::{Quantity, Reading, SeriesId, SeriesInfo};
use wattribute_store::{Batch, Origin, Settings, Store};

const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// The present, to the bench: 2026-11-21 10:00 UTC.
const NOW: i64 = 1_795_255_200_000;
const SERIES: u64 = 40;
const YEAR_MS: i64 = 365 * DAY;

/// A house's power: base load, fridge, appliances that come and go, noise of the meter; in steps of `resolution_w`.
struct House {
    random: u64,
    loads_w: [f64; 6],
    resolution_w: f64,
}

impl House {
    fn new(seed: u64, resolution_w: f64) -> Self {
        House { random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, loads_w: [0.0; 6], resolution_w }
    }

    fn uniform(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    fn power_w(&mut self, after_s: f64) -> f64 {
        const SIZES_W: [f64; 6] = [70.0, 2100.0, 12.0, 45.0, 900.0, 350.0];
        const ON_S: [f64; 6] = [900.0, 180.0, 7000.0, 9000.0, 600.0, 3600.0];
        for k in 0..6 {
            let mean_s = if self.loads_w[k] > 0.0 { ON_S[k] } else { ON_S[k] * (2.0 + 3.0 * k as f64) };
            if self.uniform() < after_s / mean_s {
                self.loads_w[k] = if self.loads_w[k] > 0.0 { 0.0 } else { SIZES_W[k] * (0.98 + 0.04 * self.uniform()) };
            }
        }
        let load: f64 = 130.0 + self.loads_w.iter().sum::<f64>();
        // Sum of uniforms: near enough to a bell; a meter's noise grows with the load.
        let noise = (0..4).map(|_| self.uniform() - 0.5).sum::<f64>() * (1.0 + 0.002 * load);
        ((load + noise) / self.resolution_w).round() * self.resolution_w
    }
}

fn readings(series: SeriesId, from_ms: i64, to_ms: i64, step_ms: i64, jitter_ms: f64, house: &mut House) -> Vec<Reading> {
    let mut said = Vec::with_capacity(((to_ms - from_ms) / step_ms) as usize);
    let mut at_ms = from_ms;
    while at_ms < to_ms {
        let late = (house.uniform() * jitter_ms) as i64;
        said.push(Reading { series, at_ms: at_ms + late, value: house.power_w(step_ms as f64 / 1000.0) });
        at_ms += step_ms;
    }
    said
}

fn open(path: &Path) -> Arc<dyn Store> {
    wattribute_store::open_with(&format!("sqlite:{}", path.display()), Origin::Home, Settings::forever()).unwrap()
}

async fn describe(store: &Arc<dyn Store>, count: u64) -> Vec<SeriesId> {
    let infos = (0..count).map(|k| SeriesInfo::new("bench", &format!("s{k}"), Quantity::PowerW)).collect();
    store.describe(infos).await.unwrap()
}

/// Bytes of the file once it is closed.
fn size(path: &Path) -> f64 {
    std::fs::metadata(path).unwrap().len() as f64
}

/// Tells the operating system to drop the file from its cache; without `dd` the first look is warm.
fn forget(path: &Path) {
    Command::new("dd").arg(format!("if={}", path.display())).args(["iflag=nocache", "count=0", "status=none"]).status().ok();
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Live writing: 40 series at 1 s, all of them in each batch of 10,000.
async fn write_recent(folder: &Path) -> f64 {
    let path = folder.join("recent.db");
    let store = open(&path);
    let ids = describe(&store, SERIES).await;
    let mut houses: Vec<House> = (0..SERIES).map(|k| House::new(k + 1, 0.1)).collect();
    let per_batch = 10_000 / SERIES as i64;
    let batches: Vec<Batch> = (0..100)
        .map(|n| {
            let from = NOW - HOUR + n * per_batch * SECOND;
            let each =
                ids.iter().zip(&mut houses).flat_map(|(&id, house)| readings(id, from, from + per_batch * SECOND, SECOND, 0.0, house));
            Batch { readings: each.collect(), ..Batch::default() }
        })
        .collect();
    let count: usize = batches.iter().map(|b| b.readings.len()).sum();
    let begun = Instant::now();
    for batch in batches {
        store.write(batch).await.unwrap();
    }
    count as f64 / begun.elapsed().as_secs_f64()
}

/// Backfill: days of one series after another at 1 s, and how many bytes a reading takes then.
async fn write_bulk(folder: &Path, name: &str, resolution_w: f64, jitter_ms: f64) -> (f64, f64) {
    let path = folder.join(name);
    let store = open(&path);
    let ids = describe(&store, 10).await;
    let (mut count, mut seconds) = (0, 0.0);
    for &id in &ids {
        let said = readings(id, NOW - 3 * DAY, NOW - DAY, SECOND, jitter_ms, &mut House::new(u64::from(id.0), resolution_w));
        for day in said.chunks(86_400) {
            count += day.len();
            let batch = Batch { readings: day.to_vec(), ..Batch::default() };
            let begun = Instant::now();
            store.write(batch).await.unwrap();
            seconds += begun.elapsed().as_secs_f64();
        }
    }
    drop(store);
    (count as f64 / seconds, size(&path) / count as f64)
}

/// Bytes a reading of a real recording takes.
async fn recorded(folder: &Path, recording: &Path) -> (usize, f64) {
    let path = folder.join("recording.db");
    std::fs::remove_file(&path).ok();
    let store = open(&path);
    let id = describe(&store, 1).await[0];
    let bytes = std::fs::read(recording).unwrap();
    let said = bytes.chunks_exact(16).map(|b| Reading {
        series: id,
        at_ms: i64::from_le_bytes(b[..8].try_into().unwrap()),
        value: f64::from_le_bytes(b[8..].try_into().unwrap()),
    });
    let said: Vec<Reading> = said.collect();
    for part in said.chunks(200_000) {
        store.write(Batch { readings: part.to_vec(), ..Batch::default() }).await.unwrap();
    }
    store.maintain(NOW + 1000 * DAY).await.unwrap();
    let found = store.readings(id, i64::MIN, i64::MAX).await.unwrap();
    assert_eq!(found.len(), said.len());
    drop(store);
    (said.len(), size(&path) / said.len() as f64)
}

fn year(id: SeriesId) -> Vec<Reading> {
    readings(id, NOW - YEAR_MS, NOW, 10 * SECOND, 0.0, &mut House::new(1, 0.1))
}

fn last_day(id: SeriesId) -> Vec<Reading> {
    readings(id, NOW - DAY, NOW, 10 * SECOND, 0.0, &mut House::new(100 + u64::from(id.0), 0.1))
}

/// A year of one series at 10 s and the last day of 40: what a dashboard asks for, in ms.
async fn ask(folder: &Path) -> serde_json::Value {
    let path = folder.join("year.db");
    let store = open(&path);
    let ids = describe(&store, SERIES + 1).await;
    for part in year(ids[0]).chunks(200_000) {
        store.write(Batch { readings: part.to_vec(), ..Batch::default() }).await.unwrap();
    }
    for &id in &ids[1..] {
        // As it came in: what is young is not folded.
        let said = last_day(id);
        let (old, young) = said.split_at(said.partition_point(|r| r.at_ms < NOW - 3 * HOUR / 2));
        store.write(Batch { readings: old.to_vec(), ..Batch::default() }).await.unwrap();
        for part in young.chunks(60) {
            store.write(Batch { readings: part.to_vec(), ..Batch::default() }).await.unwrap();
        }
    }
    store.maintain(NOW).await.unwrap();
    drop(store);
    let bytes = size(&path);

    let charts = [("year", YEAR_MS), ("month", 30 * DAY), ("day", DAY)];
    let mut told = serde_json::json!({"year_db_bytes_a_reading": bytes / (YEAR_MS / 10_000 + SERIES as i64 * 8640) as f64});
    for (name, span) in charts {
        let step = span / 2000;
        forget(&path);
        let store = open(&path);
        let begun = Instant::now();
        let cold_points = store.chart(ids[0], NOW - span, NOW, step).await.unwrap().len();
        let cold_ms = begun.elapsed().as_secs_f64() * 1000.0;
        let mut warm = Vec::new();
        for _ in 0..51 {
            let begun = Instant::now();
            assert_eq!(store.chart(ids[0], NOW - span, NOW, step).await.unwrap().len(), cold_points);
            warm.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        told[format!("{name}_chart_cold_ms")] = cold_ms.into();
        told[format!("{name}_chart_ms")] = median(warm).into();
    }
    let store = open(&path);
    let mut all = Vec::new();
    for _ in 0..11 {
        let begun = Instant::now();
        let mut count = 0;
        for &id in &ids[1..] {
            count += store.readings(id, NOW - DAY, NOW).await.unwrap().len();
        }
        assert_eq!(count, SERIES as usize * 8640);
        all.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    told["last_day_of_40_ms"] = median(all).into();
    let begun = Instant::now();
    let count = store.readings(ids[0], NOW - YEAR_MS, NOW).await.unwrap().len();
    told["year_scan_readings_per_s"] = (count as f64 / begun.elapsed().as_secs_f64()).into();
    let mut latest = Vec::new();
    for _ in 0..101 {
        let begun = Instant::now();
        assert_eq!(store.latest().await.unwrap().len(), ids.len());
        latest.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    told["latest_ms"] = median(latest).into();
    told
}

/// The same in plain rows, as one would write it down: a table of readings with a key.
fn plain(folder: &Path) -> serde_json::Value {
    let path = folder.join("plain.db");
    let create = |path: &Path| {
        let db = rusqlite::Connection::open(path).unwrap();
        db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        db.pragma_update(None, "synchronous", "FULL").unwrap();
        db.execute_batch("CREATE TABLE reading (series INTEGER, at_ms INTEGER, value REAL, PRIMARY KEY (series, at_ms)) WITHOUT ROWID")
            .unwrap();
        db
    };
    let insert = |db: &mut rusqlite::Connection, said: &[Reading]| {
        let begun = Instant::now();
        let tx = db.transaction().unwrap();
        {
            let mut put = tx.prepare_cached("INSERT OR REPLACE INTO reading VALUES (?1, ?2, ?3)").unwrap();
            for r in said {
                put.execute(rusqlite::params![r.series.0, r.at_ms, r.value]).unwrap();
            }
        }
        tx.commit().unwrap();
        begun.elapsed().as_secs_f64()
    };
    let mut db = create(&path);
    let id = SeriesId(1);
    for part in year(id).chunks(200_000) {
        insert(&mut db, part);
    }
    for k in 2..SERIES as u32 + 2 {
        insert(&mut db, &last_day(SeriesId(k)));
    }
    let ask = |db: &rusqlite::Connection, span: i64| {
        let mut statement = db
            .prepare_cached("SELECT (at_ms - ?2) / ?3, min(value), avg(value), max(value) FROM reading WHERE series = ?1 AND at_ms >= ?2 AND at_ms < ?4 GROUP BY 1")
            .unwrap();
        let begun = Instant::now();
        let rows = statement.query_map([1, NOW - span, span / 2000, NOW], |r| r.get::<_, f64>(2)).unwrap();
        assert!(rows.count() >= 2000);
        begun.elapsed().as_secs_f64() * 1000.0
    };
    let mut told = serde_json::json!({});
    drop(db);
    told["year_db_bytes_a_reading"] = (size(&path) / (YEAR_MS / 10_000 + SERIES as i64 * 8640) as f64).into();
    for (name, span) in [("year", YEAR_MS), ("month", 30 * DAY), ("day", DAY)] {
        forget(&path);
        let db = rusqlite::Connection::open(&path).unwrap();
        told[format!("{name}_chart_cold_ms")] = ask(&db, span).into();
        told[format!("{name}_chart_ms")] = median((0..5).map(|_| ask(&db, span)).collect()).into();
    }
    let db = rusqlite::Connection::open(&path).unwrap();
    let day = || {
        let begun = Instant::now();
        let mut statement = db.prepare_cached("SELECT at_ms, value FROM reading WHERE series = ?1 AND at_ms >= ?2 AND at_ms < ?3").unwrap();
        for k in 2..SERIES as i64 + 2 {
            let rows = statement.query_map([k, NOW - DAY, NOW], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, f64>(1)?))).unwrap();
            assert_eq!(rows.map(|r| r.unwrap()).collect::<Vec<_>>().len(), 8640);
        }
        begun.elapsed().as_secs_f64() * 1000.0
    };
    told["last_day_of_40_ms"] = median((0..11).map(|_| day()).collect()).into();

    let at_1s = folder.join("plain1s.db");
    let mut db = create(&at_1s);
    let (mut count, mut seconds) = (0, 0.0);
    for k in 1..=10 {
        let said = readings(SeriesId(k), NOW - 3 * DAY, NOW - DAY, SECOND, 0.0, &mut House::new(u64::from(k), 0.1));
        for part in said.chunks(10_000) {
            count += part.len();
            seconds += insert(&mut db, part);
        }
    }
    drop(db);
    told["write_per_s"] = (count as f64 / seconds).into();
    told["bytes_a_reading_1s"] = (size(&at_1s) / count as f64).into();
    told
}

/// Line protocol: the year and the last day of 40 series, and two days of 10 series at 1 s for size and speed.
fn lines(folder: &Path) {
    let write = |name: &str, readings: &mut dyn Iterator<Item = Reading>| {
        let mut out = BufWriter::new(std::fs::File::create(folder.join(name)).unwrap());
        for r in readings {
            writeln!(out, "power,s=s{} w={} {}", r.series.0, (r.value * 10.0).round() / 10.0, r.at_ms).unwrap();
        }
    };
    write("year.lines", &mut year(SeriesId(1)).into_iter().chain((2..SERIES as u32 + 2).flat_map(|k| last_day(SeriesId(k)))));
    let at_1s = |k: u32| readings(SeriesId(k), NOW - 3 * DAY, NOW - DAY, SECOND, 0.0, &mut House::new(u64::from(k), 0.1));
    write("1s.lines", &mut (1..=10).flat_map(at_1s));
}

#[tokio::main]
async fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let only_lines = arguments.first().is_some_and(|a| a == "--lines");
    if only_lines {
        arguments.remove(0);
    }
    let folder = PathBuf::from(arguments.first().expect("bench FOLDER [recording.bin ...]"));
    std::fs::create_dir_all(&folder).unwrap();
    if only_lines {
        lines(&folder);
        return;
    }
    let mut ours = ask(&folder).await;
    ours["write_recent_per_s"] = write_recent(&folder).await.into();
    for (name, resolution_w, jitter_ms) in [("1s", 0.1, 0.0), ("1s_1w", 1.0, 0.0), ("1s_jitter", 0.1, 20.0)] {
        let (rate, bytes) = write_bulk(&folder, &format!("{name}.db"), resolution_w, jitter_ms).await;
        ours[format!("write_bulk_{name}_per_s")] = rate.into();
        ours[format!("bytes_a_reading_{name}")] = bytes.into();
    }
    let mut recordings = serde_json::json!({});
    for recording in &arguments[1..] {
        let (count, bytes) = recorded(&folder, Path::new(recording)).await;
        let name = Path::new(recording).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        recordings[name] = serde_json::json!({"readings": count, "bytes_a_reading": bytes});
    }
    let told = serde_json::json!({"wattribute": ours, "recordings": recordings, "plain SQLite": plain(&folder)});
    println!("{}", serde_json::to_string_pretty(&told).unwrap());
}
