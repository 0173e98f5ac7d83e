//! The ways out beside Home Assistant's events: MQTT and webhooks.

use async_trait::async_trait;
use wattribute_domain::AlertRecord;
use wattribute_service::mqtt::{Client, MqttError};
use wattribute_service::webhook::{SendError, Sender};

use super::outbox::Sink;
use super::{Webhook, payload};

/// Sends alerts to one address.
pub struct Hook {
    pub sender: Sender,
    pub webhook: Webhook,
    pub is_demo: bool,
}

impl Hook {
    /// What it is called in health and in the log, with the `number` it has in the configuration.
    pub fn label(webhook: &Webhook, number: usize) -> String {
        format!("webhook {number} ({})", webhook.target.host())
    }
}

#[async_trait]
impl Sink for Hook {
    fn takes(&self, alert: &AlertRecord) -> bool {
        let Webhook { kinds, ends, .. } = &self.webhook;
        (kinds.is_empty() || kinds.contains(&alert.kind)) && (*ends || alert.is_on())
    }

    async fn send(&self, alert: &AlertRecord) -> Result<(), SendError> {
        self.sender.send(&self.webhook.target, self.webhook.template.fill(alert, self.is_demo)).await
    }
}

/// Publishes alerts on one topic; not retained, so that whoever subscribes later does not take an old one for news.
pub struct MqttSink {
    pub client: Client,
    pub topic: String,
    pub is_demo: bool,
}

#[async_trait]
impl Sink for MqttSink {
    fn takes(&self, _: &AlertRecord) -> bool {
        true
    }

    async fn send(&self, alert: &AlertRecord) -> Result<(), SendError> {
        let sent = self.client.publish(&self.topic, payload(alert, self.is_demo).to_string(), false);
        sent.map_err(|error| match error {
            MqttError::Away | MqttError::Busy => SendError::Later(error.to_string()),
            MqttError::Config(why) => SendError::Refused(why),
        })
    }
}
