//! Figures that owners of InfluxDB know beside a power: the house's energy of the day, and a circuit's share of the house. They go with what is said
//! now, and with nothing that is late.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use wattribute_domain::{Reading, SeriesId, SeriesInfo};

use super::place::{CIRCUIT, METER, Place};
use crate::{OURS, Store, house, today_kwh};

/// What was said longer ago than this is not said now, ms.
const NOW_MS: i64 = 60_000;
/// So often the energy of the day is worked out, and the house asked for where another process writes it.
const EVERY: Duration = Duration::from_secs(60);

/// A field and its number, by reading.
pub type Beside = BTreeMap<(SeriesId, i64), (&'static str, f64)>;

/// What is remembered from write to write.
#[derive(Default)]
pub struct Figures {
    /// The house: when it was heard, ms, W, and whether it is the one that is worked out from all its meters.
    house: Option<(i64, f64, bool)>,
    looked: Option<Instant>,
    summed: Option<Instant>,
}

fn is_due(last: &mut Option<Instant>) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= EVERY);
    if due {
        *last = Some(Instant::now());
    }
    due
}

impl Figures {
    /// What goes with these readings.
    pub async fn beside<'a>(
        &mut self,
        store: &dyn Store,
        info: impl Fn(SeriesId) -> Option<&'a SeriesInfo>,
        readings: &[Reading],
        now: DateTime<Utc>,
    ) -> Beside {
        let now_ms = now.timestamp_millis();
        let is_now = |at_ms: i64| (at_ms - now_ms).abs() <= NOW_MS;
        let mut beside = Beside::new();
        let mut circuits: Vec<Reading> = Vec::new();
        for reading in readings.iter().filter(|r| is_now(r.at_ms) && r.value.is_finite()) {
            let Some(info) = info(reading.series) else { continue };
            match Place::of(info).measurement.as_str() {
                METER => {
                    let is_ours = info.source == OURS;
                    if is_ours || self.house.is_none_or(|(at_ms, _, ours)| !ours || !is_now(at_ms)) {
                        self.house = Some((reading.at_ms, reading.value, is_ours));
                        if is_due(&mut self.summed)
                            && let Ok(Some(kwh)) = today_kwh(store, reading.series, now).await
                        {
                            beside.insert((reading.series, reading.at_ms), ("daily_kwh", kwh));
                        }
                    }
                }
                CIRCUIT => circuits.push(*reading),
                _ => {}
            }
        }
        if circuits.is_empty() {
            return beside;
        }
        if self.house.is_none_or(|(at_ms, ..)| !is_now(at_ms)) && is_due(&mut self.looked) {
            self.house = heard(store, now_ms).await;
        }
        if let Some((_, house_w, _)) = self.house.filter(|(at_ms, house_w, _)| is_now(*at_ms) && *house_w > 0.0) {
            let share = |r: &Reading| ((r.series, r.at_ms), ("percentage", (1000.0 * r.value / house_w).round() / 10.0));
            beside.extend(circuits.iter().map(share));
        }
        beside
    }
}

/// The house as another process wrote it.
async fn heard(store: &dyn Store, now_ms: i64) -> Option<(i64, f64, bool)> {
    let house = house(store).await.ok()??;
    let rows = store.readings(house.series, now_ms, now_ms + 1).await.ok()?;
    let (at_ms, power_w) = rows.at_ms.last().zip(rows.value.last())?;
    power_w.is_finite().then_some((*at_ms, *power_w, true))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use wattribute_domain::{Quantity, Role};

    use super::*;
    use crate::{Batch, Origin, open};

    #[tokio::test]
    async fn what_is_said_now_comes_with_the_day_and_the_share() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&format!("sqlite:{}", folder.path().join("a.db").display()), Origin::Home).unwrap();
        let house = SeriesInfo { role: Some(Role::WholeHouse), ..SeriesInfo::new(OURS, "house", Quantity::PowerW) };
        let infos = vec![house, SeriesInfo::new("home_assistant", "sensor.oven", Quantity::PowerW)];
        let ids = store.describe(infos.clone()).await.unwrap();
        let now: DateTime<Utc> = "2026-03-01T06:00:00Z".parse().unwrap();
        let reading = |k: usize, ago_ms: i64, value| Reading { series: ids[k], at_ms: now.timestamp_millis() - ago_ms, value };
        store.write(Batch { readings: vec![reading(0, 6 * 3_600_000, 500.0)], ..Batch::default() }).await.unwrap();
        let info = |id| ids.iter().position(|known| *known == id).map(|k| &infos[k]);
        let mut figures = Figures::default();
        let said = [reading(0, 1000, 500.0), reading(1, 900, 123.4), reading(1, 100_000, 400.0)];
        let beside = figures.beside(&*store, info, &said, now).await;
        let expected = [((ids[0], said[0].at_ms), ("daily_kwh", 3.0)), ((ids[1], said[1].at_ms), ("percentage", 24.7))];
        assert_eq!(beside, Beside::from(expected));
        // The day is summed up once a minute; without a house there are no shares.
        assert_eq!(figures.beside(&*store, info, &said[..1], now).await, Beside::new());
        assert_eq!(Figures::default().beside(&*store, info, &said[1..], now).await, Beside::new());
    }
}
