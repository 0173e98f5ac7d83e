//! The sources that are set up beside Home Assistant, and their adapters.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use wattribute_domain::{Role, SeriesId, SeriesInfo};
use wattribute_service::mqtt::Config as Broker;
use wattribute_store::Store;

use crate::adapters::{
    Adapter, AdapterError, Described, Roles, Same, emporia, glow, http, iotawatt, kasa, mqtt, pulse, sense, shelly, tapo, tasmota, tuya,
};

/// What is set up: a section for each source, such as `[tasmota]`, or one for each device, such as `[[http_source]]`, and `[roles]`.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The broker of what speaks MQTT; section `[mqtt]`.
    pub broker: Broker,
    /// Tasmota plugs and smart meters.
    pub tasmota: tasmota::Config,
    /// An account of Emporia's.
    pub emporia: emporia::Config,
    /// An account of Sense's.
    pub sense: sense::Config,
    /// Glow displays.
    pub glow: glow::Config,
    /// Devices that publish, as the owner describes them.
    pub mqtt: Vec<mqtt::Config>,
    /// Devices with a page, as the owner describes them.
    pub http: Vec<http::Config>,
    /// IoTaWatts.
    pub iotawatt: Vec<iotawatt::Config>,
    /// Pulse meters.
    pub pulse: Vec<pulse::Config>,
    /// Where pulse meters push.
    pub door: pulse::Door,
    /// Tuya devices.
    pub tuya: tuya::Config,
    /// Shellies.
    pub shelly: shelly::Config,
    /// Kasa plugs and strips.
    pub kasa: kasa::Config,
    /// Tapo plugs and strips.
    pub tapo: tapo::Config,
    /// What devices are in the home, whatever they come from.
    pub roles: BTreeMap<String, Role>,
}

