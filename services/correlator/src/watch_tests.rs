//! A small house, lived through second by second.

use std::collections::BTreeMap;

use super::*;
use wattribute_domain::{CorrelationVerdict, Hold, Quantity, Reading, Role, SeriesInfo, Stage, Verdict};
use wattribute_store::{Batch, CorrelationQuery, Origin};

const START_MS: i64 = 1_790_000_000_000;

/// A house with a meter every 5 s, 2 W of noise, a kettle and a lamp.
struct House {
    store: Arc<dyn Store>,
    watch: Watch,
    ids: Vec<SeriesId>,
    now_ms: i64,
    _folder: tempfile::TempDir,
}

/// A reading as it is said: series, instant, value.
type Said = (usize, i64, f64);

fn meter_w(at_ms: i64, on: &[bool; 2]) -> f64 {
    let noise = ((at_ms / 5000).wrapping_mul(2_654_435_761) >> 7).rem_euclid(9) as f64 / 2.0 - 2.0;
    200.0 + noise + if on[0] { 2000.0 } else { 0.0 } + if on[1] { 12.0 } else { 0.0 }
}

/// What everyone says from second `from` to second `to`: `switched` at these seconds, the meter 2 s late.
fn said(from: i64, to: i64, switched: &[(i64, usize, bool)]) -> Vec<Said> {
    let mut out = Vec::new();
    let is_on = |k: usize, at: i64| switched.iter().rfind(|s| s.1 == k && s.0 <= at).is_some_and(|s| s.2);
    for second in from..to {
        let at_ms = START_MS + second * 1000;
        out.extend(switched.iter().filter(|s| s.0 == second).map(|s| (s.1 + 1, at_ms + 137, f64::from(u8::from(s.2)))));
        if second % 5 == 0 {
            out.push((0, at_ms, meter_w(at_ms, &[is_on(0, second - 2), is_on(1, second - 2)])));
        }
    }
    out
}

impl House {
    async fn new() -> Self {
        Self::metered_by(SeriesInfo::new("home_assistant", "sensor.house_power", Quantity::PowerW), Some("sensor.house_power")).await
    }

    async fn metered_by(meter: SeriesInfo, named: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = wattribute_store::open(&format!("sqlite:{}", folder.path().join("a.db").display()), Origin::Home).unwrap();
        let info = |device: &str, quantity| SeriesInfo::new("home_assistant", device, quantity);
        let mut series = vec![meter, info("switch.kettle", Quantity::Level), info("light.hall", Quantity::Level)];
        for level in &mut series[1..] {
            level.mode("on");
        }
        let ids = store.describe(series).await.unwrap();
        let watch = Self::watch_named(&store, named).await;
        House { store, watch, ids, now_ms: START_MS, _folder: folder }
    }

    async fn watch(store: &Arc<dyn Store>) -> Watch {
        Self::watch_named(store, Some("sensor.house_power")).await
    }

    async fn watch_named(store: &Arc<dyn Store>, named: Option<&str>) -> Watch {
        let config = Config { meter: named.map(str::to_owned), ..Config::default() };
        let live = Live::begin(store.clone(), config.lookback_minutes).await.unwrap();
        let health = Health::default();
        let publisher = Publisher::new(config.publish.clone(), None, None, store.clone(), &health, false);
        Watch::new(live, store.clone(), publisher, health, false, config)
    }

    async fn write(&self, rows: &[Said]) {
        let readings = rows.iter().map(|&(k, at_ms, value)| Reading { series: self.ids[k], at_ms, value }).collect();
        self.store.write(Batch { readings, ..Batch::default() }).await.unwrap();
    }

    /// Lets time pass, a second at a time, while this is said.
    async fn live(&mut self, seconds: i64, rows: &[Said]) {
        for _ in 0..seconds {
            let until_ms = self.now_ms + 1000;
            let due: Vec<Said> = rows.iter().filter(|r| (self.now_ms..until_ms).contains(&r.1)).copied().collect();
            if !due.is_empty() {
                self.write(&due).await;
            }
            self.now_ms = until_ms;
            self.settle().await;
        }
    }

    /// One step, and learning where it has begun.
    async fn settle(&mut self) {
        self.watch.step(self.now_ms).await.unwrap();
        while self.watch.learning.as_ref().is_some_and(|l| !l.is_finished()) {
            tokio::task::yield_now().await;
        }
    }

