//! Against a real Carbon and graphite-web, those of the venv that `WATTRIBUTE_GRAPHITE_VENV` names (scripts/graphite-venv.sh makes one): an hour of
//! readings is sent, Carbon is killed in the middle, and every point is read back through the render API with its value.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "../../store/tests/common/ports.rs"]
mod ports;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ports::free_port;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use wattribute_domain::{Hold, Quantity, Reading, Role, SeriesId, SeriesInfo, day_start_ms, local_day};
use wattribute_export::graphite::{self, Config};
use wattribute_service::{Health, State};
use wattribute_store::{Batch, HomeSettings, Origin, Store, open};

const VARIABLE: &str = "WATTRIBUTE_GRAPHITE_VENV";
const STEP_MS: i64 = 10_000;
/// An hour.
const STEPS: i64 = 360;
/// So many steps are told before all else, so that Carbon makes its files.
const FIRST: i64 = 6;
const LONGEST: Duration = Duration::from_secs(60);

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.0.kill();
        let _ended = self.0.wait();
    }
}

struct Graphite {
    venv: PathBuf,
    folder: tempfile::TempDir,
    line_port: u16,
    web_port: u16,
}

impl Graphite {
    fn new(venv: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for part in ["conf", "storage/whisper", "storage/log/webapp", "storage/lists"] {
            std::fs::create_dir_all(at.join(part)).unwrap();
        }
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib/graphite");
        for file in ["storage-schemas.conf", "storage-aggregation.conf"] {
            std::fs::copy(ours.join(file), at.join("conf").join(file)).unwrap();
        }
        let (line_port, web_port) = (free_port(), free_port());
        let carbon = format!(
            "[cache]\nDATABASE = whisper\nUSER =\nLINE_RECEIVER_INTERFACE = 127.0.0.1\nLINE_RECEIVER_PORT = {line_port}\n\
             PICKLE_RECEIVER_INTERFACE = 127.0.0.1\nPICKLE_RECEIVER_PORT = 0\nCACHE_QUERY_INTERFACE = 127.0.0.1\nCACHE_QUERY_PORT = 0\n\
             MAX_CACHE_SIZE = inf\nMAX_UPDATES_PER_SECOND = 4\nMAX_CREATES_PER_MINUTE = inf\nLOG_UPDATES = False\nENABLE_LOGROTATION = False\n"
        );
        std::fs::write(at.join("conf/carbon.conf"), carbon).unwrap();
        let settings = "from graphite.settings import *\nCARBONLINK_HOSTS = []\nSECRET_KEY = 'for a test'\nALLOWED_HOSTS = ['*']\n";
        std::fs::write(at.join("render_settings.py"), settings).unwrap();
        Graphite { venv, folder, line_port, web_port }
    }

