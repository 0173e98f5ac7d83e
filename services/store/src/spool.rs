//! What waits on disk for a sink that is away: in order, bounded, and each batch once.
//!
//! A folder of segment files with records of bytes; `acknowledged` says which of them the sink has taken. Nothing is forgotten by `kill -9`: a batch
//! is on disk when [`Spool::push`] returns, and it stays until [`Spool::done`]. What a crash left half written at the end is cut off at the next
//! start, since nobody was told that it was kept. After a power cut the last batches that were taken may be sent again (not after `kill -9`): sinks
//! that keep points by time do not mind.

mod deliver;
mod marks;
mod segment;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub use deliver::{Refusal, Sink, deliver};
use marks::Marks;
use segment::Segment;

/// Of the limit, what one file takes.
const FILES: u64 = 8;
/// A file takes no more than this, bytes.
const GREATEST_FILE: u64 = 8 << 20;
/// From this share of the limit on a warning is given, and below half of it it is over.
const NEARLY_FULL: f64 = 0.8;
/// So many batches that were set aside are kept, the newest.
const KEPT_ASIDE: usize = 50;

/// What is wrong with a spool, where, and what would help.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk or the folder.
    #[error("spool {path}: {error}; it must be a folder that we may write to, on a disk with room")]
    Disk {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Somebody else has it open.
    #[error("spool {0}: another process uses it; one process exports to one sink")]
    InUse(PathBuf),
    /// A batch that can never be kept.
    #[error("spool {path}: a batch of {bytes} bytes is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// Which spool.
        path: PathBuf,
        /// Its size, bytes.
        bytes: u64,
        /// The spool's limit, bytes.
        limit_bytes: u64,
    },
}

/// Short for what every method returns.
pub type Result<T> = std::result::Result<T, SpoolError>;

/// A batch that waits; it is handed out until it is [`Spool::done`] or [`Spool::set_aside`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// What was pushed.
    pub bytes: Vec<u8>,
    /// Which one it is.
    pub receipt: Receipt,
}

/// Which batch it is, and where it ends: to go on behind it ([`Spool::after`]), or to be done with it later ([`Spool::done_to`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its number: how many were pushed before it.
    pub number: u64,
    /// The first number of the file that it is in.
    file: u64,
    /// Where it ends in that file, bytes.
    end: u64,
}

/// How a spool is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// Batches that wait.
    pub batches: u64,
    /// What the files take on disk, bytes.
    pub bytes: u64,
    /// What they may take, bytes.
    pub limit_bytes: u64,
    /// Batches that were lost since the spool was made: dropped as the oldest because it was full, or no longer readable.
    pub dropped: u64,
    /// Batches that the sink refused for good, a file each, oldest first.
    pub aside: Vec<PathBuf>,
}

/// A spool of one sink. Its methods write to disk and wait for it: call them where that may take a moment.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    limit_bytes: u64,
    inner: Mutex<Inner>,
    /// Wakes who waits for something to send.
    came: Notify,
    /// Held as long as the spool is open, so that nobody else opens it.
    _lock: File,
}

#[derive(Debug)]
struct Inner {
    /// Oldest first; the last one is written to.
    segments: VecDeque<Segment>,
    marks: Marks,
    /// The number of the next batch that is pushed.
    next: u64,
    /// Where the oldest batch that waits is in the first segment, bytes.
    offset: u64,
    /// Whether the next batch begins a new file.
    is_sealed: bool,
    /// Dropped since the sink last took all that waited, and whether that was said.
    dropping: u64,
    is_told: bool,
    is_nearly_full: bool,
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> SpoolError + '_ {
    move |error| SpoolError::Disk { path: path.to_owned(), error }
}