    /// Steps until the past is joined.
    async fn catch_up(&mut self) {
        for _ in 0..30 {
            self.now_ms += 1000;
            self.settle().await;
        }
        assert_eq!(self.watch.live.backlog_s(), 0.0);
    }

    async fn rows(&self) -> Vec<CorrelationRecord> {
        let all = CorrelationQuery::all(0, i64::MAX);
        self.store.correlations(all).await.unwrap()
    }

    async fn finals(&self) -> BTreeMap<(i64, SeriesId), (CorrelationVerdict, i64)> {
        let rows = self.rows().await.into_iter().filter(|r| r.stage == Stage::Final);
        rows.map(|r| ((r.at_ms, r.series), (r.verdict, if r.power_delta_w().is_nan() { 0 } else { r.power_delta_w().round() as i64 })))
            .collect()
    }
}

/// The kettle for 90 s every 10 minutes, the lamp for 4 minutes in between.
fn habits(minutes: i64) -> Vec<(i64, usize, bool)> {
    let mut switched: Vec<(i64, usize, bool)> = (0..minutes / 10)
        .flat_map(|k| {
            let at = k * 600 + 60 + k % 7;
            [(at, 0, true), (at + 90, 0, false), (at + 200, 1, true), (at + 440, 1, false)]
        })
        .collect();
    switched.sort_unstable();
    [vec![(0, 0, false), (0, 1, false)], switched].concat()
}

#[rstest::rstest]
#[case(Some("tasmota/mt681"))]
#[case(Some("tasmota"))]
#[case(None)]
#[tokio::test]
async fn a_meter_of_another_source_tells_what_home_assistants_switches_draw(#[case] named: Option<&str>) {
    let of_meter =
        |quantity| SeriesInfo { hold: Hold::Intervals, role: Some(Role::WholeHouse), ..SeriesInfo::new("tasmota", "mt681", quantity) };
    let mut house = House::metered_by(of_meter(Quantity::PowerW), named).await;
    house.store.describe(vec![of_meter(Quantity::EnergyImportKwh), of_meter(Quantity::EnergyExportKwh)]).await.unwrap();
    let rows = said(0, 1500, &[(0, 0, false), (0, 1, false), (300, 0, true)]);
    house.live(300, &rows).await;
    let (_, final_s) = house.watch.live.learned.as_ref().unwrap().model.delays_s();
    house.live(final_s as i64 + 15, &rows).await;
    let finals: Vec<_> = house.finals().await.into_values().collect();
    assert!(matches!(finals[..], [(CorrelationVerdict::Clean, 1995..=2005)]), "{finals:?}");
    assert_eq!(house.watch.live.learned.as_ref().unwrap().meter, "tasmota.mt681");
}

#[tokio::test]
async fn a_polled_meter_that_falls_silent_leaves_a_house_that_is_silent() {
    let meter = SeriesInfo { hold: Hold::Intervals, role: Some(Role::WholeHouse), ..SeriesInfo::new("http", "p1", Quantity::PowerW) };
    let mut house = House::metered_by(meter, Some("http/p1")).await;
    let (before, after) = (said(0, 600, &[]), said(1200, 1500, &[]));
    house.live(600, &before).await;
    assert!(house.watch.live.power_w().is_some());
    // Its last was said at 595 s, and it speaks every 5 s.
    house.live(20, &[]).await;
    let power = async |house: &House| house.store.readings(house.watch.live.house, START_MS, i64::MAX).await.unwrap();
    let rows = power(&house).await;
    assert_eq!(house.watch.live.power_w(), None);
    assert_eq!((rows.at(START_MS + 609_000), rows.at(START_MS + 610_000)), (rows.at(START_MS + 595_000), None), "{rows:?}");
    // For longer than the latest minutes are looked at.
    house.live(580, &[]).await;
    assert_eq!(power(&house).await.at(house.now_ms), None);
    house.live(300, &after).await;
    let rows = power(&house).await;
    assert_eq!([610, 900, 1199].map(|s| rows.at(START_MS + s * 1000)), [None; 3], "{rows:?}");
    assert!(rows.at(START_MS + 1_200_000).is_some() && house.watch.live.power_w().is_some());
}

