use std::process::Command;

use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use wattribute_domain::{Quantity, Role};

use super::emulator::{EMAIL, Emulator, PASSWORD, update};
use super::wire::{Frame, frame};
use super::*;
use crate::adapters::fixtures::{of, shared, shown};

fn config(cloud: &Emulator, password: &str) -> Config {
    Config {
        email: EMAIL.to_owned(),
        password: Some(password.into()),
        // A connection of its own for each reading.
        every: STAYS_BELOW,
        api: cloud.api.clone(),
        feed: cloud.feed.clone(),
        timeout: Duration::from_secs(2),
        ..Config::default()
    }
}

fn adapter(config: &Config) -> Sense {
    let mut sense = Sense::new(config, &[]).unwrap();
    sense.ticks = Ticks::every(Duration::from_millis(100));
    sense
}

fn values(events: &[Event]) -> Vec<f64> {
    events.iter().filter_map(|event| if let Event::Reading { value, .. } = event { Some(*value) } else { None }).collect()
}

fn understood(text: &str) -> String {
    match frame(text) {
        Ok(Frame::Update(payload)) => wire::update("4711", &payload, true)
            .map_or_else(|why| format!("error: {why}"), |update| format!("at {:?}\n{}", update.at_ms, shown(&update.told))),
        other => format!("{other:?}"),
    }
}

#[test]
fn every_fixture_is_read() {
    insta::assert_snapshot!(of("sense").into_iter().map(|(name, text)| format!("{name}\n{}\n", understood(&text))).collect::<String>());
}

#[test]
fn answers_of_a_real_monitor_are_read() {
    for (name, text) in shared("sense") {
        assert_eq!(name, "realtime_update_2018.json", "{name} is not known: read it, or say here why it is out of scope");
        let said = understood(&text);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "at Some(1528234102000)");
        assert!(lines[1].starts_with("House [4711] whole_house: power_w=11163.86328125 frequency_hz=60.003795623779"), "{said}");
        assert!(lines[1].ends_with("power_phase_1_w=5870.3833007812 power_phase_2_w=5293.4794921875"), "{said}");
        let rest = [
            "Leg 1 [4711/leg_1] -: voltage_v=121.58633422852",
            "Leg 2 [4711/leg_2] -: voltage_v=122.09526824951",
            "Dryer (Sense guess) [4711/guess/11654c89] guess: power_w=5584.701171875",
            "Washer (Sense guess) [4711/guess/ccd27606] guess: power_w=512.65478515625",
        ];
        assert_eq!(lines[2..], rest, "what is left and what is always on are no devices");
    }
}

#[rstest]
#[case("{\"type\":\"hello\",\"payload\":{\"online\":false}}", Frame::Hello { is_online: false })]
#[case("{\"type\":\"hello\"}", Frame::Hello { is_online: true })]
#[case("{\"type\":\"error\",\"payload\":{\"authorized\":false,\"error_reason\":\"x\"}}", Frame::Refused)]
#[case("{\"type\":\"error\",\"payload\":{\"authorized\":true,\"error_reason\":\"busy\"}}", Frame::Error("busy".into()))]
#[case("{\"type\":\"device_states\",\"payload\":{\"states\":[]}}", Frame::Other)]
fn a_frame_says_what_it_is(#[case] text: &str, #[case] is: Frame) {
    assert_eq!(frame(text).unwrap(), is);
}

#[rstest]
#[case("{\"type\":\"realtime_update\",\"payload\":{\"w\":1")]
#[case("<html>")]
#[case("[]")]
#[case("{\"payload\":{}}")]
fn garbage_is_named(#[case] text: &str) {
    assert!(frame(text).is_err());
}

#[rstest]
#[case(json!(null))]
#[case(json!({"w": "nan", "devices": 7, "voltage": {}, "channels": "x"}))]
fn an_update_without_numbers_is_named(#[case] payload: Value) {
    assert!(wire::update("4711", &payload, true).unwrap_err().contains("nothing that is measured"));
}

