//! Devices that the configuration names: whether there can be such.

use wattribute_domain::{entities_of, letters_apart, with_dots};
use wattribute_meter::Sources;

use super::Config;

/// What names a device or a source that is not there, a sentence each.
pub fn doubts(config: &Config) -> Vec<String> {
    let meter = config.home.meter.as_deref().map(|words| meter(words, config)).unwrap_or_default();
    let role = |name: &String| {
        let id = with_dots(name.trim()).to_ascii_lowercase();
        let why = match id.split_once('.') {
            Some((source, _)) => missing(source, config),
            None => Some(format!("write it like {}/{name} or sensor.{name}", config.meter.sources.names().first().unwrap_or(&"tasmota"))),
        };
        why.map(|why| format!("[roles] `{name}` names nothing: {why}"))
    };
    let preferred = |name: &String| {
        let hint = || hint(name, || format!("there are {}", Sources::NAMES.join(", ")));
        (!Sources::is_name(name)).then(|| format!("`prefer` in [meter]: there is no source `{name}`; {}", hint()))
    };
    let roles = config.meter.sources.roles.keys().filter_map(role);
    meter.into_iter().chain(roles).chain(config.meter.prefer.iter().filter_map(preferred)).collect()
}

fn meter(words: &str, config: &Config) -> Vec<String> {
    let said = |why: String| format!("`meter` in [home], `{words}`: {why}");
    let expression = with_dots(words);
    let sources: Vec<&str> = entities_of(&expression).filter_map(|id| id.split('.').next()).collect();
    let is_word = !words.trim().is_empty() && words.trim().chars().all(|c| c.is_alphanumeric() || c == '_');
    match is_word {
        true if Sources::NAMES.contains(&words.trim()) => missing(words.trim(), config).map(said).into_iter().collect(),
        true => {
            let hint = hint(words.trim(), || format!("write it like tasmota/{words} or sensor.{words}"));
            vec![said(format!("there is no source of this name; {hint}"))]
        }
        false => sources.into_iter().filter_map(|source| missing(source, config)).map(said).collect(),
    }
}

/// Why nothing of a source can be heard: the first part of a device's name, as `tasmota` of `tasmota/mt681`, or a domain of Home Assistant.
fn missing(source: &str, config: &Config) -> Option<String> {
    let set_up = config.meter.sources.names();
    if source == "sensor" {
        return (!config.home_assistant.is_set()).then(|| "Home Assistant is not set up".to_owned());
    }
    if Sources::NAMES.contains(&source) {
        let is_there = if source == "home_assistant" { config.home_assistant.is_set() } else { set_up.contains(&source) };
        return (!is_there).then(|| format!("{source} is not set up"));
    }
    if config.home_assistant.is_set() && near(source).is_none() {
        // Home Assistant has domains that nobody has heard of.
        return None;
    }
    Some(format!("there is no source `{source}`; {}", hint(source, || format!("there are {}", set_up.join(", ")))))
}

/// The source whose name was meant, else what else would be right.
fn hint(said: &str, otherwise: impl FnOnce() -> String) -> String {
    near(said).map_or_else(otherwise, |name| format!("did you mean {name}?"))
}

/// A source whose name was meant.
fn near(said: &str) -> Option<&'static str> {
    let apart = |name: &&'static str| (letters_apart(&said.to_ascii_lowercase(), name), *name);
    let (letters, name) = Sources::NAMES.iter().map(apart).min()?;
    (letters <= 1 + said.chars().count() / 6).then_some(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use rstest::rstest;

    use super::super::{Services, load_from};

    fn doubts(text: &str, with_home_assistant: bool) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wattribute.toml");
        let sources = "[tasmota]\ntopics = [\"tele/#\"]\n[kasa]\nhosts = [\"192.168.1.7\"]\n";
        let home_assistant = "[home_assistant]\nurl = \"http://192.168.1.5:8123\"\ntoken = \"hush\"\n";
        std::fs::write(&file, [text, sources, home_assistant.repeat(usize::from(with_home_assistant)).as_str()].concat()).unwrap();
        load_from(Some(&file), &[], Services::All).unwrap_or_else(|error| panic!("{error}")).doubts
    }

    #[rstest]
    #[case("tasmota/mt681", true, None)]
    #[case("tasmota/mt681 + kasa/pv", false, None)]
    #[case("kasa", false, None)]
    #[case("sensor.grid - 0.5 * sensor.pv", true, None)]
    #[case("sensor.grid", false, Some("Home Assistant is not set up"))]
    #[case("energymeter/house", false, Some("there is no source `energymeter`; there are tasmota, kasa"))]
    #[case("tasmotta/mt681", true, Some("did you mean tasmota?"))]
    #[case("glow/display", true, Some("glow is not set up"))]
    #[case("glow", true, Some("glow is not set up"))]
    #[case("mt681", true, Some("write it like tasmota/mt681"))]
    #[case("kassa", true, Some("did you mean kasa?"))]
    fn a_meter_that_cannot_be_is_doubted(#[case] words: &str, #[case] with_home_assistant: bool, #[case] says: Option<&str>) {
        let said = doubts(&format!("[home]\nmeter = \"{words}\"\n"), with_home_assistant);
        assert_eq!(said.len(), says.iter().count(), "{said:?}");
        assert!(says.is_none_or(|says| said[0].contains(says) && said[0].contains(words)), "{said:?}");
    }

    #[test]
    fn a_source_that_is_preferred_must_be_one() {
        let said = doubts("[meter]\nprefer = [\"kasaa\", \"Shelly\"]\n", true);
        assert_eq!(said, ["`prefer` in [meter]: there is no source `kasaa`; did you mean kasa?"]);
    }

    #[rstest]
    #[case("sensor.pv", true, None)]
    #[case("Tasmota/MT681", false, None)]
    #[case("shely/x", true, Some("did you mean shelly?"))]
    #[case("shelly/x", true, Some("shelly is not set up"))]
    #[case("desk", true, Some("write it like tasmota/desk or sensor.desk"))]
    fn a_role_of_nothing_is_doubted(#[case] device: &str, #[case] with_home_assistant: bool, #[case] says: Option<&str>) {
        let said = doubts(&format!("[roles]\n\"{device}\" = \"device\"\n"), with_home_assistant);
        assert_eq!(said.len(), says.iter().count(), "{said:?}");
        assert!(says.is_none_or(|says| said[0].contains(says) && said[0].contains(device)), "{said:?}");
    }
}
