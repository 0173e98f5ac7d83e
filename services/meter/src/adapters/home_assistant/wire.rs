//! What Home Assistant says of one entity, as little of it as is needed.

use serde::Deserialize;
use serde_json::Value;
use wattribute_domain::Attributes;

use super::prices::{Listed, has_unknown_list, listed};
use crate::adapters::history::time;

/// What an entity said.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub state: String,
    pub attributes: Box<Attributes>,
    /// Whether it is a state that Wattribute itself posted.
    pub ours: bool,
    /// Prices that its attributes list; none of what cannot have any.
    pub prices: Box<[Listed]>,
    /// Whether there is a list of prices in them of an unknown shape.
    pub strange_prices: bool,
    /// When it was said (`last_updated`), ms since the epoch.
    pub at_ms: i64,
}

/// A `state_changed` event, or a row of `get_states`.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub entity_id: String,
    /// `None` where the entity is no more.
    pub said: Option<Said>,
    /// When it happened, ms since the epoch.
    pub at_ms: i64,
    /// The new state word for word, secrets masked; `None` of what is not an event.
    pub raw: Option<Box<str>>,
}

/// Attributes whose names hold one of these are not for keeping: tokens stand in some, also in addresses of pictures.
const SECRETS: [&str; 6] = ["token", "password", "secret", "api_key", "entity_picture", "access"];

/// A state as text, with secrets masked.
fn masked(state: &Value) -> Box<str> {
    let mut state = state.clone();
    if let Some(attributes) = state.get_mut("attributes").and_then(Value::as_object_mut) {
        for (name, value) in attributes.iter_mut() {
            if SECRETS.iter().any(|secret| name.to_ascii_lowercase().contains(secret)) {
                *value = "***".into();
            }
        }
    }
    state.to_string().into_boxed_str()
}

impl Change {
    /// Reads the event of a `state_changed`; `None` where it makes no sense.
    pub fn of_event(event: &Value) -> Option<Self> {
        let data = event.get("data")?;
        let entity_id = data.get("entity_id")?.as_str()?.to_owned();
        let fired_ms = event.get("time_fired").and_then(instant);
        match data.get("new_state")? {
            Value::Null => Some(Change { entity_id, said: None, at_ms: fired_ms?, raw: None }),
            state => {
                let said = said(state, fired_ms)?;
                Some(Change { entity_id, at_ms: said.at_ms, said: Some(said), raw: Some(masked(state)) })
            }
        }
    }

    /// Reads a row of `get_states`.
    pub fn of_state(state: &Value) -> Option<Self> {
        let said = said(state, None)?;
        Some(Change { entity_id: state.get("entity_id")?.as_str()?.to_owned(), at_ms: said.at_ms, said: Some(said), raw: None })
    }
}

fn said(state: &Value, fired_ms: Option<i64>) -> Option<Said> {
    let attributes = state.get("attributes");
    let entity_id = state.get("entity_id").and_then(Value::as_str).unwrap_or_default();
    let may_list = ["sensor.", "event."].iter().any(|domain| entity_id.starts_with(domain));
    let lists = attributes.filter(|_| may_list);
    Some(Said {
        state: state.get("state")?.as_str()?.to_owned(),
        ours: attributes.is_some_and(|a| a.get("attribution").and_then(Value::as_str) == Some("Wattribute")),
        attributes: Box::new(attributes.map(attributes_of).unwrap_or_default()),
        prices: lists.map(listed).unwrap_or_default(),
        strange_prices: lists.is_some_and(has_unknown_list),
        at_ms: state.get("last_updated").and_then(instant).or(fired_ms)?,
    })
}

/// The attributes that matter; what is of the wrong type counts as absent.
pub(super) fn attributes_of(value: &Value) -> Attributes {
    Attributes::deserialize(value).unwrap_or_default()
}

fn instant(value: &Value) -> Option<i64> {
    time::parse(value.as_str()?.as_bytes()).map(|instant| instant.at_ms)
}

/// A row of `history/history_during_period`.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub state: &'a str,
    pub attributes: Option<Attributes>,
    pub at_ms: i64,
}

impl<'a> Row<'a> {
    /// Reads a row; `None` where it makes no sense.
    pub fn of(value: &'a Value) -> Option<Self> {
        let seconds = value.get("lu").or_else(|| value.get("lc"))?.as_f64()?;
        Some(Row { state: value.get("s")?.as_str()?, attributes: value.get("a").map(attributes_of), at_ms: time::from_seconds(seconds)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_holds_what_was_said_and_when() {
        let event = json!({"event_type": "state_changed", "time_fired": "2026-11-21T04:22:02.714864+00:00", "data": {"entity_id": "light.hall",
            "old_state": null, "new_state": {"entity_id": "light.hall", "state": "on", "attributes": {"brightness": 51, "icon": 7},
            "last_changed": "2026-11-21T04:20:00+00:00", "last_updated": "2026-11-21T04:22:02.714864+00:00"}}});
        let change = Change::of_event(&event).unwrap();
        let said = change.said.unwrap();
        assert_eq!(
            (change.at_ms, said.at_ms, said.state.as_str(), &said.attributes.brightness),
            (1_795_234_922_714, 1_795_234_922_714, "on", &json!(51))
        );
        let mut gone = event.clone();
        gone["data"]["new_state"] = Value::Null;
        let gone = Change::of_event(&gone).unwrap();
        assert!(gone.said.is_none() && gone.at_ms == 1_795_234_922_714);
        let pictured = json!({"data": {"entity_id": "media_player.a", "new_state": {"entity_id": "media_player.a", "state": "on",
            "attributes": {"entity_picture": "/api/x?token=abc", "volume": 1}, "last_updated": "2026-11-21T04:22:02.714456+00:00"}}});
        let raw = Change::of_event(&pictured).unwrap().raw.unwrap();
        assert!(raw.contains("\"volume\":1") && raw.contains("***") && !raw.contains("abc"), "{raw}");
        assert!(Change::of_event(&json!({"data": {"entity_id": 7}})).is_none());
    }

    #[test]
    fn history_and_events_agree_on_the_instant() {
        let row = json!({"s": "2000.0", "lu": 1_795_234_922.714_864});
        assert_eq!(Row::of(&row).unwrap().at_ms, 1_795_234_922_714);
    }
}
