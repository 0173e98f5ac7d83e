//! What is switched, and what must come of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinHandle;
use wattribute_store::{Origin, Store};

use super::lab::{Lab, now_ms};
use super::running::Running;
use super::watcher::{Row, Watcher, at_ms};

pub const KETTLE: &str = "switch.kettle";

/// The loads of the house: what they are called here, their entity, what they draw, and how far from that a step may be, W.
const LOADS: [(&str, &str, f64, f64); 3] =
    [("kettle", KETTLE, 2000.0, 40.0), ("heater", "switch.heater", 1500.0, 30.0), ("lamp", "light.hall_lamp", 12.0, 2.0)];

/// Sensors of single loads: the house is to be learned from its meter alone. And helpers that the lab's automations or this test switch at the
/// same moment as a load.
const EXCLUDED: &str =
    "sensor.kettle_power,sensor.heater_power,sensor.hall_lamp_power,sensor.fridge_power,input_boolean.high_load,input_boolean.pv_online";

/// Base load while it wavers, W: as a meter's noise, but the same in every run.
const NOISE_W: [f64; 11] = [0.0, -4.0, 3.0, -1.0, 5.0, -5.0, 1.0, 4.0, -3.0, 2.0, -2.0];

/// Steps that become events, W.
const EVENT_W: f64 = 10.0;

/// A switch that was asked for.
struct Switched {
    what: String,
    entity_id: &'static str,
    step_w: f64,
    tolerance_w: f64,
    asked_ms: i64,
    /// The latest that a provisional and a final row may come, s.
    latest_s: (f64, f64),
}

/// The binary at work.
pub struct Story {
    pub lab: Lab,
    pub watcher: Watcher,
    running: Running,
    store: Arc<dyn Store>,
    switched: Vec<Switched>,
    judged: usize,
    begun_ms: i64,
    folder: tempfile::TempDir,
}

