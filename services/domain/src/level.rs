//! What state an entity is in, as far as its load is concerned.
//!
//! Facts about states and attributes are from Home Assistant's developer documentation of each entity type
//! (<https://developers.home-assistant.io/docs/core/entity>).

use serde::Deserialize;
use serde_json::Value;

/// Number of the mode that draws nothing.
pub const OFF: u16 = 0;

/// A mode with a fraction of full power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Index into [`crate::Entity::modes`]; [`OFF`] draws nothing beyond standby.
    pub mode: u16,
    /// Share of the mode's full level, 0 to 1 (brightness / 255, fan percentage / 100); 1 where the mode has no fraction.
    pub fraction: f32,
}

impl Level {
    /// Off.
    pub const fn off() -> Self {
        Level { mode: OFF, fraction: 1.0 }
    }

    /// Whether it draws nothing beyond standby.
    pub fn is_off(self) -> bool {
        self.mode == OFF
    }
}

/// The number of `mode` in a list of modes, to which it is added where it is new. Past 65,535 modes all new ones share the last number.
pub(crate) fn mode_number(modes: &mut Vec<String>, mode: &str) -> u16 {
    if let Some(k) = modes.iter().position(|m| m == mode) {
        return k as u16;
    }
    if modes.len() < usize::from(u16::MAX) {
        modes.push(mode.to_owned());
    }
    (modes.len() - 1) as u16
}

/// What one state row says.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard<'a> {
    /// It draws nothing beyond standby.
    Off,
    /// It is in a mode, at a fraction of it (0 to 1).
    On(std::borrow::Cow<'a, str>, f32),
    /// It cannot say (`unavailable`, `unknown`, empty).
    Silent,
}

/// The attributes that tell a level; anything else is ignored, and a value of the wrong type counts as absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Attributes {
    /// Light: 0 to 255.
    pub brightness: Value,
    /// Fan: 0 to 100.
    pub percentage: Value,
    /// Fan: name of a preset.
    pub preset_mode: Value,
    /// Climate: `heating`, `cooling`, `drying`, `fan`, `preheating`, `defrosting`, `idle`, `off`.
    pub hvac_action: Value,
    /// Humidifier: `humidifying`, `drying`, `idle`, `off`.
    pub action: Value,
    /// Friendly name.
    pub friendly_name: Value,
    /// Unit of a sensor.
    pub unit_of_measurement: Value,
    /// Device class.
    pub device_class: Value,
    /// State class of a sensor.
    pub state_class: Value,
}

impl Attributes {
    /// Reads Home Assistant's attribute JSON; anything that is not an object gives no attributes.
    pub fn parse(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }
}

/// Whether a state says that the entity cannot tell.
pub fn is_silent(state: &str) -> bool {
    matches!(state, "unavailable" | "unknown" | "" | "None" | "none")
}

/// Whether entities of this id may switch a load. A `sensor` may where its device class is `enum` (an appliance's program);
/// a `binary_sensor` where it is `running`, `plug` or `power`: pass what the attributes say, `None` where they say nothing.
pub fn may_switch_a_load(entity_id: &str, device_class: Option<&str>) -> bool {
    match entity_id.split_once('.').map(|(domain, _)| domain) {
        Some(
            "switch" | "light" | "fan" | "climate" | "water_heater" | "humidifier" | "media_player" | "vacuum" | "lawn_mower" | "cover"
            | "valve" | "siren" | "input_boolean",
        ) => true,
        Some("binary_sensor") => matches!(device_class, Some("running" | "plug" | "power")),
        Some("sensor") => device_class == Some("enum"),
        _ => false,
    }
}

