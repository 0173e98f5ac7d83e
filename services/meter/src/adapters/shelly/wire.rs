//! What all generations have in common: who a device is, and small readings of values.

use serde_json::Value;
use wattribute_domain::Level;

/// Who answered at an address, of `/shelly` or `Shelly.GetDeviceInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Who {
    /// Its MAC, in capitals without colons: what stays when it is renamed.
    pub mac: String,
    /// Its id, such as `shellyplus1pm-aabbccddeeff`; of the first generation its MAC.
    pub id: String,
    /// Its model, such as `SHPLG-S` or `SNSW-001P16EU`.
    pub model: String,
    /// What its owner calls it, where it says so here.
    pub name: Option<String>,
    /// 1 to 4.
    pub generation: u8,
    /// Whether it wants a password.
    pub wants_password: bool,
}

/// Who answered. The error says what makes no sense.
pub(super) fn who(said: &Value) -> Result<Who, String> {
    let mac = text(said, "/mac").map(|mac| plain_mac(&mac)).filter(|mac| !mac.is_empty());
    let mac = mac.ok_or("it says no `mac`, so that it is no Shelly")?;
    let generation = said.get("gen").and_then(Value::as_u64).and_then(|generation| u8::try_from(generation).ok()).unwrap_or(1);
    let kind = text(said, if generation > 1 { "/model" } else { "/type" });
    if kind.is_none() && generation == 1 {
        return Err("it says neither `gen` nor `type`, so that it is no Shelly".to_owned());
    }
    let flag = |key: &str| said.get(key).and_then(Value::as_bool).unwrap_or(false);
    Ok(Who {
        id: text(said, "/id").unwrap_or_else(|| format!("shelly-{mac}")),
        mac,
        model: kind.unwrap_or_default(),
        name: text(said, "/name"),
        generation,
        wants_password: flag("auth") || flag("auth_en"),
    })
}

/// A MAC in capitals, without what stands between its digits.
pub(super) fn plain_mac(said: &str) -> String {
    said.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// The MAC at the end of an id, such as `shellyplus1pm-aabbccddeeff`; `None` where it holds only a part of it, or none.
pub(super) fn mac_of_id(id: &str) -> Option<String> {
    let last = id.rsplit('-').next()?;
    (id.contains('-') && last.len() == 12 && last.bytes().all(|b| b.is_ascii_hexdigit())).then(|| plain_mac(last))
}

/// A text that is not empty.
pub(super) fn text(of: &Value, pointer: &str) -> Option<String> {
    of.pointer(pointer)?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The sum of all three; `None` where one is not known.
pub(super) fn sum(of: [Option<f64>; 3]) -> Option<f64> {
    of.into_iter().sum()
}

/// A power factor, where it may be one.
pub(super) fn factor(said: Option<f64>) -> Option<f64> {
    said.filter(|factor| factor.abs() <= 1.0)
}

/// Whether it is on, as a level: a lamp that is dimmed is on in part, `brightness` in %.
pub(super) fn level(is_on: Option<&Value>, brightness: Option<f64>) -> Option<f64> {
    let fraction = brightness.filter(|percent| (0.0..=100.0).contains(percent)).map_or(1.0, |percent| percent as f32 / 100.0);
    let level = if is_on?.as_bool()? { Level { mode: 1, fraction } } else { Level::off() };
    Some(level.to_number())
}

/// A counter, which is never negative.
pub(super) fn not_negative(said: Option<f64>) -> Option<f64> {
    said.filter(|count| *count >= 0.0)
}

/// A status as it may be kept: names of networks and whatever may be a secret are masked.
pub(super) fn masked(said: &Value) -> String {
    let mut said = said.clone();
    mask(&mut said);
    said.to_string()
}

fn mask(said: &mut Value) {
    match said {
        Value::Object(values) => {
            for (key, value) in values {
                let is_secret = ["ssid", "bssid", "key", "pass", "password", "token", "user", "lat", "lng", "lon"].contains(&key.as_str());
                if is_secret && !value.is_null() && !value.is_object() {
                    *value = "***".into();
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(mask),
        _ => {}
    }
}
