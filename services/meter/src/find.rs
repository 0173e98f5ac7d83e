//! What there is on the network, for people.

use std::fmt::Write;
use std::time::Duration;

use crate::Sources;
use crate::adapters::{AdapterError, Found, kasa, mqtt, shelly, tapo, tuya};

/// Where devices are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On the MQTT broker: Tasmota, Glow, Shelly, Zigbee2MQTT, ESPHome and others.
    Mqtt,
    /// By what Tuya devices broadcast.
    Tuya,
    /// Shellies on this network (mDNS), and those that are named.
    Shelly,
    /// Kasa plugs and strips.
    Kasa,
    /// Tapo plugs and strips.
    Tapo,
}

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Mqtt => mqtt::NAME,
            Kind::Tuya => tuya::NAME,
            Kind::Shelly => shelly::NAME,
            Kind::Kasa => kasa::NAME,
            Kind::Tapo => tapo::NAME,
        }
    }

    async fn look(self, sources: &Sources, wait: Duration) -> Result<Vec<Found>, AdapterError> {
        match self {
            Kind::Mqtt => mqtt::discover(&sources.broker, wait).await,
            Kind::Tuya => tuya::discover(sources.tuya.ports, wait).await,
            Kind::Shelly => shelly::discover(&sources.shelly, wait).await,
            Kind::Kasa => kasa::discover(&sources.kasa, wait).await,
            Kind::Tapo => tapo::discover(&sources.tapo, wait).await,
        }
    }
}

/// Looks for `wait` in each of these places at once, and says what was found, with what to put into the configuration.
pub async fn find(kinds: &[Kind], sources: &Sources, wait: Duration) -> String {
    let looked = kinds.iter().map(|kind| async move { (*kind, kind.look(sources, wait).await) });
    let mut text = String::new();
    for (kind, found) in futures_util::future::join_all(looked).await {
        let _ = writeln!(text, "{}", kind.name());
        match found {
            Ok(found) if found.is_empty() => {
                let _ = writeln!(text, "  nothing answered within {} s", wait.as_secs_f64());
            }
            Ok(found) => say(&mut text, &found),
            Err(why) => {
                let _ = writeln!(text, "  {why}");
            }
        }
        text.push('\n');
    }
    text
}

/// A line for each device, then what to put into the configuration, each part once.
fn say(text: &mut String, found: &[Found]) {
    for one in found {
        let name = if one.name.is_empty() { &one.identity } else { &one.name };
        let kind = format!("{} {}", one.kind, one.model);
        let line = format!("  {name:<28}{:<28}{:<24}{}", one.address, kind.trim(), one.identity);
        let _ = writeln!(text, "{}", line.trim_end());
        if let Some(note) = &one.note {
            let _ = writeln!(text, "    {note}");
        }
    }
    let mut configs: Vec<&str> = Vec::new();
    for one in found.iter().map(|one| one.config.trim()).filter(|config| !config.is_empty()) {
        if !configs.contains(&one) {
            configs.push(one);
        }
    }
    let _ = writeln!(text, "\n  To be read, in wattribute.toml:\n");
    for config in configs {
        for line in config.lines() {
            let _ = writeln!(text, "{}", format!("    {line}").trim_end());
        }
        text.push('\n');
    }
}
