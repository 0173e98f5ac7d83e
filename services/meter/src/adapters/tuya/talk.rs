//! What is said on one connection: questions, answers, and what a device says by itself.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep_until};

use super::codec::{Message, Version};
use super::frame::command;
use super::link::{Link, Trouble};
use super::reader::{Learned, Reader};
use super::shapes;
use super::wire::{Who, told};
use crate::adapters::fleet::Speaker;
use crate::adapters::numbers::{beginning, json as json_of, number};

/// What plugs measure only when they are asked to.
const MEASURED: [u16; 3] = [18, 19, 20];
/// The same of switches in the wall, which say nothing on 19.
const MEASURED_BY_SWITCHES: [u16; 3] = [21, 22, 23];

/// One connection, while it lasts.
pub(super) struct Talk<'a> {
    pub reader: &'a Reader,
    pub link: Link,
    pub version: Version,
    pub learned: &'a mut Learned,
    pub speaker: &'a Speaker,
    /// Whether it answered on it.
    pub had_answered: bool,
    /// Whether it was just asked to measure.
    pub is_measuring: bool,
}

impl Talk<'_> {
    /// Speaks with it until that ends; why it did.
    pub async fn go(&mut self) -> Trouble {
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
        let measured = if is_new || has(&19) || !has(&22) { MEASURED } else { MEASURED_BY_SWITCHES };
        let dps: Vec<u16> = measured.into_iter().filter(has).collect();
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
