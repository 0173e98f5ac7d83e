//! What Prometheus is told.

use super::*;
use crate::routes::gauges::read;

#[tokio::test]
async fn the_house_and_its_circuits_are_told() {
    let home = Home::lived_in().await;
    let told = read(&Api::new(home.store.clone(), Config::default(), false)).await.unwrap();
    let of = |metric: &str| {
        told.iter().filter(|((name, _), _)| *name == metric).map(|((_, of), value)| (of.clone(), *value)).collect::<Vec<_>>()
    };
    assert_eq!(of("wattribute_house_power_watts"), [(None, 500.0)]);
    assert_eq!(of("wattribute_circuit_power_watts"), [(Some(("sensor.heater_power".to_owned(), "Heater".to_owned())), 125.0)]);
    assert!(of("wattribute_house_energy_today_kwh")[0].1 >= 0.0);
}

#[tokio::test]
async fn nothing_is_told_of_an_empty_home() {
    let told = read(&Api::new(Home::empty().store.clone(), Config::default(), false)).await.unwrap();
    assert!(told.is_empty(), "{told:?}");
}