#[tokio::test]
async fn it_logs_in_and_reads_the_house_and_what_sense_guesses() {
    let cloud = Emulator::start().await;
    let mut sense = adapter(&config(&cloud, PASSWORD));
    let events = sense.next().await.unwrap();
    let series = events.iter().filter_map(|event| if let Event::Series { info, .. } = event { Some(info) } else { None });
    let series: Vec<_> = series.filter(|info| info.quantity == Quantity::PowerW).map(|info| (info.known_as(), info.role)).collect();
    let expected = [("sense.house".to_owned(), Some(Role::WholeHouse)), ("sense.dryer_sense_guess".to_owned(), Some(Role::Guess))];
    assert_eq!(series, expected);
    assert_eq!(values(&events), [1000.0, 60.0, 700.0, 300.0, 120.5, 121.5, 500.0]);
    assert!(!format!("{events:?}").contains("hush"));
    sense.next().await.unwrap();
    let closed = async {
        while cloud.cloud().open > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed).await.unwrap();
    assert_eq!((cloud.asked().0, cloud.connections()), (1, 2), "one login lasts, and no connection stays");
}

#[tokio::test]
async fn newer_monitors_are_read_by_a_question() {
    let cloud = Emulator::start().await;
    cloud.cloud().version = "1.64.2";
    let mut sense = adapter(&config(&cloud, PASSWORD));
    assert_eq!(values(&sense.next().await.unwrap()), [1000.0, 60.0, 700.0, 300.0, 120.5, 121.5, 500.0]);
    let held = json!({"type": "realtime_update", "payload": {"w": 5.0, "epoch": 1_500_000_000, "devices": []}}).to_string();
    cloud.cloud().frames = vec![held];
    assert_eq!(values(&sense.next().await.unwrap())[0], 5.0);
    assert!(sense.next().await.unwrap().is_empty(), "what Sense repeats of a monitor that is away is no reading");
    cloud.cloud().good = "another".to_owned();
    sense.next().await.unwrap();
    assert_eq!(cloud.asked(), (1, 1), "a refused token is renewed");
    assert_eq!((cloud.connections(), cloud.cloud().questions), (0, 5));
}

#[tokio::test]
async fn where_questions_are_not_known_the_feed_is_read() {
    let cloud = Emulator::start().await;
    cloud.cloud().version = "1.64.2";
    cloud.cloud().knows_no_questions = true;
    let mut sense = adapter(&config(&cloud, PASSWORD));
    for _ in 0..2 {
        assert_eq!(values(&sense.next().await.unwrap())[0], 1000.0);
    }
    let questions = cloud.cloud().questions;
    assert_eq!((cloud.connections(), questions), (2, 1), "it is not asked again at once");
}

#[rstest]
#[case("1.64.0", true)]
#[case("1.100", true)]
#[case("2.0.1-beta", true)]
#[case("1.63.9", false)]
#[case("", false)]
fn what_answers_questions_is_known_by_its_software(#[case] version: &str, #[case] answers: bool) {
    let said = wire::status(&json!({"monitor_info": {"version": version, "online": true}}));
    assert_eq!((said.answers, said.is_online), (answers, true));
    assert!(!wire::status(&json!({"monitor_info": {"online": false}})).is_online && wire::status(&json!(null)).is_online);
}

#[tokio::test]
async fn guesses_are_left_out_where_nobody_wants_them() {
    let cloud = Emulator::start().await;
    let events = adapter(&Config { guesses: false, ..config(&cloud, PASSWORD) }).next().await.unwrap();
    assert!(!format!("{events:?}").contains("guess"), "{events:?}");
}

#[tokio::test]
async fn what_sense_does_not_list_any_more_is_not_known() {
    let cloud = Emulator::start().await;
    let mut sense = adapter(&config(&cloud, PASSWORD));
    sense.next().await.unwrap();
    let off = json!({"type": "realtime_update", "payload": {"w": 500.0, "devices": []}}).to_string();
    cloud.cloud().frames = vec![off];
    let said = values(&sense.next().await.unwrap());
    assert!(said.len() == 2 && said[0] == 500.0 && said[1].is_nan(), "{said:?}");
    assert_eq!(values(&sense.next().await.unwrap()), [500.0], "silent once");
}

