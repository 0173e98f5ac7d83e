//! Reads one device, for ever: finds it, keeps one connection to it, asks it, and takes what it says by itself.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use wattribute_domain::{Quantity, Role};

use super::broadcasts::{Beacon, Heard};
use super::codec::{Message, Version};
use super::crypto::Key;
use super::frame::command;
use super::link::{Link, Times, Trouble, WRONG_KEY};
use super::wire::{Known, Who, told};
use super::{Dp, Kind, shapes};
use crate::adapters::fleet::Speaker;
use crate::adapters::numbers::{beginning, json as json_of, number};

/// What else may be wrong with one that takes a connection and says nothing.
const OR_ANOTHER: &str = "; or another program holds its only connection, such as Home Assistant or Tuya's app";
/// The longest wait before it is tried again.
const LONGEST: Duration = Duration::from_secs(60);
/// What plugs measure only when they are asked to.
const MEASURED: [u16; 3] = [18, 19, 20];
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
struct Learned {
    /// What it spoke when it answered.
    version: Option<Version>,
    /// How many versions were tried since it answered.
    tries: usize,
    /// Whether one of them did not take our key.
    saw_key: bool,
    /// It answers only what names each dp.
    by_name: bool,
    /// How often it did not like to be asked to measure, since it did.
    refused: u8,
    /// Whether it is not asked to on this connection.
    is_spared: bool,
    /// What its dps were at last.
    dps: Map<String, Value>,
    /// Whether those are all that it has: what a few of them mean cannot be told.
    is_whole: bool,
    /// Whether anything of it was understood.
    is_understood: bool,
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

    fn known(&self, dps: &Map<String, Value>) -> Known {
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

/// One connection, while it lasts.
struct Talk<'a> {
    reader: &'a Reader,
    link: Link,
    version: Version,
    learned: &'a mut Learned,
    speaker: &'a Speaker,
    had_answered: bool,
    is_measuring: bool,
}

impl Talk<'_> {
    /// Speaks with it until that ends; why it did.
    async fn go(&mut self) -> Trouble {
        loop {
            if let Err(trouble) = self.turn().await {
                return trouble;
            }
        }
    }

    /// One question and its answer, and what is heard until the next.
    async fn turn(&mut self) -> Result<(), Trouble> {
        let begin = Instant::now();
        if self.measure().await? {
            self.learned.refused = self.learned.refused.saturating_add(1);
            self.is_measuring = true;
            self.hear_until(begin + self.reader.times.settle, false).await?;
            self.is_measuring = false;
            self.learned.refused = if self.learned.is_spared { self.learned.refused } else { 0 };
        }
        self.ask().await?;
        let asked = Instant::now();
        if !self.hear_until(asked + self.reader.times.answer, true).await? {
            return Err(self.link.mute("does not answer"));
        }
        let next = begin + self.reader.every;
        loop {
            let beat = Instant::now() + self.reader.times.heartbeat;
            self.hear_until(beat.min(next), false).await?;
            if Instant::now() >= next {
                return Ok(());
            }
            let payload = json!({ "gwId": self.reader.id, "devId": self.reader.id });
            self.link.send(command::HEART_BEAT, payload.to_string().as_bytes()).await?;
        }
    }

    /// Has it measure what it measures only when it is asked to; whether it was.
    async fn measure(&mut self) -> Result<bool, Trouble> {
        let is_new = self.learned.dps.is_empty();
        let has = |dp: &u16| is_new || self.learned.dps.get(&dp.to_string()).and_then(number).is_some();
        let dps: Vec<u16> = MEASURED.into_iter().filter(has).collect();
        let is_asked = self.version > Version::V31 && !self.learned.is_spared && !dps.is_empty();
        if is_asked {
            self.link.send(command::UPDATEDPS, json!({ "dpId": dps }).to_string().as_bytes()).await?;
        }
        Ok(is_asked)
    }

