use rstest::rstest;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::*;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Meter {
    interval: u32,
    name: Option<String>,
    is_on: bool,
    hosts: Vec<String>,
    token: Option<SecretString>,
    publish: Publish,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Publish {
    top: u32,
    prefix: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Top {
    data_dir: Option<String>,
}

fn load(file: Option<&str>, environment: &[(&str, &str)]) -> Result<(Top, Meter), ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wattribute.toml");
    std::fs::write(&path, file.unwrap_or_default()).unwrap();
    let environment: Vec<_> = environment.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let mut loader = Loader::read(file.map(|_| path.as_path()), &environment)?;
    loader.set("meter", "interval", "7", "FETCH_INTERVAL");
    loader.add("meter", "hosts", ["earlier".to_owned()], "ALLOWED");
    let all = (loader.section("")?, loader.section("meter")?);
    loader.finish()?;
    Ok(all)
}

#[test]
fn later_ones_win() {
    let file = "data_dir = \"/var\"\n[meter]\ninterval = 3\nis_on = true\nhosts = [\"a\"]\n";
    let (top, meter) = load(Some(file), &[]).unwrap();
    assert_eq!((top.data_dir.as_deref(), meter.interval, meter.is_on), (Some("/var"), 7, true));
    assert_eq!(meter.hosts, ["a", "earlier"]);
    let environment = [("WATTRIBUTE__METER__INTERVAL", "9"), ("WATTRIBUTE__DATA_DIR", "/x"), ("WATTRIBUTE__METER__HOSTS", "b, c")];
    let (top, meter) = load(Some(file), &environment).unwrap();
    assert_eq!((top.data_dir.as_deref(), meter.interval), (Some("/x"), 9));
    assert_eq!(meter.hosts, ["b", "c", "earlier"]);
}

#[test]
fn tables_within_a_section_are_set_key_by_key() {
    let file = "[meter.publish]\ntop = 3\nprefix = \"file\"\n";
    let (_, meter) = load(Some(file), &[("WATTRIBUTE__METER__PUBLISH__TOP", "5")]).unwrap();
    assert_eq!((meter.publish.top, meter.publish.prefix.as_deref()), (5, Some("file")));
}

#[test]
fn an_empty_variable_is_none() {
    let (_, meter) = load(None, &[("WATTRIBUTE__METER__NAME", ""), ("WATTRIBUTE__METER__TOKEN", " ")]).unwrap();
    assert!(meter.name.is_none() && meter.token.is_none());
}

#[test]
fn a_text_of_digits_stays_a_text() {
    let (_, meter) = load(None, &[("WATTRIBUTE__METER__NAME", "12"), ("WATTRIBUTE__METER__TOKEN", "34")]).unwrap();
    assert_eq!(meter.name.as_deref(), Some("12"));
    assert_eq!(meter.token.unwrap().expose_secret(), "34");
}

#[test]
fn a_secret_comes_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("token");
    std::fs::write(&secret, "hush\n").unwrap();
    let path = secret.display().to_string();
    let (_, meter) = load(Some(&format!("[meter]\ntoken_file = \"{path}\"\n")), &[]).unwrap();
    assert_eq!(meter.token.unwrap().expose_secret(), "hush");
    let (_, meter) = load(Some("[meter]\ntoken = \"in the file\"\n"), &[("WATTRIBUTE__METER__TOKEN_FILE", &path)]).unwrap();
    assert_eq!(meter.token.unwrap().expose_secret(), "hush");
    std::fs::write(&secret, "one\ntwo\n").unwrap();
    let (_, meter) = load(None, &[("WATTRIBUTE__METER__HOSTS_FILE", &path)]).unwrap();
    assert_eq!(meter.hosts, ["earlier", "one", "two"]);
    let both = load(Some(&format!("[meter]\ntoken = \"a\"\ntoken_file = \"{path}\"\n")), &[]).unwrap_err();
    assert!(both.0.contains("one is enough"), "{both}");
}

