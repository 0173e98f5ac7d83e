use std::collections::BTreeMap;

use serde_json::Value;

use super::entity::Entity;

/// What was said of an entity, and when.
#[derive(Clone, Debug)]
struct Said {
    state: Option<String>,
    attributes: Value,
    at_ms: i64,
}

/// What was said last, so that only what changed is said, and not too often.
#[derive(Debug, Default)]
pub(super) struct Board {
    said: BTreeMap<String, Said>,
}

/// What of an entity is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub state: bool,
    pub attributes: bool,
}

impl Board {
    /// What is to be said of `entity` now, if anything. Numbers wait for `min_interval_ms` after the last; everything else is said at once.
    pub(super) fn due(&self, entity: &Entity, min_interval_ms: i64, now_ms: i64) -> Option<Due> {
        let Some(said) = self.said.get(&entity.key) else {
            return Some(Due { state: true, attributes: true });
        };
        let state = said.state != entity.state;
        let attributes = said.attributes.as_object() != Some(&entity.attributes);
        let is_number = entity.look.unit.is_some() && said.state.is_some() && entity.state.is_some();
        let waits = is_number && now_ms - said.at_ms < min_interval_ms && now_ms >= said.at_ms;
        ((state && !waits) || attributes).then_some(Due { state: state && !waits, attributes })
    }

    /// Notes what was said of `entity`.
    pub(super) fn note(&mut self, entity: &Entity, due: Due, now_ms: i64) {
        let attributes = Value::Object(entity.attributes.clone());
        let said = self.said.entry(entity.key.clone()).or_insert_with(|| Said { state: None, attributes: Value::Null, at_ms: now_ms });
        if due.state {
            said.state.clone_from(&entity.state);
            said.at_ms = now_ms;
        }
        if due.attributes {
            said.attributes = attributes;
        }
    }

    /// Forgets what was said of an entity that is gone.
    pub(super) fn forget(&mut self, key: &str) {
        self.said.remove(key);
    }

    /// Forgets everything: it is to be said anew.
    pub(super) fn clear(&mut self) {
        self.said.clear();
    }
}