    async fn ask(&mut self) -> Result<(), Trouble> {
        let id = &self.reader.id;
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()).to_string();
        let (about, payload) = if self.learned.by_name {
            let known = (!self.learned.dps.is_empty() || self.reader.mapping.is_some()).then(|| self.reader.known(&self.learned.dps));
            let dps: Map<String, Value> = shapes::asked(known.as_ref()).into_iter().map(|dp| (dp, Value::Null)).collect();
            (command::CONTROL_NEW, json!({ "devId": id, "uid": id, "t": now_s, "dps": dps }))
        } else if self.version.has_sessions() {
            (command::DP_QUERY_NEW, json!({}))
        } else {
            (command::DP_QUERY, json!({ "gwId": id, "devId": id, "uid": id, "t": now_s }))
        };
        self.link.send(about, payload.to_string().as_bytes()).await
    }

    /// Hears what it says until then, or until it has said what its dps are; whether it has.
    async fn hear_until(&mut self, end: Instant, is_answer: bool) -> Result<bool, Trouble> {
        loop {
            let message = tokio::select! {
                message = self.link.receive() => message?,
                () = sleep_until(end) => return Ok(false),
            };
            if self.hear(&message, is_answer).await? && is_answer {
                return Ok(true);
            }
        }
    }

    /// Takes what a message says, while an answer is waited for or not; whether it told dps.
    async fn hear(&mut self, message: &Message, is_answer: bool) -> Result<bool, Trouble> {
        if message.payload.is_empty() || message.command == command::HEART_BEAT {
            return Ok(false);
        }
        let text = String::from_utf8_lossy(&message.payload);
        let Ok(said) = json_of(&message.payload) else {
            // Errors are plain words; anything else was never meant to be read with this key.
            if text.contains('\u{fffd}') || text.chars().any(char::is_control) {
                return Err(Trouble::Key);
            }
            if !is_answer || message.command == command::UPDATEDPS {
                (self.learned.is_spared, self.learned.refused) = (true, 2);
                return Ok(false);
            }
            // It wants to be asked for each dp by name, or wants that no longer.
            let is_unnamed = text.contains("data unvalid") && !self.learned.by_name;
            self.learned.by_name = is_unnamed;
            if is_unnamed {
                return self.ask().await.map(|()| false);
            }
            return Err(self.link.mute(&format!("says {}", beginning(&text))));
        };
        let data = said.get("data").unwrap_or(&Value::Null);
        // What is behind a gateway is another device.
        let is_child = [&said, data].iter().any(|said| said.get("cid").is_some_and(Value::is_string));
        let Some(dps) = said.get("dps").or_else(|| data.get("dps")).and_then(Value::as_object).filter(|_| !is_child) else {
            return Ok(false);
        };
        let before = self.learned.dps.clone();
        self.learned.dps.extend(dps.clone());
        let is_reply = matches!(message.command, command::DP_QUERY | command::DP_QUERY_NEW | command::CONTROL_NEW);
        let reader = self.reader;
        self.learned.is_whole |= is_reply || dps.len() > 2 || reader.mapping.is_some();
        if !self.learned.is_whole {
            return Ok(false);
        }
        let who = Who { id: &reader.id, name: &reader.name, role: reader.role, kind: reader.kind };
        let readings = told(&who, &reader.known(&self.learned.dps), dps, &before);
        self.had_answered = true;
        (self.learned.tries, self.learned.saw_key) = (0, false);
        self.learned.version = Some(self.version);
        self.learned.is_understood |= !readings.is_empty();
        if self.learned.is_understood {
            self.speaker.told(readings, text).await;
        } else {
            let dps: Vec<&str> = self.learned.dps.keys().map(String::as_str).collect();
            let remedy = "say in `dps` of its [[tuya_device]] what they are, let tinytuya's wizard write their `mapping`, or `exclude` it";
            self.speaker.trouble(format!("none of its dps is understood ({}): {remedy}", beginning(&dps.join(", ")))).await;
        }
        Ok(true)
    }
}
