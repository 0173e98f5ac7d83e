//! Why a history could not be read: one line each.

use std::path::Path;

/// Why a history could not be read. Every message says what was wrong, where, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// No file was given.
    #[error("no file to read: give a home-assistant_v2.db, or a history as CSV or Parquet")]
    NothingToRead,
    /// The file is not there or may not be read.
    #[error("cannot read {file}: {why}")]
    Unreadable {
        /// Name of the file.
        file: String,
        /// What the system says, and what would be right.
        why: String,
    },
    /// The content is none of the known formats.
    #[error("{file} is {what}; {instead}")]
    Unrecognised {
        /// Name of the file.
        file: String,
        /// What it is instead.
        what: String,
        /// What to give.
        instead: String,
    },
    /// Another program holds the database.
    #[error("{file} is locked by another program: wait for it, or give a copy of the file together with its -wal")]
    Locked {
        /// Name of the file.
        file: String,
    },
    /// The file is damaged so early that nothing could be read.
    #[error("{file} is damaged: {why}; give a whole copy of it")]
    Damaged {
        /// Name of the file.
        file: String,
        /// What was found.
        why: String,
    },
    /// A table or column is missing.
    #[error("{file} has no {missing}: {wanted}")]
    Columns {
        /// Name of the file.
        file: String,
        /// What is missing.
        missing: String,
        /// What there has to be.
        wanted: String,
    },
    /// The file is well formed, but holds no rows.
    #[error("{file} holds no rows: nothing was recorded in it")]
    NoRows {
        /// Name of the file.
        file: String,
    },
    /// A database in WAL mode whose -wal holds all there is to read, and cannot be read.
    #[error(
        "the states of {file} are in its -wal, which {why}: copy both files to a folder of yours, or copy it while home assistant is stopped"
    )]
    WithoutWal {
        /// Name of the file.
        file: String,
        /// Why the -wal cannot be read.
        why: &'static str,
    },
    /// A glob of `include` or `exclude` is malformed.
    #[error("bad pattern `{pattern}`: {why}; write an entity such as `light.hall`, a glob such as `light.*` or a domain such as `light`")]
    Pattern {
        /// The glob.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The last part of a path, as messages call a file.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

impl HistoryError {
    pub(super) fn unreadable(path: &Path, why: &std::io::Error) -> Self {
        let why = match why.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied: make it readable for this user".to_owned(),
            _ => why.to_string().to_lowercase(),
        };
        HistoryError::Unreadable { file: path.display().to_string(), why }
    }

    pub(super) fn unrecognised(path: &Path, what: impl Into<String>, instead: impl Into<String>) -> Self {
        HistoryError::Unrecognised { file: name_of(path), what: what.into(), instead: instead.into() }
    }

    pub(super) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        HistoryError::Damaged { file: name_of(path), why: why.into() }
    }

    pub(super) fn columns(path: &Path, missing: impl Into<String>, wanted: impl Into<String>) -> Self {
        HistoryError::Columns { file: name_of(path), missing: missing.into(), wanted: wanted.into() }
    }

    pub(super) fn no_rows(path: &Path) -> Self {
        HistoryError::NoRows { file: name_of(path) }
    }
}
