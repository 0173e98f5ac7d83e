//! Tells Home Assistant what was learned: sensors, events, alerts, statistics.
//!
//! A [`Publisher`] takes what is true now and hands it to tasks of its own, one for each way out, so that nothing here makes the
//! correlator wait or fail. How each way is stands in health under `mqtt` and `home_assistant_publish`. What Home Assistant sees is
//! described in docs/HOME_ASSISTANT.md.

pub mod alerts;
mod api;
mod board;
mod choice;
mod condition;
mod config;
mod discovery;
mod entity;
mod event;
mod events;
mod home_assistant;
mod known;
mod memory;
mod mqtt;
mod states;
mod statistics;
#[cfg(test)]
mod tests;
mod wanted;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use wattribute_domain::HourEnergy;
use wattribute_service::Health;
use wattribute_service::webhook::Sender;
use wattribute_store::Store;

pub use api::Api;
pub use config::{Config, Devices};
pub use home_assistant::{CallError, HomeAssistant};
pub use mqtt::{Mqtt, connect};

use crate::now::{DeviceNow, HomeNow, NamedCorrelation};
use alerts::{Broker, Hook, Outbox, deliver};
use condition::Condition;
use event::Waiting;
use known::Known;
use statistics::{Changed, Told};
use wanted::{Wanted, now_ms};

/// The pause after an alert could not be sent at first; each one after is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Starts a task for each webhook.
fn webhooks(config: &alerts::Config, health: &Health, is_demo: bool, tasks: &mut Vec<JoinHandle<()>>) -> Vec<Outbox> {
    if config.webhooks.is_empty() {
        return Vec::new();
    }
    let condition = Condition::new(health, "alerts_webhook");
    let sender = match Sender::new() {
        Ok(sender) => sender,
        Err(why) => {
            condition.failed(&why);
            return Vec::new();
        }
    };
    let start = |(k, webhook): (usize, &alerts::Webhook)| {
        let (outbox, coming) = Outbox::new();
        let condition = condition.part(&Hook::label(webhook, k + 1));
        let hook = Hook { sender: sender.clone(), webhook: webhook.clone(), is_demo };
        tasks.push(tokio::spawn(deliver(hook, condition, coming, FIRST_PAUSE)));
        outbox
    };
    config.webhooks.iter().enumerate().map(start).collect()
}

/// Tells Home Assistant what was learned.
pub struct Publisher {
    config: Config,
    is_demo: bool,
    known: Known,
    memory: Condition,
    wanted: watch::Sender<Option<Arc<Wanted>>>,
    events: Option<mpsc::Sender<Vec<Waiting>>>,
    statistics: Option<mpsc::Sender<Changed>>,
    outboxes: Vec<Outbox>,
    tasks: Vec<JoinHandle<()>>,
}

impl Publisher {
    /// Starts the tasks that publish; is to be called within a runtime. Sensors go over `mqtt` ([`connect`]) where it is given, else they
    /// are states through `home_assistant`; events and statistics need `home_assistant`.
    pub fn new(
        config: Config,
        mqtt: Option<Mqtt>,
        home_assistant: Option<Arc<dyn HomeAssistant>>,
        store: Arc<dyn Store>,
        health: &Health,
        is_demo: bool,
    ) -> Self {
        let api = Condition::new(health, "home_assistant_publish");
        let (mut tasks, mut outboxes) = (Vec::new(), Vec::new());
        if let (Some(mqtt), Some(folder), true) = (&mqtt, &config.spool, config.alerts.mqtt) {
            let (client, topic) = mqtt.for_alerts();
            let (outbox, coming) = Outbox::new();
            let broker = Broker { client, topic, condition: Condition::new(health, "alerts_mqtt") };
            let folder = folder.join(if is_demo { "mqtt-alerts-demo" } else { "mqtt-alerts" });
            tasks.push(tokio::spawn(alerts::publish(broker, folder, coming, is_demo)));
            outboxes.push(outbox);
        }
        outboxes.extend(webhooks(&config.alerts, health, is_demo, &mut tasks));
        let (tell, wanted) = watch::channel(None);
        let has_broker = mqtt.is_some();
        let interval = config.min_interval();
        if !config.sensors {
            // What a former run left goes.
            tell.send_replace(Some(Arc::new(Wanted { entities: Vec::new(), is_complete: true })));
        }
        if let Some(mqtt) = mqtt {
            let condition = Condition::new(health, "mqtt");
            let url = config.configuration_url.clone();
            tasks.push(tokio::spawn(mqtt::write(mqtt, url, interval, store.clone(), condition, wanted)));
        } else if let (true, Some(ha)) = (config.sensors, home_assistant.clone()) {
            tasks.push(tokio::spawn(states::post(ha, interval, store.clone(), api.part("states"), wanted)));
        }
        let mut events = None;
        let mut statistics = None;
        if let Some(ha) = home_assistant {
            if has_broker || !config.sensors {
                tokio::spawn(states::clean_up(ha.clone(), store.clone()));
            }
            if config.events || config.alerts.home_assistant {
                let (fire, coming) = mpsc::channel(64);
                tasks.push(tokio::spawn(events::fire(ha.clone(), store.clone(), api.part("events"), coming)));
                events = Some(fire);
            }
            if config.statistics {
                let (import, coming) = mpsc::channel(64);
                tasks.push(tokio::spawn(statistics::import(ha, store.clone(), api.part("statistics"), coming)));
                statistics = Some(import);
            }
        }
        let memory = Condition::new(health, "publish_memory");
        Publisher { known: Known::new(store), config, is_demo, memory, wanted: tell, events, statistics, outboxes, tasks }
    }

