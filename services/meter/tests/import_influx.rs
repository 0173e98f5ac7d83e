//! The past out of a real InfluxDB 1.x (`influxd` in the path), in the layouts of Home Assistant's integration and of HomeIQ.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(dead_code, reason = "the store's tests use all of it")]
#[path = "../../store/tests/common/backend.rs"]
mod backend;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use backend::Server;
use reqwest::Url;
use wattribute_domain::{Quantity, Role, SeriesInfo};
use wattribute_meter::import::{Influx, Summary, import_influx};
use wattribute_store::influx::Account;
use wattribute_store::{Origin, Settings, Store};

/// Where the SQLite file of a backend is.
fn url(folder: &Path) -> String {
    format!("sqlite:{}/home.db", folder.display())
}

struct Home {
    server: Server,
    store: Arc<dyn Store>,
    _folder: tempfile::TempDir,
}

/// 2026-01-05T00:00:00Z, ms.
const START: i64 = 1_767_571_200_000;

impl Home {
    fn new() -> Option<Home> {
        let server = Server::start()?;
        let folder = tempfile::tempdir().unwrap();
        let store = wattribute_store::open(&url(folder.path()), Origin::Home).unwrap();
        Some(Home { server, store, _folder: folder })
    }

    /// Writes lines with instants in s after the start.
    async fn has(&self, database: &str, lines: &str) {
        let mut body = String::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (rest, at_s) = line.rsplit_once(' ').unwrap();
            let ns = START as i128 * 1_000_000 + (at_s.parse::<f64>().unwrap() * 1e9) as i128;
            writeln!(body, "{rest} {ns}").unwrap();
        }
        let http = reqwest::Client::new();
        let at =
            |path: &str, key: &str, value: &str| Url::parse_with_params(&format!("{}/{path}", self.server.url), [(key, value)]).unwrap();
        let create = at("query", "q", &format!("CREATE DATABASE \"{database}\""));
        // The status is told before the database is made.
        let made = http.post(create).send().await.unwrap().text().await.unwrap();
        assert!(!made.contains("error"), "{made}");
        let answer = http.post(at("write", "db", database)).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 204, "{:?}", answer.text().await);
    }

    fn from(&self, buckets: &[&str]) -> Influx {
        let buckets = buckets.iter().map(|&name| name.to_owned()).collect();
        Influx { url: self.server.url.clone(), account: Account::default(), buckets, meter: None }
    }

    async fn read(&self, buckets: &[&str]) -> Summary {
        import_influx(&self.from(buckets), &*self.store).await.unwrap()
    }

    async fn of(&self, source: &str, device: &str, quantity: Quantity) -> Option<(SeriesInfo, Vec<(f64, f64)>)> {
        let all = self.store.series().await.unwrap();
        let (id, info) = all.into_iter().find(|(_, i)| i.source == source && i.device == device && i.quantity == quantity)?;
        let rows = self.store.readings(id, 0, i64::MAX).await.unwrap();
        Some((info, rows.at_ms.into_iter().map(|at| (at - START) as f64 / 1000.0).zip(rows.value).collect()))
    }

    async fn rows(&self, device: &str, quantity: Quantity) -> Vec<(f64, f64)> {
        let found = self.of("home_assistant", device, quantity).await;
        found.unwrap_or_else(|| panic!("there is no {device}")).1
    }
}

