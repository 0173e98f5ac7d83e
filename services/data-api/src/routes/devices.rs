//! What was learned of each device.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wattribute_domain::{Level, OwnerWord, OwnerWords, ProfileRecord, SeriesId, SeriesInfo, Verdict, overlay};
use wattribute_service::Problem;
use wattribute_store::Powers;

use super::owner::{self, Word};
use super::{Api, instant, now};
use crate::books::power_w;

/// All devices.
#[derive(Debug, Serialize, ToSchema)]
pub struct Devices {
    /// What is known of each, most energy first.
    devices: Vec<Device>,
    /// What these are.
    meta: DevicesMeta,
}

/// What a list of devices is.
#[derive(Debug, Serialize, ToSchema)]
pub struct DevicesMeta {
    /// How many there are.
    count: usize,
    /// When they were learned, RFC 3339 UTC; null while nothing is.
    learned_at: Option<String>,
    /// The expression over entities that is taken for the house; null until it is found.
    meter: Option<String>,
    /// What the owner should know, a sentence each.
    notes: Vec<String>,
}

/// What is known of one device.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Device {
    /// Home Assistant's id.
    pub entity_id: String,
    /// Friendly name.
    pub name: String,
    /// `light` of `light.hall`.
    pub domain: String,
    /// Area it is in.
    pub area: Option<String>,
    /// State it is in now; null where it does not say.
    pub state: Option<String>,
    /// Since when it has been in that state, RFC 3339 UTC.
    pub state_since: Option<String>,
    /// What it draws now, W: by its own meter, or by its state and what was learned; null where that cannot be told.
    pub power_now_w: Option<f64>,
    /// Power at its highest level, above what it draws when off, W; null where it cannot be told.
    pub power_w: Option<f64>,
    /// Lower end of the 90 % interval, W.
    pub power_low_w: Option<f64>,
    /// Upper end of the 90 % interval, W; where its power cannot be told, what it could be at most.
    pub power_high_w: Option<f64>,
    /// Energy over what was learned from, kWh; by its own sensor where it has one.
    pub energy_kwh: Option<f64>,
    /// Lower end of the 90 % interval, kWh.
    pub energy_low_kwh: Option<f64>,
    /// Upper end of the 90 % interval, kWh.
    pub energy_high_kwh: Option<f64>,
    /// How often it was switched on, over what was learned from.
    pub times_on: u32,
    /// Time on, over what was learned from, h.
    pub hours_on: f64,
    /// State changes that its power was learned from.
    pub events_used: u32,
    /// State changes there were.
    pub events_total: u32,
    /// Strength of evidence, 0 to 1: how much further its steps stand out than steps at shifted times do.
    pub strength: f64,
    /// What can be said of it.
    #[schema(value_type = String, example = "learned")]
    pub verdict: Verdict,
    /// The same in a sentence: why nothing can be told, and what would help.
    pub reason: String,
    /// Entities always switched together with it: they share the power.
    pub grouped_with: Vec<String>,
    /// How long it usually stays on at most, h: the 95th percentile of its runs; null with less than 5.
    pub usual_on_h: Option<f64>,
    /// When this was learned, RFC 3339 UTC.
    pub learned_at: String,
    /// What its owner says of it; null where nothing is said.
    pub word: Option<Word>,
}

/// What is known of each device, most energy first.
#[utoipa::path(get, path = "/devices", tag = "devices", responses((status = 200, body = Devices)))]
pub async fn devices(State(api): State<Api>) -> Result<Json<Devices>, Problem> {
    let house = wattribute_store::house(&*api.store).await?;
    let tell = Tell::read(&api).await?;
    let profiles = api.store.profiles().await?;
    let mut devices: Vec<Device> = profiles.iter().map(|record| tell.device(record)).collect();
    let order = |d: &Device| d.energy_kwh.unwrap_or(f64::NEG_INFINITY);
    devices.sort_by(|a, b| order(b).total_cmp(&order(a)).then_with(|| a.entity_id.cmp(&b.entity_id)));
    let learned_at = profiles.iter().map(|p| p.learned_at_ms).max().map(instant);
    let (meter, notes) = house.map_or((None, Vec::new()), |house| (Some(house.label), house.notes));
    Ok(Json(Devices { meta: DevicesMeta { count: devices.len(), learned_at, meter, notes }, devices }))
}

/// What is needed to tell of devices.
pub struct Tell {
    series: HashMap<SeriesId, SeriesInfo>,
    /// What each says that is not silent, and since when, ms.
    latest: HashMap<SeriesId, (i64, f64)>,
    metered: HashMap<SeriesId, SeriesId>,
    words: OwnerWords,
}

