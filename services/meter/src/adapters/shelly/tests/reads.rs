//! Bytes and JSON.

use rstest::rstest;

use super::super::names::{Book, Way};
use super::super::{digest, gen1, rpc, wire};
use super::*;
use crate::adapters::Told;
use crate::adapters::fixtures::{shared, shown};
use crate::adapters::numbers::json as parsed;

/// What a file says: a whole device, a status, or one component.
fn understood(name: &str, text: &str) -> String {
    let said = parsed(text.as_bytes()).unwrap();
    let book = Book::new(NAME, &[]);
    let of = |key: &str| said.get(key).cloned().unwrap_or_default();
    let is_later = |status: &Value| status.get("sys").is_some();
    let (mac, parts) = if said.get("shelly").is_some() {
        let who = wire::who(&of("shelly")).unwrap();
        book.met(&who.mac, &who.id);
        let mut names = if who.generation == 1 { gen1::names(&of("settings")) } else { rpc::names(&of("config")) };
        names.device = names.device.or(who.name);
        book.named(&who.mac, names);
        let status = of("status");
        let first = || gen1::status(&status, &who.model);
        (who.mac, if who.generation == 1 { first() } else { rpc::status(&status, &Value::Null) })
    } else if is_later(&said) {
        (wire::text(&said, "/sys/mac").unwrap(), rpc::status(&said, &Value::Null))
    } else if said.get("mac").is_some() {
        (wire::text(&said, "/mac").unwrap(), gen1::status(&said, ""))
    } else {
        // What single components answer: of a switch, and of a meter with one phase.
        let component = if said.get("aenergy").is_some() { "switch:0" } else { "em1:0" };
        ("AABBCCDDEEFF".to_owned(), rpc::part(component, &said, &Value::Null).into_iter().collect::<Vec<Told>>())
    };
    let told = book.told(&mac, &Way::Publishes, parts, Duration::ZERO).unwrap();
    format!("{name}\n{}\n", shown(&told))
}

#[test]
fn every_fixture_is_read() {
    insta::assert_snapshot!(of("shelly").into_iter().map(|(name, text)| understood(&name, &text)).collect::<String>());
}

#[test]
fn answers_of_real_devices_are_read() {
    let text: String = shared("shelly").into_iter().map(|(name, text)| understood(&name, &text)).collect();
    if !text.is_empty() {
        insta::assert_snapshot!(text);
    }
}

#[rstest]
#[case(json!({"type": "SHPLG-S", "mac": "AA:BB:CC:DD:EE:01", "auth": true}), Ok(("AABBCCDDEE01", 1, true)))]
#[case(json!({"id": "shellyplus1pm-aabbccddee02", "mac": "aabbccddee02", "gen": 2, "model": "SNSW", "auth_en": false}), Ok(("AABBCCDDEE02", 2, false)))]
#[case(json!({"mac": "AABBCCDDEE03", "gen": 4}), Ok(("AABBCCDDEE03", 4, false)))]
#[case(json!({"mac": "AABBCCDDEE03"}), Err("neither `gen` nor `type`"))]
#[case(json!({"type": "SHPLG-S", "mac": 5}), Err("no `mac`"))]
#[case(json!([1]), Err("no `mac`"))]
fn who_answers_is_known_by_its_mac(#[case] said: Value, #[case] known: Result<(&str, u8, bool), &str>) {
    match (wire::who(&said), known) {
        (Ok(who), Ok(known)) => assert_eq!((who.mac.as_str(), who.generation, who.wants_password), known),
        (Err(why), Err(says)) => assert!(why.contains(says), "{why}"),
        (read, known) => panic!("{read:?} is not {known:?}"),
    }
}

#[rstest]
#[case("shellyplus1pm-aabbccddeeff", Some("AABBCCDDEEFF"))]
#[case("shellyplug-s-DDEEFF", None)]
#[case("aabbccddeeff", None)]
#[case("kitchen", None)]
fn an_id_may_hold_the_mac(#[case] id: &str, #[case] mac: Option<&str>) {
    assert_eq!(wire::mac_of_id(id).as_deref(), mac);
}

fn values(told: &[Told]) -> Vec<(&str, Vec<(&str, f64)>)> {
    told.iter().map(|told| (told.identity.as_str(), told.values.iter().map(|(q, v)| (q.name(), *v)).collect())).collect()
}

