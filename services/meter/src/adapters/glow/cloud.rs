//! Glow's own broker, which passes on what a display hears of its meters.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use wattribute_domain::SeriesInfo;
use wattribute_service::mqtt::{self, Address};

use super::{NAME, zigbee};
use crate::adapters::broker::{Broker, Heard};
use crate::adapters::web::Ticks;
use crate::adapters::{Adapter, AdapterError, Event, Listening, Register, now_ms};

/// How often it is looked whether the display fell silent.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A display that said nothing for so long is away; it speaks about every ten seconds.
const SILENT_AFTER_MS: i64 = 300_000;

/// The section `[glow.cloud]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cloud {
    /// Id of the display, such as `AABBCCDDEEFF`. Without it the cloud is not asked.
    pub device_id: Option<String>,
    /// User of the Bright app.
    pub username: Option<String>,
    /// Its password; it is never shown.
    pub password: Option<SecretString>,
    /// Where the broker is.
    pub url: Option<Address>,
    /// Certificate (PEM) of the owner's own CA, for a broker of his own.
    pub ca_file: Option<PathBuf>,
    /// What a cubic metre of gas is, kWh.
    pub gas_kwh_per_m3: f64,
}

impl Default for Cloud {
    fn default() -> Self {
        Cloud {
            device_id: None,
            username: None,
            password: None,
            url: Address::try_from("mqtts://glowmqtt.energyhive.com:8883".to_owned()).ok(),
            ca_file: None,
            gas_kwh_per_m3: 11.2,
        }
    }
}

impl Cloud {
    /// Whether it is to be asked.
    pub fn is_set(&self) -> bool {
        self.device_id.as_deref().is_some_and(|id| !id.trim().is_empty())
    }
}

/// Listens to one display through Glow's cloud.
pub struct GlowCloud {
    display: String,
    gas_kwh_per_m3: f64,
    broker: Broker,
    register: Register,
    ticks: Ticks,
    /// When the display was heard last, or began to be listened for, ms since the epoch.
    heard_ms: i64,
    trouble: Option<String>,
}

impl GlowCloud {
    /// An adapter that goes on with the series that the store has. Connects at the first [`Adapter::next`].
    pub fn new(config: &Cloud, known: &[SeriesInfo]) -> Result<Self, AdapterError> {
        let wrong = |why: &str| Err(AdapterError::Unsupported(format!("[glow.cloud] {why}")));
        let display = config.device_id.as_deref().map(str::trim).unwrap_or_default();
        if display.is_empty() || !display.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return wrong("device_id: this is no id of a display, such as AABBCCDDEEFF");
        }
        if config.username.is_none() && config.url.as_ref().is_none_or(|url| url.username.is_none()) {
            return wrong("username: set the user and the password of the Bright app");
        }
        if !(1.0..=100.0).contains(&config.gas_kwh_per_m3) {
            return wrong("gas_kwh_per_m3: a cubic metre of gas is about 11.2 kWh");
        }
        let broker = mqtt::Config {
            url: config.url.clone().or(Cloud::default().url),
            username: config.username.clone(),
            password: config.password.clone(),
            ca_file: config.ca_file.clone(),
            // All customers share this broker, and of two with one id each throws the other out.
            base_topic: unique()?,
            section: "glow.cloud",
            ..mqtt::Config::default()
        };
        Ok(GlowCloud {
            display: display.to_owned(),
            gas_kwh_per_m3: config.gas_kwh_per_m3,
            broker: Broker::new(&broker, NAME, vec![format!("SMART/HILD/{display}")]),
            register: Register::new(NAME, known),
            ticks: Ticks::every(LOOK_EVERY),
            heard_ms: now_ms(),
            trouble: None,
        })
    }

    fn hear(&mut self, payload: &[u8], at_ms: i64) -> Vec<Event> {
        let mut out = Vec::new();
        self.heard_ms = at_ms;
        match zigbee::read(&self.display, payload, self.gas_kwh_per_m3) {
            Ok(told) => {
                self.trouble = None;
                self.register.say_all(&told, &zigbee::masked(payload), at_ms, &mut out);
            }
            Err(why) => {
                metrics::counter!("wattribute_bad_payloads_total", "adapter" => NAME).increment(1);
                self.trouble = Some(why);
            }
        }
        out
    }

    /// Notes where the display fell silent; `None` where that is no news.
    fn look(&mut self, now_ms: i64) -> Option<Vec<Event>> {
        if now_ms - self.heard_ms < SILENT_AFTER_MS {
            return None;
        }
        let why = "the cloud has passed nothing on for 5 min: see that the display is on and `device_id` is its own";
        let is_new = self.trouble.as_deref() != Some(why);
        self.trouble = Some(why.to_owned());
        let mut out = Vec::new();
        for identity in self.register.identities(&format!("{}/", self.display)) {
            self.register.silence(&identity, now_ms, &mut out);
        }
        (is_new || !out.is_empty()).then_some(out)
    }
}

