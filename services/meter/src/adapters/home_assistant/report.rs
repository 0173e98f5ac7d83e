//! What would be read, for people.

use std::fmt::Write;

use serde_json::json;
use wattribute_domain::{Level, Quantity, Reading, Role};
use wattribute_service::home_assistant::{Config, Connection};
use wattribute_store::{Batch, Store};

use super::NAME;
use super::select::{Candidate, Rules, WHOLE_HOUSE};
use super::snapshot::Snapshot;
use super::tracker::Tracker;
use super::wire::Change;
use crate::adapters::AdapterError;

/// Reads every entity once: a line for each, with what it says in the unit it is read in. Writes nothing, unless a store is given: then
/// what was said is written to it, as of when it was said.
pub async fn once(config: &Config, store: Option<&dyn Store>) -> anyhow::Result<String> {
    let (snapshot, candidates) = look(config).await?;
    let mut tracker = Tracker::default();
    if let Some(store) = store {
        tracker = Tracker::new(store.series().await?.into_iter().map(|(_, info)| info).filter(|info| info.source == NAME).collect());
    }
    let mut said_of: Vec<(u32, i64, f64)> = Vec::new();
    let mut ignored = Vec::new();
    tracker.update(candidates.iter().map(|(_, candidate)| candidate.clone()).collect(), Vec::new(), true, &mut ignored);
    let mut text = heading(config, &snapshot);
    for (change, candidate) in &candidates {
        let (Some(key), Some(said)) = (tracker.key(&change.entity_id), &change.said) else { continue };
        if !tracker.series[key as usize].speaks() {
            continue;
        }
        let value = tracker.value(key, &said.state, &said.attributes, &mut ignored);
        said_of.push((key, said.at_ms, value));
        let modes = &tracker.series[key as usize].info.modes;
        let read = match Level::of_number(value) {
            _ if value.is_nan() => "silent".to_owned(),
            Some(level) if candidate.info.quantity == Quantity::Level => {
                let mode = modes.get(usize::from(level.mode)).map_or("?", String::as_str);
                if level.is_off() || level.fraction >= 1.0 { mode.to_owned() } else { format!("{mode} {:.0} %", 100.0 * level.fraction) }
            }
            _ => format!("{value}"),
        };
        line(&mut text, &[&change.entity_id, candidate.info.quantity.name(), &read, candidate.info.label()]);
    }
    if let Some(store) = store {
        let infos = said_of.iter().map(|(key, ..)| tracker.series[*key as usize].info.clone()).collect();
        let ids = store.describe(infos).await?;
        let reading = |(&series, &(_, at_ms, value))| Reading { series, at_ms, value };
        let readings: Vec<Reading> = ids.iter().zip(&said_of).map(reading).collect();
        let _ = writeln!(text, "\nWritten: {} readings", readings.len());
        store.write(Batch { readings, ..Batch::default() }).await?;
    }
    Ok(text)
}

/// What would be read and why, the candidates for the meter first.
pub async fn discover(config: &Config) -> Result<String, AdapterError> {
    let (snapshot, candidates) = look(config).await?;
    let mut text = heading(config, &snapshot);
    let _ = writeln!(text, "\nThe whole house, most likely first:");
    let mut meters: Vec<_> = candidates.iter().filter(|(_, c)| c.info.quantity == Quantity::PowerW).map(|(_, c)| &c.info).collect();
    meters.retain(|info| info.role == Some(Role::WholeHouse) || config.meter.is_none() && WHOLE_HOUSE.contains(&info.device.as_str()));
    meters.sort_by_key(|info| WHOLE_HOUSE.iter().position(|id| *id == info.device));
    for info in &meters {
        line(&mut text, &[&info.device, info.label()]);
    }
    if meters.is_empty() {
        let _ = writeln!(
            text,
            "  none that Home Assistant names: set WATTRIBUTE__HOME_ASSISTANT__METER to a power sensor or an expression over several"
        );
    }
    let _ = writeln!(text, "\nRead:");
    for (_, Candidate { info, why, .. }) in &candidates {
        let role = info.role.and_then(|role| serde_json::to_value(role).ok());
        let role = role.as_ref().and_then(|role| role.as_str()).unwrap_or_default();
        line(&mut text, &[&info.device, info.quantity.name(), why, role, info.area.as_deref().unwrap_or_default(), info.label()]);
    }
    Ok(text)
}

async fn look(config: &Config) -> Result<(Snapshot, Vec<(Change, Candidate)>), AdapterError> {
    let rules = Rules::new(config)?;
    let connection = Connection::open(config).await?;
    let settings = connection.call(json!({"type": "get_config"})).await?;
    let snapshot = Snapshot::take(&connection, &settings).await?;
    let read = |change: &Change| Some((change.clone(), rules.candidate(&snapshot, &change.entity_id, change.said.as_ref()?)?));
    let mut candidates: Vec<_> = snapshot.states.iter().filter_map(read).collect();
    candidates.sort_by(|(a, x), (b, y)| (x.info.quantity, &a.entity_id).cmp(&(y.info.quantity, &b.entity_id)));
    Ok((snapshot, candidates))
}

fn heading(config: &Config, snapshot: &Snapshot) -> String {
    let home = &snapshot.home;
    let at = config.address().map(|address| address.to_string()).unwrap_or_default();
    format!(
        "{} at {at}, Home Assistant {}, {} entities\n",
        home.name.as_deref().unwrap_or("Home"),
        home.version.as_deref().unwrap_or("?"),
        snapshot.states.len()
    )
}

fn line(text: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().filter(|cell| !cell.is_empty()).map(|cell| format!("{cell:<24}")).collect();
    let _ = writeln!(text, "  {}", cells.join("  ").trim_end());
}
