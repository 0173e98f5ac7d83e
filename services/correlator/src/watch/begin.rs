//! What comes before the loop.

use std::sync::Arc;

use wattribute_service::{Health, State};
use wattribute_store::{Store, set_configured_meter};

use super::TICK;
use crate::Config;
use crate::live::Live;
use crate::publish::{Api, HomeAssistant, Publisher, connect};

/// Begins as soon as the store can be read.
pub async fn begin(store: &Arc<dyn Store>, config: &Config, health: &Health) -> Live {
    loop {
        let begun = async {
            // So that whoever changes it elsewhere is told where it is said.
            set_configured_meter(&**store, config.meter.as_deref()).await?;
            Live::begin(store.clone(), config.lookback_minutes).await
        };
        match begun.await {
            Ok(live) => return live,
            Err(error) => {
                if health.set("store", State::Down(format!("{error:#}"))) {
                    tracing::error!(error = format!("{error:#}"), "the store cannot be read");
                }
                tokio::time::sleep(TICK).await;
            }
        }
    }
}

/// Opens what is configured; what cannot be opened is said in health.
pub fn start_publishing(config: &Config, store: Arc<dyn Store>, health: &Health, is_demo: bool) -> Publisher {
    let mqtt = config.mqtt.as_ref().and_then(|broker| match connect(broker, is_demo) {
        Ok(mqtt) => Some(mqtt),
        Err(error) => {
            tracing::error!(%error, "nothing is published over MQTT");
            health.set("mqtt", State::Degraded(error.to_string()));
            None
        }
    });
    let home_assistant = config.home_assistant.as_ref().filter(|c| c.is_set()).and_then(|c| match Api::new(c) {
        Ok(api) => Some(Arc::new(api) as Arc<dyn HomeAssistant>),
        Err(error) => {
            tracing::error!(%error, "nothing is published to Home Assistant");
            health.set("home_assistant_publish", State::Degraded(error.to_string()));
            None
        }
    });
    Publisher::new(config.publish.clone(), mqtt, home_assistant, store, health, is_demo)
}
