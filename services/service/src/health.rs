//! How a service is, truthfully: by what it depends on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How one dependency is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Ok,
    /// It does not work; the service does without (degraded). What is wrong and what would help.
    Degraded(String),
    /// It does not work, and without it the service is of no use (unhealthy). What is wrong and what would help.
    Down(String),
}

/// The dependencies of a service; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Health {
    dependencies: Arc<Mutex<BTreeMap<String, State>>>,
}

impl Health {
    /// Notes how a dependency (`store`, `home_assistant`, `mqtt`, …) is now; returns whether that is a change.
    pub fn set(&self, dependency: &str, state: State) -> bool {
        let mut all = self.dependencies.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(dependency.to_owned(), state.clone()) != Some(state)
    }

    /// Forgets a dependency that is no longer there.
    pub fn forget(&self, dependency: &str) {
        self.dependencies.lock().unwrap_or_else(PoisonError::into_inner).remove(dependency);
    }

    /// All dependencies by name.
    pub fn dependencies(&self) -> BTreeMap<String, State> {
        self.dependencies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
