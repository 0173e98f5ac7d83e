//! Tokens and logins as the store keeps them: a document each, so that two who make one at the same time both have it.

use chrono::Utc;
pub use secrecy::ExposeSecret;
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wattribute_store::{Store, StoreError};

use super::Scope;
use super::secret::{self, Fingerprint};

const TOKENS: &str = "access/token/";
const SESSIONS: &str = "access/session/";
/// How long a browser stays logged in, s.
pub const SESSION_S: i64 = 30 * 86_400;
const MOST_TOKENS: usize = 256;
const MOST_SESSIONS: usize = 256;

/// What is kept of a token: everything but itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Token {
    /// What the owner calls it.
    pub name: String,
    /// What it is good for.
    pub scope: Scope,
    /// When it was made, ms since the epoch.
    pub created_at_ms: i64,
    pub(super) sha256: Fingerprint,
}

/// What is kept of a browser that logged in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    sha256: Fingerprint,
    /// Of the cookie and the token together: the login ends with the token, and tells nothing of a token that can be guessed.
    bound: Fingerprint,
    expires_at_ms: i64,
}

/// Why a token cannot be made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be called that.
    #[error("name: a token's name has 1 to 64 letters, digits, `-`, `_` or `.` (not as the first), such as `phone`")]
    Name,
    /// There is one of that name.
    #[error("there is a token of the name {0} already; revoke it, or take another name")]
    Taken(String),
    /// There are enough.
    #[error("there are {MOST_TOKENS} tokens already; revoke some")]
    TooMany,
    /// There is none of that name.
    #[error("there is no token of the name {0}; `wattribute token list` prints those that there are")]
    Unknown(String),
    /// The machine gives no random bytes.
    #[error("this machine gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a token; this is the only time that anybody sees it.
pub async fn create(store: &dyn Store, name: &str, scope: Scope) -> Result<(Token, SecretString), TokenError> {
    if !is_name(name) {
        return Err(TokenError::Name);
    }
    let there = list(store).await?;
    if there.iter().any(|token| token.name == name) {
        return Err(TokenError::Taken(name.to_owned()));
    }
    if there.len() >= MOST_TOKENS {
        return Err(TokenError::TooMany);
    }
    let said = secret::token().map_err(TokenError::Random)?;
    let sha256 = Fingerprint::of(said.expose_secret());
    let token = Token { name: name.to_owned(), scope, created_at_ms: Utc::now().timestamp_millis(), sha256 };
    store.put_documents(vec![document(TOKENS, &sha256, &token)?]).await?;
    Ok((token, said))
}

/// All tokens, the oldest first.
pub async fn list(store: &dyn Store) -> Result<Vec<Token>, StoreError> {
    let mut all: Vec<Token> = read(store, TOKENS).await?;
    all.sort_by(|a, b| (a.created_at_ms, &a.name).cmp(&(b.created_at_ms, &b.name)));
    Ok(all)
}

/// Makes a token worthless, and with it every login that was made with it.
pub async fn revoke(store: &dyn Store, name: &str) -> Result<(), TokenError> {
    let gone: Vec<String> = list(store).await?.iter().filter(|token| token.name == name).map(|token| key(TOKENS, &token.sha256)).collect();
    if gone.is_empty() {
        return Err(TokenError::Unknown(name.to_owned()));
    }
    Ok(store.forget_documents(gone).await?)
}

/// Lets a browser in that knew `token`; what its cookie says. Logins that are over are forgotten, and the oldest of too many.
pub(super) async fn open_session(store: &dyn Store, token: &Fingerprint) -> Result<SecretString, TokenError> {
    let now_ms = Utc::now().timestamp_millis();
    let (mut live, mut over): (Vec<_>, Vec<_>) = sessions(store).await?.into_iter().partition(|session| session.expires_at_ms > now_ms);
    live.sort_by_key(|session| session.expires_at_ms);
    over.extend(live.drain(..(live.len() + 1).saturating_sub(MOST_SESSIONS)));
    if !over.is_empty() {
        store.forget_documents(over.iter().map(|session| key(SESSIONS, &session.sha256)).collect()).await?;
    }
    let said = secret::random().map_err(TokenError::Random)?;
    let sha256 = Fingerprint::of(said.expose_secret());
    let bound = Fingerprint::bound(said.expose_secret(), token);
    let session = Session { sha256, bound, expires_at_ms: now_ms + SESSION_S * 1000 };
    store.put_documents(vec![document(SESSIONS, &sha256, &session)?]).await?;
    Ok(said)
}

