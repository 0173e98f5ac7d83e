//! What the demo's home draws when nothing is in use is told night by night.

use chrono_tz::Tz;
use wattribute_domain::{Home, Quantity, Reading, SeriesInfo};
use wattribute_meter::adapters::Event;
use wattribute_meter::adapters::demo::{STANDBY_W, truth};
use wattribute_store::{Batch, Origin, low_w, nights, open};

use super::{AUTUMN_MS, SPRING_MS, past};

const BERLIN: Tz = Tz::Europe__Berlin;

/// The sun does not shine at night: the grid's power is the house's.
#[rstest::rstest]
#[case(1, SPRING_MS)]
#[case(1, AUTUMN_MS)]
#[case(2, SPRING_MS)]
#[tokio::test]
async fn the_baseline_of_every_night_is_within_5_w(#[case] seed: u64, #[case] now_ms: i64) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&format!("sqlite:{}/demo.db", folder.path().display()), Origin::Demo).unwrap();
    let grid = store.describe(vec![SeriesInfo::new("demo", "sensor.grid_power", Quantity::PowerW)]).await.unwrap()[0];
    let (mut key, mut readings) = (None, Vec::new());
    for event in past(seed, now_ms).await {
        match event {
            Event::Series { key: this, info } if info.device == "sensor.grid_power" => key = Some(this),
            Event::Reading { key: this, at_ms, value } if key == Some(this) => readings.push(Reading { series: grid, at_ms, value }),
            _ => {}
        }
    }
    store.write(Batch { readings, ..Batch::default() }).await.unwrap();
    let home = Home { time_zone: Some(BERLIN.name().to_owned()), ..Home::default() };
    let nights = nights(&home, 28, now_ms);
    assert_eq!(nights.len(), 28);
    for (date, from_ms, to_ms) in nights {
        let low = low_w(&*store, grid, from_ms, to_ms).await.unwrap().unwrap();
        // What is forgotten is on all night; what comes and goes is not on at its lowest.
        let forgotten: f64 = truth(seed, BERLIN, from_ms, to_ms)
            .iter()
            .map(|thing| thing.energy_kwh * 3.6e9 / (to_ms - from_ms) as f64)
            .zip(truth(seed, BERLIN, from_ms, to_ms).iter().map(|thing| thing.power_w))
            .filter(|(mean_w, power_w)| (mean_w - power_w).abs() < 0.01 * power_w)
            .map(|(mean_w, _)| mean_w)
            .sum();
        assert!((low - STANDBY_W - forgotten).abs() < 5.0, "{date}: {low} W, really {STANDBY_W} + {forgotten} W");
    }
}
