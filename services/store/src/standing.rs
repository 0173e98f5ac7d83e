//! How sources of readings are, as the process that reads them says: others may run elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Result, Store};

/// What the keys of these documents begin with; the source's name follows.
const KEY: &str = "standing:";

/// What was said longer ago than this is not true any more: whoever reads the source has ended, ms.
pub const STANDS_MS: i64 = 60_000;

/// How one source is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// When this was said, ms since the epoch.
    pub told_at_ms: i64,
    /// Whether it and all its devices answer.
    pub is_up: bool,
    /// Since when that is so, ms since the epoch.
    pub since_ms: i64,
    /// What is wrong and what would help.
    pub error: Option<String>,
    /// Topics that are listened to.
    pub topics: Vec<String>,
    /// Whether the broker has let us in; `None` of what does not speak MQTT.
    pub mqtt_connected: Option<bool>,
}

impl Standing {
    /// The document that tells it of a source.
    pub fn document(&self, source: &str) -> (String, String) {
        (format!("{KEY}{source}"), serde_json::to_string(self).unwrap_or_default())
    }
}

/// How each source is at `now_ms`, by its name; nothing of those that nobody reads any more.
pub async fn standings(store: &dyn Store, now_ms: i64) -> Result<BTreeMap<String, Standing>> {
    let told = store.documents(KEY).await?.into_iter();
    let read = told.filter_map(|(key, text)| Some((key.strip_prefix(KEY)?.to_owned(), serde_json::from_str::<Standing>(&text).ok()?)));
    Ok(read.filter(|(_, standing)| now_ms - standing.told_at_ms <= STANDS_MS).collect())
}

/// Nothing but these sources is read from here on: what was said of others does not stand any more.
pub async fn reads_only(store: &dyn Store, sources: &[String]) -> Result<()> {
    let told = store.documents(KEY).await?.into_iter().map(|(key, _)| key);
    let is_read = |key: &String| key.strip_prefix(KEY).is_some_and(|source| sources.iter().any(|read| read == source));
    store.forget_documents(told.filter(|key| !is_read(key)).collect()).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use crate::{Origin, open};

    #[tokio::test]
    async fn what_nobody_says_any_more_does_not_stand() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&format!("sqlite:{}", folder.path().join("a.db").display()), Origin::Home).unwrap();
        let standing = Standing { told_at_ms: 100_000, error: Some("no answer".to_owned()), ..Standing::default() };
        store.put_documents(vec![standing.document("tasmota")]).await.unwrap();
        assert_eq!(standings(&*store, 150_000).await.unwrap(), BTreeMap::from([("tasmota".to_owned(), standing)]));
        assert!(standings(&*store, 161_000).await.unwrap().is_empty());
        store.put_documents(vec![Standing { told_at_ms: 150_000, ..Standing::default() }.document("glow")]).await.unwrap();
        reads_only(&*store, &["tasmota".to_owned()]).await.unwrap();
        assert_eq!(standings(&*store, 150_000).await.unwrap().into_keys().collect::<Vec<_>>(), ["tasmota"]);
    }
}
