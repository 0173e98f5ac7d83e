use std::sync::Arc;

use rstest::rstest;
use serde_json::Value;
use wattribute_domain::SeriesId;
use wattribute_store::Store;

use super::support::{Memory, Pretend};
use crate::publish::HomeAssistant;
use crate::publish::statistics::{Importer, Told};

const HOUR_MS: i64 = 3_600_000;
/// 2026-11-21T00:00:00Z.
const DAY_MS: i64 = 1_795_219_200_000;

fn kettle() -> Vec<Told> {
    vec![Told { series: SeriesId(1), statistic_id: "wattribute:kettle_energy".to_owned(), name: "Kettle (Wattribute)".to_owned() }]
}

fn importer(home_assistant: &Arc<Pretend>, store: &Arc<Memory>) -> Importer {
    let api: Arc<dyn HomeAssistant> = home_assistant.clone();
    let store: Arc<dyn Store> = store.clone();
    Importer::new(api, store)
}

/// What was imported since the last look: hour of the day, energy, sum.
fn imported(home_assistant: &Pretend) -> Vec<(i64, f64, f64)> {
    let commands: Vec<Value> = home_assistant.imports.lock().unwrap().drain(..).collect();
    let row = |s: &Value| {
        let at = chrono::DateTime::parse_from_rfc3339(s["start"].as_str().unwrap()).unwrap();
        ((at.timestamp_millis() - DAY_MS) / HOUR_MS, s["state"].as_f64().unwrap(), s["sum"].as_f64().unwrap())
    };
    commands.iter().flat_map(|c| c["stats"].as_array().unwrap().iter().map(row).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn sums_go_on_from_hour_to_hour_and_a_correction_replaces_what_follows() {
    let (home_assistant, store) = (Arc::new(Pretend::default()), Arc::new(Memory::default()));
    let mut importer = importer(&home_assistant, &store);
    for (hour, kwh) in [(1, 0.5), (3, 0.25), (4, 9.0)] {
        store.set_hour(1, DAY_MS + hour * HOUR_MS, kwh);
    }
    store.set_hour(2, DAY_MS, 100.0);
    importer.catch_up(&kettle(), DAY_MS + 4 * HOUR_MS + 1_000).await.unwrap();
    assert_eq!(imported(&home_assistant), [(1, 0.5, 0.5), (2, 0.0, 0.5), (3, 0.25, 0.75)], "whole hours, without holes");
    importer.catch_up(&kettle(), DAY_MS + 4 * HOUR_MS + 2_000).await.unwrap();
    assert_eq!(imported(&home_assistant), [], "nothing new");
    importer.catch_up(&kettle(), DAY_MS + 5 * HOUR_MS).await.unwrap();
    assert_eq!(imported(&home_assistant), [(4, 9.0, 9.75)]);

    store.set_hour(1, DAY_MS + 3 * HOUR_MS, 0.0);
    importer.note(DAY_MS + 3 * HOUR_MS).await.unwrap();
    importer.catch_up(&kettle(), DAY_MS + 5 * HOUR_MS).await.unwrap();
    assert_eq!(imported(&home_assistant), [(3, 0.0, 0.5), (4, 9.0, 9.5)], "from the first changed hour on");
}

#[tokio::test]
async fn a_correction_is_imported_even_if_we_were_killed_before_telling() {
    let (home_assistant, store) = (Arc::new(Pretend::default()), Arc::new(Memory::default()));
    store.set_hour(1, DAY_MS, 1.0);
    store.set_hour(1, DAY_MS + HOUR_MS, 1.0);
    importer(&home_assistant, &store).catch_up(&kettle(), DAY_MS + 2 * HOUR_MS).await.unwrap();
    imported(&home_assistant);
    home_assistant.listed.lock().unwrap().push(serde_json::json!({ "statistic_id": "wattribute:kettle_energy" }));
    importer(&home_assistant, &store).catch_up(&kettle(), DAY_MS + 2 * HOUR_MS).await.unwrap();
    assert_eq!(imported(&home_assistant), [], "nothing changed");

    store.set_hour(1, DAY_MS, 3.0);
    importer(&home_assistant, &store).catch_up(&kettle(), DAY_MS + 2 * HOUR_MS).await.unwrap();
    assert_eq!(imported(&home_assistant), [(0, 3.0, 3.0), (1, 1.0, 4.0)], "the sum tells");

    // Moved from one hour to another: the sum does not tell, but it was noted.
    store.set_hour(1, DAY_MS, 2.0);
    store.set_hour(1, DAY_MS + HOUR_MS, 2.0);
    importer(&home_assistant, &store).note(DAY_MS).await.unwrap();
    importer(&home_assistant, &store).catch_up(&kettle(), DAY_MS + 2 * HOUR_MS).await.unwrap();
    assert_eq!(imported(&home_assistant), [(0, 2.0, 2.0), (1, 2.0, 4.0)], "the note tells");

    home_assistant.listed.lock().unwrap().clear();
    importer(&home_assistant, &store).catch_up(&kettle(), DAY_MS + 2 * HOUR_MS).await.unwrap();
    assert_eq!(imported(&home_assistant).len(), 2, "Home Assistant lost its database");
}

#[rstest]
#[case(false)]
#[case(true)]
#[tokio::test]
async fn old_and_new_home_assistants_take_a_year(#[case] is_old: bool) {
    let (home_assistant, store) = (Arc::new(Pretend { is_old, ..Pretend::default() }), Arc::new(Memory::default()));
    for hour in 0..8_760 {
        store.set_hour(1, DAY_MS + hour * HOUR_MS, 0.001);
    }
    importer(&home_assistant, &store).catch_up(&kettle(), DAY_MS + 8_760 * HOUR_MS).await.unwrap();
    let longest = home_assistant.imports.lock().unwrap().iter().map(|c| c["stats"].as_array().unwrap().len()).max();
    assert_eq!(longest, Some(1_000));
    let metadata = home_assistant.imports.lock().unwrap()[0]["metadata"].clone();
    assert_eq!(metadata["mean_type"].is_null(), is_old);
    let rows = imported(&home_assistant);
    assert_eq!(rows.len(), 8_760);
    assert!((rows.last().unwrap().2 - 8.76).abs() < 1e-9);
}
