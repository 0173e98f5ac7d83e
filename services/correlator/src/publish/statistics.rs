//! Energy of each device and hour as Home Assistant's external statistics.
//!
//! An hour's row carries the sum of all hours up to it. When an hour changes, it and all after it are imported again, so that a
//! correction replaces what was there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use wattribute_domain::{HourEnergy, SeriesId};
use wattribute_store::Store;

use super::alerts::instant;
use super::condition::Condition;
use super::home_assistant::{CallError, HomeAssistant};
use super::memory;
use super::wanted::now_ms;

const KEY: &str = "publish.statistics";
const HOUR_MS: i64 = 3_600_000;
/// Rows in one import, at most.
const ROWS: usize = 1_000;
/// Sums that differ by less are the same, kWh.
const SAME_KWH: f64 = 1e-6;

/// A device whose energy is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub series: SeriesId,
    /// `wattribute:kettle_energy`.
    pub statistic_id: String,
    pub name: String,
}

/// Hours have changed from `from_ms` on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Changed {
    pub from_ms: i64,
    pub devices: Vec<Told>,
}

/// How far a statistic is imported.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Done {
    until_ms: i64,
    sum_kwh: f64,
}

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Progress {
    /// From where on hours have changed that are not imported yet, ms since the epoch.
    changed_from_ms: Option<i64>,
    done: BTreeMap<String, Done>,
}

/// One row of a statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    hour_ms: i64,
    state_kwh: f64,
    sum_kwh: f64,
}

/// Imports what changes, until nothing comes any more.
pub(super) async fn import(
    home_assistant: Arc<dyn HomeAssistant>,
    store: Arc<dyn Store>,
    condition: Condition,
    mut coming: mpsc::Receiver<Changed>,
) {
    let mut importer = Importer::new(home_assistant, store);
    let mut devices = Vec::new();
    let mut is_open = false;
    loop {
        tokio::select! {
            changed = coming.recv() => {
                let Some(mut changed) = changed else { return };
                while let Ok(more) = coming.try_recv() {
                    changed = Changed { from_ms: changed.from_ms.min(more.from_ms), devices: more.devices };
                }
                devices = changed.devices;
                if let Err(why) = importer.note(changed.from_ms).await {
                    condition.failed(&why);
                }
            }
            () = tokio::time::sleep(Duration::from_secs(15)), if is_open => {}
        }
        is_open = match importer.catch_up(&devices, now_ms()).await {
            Ok(()) => {
                condition.is_well();
                false
            }
            Err(why) => {
                condition.failed(&why);
                true
            }
        };
    }
}

pub(super) struct Importer {
    home_assistant: Arc<dyn HomeAssistant>,
    store: Arc<dyn Store>,
    progress: Option<Progress>,
    /// Whether it was looked what Home Assistant still has.
    is_checked: bool,
    /// Whether this Home Assistant does not know `mean_type` and `unit_class` (before 2025.11).
    is_old: bool,
}

impl Importer {
    pub(super) fn new(home_assistant: Arc<dyn HomeAssistant>, store: Arc<dyn Store>) -> Self {
        Importer { home_assistant, store, progress: None, is_checked: false, is_old: false }
    }

    async fn progress(&mut self) -> Result<&mut Progress, String> {
        match &mut self.progress {
            Some(_) => {}
            none => *none = Some(memory::recall(self.store.as_ref(), KEY).await.map_err(|e| e.to_string())?),
        }
        self.progress.as_mut().ok_or_else(String::new)
    }

    async fn remember(&self) -> Result<(), String> {
        memory::remember(self.store.as_ref(), KEY, &self.progress).await.map_err(|e| e.to_string())
    }

    /// Notes that hours have changed from `from_ms` on.
    pub(super) async fn note(&mut self, from_ms: i64) -> Result<(), String> {
        let progress = self.progress().await?;
        let earlier = progress.changed_from_ms.map_or(from_ms, |ms| ms.min(from_ms));
        let is_correction = progress.done.values().any(|done| earlier < done.until_ms);
        let is_new = progress.changed_from_ms.replace(earlier) != Some(earlier);
        // What only goes on where the last import ended is found again without being remembered.
        if is_new && is_correction { self.remember().await } else { Ok(()) }
    }

