//! Adapters that turn what Home Assistant and devices say into readings and state changes.

pub mod adapters;
pub mod import;

use std::net::SocketAddr;

use serde::Deserialize;
use wattribute_service::Context;

/// `[meter]` in the config file.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where it answers HTTP.
    pub listen: SocketAddr,
    /// Where Home Assistant is; `None`: nowhere.
    #[serde(skip)]
    pub home_assistant: Option<wattribute_service::home_assistant::Config>,
    /// Whether the made-up home is the source.
    #[serde(skip)]
    pub is_demo: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { listen: SocketAddr::from(([127, 0, 0, 1], 8014)), home_assistant: None, is_demo: false }
    }
}

/// Runs until it is told to stop.
pub async fn run(_config: Config, context: Context) -> anyhow::Result<()> {
    let about = wattribute_service::http::About::of("meter", &context);
    wattribute_service::http::serve(context.listener, about, utoipa_axum::router::OpenApiRouter::new(), context.shutdown).await
}
