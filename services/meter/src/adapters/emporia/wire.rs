//! What Emporia's cloud answers.
//!
//! Facts from `api_docs.md`, the client and the simulator of <https://github.com/magico13/PyEmVue>, and from
//! <https://github.com/magico13/ha-emporia-vue> (signs: issue 57 and `fix_usage_sign`). A usage is the energy of one interval of the scale, so
//! that its mean power is known; channel `1,2,3` is all mains together, or all of a plug.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use serde_json::Value;
use wattribute_domain::{Quantity, Role, device_name};

use crate::adapters::Told;
use crate::adapters::numbers::{json, number};

/// The channel of all mains, or of all that a plug gives.
const MAINS: &str = "1,2,3";
/// Types of channels (`/devices/channels/channeltypes`) that are no plain circuit.
const BATTERY: i64 = 2;
const SOLAR: i64 = 13;
const OUTLET: i64 = 23;
const CHARGER: i64 = 25;

/// What kind of device a channel belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// A Vue on the mains of the house.
    #[default]
    Panel,
    /// A Vue behind a channel of another.
    SubPanel,
    /// A plug or a charger of cars.
    Device,
    /// A battery.
    Battery,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Channel {
    name: Option<String>,
    kind: Option<i64>,
    /// Whether it may give as well as draw; `None` where the cloud does not say.
    is_two_way: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Device {
    name: Option<String>,
    kind: Kind,
    channels: BTreeMap<String, Channel>,
}

/// The devices of an account, by number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Account {
    devices: BTreeMap<i64, Device>,
}

impl Account {
    /// The numbers of all devices, as a query wants them.
    pub fn gids(&self) -> String {
        self.devices.keys().map(ToString::to_string).collect::<Vec<_>>().join("+")
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// What people call a device; its number where it has no name.
    pub fn name(&self, gid: i64) -> String {
        self.devices.get(&gid).and_then(|device| device.name.clone()).unwrap_or_else(|| gid.to_string())
    }

    fn add(&mut self, said: &Value) {
        let Some(gid) = whole(said.get("deviceGid")) else { return };
        let is_said = |key: &str| said.get(key).is_some_and(Value::is_object);
        let model = said.get("model").and_then(Value::as_str).unwrap_or_default();
        let channels = list(said, "channels").filter_map(|said| {
            let channel = Channel {
                name: text(said.get("name")),
                kind: whole(said.get("channelTypeGid")),
                is_two_way: text(said.get("type")).map(|kind| kind.to_ascii_lowercase().contains("bidirectional")),
            };
            Some((channel_number(said)?, channel))
        });
        let channels: BTreeMap<String, Channel> = channels.collect();
        let is_of = |kind: i64| channels.get(MAINS).is_some_and(|channel| channel.kind == Some(kind));
        let parent = whole(said.get("parentDeviceGid")).or_else(|| whole(said.pointer("/outlet/parentDeviceGid")));
        let kind = if is_said("outlet") || is_said("evCharger") || model.starts_with("SSO") || is_of(OUTLET) || is_of(CHARGER) {
            Kind::Device
        } else if is_said("battery") || is_of(BATTERY) {
            Kind::Battery
        } else if parent.is_some_and(|parent| parent != gid && parent != 0) {
            Kind::SubPanel
        } else {
            Kind::Panel
        };
        let of_place = |key: &str| text(said.pointer(&format!("/locationProperties/{key}")));
        // The extension with the circuits of a Vue goes by the number of its Vue, and says less of it.
        let device = self.devices.entry(gid).or_insert_with(|| Device { kind, ..Device::default() });
        if device.name.is_none() {
            device.name = of_place("displayName").or_else(|| of_place("deviceName"));
        }
        for (channel, said) in channels {
            device.channels.entry(channel).or_insert(said);
        }
        list(said, "devices").for_each(|inner| self.add(inner));
    }
}

/// The devices of `/customers/devices`.
pub(super) fn account(answer: &[u8]) -> Result<Account, String> {
    let said = json(answer)?;
    let devices = said.get("devices").and_then(Value::as_array).ok_or("there is no list `devices` in it")?;
    let mut account = Account::default();
    devices.iter().for_each(|device| account.add(device));
    Ok(account)
}

/// What channels used in one interval.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// The instant that it is of, ms since the epoch; `None` where it does not say.
    pub at_ms: Option<i64>,
    /// What is known of each channel.
    pub told: Vec<Told>,
    /// Devices with at least one number, and devices with none, by number.
    pub heard: BTreeMap<i64, bool>,
}

/// The answer to a question for usages in kWh.
pub(super) fn usage(account: &Account, answer: &[u8]) -> Result<Usage, String> {
    let said = json(answer)?;
    let said = said.get("deviceListUsages").ok_or("there is no `deviceListUsages` in it")?;
    let scale = said.get("scale").and_then(Value::as_str).unwrap_or_default();
    let watts_per_kwh = watts_per_kwh(scale).ok_or_else(|| format!("its scale is `{scale}`, which tells no power"))?;
    if let Some(unit) = said.get("energyUnit").and_then(Value::as_str).filter(|unit| *unit != "KilowattHours") {
        return Err(format!("its unit is `{unit}`, not KilowattHours"));
    }
    let instant = said.get("instant").and_then(Value::as_str).and_then(|instant| DateTime::parse_from_rfc3339(instant).ok());
    let mut usage = Usage { at_ms: instant.map(|instant| instant.timestamp_millis()), ..Usage::default() };
    let devices = said.get("devices").and_then(Value::as_array).ok_or("there is no list `devices` in it")?;
    devices.iter().for_each(|device| usage.add(account, device, watts_per_kwh, false));
    Ok(usage)
}

