//! The store as commands open it.

use std::sync::Arc;

use wattribute_store::{Origin, Store};

use crate::config::Loaded;

/// Opens the store of a real home, or that of the demo, which has a file of its own unless the environment says otherwise. Also says where
/// it is.
pub fn open_store(loaded: &Loaded, origin: Origin) -> anyhow::Result<(Arc<dyn Store>, String)> {
    let url = store_url(loaded, origin)?;
    let store = wattribute_store::open_with(&url, origin, loaded.config.store.clone())?;
    Ok((store, url))
}

/// Where the store is.
pub fn store_url(loaded: &Loaded, origin: Origin) -> anyhow::Result<String> {
    match origin {
        Origin::Home => loaded.config.store_url(true, "wattribute.db"),
        Origin::Demo => loaded.config.store_url(loaded.store_is_in_environment, "demo.db"),
    }
}