impl Spool {
    /// Opens the spool in `folder`, which is made where it is missing; its files take `limit_bytes` at most. What a crash left half written is cut
    /// off.
    pub fn open(folder: impl Into<PathBuf>, limit_bytes: u64) -> Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(disk(&folder))?;
        let lock = folder.join("lock");
        let held = File::options().create(true).truncate(false).write(true).open(&lock).map_err(disk(&lock))?;
        held.try_lock().map_err(|_| SpoolError::InUse(folder.clone()))?;
        let mut segments = VecDeque::from(segment::all(&folder).map_err(disk(&folder))?);
        let first = segments.front().map_or(0, |s| s.first);
        let marks = Marks::open(&folder, first).map_err(disk(&folder))?;
        let next = segments.back().map_or(0, Segment::end).max(marks.acknowledged);
        while let Some(done) = segments.pop_front_if(|s| s.end() <= marks.acknowledged) {
            done.remove().map_err(disk(&folder))?;
        }
        let offset = segments.front().map_or(segment::HEADER, |s| s.offset_of(marks.acknowledged));
        // Nothing is written behind what may be half a record: the first batch that comes begins a new file.
        let mut inner = Inner { segments, marks, next, offset, is_sealed: true, dropping: 0, is_told: false, is_nearly_full: false };
        inner.leap().map_err(disk(&folder))?;
        Ok(Spool { folder, limit_bytes, inner: Mutex::new(inner), came: Notify::new(), _lock: held })
    }

    /// Keeps a batch. When this returns it is on disk. Where there is no room, the oldest go, are counted, and that is said once.
    pub fn push(&self, bytes: &[u8]) -> Result<()> {
        let size = segment::size_of(bytes);
        if size + segment::HEADER > self.limit_bytes || u32::try_from(bytes.len()).is_err() {
            return Err(SpoolError::TooLarge { path: self.folder.clone(), bytes: size, limit_bytes: self.limit_bytes });
        }
        let mut inner = self.inner();
        let inner = &mut *inner;
        let full = (self.limit_bytes / FILES).min(GREATEST_FILE);
        inner.is_sealed |= inner.segments.back().is_none_or(|last| last.bytes + size > full);
        let header = if inner.is_sealed { segment::HEADER } else { 0 };
        while inner.bytes() + header + size > self.limit_bytes && inner.drop_oldest().map_err(disk(&self.folder))? {}
        if inner.is_sealed {
            inner.begin(&self.folder).map_err(disk(&self.folder))?;
        }
        let Some(last) = inner.segments.back_mut() else { return Ok(()) };
        if let Err(error) = last.append(inner.next, bytes) {
            // What stands behind half a record could not be found again.
            inner.is_sealed = true;
            return Err(SpoolError::Disk { path: last.path.clone(), error });
        }
        inner.next += 1;
        self.speak_of_room(inner);
        self.came.notify_one();
        Ok(())
    }

    /// The oldest batch that waits; the same again until it is done or set aside. `None` where none waits.
    pub fn next(&self) -> Result<Option<Parcel>> {
        let mut inner = self.inner();
        loop {
            let number = inner.marks.acknowledged;
            let offset = inner.offset;
            let Some(first) = inner.segments.front().filter(|s| number < s.end()) else { return Ok(None) };
            match first.parcel(number, offset) {
                Ok(parcel) => return Ok(Some(parcel)),
                Err(error) => {
                    tracing::warn!(file = %first.path.display(), %error, "batches that waited can no longer be read and are left out");
                    inner.drop_oldest().map_err(disk(&self.folder))?;
                }
            }
        }
    }

    /// The batch after one that was handed out and is not done yet; `None` where none was pushed since. For sinks that do not say what they have
    /// taken: what was sent lately is kept, to be sent again.
    pub fn after(&self, last: Receipt) -> Result<Option<Parcel>> {
        let inner = self.inner();
        let number = last.number + 1;
        if number <= inner.marks.acknowledged {
            drop(inner);
            return self.next();
        }
        for segment in inner.segments.iter().filter(|s| number < s.end()) {
            let (number, offset) = if segment.first == last.file { (number, last.end) } else { (segment.first, segment::HEADER) };
            match segment.parcel(number, offset) {
                Ok(parcel) => return Ok(Some(parcel)),
                Err(error) => tracing::warn!(file = %segment.path.display(), %error, "batches that waited can no longer be read"),
            }
        }
        Ok(None)
    }

    /// The sink took this batch and all before it: they are never handed out again. Nothing happens where it was dropped meanwhile.
    pub fn done(&self, parcel: &Parcel) -> Result<()> {
        self.done_to(parcel.receipt)
    }

    /// Like [`Spool::done`], later.
    pub fn done_to(&self, last: Receipt) -> Result<()> {
        let mut inner = self.inner();
        if last.number < inner.marks.acknowledged {
            return Ok(());
        }
        inner.acknowledge(last.number + 1).map_err(disk(&self.folder))?;
        if inner.segments.front().is_some_and(|s| s.first == last.file) {
            inner.offset = last.end;
        }
        self.speak_of_room(&mut inner);
        Ok(())
    }

    /// The sink will never take this batch: it goes to a file of its own, beside a text that says why, and the next one is handed out. Says which
    /// file.
    pub fn set_aside(&self, parcel: &Parcel, why: &str) -> Result<PathBuf> {
        let folder = self.folder.join("aside");
        fs::create_dir_all(&folder).map_err(disk(&folder))?;
        let file = folder.join(format!("{:012}.batch", parcel.receipt.number));
        fs::write(&file, &parcel.bytes).and_then(|()| File::open(&file)?.sync_all()).map_err(disk(&file))?;
        let reason = file.with_extension("why");
        fs::write(&reason, format!("{why}\n")).map_err(disk(&reason))?;
        let all = aside(&folder);
        for old in &all[..all.len().saturating_sub(KEPT_ASIDE)] {
            // What cannot be removed stays.
            let _removed = fs::remove_file(old).and_then(|()| fs::remove_file(old.with_extension("why")));
        }
        self.done(parcel)?;
        tracing::error!(file = %file.display(), why, "a batch was refused for good and is set aside; what follows goes on");
        Ok(file)
    }

    /// Whether anything waits.
    pub fn is_waiting(&self) -> bool {
        self.inner().waiting() > 0
    }

    /// How it is.
    pub fn fill(&self) -> Fill {
        let inner = self.inner();
        Fill {
            batches: inner.waiting(),
            bytes: inner.bytes(),
            limit_bytes: self.limit_bytes,
            dropped: inner.marks.dropped,
            aside: aside(&self.folder.join("aside")),
        }
    }

    /// Waits until something was pushed since the last call.
    pub async fn came(&self) {
        self.came.notified().await;
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One word when it becomes full, and one when all that is left was taken.
    fn speak_of_room(&self, inner: &mut Inner) {
        let (spool, bytes, limit_bytes) = (self.folder.display(), inner.bytes(), self.limit_bytes);
        if inner.dropping > 0 && !inner.is_told {
            inner.is_told = true;
            tracing::warn!(%spool, limit_bytes, "more waits for the sink than is kept: from here on the oldest of it is dropped");
        }
        let share = bytes as f64 / limit_bytes as f64;
        if !inner.is_nearly_full && share > NEARLY_FULL {
            inner.is_nearly_full = true;
            tracing::warn!(%spool, bytes, limit_bytes, "what waits for the sink is nearly all that is kept; then the oldest of it is dropped");
        }
        inner.is_nearly_full &= share > 0.5;
        if inner.waiting() == 0 && inner.dropping > 0 {
            tracing::warn!(%spool, dropped = inner.dropping, "what waited was sent, but for the batches that were dropped");
            (inner.dropping, inner.is_told) = (0, false);
        }
    }
}