#[rstest]
#[case::texts(json!({"switch:0": {"apower": "12.5", "voltage": " 230 "}}), vec![("switch:0", vec![("power_w", 12.5), ("voltage_v", 230.0)])])]
#[case::nulls(json!({"switch:0": {"apower": null, "voltage": null, "aenergy": {"total": null}}}), vec![])]
#[case::wrong_types(json!({"switch:0": [1], "pm1:0": 7, "light:0": {"apower": {"a": 1}}, "em:x": {"total_act_power": 1}, "switch": {"apower": 1}}), vec![])]
#[case::dimmed(json!({"light:0": {"output": true, "brightness": 40.0}, "light:1": {"output": false, "brightness": 40.0}}), vec![("light:0", vec![("level", f64::from(0.4_f32))]), ("light:1", vec![("level", 0.0)])])]
#[case::no_meter(json!({"switch:0": {"output": null, "temperature": {"tC": 40}}, "voltmeter:100": {"voltage": 12}, "input:0": {"state": true}}), vec![])]
#[case::exporting(json!({"pm1:0": {"apower": -600.5, "aenergy": {"total": 5000.0}, "ret_aenergy": {"total": 3000.0}}}), vec![("pm1:0", vec![("power_w", -600.5), ("energy_import_kwh", 2.0), ("energy_export_kwh", 3.0)])])]
#[case::failed(json!({"switch:0": {"apower": 5, "errors": ["power_meter_failure"]}}), vec![])]
#[case::failed_and_on(json!({"switch:0": {"apower": 5, "output": true, "errors": ["power_meter_failure"]}}), vec![("switch:0", vec![("level", 1.0)])])]
#[case::overpower(json!({"switch:0": {"apower": 0, "errors": ["overpower"]}}), vec![("switch:0", vec![("power_w", 0.0)])])]
#[case::odd_factor(json!({"cover:0": {"apower": 5, "pf": 12}}), vec![("cover:0", vec![("power_w", 5.0)])])]
#[case::negative_counter(json!({"light:3": {"apower": 5, "aenergy": {"total": -1}}}), vec![("light:3", vec![("power_w", 5.0)])])]
#[case::a_phase_is_missing(json!({"em:0": {"a_act_power": 5, "b_act_power": null, "c_act_power": 7, "total_act_power": null, "b_errors": ["power_meter_failure"]}}), vec![("em:0", vec![("power_phase_1_w", 5.0), ("power_phase_3_w", 7.0)])])]
#[case::phases_without_a_sum(json!({"em:0": {"a_act_power": 5, "b_act_power": -10, "c_act_power": 7, "a_freq": 50.1}}), vec![("em:0", vec![("power_w", 2.0), ("power_phase_1_w", 5.0), ("power_phase_2_w", -10.0), ("power_phase_3_w", 7.0), ("frequency_hz", 50.1)])])]
#[case::counters_of_phases(json!({"emdata:0": {"a_total_act_energy": 1000, "b_total_act_energy": 2000, "c_total_act_energy": 3000}}), vec![("em:0", vec![("energy_import_kwh", 6.0)])])]
fn whatever_a_component_says_is_read_as_far_as_it_is_sure(#[case] said: Value, #[case] known: Vec<(&str, Vec<(&str, f64)>)>) {
    assert_eq!(values(&rpc::status(&said, &Value::Null)), known);
}

#[test]
fn a_notification_says_only_what_changed() {
    let mut known = json!({"switch:0": {"id": 0, "apower": 5, "voltage": 230, "aenergy": {"total": 1000}, "ret_aenergy": {"total": 400}}});
    let said = json!({"ts": 1.5, "switch:0": {"id": 0, "voltage": 231}});
    assert_eq!(values(&rpc::status(&said, &known)), [("switch:0", vec![("voltage_v", 231.0)])]);
    rpc::merge(&mut known, &said);
    assert_eq!(known["switch:0"]["voltage"], 231);
    let minute = json!({"switch:0": {"id": 0, "aenergy": {"total": 1500, "by_minute": [1.0]}}});
    assert_eq!(values(&rpc::status(&minute, &known)), [("switch:0", vec![("energy_import_kwh", 1.1)])], "what was given stands");
}

#[test]
fn a_lamp_that_is_switched_is_as_bright_as_before() {
    let known = json!({"light:0": {"id": 0, "output": false, "brightness": 40}, "light:1": {"id": 1, "output": true, "brightness": 80}});
    let said = json!({"light:0": {"id": 0, "output": true, "source": "HTTP_in"}, "light:1": {"id": 1, "brightness": 20}});
    let level = f64::from(0.4_f32);
    assert_eq!(
        values(&rpc::status(&said, &known)),
        [("light:0", vec![("level", level)]), ("light:1", vec![("level", f64::from(0.2_f32))])]
    );
    let said = json!({"light:0": {"id": 0, "temperature": {"tC": 40}}, "light:1": {"id": 1, "output": false}});
    assert_eq!(values(&rpc::status(&said, &known)), [("light:1", vec![("level", 0.0)])]);
}

