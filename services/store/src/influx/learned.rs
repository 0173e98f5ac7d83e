//! Correlations: the measurement that owners know, with what we need beside.

use std::collections::BTreeMap;

use wattribute_domain::{CorrelationRecord, CorrelationVerdict, Level, SeriesId, SeriesInfo, Stage};

use super::client::{Client, Deletion, Space, number};
use super::line::Point;
use super::place::CORRELATION;
use super::table::{Cell, Table, at};
use super::{Influx, locked, read, write};
use crate::{CorrelationCounts, CorrelationQuery, Result};

/// Beyond a limit so many more are asked for: those of one instant come in no order.
const BEYOND: usize = 100;

const COLUMNS: &str = "\"power_before_w\", \"power_after_w\", \"standard_error_w\", \"explained_w\", \"verdict\", \"final\", \"others\", \
                       \"from_mode\", \"from_fraction\", \"to_mode\", \"to_fraction\"";

/// The word for a level: its mode.
pub fn state(info: &SeriesInfo, level: Level) -> Option<String> {
    if level.is_off() { Some("off".to_owned()) } else { info.modes.get(usize::from(level.mode)).cloned() }
}

fn word(verdict: CorrelationVerdict) -> &'static str {
    match verdict {
        CorrelationVerdict::Clean => "clean",
        CorrelationVerdict::Overlapping => "overlapping",
        CorrelationVerdict::Noisy => "noisy",
        CorrelationVerdict::NoData => "no_data",
    }
}

fn verdict(word: &str) -> CorrelationVerdict {
    match word {
        "clean" => CorrelationVerdict::Clean,
        "overlapping" => CorrelationVerdict::Overlapping,
        "noisy" => CorrelationVerdict::Noisy,
        _ => CorrelationVerdict::NoData,
    }
}

/// The point of a correlation of an entity, where that is known.
pub fn point(record: &CorrelationRecord, info: Option<&SeriesInfo>) -> Point {
    let others: Vec<String> = record.others.iter().map(|id| id.0.to_string()).collect();
    let state = |level| info.and_then(|info| state(info, level)).unwrap_or_default();
    Point::of(CORRELATION)
        .tag("series", record.series.0)
        .tag("entity_id", info.map(SeriesInfo::entity_id).unwrap_or_default())
        .tag("domain", info.map(SeriesInfo::domain).unwrap_or_default())
        .tag("state", state(record.to))
        .tag("previous_state", state(record.from))
        .field("power_before_w", record.power_before_w)
        .field("power_after_w", record.power_after_w)
        .field("power_delta_w", record.power_delta_w())
        .field("power_delta_pct", record.power_delta_pct())
        .field("standard_error_w", record.standard_error_w)
        .field("explained_w", record.explained_w)
        .field("verdict", word(record.verdict))
        .field("final", record.stage == Stage::Final)
        .field("others", others.join(",").as_str())
        .field("from_mode", i64::from(record.from.mode))
        .field("from_fraction", f64::from(record.from.fraction))
        .field("to_mode", i64::from(record.to.mode))
        .field("to_fraction", f64::from(record.to.fraction))
        .at(record.at_ms)
}

fn record(series: SeriesId, row: &[Cell]) -> Option<CorrelationRecord> {
    let level = |k: usize| Some(Level { mode: u16::try_from(row.get(k)?.whole()?).ok()?, fraction: number(row.get(k + 1)) as f32 });
    let others = row.get(7).and_then(Cell::text).unwrap_or_default();
    Some(CorrelationRecord {
        series,
        at_ms: at(row)?,
        from: level(8)?,
        to: level(10)?,
        power_before_w: number(row.get(1)),
        power_after_w: number(row.get(2)),
        standard_error_w: number(row.get(3)),
        explained_w: number(row.get(4)),
        verdict: verdict(row.get(5).and_then(Cell::text).unwrap_or_default()),
        others: others.split(',').filter_map(|id| id.parse().ok()).map(SeriesId).collect(),
        stage: if row.get(6) == Some(&Cell::Flag(true)) { Stage::Final } else { Stage::Provisional },
    })
}

