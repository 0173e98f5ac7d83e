//! While the store does not answer, sources are read on, and nothing that they said is lost.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(dead_code, reason = "the store's tests use all of it")]
#[path = "../../../store/tests/common/backend.rs"]
mod backend;
mod faulty;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rstest::rstest;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wattribute_domain::{Quantity, SeriesInfo};
use wattribute_meter::adapters::{Adapter, AdapterError, Event, Kept};
use wattribute_meter::ingest;
use wattribute_service::{Health, State};
use wattribute_store::influx::Account;
use wattribute_store::spool::Spool;
use wattribute_store::{Origin, Settings, Store, StoreError};

use backend::Server;
use faulty::Faulty;

/// 2026-01-05T00:00:00Z, ms.
const START_MS: i64 = 1_767_571_200_000;

/// Where the SQLite file of a backend is.
fn url(folder: &Path) -> String {
    format!("sqlite:{}/home.db", folder.display())
}

/// How often it says something.
const EVERY: Duration = Duration::from_millis(10);

/// Says `n` at the `n`-th ms, when all before is kept.
struct Counter {
    said: Arc<AtomicI64>,
    /// Up to where it is kept.
    acknowledged: Arc<AtomicI64>,
    waiting: Option<(i64, Kept)>,
}

#[async_trait]
impl Adapter for Counter {
    fn name(&self) -> &str {
        "counter"
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        if let Some((n, kept)) = self.waiting.take() {
            kept.wait().await;
            self.acknowledged.store(n + 1, Ordering::SeqCst);
        }
        tokio::time::sleep(EVERY).await;
        let n = self.said.fetch_add(1, Ordering::SeqCst);
        let kept = Kept::default();
        self.waiting = Some((n, kept.clone()));
        let reading = Event::Reading { key: 0, at_ms: START_MS + n, value: n as f64 };
        let series = Event::Series { key: 0, info: SeriesInfo::new("counter", "a", Quantity::PowerW) };
        Ok(vec![series, reading, Event::Kept(kept)])
    }
}

/// A meter service that hears a counter, or, without one, only brings what waits.
struct Meter {
    acknowledged: Arc<AtomicI64>,
    health: Health,
    spool: Option<Arc<Spool>>,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), StoreError>>,
}

impl Meter {
    fn start(store: Arc<dyn Store>, spool: Option<&Path>, from: Option<i64>) -> Meter {
        let (acknowledged, health, shutdown) = (Arc::new(AtomicI64::new(0)), Health::default(), CancellationToken::new());
        let spool = spool.map(|folder| Arc::new(Spool::open(folder, 10 << 20).unwrap()));
        let counter = from.map(|from| -> Box<dyn Adapter> {
            Box::new(Counter { said: Arc::new(AtomicI64::new(from)), acknowledged: acknowledged.clone(), waiting: None })
        });
        // Without any adapter it would end at once.
        let adapters = counter.map_or_else(|| vec![Box::new(Silent) as Box<dyn Adapter>], |counter| vec![counter]);
        let task = tokio::spawn(ingest(adapters, store, spool.clone(), health.clone(), shutdown.clone()));
        Meter { acknowledged, health, spool, shutdown, task }
    }

    fn acknowledged(&self) -> i64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    async fn until_more(&self, more: i64) {
        let until = self.acknowledged() + more;
        eventually("more is acknowledged", async || self.acknowledged() >= until).await;
    }

    async fn until_all_is_brought(&self) {
        eventually("all is brought", async || self.spool.as_ref().is_none_or(|spool| !spool.is_waiting())).await;
    }
}

struct Silent;

#[async_trait]
impl Adapter for Silent {
    fn name(&self) -> &str {
        "silent"
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        std::future::pending().await
    }
}

async fn eventually(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let done = async {
        while !is().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), done).await.is_ok(), "in a minute it is not so that {what}");
}

/// What the store has of the counter.
async fn counted(store: &Arc<dyn Store>) -> Vec<i64> {
    let Some((id, _)) = store.series().await.unwrap().into_iter().find(|(_, info)| info.device == "a") else { return Vec::new() };
    let rows = store.readings(id, START_MS, START_MS + 10_000_000).await.unwrap();
    assert!(rows.at_ms.iter().zip(&rows.value).all(|(at_ms, value)| at_ms - START_MS == *value as i64));
    rows.at_ms.iter().map(|at_ms| at_ms - START_MS).collect()
}

fn whole(store: Vec<i64>, acknowledged: i64) {
    assert!(store.iter().zip(0..).all(|(n, k)| *n == k), "in order, none lost: {store:?}");
    assert!(store.len() as i64 >= acknowledged, "{} of {acknowledged} are there", store.len());
}