impl Story {
    /// Starts the binary and waits until it knows the meter.
    pub async fn begin(lab: Lab) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (begun, begun_ms) = (Instant::now(), now_ms());
        let running = start(&lab, folder.path());
        let (status, health) = running.json("data API", "/health").await;
        let took_s = begun.elapsed().as_secs_f64();
        println!("start to first /health: {took_s:.2} s ({})", health["status"]);
        assert_eq!(status, 200, "{health}");
        running.until("correlator", "/statistics", |text| !text.contains("\"final_s\":null")).await;
        println!("the meter is known after {:.1} s", begun.elapsed().as_secs_f64());
        let store =
            wattribute_store::open(&format!("sqlite:{}", folder.path().join("data/wattribute.db").display()), Origin::Home).unwrap();
        let correlations = running.url("data API", "/api/v1/energy/correlations?hours=1&min_delta=0&limit=1000");
        let watcher = Watcher::begin(&lab.config, correlations);
        Story { lab, watcher, running, store, switched: Vec::new(), judged: 0, begun_ms, folder }
    }

    /// Usual time between readings, and when the row of a lone switch is there and final, s.
    async fn delays_s(&self) -> [f64; 3] {
        let (_, statistics) = self.running.json("correlator", "/statistics").await;
        ["interval_s", "provisional_s", "final_s"].map(|key| statistics["config"][key].as_f64().unwrap())
    }

    /// Switches things, one after the other, so far apart that each is seen alone.
    pub async fn round(&mut self, whats: &[&str]) {
        for what in whats {
            let asked_ms = self.switch(what).await;
            self.space(asked_ms).await;
        }
    }

    /// Switches one thing, such as `kettle on`; when, ms.
    pub async fn switch(&mut self, what: &str) -> i64 {
        let (name, way) = what.split_once(' ').unwrap();
        let &(_, entity_id, power_w, tolerance_w) = LOADS.iter().find(|l| l.0 == name).unwrap();
        let [interval_s, provisional_s, final_s] = self.delays_s().await;
        // DESIGN section 7: guard, two intervals and 5 s; 10 s after its window closed.
        let guard_s = provisional_s - 1.9 * interval_s;
        let latest_s = (guard_s + 2.0 * interval_s + 5.0, final_s + 10.0);
        let step_w = if way == "on" { power_w } else { -power_w };
        let asked_ms = self.lab.switch(entity_id, way == "on").await;
        self.switched.push(Switched { what: what.to_owned(), entity_id, step_w, tolerance_w, asked_ms, latest_s });
        asked_ms
    }

    /// Waits until another thing may be switched.
    pub async fn space(&self, asked_ms: i64) {
        let [_, provisional_s, _] = self.delays_s().await;
        // What is left out before the next switch, and a little to see.
        let until_ms = asked_ms + ((provisional_s + 14.0) * 1000.0) as i64;
        tokio::time::sleep(Duration::from_millis((until_ms - now_ms()).max(0) as u64)).await;
    }

    /// Lets the base load waver.
    pub fn make_noise(&self) -> JoinHandle<()> {
        let lab = Lab::of_environment().unwrap();
        tokio::spawn(async move {
            for offset_w in NOISE_W.iter().cycle() {
                lab.set("input_number.base_w", 120.0 + offset_w).await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        })
    }

    fn row(&self, switched: &Switched) -> Option<((i64, String), Row)> {
        let near = |k: &(i64, String)| k.1 == switched.entity_id && (k.0 - switched.asked_ms).abs() < 3_000;
        self.watcher.rows().into_iter().find(|(k, _)| near(k))
    }

    /// Waits for all that was switched since the last time, prints when what came, and holds it against what it must be.
    pub async fn judge(&mut self, title: &str) {
        println!(
            "\n{title}: seconds from the call\n{:<11} {:>8}  {:>10} {:>6}  {:>5} {:>6}  {:>5} {:>6}  verdict",
            "switched", "step W", "provisional", "limit", "final", "limit", "event", "sensor"
        );
        let mut wrong = Vec::new();
        for switched in &self.switched[self.judged..] {
            let since_s = |ms: i64| (ms - switched.asked_ms) as f64 / 1000.0;
            let is_final = |r: &((i64, String), Row)| r.1.final_ms.is_some();
            while !self.row(switched).is_some_and(|r| is_final(&r)) && since_s(now_ms()) < switched.latest_s.1 + 30.0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let Some((key, row)) = self.row(switched).filter(is_final) else {
                wrong.push(format!("{}: no final row: {:?}", switched.what, self.row(switched)));
                continue;
            };
            let delta_w = row.last["power_delta_w"].as_f64().unwrap_or(f64::NAN);
            // A lamp of 12 W is hard to tell from noise of 5 W, and that may be said.
            let may_be_noisy = switched.step_w.abs() < 50.0 && title != "constant" && row.last["verdict"] == "noisy";
            let told = delta_w.abs() >= EVENT_W && !may_be_noisy;
            let is_it = |value: &Value| at_ms(value, "at") == key.0;
            let of_it = |(_, e): &&(i64, Value)| e["entity_id"] == switched.entity_id && is_it(e);
            let shows_it = |(_, s): &&(i64, Value)| s["entity_id"] == "sensor.wattribute_last_correlation" && is_it(&s["attributes"]);
            while told && since_s(now_ms()) < switched.latest_s.1 + 30.0 {
                if self.watcher.events().iter().any(|e| of_it(&e)) && self.watcher.states().iter().any(|s| shows_it(&s)) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let (events, states) = (self.watcher.events(), self.watcher.states());
            let event_s = events.iter().find(of_it).map(|e| since_s(e.0));
            let sensor_s = states.iter().find(shows_it).map(|s| since_s(s.0));
            let final_s = row.final_ms.map_or(f64::NAN, since_s);
            let shown = |s: Option<f64>| s.map_or("-".to_owned(), |s| format!("{s:.1}"));
            let (provisional_s, latest_s) = (since_s(row.first_ms), switched.latest_s);
            println!(
                "{:<11} {delta_w:>8.1}  {provisional_s:>10.1} {:>7.1}  {final_s:>5.1} {:>6.1}  {:>5} {:>6}  {}",
                switched.what,
                latest_s.0,
                latest_s.1,
                shown(event_s),
                shown(sensor_s),
                row.last["verdict"].as_str().unwrap_or_default(),
            );
            let mut must = |is: bool, what: &str| {
                if !is {
                    wrong.push(format!("{}: {what}: {row:?}", switched.what));
                }
            };
            must((delta_w - switched.step_w).abs() <= switched.tolerance_w, "the step");
            must(row.last["verdict"] == "clean" || may_be_noisy, "the verdict");
            must(!told || event_s.is_some(), "no event");
            must(!told || sensor_s.is_some(), "no sensor");
            // How long it takes is measured, not tested: a busy machine is no fault.
            let late = [(provisional_s, latest_s.0), (final_s, latest_s.1), (event_s.unwrap_or(0.0), latest_s.1)];
            if late.iter().any(|(s, limit)| s > limit) {
                println!("            ! late");
            }
        }
        self.judged = self.switched.len();
        assert!(wrong.is_empty(), "{title}:\n{}\n{}", wrong.join("\n"), super::running::log(self.folder.path()));
        self.nothing_else();
    }

    /// There is one row and at most one event for each switch, and none for anything else.
    fn nothing_else(&self) {
        let of_switch = |at_ms: i64, id: &str| self.switched.iter().any(|s| s.entity_id == id && (at_ms - s.asked_ms).abs() < 3_000);
        let rows = self.watcher.rows();
        let strange: Vec<_> = rows.keys().filter(|k| k.0 >= self.begun_ms && !of_switch(k.0, &k.1)).collect();
        assert!(strange.is_empty(), "nobody switched {strange:?}");
        let mut events: BTreeMap<(i64, String), usize> = BTreeMap::new();
        for (_, event) in self.watcher.events() {
            *events.entry((at_ms(&event, "at"), event["entity_id"].as_str().unwrap_or_default().to_owned())).or_default() += 1;
        }
        assert!(events.iter().all(|(k, &count)| count == 1 && rows.contains_key(k)), "{events:?}");
        let corrected: Vec<_> = rows.iter().filter(|r| r.1.corrected > 0).map(|r| (r.0, &r.1.last["power_delta_w"])).collect();
        if !corrected.is_empty() {
            println!("corrected after they were final: {corrected:?}");
        }
    }

    /// What the store has of an entity.
    pub async fn readings(&self, entity_id: &str, from_ms: i64) -> Vec<(i64, f64)> {
        let Some((id, _)) = self.store.series().await.unwrap().into_iter().find(|(_, info)| info.device == entity_id) else {
            return Vec::new();
        };
        let rows = self.store.readings(id, from_ms, i64::MAX).await.unwrap();
        rows.at_ms.into_iter().zip(rows.value).collect()
    }

    /// Waits until the last that was said of an entity, at or after `from_ms`, is as wanted.
    pub async fn until_reading(&self, entity_id: &str, from_ms: i64, wanted: fn(f64) -> bool) {
        let begun = Instant::now();
        loop {
            let rows = self.readings(entity_id, from_ms).await;
            if rows.last().is_some_and(|r| r.0 >= from_ms && wanted(r.1)) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{entity_id}: {rows:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until Home Assistant was heard at `at_ms`.
    pub async fn until_heard(&self, at_ms: i64) {
        let begun = Instant::now();
        loop {
            let heard_ms = self.store.document("heard:home_assistant").await.unwrap().and_then(|text| text.parse().ok()).unwrap_or(0);
            if heard_ms >= at_ms {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "heard until {heard_ms}, now it is {at_ms}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Whether an entity is in the store.
    pub async fn is_read(&self, entity_id: &str) -> bool {
        self.store.series().await.unwrap().iter().any(|(_, info)| info.device == entity_id)
    }

    /// No silence of the meter is longer than 5 minutes, and it speaks now.
    pub async fn no_gap_of_the_meter(&self) {
        for device in ["sensor.grid_power", "house"] {
            let rows = self.readings(device, self.begun_ms).await;
            let silences_s: Vec<f64> = rows.windows(2).filter(|w| w[0].1.is_nan()).map(|w| (w[1].0 - w[0].0) as f64 / 1000.0).collect();
            println!("{device}: {} readings, silent for {silences_s:.1?} s", rows.len());
            assert!(silences_s.iter().all(|&s| s <= 300.0), "{device} is silent");
            assert!(rows.last().is_some_and(|r| r.1.is_finite()), "{device} is silent at the end");
        }
    }

    pub fn resident_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.running.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// Stops the binary; the sensors become unavailable.
    pub async fn end(self) {
        assert_eq!(self.running.stop(), Some(0));
        self.lab.until(super::KETTLE_POWER, |s| s["state"] == "unavailable").await;
        let log = super::running::log(self.folder.path());
        let loud: Vec<&str> = log.lines().filter(|l| l.contains("\"WARN\"") || l.contains("\"ERROR\"")).collect();
        println!("warnings and errors: {loud:#?}");
    }
}

fn start(lab: &Lab, folder: &Path) -> Running {
    Running::start(
        "run",
        folder,
        &[
            ("HOME_ASSISTANT_URL", &lab.url),
            ("HOME_ASSISTANT_TOKEN", &lab.token),
            ("WATTRIBUTE__DATA_DIR", &folder.join("data").display().to_string()),
            ("WATTRIBUTE__HOME_ASSISTANT__METER", "sensor.grid_power"),
            ("WATTRIBUTE__HOME_ASSISTANT__EXCLUDE", EXCLUDED),
            ("WATTRIBUTE__MQTT__URL", &lab.broker),
        ],
    )
}
