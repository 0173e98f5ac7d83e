//! Left-on is told once for everything that the people of the demo's home forget, and never otherwise.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may say so by unwrapping")]

use std::collections::BTreeMap;
use std::time::Duration;

use chrono_tz::Tz;
use wattribute_correlator::left_on::{is_left_on, on};
use wattribute_correlator::now::{DeviceNow, HomeNow};
use wattribute_correlator::publish::alerts::{Alerts, Config};
use wattribute_domain::{AlertKind, Entity, Level, Said, SeriesId, SeriesInfo, Verdict};
use wattribute_meter::adapters::demo::{self, Demo, HEARD, truth};
use wattribute_meter::adapters::{Adapter, Event};

/// Noon of a day in spring.
const SPRING_MS: i64 = 1_774_440_000_000;
/// A morning in November.
const AUTUMN_MS: i64 = 1_795_255_200_000;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// Days that are learned from before the first look, as a home that begins with `wattribute demo` has them.
const LEARNED_DAYS: i64 = 30;
const DAYS: i64 = 30;

/// When each entity of the demo was switched, over all days up to `now_ms`.
async fn switched(seed: u64, now_ms: i64) -> Vec<Entity> {
    // A slow meter: only what is switched counts here.
    let config = demo::Config { seed, days: (LEARNED_DAYS + DAYS) as u32, every_s: 60.0, ..demo::Config::default() };
    let mut demo = Demo::new(config, now_ms).with_clock(move || now_ms);
    let mut entities: BTreeMap<u32, Entity> = BTreeMap::new();
    loop {
        let events = demo.next().await.unwrap();
        for event in &events {
            match event {
                Event::Series { key, info } if is_level(info) => {
                    let said = entities.remove(key).map(|e| e.said).unwrap_or_default();
                    entities.insert(*key, Entity { modes: info.modes.clone(), name: info.name.clone(), said, ..Entity::new(&info.device) });
                }
                Event::Reading { key, at_ms, value } => {
                    if let Some(entity) = entities.get_mut(key) {
                        entity.said.push(Said { at_ms: *at_ms, level: Level::of_number(*value) });
                    }
                }
                _ => {}
            }
        }
        let Some(Event::Document { key, text }) = events.last() else { panic!("a batch ends with how far it goes") };
        assert_eq!(key, HEARD);
        if serde_json::from_str::<serde_json::Value>(text).unwrap()["until_ms"].as_i64() >= Some(now_ms - 1) {
            return entities.into_values().collect();
        }
    }
}

fn is_level(info: &SeriesInfo) -> bool {
    info.quantity == wattribute_domain::Quantity::Level
}

/// Runs of an entity: from when and to when it is on, ms since the epoch.
fn runs(entity: &Entity) -> Vec<(i64, i64)> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    let mut since: Option<i64> = None;
    for said in &entity.said {
        match (since, said.level.is_some_and(|level| !level.is_off())) {
            (None, true) => since = Some(said.at_ms),
            (Some(from_ms), false) => {
                runs.push((from_ms, said.at_ms));
                since = None;
            }
            _ => {}
        }
    }
    runs.extend(since.map(|from_ms| (from_ms, i64::MAX)));
    runs
}

/// What is forgotten from one evening until after the midnight that follows the next day.
fn is_forgotten(entity: &Entity, (from_ms, to_ms): (i64, i64)) -> bool {
    let hours = (to_ms.saturating_sub(from_ms)) as f64 / 3.6e6;
    let can_be = ["light.", "switch.towel_heater"].iter().any(|id| entity.entity_id.starts_with(id));
    // What is still on has no end yet; otherwise these are on for minutes.
    can_be && (to_ms == i64::MAX || (25.0..29.0).contains(&hours))
}

#[rstest::rstest]
#[case(1, SPRING_MS)]
#[case(1, AUTUMN_MS)]
#[case(2, SPRING_MS)]
#[case(3, AUTUMN_MS)]
#[tokio::test]
async fn left_on_is_told_once_for_what_was_forgotten_and_never_otherwise(#[case] seed: u64, #[case] now_ms: i64) {
    let entities = switched(seed, now_ms).await;
    let begin_ms = now_ms - DAYS * DAY_MS;
    let powers_w: BTreeMap<String, f64> =
        truth(seed, Tz::Europe__Berlin, begin_ms, now_ms).into_iter().map(|t| (t.entity_id, t.power_w)).collect();
    let runs: Vec<Vec<(i64, i64)>> = entities.iter().map(runs).collect();
    let config = Config { kinds: vec![AlertKind::LeftOn], high_consumption_for: Duration::ZERO, ..Config::default() };
    let mut alerts = Alerts::default();
    let mut told: BTreeMap<(String, i64), usize> = BTreeMap::new();
    let mut usual: Vec<Option<f64>> = Vec::new();
    let mut at_ms = begin_ms;
    while at_ms < now_ms {
        // It is learned anew every few hours, from all that is known by then.
        if (at_ms - begin_ms) % (6 * 3_600_000) == 0 {
            let so_far = |entity: &Entity| {
                let end = entity.said.partition_point(|said| said.at_ms <= at_ms);
                Entity { said: entity.said[..end].to_vec(), ..entity.clone() }
            };
            usual = entities.iter().map(|entity| on(&so_far(entity), at_ms).usual_h).collect();
        }
        let device = |k: usize| {
            let (entity, power_w) = (&entities[k], powers_w.get(&entities[k].entity_id).copied().unwrap_or(0.0));
            let next = runs[k].partition_point(|run| run.0 <= at_ms);
            let since_ms = runs[k][..next].last().filter(|run| at_ms < run.1).map(|run| run.0);
            let power_w = Some(if since_ms.is_some() { power_w } else { 0.0 });
            DeviceNow {
                series: SeriesId(k as u32),
                identity: entity.entity_id.clone(),
                entity_id: entity.entity_id.clone(),
                name: entity.entity_id.clone(),
                area: None,
                verdict: Verdict::Learned,
                power_w,
                is_on: Some(since_ms.is_some()),
                energy_kwh: 0.0,
                recent_energy_kwh: 0.0,
                on_since_ms: since_ms,
                usual_on_h: usual[k],
                left_on: is_left_on(since_ms, usual[k], power_w, at_ms),
            }
        };
        let now = HomeNow { at_ms, devices: (0..entities.len()).map(device).collect(), ..HomeNow::default() };
        for alert in alerts.look(&now, &config).tell.into_iter().filter(|alert| alert.is_on()) {
            *told.entry((alert.entity_id.unwrap(), alert.since_ms)).or_default() += 1;
        }
        at_ms += MINUTE_MS;
    }
    // What was switched on in the last hours is not left on yet, and what was on at the first look is told of at once.
    let forgotten = entities.iter().zip(&runs).flat_map(|(entity, runs)| {
        let within = |run: &&(i64, i64)| is_forgotten(entity, **run) && run.1 > begin_ms && run.0 < now_ms - 6 * 3_600_000;
        runs.iter().filter(within).map(|run| ((entity.entity_id.clone(), run.0), 1))
    });
    let forgotten: BTreeMap<(String, i64), usize> = forgotten.collect();
    assert!(forgotten.len() >= 28, "something is forgotten every day: {forgotten:?}");
    assert_eq!(told, forgotten);
}