#[tokio::test]
async fn what_home_assistants_integration_wrote_is_read() {
    let Some(home) = Home::new() else { return };
    home.has(
        "home_assistant",
        r#"
        W,domain=sensor,entity_id=house_power value=250.5,friendly_name_str="House, all",device_class_str="power",state_class_str="measurement" 0
        W,domain=sensor,entity_id=house_power value=1250.5,friendly_name_str="House, all",device_class_str="power",state_class_str="measurement" 10.25
        kW,domain=sensor,entity_id=oven_power value=1.5,friendly_name_str="Oven",device_class_str="power" 5
        Wh,domain=sensor,entity_id=house_energy value=123456,device_class_str="energy" 7
        °C,domain=sensor,entity_id=room value=21.5,device_class_str="temperature" 7
        light.kitchen,domain=light,entity_id=kitchen state="off",value=0,friendly_name_str="Kitchen" 1
        light.kitchen,domain=light,entity_id=kitchen state="on",value=1,brightness=127.5,friendly_name_str="Kitchen" 2
        climate.heater,domain=climate,entity_id=heater state="heat",value=1,hvac_action_str="heating",temperature=21 3
        binary_sensor.door,domain=binary_sensor,entity_id=door state="on",value=1,device_class_str="door" 3
        sun.sun,domain=sun,entity_id=sun state="above_horizon",value=1 3
        "#,
    )
    .await;
    for _ in 0..2 {
        let summary = home.read(&["home_assistant"]).await;
        assert_eq!((summary.series, summary.readings, summary.notes.len()), (5, 7, 0), "{summary:?}");
        assert_eq!(summary.span_ms, Some((START, START + 10_250)));
    }
    assert_eq!(home.rows("sensor.house_power", Quantity::PowerW).await, [(0.0, 250.5), (10.25, 1250.5)]);
    assert_eq!(home.rows("sensor.oven_power", Quantity::PowerW).await, [(5.0, 1500.0)]);
    assert_eq!(home.rows("sensor.house_energy", Quantity::EnergyImportKwh).await, [(7.0, 123.456)]);
    assert_eq!(home.rows("light.kitchen", Quantity::Level).await, [(1.0, 0.0), (2.0, 0.5)]);
    let (heater, _) = home.of("home_assistant", "climate.heater", Quantity::Level).await.unwrap();
    assert_eq!(heater.modes.last().map(String::as_str), Some("heating"));
    let (house, _) = home.of("home_assistant", "sensor.house_power", Quantity::PowerW).await.unwrap();
    assert_eq!((house.name.as_deref(), house.device_class.as_deref()), (Some("House, all"), Some("power")));
    assert_eq!(home.store.series().await.unwrap().len(), 5);
}

#[tokio::test]
async fn measurements_are_called_as_the_owner_told_the_integration() {
    let Some(home) = Home::new() else { return };
    home.has(
        "by class",
        r#"
        sensor__power,domain=sensor,entity_id=a value=1,unit_of_measurement_str="kW" 0
        light,domain=light,entity_id=b state="on",value=1 0
        binary_sensor__plug,domain=binary_sensor,entity_id=c state="on",value=1 0
        binary_sensor__door,domain=binary_sensor,entity_id=d state="on",value=1 0
        "#,
    )
    .await;
    home.has(
        "by entity",
        r#"
        sensor.e,domain=sensor,entity_id=e value=12,unit_of_measurement_str="W",device_class_str="power" 0
        sensor.f_power,domain=sensor,entity_id=f_power value=13 0
        weather.home,domain=weather,entity_id=home state="sunny",temperature=7 0
        "#,
    )
    .await;
    home.has(
        "one",
        r#"
        states,domain=sensor,entity_id=g,unit_of_measurement=W value=14 0
        states,domain=switch,entity_id=h,device_class=outlet state="on",value=1 0
        states,domain=switch,entity_id=h,device_class=outlet,area=hall state="off",value=0 1
        "#,
    )
    .await;
    // All that are there.
    let summary = home.read(&[]).await;
    assert_eq!((summary.series, summary.readings), (7, 8), "{summary:?}");
    assert_eq!(home.rows("sensor.a", Quantity::PowerW).await, [(0.0, 1000.0)]);
    assert_eq!(home.rows("sensor.f_power", Quantity::PowerW).await, [(0.0, 13.0)]);
    assert_eq!(home.rows("sensor.g", Quantity::PowerW).await, [(0.0, 14.0)]);
    assert_eq!(home.rows("switch.h", Quantity::Level).await, [(0.0, 1.0), (1.0, 0.0)], "a tag that changed does not part it");
    assert_eq!(home.rows("binary_sensor.c", Quantity::Level).await, [(0.0, 1.0)]);
    assert!(home.of("home_assistant", "binary_sensor.d", Quantity::Level).await.is_none());
}

