//! One writer, several readers, and what their errors mean.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::schema;
use crate::{Origin, Result, StoreError};

/// What goes wrong inside; the path is added on the way out.
pub enum Fault {
    Sql(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Store(error)
    }
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

const READERS: usize = 4;
const BUSY: Duration = Duration::from_secs(10);
/// How long is waited for whoever has a file open that is to stand alone.
const PATIENCE: Duration = Duration::from_secs(2);

/// The connections to one file.
pub struct Connections {
    path: Arc<PathBuf>,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    readers: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Connections {
    pub fn open(path: &Path, origin: Origin) -> Result<Self> {
        let path = Arc::new(path.to_owned());
        let mut db = open_in_turn(&path, origin).map_err(|fault| tell(&path, fault))?;
        let (jobs, mut todo) = mpsc::channel::<Job>(64);
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                while let Some(job) = todo.blocking_recv() {
                    job(&mut db);
                }
            })
            .map_err(|e| StoreError::Unavailable(format!("the store's writer could not be started: {e}")))?;
        Ok(Connections { path, jobs: Some(jobs), writer: Some(writer), readers: Arc::default(), turns: Arc::new(Semaphore::new(READERS)) })
    }

    /// Runs `job` on the writer, after those that wait already.
    pub async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> std::result::Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let gone = || StoreError::Unavailable(format!("the writer of {} has ended: restart the service", self.path.display()));
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |db| {
            // Nobody waits for the answer of a write that was given up; it is done all the same.
            answer.send(job(db)).ok();
        });
        self.jobs.as_ref().ok_or_else(gone)?.send(job).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?.map_err(|fault| tell(&self.path, fault))
    }

    /// Runs `job` on a reader, within one transaction: what it sees does not change meanwhile.
    pub async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> std::result::Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let closed = |_| StoreError::Unavailable("the store is closing".to_owned());
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(closed)?;
        let (path, readers) = (Arc::clone(&self.path), Arc::clone(&self.readers));
        let work = move || -> std::result::Result<T, Fault> {
            let idle = readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut db = match idle {
                Some(db) => db,
                None => open_reader(&path)?,
            };
            let tx = db.transaction()?;
            let answer = job(&tx);
            tx.finish()?;
            readers.lock().unwrap_or_else(PoisonError::into_inner).push(db);
            drop(turn);
            answer
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(answer) => answer.map_err(|fault| tell(&self.path, fault)),
            Err(e) => Err(StoreError::Unavailable(format!("reading {} was broken off: {e}", self.path.display()))),
        }
    }

    /// Copies the file as it is at one instant; writers go on meanwhile.
    pub async fn backup(&self, target: &Path) -> Result<()> {
        let (path, target) = (Arc::clone(&self.path), target.to_owned());
        let work = move || {
            if target.exists() {
                return Err(StoreError::Refused(format!("{} exists already: name a new file for the backup", target.display())));
            }
            // Under another name until it is whole, so that half a backup never looks like one.
            let mut part = target.clone().into_os_string();
            part.push(".part");
            let part = PathBuf::from(part);
            std::fs::remove_file(&part).ok();
            let done = copy(&path, &part).and_then(|()| {
                let io = |e| StoreError::Unavailable(format!("the backup {} could not be finished: {e}", target.display())).into();
                std::fs::File::open(&part).and_then(|file| file.sync_all()).map_err(io)?;
                std::fs::rename(&part, &target).map_err(io)
            });
            if done.is_err() {
                std::fs::remove_file(&part).ok();
            }
            done.map_err(|fault| tell(&target, fault))
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(StoreError::Unavailable(format!("the backup was broken off: {e}"))))
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        // Readers first: the last to close tidies the log away, and a reader may not.
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            // So that the file is closed when the store is gone; what is queued is done first.
            writer.join().ok();
        }
    }
}

/// Whose readings the file at `path` holds; `None` where there is none.
pub fn origin(path: &Path) -> Result<Option<Origin>> {
    let read = || -> std::result::Result<Option<Origin>, Fault> { if is_ours(path)? { held(&open_reader(path)?) } else { Ok(None) } };
    read().map_err(|fault| tell(path, fault))
}

/// Opens the file, again and again while another process makes it: SQLite does not wait by itself for who switches to the log.
fn open_in_turn(path: &Path, origin: Origin) -> std::result::Result<Connection, Fault> {
    let begun = Instant::now();
    loop {
        match open_writer(path, origin) {
            Err(Fault::Sql(error)) if is_busy(&error) && begun.elapsed() < BUSY => std::thread::sleep(Duration::from_millis(20)),
            opened => return opened,
        }
    }
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn open_writer(path: &Path, origin: Origin) -> std::result::Result<Connection, Fault> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|e| StoreError::Unavailable(format!("the folder {} cannot be made: {e}", folder.display())))?;
    }
    is_ours(path)?;
    let mut db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(64);
    db.pragma_update(None, "synchronous", "FULL")?;
    // A big import must not leave a big log behind.
    db.pragma_update_and_check(None, "journal_size_limit", 16 << 20, |_| Ok(()))?;
    schema::migrate(&mut db, &path.display().to_string(), origin)?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    Ok(db)
}

