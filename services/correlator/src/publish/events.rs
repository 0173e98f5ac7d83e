//! Events through Home Assistant's API.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use wattribute_store::Store;

use super::condition::Condition;
use super::event::{Queue, Sent, Waiting};
use super::home_assistant::{CallError, HomeAssistant};
use super::memory;
use super::wanted::now_ms;

const KEY: &str = "publish.events";

/// Fires what comes, until nothing comes any more.
pub(super) async fn fire(
    home_assistant: Arc<dyn HomeAssistant>,
    store: Arc<dyn Store>,
    condition: Condition,
    mut coming: mpsc::Receiver<Vec<Waiting>>,
) {
    let mut sent: Option<Sent> = None;
    let mut queue = Queue::new(now_ms());
    let mut pause = Duration::ZERO;
    loop {
        let is_idle = queue.is_empty();
        let came = tokio::select! {
            came = coming.recv() => match came {
                Some(came) => came,
                None => return,
            },
            () = tokio::time::sleep(pause.max(Duration::from_millis(100))), if !is_idle => Vec::new(),
        };
        let sent = match &mut sent {
            Some(sent) => sent,
            none => match memory::recall(store.as_ref(), KEY).await {
                Ok(recalled) => none.insert(recalled),
                // Better no event than one that went out before.
                Err(e) => {
                    condition.failed(&e.to_string());
                    continue;
                }
            },
        };
        for event in came {
            queue.push(event, sent);
        }
        pause = match fire_due(home_assistant.as_ref(), store.as_ref(), &mut queue, sent).await {
            Ok(0) => pause,
            Ok(_) => {
                condition.is_well();
                Duration::ZERO
            }
            Err(why) => {
                condition.failed(&why);
                Duration::from_secs(3)
            }
        };
    }
}

/// Fires what is due and tells how many.
async fn fire_due(home_assistant: &dyn HomeAssistant, store: &dyn Store, queue: &mut Queue, sent: &mut Sent) -> Result<usize, String> {
    let mut due = queue.due(sent, now_ms());
    if due.is_empty() {
        return Ok(0);
    }
    // Remembered before they go out: none goes out twice, whenever we are killed.
    if let Err(e) = memory::remember(store, KEY, sent).await {
        queue.put_back(due, sent);
        return Err(e.to_string());
    }
    let count = due.len();
    while !due.is_empty() {
        let (path, body) = match &due[0] {
            Waiting::Correlation { payload, .. } => ("/api/events/wattribute_correlation", payload),
            Waiting::Alert(payload) => ("/api/events/wattribute_alert", payload),
        };
        match home_assistant.post(path, body.clone()).await {
            Err(away @ CallError::Away(_)) => {
                queue.put_back(due, sent);
                return Err(away.to_string());
            }
            Err(lost) => {
                due.remove(0);
                queue.put_back(due, sent);
                return Err(lost.to_string());
            }
            Ok(()) => {
                due.remove(0);
            }
        }
    }
    Ok(count)
}