/// Steps of at least so much, up or down.
fn stands_out(min_delta_w: f64) -> String {
    format!("(\"power_delta_w\" >= {min_delta_w} OR \"power_delta_w\" <= -{min_delta_w})")
}

pub async fn correlations(client: &Client, query: &CorrelationQuery) -> Result<Vec<CorrelationRecord>> {
    let (from_ms, to_ms) = (read::within(query.from_ms), read::within(query.to_ms));
    let mut condition = format!("\"series\" != '' AND time >= {from_ms}ms AND time < {to_ms}ms");
    if query.min_delta_w > 0.0 {
        condition.push_str(&format!(" AND {}", stands_out(query.min_delta_w)));
    }
    if let Some(wanted) = &query.verdicts {
        let any: Vec<String> = wanted.iter().map(|v| format!("\"verdict\" = '{}'", word(*v))).collect();
        if any.is_empty() {
            return Ok(Vec::new());
        }
        condition.push_str(&format!(" AND ({})", any.join(" OR ")));
    }
    let order = if query.newest_first { " ORDER BY time DESC" } else { "" };
    let limit = if query.limit < 100_000 { format!(" LIMIT {}", query.limit + BEYOND) } else { String::new() };
    // A long list would not fit into an address; each part has the limit of the whole.
    let parts: Vec<String> = match &query.series {
        None => vec![String::new()],
        Some(ids) => ids
            .chunks(100)
            .map(|some| {
                let any: Vec<String> = some.iter().map(|id| format!("\"series\" = '{}'", id.0)).collect();
                format!(" AND ({})", any.join(" OR "))
            })
            .collect(),
    };
    let mut found = Vec::new();
    for part in parts {
        let select = format!("SELECT {COLUMNS}, \"series\" FROM \"{CORRELATION}\" WHERE {condition}{part}{order}{limit}");
        for row in client.query(Space::Main, &select).await?.iter().flatten().flat_map(|table| &table.rows) {
            let series = row.get(12).and_then(Cell::text).and_then(|id| id.parse().ok()).map(SeriesId);
            found.extend(series.and_then(|series| record(series, row)));
        }
    }
    found.sort_by_key(|r| (r.at_ms, r.series));
    if query.newest_first {
        found.reverse();
    }
    found.truncate(query.limit);
    Ok(found)
}

pub async fn counts(client: &Client, from_ms: i64, min_delta_w: f64) -> Result<CorrelationCounts> {
    let from_ms = read::within(from_ms);
    let count =
        |more: &str| format!("SELECT count(\"verdict\") FROM \"{CORRELATION}\" WHERE \"series\" != '' AND time >= {from_ms}ms{more}");
    let stands_out = stands_out(min_delta_w.max(0.0));
    let clean = format!(" AND \"verdict\" = 'clean' AND {stands_out}");
    let query = [count(""), count(&clean), count(&format!("{clean} AND \"final\" = true"))].join(";");
    let found = client.query(Space::Main, &query).await?;
    let number = |k: usize| {
        let row = found.get(k).into_iter().flatten().flat_map(|table: &Table| &table.rows).next();
        row.and_then(|row| row.get(1)?.whole()).and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
    };
    Ok(CorrelationCounts { events: number(0), correlations: number(1), finals: number(2) })
}

/// Whether two records say the same, `NaN` being like `NaN`.
pub fn same(a: &CorrelationRecord, b: &CorrelationRecord) -> bool {
    let numbers = |r: &CorrelationRecord| {
        let like = |n: f64| if n.is_finite() { n } else { f64::NAN };
        [r.power_before_w, r.power_after_w, r.standard_error_w, r.explained_w].map(|n| like(n).to_bits())
    };
    let rest = |r: &CorrelationRecord| (r.series, r.at_ms, r.from, r.to, r.verdict, r.others.clone(), r.stage);
    numbers(a) == numbers(b) && rest(a) == rest(b)
}

