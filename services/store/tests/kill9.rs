//! What was acknowledged survives `kill -9` at any moment, and the next start needs no repair.
//!
//! The test starts itself as a child that writes 5,000 readings a second in batches, folds meanwhile, and prints each batch that was
//! acknowledged; the child is killed at a random moment. `WATTRIBUTE_KILL_SEED` repeats a run, `WATTRIBUTE_KILL_ROUNDS` sets how many.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use common::{HOUR, T0, batch, reading};
use wattribute_domain::{Quantity, SeriesId, SeriesInfo};

const SERIES: i64 = 10;
/// Readings of one batch: 50 of each series, 10 s apart.
const BATCH: i64 = 500;
const CHILD: &str = "WATTRIBUTE_KILL_CHILD";

/// Reading `k` of batch `n`.
fn said(ids: &[SeriesId], n: i64, k: i64) -> wattribute_domain::Reading {
    let (series, row) = (k % SERIES, n * (BATCH / SERIES) + k / SERIES);
    reading(ids[series as usize], T0 + row * 10_000 + series, ((n * 31 + k * 7) % 4000) as f64 / 10.0)
}

async fn ids(store: &std::sync::Arc<dyn wattribute_store::Store>) -> Vec<SeriesId> {
    let series = (0..SERIES).map(|k| SeriesInfo::new("test", &format!("s{k}"), Quantity::PowerW)).collect();
    store.describe(series).await.unwrap()
}

/// The child: writes from batch `first` on until it is killed.
#[test]
fn the_child_writes_until_it_is_killed() {
    let Ok(task) = std::env::var(CHILD) else { return };
    let (folder, first) = task.split_once('|').unwrap();
    let first: i64 = first.parse().unwrap();
    let run = async {
        let store = common::open(Path::new(folder));
        let ids = ids(&store).await;
        let mut out = std::io::stdout();
        let begun = Instant::now();
        for n in first.. {
            let now = T0 + n * (BATCH / SERIES) * 10_000;
            // Folding runs beside the writing, as it does in a service.
            let folding = (n % 7 == 3).then(|| {
                let store = store.clone();
                tokio::spawn(async move { store.maintain(now).await })
            });
            store.write(batch((0..BATCH).map(|k| said(&ids, n, k)).collect())).await.unwrap();
            writeln!(out, "acknowledged {n}").unwrap();
            out.flush().unwrap();
            if let Some(folding) = folding.filter(|_| n % 2 == 0) {
                folding.await.unwrap().unwrap();
            }
            // 5,000 readings a second.
            let due = Duration::from_millis((n - first + 1) as u64 * 100);
            tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
        }
    };
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(run);
}

/// Starts the child and kills it after `life`; the batches it acknowledged.
fn killed_after(folder: &Path, first: i64, life: Duration) -> BTreeSet<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["the_child_writes_until_it_is_killed", "--exact", "--nocapture"])
        .env(CHILD, format!("{}|{first}", folder.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let reading = std::thread::spawn(move || {
        lines.lines().map_while(Result::ok).filter_map(|l| l.strip_prefix("acknowledged ")?.parse().ok()).collect::<BTreeSet<i64>>()
    });
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap()
}

/// Batches found whole in the store; none may be there in part.
async fn found(folder: &Path) -> BTreeSet<i64> {
    let store = common::open(folder);
    let ids = ids(&store).await;
    let mut counts: std::collections::BTreeMap<i64, i64> = std::collections::BTreeMap::new();
    for (series, &id) in ids.iter().enumerate() {
        let rows = store.readings(id, T0 - HOUR, T0 + 1_000_000 * HOUR).await.unwrap();
        for (&at, &value) in rows.at_ms.iter().zip(&rows.value) {
            let row = (at - T0 - series as i64) / 10_000;
            let (n, k) = (row / (BATCH / SERIES), row % (BATCH / SERIES) * SERIES + series as i64);
            assert_eq!(reading(id, at, value), said(&ids, n, k), "a reading that nobody wrote");
            *counts.entry(n).or_default() += 1;
        }
    }
    store.check().await.unwrap();
    assert!(counts.values().all(|&c| c == BATCH), "part of a batch: {counts:?}");
    counts.into_keys().collect()
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = number("WATTRIBUTE_KILL_SEED").unwrap_or(now.as_nanos() as u64);
    let rounds = number("WATTRIBUTE_KILL_ROUNDS").unwrap_or(100);
    println!("seed {seed}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut random, mut acknowledged, mut next, mut in_flight, mut alive) = (seed | 1, BTreeSet::new(), 0, 0, 0);
    for round in 0..rounds {
        // xorshift
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let life = Duration::from_millis(60 + random % 240);
        let told = killed_after(folder.path(), next, life);
        alive += u64::from(!told.is_empty());
        acknowledged.extend(told);
        let there = runtime.block_on(found(folder.path()));
        let lost: Vec<_> = acknowledged.difference(&there).collect();
        assert!(lost.is_empty(), "seed {seed}, round {round}: acknowledged and lost: batches {lost:?}");
        // The batch that was on its way may be there, whole; from then on it counts as all others.
        let more: Vec<i64> = there.difference(&acknowledged).copied().collect();
        assert!(more.len() <= 1, "seed {seed}, round {round}: nobody acknowledged batches {more:?}");
        in_flight += more.len();
        next = there.last().map_or(0, |n| n + 1);
        acknowledged = there;
    }
    println!(
        "{rounds} kills, {alive} while writing: {} readings acknowledged or in flight, all found; {in_flight} batches were in flight and are whole",
        acknowledged.len() as i64 * BATCH
    );
    assert!(alive * 2 > rounds, "the child was killed too early to have written: {alive} of {rounds}");
}
