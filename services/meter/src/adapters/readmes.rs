//! The READMEs of adapters: their headings, their samples, and `docs/ADAPTERS.md`, which is built from them.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use wattribute_service::config::Loader;

/// Headings of every adapter's README, in this order.
const HEADINGS: [&str; 8] = [
    "What it reads",
    "Supported devices",
    "Configuration",
    "Readings",
    "Example",
    "Known limitations",
    "How the protocol is known",
    "Quality",
];
/// Adapters of another kind, with READMEs of their own: Home Assistant itself, files, and the made-up home; and what two adapters share.
const OTHERS: [&str; 4] = ["demo", "history", "home_assistant", "tplink"];
/// What holds for all of them.
const INTRODUCTION: &str = "
## A device that Home Assistant also has

A plug or meter that Home Assistant reads as well is counted once. It is known to be the same by the MAC address or the id that both name (Home
Assistant's device registry). **Home Assistant's counts**, since it has the device's history, name and room; what the adapter reads of it is kept
with the role `copy`, and nothing adds it up. What only the adapter reads of such a device, such as the power of a plug that Home Assistant only
switches, counts, and belongs to Home Assistant's switch from then on.

To change it:

- `prefer = [\"kasa\"]` in `[meter]`: where both read the same device, the adapter `kasa` counts, and Home Assistant's sensors are copies. On and
  off are always Home Assistant's.
- a role in `[roles]`, such as `\"kasa/desk\" = \"device\"` or `\"sensor.desk_power\" = \"copy\"`, is what the owner says, and always holds: also for
  a device that is not known to be the same, such as one that is heard over MQTT under a topic of its own.
- `exclude` in `[home_assistant]` leaves its sensors unread.
";
const RULES: [&str; 6] = [
    "tested before it is set up",
    "unique ids",
    "polite polling",
    "one log line when away, one when back",
    "foreign peer or recording",
    "secrets masked",
];

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn adapters() -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(crate_folder().join("src/adapters")).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: PathBuf| Some((path.file_name()?.to_str()?.to_owned(), path));
    let mut found: Vec<_> =
        entries.filter(|path| path.is_dir()).filter_map(named).filter(|(name, _)| !OTHERS.contains(&name.as_str())).collect();
    found.sort();
    found
}

fn section<'a>(readme: &'a str, heading: &str) -> &'a str {
    let after = readme.split_once(&format!("\n# {heading}\n")).map_or("", |(_, after)| after);
    // A comment of an example begins like a heading.
    let end = HEADINGS.iter().filter_map(|next| after.find(&format!("\n# {next}\n"))).min();
    after[..end.unwrap_or(after.len())].trim()
}

#[test]
fn every_adapter_has_the_same_headings_and_its_quality() {
    for (name, folder) in adapters() {
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        let outside_code = readme.split("```").step_by(2).collect::<String>();
        let headings: Vec<&str> = outside_code.lines().filter_map(|line| line.strip_prefix("# ")).collect();
        assert_eq!(headings, HEADINGS, "{name}");
        let quality = section(&readme, "Quality");
        for rule in RULES {
            let said = quality.lines().find_map(|line| line.strip_prefix(&format!("| {rule} | ")));
            let said = said.unwrap_or_else(|| panic!("{name} does not say of itself: {rule}"));
            let is_known = ["done", "exempt: ", "todo: ", "partly: "].iter().any(|word| said.starts_with(word));
            assert!(is_known, "{name}: {rule}: {said}");
        }
    }
}

#[test]
fn every_fixture_that_is_named_is_there() {
    for (name, folder) in adapters() {
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        let table = section(&readme, "Supported devices");
        let named: Vec<&str> = table.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".json")).collect();
        assert!(!named.is_empty(), "{name} names no fixture");
        for fixture in named {
            assert!(folder.join("fixtures").join(fixture).is_file(), "{name}: there is no fixture {fixture}");
        }
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Lists {
    mqtt_source: Vec<super::mqtt::Config>,
    http_source: Vec<super::http::Config>,
    iotawatt: Vec<super::iotawatt::Config>,
    pulse: Vec<super::pulse::Config>,
    tuya_device: Vec<super::tuya::Device>,
}

