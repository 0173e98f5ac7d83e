//! A store that does not answer at the start: everything begins when it does, and until then /health says so on every port.

use std::os::fd::AsFd as _;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wattribute_domain::Tariffs;
use wattribute_service::http::{About, serve_health};
use wattribute_service::{Access, Health, State};
use wattribute_store::{HomeSettings, Store, StoreError};

use super::ports::Ports;

/// Pause before it is asked again.
const AGAIN: Duration = Duration::from_secs(3);

/// Who answers until then.
pub struct Answering<'a> {
    pub ports: &'a Ports,
    pub access: &'a Access,
    /// How the meter, the correlator and the data API are.
    pub healths: &'a [Health; 3],
    pub is_demo: bool,
}

/// Tells the store what the configuration says of the home, as soon as it answers; `false` where we were told to stop before.
pub async fn tell_store(
    store: &dyn Store,
    home: &HomeSettings,
    tariff: &Tariffs,
    may_come_later: bool,
    answering: Answering<'_>,
    shutdown: &CancellationToken,
) -> anyhow::Result<bool> {
    let told = tell(store, home, tariff).await;
    let why = match told {
        Ok(()) => return Ok(true),
        Err(StoreError::Unavailable(why)) if may_come_later => why,
        Err(error) => return Err(anyhow::Error::new(error).context("the store cannot be written")),
    };
    tracing::warn!("the store does not answer yet, and nothing begins until it does: {why}");
    let until = shutdown.child_token();
    let mut servers = answering.begin(&why, &until)?;
    let told = loop {
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = shutdown.cancelled() => break false,
        }
        match tell(store, home, tariff).await {
            Ok(()) => break true,
            Err(StoreError::Unavailable(why)) => answering.say(&why),
            Err(error) => return Err(anyhow::Error::new(error).context("the store cannot be written")),
        }
    };
    until.cancel();
    while servers.join_next().await.is_some() {}
    if told {
        tracing::info!("the store answers");
    }
    Ok(told)
}

async fn tell(store: &dyn Store, home: &HomeSettings, tariff: &Tariffs) -> Result<(), StoreError> {
    wattribute_store::set_home(store, home).await?;
    wattribute_store::take_config(store, tariff).await
}

impl Answering<'_> {
    fn say(&self, why: &str) {
        for health in self.healths {
            health.set("store", State::Down(why.to_owned()));
        }
    }

    /// Answers /health on copies of the listeners.
    fn begin(&self, why: &str, until: &CancellationToken) -> anyhow::Result<JoinSet<()>> {
        self.say(why);
        let [meter, correlator, api] = self.healths;
        let all = [
            (&self.ports.meter, "meter", meter),
            (&self.ports.correlator, "correlator", correlator),
            (&self.ports.data_api, "data-api", api),
            (&self.ports.pages, "data-api", api),
        ];
        let mut servers = JoinSet::new();
        for (listener, service, health) in all {
            let Some(listener) = listener else { continue };
            let listener = copy(listener).context("a port cannot be answered")?;
            let about = About { service, health: health.clone(), access: self.access.clone(), is_demo: self.is_demo };
            let until = until.clone();
            servers.spawn(async move {
                if let Err(error) = serve_health(listener, about, "the store does not answer yet; see /health", until).await {
                    tracing::warn!("{error:#}");
                }
            });
        }
        Ok(servers)
    }
}

/// Another handle of the same listener.
fn copy(listener: &TcpListener) -> std::io::Result<TcpListener> {
    TcpListener::from_std(std::net::TcpListener::from(listener.as_fd().try_clone_to_owned()?))
}
