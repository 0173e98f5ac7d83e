//! Which meters say nothing, and since when.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use wattribute_domain::{Hold, Quantity, Role, SeriesId, SeriesInfo};
use wattribute_store::Store;

use crate::catalogue::{Catalogue, sensor_name};
use crate::now::{MeterNow, Speech};

/// A source that was heard within this time speaks, ms: Home Assistant is asked every 10 s whether all was heard.
const HEARD_MS: i64 = 60_000;

/// A polled or pushed meter is silent after so many of its usual intervals.
const INTERVALS: i64 = 3;

/// How far back a polled meter's usual interval is looked for, ms.
const USUAL_MS: i64 = 12 * 3_600_000;

/// The sources of the house's meters, and these meters: those of `inputs` and all of the house and its circuits.
pub async fn meters(store: &dyn Store, catalogue: &Catalogue, inputs: &[SeriesId], now_ms: i64) -> anyhow::Result<Vec<MeterNow>> {
    let is_meter = |id: SeriesId, info: &SeriesInfo| {
        let measures = matches!(info.quantity, Quantity::PowerW | Quantity::EnergyImportKwh);
        inputs.contains(&id) || (measures && matches!(info.role, Some(Role::WholeHouse | Role::Circuit)))
    };
    let watched: Vec<(SeriesId, &SeriesInfo)> = catalogue.all().filter(|(id, info)| is_meter(*id, info)).collect();
    let sources: HashSet<&str> = watched.iter().map(|(_, info)| info.source.as_str()).collect();
    let mut last: HashMap<SeriesId, (i64, f64)> = HashMap::new();
    let mut said: HashMap<&str, i64> = HashMap::new();
    for row in store.latest().await?.into_iter().filter(|row| row.at_ms <= now_ms) {
        last.insert(row.series, (row.at_ms, row.value));
        if let Some(source) = catalogue.info(row.series).and_then(|info| sources.get(info.source.as_str()).copied()) {
            let at_ms = said.entry(source).or_insert(row.at_ms);
            *at_ms = row.at_ms.max(*at_ms);
        }
    }
    // Of those that say how far they were heard: what they read speaks also while nothing changes.
    let mut heard: BTreeMap<&str, i64> = BTreeMap::new();
    for source in &sources {
        let told = store.document(&format!("heard:{source}")).await?.and_then(|text| text.parse::<i64>().ok());
        if let Some(told_ms) = told.filter(|told_ms| *told_ms <= now_ms) {
            let said_ms = said.get(*source).copied().unwrap_or(told_ms);
            heard.insert(*source, told_ms.max(said_ms));
        }
    }
    let silent = |source: &str| heard.get(source).copied().filter(|at_ms| now_ms - at_ms > HEARD_MS);
    let mut found: Vec<MeterNow> = heard
        .keys()
        .map(|source| MeterNow {
            identity: format!("source:{source}"),
            entity_id: None,
            name: source_name(source),
            speech: silent(source).map_or(Speech::Heard, Speech::SilentSince),
        })
        .collect();
    for (id, info) in watched {
        let Some(&(at_ms, value)) = last.get(&id) else { continue };
        let speech = match info.hold {
            // Of its meters nothing more is known than of the source.
            _ if silent(&info.source).is_some() => Speech::Unknown,
            _ if value.is_nan() => Speech::SilentSince(at_ms),
            Hold::UntilNext => Speech::Heard,
            Hold::Intervals => polled(store, id, at_ms, now_ms).await?,
        };
        let meter = MeterNow {
            identity: format!("{}:{}", info.source, info.identity),
            entity_id: Some(sensor_name(info)),
            name: info.label().to_owned(),
            speech,
        };
        // Power and energy of one meter are one: it is silent when both are.
        match found.iter_mut().find(|known| known.identity == meter.identity) {
            Some(known) => known.speech = either(known.speech, meter.speech),
            None => found.push(meter),
        }
    }
    Ok(found)
}

/// Why nothing is known of the house now, where one of the series that make its meter is silent.
pub fn unheard(catalogue: &Catalogue, inputs: &[SeriesId], meters: &[MeterNow]) -> Option<String> {
    let at = |ms: i64| DateTime::<Utc>::from_timestamp_millis(ms).map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
    let why = |info: &SeriesInfo| {
        let of = |identity: String| meters.iter().find(|meter| meter.identity == identity).map(|meter| meter.speech);
        let source = of(format!("source:{}", info.source));
        match (of(format!("{}:{}", info.source, info.identity)), source) {
            (Some(Speech::SilentSince(ms)), _) => Some(format!("{} has said nothing since {}", sensor_name(info), at(ms))),
            (_, Some(Speech::SilentSince(ms))) => Some(format!("{} was not heard since {}", source_name(&info.source), at(ms))),
            _ => None,
        }
    };
    inputs.iter().filter_map(|&id| catalogue.info(id)).find_map(why)
}

