//! Devices that are asked, and what can go wrong with them.

use super::emulator::{Device, Fault};
use super::*;
use rstest::rstest;

#[rstest]
#[case::first("gen1_plug_s.json", "washer", 412.5, Role::Device)]
#[case::three_phases("gen1_3em.json", "house", -849.75, Role::Circuit)]
#[case::later("rpc_plus_plug_s.json", "desk", 61.5, Role::Device)]
#[case::meter("rpc_pro_3em.json", "house", -118.0, Role::Circuit)]
#[tokio::test]
async fn a_device_is_read_by_its_name(#[case] name: &str, #[case] device: &str, #[case] power_w: f64, #[case] role: Role) {
    let emulated = Device::start(fixture(name)).await;
    let mut shelly = adapter(json!({"hosts": [emulated.host()]}));
    let mut ear = Ear::default();
    until(&mut shelly, &mut ear, device, |ear, _| ear.of(device, Quantity::PowerW).len() > 2).await;
    assert_eq!((ear.last(device, Quantity::PowerW), ear.role(device)), (Some(power_w), Some(role)));
    assert!(ear.last(device, Quantity::EnergyImportKwh).is_some() && shelly.troubles().is_empty());
    assert!(ear.payloads.iter().all(|text| !text.contains("#MASKED#") && text.contains("***")), "{:?}", ear.payloads[0]);
    let names = if name.starts_with("gen1") { "/settings" } else { "/rpc/Shelly.GetConfig" };
    assert_eq!(emulated.asked(names), 1, "names are asked for once");
    // It is renamed, and says that its settings have changed.
    let (at, count) = if name.starts_with("gen1") {
        ("/settings/name", "/status/cfg_changed_cnt")
    } else {
        ("/config/sys/device/name", "/status/sys/cfg_rev")
    };
    emulated.set(at, json!("New name"));
    emulated.set(count, json!(77));
    until(&mut shelly, &mut ear, "new name", |ear, _| ear.devices().contains(&"new_name")).await;
}

#[tokio::test]
async fn a_meter_is_asked_more_often_than_a_plug() {
    let (plug, meter) = (Device::start(fixture("rpc_plus_plug_s.json")).await, Device::start(fixture("rpc_pro_3em.json")).await);
    let said = json!({"hosts": [plug.host(), meter.host()], "every": "10s", "meters_every": "100ms"});
    let (mut shelly, mut ear) = (adapter(said), Ear::default());
    until(&mut shelly, &mut ear, "house", |ear, _| ear.of("house", Quantity::PowerW).len() > 4).await;
    assert_eq!(ear.of("desk", Quantity::PowerW).len(), 1);
}

#[rstest]
#[case::first("gen1_plug_s.json", "washer")]
#[case::later("rpc_plus_plug_s.json", "desk")]
#[tokio::test]
async fn a_device_with_a_password_is_logged_in_to(#[case] name: &str, #[case] device: &str) {
    let emulated = Device::start(fixture(name)).await;
    emulated.lock_with("hush hush");
    let mut shelly = adapter(json!({"hosts": [emulated.host()], "password": "hush hush"}));
    let mut ear = Ear::default();
    until(&mut shelly, &mut ear, device, |ear, _| ear.of(device, Quantity::PowerW).len() > 2).await;
    // It is restarted: what it asked for before counts no more.
    emulated.state.lock().unwrap().nonce += 5;
    let before = ear.of(device, Quantity::PowerW).len();
    until(&mut shelly, &mut ear, "it again", |ear, _| ear.of(device, Quantity::PowerW).len() > before + 2).await;
    assert!(ear.of(device, Quantity::PowerW).iter().all(|value| !value.is_nan()) && shelly.troubles().is_empty());
}

