//! Brings what waits in a spool to its sink, in order, again and again while the sink is away.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Result, Spool, SpoolError};

/// The first pause after a failure; each one after is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why a sink did not take a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not now: it is away or busy. What is wrong and what would help; the same batch is tried again.
    Later(String),
    /// Never: this batch is wrong. What is wrong with it; it is set aside, and the next one is tried.
    Poison(String),
}

/// Where batches go.
#[async_trait]
pub trait Sink: Send {
    /// Takes a batch. It returns `Ok` only when the sink has it: it is not sent again.
    async fn take(&mut self, batch: &[u8]) -> std::result::Result<(), Refusal>;

    /// It is well (`None`), or what is wrong; told after each try. `aside` is the file of a batch that was refused for good just now.
    fn told(&mut self, wrong: Option<&str>, aside: Option<&std::path::Path>);
}

/// Brings all that waits, and all that comes, until it is dropped.
pub async fn deliver(spool: Arc<Spool>, mut sink: impl Sink) {
    let mut pause = FIRST_PAUSE;
    loop {
        match deliver_next(&spool, &mut sink).await {
            Ok(true) => pause = FIRST_PAUSE,
            Ok(false) => spool.came().await,
            Err(wrong) => {
                sink.told(Some(&wrong), None);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Brings the oldest that waits; `false` where none does. The error says why it could not be brought now.
async fn deliver_next(spool: &Arc<Spool>, sink: &mut impl Sink) -> std::result::Result<bool, String> {
    let told = |error: SpoolError| error.to_string();
    let Some(parcel) = spool.apart(Spool::next).await.map_err(told)? else { return Ok(false) };
    let taken = sink.take(&parcel.bytes).await;
    let aside = match taken {
        Ok(()) => spool.apart(move |spool| spool.done(&parcel)).await.map(|()| None).map_err(told)?,
        Err(Refusal::Later(wrong)) => return Err(wrong),
        Err(Refusal::Poison(why)) => Some(spool.apart(move |spool| spool.set_aside(&parcel, &why)).await.map_err(told)?),
    };
    sink.told(None, aside.as_deref());
    Ok(true)
}

impl Spool {
    /// Does what waits for the disk where that holds up nothing else.
    pub async fn apart<T: Send + 'static>(self: &Arc<Self>, what: impl FnOnce(&Spool) -> Result<T> + Send + 'static) -> Result<T> {
        let spool = self.clone();
        let done = tokio::task::spawn_blocking(move || what(&spool)).await;
        done.unwrap_or_else(|bug| Err(SpoolError::Disk { path: self.folder().to_owned(), error: std::io::Error::other(bug) }))
    }
}
