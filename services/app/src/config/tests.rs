use rstest::rstest;
use secrecy::ExposeSecret;
use wattribute_service::config::{keys, uncommented};

use super::*;

fn from(file: &str, environment: &[(&str, &str)], services: Services) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wattribute.toml");
    std::fs::write(&path, file).unwrap();
    let environment: Vec<_> = environment.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
    load_from(Some(&path), &environment, services)
}

fn with(environment: &[(&str, &str)]) -> Loaded {
    from("", environment, Services::All).unwrap()
}

#[test]
fn the_sample_shows_the_defaults() {
    let default = format!("{:#?}", with(&[]).config);
    assert_eq!(format!("{:#?}", from(&uncommented(SAMPLE), &[], Services::All).unwrap().config), default);
    assert_eq!(format!("{:#?}", from(SAMPLE, &[], Services::All).unwrap().config), default);
}

#[test]
fn the_sample_has_every_key() {
    let sections: Vec<(&str, Vec<String>)> = vec![
        ("", keys::<Top>()),
        ("store", keys::<wattribute_store::Settings>()),
        ("home_assistant", keys::<home_assistant::Config>()),
        ("mqtt", keys::<mqtt::Config>()),
        ("home", keys::<wattribute_store::HomeSettings>()),
        ("tasmota", keys::<wattribute_meter::adapters::tasmota::Config>()),
        ("tasmota.keys", keys::<wattribute_meter::adapters::tasmota::Keys>()),
        ("glow", keys::<wattribute_meter::adapters::glow::Config>()),
        ("shelly", keys::<wattribute_meter::adapters::shelly::Config>()),
        ("glow.cloud", keys::<wattribute_meter::adapters::glow::Cloud>()),
        ("emporia", keys::<wattribute_meter::adapters::emporia::Config>()),
        ("sense", keys::<wattribute_meter::adapters::sense::Config>()),
        ("tuya", keys::<wattribute_meter::adapters::tuya::Config>()),
        ("kasa", keys::<wattribute_meter::adapters::kasa::Config>()),
        ("tapo", keys::<wattribute_meter::adapters::tapo::Config>()),
        ("meter", keys::<wattribute_meter::Config>()),
        ("correlator", keys::<wattribute_correlator::Config>()),
        ("correlator.publish", keys::<wattribute_correlator::publish::Config>()),
        ("alerts", keys::<wattribute_correlator::publish::alerts::Config>()),
        ("data_api", keys::<wattribute_data_api::Config>()),
        ("dashboard", keys::<Dashboard>()),
        ("graphite", keys::<wattribute_export::graphite::Config>()),
        ("influxdb", keys::<Influxdb>()),
        ("access", keys::<access::Config>()),
    ];
    for (section, keys) in sections {
        let lines: Vec<&str> = match section {
            "" => SAMPLE.lines().take_while(|line| !line.starts_with('[')).collect(),
            _ => {
                let begin = SAMPLE.lines().skip_while(|line| *line != format!("[{section}]")).skip(1);
                begin.take_while(|line| !line.starts_with('[')).collect()
            }
        };
        assert!(!keys.is_empty(), "[{section}]");
        for key in keys {
            let nested = SAMPLE.contains(&format!("[{section}.{key}]"));
            let at = lines.iter().position(|line| line.starts_with(&format!("#{key} = ")));
            assert!(at.is_some() || nested, "[{section}] {key} is not in the sample");
            assert!(nested || lines[at.unwrap() - 1].starts_with("# "), "[{section}] {key} has no comment");
        }
    }
}