#[tokio::test]
async fn a_switch_is_provisional_and_then_final() {
    let mut house = House::new().await;
    let switched = [(0, 0, false), (0, 1, false), (300, 0, true)];
    let rows = said(0, 600, &switched);
    house.live(300, &rows).await;
    assert_eq!(house.rows().await.len(), 0);
    let (provisional_s, final_s) = house.watch.live.learned.as_ref().unwrap().model.delays_s();
    house.live(provisional_s as i64 + 5, &rows).await;
    let first = house.rows().await;
    assert_eq!((first.len(), first[0].stage), (1, Stage::Provisional));
    house.live((final_s - provisional_s) as i64 + 5, &rows).await;
    let last = house.rows().await;
    assert_eq!((last.len(), last[0].stage, last[0].verdict), (1, Stage::Final, CorrelationVerdict::Clean));
    assert!((last[0].power_delta_w() - 2000.0).abs() < 5.0, "{last:?}");
    assert_eq!(house.watch.last_correlation.as_ref().unwrap().entity_id, "switch.kettle");
}

#[tokio::test]
async fn what_was_lived_through_and_what_came_at_once_give_the_same_rows() {
    let minutes = 100;
    let rows = said(0, minutes * 60, &habits(minutes));
    let mut lived = House::new().await;
    lived.live(minutes * 60, &rows).await;
    lived.catch_up().await;

    let mut at_once = House::new().await;
    let (late, early): (Vec<Said>, Vec<Said>) = rows.iter().partition(|r| r.1 / 1_000_000 % 2 == 0);
    at_once.now_ms = lived.now_ms;
    at_once.write(&late).await;
    at_once.catch_up().await;
    at_once.write(&early).await;
    at_once.catch_up().await;
    let (lived, same) = (lived.finals().await, at_once.finals().await);
    assert!(lived.keys().eq(same.keys()), "{lived:?}\n{same:?}");
    for (a, b) in lived.values().zip(same.values()) {
        // The meter is known a little better in the end than it was at first.
        assert!(a.0 == b.0 && (a.1 - b.1).abs() <= 3, "{lived:?}\n{same:?}");
    }

    let before = at_once.rows().await;
    at_once.write(&late).await; // once more
    at_once.watch = House::watch(&at_once.store).await; // and a restart
    at_once.catch_up().await;
    assert_eq!(before.len(), at_once.rows().await.len());
    let counts = at_once.store.correlation_counts(i64::MIN, 10.0).await.unwrap();
    assert_eq!(counts.events, 40, "every change is counted once");
}

#[tokio::test]
async fn devices_are_learned_and_their_energy_counted() {
    let minutes = 300;
    let mut house = House::new().await;
    house.now_ms = START_MS + minutes * 60_000;
    house.write(&said(0, minutes * 60, &habits(minutes))).await;
    house.catch_up().await;
    let profiles: BTreeMap<SeriesId, ProfileOf> =
        house.store.profiles().await.unwrap().into_iter().map(|p| (p.series, (p.profile.verdict, p.profile.power_w))).collect();
    let (verdict, power_w) = profiles[&house.ids[1]];
    assert!(verdict == Verdict::Learned && (power_w.unwrap() - 2000.0).abs() < 5.0, "{profiles:?}");
    assert!((profiles[&house.ids[2]].1.unwrap() - 12.0).abs() < 1.0, "{profiles:?}");
    let total: BTreeMap<SeriesId, f64> = house.store.total_energy(i64::MAX).await.unwrap().into_iter().collect();
    let kettle_kwh = 30.0 * 90.0 * 2000.0 / 3.6e6;
    assert!((total[&house.ids[1]] / kettle_kwh - 1.0).abs() < 0.02, "{total:?}");
    let house_kwh = total[&house.watch.live.house];
    assert!((house_kwh - kettle_kwh - 30.0 * 240.0 * 12.0 / 3.6e6 - 5.0 * 0.2).abs() < 0.02, "{house_kwh}");
    let now = present(&house.watch.live, &mut Energies::default(), None, false, house.now_ms);
    assert_eq!(now.devices.len(), 2);
    assert_eq!(now.devices.iter().map(|d| d.power_w).collect::<Vec<_>>(), [Some(0.0), Some(0.0)]);
}

