#![doc = include_str!("README.md")]

mod ask;
mod digest;
mod discovery;
mod gen1;
mod heard;
mod names;
mod outbound;
mod published;
mod rpc;
#[cfg(test)]
mod tests;
mod topics;
mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::watch;
use wattribute_domain::SeriesInfo;
use wattribute_service::mqtt;

use self::ask::Manner;
use self::heard::Heard;
use self::names::Book;
use super::broker::wrong_filter;
use super::{Adapter, AdapterError, Event, Fleet, Listening};

pub use self::discovery::discover;

/// The adapter's name, and the source of its series.
pub const NAME: &str = "shelly";

/// The section `[shelly]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where devices are that are asked over HTTP: addresses or names, with a port where that is unusual.
    pub hosts: Vec<String>,
    /// Whether devices are looked for on this network (mDNS), now and later.
    pub discover: bool,
    /// The user of the first generation, where it is not `admin`; later ones know no other.
    pub username: String,
    /// The password of all that have one.
    pub password: Option<SecretString>,
    /// How often a plug is asked.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// How often a meter is, such as an EM or a 3EM.
    #[serde(with = "humantime_serde")]
    pub meters_every: Duration,
    /// How long an answer may take.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Topics of devices that publish over MQTT, such as `shellies/#`.
    pub topics: Vec<String>,
    /// Where devices connect to by themselves (outbound WebSocket), such as `0.0.0.0:8015`. Empty: nowhere.
    pub listen: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hosts: Vec::new(),
            discover: false,
            username: "admin".to_owned(),
            password: None,
            every: Duration::from_secs(10),
            meters_every: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
            topics: Vec::new(),
            listen: String::new(),
        }
    }
}

impl Config {
    /// Whether there is anything to read.
    pub fn is_set_up(&self) -> bool {
        self.discover || !self.hosts.is_empty() || !self.topics.is_empty() || !self.listen.trim().is_empty()
    }

    fn manner(&self) -> Manner {
        let password = self.password.clone().filter(|password| !password.expose_secret().is_empty());
        let login = Login { username: self.username.clone(), password };
        Manner { login, every: self.every, meters_every: self.meters_every.min(self.every), timeout: self.timeout }
    }
}

/// What opens devices.
#[derive(Clone)]
struct Login {
    /// The user of the first generation.
    username: String,
    password: Option<SecretString>,
}

impl Login {
    /// The only user that later generations know.
    const RPC_USER: &str = "admin";
}

/// Reads Shellies of all generations: asks them, is connected to by them, and listens to what they publish.
pub struct Shelly {
    fleet: Fleet,
    topics: Vec<String>,
    /// Whether the broker has let us in.
    is_connected: Arc<AtomicBool>,
}

impl Shelly {
    /// An adapter that goes on with the series that the store has. Connects to nothing before the first [`Adapter::next`].
    pub fn new(config: &Config, broker: &mqtt::Config, known: &[SeriesInfo]) -> Result<Self, AdapterError> {
        let wrong = |why: String| AdapterError::Unsupported(format!("[shelly] {why}"));
        if let Some(why) = config.topics.iter().find_map(|topic| wrong_filter(topic)) {
            return Err(wrong(format!("topics: {why}")));
        }
        let listen =
            match config.listen.trim() {
                "" => None,
                text => Some(text.parse::<SocketAddr>().map_err(|_| {
                    wrong(format!("listen: `{}` is no address to listen on: write it like 0.0.0.0:8015", text.escape_debug()))
                })?),
            };
        let (manner, book) = (config.manner(), Book::new(NAME, known));
        let heard = Heard::new(book.clone(), manner.clone());
        let mut fleet = Fleet::new(NAME, known);
        for host in config.hosts.iter().map(|host| host.trim().trim_start_matches("http://").trim_end_matches('/')) {
            let (manner, book, (_, address)) = (manner.clone(), book.clone(), watch::channel(host.to_owned()));
            fleet.add(host, |speaker| ask::read(speaker, address, manner, book, false));
        }
        if config.discover {
            let (manner, book, hosts) = (manner.clone(), book.clone(), config.hosts.clone());
            fleet.add("discovery", |speaker| discovery::look(speaker, discovery::MDNS, hosts, manner, book));
        }
        if let Some(address) = listen {
            let heard = heard.clone();
            fleet.add("listen", move |speaker| outbound::listen(speaker, address, heard));
        }
        let is_connected = Arc::new(AtomicBool::new(false));
        if !config.topics.is_empty() {
            let (broker, topics, flag) = (broker.clone(), config.topics.clone(), is_connected.clone());
            fleet.add("mqtt", move |speaker| published::listen(speaker, broker, topics, flag, heard));
        }
        Ok(Shelly { fleet, topics: config.topics.clone(), is_connected })
    }
}

#[async_trait]
impl Adapter for Shelly {
    fn name(&self) -> &str {
        NAME
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        self.fleet.next().await
    }

    fn is_up(&self) -> bool {
        self.fleet.is_up()
    }

    fn troubles(&self) -> BTreeMap<String, String> {
        self.fleet.troubles()
    }

    fn listens(&self) -> Option<Listening> {
        let is_connected = self.is_connected.load(Ordering::Acquire);
        (!self.topics.is_empty()).then(|| Listening { topics: self.topics.clone(), is_connected })
    }
}
