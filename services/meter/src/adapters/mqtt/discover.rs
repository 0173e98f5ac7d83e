//! What measures power on the broker, known by what it publishes, and how each is set up.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use wattribute_service::mqtt;

use crate::adapters::broker::{Broker, Heard};
use crate::adapters::numbers::{json, number};
use crate::adapters::{AdapterError, Found, glow, tasmota};

/// Messages that are looked at, at most: a busy broker is no reason to grow.
const MOST: usize = 20_000;
/// What a single message may name a power, W.
const POWERS: [&str; 6] = ["power", "apower", "active_power", "power_w", "watts", "act_power"];

/// Listens to all of the broker for `wait`, and says what on it measures power.
pub async fn discover(broker: &mqtt::Config, wait: Duration) -> Result<Vec<Found>, AdapterError> {
    if broker.url.is_none() {
        let why = "there is no broker to listen to: set `url` in [mqtt], such as mqtt://192.168.1.2:1883";
        return Err(AdapterError::Unsupported(why.to_owned()));
    }
    let mut broker = Broker::new(broker, "discover", vec!["#".to_owned()]);
    let (until, mut said) = (Instant::now() + wait, BTreeMap::new());
    while let Ok(heard) = timeout_at(until, broker.next()).await {
        match heard? {
            // Most Tasmotas tell what they measure every five minutes only, and Shellies of the first generation what changes.
            Heard::Connected => {
                broker.ask("cmnd/tasmotas/STATUS", "10");
                broker.ask("shellies/command", "announce");
            }
            Heard::Message(message) => {
                if let Some(question) = tasmota::question(&message.topic, &message.payload) {
                    broker.ask(&question, "10");
                }
                said.insert(message.topic, message.payload);
            }
        }
        if said.len() >= MOST {
            break;
        }
    }
    if !broker.is_connected() {
        return Err(AdapterError::Timeout(format!("the broker did not let us in within {} s; check `url` in [mqtt]", wait.as_secs())));
    }
    Ok(sort(&said))
}

/// What measures power, by what was published last on each topic.
pub(super) fn sort(said: &BTreeMap<String, Vec<u8>>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut ours: Vec<&str> = Vec::new();
    for (topic, payload) in said {
        if let Some(one) = tasmota::found(topic, payload).or_else(|| glow::found(topic, payload)).or_else(|| shelly(topic)) {
            ours.push(topic);
            if !found.iter().any(|known: &Found| known.identity == one.identity) {
                found.push(one);
            }
        }
    }
    for (topic, payload) in said {
        let announced = announced(topic, payload).filter(|(state_topic, _)| !ours.contains(&state_topic.as_str()));
        if let Some((_, one)) = announced
            && !found.iter().any(|known| known.address == one.address && known.config == one.config)
        {
            found.push(one);
        }
    }
    for (topic, payload) in said {
        let is_known = ours.contains(&topic.as_str()) || found.iter().any(|known| known.address == *topic);
        if !is_known && let Some(one) = plain(topic, payload) {
            found.push(one);
        }
    }
    found
}

/// A Shelly by its topics: gen1 publishes below `shellies/`, later ones name their component.
fn shelly(topic: &str) -> Option<Found> {
    let (id, filter) = match topic.split('/').collect::<Vec<_>>()[..] {
        ["shellies", id, "relay" | "emeter" | "light", _, "power"] => (id, "shellies/#".to_owned()),
        [id, "status", component] if ["switch:", "pm1:", "em:", "em1:", "cover:"].iter().any(|kind| component.starts_with(kind)) => {
            (id, format!("{id}/#"))
        }
        [id, "events", "rpc"] => (id, format!("{id}/#")),
        _ => return None,
    };
    Some(Found {
        kind: "shelly",
        name: id.to_owned(),
        address: id.to_owned(),
        identity: id.to_owned(),
        config: format!("[shelly]\ntopics = [\"{filter}\"]\n"),
        ..Found::default()
    })
}