#[test]
fn names_of_earlier_systems_are_honoured() {
    let loaded = with(&[
        ("HOME_ASSISTANT_URL", "http://ha.local:8123"),
        ("HOME_ASSISTANT_TOKEN", "hush"),
        ("PROCESSING_INTERVAL", "30"),
        ("LOOKBACK_MINUTES", "7"),
        ("MIN_POWER_DELTA", "25"),
        ("ALLOWED_NETWORKS", "10.0.0.0/8, 192.168.0.0/16"),
        ("API_KEY", "one,1"),
        ("DATA_API_KEY", "two"),
        ("METER_TYPE", "home_assistant"),
        ("INFLUXDB_ORG", "homeiq"),
    ]);
    let config = loaded.config;
    assert_eq!(config.home_assistant.url, "http://ha.local:8123");
    assert_eq!(config.home_assistant.token.unwrap().expose_secret(), "hush");
    assert_eq!(config.correlator.processing_interval.as_secs(), 30);
    assert_eq!((config.correlator.lookback_minutes, config.correlator.min_power_delta), (7, 25.0));
    assert_eq!(config.access.trusted_networks, ["10.0.0.0/8", "192.168.0.0/16"]);
    assert_eq!(config.access.tokens.iter().map(|token| token.expose_secret()).collect::<Vec<_>>(), ["one,1", "two"]);
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert!(!loaded.shown.contains("hush") && loaded.shown.contains("token = \"****\"  # HOME_ASSISTANT_TOKEN"), "{}", loaded.shown);
}

#[test]
fn sources_beside_home_assistant_are_read_and_their_secrets_are_not_shown() {
    let file = "[tasmota]\ntopics = [\"tele/#\"]\n[tasmota.keys]\npower = [\"Netz\"]\n[home]\nmeter = \"tasmota/mt681\"\n\
        [roles]\n\"tasmota/heat_pump\" = \"circuit\"\n\
        [[mqtt_source]]\nname = \"heater\"\ntopic = \"z/heater\"\nvalues = [{ quantity = \"power_w\", pointer = \"/power\" }]\n\
        [[http_source]]\nname = \"p1\"\nurl = \"http://anna:hush@a/hush\"\nevery = \"1s\"\nheaders = { Authorization = \"hush\" }\n\
        values = [{ quantity = \"power_w\", pointer = \"/power\" }]\n\
        [[iotawatt]]\nurl = \"http://iotawatt.local\"\n\
        [tuya]\nevery = \"20s\"\n[[tuya_device]]\nid = \"a\"\nlocal_key = \"hush\"\ndps = { power_w = { dp = 19, scale = 0.01 } }\n";
    let loaded = from(file, &[], Services::All).unwrap();
    let sources = &loaded.config.meter.sources;
    assert_eq!(sources.names(), ["tasmota", "mqtt", "http", "iotawatt", "tuya"]);
    assert_eq!((sources.tasmota.keys.power.len(), sources.http[0].every.as_secs(), sources.roles.len()), (1, 1, 1));
    assert_eq!(loaded.config.meter.meter.as_deref(), Some("tasmota/mt681"));
    assert!(loaded.shown.contains("\n\"tasmota/heat_pump\" = \"circuit\""), "{}", loaded.shown);
    assert!(!loaded.shown.contains("hush") && !format!("{:?}", loaded.config).contains("hush"), "{}", loaded.shown);
}

#[rstest]
#[case(&[("METER_TYPE", "tasmota")], Some("tasmota"), &["tasmota"])]
#[case(&[("METER_TYPE", "tasmota"), ("WATTRIBUTE__HOME__METER", "tasmota/mt681")], Some("tasmota/mt681"), &["tasmota"])]
#[case(&[("METER_TYPE", "home_assistant")], None, &[])]
fn the_meters_source_can_be_chosen(#[case] environment: &[(&str, &str)], #[case] meter: Option<&str>, #[case] sources: &[&str]) {
    let config = with(environment).config;
    assert_eq!((config.home.meter.as_deref(), config.meter.meter.as_deref()), (meter, meter));
    assert_eq!(config.meter.sources.names(), sources);
}