/// Whose readings the backup at `path` holds; `None` where there is none. Nothing is written beside it.
pub(super) fn origin_of_backup(path: &Path) -> Result<Option<Origin>> {
    let read = || if is_ours(path)? { held(&open_backup(path)?) } else { Ok(None) };
    read().map_err(|fault| tell(path, fault))
}

fn held(db: &Connection) -> std::result::Result<Option<Origin>, Fault> {
    let held: String = db.query_row("SELECT value FROM meta WHERE key = 'origin'", [], |r| r.get(0))?;
    Ok(Origin::of_word(&held))
}

/// Opens a file that nobody writes, as it lies there: it may belong to somebody else, or lie on a disk that cannot be written.
fn open_backup(path: &Path) -> std::result::Result<Connection, Fault> {
    let mut log = path.to_owned().into_os_string();
    log.push("-wal");
    if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        // A store that was moved away: part of it stands in its log, which only SQLite's usual way reads.
        return open_reader(path);
    }
    let path = std::path::absolute(path).map_err(|e| StoreError::Unavailable(format!("{} cannot be found: {e}", path.display())))?;
    let mut address = String::from("file://");
    for &byte in std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()) {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => address.push(char::from(byte)),
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address.push_str("?mode=ro&immutable=1");
    Ok(Connection::open_with_flags(address, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?)
}

fn open_reader(path: &Path) -> std::result::Result<Connection, Fault> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(64);
    // The operating system caches the file; four readers need no caches of their own beyond what one question touches.
    db.pragma_update(None, "cache_size", -4096)?;
    Ok(db)
}

/// Whether there is a file with something in it; refuses one that is not ours, and does not touch it.
pub(super) fn is_ours(path: &Path) -> std::result::Result<bool, Fault> {
    let mut start = Vec::new();
    match std::fs::File::open(path) {
        Ok(file) => file.take(100).read_to_end(&mut start),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => Err(e),
    }
    .map_err(|e| StoreError::Unavailable(format!("{} cannot be read: {e}", path.display())))?;
    if start.is_empty() {
        return Ok(false);
    }
    if start.starts_with(b"SQLite format 3\0") && start.get(68..72) == Some(&schema::APPLICATION_ID.to_be_bytes()) {
        return Ok(true);
    }
    Err(StoreError::Refused(format!(
        "{} is not a store of Wattribute, and was left alone: set WATTRIBUTE__STORE__URL to another file (a history is read by \
         `wattribute import` or `wattribute analyze`)",
        path.display()
    ))
    .into())
}

/// Copies a store that others may write.
fn copy(from: &Path, to: &Path) -> std::result::Result<(), Fault> {
    copy_all(&open_reader(from)?, to)?;
    // So that it stands alone: whoever opens it later, from wherever, needs nothing beside it.
    quiet(to)
}

/// Copies a backup, beside which nothing is written.
pub(super) fn copy_backup(from: &Path, to: &Path) -> std::result::Result<(), Fault> {
    copy_all(&open_backup(from)?, to)
}

/// Takes the log into the file, so that it stands alone. Fails as busy while anybody else has it open.
pub(super) fn quiet(path: &Path) -> std::result::Result<(), Fault> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    db.busy_timeout(PATIENCE)?;
    db.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get::<_, String>(0))?;
    Ok(())
}

/// Makes of the file at `path`, which nobody has open, one that needs nothing beside it.
pub(crate) fn stand_alone(path: &Path) -> Result<()> {
    quiet(path).map_err(|fault| tell(path, fault))
}

fn copy_all(from: &Connection, to: &Path) -> std::result::Result<(), Fault> {
    let mut to = Connection::open(to)?;
    let backup = Backup::new(from, &mut to)?;
    for _ in 0..100 {
        // All in one step: a reader's view, which writers neither see nor disturb.
        match backup.step(-1)? {
            StepResult::Done => return Ok(()),
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    Err(StoreError::Unavailable("the store was busy for 10 s: try the backup again".to_owned()).into())
}

/// What an error means for who asked.
pub(super) fn tell(path: &Path, fault: Fault) -> StoreError {
    let error = match fault {
        Fault::Store(error) => return error,
        Fault::Sql(error) => error,
    };
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Unavailable(format!("no room to write {path}: free space on its disk")),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::Unavailable(format!("{path} cannot be written: give the service's user the right to write it and its folder"))
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Unavailable(format!("{path} is held by another program: close what has it open"))
        }
        Some(ErrorCode::CannotOpen) => {
            StoreError::Unavailable(format!("{path} cannot be opened: the folder must exist and the service's user may read and write it"))
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt(format!("{path} is damaged ({error}): put back a backup, or move the file away to begin anew"))
        }
        Some(_) => StoreError::Unavailable(format!("{path}: {error}")),
        None => StoreError::Corrupt(format!("{path} holds something unexpected: {error}")),
    }
}
