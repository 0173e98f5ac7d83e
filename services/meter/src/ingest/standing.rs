//! How each source is, and each of its devices: told to `/health`, to `/metrics` and, for other processes, to the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wattribute_service::{Health, State};
use wattribute_store::{Standing, Store};

use crate::adapters::{Listening, now_ms};

/// How often what stands is said again, so that others know that somebody still reads.
const AGAIN: Duration = Duration::from_secs(20);
/// Devices that are named where several are away.
const NAMED: usize = 5;

/// How all sources are; clones share it.
#[derive(Clone)]
pub(crate) struct Standings {
    health: Health,
    sources: Arc<Mutex<BTreeMap<String, Source>>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Source {
    /// How each part is: a device by its name, the source as a whole by none.
    parts: BTreeMap<String, State>,
    listening: Option<Listening>,
    /// Since when it is up or down, ms since the epoch.
    since_ms: i64,
    is_up: bool,
}

impl Standings {
    pub fn new(health: Health) -> Self {
        Standings { health, sources: Arc::default(), changed: Arc::default() }
    }

    /// Notes how a device of a source is, or without a device the source itself. Returns whether it went or came back; that it is well from the
    /// start is no news.
    pub fn tell(&self, source: &str, device: Option<&str>, state: State) -> bool {
        let is_ok = state == State::Ok;
        let mut sources = self.sources();
        let known = sources.entry(source.to_owned()).or_insert_with(|| Source { since_ms: now_ms(), ..Source::default() });
        let before = known.parts.insert(device.unwrap_or_default().to_owned(), state);
        let whole = known.whole();
        let is_up = whole == State::Ok;
        if known.is_up != is_up {
            (known.is_up, known.since_ms) = (is_up, now_ms());
        }
        drop(sources);
        let name = device.map_or(source.to_owned(), |device| format!("{source}/{device}"));
        match device {
            None => metrics::gauge!("wattribute_adapter_up", "adapter" => source.to_owned()).set(f64::from(u8::from(is_ok))),
            Some(device) => metrics::gauge!("wattribute_adapter_up", "adapter" => source.to_owned(), "device" => device.to_owned())
                .set(f64::from(u8::from(is_ok))),
        }
        if self.health.set(source, whole) {
            self.changed.notify_one();
        }
        let went = matches!(&before, None | Some(State::Ok)) && !is_ok;
        let came = before.is_some_and(|before| before != State::Ok) && is_ok;
        if came {
            tracing::info!("{name} is back");
        }
        went || came
    }

    /// Notes what a source listens to.
    pub fn listens(&self, source: &str, listening: Listening) {
        let mut sources = self.sources();
        let known = sources.entry(source.to_owned()).or_insert_with(|| Source { since_ms: now_ms(), ..Source::default() });
        if known.listening.as_ref() != Some(&listening) {
            known.listening = Some(listening);
            self.changed.notify_one();
        }
    }

    /// Keeps what stands in the store, until `shutdown`. What cannot be written now is written the next time.
    pub async fn keep(&self, store: Arc<dyn Store>, shutdown: CancellationToken) {
        loop {
            let documents = self.documents();
            if !documents.is_empty()
                && let Err(why) = store.put_documents(documents).await
            {
                tracing::debug!("how sources are cannot be kept now: {why}");
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = self.changed.notified() => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    fn documents(&self) -> Vec<(String, String)> {
        let standing = |(name, source): (&String, &Source)| {
            let error = match source.whole() {
                State::Ok => None,
                State::Degraded(why) | State::Down(why) => Some(why),
            };
            let (topics, mqtt_connected) =
                source.listening.as_ref().map_or((Vec::new(), None), |l| (l.topics.clone(), Some(l.is_connected)));
            let (told_at_ms, since_ms, is_up) = (now_ms(), source.since_ms, source.is_up);
            Standing { told_at_ms, is_up, since_ms, error, topics, mqtt_connected }.document(name)
        };
        self.sources().iter().map(standing).collect()
    }

    fn sources(&self) -> MutexGuard<'_, BTreeMap<String, Source>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    /// How the source is as a whole: as the source itself where that is down, else as those of its devices that are.
    fn whole(&self) -> State {
        if let Some(state) = self.parts.get("").filter(|state| **state != State::Ok) {
            return state.clone();
        }
        let away: Vec<(&str, &str, bool)> = (self.parts.iter())
            .filter_map(|(device, state)| match state {
                State::Ok => None,
                State::Degraded(why) => Some((device.as_str(), why.as_str(), false)),
                State::Down(why) => Some((device.as_str(), why.as_str(), true)),
            })
            .collect();
        if away.is_empty() {
            return State::Ok;
        }
        let mut text = away.iter().take(NAMED).map(|(device, why, _)| format!("{device}: {why}")).collect::<Vec<_>>().join("; ");
        if away.len() > NAMED {
            text += &format!("; and {} more", away.len() - NAMED);
        }
        let all_are_down = away.len() == self.parts.len() && away.iter().all(|(.., is_down)| *is_down);
        if all_are_down { State::Down(text) } else { State::Degraded(text) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    #[test]
    fn a_source_tells_which_of_its_devices_is_away_and_why() {
        let (health, desk) = (Health::default(), Some("desk"));
        let standings = Standings::new(health.clone());
        let of_http = || health.dependencies()["http"].clone();
        assert!(!standings.tell("http", desk, State::Ok), "well from the start");
        assert!(!standings.tell("http", Some("lamp"), State::Ok));
        assert!(standings.tell("http", desk, State::Degraded("nobody answers".to_owned())));
        assert!(!standings.tell("http", desk, State::Degraded("nobody answers still".to_owned())), "once");
        assert_eq!(of_http(), State::Degraded("desk: nobody answers still".to_owned()));
        standings.tell("http", Some("lamp"), State::Down("wrong key".to_owned()));
        assert_eq!(of_http(), State::Degraded("desk: nobody answers still; lamp: wrong key".to_owned()));
        standings.tell("http", Some("lamp"), State::Ok);
        assert!(standings.tell("http", desk, State::Ok));
        assert_eq!(of_http(), State::Ok);
        standings.tell("tasmota", desk, State::Down("offline".to_owned()));
        standings.tell("tasmota", None, State::Degraded("the broker is away".to_owned()));
        assert_eq!(health.dependencies()["tasmota"], State::Degraded("the broker is away".to_owned()), "of its devices nothing is known");
        let documents = standings.documents();
        assert!(documents[1].0 == "standing:tasmota" && documents[1].1.contains("the broker is away"), "{documents:?}");
    }
}
