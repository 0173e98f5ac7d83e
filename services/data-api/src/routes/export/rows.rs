//! What is exported, a stretch of time after the other.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use wattribute_domain::{CorrelationRecord, Level, Quantity, SeriesId, SeriesInfo};
use wattribute_service::Problem;
use wattribute_store::{CorrelationQuery, Result, Store};

use super::table::{Kind, Name, Table, Value};
use crate::routes::asked::Asked;
use crate::routes::known::{Known, extent_ms};
use crate::routes::series::{Units, mode};
use crate::routes::{Api, now};

const DAY_MS: i64 = 86_400_000;
/// Stretches of `interval` that are read at a time.
const BUCKETS: i64 = 2_000;

const READINGS: &[Name] = &[
    Name("timestamp", Kind::At),
    Name("source", Kind::Text),
    Name("device", Kind::Text),
    Name("name", Kind::Text),
    Name("quantity", Kind::Text),
    Name("unit", Kind::Text),
    Name("value", Kind::Number),
    Name("state", Kind::Text),
];
const MEANS: &[Name] = &[
    Name("timestamp", Kind::At),
    Name("source", Kind::Text),
    Name("device", Kind::Text),
    Name("name", Kind::Text),
    Name("quantity", Kind::Text),
    Name("unit", Kind::Text),
    Name("mean", Kind::Number),
    Name("min", Kind::Number),
    Name("max", Kind::Number),
    Name("covered", Kind::Number),
];
const CORRELATIONS: &[Name] = &[
    Name("timestamp", Kind::At),
    Name("entity_id", Kind::Text),
    Name("name", Kind::Text),
    Name("previous_state", Kind::Text),
    Name("state", Kind::Text),
    Name("power_before_w", Kind::Number),
    Name("power_after_w", Kind::Number),
    Name("power_delta_w", Kind::Number),
    Name("power_delta_pct", Kind::Number),
    Name("standard_error_w", Kind::Number),
    Name("explained_w", Kind::Number),
    Name("verdict", Kind::Text),
    Name("stage", Kind::Text),
];
const ENERGY: &[Name] = &[
    Name("timestamp", Kind::At),
    Name("device", Kind::Text),
    Name("name", Kind::Text),
    Name("energy_kwh", Kind::Number),
    Name("estimated", Kind::Flag),
];

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Readings,
    Means,
    Correlations,
    Energy,
}

impl What {
    /// Its name in the file's name.
    pub fn name(self) -> &'static str {
        match self {
            What::Readings | What::Means => "readings",
            What::Correlations => "correlations",
            What::Energy => "energy",
        }
    }
}

/// A series with what stands in each of its rows.
struct Who {
    id: SeriesId,
    info: SeriesInfo,
    source: Arc<str>,
    device: Arc<str>,
    name: Arc<str>,
    quantity: Arc<str>,
    unit: Arc<str>,
}

/// What is exported, read as it is needed.
pub struct Rows {
    store: Arc<dyn Store>,
    what: What,
    step_ms: i64,
    who: Vec<Who>,
    by_id: HashMap<SeriesId, usize>,
    /// Until when each series is known, ms since the epoch.
    until_ms: Vec<i64>,
    from_ms: i64,
    to_ms: i64,
    /// What of that there is anything of, ms since the epoch.
    begin_ms: i64,
    end_ms: i64,
    /// Where reading is: which series, and from which instant on, ms since the epoch; `None` before the first.
    at: Option<(usize, i64)>,
}