    /// Imports all whole hours that are not imported as they are.
    pub(super) async fn catch_up(&mut self, devices: &[Told], now_ms: i64) -> Result<(), String> {
        let text = |e: wattribute_store::StoreError| e.to_string();
        let to_ms = now_ms - now_ms.rem_euclid(HOUR_MS);
        self.check().await?;
        let progress = self.progress().await?.clone();
        let mut froms = Vec::with_capacity(devices.len());
        let mut sums: BTreeMap<i64, BTreeMap<SeriesId, f64>> = BTreeMap::new();
        for device in devices {
            let from_ms = match progress.done.get(&device.statistic_id) {
                None => i64::MIN,
                Some(done) => {
                    if !sums.contains_key(&done.until_ms) {
                        sums.insert(done.until_ms, self.store.total_energy(done.until_ms).await.map_err(text)?.into_iter().collect());
                    }
                    let sum_kwh = sums.get(&done.until_ms).and_then(|s| s.get(&device.series)).copied().unwrap_or(0.0);
                    let changed_ms = progress.changed_from_ms.unwrap_or(i64::MAX);
                    // A sum that changed without our being told: somebody was killed between changing and telling.
                    let is_untold = changed_ms >= done.until_ms && (sum_kwh - done.sum_kwh).abs() > SAME_KWH;
                    if is_untold { i64::MIN } else { done.until_ms.min(changed_ms) }
                }
            };
            froms.push(from_ms);
        }
        let first_ms = froms.iter().copied().min().unwrap_or(to_ms);
        if first_ms < to_ms {
            let hours = self.store.energy(first_ms, to_ms).await.map_err(text)?;
            let before: BTreeMap<SeriesId, f64> = match first_ms {
                i64::MIN => BTreeMap::new(),
                ms => self.store.total_energy(ms).await.map_err(text)?.into_iter().collect(),
            };
            for (device, from_ms) in devices.iter().zip(froms) {
                let own: Vec<HourEnergy> = hours.iter().filter(|h| h.series == device.series).copied().collect();
                let rows = rows(&own, before.get(&device.series).copied().unwrap_or(0.0), from_ms, to_ms);
                self.send(device, &rows).await?;
            }
        }
        if self.progress().await?.changed_from_ms.take().is_some() || first_ms < to_ms {
            self.remember().await?;
        }
        Ok(())
    }

    /// Forgets what was imported into a database that Home Assistant no longer has. Once after each start.
    async fn check(&mut self) -> Result<(), String> {
        if self.is_checked {
            return Ok(());
        }
        let command = json!({ "type": "recorder/list_statistic_ids", "statistic_type": "sum" });
        let listed = self.home_assistant.command(command).await.map_err(|e| e.to_string())?;
        let has = |id: &String| listed.as_array().is_some_and(|all| all.iter().any(|s| s["statistic_id"] == id.as_str()));
        self.progress().await?.done.retain(|id, _| has(id));
        self.is_checked = true;
        Ok(())
    }

    async fn send(&mut self, device: &Told, rows: &[Row]) -> Result<(), String> {
        for chunk in rows.chunks(ROWS) {
            let refused = match self.home_assistant.command(command(device, chunk, self.is_old)).await {
                Ok(_) => None,
                Err(CallError::Refused { code, .. }) if code == "invalid_format" && !self.is_old => {
                    self.is_old = true;
                    self.home_assistant.command(command(device, chunk, true)).await.err()
                }
                Err(e) => Some(e),
            };
            if let Some(e) = refused {
                // Another Home Assistant may answer next time.
                self.is_checked = false;
                self.is_old = false;
                return Err(e.to_string());
            }
            if let Some(last) = chunk.last() {
                let done = Done { until_ms: last.hour_ms + HOUR_MS, sum_kwh: last.sum_kwh };
                self.progress().await?.done.insert(device.statistic_id.clone(), done);
            }
        }
        Ok(())
    }
}

/// The rows of a device from `from_ms` (`i64::MIN`: its first hour) to `to_ms`, without holes, so that hours that lost their energy are
/// replaced too. `hours` are its own in order, and `before_kwh` is the sum of what lies before the first of those asked for.
fn rows(hours: &[HourEnergy], before_kwh: f64, from_ms: i64, to_ms: i64) -> Vec<Row> {
    let start_ms = match (from_ms, hours.first()) {
        (i64::MIN, None) => return Vec::new(),
        (i64::MIN, Some(first)) => first.hour_ms,
        (from_ms, _) => from_ms - from_ms.rem_euclid(HOUR_MS),
    };
    let mut sum_kwh = before_kwh + hours.iter().take_while(|h| h.hour_ms < start_ms).map(|h| h.energy_kwh).sum::<f64>();
    let mut own = hours.iter().skip_while(|h| h.hour_ms < start_ms).peekable();
    let mut rows = Vec::new();
    let mut hour_ms = start_ms;
    while hour_ms < to_ms {
        let state_kwh = own.next_if(|h| h.hour_ms == hour_ms).map_or(0.0, |h| h.energy_kwh);
        sum_kwh += state_kwh;
        rows.push(Row { hour_ms, state_kwh, sum_kwh });
        hour_ms += HOUR_MS;
    }
    rows
}

fn command(device: &Told, rows: &[Row], is_old: bool) -> Value {
    let mut metadata = json!({
        "statistic_id": device.statistic_id,
        "source": "wattribute",
        "name": device.name,
        "unit_of_measurement": "kWh",
        "has_sum": true,
        "has_mean": false,
    });
    // Without them 2026.11 complains; with them 2024.3 refuses.
    if !is_old {
        metadata["mean_type"] = json!(0);
        metadata["unit_class"] = json!("energy");
    }
    let stats: Vec<_> = rows.iter().map(|r| json!({ "start": instant(r.hour_ms), "state": r.state_kwh, "sum": r.sum_kwh })).collect();
    json!({ "type": "recorder/import_statistics", "metadata": metadata, "stats": stats })
}
