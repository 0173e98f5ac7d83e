//! Learning: the engine that `analyze` runs over a file, over the last weeks of the store.

use std::collections::{BTreeMap, HashMap};

use wattribute_analysis::{Analysis, Model, Settings, analyze, find_house};
use wattribute_domain::{History, HourEnergy, ProfileRecord, Quantity, Series, SeriesId, SeriesInfo, Verdict, entities_of};
use wattribute_store::{OURS, Store, zone};

use crate::catalogue::{Catalogue, sensor_name};
use crate::left_on::{On, on};
use crate::named_meter::meant;

/// A day, ms.
pub const DAY_MS: i64 = 86_400_000;

/// The most readings that are learned from at once: what bounds memory.
const MOST_READINGS: usize = 1_500_000;

/// Days whose readings are counted to tell how far back that reaches.
const LOOKED_AT_DAYS: i64 = 3;

/// What was learned, ready for use.
#[derive(Clone, Debug)]
pub struct Learned {
    /// The expression over series that is the house.
    pub meter: String,
    /// Why this one, a sentence.
    pub why: String,
    /// The series in it.
    pub inputs: Vec<SeriesId>,
    /// For live correlation.
    pub model: Model,
    /// Profiles of all entities.
    pub profiles: Vec<ProfileRecord>,
    /// The power sensor of each metered entity.
    pub metered: HashMap<SeriesId, SeriesId>,
    /// Since when each entity that is on has been so, ms.
    pub on_since_ms: HashMap<SeriesId, i64>,
    /// What the house draws when nothing is in use, W.
    pub baseline_w: Option<f64>,
    /// Span that was read, ms.
    pub span_ms: (i64, i64),
    /// Energies per hour.
    pub hours: Vec<HourEnergy>,
    /// Notes for the owner.
    pub notes: Vec<String>,
    /// How late the meter shows a step, s.
    pub lag_s: Option<f64>,
    /// What else could be the house, best first.
    pub candidates: Vec<String>,
}

/// The meter that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The expression over series that is the house.
    pub meter: String,
    /// Why this one, a sentence.
    pub why: String,
    /// What else could be the house, best first.
    pub candidates: Vec<String>,
}

/// Finds the house's meter in the last days, where the owner does not name it.
pub async fn find_meter(store: &dyn Store, catalogue: &Catalogue, named: Option<&str>, now_ms: i64) -> anyhow::Result<Found> {
    let in_words = |e: wattribute_analysis::AnalysisError| {
        let said = e.to_string().replace("--meter ", "the house's meter, ").replace(" in the history", " among what was heard until now");
        anyhow::anyhow!("{}", said.replace("--meter", "`meter` in [home]"))
    };
    let is_named = named.is_some();
    let meant = meant(catalogue, named)?;
    let named = meant.as_deref();
    // Where all that the owner names is there, nothing else is looked at.
    let wanted: Vec<String> = named.iter().flat_map(|named| entities_of(named)).map(str::to_owned).collect();
    let inputs = catalogue.sensors_named(&wanted);
    let sensors = if !wanted.is_empty() && inputs.len() == wanted.len() { inputs } else { catalogue.sensors() };
    let mut history = catalogue.history(store, &sensors, now_ms - 2 * DAY_MS, now_ms).await?;
    // Who is switched tells which sensors are of one device only.
    for &id in catalogue.levels() {
        catalogue.add(&mut history, id, Series::default(), now_ms);
    }
    let house = find_house(&mut history, named, None).map_err(in_words)?;
    let why = match named {
        Some(_) if is_named => "it was named in the settings".to_owned(),
        Some(_) => "it is the only meter that is said to be the house's".to_owned(),
        None => house.why,
    };
    Ok(Found { meter: house.label, why, candidates: house.candidates })
}

