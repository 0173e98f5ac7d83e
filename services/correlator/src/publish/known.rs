use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wattribute_domain::{AlertLog, AlertRecord};
use wattribute_store::{Result, Store};

use super::alerts::{Alerts, Looked};
use super::choice::{self, Slugs};
use super::entity::{self, Entity};
use super::{Config, Devices, memory};
use crate::now::{DeviceNow, HomeNow};

const DEVICES: &str = "publish.devices";
const ALERTS: &str = "publish.alerts";
/// Energy is told this often at most, ms: each value that is told is remembered first.
const ENERGY_MS: i64 = 60_000;

/// What was told of devices, by identity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Told {
    slugs: Slugs,
    published: BTreeSet<String>,
    energy_kwh: BTreeMap<String, f64>,
}

/// What is remembered of what was told, also across restarts.
pub(super) struct Known {
    store: Arc<dyn Store>,
    recalled: Option<(Told, Alerts)>,
    energy_told_ms: i64,
}

impl Known {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Known { store, recalled: None, energy_told_ms: i64::MIN }
    }

    /// The entities to show, and the alerts to tell of.
    pub(super) async fn look(&mut self, now: &HomeNow, config: &Config) -> Result<(Vec<Entity>, Vec<AlertRecord>)> {
        let (mut devices, mut alerts) = self.recall().await?;
        let was = devices.clone();
        let looked = alerts.look(now, &config.alerts);
        let chosen = choice::choose(&now.devices, &config.devices, &devices.published);
        for device in &chosen {
            choice::name(&mut devices.slugs, device);
        }
        if !now.devices.is_empty() {
            devices.published = chosen.iter().map(|d| d.identity.clone()).collect();
        }
        let is_time = now.at_ms.saturating_sub(self.energy_told_ms) >= ENERGY_MS || now.at_ms < self.energy_told_ms;
        for device in &chosen {
            let told = devices.energy_kwh.get(&device.identity).copied();
            if told.is_none() || (is_time && told.is_some_and(|told| device.energy_kwh > told)) {
                devices.energy_kwh.insert(device.identity.clone(), device.energy_kwh.max(0.0));
            }
        }
        // Before it is told: what was shown once must never be shown lower, whenever we are killed.
        if devices != was {
            memory::remember(self.store.as_ref(), DEVICES, &devices).await?;
        }
        // Also before it is told: no alert is told twice.
        if looked != Looked::default() {
            let mut log: AlertLog = memory::recall(self.store.as_ref(), AlertLog::KEY).await?;
            looked.edges.iter().for_each(|alert| log.note(alert));
            let both = [(ALERTS, serde_json::to_string(&alerts)), (AlertLog::KEY, serde_json::to_string(&log))];
            let documents = both.into_iter().map(|(key, text)| (key.to_owned(), text.unwrap_or_default()));
            self.store.put_documents(documents.collect()).await?;
        }
        if is_time {
            self.energy_told_ms = now.at_ms;
        }
        let energy = |d: &DeviceNow| devices.energy_kwh.get(&d.identity).copied().unwrap_or(d.energy_kwh);
        let entities = entity::entities(now, &chosen, &alerts, &devices.slugs, energy);
        self.recalled = Some((devices, alerts));
        Ok((entities, looked.tell))
    }

    /// The devices wanted and their short names.
    pub(super) async fn names<'a>(&mut self, devices: &'a [DeviceNow], wanted: &Devices) -> Result<Vec<(&'a DeviceNow, String)>> {
        let (mut known, alerts) = self.recall().await?;
        let chosen = choice::choose(devices, wanted, &known.published);
        let new = chosen.iter().filter(|d| choice::name(&mut known.slugs, d)).count();
        if new > 0 {
            memory::remember(self.store.as_ref(), DEVICES, &known).await?;
        }
        let named = chosen.into_iter().map(|d| (d, known.slugs.get(&d.identity).cloned().unwrap_or_default())).collect();
        self.recalled = Some((known, alerts));
        Ok(named)
    }

    async fn recall(&self) -> Result<(Told, Alerts)> {
        match &self.recalled {
            Some(recalled) => Ok(recalled.clone()),
            None => {
                let store = self.store.as_ref();
                Ok((memory::recall(store, DEVICES).await?, memory::recall(store, ALERTS).await?))
            }
        }
    }
}