#[tokio::test]
async fn a_second_meter_of_the_house_is_compared() {
    let mut house = House::new().await;
    let info = SeriesInfo { role: Some(wattribute_domain::Role::WholeHouse), ..SeriesInfo::new("shelly", "em", Quantity::PowerW) };
    let other = house.store.describe(vec![info]).await.unwrap()[0];
    let minutes = 200;
    let rows = said(0, minutes * 60, &habits(minutes));
    house.write(&rows).await;
    let second = rows.iter().filter(|r| r.0 == 0).map(|r| Reading { series: other, at_ms: r.1 + 3000, value: 0.98 * r.2 });
    house.store.write(Batch { readings: second.collect(), ..Batch::default() }).await.unwrap();
    house.now_ms = START_MS + minutes * 60_000;
    house.catch_up().await;
    let kept = house.store.document(crate::second_meter::DOCUMENT).await.unwrap().unwrap();
    let found: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert_eq!((found[0]["meter"].as_str(), found[0]["other"].as_str()), (Some("sensor.house_power"), Some("shelly.em")));
    assert!((found[0]["days"][0]["ratio"].as_f64().unwrap() - 0.98).abs() < 0.01, "{found}");
    assert!((found[0]["days"][0]["lag_s"].as_f64().unwrap() - 3.0).abs() <= 2.0, "{found}");
}

type ProfileOf = (Verdict, Option<f64>);

#[tokio::test]
async fn a_change_that_comes_late_retracts_what_was_said_without_it() {
    let mut house = House::new().await;
    let switched = [(0, 0, false), (0, 1, false), (300, 0, true), (302, 1, true)];
    let rows = said(0, 600, &switched);
    let (lamp, others): (Vec<Said>, Vec<Said>) = rows.iter().partition(|r| r.0 == 2 && r.2 > 0.0);
    house.live(500, &others).await;
    assert_eq!(house.rows().await.iter().map(|r| r.verdict).collect::<Vec<_>>(), [CorrelationVerdict::Clean]);
    house.write(&lamp).await;
    house.live(5, &others).await;
    assert_eq!(house.rows().await.iter().map(|r| r.verdict).collect::<Vec<_>>(), [CorrelationVerdict::Overlapping; 2]);
}

#[tokio::test]
async fn what_the_owner_says_is_learned_around_at_once_and_for_good() {
    use wattribute_domain::OwnerWord;

    let minutes = 300;
    let mut house = House::new().await;
    house.now_ms = START_MS + minutes * 60_000;
    house.write(&said(0, minutes * 60, &habits(minutes))).await;
    house.catch_up().await;
    let (kettle, lamp) = (house.ids[1], house.ids[2]);
    let rows = house.rows().await.len();
    let say = async |house: &mut House, word: OwnerWord| {
        let words = OwnerWords::from([("light.hall".to_owned(), OwnerWord { said_at_ms: house.now_ms, ..word })]);
        wattribute_store::put_owner_words(&*house.store, words).await.unwrap();
        house.catch_up().await;
    };
    let learned = async |house: &House| -> BTreeMap<SeriesId, wattribute_domain::ProfileRecord> {
        house.store.profiles().await.unwrap().into_iter().map(|p| (p.series, p)).collect()
    };

    say(&mut house, OwnerWord { power_w: Some(9.0), name: Some("Hall lamp".to_owned()), ..OwnerWord::default() }).await;
    let said_ms = house.now_ms - 30_000;
    for _ in 0..3 {
        let profiles = learned(&house).await;
        assert!(profiles[&lamp].learned_at_ms >= said_ms, "it did not wait for its hour");
        assert_eq!((profiles[&lamp].profile.verdict, profiles[&lamp].profile.power_w), (Verdict::Stated, Some(9.0)));
        assert!((profiles[&kettle].profile.power_w.unwrap() - 2000.0).abs() < 5.0);
        house.watch.begin_learning(house.now_ms);
        house.catch_up().await;
    }
    let now = present(&house.watch.live, &mut Energies::default(), None, false, house.now_ms);
    let shown = now.devices.iter().find(|d| d.series == lamp).unwrap();
    assert_eq!((shown.name.as_str(), shown.verdict), ("Hall lamp", Verdict::Stated));
    assert!((shown.recent_energy_kwh - 0.0).abs() < 1e-9 && shown.power_w == Some(0.0), "off");
    let total: BTreeMap<SeriesId, f64> = house.store.total_energy(i64::MAX).await.unwrap().into_iter().collect();
    assert!((total[&lamp] / (30.0 * 240.0 * 9.0 / 3.6e6) - 1.0).abs() < 0.03, "{total:?}");

    say(&mut house, OwnerWord { has_load: Some(false), ..OwnerWord::default() }).await;
    let profile = learned(&house).await.remove(&lamp).unwrap().profile;
    assert_eq!((profile.verdict, profile.power_w, profile.events_total), (Verdict::NoLoad, Some(0.0), 60));
    assert!(house.rows().await.iter().all(|row| row.series == kettle), "its changes are not looked at");
    let total: BTreeMap<SeriesId, f64> = house.store.total_energy(i64::MAX).await.unwrap().into_iter().collect();
    assert_eq!(total.get(&lamp).copied().unwrap_or(0.0), 0.0);
    house.watch = House::watch(&house.store).await; // and a restart
    house.catch_up().await;
    assert_eq!(learned(&house).await[&lamp].profile.verdict, Verdict::NoLoad);

    say(&mut house, OwnerWord::default()).await;
    let profile = learned(&house).await.remove(&lamp).unwrap().profile;
    assert!(profile.verdict == Verdict::Learned && (profile.power_w.unwrap() - 12.0).abs() < 1.0, "{profile:?}");
    assert_eq!(house.rows().await.len(), rows);
}

