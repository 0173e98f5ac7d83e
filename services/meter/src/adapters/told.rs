//! What devices say, and the series that it becomes.

use std::collections::{BTreeMap, HashMap};

use wattribute_domain::{Hold, Quantity, Role, SeriesInfo, device_name};

use super::Event;
use super::rhythm::Rhythms;

/// What one device said at once, as far as it is understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// What stays when it is renamed: a serial number, a topic.
    pub identity: String,
    /// What it is called, as the device or the owner writes it.
    pub name: String,
    /// What it is in the home, where that is known.
    pub role: Option<Role>,
    /// What it said, each in the unit of its quantity.
    pub values: Vec<(Quantity, f64)>,
}

impl Told {
    /// A device that said nothing yet.
    pub fn by(identity: impl Into<String>, name: impl Into<String>) -> Self {
        Told { identity: identity.into(), name: name.into(), role: None, values: Vec::new() }
    }

    /// Adds what it said of a quantity; nothing where that is no finite number or more than any home has, or where it said it already.
    #[must_use]
    pub fn with(mut self, quantity: Quantity, value: Option<f64>) -> Self {
        if let Some(value) = value.filter(|value| value.abs() <= most(quantity))
            && !self.values.iter().any(|(known, _)| *known == quantity)
        {
            self.values.push((quantity, value));
        }
        self
    }

    /// What it said of a quantity.
    pub fn value(&self, quantity: Quantity) -> Option<f64> {
        self.values.iter().find(|(known, _)| *known == quantity).map(|(_, value)| *value)
    }
}

/// What no home has more of, in the unit of the quantity.
fn most(quantity: Quantity) -> f64 {
    match quantity {
        Quantity::PowerW | Quantity::PowerPhase1W | Quantity::PowerPhase2W | Quantity::PowerPhase3W => 1e6,
        Quantity::EnergyImportKwh | Quantity::EnergyExportKwh => 1e9,
        _ => f64::MAX,
    }
}

/// The series of an adapter, numbered as it meets them.
pub struct Register {
    source: String,
    series: Vec<Known>,
    numbers: HashMap<(String, Quantity), u32>,
    /// The identity behind each name.
    names: HashMap<String, String>,
    /// When what a device said was kept word for word last, ms since the epoch.
    kept_ms: HashMap<String, i64>,
    rhythms: Rhythms,
}

/// A device is looked for under so many names that it may have got.
const NAMES: usize = 50;
/// Time between two texts of one device that are kept, ms: the last is to be that of the last reading, unless it speaks very often.
const KEEP_EVERY_MS: i64 = 500;

struct Known {
    info: SeriesInfo,
    is_described: bool,
    /// Whether its last word, as far as we heard, is that it is silent.
    is_silent: bool,
    /// What it said last.
    last: Option<f64>,
}

impl Register {
    /// Of a source, with what the store knows of it: what had a name keeps it.
    pub fn new(source: &str, known: &[SeriesInfo]) -> Self {
        let mut register = Register {
            source: source.to_owned(),
            series: Vec::new(),
            numbers: HashMap::new(),
            names: HashMap::new(),
            kept_ms: HashMap::new(),
            rhythms: Rhythms::default(),
        };
        for info in known.iter().filter(|info| info.source == source) {
            register.add(info.clone());
        }
        register
    }

    /// Turns what devices said at `at_ms` into events; `text` is what they said word for word, secrets masked, which is kept now and then.
    pub fn say_all(&mut self, told: &[Told], text: &str, at_ms: i64, out: &mut Vec<Event>) {
        for told in told {
            self.say(told, at_ms, out);
            let device = self.device(told);
            self.rhythms.heard(&told.identity, &device, at_ms);
            let last_ms = self.kept_ms.entry(device.clone()).or_insert(i64::MIN);
            if at_ms.saturating_sub(*last_ms) >= KEEP_EVERY_MS {
                *last_ms = at_ms;
                out.push(Event::Payload { device, at_ms, text: text.to_owned() });
            }
        }
    }

    /// Nobody could be heard until `at_ms`, so nobody is missed for the time before.
    pub fn begin_again(&mut self, at_ms: i64) {
        self.rhythms.begin_again(at_ms);
    }

    /// The troubles that are `known`, by name, and the devices that spoke by the clock and have fallen silent at `now_ms`; not those of which
    /// `is_known`, by their identity, that they are away.
    pub fn troubles(&self, mut known: BTreeMap<String, String>, now_ms: i64, is_known: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
        for (_, device, why) in self.rhythms.missed(now_ms).filter(|(identity, ..)| !is_known(identity)) {
            known.entry(device.to_owned()).or_insert(why);
        }
        known
    }

