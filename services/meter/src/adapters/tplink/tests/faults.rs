//! What goes wrong with devices.

use rstest::rstest;
use serde_json::{Value, json};
use wattribute_domain::Quantity;

use super::{Heard, dump};
use crate::adapters::Adapter;
use crate::adapters::tplink::emulator::{Emulator, Fault, Protocol, USER};
use crate::adapters::tplink::klap::Version;

const KASA: &str = "50:C7:BF:00:00:01";
const TAPO: &str = "9C:53:22:00:00:11";

/// A plug of that protocol, its MAC, and where its dump has its power.
async fn plug(protocol: Protocol) -> (Emulator, &'static str, &'static str) {
    match protocol {
        Protocol::Xor | Protocol::Klap(Version::One) => {
            (Emulator::start(&dump("kasa", "hs110_hw1.json"), protocol).await, KASA, "/emeter/get_realtime/power")
        }
        _ => (Emulator::start(&dump("tapo", "p110_1.3.1.json"), protocol).await, TAPO, "/get_emeter_data/power_mw"),
    }
}

fn hosts(all: &[&Emulator]) -> Value {
    json!(all.iter().map(|device| device.host()).collect::<Vec<_>>())
}

#[rstest]
#[tokio::test]
async fn a_device_that_fails_is_named_and_silent_and_comes_back(
    #[values(Protocol::Xor, Protocol::Klap(Version::One), Protocol::Klap(Version::Two), Protocol::Aes)] protocol: Protocol,
    #[values(Fault::Silent, Fault::Half, Fault::Garbage)] fault: Fault,
) {
    let (device, mac, _) = plug(protocol).await;
    let mut heard = Heard::of("kasa", json!({"hosts": hosts(&[&device]), "timeout": "400ms"}));
    heard.until("a reading", |heard| heard.powers(mac).len() == 2).await;
    assert!(heard.fleet.troubles().is_empty());
    device.state().fault = fault;
    heard.until("trouble", |heard| !heard.fleet.troubles().is_empty()).await;
    let before = heard.powers(mac).to_vec();
    assert!(before.last().unwrap().is_nan() && before.iter().filter(|value| value.is_nan()).count() == 1, "silent, said once: {before:?}");
    let why = heard.trouble();
    let word = match fault {
        Fault::Silent => "did not answer within",
        Fault::Half => "ended its answer early",
        _ => "makes no sense",
    };
    assert!(why.contains(word) && why.contains(&device.host()) && !why.contains(USER.1), "{why}");
    device.state().fault = Fault::None;
    heard.until("a reading again", |heard| heard.powers(mac).len() > before.len() && heard.fleet.troubles().is_empty()).await;
    assert!(!heard.payloads.contains(USER.1) && !heard.payloads.contains("515000"), "{}", heard.payloads);
}

#[rstest]
#[case(Protocol::Xor)]
#[case(Protocol::Klap(Version::Two))]
#[case(Protocol::Aes)]
#[tokio::test]
async fn one_answer_that_is_lost_is_no_absence(#[case] protocol: Protocol) {
    let (device, mac, _) = plug(protocol).await;
    let mut heard = Heard::of("kasa", json!({"hosts": hosts(&[&device])}));
    heard.until("a reading", |heard| heard.powers(mac).len() == 2).await;
    device.state().lost = 1;
    heard.until("more readings", |heard| heard.powers(mac).len() >= 6).await;
    assert_eq!(device.state().lost, 0);
    assert!(heard.powers(mac).iter().all(|value| value.is_finite()) && heard.fleet.troubles().is_empty(), "{:?}", heard.readings);
}

#[rstest]
#[case(Protocol::Xor)]
#[case(Protocol::Klap(Version::Two))]
#[case(Protocol::Aes)]
#[tokio::test]
async fn one_without_power_stops_no_other_and_comes_back(#[case] protocol: Protocol) {
    let (device, mac, power) = plug(protocol).await;
    let other = Emulator::start(&dump("kasa", "kp115_hw1.json"), Protocol::Xor).await;
    let mut heard = Heard::of("kasa", json!({"hosts": hosts(&[&device, &other])}));
    heard.until("a reading", |heard| !heard.powers(mac).is_empty() && !heard.powers("C0:06:C3:00:00:02").is_empty()).await;
    device.go().await;
    heard.until("trouble", |heard| heard.trouble().contains("cannot be reached")).await;
    let (gone, others) = (heard.powers(mac).len(), heard.powers("C0:06:C3:00:00:02").len());
    heard.until("the other", |heard| heard.powers("C0:06:C3:00:00:02").len() >= others + 5).await;
    assert_eq!(heard.powers(mac).len(), gone, "nothing is made up");
    let device = device.come_back().await;
    device.state().put(power, 500);
    heard.until("a reading again", |heard| heard.powers(mac).len() > gone && heard.fleet.troubles().is_empty()).await;
    assert!(heard.powers("C0:06:C3:00:00:02").iter().all(|value| *value == 63.499));
}

#[rstest]
#[case(Protocol::Klap(Version::One))]
#[case(Protocol::Klap(Version::Two))]
#[case(Protocol::Aes)]
#[tokio::test]
async fn one_that_forgot_its_session_is_greeted_again_and_nobody_notices(#[case] protocol: Protocol) {
    let (device, mac, _) = plug(protocol).await;
    let mut heard = Heard::of("tapo", json!({"hosts": hosts(&[&device])}));
    heard.until("a reading", |heard| heard.powers(mac).len() == 2).await;
    assert_eq!(device.state().handshakes, 1, "one session for all questions");
    device.state().restart();
    heard.until("more readings", |heard| heard.powers(mac).len() == 5).await;
    assert!(heard.powers(mac).iter().all(|value| value.is_finite()) && heard.fleet.troubles().is_empty(), "{:?}", heard.readings);
    assert_eq!(device.state().handshakes, 2);
}

