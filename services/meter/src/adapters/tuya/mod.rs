#![doc = include_str!("README.md")]

mod broadcasts;
mod codec;
mod codes;
mod crypto;
mod devices;
mod frame;
mod link;
mod phases;
mod reader;
mod shapes;
mod talk;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use wattribute_domain::{Quantity, Role, SeriesInfo, device_name};

pub use broadcasts::{Ports, discover};
pub use codec::Version;
pub use link::Times;

use self::broadcasts::Heard;
use self::crypto::Key;
use self::devices::Listed;
use self::reader::Reader;
use super::AdapterError;
use super::fleet::Fleet;

/// The adapter's name, and the source of its series.
pub const NAME: &str = "tuya";

/// The section `[tuya]`, and what else is read of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The `devices.json` of tinytuya's wizard: what measures in it is read.
    pub devices_file: Option<PathBuf>,
    /// Devices of that file that are left out, by id or name.
    pub exclude: Vec<String>,
    /// How often each device is asked; what it says by itself in between is read too.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// What dps say, by product.
    pub products: BTreeMap<String, BTreeMap<Quantity, Dp>>,
    /// Each `[[tuya_device]]`.
    #[serde(skip)]
    pub devices: Vec<Device>,
    /// Where broadcasts are heard.
    #[serde(skip)]
    pub ports: Ports,
    /// How long is waited for what.
    #[serde(skip)]
    pub times: Times,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            devices_file: None,
            exclude: Vec::new(),
            every: Duration::from_secs(15),
            products: BTreeMap::new(),
            devices: Vec::new(),
            ports: Ports::default(),
            times: Times::default(),
        }
    }
}

impl Config {
    /// Whether there is anything to read.
    pub fn is_set(&self) -> bool {
        self.devices_file.as_ref().is_some_and(|path| !path.as_os_str().is_empty()) || !self.devices.is_empty()
    }
}

/// One `[[tuya_device]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Its id, as tinytuya's wizard and its own broadcasts say it.
    pub id: String,
    /// Its key, 16 letters; never shown. Without one, that of `devices_file`.
    #[serde(default)]
    pub local_key: Option<SecretString>,
    /// File that holds its key.
    #[serde(default)]
    pub local_key_file: Option<PathBuf>,
    /// Where it is, `host` or `host:port`; without one it is found by its broadcasts.
    #[serde(default)]
    pub host: Option<String>,
    /// What it speaks; without one, what it broadcasts, else each is tried.
    #[serde(default)]
    pub version: Option<Version>,
    /// What it is called.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is in the home.
    #[serde(default)]
    pub role: Option<Role>,
    /// What sort of device it is, where its dps do not tell.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// What its dps say, over what is known of them.
    #[serde(default)]
    pub dps: BTreeMap<Quantity, Dp>,
}

/// What sort of device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A plug or a strip: power on dp 19, or on 4, 5 or 6 of older ones.
    Plug,
    /// A meter: what it has drawn on dp 17 is a counter, power may be on dp 9.
    Meter,
    /// A breaker: phases on dps 6, 7, 8.
    Breaker,
}

/// Where a quantity stands.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dp {
    /// The number of the dp.
    #[serde(default)]
    pub dp: u16,
    /// What it is multiplied by; -1 turns its sign.
    #[serde(default = "one")]
    pub scale: f64,
}

fn one() -> f64 {
    1.0
}

/// Prepares to read what is set up, as far as it is set up rightly; connects to nothing yet. The errors say which device is not, and why.
pub fn read(config: &Config, known: &[SeriesInfo]) -> (Fleet, Vec<AdapterError>) {
    let (mut fleet, mut wrong) = (Fleet::new(NAME, known), Vec::new());
    let listed = match config.devices_file.as_deref().filter(|path| !path.as_os_str().is_empty()).map(devices::read) {
        Some(Ok(listed)) => listed,
        Some(Err(why)) => {
            wrong.push(AdapterError::Unsupported(format!("[tuya] devices_file: {why}")));
            Vec::new()
        }
        None => Vec::new(),
    };
    let mut readers: Vec<Reader> = Vec::new();
    let mut add = |made: Result<Reader, String>| match made {
        Ok(reader) if readers.iter().any(|other| other.id == reader.id) => {
            wrong.push(AdapterError::Unsupported(format!("[[tuya_device]] {}: it is there twice; one is enough", reader.id)));
        }
        Ok(reader) => readers.push(reader),
        Err(why) => wrong.push(AdapterError::Unsupported(why)),
    };
    for device in &config.devices {
        add(reader(config, device, listed.iter().find(|listed| listed.id == device.id.trim())));
    }
    let is_set_up = |listed: &Listed| config.devices.iter().any(|device| device.id.trim() == listed.id);
    let is_excluded = |listed: &Listed| {
        let name = device_name(&listed.name);
        config.exclude.iter().any(|out| out.trim() == listed.id || device_name(out) == name)
    };
    for listed in listed.iter().filter(|listed| listed.may_measure && !is_set_up(listed) && !is_excluded(listed)) {
        let made = reader(config, &Device::of(&listed.id), Some(listed));
        add(made.map_err(|why| format!("[tuya] devices_file: {why}")));
    }
    let heard = Arc::new(Heard::default());
    if readers.iter().any(|reader| reader.host.is_none()) {
        let (ports, heard) = (config.ports, heard.clone());
        fleet.add("broadcasts", move |speaker| async move { broadcasts::listen(ports, &heard, speaker).await });
    }
    for reader in readers {
        let (id, heard) = (reader.id.clone(), heard.clone());
        fleet.add(&id, move |speaker| reader.read(heard, speaker));
    }
    (fleet, wrong)
}

