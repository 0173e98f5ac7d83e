//! Sensors as states through Home Assistant's API, where there is no MQTT broker. Home Assistant forgets them when it restarts; they are
//! posted again then.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use wattribute_store::Store;

use super::board::Board;
use super::condition::Condition;
use super::entity::{Entity, Platform};
use super::home_assistant::{CallError, HomeAssistant};
use super::memory;
use super::wanted::{Wanted, now_ms};

const KEY: &str = "publish.states";
/// How often it is looked whether Home Assistant still has them, ms.
const LOOK_MS: i64 = 10_000;
/// How long nothing is tried after Home Assistant was found away, ms.
const WAIT_MS: i64 = 5_000;

/// Keeps the states as `wanted` says, until nobody wants anything any more.
pub(super) async fn post(
    home_assistant: Arc<dyn HomeAssistant>,
    min_interval: Duration,
    store: Arc<dyn Store>,
    condition: Condition,
    mut wanted: watch::Receiver<Option<Arc<Wanted>>>,
) {
    let mut states = States::new(home_assistant, store, min_interval.as_millis() as i64);
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut not_before_ms = 0;
    loop {
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { break },
            _ = tick.tick() => {}
        }
        let now_ms = now_ms();
        let wanted = wanted.borrow_and_update().clone();
        let Some(wanted) = wanted.filter(|_| now_ms >= not_before_ms) else { continue };
        match states.say(&wanted, now_ms).await {
            Ok(()) => condition.is_well(),
            Err(why) => {
                condition.failed(&why);
                // It may have forgotten them when it is back.
                states.board.clear();
                not_before_ms = now_ms + WAIT_MS;
            }
        }
    }
    let last = wanted.borrow().clone();
    if let Some(wanted) = last {
        let _ = tokio::time::timeout(Duration::from_secs(2), states.take_leave(&wanted)).await;
    }
}

struct States {
    home_assistant: Arc<dyn HomeAssistant>,
    store: Arc<dyn Store>,
    min_interval_ms: i64,
    board: Board,
    /// What was posted, also in former runs.
    posted: Option<BTreeSet<String>>,
    looked_ms: i64,
}

impl States {
    fn new(home_assistant: Arc<dyn HomeAssistant>, store: Arc<dyn Store>, min_interval_ms: i64) -> Self {
        States { home_assistant, store, min_interval_ms, board: Board::default(), posted: None, looked_ms: 0 }
    }

    async fn say(&mut self, wanted: &Wanted, now_ms: i64) -> Result<(), String> {
        self.take_stock(wanted).await?;
        self.look(wanted, now_ms).await?;
        let mut refused = None;
        for entity in &wanted.entities {
            let Some(due) = self.board.due(entity, self.min_interval_ms, now_ms) else { continue };
            match self.home_assistant.post(&path(&entity_id(entity)), body(entity)).await {
                Ok(()) => {}
                Err(refusal @ CallError::Refused { .. }) => refused = Some(refusal),
                Err(away) => return Err(away.to_string()),
            }
            self.board.note(entity, super::board::Due { state: true, ..due }, now_ms);
        }
        refused.map_or(Ok(()), |refusal| Err(refusal.to_string()))
    }

    /// Looks now and then whether Home Assistant has restarted and forgotten.
    async fn look(&mut self, wanted: &Wanted, now_ms: i64) -> Result<(), String> {
        if let Some(first) = wanted.entities.first()
            && now_ms - self.looked_ms >= LOOK_MS
        {
            self.looked_ms = now_ms;
            if self.home_assistant.get(&path(&entity_id(first))).await.map_err(|e| e.to_string())?.is_none() {
                self.board.clear();
            }
        }
        Ok(())
    }

    /// Remembers what is about to be posted, and removes what is wanted no more.
    async fn take_stock(&mut self, wanted: &Wanted) -> Result<(), String> {
        let posted = match &mut self.posted {
            Some(posted) => posted,
            none => none.insert(memory::recall(self.store.as_ref(), KEY).await.map_err(|e| e.to_string())?),
        };
        let current: BTreeSet<String> = wanted.entities.iter().map(entity_id).collect();
        let gone: Vec<String> = if wanted.is_complete { posted.difference(&current).cloned().collect() } else { Vec::new() };
        if gone.is_empty() && current.is_subset(posted) {
            return Ok(());
        }
        posted.extend(current);
        memory::remember(self.store.as_ref(), KEY, posted).await.map_err(|e| e.to_string())?;
        for id in &gone {
            self.home_assistant.delete(&path(id)).await.map_err(|e| e.to_string())?;
            posted.remove(id);
            if let Some(key) = id.split_once(".wattribute_").map(|(_, key)| key) {
                self.board.forget(key.strip_prefix("demo_").unwrap_or(key));
                self.board.forget(key);
            }
        }
        memory::remember(self.store.as_ref(), KEY, posted).await.map_err(|e| e.to_string())
    }

    /// Says of all that they are unavailable: nobody keeps them any more.
    async fn take_leave(&self, wanted: &Wanted) {
        for entity in &wanted.entities {
            let mut body = body(entity);
            body["state"] = json!("unavailable");
            if self.home_assistant.post(&path(&entity_id(entity)), body).await.is_err() {
                return;
            }
        }
    }
}

/// Removes the states of former runs, as when a broker has been configured since.
pub(super) async fn clean_up(home_assistant: Arc<dyn HomeAssistant>, store: Arc<dyn Store>) {
    let mut states = States::new(home_assistant, store, 0);
    let nothing = Wanted { entities: Vec::new(), is_complete: true };
    while states.take_stock(&nothing).await.is_err() {
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
}

/// Its id in Home Assistant, `sensor.wattribute_kettle_power`.
fn entity_id(entity: &Entity) -> String {
    let root = if entity.is_demo() { "wattribute_demo" } else { "wattribute" };
    format!("{}.{root}_{}", entity.look.platform.name(), entity.key)
}

fn path(entity_id: &str) -> String {
    format!("/api/states/{entity_id}")
}

fn body(entity: &Entity) -> Value {
    let look = &entity.look;
    let mut attributes = entity.attributes.clone();
    let device = entity.appliance.as_ref().map_or(if entity.is_demo() { "Wattribute Demo" } else { "Wattribute" }, |a| a.name.as_str());
    let mut say = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            attributes.insert(key.to_owned(), json!(value));
        }
    };
    say("friendly_name", Some(&format!("{device} {}", look.name)));
    say("attribution", Some("Wattribute"));
    say("device_class", look.device_class);
    say("state_class", look.state_class);
    say("unit_of_measurement", look.unit);
    say("icon", look.icon);
    let state = match (look.platform, entity.state.as_deref()) {
        (_, None) => "unknown".to_owned(),
        (Platform::BinarySensor, Some(state)) => state.to_lowercase(),
        (Platform::Sensor, Some(state)) => state.to_owned(),
    };
    json!({ "state": state, "attributes": attributes })
}
