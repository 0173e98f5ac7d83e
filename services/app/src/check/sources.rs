//! Home Assistant, the other sources and the broker, tried.

use std::time::Duration;

use chrono::Utc;
use serde_json::{Value, json};
use wattribute_meter::{Sources, Tried};
use wattribute_service::home_assistant::{Config, HaError, Rest};
use wattribute_service::mqtt::{self, Event};

use super::Finding;
use crate::ask::{known, passing_store};
use crate::config::Loaded;

const HOME_ASSISTANT: &str = "Home Assistant";
const METER: &str = "whole-house meter";
const CLOCK: &str = "clock";
/// Past this, steps and switches no longer meet, s.
const LARGEST_SKEW_S: f64 = 2.0;
/// How long a device may take to say something.
const LONGEST_SILENCE: Duration = Duration::from_secs(8);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Home Assistant: whether it answers, whether its clock is ours, whether the house's meter is found in it.
pub async fn home_assistant(config: &Config, house_meter: Option<&str>) -> Vec<Finding> {
    if !config.is_set() {
        let remedy =
            "set HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN (a long-lived token of your profile, Security), or a meter (docs/ADAPTERS.md)";
        return vec![Finding::problem(HOME_ASSISTANT, "is not set up, so there is no source of readings", remedy)];
    }
    let tried = tokio::time::timeout(LONGEST_WAIT, ask(config, house_meter)).await;
    match tried.unwrap_or_else(|_| Err(HaError::Timeout("Home Assistant did not answer in 15 s".to_owned()))) {
        Ok(findings) => findings,
        Err(error) => vec![Finding::problem(HOME_ASSISTANT, error.to_string(), remedy(&error))],
    }
}

async fn ask(config: &Config, house_meter: Option<&str>) -> Result<Vec<Finding>, HaError> {
    let rest = Rest::new(config)?;
    let about = rest.get("/api/config").await?;
    let text = |key: &str| about[key].as_str().unwrap_or("?").to_owned();
    let said = format!("{} answers: {}, version {}", config.address()?, text("location_name"), text("version"));
    let mut all = vec![Finding::ok(HOME_ASSISTANT, said)];
    let asked = Utc::now();
    let answer = rest.post("/api/template", &json!({"template": "{{ now().timestamp() }}"})).await?;
    let took = Utc::now() - asked;
    let theirs = answer.as_f64().or_else(|| answer.as_str()?.trim().parse().ok());
    let ours = (asked + took / 2).timestamp_millis() as f64 / 1000.0;
    all.extend(theirs.map(|theirs| clock(theirs - ours)));
    let states = rest.get("/api/states").await?;
    all.push(meter(house_meter.or(config.meter.as_deref()), states.as_array().map_or(&[], Vec::as_slice)));
    Ok(all)
}

fn remedy(error: &HaError) -> &'static str {
    match error {
        HaError::Unauthorized { .. } => "make a new token and set it as HOME_ASSISTANT_TOKEN",
        HaError::Setup(_) => "see [home_assistant] in `wattribute config --sample`",
        HaError::Unreachable(_) | HaError::Timeout(_) => {
            "see that HOME_ASSISTANT_URL is right, that Home Assistant runs and that this machine reaches it"
        }
        HaError::Refused { .. } | HaError::Protocol(_) => {
            "see that HOME_ASSISTANT_URL leads to Home Assistant itself, and that the token is of an administrator"
        }
    }
}

fn clock(skew_s: f64) -> Finding {
    let said = format!("Home Assistant's is {:.1} s {}", skew_s.abs(), if skew_s < 0.0 { "behind" } else { "ahead" });
    if skew_s.abs() <= LARGEST_SKEW_S {
        Finding::ok(CLOCK, said)
    } else {
        Finding::problem(CLOCK, said, "let both machines keep their time by NTP")
    }
}

