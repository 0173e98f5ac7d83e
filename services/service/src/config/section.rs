//! One key of a section: found, read from where it stands, brought to its type.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{ConfigError, Given, Origin, nearest};

/// The key and its value as the section `T` understands them.
pub fn value<T: DeserializeOwned>(section: &str, key: &str, given: &Given) -> Result<(String, Value), ConfigError> {
    let from = given.origin.name();
    if let Some(stem) = key.strip_suffix("_file")
        && let Some(path) = given.value.as_str()
        && knows::<T>(stem)
    {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| ConfigError(format!("{from}: {}{key}: {path}: {error}", titled(section))))?;
        return Ok((stem.to_owned(), Value::String(text.trim().to_owned())));
    }
    if !knows::<T>(key) {
        let known = keys::<T>();
        let hint = nearest::hint(key, known.iter().map(String::as_str), |name| format!("`{name}`"));
        let what = if section.is_empty() { format!("there is no key `{key}`") } else { format!("[{section}] has no key `{key}`") };
        return Err(ConfigError(format!("{from}: {what}; {hint}")));
    }
    let mut first_error = None;
    for candidate in candidates(given) {
        match probe::<T>(key, candidate.clone()) {
            Ok(()) => return Ok((key.to_owned(), candidate)),
            Err(error) => first_error.get_or_insert(error),
        };
    }
    let why = match first_error {
        Some(error) if !is_secret(key) => error,
        _ => "is not a text".to_owned(),
    };
    Err(ConfigError(format!("{from}: {}{key}: {why}", titled(section))))
}

/// `[meter] ` before what is said of its keys.
pub fn titled(section: &str) -> String {
    if section.is_empty() { String::new() } else { format!("[{section}] ") }
}

/// Parts of a text between commas.
pub fn list(text: &str) -> Vec<Value> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| Value::String(part.to_owned())).collect()
}

/// Whether what stands under this key must not be shown.
pub fn is_secret(key: &str) -> bool {
    let secret = ["token", "password", "secret", "api_key", "passphrase", "local_key"].iter().any(|word| key.contains(word));
    secret && !key.ends_with("_file")
}

/// A variable is a text that may stand for a number, a yes or no, or a list.
fn candidates(given: &Given) -> Vec<Value> {
    let mut all = vec![given.value.clone()];
    if let (Value::String(text), Origin::Variable(_) | Origin::Earlier(_)) = (&given.value, &given.origin) {
        all.extend(serde_json::from_str(text.trim()));
        all.push(Value::Array(list(text)));
    }
    all
}

fn probe<T: DeserializeOwned>(key: &str, value: Value) -> Result<(), String> {
    let one = Map::from_iter([(key.to_owned(), value)]);
    serde_json::from_value::<T>(Value::Object(one)).map(|_| ()).map_err(|error| error.to_string())
}

fn knows<T: DeserializeOwned>(key: &str) -> bool {
    // A `null` is the wrong type for most keys, but only an unknown key is an unknown field.
    !probe::<T>(key, Value::Null).is_err_and(|why| why.starts_with(&format!("unknown field `{key}`")))
}

/// The keys of a section, as serde tells them to who gives a wrong one.
pub fn keys<T: DeserializeOwned>() -> Vec<String> {
    let Err(why) = probe::<T>("?", Value::Null) else { return Vec::new() };
    let quoted = why.split('`').skip(1).step_by(2);
    quoted.skip(1).map(str::to_owned).collect()
}
