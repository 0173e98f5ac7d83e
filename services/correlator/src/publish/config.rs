use std::path::PathBuf;
use std::time::Duration;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The section `[correlator.publish]`: what Home Assistant is told.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Sensors of the home and its devices: over MQTT where a broker is configured, as states through the API else.
    pub sensors: bool,
    /// Which devices get sensors: a number (so many, by energy; 20 by default), `all`, or a list of entity ids.
    pub devices: Devices,
    /// Least time between two values of one sensor, s; energy comes once a minute at most.
    pub min_interval_s: u64,
    /// Events `wattribute_correlation`.
    pub events: bool,
    /// Least step that is an event, W, up or down.
    pub event_min_delta_w: f64,
    /// Energy per device and hour as external statistics.
    pub statistics: bool,
    /// Address of the dashboard, which Home Assistant links from the device.
    pub configuration_url: Option<String>,
    /// Folder in which alerts wait for the broker; without one none go there.
    #[serde(skip)]
    pub spool: Option<PathBuf>,
    /// What somebody is told of; section `[alerts]`.
    #[serde(skip)]
    pub alerts: super::alerts::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            sensors: true,
            devices: Devices::default(),
            min_interval_s: 5,
            events: true,
            event_min_delta_w: 10.0,
            statistics: true,
            configuration_url: None,
            spool: None,
            alerts: super::alerts::Config::default(),
        }
    }
}

impl Config {
    pub(super) fn min_interval(&self) -> Duration {
        Duration::from_secs(self.min_interval_s)
    }
}

/// Which devices get sensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Devices {
    /// So many of those with something to say, most energy first.
    Top(usize),
    /// All with something to say.
    All,
    /// These entities, whatever is known of them.
    Listed(Vec<String>),
}

impl Default for Devices {
    fn default() -> Self {
        Devices::Top(20)
    }
}

impl Serialize for Devices {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Devices::Top(most) => most.serialize(to),
            Devices::All => "all".serialize(to),
            Devices::Listed(ids) => ids.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Devices {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OfAny)
    }
}

struct OfAny;

impl<'de> Visitor<'de> for OfAny {
    type Value = Devices;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number such as 20, \"all\", or a list of entity ids such as [\"light.hall\"]")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Devices, E> {
        Ok(Devices::Top(usize::try_from(number).unwrap_or(usize::MAX)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Devices, E> {
        u64::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self)).and_then(|n| self.visit_u64(n))
    }

    // The environment knows only texts.
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Devices, E> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("all") {
            return Ok(Devices::All);
        }
        if let Ok(number) = text.parse() {
            return Ok(Devices::Top(number));
        }
        let listed: Vec<String> = text.split(',').map(|id| id.trim().to_owned()).collect();
        if listed.iter().all(|id| id.contains('.')) {
            return Ok(Devices::Listed(listed));
        }
        Err(E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Devices, A::Error> {
        let mut listed = Vec::new();
        while let Some(id) = seq.next_element::<String>()? {
            listed.push(id);
        }
        Ok(Devices::Listed(listed))
    }
}
