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
    neighbours: Vec<Health>,
}

impl Health {
    /// A health that also names what its neighbours in the same process depend on. What takes a neighbour down only degrades this one.
    pub fn beside(neighbours: impl IntoIterator<Item = Health>) -> Self {
        Health { neighbours: neighbours.into_iter().collect(), ..Health::default() }
    }

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
        let mut all = BTreeMap::new();
        for (name, state) in self.neighbours.iter().flat_map(Health::dependencies) {
            let state = match state {
                State::Down(why) => State::Degraded(why),
                state => state,
            };
            let worse = matches!(state, State::Degraded(_)) || !all.contains_key(&name);
            if worse {
                all.insert(name, state);
            }
        }
        all.extend(self.dependencies.lock().unwrap_or_else(PoisonError::into_inner).clone());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_a_neighbour_down_degrades() {
        let meter = Health::default();
        meter.set("home_assistant", State::Down("no".to_owned()));
        meter.set("store", State::Down("locked".to_owned()));
        let pages = Health::beside([meter.clone()]);
        pages.set("store", State::Ok);
        let all = pages.dependencies();
        assert_eq!(all["home_assistant"], State::Degraded("no".to_owned()));
        assert_eq!(all["store"], State::Ok);
        meter.set("home_assistant", State::Ok);
        assert_eq!(pages.dependencies()["home_assistant"], State::Ok);
    }

    #[test]
    fn a_change_is_told_once() {
        let health = Health::default();
        assert!(health.set("mqtt", State::Ok));
        assert!(!health.set("mqtt", State::Ok));
        assert!(health.set("mqtt", State::Degraded("away".to_owned())));
    }
}
