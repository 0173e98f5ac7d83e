//! Databases that a real Home Assistant wrote: `scripts/test-real.sh` makes them.

use super::*;

/// Paths of real databases, as `PATH` lists folders. In each, the kettle of 2000 W was switched over a base of 120 W.
const VARIABLE: &str = "WATTRIBUTE_TEST_RECORDER";

#[test]
fn a_database_of_a_real_home_assistant_is_read() {
    let Some(list) = std::env::var_os(VARIABLE) else {
        println!("SKIPPED: set {VARIABLE} to databases that a real Home Assistant wrote (scripts/test-real.sh makes them)");
        return;
    };
    for path in std::env::split_paths(&list) {
        let history = read_one(&path);
        println!("{}: {} rows, notes {:?}", path.display(), history.rows, history.notes);
        assert_eq!(history.bad.left_out(), 0, "{:?}", history.bad);
        assert_eq!(history.time_zone.is_some(), path.with_file_name(".storage").join("core.config").exists());

        let meter = sensor(&history, "sensor.grid_power");
        assert_eq!((meter.unit.as_deref(), meter.device_class.as_deref()), (Some("W"), Some("power")));
        assert!(meter.readings.value.iter().copied().fold(f64::NAN, f64::max) >= 2120.0);
        assert_eq!(sensor(&history, "sensor.grid_energy").unit.as_deref(), Some("kWh"));

        let kettle = entity(&history, "switch.kettle");
        assert_eq!(kettle.modes, ["off", "on"]);
        let on = kettle.said.iter().filter(|said| said.level.is_some_and(|level| !level.is_off()));
        let on: Vec<_> = on.map(|said| said.at_ms).collect();
        assert!(on.len() >= 5, "the kettle was on {} times", on.len());
        // Soon after each time the meter shows it.
        for at_ms in on {
            let seen = (0..50).any(|k| meter.readings.at(at_ms + 100 * k).is_some_and(|w| w >= 2000.0));
            assert!(seen, "nothing on the meter after {at_ms}");
        }
    }
}
