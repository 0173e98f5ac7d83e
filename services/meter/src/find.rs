//! What there is on the network, for people.

mod settings;

use std::fmt::Write;
use std::time::Duration;

use crate::Sources;
use crate::adapters::{AdapterError, Found, kasa, mqtt, shelly, tapo, tuya};
use crate::columns::columns;

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
    let (mut text, mut all) = (String::new(), Vec::new());
    for (kind, found) in futures_util::future::join_all(looked).await {
        let _ = writeln!(text, "{}", kind.name());
        match found {
            Ok(found) if found.is_empty() => {
                let _ = writeln!(text, "  nothing answered within {} s", wait.as_secs_f64());
            }
            Ok(found) => {
                say(&mut text, &found);
                all.extend(found);
            }
            Err(why) => {
                let _ = writeln!(text, "  {why}");
            }
        }
        text.push('\n');
    }
    let config = settings::together(all.iter().map(|one| one.config.as_str()));
    if !config.is_empty() {
        let _ = writeln!(text, "To be read, in wattribute.toml:\n");
        for line in config.lines() {
            let _ = writeln!(text, "{}", format!("    {line}").trim_end());
        }
    }
    text
}

/// A line for each device, with what else is to be known of it below.
fn say(text: &mut String, found: &[Found]) {
    let rows: Vec<_> = found
        .iter()
        .map(|one| {
            let name = if one.name.is_empty() { &one.identity } else { &one.name };
            [name.clone(), one.address.clone(), format!("{} {}", one.kind, one.model).trim().to_owned(), one.identity.clone()]
        })
        .collect();
    for (line, one) in columns(&rows).into_iter().zip(found) {
        let _ = writeln!(text, "{line}");
        if let Some(note) = &one.note {
            let _ = writeln!(text, "    {note}");
        }
    }
}
