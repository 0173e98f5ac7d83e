//! The meter service.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::Utc;
use serde::Deserialize;
use wattribute_domain::with_dots;
use wattribute_service::{Context, Health, State, home_assistant, http};
use wattribute_store::Store;
use wattribute_store::spool::Spool;

use crate::adapters::home_assistant::{HEARD, HomeAssistant};
use crate::adapters::same::DEVICES;
use crate::adapters::{Adapter, demo, pulse};
use crate::writer::bring_what_waits;
use crate::{House, Sources, backups, ingest, router};

/// How often the store is looked after.
const MAINTAIN_EVERY: Duration = Duration::from_secs(60);
/// How long what an earlier process left on disk is brought to the store before anything is read.
const LEFT_BEHIND: Duration = Duration::from_secs(10);

/// The section `[meter]`, and what else the service reads from.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where it answers.
    pub listen: SocketAddr,
    /// Sources that count before Home Assistant where both read the same device, the first first.
    pub prefer: Vec<String>,
    /// The Home Assistant to read; section `[home_assistant]`.
    #[serde(skip)]
    pub home_assistant: Option<home_assistant::Config>,
    /// What else is read.
    #[serde(skip)]
    pub sources: Sources,
    /// When copies of the store are made; section `[backup]`.
    #[serde(skip)]
    pub backup: backups::Config,
    /// The house's meter, an entity or an expression over entities, where the owner says it.
    #[serde(skip)]
    pub meter: Option<String>,
    /// The folder in which what was heard waits while the store does not answer, and how much of it at most, bytes. `None`: it waits in memory, as is right
    /// for a store on the same disk.
    #[serde(skip)]
    pub spool: Option<(PathBuf, u64)>,
    /// The made-up home to read instead of anything real.
    #[serde(skip)]
    pub demo: Option<demo::Config>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 8014)),
            prefer: Vec::new(),
            home_assistant: None,
            sources: Sources::default(),
            backup: backups::Config::default(),
            meter: None,
            spool: None,
            demo: None,
        }
    }
}

/// Reads all sources into the store and answers HTTP, until the context's shutdown.
pub async fn run(config: Config, context: Context) -> anyhow::Result<()> {
    let about = http::About::of("meter", &context);
    let Context { store, listener, shutdown, health, .. } = context;
    config.sources.door.open(store.clone(), about.access.clone());
    let spool = config.spool.as_ref().and_then(|(folder, limit_bytes)| waits_in(folder, *limit_bytes, &health));
    if let Some(spool) = &spool {
        tokio::select! {
            () = bring_what_waits(&store, spool, LEFT_BEHIND) => {}
            () = shutdown.cancelled() => return Ok(()),
        }
    }
    let adapters = adapters(&config, &store, &health).await?;
    if adapters.is_empty() && config.sources.names().is_empty() {
        let remedy =
            "no source is set up: set HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN, a meter (docs/ADAPTERS.md), or see `wattribute demo`";
        health.set("source", State::Degraded(remedy.to_owned()));
        tracing::warn!("{remedy}");
    }
    let read: Vec<String> = adapters.iter().map(|adapter| adapter.name().to_owned()).collect();
    wattribute_store::reads_only(&*store, &read).await?;
    let links = adapters.iter().map(|adapter| (adapter.name().to_owned(), adapter.link())).collect();
    wattribute_store::set_links(&*store, links).await?;
    let meter = config.meter.or(config.home_assistant.and_then(|config| config.meter));
    let pushed = pulse::routes(config.sources.door.clone());
    let routes = router(House { store: store.clone(), meter: meter.map(|meter| with_dots(&meter)) }).merge(pushed);

    let maintaining = maintain(store.clone());
    // The made-up home is not worth a copy.
    let backup = if config.demo.is_some() { backups::Config::default() } else { config.backup };
    let copying = backups::keep(backup, store.clone(), health.clone());
    let reading = async {
        ingest(adapters, store, spool, health, shutdown.clone()).await.context("the meter service cannot write to the store")?;
        shutdown.cancelled().await;
        anyhow::Ok(())
    };
    let answering = http::serve(listener, about, routes, shutdown.clone());
    tokio::select! {
        done = async { tokio::try_join!(reading, answering) } => done.map(|_| ()),
        () = maintaining => Ok(()),
        () = copying => Ok(()),
    }
}

/// The spool before a store that is elsewhere. Without it what is heard still waits, in memory; that is told.
fn waits_in(folder: &Path, limit_bytes: u64, health: &Health) -> Option<Arc<Spool>> {
    match Spool::open(folder, limit_bytes) {
        Ok(spool) => Some(Arc::new(spool)),
        Err(error) => {
            tracing::error!(%error, "while the store is away, what is heard waits in memory only");
            health.set("spool", State::Degraded(error.to_string()));
            None
        }
    }
}

/// All adapters that can be; what is set up wrongly stops none of them.
async fn adapters(config: &Config, store: &Arc<dyn Store>, health: &Health) -> anyhow::Result<Vec<Box<dyn Adapter>>> {
    let mut adapters: Vec<Box<dyn Adapter>> = Vec::new();
    if let Some(demo) = &config.demo {
        let heard = store.document(demo::HEARD).await?;
        adapters.push(Box::new(match heard {
            Some(heard) => demo::Demo::resume(*demo, &heard)?,
            None => demo::Demo::new(*demo, Utc::now().timestamp_millis()),
        }));
        return Ok(adapters);
    }
    if let Some(home_assistant) = config.home_assistant.clone().filter(home_assistant::Config::is_set) {
        let heard_ms = store.document(HEARD).await?.and_then(|text| text.parse().ok());
        let known = store.series().await?.into_iter().map(|(_, info)| info).collect();
        let home_assistant = HomeAssistant::new(home_assistant, known, heard_ms)?.with_tariffs_of(store.clone());
        adapters.push(Box::new(home_assistant));
    }
    let (others, wrong) = config.sources.adapters(&**store).await?;
    adapters.extend(others);
    for unknown in config.prefer.iter().filter(|name| !Sources::is_name(name)) {
        let why = format!("`prefer` in [meter]: there is no source `{}`; there are {}", unknown.escape_debug(), Sources::NAMES.join(", "));
        tracing::error!("{why}");
        health.set("meter_settings", State::Degraded(why));
    }
    for (source, error) in wrong {
        tracing::error!("{source} is set up wrongly: {error}");
        health.set(&format!("{source}_settings"), State::Degraded(error.to_string()));
    }
    Ok(config.sources.described(adapters, &config.prefer, store.document(DEVICES).await?))
}

/// Folds, rolls up and forgets in the store, every minute.
async fn maintain(store: Arc<dyn Store>) {
    let mut is_failing = false;
    loop {
        tokio::time::sleep(MAINTAIN_EVERY).await;
        let failed = store.maintain(Utc::now().timestamp_millis()).await.err();
        match &failed {
            Some(why) if !is_failing => tracing::warn!("the store cannot be looked after now: {why}"),
            None if is_failing => tracing::info!("the store is looked after again"),
            _ => {}
        }
        is_failing = failed.is_some();
    }
}
