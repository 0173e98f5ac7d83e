//! Reads one device, for ever: finds it, connects to it, and tries again, later and later, where that fails.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep, timeout};
use wattribute_domain::{Quantity, Role};

use super::broadcasts::{Beacon, Heard};
use super::codec::Version;
use super::crypto::Key;
use super::link::{Link, Times, Trouble, WRONG_KEY};
use super::talk::Talk;
use super::wire::Known;
use super::{Dp, Kind, shapes};
use crate::adapters::fleet::Speaker;

/// What else may be wrong with one that takes a connection and says nothing.
const OR_ANOTHER: &str = "; or another program holds its only connection, such as Home Assistant or Tuya's app";
/// The longest wait before it is tried again.
const LONGEST: Duration = Duration::from_secs(60);
/// Versions in the order in which they are tried where nothing says which it is: the most usual first.
const TRIED: [Version; 4] = [Version::V33, Version::V34, Version::V35, Version::V31];

/// One device, and what is known of it.
pub(super) struct Reader {
    pub id: String,
    pub name: String,
    pub role: Option<Role>,
    pub kind: Option<Kind>,
    /// Whether it measures a circuit, whatever its dps look like.
    pub is_circuit: bool,
    /// What its dps say, by `devices.json`.
    pub mapping: Option<Known>,
    /// What its dps say, by the owner.
    pub dps: BTreeMap<Quantity, Dp>,
    pub key: Key,
    pub host: Option<String>,
    pub port: u16,
    pub last_host: Option<String>,
    pub version: Option<Version>,
    pub last_version: Option<Version>,
    pub every: Duration,
    pub times: Times,
}

/// What was learned of a device by speaking with it.
#[derive(Default)]
pub(super) struct Learned {
    /// What it spoke when it answered.
    pub version: Option<Version>,
    /// How many versions were tried since it answered.
    pub tries: usize,
    /// Whether one of them did not take our key.
    pub saw_key: bool,
    /// It answers only what names each dp.
    pub by_name: bool,
    /// How often it did not like to be asked to measure, since it did.
    pub refused: u8,
    /// Whether it is not asked to on this connection.
    pub is_spared: bool,
    /// What its dps were at last.
    pub dps: Map<String, Value>,
    /// Whether those are all that it has: what a few of them mean cannot be told.
    pub is_whole: bool,
    /// Whether anything of it was understood.
    pub is_understood: bool,
}

impl Learned {
    fn failed(&mut self, trouble: &Trouble) {
        self.tries += 1;
        self.saw_key |= *trouble == Trouble::Key;
        self.version = None;
    }
}

/// How a connection ended.
struct Ended {
    trouble: Trouble,
    /// Whether it had answered on it.
    had_answered: bool,
    /// Whether it had just been asked to measure.
    was_measuring: bool,
}

impl From<Trouble> for Ended {
    fn from(trouble: Trouble) -> Self {
        Ended { trouble, had_answered: false, was_measuring: false }
    }
}

impl Reader {
    /// Reads it until the task ends.
    pub async fn read(self, heard: Arc<Heard>, speaker: Speaker) {
        speaker.named(self.name.clone()).await;
        let mut learned = Learned::default();
        let mut wait = self.times.again;
        loop {
            let (begin, beacon) = (Instant::now(), heard.of(&self.id));
            let ended = self.connect(&heard, beacon.as_ref(), &mut learned, &speaker).await;
            // Some end a connection now and then that worked for long; where the next works too, there is nothing to say of it.
            if ended.had_answered && begin.elapsed() >= self.every {
                wait = self.times.again;
                sleep(wait).await;
                continue;
            }
            // It may not know that request: it is tried without before anything is said.
            learned.is_spared = ended.was_measuring || learned.refused > 1;
            if ended.was_measuring && learned.refused == 1 {
                sleep(self.times.again).await;
                continue;
            }
            let is_said = self.said_version(heard.of(&self.id).as_ref()).is_some();
            if !ended.had_answered && !matches!(ended.trouble, Trouble::Away(_)) {
                learned.failed(&ended.trouble);
                // While there are versions to try, it is too early to say what is wrong.
                if !is_said && !learned.tries.is_multiple_of(self.versions().len()) {
                    sleep(self.times.again).await;
                    continue;
                }
            }
            let is_key = ended.trouble == Trouble::Key || (!is_said && std::mem::take(&mut learned.saw_key));
            speaker.trouble(self.why(&ended, is_said)).await;
            let left = if is_key { self.times.left_alone } else { wait };
            wait = (wait * 2).min(LONGEST.max(self.times.again));
            tokio::select! {
                () = sleep(left) => {}
                // It is elsewhere now, or speaks otherwise.
                _ = heard.other_than(&self.id, beacon.as_ref()), if self.host.is_none() => {}
            }
        }
    }