#[rstest]
#[case("FETCH_INTERVAL_SECONDS", "nothing to poll")]
#[case("MAX_EVENTS_PER_INTERVAL", "no limit")]
#[case("MAX_RETRY_QUEUE_SIZE", "looked at again")]
#[case("RETRY_WINDOW_MINUTES", "looked at again")]
#[case("CORRELATION_WINDOW_SECONDS", "learned from the meter")]
#[case("POWER_LOOKUP_PADDING_SECONDS", "learned from the meter")]
#[case("ERROR_RETRY_INTERVAL", "tried again by itself")]
#[case("SERVICE_PORT", "WATTRIBUTE__METER__LISTEN")]
fn what_means_nothing_any_more_is_answered_once(#[case] name: &str, #[case] says: &str) {
    let warnings = with(&[(name, "8099")]).warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains(says), "{warnings:?}");
}

#[rstest]
#[case(&[("GRAPHITE_HOST", "carbon.local"), ("GRAPHITE_PORT", "2103")], "carbon.local", 2103)]
#[case(&[("CARBON_SERVER", "192.168.1.9")], "192.168.1.9", 2003)]
#[case(&[("GRAPHITE_HOST", "a"), ("WATTRIBUTE__GRAPHITE__ADDRESS", "b:2003")], "b", 2003)]
fn carbon_has_the_names_of_old(#[case] environment: &[(&str, &str)], #[case] host: &str, #[case] port: u16) {
    let address = with(environment).config.graphite.address.unwrap();
    assert_eq!((address.host.as_str(), address.port), (host, port));
}

#[test]
fn the_port_of_a_single_service_can_be_set() {
    let port = |environment: &[(&str, &str)], services| from("", environment, services).unwrap();
    let earlier = [("SERVICE_PORT", "9000")];
    assert_eq!(port(&earlier, Services::Meter).config.meter.listen.to_string(), "127.0.0.1:9000");
    assert_eq!(port(&earlier, Services::Correlator).config.correlator.listen.to_string(), "127.0.0.1:9000");
    assert_eq!(port(&earlier, Services::DataApi).config.data_api.listen.to_string(), "127.0.0.1:9000");
    let both = [("SERVICE_PORT", "9000"), ("WATTRIBUTE__METER__LISTEN", "0.0.0.0:8014")];
    assert_eq!(port(&both, Services::Meter).config.meter.listen.to_string(), "0.0.0.0:8014");
}

#[rstest]
#[case("METER_TYPE", "toaster", "home_assistant")]
#[case("METER_TYPE", "iotawatt", "is not set up")]
#[case("WATTRIBUTE__TASMOTA__TOPIC", "tele/#", "`topics`")]
#[case("WATTRIBUTE__HTTP_SOURCE", "[{\"name\": \"a\", \"url\": \"http://a\"}]", "missing field `values`")]
#[case("SERVICE_PORT", "http", "8014")]
#[case("PROCESSING_INTERVAL", "often", "60")]
#[case("LOOKBACK_MINUTES", "-3", "LOOKBACK_MINUTES: [correlator] lookback_minutes")]
#[case("WATTRIBUTE__METER__LISTEN", "8014", "WATTRIBUTE__METER__LISTEN: [meter] listen: invalid socket address")]
#[case("WATTRIBUTE__METRE__LISTEN", "8014", "did you mean [meter]?")]
fn what_is_wrong_is_refused(#[case] name: &str, #[case] text: &str, #[case] says: &str) {
    let error = from("", &[(name, text)], Services::Meter).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(name) && error.contains(says), "{error}");
}

#[test]
fn tokens_come_from_a_file_one_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    std::fs::write(&path, "one\ntwo\n\n").unwrap();
    let config = with(&[("WATTRIBUTE__ACCESS__TOKENS_FILE", path.to_str().unwrap()), ("API_KEY", "three")]).config;
    let mut tokens: Vec<_> = config.access.tokens.iter().map(|token| token.expose_secret().to_owned()).collect();
    tokens.sort();
    assert_eq!(tokens, ["one", "three", "two"]);
    std::fs::write(&path, "alone\n").unwrap();
    let config = with(&[("WATTRIBUTE__ACCESS__TOKENS_FILE", path.to_str().unwrap())]).config;
    assert_eq!(config.access.tokens.iter().map(|token| token.expose_secret()).collect::<Vec<_>>(), ["alone"]);
}