/// How a meter of two quantities speaks.
fn either(a: Speech, b: Speech) -> Speech {
    match (a, b) {
        (Speech::Heard, _) | (_, Speech::Heard) => Speech::Heard,
        (Speech::SilentSince(a), Speech::SilentSince(b)) => Speech::SilentSince(a.max(b)),
        _ => Speech::Unknown,
    }
}

/// A polled meter is silent once it missed a few of its usual intervals.
async fn polled(store: &dyn Store, id: SeriesId, at_ms: i64, now_ms: i64) -> anyhow::Result<Speech> {
    if now_ms - at_ms <= HEARD_MS {
        return Ok(Speech::Heard);
    }
    let rows = store.readings(id, at_ms - USUAL_MS, at_ms + 1).await?;
    let mut intervals: Vec<i64> = rows.at_ms.windows(2).map(|w| w[1] - w[0]).collect();
    intervals.sort_unstable();
    let usual_ms = intervals.get(intervals.len() / 2).copied().unwrap_or(HEARD_MS);
    Ok(if now_ms - at_ms > INTERVALS * usual_ms { Speech::SilentSince(at_ms) } else { Speech::Heard })
}

/// What people call a source.
fn source_name(source: &str) -> String {
    match source {
        "home_assistant" => "Home Assistant".to_owned(),
        "demo" => "the demo home".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattribute_domain::Reading;
    use wattribute_store::{Batch, Origin};

    const NOW_MS: i64 = 1_795_255_200_000;

    #[tokio::test]
    async fn a_steady_sensor_is_not_silent_while_its_source_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let store = wattribute_store::open(&format!("sqlite:{}", folder.path().join("a.db").display()), Origin::Home).unwrap();
        let meter = |source: &str, device: &str, hold| SeriesInfo {
            role: Some(Role::Circuit),
            hold,
            ..SeriesInfo::new(source, device, Quantity::PowerW)
        };
        let infos = vec![
            meter("home_assistant", "sensor.steady", Hold::UntilNext),
            meter("home_assistant", "sensor.gone", Hold::UntilNext),
            meter("shelly", "plug", Hold::Intervals),
            SeriesInfo::new("home_assistant", "sensor.temperature", Quantity::VoltageV),
        ];
        let ids = store.describe(infos).await.unwrap();
        let reading = |k: usize, ago_s: i64, value| Reading { series: ids[k], at_ms: NOW_MS - 1000 * ago_s, value };
        let mut readings = vec![reading(0, 7200, 200.0), reading(1, 3600, f64::NAN), reading(3, 3600, f64::NAN)];
        readings.extend((0..20).map(|k| reading(2, 300 + 60 * k, 5.0)));
        let heard = |ago_s: i64| vec![("heard:home_assistant".to_owned(), (NOW_MS - 1000 * ago_s).to_string())];
        store.write(Batch { readings, documents: heard(5), ..Batch::default() }).await.unwrap();
        let catalogue = Catalogue::read(&*store).await.unwrap();
        let why = async |k: usize| unheard(&catalogue, &ids[k..=k], &meters(&*store, &catalogue, &ids, NOW_MS).await.unwrap());
        let look = async || {
            let found = meters(&*store, &catalogue, &[], NOW_MS).await.unwrap();
            found.into_iter().map(|m| (m.identity, m.speech)).collect::<BTreeMap<_, _>>()
        };
        let now = look().await;
        assert_eq!(now["source:home_assistant"], Speech::Heard);
        assert_eq!(now["home_assistant:sensor.steady"], Speech::Heard);
        assert_eq!(now["home_assistant:sensor.gone"], Speech::SilentSince(NOW_MS - 3_600_000));
        assert_eq!(now["shelly:plug"], Speech::SilentSince(NOW_MS - 300_000), "it is asked every minute");
        assert_eq!(now.len(), 4, "what measures no power is not watched");
        assert_eq!((why(0).await, why(2).await.unwrap()), (None, "shelly.plug has said nothing since 2026-11-21 09:55 UTC".to_owned()));

        store.put_documents(heard(1200)).await.unwrap();
        let now = look().await;
        assert_eq!(now["source:home_assistant"], Speech::SilentSince(NOW_MS - 1_200_000));
        assert_eq!(now["home_assistant:sensor.steady"], Speech::Unknown);
        assert!(why(0).await.unwrap().starts_with("Home Assistant was not heard since "));
    }
}
