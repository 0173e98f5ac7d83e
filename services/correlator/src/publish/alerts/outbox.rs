//! Brings alerts out by one way, each once: tried again for a few minutes where it was certainly not taken.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wattribute_domain::AlertRecord;
use wattribute_service::webhook::SendError;

use crate::publish::condition::Condition;

/// Alerts that wait to go out by one way, at most.
const WAITING: usize = 100;
/// How long an alert is tried: later it is no news, and it stays in the log.
const TRIED_FOR: Duration = Duration::from_secs(300);
/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(60);

/// A way out.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// Whether it takes this one.
    fn takes(&self, alert: &AlertRecord) -> bool;

    /// Brings it out.
    async fn send(&self, alert: &AlertRecord) -> Result<(), SendError>;
}

/// Where alerts are put that are to go out by one way.
pub struct Outbox(mpsc::Sender<AlertRecord>);

impl Outbox {
    /// An outbox and what comes out of it.
    pub fn new() -> (Self, mpsc::Receiver<AlertRecord>) {
        let (outbox, coming) = mpsc::channel(WAITING);
        (Outbox(outbox), coming)
    }

    /// Puts an alert in; where too many wait, this one is lost.
    pub fn put(&self, alert: &AlertRecord) {
        if self.0.try_send(alert.clone()).is_err() {
            tracing::warn!(alert = alert.id, "too many alerts wait to be sent: this one is not");
        }
    }
}

/// Brings out what comes, until nothing comes any more; then what waits is tried once more. `first_pause` is the pause after a first
/// failure; each one after is twice as long.
pub async fn deliver(sink: impl Sink, condition: Condition, mut coming: mpsc::Receiver<AlertRecord>, first_pause: Duration) {
    let mut waiting: VecDeque<(Instant, AlertRecord)> = VecDeque::new();
    let (mut pause, mut not_before) = (first_pause, Instant::now());
    let mut is_open = true;
    while is_open || !waiting.is_empty() {
        tokio::select! {
            came = coming.recv(), if is_open => match came {
                Some(alert) if sink.takes(&alert) => waiting.push_back((Instant::now(), alert)),
                Some(_) => {}
                None => (is_open, not_before) = (false, Instant::now()),
            },
            () = tokio::time::sleep_until(not_before), if !waiting.is_empty() => {}
        }
        if Instant::now() < not_before && is_open {
            continue;
        }
        while let Some((since, alert)) = waiting.pop_front() {
            match sink.send(&alert).await {
                Ok(()) => {
                    condition.is_well();
                    pause = first_pause;
                }
                Err(SendError::Later(why)) if is_open && since.elapsed() < TRIED_FOR => {
                    condition.failed(&why);
                    waiting.push_front((since, alert));
                    not_before = Instant::now() + pause;
                    pause = (pause * 2).min(LONGEST);
                    break;
                }
                Err(lost) => {
                    condition.failed(&lost.to_string());
                    tracing::warn!(alert = alert.id, "an alert could not be sent and is given up: {lost}");
                }
            }
        }
    }
}