/// The level that a state with its attributes tells. Each `hvac_action` (rather than `hvac_mode`) and media state is a mode of its
/// own; covers and valves draw while they move; a robot draws while it charges in its dock.
pub fn hear<'a>(entity_id: &str, state: &'a str, attributes: &Attributes) -> Heard<'a> {
    if is_silent(state) {
        return Heard::Silent;
    }
    let domain = entity_id.split('.').next().unwrap_or_default();
    match domain {
        "light" => match state {
            "on" => Heard::On("on".into(), fraction(&attributes.brightness, 255.0).unwrap_or(1.0)),
            _ => Heard::Off,
        },
        "fan" => match state {
            "on" => match (fraction(&attributes.percentage, 100.0), attributes.preset_mode.as_str()) {
                (Some(share), _) if share > 0.0 => Heard::On("on".into(), share),
                (Some(_), _) => Heard::Off,
                (None, Some(preset)) => Heard::On(preset.to_owned().into(), 1.0),
                (None, None) => Heard::On("on".into(), 1.0),
            },
            _ => Heard::Off,
        },
        "climate" => acting(state, &attributes.hvac_action),
        "humidifier" => acting(state, &attributes.action),
        "cover" | "valve" => match state {
            "opening" | "closing" => Heard::On(state.into(), 1.0),
            _ => Heard::Off,
        },
        "vacuum" | "lawn_mower" => match state {
            "docked" => Heard::On("docked".into(), 1.0),
            _ => Heard::Off,
        },
        "sensor" => match state.to_ascii_lowercase().as_str() {
            "off" | "idle" | "standby" | "ready" | "inactive" | "not_running" | "finished" | "finish" | "complete" | "completed"
            | "end" | "ended" | "done" | "stop" | "stopped" | "pause" | "paused" | "power_off" | "poweroff" | "delayed_start"
            | "delayedstart" | "waiting" | "waiting_to_start" | "programmed" | "not_connected" | "disconnected" => Heard::Off,
            _ => Heard::On(state.into(), 1.0),
        },
        _ => match state {
            "off" | "closed" | "idle" if domain != "media_player" => Heard::Off,
            "off" => Heard::Off,
            _ => Heard::On(state.into(), 1.0),
        },
    }
}

fn acting<'a>(state: &'a str, action: &Value) -> Heard<'a> {
    match (state, action.as_str()) {
        ("off", _) | (_, Some("off" | "idle")) => Heard::Off,
        (_, Some(action)) => Heard::On(action.to_owned().into(), 1.0),
        (_, None) => Heard::On(state.into(), 1.0),
    }
}

fn fraction(value: &Value, full: f64) -> Option<f32> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then(|| (number / full).clamp(0.0, 1.0) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("light.a", "on", "{}", Heard::On("on".into(), 1.0))]
    #[case("light.a", "on", r#"{"brightness":51}"#, Heard::On("on".into(), 0.2))]
    #[case("light.a", "on", r#"{"brightness":null}"#, Heard::On("on".into(), 1.0))]
    #[case("light.a", "off", r#"{"brightness":51}"#, Heard::Off)]
    #[case("light.a", "unavailable", "{}", Heard::Silent)]
    #[case("fan.a", "on", r#"{"percentage":50}"#, Heard::On("on".into(), 0.5))]
    #[case("fan.a", "on", r#"{"percentage":0}"#, Heard::Off)]
    #[case("fan.a", "on", r#"{"preset_mode":"eco"}"#, Heard::On("eco".into(), 1.0))]
    #[case("climate.a", "heat", r#"{"hvac_action":"heating"}"#, Heard::On("heating".into(), 1.0))]
    #[case("climate.a", "heat", r#"{"hvac_action":"idle"}"#, Heard::Off)]
    #[case("climate.a", "heat", "{}", Heard::On("heat".into(), 1.0))]
    #[case("climate.a", "off", r#"{"hvac_action":"heating"}"#, Heard::Off)]
    #[case("media_player.a", "idle", "{}", Heard::On("idle".into(), 1.0))]
    #[case("media_player.a", "off", "{}", Heard::Off)]
    #[case("cover.a", "opening", "{}", Heard::On("opening".into(), 1.0))]
    #[case("cover.a", "open", "{}", Heard::Off)]
    #[case("vacuum.a", "docked", "{}", Heard::On("docked".into(), 1.0))]
    #[case("sensor.washer_state", "Run", "{}", Heard::On("Run".into(), 1.0))]
    #[case("sensor.washer_state", "Ready", "{}", Heard::Off)]
    #[case("switch.a", "on", "not json", Heard::On("on".into(), 1.0))]
    fn a_state_tells_a_level(#[case] id: &str, #[case] state: &str, #[case] attributes: &str, #[case] heard: Heard<'_>) {
        assert_eq!(hear(id, state, &Attributes::parse(attributes)), heard);
    }

    #[test]
    fn only_things_that_switch_loads_are_entities() {
        assert!(may_switch_a_load("switch.a", None));
        assert!(may_switch_a_load("binary_sensor.a", Some("running")));
        assert!(!may_switch_a_load("binary_sensor.a", Some("motion")));
        assert!(!may_switch_a_load("sensor.a", Some("power")));
        assert!(!may_switch_a_load("automation.a", None));
    }
}
