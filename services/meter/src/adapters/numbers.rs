//! Numbers as devices write them.

use serde_json::Value;

/// A number, also where it stands in a text with blanks around it; `None` of anything else and of what is not finite.
pub(super) fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// JSON as devices write it: some write `nan` or `inf` where they have no number, which counts as none. The error says what is wrong and how
/// it begins.
pub(super) fn json(payload: &[u8]) -> Result<Value, String> {
    // Some write the sign of a degree in a code page of their own.
    let text = String::from_utf8_lossy(payload);
    let is_text = matches!(text, std::borrow::Cow::Borrowed(_));
    // Some send a byte order mark before it, others the nought that ends a text in C.
    let text = text.trim_start_matches('\u{feff}').trim_end_matches('\0');
    serde_json::from_str(text).or_else(|error| {
        let mended = without_nan(text);
        mended.and_then(|mended| serde_json::from_str(&mended).ok()).ok_or_else(|| match is_text {
            true => format!("{} is no JSON: {error}", beginning(text)),
            false => format!("{} bytes that are no text", payload.len()),
        })
    })
}

/// Masks what stands under names that sound like one of these, at any depth.
pub(super) fn mask(value: &mut Value, secrets: &[&str]) {
    match value {
        Value::Object(all) => {
            for (name, value) in all.iter_mut() {
                match secrets.iter().any(|secret| name.to_ascii_lowercase().contains(secret)) {
                    true => *value = "***".into(),
                    false => mask(value, secrets),
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|value| mask(value, secrets)),
        _ => {}
    }
}

/// How a text begins, fit for a line of a log.
pub(super) fn beginning(text: &str) -> String {
    let visible: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("`{visible}{}`", if text.chars().nth(40).is_some() { "…" } else { "" })
}

/// The text with `null` for each `nan`, `inf` and `-inf` that stands for a value; `None` where there is none.
fn without_nan(text: &str) -> Option<String> {
    let (mut out, mut rest, mut found) = (String::with_capacity(text.len()), text, false);
    while let Some(at) = rest.find([':', '[', ',']) {
        let (before, after) = rest.split_at(at + 1);
        out += before;
        let value = after.trim_start();
        let word = value.split(|c: char| !c.is_ascii_alphabetic() && c != '-').next().unwrap_or_default();
        rest = match word.to_ascii_lowercase().as_str() {
            "nan" | "-nan" | "inf" | "-inf" | "infinity" | "-infinity" => {
                found = true;
                out += "null";
                &value[word.len()..]
            }
            _ => after,
        };
    }
    out += rest;
    found.then_some(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use serde_json::json as value;

    #[test]
    fn what_is_no_number_is_none() {
        let read = |value: Value| number(&value);
        assert_eq!((read(value!(1.5)), read(value!(" 5 ")), read(value!("-3.25"))), (Some(1.5), Some(5.0), Some(-3.25)));
        assert_eq!(
            (read(value!(null)), read(value!("")), read(value!("nan")), read(value!(true)), read(value!([1]))),
            (None, None, None, None, None)
        );
    }

    #[test]
    fn a_value_that_is_not_a_number_is_none_of_the_others_business() {
        let read = json(br#"{"a": nan, "b":[1,-inf, 2], "c": "is nan, really"}"#).unwrap();
        assert_eq!(read, value!({"a": null, "b": [1, null, 2], "c": "is nan, really"}));
        assert_eq!(json("\u{feff}{\"a\": 1}\0".as_bytes()).unwrap(), value!({"a": 1}));
        assert!(json(b"{\"a\": 1").unwrap_err().contains("`{\"a\": 1` is no JSON"));
        assert!(json(&[0xff, 0xfe]).unwrap_err().contains("no text"));
        assert_eq!(json(b"{\"unit\": \"\xb0C\", \"a\": 1}").unwrap()["a"], 1, "a degree in Latin 1");
    }
}