#[tokio::test]
async fn more_rows_than_are_asked_for_at_once_all_come() {
    let Some(home) = Home::new() else { return };
    let mut lines = String::new();
    for k in 0..25_000 {
        // Two within each ms: the later one counts, also where a page ends between them.
        writeln!(lines, "W,domain=sensor,entity_id=house value={} {}", 2 * k, k as f64).unwrap();
        writeln!(lines, "W,domain=sensor,entity_id=house value={} {}", 2 * k + 1, k as f64 + 0.0004).unwrap();
    }
    home.has("home_assistant", &lines).await;
    home.read(&["home_assistant"]).await;
    let rows = home.rows("sensor.house", Quantity::PowerW).await;
    assert_eq!(rows.len(), 25_000);
    assert!(rows.iter().enumerate().all(|(k, row)| *row == (k as f64, 2.0 * k as f64 + 1.0)));
}

const EVENTS: &str = r#"
    home_assistant_events,domain=light,entity_id=light.hall,event_type=state_changed state_value="on",previous_state="off",attributes="{\"brightness\": 255, \"friendly_name\": \"Hall\"}" 0
    home_assistant_events,domain=light,entity_id=light.hall,event_type=state_changed,area_id=hall state_value="{'entity_id': 'light.hall', 'state': 'off', 'attributes': {}}" 5
    home_assistant_events,domain=sensor,entity_id=sensor.power_oven,device_class=power state_value="1.5",attributes="{\"unit_of_measurement\": \"kW\", \"device_class\": \"power\"}" 2
    home_assistant_events,domain=sensor,entity_id=sensor.power_oven,device_class=power state_value="unavailable" 9
    home_assistant_events,domain=sensor,entity_id=sensor.room,device_class=temperature state_value="21" 2
"#;

const METER: &str = r#"
    smart_meter,meter_type=home_assistant total_power_w=2450,daily_kwh=18.5 0
    smart_meter,meter_type=home_assistant total_power_w=812,daily_kwh=3.5 300
    smart_meter,meter_type=home_assistant total_power_w=0,daily_kwh=0 600
    smart_meter,meter_type=home_assistant total_power_w=815,daily_kwh=3.6 900
    smart_meter_circuit,circuit_name=HVAC power_w=1200,percentage=49 0
    smart_meter_circuit,circuit_name=sensor.power_oven power_w=1.5,percentage=0.2 300
    smart_meter_circuit,circuit_name=sensor.power_sauna power_w=0,percentage=0 300
    smart_meter_circuit,circuit_name=Garage power_w=40,percentage=5 300
    event_energy_correlation,entity_id=light.hall,domain=light power_delta_w=5 0
"#;

#[tokio::test]
async fn what_homeiq_wrote_is_read_and_what_it_made_up_is_not() {
    let Some(home) = Home::new() else { return };
    home.has("home_assistant_events", EVENTS).await;
    home.has("smart_meter_data", METER).await;
    for _ in 0..2 {
        let summary = home.read(&[]).await;
        let expected = [
            "1 readings of smart_meter were left out: HomeIQ made them up where it knew no power",
            "1 readings of 0 W of smart_meter were left out: HomeIQ writes them where the sensor says nothing",
            "smart_meter_circuit sensor.power_oven was left out: its own states are there",
            "smart_meter_circuit sensor.power_sauna was taken to be in W: HomeIQ does not look at units",
        ];
        assert_eq!(summary.notes, expected);
    }
    assert_eq!(home.rows("light.hall", Quantity::Level).await, [(0.0, 1.0), (5.0, 0.0)]);
    let oven = home.rows("sensor.power_oven", Quantity::PowerW).await;
    assert_eq!(oven[0], (2.0, 1500.0));
    assert!(oven.len() == 2 && oven[1].0 == 9.0 && oven[1].1.is_nan(), "{oven:?}");
    assert_eq!(home.rows("sensor.power_sauna", Quantity::PowerW).await, [(300.0, 0.0)], "a circuit may well draw nothing");
    let (meter, rows) = home.of("homeiq", "smart_meter", Quantity::PowerW).await.unwrap();
    assert_eq!((meter.role, rows), (Some(Role::WholeHouse), vec![(300.0, 812.0), (900.0, 815.0)]));
    let (_, kwh) = home.of("homeiq", "smart_meter", Quantity::EnergyImportKwh).await.unwrap();
    assert_eq!(kwh, [(300.0, 3.5), (900.0, 3.6)]);
    assert_eq!(home.of("homeiq", "Garage", Quantity::PowerW).await.unwrap().0.role, Some(Role::Circuit));
    assert!(home.of("homeiq", "HVAC", Quantity::PowerW).await.is_none());
}

