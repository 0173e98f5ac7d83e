//! One reading of a device, in the language it speaks.

use serde_json::{Value, json};

use super::link::Link;
use super::{Device, Trouble};
use crate::adapters::kasa::wire as iot;
use crate::adapters::tapo::wire as smart;

/// The longest list of outlets that is read.
const MOST_CHILDREN: usize = 64;

/// What a device said, and its answers word for word, without what is nobody's business.
pub(super) struct Reading {
    /// What is understood of it.
    pub device: Device,
    /// Its answers.
    pub text: String,
}

/// What a device knows of [`smart::METERS`]. A strip itself knows other than its outlets.
pub(super) struct Known {
    own: Vec<&'static str>,
    outlets: Vec<&'static str>,
    /// Whether it makes nothing of several methods at once.
    singly: bool,
}

impl Default for Known {
    fn default() -> Self {
        Known { own: smart::METERS.to_vec(), outlets: smart::METERS.to_vec(), singly: false }
    }
}

impl Known {
    /// What it does not know is not asked for again.
    fn learn(&mut self, child: Option<&str>, method: &str, said: &Result<Value, i64>) {
        if said.as_ref().is_err_and(|code| UNKNOWN.contains(code)) {
            let of = if child.is_some() { &mut self.outlets } else { &mut self.own };
            of.retain(|known| *known != method);
        }
    }
}

/// Errors that say that it does not know a method, or knows it otherwise.
const UNKNOWN: [i64; 4] = [-1002, -1008, -40106, -40210];

/// Reads a device; what it knows is learned.
pub(super) async fn read(link: &mut Link, known: &mut Known) -> Result<Reading, Trouble> {
    if link.speaks_iot().is_none() {
        let first = link.ask(&smart::request(smart::INFO, Value::Null)).await?;
        link.noted(smart::error_code(&first).is_none());
    }
    if link.speaks_iot() == Some(true) { read_iot(link).await } else { read_smart(link, known).await }
}

async fn read_iot(link: &mut Link) -> Result<Reading, Trouble> {
    let answer = link.ask(&iot::question()).await?;
    let (mut more, mut text) = (Vec::new(), masked(&answer));
    for (id, question) in iot::more(&answer) {
        let said = link.ask(&question).await?;
        text = text + "\n" + &masked(&said);
        more.push((id, said));
    }
    let address = link.place().to_string();
    let device = iot::device(&address, &answer, &more).map_err(|why| nonsense(&address, &why))?;
    Ok(Reading { device, text })
}

async fn read_smart(link: &mut Link, known: &mut Known) -> Result<Reading, Trouble> {
    let address = link.place().to_string();
    let mut text = String::new();
    let asked: Vec<&'static str> = std::iter::once(smart::INFO).chain(known.own.iter().copied()).collect();
    let answers = ask_all(link, None, &asked, known, &mut text).await?;
    let info = answers.get(smart::INFO).ok_or_else(|| nonsense(&address, "it says nothing of itself (`get_device_info`)"))?;
    let mut outlets = Vec::new();
    if smart::may_have_children(info) {
        for (id, outlet) in smart::children(&children(link, &mut text).await?) {
            let asked = known.outlets.clone();
            let said = ask_all(link, Some(&id), &asked, known, &mut text).await?;
            outlets.push((outlet, said));
        }
    }
    let device = smart::device(&address, &answers, &outlets).map_err(|why| nonsense(&address, &why))?;
    Ok(Reading { device, text })
}

/// The outlets of a strip, which come in pages.
async fn children(link: &mut Link, text: &mut String) -> Result<Vec<Value>, Trouble> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let answer = link.ask(&smart::request(smart::CHILDREN, json!({"start_index": all.len()}))).await?;
        *text += &masked(&answer);
        let page = answer.pointer("/result/child_device_list").and_then(Value::as_array).cloned().unwrap_or_default();
        let is_last = page.is_empty();
        all.extend(page);
        let sum = answer.pointer("/result/sum").and_then(Value::as_u64).unwrap_or(0);
        if is_last || all.len() as u64 >= sum || all.len() >= MOST_CHILDREN {
            return Ok(all);
        }
    }
}

/// Asks for several methods, of the device or of an outlet. What it left out after an error is asked for one by one.
async fn ask_all(
    link: &mut Link,
    child: Option<&str>,
    asked: &[&'static str],
    known: &mut Known,
    text: &mut String,
) -> Result<smart::Answers, Trouble> {
    let mut answers = smart::Answers::new();
    let mut missing: Vec<&'static str> = asked.to_vec();
    if missing.len() > 1 && !known.singly {
        let answer = ask_one(link, child, smart::requests(asked), text).await?;
        let all = smart::answered(&answer);
        known.singly = all.is_empty();
        for (method, said) in all {
            missing.retain(|asked| *asked != method);
            known.learn(child, &method, &said);
            said.ok().and_then(|result| answers.insert(method, result));
        }
    }
    for method in missing {
        let answer = ask_one(link, child, smart::request(method, Value::Null), text).await?;
        let said = match smart::error_code(&answer) {
            Some(0) => Ok(answer.get("result").cloned().unwrap_or(Value::Null)),
            code => Err(code.unwrap_or_default()),
        };
        known.learn(child, method, &said);
        said.ok().and_then(|result| answers.insert(method.to_owned(), result));
    }
    Ok(answers)
}

async fn ask_one(link: &mut Link, child: Option<&str>, request: Value, text: &mut String) -> Result<Value, Trouble> {
    let answer = match child {
        None => link.ask(&request).await?,
        Some(id) => smart::of_child(&link.ask(&smart::to_child(id, request)).await?),
    };
    if !text.is_empty() {
        text.push('\n');
    }
    *text += &masked(&answer);
    Ok(answer)
}

fn nonsense(address: &str, why: &str) -> Trouble {
    Trouble::Nonsense(format!("the answer of {address} makes no sense: {why}"))
}

/// What a device tells beside its readings that is not to be kept: where the home is, and its Wi-Fi.
const PRIVATE: [&str; 9] = ["latitude", "longitude", "latitude_i", "longitude_i", "ssid", "bssid", "owner", "username", "token"];

/// An answer without what is not to be kept.
pub(super) fn masked(answer: &Value) -> String {
    fn mask(value: &mut Value) {
        match value {
            Value::Object(all) => {
                for (key, value) in all.iter_mut() {
                    if PRIVATE.contains(&key.as_str()) { *value = "****".into() } else { mask(value) }
                }
            }
            Value::Array(all) => all.iter_mut().for_each(mask),
            _ => {}
        }
    }
    let mut answer = answer.clone();
    mask(&mut answer);
    answer.to_string()
}
