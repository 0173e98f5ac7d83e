//! Who is where.

use std::time::Duration;

use serde_json::json;
use wattribute_domain::{Quantity, SeriesInfo};

use super::{Heard, config, dump};
use crate::Sources;
use crate::adapters::Adapter;
use crate::adapters::tplink::emulator::{Emulator, Protocol};
use crate::adapters::tplink::klap::Version;
use crate::adapters::{kasa, tapo};

const FRIDGE: &str = "50:C7:BF:00:00:01";

#[tokio::test]
async fn devices_are_found_and_each_source_takes_its_own() {
    let old = Emulator::start(&dump("kasa", "hs110_hw1.json"), Protocol::Xor).await;
    let new = Emulator::start(&dump("kasa", "kp115_hw1.json"), Protocol::Klap(Version::One)).await;
    let strip = Emulator::start(&dump("tapo", "p304m_1.0.9.json"), Protocol::Klap(Version::Two)).await;
    let networks = json!([old.host(), new.host(), strip.host()]);
    let mut kasa = Heard::of("kasa", json!({"discover": true, "networks": networks}));
    kasa.until("both plugs", |heard| heard.powers(FRIDGE).len() > 1 && heard.powers("C0:06:C3:00:00:02").len() > 1).await;
    let mut tapo = Heard::of("tapo", json!({"discover": true, "networks": networks}));
    tapo.until("all outlets", |heard| heard.readings.keys().filter(|(_, quantity)| *quantity == Quantity::PowerW).count() == 4).await;
    assert_eq!((kasa.powers(FRIDGE)[0], tapo.powers("78:8C:B5:00:00:14/00")[0]), (63.12, 45.0));
    assert!(kasa.readings.keys().all(|(identity, _)| !identity.starts_with("78")), "{:?}", kasa.readings.keys());
    assert!(tapo.readings.keys().all(|(identity, _)| identity.starts_with("78")), "{:?}", tapo.readings.keys());
    assert_eq!(strip.state().handshakes, 1, "the other source leaves it alone");
}

#[tokio::test]
async fn what_is_found_is_told_with_what_to_put_into_the_configuration() {
    let old = Emulator::start(&dump("kasa", "hs110_hw1.json"), Protocol::Xor).await;
    let new = Emulator::start(&dump("tapo", "p110_1.3.1.json"), Protocol::Aes).await;
    let given = json!({"networks": [old.host()], "hosts": [new.host()], "username": ""});
    let wait = Duration::from_millis(600);
    let found = kasa::discover(&config(given.clone()), wait).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].name.as_str(), found[0].model.as_str(), found[0].identity.as_str()), ("Fridge", "HS110(EU)", FRIDGE));
    assert_eq!((found[0].config.as_str(), &found[0].note), (format!("[kasa]\nhosts = [\"{}\"]\n", old.host()).as_str(), &None));
    let found = tapo::discover(&config(given), wait).await.unwrap();
    assert_eq!((found.len(), found[0].address.as_str()), (1, new.host().as_str()));
    assert!(found[0].config.contains("[tapo]") && found[0].config.contains("username") && found[0].note.is_some(), "{found:?}");
    assert!(kasa::discover(&config(json!({"hosts": ["http://x"]})), wait).await.unwrap_err().to_string().contains("[kasa] hosts"));
}

#[tokio::test]
async fn a_plug_that_has_another_address_is_found_again_by_its_mac() {
    let before = Emulator::start(&dump("kasa", "hs110_hw1.json"), Protocol::Xor).await;
    let after = Emulator::start(&dump("kasa", "hs110_hw1.json"), Protocol::Xor).await;
    let other = Emulator::start(&dump("kasa", "kp115_hw1.json"), Protocol::Xor).await;
    after.state().put("/emeter/get_realtime/power", 7);
    after.state().is_found = false;
    let mut heard = Heard::of("kasa", json!({"hosts": [before.host()], "networks": [after.host(), other.host()]}));
    heard.until("a reading", |heard| heard.powers(FRIDGE).len() > 1).await;
    before.go().await;
    after.state().is_found = true;
    heard.until("a reading elsewhere", |heard| heard.powers(FRIDGE).last() == Some(&7.0)).await;
    assert!(heard.fleet.troubles().is_empty(), "{}", heard.trouble());
    assert!(heard.powers("C0:06:C3:00:00:02").is_empty(), "nobody asked for another");
    let keys = heard.series.values().filter(|info| info.quantity == Quantity::PowerW).count();
    assert_eq!(keys, 1, "the series is the same: {:?}", heard.series);
}

