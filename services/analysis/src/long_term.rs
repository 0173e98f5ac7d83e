//! Home Assistant's long-term statistics: what the house drew before its states were purged. Hours cannot show a switch, but they carry
//! energy and nights.

use chrono::{DateTime, Timelike};
use chrono_tz::Tz;
use wattribute_domain::{Statistic, units};

use crate::attribution::meter::quantile;
use crate::rollup::NIGHT_HOURS;

/// What the hours before the states say of the house.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LongTerm {
    /// First hour, ms since the epoch.
    pub from_ms: i64,
    /// Hours that have a value.
    pub hours: f64,
    /// Energy over those hours, kWh.
    pub energy_kwh: f64,
    /// Median over local nights of the calmest hour, W; `None` without a night.
    pub baseline_w: Option<f64>,
}

/// Looks for the statistics of power of `entity_id`; `None` unless they begin a day or more before `states_from_ms`.
pub fn long_term(statistics: &[Statistic], entity_id: &str, states_from_ms: i64, time_zone: Tz) -> Option<LongTerm> {
    let statistic = statistics.iter().find(|s| s.entity_id == entity_id)?;
    let watts = units::watts_per(statistic.unit.as_deref()?)?;
    let hours: Vec<(i64, f64)> =
        statistic.rows.iter().filter_map(|r| Some((r.start_ms, r.mean? * watts))).filter(|h| h.1.is_finite()).collect();
    let from_ms = hours.first()?.0;
    if from_ms > states_from_ms - 86_400_000 {
        return None;
    }
    let mut calmest: std::collections::BTreeMap<i64, f64> = std::collections::BTreeMap::new();
    for &(start_ms, mean_w) in &hours {
        let local = DateTime::from_timestamp_millis(start_ms)?.with_timezone(&time_zone);
        if (NIGHT_HOURS.0..NIGHT_HOURS.1).contains(&local.hour()) {
            let night = calmest.entry(local.date_naive().to_epoch_days().into()).or_insert(mean_w);
            *night = night.min(mean_w);
        }
    }
    let mut nights: Vec<f64> = calmest.into_values().collect();
    let energy_kwh = hours.iter().map(|h| h.1).sum::<f64>() / 1000.0;
    Some(LongTerm { from_ms, hours: hours.len() as f64, energy_kwh, baseline_w: quantile(&mut nights, 0.5) })
}

impl LongTerm {
    /// What the owner should know of it, a sentence.
    pub fn note(&self, entity_id: &str, time_zone: Tz) -> String {
        let day = DateTime::from_timestamp_millis(self.from_ms).map(|t| t.with_timezone(&time_zone).format("%Y-%m-%d").to_string());
        let calm = self.baseline_w.map(|w| format!(", and {w:.0} W in the calmest hour of a usual night")).unwrap_or_default();
        format!(
            "The long-term statistics of {entity_id} go back to {}: {:.0} kWh in {:.0} days{calm}. They are hours and cannot show what was switched.",
            day.unwrap_or_default(),
            self.energy_kwh,
            self.hours / 24.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattribute_domain::StatisticRow;

    #[test]
    fn hours_before_the_states_tell_energy_and_nights() {
        let row = |h: i64| StatisticRow {
            start_ms: 1_700_000_000_000 / 3_600_000 * 3_600_000 + h * 3_600_000,
            mean: Some(if h % 24 < 12 { 0.2 } else { 0.6 }),
            min: None,
            sum: None,
        };
        let rows: Vec<StatisticRow> = (0..240).map(row).collect();
        let last_ms = rows[239].start_ms;
        let statistics = [Statistic { entity_id: "sensor.house".into(), unit: Some("kW".into()), rows }];
        let found = long_term(&statistics, "sensor.house", last_ms, Tz::UTC).unwrap();
        assert_eq!((found.hours, found.energy_kwh.round()), (240.0, 96.0));
        assert_eq!(found.baseline_w.map(f64::round), Some(200.0));
        assert!(
            found.note("sensor.house", Tz::UTC).contains("go back to 2023-11-14: 96 kWh in 10 days"),
            "{}",
            found.note("sensor.house", Tz::UTC)
        );
        assert_eq!(long_term(&statistics, "sensor.house", statistics[0].rows[3].start_ms, Tz::UTC), None);
        assert_eq!(long_term(&statistics, "sensor.other", last_ms, Tz::UTC), None);
    }
}
