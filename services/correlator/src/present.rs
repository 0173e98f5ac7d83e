//! What is true now, from what was learned and what was said last.

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveTime, TimeZone};
use chrono_tz::Tz;
use wattribute_domain::{CorrelationRecord, HourEnergy, Level, ProfileRecord, SeriesId, Verdict};
use wattribute_store::Store;

use crate::catalogue::Catalogue;
use crate::learn::{DAY_MS, Learned};
use crate::left_on::is_left_on;
use crate::live::Live;
use crate::now::{DeviceNow, HomeNow, NamedCorrelation};

/// Local hours in which a house is taken to be asleep.
const NIGHT: (u32, u32) = (2, 5);

/// The longest time between two looks that energy is counted on over, ms.
const LONGEST_STEP_MS: i64 = 600_000;

/// Energies of devices: what hours are kept, and what has come since.
#[derive(Clone, Debug, Default)]
pub struct Energies {
    totals_kwh: HashMap<SeriesId, f64>,
    recent_kwh: HashMap<SeriesId, f64>,
    since_kwh: HashMap<SeriesId, f64>,
    counted_ms: Option<i64>,
}

impl Energies {
    /// Begins anew from the hours that are kept, which reach to `until_ms`.
    pub async fn read(store: &dyn Store, until_ms: i64) -> anyhow::Result<Self> {
        let totals_kwh = store.total_energy(i64::MAX).await?.into_iter().collect();
        let mut recent_kwh: HashMap<SeriesId, f64> = HashMap::new();
        for HourEnergy { series, energy_kwh, .. } in store.energy(until_ms - 30 * DAY_MS, i64::MAX).await? {
            *recent_kwh.entry(series).or_default() += energy_kwh;
        }
        Ok(Energies { totals_kwh, recent_kwh, since_kwh: HashMap::new(), counted_ms: Some(until_ms) })
    }

    /// Counts on at the present powers.
    fn count(&mut self, powers: &[(SeriesId, Option<f64>)], now_ms: i64) {
        let last_ms = self.counted_ms.replace(now_ms).unwrap_or(now_ms);
        let hours = (now_ms - last_ms).clamp(0, LONGEST_STEP_MS) as f64 / 3.6e6;
        for &(id, power_w) in powers {
            *self.since_kwh.entry(id).or_default() += power_w.unwrap_or(0.0).max(0.0) * hours / 1000.0;
        }
    }

    fn of(&self, id: SeriesId) -> (f64, f64) {
        let since = self.since_kwh.get(&id).copied().unwrap_or(0.0);
        let kept = |all: &HashMap<SeriesId, f64>| all.get(&id).copied().unwrap_or(0.0) + since;
        (kept(&self.totals_kwh), kept(&self.recent_kwh))
    }
}

/// What is true of the home at `now_ms`.
pub fn present(live: &Live, energies: &mut Energies, phantom_power_w: Option<f64>, is_demo: bool, now_ms: i64) -> HomeNow {
    let home = &live.catalogue.home;
    let mut now = HomeNow { at_ms: now_ms, is_demo, phantom_power_w, time_zone: home.time_zone.clone(), ..HomeNow::default() };
    let Some(learned) = &live.learned else { return now };
    now.baseline_power_w = learned.baseline_w;
    now.power_w = live.power_w();
    let shown: Vec<&ProfileRecord> = learned.profiles.iter().filter(|p| is_shown(&live.catalogue, p)).collect();
    let powers: Vec<(SeriesId, Option<f64>)> = shown.iter().map(|p| (p.series, power_w(live, learned, p))).collect();
    energies.count(&powers, now_ms);
    let attributed_w: f64 = powers.iter().filter_map(|p| p.1).sum();
    now.attributed_power_w = Some(attributed_w);
    now.unattributed_power_w = now.power_w.map(|w| (w - attributed_w - learned.baseline_w.unwrap_or(0.0)).max(0.0));
    for (record, (_, power_w)) in shown.into_iter().zip(powers) {
        let Some(info) = live.catalogue.info(record.series) else { continue };
        let (energy_kwh, recent_energy_kwh) = energies.of(record.series);
        let on_since_ms = live.on_since_ms(record.series);
        now.devices.push(DeviceNow {
            series: record.series,
            identity: info.identity.clone(),
            entity_id: record.profile.entity_id.clone(),
            name: group_name(&live.catalogue, record),
            area: info.area.clone(),
            verdict: record.profile.verdict,
            power_w,
            is_on: live.is_on(record.series),
            energy_kwh,
            recent_energy_kwh,
            on_since_ms,
            usual_on_h: record.usual_on_h,
            left_on: is_left_on(on_since_ms, record.usual_on_h, power_w, now_ms),
        });
    }
    now.devices.sort_by(|a, b| b.recent_energy_kwh.total_cmp(&a.recent_energy_kwh).then_with(|| a.entity_id.cmp(&b.entity_id)));
    now
}

