//! What devices say beside their values.
//!
//! Zigbee2MQTT says `{"state":"online"}` on `…/availability`, earlier a plain word
//! (<https://www.zigbee2mqtt.io/guide/configuration/device-availability.html>); ESPHome a plain word on `…/status`
//! (<https://esphome.io/components/mqtt/>).

use serde_json::Value;

use crate::adapters::broker::wrong_filter;
use crate::adapters::numbers::{json, mask};

/// Whether a device says that it is there; `None` where it says neither.
pub(super) fn availability(payload: &[u8]) -> Option<bool> {
    let text = std::str::from_utf8(payload).ok()?.trim();
    let read: Option<Value> = serde_json::from_str(text).ok();
    let word = read.as_ref().and_then(|read| read.get("state").unwrap_or(read).as_str()).unwrap_or(text);
    match word.to_ascii_lowercase().as_str() {
        "online" | "available" | "connected" | "ready" | "on" | "true" | "1" => Some(true),
        "offline" | "unavailable" | "disconnected" | "lost" | "off" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// Whether a topic is one that a single device publishes on. The error says what would be right.
pub(super) fn topic(topic: &str) -> Result<(), String> {
    match wrong_filter(topic) {
        Some(wrong) => Err(wrong),
        None if topic.contains(['+', '#']) => {
            Err(format!("`{topic}` stands for many topics; write one [[mqtt_source]] for each device, with its own topic"))
        }
        None => Ok(()),
    }
}

/// A payload as it may be kept: values under names that sound like secrets are masked.
pub(super) fn masked(payload: &[u8]) -> String {
    match json(payload) {
        Ok(mut read @ (Value::Object(_) | Value::Array(_))) => {
            mask(&mut read, &["token", "password", "secret", "key", "psk"]);
            read.to_string()
        }
        _ => String::from_utf8_lossy(payload).into_owned(),
    }
}
