//! Backups that are taken while the store is written, and put back.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use common::{T0, batch, power, reading, url};
use wattribute_domain::{Quantity, SeriesInfo};
use wattribute_store::{Origin, StoreError, open, restore};

fn refused(answer: Result<Option<std::path::PathBuf>, StoreError>) -> String {
    match answer {
        Err(error @ (StoreError::Refused(_) | StoreError::Corrupt(_))) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_under_write_load_holds_every_acknowledged_reading() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&url(folder.path()), Origin::Home).unwrap();
    let id = power(&store, "a").await;
    let (acknowledged, is_over) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let writer = tokio::spawn({
        let (store, acknowledged, is_over) = (store.clone(), acknowledged.clone(), is_over.clone());
        async move {
            while !is_over.load(Ordering::Relaxed) {
                let from = acknowledged.load(Ordering::Relaxed);
                store.write(batch((from..from + 50).map(|k| reading(id, T0 + 1000 * k, k as f64)).collect())).await.unwrap();
                acknowledged.store(from + 50, Ordering::Release);
            }
        }
    });
    while acknowledged.load(Ordering::Acquire) < 500 {
        tokio::task::yield_now().await;
    }
    for copy in 0..3 {
        let (before, path) = (acknowledged.load(Ordering::Acquire), folder.path().join(format!("copy-{copy}.db")));
        store.backup(&path).await.unwrap();
        let target = url(&elsewhere.path().join(copy.to_string()));
        assert_eq!(restore(&target, Origin::Home, &path).unwrap(), None, "there was none before");
        let restored = open(&target, Origin::Home).unwrap();
        let rows = restored.readings(id, T0, i64::MAX).await.unwrap();
        assert!(rows.len() as i64 >= before, "{} of {before}", rows.len());
        assert!(rows.value.iter().zip(0..).all(|(value, k)| *value == f64::from(k)), "in order and whole");
    }
    is_over.store(true, Ordering::Relaxed);
    writer.await.unwrap();
}

#[tokio::test]
async fn the_store_that_was_there_is_kept_and_one_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (url, backup) = (url(folder.path()), folder.path().join("backup.db"));
    let store = open(&url, Origin::Home).unwrap();
    power(&store, "old").await;
    store.backup(&backup).await.unwrap();
    power(&store, "new").await;
    let why = refused(restore(&url, Origin::Home, &backup));
    assert!(why.contains("in use"), "{why}");
    assert_eq!(store.series().await.unwrap().len(), 2, "it goes on");
    drop(store);
    let kept = restore(&url, Origin::Home, &backup).unwrap().unwrap();
    let names = |url: &str| {
        let store = open(url, Origin::Home).unwrap();
        async move { store.series().await.unwrap().into_iter().map(|(_, info)| info.device).collect::<Vec<_>>() }
    };
    assert_eq!(names(&url).await, ["old"]);
    assert_eq!(names(&format!("sqlite:{}", kept.display())).await, ["old", "new"]);
    assert_ne!(restore(&url, Origin::Home, &backup).unwrap().unwrap(), kept, "never written over");
}

#[tokio::test]
async fn what_is_no_whole_backup_of_this_home_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (url, demo, damaged) = (url(folder.path()), folder.path().join("demo.db"), folder.path().join("damaged.db"));
    let of_demo = open(&format!("sqlite:{}", demo.display()), Origin::Demo).unwrap();
    drop(of_demo);
    let store = open(&url, Origin::Home).unwrap();
    let many = (0..200).map(|k| SeriesInfo::new("test", &format!("device {k}"), Quantity::PowerW)).collect();
    store.describe(many).await.unwrap();
    store.backup(&damaged).await.unwrap();
    drop(store);
    let mut bytes = std::fs::read(&damaged).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 6000].fill(0xa5);
    std::fs::write(&damaged, bytes).unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "milk").unwrap();
    let says = |from: &Path| refused(restore(&url, Origin::Home, from));
    for (from, why) in [(&demo, "--demo"), (&damaged, "damaged"), (&text, "not a store"), (&folder.path().join("gone.db"), "no such file")]
    {
        assert!(says(from).contains(why), "{}", says(from));
    }
    assert_eq!(open(&url, Origin::Home).unwrap().series().await.unwrap().len(), 200);
    let left = std::fs::read_dir(folder.path().join("data")).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("restor")), "{left:?}");
}

#[tokio::test]
async fn a_damaged_store_is_put_aside_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let (url, backup) = (url(folder.path()), folder.path().join("backup.db"));
    let store = open(&url, Origin::Home).unwrap();
    let id = power(&store, "a").await;
    store.write(batch(vec![reading(id, T0, 1.0)])).await.unwrap();
    store.backup(&backup).await.unwrap();
    drop(store);
    let path = folder.path().join("data/store.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[200..].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    std::fs::write(folder.path().join("data/store.db-wal"), "half").unwrap();
    assert!(restore(&url, Origin::Home, &backup).unwrap().is_some());
    assert_eq!(open(&url, Origin::Home).unwrap().readings(id, T0, i64::MAX).await.unwrap().value, [1.0]);
}

#[tokio::test]
async fn a_backup_that_cannot_be_written_is_put_back_and_nothing_is_left_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&url(elsewhere.path()), Origin::Home).unwrap();
    let id = power(&store, "a").await;
    store.write(batch(vec![reading(id, T0, 1.0)])).await.unwrap();
    // A name that an address would read otherwise.
    let media = folder.path().join("disk #1? 100%");
    std::fs::create_dir(&media).unwrap();
    let backup = media.join("backup.db");
    store.backup(&backup).await.unwrap();
    // One that an earlier version made says of itself that it has a log.
    let earlier = media.join("earlier.db");
    let mut bytes = std::fs::read(&backup).unwrap();
    assert_eq!(bytes[18..20], [1, 1], "a backup stands alone");
    bytes[18..20].fill(2);
    std::fs::write(&earlier, bytes).unwrap();
    let allow = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let of_media = || std::fs::read_dir(&media).unwrap().count();
    [&backup, &earlier].iter().for_each(|file| allow(file, 0o444));
    allow(&media, 0o555);
    for (k, file) in [&backup, &earlier].into_iter().enumerate() {
        let target = url(&elsewhere.path().join(k.to_string()));
        assert_eq!(restore(&target, Origin::Home, file).unwrap(), None);
        assert_eq!(open(&target, Origin::Home).unwrap().readings(id, T0, i64::MAX).await.unwrap().value, [1.0]);
        // Who is root may write everywhere: then this says it.
        assert_eq!(of_media(), 2);
    }
    allow(&media, 0o755);
}

#[tokio::test]
async fn a_store_that_was_moved_away_with_its_log_is_put_back_with_what_stands_in_it() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&url(folder.path()), Origin::Home).unwrap();
    let id = power(&store, "a").await;
    store.write(batch(vec![reading(id, T0, 1.0)])).await.unwrap();
    // As the disk is after a power cut: the log is there.
    let moved = folder.path().join("moved.db");
    for end in ["", "-wal"] {
        std::fs::copy(folder.path().join(format!("data/store.db{end}")), folder.path().join(format!("moved.db{end}"))).unwrap();
    }
    assert!(std::fs::metadata(folder.path().join("moved.db-wal")).unwrap().len() > 0);
    let target = url(elsewhere.path());
    restore(&target, Origin::Home, &moved).unwrap();
    assert_eq!(open(&target, Origin::Home).unwrap().readings(id, T0, i64::MAX).await.unwrap().value, [1.0]);
}
