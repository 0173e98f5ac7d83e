//! What is known of each device, however it is heard: what it is called, and which of several ways it is read by.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use wattribute_domain::{Quantity, SeriesInfo, device_name};

use crate::adapters::Told;

/// What a device and its components are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// The device's id, where it says it here.
    pub id: Option<String>,
    /// The device.
    pub device: Option<String>,
    /// Its components, such as `switch:0`.
    pub parts: BTreeMap<String, String>,
}

/// How a device is heard. Of several ways the least is the one that counts, so that nothing is read twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// It is asked over HTTP, by the task of this name.
    Asked(Arc<str>),
    /// It connects to us.
    Connects,
    /// It publishes over MQTT.
    Publishes,
}

impl Way {
    fn rank(&self) -> u8 {
        match self {
            Way::Asked(_) => 0,
            Way::Connects => 1,
            Way::Publishes => 2,
        }
    }
}

#[derive(Default)]
struct Known {
    id: String,
    names: Option<Names>,
    /// Components that measure.
    parts: BTreeSet<String>,
    /// Components that do nothing but switch.
    switches: BTreeSet<String>,
    /// By which way it is read, and until when that counts without another word.
    read_by: Option<(Way, Instant)>,
    /// Number of its latest connection to us.
    connection: u64,
}

/// All devices, by MAC; clones share it.
#[derive(Clone)]
pub(super) struct Book {
    devices: Arc<Mutex<HashMap<String, Known>>>,
    /// What series were called before, by identity.
    before: Arc<HashMap<String, String>>,
}

impl Book {
    /// With what the store knows of the source's series.
    pub fn new(source: &str, known: &[SeriesInfo]) -> Self {
        let mut devices: HashMap<String, Known> = HashMap::new();
        let mut before = HashMap::new();
        for info in known.iter().filter(|info| info.source == source) {
            if let Some((mac, part)) = info.identity.split_once('/') {
                devices.entry(mac.to_owned()).or_default().note(part, info.quantity != Quantity::Level);
                before.insert(info.identity.clone(), info.label().to_owned());
            }
        }
        Book { devices: Arc::new(Mutex::new(devices)), before: Arc::new(before) }
    }

    /// A device goes by this id where it has no name.
    pub fn met(&self, mac: &str, id: &str) {
        self.devices().entry(mac.to_owned()).or_default().id = id.to_owned();
    }

    /// What a device is called.
    pub fn named(&self, mac: &str, names: Names) {
        let mut devices = self.devices();
        let known = devices.entry(mac.to_owned()).or_default();
        if let Some(id) = &names.id {
            known.id.clone_from(id);
        }
        known.names = Some(names);
    }

    /// Whether its names were asked for.
    pub fn is_named(&self, mac: &str) -> bool {
        self.devices().get(mac).is_some_and(|known| known.names.is_some())
    }

    /// What to call a device in messages, as in the ids of its series.
    pub fn label(&self, mac: &str) -> String {
        let devices = self.devices();
        let known = devices.get(mac);
        let name = known.and_then(|known| known.names.as_ref()?.device.clone());
        device_name(&name.or_else(|| known.map(|known| known.id.clone()).filter(|id| !id.is_empty())).unwrap_or_else(|| mac.to_owned()))
    }

    /// What the components of a device said, with the identities and names that their series have; `None` where the device is read by
    /// another way, which said something not long before. `patience`: how long this way counts from now on without another word.
    pub fn told(&self, mac: &str, way: &Way, parts: Vec<Told>, patience: Duration) -> Option<Vec<Told>> {
        let mut devices = self.devices();
        let known = devices.entry(mac.to_owned()).or_default();
        let now = Instant::now();
        if known.read_by.as_ref().is_some_and(|(other, until)| other != way && other.rank() <= way.rank() && now < *until) {
            return None;
        }
        known.read_by = Some((way.clone(), now + patience));
        for part in &parts {
            known.note(&part.identity, part.values.iter().any(|(quantity, _)| *quantity != Quantity::Level));
        }
        let named = |mut part: Told| {
            let identity = format!("{mac}/{}", part.identity);
            part.name = known.name(mac, &part.identity, self.before.get(&identity));
            part.identity = identity;
            part
        };
        Some(parts.into_iter().map(named).collect())
    }

    /// A way hears a device no more. Returns whether another does.
    pub fn lost(&self, mac: &str, way: &Way) -> bool {
        let mut devices = self.devices();
        let Some(known) = devices.get_mut(mac) else { return false };
        match &known.read_by {
            Some((other, until)) if other != way => Instant::now() < *until,
            _ => {
                known.read_by = None;
                false
            }
        }
    }

    /// Whether a device ever said anything that is read.
    pub fn measures(&self, mac: &str) -> bool {
        self.devices().get(mac).is_some_and(|known| !known.parts.is_empty() || !known.switches.is_empty())
    }

    /// A device connected to us, with this number.
    pub fn connected(&self, mac: &str, number: u64) {
        self.devices().entry(mac.to_owned()).or_default().connection = number;
    }

    /// Whether a connection is a device's latest.
    pub fn is_connection(&self, mac: &str, number: u64) -> bool {
        self.devices().get(mac).is_some_and(|known| known.connection == number)
    }

    /// Whether a device said something not long before, by whichever way.
    pub fn is_read(&self, mac: &str) -> bool {
        self.devices().get(mac).and_then(|known| known.read_by.as_ref()).is_some_and(|(_, until)| Instant::now() < *until)
    }

    fn devices(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn note(&mut self, part: &str, measures: bool) {
        if measures {
            self.switches.remove(part);
            self.parts.insert(part.to_owned());
        } else if !self.parts.contains(part) {
            self.switches.insert(part.to_owned());
        }
    }

    /// What a component is called: alone by the name of its device, among several by its own. What only switches stands beside what measures.
    fn name(&self, mac: &str, part: &str, before: Option<&String>) -> String {
        let id = if self.id.is_empty() { mac } else { &self.id };
        let is_alone = match self.parts.contains(part) {
            true => self.parts.len() == 1,
            false => self.parts.is_empty() && self.switches.len() == 1 && !part.starts_with("relay:"),
        };
        let Some(names) = &self.names else {
            return before.cloned().unwrap_or_else(|| if is_alone { id.to_owned() } else { numbered(id, part) });
        };
        let own = names.parts.get(part).cloned();
        if is_alone {
            names.device.clone().or(own).unwrap_or_else(|| id.to_owned())
        } else {
            own.unwrap_or_else(|| numbered(names.device.as_deref().unwrap_or(id), part))
        }
    }
}

fn numbered(device: &str, part: &str) -> String {
    format!("{device} {}", part.replace(':', " "))
}
