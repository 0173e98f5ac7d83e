//! What a webhook sends: a text with placeholders.

use std::fmt::Write;

use serde_json::Value;
use wattribute_domain::{AlertKind, AlertRecord};

use super::payload;

/// Placeholders, each named as the key of the payload that it stands for.
const PLACEHOLDERS: [&str; 11] =
    ["message", "kind", "name", "entity_id", "power_w", "threshold_w", "usual_on_h", "since", "on", "id", "is_demo"];

/// A text in which `{message}` and its like stand for what an alert says, and `{{` and `}}` for braces.
#[derive(Clone)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    escape: Escape,
}

#[derive(Clone)]
enum Piece {
    Text(String),
    Placeholder {
        name: &'static str,
        /// Whether it stands within quotes of JSON.
        quoted: bool,
    },
}

/// How what is put in is kept from being taken for what is around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    Json,
    Form,
    Plain,
}

// A body may hold a token.
impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Template")
    }
}

impl Template {
    /// Reads a template; none is all that is known as JSON. The error says what is wrong and repeats nothing but the name of a placeholder.
    pub fn parse(text: Option<&str>, content_type: &str) -> Result<Self, String> {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let escape = match kind.as_str() {
            "application/x-www-form-urlencoded" => Escape::Form,
            json if json == "application/json" || json.ends_with("+json") => Escape::Json,
            _ => Escape::Plain,
        };
        let pieces = match text {
            Some(text) => pieces(text, escape)?,
            None if escape == Escape::Json => Vec::new(),
            None => vec![Piece::Placeholder { name: "message", quoted: false }],
        };
        let template = Template { pieces, escape };
        if escape == Escape::Json && serde_json::from_str::<Value>(&template.fill(&sample(), false)).is_err() {
            return Err(
                "with the placeholders filled in this is no JSON; write {{ and }} for its braces, and {message} within quotes".to_owned()
            );
        }
        Ok(template)
    }

    /// What is sent of an alert.
    pub fn fill(&self, alert: &AlertRecord, is_demo: bool) -> String {
        let payload = payload(alert, is_demo);
        if self.pieces.is_empty() && self.escape == Escape::Json {
            return payload.to_string();
        }
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out += text,
                Piece::Placeholder { name, quoted } => self.put(&payload[*name], *quoted, &mut out),
            }
        }
        out
    }

    fn put(&self, value: &Value, quoted: bool, out: &mut String) {
        let plain = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match self.escape {
            Escape::Plain => *out += &plain,
            Escape::Json if quoted => {
                let escaped = Value::String(plain).to_string();
                *out += &escaped[1..escaped.len() - 1];
            }
            Escape::Json => *out += &value.to_string(),
            Escape::Form => {
                for byte in plain.bytes() {
                    match byte {
                        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
                        _ => drop(write!(out, "%{byte:02X}")),
                    }
                }
            }
        }
    }
}

fn pieces(text: &str, escape: Escape) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let (mut literal, mut in_quotes, mut is_escaped) = (String::new(), false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '{' | '}' if letters.peek() == Some(&letter) => {
                letters.next();
                literal.push(letter);
            }
            '{' => {
                let name: String = std::iter::from_fn(|| letters.next_if(|l| l.is_ascii_alphanumeric() || *l == '_')).collect();
                if name.is_empty() || name.len() > 30 || letters.next() != Some('}') {
                    return Err("a { begins no placeholder; write {{ for a brace".to_owned());
                }
                let known = PLACEHOLDERS.into_iter().find(|known| *known == name);
                let name =
                    known.ok_or_else(|| format!("there is no placeholder {{{name}}}; there are {{{}}}", PLACEHOLDERS.join("}, {")))?;
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
                pieces.push(Piece::Placeholder { name, quoted: in_quotes });
            }
            '}' => return Err("a } ends no placeholder; write }} for a brace".to_owned()),
            letter => {
                literal.push(letter);
                if escape == Escape::Json {
                    in_quotes ^= letter == '"' && !is_escaped;
                    is_escaped = letter == '\\' && !is_escaped;
                }
            }
        }
    }
    pieces.push(Piece::Text(literal));
    Ok(pieces)
}

/// An alert with everything that may break a text.
fn sample() -> AlertRecord {
    AlertRecord {
        id: "left_on:a@0".to_owned(),
        kind: AlertKind::LeftOn,
        entity_id: Some("light.hall".to_owned()),
        name: "\"Anna's\"\n\\ lamp".to_owned(),
        message: "\"Anna's\"\n\\ lamp is still on".to_owned(),
        power_w: Some(4.2),
        threshold_w: None,
        usual_on_h: Some(1.5),
        since_ms: 0,
        began_ms: 0,
        ended_ms: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn filled(text: &str, content_type: &str) -> String {
        Template::parse(Some(text), content_type).unwrap().fill(&sample(), false)
    }

    #[test]
    fn in_json_a_name_breaks_and_injects_nothing() {
        let text = r#"{{"text": "{message}!", "who": {name}, "w": {power_w}, "of": {threshold_w}, "at": "{threshold_w}", "on": {on}}}"#;
        let sent: Value = serde_json::from_str(&filled(text, "application/json; charset=utf-8")).unwrap();
        let wanted =
            json!({"text": "\"Anna's\"\n\\ lamp is still on!", "who": "\"Anna's\"\n\\ lamp", "w": 4.2, "of": null, "at": "", "on": true});
        assert_eq!(sent, wanted);
        let sent: Value = serde_json::from_str(&filled(r#"["\"{name}\"", {kind}]"#, "application/vnd.a+json")).unwrap();
        assert_eq!(sent, json!(["\"\"Anna's\"\n\\ lamp\"", "left_on"]));
    }

    #[test]
    fn in_other_texts_it_stands_as_it_is_and_in_forms_encoded() {
        assert_eq!(filled("{{{name}}}: {power_w} W{threshold_w}", "text/plain"), "{\"Anna's\"\n\\ lamp}: 4.2 W");
        assert_eq!(filled("text={name}&on={on}", "application/x-www-form-urlencoded"), "text=%22Anna%27s%22%0A%5C%20lamp&on=true");
    }

    #[test]
    fn without_a_template_all_that_is_known_is_sent() {
        let sent = Template::parse(None, "application/json").unwrap().fill(&sample(), true);
        let sent: Value = serde_json::from_str(&sent).unwrap();
        assert_eq!((&sent["kind"], &sent["on"], &sent["is_demo"]), (&json!("left_on"), &json!(true), &json!(true)));
        assert_eq!(Template::parse(None, "text/plain").unwrap().fill(&sample(), true), sample().message);
        assert!(PLACEHOLDERS.iter().all(|name| sent.get(name).is_some()), "{sent}");
    }

    #[rstest]
    #[case("{who}", "text/plain", "there is no placeholder {who}; there are {message}, {kind}")]
    #[case("{\"token\": \"hush\"}", "application/json", "write {{ for a brace")]
    #[case("{}", "text/plain", "begins no placeholder")]
    #[case("{message", "text/plain", "begins no placeholder")]
    #[case("}", "text/plain", "ends no placeholder")]
    #[case("{{\"a\": \"{message}\"", "application/json", "this is no JSON")]
    fn a_template_that_cannot_work_is_refused(#[case] text: &str, #[case] content_type: &str, #[case] says: &str) {
        let error = Template::parse(Some(text), content_type).map(|_| ()).unwrap_err();
        assert!(error.contains(says) && !error.contains("hush"), "{error}");
    }
}