#[tokio::test]
async fn the_meter_that_the_owner_chooses_is_taken_within_seconds_and_learned_anew() {
    let minutes = 300;
    let mut house = House::new().await;
    let half = house.store.describe(vec![SeriesInfo::new("home_assistant", "sensor.half", Quantity::PowerW)]).await.unwrap()[0];
    house.now_ms = START_MS + minutes * 60_000;
    let rows = said(0, minutes * 60, &habits(minutes));
    house.write(&rows).await;
    let halves = rows.iter().filter(|r| r.0 == 0).map(|r| Reading { series: half, at_ms: r.1, value: r.2 / 2.0 });
    house.store.write(Batch { readings: halves.collect(), ..Batch::default() }).await.unwrap();
    let choose = async |house: &mut House, meter: Option<&str>| {
        let choice = HomeChoice { meter: meter.map(str::to_owned), ..HomeChoice::default() };
        wattribute_store::set_home_choice(&*house.store, &choice).await.unwrap();
        house.catch_up().await;
        let record = wattribute_store::house(&*house.store).await.unwrap().unwrap();
        let kettle = house.store.profiles().await.unwrap().into_iter().find(|p| p.series == house.ids[1]).unwrap();
        let last_w = house.store.readings(record.series, START_MS + 600_000, house.now_ms).await.unwrap().value[0];
        (record, kettle.profile.power_w.unwrap(), last_w)
    };
    house.watch.config.meter = None;
    let (record, kettle_w, house_w) = choose(&mut house, Some("sensor.half")).await;
    assert_eq!((record.label.as_str(), record.why.as_str()), ("sensor.half", "it was named in the settings"));
    assert!((kettle_w - 1000.0).abs() < 5.0 && (house_w - 100.0).abs() < 3.0, "{kettle_w} {house_w}");
    assert!((record.lag_s.unwrap() - 2.0).abs() < 3.0, "{record:?}");

    let (record, kettle_w, house_w) = choose(&mut house, Some("sensor.house_power - sensor.half + sensor.half")).await;
    assert_eq!(record.label, "sensor.house_power - sensor.half + sensor.half");
    assert!((kettle_w - 2000.0).abs() < 10.0 && (house_w - 200.0).abs() < 5.0, "the past is joined anew: {kettle_w} {house_w}");

    let (record, kettle_w, _) = choose(&mut house, Some("sensor.gone")).await;
    assert!(record.label.contains("sensor.half") && record.why.contains("sensor.gone"), "{record:?}");
    assert!((kettle_w - 2000.0).abs() < 10.0);

    let (record, _, _) = choose(&mut house, None).await;
    assert_eq!(record.label, "sensor.house_power", "it is found by itself: {record:?}");

    house.watch.config.meter = Some("sensor.house_power".to_owned());
    let (record, _, _) = choose(&mut house, Some("sensor.half")).await;
    assert_eq!(record.label, "sensor.house_power", "what the configuration says wins");
}
