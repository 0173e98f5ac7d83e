//! The reader against the emulator: good days and bad ones.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;
use wattribute_domain::{Quantity, SeriesInfo};

use super::emulator::{Emulator, ID, KEY, Mood};
use crate::adapters::tuya::codec::Version;
use crate::adapters::tuya::frame::command;
use crate::adapters::tuya::{Config, Times, read};
use crate::adapters::{Adapter, Event, Fleet};

const PATIENCE: Duration = Duration::from_secs(20);

pub fn quick() -> Times {
    Times {
        connect: Duration::from_secs(2),
        answer: Duration::from_millis(1500),
        heartbeat: Duration::from_millis(60),
        settle: Duration::from_millis(30),
        broadcast: Duration::from_millis(300),
        left_alone: Duration::from_secs(600),
        again: Duration::from_millis(20),
    }
}

/// What is heard of a fleet.
pub struct Listener {
    fleet: Fleet,
    pub series: Vec<SeriesInfo>,
    pub readings: Vec<(Quantity, f64)>,
    pub texts: Vec<String>,
}

impl Listener {
    pub fn of(config: &Config) -> Self {
        let (fleet, wrong) = read(config, &[]);
        assert!(wrong.is_empty(), "{wrong:?}");
        Listener { fleet, series: Vec::new(), readings: Vec::new(), texts: Vec::new() }
    }

    pub fn device(emulator: &Emulator, more: Value) -> Self {
        Listener::of(&config(emulator, more))
    }

    pub fn troubles(&self) -> String {
        self.fleet.troubles().values().cloned().collect::<Vec<_>>().join("; ")
    }

    /// Hears until what was heard is as wanted.
    pub async fn until(&mut self, what: &str, mut is_wanted: impl FnMut(&Listener) -> bool) {
        let heard = async {
            while !is_wanted(self) {
                for event in self.fleet.next().await.unwrap() {
                    match event {
                        Event::Series { key, info } => {
                            self.series.truncate(key as usize);
                            self.series.push(info);
                        }
                        Event::Reading { key, value, .. } => self.readings.push((self.series[key as usize].quantity, value)),
                        Event::Payload { text, .. } => self.texts.push(text),
                        _ => {}
                    }
                }
            }
        };
        if timeout(PATIENCE, heard).await.is_err() {
            panic!("{what} was not heard: {:?} {}", self.readings, self.troubles());
        }
    }

    pub fn powers(&self) -> Vec<f64> {
        self.readings.iter().filter(|(quantity, _)| *quantity == Quantity::PowerW).map(|(_, value)| *value).collect()
    }

    pub async fn until_power(&mut self, wanted: f64) {
        let before = self.powers().len();
        self.until(&format!("{wanted} W"), |heard| heard.powers()[before..].contains(&wanted)).await;
    }

    pub async fn until_trouble(&mut self, text: &str) {
        self.until(text, |heard| heard.troubles().contains(text)).await;
    }
}

pub fn config(emulator: &Emulator, more: Value) -> Config {
    let mut device = json!({"id": ID, "name": "Desk", "local_key": KEY, "host": format!("127.0.0.1:{}", emulator.port), "version": emulator.version.name()});
    device.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Config {
        devices: vec![serde_json::from_value(device).unwrap()],
        every: Duration::from_millis(250),
        times: quick(),
        ..Config::default()
    }
}

fn plug() -> Value {
    json!({"1": true, "9": 0, "18": 131, "19": 155, "20": 2357})
}

#[rstest]
#[case(Version::V31)]
#[case(Version::V32)]
#[case(Version::V33)]
#[case(Version::V34)]
#[case(Version::V35)]
#[tokio::test]
async fn each_version_is_asked_kept_alive_and_heard_by_itself(#[case] version: Version) {
    let emulator = Emulator::start(version, Mood::Good, plug()).await;
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until_power(15.5).await;
    let of = |quantity| heard.readings.iter().find(|(found, _)| *found == quantity).map(|(_, value)| *value);
    assert_eq!((of(Quantity::VoltageV), of(Quantity::CurrentA), of(Quantity::Level)), (Some(235.7), Some(0.131), Some(1.0)));
    emulator.set(json!({"19": 200}));
    heard.until_power(20.0).await;
    emulator.push(json!({"19": 2000}));
    heard.until_power(200.0).await;
    heard.until("a heartbeat", |_| emulator.state().heard.contains(&command::HEART_BEAT)).await;
    let state = emulator.state();
    assert_eq!(state.connections, 1, "one connection is kept");
    assert_eq!(state.heard.contains(&command::UPDATEDPS), version > Version::V31);
    assert!(heard.texts.iter().all(|text| !text.contains(KEY) && text.contains("\"19\"")), "{:?}", heard.texts);
}

