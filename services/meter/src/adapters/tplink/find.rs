//! `wattribute discover kasa` and `tapo`: who is there, and what to put into the configuration.

use std::time::Duration;

use super::Config;
use super::discovery::{self, Answered, Speech};
use super::session::THIRD_PARTY;
use crate::adapters::AdapterError;
use crate::adapters::discover::Found;

/// Whether a device that answered is one of the source `name`: `kasa` or `tapo`.
pub(super) fn is_of(name: &str, answered: &Answered) -> bool {
    let is_tapo = answered.family.contains("TAPO");
    is_tapo == (name == "tapo")
}

/// Asks the networks and hosts of a section for `wait`: the devices of the source `kind` that answer.
pub async fn discover(kind: &'static str, config: &Config, wait: Duration) -> Result<Vec<Found>, AdapterError> {
    let (hosts, networks) = config.places(kind).map_err(AdapterError::Unsupported)?;
    let targets: Vec<_> = networks.into_iter().chain(hosts).collect();
    let search = discovery::search(&targets, wait).await;
    let found = search.map_err(|error| AdapterError::Unreachable(format!("devices cannot be looked for: {error}")))?;
    let mut found: Vec<Found> = found.into_iter().filter(|one| is_of(kind, one)).map(|one| told(kind, config, one)).collect();
    found.sort_by(|a, b| (&a.name, &a.identity).cmp(&(&b.name, &b.identity)));
    Ok(found)
}

fn told(kind: &'static str, config: &Config, one: Answered) -> Found {
    let address = one.place.to_string();
    let wants_user = one.speech != Speech::Xor;
    let mut text = format!("[{kind}]\nhosts = [\"{address}\"]\n");
    let note = match one.speech {
        Speech::Tpap => Some(format!("it may let only its maker's app in (TPAP): {THIRD_PARTY}")),
        _ if wants_user && !config.credentials().are_given() => Some("it wants the user and password of the Kasa or Tapo app".to_owned()),
        _ => None,
    };
    if wants_user {
        text += "username = \"you@example.com\"\npassword = \"...\"\n";
    }
    Found { kind, name: one.name, model: one.model, address, identity: one.identity, config: text, note }
}