#[rstest]
#[case::shelly_1(json!({"meters": [{"power": 60, "is_valid": true}], "relays": [{"ison": true}]}), "SHSW-1", vec![("meter:0", vec![("level", 1.0)])])]
#[case::typed_in(json!({"meters": [{"power": 60, "is_valid": true, "total": 5}]}), "SHSW-L", vec![])]
#[case::not_valid(json!({"meters": [{"power": 60, "is_valid": false, "total": 5}]}), "SHSW-PM", vec![])]
#[case::texts(json!({"meters": [{"power": "60", "total": "60000"}]}), "SHSW-PM", vec![("meter:0", vec![("power_w", 60.0), ("energy_import_kwh", 1.0)])])]
#[case::two_channels(json!({"meters": [{"power": 1, "total": 0}, {"power": 2, "total": 0}], "voltage": 231}), "SHSW-25", vec![("meter:0", vec![("power_w", 1.0), ("voltage_v", 231.0), ("energy_import_kwh", 0.0)]), ("meter:1", vec![("power_w", 2.0), ("voltage_v", 231.0), ("energy_import_kwh", 0.0)])])]
#[case::a_phase_is_not_valid(json!({"emeters": [{"power": 1, "total": 1000}, {"power": 2, "is_valid": false, "total": 1000}, {"power": 3, "total": 1000}]}), "SHEM-3", vec![("emeters", vec![("power_phase_1_w", 1.0), ("power_phase_3_w", 3.0)])])]
#[case::wrong_types(json!({"meters": {"a": 1}, "emeters": [7, null, "a"]}), "", vec![])]
#[case::huge(json!({"meters": [{"power": 1e300, "total": 1e308}]}), "", vec![])]
fn the_first_generation_is_read_as_far_as_it_is_sure(
    #[case] said: Value,
    #[case] model: &str,
    #[case] known: Vec<(&str, Vec<(&str, f64)>)>,
) {
    assert_eq!(values(&gen1::status(&said, model)), known);
}

#[rstest]
#[case(b"<html>")]
#[case(b"{\"id\":1,\"src\":\"shelly")]
#[case(b"[1,2]")]
#[case(b"7")]
#[case(b"{\"id\":-1}")]
#[case(&[0xff, 0x00])]
fn garbage_is_named_and_hurts_nobody(#[case] text: &[u8]) {
    assert!(parsed(text).and_then(rpc::frame).is_err());
    if let Ok(said) = parsed(text) {
        assert!(rpc::status(&said, &said).is_empty() && gen1::status(&said, "").is_empty() && wire::who(&said).is_err());
    }
}

#[test]
fn a_login_is_that_of_the_documentation() {
    // RFC 7616, 3.9.1.
    let password = SecretString::from("Circle of Life");
    let proof = digest::response(
        "Mufasa",
        "http-auth@example.org",
        &password,
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "00000001",
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "GET:/dir/index.html",
    );
    assert_eq!(proof, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

#[rstest]
#[case(r#"Digest qop="auth", realm="shellypro4pm-f008d1d8b8b8", nonce="60dc2c20", algorithm=SHA-256"#, None)]
#[case(r#"digest realm="a, b" , nonce=5,algorithm="sha-256",stale=false"#, None)]
#[case(r#"Digest realm="a", nonce="5", algorithm=MD5"#, Some("bring its firmware up to date"))]
#[case(r#"Bearer realm="a""#, Some("`Bearer`"))]
#[case("Digest", Some("no realm"))]
#[case("Digest realm=\"", Some("no nonce"))]
fn a_challenge_is_understood_or_named(#[case] header: &str, #[case] wrong: Option<&str>) {
    let read = digest::Challenge::of_header(header);
    assert!(matches!((&read, wrong), (Ok(_), None)) || read.as_ref().is_err_and(|why| wrong.is_some_and(|w| why.contains(w))), "{read:?}");
}

#[test]
fn a_refusal_of_rpc_is_a_challenge() {
    let said = r#"{"auth_type": "digest", "nonce": 1625038762, "nc": 1, "realm": "shellypro4pm-f008d1d8b8b8", "algorithm": "SHA-256"}"#;
    let mut challenge = digest::Challenge::of_refusal(said).unwrap();
    let auth = challenge.object("admin", &SecretString::from("hush"), "abc");
    assert_eq!((&auth["nonce"], &auth["nc"], &auth["realm"]), (&json!(1_625_038_762), &json!(1), &json!("shellypro4pm-f008d1d8b8b8")));
    assert_eq!(challenge.object("admin", &SecretString::from("hush"), "abc")["nc"], 2);
    assert!(digest::Challenge::of_refusal("Unauthorized").is_none());
}

#[test]
fn secrets_of_a_status_are_masked() {
    let said = json!({"wifi_sta": {"ssid": "my home", "ip": "192.168.1.5"}, "list": [{"key": "hush"}], "wifi": {"ssid": null}});
    let text = wire::masked(&said);
    assert!(!text.contains("my home") && !text.contains("hush") && text.contains("192.168.1.5"), "{text}");
}
