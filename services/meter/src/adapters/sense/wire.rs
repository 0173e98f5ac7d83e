//! What Sense's realtime feed says.
//!
//! Facts from <https://github.com/scottbonline/sense> and <https://github.com/bourquep/sense-js-sdk>: after connecting come `hello` (whether the
//! monitor is online), `monitor_info`, `data_change`, `device_states`, and about every half second `realtime_update`, whose `w` is all that the
//! house draws, `solar_w` what the sun gives, `channels` the clamps one by one, and `devices` what Sense makes out to be on.

use serde_json::Value;
use wattribute_domain::{Quantity, Role, device_name};

use crate::adapters::Told;
use crate::adapters::numbers::{json, number};

/// Entries of `devices` that are no device: what never stops, what is left, and the sun.
const NO_DEVICES: [&str; 3] = ["always_on", "unknown", "solar"];
const PHASES: [Quantity; 3] = [Quantity::PowerPhase1W, Quantity::PowerPhase2W, Quantity::PowerPhase3W];

/// One message of the feed.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
    /// The greeting, and whether the monitor is heard.
    Hello { is_online: bool },
    /// What is measured.
    Update(Value),
    /// The token lets nobody in.
    Refused,
    /// Something went wrong, in Sense's words.
    Error(String),
    /// What nothing is read of.
    Other,
}

/// One message, also in the envelope that some programs keep it in.
pub(super) fn frame(text: &str) -> Result<Frame, String> {
    let mut said = json(text.as_bytes())?;
    if said.get("type").is_none()
        && let Some(inner) = said.get_mut("data").filter(|inner| inner.get("type").is_some())
    {
        said = inner.take();
    }
    let kind = said.get("type").and_then(Value::as_str).ok_or("there is no `type` in it")?.to_owned();
    let mut payload = said.get_mut("payload").map(Value::take).unwrap_or_default();
    Ok(match kind.as_str() {
        "hello" => Frame::Hello { is_online: payload.get("online").and_then(Value::as_bool).unwrap_or(true) },
        "realtime_update" => {
            let inner = payload.get_mut("d").filter(|inner| inner.is_object()).map(Value::take);
            Frame::Update(inner.unwrap_or(payload))
        }
        "error" if payload.get("authorized").and_then(Value::as_bool) == Some(false) => Frame::Refused,
        "error" => {
            Frame::Error(payload.get("error_reason").and_then(Value::as_str).unwrap_or("it gives no reason").chars().take(120).collect())
        }
        _ => Frame::Other,
    })
}

/// What `/app/monitors/{id}/status` says of a monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// Whether Sense hears it.
    pub is_online: bool,
    /// Whether Sense answers a question for what it measures now: its software is 1.64 or newer.
    pub answers: bool,
}

/// The status of a monitor.
pub(super) fn status(said: &Value) -> Status {
    let info = said.get("monitor_info");
    let version = info.and_then(|info| info.get("version")).and_then(Value::as_str).unwrap_or_default();
    let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let is_online = info.and_then(|info| info.get("online")).and_then(Value::as_bool).unwrap_or(true);
    Status { is_online, answers: version >= (1, 64) }
}

/// What is measured at once.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Update {
    /// When, by the monitor's clock, ms since the epoch; `None` where it does not say.
    pub at_ms: Option<i64>,
    /// The house first.
    pub told: Vec<Told>,
}

/// What a `realtime_update` of a monitor says; of the devices that Sense makes out, only `with_guesses`.
pub(super) fn update(monitor: &str, payload: &Value, with_guesses: bool) -> Result<Update, String> {
    let value = |key: &str| payload.get(key).and_then(number);
    let list = |key: &str| payload.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let numbers = |key: &str| list(key).iter().map(number).collect::<Vec<_>>();
    let power_w = value("w");
    let mut house = Told { role: Some(Role::WholeHouse), ..Told::by(monitor, "House") };
    house = house.with(Quantity::PowerW, power_w).with(Quantity::FrequencyHz, value("hz").filter(|hz| *hz > 0.0));
    if let Some(phases) = power_w.and_then(|power_w| phases(&numbers("channels"), power_w)) {
        house = phases.iter().zip(PHASES).fold(house, |house, (phase_w, quantity)| house.with(quantity, Some(*phase_w)));
    }
    let mut told = Vec::new();
    match numbers("voltage").as_slice() {
        [one] => house = house.with(Quantity::VoltageV, *one),
        legs => {
            told.extend(legs.iter().zip(1..).map(|(voltage_v, leg)| {
                Told::by(format!("{monitor}/leg_{leg}"), format!("Leg {leg}")).with(Quantity::VoltageV, *voltage_v)
            }))
        }
    }
    told.insert(0, house);
    let solar = Told { role: Some(Role::Solar), ..Told::by(format!("{monitor}/solar"), "Solar") };
    told.push(solar.with(Quantity::PowerW, value("solar_w")));
    if with_guesses {
        told.extend(list("devices").iter().filter_map(|device| guess(monitor, device)));
    }
    told.retain(|told| !told.values.is_empty());
    if told.is_empty() {
        return Err("it says nothing that is measured".to_owned());
    }
    let at_ms = value("epoch").filter(|s| *s > 0.0 && *s < 1e11).map(|s| (s * 1000.0) as i64);
    Ok(Update { at_ms, told })
}

/// What the clamps on the mains measure, where they are what the house draws: where the sun is measured as well, its clamps follow.
fn phases(channels: &[Option<f64>], power_w: f64) -> Option<Vec<f64>> {
    let is_all = |some: &[f64]| (some.iter().sum::<f64>() - power_w).abs() <= 0.01 * power_w.abs() + 5.0;
    let known: Vec<f64> = channels.iter().copied().collect::<Option<_>>()?;
    let counts = [known.len(), known.len() / 2];
    let found = counts.into_iter().find(|count| (2..=PHASES.len()).contains(count) && is_all(&known[..*count]))?;
    Some(known[..found].to_vec())
}

/// Identities of what Sense makes out begin so.
pub(super) fn guesses(monitor: &str) -> String {
    format!("{monitor}/guess/")
}

fn guess(monitor: &str, said: &Value) -> Option<Told> {
    let id = said.get("id").and_then(Value::as_str).map(str::trim).filter(|id| !id.is_empty() && !NO_DEVICES.contains(id))?;
    let name = said.get("name").and_then(Value::as_str).map(str::trim).filter(|name| !device_name(name).is_empty()).unwrap_or(id);
    let told = Told { role: Some(Role::Guess), ..Told::by(format!("{}{id}", guesses(monitor)), format!("{name} (Sense guess)")) };
    Some(told.with(Quantity::PowerW, said.get("w").and_then(number)))
}
