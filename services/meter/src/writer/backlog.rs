//! What waits for the store: what was said last in memory, and all of it on disk as soon as the store does not answer, where it may wait there.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, Notify};
use tokio::time::Instant;
use wattribute_store::spool::{self, Spool};

use super::said::Said;
use crate::adapters::Kept;

/// In memory no more than about so many readings wait (some 10 MB); then adapters wait.
const MOST: usize = 200_000;
/// Where the store takes longer than this, what waits for it goes to disk.
const PATIENCE: Duration = Duration::from_secs(3);

/// All that waits, in order: first what is on disk, then what is in memory.
pub(super) struct Backlog {
    spool: Option<Arc<Spool>>,
    memory: Mutex<Memory>,
    /// The turn of who puts something to the end, or from memory to disk.
    turn: Turn<()>,
    /// Wakes who brings, and who waits for room.
    came: Notify,
    went: Notify,
    is_closed: AtomicBool,
    is_disk_broken: AtomicBool,
}

#[derive(Default)]
struct Memory {
    waiting: VecDeque<Waiting>,
    /// How much that is.
    weight: usize,
    next: u64,
    /// Since when the store has been trying; `None` while nothing is brought.
    trying_since: Option<Instant>,
    is_away: bool,
}

/// What waits in memory.
#[derive(Clone)]
pub(super) struct Waiting {
    number: u64,
    pub said: Arc<Said>,
    kept: Vec<Kept>,
}

/// The oldest that waits.
pub(super) enum Oldest {
    InMemory(Waiting),
    OnDisk(spool::Parcel),
}

impl Memory {
    /// Puts something to the end, if there is room or it does not stay; returns whether it did.
    fn put(&mut self, said: &Arc<Said>, kept: &[Kept], weight: usize, goes_on: bool) -> bool {
        let has_room = goes_on || self.weight + weight <= MOST || self.waiting.is_empty();
        if has_room {
            self.waiting.push_back(Waiting { number: self.next, said: said.clone(), kept: kept.to_vec() });
            self.next += 1;
            self.weight += weight;
        }
        has_room
    }
}

impl Backlog {
    pub fn new(spool: Option<Arc<Spool>>) -> Self {
        Backlog {
            spool,
            memory: Mutex::default(),
            turn: Turn::default(),
            came: Notify::new(),
            went: Notify::new(),
            is_closed: AtomicBool::new(false),
            is_disk_broken: AtomicBool::new(false),
        }
    }

    /// Whether what waits may wait on disk.
    pub fn has_disk(&self) -> bool {
        self.spool.is_some()
    }

    /// Puts something to the end. Whoever waits for it to be kept is told when the store has it, or the disk. Waits only for room.
    pub async fn push(&self, said: Said, kept: Vec<Kept>) {
        if said.is_empty() && self.memory().waiting.is_empty() {
            kept.iter().for_each(Kept::tell);
            return;
        }
        let weight = said.weight();
        let said = Arc::new(said);
        loop {
            let went = self.went.notified();
            {
                let _turn = self.turn.lock().await;
                let goes_to_disk = self.goes_to_disk();
                let has_room = !goes_to_disk || self.has_room_on_disk();
                if has_room && self.memory().put(&said, &kept, weight, goes_to_disk) {
                    if goes_to_disk {
                        // What cannot go there stays in memory.
                        self.to_disk().await.ok();
                    }
                    break;
                }
            }
            went.await;
        }
        self.came.notify_one();
    }

    /// Puts all that is in memory on disk.
    pub async fn spill(&self) -> Result<(), String> {
        let _turn = self.turn.lock().await;
        self.to_disk().await
    }

    /// The oldest that waits; the same again until it is done. Waits until there is one; `None` where nothing more comes.
    pub async fn oldest(&self) -> Option<Oldest> {
        loop {
            let came = self.came.notified();
            if let Some(spool) = self.spool.clone() {
                match spool.apart(Spool::next).await {
                    // What is on disk when all ends waits there.
                    Ok(Some(_)) if self.is_closed() => return None,
                    Ok(Some(parcel)) => return Some(Oldest::OnDisk(parcel)),
                    Ok(None) => {}
                    Err(error) => self.tell_of_disk(Err(error.to_string())),
                }
            }
            let first = self.memory().waiting.front().cloned();
            if let Some(first) = first {
                return Some(Oldest::InMemory(first));
            }
            if self.is_closed() {
                return None;
            }
            came.await;
        }
    }

    /// The store has what was in memory, or will never take it.
    pub fn done(&self, done: &Waiting, is_kept: bool) {
        let mut memory = self.memory();
        // Else it went to disk meanwhile, from where it is brought again, which changes nothing.
        if memory.waiting.pop_front_if(|first| first.number == done.number).is_some() {
            memory.weight = memory.weight.saturating_sub(done.said.weight());
        }
        drop(memory);
        if is_kept {
            done.kept.iter().for_each(Kept::tell);
        }
        self.went.notify_one();
    }

    /// The store has what was on disk, or, with a reason, will never take it.
    pub async fn done_on_disk(&self, parcel: spool::Parcel, refused: Option<String>) {
        let Some(spool) = self.spool.clone() else { return };
        let done = match refused {
            None => spool.apart(move |spool| spool.done(&parcel)).await,
            Some(why) => spool.apart(move |spool| spool.set_aside(&parcel, &why).map(drop)).await,
        };
        self.tell_of_disk(done.map_err(|error| error.to_string()));
        self.went.notify_one();
    }