#[tokio::test]
async fn a_plug_that_moved_while_nobody_looked_is_found_by_what_the_store_knows() {
    let gone = Emulator::start(&dump("kasa", "hs110_hw1.json"), Protocol::Xor).await;
    let after = Emulator::start(&dump("kasa", "hs110_hw1.json"), Protocol::Xor).await;
    let other = Emulator::start(&dump("kasa", "kp115_hw1.json"), Protocol::Xor).await;
    gone.go().await;
    let known = SeriesInfo { identity: FRIDGE.to_owned(), ..SeriesInfo::new("kasa", "fridge", Quantity::PowerW) };
    let given = json!({"hosts": [gone.host()], "networks": [after.host(), other.host()]});
    let mut heard = Heard::after("kasa", given, &[known]);
    heard.until("a reading elsewhere", |heard| heard.powers(FRIDGE).len() > 1).await;
    assert!(heard.powers("C0:06:C3:00:00:02").is_empty(), "nobody asked for another");
    assert!(heard.trouble().contains(&gone.host()), "what is set up wrongly is still named: {}", heard.trouble());
}

#[test]
fn what_is_set_up_is_a_source() {
    let sources =
        Sources { kasa: config(json!({"discover": true})), tapo: config(json!({"hosts": ["192.168.1.21"]})), ..Sources::default() };
    assert_eq!(sources.names(), ["kasa", "tapo"]);
    assert!(Sources::default().names().is_empty());
}

#[tokio::test]
async fn a_plug_that_is_renamed_keeps_its_series() {
    let device = Emulator::start(&dump("kasa", "hs110_hw1.json"), Protocol::Xor).await;
    let mut heard = Heard::of("kasa", json!({"hosts": [device.host()]}));
    heard.until("a reading", |heard| !heard.powers(FRIDGE).is_empty()).await;
    device.state().put("/system/get_sysinfo/alias", "Freezer");
    heard.until("its new name", |heard| heard.series.values().all(|info| info.name.as_deref() == Some("Freezer"))).await;
    assert_eq!(heard.series.values().filter(|info| info.quantity == Quantity::PowerW).count(), 1, "{:?}", heard.series);
}

#[tokio::test]
async fn one_that_is_listed_and_found_is_read_once() {
    let device = Emulator::start(&dump("kasa", "hs110_hw1.json"), Protocol::Xor).await;
    let other = Emulator::start(&dump("kasa", "kp115_hw1.json"), Protocol::Xor).await;
    let localhost = format!("localhost:{}", device.port);
    let networks = json!([device.host(), other.host()]);
    let mut heard = Heard::of("kasa", json!({"hosts": [device.host(), localhost], "discover": true, "networks": networks}));
    heard.until("readings", |heard| heard.powers("C0:06:C3:00:00:02").len() >= 3 && heard.powers(FRIDGE).len() >= 3).await;
    let before = (heard.powers(FRIDGE).len(), device.state().asked);
    heard.until("more", |heard| heard.powers(FRIDGE).len() >= before.0 + 10).await;
    let asked = device.state().asked - before.1;
    assert!(asked <= 15, "10 readings took {asked} questions");
}

#[tokio::test]
async fn a_plug_that_was_replaced_gives_its_place_to_the_new_one() {
    let device = Emulator::start(&dump("kasa", "hs110_hw1.json"), Protocol::Xor).await;
    let mut heard = Heard::of("kasa", json!({"hosts": [device.host()]}));
    heard.until("a reading", |heard| heard.powers(FRIDGE).len() > 1).await;
    device.state().dump = dump("kasa", "kp115_hw1.json");
    heard.until("trouble", |heard| heard.trouble().contains("is another device now, Washing machine")).await;
    assert!(heard.powers(FRIDGE).last().unwrap().is_nan() && heard.powers("C0:06:C3:00:00:02").is_empty());
    heard.until("the new one", |heard| heard.powers("C0:06:C3:00:00:02").len() > 1).await;
    assert!(heard.fleet.troubles().is_empty());
}
