use std::collections::BTreeSet;
use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use wattribute_domain::Verdict;

use super::support::{Memory, device, home};
use crate::now::DeviceNow;
use crate::publish::choice::{Slugs, choose, name};
use crate::publish::known::Known;
use crate::publish::{Config, Devices};

fn many() -> Vec<DeviceNow> {
    (0..30).map(|k| device(&format!("light.l{k}"), k, 10.0, 100.0 - f64::from(k))).collect()
}

#[test]
fn the_twenty_that_use_most_are_published_and_neighbours_do_not_come_and_go() {
    let mut devices = many();
    let none = BTreeSet::new();
    let chosen = choose(&devices, &Devices::default(), &none);
    assert_eq!(chosen.iter().map(|d| d.series.0).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    let published: BTreeSet<_> = chosen.iter().map(|d| d.identity.clone()).collect();
    let has = |devices: &[DeviceNow], k: u32| choose(devices, &Devices::default(), &published).iter().any(|d| d.series.0 == k);
    devices[19].recent_energy_kwh = 79.5;
    assert!(has(&devices, 19) && !has(&devices, 20), "rank 21 is near enough to stay");
    devices[19].recent_energy_kwh = 1.0;
    assert!(!has(&devices, 19) && has(&devices, 20), "rank 30 is not");
}

#[test]
fn only_devices_with_something_to_say_are_published_unless_named() {
    let verdicts = [
        Verdict::Learned,
        Verdict::Varies,
        Verdict::Measured,
        Verdict::NoLoad,
        Verdict::TooSmall,
        Verdict::Grouped,
        Verdict::NotEnoughEvents,
        Verdict::Stated,
    ];
    let devices: Vec<_> = many().into_iter().zip(verdicts).map(|(d, verdict)| DeviceNow { verdict, ..d }).collect();
    let ids = |wanted| choose(&devices, &wanted, &BTreeSet::new()).iter().map(|d| d.series.0).collect::<Vec<_>>();
    assert_eq!(ids(Devices::Top(20)), [0, 1, 5, 7, 2], "what has a meter of its own comes last");
    assert_eq!(ids(Devices::Top(3)), [0, 1, 5]);
    assert_eq!(ids(Devices::All), [0, 1, 2, 5, 7]);
    assert_eq!(ids(Devices::Listed(vec!["light.l2".to_owned()])), [2], "a plug's own meter, because it was asked for");
}

#[test]
fn short_names_are_given_once_and_never_shared() {
    let mut slugs = Slugs::new();
    let wanted = [
        ("switch.kitchen", "kitchen"),
        ("light.kitchen", "light_kitchen"),
        ("light.Kitchen", "light_kitchen_2"),
        ("light.attributed", "light_attributed"),
        ("light.__", "device"),
    ];
    for (series, (entity_id, slug)) in wanted.into_iter().enumerate() {
        let device = device(entity_id, series as u32, 1.0, 1.0);
        assert!(name(&mut slugs, &device));
        assert_eq!(slugs[&device.identity], slug);
        let renamed = DeviceNow { entity_id: "light.renamed".to_owned(), ..device };
        assert!(!name(&mut slugs, &renamed), "a rename changes nothing");
    }
}

#[tokio::test]
async fn what_falls_out_is_no_longer_shown_and_what_returns_has_its_name() {
    let mut known = Known::new(Arc::new(Memory::default()));
    let config = Config::default();
    let now = home();
    let mut without = home();
    without.devices[0].verdict = Verdict::NotEnoughEvents;
    let first = known.look(&now, &config).await.unwrap().0;
    let gone = known.look(&without, &config).await.unwrap().0;
    assert!(gone.iter().all(|e| !e.key.starts_with("kettle")) && gone.iter().any(|e| e.key == "hall_lamp_power"));
    assert_eq!(known.look(&now, &config).await.unwrap().0, first);
}

#[rstest]
#[case(json!(7), Devices::Top(7))]
#[case(json!("7"), Devices::Top(7))]
#[case(json!("all"), Devices::All)]
#[case(json!(["light.a", "switch.b"]), Devices::Listed(vec!["light.a".to_owned(), "switch.b".to_owned()]))]
#[case(json!("light.a, switch.b"), Devices::Listed(vec!["light.a".to_owned(), "switch.b".to_owned()]))]
fn devices_are_a_number_all_or_a_list(#[case] text: Value, #[case] devices: Devices) {
    let config: Config = serde_json::from_value(json!({ "devices": text })).unwrap();
    assert_eq!(config.devices, devices);
    let again = serde_json::from_value::<Config>(serde_json::to_value(&config).unwrap()).unwrap();
    assert_eq!(format!("{again:?}"), format!("{config:?}"));
}

#[rstest]
#[case(json!({ "devices": "some" }), "a list of entity ids")]
#[case(json!({ "devices": -1 }), "a number such as 20")]
#[case(json!({ "sensor": true }), "sensor")]
fn wrong_settings_are_refused_by_name(#[case] config: Value, #[case] says: &str) {
    let why = serde_json::from_value::<Config>(config).unwrap_err().to_string();
    assert!(why.contains(says), "{why}");
}
