//! The stores that the tests are for: SQLite, and InfluxDB where there is one.

#[path = "ports.rs"]
mod ports;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use ports::free_port;
use tempfile::TempDir;
use wattribute_store::influx::Account;
use wattribute_store::{Origin, Settings, Store};

/// Which store.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// An InfluxDB 1.x, started by the test: `WATTRIBUTE_INFLUXD`, or `influxd` in the path.
    InfluxOne,
    /// The InfluxDB of `TEST_INFLUX_URL`, `_TOKEN` and `_ORG`.
    InfluxReal,
}

/// A store that can be opened again and again.
pub struct Backend {
    /// A folder that goes with the test.
    pub folder: TempDir,
    influx: Option<(Server, Account)>,
}

impl Backend {
    /// One with nothing in it; `None`, and a word, where there is none to be had.
    pub fn of(kind: Kind) -> Option<Backend> {
        let folder = tempfile::tempdir().unwrap();
        let influx = match kind {
            Kind::Sqlite => None,
            Kind::InfluxOne => Some((Server::start()?, Account::default())),
            Kind::InfluxReal => {
                let said = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
                let Some(url) = said("TEST_INFLUX_URL") else {
                    eprintln!("SKIPPED: TEST_INFLUX_URL names no InfluxDB");
                    return None;
                };
                let (token, org) = (said("TEST_INFLUX_TOKEN").unwrap_or_default(), said("TEST_INFLUX_ORG").unwrap_or_default());
                Some((Server { url, process: None }, Account { token, org, ..Account::default() }))
            }
        };
        let mut backend = Backend { folder, influx };
        backend.empty();
        Some(backend)
    }

    /// From here on another, with nothing in it.
    pub fn empty(&mut self) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        self.folder = tempfile::tempdir().unwrap();
        if let Some((_, account)) = &mut self.influx {
            let (count, id) = (COUNT.fetch_add(1, Ordering::Relaxed), std::process::id());
            let ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
            account.bucket = format!("wattribute test {id}-{ms}-{count}");
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.influx.as_ref().map_or_else(|| super::url(self.folder.path()), |(server, _)| server.url.clone())
    }

    /// Settings with what lets us in.
    pub fn settings(&self, settings: Settings) -> Settings {
        Settings { influx: self.influx.as_ref().map(|(_, account)| account.clone()).unwrap_or_default(), ..settings }
    }

    /// Opens it.
    pub fn open_with(&self, settings: Settings) -> Arc<dyn Store> {
        wattribute_store::open_with(&self.url(), Origin::Home, self.settings(settings)).unwrap()
    }

    /// Opens it; nothing is ever forgotten.
    pub fn open(&self) -> Arc<dyn Store> {
        self.open_with(Settings::forever())
    }
}

/// A server that runs as long as the test.
pub struct Server {
    /// Its address.
    pub url: String,
    process: Option<Process>,
}

struct Process {
    child: Child,
    command: Command,
    port: u16,
    _folder: TempDir,
}

impl Process {
    fn wait_until_up(&self) {
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the server does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A program of that name in the path.
pub fn in_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

impl Server {
    /// An InfluxDB 1.x.
    pub fn start() -> Option<Server> {
        Server::start_one(false)
    }

    /// An InfluxDB 1.x that asks who is there. It lets in whoever makes the first user, who must be an administrator.
    pub fn start_with_auth() -> Option<Server> {
        Server::start_one(true)
    }

    fn start_one(asks: bool) -> Option<Server> {
        let named = std::env::var_os("WATTRIBUTE_INFLUXD").map(PathBuf::from);
        let Some(program) = named.or_else(|| in_path("influxd")) else {
            eprintln!("SKIPPED: there is no influxd in the path, and WATTRIBUTE_INFLUXD names none");
            return None;
        };
        let version = Command::new(&program).arg("version").output().unwrap();
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        if !version.contains("v1.") && !version.contains(" 1.") {
            eprintln!("SKIPPED: {} is not version 1: {version}", program.display());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (port, other) = (free_port(), free_port());
        let at = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{other}\"\n[meta]\ndir = \"{}\"\nlogging-enabled = false\n[data]\ndir = \"{}\"\n\
             wal-dir = \"{}\"\nquery-log-enabled = false\n[monitor]\nstore-enabled = false\n[http]\nbind-address = \"127.0.0.1:{port}\"\n\
             auth-enabled = {asks}\nlog-enabled = false\n[continuous_queries]\nenabled = false\n",
            at("meta"),
            at("data"),
            at("wal")
        );
        std::fs::write(folder.path().join("influxdb.conf"), config).unwrap();
        let mut command = Command::new(program);
        command.arg("-config").arg(folder.path().join("influxdb.conf"));
        Some(Server::run(command, folder, port))
    }

    /// A VictoriaMetrics, which takes line protocol as well.
    pub fn victoria() -> Option<Server> {
        let Some(program) = in_path("victoria-metrics") else {
            eprintln!("SKIPPED: there is no victoria-metrics in the path");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut command = Command::new(program);
        command.arg(format!("-httpListenAddr=127.0.0.1:{port}")).arg(format!("-storageDataPath={}", folder.path().display()));
        command.args(["-retentionPeriod=100y", "-search.latencyOffset=0"]);
        Some(Server::run(command, folder, port))
    }

    fn run(mut command: Command, folder: TempDir, port: u16) -> Server {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let process = Process { child, command, port, _folder: folder };
        process.wait_until_up();
        Server { url: format!("http://127.0.0.1:{port}"), process: Some(process) }
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let process = self.process.as_mut().unwrap();
        process.child.kill().unwrap();
        process.child.wait().unwrap();
    }

    /// Starts it again after [`Server::kill`], over what it has.
    pub fn start_again(&mut self) {
        let process = self.process.as_mut().unwrap();
        process.child = process.command.spawn().unwrap();
        process.wait_until_up();
    }
}