#[tokio::test]
async fn a_connection_that_stays_says_the_newest_when_it_is_due() {
    let cloud = Emulator::start().await;
    cloud.cloud().frames = (0..200).map(|k| update(f64::from(k))).collect();
    let mut sense = adapter(&Config { every: Duration::from_millis(200), ..config(&cloud, PASSWORD) });
    let mut said = Vec::new();
    for _ in 0..3 {
        said.push(values(&sense.next().await.unwrap())[0]);
    }
    assert!(said[0] == 0.0 && said[1] >= said[0] + 2.0 && said[2] >= said[1] + 2.0, "frames in between are passed over: {said:?}");
    assert_eq!(cloud.cloud().connections, 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_then_replaced_and_then_left_alone() {
    let cloud = Emulator::start().await;
    let mut sense = adapter(&config(&cloud, PASSWORD));
    sense.next().await.unwrap();
    cloud.cloud().good = "another".to_owned();
    sense.next().await.unwrap();
    assert_eq!(cloud.asked(), (1, 1));
    cloud.cloud().good = "another".to_owned();
    cloud.cloud().renews_nothing = true;
    sense.next().await.unwrap();
    assert_eq!(cloud.asked(), (2, 2), "what renews no more is replaced by a login");
    cloud.cloud().is_deaf = true;
    cloud.cloud().renews_nothing = false;
    let error = sense.next().await.unwrap_err();
    assert!(matches!(&error, AdapterError::Unauthorized(why) if why.contains("tells it nothing")), "{error}");
    assert_eq!(cloud.asked(), (3, 3));
    cloud.cloud().is_deaf = false;
    cloud.cloud().handshake = Some(401);
    assert!(matches!(sense.next().await, Err(AdapterError::Unauthorized(_))), "refused at the handshake is refused as well");
}

#[rstest]
#[case("another", false, "does not take this email and password")]
#[case(PASSWORD, true, "second factor")]
#[tokio::test]
async fn who_is_not_let_in_is_told_why_and_tries_once(#[case] password: &str, #[case] asks: bool, #[case] says: &str) {
    let cloud = Emulator::start().await;
    cloud.cloud().asks_for_a_code = asks;
    let error = adapter(&config(&cloud, password)).next().await.unwrap_err();
    assert!(matches!(&error, AdapterError::Unauthorized(why) if why.contains(says)), "{error}");
    assert!(!error.to_string().contains(password) && cloud.cloud().logins == 1);
}

#[rstest]
#[case("{\"type\":\"realtime_update\",\"payload\":{\"w\":1", "is no JSON")]
#[case("hush?", "is no JSON")]
#[case("{\"type\":\"realtime_update\",\"payload\":{}}", "nothing that is measured")]
#[case("{\"type\":\"error\",\"payload\":{\"error_reason\":\"busy\"}}", "says: busy")]
#[case("{\"type\":\"monitor_info\"}", "says nothing of the monitor")]
#[tokio::test]
async fn what_goes_wrong_is_told_and_it_goes_on_afterwards(#[case] frame: &str, #[case] says: &str) {
    let cloud = Emulator::start().await;
    let mut sense = adapter(&Config { timeout: Duration::from_millis(500), ..config(&cloud, PASSWORD) });
    cloud.cloud().frames = vec![frame.to_owned()];
    let error = sense.next().await.unwrap_err().to_string();
    assert!(error.contains(says) && !error.contains("t1.v2"), "{error}");
    cloud.cloud().frames = vec![update(7.0)];
    assert_eq!(values(&sense.next().await.unwrap())[0], 7.0);
    assert_eq!(cloud.cloud().logins, 1);
}

#[rstest]
#[case(STAYS_BELOW)]
#[case(Duration::from_secs(1))]
#[tokio::test]
async fn a_monitor_that_sense_does_not_hear_is_named_until_it_does(#[case] every: Duration) {
    let cloud = Emulator::start().await;
    cloud.cloud().is_online = false;
    cloud.cloud().frames = Vec::new();
    let mut sense = adapter(&Config { every, timeout: Duration::from_millis(300), ..config(&cloud, PASSWORD) });
    let error = sense.next().await.unwrap_err();
    assert!(matches!(&error, AdapterError::Unreachable(why) if why.contains("power and Wi-Fi")), "{error}");
    cloud.cloud().is_online = true;
    cloud.cloud().frames = vec![update(8.0)];
    assert_eq!(values(&sense.next().await.unwrap())[0], 8.0);
}

#[tokio::test]
async fn nobody_there_half_an_answer_and_none_in_time_are_told() {
    let cloud = Emulator::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let feed = format!("ws://{}", listener.local_addr().unwrap());
    let mut sense = adapter(&Config { feed, timeout: Duration::from_millis(500), ..config(&cloud, PASSWORD) });
    let error = sense.next().await.unwrap_err();
    assert!(matches!(&error, AdapterError::Timeout(_)), "{error}");
    let half = tokio::spawn(async move {
        let (first, _) = listener.accept().await.unwrap();
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 101 Switching").await.unwrap();
        drop((first, socket, listener));
    });
    let error = sense.next().await.unwrap_err().to_string();
    assert!(error.contains("gives no connection") && !error.contains("hush"), "{error}");
    half.await.unwrap();
    let error = sense.next().await.unwrap_err();
    assert!(matches!(&error, AdapterError::Unreachable(why) if why.contains("cannot be reached")), "{error}");
    let api = format!("{}x", cloud.api);
    let error = adapter(&Config { api, ..config(&cloud, PASSWORD) }).next().await.unwrap_err().to_string();
    assert!(error.contains("404") && !error.contains("hush"), "{error}");
}

#[test]
fn a_clock_that_is_off_is_corrected_by_ours() {
    let mut sense = Sense::new(&Config { password: Some("hush".into()), ..Config::default() }, &[]).unwrap();
    let mut at = |epoch: i64, now_ms: i64| {
        let update = wire::update("4711", &json!({"w": 5.0, "epoch": epoch}), true).unwrap();
        let mut out = Vec::new();
        sense.say("4711", &update, "", now_ms, &mut out);
        out.iter().find_map(|event| if let Event::Reading { at_ms, .. } = event { Some(*at_ms) } else { None })
    };
    assert_eq!(at(1_795_197_600, 1_795_197_602_500), Some(1_795_197_600_000));
    assert_eq!(at(1_795_197_600, 1_795_197_602_900), None, "the same second is said once");
    assert_eq!(at(1_600_000_000, 1_795_197_604_000), Some(1_795_197_604_000));
}

#[rstest]
#[case(4712, None)]
#[case(9, Some("the account has no 9, but 4711, 4712"))]
fn one_of_several_monitors_is_named(#[case] monitor: u64, #[case] says: Option<&str>) {
    let sense = Sense::new(&Config { monitor, password: Some("hush".into()), ..Config::default() }, &[]).unwrap();
    match (sense.monitor(&["4711".to_owned(), "4712".to_owned()]), says) {
        (Ok(found), None) => assert_eq!(found, "4712"),
        (Err(error), Some(says)) => assert!(error.to_string().contains(says), "{error}"),
        (other, _) => panic!("{other:?}"),
    }
    assert!(sense.monitor(&[]).is_err());
}

#[rstest]
#[case(Config { email: "a".into(), ..Config::default() }, "password: it is missing")]
#[case(Config { password: Some("hush".into()), every: Duration::ZERO, ..Config::default() }, "every: it must be some time")]
fn what_is_set_up_wrongly_is_refused(#[case] config: Config, #[case] says: &str) {
    let error = Sense::new(&config, &[]).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("[sense] ") && error.contains(says), "{error}");
    assert!(!format!("{config:?}").contains("hush"));
}

#[tokio::test]
async fn sense_energy_logs_in_and_reads_the_same() {
    let Ok(python) = std::env::var("WATTRIBUTE_PEERS_PYTHON") else {
        println!("SKIPPED: WATTRIBUTE_PEERS_PYTHON names no python with sense_energy");
        return;
    };
    let cloud = Emulator::start().await;
    // Versions before 0.14 do not know of it, and listen to the feed.
    cloud.cloud().version = "1.64.2";
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/sense.py");
    let (api, feed) = (cloud.api.clone(), cloud.feed.clone());
    let said = tokio::task::spawn_blocking(move || Command::new(&python).args([script, &api, &feed, EMAIL, PASSWORD]).output().unwrap());
    let said = said.await.unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(said, json!({"power_w": 1000.0, "voltage_v": [120.5, 121.5], "frequency_hz": 60.0, "on": ["Dryer"], "renewed": true}));
    assert_eq!(cloud.asked(), (1, 1));
}
