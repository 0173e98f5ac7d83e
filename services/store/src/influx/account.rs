//! How InfluxDB lets us in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Bucket (2.x) or database (1.x) where none is named.
pub const BUCKET: &str = "home_assistant_events";
/// Organisation (2.x) where none is named.
pub const ORG: &str = "homeiq";

/// Who we are to InfluxDB, and what is ours there. The token is shown nowhere.
#[derive(Clone)]
pub struct Account {
    /// API token (2.x, 3), or `user:password` (1.x); empty where nobody asks for one.
    pub token: String,
    /// Organisation (2.x).
    pub org: String,
    /// Bucket (2.x) or database (1.x).
    pub bucket: String,
    /// How `https` is spoken; `None`: as the machine does.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// How long a request that fails for now is tried again before it is given up.
    pub patience: Duration,
    /// How long one request may take.
    pub timeout: Duration,
}

impl Default for Account {
    fn default() -> Self {
        Account {
            token: String::new(),
            org: ORG.to_owned(),
            bucket: BUCKET.to_owned(),
            tls: None,
            patience: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
        }
    }
}

impl PartialEq for Account {
    fn eq(&self, other: &Self) -> bool {
        let same_tls = match (&self.tls, &other.tls) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        let all = |of: &Account| (of.token.clone(), of.org.clone(), of.bucket.clone(), of.patience, of.timeout);
        same_tls && all(self) == all(other)
    }
}

impl Eq for Account {}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("org", &self.org).field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_not_shown() {
        let account = Account { token: "hunter2".to_owned(), ..Account::default() };
        assert!(!format!("{account:?}").contains("hunter2"));
        assert!(account == account.clone() && account != Account::default());
    }
}