/// What is set up wrongly: which source, and what would be right.
pub(crate) type Wrong = (&'static str, AdapterError);

impl Sources {
    /// All that can be named as the source of the house's meter, with Home Assistant first.
    pub const NAMES: &[&str] = &[
        "home_assistant",
        tasmota::NAME,
        glow::NAME,
        mqtt::NAME,
        http::NAME,
        iotawatt::NAME,
        pulse::NAME,
        emporia::NAME,
        sense::NAME,
        tuya::NAME,
        shelly::NAME,
        kasa::NAME,
        tapo::NAME,
    ];

    /// Whether something is the name of a source, however it is written.
    pub fn is_name(said: &str) -> bool {
        Sources::NAMES.contains(&said.trim().to_ascii_lowercase().as_str())
    }

    /// The sources that are set up.
    pub fn names(&self) -> Vec<&'static str> {
        let set_up = [
            (tasmota::NAME, !self.tasmota.topics.is_empty()),
            (glow::NAME, !self.glow.topics.is_empty() || self.glow.cloud.is_set()),
            (mqtt::NAME, !self.mqtt.is_empty()),
            (http::NAME, !self.http.is_empty()),
            (iotawatt::NAME, !self.iotawatt.is_empty()),
            (pulse::NAME, !self.pulse.is_empty()),
            (emporia::NAME, self.emporia.is_set()),
            (sense::NAME, self.sense.is_set()),
            (tuya::NAME, self.tuya.is_set()),
            (shelly::NAME, self.shelly.is_set_up()),
            (kasa::NAME, self.kasa.is_set_up()),
            (tapo::NAME, self.tapo.is_set_up()),
        ];
        set_up.into_iter().filter(|(_, is_set_up)| *is_set_up).map(|(name, _)| name).collect()
    }

    /// The adapters of all that is set up rightly, and what is not.
    pub(crate) async fn adapters(&self, store: &dyn Store) -> wattribute_store::Result<(Vec<Box<dyn Adapter>>, Vec<Wrong>)> {
        let series = store.series().await?;
        let known: Vec<SeriesInfo> = series.iter().map(|(_, info)| info.clone()).collect();
        let (mut good, mut wrong): (Vec<Box<dyn Adapter>>, Vec<Wrong>) = (Vec::new(), Vec::new());
        let mut add = |name: &'static str, made: Result<Box<dyn Adapter>, AdapterError>| match made {
            Ok(adapter) => good.push(adapter),
            Err(error) => wrong.push((name, error)),
        };
        for name in self.names() {
            let over_mqtt = [tasmota::NAME, glow::NAME, mqtt::NAME].contains(&name);
            let is_elsewhere = name == glow::NAME && self.glow.topics.is_empty();
            if over_mqtt && !is_elsewhere && self.broker.url.is_none() {
                let why = "it is heard over MQTT, and no broker is set up: set `url` in [mqtt], such as mqtt://192.168.1.2:1883";
                add(name, Err(AdapterError::Unsupported(why.to_owned())));
                continue;
            }
            match name {
                tasmota::NAME => add(name, tasmota::Tasmota::new(&self.tasmota, &self.broker, &known).map(boxed)),
                glow::NAME if is_elsewhere => add(name, glow::GlowCloud::new(&self.glow.cloud, &known).map(boxed)),
                glow::NAME if self.glow.cloud.is_set() => {
                    let why = "[glow] topics and [glow.cloud] are both set: the same meter would be read twice; keep one of the two";
                    add(name, Err(AdapterError::Unsupported(why.to_owned())));
                    add(name, glow::Glow::listen(&self.glow, &self.broker, &known).map(boxed));
                }
                glow::NAME => add(name, glow::Glow::listen(&self.glow, &self.broker, &known).map(boxed)),
                mqtt::NAME => {
                    let (adapter, errors) = mqtt::Mqtt::listen(&self.mqtt, &self.broker, &known);
                    errors.into_iter().for_each(|error| add(name, Err(error)));
                    if !adapter.hears.is_empty() {
                        add(name, Ok(boxed(adapter)));
                    }
                }
                emporia::NAME => add(name, emporia::Emporia::new(&self.emporia, &known).map(boxed)),
                sense::NAME => add(name, sense::Sense::new(&self.sense, &known).map(boxed)),
                kasa::NAME => add(name, kasa::read(&self.kasa, &known).map(boxed)),
                tapo::NAME => add(name, tapo::read(&self.tapo, &known).map(boxed)),
                http::NAME => {
                    let mut names: Vec<String> = Vec::new();
                    for config in &self.http {
                        add(name, once(&mut names, "http_source", &config.name).and_then(|()| http::Http::new(config, &known).map(boxed)));
                    }
                }
                iotawatt::NAME => {
                    let (mut names, latest): (Vec<String>, HashMap<SeriesId, i64>) =
                        (Vec::new(), store.latest().await?.into_iter().map(|row| (row.series, row.at_ms)).collect());
                    for config in &self.iotawatt {
                        let of_it = series.iter().filter(|(_, info)| iotawatt::Iotawatt::is_of(config, info));
                        let last_ms = of_it.filter_map(|(id, _)| latest.get(id)).max().copied();
                        let is_new = once(&mut names, "iotawatt", &config.name);
                        add(
                            name,
                            is_new.and_then(|()| {
                                let adapter = iotawatt::Iotawatt::new(config, &known, last_ms)?.among(self.iotawatt.len());
                                Ok(boxed(adapter))
                            }),
                        );
                    }
                }
                pulse::NAME => {
                    let (adapter, errors) = pulse::Pulse::new(&self.pulse, &self.door, &self.broker, store).await?;
                    errors.into_iter().for_each(|error| add(name, Err(error)));
                    if !adapter.is_empty() {
                        add(name, Ok(boxed(adapter)));
                    }
                }
                tuya::NAME => {
                    let (fleet, errors) = tuya::read(&self.tuya, &known);
                    errors.into_iter().for_each(|error| add(name, Err(error)));
                    if !fleet.is_empty() {
                        add(name, Ok(boxed(fleet)));
                    }
                }
                shelly::NAME => add(name, shelly::Shelly::new(&self.shelly, &self.broker, &known).map(boxed)),
                _ => {}
            }
        }
        Ok((good, wrong))
    }

    /// Adapters whose series are described by what the house knows of them; `prefer` are the sources that count before Home Assistant, `devices`
    /// what is known of its devices from before.
    pub(crate) fn described(&self, adapters: Vec<Box<dyn Adapter>>, prefer: &[String], devices: Option<String>) -> Vec<Box<dyn Adapter>> {
        let (roles, same) = (Arc::new(Roles::of(self.roles.clone())), Arc::new(Same::new(prefer)));
        devices.iter().for_each(|text| same.hear_devices(text));
        adapters.into_iter().map(|adapter| boxed(Described::new(adapter, &roles, &same))).collect()
    }
}

fn boxed(adapter: impl Adapter + 'static) -> Box<dyn Adapter> {
    Box::new(adapter)
}

/// Refuses a name that another of the same kind has.
fn once(names: &mut Vec<String>, section: &str, name: &str) -> Result<(), AdapterError> {
    let plain = wattribute_domain::device_name(name);
    if names.contains(&plain) {
        return Err(AdapterError::Unsupported(format!("[[{section}]] {name}: another has the same name; give it a `name` of its own")));
    }
    names.push(plain);
    Ok(())
}
