//! Variables of earlier systems: honoured where they still mean something, else answered with what replaced them.

use wattribute_service::ConfigError;
use wattribute_service::config::Loader;

use super::{Config, Services};

/// What becomes of a variable.
enum Now {
    /// It sets this key of this section.
    Sets(&'static str, &'static str),
    /// It sets this key, in seconds.
    Seconds(&'static str, &'static str),
    /// It is one more of this list.
    Adds(&'static str, &'static str),
    /// It is a list, with commas, that is added to this one.
    AddsAll(&'static str, &'static str),
    /// It is not needed any more, because.
    Gone(&'static str),
}

const LATE: &str = "an event whose power is heard late is looked at again when it comes, without a queue";
const WINDOW: &str = "how late and how smeared the meter shows a step is learned from the meter itself";

const EARLIER: &[(&str, Now)] = &[
    ("HOME_ASSISTANT_URL", Now::Sets("home_assistant", "url")),
    ("HOME_ASSISTANT_TOKEN", Now::Sets("home_assistant", "token")),
    ("PROCESSING_INTERVAL", Now::Seconds("correlator", "processing_interval")),
    ("LOOKBACK_MINUTES", Now::Sets("correlator", "lookback_minutes")),
    ("MIN_POWER_DELTA", Now::Sets("correlator", "min_power_delta")),
    ("ALLOWED_NETWORKS", Now::AddsAll("access", "trusted_networks")),
    ("API_KEY", Now::Adds("access", "tokens")),
    ("DATA_API_KEY", Now::Adds("access", "tokens")),
    ("INFLUXDB_URL", Now::Sets("influxdb", "url")),
    ("INFLUXDB_TOKEN", Now::Sets("influxdb", "token")),
    ("INFLUXDB_ORG", Now::Sets("influxdb", "org")),
    ("INFLUXDB_BUCKET", Now::Sets("influxdb", "bucket")),
    ("METRIC_PREFIX", Now::Sets("graphite", "prefix")),
    ("GRAPHITE_PREFIX", Now::Sets("graphite", "prefix")),
    ("FETCH_INTERVAL_SECONDS", Now::Gone("Home Assistant is listened to as it speaks, so there is nothing to poll")),
    ("MAX_EVENTS_PER_INTERVAL", Now::Gone("every event is looked at, so there is no limit to set")),
    ("MAX_RETRY_QUEUE_SIZE", Now::Gone(LATE)),
    ("RETRY_WINDOW_MINUTES", Now::Gone(LATE)),
    ("CORRELATION_WINDOW_SECONDS", Now::Gone(WINDOW)),
    ("POWER_LOOKUP_PADDING_SECONDS", Now::Gone(WINDOW)),
    ("ERROR_RETRY_INTERVAL", Now::Gone("what fails is tried again by itself, later and later")),
];

/// Takes what the environment says in the words of earlier systems; what the owner should know of it.
pub fn take(loader: &mut Loader, environment: &[(String, String)]) -> Result<Vec<String>, ConfigError> {
    let mut warnings = Vec::new();
    let said =
        |wanted: &str| environment.iter().find(|(name, text)| name == wanted && !text.trim().is_empty()).map(|(_, text)| text.trim());
    for (name, now) in EARLIER {
        let Some(text) = said(name) else { continue };
        match now {
            Now::Sets(section, key) => loader.set(section, key, text, name),
            Now::Seconds(section, key) => {
                let seconds = text.parse::<u32>().ok().filter(|seconds| *seconds > 0);
                let seconds = seconds.ok_or_else(|| ConfigError(format!("{name}: `{text}` is not a number of seconds such as 60")))?;
                loader.set(section, key, &format!("{seconds}s"), name);
            }
            Now::Adds(section, key) => loader.add(section, key, [text.to_owned()], name),
            Now::AddsAll(section, key) => {
                let all = text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned);
                loader.add(section, key, all, name);
            }
            Now::Gone(why) => warnings.push(format!("{name} is not used any more: {why}")),
        }
    }
    // Of Carbon, host and port were said apart.
    let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, said(name)?)));
    if let Some((name, host)) = first(["GRAPHITE_HOST", "CARBON_SERVER"]) {
        let port = first(["GRAPHITE_PORT", "CARBON_PORT"]).map_or("2003", |(_, port)| port);
        loader.set("graphite", "address", &format!("{host}:{port}"), name);
    }
    Ok(warnings)
}

/// `METER_TYPE` says which source the house's meter is of, where nothing says which meter it is.
pub fn meter_type(config: &mut Config, environment: &[(String, String)]) -> Result<(), ConfigError> {
    let said = environment.iter().find(|(name, text)| name == "METER_TYPE" && !text.trim().is_empty()).map(|(_, text)| text.trim());
    let Some(said) = said.filter(|said| *said != "home_assistant") else { return Ok(()) };
    let names = wattribute_meter::Sources::NAMES;
    let Some(source) = names.iter().copied().find(|name| *name == said) else {
        let hint = format!("there are {}", names.join(", "));
        return Err(ConfigError(format!("METER_TYPE: there is no source `{said}`; {hint}")));
    };
    let sources = &mut config.meter.sources;
    match source {
        "tasmota" if sources.tasmota.topics.is_empty() => sources.tasmota.topics = vec!["tele/#".to_owned()],
        "glow" if sources.glow.topics.is_empty() && !sources.glow.cloud.is_set() => sources.glow.topics = vec!["glow/#".to_owned()],
        source if !sources.names().contains(&source) => {
            return Err(ConfigError(format!("METER_TYPE: `{source}` is not set up; docs/ADAPTERS.md says how")));
        }
        _ => {}
    }
    if config.home.meter.is_none() && config.home_assistant.meter.is_none() {
        config.home.meter = Some(source.to_owned());
        config.meter.meter = Some(source.to_owned());
    }
    Ok(())
}

/// `SERVICE_PORT` is the port of the one service that runs; with all in one process it says nothing.
pub fn service_port(
    config: &mut Config,
    services: Services,
    environment: &[(String, String)],
    warnings: &mut Vec<String>,
) -> Result<(), ConfigError> {
    let said =
        |wanted: &str| environment.iter().find(|(name, text)| name == wanted && !text.trim().is_empty()).map(|(_, text)| text.trim());
    let Some(text) = said("SERVICE_PORT") else { return Ok(()) };
    let (listen, ours) = match services {
        Services::All => {
            let why = "all services run in this process, each on its own port: see WATTRIBUTE__METER__LISTEN and its like";
            warnings.push(format!("SERVICE_PORT is not used here: {why}"));
            return Ok(());
        }
        Services::Meter => (&mut config.meter.listen, "WATTRIBUTE__METER__LISTEN"),
        Services::Correlator => (&mut config.correlator.listen, "WATTRIBUTE__CORRELATOR__LISTEN"),
        Services::DataApi => (&mut config.data_api.listen, "WATTRIBUTE__DATA_API__LISTEN"),
    };
    let port = text.parse().map_err(|_| ConfigError(format!("SERVICE_PORT: `{text}` is not a port such as 8014")))?;
    if said(ours).is_none() {
        listen.set_port(port);
    }
    Ok(())
}
