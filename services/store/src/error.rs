/// What went wrong, by what to do next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not now: the disk is full, the file is locked for too long. Try again later.
    #[error("{0}")]
    Unavailable(String),
    /// The file is not what it should be.
    #[error("{0}")]
    Corrupt(String),
    /// What was asked cannot be done; the text says what would be right.
    #[error("{0}")]
    Refused(String),
}
