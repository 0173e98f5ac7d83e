//! What devices say by themselves: each device has a task that keeps what was said of it, however it came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::ask::Manner;
use super::gen1::{Published, Rounds};
use super::names::{Book, Way};
use super::{rpc, wire};
use crate::adapters::{Speaker, now_ms};

/// Words of one device that wait, at most.
const WAITING: usize = 32;
/// A device that said nothing for so many turns is away.
const TURNS: u32 = 6;
/// At least so long must it say nothing.
const AT_LEAST: Duration = Duration::from_secs(60);

/// What was heard of a device.
#[derive(Debug)]
pub(super) enum Word {
    /// Components of the second generation and later, whole or in part.
    Status(Way, Value),
    /// What `/status` of the first generation says, of this model.
    First(Way, Value, String),
    /// One value of the first generation.
    Value(Way, Published, String),
    /// It is gone: why, and what would help.
    Gone(Way, String),
    /// It could not be heard until now: it has all its time to speak.
    Heard,
}

/// Where words of devices go; clones share it.
#[derive(Clone)]
pub(super) struct Heard {
    /// What is known of all devices.
    pub book: Book,
    /// How they are asked.
    pub manner: Manner,
    devices: Arc<Mutex<HashMap<String, mpsc::Sender<Word>>>>,
}

impl Heard {
    /// Of nobody yet.
    pub fn new(book: Book, manner: Manner) -> Self {
        Heard { book, manner, devices: Arc::default() }
    }

    /// Hands a word of the device `mac` to its task, which begins with the first.
    pub async fn say(&self, speaker: &Speaker, mac: &str, word: Word) {
        let known = self.devices.lock().unwrap_or_else(PoisonError::into_inner).get(mac).cloned();
        let sender = match known {
            Some(sender) if !sender.is_closed() => sender,
            _ => {
                let (sender, words) = mpsc::channel(WAITING);
                self.devices.lock().unwrap_or_else(PoisonError::into_inner).insert(mac.to_owned(), sender.clone());
                let (book, manner, of) = (self.book.clone(), self.manner.clone(), mac.to_owned());
                speaker.also(&format!("{mac} by itself"), |speaker| keep(speaker, of, words, book, manner)).await;
                sender
            }
        };
        let _ended_with_the_fleet = sender.send(word).await;
    }

    /// Nobody could be heard until now, so nobody's silence until now counts.
    pub async fn begin_again(&self) {
        let senders: Vec<_> = self.devices.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for sender in senders {
            let _ended_with_the_fleet = sender.send(Word::Heard).await;
        }
    }

    /// After how long a device that says nothing is away.
    pub fn patience(&self) -> Duration {
        patience(&self.manner)
    }
}

fn patience(manner: &Manner) -> Duration {
    (TURNS * manner.every).max(AT_LEAST)
}

async fn keep(speaker: Speaker, mac: String, mut words: mpsc::Receiver<Word>, book: Book, manner: Manner) {
    let (mut known, mut rounds, mut is_away) = (json!({}), Rounds::default(), false);
    loop {
        let word = match tokio::time::timeout(patience(&manner), words.recv()).await {
            Ok(Some(word)) => word,
            Ok(None) => return,
            Err(_) if is_away => continue,
            Err(_) => {
                is_away = true;
                let why = format!("it has said nothing for {} s: see that it has power and Wi-Fi", patience(&manner).as_secs());
                speaker.named(book.label(&mac)).await;
                if !book.is_read(&mac) {
                    speaker.trouble(why).await;
                }
                continue;
            }
        };
        let (way, parts, text) = match word {
            Word::Status(way, said) => {
                let parts = rpc::status(&said, &known);
                if said.is_object() {
                    rpc::merge(&mut known, &said);
                }
                (way, parts, wire::masked(&said))
            }
            Word::First(way, said, model) => {
                let parts = super::gen1::status(&said, &model);
                (way, parts, wire::masked(&said))
            }
            Word::Value(way, Published::Part(part), text) => (way, vec![part], text),
            Word::Value(way, Published::Phase(quantity, phase, value), text) => {
                let part = rounds.say(quantity, phase, value, now_ms());
                (way, vec![part], text)
            }
            Word::Heard => continue,
            Word::Gone(way, why) => {
                speaker.named(book.label(&mac)).await;
                known = json!({});
                if !book.lost(&mac, &way) && !std::mem::replace(&mut is_away, true) {
                    speaker.trouble(why).await;
                }
                continue;
            }
        };
        is_away = false;
        speaker.named(book.label(&mac)).await;
        if let Some(told) = book.told(&mac, &way, parts, 3 * manner.every) {
            speaker.told(told, text).await;
        }
    }
}
