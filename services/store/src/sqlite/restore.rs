//! A backup put back in the place of the store.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::connect::{Connections, Fault, copy_backup, is_busy, is_ours, origin_of_backup, quiet, tell};
use crate::{Origin, Result, StoreError};

/// Puts a copy of the backup at `from` at `path`; the store that was there is kept beside it, and where is returned. Nothing is changed
/// unless the backup is whole, of this `home` and readable, and nobody has the present store open.
pub fn restore(path: &Path, home: Origin, from: &Path) -> Result<Option<PathBuf>> {
    check(home, from)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|e| StoreError::Unavailable(format!("the folder {} cannot be made: {e}", folder.display())))?;
    }
    let new = beside(path, "restoring");
    let done = make(from, &new, home).and_then(|()| swap(path, &new));
    if done.is_err() {
        forget(&new);
    }
    done
}

/// A copy of the backup at `from` to be read from and then removed, in the folder for what is there for a while (`TMPDIR`).
pub(crate) fn unpack(home: Origin, from: &Path) -> Result<Unpacked> {
    check(home, from)?;
    let unpacked = Unpacked(std::env::temp_dir().join(format!("wattribute-restore-{}.db", std::process::id())));
    make(from, &unpacked.0, home)?;
    Ok(unpacked)
}

/// A copy that goes when it is no longer needed.
pub(crate) struct Unpacked(PathBuf);

impl Unpacked {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        forget(&self.0);
    }
}

/// Whether `from` is a backup of this `home`.
fn check(home: Origin, from: &Path) -> Result<()> {
    let refused = |why: String| StoreError::Refused(why);
    if !from.is_file() {
        return Err(refused(format!("{}: there is no such file; name a backup that `wattribute backup` wrote", from.display())));
    }
    match origin_of_backup(from)? {
        Some(held) if held == home => Ok(()),
        Some(Origin::Demo) => Err(refused(format!("{}: this is of the demo; restore it with --demo", from.display()))),
        Some(Origin::Home) => Err(refused(format!("{}: this is of a real home; restore it without --demo", from.display()))),
        None => Err(refused(format!("{}: this is no store of Wattribute", from.display()))),
    }
}

/// Removes a copy with what SQLite left beside it.
fn forget(copy: &Path) {
    [copy.to_owned(), with(copy, "-wal"), with(copy, "-shm")].iter().for_each(|left| drop(std::fs::remove_file(left)));
}

/// A copy of the backup, looked through to its last page and brought to this version.
fn make(from: &Path, new: &Path, home: Origin) -> Result<()> {
    forget(new);
    let look = || -> std::result::Result<String, Fault> {
        copy_backup(from, new)?;
        Ok(Connection::open(new)?.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?)
    };
    let said = look().map_err(|fault| tell(from, fault))?;
    if said != "ok" {
        return Err(StoreError::Corrupt(format!("{}: this backup is damaged ({said}); take an older one", from.display())));
    }
    drop(Connections::open(new, home)?);
    quiet(new).map_err(|fault| tell(new, fault))
}

/// Moves the present store away and the new one to its place.
fn swap(path: &Path, new: &Path) -> Result<Option<PathBuf>> {
    let io = |what: &str, error: std::io::Error| StoreError::Unavailable(format!("{}: {what}: {error}", path.display()));
    let mut kept = None;
    if is_ours(path).map_err(|fault| tell(path, fault))? {
        if let Err(Fault::Sql(error)) = quiet(path)
            && is_busy(&error)
        {
            return Err(StoreError::Refused(format!("{}: the store is in use; stop Wattribute, then restore", path.display())));
        }
        let free = (1..).map(|k| beside(path, &format!("before-restore-{k}"))).find(|name| !name.exists());
        let aside = free.unwrap_or_else(|| beside(path, "before-restore"));
        std::fs::rename(path, &aside).map_err(|error| io("the present store cannot be moved away", error))?;
        // Of a damaged one the log could not be taken in: it stays with it, and never meets the new one.
        for log in ["-wal", "-shm"] {
            let (of_it, beside_it) = (with(path, log), with(&aside, log));
            if of_it.exists() {
                std::fs::rename(of_it, beside_it).map_err(|error| io("its log cannot be moved away", error))?;
            }
        }
        kept = Some(aside);
    }
    std::fs::File::open(new).and_then(|file| file.sync_all()).map_err(|error| io("the copy cannot be written to the disk", error))?;
    std::fs::rename(new, path).map_err(|error| io("the copy cannot be put in its place", error))?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| io("its folder cannot be written", error))?;
    }
    Ok(kept)
}

fn beside(path: &Path, word: &str) -> PathBuf {
    with(path, &format!(".{word}"))
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(end);
    PathBuf::from(name)
}
