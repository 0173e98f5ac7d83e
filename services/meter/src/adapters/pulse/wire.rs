//! What a pulse meter posts or publishes: one object of JSON.
//!
//! `power_kw`, `total_kwh` and `pulse_count` are the names of electricity_monitoring, whose devices go on as they are.

use chrono::DateTime;
use serde_json::Value;

use crate::adapters::numbers::{json, mask, number};

/// More than any home draws or gives, W.
const MOST_W: f64 = 1e6;
/// The largest counter that is read: beyond it a number skips pulses.
const MOST_PULSES: f64 = 9_007_199_254_740_992.0;
/// The largest total that is read, kWh.
const MOST_KWH: f64 = 1e9;
/// The longest time between pulses that is read, ms: beyond it a device has subtracted times in the wrong order.
const LONGEST_MS: f64 = 2_147_483_648.0;
/// How old a reading may be that a device kept while it was offline, ms.
const OLDEST_MS: i64 = 31 * 86_400_000;
/// How far a device's clock may be ahead, ms.
const AHEAD_MS: i64 = 60_000;

/// What a device said, as far as it is understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Said {
    /// What it calls itself.
    pub device: Option<String>,
    /// When, ms since the epoch, where its clock can be believed.
    pub at_ms: Option<i64>,
    /// Power, W; negative while exporting.
    pub power_w: Option<f64>,
    /// Its own counter of energy, kWh.
    pub total_kwh: Option<f64>,
    /// Its counter of pulses.
    pub pulse_count: Option<f64>,
    /// Time between its last two pulses, ms.
    pub interval_ms: Option<f64>,
    /// Time since its last pulse, ms.
    pub since_pulse_ms: Option<f64>,
    /// How long it has been running, ms.
    pub uptime_ms: Option<f64>,
    /// Which of its starts this is.
    pub boot: Option<String>,
    /// What is to be known of what was left out.
    pub note: Option<String>,
}

/// Reads what a device said at `now_ms`. The error says which field makes no sense and what would be right.
pub(super) fn read(body: &[u8], now_ms: i64) -> Result<Said, String> {
    let all = json(body)?;
    if !all.is_object() {
        return Err("it is no object such as {\"power_kw\": 0.41, \"total_kwh\": 8123.5, \"pulse_count\": 8123500}".to_owned());
    }
    let field = |names: &[&'static str], least: f64, most: f64| in_range(&all, names, least, most);
    let kw = field(&["power_kw"], -MOST_W / 1e3, MOST_W / 1e3)?;
    let w = field(&["power_w", "power_watts", "power"], -MOST_W, MOST_W)?;
    let wh = field(&["total_wh"], 0.0, MOST_KWH * 1e3)?;
    // What only helps to tell a restart refuses no reading.
    let is_time = |ms: &f64| *ms > 0.0 && *ms < LONGEST_MS;
    let helps = |name| field(&[name], 0.0, 1e13).ok().flatten();
    let uptime_s = helps("uptime_s").or(helps("uptime"));
    let mut said = Said {
        device: ["device", "device_id", "name", "id"].iter().find_map(|name| text(all.get(name)?)),
        power_w: w.or(kw.map(|kw| kw * 1e3)),
        total_kwh: field(&["total_kwh", "energy_kwh", "energy_import_kwh"], 0.0, MOST_KWH)?.or(wh.map(|wh| wh / 1e3)),
        pulse_count: whole(field(&["pulse_count", "pulses", "count"], 0.0, MOST_PULSES)?),
        interval_ms: field(&["interval_ms", "pulse_interval_ms"], 0.0, 1e12)?.filter(is_time),
        since_pulse_ms: field(&["since_pulse_ms"], 0.0, 1e12)?.filter(is_time),
        uptime_ms: helps("uptime_ms").or(uptime_s.map(|s| s * 1e3)),
        boot: ["boot_id", "boot_count", "boot"].iter().find_map(|name| text(all.get(name)?)),
        ..Said::default()
    };
    let says_nothing = [said.power_w, said.total_kwh, said.pulse_count, said.interval_ms].iter().all(Option::is_none);
    if says_nothing {
        return Err("it says neither power_kw (or power_w) nor total_kwh nor pulse_count".to_owned());
    }
    (said.at_ms, said.note) = instant(all.get("timestamp").or(all.get("timestamp_ms")).or(all.get("ts")), now_ms);
    Ok(said)
}

/// The first of these fields that holds a number; `null` counts as not said.
fn in_range(all: &Value, names: &[&'static str], least: f64, most: f64) -> Result<Option<f64>, String> {
    for name in names {
        let Some(value) = all.get(*name).filter(|value| !value.is_null()) else { continue };
        let is_blank = value.as_str().is_some_and(|text| matches!(text.trim().to_ascii_lowercase().as_str(), "" | "nan" | "null" | "inf"));
        if is_blank {
            continue;
        }
        let number = number(value).ok_or_else(|| format!("{name}: this is no number"))?;
        if number < least || number > most {
            return Err(format!("{name}: {number} is not from {least} to {most}"));
        }
        return Ok(Some(number));
    }
    Ok(None)
}

fn whole(count: Option<f64>) -> Option<f64> {
    count.map(f64::floor)
}

fn text(value: &Value) -> Option<String> {
    let said = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!said.is_empty() && said.len() <= 128).then_some(said)
}

/// When it was said, where the device's clock can be believed, and else a word on that.
fn instant(said: Option<&Value>, now_ms: i64) -> (Option<i64>, Option<String>) {
    let Some(said) = said.filter(|said| !said.is_null()) else { return (None, None) };
    let at_ms = match said {
        Value::String(text) => match (DateTime::parse_from_rfc3339(text.trim()), text.trim().parse::<f64>()) {
            (Ok(instant), _) => Some(instant.timestamp_millis()),
            (_, Ok(number)) => epoch_ms(number),
            _ => None,
        },
        said => number(said).and_then(epoch_ms),
    };
    match at_ms {
        Some(at_ms) if (now_ms - OLDEST_MS..=now_ms.saturating_add(AHEAD_MS)).contains(&at_ms) => (Some(at_ms.min(now_ms)), None),
        Some(_) => (None, Some("timestamp: the device's clock is off, so the instant of arrival is taken".to_owned())),
        None => {
            let right = "write 2026-11-21T16:00:00Z, or seconds or milliseconds since 1970";
            (None, Some(format!("timestamp: this is none with its offset, so the instant of arrival is taken; {right}")))
        }
    }
}

/// Seconds or milliseconds since the epoch, as ms.
fn epoch_ms(number: f64) -> Option<i64> {
    match number {
        number if !(0.0..=1e14).contains(&number) => None,
        number if number < 1e11 => Some((number * 1e3) as i64),
        number => Some(number as i64),
    }
}

/// What a device said as it may be kept: what looks like a secret is masked.
pub(super) fn masked(body: &[u8]) -> String {
    let Ok(mut all) = json(body) else { return String::new() };
    mask(&mut all, &["token", "password", "secret", "key", "auth"]);
    all.to_string()
}
