//! The configuration: what every part of it is, and where it comes from.

mod earlier;
mod named;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use secrecy::SecretString;
use serde::Deserialize;
use wattribute_meter::Sources;
use wattribute_meter::adapters::{http, iotawatt, mqtt as mqtt_source, pulse, tuya};
use wattribute_service::config::Loader;
use wattribute_service::{ConfigError, access, home_assistant, mqtt};

/// Every key, commented out at its default.
pub const SAMPLE: &str = include_str!("sample.toml");
/// The file that is read where none is named, if it is there.
const USUAL_FILE: &str = "wattribute.toml";

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where data lives.
    pub data_dir: PathBuf,
    /// The store.
    pub store: wattribute_store::Settings,
    /// The connection to Home Assistant.
    pub home_assistant: home_assistant::Config,
    /// The connection to the MQTT broker.
    pub mqtt: mqtt::Config,
    /// The meter service, with all sources but Home Assistant.
    pub meter: wattribute_meter::Config,
    /// The correlator.
    pub correlator: wattribute_correlator::Config,
    /// The data API.
    pub data_api: wattribute_data_api::Config,
    /// The pages.
    pub dashboard: Dashboard,
    /// The export to Graphite.
    pub graphite: wattribute_export::graphite::Config,
    /// InfluxDB, where one is used.
    pub influxdb: Influxdb,
    /// Who gets in.
    pub access: access::Config,
    /// What the owner sets of the home.
    pub home: wattribute_store::HomeSettings,
    /// What energy costs.
    pub tariff: wattribute_domain::Tariffs,
}

/// Section `[dashboard]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dashboard {
    /// Where the pages are.
    pub listen: SocketAddr,
}

impl Default for Dashboard {
    fn default() -> Self {
        Dashboard { listen: SocketAddr::from(([127, 0, 0, 1], 3000)) }
    }
}

/// Section `[influxdb]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Influxdb {
    /// Where it is. Where `[store]` names no other store, it is the store.
    pub url: Option<String>,
    /// Its token.
    pub token: Option<SecretString>,
    /// Its organisation.
    pub org: Option<String>,
    /// Its bucket.
    pub bucket: Option<String>,
    /// Certificate (PEM) of the owner's own CA.
    pub ca_file: Option<PathBuf>,
    /// Whether the store stays in SQLite and InfluxDB gets what is in it as well.
    pub mirror: bool,
    /// What waits on disk while it is away, as the store or as a mirror, at most, MiB.
    pub spool_mb: u64,
}

impl Default for Influxdb {
    fn default() -> Self {
        Influxdb { url: None, token: None, org: None, bucket: None, ca_file: None, mirror: false, spool_mb: 256 }
    }
}

/// What stands before all sections, and tables of which there may be several.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Top {
    data_dir: PathBuf,
    mqtt_source: Vec<mqtt_source::Config>,
    http_source: Vec<http::Config>,
    iotawatt: Vec<iotawatt::Config>,
    pulse: Vec<pulse::Config>,
    tuya_device: Vec<tuya::Device>,
}

impl Default for Top {
    fn default() -> Self {
        Top {
            data_dir: PathBuf::from("./data"),
            mqtt_source: Vec::new(),
            http_source: Vec::new(),
            iotawatt: Vec::new(),
            pulse: Vec::new(),
            tuya_device: Vec::new(),
        }
    }
}

/// The configuration as loaded.
pub struct Loaded {
    /// All settings.
    pub config: Config,
    /// What the owner should know of them, a sentence each.
    pub warnings: Vec<String>,
    /// What names a device or a source that is not there, a sentence each.
    pub doubts: Vec<String>,
    /// The settings with their origins and without their secrets, as TOML.
    pub shown: String,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// Whether the environment says where the store is.
    pub store_is_in_environment: bool,
}

/// Which services a process runs; `SERVICE_PORT` means the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Services {
    /// All of them.
    All,
    /// The meter service.
    Meter,
    /// The correlator.
    Correlator,
    /// The data API and the pages.
    DataApi,
}

impl Services {
    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Services::All => "all",
            Services::Meter => "meter",
            Services::Correlator => "correlator",
            Services::DataApi => "data_api",
        }
    }
}

/// Loads the configuration from `file` (else `WATTRIBUTE_CONFIG`, else `./wattribute.toml` where there is one) and the environment.
pub fn load(file: Option<&Path>, services: Services) -> anyhow::Result<Loaded> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let environment: Vec<(String, String)> = std::env::vars_os().filter_map(text).collect();
    let named = environment.iter().find(|(name, value)| name == "WATTRIBUTE_CONFIG" && !value.trim().is_empty());
    let usual = Path::new(USUAL_FILE);
    let file = file.or(named.map(|(_, path)| Path::new(path))).or(usual.exists().then_some(usual));
    Ok(load_from(file, &environment, services)?)
}