/// Files of batches that were set aside, oldest first.
fn aside(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "batch")).collect();
    files.sort();
    files
}

impl Inner {
    fn bytes(&self) -> u64 {
        self.segments.iter().map(|s| s.bytes).sum()
    }

    /// Batches that can be handed out.
    fn waiting(&self) -> u64 {
        self.segments.iter().map(|s| s.end().saturating_sub(s.first.max(self.marks.acknowledged))).sum()
    }

    /// Begins a new file.
    fn begin(&mut self, folder: &Path) -> io::Result<()> {
        if self.segments.back().is_some_and(|s| s.end() == s.first) {
            // It would have the same name.
            self.segments.pop_back().map_or(Ok(()), Segment::remove)?;
        }
        self.segments.push_back(Segment::begin(folder, self.next)?);
        self.is_sealed = false;
        self.acknowledge(self.marks.acknowledged)
    }

    /// All before `number` are done with, and so are files with nothing else, but for the one that is written to.
    fn acknowledge(&mut self, number: u64) -> io::Result<()> {
        self.marks.set(number)?;
        while self.segments.front().is_some_and(|s| s.end() <= number && (self.segments.len() > 1 || self.is_sealed)) {
            // Else a file could be gone after a power cut of which nobody knows that it was done with.
            self.marks.sync()?;
            self.segments.pop_front().map_or(Ok(()), Segment::remove)?;
            self.offset = segment::HEADER;
        }
        self.leap()
    }

    /// Goes on behind batches that are not there any more.
    fn leap(&mut self) -> io::Result<()> {
        let Some(first) = self.segments.front().map(|s| s.first) else { return Ok(()) };
        let lost = first.saturating_sub(self.marks.acknowledged);
        if lost > 0 {
            tracing::warn!(lost, "batches that waited can no longer be read and are left out");
            self.marks.dropped += lost;
            self.offset = segment::HEADER;
            self.marks.set(first)?;
        }
        Ok(())
    }

    /// Drops the oldest file; `false` where there is none.
    fn drop_oldest(&mut self) -> io::Result<bool> {
        let Some(first) = self.segments.front() else { return Ok(false) };
        let (begin, end) = (first.first, first.end());
        let acknowledged = self.marks.acknowledged;
        let lost = end.saturating_sub(begin.max(acknowledged));
        self.marks.dropped += lost;
        self.dropping += lost;
        self.is_sealed |= self.segments.len() == 1;
        self.acknowledge(end.max(acknowledged))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