impl Rows {
    /// What a request asks for.
    pub async fn asked(api: &Api, asked: &Asked) -> std::result::Result<Self, Problem> {
        let (from_ms, to_ms) = asked.span()?;
        let step_ms = asked.interval_ms()?;
        let what = match (asked.one("what")?, step_ms) {
            (None | Some("readings"), None) => What::Readings,
            (None | Some("readings"), Some(_)) => What::Means,
            (Some("correlations"), None) => What::Correlations,
            (Some("energy"), None) => What::Energy,
            (Some("correlations" | "energy"), Some(_)) => {
                return Err(Problem::bad_parameter("interval: only readings are thinned; leave it out, or ask for what=readings"));
            }
            _ => return Err(Problem::bad_parameter("what: it is none of readings, correlations, energy")),
        };
        let all = api.store.series().await?;
        let chosen = asked.series(&all)?.unwrap_or(all);
        let now_ms = now().timestamp_millis();
        let known = Known::read(&*api.store, &chosen, now_ms).await?;
        let units = Units::read(&*api.store).await?;
        let who = |(id, info): (SeriesId, SeriesInfo)| Who {
            id,
            source: info.source.as_str().into(),
            device: info.device.as_str().into(),
            name: info.label().into(),
            quantity: info.quantity.name().into(),
            unit: units.of(info.quantity).unwrap_or_default().into(),
            info,
        };
        let who: Vec<Who> = chosen.into_iter().map(who).collect();
        let (first_ms, last_ms) = extent_ms(&*api.store).await?.unwrap_or((i64::MAX, i64::MIN));
        // Stretches begin at `from`: what lies before everything is passed over in whole ones.
        let step = step_ms.unwrap_or(3_600_000);
        let begin_ms = if first_ms > from_ms { from_ms + (first_ms.min(to_ms) - from_ms) / step * step } else { from_ms };
        let end_ms = to_ms.min(last_ms.max(now_ms).saturating_add(1));
        Ok(Rows {
            store: api.store.clone(),
            what,
            step_ms: step,
            by_id: who.iter().enumerate().map(|(k, who)| (who.id, k)).collect(),
            until_ms: who.iter().map(|who| known.until_ms(who.id)).collect(),
            who,
            from_ms,
            to_ms,
            begin_ms,
            end_ms: if first_ms > last_ms { begin_ms } else { end_ms },
            at: None,
        })
    }

    /// What is exported.
    pub fn what(&self) -> What {
        self.what
    }

    /// What was asked for, ms since the epoch.
    pub fn span_ms(&self) -> (i64, i64) {
        (self.from_ms, self.to_ms)
    }

