//! What is true now, from what was learned and what was said last.

use std::collections::HashMap;

use wattribute_domain::{CorrelationRecord, Home, HourEnergy, Level, ProfileRecord, SeriesId, Verdict};
use wattribute_store::{Store, low_w, nights};

use crate::catalogue::Catalogue;
use crate::learn::{DAY_MS, Learned};
use crate::left_on::is_left_on;
use crate::live::Live;
use crate::now::{DeviceNow, HomeNow, NamedCorrelation};

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
        Verdict::Grouped | Verdict::Stated => profile.power_w.is_some() && is_first(),
        Verdict::NoLoad | Verdict::TooSmall | Verdict::NotEnoughEvents => false,
    }
}

fn group_name(catalogue: &Catalogue, record: &ProfileRecord) -> String {
    let others =
        record.profile.grouped_with.iter().filter_map(|id| catalogue.info(catalogue.level_named(id)?)).map(|i| i.label().to_owned());
    let name = catalogue.info(record.series).and_then(|info| info.name.clone()).unwrap_or_else(|| record.profile.name.clone());
    let names: Vec<String> = std::iter::once(name).chain(others).collect();
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
        Verdict::Stated => profile.power_w.map(|full_w| full_w * f64::from(level.fraction)),
        Verdict::Learned | Verdict::Grouped => learned.model.power_w(&profile.entity_id, level),
        _ => None,
    }
}

/// What the house drew in the last whole night when it drew least, W.
pub async fn phantom_w(store: &dyn Store, house: SeriesId, home: &Home, now_ms: i64) -> anyhow::Result<Option<f64>> {
    let Some((_, from_ms, to_ms)) = nights(home, 1, now_ms).pop() else { return Ok(None) };
    Ok(low_w(store, house, from_ms, to_ms).await?)
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