/// A sensor that is announced to Home Assistant, as ESPHome and others do: the topic of its state, and what it would be here.
/// <https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery>
fn announced(topic: &str, payload: &[u8]) -> Option<(String, Found)> {
    if !topic.ends_with("/config") || !topic.contains("/sensor/") {
        return None;
    }
    let said = json(payload).ok()?;
    let text = |long: &str, short: &str| said.get(long).or_else(|| said.get(short)).and_then(Value::as_str);
    let quantity = match text("device_class", "dev_cla")? {
        "power" => "power_w",
        "energy" => "energy_import_kwh",
        _ => return None,
    };
    let state_topic = said.get("state_topic").or_else(|| said.get("stat_t")).and_then(Value::as_str)?;
    let state_topic = state_topic.replace('~', text("~", "~").unwrap_or_default());
    let pointer = match text("value_template", "val_tpl") {
        None => None,
        Some(template) => Some(pointer(template)?),
    };
    let device = said.get("device").or_else(|| said.get("dev"));
    let of_device =
        |key: &str, short: &str| device.and_then(|d| d.get(key).or_else(|| d.get(short))).and_then(Value::as_str).unwrap_or_default();
    if of_device("manufacturer", "mf") == "Wattribute" {
        return None;
    }
    let sensor = text("name", "name").unwrap_or_default();
    let name = [of_device("name", "name"), sensor].into_iter().find(|name| !name.is_empty()).unwrap_or(&state_topic).to_owned();
    let unit = text("unit_of_measurement", "unit_of_meas")
        .filter(|unit| !matches!((quantity, *unit), ("power_w", "W") | ("energy_import_kwh", "kWh")));
    let mut value = format!("quantity = \"{quantity}\"");
    pointer.iter().for_each(|pointer| value += &format!(", pointer = {}", quoted(pointer)));
    unit.iter().for_each(|unit| value += &format!(", unit = {}", quoted(unit)));
    let identity = text("unique_id", "uniq_id").unwrap_or(&state_topic).to_owned();
    let model = of_device("model", "mdl").to_owned();
    let config = source(&name, &state_topic, &value);
    Some((state_topic.clone(), Found { kind: "mqtt", name, model, address: state_topic, identity, config, note: None }))
}

/// The pointer of a template that does nothing but name one value, such as `{{ value_json.power }}` or `{{ value_json['a']['b'] | float }}`.
fn pointer(template: &str) -> Option<String> {
    let inner = template.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let path = inner.split('|').next()?.trim().strip_prefix("value_json")?;
    let path = path.replace("['", ".").replace("[\"", ".").replace("']", "").replace("\"]", "").replace('[', ".").replace(']', "");
    let names: Vec<&str> = path.strip_prefix('.')?.split('.').collect();
    let is_plain = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_- ".contains(c));
    names.iter().all(is_plain).then(|| format!("/{}", names.join("/")))
}

/// A message that holds a power under a usual name.
fn plain(topic: &str, payload: &[u8]) -> Option<Found> {
    let said = json(payload).ok()?;
    let values = said.as_object()?;
    let key = POWERS.iter().find(|key| values.get(**key).is_some_and(|value| number(value).is_some()))?;
    let mut value = format!("quantity = \"power_w\", pointer = \"/{key}\"");
    if values.get("energy").is_some_and(|value| number(value).is_some()) {
        value += " },\n  { quantity = \"energy_import_kwh\", pointer = \"/energy\"";
    }
    let name = topic.rsplit('/').next().unwrap_or(topic).to_owned();
    let config = source(&name, topic, &value);
    let note = Some("check that its power is in W and its energy in kWh; `unit` says otherwise".to_owned());
    Some(Found { kind: "mqtt", name, address: topic.to_owned(), identity: topic.to_owned(), config, note, ..Found::default() })
}