    /// The columns.
    pub fn columns(&self) -> &'static [Name] {
        match self.what {
            What::Readings => READINGS,
            What::Means => MEANS,
            What::Correlations => CORRELATIONS,
            What::Energy => ENERGY,
        }
    }

    /// The next rows; first a table without any, for what stands before them. `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Table>> {
        let mut table = Table::new(self.columns());
        let Some((k, from_ms)) = self.at else {
            self.at = Some((0, self.begin_ms));
            return Ok(Some(table));
        };
        // Stretches without a row are passed over here, a few hundred at a time.
        let (mut k, mut from_ms) = (k, from_ms);
        for _ in 0..400 {
            let is_by_series = matches!(self.what, What::Readings | What::Means);
            let end_ms = if is_by_series { self.who.get(k).map_or(i64::MIN, |_| self.end_of(k)) } else { self.end_ms };
            if from_ms >= end_ms {
                k += 1;
                from_ms = self.begin_ms;
                if !is_by_series || k >= self.who.len() {
                    return Ok(None);
                }
                continue;
            }
            let until_ms = (from_ms + self.stretch_ms()).min(end_ms);
            match self.what {
                What::Readings => self.readings(k, from_ms, until_ms, &mut table).await?,
                What::Means => self.means(k, from_ms, until_ms, &mut table).await?,
                What::Correlations => self.correlations(from_ms, until_ms, &mut table).await?,
                What::Energy => self.energy(from_ms, until_ms, &mut table).await?,
            }
            from_ms = until_ms;
            if table.len() > 0 {
                break;
            }
        }
        self.at = Some((k, from_ms));
        Ok(Some(table))
    }

    fn end_of(&self, k: usize) -> i64 {
        match self.what {
            What::Means => self.until_ms.get(k).map_or(self.end_ms, |until_ms| self.end_ms.min(*until_ms)),
            _ => self.end_ms,
        }
    }

    /// How much is read at a time, ms.
    fn stretch_ms(&self) -> i64 {
        match self.what {
            What::Means => self.step_ms * BUCKETS,
            What::Energy => 30 * DAY_MS,
            What::Readings | What::Correlations => DAY_MS,
        }
    }

    async fn readings(&self, k: usize, from_ms: i64, to_ms: i64, table: &mut Table) -> Result<()> {
        let who = &self.who[k];
        let rows = self.store.readings(who.id, from_ms, to_ms).await?;
        let empty: Arc<str> = "".into();
        let modes: Vec<Arc<str>> = who.info.modes.iter().map(|mode| mode.as_str().into()).collect();
        for (&at_ms, &value) in rows.at_ms.iter().zip(&rows.value).filter(|(at_ms, _)| **at_ms >= from_ms) {
            let state = match who.info.quantity {
                Quantity::Level => mode(&who.info, value).and_then(|said| modes.iter().find(|mode| &***mode == said)),
                _ => None,
            };
            table.push([
                Value::At(at_ms),
                Value::Text(who.source.clone()),
                Value::Text(who.device.clone()),
                Value::Text(who.name.clone()),
                Value::Text(who.quantity.clone()),
                Value::Text(who.unit.clone()),
                Value::Number(value),
                Value::Text(state.unwrap_or(&empty).clone()),
            ]);
        }
        Ok(())
    }

    async fn means(&self, k: usize, from_ms: i64, to_ms: i64, table: &mut Table) -> Result<()> {
        let who = &self.who[k];
        for bucket in self.store.chart(who.id, from_ms, to_ms, self.step_ms).await? {
            let number = |number: f64| Value::Number(if bucket.covered > 0.0 { (number * 1e6).round() / 1e6 } else { f64::NAN });
            table.push([
                Value::At(bucket.from_ms),
                Value::Text(who.source.clone()),
                Value::Text(who.device.clone()),
                Value::Text(who.name.clone()),
                Value::Text(who.quantity.clone()),
                Value::Text(who.unit.clone()),
                number(bucket.mean),
                number(bucket.min),
                number(bucket.max),
                Value::Number((bucket.covered * 1e4).round() / 1e4),
            ]);
        }
        Ok(())
    }

    async fn correlations(&self, from_ms: i64, to_ms: i64, table: &mut Table) -> Result<()> {
        let query =
            CorrelationQuery { from_ms, to_ms, series: None, min_delta_w: 0.0, verdicts: None, limit: usize::MAX, newest_first: false };
        for record in self.store.correlations(query).await? {
            let Some(who) = self.by_id.get(&record.series).and_then(|k| self.who.get(*k)) else { continue };
            table.push(correlation(&record, who));
        }
        Ok(())
    }

    async fn energy(&self, from_ms: i64, to_ms: i64, table: &mut Table) -> Result<()> {
        for hour in self.store.energy(from_ms, to_ms).await? {
            let Some(who) = self.by_id.get(&hour.series).and_then(|k| self.who.get(*k)) else { continue };
            table.push([
                Value::At(hour.hour_ms),
                Value::Text(who.device.clone()),
                Value::Text(who.name.clone()),
                Value::Number(hour.energy_kwh),
                Value::Flag(hour.estimated),
            ]);
        }
        Ok(())
    }
}

fn correlation(record: &CorrelationRecord, who: &Who) -> [Value; 13] {
    let mode = |level: Level| Value::Text(who.info.modes.get(usize::from(level.mode)).map_or("on", String::as_str).into());
    let number = |number: f64| Value::Number((number * 100.0).round() / 100.0);
    [
        Value::At(record.at_ms),
        Value::Text(who.device.clone()),
        Value::Text(who.name.clone()),
        mode(record.from),
        mode(record.to),
        number(record.power_before_w),
        number(record.power_after_w),
        number(record.power_delta_w()),
        number(record.power_delta_pct()),
        number(record.standard_error_w),
        number(record.explained_w),
        word(&record.verdict),
        word(&record.stage),
    ]
}

/// A word as JSON writes it.
fn word(said: &impl Serialize) -> Value {
    let text = serde_json::to_value(said).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    Value::Text(text.into())
}
