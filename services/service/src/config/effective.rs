//! The configuration as it is in effect, with its origins and without its secrets.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ConfigError, Given, Key, Loader, parse, section};

/// The sample with every key in effect: `#key = value` becomes `key = value`; `# words` stay comments.
pub fn uncommented(sample: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) && rest.contains(" = ") => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    sample.lines().map(line).collect()
}

impl Loader {
    /// All settings as TOML: those of the `sample`, with what was given over them; secrets are `****`.
    pub fn effective(&self, sample: &str) -> Result<String, ConfigError> {
        let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (section, key, value) in parse(&uncommented(sample), "the sample")? {
            let keys = all.entry(section).or_default();
            keys.extend(key.map(|key| written(&key)).map(|key| (key.clone(), show(&key, &value))));
        }
        for (section, given) in &self.given {
            let shown = |(key, set): (&Key, &Given)| {
                let key = written(key);
                let line = format!("{}  # {}", show(&key, &set.value), set.origin.name());
                (key, line)
            };
            all.entry(section.clone()).or_default().extend(given.iter().map(shown));
        }
        let mut out = String::new();
        for (section, keys) in all {
            if !section.is_empty() {
                out += &format!("\n[{section}]\n");
            }
            out.extend(keys.iter().map(|(key, value)| format!("{key} = {value}\n")));
        }
        Ok(out.trim_start().to_owned())
    }
}

/// A key as TOML writes it: in quotes where it holds more than letters, digits, `_` and `-`.
fn written(key: &Key) -> String {
    let is_bare = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let one = |part: &String| if is_bare(part) { part.clone() } else { Value::String(part.clone()).to_string() };
    key.iter().map(one).collect::<Vec<_>>().join(".")
}

fn show(key: &str, value: &Value) -> String {
    let hidden = |value: &Value| if section::is_secret(key) { Value::String("****".to_owned()) } else { without_userinfo(value) };
    match value {
        Value::Array(all) => format!("[{}]", all.iter().map(|one| show(key, one)).collect::<Vec<_>>().join(", ")),
        Value::Object(all) => {
            let inner: Vec<_> = all.iter().map(|(inner, value)| format!("{inner} = {}", show_inner(inner, value))).collect();
            format!("{{ {} }}", inner.join(", "))
        }
        // As the environment says a list of tables.
        Value::String(text) if text.trim_start().starts_with("[{") => Value::String("****".to_owned()).to_string(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        value => hidden(value).to_string(),
    }
}

/// A value in a table of a list, such as a webhook: its address is a secret as a whole, and so is what is sent there.
fn show_inner(key: &str, value: &Value) -> String {
    let is_secret = matches!(key, "url" | "headers" | "body");
    if is_secret { Value::String("****".to_owned()).to_string() } else { show(key, value) }
}

/// `mqtt://anna:****@broker` for `mqtt://anna:secret@broker`.
fn without_userinfo(value: &Value) -> Value {
    let masked = |text: &str| {
        let (scheme, rest) = text.split_once("://")?;
        let (user, host) = rest.rsplit_once('@')?;
        let name = user.split_once(':').map_or("****".to_owned(), |(name, _)| format!("{name}:****"));
        Some(Value::String(format!("{scheme}://{name}@{host}")))
    };
    value.as_str().and_then(masked).unwrap_or_else(|| value.clone())
}