/// Whether the point of `new` takes the place of that of `old`: with other states it would stand beside it, and what it lacks would stay.
pub fn covers(new: &CorrelationRecord, old: &CorrelationRecord) -> bool {
    let lacks = |r: &CorrelationRecord| {
        [r.power_before_w, r.power_after_w, r.standard_error_w, r.explained_w, r.power_delta_pct()].map(f64::is_finite)
    };
    (new.from.mode, new.to.mode) == (old.from.mode, old.to.mode) && lacks(new) == lacks(old)
}

impl Influx {
    pub(super) async fn replace_steps(&self, from_ms: i64, to_ms: i64, records: &[CorrelationRecord]) -> Result<()> {
        let client = self.client().await?;
        if records.iter().any(|r| !locked(&self.known).contains_key(&r.series)) {
            self.load_series().await?;
        }
        let infos = locked(&self.known).clone();
        let _turn = self.writing.lock().await;
        let mut before = correlations(client, &CorrelationQuery::all(from_ms, to_ms)).await?;
        // What is written outside the span replaces what is there as well.
        for record in records.iter().filter(|r| !(from_ms..to_ms).contains(&r.at_ms)) {
            let only = CorrelationQuery { series: Some(vec![record.series]), ..CorrelationQuery::all(record.at_ms, record.at_ms + 1) };
            before.extend(correlations(client, &only).await?);
        }
        let new: BTreeMap<(i64, SeriesId), &CorrelationRecord> = records.iter().map(|r| ((r.at_ms, r.series), r)).collect();
        let (mut goes, mut stays) = (Vec::new(), std::collections::BTreeSet::new());
        for old in &before {
            match new.get(&(old.at_ms, old.series)) {
                Some(record) if same(old, record) => {
                    stays.insert((old.at_ms, old.series));
                }
                Some(record) if covers(record, old) && infos.get(&old.series).is_none_or(|known| !known.retagged) => {}
                _ => goes.push(Deletion::of(CORRELATION, "series", old.series.0).within(old.at_ms, old.at_ms + 1)),
            }
        }
        let points: Vec<Point> = new
            .iter()
            .filter(|(key, _)| !stays.contains(*key))
            .map(|(_, record)| point(record, infos.get(&record.series).map(|known| &known.info)))
            .collect();
        client.delete(Space::Main, &goes).await?;
        write::keep(client, Space::Main, &points).await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use wattribute_domain::Quantity;

    #[test]
    fn a_correlation_has_the_names_that_users_know() {
        let mut lamp = SeriesInfo::new("home_assistant", "light.hall", Quantity::Level);
        lamp.mode("on");
        let record = CorrelationRecord {
            series: SeriesId(3),
            at_ms: 5000,
            from: Level::off(),
            to: Level { mode: 1, fraction: 1.0 },
            power_before_w: 100.0,
            power_after_w: 160.0,
            standard_error_w: f64::NAN,
            explained_w: 59.0,
            verdict: CorrelationVerdict::Clean,
            others: vec![SeriesId(4), SeriesId(70_000)],
            stage: Stage::Final,
        };
        let line = point(&record, Some(&lamp)).line().unwrap();
        let begin = "event_energy_correlation,domain=light,entity_id=light.hall,previous_state=off,series=3,state=on \
                     power_before_w=100,power_after_w=160,power_delta_w=60,power_delta_pct=60,explained_w=59,verdict=\"clean\",final=true";
        assert!(line.starts_with(begin) && line.ends_with(" 5000"), "{line}");
        assert!(point(&record, None).line().unwrap().starts_with("event_energy_correlation,series=3 "));
    }
}
