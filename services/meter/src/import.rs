//! A history out of files into the store: what was recorded before, in W, kWh and levels.

mod convert;
mod energy_meter;
mod influx;
#[cfg(test)]
mod tests;

pub use energy_meter::{import_energy_meter, is_energy_meter};
pub use influx::{Influx, import_influx};
use wattribute_domain::{History, Home, Level, Quantity, Reading, Series, SeriesId, SeriesInfo};
use wattribute_store::{Batch, Store, StoreError};

/// Readings written at once.
const BATCH: usize = 50_000;

/// What an import wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Series with readings.
    pub series: u64,
    /// Readings written; those that were there already count too.
    pub readings: u64,
    /// First and last instant (ms since the epoch), where there was any.
    pub span_ms: Option<(i64, i64)>,
    /// What was left out and what was taken for granted, a sentence each.
    pub notes: Vec<String>,
}

impl Summary {
    /// Counts what was written besides.
    fn add(&mut self, more: Summary) {
        self.series += more.series;
        self.readings += more.readings;
        self.extend(more.span_ms);
        for note in more.notes {
            self.note(note);
        }
    }

    fn extend(&mut self, span_ms: Option<(i64, i64)>) {
        self.span_ms = match (self.span_ms, span_ms) {
            (Some((from, to)), Some((first, last))) => Some((from.min(first), to.max(last))),
            (known, new) => known.or(new),
        };
    }

    /// Notes a sentence, once.
    fn note(&mut self, sentence: String) {
        if !self.notes.contains(&sentence) {
            self.notes.push(sentence);
        }
    }
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Readings written.
    pub done: u64,
    /// Readings there are.
    pub total: u64,
}

/// Writes a history into the store, as series of `source` (`home_assistant`, so that they go on live) known by their entity ids.
///
/// Idempotent: the same history again changes nothing. What the store knows already of a series, such as its area and the order of its
/// modes, stays; document `home` is written only where there is none.
pub async fn import(
    history: History,
    store: &dyn Store,
    source: &str,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Summary, StoreError> {
    let mut summary = Summary::default();
    let home = Home {
        time_zone: history.time_zone.clone(),
        currency: history.currency.clone(),
        energy_preferences: history.energy_preferences.clone(),
        ..Home::default()
    };
    let parts = convert::series(history, source, &mut summary.notes);
    put(parts, store, &mut summary, progress).await?;
    if home != Home::default() && store.document("home").await?.is_none() {
        // A plain struct of texts always can be written.
        let text = serde_json::to_string(&home).unwrap_or_default();
        store.put_documents(vec![("home".to_owned(), text)]).await?;
    }
    Ok(summary)
}

/// Writes series with their readings, into those that are known already where they are the same.
async fn put(
    mut parts: Vec<(SeriesInfo, Series)>,
    store: &dyn Store,
    summary: &mut Summary,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), StoreError> {
    let known = store.series().await?;
    for (info, readings) in &mut parts {
        if let Some((_, known)) = known.iter().find(|(_, known)| is_same(known, info)) {
            let before = std::mem::replace(info, merged(known, info));
            renumber(&before.modes, info, &mut readings.value);
        }
    }
    let ids = store.describe(parts.iter().map(|(info, _)| info.clone()).collect()).await?;
    let total = parts.iter().map(|(_, readings)| readings.len() as u64).sum();
    for (series, (_, readings)) in ids.into_iter().zip(parts) {
        for (at_ms, value) in readings.at_ms.chunks(BATCH).zip(readings.value.chunks(BATCH)) {
            store.write(Batch { readings: rows(series, at_ms, value), ..Batch::default() }).await?;
            summary.readings += at_ms.len() as u64;
            progress(Progress { done: summary.readings, total });
        }
        summary.extend(readings.at_ms.first().copied().zip(readings.at_ms.last().copied()));
        summary.series += 1;
    }
    Ok(())
}

fn rows(series: SeriesId, at_ms: &[i64], value: &[f64]) -> Vec<Reading> {
    at_ms.iter().zip(value).map(|(&at_ms, &value)| Reading { series, at_ms, value }).collect()
}

fn is_same(a: &SeriesInfo, b: &SeriesInfo) -> bool {
    a.source == b.source && a.quantity == b.quantity && (a.identity == b.identity || a.device == b.device)
}

/// What is known of a series, with what the history adds to it.
fn merged(known: &SeriesInfo, new: &SeriesInfo) -> SeriesInfo {
    let either = |known: &Option<String>, new: &Option<String>| known.clone().or_else(|| new.clone());
    let mut info = SeriesInfo {
        name: either(&known.name, &new.name),
        device_id: either(&known.device_id, &new.device_id),
        area: either(&known.area, &new.area),
        device_class: either(&known.device_class, &new.device_class),
        state_class: either(&known.state_class, &new.state_class),
        role: known.role.or(new.role),
        ..known.clone()
    };
    for mode in &new.modes {
        info.mode(mode);
    }
    info
}

/// Levels count the modes of `info` from now on, rather than those of `before`.
fn renumber(before: &[String], info: &mut SeriesInfo, levels: &mut [f64]) {
    if info.quantity != Quantity::Level || info.modes.starts_with(before) {
        return;
    }
    let numbers: Vec<u16> = before.iter().map(|mode| info.mode(mode)).collect();
    for value in levels {
        if let Some(level) = Level::of_number(*value) {
            let mode = numbers.get(usize::from(level.mode)).copied().unwrap_or(level.mode);
            *value = Level { mode, ..level }.to_number();
        }
    }
}