/// Ends the login of a cookie.
pub(super) async fn close_session(store: &dyn Store, said: &str) -> Result<(), StoreError> {
    store.forget_documents(vec![key(SESSIONS, &Fingerprint::of(said))]).await
}

/// All logins.
pub(super) async fn sessions(store: &dyn Store) -> Result<Vec<Session>, StoreError> {
    read(store, SESSIONS).await
}

impl Session {
    /// Whether this is the login of that cookie, and not over.
    pub(super) fn is(&self, cookie: &Fingerprint, now_ms: i64) -> bool {
        self.sha256.is(cookie) && now_ms < self.expires_at_ms
    }

    /// Whether the login was made with that token.
    pub(super) fn is_of(&self, said: &str, token: &Fingerprint) -> bool {
        self.bound.is(&Fingerprint::bound(said, token))
    }
}

fn is_name(name: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    letters && (1..=64).contains(&name.len()) && !name.starts_with('.')
}

fn key(prefix: &str, sha256: &Fingerprint) -> String {
    format!("{prefix}{}", sha256.short())
}

fn document<T: Serialize>(prefix: &str, sha256: &Fingerprint, kept: &T) -> Result<(String, String), StoreError> {
    let text = serde_json::to_string(kept).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok((key(prefix, sha256), text))
}

/// What cannot be read lets nobody in.
async fn read<T: DeserializeOwned>(store: &dyn Store, prefix: &str) -> Result<Vec<T>, StoreError> {
    Ok(store.documents(prefix).await?.iter().filter_map(|(_, text)| serde_json::from_str(text).ok()).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use rstest::rstest;
    use wattribute_store::Origin;

    fn store() -> (Arc<dyn Store>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (wattribute_store::open(&format!("sqlite:{}/home.db", folder.path().display()), Origin::Home).unwrap(), folder)
    }

    #[tokio::test]
    async fn a_token_is_kept_without_itself() {
        let (store, _folder) = store();
        let (_, said) = create(&*store, "phone", Scope::Read).await.unwrap();
        let kept = store.documents("").await.unwrap();
        assert!(kept.len() == 1 && !format!("{kept:?}").contains(&said.expose_secret()[4..]), "{kept:?}");
        let all = list(&*store).await.unwrap();
        assert_eq!((all[0].name.as_str(), all[0].scope), ("phone", Scope::Read));
        assert!(matches!(create(&*store, "phone", Scope::Read).await, Err(TokenError::Taken(_))));
        revoke(&*store, "phone").await.unwrap();
        assert!(list(&*store).await.unwrap().is_empty());
        assert!(matches!(revoke(&*store, "phone").await, Err(TokenError::Unknown(_))));
    }

    #[tokio::test]
    async fn those_who_make_tokens_at_once_lose_none() {
        let (store, _folder) = store();
        let names: Vec<String> = (0..20).map(|i| format!("t{i}")).collect();
        let made = names.iter().map(|name| create(&*store, name, Scope::Push));
        assert!(futures_util::future::join_all(made).await.iter().all(Result::is_ok));
        assert_eq!(list(&*store).await.unwrap().len(), 20);
    }

    #[rstest]
    #[case("")]
    #[case("two words")]
    #[case("../up")]
    #[case(".hidden")]
    #[case("ü")]
    #[tokio::test]
    async fn a_name_that_cannot_stand_in_a_path_is_refused(#[case] name: &str) {
        let (store, _folder) = store();
        assert!(matches!(create(&*store, name, Scope::Read).await, Err(TokenError::Name)));
    }

    #[tokio::test]
    async fn logins_do_not_pile_up() {
        let (store, _folder) = store();
        let token = Fingerprint::of("hush");
        let stale = Session { sha256: Fingerprint::of("old"), bound: token, expires_at_ms: 1 };
        store.put_documents(vec![document(SESSIONS, &stale.sha256, &stale).unwrap()]).await.unwrap();
        let first = open_session(&*store, &token).await.unwrap();
        assert_eq!(sessions(&*store).await.unwrap().len(), 1);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        for _ in 0..MOST_SESSIONS {
            open_session(&*store, &token).await.unwrap();
        }
        let all = sessions(&*store).await.unwrap();
        let first = Fingerprint::of(first.expose_secret());
        assert!(all.len() == MOST_SESSIONS && !all.iter().any(|session| session.sha256.is(&first)));
    }
}