    fn why(&self, ended: &Ended, is_said: bool) -> String {
        match &ended.trouble {
            Trouble::Away(why) => why.clone(),
            Trouble::Mute(why) if ended.had_answered => why.clone(),
            Trouble::Key if is_said || ended.had_answered => WRONG_KEY.to_owned(),
            Trouble::Mute(why) if is_said => {
                format!("{why}: {WRONG_KEY}{OR_ANOTHER}")
            }
            _ => format!("it answers in none of the versions 3.1 to 3.5: {WRONG_KEY}{OR_ANOTHER}"),
        }
    }

    /// Versions in the order in which they are tried where nothing says which it is.
    fn versions(&self) -> Vec<Version> {
        let first = self.last_version;
        first.into_iter().chain(TRIED.into_iter().filter(|version| Some(*version) != first)).collect()
    }

    /// What it speaks, where the owner or itself says it.
    fn said_version(&self, beacon: Option<&Beacon>) -> Option<Version> {
        self.version.or(beacon.and_then(|beacon| beacon.version))
    }

    async fn address(&self, heard: &Heard, beacon: Option<&Beacon>) -> Result<String, Trouble> {
        let host = match (&self.host, beacon, &self.last_host) {
            (Some(host), _, _) => host.clone(),
            (None, Some(beacon), _) => beacon.ip.to_string(),
            (None, None, Some(host)) => host.clone(),
            (None, None, None) => match timeout(self.times.broadcast, heard.other_than(&self.id, None)).await {
                Ok(beacon) => beacon.ip.to_string(),
                Err(_) => {
                    let why = "it was not found by its broadcasts (UDP 6666, 6667 and 7000)";
                    return Err(Trouble::Away(format!("{why}: see that it has power and is in this network, or give its `host`")));
                }
            },
        };
        Ok(with_port(&host, self.port))
    }

    /// Finds it and speaks with it, until that ends.
    async fn connect(&self, heard: &Heard, beacon: Option<&Beacon>, learned: &mut Learned, speaker: &Speaker) -> Ended {
        let address = match self.address(heard, beacon).await {
            Ok(address) => address,
            Err(trouble) => return trouble.into(),
        };
        // It may have been heard while it was waited for.
        let said = self.said_version(heard.of(&self.id).as_ref());
        let tried = self.versions();
        let version = said.or(learned.version).unwrap_or(tried[learned.tries % tried.len()]);
        match Link::open(&address, version, &self.key, &self.times).await {
            Ok(link) => {
                learned.by_name |= version == Version::V32;
                let mut talk = Talk { reader: self, link, version, learned, speaker, had_answered: false, is_measuring: false };
                let trouble = talk.go().await;
                Ended { trouble, had_answered: talk.had_answered, was_measuring: talk.is_measuring }
            }
            Err(trouble) => trouble.into(),
        }
    }

    /// What is known of its dps, of which these are known.
    pub fn known(&self, dps: &Map<String, Value>) -> Known {
        let known = self.mapping.clone().unwrap_or_else(|| shapes::guess(self.kind, dps)).with_said(self.dps.iter());
        Known { is_circuit: known.is_circuit || self.is_circuit, ..known }
    }
}

/// The address of a host; its own port, where it has one.
pub(super) fn with_port(host: &str, port: u16) -> String {
    let has_port = |(name, port): (&str, &str)| (!name.contains(':') || name.ends_with(']')) && port.parse::<u16>().is_ok();
    match host.parse::<Ipv6Addr>() {
        Ok(_) => format!("[{host}]:{port}"),
        Err(_) if host.rsplit_once(':').is_some_and(has_port) => host.to_owned(),
        Err(_) => format!("{host}:{port}"),
    }
}