#[rstest]
#[case(Version::V31)]
#[case(Version::V33)]
#[case(Version::V34)]
#[case(Version::V35)]
#[tokio::test]
async fn a_version_that_nobody_says_is_found(#[case] version: Version) {
    let emulator = Emulator::start(version, Mood::Good, plug()).await;
    let mut heard = Listener::device(&emulator, json!({"version": null}));
    heard.until_power(15.5).await;
    assert_eq!(heard.troubles(), "");
}

#[tokio::test]
async fn what_is_measured_only_when_it_is_asked_for_is_not_read_before() {
    let emulator = Emulator::start(Version::V33, Mood::Lazy, plug()).await;
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until("three readings", |heard| heard.powers().len() >= 3).await;
    assert!(heard.powers().iter().all(|power_w| *power_w == 15.5), "{:?}", heard.powers());
}

#[rstest]
#[case(plug(), json!([18, 19, 20]))]
#[case::plug_with_factors(json!({"1": true, "18": 131, "19": 155, "20": 2357, "22": 628, "23": 30636}), json!([18, 19, 20]))]
#[case::switch_in_the_wall(json!({"1": true, "20": 12, "21": 131, "22": 155, "23": 2357}), json!([21, 22, 23]))]
#[tokio::test]
async fn what_is_there_is_what_is_asked_to_be_measured(#[case] dps: Value, #[case] asked: Value) {
    let emulator = Emulator::start(Version::V33, Mood::Good, dps).await;
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until_power(15.5).await;
    heard.until("the second question", |_| emulator.state().heard.iter().filter(|about| **about == command::DP_QUERY).count() > 1).await;
    assert_eq!(emulator.state().measures, asked);
}

#[tokio::test]
async fn a_few_dps_are_not_understood_before_all_are_known() {
    let emulator = Emulator::start(Version::V33, Mood::Lazy, json!({"1": true, "4": 134, "5": 120, "6": 1231})).await;
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until("three readings", |heard| heard.powers().len() >= 3).await;
    assert!(heard.powers().iter().all(|power_w| *power_w == 12.0), "{:?}", heard.powers());
}

#[tokio::test]
async fn one_of_which_nothing_is_understood_is_told_with_what_would_help() {
    let emulator = Emulator::start(Version::V34, Mood::Good, json!({"101": "a", "103": 7})).await;
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until_trouble("none of its dps is understood (`101, 103`): say in `dps`").await;
    let mut heard = Listener::device(&emulator, json!({"dps": {"power_w": {"dp": 103}}}));
    heard.until_power(7.0).await;
}

#[rstest]
#[case(Version::V33)]
#[case(Version::V34)]
#[case(Version::V35)]
#[tokio::test]
async fn one_that_wants_each_dp_named_is_asked_so(#[case] version: Version) {
    let emulator = Emulator::start(version, Mood::ByName, plug()).await;
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until_power(15.5).await;
    assert!(emulator.state().heard.contains(&command::CONTROL_NEW));
}

#[rstest]
#[case(Version::V33)]
#[case(Version::V35)]
#[tokio::test]
async fn one_that_knows_no_request_to_measure_is_not_asked_again(#[case] version: Version) {
    let emulator = Emulator::start(version, Mood::Wordy, plug()).await;
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until("five readings", |heard| heard.powers().len() >= 5).await;
    assert_eq!(emulator.state().heard.iter().filter(|about| **about == command::UPDATEDPS).count(), 1);
    assert_eq!(emulator.state().connections, 1);
}

#[tokio::test]
async fn one_that_ends_the_connection_when_asked_to_measure_is_not_asked_again() {
    let emulator = Emulator::start(Version::V33, Mood::MeasuresNothing, plug()).await;
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until("five readings", |heard| heard.powers().len() >= 5).await;
    assert_eq!(emulator.state().heard.iter().filter(|about| **about == command::UPDATEDPS).count(), 1);
    assert_eq!(emulator.state().connections, 2);
}