/// A device of which something can be told; of a group, its first member.
fn is_shown(catalogue: &Catalogue, record: &ProfileRecord) -> bool {
    let profile = &record.profile;
    let is_first = || profile.grouped_with.iter().all(|id| catalogue.level_named(id).is_none() || profile.entity_id < *id);
    match profile.verdict {
        Verdict::Learned | Verdict::Varies | Verdict::Measured => true,
        Verdict::Grouped => profile.power_w.is_some() && is_first(),
        Verdict::NoLoad | Verdict::TooSmall | Verdict::NotEnoughEvents => false,
    }
}

fn group_name(catalogue: &Catalogue, record: &ProfileRecord) -> String {
    let others =
        record.profile.grouped_with.iter().filter_map(|id| catalogue.info(catalogue.level_named(id)?)).map(|i| i.label().to_owned());
    let names: Vec<String> = std::iter::once(record.profile.name.clone()).chain(others).collect();
    names.join(" + ")
}

/// What it draws now: what its own meter says, its learned power at the present level, or what it draws on average while it is on.
fn power_w(live: &Live, learned: &Learned, record: &ProfileRecord) -> Option<f64> {
    if let Some(&sensor) = learned.metered.get(&record.series) {
        return live.window.last(sensor).map(|r| r.1).filter(|w| w.is_finite());
    }
    let level = live.window.last(record.series).and_then(|r| Level::of_number(r.1))?;
    let profile = &record.profile;
    match profile.verdict {
        _ if level.is_off() => Some(0.0),
        Verdict::Varies => profile.energy_kwh.filter(|_| profile.hours_on > 0.0).map(|kwh| 1000.0 * kwh / profile.hours_on),
        Verdict::Learned | Verdict::Grouped => learned.model.power_w(&profile.entity_id, level),
        _ => None,
    }
}

/// What the house drew in the last whole night when it drew least, W: the lowest tenth of its minutes.
pub async fn phantom_w(store: &dyn Store, house: SeriesId, time_zone: Option<&str>, now_ms: i64) -> anyhow::Result<Option<f64>> {
    let zone: Tz = time_zone.and_then(|z| z.parse().ok()).unwrap_or(chrono_tz::UTC);
    let Some((from_ms, to_ms)) = last_night(zone, now_ms) else { return Ok(None) };
    let minutes = store.chart(house, from_ms, to_ms, 60_000).await?;
    let mut means: Vec<f64> = minutes.iter().filter(|b| b.covered > 0.5).map(|b| b.mean).filter(|w| w.is_finite()).collect();
    if means.len() < 60 {
        return Ok(None);
    }
    means.sort_by(f64::total_cmp);
    Ok(Some(means[means.len() / 10]))
}

/// The last night that is over.
fn last_night(zone: Tz, now_ms: i64) -> Option<(i64, i64)> {
    let today = DateTime::from_timestamp_millis(now_ms)?.with_timezone(&zone).date_naive();
    let at = |date: chrono::NaiveDate, hour: u32| {
        let local = date.and_time(NaiveTime::from_hms_opt(hour, 0, 0)?);
        zone.from_local_datetime(&local).latest().map(|t| t.timestamp_millis())
    };
    let night = |date| Some((at(date, NIGHT.0)?, at(date, NIGHT.1)?));
    night(today).filter(|n| n.1 <= now_ms).or_else(|| night(today.checked_sub_days(Days::new(1))?))
}

/// A row with the names that people know.
pub fn named(catalogue: &Catalogue, record: &CorrelationRecord) -> Option<NamedCorrelation> {
    let info = catalogue.info(record.series)?;
    let mode = |level: Level| info.modes.get(usize::from(level.mode)).cloned().unwrap_or_else(|| "on".to_owned());
    Some(NamedCorrelation {
        entity_id: crate::catalogue::sensor_name(info),
        name: info.label().to_owned(),
        previous_state: mode(record.from),
        state: mode(record.to),
        record: record.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_night_is_local_and_over() {
        let berlin = chrono_tz::Europe::Berlin;
        let ms = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        let night = |now: &str| last_night(berlin, ms(now)).unwrap();
        assert_eq!(night("2026-07-10T12:00:00Z"), (ms("2026-07-10T00:00:00Z"), ms("2026-07-10T03:00:00Z")));
        assert_eq!(night("2026-07-10T02:00:00Z").0, ms("2026-07-09T00:00:00Z"), "it is still night");
        assert_eq!(night("2026-01-10T12:00:00Z").0, ms("2026-01-10T01:00:00Z"));
        assert!(night("2026-03-29T12:00:00Z").0 < ms("2026-03-29T12:00:00Z"), "02:00 is not there on this day");
    }

    #[test]
    fn energy_counts_on_from_what_is_kept() {
        let id = SeriesId(3);
        let mut energies = Energies { totals_kwh: HashMap::from([(id, 2.0)]), counted_ms: Some(0), ..Energies::default() };
        energies.count(&[(id, Some(1000.0))], 360_000);
        energies.count(&[(id, None)], 720_000);
        assert!((energies.of(id).0 - 2.1).abs() < 1e-9);
        energies.count(&[(id, Some(1000.0))], 720_000 + 100 * LONGEST_STEP_MS);
        assert!((energies.of(id).0 - 2.1 - 1.0 / 6.0).abs() < 1e-9, "a long pause is not counted through");
    }
}
