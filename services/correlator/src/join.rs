//! From a look of the engine to rows of the store: the one way, live and when catching up.

use std::collections::BTreeMap;

use wattribute_analysis::{LiveLook, Model, find_house};
use wattribute_domain::{CorrelationRecord, History, Series, SeriesId};
use wattribute_store::{CorrelationQuery, Result, Store};

use crate::catalogue::Catalogue;

/// What a look over a stretch found.
#[derive(Clone, Debug, Default)]
pub struct Joined {
    /// The house's power, W.
    pub power: Series,
    /// Rows, in order of time.
    pub records: Vec<CorrelationRecord>,
    /// When the next window closes, ms.
    pub next_close_ms: Option<i64>,
}

/// Joins what entities did in `history` with the power of the house.
pub fn join(catalogue: &Catalogue, model: &Model, meter: &str, mut history: History, until_ms: i64) -> Joined {
    let power = find_house(&mut history, Some(meter), None).map(|house| house.power).unwrap_or_default();
    let look = model.look(&power, &history.entities, until_ms);
    let next_close_ms = look.next_close_ms;
    Joined { records: records(catalogue, &history, look), power, next_close_ms }
}

fn records(catalogue: &Catalogue, history: &History, look: LiveLook) -> Vec<CorrelationRecord> {
    let ids: Vec<Option<SeriesId>> = history.entities.iter().map(|e| catalogue.level_named(&e.entity_id)).collect();
    let id = |k: u32| ids.get(k as usize).copied().flatten();
    let record = |found: wattribute_analysis::LiveCorrelation| {
        let c = found.correlation;
        Some(CorrelationRecord {
            series: id(c.entity)?,
            at_ms: c.at_ms,
            from: c.from,
            to: c.to,
            power_before_w: c.power_before_w,
            power_after_w: c.power_after_w,
            standard_error_w: c.standard_error_w,
            explained_w: c.explained_w,
            verdict: c.verdict,
            others: found.others.into_iter().filter_map(id).collect(),
            stage: found.stage,
        })
    };
    look.correlations.into_iter().filter_map(record).collect()
}

/// Whether two rows say the same to a reader: what is explained may move a little with every day learned.
pub fn same(a: &CorrelationRecord, b: &CorrelationRecord) -> bool {
    let near = |x: f64, y: f64, slack: f64| (x.is_nan() && y.is_nan()) || (x - y).abs() <= slack;
    (a.series, a.at_ms, a.verdict, a.stage) == (b.series, b.at_ms, b.verdict, b.stage)
        && (a.from.to_number() - b.from.to_number()).abs() < 1e-3
        && (a.to.to_number() - b.to.to_number()).abs() < 1e-3
        && a.others == b.others
        && near(a.power_before_w, b.power_before_w, 0.05)
        && near(a.power_after_w, b.power_after_w, 0.05)
        && near(a.standard_error_w, b.standard_error_w, 0.05)
        && near(a.explained_w, b.explained_w, 1.0 + 0.01 * a.explained_w.abs())
}

/// Makes the store hold these rows and no others in `[from_ms, to_ms)`; rows that say the same are left as they are.
pub async fn keep(store: &dyn Store, from_ms: i64, to_ms: i64, records: Vec<CorrelationRecord>) -> Result<()> {
    let all = CorrelationQuery::all(from_ms, to_ms);
    let there: BTreeMap<(i64, SeriesId), CorrelationRecord> =
        store.correlations(all).await?.into_iter().map(|r| ((r.at_ms, r.series), r)).collect();
    let wanted: BTreeMap<(i64, SeriesId), CorrelationRecord> = records.into_iter().map(|r| ((r.at_ms, r.series), r)).collect();
    let unchanged = there.len() == wanted.len() && there.values().zip(wanted.values()).all(|(a, b)| same(a, b));
    if !unchanged {
        store.replace_correlations(from_ms, to_ms, wanted.into_values().collect()).await?;
    }
    Ok(())
}