#[rstest]
#[case(Version::V33, Mood::Mute, "does not answer")]
#[case(Version::V34, Mood::Mute, "does not answer when a session is begun")]
#[case(Version::V33, Mood::Garbage, "makes no sense: a frame says that it is 4294967295 bytes long")]
#[case(Version::V35, Mood::Garbage, "makes no sense")]
#[case(Version::V33, Mood::Half, "ended the connection")]
#[case(Version::V35, Mood::Half, "ended the connection")]
#[tokio::test]
async fn a_bad_answer_is_named_and_a_good_one_is_read_again(#[case] version: Version, #[case] mood: Mood, #[case] says: &str) {
    let emulator = Emulator::start(version, mood, plug()).await;
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until_trouble(says).await;
    assert!(!heard.troubles().contains(KEY) && heard.powers().is_empty());
    emulator.state().mood = Mood::Good;
    heard.until_power(15.5).await;
    assert_eq!(heard.troubles(), "");
}

#[rstest]
#[case(Version::V33)]
#[case(Version::V34)]
#[case(Version::V35)]
#[tokio::test]
async fn a_wrong_key_is_named_and_the_device_is_left_alone(#[case] version: Version) {
    let emulator = Emulator::start(version, Mood::OtherKey, plug()).await;
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until_trouble("the local key is wrong: it changes when the device is paired again").await;
    assert!(!heard.troubles().contains(KEY));
    let connections = emulator.state().connections;
    let more = timeout(Duration::from_millis(600), heard.until("anything", |_| false)).await;
    assert!(more.is_err() && emulator.state().connections == connections, "it is not hammered");
}

#[tokio::test]
async fn one_that_goes_is_silent_and_is_read_again_when_it_comes_back() {
    let mut emulator = Emulator::start(Version::V34, Mood::Good, plug()).await;
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until_power(15.5).await;
    emulator.go();
    heard.until_trouble("cannot be reached").await;
    heard.until("silence", |heard| heard.powers().last().is_some_and(|power| power.is_nan())).await;
    assert_eq!(heard.powers().iter().filter(|power| power.is_nan()).count(), 1, "said once");
    emulator.set(json!({"19": 7}));
    emulator.come().await;
    heard.until_power(0.7).await;
    assert_eq!(heard.troubles(), "");
}

#[tokio::test]
async fn a_counter_that_begins_again_is_said_as_it_is() {
    let dps = json!({"1": 20_875, "6": "CRwABN0AAOc=", "16": true});
    let emulator = Emulator::start(Version::V33, Mood::Good, dps).await;
    let mut heard = Listener::device(&emulator, json!({"kind": "breaker"}));
    let counts = |heard: &Listener| -> Vec<f64> {
        heard.readings.iter().filter(|(quantity, _)| *quantity == Quantity::EnergyImportKwh).map(|(_, value)| *value).collect()
    };
    heard.until("the counter", |heard| counts(heard).contains(&208.75)).await;
    emulator.push(json!({"1": 3}));
    heard.until("the new count", |heard| counts(heard).last() == Some(&0.03)).await;
}

#[tokio::test]
async fn what_is_behind_a_gateway_is_not_taken_for_the_gateway() {
    let emulator = Emulator::start(Version::V33, Mood::Good, plug()).await;
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until_power(15.5).await;
    for child in [json!({"cid": "a4c138", "dps": {"19": 9999}}), json!({"data": {"cid": "a4c138", "dps": {"19": 9999}}})] {
        let before = heard.powers().len();
        emulator.say(child);
        heard.until("more", |heard| heard.powers().len() >= before + 2).await;
    }
    assert!(heard.powers().iter().all(|power_w| *power_w == 15.5), "{:?}", heard.powers());
    assert!(heard.series.iter().all(|info| info.identity == ID && info.device == "desk"));
}

#[tokio::test]
async fn one_that_refuses_connections_is_told() {
    let mut emulator = Emulator::start(Version::V33, Mood::Good, plug()).await;
    emulator.go();
    let mut heard = Listener::device(&emulator, json!({}));
    heard.until_trouble("see that it has power and that this is its address").await;
    assert!(heard.readings.is_empty());
}