    /// The store is tried from now on, or no longer.
    pub fn tries(&self, is_trying: bool) {
        self.memory().trying_since = is_trying.then(Instant::now);
    }

    /// Whether the store answers; returns what it was before.
    pub fn is_away(&self, is_away: bool) -> bool {
        let before = std::mem::replace(&mut self.memory().is_away, is_away);
        if is_away {
            self.went.notify_one();
        }
        before
    }

    /// Nothing more comes.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.came.notify_one();
    }

    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// How much waits, in words; `None` where no more than usual does.
    pub fn words(&self) -> Option<String> {
        let on_disk = self.spool.as_ref().filter(|spool| spool.is_waiting()).map(|spool| spool.fill()).unwrap_or_default();
        let (in_memory, is_away) = {
            let memory = self.memory();
            (memory.waiting.len() as u64, memory.is_away)
        };
        if on_disk.batches == 0 && !(is_away && in_memory > 0) {
            return None;
        }
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let mut words = match on_disk.batches {
            0 => format!("{in_memory} batches of readings wait in memory for the store"),
            n => format!(
                "{} batches of readings wait for the store, {:.1} of {:.0} MiB on disk",
                n + in_memory,
                mib(on_disk.bytes),
                mib(on_disk.limit_bytes)
            ),
        };
        if on_disk.dropped > 0 {
            words += &format!("; {} were dropped since more waited than is kept", on_disk.dropped);
        }
        Some(words)
    }

    fn goes_to_disk(&self) -> bool {
        let Some(spool) = &self.spool else { return false };
        let memory = self.memory();
        memory.is_away || memory.trying_since.is_some_and(|since| since.elapsed() > PATIENCE) || spool.is_waiting()
    }

    /// Whether more may go to disk. While the store takes something, whoever says much at once, such as a history that is fetched, waits before the disk is
    /// full: then the oldest would be dropped.
    fn has_room_on_disk(&self) -> bool {
        let fill = self.spool.as_ref().filter(|spool| spool.is_waiting()).map(|spool| spool.fill()).unwrap_or_default();
        fill.bytes <= fill.limit_bytes / 2 || self.memory().is_away
    }

    /// To be called in turn.
    async fn to_disk(&self) -> Result<(), String> {
        let Some(spool) = self.spool.clone() else { return Ok(()) };
        let all: Vec<Waiting> = self.memory().waiting.iter().cloned().collect();
        let mut done = Ok(());
        for waiting in all {
            let said = waiting.said.clone();
            let pushed = spool.apart(move |spool| spool.push(&said.to_bytes())).await;
            done = pushed.map_err(|error| error.to_string());
            if done.is_err() {
                break;
            }
            // Of what was done meanwhile nothing is left here.
            self.done(&waiting, true);
        }
        self.tell_of_disk(done.clone());
        done
    }

    fn tell_of_disk(&self, done: Result<(), String>) {
        let was_broken = self.is_disk_broken.swap(done.is_err(), Ordering::Relaxed);
        match done {
            Err(error) if !was_broken => tracing::error!(error, "what the store is to have cannot wait on disk, and waits in memory"),
            Ok(()) if was_broken => tracing::info!("what the store is to have can wait on disk again"),
            _ => {}
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use wattribute_domain::{Quantity, SeriesInfo};

    fn said(readings: usize) -> Said {
        let series = vec![Arc::new(SeriesInfo::new("s", "d", Quantity::PowerW))];
        Said { series, readings: vec![(0, 1, 1.0); readings], ..Said::default() }
    }

    /// Whether `said` waits for room, which is told when it is asked and cannot go on.
    async fn waits(backlog: &Backlog, said: Said) -> bool {
        tokio::time::timeout(Duration::from_millis(50), backlog.push(said, Vec::new())).await.is_err()
    }

    #[tokio::test]
    async fn memory_is_bounded_and_whoever_has_more_waits() {
        let backlog = Backlog::new(None);
        assert!(!waits(&backlog, said(2 * MOST)).await, "one alone always has room");
        assert!(waits(&backlog, said(1)).await);
        let Some(Oldest::InMemory(first)) = backlog.oldest().await else { panic!("nothing waits") };
        backlog.done(&first, true);
        assert!(!waits(&backlog, said(1)).await);
        backlog.close();
        let Some(Oldest::InMemory(last)) = backlog.oldest().await else { panic!("what was left is not brought") };
        backlog.done(&last, true);
        assert!(backlog.oldest().await.is_none());
    }

    #[tokio::test]
    async fn while_the_store_takes_something_the_disk_is_not_filled_until_what_waits_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Arc::new(Spool::open(folder.path(), 100_000).unwrap());
        let backlog = Backlog::new(Some(spool.clone()));
        backlog.is_away(true);
        while spool.fill().bytes <= 50_000 {
            assert!(!waits(&backlog, said(100)).await);
        }
        assert!(!waits(&backlog, said(100)).await, "away: all of the disk is used");
        backlog.is_away(false);
        assert!(waits(&backlog, said(100)).await, "it is back: there is no hurry");
        while spool.fill().bytes > 50_000 {
            let Some(Oldest::OnDisk(parcel)) = backlog.oldest().await else { panic!("nothing waits") };
            backlog.done_on_disk(parcel, None).await;
        }
        assert!(!waits(&backlog, said(100)).await);
        assert_eq!(spool.fill().dropped, 0);
    }
}