    fn command(&self) -> Command {
        let at = self.folder.path();
        let mut command = Command::new(self.venv.join("bin/python"));
        command
            .env("GRAPHITE_ROOT", at)
            .env("GRAPHITE_CONF_DIR", at.join("conf"))
            .env("GRAPHITE_STORAGE_DIR", at.join("storage"))
            .env("PYTHONPATH", at)
            .env("DJANGO_SETTINGS_MODULE", "render_settings")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    async fn carbon(&self) -> Running {
        let at = self.folder.path();
        let pid = at.join("carbon.pid");
        // The one that was killed left it.
        let _gone = std::fs::remove_file(&pid);
        let config = format!("--config={}", at.join("conf/carbon.conf").display());
        let pid = format!("--pidfile={}", pid.display());
        let mut command = self.command();
        command.arg(self.venv.join("bin/carbon-cache.py")).args([&config, &pid, "--nodaemon", "start"]);
        let carbon = Running(command.spawn().unwrap());
        answers(self.line_port).await;
        carbon
    }

    async fn web(&self) -> Running {
        let mut command = self.command();
        command.args(["-m", "django", "runserver", "--noreload", &format!("127.0.0.1:{}", self.web_port)]);
        let web = Running(command.spawn().unwrap());
        answers(self.web_port).await;
        web
    }

    /// What the render API says of a metric, by time in s.
    async fn render(&self, target: &str, from_ms: i64, to_ms: i64) -> BTreeMap<i64, f64> {
        let (from, until) = (from_ms / 1000 - 60, to_ms / 1000 + 60);
        let url = format!("http://127.0.0.1:{}/render?target={target}&from={from}&until={until}&format=raw&noCache=1", self.web_port);
        // `target,start,end,step|value,value,None`, with every digit.
        let raw = reqwest::get(url).await.unwrap().text().await.unwrap();
        let Some((head, values)) = raw.trim().split_once('|') else { return BTreeMap::new() };
        let numbers: Vec<i64> = head.rsplit(',').take(3).map(|number| number.parse().unwrap()).collect();
        let [step, _, start] = numbers[..] else { panic!("{head}") };
        let at = (start..).step_by(step as usize);
        at.zip(values.split(',')).filter_map(|(at, value)| Some((at, value.parse().ok()?))).collect()
    }
}

async fn answers(port: u16) {
    let since = Instant::now();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(since.elapsed() < LONGEST, "port {port} does not answer");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A home of four series that speak every 10 s; what each says at a step.
struct Home {
    store: Arc<dyn Store>,
    ids: Vec<SeriesId>,
    begin_ms: i64,
}

const PATHS: [&str; 4] =
    ["kasa.kuche.power_watts", "circuit.heat_pump.power_watts", "pulse.main.total_kwh", "home_assistant.solar_1.power_watts"];

fn value(series: usize, step: i64) -> f64 {
    match series {
        0 => (step as f64 / 7.0).sin() * 100.0 + 200.0,
        1 => 900.0,
        2 => 12_345.0 + step as f64 / 1000.0,
        _ => -(step as f64) * 1.1,
    }
}

impl Home {
    async fn new(folder: &Path, begin_ms: i64) -> Self {
        let store = open(&format!("sqlite:{}/home.db", folder.display()), Origin::Home).unwrap();
        let settings = HomeSettings { time_zone: Some("Europe/Berlin".to_owned()), ..HomeSettings::default() };
        wattribute_store::set_home(&*store, &settings).await.unwrap();
        let info = |source, device, quantity, name: &str, role, hold| SeriesInfo {
            name: Some(name.to_owned()),
            role,
            hold,
            ..SeriesInfo::new(source, device, quantity)
        };
        let infos = vec![
            info("kasa", "plug-1", Quantity::PowerW, "Küche", None, Hold::Intervals),
            info("iotawatt", "input_1", Quantity::PowerW, "Heat pump", Some(Role::Circuit), Hold::Intervals),
            info("pulse", "main", Quantity::EnergyImportKwh, "Main", Some(Role::WholeHouse), Hold::Intervals),
            info("home_assistant", "sensor.solar_1", Quantity::PowerW, "Solar 1", Some(Role::Solar), Hold::UntilNext),
        ];
        let ids = store.describe(infos).await.unwrap();
        Home { store, ids, begin_ms }
    }

    async fn say(&self, steps: std::ops::Range<i64>) {
        let all = self.ids.iter().enumerate();
        let of = |(k, series): (usize, &SeriesId)| {
            let (series, begin_ms) = (*series, self.begin_ms);
            steps.clone().map(move |step| Reading { series, at_ms: begin_ms + step * STEP_MS + 3_000, value: value(k, step) })
        };
        let readings = all.flat_map(of).collect();
        self.store.write(Batch { readings, ..Batch::default() }).await.unwrap();
    }

    /// What of these steps Graphite does not say, or says otherwise.
    async fn missing(&self, graphite: &Graphite, steps: i64) -> Vec<String> {
        let mut missing = Vec::new();
        for (k, path) in PATHS.iter().enumerate() {
            let end_ms = self.begin_ms + STEPS * STEP_MS;
            let said = graphite.render(&format!("home.electricity.{path}"), self.begin_ms, end_ms).await;
            for step in 0..steps {
                let (at, wanted) = ((self.begin_ms + step * STEP_MS) / 1000, value(k, step));
                if said.get(&at) != Some(&wanted) {
                    missing.push(format!("{path} at {at}: {:?} and not {wanted}", said.get(&at)));
                }
            }
        }
        missing
    }

    async fn until_all_is_there(&self, graphite: &Graphite, steps: i64) {
        let since = Instant::now();
        loop {
            let missing = self.missing(graphite, steps).await;
            if missing.is_empty() {
                return;
            }
            assert!(since.elapsed() < LONGEST, "{} points are missing, such as {:?}", missing.len(), &missing[..missing.len().min(5)]);
            sleep(Duration::from_millis(200)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_of_readings_survives_the_death_of_carbon() {
    let Some(venv) = std::env::var_os(VARIABLE).map(PathBuf::from).filter(|venv| venv.join("bin/carbon-cache.py").exists()) else {
        println!("SKIPPED: set {VARIABLE} to a venv with carbon and graphite-web (scripts/graphite-venv.sh makes one)");
        return;
    };
    let graphite = Graphite::new(venv);
    let data = tempfile::tempdir().unwrap();
    let now_ms = chrono::Utc::now().timestamp_millis();
    let begin_ms = (now_ms - STEPS * STEP_MS - 30_000).div_euclid(STEP_MS) * STEP_MS;
    let home = Home::new(data.path(), begin_ms).await;
    let _web = graphite.web().await;
    let carbon = graphite.carbon().await;

    home.say(0..FIRST).await;
    let (health, shutdown) = (Health::default(), CancellationToken::new());
    let address = format!("127.0.0.1:{}", graphite.line_port).try_into().unwrap();
    let config =
        Config { address: Some(address), every: Duration::from_secs(10), backfill: Duration::from_secs(7_200), ..Config::default() };
    let exporting = tokio::spawn({
        let (store, health, shutdown, folder) = (home.store.clone(), health.clone(), shutdown.clone(), data.path().to_owned());
        async move { graphite::run(config, store, &folder, health, shutdown).await }
    });
    // A file that Carbon was making when it was killed would be of no use to it: all are there before.
    home.until_all_is_there(&graphite, FIRST).await;
    home.say(FIRST..STEPS / 2).await;
    // Carbon is killed while it still has much in memory only, as it writes 4 metrics a second.
    let since = Instant::now();
    while home.missing(&graphite, STEPS / 2).await.len() as i64 == PATHS.len() as i64 * (STEPS / 2 - FIRST) {
        assert!(since.elapsed() < LONGEST, "nothing more comes to Carbon; {:?}", health.dependencies());
    }
    drop(carbon);
    let lost = home.missing(&graphite, STEPS / 2).await.len();
    while !matches!(health.dependencies().get("graphite"), Some(State::Degraded(_))) {
        assert!(since.elapsed() < LONGEST, "it is not noticed that Carbon is away");
        sleep(Duration::from_millis(20)).await;
    }
    home.say(STEPS / 2..STEPS).await;
    let _carbon = graphite.carbon().await;
    home.until_all_is_there(&graphite, STEPS).await;
    assert_eq!(health.dependencies().get("graphite"), Some(&State::Ok));
    println!("{} points read back; {lost} of the first half were not on disk when Carbon was killed", PATHS.len() as i64 * STEPS);

    // The energy of a power that does not change.
    let zone = chrono_tz::Europe::Berlin;
    let last_ms = (begin_ms + STEPS * STEP_MS).div_euclid(60_000) * 60_000 - 60_000;
    let midnight_ms = day_start_ms(zone, local_day(zone, last_ms));
    let wanted_kwh = 900.0 * (last_ms + STEP_MS - midnight_ms.max(begin_ms + 3_000)) as f64 / 3.6e9;
    let path = "home.electricity.circuit.heat_pump.energy_kwh_daily";
    let since = Instant::now();
    loop {
        let said = graphite.render(path, begin_ms, last_ms).await.get(&(last_ms / 1000)).copied();
        if said.is_some_and(|kwh| (kwh - wanted_kwh).abs() < 1e-6) {
            break;
        }
        assert!(since.elapsed() < LONGEST, "{path} says {said:?}, not {wanted_kwh}");
        sleep(Duration::from_millis(200)).await;
    }
    shutdown.cancel();
    exporting.await.unwrap();
}