fn loaded<T: DeserializeOwned>(path: &Path, name: &str) -> T {
    let mut loader = Loader::read(Some(path), &[]).unwrap();
    loader.section(name).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_sample_can_be_read_and_stands_in_its_readme() {
    for (name, folder) in adapters() {
        let path = folder.join("sample.toml");
        let sample = std::fs::read_to_string(&path).unwrap();
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(readme.contains(&format!("```toml\n{sample}```")), "{name}: the sample is not in the README");
        let lists: Lists = loaded(&path, "");
        let broker = wattribute_service::mqtt::Config::default();
        let (_, wrong) = super::mqtt::Mqtt::listen(&lists.mqtt_source, &broker, &[]);
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
        for device in &lists.http_source {
            super::http::Http::new(device, &[]).map(|_| ()).unwrap();
        }
        for device in &lists.iotawatt {
            super::iotawatt::Iotawatt::new(device, &[], None).map(|_| ()).unwrap();
        }
        for meter in &lists.pulse {
            let some_broker = serde_json::from_value(serde_json::json!({"url": "mqtt://192.168.1.2"})).unwrap();
            meter.check(&some_broker).map(|_| ()).unwrap();
        }
        let tasmota: super::tasmota::Config = loaded(&path, "tasmota");
        super::tasmota::Tasmota::new(&tasmota, &broker, &[]).map(|_| ()).unwrap();
        let glow: super::glow::Config = loaded(&path, "glow");
        super::glow::Glow::listen(&glow, &broker, &[]).map(|_| ()).unwrap();
        let emporia: super::emporia::Config = loaded(&path, "emporia");
        let sense: super::sense::Config = loaded(&path, "sense");
        if emporia.is_set() {
            super::emporia::Emporia::new(&emporia, &[]).map(|_| ()).unwrap();
        }
        if sense.is_set() {
            super::sense::Sense::new(&sense, &[]).map(|_| ()).unwrap();
        }
        let tuya: super::tuya::Config = loaded(&path, "tuya");
        let shelly: super::shelly::Config = loaded(&path, "shelly");
        super::shelly::Shelly::new(&shelly, &broker, &[]).map(|_| ()).unwrap();
        let kasa: super::kasa::Config = loaded(&path, "kasa");
        super::kasa::read(&kasa, &[]).map(|_| ()).unwrap();
        let tapo: super::tapo::Config = loaded(&path, "tapo");
        super::tapo::read(&tapo, &[]).map(|_| ()).unwrap();
        let are_set_up = [
            !lists.mqtt_source.is_empty(),
            !lists.http_source.is_empty(),
            !lists.iotawatt.is_empty(),
            !lists.pulse.is_empty(),
            !tasmota.topics.is_empty(),
            !glow.topics.is_empty(),
            emporia.is_set(),
            sense.is_set(),
            shelly.is_set_up(),
            kasa.is_set_up(),
            tapo.is_set_up(),
            tuya.is_set() || !lists.tuya_device.is_empty(),
        ];
        assert!(are_set_up.contains(&true), "{name}: the sample sets nothing up");
    }
}

#[test]
fn the_document_is_built_from_the_readmes() {
    let mut text = "# Adapters\n\nWhat reads meters and plugs that Home Assistant does not have. This page is built from the READMEs of the adapters by a test: \
        change those, and take it over with `make accept`.\n"
        .to_owned();
    text += INTRODUCTION;
    for (name, folder) in adapters() {
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        let first = readme.split("\n\n").next().unwrap().replace('\n', " ");
        text += &format!("\n## {name}\n\n{first}\n\n{}\n", section(&readme, "Supported devices"));
        for heading in ["Configuration", "Readings", "Example", "Known limitations"] {
            text += &format!("\n### {heading}\n\n{}\n", section(&readme, heading));
        }
    }
    let path = crate_folder().join("../../docs/ADAPTERS.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &text).unwrap();
    }
    for (name, folder) in adapters() {
        let sample = std::fs::read_to_string(folder.join("sample.toml")).unwrap();
        assert!(text.contains(&format!("```toml\n{sample}```\n")), "{name}: the whole sample is in the document");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/ADAPTERS.md is not what the READMEs say: `make accept` takes it over");
}
