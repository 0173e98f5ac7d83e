//! `devices.json`, which `python -m tinytuya wizard` writes: the devices of a Tuya account, with their keys.

use std::path::Path;

use secrecy::SecretString;
use serde_json::Value;

use super::codec::Version;
use super::wire::Known;

/// Categories of what may measure, where the file does not say what its dps are: sockets, strips, switches, breakers and meters.
const MAY_MEASURE: [&str; 7] = ["cz", "pc", "kg", "tdq", "dlq", "zndb", ""];

/// One device of the file.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// Its id.
    pub id: String,
    /// What it is called in Tuya's app.
    pub name: String,
    /// Its key.
    pub key: SecretString,
    /// Where it was when the file was written.
    pub host: Option<String>,
    /// What it spoke then.
    pub version: Option<Version>,
    /// Its product.
    pub product: Option<String>,
    /// Whether it measures a circuit, not what is plugged in, by its category.
    pub is_circuit: bool,
    /// What its dps are; `None` where the file does not say.
    pub known: Option<Known>,
    /// Whether it may measure, by what is known of it.
    pub may_measure: bool,
}

/// Reads the file. The error says what is wrong, without what is in it.
pub(super) fn read(path: &Path) -> Result<Vec<Listed>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    // serde's own words may repeat what stands there, which may be a key.
    let all: Value = serde_json::from_str(&text).map_err(|error| {
        format!("{}: it is no JSON from line {} on: let tinytuya's wizard write it again", path.display(), error.line())
    })?;
    let list = all.get("devices").unwrap_or(&all).as_array();
    let list = list.ok_or_else(|| format!("{}: it is no list of devices, as tinytuya's wizard writes it", path.display()))?;
    Ok(list.iter().filter_map(listed).collect())
}

fn listed(one: &Value) -> Option<Listed> {
    let text = |key: &str| one.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let id = text("id").or_else(|| text("gwId")).or_else(|| text("uuid"))?;
    let key = text("key").or_else(|| text("local_key"))?;
    // What is behind a gateway has no connection of its own.
    if one.get("sub").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let known = one.get("mapping").filter(|mapping| mapping.as_object().is_some_and(|all| !all.is_empty())).map(Known::of_mapping);
    let category = text("category").unwrap_or_default();
    let version = one.get("version").or_else(|| one.get("ver"));
    let version =
        version.and_then(|version| version.as_str().map_or_else(|| version.as_f64().map(|v| format!("{v:.1}")), |v| Some(v.to_owned())));
    Some(Listed {
        name: text("name").unwrap_or_else(|| id.clone()),
        key: key.into(),
        host: text("ip").or_else(|| text("last_ip")),
        version: version.and_then(|version| Version::of(&version)),
        product: text("product_id").or_else(|| text("productKey")),
        may_measure: known.as_ref().map_or(MAY_MEASURE.contains(&category.as_str()), Known::measures),
        is_circuit: matches!(category.as_str(), "dlq" | "zndb"),
        known: known.filter(Known::measures),
        id,
    })
}
