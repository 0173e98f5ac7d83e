use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use wattribute_domain::AlertKind;
use wattribute_service::webhook::{Method, Target};

use super::quiet::QuietHours;
use super::template::Template;

/// Section `[alerts]`: what somebody is told of, when, and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is looked for.
    pub kinds: Vec<AlertKind>,
    /// Consumption of the house that is high, W.
    pub high_consumption_w: f64,
    /// How long consumption is to be high before it is an alert, and low before that is over.
    #[serde(with = "humantime_serde")]
    pub high_consumption_for: Duration,
    /// Phantom load of a night that is high, W.
    pub high_phantom_load_w: f64,
    /// How long a meter, or all that a source reads, is to say nothing before it is an alert.
    #[serde(with = "humantime_serde")]
    pub no_data_after: Duration,
    /// Local hours in which nothing is sent that can wait.
    pub quiet_hours: Option<QuietHours>,
    /// What is sent in quiet hours too.
    pub urgent: Vec<AlertKind>,
    /// Events `wattribute_alert` in Home Assistant.
    pub home_assistant: bool,
    /// Messages on `<base topic>/alert`, where a broker is set.
    pub mqtt: bool,
    /// Addresses to which each alert is sent.
    #[serde(deserialize_with = "webhooks")]
    pub webhooks: Vec<Webhook>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            kinds: AlertKind::ALL.to_vec(),
            high_consumption_w: 10_000.0,
            high_consumption_for: Duration::from_secs(60),
            high_phantom_load_w: wattribute_store::PHANTOM_THRESHOLD_W,
            no_data_after: Duration::from_secs(600),
            quiet_hours: None,
            urgent: vec![AlertKind::HighConsumption],
            home_assistant: true,
            mqtt: true,
            webhooks: Vec::new(),
        }
    }
}

/// An address to which alerts are sent.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub(super) target: Target,
    pub(super) template: Template,
    /// What is sent there; empty: all.
    pub(super) kinds: Vec<AlertKind>,
    /// Whether it is also told when an alert is over.
    pub(super) ends: bool,
}

/// A webhook as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    url: Option<SecretString>,
    url_file: Option<PathBuf>,
    #[serde(default)]
    method: Method,
    body: Option<String>,
    #[serde(default = "json")]
    content_type: String,
    #[serde(default)]
    headers: BTreeMap<String, SecretString>,
    #[serde(default)]
    kinds: Vec<AlertKind>,
    #[serde(default = "yes")]
    ends: bool,
}

fn json() -> String {
    "application/json".to_owned()
}

fn yes() -> bool {
    true
}

/// Reads the list of webhooks; what is wrong is said without repeating what may be a secret.
fn webhooks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Webhook>, D::Error> {
    let mut value = Value::deserialize(from)?;
    // The environment knows only texts.
    if let Some(text) = value.as_str() {
        value = serde_json::from_str(text).unwrap_or(Value::Null);
    }
    let Value::Array(all) = value else {
        return Err(D::Error::custom("this is no list of webhooks; write them as [{ url = \"https://ntfy.sh/my-topic\" }]"));
    };
    // Who reads the configuration says which one.
    all.into_iter().map(|one| webhook(one).map_err(D::Error::custom)).collect()
}

fn webhook(value: Value) -> Result<Webhook, String> {
    let said: Said = serde_json::from_value(value).map_err(|error| {
        let why = error.to_string();
        // Serde repeats a text of the wrong type: it may be a secret.
        if why.contains("string \"") {
            "a value is of the wrong type: url, url_file, method, body and content_type are texts, headers a table of texts, kinds a list, \
             ends true or false"
                .to_owned()
        } else {
            why
        }
    })?;
    let url = match (said.url, said.url_file) {
        (Some(url), None) => url,
        (None, Some(path)) => match std::fs::read_to_string(&path) {
            Ok(text) => text.trim().to_owned().into(),
            Err(error) => return Err(format!("url_file: {}: {error}", path.display())),
        },
        (Some(_), Some(_)) => return Err("both url and url_file are given; one is enough".to_owned()),
        (None, None) => return Err("there is no url; give the address, or with url_file a file that holds it".to_owned()),
    };
    let target = Target::new(&url, said.method, &said.content_type, &said.headers)?;
    let template = Template::parse(said.body.as_deref(), &said.content_type).map_err(|why| format!("body: {why}"))?;
    Ok(Webhook { target, template, kinds: said.kinds, ends: said.ends })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn read(webhook: Value) -> Result<Config, String> {
        serde_json::from_value(json!({ "webhooks": [webhook] })).map_err(|e| e.to_string())
    }

    #[test]
    fn a_webhook_needs_an_address_only() {
        let config = read(json!({"url": "https://ntfy.sh/hush"})).unwrap();
        assert!(config.webhooks[0].kinds.is_empty() && config.webhooks[0].ends);
        let text = r#"[{"url": "https://ntfy.sh/hush", "kinds": ["left_on"], "ends": false}]"#;
        let config: Config = serde_json::from_value(json!({ "webhooks": text })).unwrap();
        assert_eq!((&config.webhooks[0].kinds[..], config.webhooks[0].ends), (&[AlertKind::LeftOn][..], false));
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[rstest]
    #[case(json!({}), "no url")]
    #[case(json!({"url": "hush"}), "url: this is no address")]
    #[case(json!({"url": "http://a/hush", "url_file": "/x"}), "one is enough")]
    #[case(json!({"url_file": "/no/such/file"}), "/no/such/file")]
    #[case(json!({"url": "http://a/hush", "metod": "PUT"}), "unknown field `metod`")]
    #[case(json!({"url": "http://a/hush", "headers": "Bearer hush"}), "headers a table of texts")]
    #[case(json!({"url": "http://a/hush", "method": "GET"}), "unknown variant `GET`, expected `POST` or `PUT`")]
    #[case(json!({"url": "http://a/hush", "kinds": ["left_off"]}), "left_on")]
    #[case(json!({"url": "http://a/hush", "body": "{who} hush", "content_type": "text/plain"}), "body: there is no placeholder {who}")]
    #[case(json!("hush"), "wrong type")]
    fn what_is_wrong_is_named_and_no_secret_repeated(#[case] webhook: Value, #[case] says: &str) {
        let error = read(webhook).unwrap_err();
        assert!(error.contains(says) && !error.contains("hush"), "{error}");
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let error = serde_json::from_value::<Config>(json!({"webhooks": "[{\"url\": \"hush"})).unwrap_err().to_string();
        assert!(error.contains("no list of webhooks") && !error.contains("hush"), "{error}");
    }
}
