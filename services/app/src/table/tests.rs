use rstest::rstest;
use wattribute_domain::{Answer, DeviceProfile, LevelProfile, MeterReport, Verdict};

use super::*;

fn device(entity_id: &str, name: &str, verdict: Verdict) -> DeviceProfile {
    DeviceProfile {
        entity_id: entity_id.to_owned(),
        name: name.to_owned(),
        power_w: None,
        power_low_w: None,
        power_high_w: None,
        energy_kwh: None,
        energy_low_kwh: None,
        energy_high_kwh: None,
        cost: None,
        measured_energy_kwh: None,
        levels: vec![],
        events_used: 0,
        events_total: 0,
        times_on: 0,
        hours_on: 0.0,
        strength: 0.0,
        grouped_with: vec![],
        verdict,
    }
}

/// A device with a power, its interval, times and hours on.
fn learned(entity_id: &str, name: &str, power: (f64, f64), times_on: u32, hours_on: f64) -> DeviceProfile {
    let (power_w, half_w) = power;
    DeviceProfile {
        power_w: Some(power_w),
        power_low_w: Some(power_w - half_w),
        power_high_w: Some(power_w + half_w),
        energy_kwh: Some(power_w * hours_on / 1000.0),
        events_used: 2 * times_on,
        events_total: 2 * times_on,
        times_on,
        hours_on,
        strength: 1.0,
        ..device(entity_id, name, Verdict::Learned)
    }
}

fn level(mode: &str, fraction: Option<f64>, power_w: f64) -> LevelProfile {
    LevelProfile {
        mode: mode.to_owned(),
        fraction,
        power_w: Some(power_w),
        power_low_w: Some(power_w - 0.5),
        power_high_w: Some(power_w + 0.5),
    }
}

fn house(devices: Vec<DeviceProfile>) -> Answer {
    Answer {
        meter: MeterReport {
            entity_id: "sensor.house_power".to_owned(),
            interval_s: 3.0,
            lag_s: Some(2.1),
            noise_w: 2.0,
            smallest_load_w: 4.2,
            why: "it is the grid connection of your Energy dashboard".to_owned(),
            candidates: vec![],
        },
        from: "2026-09-30T22:00:00Z".to_owned(),
        to: "2026-10-31T23:00:00Z".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        house_kwh: 312.4,
        gap_hours: 0.3,
        baseline_w: Some(118.0),
        unexplained_kwh: 194.7,
        currency: None,
        price_per_kwh: None,
        devices,
        notes: vec![],
    }
}

/// A home with one device of every kind.
fn everything() -> Answer {
    let lamp = learned("light.living_room_dimmer", "Living room dimmer", (60.2, 0.6), 141, 160.5);
    let lamp =
        DeviceProfile { levels: vec![level("on", Some(0.25), 9.1), level("on", Some(0.5), 21.3), level("on", Some(1.0), 60.2)], ..lamp };
    let boiler = learned("climate.bathroom", "Bathroom heating", (1504.0, 12.0), 280, 21.4);
    let boiler = DeviceProfile { levels: vec![level("heating", None, 1504.0), level("fan", None, 41.0)], ..boiler };
    let group = |id: &str, name: &str, other: &str| DeviceProfile {
        grouped_with: vec![other.to_owned()],
        verdict: Verdict::Grouped,
        ..learned(id, name, (65.1, 1.9), 122, 131.0)
    };
    let washer = DeviceProfile {
        energy_kwh: Some(14.2),
        energy_low_kwh: Some(12.9),
        energy_high_kwh: Some(15.8),
        times_on: 19,
        hours_on: 33.1,
        ..device("switch.washing_machine", "Washing machine", Verdict::Varies)
    };
    let fridge = DeviceProfile {
        energy_kwh: Some(21.0),
        measured_energy_kwh: Some(22.9),
        times_on: 1,
        hours_on: 744.0,
        ..device("switch.fridge_plug", "Fridge", Verdict::Measured)
    };
    let unsure = DeviceProfile { strength: 0.6, ..learned("switch.pump", "Garden pump", (412.0, 90.0), 9, 5.2) };
    let ghost = |id: &str, name: &str| DeviceProfile {
        power_w: Some(0.0),
        power_high_w: Some(1.7),
        energy_kwh: Some(0.0),
        ..device(id, name, Verdict::NoLoad)
    };
    let small = DeviceProfile { power_high_w: Some(3.1), ..device("light.night", "Night light", Verdict::TooSmall) };
    let seldom = DeviceProfile { events_total: 3, times_on: 2, ..device("switch.sauna", "Sauna", Verdict::NotEnoughEvents) };
    house(vec![
        learned("switch.kettle", "Kettle", (1985.3, 4.2), 212, 14.1),
        lamp,
        boiler,
        group("light.hall_lamp", "Hall lamp", "switch.amplifier"),
        group("switch.amplifier", "Amp", "light.hall_lamp"),
        washer,
        fridge,
        unsure,
        learned("light.desk", "light.desk", (6.12, 0.41), 88, 1.3),
        ghost("input_boolean.guest_mode", "Guest mode"),
        ghost("switch.old_lamp", "Old lamp"),
        small,
        seldom,
        device("switch.modem", "Modem", Verdict::NotEnoughEvents),
    ])
}