#[rstest]
#[case(
    "[alerts]\nwebhooks = [{ url = \"https://api.telegram.org/bot7:hush/sendMessage\", headers = { Authorization = \"hush\" }, \
        body = '{{\"token\": \"hush\", \"text\": \"{message}\"}}', kinds = [\"left_on\"] }]\n",
    "kinds = [\"left_on\"]"
)]
#[case("[[alerts.webhooks]]\nurl = \"https://ntfy.sh/hush\"\nends = false\n", "ends = false")]
fn webhooks_are_read_and_their_secrets_are_not_shown(#[case] file: &str, #[case] shows: &str) {
    let loaded = from(file, &[], Services::All).unwrap();
    assert_eq!(loaded.config.correlator.publish.alerts.webhooks.len(), 1);
    assert!(loaded.shown.contains(shows) && loaded.shown.contains("url = \"****\""), "{}", loaded.shown);
    assert!(!loaded.shown.contains("hush") && !format!("{:?}", loaded.config).contains("hush"), "{}", loaded.shown);
    let environment =
        [("WATTRIBUTE__ALERTS__WEBHOOKS", "[{\"url\": \"https://ntfy.sh/hush\"}]"), ("WATTRIBUTE__ALERTS__QUIET_HOURS", "22:00-07:00")];
    let loaded = from("", &environment, Services::All).unwrap();
    assert_eq!(loaded.config.correlator.publish.alerts.webhooks.len(), 1);
    assert!(loaded.config.correlator.publish.alerts.quiet_hours.is_some() && !loaded.shown.contains("hush"), "{}", loaded.shown);
}

#[rstest]
#[case(
    "[alerts]\nwebhooks = [{ url = \"https://ntfy.sh/hush\", body = \"{who}\", content_type = \"text/plain\" }]\n",
    "there is no placeholder {who}"
)]
#[case(
    "[alerts]\nwebhooks = [{ url = \"https://ntfy.sh/hush\", headers = \"hush\" }]\n",
    "[alerts] webhooks: number 1: headers: a value is of the wrong type"
)]
#[case("[[alerts.webhooks]]\nurl = \"hush\"\n", "[alerts] webhooks: number 1: url: this is no address")]
#[case("[alerts]\nquiet_hours = \"at night\"\n", "22:00-07:00")]
#[case("[alerts]\nkinds = [\"left_of\"]\n", "left_on")]
#[case("[alerts]\nno_data_for = \"5m\"\n", "no_data_after")]
fn wrong_alerts_are_refused(#[case] file: &str, #[case] says: &str) {
    let error = from(file, &[], Services::All).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(says) && !error.contains("hush"), "{error}");
}

#[rstest]
#[case("[store]\nurl = \"http://a:8086\"\n[influxdb]\nurl = \"http://b:8086\"\n", "two InfluxDBs")]
#[case("[store]\nurl = \"http://a:8086\"\n[influxdb]\nmirror = true\n", "leave out one of them")]
#[case("[influxdb]\nmirror = true\n", "needs `url`")]
fn an_influxdb_that_contradicts_itself_is_refused(#[case] file: &str, #[case] says: &str) {
    let error = from(file, &[], Services::All).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
}

#[rstest]
#[case(&[("INFLUXDB_URL", "http://influxdb:8086")], "http://influxdb:8086", None)]
#[case(&[("WATTRIBUTE__STORE__URL", "https://box/influx")], "https://box/influx", None)]
#[case(&[("INFLUXDB_URL", "http://a:8086/"), ("WATTRIBUTE__STORE__URL", "http://a:8086")], "http://a:8086", None)]
#[case(&[("INFLUXDB_URL", "http://a:8086"), ("WATTRIBUTE__STORE__URL", "sqlite:x.db")], "sqlite:x.db", Some("http://a:8086"))]
fn influxdb_is_the_store_or_mirrors_it(#[case] environment: &[(&str, &str)], #[case] store: &str, #[case] mirror: Option<&str>) {
    let config = with(environment).config;
    assert_eq!((config.store_url(true, "a.db").unwrap().as_str(), config.mirror_url()), (store, mirror));
}
