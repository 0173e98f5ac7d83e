//! Brings what waits to InfluxDB.

use std::path::Path;

use async_trait::async_trait;

use crate::influx::mirrored::{deliver, holds_none};
use crate::influx::{Account, Client, connect_sink};
use crate::spool::{Refusal, Sink};
use crate::{Result, StoreError};

/// An InfluxDB that takes parcels of [`super::Mirror`]: 1.x, 2.x, or 3.
pub struct ToInflux<F> {
    url: String,
    account: Account,
    client: Option<Client>,
    is_away: bool,
    tell: F,
}

impl<F: FnMut(Option<&str>) + Send> ToInflux<F> {
    /// The InfluxDB at `url`, which is asked only when there is something to bring. `tell` hears what is wrong, and when that is over.
    pub fn new(url: &str, account: Account, tell: F) -> Result<Self> {
        Client::check_address(url)?;
        Ok(ToInflux { url: url.to_owned(), account, client: None, is_away: false, tell })
    }

    /// Which bucket it is, where; without what is secret.
    pub(super) fn place(&self) -> String {
        format!("{} {}", crate::shown(&self.url), self.account.bucket)
    }

    /// Whether the bucket holds no readings of ours.
    pub(super) async fn is_empty(&mut self) -> Result<bool> {
        holds_none(self.client().await?).await
    }

    async fn client(&mut self) -> Result<&Client> {
        Ok(match &mut self.client {
            Some(client) => client,
            none => none.insert(connect_sink(&self.url, &self.account).await?),
        })
    }

    async fn bring(&mut self, parcel: &str) -> Result<Option<String>> {
        deliver(self.client().await?, parcel).await
    }
}

#[async_trait]
impl<F: FnMut(Option<&str>) + Send> Sink for ToInflux<F> {
    async fn take(&mut self, batch: &[u8]) -> std::result::Result<(), Refusal> {
        let Ok(parcel) = std::str::from_utf8(batch) else { return Err(Refusal::Poison("it is no text".to_owned())) };
        match self.bring(parcel).await {
            Ok(None) => Ok(()),
            Ok(Some(why)) => Err(Refusal::Poison(why)),
            Err(StoreError::Refused(why) | StoreError::Corrupt(why)) if self.client.is_some() => Err(Refusal::Poison(why)),
            Err(error) => {
                // Another version may be there when it is back.
                self.client = None;
                Err(Refusal::Later(error.to_string()))
            }
        }
    }

    fn told(&mut self, wrong: Option<&str>, aside: Option<&Path>) {
        match wrong {
            Some(why) if !self.is_away => tracing::warn!("InfluxDB takes nothing now; what it is to have waits on disk: {why}"),
            None if self.is_away => tracing::info!("InfluxDB is back; what waited is written"),
            _ => {}
        }
        self.is_away = wrong.is_some();
        let lines = aside.map(|file| format!("InfluxDB refused lines, which are kept in {}", file.display()));
        (self.tell)(wrong.or(lines.as_deref()));
    }
}
