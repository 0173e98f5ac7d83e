//! Where services listen: all ports are taken before anything begins.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::TcpListener;
use wattribute_service::Access;

use crate::config::{Config, Services};

/// The listeners of the services that run.
pub struct Ports {
    pub meter: Option<TcpListener>,
    pub correlator: Option<TcpListener>,
    pub data_api: Option<TcpListener>,
    pub pages: Option<TcpListener>,
}

impl Ports {
    /// Takes the ports of these services.
    pub async fn open(config: &Config, services: Services) -> anyhow::Result<Self> {
        let wanted = |service| services == Services::All || services == service;
        Ok(Ports {
            meter: open(wanted(Services::Meter), config.meter.listen, "METER").await?,
            correlator: open(wanted(Services::Correlator), config.correlator.listen, "CORRELATOR").await?,
            data_api: open(wanted(Services::DataApi), config.data_api.listen, "DATA_API").await?,
            pages: open(wanted(Services::DataApi), config.dashboard.listen, "DASHBOARD").await?,
        })
    }

    /// Says so where others can reach us, but none of them could get in.
    pub fn warn_of_strangers(&self, access: &Access) {
        let all = [&self.meter, &self.correlator, &self.data_api, &self.pages];
        let reachable = all.into_iter().flatten().filter_map(|l| l.local_addr().ok()).any(|at| !at.ip().to_canonical().is_loopback());
        if reachable && !access.lets_others_in() {
            tracing::warn!(
                "other machines can reach this one but not get in: `wattribute token create` makes a token, or see `trusted_networks` in [access]"
            );
        }
    }
}

async fn open(wanted: bool, listen: SocketAddr, section: &str) -> anyhow::Result<Option<TcpListener>> {
    if !wanted {
        return Ok(None);
    }
    let listener = TcpListener::bind(listen).await;
    let cannot = || format!("{listen} cannot be listened on (another one may be running); WATTRIBUTE__{section}__LISTEN names another");
    Ok(Some(listener.with_context(cannot)?))
}
