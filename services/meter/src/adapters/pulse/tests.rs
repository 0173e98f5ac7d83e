use rstest::rstest;

use super::counter::{Counter, How, Outcome, Rate};
use super::wire::{Said, masked, read};
use super::*;
use crate::adapters::fixtures::of;

/// 2026-11-21T16:00:00Z.
const NOW_MS: i64 = 1_795_276_800_000;
const RATE: Rate = Rate { pulses_per_kwh: 1000.0, base_kwh: None, counts_pulses: false };

#[test]
fn every_fixture_is_read() {
    let text = |(name, text): (String, String)| format!("{name}\n{:#?}\n", read(text.as_bytes(), NOW_MS));
    insta::assert_snapshot!(of("pulse").into_iter().map(text).collect::<String>());
}

#[rstest]
#[case(r#""2026-11-21T15:59:50Z""#, Some(-10_000))]
#[case("1795276790", Some(-10_000))]
#[case("1795276790000", Some(-10_000))]
#[case(r#""1795276790""#, Some(-10_000))]
#[case("1795276830", Some(0))]
#[case("1795280400", None)]
#[case("1700000000", None)]
#[case("86", None)]
#[case(r#""2026-11-21 15:59:50""#, None)]
#[case("null", None)]
#[case("1e300", None)]
#[case("{}", None)]
fn an_instant_is_believed_where_the_clock_can_be_right(#[case] said: &str, #[case] wanted: Option<i64>) {
    let said = read(format!(r#"{{"power_w": 1, "timestamp": {said}}}"#).as_bytes(), NOW_MS).unwrap();
    assert_eq!(said.at_ms.map(|at_ms| at_ms - NOW_MS), wanted);
}

#[rstest]
#[case(r#"{"pulse_count": 5, "uptime": "0T01:02:03", "boot": true}"#)]
#[case(r#"{"pulse_count": 5.9, "interval_ms": 0, "timestamp": [], "power_kw": "", "device": {}}"#)]
#[case(r#"{"pulses": "5", "power_w": null, "rssi": -61, "nested": {"power_kw": 1}}"#)]
fn what_only_helps_refuses_nothing(#[case] body: &str) {
    let said = read(body.as_bytes(), NOW_MS).unwrap();
    assert_eq!((said.pulse_count, said.power_w, said.uptime_ms, said.boot), (Some(5.0), None, None, None));
}

#[test]
fn times_that_were_subtracted_in_the_wrong_order_are_none() {
    let said = read(br#"{"pulse_count": 5, "interval_ms": 4294967295, "since_pulse_ms": 4294967290}"#, NOW_MS).unwrap();
    assert_eq!((said.interval_ms, said.since_pulse_ms), (None, None));
}

#[test]
fn nothing_that_is_said_is_too_much() {
    let wild =
        ["-1", "0", "1e308", "-1e308", "1e999", "9223372036854775807", "18446744073709551616", "\"é\"", "\"\"", "null", "[]", "{}", "true"];
    let mut counter = Counter::default();
    for (k, pulse_count) in wild.iter().enumerate() {
        for other in wild {
            let body = format!(
                r#"{{"pulse_count": {pulse_count}, "total_kwh": {other}, "power_kw": {other}, "timestamp": {other}, "interval_ms": {other},
                    "since_pulse_ms": {other}, "uptime": {other}, "boot_id": {other}, "device": {other}}}"#
            );
            if let Ok(said) = read(body.as_bytes(), NOW_MS) {
                let told = counter.hear(&said, said.at_ms.unwrap_or(NOW_MS + k as i64), RATE, None);
                assert!(told.energy_kwh.is_none_or(f64::is_finite) && told.power_w.is_none_or(f64::is_finite), "{body}: {told:?}");
            }
        }
    }
}

#[test]
fn what_looks_like_a_secret_is_not_kept() {
    let kept = masked(br#"{"Token": "hush", "api_key": "hush", "wifi": {"password": "hush"}, "pulse_count": 5}"#);
    assert!(!kept.contains("hush") && kept.contains("\"pulse_count\":5"), "{kept}");
    assert_eq!(masked(b"hush"), "");
}

fn count(pulse_count: f64) -> Said {
    Said { pulse_count: Some(pulse_count), ..Said::default() }
}

/// Tells a counter what was said, s after its beginning.
fn hear(counter: &mut Counter, at_s: i64, said: &Said) -> Outcome {
    counter.hear(said, NOW_MS + at_s * 1000, RATE, None)
}

/// What becomes of counts that are said 10 s apart, and what the meter shows in the end, pulses.
fn all(counts: &[f64]) -> (Vec<How>, f64) {
    let mut counter = Counter::default();
    let how = counts.iter().zip(0..).map(|(pulses, k)| hear(&mut counter, 10 * k, &count(*pulses)).how).collect();
    (how, (counter.kwh * 1000.0).round())
}

#[rstest]
#[case::counts(&[100.0, 105.0, 105.0, 117.0], &[How::First, How::Counted, How::Counted, How::Counted], 117.0)]
#[case::restarts(&[500.0, 520.0, 3.0, 10.0], &[How::First, How::Counted, How::Restarted, How::Counted], 530.0)]
#[case::restarts_at_zero(&[500.0, 0.0, 0.0, 2.0], &[How::First, How::Restarted, How::Counted, How::Counted], 502.0)]
#[case::wraps_at_16_bits(&[65_530.0, 4.0, 9.0], &[How::First, How::WrappedAround, How::Counted], 65_545.0)]
#[case::wraps_at_32_bits(&[4_294_967_290.0, 10.0], &[How::First, How::WrappedAround], 4_294_967_306.0)]
#[case::goes_back_to_what_was_saved(&[6000.0, 6050.0, 6020.0, 6030.0], &[How::First, How::Counted, How::BeganAnew, How::Counted], 6060.0)]
#[case::jumps_to_nonsense(&[100.0, 5_000_000.0, 5_000_010.0], &[How::First, How::BeganAnew, How::Counted], 110.0)]
#[case::falls_to_nonsense(&[9_000_000.0, 3_000_000.0, 3_000_010.0], &[How::First, How::BeganAnew, How::Counted], 9_000_010.0)]
fn a_counter_becomes_a_meter_that_only_rises(#[case] counts: &[f64], #[case] how: &[How], #[case] pulses: f64) {
    assert_eq!(all(counts), (how.to_vec(), pulses));
}

#[test]
fn the_base_is_what_the_meter_showed_at_zero_and_can_be_changed() {
    let (mut counter, based) = (Counter::default(), |kwh| Rate { base_kwh: Some(kwh), counts_pulses: true, ..RATE });
    let said = Said { total_kwh: Some(1.0), ..count(500.0) };
    assert_eq!(counter.hear(&said, NOW_MS, based(12_000.0), None).energy_kwh, Some(12_000.5), "its own total does not count");
    assert_eq!(counter.hear(&count(510.0), NOW_MS + 10_000, based(12_000.0), None).energy_kwh, Some(12_000.51));
    let moved = counter.hear(&count(520.0), NOW_MS + 20_000, based(12_001.0), None).energy_kwh.unwrap();
    assert!((moved - 12_001.52).abs() < 1e-9, "{moved}");
}

#[test]
fn a_total_of_its_own_is_taken_and_goes_on_when_it_restarts() {
    let total = |kwh| Said { total_kwh: Some(kwh), pulse_count: Some(kwh * 1000.0), ..Said::default() };
    let mut counter = Counter::default();
    let shows: Vec<f64> =
        [8123.5, 8123.52, 0.0, 0.01].iter().zip(0..).filter_map(|(kwh, k)| hear(&mut counter, 10 * k, &total(*kwh)).energy_kwh).collect();
    let rounded: Vec<f64> = shows.iter().map(|kwh| (kwh * 1e6).round() / 1e6).collect();
    assert_eq!(rounded, [8123.5, 8123.52, 8123.52, 8123.53]);
}

#[test]
fn without_its_document_the_meter_goes_on_where_the_store_last_saw_it() {
    let mut counter = Counter::default();
    assert_eq!(counter.hear(&count(3.0), NOW_MS, RATE, Some(88.0)).energy_kwh, Some(88.0));
    assert_eq!(hear(&mut counter, 10, &count(5.0)).energy_kwh, Some(88.002));
}

#[test]
fn a_document_of_a_counter_is_read_as_it_was_written() {
    let mut counter = Counter::default();
    hear(&mut counter, 0, &count(100.0));
    let (_, text) = calibrate::document("meter", &counter);
    let mut again: Counter = serde_json::from_str(&text).unwrap();
    assert_eq!(hear(&mut again, 3600, &count(700.0)), Outcome { how: How::Counted, energy_kwh: Some(0.7), power_w: None, pulses: 600.0 });
}

#[test]
fn what_was_overtaken_counts_nothing_and_what_comes_again_neither() {
    let at = |s: i64, pulses| Said { at_ms: Some(NOW_MS + s * 1000), power_w: Some(400.0), ..count(pulses) };
    let mut counter = Counter::default();
    let mut told = |said: &Said| counter.hear(said, said.at_ms.unwrap(), RATE, None);
    told(&at(0, 100.0));
    told(&at(20, 120.0));
    let late = told(&at(10, 110.0));
    assert_eq!((late.how, late.energy_kwh, late.power_w), (How::Late, Some(0.11), Some(400.0)));
    assert_eq!(late.pulses, 0.0);
    let again = told(&at(20, 120.0));
    assert_eq!((again.how, again.energy_kwh, again.power_w, again.pulses), (How::Duplicate, None, None, 0.0));
    assert_eq!(told(&at(30, 121.0)).energy_kwh, Some(0.121));
}

#[test]
fn a_fall_right_after_the_last_word_is_explained_by_the_next() {
    let (mut overtaken, mut restarted) = (Counter::default(), Counter::default());
    for counter in [&mut overtaken, &mut restarted] {
        hear(counter, 0, &count(5.0));
        hear(counter, 10, &count(9.0));
        let fell = hear(counter, 12, &count(7.0));
        assert_eq!((fell.how, fell.energy_kwh), (How::Unclear, None));
    }
    let went_on = hear(&mut overtaken, 20, &count(12.0));
    assert_eq!((went_on.how, went_on.energy_kwh), (How::Counted, Some(0.012)), "7 came late");
    let went_on = hear(&mut restarted, 20, &count(8.0));
    assert_eq!((went_on.how, went_on.energy_kwh), (How::Restarted, Some(0.017)), "9 before, 8 after");
}

#[test]
fn a_device_that_tells_its_starts_is_believed() {
    let boot = |boot: &str, pulses| Said { boot: Some(boot.to_owned()), ..count(pulses) };
    let up = |s: f64, pulses| Said { uptime_ms: Some(s * 1000.0), ..count(pulses) };
    let mut counter = Counter::default();
    hear(&mut counter, 0, &boot("a", 65_530.0));
    assert_eq!(hear(&mut counter, 1, &boot("a", 65_520.0)).how, How::Late);
    assert_eq!(hear(&mut counter, 10, &boot("b", 4.0)).how, How::Restarted, "it did not wrap");
    assert_eq!(hear(&mut counter, 11, &boot("c", 1.0)).how, How::Restarted);
    assert_eq!((counter.kwh * 1e3).round(), 65_535.0);
    let mut counter = Counter::default();
    hear(&mut counter, 0, &up(1000.0, 500.0));
    assert_eq!(hear(&mut counter, 1, &up(999.0, 499.0)).how, How::Late);
    assert_eq!(hear(&mut counter, 20, &up(12.0, 6.0)).how, How::Restarted);
    assert_eq!(hear(&mut counter, 30, &up(22.0, 7.0)).energy_kwh, Some(0.507));
}

/// What a running device says: which start of it, how long it runs, s, and its count.
fn running(boot: Option<&str>, uptime_s: Option<f64>, pulses: f64) -> Said {
    Said { boot: boot.map(str::to_owned), uptime_ms: uptime_s.map(|s| s * 1000.0), ..count(pulses) }
}

#[rstest]
#[case::by_its_uptime(running(None, Some(900.0), 5000.0), running(None, Some(910.0), 3.0), running(None, Some(920.0), 8.0))]
#[case::by_both(running(Some("a"), Some(900.0), 5000.0), running(Some("a"), Some(910.0), 3.0), running(Some("a"), Some(920.0), 8.0))]
#[case::by_its_start(running(Some("a"), None, 5000.0), running(Some("a"), None, 3.0), running(Some("a"), None, 8.0))]
fn a_counter_that_is_set_to_zero_while_the_device_runs_goes_on(#[case] before: Said, #[case] at_zero: Said, #[case] after: Said) {
    let mut counter = Counter::default();
    hear(&mut counter, 0, &before);
    assert_eq!(hear(&mut counter, 10, &at_zero).how, How::Restarted);
    let went_on = hear(&mut counter, 20, &after);
    assert_eq!((went_on.how, went_on.energy_kwh), (How::Counted, Some(5.008)));
}

#[test]
fn a_post_of_the_same_start_that_was_overtaken_stays_late() {
    let mut counter = Counter::default();
    hear(&mut counter, 0, &running(Some("a"), None, 5000.0));
    hear(&mut counter, 10, &running(Some("a"), None, 5010.0));
    assert_eq!(hear(&mut counter, 30, &running(Some("a"), None, 5005.0)).how, How::Late);
    assert_eq!(hear(&mut counter, 40, &running(Some("a"), None, 5020.0)).energy_kwh, Some(5.02));
}

#[test]
fn our_own_clock_may_be_set_back() {
    let mut counter = Counter::default();
    hear(&mut counter, 3600, &count(100.0));
    assert_eq!(hear(&mut counter, 0, &count(110.0)).energy_kwh, Some(0.11));
    assert_eq!(hear(&mut counter, 10, &count(115.0)).energy_kwh, Some(0.115));
}

#[test]
fn without_a_power_of_its_own_the_time_between_pulses_tells_it() {
    let mut counter = Counter::default();
    let mut power_w = |at_s, said: Said| hear(&mut counter, at_s, &said).power_w.map(f64::round);
    assert_eq!(power_w(0, count(100.0)), None, "one word tells nothing");
    assert_eq!(power_w(10, count(110.0)), Some(3600.0));
    assert_eq!(power_w(20, count(111.0)), Some(360.0));
    assert_eq!(power_w(25, count(111.0)), Some(360.0), "the next may be due only in 10 s");
    assert_eq!(power_w(40, count(111.0)), Some(180.0), "no more than a pulse in 20 s");
    assert_eq!(power_w(620, count(111.0)), Some(6.0), "falls, and is never 0");
    assert_eq!(power_w(740, count(112.0)), Some(5.0), "1 Wh in 720 s");
    assert_eq!(power_w(750, count(2.0)), None, "when it restarted is not known");
    assert_eq!(power_w(760, count(4.0)), Some(720.0));
    assert_eq!(power_w(9760, count(900.0)), None, "that was not drawn now");
}

#[test]
fn what_a_device_says_of_its_pulses_is_more_exact() {
    let told = |pulses, interval_ms, since_pulse_ms| Said { interval_ms, since_pulse_ms, ..count(pulses) };
    let mut counter = Counter::default();
    let mut power_w = |at_s, said: Said| hear(&mut counter, at_s, &said).power_w.map(f64::round);
    assert_eq!(power_w(0, told(100.0, Some(7200.0), Some(1000.0))), Some(500.0));
    assert_eq!(power_w(10, told(101.0, None, Some(3800.0))), Some(500.0), "from 1 s before to 3.8 s before: 7.2 s");
    assert_eq!(power_w(20, told(101.0, Some(7200.0), Some(13_800.0))), Some(261.0), "since the last pulse it is less");
    assert_eq!(power_w(30, told(121.0, Some(10_000.0), None)), Some(3025.0), "that was the time between two posts");
    assert_eq!(power_w(35, told(122.0, Some(1.0), None)), Some(720.0), "a contact bounced");
    assert_eq!(power_w(40, Said { power_w: Some(-3.0), ..count(122.0) }), Some(-3.0), "its own word counts");
}

#[test]
fn a_calibration_holds_from_then_on() {
    let mut counter = Counter::default();
    hear(&mut counter, 0, &count(100.0));
    hear(&mut counter, 10, &count(200.0));
    let rate = Rate { pulses_per_kwh: 500.0, counts_pulses: true, ..RATE };
    // 50 of the 200 pulses came after the owner looked.
    counter.calibrate(NOW_MS + 5000, 4000.0, Some(150.0), rate);
    assert_eq!(counter.kwh, 4000.1);
    assert_eq!(counter.hear(&count(250.0), NOW_MS + 20_000, rate, None).energy_kwh, Some(4000.2));
    let mut new = Counter::default();
    new.calibrate(NOW_MS, 4000.0, None, rate);
    assert_eq!(new.hear(&count(7_000.0), NOW_MS, rate, Some(3.0)).energy_kwh, Some(4000.0));
    assert_eq!(new.hear(&count(7_050.0), NOW_MS + 10_000, rate, None).energy_kwh, Some(4000.1));
}

#[rstest]
#[case(r#"{"name": " - "}"#, "name: it must hold")]
#[case(r#"{"pulses_per_kwh": 0}"#, "pulses_per_kwh: ")]
#[case(r#"{"meter_reading_kwh": -1}"#, "meter_reading_kwh: ")]
#[case(r#"{"topic": "a/#"}"#, "`a/#` is no single topic")]
#[case(r#"{"topic": "home/pulse"}"#, "no broker is set up")]
#[case(r#"{"token": "hush", "token_file": "a"}"#, "one is enough")]
#[case(r#"{"token_file": "/no/such"}"#, "token_file: /no/such: ")]
#[case(r#"{"token": " "}"#, "token: it is empty")]
fn what_is_set_up_wrongly_is_named(#[case] config: &str, #[case] says: &str) {
    let config: Config = serde_json::from_str(config).unwrap();
    let error = config.check(&mqtt::Config::default()).unwrap_err().to_string();
    assert!(error.starts_with("[[pulse]] ") && error.contains(says) && !error.contains("hush"), "{error}");
}