fn priced(mut answer: Answer) -> Answer {
    answer.price_per_kwh = Some(0.31);
    answer.currency = Some("EUR".to_owned());
    answer.devices.iter_mut().for_each(|d| d.cost = d.energy_kwh.map(|kwh| kwh * 0.31));
    answer
}

fn solar() -> Answer {
    let mut answer = everything();
    answer.house_kwh = -212.0;
    answer.unexplained_kwh = -337.0;
    answer.gap_hours = 55.0;
    answer.meter.entity_id = "sensor.grid_import - sensor.grid_export".to_owned();
    answer.meter.interval_s = 60.0;
    answer.meter.lag_s = Some(-1.2);
    answer.meter.smallest_load_w = 38.4;
    answer.meter.candidates = vec!["sensor.inverter_grid_power".to_owned(), "sensor.house".to_owned()];
    answer.devices.truncate(4);
    answer.notes = vec!["home-assistant_v2.db was copied without its -wal file: the last minutes may be missing".to_owned()];
    priced(answer)
}

fn far_names() -> Answer {
    house(vec![
        learned("light.genkan", "廊下の照明スイッチ（玄関側のダウンライト四つ）", (41.0, 1.4), 1204, 310.0),
        learned(
            "switch.a_rather_long_entity_id_that_somebody_never_renamed_socket_1",
            "The very long name of a lamp \u{1b}[31m\nin the hall",
            (120.0, 9.0),
            4,
            2.0,
        ),
        learned("switch.e", "E\u{301}clairage 💡", (0.41, 0.05), 12345, 9999.0),
    ])
}

fn at(width: usize, answer: &Answer) -> String {
    let page = render(answer, Style { width, paint: Paint { on: false } });
    for line in page.lines() {
        assert!(crate::text::width(line) <= width, "{} > {width}: {line}", crate::text::width(line));
    }
    page
}

#[rstest]
#[case("everything", everything())]
#[case("everything_priced", priced(everything()))]
#[case("solar", solar())]
#[case("far_names", far_names())]
#[case("empty", house(vec![]))]
fn the_page_reads_well(#[case] name: &str, #[case] answer: Answer) {
    for width in [80, 120] {
        insta::assert_snapshot!(format!("{name}_{width}"), at(width, &answer));
    }
}

#[test]
fn no_width_breaks_the_page() {
    for answer in [everything(), priced(everything()), solar(), far_names(), house(vec![])] {
        for width in 76..=140 {
            at(width, &answer);
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let answer = priced(everything());
    let plain = render(&answer, Style { width: 80, paint: Paint { on: false } });
    let painted = render(&answer, Style { width: 80, paint: Paint { on: true } });
    assert_ne!(plain, painted);
    assert_eq!(console::strip_ansi_codes(&painted), plain);
}

#[test]
fn a_short_span_is_called_rough() {
    let mut answer = everything();
    answer.to = "2026-10-01T16:00:00Z".to_owned();
    answer.gap_hours = 0.0;
    assert!(at(80, &answer).contains("Only 18 hours were read: a year's figures are rough."));
    answer.to = answer.from.clone();
    at(80, &answer);
}