#[rstest]
#[case("[meter]\nintervall = 3\n", &[], "wattribute.toml: [meter] has no key `intervall`; did you mean `interval`?")]
#[case("[metre]\ninterval = 3\n", &[], "wattribute.toml: there is no section [metre]; did you mean [meter]?")]
#[case("[empty]\n", &[], "there is no section [empty]; there are [meter]")]
#[case("datadir = \"x\"\n", &[], "there is no key `datadir`; did you mean `data_dir`?")]
#[case("", &[("WATTRIBUTE__METER__COLOUR", "x")], "WATTRIBUTE__METER__COLOUR: [meter] has no key `colour`; there are `interval`, `name`")]
#[case("", &[("WATTRIBUTE__METRE__NAME", "x")], "WATTRIBUTE__METRE__NAME: there is no section [metre]; did you mean [meter]?")]
#[case("", &[("WATTRIBUTE__METER__INTERVAL", "often")], "WATTRIBUTE__METER__INTERVAL: [meter] interval: invalid type: string \"often\", expected u32")]
#[case("[meter]\nis_on = \"yes\"\n", &[], "wattribute.toml: [meter] is_on: invalid type: string \"yes\", expected a boolean")]
#[case("[meter]\ntoken_file = \"/no/such\"\n", &[], "[meter] token_file: /no/such: No such file")]
#[case("[meter.publish]\ntopp = 1\n", &[], "[meter.publish] has no key `topp`; did you mean `top`?")]
#[case("", &[("WATTRIBUTE__METER__PUBLISH__TOP", "x")], "WATTRIBUTE__METER__PUBLISH__TOP: [meter] publish.top: invalid type")]
#[case("[meter\n", &[], "wattribute.toml: ")]
fn what_is_wrong_is_named(#[case] file: &str, #[case] environment: &[(&str, &str)], #[case] says: &str) {
    let error = load(Some(file), environment).unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn a_table_in_a_variable_is_told_what_is_wrong_with_it_without_its_secrets() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Lists {
        source: Vec<Source>,
    }
    #[derive(Debug, Deserialize)]
    struct Source {
        _name: String,
    }
    let environment = [("WATTRIBUTE__SOURCE".to_owned(), "[{\"url\": \"http://a/hush\"}]".to_owned())];
    let error = Loader::read(None, &environment).unwrap().section::<Lists>("").map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("missing field `_name`") && !error.contains("hush"), "{error}");
}

#[test]
fn a_wrong_secret_is_not_repeated() {
    let error = load(Some("[meter]\ntoken = 12345\n"), &[]).unwrap_err().to_string();
    assert!(error.contains("token") && !error.contains("12345"), "{error}");
}

#[test]
fn what_is_in_effect_is_shown_without_secrets() {
    let sample = "# Where data lives.\n#data_dir = \"./data\"\n\n[meter]\n# How often.\n#interval = 5\n#token = \"\"\n#name = \"\"\n";
    let environment = [("WATTRIBUTE__METER__TOKEN".to_owned(), "hush".to_owned())];
    let mut loader = Loader::read(None, &environment).unwrap();
    loader.set("meter", "name", "mqtt://anna:hush@broker:1883", "MQTT");
    let shown = loader.effective(sample).unwrap();
    assert!(!shown.contains("hush"), "{shown}");
    assert!(shown.contains("data_dir = \"./data\"\n"), "{shown}");
    assert!(shown.contains("interval = 5\n"), "{shown}");
    assert!(shown.contains("token = \"****\"  # WATTRIBUTE__METER__TOKEN\n"), "{shown}");
    assert!(shown.contains("name = \"mqtt://anna:****@broker:1883\"  # MQTT\n"), "{shown}");
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Plugs {
    plug: Vec<Plug>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only read")]
struct Plug {
    #[serde(default)]
    name: Option<String>,
    #[serde(default, with = "humantime_serde")]
    every: Option<std::time::Duration>,
    #[serde(default)]
    local_key: Option<String>,
    url: String,
    #[serde(default)]
    values: Vec<PlugValue>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only read")]
struct PlugValue {
    quantity: String,
    #[serde(default)]
    scale: Option<f64>,
}

#[rstest]
#[case(
    "[[plug]]\nurl = \"a\"\n[[plug]]\nname = \"oven\"\nurl = \"a\"\nevery = 5\n",
    "plug: `oven`: every: invalid type: integer `5`, expected a duration, such as \"10s\""
)]
#[case("[[plug]]\nurl = \"a\"\n[[plug]]\nurl = 5\n", "plug: number 2: url: invalid type")]
#[case(
    "[[plug]]\nurl = \"a\"\nvalues = [{ quantity = \"p\" }, { quantity = \"q\", scale = \"-1\" }]\n",
    "plug: number 1: values: number 2: scale: invalid type"
)]
#[case("[[plug]]\nurl = \"a\"\nvalues = { quantity = \"p\" }\n", "plug: number 1: values: invalid type")]
#[case("[[plug]]\nurl = \"a\"\nvalues = [{ scale = 1.0 }]\n", "plug: number 1: values: number 1: missing field `quantity`")]
#[case("[[plug]]\nurl = \"a\"\n[[plug]]\nname = \"oven\"\nevery = \"5s\"\n", "plug: `oven`: missing field `url`")]
#[case("[[plug]]\nname = \"oven\"\nurl = \"a\"\nscale = 1\n", "plug: `oven`: unknown field `scale`")]
#[case("[[plug]]\nname = \"oven\"\nurl = \"a\"\nlocal_key = 12345\n", "plug: `oven`: local_key: is not a text")]
#[case("[plug]\nname = \"oven\"\nurl = \"a\"\n", "there may be several, so write [[plug]]")]
fn what_is_wrong_in_a_list_of_tables_is_named(#[case] file: &str, #[case] says: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wattribute.toml");
    std::fs::write(&path, file).unwrap();
    let mut loader = Loader::read(Some(&path), &[]).unwrap();
    let read = loader.section::<Plugs>("").and_then(|_| loader.finish());
    let error = read.unwrap_err().to_string();
    assert!(error.contains(says) && !error.contains("12345"), "{error}");
}