#[rstest]
#[tokio::test]
async fn what_is_heard_while_the_store_is_away_waits_on_disk_whoever_ends(#[values(true, false)] is_killed: bool) {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let inner = wattribute_store::open(&url(folder.path()), Origin::Home).unwrap();
    let faulty = Arc::new(Faulty::over(inner.clone()));
    let meter = Meter::start(faulty.clone(), Some(&spool), Some(0));
    meter.until_more(5).await;
    assert!(!meter.spool.as_ref().unwrap().is_waiting(), "nothing touches the disk while all is well");
    assert_eq!(meter.health.dependencies().get("readings"), None);

    faulty.goes_away(true);
    // Sources are read on.
    meter.until_more(100).await;
    let health = meter.health.dependencies();
    assert_eq!(health["store"], State::Down("the cable is out".to_owned()));
    eventually("it says how much waits", async || {
        matches!(meter.health.dependencies().get("readings"), Some(State::Degraded(why)) if why.contains("wait for the store") && why.contains("of 10 MiB on disk"))
    })
    .await;
    if is_killed {
        meter.task.abort();
        assert!(meter.task.await.unwrap_err().is_cancelled());
    } else {
        meter.shutdown.cancel();
        meter.task.await.unwrap().unwrap();
    }
    let acknowledged = meter.acknowledged.load(Ordering::SeqCst);
    assert!(counted(&inner).await.len() < 100, "the store knows nothing of it yet");
    drop((meter.health, meter.spool));

    // The next process finds the store still away, hears more, and then brings all of it, once and in order.
    let again = Meter::start(faulty.clone(), Some(&spool), Some(acknowledged));
    again.until_more(5).await;
    faulty.goes_away(false);
    again.until_all_is_brought().await;
    again.until_more(5).await;
    again.shutdown.cancel();
    again.task.await.unwrap().unwrap();
    whole(counted(&inner).await, again.acknowledged.load(Ordering::SeqCst));
    let written = faulty.written();
    assert!(written.is_sorted(), "{written:?}");
    assert_eq!(again.health.dependencies().get("readings"), Some(&State::Ok));
    assert_eq!(again.health.dependencies().get("store"), Some(&State::Ok));
}

#[tokio::test]
async fn without_a_disk_to_wait_on_what_is_heard_waits_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let inner = wattribute_store::open(&url(folder.path()), Origin::Home).unwrap();
    let faulty = Arc::new(Faulty::over(inner.clone()));
    faulty.goes_away(true);
    // Several, as one alone waits until it is kept.
    let counters = (0..20).map(|k| -> Box<dyn Adapter> {
        Box::new(Counter { said: Arc::new(AtomicI64::new(k)), acknowledged: Arc::default(), waiting: None })
    });
    let (health, shutdown) = (Health::default(), CancellationToken::new());
    let task = tokio::spawn(ingest(counters.collect(), faulty.clone(), None, health.clone(), shutdown.clone()));
    eventually("all 20 have spoken", async || {
        matches!(health.dependencies().get("readings"), Some(State::Degraded(why)) if why.starts_with("20 batches of readings wait in memory"))
    })
    .await;
    faulty.goes_away(false);
    eventually("all is brought", async || counted(&inner).await.len() >= 20).await;
    assert_eq!(counted(&inner).await[..20], (0..20).collect::<Vec<_>>());
    shutdown.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_influxdb_that_is_killed_and_started_again_has_all_that_was_heard_meanwhile() {
    let Some(mut server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let influx = Account { patience: Duration::from_millis(500), timeout: Duration::from_secs(5), ..Account::default() };
    let store = wattribute_store::open_with(&server.url, Origin::Home, Settings { influx, ..Settings::forever() }).unwrap();
    let meter = Meter::start(store.clone(), Some(&folder.path().join("spool")), Some(0));
    meter.until_more(5).await;
    server.kill();
    meter.until_more(200).await;
    assert!(meter.spool.as_ref().unwrap().is_waiting());
    server.start_again();
    let back = tokio::time::Instant::now();
    let said = meter.acknowledged();
    eventually("what was said in the meantime is there", async || counted(&store).await.len() as i64 >= said).await;
    assert!(back.elapsed() < Duration::from_secs(30), "{:?}", back.elapsed());
    meter.shutdown.cancel();
    meter.task.await.unwrap().unwrap();
    let acknowledged = meter.acknowledged.load(Ordering::SeqCst);
    drop(meter.spool);
    // What still waited when it ended is brought by the next.
    let next = Meter::start(store.clone(), Some(&folder.path().join("spool")), None);
    next.until_all_is_brought().await;
    whole(counted(&store).await, acknowledged);
    next.shutdown.cancel();
    next.task.await.unwrap().unwrap();
}