#[rstest]
#[case(Protocol::Klap(Version::One), 1)]
#[case(Protocol::Klap(Version::Two), 1)]
// The owner's, and the user that Tapo devices come with.
#[case(Protocol::Aes, 2)]
#[tokio::test]
async fn one_that_does_not_know_the_password_is_left_alone(#[case] protocol: Protocol, #[case] attempts: usize) {
    let (device, ..) = plug(protocol).await;
    device.state().user.1 = "another".to_owned();
    let other = Emulator::start(&dump("kasa", "kp115_hw1.json"), Protocol::Xor).await;
    let mut heard = Heard::of("tapo", json!({"hosts": hosts(&[&device, &other])}));
    heard.until("trouble", |heard| heard.trouble().contains("does not know this user and password")).await;
    let before = heard.powers("C0:06:C3:00:00:02").len();
    heard.until("other readings", |heard| heard.powers("C0:06:C3:00:00:02").len() >= before + 10).await;
    assert_eq!(device.state().handshakes, attempts, "not hammered");
    assert_eq!(device.state().asked, 0);
    assert!(!heard.trouble().contains(USER.1) && !heard.trouble().contains(USER.0), "{}", heard.trouble());
}

#[rstest]
#[case(Protocol::Klap(Version::Two), ("", ""))]
#[case(Protocol::Klap(Version::Two), ("kasa@tp-link.net", "kasaSetup"))]
#[case(Protocol::Klap(Version::One), ("kasa@tp-link.net", "kasaSetup"))]
#[case(Protocol::Aes, ("test@tp-link.net", "test"))]
#[tokio::test]
async fn one_that_went_back_to_the_user_it_came_with_is_read(#[case] protocol: Protocol, #[case] user: (&str, &str)) {
    let (device, mac, _) = plug(protocol).await;
    device.state().user = (user.0.to_owned(), user.1.to_owned());
    let mut heard = Heard::of("tapo", json!({"hosts": hosts(&[&device])}));
    heard.until("a reading", |heard| !heard.powers(mac).is_empty()).await;
}

#[tokio::test]
async fn without_a_user_it_is_said_what_is_missing() {
    let (device, ..) = plug(Protocol::Klap(Version::Two)).await;
    let mut heard = Heard::of("tapo", json!({"hosts": hosts(&[&device]), "username": "", "password": null}));
    heard.until("trouble", |heard| heard.trouble().contains("set `username` and `password`")).await;
}

#[rstest]
#[case(true)]
#[case(false)]
#[tokio::test]
async fn one_that_lets_only_its_makers_app_in_says_what_helps(#[case] is_found: bool) {
    let (device, ..) = plug(Protocol::Tpap).await;
    device.state().is_found = is_found;
    let mut heard = Heard::of("tapo", json!({"hosts": hosts(&[&device])}));
    heard.until("trouble", |heard| heard.trouble().contains("Third-Party Compatibility")).await;
}

#[rstest]
#[case(Protocol::Xor, "/emeter/get_realtime/total", json!(0.5), 55.139)]
#[case(Protocol::Klap(Version::Two), "/get_energy_usage/month_energy", json!(500), 6.11)]
#[tokio::test]
async fn a_counter_that_was_reset_is_told_as_it_is(
    #[case] protocol: Protocol,
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] before_kwh: f64,
) {
    let (device, mac, _) = plug(protocol).await;
    let mut heard = Heard::of("kasa", json!({"hosts": hosts(&[&device])}));
    let of = |heard: &Heard| heard.readings.get(&(mac.to_owned(), Quantity::EnergyImportKwh)).cloned().unwrap_or_default();
    heard.until("the counter", |heard| !of(heard).is_empty()).await;
    device.state().put(pointer, value);
    heard.until("its reset", |heard| of(heard).last() == Some(&0.5)).await;
    assert_eq!(of(&heard)[0], before_kwh);
}

#[tokio::test]
async fn a_switch_is_told_when_it_changes_and_only_then() {
    let (device, mac, _) = plug(Protocol::Xor).await;
    let mut heard = Heard::of("kasa", json!({"hosts": hosts(&[&device])}));
    let of = |heard: &Heard| heard.readings.get(&(mac.to_owned(), Quantity::Level)).cloned().unwrap_or_default();
    heard.until("readings", |heard| heard.powers(mac).len() == 3).await;
    assert_eq!(of(&heard), [1.0]);
    device.state().put("/system/get_sysinfo/relay_state", 0);
    heard.until("off", |heard| of(heard) == [1.0, 0.0]).await;
    let info = heard.series.values().find(|info| info.quantity == Quantity::Level).unwrap();
    assert_eq!(info.modes, ["off", "on"]);
}

#[rstest]
#[tokio::test]
async fn one_that_makes_nothing_of_many_questions_is_asked_one_by_one(#[values("p110_1.3.1.json", "p304m_1.0.9.json")] name: &str) {
    let device = Emulator::start(&dump("tapo", name), Protocol::Klap(Version::Two)).await;
    device.state().is_simple = true;
    let mut heard = Heard::of("tapo", json!({"hosts": hosts(&[&device])}));
    heard.until("readings", |heard| heard.readings.iter().any(|((_, quantity), all)| *quantity == Quantity::PowerW && all.len() > 1)).await;
    assert!(heard.fleet.troubles().is_empty());
}
