//! How data leaves: the data API, the dashboard, exports.

use std::net::SocketAddr;

use serde::Deserialize;
use tokio::net::TcpListener;
use utoipa_axum::router::OpenApiRouter;
use wattribute_service::Context;
use wattribute_service::http::{self, About};

/// `[data_api]` in the config file.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where it answers HTTP.
    pub listen: SocketAddr,
}

impl Default for Config {
    fn default() -> Self {
        Config { listen: SocketAddr::from(([127, 0, 0, 1], 8006)) }
    }
}

/// Answers the API, and on `pages` the same with the pages, until it is told to stop.
pub async fn run(_config: Config, context: Context, pages: Option<TcpListener>) -> anyhow::Result<()> {
    let about = About::of("data-api", &context);
    let _ = pages;
    http::serve(context.listener, about, OpenApiRouter::new(), context.shutdown).await
}
