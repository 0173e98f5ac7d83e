//! How long things are kept.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::influx::Account;

/// The `[store]` section of the configuration.
///
/// Spans are written as `"90d"`, `"36h"`, `"2w"`, `"10y"` or `"forever"`. Two kinds of series are kept longer than `keep_raw`: levels and
/// prices are kept word for word for ever (there are few, and what was learned rests on them), and of energy counters the last
/// reading in each ten minutes is kept for ever, with every fall.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the store is, `sqlite:path` or the address of an InfluxDB; `None`: the program's default.
    pub url: Option<String>,
    /// How long readings are kept as they were said; `None` for ever.
    #[serde(deserialize_with = "span")]
    pub keep_raw: Option<Duration>,
    /// How long their 1-minute means are kept; `None` for ever.
    #[serde(deserialize_with = "span")]
    pub keep_minutes: Option<Duration>,
    /// How long their 10-minute means are kept; `None` for ever.
    #[serde(deserialize_with = "span")]
    pub keep_ten_minutes: Option<Duration>,
    /// How long what devices said word for word is kept; `None`: only the last of each device, which always is.
    #[serde(deserialize_with = "span_or_last")]
    pub keep_payloads: Option<Duration>,
    /// How an InfluxDB lets us in, where the store is one; the section `[influxdb]` says it.
    #[serde(skip)]
    pub influx: Account,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Default for Settings {
    fn default() -> Self {
        Settings {
            url: None,
            keep_raw: Some(DAY * 90),
            keep_minutes: Some(DAY * 400),
            keep_ten_minutes: None,
            keep_payloads: None,
            influx: Account::default(),
        }
    }
}

impl Settings {
    /// Nothing is ever forgotten.
    pub fn forever() -> Self {
        Settings { keep_raw: None, keep_minutes: None, keep_ten_minutes: None, ..Settings::default() }
    }
}

fn span<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    if text.trim() == "forever" {
        return Ok(None);
    }
    parse(&text).map(Some).map_err(serde::de::Error::custom)
}

fn span_or_last<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    match text.trim() {
        "last" => Ok(None),
        "forever" => Ok(Some(DAY * 365_000)),
        text => parse(text).map(Some).map_err(serde::de::Error::custom),
    }
}

fn parse(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no span of time; right are `90d`, `36h`, `30m`, `2w`, `1y` or `forever`");
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_s = match text[digits.len()..].trim() {
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "y" => 365 * 86_400,
        _ => return Err(bad()),
    };
    // Up to 4,000 years: what is beyond would not fit into instants.
    digits
        .trim()
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(unit_s))
        .filter(|&s| s < 126_000_000_000)
        .map(Duration::from_secs)
        .ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_text() {
        let read = |json: &str| serde_json::from_str::<Settings>(json);
        assert_eq!(read("{}").unwrap(), Settings::default());
        let some = read(r#"{"url": "sqlite:x.db", "keep_raw": "36h", "keep_minutes": "forever", "keep_payloads": "7d"}"#).unwrap();
        assert_eq!((some.keep_raw, some.keep_minutes, some.keep_payloads), (Some(DAY * 3 / 2), None, Some(DAY * 7)));
        assert_eq!(read(r#"{"keep_payloads": "last"}"#).unwrap().keep_payloads, None);
        for bad in ["", "90", "d", "-1d", "90 days ago", "99999999999999999999d", "9999999y"] {
            let error = read(&format!(r#"{{"keep_raw": "{bad}"}}"#)).unwrap_err().to_string();
            assert!(error.contains("90d"), "{bad}: {error}");
        }
        assert!(read(r#"{"keep_rwa": "1d"}"#).unwrap_err().to_string().contains("keep_rwa"));
    }
}
