//! Loads that no entity explains: looked for after learning, at most hourly, and kept in a document.

use std::sync::Arc;

use tokio::task::JoinHandle;
use wattribute_analysis::{UnknownSearch, unknown_loads};
use wattribute_domain::{DeviceProfile, Entity, Series, SeriesId, UNKNOWN_LOADS, UnknownLoads};
use wattribute_store::{Store, zone};

use crate::catalogue::Catalogue;
use crate::learn::Learned;

/// Time between two searches, ms.
const EVERY_MS: i64 = 3_600_000;

/// Looks for unknown loads now and then.
#[derive(Debug, Default)]
pub struct Unknown {
    looking: Option<JoinHandle<anyhow::Result<()>>>,
    /// When a search began last, ms.
    began_ms: i64,
}

impl Unknown {
    /// Begins a search where it is time for one, in the background. An error is that of the search before.
    pub async fn step(
        &mut self,
        store: &Arc<dyn Store>,
        catalogue: &Catalogue,
        house: SeriesId,
        learned: &Learned,
        now_ms: i64,
    ) -> anyhow::Result<()> {
        if let Some(looked) = self.looking.take_if(|looking| looking.is_finished()) {
            looked.await??;
        }
        if self.looking.is_some() || now_ms - self.began_ms < EVERY_MS {
            return Ok(());
        }
        self.began_ms = now_ms;
        let (store, catalogue) = (store.clone(), catalogue.clone());
        let known = Known {
            profiles: learned.profiles.iter().map(|p| p.profile.clone()).collect(),
            metered: learned.metered.values().copied().collect(),
            from_ms: learned.span_ms.0,
        };
        self.looking = Some(tokio::spawn(async move { look(&*store, &catalogue, house, known, now_ms).await }));
        Ok(())
    }
}

/// What a search goes by.
struct Known {
    profiles: Vec<DeviceProfile>,
    /// The power sensors of metered entities.
    metered: Vec<SeriesId>,
    /// First instant to look at, ms.
    from_ms: i64,
}

/// Looks through the house's power, and keeps what was found; a load that was known keeps its id.
async fn look(store: &dyn Store, catalogue: &Catalogue, house: SeriesId, known: Known, now_ms: i64) -> anyhow::Result<()> {
    let power = store.readings(house, known.from_ms, now_ms).await?;
    let mut metered: Vec<Series> = Vec::new();
    for &id in &known.metered {
        metered.push(store.readings(id, known.from_ms, now_ms).await?);
    }
    let mut entities: Vec<Entity> = Vec::new();
    for &id in catalogue.levels() {
        let rows = store.readings(id, known.from_ms, now_ms).await?;
        entities.extend(catalogue.entity(id, &rows));
    }
    let time_zone = zone(&catalogue.home);
    let searched = tokio::task::spawn_blocking(move || {
        let mut power = power;
        power.normalise();
        // The row that holds at the start was said before it.
        if let Some(first_ms) = power.at_ms.first_mut() {
            *first_ms = (*first_ms).max(known.from_ms);
        }
        unknown_loads(&UnknownSearch { power: &power, metered: &metered, entities: &entities, profiles: &known.profiles, time_zone })
    });
    let mut found = searched.await?;
    found.computed_at_ms = now_ms;
    let before = store.document(UNKNOWN_LOADS).await?.and_then(|text| serde_json::from_str::<UnknownLoads>(&text).ok());
    found.continue_from(&before.unwrap_or_default());
    tracing::info!(loads = found.loads.len(), "looked for loads that no entity explains");
    store.put_documents(vec![(UNKNOWN_LOADS.to_owned(), serde_json::to_string(&found)?)]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattribute_domain::{Quantity, Reading, SeriesInfo};
    use wattribute_store::{Batch, Origin};

    const START_MS: i64 = 1_772_409_600_000;
    const DAYS: i64 = 6;

    /// Six days of a house that draws 200 W, and 2.2 kW for 3 minutes every four hours; `switch.kettle` is on for as long an hour later.
    async fn house(folder: &tempfile::TempDir) -> (Arc<dyn Store>, Catalogue, SeriesId) {
        let store = wattribute_store::open(&format!("sqlite:{}", folder.path().join("a.db").display()), Origin::Home).unwrap();
        let mut kettle = SeriesInfo::new("home_assistant", "switch.kettle", Quantity::Level);
        kettle.mode("on");
        let ids = store.describe(vec![crate::learn::house_info(), kettle]).await.unwrap();
        let runs = |at_s: i64, after_s: i64| (0..180).contains(&((at_s - after_s).rem_euclid(4 * 3600)));
        let mut readings = Vec::new();
        for at_s in (0..DAYS * 86_400).step_by(10) {
            let noise = ((at_s / 10).wrapping_mul(2_654_435_761) >> 7).rem_euclid(9) as f64 - 4.0;
            let value = 200.0 + noise + if runs(at_s, 777) || runs(at_s, 4377) { 2200.0 } else { 0.0 };
            readings.push(Reading { series: ids[0], at_ms: START_MS + at_s * 1000, value });
        }
        for at_s in (4374..DAYS * 86_400).step_by(4 * 3600) {
            let said = |s: i64, value| Reading { series: ids[1], at_ms: START_MS + s * 1000, value };
            readings.extend([said(at_s, 1.0), said(at_s + 180, 0.0)]);
        }
        store.write(Batch { readings, ..Batch::default() }).await.unwrap();
        let catalogue = Catalogue::read(&*store).await.unwrap();
        (store, catalogue, ids[0])
    }

    async fn kept(store: &Arc<dyn Store>) -> UnknownLoads {
        serde_json::from_str(&store.document(UNKNOWN_LOADS).await.unwrap().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn what_no_entity_explains_is_kept_and_keeps_its_id() {
        let folder = tempfile::tempdir().unwrap();
        let (store, catalogue, house) = house(&folder).await;
        for days in [DAYS - 1, DAYS] {
            let known = Known { profiles: Vec::new(), metered: Vec::new(), from_ms: START_MS };
            let now_ms = START_MS + days * 86_400_000;
            look(&*store, &catalogue, house, known, now_ms).await.unwrap();
            let kept = kept(&store).await;
            assert_eq!((kept.computed_at_ms, kept.loads.len()), (now_ms, 1), "{kept:?}");
            let load = &kept.loads[0];
            assert!(load.id == "u1" && (load.power_w - 2200.0).abs() < 20.0, "{load:?}");
            assert!((f64::from(load.runs) / (6 * days) as f64 - 1.0).abs() < 0.1, "{load:?}");
        }
    }
}