impl Tell {
    /// Reads it.
    pub async fn read(api: &Api) -> Result<Self, Problem> {
        let house = wattribute_store::house(&*api.store).await?;
        let powers = Powers::read(&*api.store, now().timestamp_millis()).await?;
        Ok(Tell {
            latest: powers.series.iter().filter_map(|(id, _)| Some((*id, powers.now(*id)?))).collect(),
            series: powers.series.into_iter().collect(),
            metered: house.map(|h| h.metered.into_iter().collect()).unwrap_or_default(),
            words: owner::words(api).await?,
        })
    }

    /// What is known of a series.
    pub fn info(&self, id: SeriesId) -> Option<&SeriesInfo> {
        self.series.get(&id)
    }

    /// The power sensor of a device that has one.
    pub fn meter_of(&self, id: SeriesId) -> Option<SeriesId> {
        self.metered.get(&id).copied()
    }

    /// All that a list says of a device.
    pub fn device(&self, record: &ProfileRecord) -> Device {
        let mut record = record.clone();
        let word = self.words.get(&record.profile.entity_id);
        if let Some(word) = word {
            overlay(&mut record.profile, word);
        }
        let (record, profile) = (&record, &record.profile);
        let info = self.series.get(&record.series);
        let said = self.latest.get(&record.series).and_then(|(at_ms, number)| Some((*at_ms, Level::of_number(*number)?)));
        let modes = info.map(|info| info.modes.as_slice()).unwrap_or_default();
        let by_meter = self.metered.get(&record.series).and_then(|sensor| self.latest.get(sensor)).map(|(_, w)| *w);
        let by_level = said.and_then(|(_, level)| power_w(profile, modes, level));
        Device {
            entity_id: profile.entity_id.clone(),
            name: self.name(record),
            domain: info.map(|info| info.domain().to_owned()).unwrap_or_default(),
            area: info.and_then(|info| info.area.clone()),
            state: said.and_then(|(_, level)| modes.get(usize::from(level.mode)).cloned()),
            state_since: said.map(|(at_ms, _)| instant(at_ms)),
            power_now_w: by_meter.filter(|w| w.is_finite()).or(by_level).map(|w| (w * 10.0).round() / 10.0),
            power_w: profile.power_w,
            power_low_w: profile.power_low_w,
            power_high_w: profile.power_high_w,
            energy_kwh: profile.measured_energy_kwh.or(profile.energy_kwh),
            energy_low_kwh: profile.energy_low_kwh,
            energy_high_kwh: profile.energy_high_kwh,
            times_on: profile.times_on,
            hours_on: profile.hours_on,
            events_used: profile.events_used,
            events_total: profile.events_total,
            strength: profile.strength,
            verdict: profile.verdict,
            reason: self.reason(record),
            grouped_with: profile.grouped_with.clone(),
            usual_on_h: record.usual_on_h,
            learned_at: instant(record.learned_at_ms),
            word: word.map(Word::from),
        }
    }

    /// What a device is called: by its owner, else by Home Assistant.
    pub fn name(&self, record: &ProfileRecord) -> String {
        let said = self.words.get(&record.profile.entity_id).and_then(|word| word.name.clone());
        let known = || self.series.get(&record.series).and_then(|info| info.name.clone());
        said.or_else(known).unwrap_or_else(|| record.profile.name.clone())
    }

    /// Why this is what can be said, and what would help.
    fn reason(&self, record: &ProfileRecord) -> String {
        let profile = &record.profile;
        let others = || profile.grouped_with.join(", ");
        match profile.verdict {
            Verdict::Learned => format!("Learned from {} of {} state changes.", profile.events_used, profile.events_total),
            Verdict::Stated => "You said what it draws.".to_owned(),
            Verdict::Varies => "It works by itself while it is on: its energy is known, a single power is not.".to_owned(),
            Verdict::Measured => match self.metered.get(&record.series).and_then(|id| self.series.get(id)) {
                Some(sensor) => format!("Measured by {}.", sensor.device),
                None => "It has a meter of its own.".to_owned(),
            },
            Verdict::NoLoad if self.words.get(&profile.entity_id).is_some_and(OwnerWord::says_no_load) => {
                "You said that it switches no load.".to_owned()
            }
            Verdict::NoLoad => "Switching it changes nothing that the meter sees.".to_owned(),
            Verdict::TooSmall => {
                let most = profile.power_high_w.map_or(String::new(), |w| format!(": at most {w:.0} W"));
                format!("Whatever it draws is below what this meter can show{most}. A meter that speaks more often would help.")
            }
            Verdict::Grouped => format!(
                "Always switched together with {}: only their sum is known. Switch one of them alone, some minutes apart, a few times.",
                others()
            ),
            Verdict::NotEnoughEvents => format!(
                "Only {} of {} state changes could be used. Switch it on and off a few times while little else happens, a minute or more apart.",
                profile.events_used, profile.events_total
            ),
        }
    }
}
