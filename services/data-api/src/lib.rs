//! How data leaves: the data API, the dashboard, exports. It only reads the store.

mod activity;
mod books;
mod memo;
mod pages;
mod routes;

use std::net::SocketAddr;

use anyhow::Context as _;
use chrono::Utc;
use serde::Deserialize;
use tokio::net::TcpListener;
use wattribute_service::http::{self, About};
use wattribute_service::{Context, State};
use wattribute_store::{OURS, Store};

pub use routes::{Api, Live, router};

use routes::gauges::Gauges;

/// `[data_api]` in the config file.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where it answers HTTP.
    pub listen: SocketAddr,
    /// The store it reads; section `[store]`.
    #[serde(skip)]
    pub store: wattribute_store::Settings,
    /// Phantom load that is too much, W.
    #[serde(skip)]
    pub phantom_threshold_w: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 8006)),
            store: wattribute_store::Settings::default(),
            phantom_threshold_w: wattribute_store::PHANTOM_THRESHOLD_W,
        }
    }
}

/// How often it is looked whether there is anything to show.
const LOOK: std::time::Duration = std::time::Duration::from_secs(5);
/// At every third look the gauges of the home are set anew.
const GAUGES_EVERY: u32 = 3;

/// Answers the API, and on `pages` the same with the pages, until it is told to stop.
pub async fn run(config: Config, context: Context, pages: Option<TcpListener>) -> anyhow::Result<()> {
    let api = Api {
        health: context.health.clone(),
        live: Live::new(context.store.clone(), context.is_demo, context.shutdown.clone()),
        ..Api::new(context.store.clone(), config, context.is_demo)
    };
    let (since, told) = (api.since.clone(), api.clone());
    let about = About::of("data-api", &context);
    let answering = http::serve(context.listener, about.clone(), router(api.clone()), context.shutdown.clone());
    let showing = async {
        match pages {
            Some(listener) => {
                http::serve(listener, About { service: "dashboard", ..about }, pages::router(api), context.shutdown.clone()).await
            }
            None => Ok(()),
        }
    };
    let looking = async {
        Gauges::describe();
        let (mut gauges, mut looks) = (Gauges::default(), 0_u32);
        while !context.shutdown.is_cancelled() {
            let state = match has_readings(&*context.store).await {
                Ok(true) => State::Ok,
                Ok(false) => State::Degraded("nothing was heard yet: the meter service has written no readings to this store".to_owned()),
                Err(_) => State::Degraded("the store cannot be read".to_owned()),
            };
            context.health.set("readings", state);
            since.look(&context.health, Utc::now().timestamp_millis());
            // Where the store cannot be read, what was told last stands; /health says it.
            if looks.is_multiple_of(GAUGES_EVERY) {
                gauges.set(&told).await.ok();
            }
            looks = looks.wrapping_add(1);
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = context.shutdown.cancelled() => {}
            }
        }
        Ok(())
    };
    tokio::try_join!(answering, showing, looking).map(|_| ()).context("the data API cannot answer")
}

async fn has_readings(store: &dyn Store) -> wattribute_store::Result<bool> {
    let series = store.series().await?;
    Ok(series.iter().any(|(_, info)| info.source != OURS))
}