fn unique() -> Result<String, AdapterError> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(|error| AdapterError::Unsupported(format!("this machine gives no random numbers: {error}")))?;
    Ok(bytes.iter().fold("wattribute-".to_owned(), |id, byte| format!("{id}{byte:02x}")))
}

#[async_trait]
impl Adapter for GlowCloud {
    fn name(&self) -> &str {
        NAME
    }

    fn device(&self) -> Option<&str> {
        Some("cloud")
    }

    fn is_up(&self) -> bool {
        self.broker.is_connected()
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        loop {
            tokio::select! {
                heard = self.broker.next() => return Ok(match heard? {
                    Heard::Connected => {
                        self.heard_ms = now_ms();
                        Vec::new()
                    }
                    // What the broker kept was said at some time before.
                    Heard::Message(message) if message.retained => Vec::new(),
                    Heard::Message(message) => self.hear(&message.payload, now_ms()),
                }),
                () = self.ticks.next() => {
                    if let Some(events) = self.look(now_ms()) {
                        return Ok(events);
                    }
                }
            }
        }
    }

    fn troubles(&self) -> BTreeMap<String, String> {
        self.trouble.iter().map(|why| ("display".to_owned(), why.clone())).collect()
    }

    fn listens(&self) -> Option<Listening> {
        Some(self.broker.listening())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use crate::adapters::fixtures::of;
    use rstest::rstest;

    fn cloud(device_id: &str) -> Cloud {
        Cloud { device_id: Some(device_id.to_owned()), username: Some("anna".to_owned()), ..Cloud::default() }
    }

    #[rstest]
    #[case(cloud("AA/#"), "device_id")]
    #[case(Cloud { username: None, ..cloud("AABBCC") }, "username")]
    #[case(Cloud { gas_kwh_per_m3: f64::NAN, ..cloud("AABBCC") }, "gas_kwh_per_m3")]
    fn what_is_set_up_wrongly_is_named(#[case] config: Cloud, #[case] key: &str) {
        let error = GlowCloud::new(&config, &[]).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("[glow.cloud]") && error.contains(key), "{error}");
    }

    #[test]
    fn a_display_that_falls_silent_is_told_once_and_not_held() {
        let mut glow = GlowCloud::new(&cloud("AABBCC"), &[]).unwrap();
        let good = of("glow").into_iter().find(|(name, _)| name == "cloud_both.json").unwrap().1;
        assert!(!glow.hear(good.as_bytes(), 1_000).is_empty());
        assert_eq!(glow.look(200_000), None);
        let events = glow.look(301_000).unwrap();
        let silent = events.iter().filter(|event| matches!(event, Event::Reading { value, .. } if value.is_nan())).count();
        assert!(silent == 4 && glow.troubles()["display"].contains("device_id"), "{events:?}");
        assert_eq!(glow.look(302_000), None);
        glow.hear(b"{\"elecMtr\": 7}", 303_000);
        assert!(glow.troubles()["display"].contains("found its meter"));
        glow.hear(good.as_bytes(), 304_000);
        assert!(glow.troubles().is_empty());
    }
}
