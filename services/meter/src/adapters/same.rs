//! A device that several sources read is counted once.
//!
//! Home Assistant's registry names the MAC addresses and ids of its devices; a device of ours with one of these is that device. Of its powers
//! and counters those of one source count, of the others they are kept as [`Role::Copy`].

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wattribute_domain::{Quantity, Role, SeriesInfo};

use super::home_assistant;

/// Key of the document that holds Home Assistant's devices: its id of each, by MAC address or id in plain letters and digits.
pub(crate) const DEVICES: &str = "home_assistant_devices";
/// A MAC address or id shorter than this names nothing for certain.
const SHORTEST: usize = 10;
/// Letters of a MAC address that Tasmota puts into its topic where the owner gives none.
const TASMOTA: usize = 6;

/// What all sources have; shared by their adapters.
#[derive(Default)]
pub(crate) struct Same(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Sources, the one that counts first.
    prefer: Vec<String>,
    /// Home Assistant's id of a device, by its MAC address or id.
    devices: HashMap<String, String>,
    /// Every series, with what its adapter calls its device.
    series: BTreeMap<(String, String, Quantity), Option<String>>,
    /// Rises with every change.
    version: u64,
}

impl Same {
    /// With the sources that count before Home Assistant, the first first.
    pub fn new(prefer: &[String]) -> Self {
        let known = Known { prefer: prefer.iter().map(|source| source.trim().to_ascii_lowercase()).collect(), ..Known::default() };
        Same(Mutex::new(known))
    }

    /// Takes over Home Assistant's devices, as the document of [`DEVICES`] says them.
    pub fn hear_devices(&self, text: &str) {
        let mut known = self.known();
        match serde_json::from_str::<HashMap<String, String>>(text) {
            Ok(devices) if devices != known.devices => {
                known.devices = devices;
                known.version += 1;
            }
            Ok(_) => {}
            Err(why) => tracing::debug!("the document {DEVICES} cannot be read: {why}"),
        }
    }

    /// Takes note of a series, as its adapter describes it.
    pub fn hear(&self, info: &SeriesInfo) {
        let mut known = self.known();
        let key = (info.source.clone(), info.identity.clone(), info.quantity);
        if known.series.insert(key, info.device_id.clone()).as_ref() != Some(&info.device_id) {
            known.version += 1;
        }
    }

    /// Rises whenever [`Same::describe`] may say another thing than before.
    pub fn version(&self) -> u64 {
        self.known().version
    }