/// Reads back as far as `learn_days` and memory allow, and learns.
pub async fn learn(store: &dyn Store, catalogue: &Catalogue, meter: &str, learn_days: u32, now_ms: i64) -> anyhow::Result<Option<Learned>> {
    let named: Vec<String> = entities_of(meter).map(str::to_owned).collect();
    let inputs = catalogue.sensors_named(&named);
    let from_ms = how_far(store, &inputs, now_ms, i64::from(learn_days)).await?;
    let mut history = catalogue.history(store, &inputs, from_ms, now_ms).await?;
    let switched: Vec<&SeriesInfo> = catalogue.levels().iter().filter_map(|&id| catalogue.info(id)).collect();
    for &id in catalogue.levels() {
        let rows = store.readings(id, from_ms, now_ms).await?;
        catalogue.add(&mut history, id, rows, now_ms);
    }
    for id in catalogue.sensors().into_iter().filter(|id| !inputs.contains(id)) {
        let Some(info) = catalogue.info(id) else { continue };
        let may_be_of = |s: &&SeriesInfo| {
            (info.device_id.is_some() && s.device_id == info.device_id) || (s.object().len() > 2 && info.object().starts_with(s.object()))
        };
        if switched.iter().any(may_be_of) {
            let rows = store.readings(id, from_ms, now_ms).await?;
            catalogue.add(&mut history, id, rows, now_ms);
        }
    }
    let (catalogue, meter) = (catalogue.clone(), meter.to_owned());
    tokio::task::spawn_blocking(move || learn_from(&catalogue, &meter, inputs, history, now_ms)).await.map_err(Into::into)
}

/// From when on to learn: as many days as are wanted, as long as the meter's readings do not become too many by the fullest of the last days.
async fn how_far(store: &dyn Store, inputs: &[SeriesId], now_ms: i64, days: i64) -> anyhow::Result<i64> {
    let mut fullest = 1;
    for day in 0..LOOKED_AT_DAYS {
        let mut count = 0;
        for &id in inputs {
            count += store.readings(id, now_ms - (day + 1) * DAY_MS, now_ms - day * DAY_MS).await?.len();
        }
        fullest = fullest.max(count);
    }
    Ok(now_ms - days.clamp(1, (MOST_READINGS / fullest).max(1) as i64) * DAY_MS)
}

/// The whole engine over a history; `None` where there is nothing to look at yet.
fn learn_from(catalogue: &Catalogue, meter: &str, inputs: Vec<SeriesId>, mut history: History, now_ms: i64) -> Option<Learned> {
    // What held at the start of the span was said earlier: here it begins with the span, and all ends now.
    for sensor in &mut history.sensors {
        let is_input = inputs.iter().any(|&id| catalogue.info(id).is_some_and(|i| sensor_name(i) == sensor.entity_id));
        let last = sensor.readings.at_ms.last().zip(sensor.readings.value.last()).filter(|(last_ms, _)| **last_ms < now_ms);
        if let Some((_, &held)) = last.filter(|_| is_input) {
            sensor.readings.push(now_ms, held);
        }
    }
    history.normalise();
    let ids: HashMap<String, SeriesId> =
        history.entities.iter().filter_map(|e| Some((e.entity_id.clone(), catalogue.level_named(&e.entity_id)?))).collect();
    let on: HashMap<SeriesId, On> = history.entities.iter().filter_map(|e| Some((*ids.get(&e.entity_id)?, on(e, now_ms)))).collect();
    let on_since_ms = on.iter().filter_map(|(&id, on)| Some((id, on.since_ms?))).collect();
    let time_zone = zone(&catalogue.home);
    let settings = Settings {
        meter: Some(meter.to_owned()),
        meter_unit: None,
        price_per_kwh: None,
        currency: None,
        time_zone,
        from_ms: None,
        to_ms: None,
        owner: catalogue.owner.clone(),
    };
    let early = of_little(&history);
    let analysis = match analyze(history, &settings) {
        Ok(analysis) => analysis,
        Err(_) => {
            let mut early = early;
            let power = find_house(&mut early, Some(meter), None).ok()?.power;
            let span_ms = (*power.at_ms.first()?, *power.at_ms.last()?);
            return Some(Learned {
                meter: meter.to_owned(),
                why: String::new(),
                inputs,
                model: Model::of_little(&power, &early.entities, &catalogue.owner),
                profiles: Vec::new(),
                metered: HashMap::new(),
                on_since_ms,
                baseline_w: None,
                span_ms,
                hours: Vec::new(),
                notes: Vec::new(),
                lag_s: None,
                candidates: Vec::new(),
            });
        }
    };
    let metered = analysis.metered.iter().filter_map(|(k, sensor)| {
        let id = *ids.get(&analysis.entities[*k].0)?;
        let sensor = catalogue.sensors_named(std::slice::from_ref(sensor));
        let power = sensor.into_iter().find(|&s| catalogue.info(s).is_some_and(|i| i.quantity == Quantity::PowerW))?;
        Some((id, power))
    });
    Some(Learned {
        meter: meter.to_owned(),
        why: String::new(),
        inputs,
        metered: metered.collect(),
        on_since_ms,
        baseline_w: analysis.answer.baseline_w,
        span_ms: span(&analysis, now_ms),
        hours: hours(&analysis, &ids),
        notes: analysis.answer.notes.clone(),
        lag_s: analysis.answer.meter.lag_s,
        candidates: Vec::new(),
        profiles: profiles(&analysis, &ids, &on, now_ms),
        model: analysis.model,
    })
}

