//! The store as commands open it.

use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context as _;
use secrecy::ExposeSecret;
use wattribute_service::tls;
use wattribute_store::influx::Account;
use wattribute_store::mirror::{Mirror, ToInflux, mirror};
use wattribute_store::spool::Spool;
use wattribute_store::{Origin, Settings, Store};

use crate::config::{Influxdb, Loaded};

/// Opens the store of a real home, or that of the demo, which has a file of its own unless the environment says otherwise. Also says where
/// it is, without what is secret in it.
pub fn open_store(loaded: &Loaded, origin: Origin) -> anyhow::Result<(Arc<dyn Store>, String)> {
    let url = store_url(loaded, origin)?;
    let store = wattribute_store::open_with(&url, origin, store_settings(loaded)?)?;
    Ok((store, wattribute_store::shown(&url)))
}

/// How long the store keeps things, and how it lets us in.
pub fn store_settings(loaded: &Loaded) -> anyhow::Result<Settings> {
    Ok(Settings { influx: account(&loaded.config.influxdb)?, ..loaded.config.store.clone() })
}

/// Where the store is.
pub fn store_url(loaded: &Loaded, origin: Origin) -> anyhow::Result<String> {
    match origin {
        Origin::Home => loaded.config.store_url(true, "wattribute.db"),
        Origin::Demo => loaded.config.store_url(loaded.store_is_in_environment, "demo.db"),
    }
}

/// Whose readings the store holds; `None` where there is no store yet.
pub fn store_origin(loaded: &Loaded, url: &str) -> anyhow::Result<Option<Origin>> {
    Ok(wattribute_store::origin_with(url, &account(&loaded.config.influxdb)?)?)
}

/// The store of this home, where it is there already and can be opened; `check` tells why it cannot. Nothing is made for it.
pub fn store_if_there(loaded: &Loaded) -> Option<Arc<dyn Store>> {
    let config = &loaded.config;
    if config.store.url.is_none() && config.influxdb.url.is_none() && !config.data_dir.exists() {
        return None;
    }
    let origin = store_url(loaded, Origin::Home).and_then(|url| store_origin(loaded, &url)).ok()??;
    if origin == Origin::Home { open_store(loaded, Origin::Home).ok().map(|(store, _)| store) } else { None }
}

/// How InfluxDB lets us in.
pub fn account(config: &Influxdb) -> anyhow::Result<Account> {
    let defaults = Account::default();
    let said = |text: &Option<String>, default: String| text.clone().filter(|text| !text.trim().is_empty()).unwrap_or(default);
    let tls = tls::client_config(config.ca_file.as_deref()).map_err(|why| anyhow::anyhow!("[influxdb] {why}"))?;
    Ok(Account {
        token: config.token.as_ref().map(|token| token.expose_secret().trim().to_owned()).unwrap_or_default(),
        org: said(&config.org, defaults.org.clone()),
        bucket: said(&config.bucket, defaults.bucket.clone()),
        tls: Some(tls),
        ..defaults
    })
}

/// What runs beside the services, until it is dropped.
pub type Beside = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The store with a mirror in InfluxDB, where one is set up, and what brings it there: it runs until it is dropped. `part` is the name of what runs in
/// this process: each process has a spool of its own.
pub fn mirrored(
    loaded: &Loaded,
    store: Arc<dyn Store>,
    part: &str,
    tell: impl FnMut(Option<&str>) + Send + 'static,
) -> anyhow::Result<(Arc<dyn Store>, Option<Beside>)> {
    let config = &loaded.config.influxdb;
    let Some(url) = loaded.config.mirror_url() else { return Ok((store, None)) };
    let folder = loaded.config.data_dir.join("spool").join(format!("influxdb-{part}"));
    let spool =
        Arc::new(Spool::open(folder, config.spool_mb.saturating_mul(1 << 20)).context("what InfluxDB is to have cannot wait on disk")?);
    let sink = ToInflux::new(url, account(config)?, tell)?;
    let mirrored = Arc::new(Mirror::new(store, spool));
    let store: Arc<dyn Store> = mirrored.clone();
    // One process of a store puts there what was in it before, and what is imported.
    let beside: Beside = Box::pin(mirror(mirrored, sink, matches!(part, "all" | "meter")));
    Ok((store, Some(beside)))
}