/// Like [`load`], with what is to be read.
pub fn load_from(file: Option<&Path>, environment: &[(String, String)], services: Services) -> Result<Loaded, ConfigError> {
    let mut loader = Loader::read(file, environment)?;
    let mut warnings = earlier::take(&mut loader, environment)?;
    let mut correlator: wattribute_correlator::Config = loader.section("correlator")?;
    correlator.publish.alerts = loader.section("alerts")?;
    let top: Top = loader.section("")?;
    let mqtt: mqtt::Config = loader.section("mqtt")?;
    let home: wattribute_store::HomeSettings = loader.section("home")?;
    let sources = Sources {
        broker: mqtt.clone(),
        tasmota: loader.section("tasmota")?,
        glow: loader.section("glow")?,
        emporia: loader.section("emporia")?,
        sense: loader.section("sense")?,
        mqtt: top.mqtt_source,
        http: top.http_source,
        iotawatt: top.iotawatt,
        shelly: loader.section("shelly")?,
        pulse: top.pulse,
        door: pulse::Door::default(),
        tuya: tuya::Config { devices: top.tuya_device, ..loader.section("tuya")? },
        kasa: loader.section("kasa")?,
        tapo: loader.section("tapo")?,
        roles: loader.section("roles")?,
    };
    let backup: wattribute_meter::backups::Config = loader.section("backup")?;
    backup.check().map_err(ConfigError)?;
    let meter = wattribute_meter::Config { sources, backup, meter: home.meter.clone(), ..loader.section("meter")? };
    let mut config = Config {
        data_dir: top.data_dir,
        store: loader.section("store")?,
        home_assistant: loader.section("home_assistant")?,
        mqtt,
        meter,
        correlator,
        data_api: loader.section("data_api")?,
        dashboard: loader.section("dashboard")?,
        graphite: loader.section("graphite")?,
        influxdb: loader.section("influxdb")?,
        access: loader.section("access")?,
        home,
        tariff: loader.section("tariff")?,
    };
    config.correlator.publish.spool = Some(config.data_dir.join("spool"));
    if !config.tariff.contracts.is_empty() {
        config.tariff.check().map_err(|error| ConfigError(format!("[tariff] {error}")))?;
    }
    loader.finish()?;
    config.check_influxdb()?;
    earlier::meter_type(&mut config, environment)?;
    earlier::service_port(&mut config, services, environment, &mut warnings)?;
    Ok(Loaded {
        shown: loader.effective(SAMPLE)?,
        file: loader.file().map(Path::to_owned),
        store_is_in_environment: environment.iter().any(|(name, value)| name == "WATTRIBUTE__STORE__URL" && !value.trim().is_empty()),
        doubts: named::doubts(&config),
        config,
        warnings,
    })
}

/// Whether a store's URL is that of an InfluxDB.
pub fn is_influx(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

impl Config {
    /// Refuses settings of InfluxDB that contradict each other.
    fn check_influxdb(&self) -> Result<(), ConfigError> {
        let (store, url) = (self.store.url.as_deref().filter(|url| is_influx(url)), self.influxdb.url.as_deref());
        let same = |a: &str, b: &str| a.trim_end_matches('/') == b.trim_end_matches('/');
        let wrong = match (store, url) {
            (Some(_), _) if self.influxdb.mirror => {
                "[influxdb] mirror = true is for a store in SQLite, and `url` in [store] names an InfluxDB: leave out one of them"
            }
            (Some(store), Some(url)) if !same(store, url) => {
                "`url` in [store] and `url` in [influxdb] name two InfluxDBs: leave out the one in [store], or name a file there to have the other as a mirror"
            }
            (None, None) if self.influxdb.mirror => "[influxdb] mirror = true needs `url` in [influxdb], such as \"http://influxdb:8086\"",
            _ => return Ok(()),
        };
        Err(ConfigError(wrong.to_owned()))
    }

    /// The InfluxDB that is to have what the store has, where the store is another.
    pub fn mirror_url(&self) -> Option<&str> {
        let another = self.influxdb.mirror || self.store.url.as_deref().is_some_and(|url| !is_influx(url));
        self.influxdb.url.as_deref().filter(|_| another)
    }

    /// Where the store is: as said, else the InfluxDB that is set up, else a file of this `name` in the folder of data, which is made where it is missing.
    pub fn store_url(&self, said: bool, name: &str) -> anyhow::Result<String> {
        let influxdb = self.influxdb.url.clone().filter(|_| !self.influxdb.mirror);
        if let Some(url) = self.store.url.clone().or(influxdb).filter(|_| said) {
            return Ok(url);
        }
        let folder = &self.data_dir;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{}: the folder of data cannot be made; WATTRIBUTE__DATA_DIR names another", folder.display()))?;
        Ok(format!("sqlite:{}", folder.join(name).display()))
    }
}

#[cfg(test)]
mod tests;