    /// Tells what is true now. To be called once profiles are loaded, and whenever something changes; the same again is told once.
    pub async fn publish(&mut self, now: &HomeNow) {
        let entities = match self.known.look(now, &self.config).await {
            Ok((entities, alerts)) => {
                self.memory.is_well();
                if self.config.alerts.home_assistant {
                    self.fire(alerts.iter().map(|alert| Waiting::Alert(alerts::payload(alert, self.is_demo))).collect());
                }
                for alert in &alerts {
                    self.outboxes.iter().for_each(|outbox| outbox.put(alert));
                }
                entities
            }
            Err(why) => {
                self.memory.failed(&why.to_string());
                return;
            }
        };
        if self.config.sensors {
            self.wanted.send_replace(Some(Arc::new(Wanted { entities, is_complete: !now.devices.is_empty() })));
        }
    }

    /// Fires an event for each of these that is final, clean, large enough and news, unless it was fired before. `price` is that of one
    /// kWh and its currency.
    pub async fn correlations(&mut self, finals: &[NamedCorrelation], price: Option<(f64, String)>) {
        if !self.config.events {
            return;
        }
        let now_ms = now_ms();
        let news = finals.iter().filter(|c| event::is_news(c, self.config.event_min_delta_w, now_ms));
        let waiting = |c: &NamedCorrelation| Waiting::Correlation {
            key: (c.record.at_ms, c.record.series.0),
            payload: event::payload(c, price.as_ref(), self.is_demo),
        };
        self.fire(news.map(waiting).collect());
    }

    /// Imports the energy of `devices` from the first of the hours that changed on, from the store. An hour that lost all its energy is to
    /// be among `hours` too, with 0.
    pub async fn statistics(&mut self, hours: &[HourEnergy], devices: &[DeviceNow]) {
        let Some(statistics) = &self.statistics else { return };
        let Some(from_ms) = hours.iter().map(|h| h.hour_ms).min() else { return };
        let all = match &self.config.devices {
            Devices::Top(_) => &Devices::All,
            listed => listed,
        };
        match self.known.names(devices, all).await {
            Ok(named) => {
                let prefix = if self.is_demo { "demo_" } else { "" };
                let word = if self.is_demo { "Wattribute Demo" } else { "Wattribute" };
                let told = |(device, slug): (&DeviceNow, String)| Told {
                    series: device.series,
                    statistic_id: format!("wattribute:{prefix}{slug}_energy"),
                    name: format!("{} ({word})", device.name),
                };
                // Full: the importer is behind, and the sums will tell it what it missed.
                let _ = statistics.try_send(Changed { from_ms, devices: named.into_iter().map(told).collect() });
            }
            Err(why) => self.memory.failed(&why.to_string()),
        }
    }

    /// Says goodbye: what is shown becomes unavailable. Takes a few seconds at most.
    pub async fn stop(self) {
        let Publisher { wanted, events, statistics, outboxes, tasks, .. } = self;
        drop((wanted, events, statistics, outboxes));
        for task in tasks {
            let abort = task.abort_handle();
            if tokio::time::timeout(std::time::Duration::from_secs(5), task).await.is_err() {
                abort.abort();
            }
        }
    }

    fn fire(&self, waiting: Vec<Waiting>) {
        if let (Some(events), false) = (&self.events, waiting.is_empty()) {
            // Full: the newest are lost, which only happens while Home Assistant does not answer.
            let _ = events.try_send(waiting);
        }
    }
}