#[rstest]
#[case::first_wrong("gen1_plug_s.json", Some("loud"), "does not take the password")]
#[case::first_none("gen1_plug_s.json", None, "wants a password")]
#[case::later_wrong("rpc_plus_plug_s.json", Some("loud"), "does not take the password")]
#[case::later_none("rpc_plus_plug_s.json", None, "wants a password")]
#[tokio::test]
async fn a_wrong_password_is_told_without_saying_it_and_stops_no_other(
    #[case] name: &str,
    #[case] password: Option<&str>,
    #[case] says: &str,
) {
    let (locked, open) = (Device::start(fixture(name)).await, Device::start(fixture("rpc_pro_4pm.json")).await);
    locked.lock_with("hush");
    let mut said = json!({"hosts": [locked.host(), open.host()]});
    if let Some(password) = password {
        said["password"] = json!(password);
    }
    let (mut shelly, mut ear) = (adapter(said), Ear::default());
    until(&mut shelly, &mut ear, says, |_, troubles| troubles.values().any(|why| why.contains(says))).await;
    assert!(shelly.troubles().values().all(|why| !why.contains("hush") && !why.contains("loud") && why.contains("[shelly]")));
    until(&mut shelly, &mut ear, "oven", |ear, _| ear.of("oven", Quantity::PowerW).len() > 5).await;
    assert_eq!(shelly.troubles().len(), 1);
}

#[rstest]
#[case::hangs(Fault::Hangs, "did not answer in time")]
#[case::half(Fault::Half, "ended its answer early")]
#[case::garbage(Fault::Garbage, "makes no sense")]
#[case::fails(Fault::Fails, "answers 500")]
#[tokio::test]
async fn what_goes_wrong_is_told_once_and_is_over_when_it_is(#[case] fault: Fault, #[case] says: &str) {
    let (broken, other) = (Device::start(fixture("rpc_plus_plug_s.json")).await, Device::start(fixture("gen1_plug_s.json")).await);
    let (mut shelly, mut ear) = (adapter(json!({"hosts": [broken.host(), other.host()]})), Ear::default());
    until(&mut shelly, &mut ear, "desk", |ear, _| ear.last("desk", Quantity::PowerW) == Some(61.5)).await;
    broken.fault(fault);
    until(&mut shelly, &mut ear, says, |_, troubles| troubles.get("desk").is_some_and(|why| why.contains(says))).await;
    let (before, silent) = (ear.of("washer", Quantity::PowerW).len(), ear.of("desk", Quantity::PowerW));
    assert!(silent.last().unwrap().is_nan(), "what it measures is not known: {silent:?}");
    until(&mut shelly, &mut ear, "washer", |ear, _| ear.of("washer", Quantity::PowerW).len() > before + 5).await;
    assert_eq!(ear.of("desk", Quantity::PowerW).len(), silent.len(), "nothing is made up");
    broken.fault(Fault::None);
    until(&mut shelly, &mut ear, "it is back", |ear, troubles| troubles.is_empty() && ear.last("desk", Quantity::PowerW) == Some(61.5))
        .await;
}

#[tokio::test]
async fn one_that_is_gone_and_comes_back_with_its_counter_reset_goes_on_as_the_same() {
    let emulated = Device::start(fixture("gen1_plug_s.json")).await;
    let port = emulated.port;
    let (mut shelly, mut ear) = (adapter(json!({"hosts": [emulated.host()]})), Ear::default());
    until(&mut shelly, &mut ear, "washer", |ear, _| ear.last("washer", Quantity::EnergyImportKwh) == Some(100.0)).await;
    drop(emulated);
    until(&mut shelly, &mut ear, "gone", |_, troubles| troubles.get("washer").is_some_and(|why| why.contains("cannot be reached"))).await;
    assert!(ear.last("washer", Quantity::EnergyImportKwh).unwrap().is_nan());
    let mut said = fixture("gen1_plug_s.json");
    said["status"]["meters"][0]["total"] = json!(600);
    let _again = Device::start_at(port, said).await;
    until(&mut shelly, &mut ear, "back", |ear, _| ear.last("washer", Quantity::EnergyImportKwh) == Some(0.01)).await;
    assert!(shelly.troubles().is_empty() && ear.devices() == ["washer"]);
}

#[tokio::test]
async fn another_device_at_the_same_address_is_another() {
    let emulated = Device::start(fixture("rpc_plus_plug_s.json")).await;
    let (mut shelly, mut ear) = (adapter(json!({"hosts": [emulated.host()]})), Ear::default());
    until(&mut shelly, &mut ear, "desk", |ear, _| ear.last("desk", Quantity::PowerW) == Some(61.5)).await;
    emulated.state.lock().unwrap().said = fixture("rpc_plug_g4.json");
    until(&mut shelly, &mut ear, "tower", |ear, _| ear.last("tower", Quantity::PowerW) == Some(120.25)).await;
    assert!(ear.last("desk", Quantity::PowerW).unwrap().is_nan());
}

