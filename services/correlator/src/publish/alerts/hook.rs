//! Alerts to webhooks.

use async_trait::async_trait;
use wattribute_domain::AlertRecord;
use wattribute_service::webhook::{SendError, Sender};

use super::Webhook;
use super::outbox::Sink;

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
