//! One key of a section: found, read from where it stands, brought to its type.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{ConfigError, Given, Key, Origin, nearest, place};

/// The key and its value as the section `T` understands them.
pub fn value<T: DeserializeOwned>(section: &str, key: &Key, given: &Given) -> Result<(Key, Value), ConfigError> {
    let (from, shown) = (given.origin.name(), key.join("."));
    if let Some(path) = given.value.as_str()
        && let Some(of) = without_file(key)
        && knows::<T>(&of)
    {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| ConfigError(format!("{from}: {}{shown}: {path}: {error}", titled(section))))?;
        let text = text.trim();
        let whole = Value::String(text.to_owned());
        let value = if probe::<T>(&of, whole.clone()).is_ok() { whole } else { list(&text.replace('\n', ",")).into() };
        return Ok((of, value));
    }
    if let Err(Unknown { name, known }) = look_up::<T>(key) {
        let hint = nearest::hint(&name, known.iter().map(String::as_str), |name| format!("`{name}`"));
        let tables: Vec<&str> = std::iter::once(section).chain(key.iter().map(String::as_str).take_while(|part| *part != name)).collect();
        let what = match section {
            "" => format!("there is no key `{name}`"),
            _ => format!("[{}] has no key `{name}`", tables.join(".")),
        };
        return Err(ConfigError(format!("{from}: {what}; {hint}")));
    }
    let mut first_error = None;
    for candidate in candidates(given) {
        // Tables that a variable holds may have secrets in them: what is wrong is said of these, and the text is not repeated.
        let has_tables = candidate.is_object() || candidate.as_array().is_some_and(|all| all.iter().any(Value::is_object));
        match probe::<T>(key, candidate.clone()) {
            Ok(()) => return Ok((key.clone(), candidate)),
            Err(error) if has_tables => first_error = Some((error, candidate)),
            Err(error) => drop(first_error.get_or_insert((error, candidate))),
        };
    }
    let (why, place) = first_error.map_or_else(
        || (String::new(), shown.clone()),
        |(error, value)| {
            let place = place::of(&value, &error, &|value| probe::<T>(key, value).err());
            (error, if place.is_empty() { shown.clone() } else { format!("{shown}: {place}") })
        },
    );
    let why = match why.as_str() {
        "" => "is not a text",
        _ if is_secret(&place) => "is not a text",
        // What a section says of itself may name the key too.
        why => place.rsplit(": ").next().and_then(|key| why.strip_prefix(key)?.strip_prefix(": ")).unwrap_or(why),
    };
    let example = if why.ends_with("expected a duration") { ", such as \"10s\"" } else { "" };
    Err(ConfigError(format!("{from}: {}{place}: {why}{example}", titled(section))))
}

fn without_file(key: &Key) -> Option<Key> {
    let (last, tables) = key.split_last()?;
    let stem = last.strip_suffix("_file")?.to_owned();
    Some(tables.iter().cloned().chain([stem]).collect())
}

/// Puts a value at its place in a tree of tables; what was there before, if anything.
pub fn insert(tree: &mut Value, key: &[String], value: Value) -> Option<Value> {
    let (first, rest) = key.split_first()?;
    let table = tree.as_object_mut()?;
    if rest.is_empty() {
        return table.insert(first.clone(), value);
    }
    insert(table.entry(first).or_insert_with(|| Value::Object(Map::new())), rest, value)
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

fn probe<T: DeserializeOwned>(key: &[String], value: Value) -> Result<(), String> {
    let mut one = Value::Object(Map::new());
    insert(&mut one, key, value);
    serde_json::from_value::<T>(one).map(|_| ()).map_err(|error| error.to_string())
}

fn knows<T: DeserializeOwned>(key: &[String]) -> bool {
    look_up::<T>(key).is_ok()
}

/// A name that its table does not know, and those that it knows.
struct Unknown {
    name: String,
    known: Vec<String>,
}

/// Whether the section knows the key, by what serde says of it: a `null` is the wrong type for most keys, but only an unknown key is an
/// unknown field.
fn look_up<T: DeserializeOwned>(key: &[String]) -> Result<(), Unknown> {
    let why = probe::<T>(key, Value::Null).err().filter(|why| why.starts_with("unknown field `"));
    let mut quoted = why.as_deref().into_iter().flat_map(|why| why.split('`').skip(1).step_by(2).map(str::to_owned));
    match quoted.next() {
        Some(name) if key.contains(&name) => Err(Unknown { name, known: quoted.collect() }),
        _ => Ok(()),
    }
}

/// The keys of a section.
pub fn keys<T: DeserializeOwned>() -> Vec<String> {
    look_up::<T>(&["?".to_owned()]).err().map(|unknown| unknown.known).unwrap_or_default()
}
