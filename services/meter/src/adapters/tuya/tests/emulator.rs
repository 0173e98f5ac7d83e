//! A device, as far as we know how devices behave; tinytuya reads it in [`super::peers`].

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::adapters::tuya::codec::{Codec, Version};
use crate::adapters::tuya::crypto::{Key, random};
use crate::adapters::tuya::frame::{Frame, command};

pub const ID: &str = "bf0123456789abcdef01ab";
pub const KEY: &str = "k!y&of$the(plug)";
const CONTROL: u32 = 7;

/// How it behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Mood {
    #[default]
    Good,
    /// Takes the connection and says nothing.
    Mute,
    /// Answers every question with bytes that are no frame.
    Garbage,
    /// Answers with half a frame and ends the connection.
    Half,
    /// Ends the connection when it is asked to measure.
    MeasuresNothing,
    /// Says what it measures only after it was asked to measure.
    Lazy,
    /// Answers only what names each dp.
    ByName,
    /// Says in words that it knows no request to measure.
    Wordy,
    /// Has another key, and answers with it all the same.
    OtherKey,
}

pub struct State {
    pub dps: Map<String, Value>,
    pub mood: Mood,
    /// Commands that were heard, on all connections.
    pub heard: Vec<u32>,
    pub connections: usize,
    /// What it was asked last to measure.
    pub measures: Value,
}

pub struct Emulator {
    pub port: u16,
    pub version: Version,
    pub state: Arc<Mutex<State>>,
    push: watch::Sender<Value>,
    gone: CancellationToken,
}

impl Emulator {
    pub async fn start(version: Version, mood: Mood, dps: Value) -> Self {
        let state = State { dps: dps.as_object().unwrap().clone(), mood, heard: Vec::new(), connections: 0, measures: Value::Null };
        let mut emulator = Emulator {
            port: 0,
            version,
            state: Arc::new(Mutex::new(state)),
            push: watch::channel(Value::Null).0,
            gone: CancellationToken::new(),
        };
        emulator.come().await;
        emulator
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Its dps are these from now on, and it says nothing of that.
    pub fn set(&self, dps: Value) {
        self.state().dps.extend(dps.as_object().unwrap().clone());
    }

    /// Says by itself that these dps changed.
    pub fn push(&self, dps: Value) {
        self.set(dps.clone());
        self.say(json!({"devId": ID, "dps": dps}));
    }

    /// Says something by itself.
    pub fn say(&self, message: Value) {
        self.push.send(message).unwrap();
    }

    /// Loses its power.
    pub fn go(&mut self) {
        std::mem::replace(&mut self.gone, CancellationToken::new()).cancel();
    }

    /// Has power, where it was before.
    pub async fn come(&mut self) {
        let listener = loop {
            match TcpListener::bind(("127.0.0.1", self.port)).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.port = listener.local_addr().unwrap().port();
        let (state, gone, push, version) = (self.state.clone(), self.gone.clone(), self.push.clone(), self.version);
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let stream = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap().0,
                    () = gone.cancelled() => return,
                };
                state.lock().unwrap().connections += 1;
                connections.spawn(talk(stream, version, state.clone(), push.subscribe()));
            }
        });
    }
}