#[rstest]
#[case("gen1_1_no_meter.json", "gate", "/status/relays/0/ison")]
#[case("rpc_plus_1_no_meter.json", "bell", "/status/switch:0/output")]
#[tokio::test]
async fn of_one_without_a_meter_it_is_read_whether_it_is_on(#[case] name: &str, #[case] device: &str, #[case] at: &str) {
    let emulated = Device::start(fixture(name)).await;
    emulated.set(at, json!(true));
    let (mut shelly, mut ear) = (adapter(json!({"hosts": [emulated.host()]})), Ear::default());
    until(&mut shelly, &mut ear, "on", |ear, _| ear.of(device, Quantity::Level) == [1.0]).await;
    emulated.set(at, json!(false));
    until(&mut shelly, &mut ear, "off", |ear, _| ear.of(device, Quantity::Level) == [1.0, 0.0]).await;
    assert!(ear.of(device, Quantity::PowerW).is_empty() && ear.series[0].1.modes == ["off", "on"]);
}

#[tokio::test]
async fn one_that_measures_nothing_is_told() {
    let emulated = Device::start(fixture("gen1_ht_nothing.json")).await;
    let (mut shelly, mut ear) = (adapter(json!({"hosts": [emulated.host()]})), Ear::default());
    let says = "SHHT-1 has neither a meter nor a relay";
    until(&mut shelly, &mut ear, says, |_, troubles| troubles.values().any(|why| why.contains(says))).await;
    assert!(ear.readings.is_empty());
}

#[tokio::test]
async fn what_is_no_shelly_or_no_address_is_told_and_stops_no_other() {
    let no_shelly = Device::start(json!({"shelly": {"name": "a printer"}, "status": {}, "settings": {}})).await;
    let plug = Device::start(fixture("rpc_plus_plug_s.json")).await;
    let (mut shelly, mut ear) = (adapter(json!({"hosts": [no_shelly.host(), "not an address", plug.host()]})), Ear::default());
    until(&mut shelly, &mut ear, "both troubles", |_, troubles| troubles.len() == 2).await;
    let said: Vec<String> = shelly.troubles().into_values().collect();
    assert!(said.iter().any(|why| why.contains("it is no Shelly")) && said.iter().any(|why| why.contains("`not an address`")), "{said:?}");
    until(&mut shelly, &mut ear, "desk", |ear, _| ear.last("desk", Quantity::PowerW) == Some(61.5)).await;
}

#[rstest]
#[case(json!({"topics": ["a/#/b"]}), "[shelly] topics: `a/#/b`")]
#[case(json!({"listen": "8015"}), "[shelly] listen: `8015`")]
fn what_is_set_up_wrongly_is_named(#[case] said: Value, #[case] says: &str) {
    let error = Shelly::new(&config(said), &mqtt::Config::default(), &[]).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
}

#[tokio::test]
async fn a_restart_goes_on_with_the_same_series() {
    let emulated = Device::start(fixture("rpc_pro_4pm.json")).await;
    let said = json!({"hosts": [emulated.host()]});
    let (mut shelly, mut ear) = (adapter(said.clone()), Ear::default());
    until(&mut shelly, &mut ear, "oven", |ear, _| ear.devices().len() == 4 && ear.last("oven", Quantity::PowerW).is_some()).await;
    assert_eq!(ear.devices(), ["board_switch_2", "board_switch_3", "fridge", "oven"]);
    let known: Vec<SeriesInfo> = ear.series.iter().map(|(_, info)| info.clone()).collect();
    let mut again = Shelly::new(&config(said), &mqtt::Config::default(), &known).unwrap();
    let mut ear = Ear::default();
    until(&mut again, &mut ear, "oven", |ear, _| ear.last("oven", Quantity::PowerW).is_some()).await;
    assert!(ear.series.iter().all(|(_, info)| known.contains(info)), "{:?}", ear.series);
}
