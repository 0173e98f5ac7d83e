//! Alerts over MQTT: they wait on disk while the broker is away, also over a restart, and go out in order, once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use wattribute_domain::AlertRecord;
use wattribute_service::mqtt::{Client, MqttError};
use wattribute_store::spool::{Refusal, Sink, Spool, deliver};

use super::payload;
use crate::publish::condition::Condition;

/// What waits on disk at most, bytes: some two thousand alerts; past that the oldest go.
const LARGEST: u64 = 1 << 20;
/// How long what waits may take to go out at the end.
const FAREWELL: Duration = Duration::from_secs(2);
const LOOKED: Duration = Duration::from_millis(50);

/// One topic; what is published there is not retained, so that whoever subscribes later does not take an old alert for news.
pub struct Broker {
    pub client: Client,
    pub topic: String,
    pub condition: Condition,
}

#[async_trait]
impl Sink for Broker {
    async fn take(&mut self, batch: &[u8]) -> Result<(), Refusal> {
        self.client.deliver(&self.topic, batch, false).await.map_err(|error| match error {
            MqttError::Away | MqttError::Busy => Refusal::Later(error.to_string()),
            MqttError::Config(why) => Refusal::Poison(why),
        })
    }

    fn told(&mut self, wrong: Option<&str>, aside: Option<&Path>) {
        match (wrong, aside) {
            (Some(wrong), _) => self.condition.failed(&format!("{wrong}; alerts wait on disk")),
            (None, Some(file)) => self.condition.failed(&format!("an alert is refused for good and was set aside as {}", file.display())),
            (None, None) => self.condition.is_well(),
        }
    }
}

/// Publishes what waits in `folder` and what comes, until nothing comes any more; what cannot go out then waits for the next start.
pub async fn publish(broker: Broker, folder: PathBuf, mut coming: mpsc::Receiver<AlertRecord>, is_demo: bool) {
    let condition = broker.condition.clone();
    let opened = tokio::task::spawn_blocking(move || Spool::open(folder, LARGEST)).await;
    let spool = match opened {
        Ok(Ok(spool)) => Arc::new(spool),
        Ok(Err(wrong)) => return condition.failed(&wrong.to_string()),
        Err(bug) => return condition.failed(&format!("the spool ended by a bug: {bug}")),
    };
    let put = async {
        while let Some(alert) = coming.recv().await {
            let text = payload(&alert, is_demo).to_string();
            if let Err(wrong) = spool.apart(move |spool| spool.push(text.as_bytes())).await {
                condition.failed(&wrong.to_string());
                tracing::warn!(alert = alert.id, "an alert is not published: {wrong}");
            }
        }
        let emptied = async {
            while spool.fill().batches > 0 {
                tokio::time::sleep(LOOKED).await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, emptied).await;
    };
    tokio::select! {
        () = put => {}
        () = deliver(spool.clone(), broker) => {}
    }
}