async fn talk(mut stream: TcpStream, version: Version, state: Arc<Mutex<State>>, mut push: watch::Receiver<Value>) {
    let has_other_key = state.lock().unwrap().mood == Mood::OtherKey;
    let mut codec = Codec::new(version, Key::of(if has_other_key { "another key it is" } else { KEY }.get(..16).unwrap()).unwrap());
    let readable = Codec::new(version, Key::of(KEY).unwrap());
    let (mut unread, mut ours, mut theirs) = (Vec::new(), [0; 16], [0; 16]);
    loop {
        tokio::select! {
            read = stream.read_buf(&mut unread) => if read.unwrap_or(0) == 0 { return },
            Ok(()) = push.changed() => {
                let text = push.borrow_and_update().to_string();
                let bytes = codec.seal(command::STATUS, Some(0), text.as_bytes()).unwrap();
                if stream.write_all(&bytes).await.is_err() { return }
            }
        }
        while let Ok(Some(frame)) = Frame::take(&mut unread) {
            let message = codec.read(&frame, false).or_else(|why| if has_other_key { readable.read(&frame, false) } else { Err(why) });
            let Ok(message) = message else { return };
            let mood = {
                let mut state = state.lock().unwrap();
                state.heard.push(message.command);
                state.mood
            };
            let said: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
            let mut answers: Vec<(u32, Vec<u8>)> = Vec::new();
            match message.command {
                _ if mood == Mood::Mute => continue,
                command::SESS_KEY_NEG_START => {
                    ours = theirs_of(&message.payload);
                    theirs = random().unwrap();
                    answers.push((command::SESS_KEY_NEG_RESP, [theirs.to_vec(), codec.sign(&ours).to_vec()].concat()));
                }
                command::SESS_KEY_NEG_FINISH => {
                    if !codec.has_signed(&theirs, &message.payload) {
                        return;
                    }
                    codec.begin_session(&ours, &theirs);
                }
                command::UPDATEDPS if mood == Mood::MeasuresNothing => return,
                command::UPDATEDPS if mood == Mood::Wordy => answers.push((command::DP_QUERY_NEW, b"json obj data unvalid".to_vec())),
                command::UPDATEDPS => {
                    state.lock().unwrap().measures = said["dpId"].clone();
                    answers.push((command::UPDATEDPS, Vec::new()));
                    if mood == Mood::Lazy {
                        let dps = state.lock().unwrap().dps.clone();
                        let dp = if dps.contains_key("19") { "19" } else { "4" };
                        answers.push((command::STATUS, json!({"dps": {dp: dps[dp]}}).to_string().into_bytes()));
                        state.lock().unwrap().dps.insert("has measured".to_owned(), true.into());
                    }
                }
                command::DP_QUERY | command::DP_QUERY_NEW if mood == Mood::ByName => {
                    answers.push((message.command, b"json obj data unvalid".to_vec()));
                }
                command::CONTROL_NEW | CONTROL if !is_question(&said) => {
                    let dps = said.pointer("/data/dps").or_else(|| said.get("dps")).and_then(Value::as_object).cloned().unwrap_or_default();
                    state.lock().unwrap().dps.extend(dps.clone());
                    answers.push((message.command, Vec::new()));
                    answers.push((command::STATUS, json!({"devId": ID, "dps": dps}).to_string().into_bytes()));
                }
                command::DP_QUERY | command::DP_QUERY_NEW | command::CONTROL_NEW => {
                    let mut dps = state.lock().unwrap().dps.clone();
                    if dps.remove("has measured").is_none() && mood == Mood::Lazy && dps.contains_key("19") {
                        dps.insert("19".to_owned(), 0.into());
                    }
                    if let Some(named) = said.get("dps").and_then(Value::as_object) {
                        dps.retain(|dp, _| named.contains_key(dp));
                    }
                    let text = if version.has_sessions() {
                        json!({"protocol": 4, "data": {"dps": dps}})
                    } else {
                        json!({"devId": ID, "dps": dps})
                    };
                    answers.push((message.command, text.to_string().into_bytes()));
                }
                other => answers.push((other, Vec::new())),
            }
            for (about, payload) in answers {
                let mut bytes = codec.seal(about, Some(0), &payload).unwrap();
                match mood {
                    Mood::Garbage if about > 5 => bytes = [&[0, 0, 0x55, 0xaa][..], &[0xff; 60]].concat(),
                    Mood::Half if about > 5 => bytes.truncate(bytes.len() / 2),
                    _ => {}
                }
                let is_written = stream.write_all(&bytes).await.is_ok();
                if !is_written || (mood == Mood::Half && about > 5) {
                    return;
                }
            }
        }
    }
}

fn theirs_of(payload: &[u8]) -> [u8; 16] {
    *payload.first_chunk().unwrap()
}

fn is_question(said: &Value) -> bool {
    said.get("dps").and_then(Value::as_object).is_some_and(|dps| dps.values().all(Value::is_null))
}
