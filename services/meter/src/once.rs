//! What every source that is set up says now, for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};
use wattribute_domain::{Quantity, Reading, SeriesInfo};
use wattribute_store::{Batch, Store};

use crate::Sources;
use crate::adapters::{Adapter, AdapterError, Event};
use crate::columns::columns;

/// How long a source with several devices may say nothing new before it is taken to have said all: longer than a device may take to answer.
const QUIET: Duration = Duration::from_secs(6);

/// What one adapter said.
pub(crate) struct Said {
    pub source: String,
    device: Option<String>,
    series: BTreeMap<u32, (SeriesInfo, Option<(i64, f64)>)>,
    pub troubles: BTreeSet<String>,
}

/// Asks every source beside Home Assistant, for at most `wait`, and says what each of its devices says, or why it does not. What was said is
/// written to `store` where `is_written`; else the store only says what is known of the series already.
pub async fn once_of(sources: &Sources, store: &dyn Store, is_written: bool, wait: Duration) -> anyhow::Result<String> {
    let (adapters, wrong) = sources.adapters(store).await?;
    let until = Instant::now() + wait;
    let said = join_all(adapters.into_iter().map(|adapter| hear(adapter, until))).await;
    let mut by_source: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
    said.iter().for_each(|said| by_source.entry(&said.source).or_default().push(said));
    let mut text = String::new();
    for (source, said) in by_source {
        let _ = writeln!(text, "{source}");
        said.iter().for_each(|said| lines(&mut text, said, wait));
    }
    for (source, why) in wrong {
        let _ = writeln!(text, "{source}\n  is set up wrongly: {why}");
    }
    if is_written {
        let _ = writeln!(text, "\nWritten: {} readings", write(store, &said).await?);
    }
    Ok(text)
}

pub(crate) async fn hear(mut adapter: Box<dyn Adapter>, until: Instant) -> Said {
    let (source, device) = (adapter.name().to_owned(), adapter.device().map(str::to_owned));
    let mut said = Said { source, device, series: BTreeMap::new(), troubles: BTreeSet::new() };
    let is_pushed = adapter.listens().is_some();
    let mut limit = until;
    while let Ok(heard) = timeout_at(limit, adapter.next()).await {
        match heard {
            Ok(events) => {
                let has_spoken = events.iter().any(|event| matches!(event, Event::Reading { .. }));
                let is_new = events.iter().any(|event| matches!(event, Event::Series { .. }));
                said.take(events);
                // What is pushed comes when it comes; one that is asked answers all at once, several each in its time.
                if has_spoken && said.device.is_some() {
                    break;
                }
                if is_new && !is_pushed {
                    limit = until.min(Instant::now() + QUIET);
                }
            }
            Err(error) => {
                said.troubles.insert(said.device.iter().map(|device| format!("{device}: ")).collect::<String>() + &error.to_string());
                if !is_pushed || matches!(error, AdapterError::Unauthorized(_) | AdapterError::Unsupported(_)) {
                    break;
                }
            }
        }
    }
    said.troubles.extend(adapter.troubles().into_iter().map(|(device, why)| format!("{device}: {why}")));
    said
}

impl Said {
    /// What each series said last, by device and quantity.
    pub fn heard(&self) -> Vec<(&SeriesInfo, f64)> {
        let value = |last: &Option<(i64, f64)>| last.map(|(_, value)| value).filter(|value| value.is_finite());
        let mut heard: Vec<_> = self.series.values().filter_map(|(info, last)| Some((info, value(last)?))).collect();
        heard.sort_by(|(a, _), (b, _)| (&a.device, a.quantity).cmp(&(&b.device, b.quantity)));
        heard
    }

    /// In words, that nothing was said though somebody listened for `wait`.
    pub fn nothing(&self, wait: Duration) -> String {
        let who = self.device.as_ref().map(|device| format!("{device}: ")).unwrap_or_default();
        format!("{who}nothing was said within {} s", wait.as_secs())
    }

    fn take(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Series { key, info } => {
                    let last = self.series.get(&key).and_then(|(_, last)| *last);
                    self.series.insert(key, (info, last));
                }
                Event::Reading { key, at_ms, value } => {
                    if let Some((_, last)) = self.series.get_mut(&key) {
                        *last = Some((at_ms, value));
                    }
                }
                Event::Replaced { .. } | Event::Payload { .. } | Event::Document { .. } | Event::Kept(_) => {}
            }
        }
    }
}

fn lines(text: &mut String, said: &Said, wait: Duration) {
    let heard = said.heard();
    let is_shared = |info: &SeriesInfo| heard.iter().any(|(other, _)| other.label() == info.label() && other.device != info.device);
    let rows = heard.iter().map(|(info, value)| {
        let label = match info.label() {
            label if is_shared(info) => format!("{label} ({})", info.identity),
            label if label == info.device => String::new(),
            label => label.to_owned(),
        };
        [info.device.clone(), info.quantity.name().to_owned(), format!("{}{}", (value * 1e5).round() / 1e5, unit(info.quantity)), label]
    });
    for line in columns(&rows.collect::<Vec<_>>()) {
        let _ = writeln!(text, "{line}");
    }
    for why in &said.troubles {
        let _ = writeln!(text, "  {why}");
    }
    if heard.is_empty() && said.troubles.is_empty() {
        let _ = writeln!(text, "  {}", said.nothing(wait));
    }
}

/// A quantity's unit after a space; empty where it has none.
fn unit(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::PowerW | Quantity::PowerPhase1W | Quantity::PowerPhase2W | Quantity::PowerPhase3W => " W",
        Quantity::EnergyImportKwh | Quantity::EnergyExportKwh => " kWh",
        Quantity::VoltageV => " V",
        Quantity::CurrentA => " A",
        Quantity::FrequencyHz => " Hz",
        Quantity::PricePerKwh => " per kWh",
        Quantity::PowerFactor | Quantity::Level => "",
    }
}

async fn write(store: &dyn Store, said: &[Said]) -> anyhow::Result<usize> {
    let spoken = || said.iter().flat_map(|said| said.series.values()).filter_map(|(info, last)| Some((info, (*last)?)));
    let ids = store.describe(spoken().map(|(info, _)| info.clone()).collect()).await?;
    let readings: Vec<Reading> = ids.iter().zip(spoken()).map(|(&series, (_, (at_ms, value)))| Reading { series, at_ms, value }).collect();
    let count = readings.len();
    store.write(Batch { readings, ..Batch::default() }).await?;
    Ok(count)
}
