//! The tokens and logins that are known: those of the configuration, and those of the store, which are looked at again when a request
//! brings one and the last look was a moment ago. So each process learns at once what another one made or revoked.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use wattribute_store::{Store, StoreError};

use super::Scope;
use super::secret::Fingerprint;
use super::tokens::{self, Session, Token};

const FRESH: Duration = Duration::from_millis(250);

/// What is known.
#[derive(Default)]
pub struct Known {
    /// Of the configuration; they may do everything.
    configured: Vec<Fingerprint>,
    /// Of devices, which may push and nothing else.
    devices: RwLock<Vec<Fingerprint>>,
    store: OnceLock<Arc<dyn Store>>,
    kept: RwLock<Kept>,
    looked: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Kept {
    tokens: Vec<Token>,
    sessions: Vec<Session>,
}

impl Known {
    /// Tokens of the configuration.
    pub fn configured(tokens: Vec<Fingerprint>) -> Self {
        Known { configured: tokens, ..Known::default() }
    }

    /// From here on also this one, of a device.
    pub fn let_push(&self, token: Fingerprint) {
        self.devices.write().unwrap_or_else(PoisonError::into_inner).push(token);
    }

    /// From here on also those that this store keeps.
    pub fn keep_in(&self, store: Arc<dyn Store>) {
        // It is said once, at the start.
        let _already_said = self.store.set(store);
    }

    /// Where they are kept.
    pub fn store(&self) -> Option<&dyn Store> {
        self.store.get().map(AsRef::as_ref)
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.configured.is_empty() && self.kept().tokens.is_empty()
    }

    /// Looks at the store again unless it did so just now. Where the store fails, what was known holds.
    pub async fn look(&self) {
        let Some(store) = self.store() else { return };
        let mut looked = self.looked.lock().await;
        if looked.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        match read(store).await {
            Ok(kept) => *self.kept.write().unwrap_or_else(PoisonError::into_inner) = kept,
            // Who looks after the store has said so.
            Err(error) => tracing::debug!(%error, "tokens cannot be read"),
        }
        *looked = Some(Instant::now());
    }

    /// Looks at the store, whenever it did so last: what it keeps has just been changed from here.
    pub async fn look_now(&self) {
        *self.looked.lock().await = None;
        self.look().await;
    }

    /// What a token is good for, and what is kept of it.
    pub fn token(&self, said: &str) -> Option<(Scope, Fingerprint)> {
        let said = Fingerprint::of(said);
        // All are compared, whichever it is.
        self.all().into_iter().fold(None, |found, (scope, token)| if token.is(&said) { Some((scope, token)) } else { found })
    }

    /// What the login of a cookie is good for.
    pub fn session(&self, said: &str, now_ms: i64) -> Option<Scope> {
        let cookie = Fingerprint::of(said);
        let session = self.kept().sessions.iter().find(|session| session.is(&cookie, now_ms)).cloned()?;
        self.all().into_iter().find(|(_, token)| session.is_of(said, token)).map(|(scope, _)| scope)
    }

    fn all(&self) -> Vec<(Scope, Fingerprint)> {
        let devices = self.devices.read().unwrap_or_else(PoisonError::into_inner).clone();
        let devices = devices.into_iter().map(|token| (Scope::Push, token));
        let configured = self.configured.iter().map(|token| (Scope::Write, *token));
        devices.chain(configured).chain(self.kept().tokens.iter().map(|token| (token.scope, token.sha256))).collect()
    }

    fn kept(&self) -> std::sync::RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(store: &dyn Store) -> Result<Kept, StoreError> {
    Ok(Kept { tokens: tokens::list(store).await?, sessions: tokens::sessions(store).await? })
}
