//! Configuration: one TOML file, and over it the environment. Unknown keys are refused by name; what is wrong is named with where it was said.
//!
//! A section is a struct with `#[serde(default, deny_unknown_fields)]`: its fields are its keys. An empty text is the same as leaving the
//! key out, and `token_file = "path"` stands for `token` with what the file says.

mod effective;
mod nearest;
mod place;
mod section;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ::config::{Config as Toml, File, FileFormat};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use effective::uncommented;
pub use section::keys;

/// What is wrong in the configuration, where, and what would be right.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// What begins the names of our variables.
const PREFIX: &str = "WATTRIBUTE__";

/// Where a setting was made; later ones win.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    File(String),
    /// A variable of earlier systems.
    Earlier(String),
    Variable(String),
}

impl Origin {
    fn rank(&self) -> u8 {
        match self {
            Origin::File(_) => 0,
            Origin::Earlier(_) => 1,
            Origin::Variable(_) => 2,
        }
    }

    fn name(&self) -> &str {
        match self {
            Origin::File(name) | Origin::Earlier(name) | Origin::Variable(name) => name,
        }
    }
}

#[derive(Clone, Debug)]
struct Given {
    value: Value,
    origin: Origin,
}

/// A key within its section; more than one name where it stands in a table of its own (`[correlator.publish]`).
type Key = Vec<String>;

/// Settings as they were given, by section and key. The section of keys that stand before all sections is `""`.
#[derive(Default)]
pub struct Loader {
    given: BTreeMap<String, BTreeMap<Key, Given>>,
    file: Option<PathBuf>,
    asked: BTreeSet<String>,
    /// Keys that may stand before all sections.
    topmost: Vec<String>,
}

