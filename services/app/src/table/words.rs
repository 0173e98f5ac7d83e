//! Plain words for what was learned.

use wattribute_domain::{DeviceProfile, LevelProfile, MeterReport, Verdict};

use crate::number;

/// How sure a row is.
pub fn verdict(device: &DeviceProfile) -> &'static str {
    match device.verdict {
        Verdict::Learned => sureness(device),
        Verdict::Varies => "works by itself",
        Verdict::Measured => "own meter",
        Verdict::Stated => "as you said",
        Verdict::Grouped => "always together",
        Verdict::NoLoad => "nothing seen",
        Verdict::TooSmall | Verdict::NotEnoughEvents => "cannot tell",
    }
}

/// By how far the power may be off, and by how far its steps stand out from chance.
fn sureness(device: &DeviceProfile) -> &'static str {
    let off = match (device.power_w, half_width(device)) {
        (Some(power), Some(half)) if power > 0.0 => half / power,
        _ => f64::INFINITY,
    };
    match (off, device.strength) {
        (off, strength) if off <= 0.1 && strength >= 0.9 => "sure",
        (off, strength) if off <= 0.3 && strength >= 0.5 => "fairly sure",
        _ => "rough",
    }
}

/// Energy over the span, kWh: by the device's own meter where it has one.
pub fn energy_kwh(device: &DeviceProfile) -> Option<f64> {
    device.measured_energy_kwh.or(device.energy_kwh)
}

/// The larger distance from the power to an end of its interval, W.
fn half_width(device: &DeviceProfile) -> Option<f64> {
    let (power, low, high) = (device.power_w?, device.power_low_w?, device.power_high_w?);
    Some((power - low).max(high - power).max(0.0))
}

/// A power in two parts, `1 985 W` and ` ± 4`, so that the units can stand below one another.
pub fn power(device: &DeviceProfile) -> (String, String) {
    let whole = match (device.power_w, half_width(device), device.power_high_w) {
        (Some(power), Some(half), _) if device.verdict != Verdict::Stated => number::watts_within(power, half),
        (Some(power), _, _) => number::watts(power, None),
        (None, _, Some(high)) if device.verdict != Verdict::Varies => format!("under {}", number::watts(high, None)),
        (None, _, _) if device.verdict == Verdict::Varies => "varies".to_owned(),
        (None, _, _) => "–".to_owned(),
    };
    match whole.find(" ±") {
        Some(at) => (whole[..at].to_owned(), whole[at..].to_owned()),
        None => (whole, String::new()),
    }
}

/// Powers of a device with several levels: `at 25 % 9 W · 50 % 21 W · 100 % 60 W`; empty for others.
pub fn levels(device: &DeviceProfile) -> String {
    let told: Vec<&LevelProfile> = device.levels.iter().filter(|l| l.power_w.is_some()).collect();
    if told.len() < 2 {
        return String::new();
    }
    let one_mode = told.iter().all(|l| l.mode == told[0].mode);
    let few = 6.min(told.len());
    let said = (0..few).map(|k| told[k * (told.len() - 1) / (few - 1)]).map(|level| {
        let percent = level.fraction.map(|f| format!("{} %", number::fixed(f * 100.0, 0)));
        let name = match percent {
            Some(percent) if one_mode => percent,
            Some(percent) => format!("{} {percent}", crate::text::clean(&level.mode)),
            None => crate::text::clean(&level.mode),
        };
        format!("{name} {}", number::watts(level.power_w.unwrap_or_default(), None))
    });
    format!("{}{}", if one_mode { "at " } else { "" }, said.collect::<Vec<_>>().join(" · "))
}

/// `31 days`, `9.3 days`, `18 hours`.
pub fn days(days: f64) -> String {
    match days {
        _ if days * 24.0 < 1.95 => format!("{} minutes", number::fixed(days * 1440.0, 0)),
        _ if days < 1.95 => format!("{} hours", number::fixed(days * 24.0, 0)),
        _ if days < 9.95 && (days - days.round()).abs() > 0.05 => format!("{} days", number::fixed(days, 1)),
        _ => format!("{} days", number::fixed(days, 0)),
    }
}

/// `once`, `3 times`.
pub fn times(n: u32) -> String {
    match n {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        n => format!("{} times", number::fixed(f64::from(n), 0)),
    }
}

/// A price of one kWh without digits that say nothing: `0.3125`, `0.30`.
pub fn price(price: f64) -> String {
    let full = number::fixed(price, 4);
    let short = full.trim_end_matches('0');
    let decimals = short.rsplit_once('.').map_or(0, |(_, part)| part.len()).max(2);
    number::fixed(price, decimals)
}

/// With a full stop at the end, unless it has one or ends in an instruction to type.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let begun = match letters.next() {
        Some(first) if !text.split(' ').next().is_some_and(|word| word.contains(['.', '_'])) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    };
    if begun.is_empty() || begun.ends_with(['.', '!', '?', ':', '…', '"']) { begun } else { format!("{begun}.") }
}

/// How often the meter speaks, how late, and what that allows.
pub fn sampling(meter: &MeterReport) -> String {
    let mut said = format!("It reports every {}", seconds(meter.interval_s));
    match meter.lag_s {
        Some(lag) if lag >= 0.75 => said += &format!(", and a switch shows on it about {} after Home Assistant hears of it", seconds(lag)),
        Some(lag) if lag <= -0.75 => {
            said += &format!(", and a switch shows on it about {} before Home Assistant hears of it", seconds(-lag))
        }
        Some(_) => said += ", and a switch shows on it at once",
        None => {}
    }
    let least = meter.smallest_load_w;
    if !(least.is_finite() && least > 0.0) {
        return said + ".";
    }
    let scale = 10f64.powi((least.log10().floor() as i32 - 1).max(-1));
    let least = (least / scale).round() * scale;
    let decimals = usize::from(least < 10.0 && (least - least.round()).abs() > 0.05);
    format!("{said}: loads under about {} W cannot be told.", number::fixed(least, decimals))
}

fn seconds(s: f64) -> String {
    match s {
        _ if s < 9.95 && (s - s.round()).abs() > 0.05 => format!("{} s", number::fixed(s, 1)),
        _ if s < 119.5 => format!("{} s", number::fixed(s, 0)),
        _ => format!("{} min", number::fixed(s / 60.0, 0)),
    }
}
