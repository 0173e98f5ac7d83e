//! What is new in the store.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use wattribute_domain::{SeriesId, SeriesInfo};
use wattribute_store::{Result, Store};

use super::super::alerts::AlertRow;
use super::super::{instant, now};
use super::frames::{APART_MS, Change, Item, LiveAlert, LiveCorrelation, LiveProfiles, News, alerts, learned_ms, recent, text};

/// How often the store is looked at while somebody listens.
pub const EVERY: Duration = Duration::from_millis(400);
/// Profiles are looked at every so many times: they are replaced as a whole, and seldom.
const PROFILES_EVERY: u32 = 5;

/// What was told of the store so far.
pub struct Poller {
    cursor: i64,
    looks: u32,
    series: HashMap<SeriesId, SeriesInfo>,
    /// What each series said last, as told: when, and the bits of the value.
    said: HashMap<SeriesId, (i64, u64)>,
    told: HashMap<SeriesId, Instant>,
    /// Whether something was kept back because its series was told just before.
    keeps_back: bool,
    /// Correlations by time and series, with what was said of each.
    correlations: BTreeMap<(i64, SeriesId), (LiveCorrelation, String)>,
    alerts: BTreeMap<String, AlertRow>,
    learned_ms: Option<i64>,
}

impl Poller {
    /// Takes the present as told.
    pub async fn begin(store: &dyn Store) -> Result<Self> {
        let mut poller = Poller {
            cursor: store.arrivals(i64::MAX).await?.cursor,
            looks: 0,
            series: store.series().await?.into_iter().collect(),
            said: HashMap::new(),
            told: HashMap::new(),
            keeps_back: false,
            correlations: BTreeMap::new(),
            alerts: alerts(store).await?.into_iter().collect(),
            learned_ms: learned_ms(store).await?,
        };
        poller.said = store.latest().await?.into_iter().map(|r| (r.series, (r.at_ms, r.value.to_bits()))).collect();
        poller.correlations(store).await?;
        Ok(poller)
    }

    /// What changed since the last look.
    pub async fn look(&mut self, store: &dyn Store) -> Result<News> {
        self.looks = self.looks.wrapping_add(1);
        let mut items = self.readings(store).await?;
        items.extend(self.correlations(store).await?);
        items.extend(self.alerts(store).await?);
        if self.looks.is_multiple_of(PROFILES_EVERY) {
            let learned_ms = learned_ms(store).await?;
            if learned_ms != self.learned_ms {
                items.extend(learned_ms.and_then(|ms| Item::new("profiles", &LiveProfiles { learned_at: instant(ms) })));
                self.learned_ms = learned_ms;
            }
        }
        Ok(News { cursor: self.cursor, items })
    }

    async fn readings(&mut self, store: &dyn Store) -> Result<Vec<Item>> {
        let arrivals = store.arrivals(self.cursor).await?;
        self.cursor = arrivals.cursor;
        if arrivals.spans_ms.is_empty() && !self.keeps_back {
            return Ok(Vec::new());
        }
        let latest = store.latest().await?;
        if latest.iter().any(|r| !self.series.contains_key(&r.series)) {
            self.series = store.series().await?.into_iter().collect();
        }
        self.keeps_back = false;
        let mut items = Vec::new();
        for reading in latest {
            let says = (reading.at_ms, reading.value.to_bits());
            if self.said.get(&reading.series) == Some(&says) {
                continue;
            }
            if self.told.get(&reading.series).is_some_and(|at| at.elapsed() < Duration::from_millis(APART_MS as u64)) {
                self.keeps_back = true;
                continue;
            }
            let Some(info) = self.series.get(&reading.series) else { continue };
            items.extend(Item::reading(reading.series, info, reading.at_ms, reading.value));
            self.said.insert(reading.series, says);
            self.told.insert(reading.series, Instant::now());
        }
        Ok(items)
    }

    async fn correlations(&mut self, store: &dyn Store) -> Result<Vec<Item>> {
        let query = recent(now().timestamp_millis());
        let from_ms = query.from_ms;
        let records = store.correlations(query).await?;
        if records.iter().any(|r| !self.series.contains_key(&r.series)) {
            self.series = store.series().await?.into_iter().collect();
        }
        let mut present = BTreeMap::new();
        for record in &records {
            let told = self.series.get(&record.series).and_then(|info| LiveCorrelation::new(record, info));
            if let Some((told, text)) = told.and_then(|told| text(&told).map(|text| (told, text))) {
                present.insert((record.at_ms, record.series), (told, text));
            }
        }
        let before = std::mem::take(&mut self.correlations);
        let mut items = Vec::new();
        // What is older than the window is only out of sight.
        for (_, (gone, _)) in before.iter().filter(|(key, _)| key.0 >= from_ms && !present.contains_key(key)) {
            items.extend(Item::new("correlation", &gone.clone().with(Change::Retracted)));
        }
        for (key, (told, text)) in &present {
            match before.get(key) {
                Some((_, same)) if same == text => {}
                Some(_) => items.extend(Item::new("correlation", &told.clone().with(Change::Replaced))),
                None => items.extend(Item::new("correlation", told)),
            }
        }
        self.correlations = present;
        Ok(items)
    }

    async fn alerts(&mut self, store: &dyn Store) -> Result<Vec<Item>> {
        let present: BTreeMap<String, AlertRow> = alerts(store).await?.into_iter().collect();
        let mut items = Vec::new();
        let mut say = |change, alert: &AlertRow| items.extend(Item::new("alert", &LiveAlert { change, alert: alert.clone() }));
        for (name, alert) in &present {
            match self.alerts.get(name) {
                Some(before) if before == alert => {}
                Some(_) => say(Change::Replaced, alert),
                None => say(Change::New, alert),
            }
        }
        for (_, alert) in self.alerts.iter().filter(|(name, _)| !present.contains_key(*name)) {
            say(Change::Retracted, alert);
        }
        self.alerts = present;
        Ok(items)
    }
}