impl Loader {
    /// Reads the file, if any, and the variables `WATTRIBUTE__SECTION__KEY` of the environment.
    pub fn read(file: Option<&Path>, environment: &[(String, String)]) -> Result<Self, ConfigError> {
        let mut loader = Loader { file: file.map(Path::to_owned), ..Loader::default() };
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|error| ConfigError(format!("{}: {error}", path.display())))?;
            loader.take_file(&text, &path.display().to_string())?;
        }
        for (name, text) in environment {
            let Some(path) = name.strip_prefix(PREFIX) else { continue };
            let path = path.to_ascii_lowercase();
            let (section, key) = path.split_once("__").unwrap_or(("", &path));
            loader.give(section, key.split("__").map(str::to_owned).collect(), Value::String(text.clone()), Origin::Variable(name.clone()));
        }
        Ok(loader)
    }

    /// The file that was read.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Sets a key for a `variable` of earlier systems; what `WATTRIBUTE__…` says wins.
    pub fn set(&mut self, section: &str, key: &str, text: &str, variable: &str) {
        self.give(section, vec![key.to_owned()], Value::String(text.to_owned()), Origin::Earlier(variable.to_owned()));
    }

    /// Adds to a list for a `variable` of earlier systems.
    pub fn add(&mut self, section: &str, key: &str, more: impl IntoIterator<Item = String>, variable: &str) {
        let key = vec![key.to_owned()];
        let before = self.given.get(section).and_then(|keys| keys.get(&key));
        let mut all = match before.map(|given| &given.value) {
            Some(Value::Array(all)) => all.clone(),
            Some(Value::String(text)) => section::list(text),
            _ => Vec::new(),
        };
        for new in more.into_iter().map(Value::String) {
            if !all.contains(&new) {
                all.push(new);
            }
        }
        let origin = before.map(|given| given.origin.clone()).filter(|o| o.rank() == 2).unwrap_or(Origin::Earlier(variable.to_owned()));
        self.give(section, key, Value::Array(all), origin);
    }

    /// The section `name` (`""`: the keys before all sections); what is not given is as by default.
    pub fn section<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, ConfigError> {
        self.asked.insert(name.to_owned());
        if name.is_empty() {
            self.topmost = section::keys::<T>();
        }
        let mut values = Value::Object(Map::new());
        for (key, given) in self.given.get(name).into_iter().flatten() {
            let (key, value) = section::value::<T>(name, key, given)?;
            let both = section::insert(&mut values, &key, value.clone());
            if let (Some(Value::Array(mut all)), Value::Array(more)) = (both.clone(), value) {
                // Lists may come from both.
                all.extend(more);
                section::insert(&mut values, &key, Value::Array(all));
            } else if both.is_some() {
                let (of, key) = (section::titled(name), key.join("."));
                return Err(ConfigError(format!("{}: {of}both `{key}` and `{key}_file` are given; one is enough", given.origin.name())));
            }
        }
        serde_json::from_value(values).map_err(|error| ConfigError(format!("{}{error}", section::titled(name))))
    }

    /// Refuses sections that nobody asked for.
    pub fn finish(&self) -> Result<(), ConfigError> {
        let Some((section, keys)) = self.given.iter().find(|(section, _)| !self.asked.contains(*section)) else { return Ok(()) };
        let file = self.file.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
        let from = keys.values().next().map_or(file.as_str(), |given| given.origin.name());
        let known = self.asked.iter().filter(|name| !name.is_empty()).map(String::as_str);
        let hint = match self.topmost.contains(section) {
            true => format!("there may be several, so write [[{section}]]"),
            false => nearest::hint(section, known, |name| format!("[{name}]")),
        };
        Err(ConfigError(format!("{from}: there is no section [{section}]; {hint}")))
    }

    fn take_file(&mut self, text: &str, name: &str) -> Result<(), ConfigError> {
        for (section, key, value) in parse(text, name)? {
            match key {
                Some(key) => self.give(&section, key, value, Origin::File(name.to_owned())),
                None => drop(self.given.entry(section).or_default()),
            }
        }
        Ok(())
    }

    fn give(&mut self, section: &str, key: Key, value: Value, origin: Origin) {
        let keys = self.given.entry(section.to_owned()).or_default();
        if value.as_str().is_some_and(|text| text.trim().is_empty()) {
            return;
        }
        if keys.get(&key).is_some_and(|given| given.origin.rank() > origin.rank()) {
            return;
        }
        let mut other = key.clone();
        if let Some(last) = other.last_mut() {
            *last = last.strip_suffix("_file").map_or_else(|| format!("{last}_file"), str::to_owned);
        }
        if !value.is_array() && keys.get(&other).is_some_and(|given| given.origin.rank() < origin.rank()) {
            keys.remove(&other);
        }
        keys.insert(key, Given { value, origin });
    }
}

/// What a file says: section, key (none for a section's own line) and value.
fn parse(text: &str, name: &str) -> Result<Vec<(String, Option<Key>, Value)>, ConfigError> {
    let wrong = |error: ::config::ConfigError| {
        let said = error.to_string();
        let lines: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        ConfigError(format!("{name}: {}", lines.join(" ")))
    };
    let read = Toml::builder().add_source(File::from_str(text, FileFormat::Toml)).build().map_err(wrong)?;
    let tree: Map<String, Value> = read.try_deserialize().map_err(wrong)?;
    let mut all = Vec::new();
    for (key, value) in tree {
        match value {
            Value::Object(keys) => {
                all.push((key.clone(), None, Value::Null));
                let mut leaves = Vec::new();
                flatten(&mut Vec::new(), keys, &mut leaves);
                all.extend(leaves.into_iter().map(|(inner, value)| (key.clone(), Some(inner), value)));
            }
            value => all.push((String::new(), Some(vec![key]), value)),
        }
    }
    Ok(all)
}

fn flatten(path: &mut Key, table: Map<String, Value>, leaves: &mut Vec<(Key, Value)>) {
    for (name, value) in table {
        path.push(name);
        match value {
            Value::Object(inner) => flatten(path, inner, leaves),
            value => leaves.push((path.clone(), value)),
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests;