    /// Says of a series which of Home Assistant's devices it is of, and that it is not counted where another source counts.
    pub fn describe(&self, info: &mut SeriesInfo) {
        let known = self.known();
        if let Some(device) = known.device(&info.source, &info.identity) {
            info.device_id = Some(device.clone());
        }
        if info.role != Some(Role::WholeHouse) && known.counts(info).is_some_and(|source| source != info.source) {
            info.role = Some(Role::Copy);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Home Assistant's device that a device of another source is.
    fn device(&self, source: &str, identity: &str) -> Option<&String> {
        if source == home_assistant::NAME || self.devices.is_empty() {
            return None;
        }
        let plain = plain(identity);
        let ends: Vec<usize> = plain.char_indices().map(|(k, c)| k + c.len_utf8()).filter(|end| *end >= SHORTEST).collect();
        let found = ends.iter().rev().find_map(|end| self.devices.get(&plain[..*end]));
        self.part(identity).or(found).or_else(|| {
            let tail = plain.strip_prefix("tasmota").filter(|tail| source == "tasmota" && tail.len() == TASMOTA)?;
            let mut of_it = self.devices.iter().filter(|(key, _)| key.len() == 12 && key.ends_with(tail)).map(|(_, id)| id);
            of_it.next().filter(|_| of_it.next().is_none())
        })
    }

    /// Home Assistant's device that an outlet of a strip is, `MAC/00`: its id there begins with one of the strip's and ends with the outlet's.
    fn part(&self, identity: &str) -> Option<&String> {
        let (strip, part) = identity.split_once('/')?;
        let (strip, part) = (self.devices.get(&plain(strip))?, plain(part));
        let of_strip: Vec<&String> = self.devices.iter().filter(|(_, id)| *id == strip).map(|(key, _)| key).collect();
        let is_part = |key: &String| of_strip.iter().any(|of| key.len() >= of.len() + part.len() && key.starts_with(of.as_str()));
        let mut found = self.devices.iter().filter(|(key, id)| *id != strip && key.ends_with(&part) && is_part(key)).map(|(_, id)| id);
        found.next().filter(|_| !part.is_empty() && found.next().is_none())
    }

    /// Which source counts of those that read the same of the same device; `None` where nobody else does.
    fn counts(&self, info: &SeriesInfo) -> Option<&str> {
        let counted = !matches!(
            info.quantity,
            Quantity::VoltageV | Quantity::CurrentA | Quantity::FrequencyHz | Quantity::PowerFactor | Quantity::PricePerKwh
        );
        let device = info.device_id.as_ref().filter(|_| counted)?;
        let mut others =
            self.series.iter().filter(|((_, _, quantity), _)| *quantity == info.quantity).filter_map(|((source, identity, _), said)| {
                let of = self.device(source, identity).or(said.as_ref())?;
                (of == device).then_some(source.as_str())
            });
        // States are Home Assistant's: it has their names, rooms and history.
        let preferred = |source: &str| self.prefer.iter().position(|known| known == source).filter(|_| info.quantity != Quantity::Level);
        let rank = |source: &str| (preferred(source).unwrap_or(usize::MAX), source != home_assistant::NAME);
        let first = others.next()?;
        let (best, is_shared) = others.fold((first, false), |(best, is_shared), source| {
            let better = if (rank(source), source) < (rank(best), best) { source } else { best };
            (better, is_shared || source != first)
        });
        is_shared.then_some(best)
    }
}

/// A MAC address or an id in small letters and digits, so that `AA:BB` is `aabb`.
pub(crate) fn plain(id: &str) -> String {
    id.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use rstest::rstest;

    use super::*;

    fn info(source: &str, identity: &str, quantity: Quantity, device_id: &str) -> SeriesInfo {
        let device_id = Some(device_id.to_owned()).filter(|id| !id.is_empty());
        SeriesInfo { identity: identity.to_owned(), device_id, role: Some(Role::Device), ..SeriesInfo::new(source, identity, quantity) }
    }

    fn said(same: &Same, info: &SeriesInfo) -> (Option<String>, Option<Role>) {
        let mut info = info.clone();
        same.describe(&mut info);
        (info.device_id, info.role)
    }

    #[rstest]
    #[case(&[], Role::Copy, Role::Device)]
    #[case(&["kasa"], Role::Device, Role::Copy)]
    #[case(&["tuya", "home_assistant", "kasa"], Role::Copy, Role::Device)]
    fn one_source_counts(#[case] prefer: &[&str], #[case] ours: Role, #[case] theirs: Role) {
        let same = Same::new(&prefer.iter().map(|source| (*source).to_owned()).collect::<Vec<_>>());
        let plug = info("kasa", "50:C7:BF:01:02:03", Quantity::PowerW, "kasa:50:C7:BF:01:02:03");
        let sensor = info("home_assistant", "sensor.tplink.1", Quantity::PowerW, "d1");
        same.hear(&plug);
        same.hear(&sensor);
        assert_eq!(said(&same, &plug), (plug.device_id.clone(), Some(Role::Device)), "nobody knows yet that it is the same");
        let before = same.version();
        same.hear_devices(r#"{"50c7bf010203": "d1"}"#);
        assert!(same.version() > before);
        assert_eq!(said(&same, &plug), (Some("d1".to_owned()), Some(ours)));
        assert_eq!(said(&same, &sensor), (Some("d1".to_owned()), Some(theirs)));
    }

    #[test]
    fn what_only_we_read_of_a_device_counts_and_states_are_home_assistants() {
        let same = Same::new(&["kasa".to_owned()]);
        let (power, relay) = (info("kasa", "50c7bf010203", Quantity::PowerW, ""), info("kasa", "50c7bf010203", Quantity::Level, ""));
        let switch = info("home_assistant", "switch.tplink.1", Quantity::Level, "d1");
        [&power, &relay, &switch].iter().for_each(|info| same.hear(info));
        same.hear_devices(r#"{"50c7bf010203": "d1"}"#);
        assert_eq!(said(&same, &power), (Some("d1".to_owned()), Some(Role::Device)), "Home Assistant does not measure it");
        assert_eq!(said(&same, &relay).1, Some(Role::Copy));
        assert_eq!(said(&same, &switch).1, Some(Role::Device));
    }

    #[rstest]
    #[case("shelly", "AABBCCDDEEFF-switch:0", Some("plug"))]
    #[case("shelly", "AABBCCDDEEFE-switch:0", None)]
    #[case("kasa", "8006A0F1D5120001", Some("outlet"))]
    #[case("kasa", "8006A0F1D5120000", Some("strip"))]
    #[case("tasmota", "tasmota_DDEEFF", Some("plug"))]
    #[case("mqtt", "tasmota_DDEEFF", None)]
    #[case("mqtt", "é", None)]
    #[case("mqtt", "", None)]
    fn a_device_is_known_by_its_mac_or_id(#[case] source: &str, #[case] identity: &str, #[case] device: Option<&str>) {
        let same = Same::default();
        same.hear_devices(r#"{"aabbccddeeff": "plug", "8006a0f1d512": "strip", "8006a0f1d5120001": "outlet", "ddeeff": "short"}"#);
        assert_eq!(said(&same, &info(source, identity, Quantity::PowerW, "")).0.as_deref(), device);
    }

    #[rstest]
    #[case("C0:06:C3:00:00:03/01", "second")]
    #[case("C0:06:C3:00:00:03/07", "strip")]
    #[case("78:8C:B5:00:00:14/00", "smart first")]
    fn an_outlet_is_known_by_the_strip_and_its_number(#[case] identity: &str, #[case] device: &str) {
        let same = Same::default();
        same.hear_devices(
            r#"{"c006c3000003": "strip", "c006c30000038006aa00": "first", "c006c30000038006aa01": "second",
                "788cb5000014": "smart", "802abc": "smart", "802abc00": "smart first"}"#,
        );
        assert_eq!(said(&same, &info("kasa", identity, Quantity::PowerW, "")).0.as_deref(), Some(device));
    }

    #[test]
    fn the_meter_of_the_house_is_never_a_copy() {
        let same = Same::default();
        let meter = SeriesInfo { role: Some(Role::WholeHouse), ..info("shelly", "aabbccddeeff", Quantity::PowerW, "") };
        same.hear(&meter);
        same.hear(&info("home_assistant", "sensor.x", Quantity::PowerW, "d1"));
        same.hear_devices(r#"{"aabbccddeeff": "d1"}"#);
        assert_eq!(said(&same, &meter), (Some("d1".to_owned()), Some(Role::WholeHouse)));
    }
}
