use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use wattribute_service::{Health, State};

/// How a way out is: told to health, and to the log once when it goes and once when it returns. Clones are parts of the same way: it
/// works while all of them do.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    health: Health,
    dependency: &'static str,
    part: Arc<str>,
    parts: Arc<Mutex<BTreeMap<Arc<str>, Option<String>>>>,
}

impl Condition {
    pub(super) fn new(health: &Health, dependency: &'static str) -> Self {
        Condition { health: health.clone(), dependency, part: dependency.into(), parts: Arc::default() }
    }

    /// Another part of the same way out.
    pub(super) fn part(&self, part: &str) -> Self {
        Condition { part: part.into(), ..self.clone() }
    }

    pub(super) fn is_well(&self) {
        if matches!(self.note(None), Some(Some(_))) {
            tracing::info!(dependency = self.dependency, part = &*self.part, "publishing works again");
        }
    }

    pub(super) fn failed(&self, why: &str) {
        if !matches!(self.note(Some(why.to_owned())), Some(Some(_))) {
            tracing::warn!(dependency = self.dependency, part = &*self.part, "publishing does not work: {why}");
        }
    }

    /// Notes how this part is and tells how it was.
    fn note(&self, trouble: Option<String>) -> Option<Option<String>> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let was = parts.insert(self.part.clone(), trouble);
        let state = parts.values().flatten().next().map_or(State::Ok, |why| State::Degraded(why.clone()));
        self.health.set(self.dependency, state);
        was
    }
}
