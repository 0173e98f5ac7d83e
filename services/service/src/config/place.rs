//! Where in a value that cannot be read the fault is.

use serde_json::{Map, Value};

/// The way to what makes `error` say `why` of `whole`, such as "`heater`: values, number 2: scale"; empty where the whole is wrong. `error` says
/// what is wrong with a value, if anything is.
///
/// What is read is read from the front, so that the fault is in the last part of the shortest beginning of which the same is said; where that has
/// no part, it is of the wrong kind.
pub fn of(whole: &Value, why: &str, error: &dyn Fn(Value) -> Option<String>) -> String {
    let says_so = |value: Value| error(value).is_some_and(|said| said == why);
    let below = |part: &Value, words: String, rebuilt: &dyn Fn(Value) -> Value| {
        let rest = of(part, why, &|value| error(rebuilt(value)));
        if rest.is_empty() { words } else { format!("{words}: {rest}") }
    };
    match whole {
        Value::Array(all) => {
            let beginning = |count: usize| Value::Array(all[..count].to_vec());
            let Some(count) = (0..=all.len()).find(|count| says_so(beginning(*count))) else { return String::new() };
            let Some(part) = count.checked_sub(1).and_then(|at| all.get(at)) else { return String::new() };
            let name = part.get("name").or_else(|| part.get("id")).and_then(Value::as_str);
            let words = name.map_or_else(|| format!("number {count}"), |name| format!("`{name}`"));
            below(part, words, &|value| Value::Array(all[..count - 1].iter().cloned().chain([value]).collect()))
        }
        Value::Object(all) => {
            let beginning = |count: usize| all.iter().take(count).map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>();
            let Some(count) = (0..=all.len()).find(|count| says_so(Value::Object(beginning(*count)))) else { return String::new() };
            let Some((key, part)) = count.checked_sub(1).and_then(|at| all.iter().nth(at)) else { return String::new() };
            // What is missing or unknown is named, and is in a table, not in what stands before its place.
            if !part.is_array() && !part.is_object() && (why.starts_with("missing field") || why.starts_with("unknown field")) {
                return String::new();
            }
            below(part, key.clone(), &|value| {
                let mut table = beginning(count - 1);
                table.insert(key.clone(), value);
                Value::Object(table)
            })
        }
        _ => String::new(),
    }
}