impl Device {
    fn of(id: &str) -> Self {
        Device {
            id: id.to_owned(),
            local_key: None,
            local_key_file: None,
            host: None,
            version: None,
            name: None,
            role: None,
            kind: None,
            dps: BTreeMap::new(),
        }
    }
}

/// What reads one device; the error says what is wrong with what is set up of it, without its key.
fn reader(config: &Config, device: &Device, listed: Option<&Listed>) -> Result<Reader, String> {
    let id = device.id.trim().to_owned();
    let what = format!("[[tuya_device]] {}", device.name.as_deref().unwrap_or(&id));
    if id.is_empty() {
        return Err(format!("{what}: id: it is empty; tinytuya's wizard and `wattribute discover tuya` say it"));
    }
    let key = match (&device.local_key, &device.local_key_file, listed) {
        (Some(_), Some(_), _) => return Err(format!("{what}: both `local_key` and `local_key_file` are given; one is enough")),
        (Some(key), None, _) => key.expose_secret().trim().to_owned(),
        (None, Some(path), _) => {
            let text = std::fs::read_to_string(path).map_err(|error| format!("{what}: local_key_file: {}: {error}", path.display()))?;
            text.trim().to_owned()
        }
        (None, None, Some(listed)) => listed.key.expose_secret().to_owned(),
        // It answers without one.
        (None, None, None) if device.version == Some(Version::V31) => "0".repeat(16),
        (None, None, None) => {
            return Err(format!("{what}: it has no `local_key`; tinytuya's wizard says it, or name its devices_file in [tuya]"));
        }
    };
    let length = key.chars().count();
    let key = Key::of(&key).ok_or_else(|| format!("{what}: local_key: it has {length} letters, and would have 16"))?;
    let product = listed.and_then(|listed| listed.product.as_deref()).unwrap_or_default();
    let said = config.products.iter().filter(|(said, _)| said.eq_ignore_ascii_case(product));
    let mut dps: BTreeMap<Quantity, Dp> = said.flat_map(|(_, dps)| dps).map(|(quantity, dp)| (*quantity, *dp)).collect();
    dps.extend(&device.dps);
    for (quantity, dp) in &dps {
        let name = quantity.name();
        if *quantity == Quantity::PricePerKwh {
            return Err(format!("{what}: dps: no device says `{name}`"));
        }
        if dp.dp == 0 {
            return Err(format!("{what}: dps: {name}: dp: say which it stands on, such as {{ dp = 19, scale = 0.1 }}"));
        }
        if !dp.scale.is_finite() || dp.scale == 0.0 {
            return Err(format!("{what}: dps: {name}: scale: it must be a number other than 0"));
        }
    }
    let is_circuit = matches!(device.kind, Some(Kind::Meter | Kind::Breaker)) || listed.is_some_and(|listed| listed.is_circuit);
    Ok(Reader {
        name: device.name.clone().or(listed.map(|listed| listed.name.clone())).unwrap_or_else(|| id.clone()),
        role: device.role,
        kind: device.kind,
        is_circuit,
        mapping: listed.and_then(|listed| listed.known.clone()),
        dps,
        key,
        host: device.host.as_deref().map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned),
        port: config.ports.device,
        last_host: listed.and_then(|listed| listed.host.clone()),
        version: device.version,
        last_version: listed.and_then(|listed| listed.version),
        every: config.every.max(Duration::from_millis(100)),
        times: config.times,
        id,
    })
}