/// The mean power of one kWh in an interval, W; `None` of a scale whose last interval is not over yet, or that is not known.
fn watts_per_kwh(scale: &str) -> Option<f64> {
    match scale {
        "1S" => Some(3_600_000.0),
        "1MIN" => Some(60_000.0),
        "15MIN" => Some(4_000.0),
        _ => None,
    }
}

impl Usage {
    fn add(&mut self, account: &Account, said: &Value, watts_per_kwh: f64, is_nested: bool) {
        let gid = whole(said.get("deviceGid"));
        let mut phases: Option<Told> = None;
        for channel in list(said, "channelUsages") {
            let gid = whole(channel.get("deviceGid")).or(gid);
            if let (Some(gid), Some(at)) = (gid, channel_number(channel)) {
                let power_w = channel.get("usage").and_then(number).map(|kwh| kwh * watts_per_kwh);
                let has_spoken = self.heard.entry(gid).or_insert(false);
                *has_spoken |= power_w.is_some();
                match phase(&at) {
                    Some(quantity) => {
                        phases = Some(phases.unwrap_or_else(|| told(account, gid, MAINS, channel, is_nested)).with(quantity, power_w));
                    }
                    None if is_a_channel(&at) => {
                        let mut told = told(account, gid, &at, channel, is_nested);
                        let power_w = power_w.map(|power_w| turned(power_w, account, gid, &at, told.role));
                        told = told.with(Quantity::PowerW, power_w);
                        let is_new = self.told.iter().all(|known| known.identity != told.identity);
                        if is_new && !told.values.is_empty() {
                            self.told.push(told);
                        }
                    }
                    None => {}
                }
            }
            list(channel, "nestedDevices").for_each(|inner| self.add(account, inner, watts_per_kwh, true));
        }
        if let Some(phases) = phases.filter(|phases| !phases.values.is_empty()) {
            match self.told.iter_mut().find(|told| told.identity == phases.identity) {
                Some(whole) => whole.values.extend(phases.values),
                None => self.told.push(phases),
            }
        }
    }
}

/// One channel, with nothing measured yet.
fn told(account: &Account, gid: i64, at: &str, said: &Value, is_nested: bool) -> Told {
    let device = account.devices.get(&gid);
    let known = device.and_then(|device| device.channels.get(at));
    let kind = device.map_or(if is_nested { Kind::SubPanel } else { Kind::Panel }, |device| device.kind);
    let role = match (kind, known.and_then(|channel| channel.kind)) {
        (Kind::Device, _) => Role::Device,
        (Kind::Battery, _) => Role::Battery,
        (Kind::Panel, _) if at == MAINS => Role::WholeHouse,
        (_, Some(SOLAR)) => Role::Solar,
        (_, Some(BATTERY)) => Role::Battery,
        (_, Some(OUTLET | CHARGER)) => Role::Device,
        _ => Role::Circuit,
    };
    // The cloud calls all mains `Main`, whatever the device is called.
    let of_device = device.and_then(|device| device.name.clone());
    let of_channel = || known.and_then(|channel| channel.name.clone()).or_else(|| text(said.get("name")));
    let name = if at == MAINS { of_device.or_else(of_channel) } else { of_channel() };
    let name = name
        .filter(|name| !device_name(name).is_empty())
        .unwrap_or_else(|| if at == MAINS { format!("Vue {gid}") } else { format!("Channel {at}") });
    Told { role: Some(role), ..Told::by(format!("{gid}/{at}"), name) }
}

/// A power with our sign: positive is drawn, and of the sun positive is given.
fn turned(power_w: f64, account: &Account, gid: i64, at: &str, role: Option<Role>) -> f64 {
    let is_two_way = account.devices.get(&gid).and_then(|device| device.channels.get(at)).and_then(|channel| channel.is_two_way);
    match role {
        // Emporia counts what the sun gives below 0.
        Some(Role::Solar) => 0.0 - power_w,
        // A clamp that is put on the other way round: a circuit that can only draw draws.
        Some(Role::Circuit | Role::Device) if at != MAINS && is_two_way == Some(false) => power_w.abs(),
        _ => power_w,
    }
}

/// Whether it is measured: `Balance` is what the circuits leave of the mains, `TotalUsage`, `MainsFromGrid` and `MainsToGrid` are worked out too.
fn is_a_channel(at: &str) -> bool {
    at == MAINS || at.parse::<u16>().is_ok()
}

/// The mains one by one, where the cloud says them.
fn phase(at: &str) -> Option<Quantity> {
    match at.strip_prefix("Mains_").or_else(|| at.strip_prefix("Main_"))? {
        "A" => Some(Quantity::PowerPhase1W),
        "B" => Some(Quantity::PowerPhase2W),
        "C" => Some(Quantity::PowerPhase3W),
        _ => None,
    }
}

/// The question for what devices used in the interval at `at_ms`, ms since the epoch.
pub(super) fn question(account: &Account, at_ms: i64, scale: &str) -> String {
    let instant = DateTime::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("apiMethod=getDeviceListUsages&deviceGids={}&instant={instant}&scale={scale}&energyUnit=KilowattHours", account.gids())
}

fn list<'a>(said: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    said.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn whole(said: Option<&Value>) -> Option<i64> {
    said.and_then(number).map(|number| number as i64)
}

fn text(said: Option<&Value>) -> Option<String> {
    said.and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The channel's number, which is a text, as it may be several.
fn channel_number(said: &Value) -> Option<String> {
    match said.get("channelNum")? {
        Value::String(text) => Some(text.chars().filter(|c| !c.is_whitespace()).collect()).filter(|text: &String| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
