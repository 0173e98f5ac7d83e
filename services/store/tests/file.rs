//! The file: whose it is, who else has it open, what happens when it cannot be written.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::path::Path;

use common::{HOUR, T0, batch, power, reading, url};
use wattribute_domain::HourEnergy;
use wattribute_store::{Origin, StoreError, open, origin};

fn refusal(answer: Result<std::sync::Arc<dyn wattribute_store::Store>, StoreError>) -> String {
    match answer {
        Err(StoreError::Refused(text)) => text,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("opened"),
    }
}

#[tokio::test]
async fn a_store_never_holds_both_a_home_and_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    assert_eq!(origin(&url).unwrap(), None);
    drop(open(&url, Origin::Demo).unwrap());
    assert_eq!(origin(&url).unwrap(), Some(Origin::Demo));
    let text = refusal(open(&url, Origin::Home));
    assert!(text.contains("demo home") && text.contains("WATTRIBUTE__STORE__URL"), "{text}");
    open(&url, Origin::Demo).unwrap().check().await.unwrap();
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    drop(open(&url, Origin::Home).unwrap());
    let path = folder.path().join("data/store.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 9999).unwrap();
    drop(db);
    let text = refusal(open(&url, Origin::Home));
    assert!(text.contains("9999") && text.contains("newer"), "{text}");
}

#[tokio::test]
async fn an_older_format_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    let store = open(&url, Origin::Home).unwrap();
    let id = power(&store, "a").await;
    let hour = HourEnergy { series: id, hour_ms: T0 + HOUR, energy_kwh: 0.5, estimated: false };
    store.replace_energy(T0, T0 + 2 * HOUR, vec![hour]).await.unwrap();
    drop(store);
    // What format 2 added goes: this is a file of format 1.
    let db = rusqlite::Connection::open(folder.path().join("data/store.db")).unwrap();
    db.execute_batch("DROP TABLE energy_day; PRAGMA user_version = 1;").unwrap();
    drop(db);
    let store = open(&url, Origin::Home).unwrap();
    assert_eq!(store.total_energy(T0 + 9 * HOUR).await.unwrap(), [(id, 0.5)]);
}

#[test]
fn a_file_that_is_not_a_store_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text_file = folder.path().join("notes.txt");
    std::fs::write(&text_file, "milk, eggs").unwrap();
    let recorder = folder.path().join("home-assistant_v2.db");
    rusqlite::Connection::open(&recorder).unwrap().execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE states (state TEXT);").unwrap();
    for path in [text_file, recorder] {
        let before = std::fs::read(&path).unwrap();
        let text = refusal(open(&format!("sqlite:{}", path.display()), Origin::Home));
        assert!(text.contains("not a store of Wattribute"), "{text}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn other_urls_are_refused_without_their_password() {
    for url in ["postgres://me:hunter2@host/db", "store.db", "sqlite:", ""] {
        let text = refusal(open(url, Origin::Home));
        assert!(text.contains("sqlite:path") && !text.contains("hunter2"), "{text}");
    }
    let text = refusal(open("http://host:8086?token=hunter2", Origin::Home));
    assert!(text.contains("[influxdb]") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_damaged_file_is_told_and_nothing_panics() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    let store = open(&url, Origin::Home).unwrap();
    let id = power(&store, "a").await;
    store.write(batch((0..20_000).map(|k| reading(id, T0 + k * 1000, (k % 977) as f64)).collect())).await.unwrap();
    drop(store);
    let path = folder.path().join("data/store.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let from = bytes.len() / 2;
    bytes[from..].fill(0x5A);
    std::fs::write(&path, bytes).unwrap();
    let Ok(store) = open(&url, Origin::Home) else { return };
    let answer = store.readings(id, T0, T0 + 10 * HOUR).await;
    assert!(matches!(&answer, Err(StoreError::Corrupt(text)) if text.contains("backup")), "{answer:?}");
}

#[test]
fn services_may_start_at_once_on_a_file_that_is_not_there_yet() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let url = url(folder.path());
        let opened: Vec<_> = (0..6)
            .map(|_| {
                std::thread::spawn({
                    let url = url.clone();
                    move || open(&url, Origin::Home)
                })
            })
            .collect();
        for store in opened {
            store.join().unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn two_stores_may_have_it_open() {
    // Two stores with connections of their own, as two processes have; `kill9.rs` has real ones.
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (common::open(folder.path()), common::open(folder.path()));
    let (a, b) = (power(&one, "a").await, power(&two, "b").await);
    assert_ne!(a, b);
    let writer = async |store: &std::sync::Arc<dyn wattribute_store::Store>, id| {
        for k in 0..100 {
            store.write(batch((0..20).map(|i| reading(id, T0 + (k * 20 + i) * 10_000, i as f64)).collect())).await.unwrap();
            if k % 10 == 0 {
                store.maintain(T0 + k * 200_000 + HOUR).await.unwrap();
            }
        }
    };
    tokio::join!(writer(&one, a), writer(&two, b));
    for (store, id) in [(&one, b), (&two, a)] {
        assert_eq!(store.readings(id, T0, T0 + 100 * HOUR).await.unwrap().len(), 2000);
        assert_eq!(store.latest().await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_backup_is_of_one_instant_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = common::open(folder.path());
    let (a, b) = (power(&store, "a").await, power(&store, "b").await);
    // Both series always say the same at the same time.
    let write = |k: i64| store.write(batch(vec![reading(a, T0 + k * 1000, k as f64), reading(b, T0 + k * 1000, k as f64)]));
    for k in 0..300 {
        write(k).await.unwrap();
    }
    let copies: Vec<_> = (0..5).map(|k| folder.path().join(format!("copy{k}.db"))).collect();
    let copying = async {
        for copy in &copies {
            store.backup(copy).await.unwrap();
        }
    };
    let writing = async {
        for k in 300..600 {
            write(k).await.unwrap();
        }
    };
    tokio::join!(copying, writing);
    for copy in &copies {
        let copy = open(&format!("sqlite:{}", copy.display()), Origin::Home).unwrap();
        let of_a = copy.readings(a, T0, T0 + HOUR).await.unwrap();
        assert!(of_a.len() >= 300 && of_a == copy.readings(b, T0, T0 + HOUR).await.unwrap());
    }
    assert_eq!(store.readings(a, T0, T0 + HOUR).await.unwrap().len(), 600);
}

#[tokio::test]
async fn a_backup_that_cannot_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = common::open(folder.path());
    let answer = store.backup(Path::new("/nonexistent/folder/copy.db")).await;
    assert!(matches!(&answer, Err(StoreError::Unavailable(text)) if text.contains("/nonexistent/folder")), "{answer:?}");
}
