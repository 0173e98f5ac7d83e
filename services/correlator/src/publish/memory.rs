use serde::Serialize;
use serde::de::DeserializeOwned;
use wattribute_store::{Result, Store};

/// What is remembered under `key`; the empty thing where nothing is, or nothing that can be read any more.
pub(super) async fn recall<T: DeserializeOwned + Default>(store: &dyn Store, key: &str) -> Result<T> {
    Ok(store.document(key).await?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Remembers `what` under `key`.
pub(super) async fn remember<T: Serialize>(store: &dyn Store, key: &str, what: &T) -> Result<()> {
    let text = serde_json::to_string(what).unwrap_or_default();
    store.put_documents(vec![(key.to_owned(), text)]).await
}