fn span(analysis: &Analysis, now_ms: i64) -> (i64, i64) {
    let ms = |text: &str| chrono::DateTime::parse_from_rfc3339(text).map_or(now_ms, |t| t.timestamp_millis());
    (ms(&analysis.answer.from), now_ms)
}

fn profiles(analysis: &Analysis, ids: &HashMap<String, SeriesId>, on: &HashMap<SeriesId, On>, now_ms: i64) -> Vec<ProfileRecord> {
    let record = |profile: &wattribute_domain::DeviceProfile| {
        let series = *ids.get(&profile.entity_id)?;
        Some(ProfileRecord { series, learned_at_ms: now_ms, profile: profile.clone(), usual_on_h: on.get(&series).and_then(|o| o.usual_h) })
    };
    analysis.answer.devices.iter().filter_map(record).collect()
}

/// Energies by series; the house's own are added by who knows its series.
fn hours(analysis: &Analysis, ids: &HashMap<String, SeriesId>) -> Vec<HourEnergy> {
    let told: HashMap<&str, Verdict> = analysis.answer.devices.iter().map(|d| (d.entity_id.as_str(), d.verdict)).collect();
    let hour = |h: &wattribute_analysis::EnergyOfHour| {
        let entity_id = &analysis.entities[h.entity].0;
        let telling = told.get(entity_id.as_str()).is_some_and(|v| !matches!(v, Verdict::NoLoad));
        let series = *ids.get(entity_id).filter(|_| telling)?;
        Some(HourEnergy { series, hour_ms: h.hour_ms, energy_kwh: h.energy_kwh, estimated: h.estimated })
    };
    let mut out: Vec<HourEnergy> = analysis.hours.iter().filter_map(hour).collect();
    let house = |(&hour_ms, &energy_kwh): (&i64, &f64)| HourEnergy { series: HOUSE, hour_ms, energy_kwh, estimated: false };
    out.extend(analysis.house_hours.iter().map(house));
    out
}

/// Stands for the house's own series until its number is known.
pub const HOUSE: SeriesId = SeriesId(u32::MAX);

/// The series of the house's power.
pub fn house_info() -> SeriesInfo {
    SeriesInfo {
        name: Some("House".to_owned()),
        role: Some(wattribute_domain::Role::WholeHouse),
        ..SeriesInfo::new(OURS, "house", Quantity::PowerW)
    }
}

/// A copy for the case that the engine finds too little: cheap, since then there is little.
fn of_little(history: &History) -> History {
    let rows: usize = history.sensors.iter().map(|s| s.readings.len()).sum();
    if rows > 50_000 { History::default() } else { history.clone() }
}

/// Hours that differ from what is kept, by day: what is written again.
pub fn changed_days(kept: &[HourEnergy], fresh: &[HourEnergy], span_ms: (i64, i64)) -> Vec<(i64, i64, Vec<HourEnergy>)> {
    type Day = BTreeMap<(i64, SeriesId), HourEnergy>;
    let by_day = |hours: &[HourEnergy]| {
        let mut days: BTreeMap<i64, Day> = BTreeMap::new();
        for h in hours {
            days.entry(h.hour_ms.div_euclid(DAY_MS)).or_default().insert((h.hour_ms, h.series), *h);
        }
        days
    };
    let (kept, mut fresh) = (by_day(kept), by_day(fresh));
    let same = |a: &Day, b: &Day| {
        a.len() == b.len()
            && a.iter().zip(b).all(|((ka, a), (kb, b))| {
                ka == kb && a.estimated == b.estimated && (a.energy_kwh - b.energy_kwh).abs() <= 0.001 + 0.01 * a.energy_kwh.abs()
            })
    };
    let (first, last) = (span_ms.0.div_euclid(DAY_MS), span_ms.1.div_euclid(DAY_MS));
    let nothing = Day::new();
    (first..=last)
        .filter_map(|day| {
            let new = fresh.remove(&day).unwrap_or_default();
            let changed = !same(kept.get(&day).unwrap_or(&nothing), &new);
            changed.then(|| (day * DAY_MS, (day + 1) * DAY_MS, new.into_values().collect()))
        })
        .collect()
}

#[cfg(test)]
#[path = "learn_tests.rs"]
mod tests;
