//! What TP-Link's plugs and strips have in common, be they called Kasa or Tapo: protocols, discovery, and how they are kept.
//!
//! Two languages, `IOT` ([`super::kasa`]) and `SMART` ([`super::tapo`]), are spoken over three protocols: [`xor`] on TCP 9999, [`klap`] and [`aes`] on HTTP.
//! Which one a device speaks is asked of it ([`discovery`]), else tried ([`link`]).

mod aes;
mod config;
mod discovery;
#[cfg(test)]
pub(super) mod emulator;
mod find;
mod http;
mod keeper;
mod klap;
mod link;
mod place;
mod read;
mod session;
#[cfg(test)]
pub(super) mod tests;
mod xor;

use serde_json::Value;
use wattribute_domain::Level;

use super::Told;
use super::numbers::number;

pub use config::Config;
pub use find::discover;
pub(super) use keeper::fleet;

/// What a device said, in either language.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Device {
    /// Its MAC, upper case with colons; else its id, else where it is.
    pub identity: String,
    /// What the owner calls it.
    pub name: String,
    /// What it is.
    pub model: String,
    /// What it measures, each outlet of a strip by itself.
    pub told: Vec<Told>,
}

/// Why a device is not read, and what would help; by what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trouble {
    /// It does not answer. Try again, later and later.
    Away(String),
    /// It does not answer in time. Try again, later and later.
    Slow(String),
    /// It said what makes no sense. Try again, later and later.
    Nonsense(String),
    /// It does not let us in. Leave it alone for long: after several attempts it would let nobody in.
    Refused(String),
}

impl Trouble {
    fn why(&self) -> &str {
        match self {
            Trouble::Away(why) | Trouble::Slow(why) | Trouble::Nonsense(why) | Trouble::Refused(why) => why,
        }
    }
}

/// The most that a plug says of anything, so that garbage is no reading: W, V, A and kWh.
const MOST: [f64; 4] = [100_000.0, 1_000.0, 1_000.0, 10_000_000.0];

/// A power that a plug can measure, W.
pub(super) fn watts(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.abs() <= MOST[0])
}

/// A voltage that a plug can measure, V.
pub(super) fn volts(value: Option<f64>) -> Option<f64> {
    value.filter(|value| (0.0..=MOST[1]).contains(value))
}

/// A current that a plug can measure, A.
pub(super) fn amperes(value: Option<f64>) -> Option<f64> {
    value.filter(|value| (0.0..=MOST[2]).contains(value))
}

/// A counter that a plug can have, kWh.
pub(super) fn kwh(value: Option<f64>) -> Option<f64> {
    value.filter(|value| (0.0..=MOST[3]).contains(value))
}

/// Whether it is on, with its brightness in percent where it is dimmed, as [`Level::to_number`] writes it; `None` where it does not say.
pub(super) fn level(state: Option<&Value>, brightness: Option<&Value>) -> Option<f64> {
    let is_on = match state? {
        Value::Bool(is_on) => *is_on,
        state => number(state)? != 0.0,
    };
    let share = brightness.and_then(number).map_or(1.0, |percent| (percent / 100.0).clamp(0.0, 1.0));
    Some(if is_on { Level { mode: 1, fraction: share as f32 }.to_number() } else { 0.0 })
}

/// What stays of a device when it is renamed or moved: its MAC as `50:C7:BF:00:00:01`, else its id, else its address. Zeros say nothing.
pub(super) fn identity_of(mac: Option<&str>, device_id: &str, address: &str) -> String {
    let says_something = |text: &str| text.chars().any(|c| c.is_ascii_alphanumeric() && c != '0');
    let digits: Vec<char> = mac.unwrap_or_default().chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_uppercase()).collect();
    let mac = digits.chunks(2).map(|pair| pair.iter().collect::<String>()).collect::<Vec<_>>().join(":");
    if digits.len() == 12 && says_something(&mac) {
        mac
    } else if says_something(device_id) {
        device_id.to_owned()
    } else {
        address.to_owned()
    }
}

/// What of an outlet's id is its own: most begin with that of the strip.
pub(super) fn part_of<'a>(device_id: &str, id: &'a str) -> &'a str {
    id.strip_prefix(device_id).filter(|rest| !rest.is_empty()).unwrap_or(id)
}

/// A text that says something, without blanks around it.
pub(super) fn text<'a>(of: &'a Value, key: &str) -> Option<&'a str> {
    of.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}