/// The meter: what the owner named must be there and say a number; else there must be sensors of power to choose from.
fn meter(named: Option<&str>, states: &[Value]) -> Finding {
    let is_power = |state: &Value| {
        let attributes = &state["attributes"];
        attributes["device_class"] == "power" || matches!(attributes["unit_of_measurement"].as_str(), Some("W" | "kW" | "MW"))
    };
    let id = |state: &Value| state["entity_id"].as_str().unwrap_or_default().to_owned();
    let powers: Vec<&Value> = states.iter().filter(|state| id(state).starts_with("sensor.") && is_power(state)).collect();
    let Some(expression) = named else {
        return match powers.len() {
            0 => Finding::problem(
                METER,
                "Home Assistant has no sensor of power",
                "Wattribute needs one sensor of the whole house's power, in W or kW",
            ),
            count => {
                Finding::ok(METER, format!("will be found among {count} sensors of power; `wattribute discover home-assistant` lists them"))
            }
        };
    };
    let expression = wattribute_domain::with_dots(expression);
    let is_of_another = |id: &&str| id.split('.').next().is_some_and(|source| Sources::NAMES.contains(&source));
    let ours: Vec<&str> = wattribute_domain::entities_of(&expression).filter(|id| !is_of_another(id)).collect();
    if ours.is_empty() {
        return Finding::ok(METER, format!("{expression}, which is not of Home Assistant"));
    }
    for entity in ours {
        let Some(state) = states.iter().find(|state| id(state) == entity) else {
            let known: Vec<String> = powers.iter().take(5).map(|state| id(state)).collect();
            return Finding::problem(METER, format!("there is no {entity}"), format!("sensors of power are {}", known.join(", ")));
        };
        let value = state["state"].as_str().unwrap_or_default();
        if value.parse::<f64>().is_err() {
            return Finding::problem(METER, format!("{entity} says `{value}`"), "see in Home Assistant why it says no number");
        }
    }
    Finding::ok(METER, format!("{expression} is there and says numbers"))
}

/// All other sources: whether each of their devices answers.
pub async fn others(loaded: &Loaded) -> Vec<Finding> {
    let of = |tried: Tried| match tried.found {
        Ok(said) => Finding::ok(&tried.source, said),
        Err(why) => Finding::problem(&tried.source, why, format!("see {} in docs/ADAPTERS.md", tried.source)),
    };
    let tried = async {
        let (store, _folder) = passing_store(known(loaded).await).await?;
        let meter = &loaded.config.meter;
        let is_running = std::net::TcpListener::bind(meter.listen).is_err();
        anyhow::Ok(wattribute_meter::try_sources(&meter.sources, &*store, LONGEST_SILENCE, is_running).await?)
    };
    match tried.await {
        Ok(tried) => tried.into_iter().map(of).collect(),
        Err(error) => vec![Finding::problem("sources", format!("{error:#}"), "see that there is room in the folder of temporary files")],
    }
}

/// The broker: whether it lets us in.
pub async fn mqtt(config: &mqtt::Config) -> Option<Finding> {
    const WHAT: &str = "MQTT broker";
    let address = config.url.as_ref()?;
    let remedy = "see `url`, `username` and `password` in [mqtt], and that the broker runs";
    let client_id = format!("wattribute-check-{}", std::process::id());
    let (client, mut events) = match mqtt::connect(config, &client_id, None) {
        Ok(connected) => connected,
        Err(error) => return Some(Finding::problem(WHAT, error.to_string(), remedy)),
    };
    let said = tokio::time::timeout(LONGEST_WAIT, events.next()).await;
    client.disconnect().await;
    Some(match said {
        Ok(Some(Event::Connected)) => Finding::ok(WHAT, format!("{address} lets us in")),
        Ok(Some(Event::Disconnected(why))) => Finding::problem(WHAT, why, remedy),
        Ok(_) | Err(_) => Finding::problem(WHAT, format!("{address} does not answer"), remedy),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn states() -> Vec<Value> {
        let state =
            |id: &str, state: &str, unit: &str| json!({"entity_id": id, "state": state, "attributes": {"unit_of_measurement": unit}});
        vec![state("sensor.grid", "1.2", "kW"), state("sensor.solar", "unavailable", "W"), state("sensor.heat", "21", "°C")]
    }

    #[rstest]
    #[case(None, true, "among 2 sensors")]
    #[case(Some("sensor.grid"), true, "sensor.grid is there")]
    #[case(Some("sensor.grid + 0.5*sensor.solar"), false, "sensor.solar says `unavailable`")]
    #[case(Some("sensor.gird"), false, "there is no sensor.gird")]
    fn the_meter_is_looked_for(#[case] named: Option<&str>, #[case] is_ok: bool, #[case] says: &str) {
        let finding = meter(named, &states());
        assert!(finding.is_ok == is_ok && finding.said.contains(says), "{finding:?}");
        assert_eq!(finding.remedy.is_none(), is_ok);
    }

    #[test]
    fn without_sensors_of_power_there_is_no_meter() {
        assert!(!meter(None, &[]).is_ok);
    }

    #[test]
    fn a_wrong_clock_is_a_problem() {
        assert!(clock(0.4).is_ok && !clock(-30.0).is_ok);
        assert!(clock(-30.0).said.contains("30.0 s behind"));
    }
}
