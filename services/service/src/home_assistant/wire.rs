//! What Home Assistant puts into a frame.

use serde::Deserialize;
use serde_json::Value;

/// One message. `auth_*` messages, results, pongs and events differ by `kind`.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming {
    #[serde(default)]
    pub id: Option<u64>,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub success: bool,
    #[serde(default)]
    pub result: Value,
    #[serde(default)]
    pub error: Option<Refusal>,
    #[serde(default)]
    pub event: Value,
    #[serde(default)]
    pub ha_version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    pub code: Value,
    pub message: String,
}

/// The messages of a frame: one, or several in an array where they were coalesced.
pub(super) fn parse(frame: &str) -> Result<Vec<Incoming>, serde_json::Error> {
    if frame.trim_start().starts_with('[') { serde_json::from_str(frame) } else { serde_json::from_str(frame).map(|one| vec![one]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_holds_one_message_or_an_array() {
        let one =
            parse(r#"{"id":1,"type":"result","success":false,"error":{"code":"unknown_command","message":"Unknown command."}}"#).unwrap();
        assert_eq!((one.len(), one[0].id, one[0].success), (1, Some(1), false));
        assert_eq!(one[0].error.as_ref().unwrap().code, "unknown_command");
        let two = parse(r#"[{"type":"event","event":{"a":1},"id":3},{"type":"pong","id":4}]"#).unwrap();
        assert_eq!((two.len(), &two[0].event["a"], two[1].kind.as_str()), (2, &serde_json::json!(1), "pong"));
        assert!(parse("nonsense").is_err());
    }
}