fn source(name: &str, topic: &str, value: &str) -> String {
    format!("[[mqtt_source]]\nname = {}\ntopic = {}\nrole = \"device\"\nvalues = [\n  {{ {value} }},\n]\n", quoted(name), quoted(topic))
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::adapters::mqtt::{Config, Mqtt};

    fn sorted(said: &[(&str, &str)]) -> Vec<Found> {
        sort(&said.iter().map(|(topic, payload)| ((*topic).to_owned(), payload.as_bytes().to_vec())).collect())
    }

    #[test]
    fn what_measures_power_is_found_and_what_to_set_up_can_be_read() {
        let found = sorted(&[
            ("tele/desk/SENSOR", r#"{"Time":"2026-11-21T10:00:00","ENERGY":{"Total":1.5,"Power":12}}"#),
            ("tele/weather/SENSOR", r#"{"Time":"2026-11-21T10:00:00","AM2301":{"Temperature":20.1}}"#),
            ("glow/A1B2/SENSOR/electricitymeter", r#"{"electricitymeter":{"power":{"value":0.3,"units":"kW"}}}"#),
            ("shellies/shellyplug-s-1/relay/0/power", "4.2"),
            ("shellyplus1pm-2/status/switch:0", r#"{"id":0,"apower":3.1}"#),
            ("zigbee2mqtt/heater", r#"{"power": 1200, "energy": 4.5, "state": "ON"}"#),
            ("zigbee2mqtt/bridge/state", "online"),
            (
                "homeassistant/sensor/washer/power/config",
                r#"{"device_class":"power","state_topic":"washer/sensor/power/state","unit_of_measurement":"kW","unique_id":"w1","device":{"name":"Washer \"1\"","model":"esp32"}}"#,
            ),
            (
                "homeassistant/sensor/0x1/power/config",
                r#"{"dev_cla":"power","stat_t":"zigbee2mqtt/heater","val_tpl":"{{ value_json.power }}","uniq_id":"z1","dev":{"name":"heater"}}"#,
            ),
            (
                "homeassistant/sensor/wattribute/x/config",
                r#"{"device_class":"power","state_topic":"wattribute/x","device":{"manufacturer":"Wattribute"}}"#,
            ),
        ]);
        let shown: Vec<_> = found.iter().map(|found| (found.kind, found.address.as_str())).collect();
        let expected = [
            ("glow", "glow/A1B2"),
            ("shelly", "shellyplug-s-1"),
            ("shelly", "shellyplus1pm-2"),
            ("tasmota", "tele/desk/SENSOR"),
            ("mqtt", "zigbee2mqtt/heater"),
            ("mqtt", "washer/sensor/power/state"),
        ];
        assert_eq!(shown.len(), expected.len(), "{shown:#?}");
        for one in expected {
            assert!(shown.contains(&one), "{one:?}: {shown:#?}");
        }
        #[derive(serde::Deserialize)]
        struct Read {
            mqtt_source: Vec<Config>,
        }
        for found in found.iter().filter(|found| found.kind == "mqtt") {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("wattribute.toml");
            std::fs::write(&path, &found.config).unwrap();
            let read: Read = wattribute_service::config::Loader::read(Some(&path), &[]).unwrap().section("").unwrap();
            let (_, wrong) = Mqtt::listen(&read.mqtt_source, &mqtt::Config::default(), &[]);
            assert!(wrong.is_empty(), "{wrong:?}");
        }
    }

    #[rstest]
    #[case("{{ value_json.power }}", Some("/power"))]
    #[case("{{value_json['ENERGY']['Power'] | float}}", Some("/ENERGY/Power"))]
    #[case("{{ value_json.list[0].apower }}", Some("/list/0/apower"))]
    #[case("{{ value }}", None)]
    #[case("{{ value_json.a + value_json.b }}", None)]
    #[case("{% if value_json.a %}1{% endif %}", None)]
    fn a_template_that_names_one_value_is_a_pointer(#[case] template: &str, #[case] expected: Option<&str>) {
        assert_eq!(pointer(template).as_deref(), expected);
    }
}