    /// Turns what a device said at `at_ms` into events.
    pub fn say(&mut self, told: &Told, at_ms: i64, out: &mut Vec<Event>) {
        for &(quantity, value) in &told.values {
            let key = self.key(told, quantity, out);
            let known = &mut self.series[key as usize];
            known.is_silent = false;
            // What holds until the next is kept for ever, so that the same again is not said.
            if known.info.hold == Hold::Intervals || known.last != Some(value) {
                known.last = Some(value);
                out.push(Event::Reading { key, at_ms, value });
            }
        }
    }

    /// Says that nothing is known of a device, by its identity, from `at_ms` on; once, until it speaks again.
    pub fn silence(&mut self, identity: &str, at_ms: i64, out: &mut Vec<Event>) {
        for (known, key) in self.series.iter_mut().zip(0..).filter(|(known, _)| known.info.identity == identity) {
            if !std::mem::replace(&mut known.is_silent, true) {
                if !std::mem::replace(&mut known.is_described, true) {
                    out.push(Event::Series { key, info: known.info.clone() });
                }
                known.last = None;
                out.push(Event::Reading { key, at_ms, value: f64::NAN });
            }
        }
    }

    /// Identities that begin with `prefix`.
    pub fn identities(&self, prefix: &str) -> Vec<String> {
        let mut found: Vec<String> =
            self.series.iter().map(|known| known.info.identity.clone()).filter(|identity| identity.starts_with(prefix)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn key(&mut self, told: &Told, quantity: Quantity, out: &mut Vec<Event>) -> u32 {
        let device = self.device(told);
        let at = (told.identity.clone(), quantity);
        let key = match self.numbers.get(&at) {
            Some(key) => *key,
            None => {
                let mut info = SeriesInfo::new(&self.source, &device, quantity);
                info.identity = told.identity.clone();
                self.add(info)
            }
        };
        let known = &mut self.series[key as usize];
        if quantity == Quantity::Level {
            known.info.mode("on");
        }
        let is_state = matches!(quantity, Quantity::Level | Quantity::PricePerKwh);
        let info = SeriesInfo {
            device,
            name: Some(told.name.clone()).filter(|name| !name.is_empty()),
            device_id: Some(format!("{}:{}", self.source, told.identity)),
            hold: if is_state { Hold::UntilNext } else { Hold::Intervals },
            role: told.role.filter(|_| !is_state),
            ..known.info.clone()
        };
        if !known.is_described || known.info != info {
            known.info = info.clone();
            known.is_described = true;
            out.push(Event::Series { key, info });
        }
        key
    }

    fn add(&mut self, info: SeriesInfo) -> u32 {
        let key = self.series.len() as u32;
        self.numbers.insert((info.identity.clone(), info.quantity), key);
        self.names.entry(info.device.clone()).or_insert_with(|| info.identity.clone());
        self.series.push(Known { info, is_described: false, is_silent: false, last: None });
        key
    }

    /// The name of a device in ids; where another has it already, the end of what it is known by is added, such as of its MAC address, so that it is
    /// the same one whichever is heard first; else a number.
    fn device(&mut self, told: &Told) -> String {
        let wanted = match device_name(&told.name) {
            name if name.is_empty() => device_name(&told.identity),
            name => name,
        };
        let wanted = if wanted.is_empty() { "device".to_owned() } else { wanted };
        let ending = ending(&told.identity).filter(|ending| *ending != wanted).map(|ending| format!("{wanted}_{ending}"));
        let numbered = (2..).map(|k| format!("{wanted}_{k}"));
        // One that is known by nothing but its name, such as from an import, is whoever has the name now.
        let is_free = |name: &String| self.names.get(name).is_none_or(|of| *of == told.identity || of == name);
        let is_its_own = |name: &String| self.names.get(name) == Some(&told.identity);
        let all = std::iter::once(wanted.clone()).chain(ending).chain(numbered);
        let found = all.clone().take(NAMES).find(is_its_own).or_else(|| all.clone().find(is_free)).unwrap_or(wanted);
        if self.names.get(&found).is_none_or(|of| *of == found) {
            self.names.insert(found.clone(), told.identity.clone());
        }
        found
    }
}

/// What tells a device from others of its name: the last six letters and digits of the first part of its identity.
fn ending(identity: &str) -> Option<String> {
    let first: String = identity.split('/').next()?.chars().filter(char::is_ascii_alphanumeric).collect();
    let ending = first.get(first.len().saturating_sub(6)..)?.to_ascii_lowercase();
    (!ending.is_empty()).then_some(ending)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    fn infos(events: &[Event]) -> Vec<&SeriesInfo> {
        events.iter().filter_map(|event| if let Event::Series { info, .. } = event { Some(info) } else { None }).collect()
    }

    #[test]
    fn two_devices_of_one_name_stay_two_and_keep_their_names() {
        let told = |identity: &str| Told::by(identity, "MT681").with(Quantity::PowerW, Some(1.0));
        let (mut register, mut out) = (Register::new("tasmota", &[]), Vec::new());
        register.say(&told("cellar"), 1_000, &mut out);
        register.say(&told("garage"), 1_000, &mut out);
        let known: Vec<SeriesInfo> = infos(&out).into_iter().cloned().collect();
        assert_eq!(known.iter().map(|info| info.device.as_str()).collect::<Vec<_>>(), ["mt681", "mt681_garage"]);
        let numbered = known.iter().map(|info| SeriesInfo { device: info.device.replace("_garage", "_2"), ..info.clone() }).collect();
        for known in [known, numbered] {
            let (mut again, mut out) = (Register::new("tasmota", &known), Vec::new());
            again.say(&told("garage"), 2_000, &mut out);
            again.say(&told("cellar"), 2_000, &mut out);
            let named: Vec<_> = infos(&out).into_iter().map(|info| info.device.as_str()).collect();
            assert_eq!(named, [known[1].device.as_str(), "mt681"]);
        }
    }

    #[test]
    fn a_device_goes_on_with_what_was_imported_under_its_name() {
        let imported = SeriesInfo::new("tasmota", "mt681", Quantity::PowerW);
        let (mut register, mut out) = (Register::new("tasmota", &[imported]), Vec::new());
        register.say(&Told::by("cellar/MT681", "MT681").with(Quantity::PowerW, Some(1.0)), 1_000, &mut out);
        register.say(&Told::by("garage/MT681", "MT681").with(Quantity::PowerW, Some(2.0)), 1_000, &mut out);
        let named: Vec<_> = infos(&out).into_iter().map(|info| (info.identity.as_str(), info.device.as_str())).collect();
        assert_eq!(named, [("cellar/MT681", "mt681"), ("garage/MT681", "mt681_garage")]);
    }

    #[rstest::rstest]
    #[case("a0:b1:c2:00:00:11", "plug_000011")]
    #[case("A0B1C2000011/switch:0", "plug_000011")]
    #[case("plug", "plug_2")]
    #[case("-", "plug_2")]
    fn one_of_a_name_that_another_has_is_told_by_what_it_is_known_by(#[case] identity: &str, #[case] device: &str) {
        let (mut register, mut out) = (Register::new("x", &[]), Vec::new());
        for identity in ["first", identity] {
            register.say(&Told::by(identity, "Plug").with(Quantity::PowerW, Some(1.0)), 1_000, &mut out);
        }
        assert_eq!(infos(&out)[1].device, device);
    }

    #[test]
    fn what_no_home_has_is_not_said() {
        let wrong =
            [(Quantity::PowerW, 1e12), (Quantity::PowerPhase2W, -2e6), (Quantity::EnergyImportKwh, 1e15), (Quantity::VoltageV, f64::NAN)];
        let told = wrong.into_iter().fold(Told::by("a", "a"), |told, (quantity, value)| told.with(quantity, Some(value)));
        assert_eq!(told.values, []);
        assert_eq!(told.with(Quantity::PowerW, Some(-25_000.0)).value(Quantity::PowerW), Some(-25_000.0));
    }

    #[test]
    fn a_relay_is_off_or_on() {
        let told = Told::by("a", "a").with(Quantity::Level, Some(1.0));
        let (mut register, mut out) = (Register::new("x", &[]), Vec::new());
        register.say(&told, 1_000, &mut out);
        assert_eq!(infos(&out)[0].modes, ["off", "on"]);
    }

    #[test]
    fn a_price_is_said_again_only_where_it_changed() {
        let told = |price| Told::by("a", "a").with(Quantity::PricePerKwh, Some(price)).with(Quantity::PowerW, Some(5.0));
        let (mut register, mut out) = (Register::new("x", &[]), Vec::new());
        for price in [0.3, 0.3, 0.2] {
            register.say(&told(price), 1_000, &mut out);
        }
        let said = |key| out.iter().filter(|event| matches!(event, Event::Reading { key: k, .. } if *k == key)).count();
        assert_eq!((said(0), said(1)), (2, 3));
    }

    #[test]
    fn a_silence_is_said_once_until_it_speaks_again() {
        let told = Told::by("a", "a").with(Quantity::PowerW, Some(1.0)).with(Quantity::VoltageV, None).with(Quantity::PowerW, Some(2.0));
        let (mut register, mut out) = (Register::new("x", &[]), Vec::new());
        register.say(&told, 1_000, &mut out);
        assert_eq!(out.len(), 2, "{out:?}");
        register.silence("a", 2_000, &mut out);
        register.silence("a", 3_000, &mut out);
        assert!(matches!(&out[2..], [Event::Reading { key: 0, at_ms: 2_000, value }] if value.is_nan()), "{out:?}");
        register.say(&told, 4_000, &mut out);
        register.silence("a", 5_000, &mut out);
        assert_eq!(out.len(), 5, "{out:?}");
    }
}