#[tokio::test]
async fn the_house_of_homeiq_goes_on_as_the_sensor_that_it_was_of() {
    let Some(home) = Home::new() else { return };
    home.has("smart_meter_data", METER).await;
    // The first of those that HomeIQ looks for is known live.
    let live = |id: &str, quantity| SeriesInfo { identity: format!("unique {id}"), ..SeriesInfo::new("home_assistant", id, quantity) };
    home.store.describe(vec![live("sensor.home_power", Quantity::PowerW), live("sensor.main_power", Quantity::PowerW)]).await.unwrap();
    home.read(&["smart_meter_data"]).await;
    assert_eq!(home.rows("sensor.home_power", Quantity::PowerW).await, [(300.0, 812.0), (900.0, 815.0)]);
    let named = Influx { meter: Some("sensor.main_power".to_owned()), ..home.from(&["smart_meter_data"]) };
    import_influx(&named, &*home.store).await.unwrap();
    assert_eq!(home.rows("sensor.main_power", Quantity::PowerW).await.len(), 2);
    assert!(home.of("homeiq", "smart_meter", Quantity::PowerW).await.is_none());
}

#[tokio::test]
async fn a_house_in_kilowatts_is_told_by_never_drawing_as_much_as_a_house() {
    let Some(home) = Home::new() else { return };
    let lines = "smart_meter,meter_type=x total_power_w=0.4,daily_kwh=0 0\nsmart_meter,meter_type=x total_power_w=2450,daily_kwh=18.5 1\n\
        smart_meter,meter_type=x total_power_w=9.5,daily_kwh=0 300";
    home.has("smart_meter_data", lines).await;
    let summary = home.read(&[]).await;
    assert!(summary.notes[0].starts_with("smart_meter was taken to be in kW"), "{summary:?}");
    assert_eq!(home.of("homeiq", "smart_meter", Quantity::PowerW).await.unwrap().1, [(0.0, 400.0), (300.0, 9500.0)]);
}

#[tokio::test]
async fn a_bucket_that_is_the_store_itself_is_read_into_it_but_for_what_is_ours() {
    let Some(home) = Home::new() else { return };
    home.has("home_assistant_events", EVENTS).await;
    let settings = Settings { influx: Account::default(), ..Settings::forever() };
    let store = wattribute_store::open_with(&home.server.url, Origin::Home, settings).unwrap();
    let first = import_influx(&home.from(&[]), &*store).await.unwrap();
    assert_eq!((first.series, first.readings), (2, 4), "{first:?}");
    let again = import_influx(&home.from(&[]), &*store).await.unwrap();
    assert_eq!(again, first, "what was written is not read again");
    assert_eq!(store.series().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_bucket_without_anything_that_is_known_is_said_to_be() {
    let Some(home) = Home::new() else { return };
    home.has("weather", "rain,place=garden mm=3 0").await;
    let store = &*home.store;
    let why = |from: Influx| async move { import_influx(&from, store).await.unwrap_err().to_string() };
    let nothing = why(home.from(&[])).await;
    assert!(nothing.contains("nothing of Home Assistant or HomeIQ in weather: name the bucket"), "{nothing}");
    let missing = why(home.from(&["elsewhere"])).await;
    assert!(missing.contains("nothing of Home Assistant or HomeIQ in elsewhere (there is weather)"), "{missing}");
    assert!(home.store.series().await.unwrap().is_empty());
}
