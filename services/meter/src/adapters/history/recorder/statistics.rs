//! Long-term statistics: an hour a row, which outlive the states.

use std::collections::HashMap;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use wattribute_domain::{Statistic, StatisticRow};

use super::super::collector::Collector;
use super::super::time;
use super::schema::Schema;

/// Reads the statistics of power and energy; what could be read before an error is kept.
pub(super) fn read(database: &Connection, schema: &Schema, collector: &mut Collector) -> rusqlite::Result<()> {
    if !schema.has("statistics", "metadata_id") || !schema.has("statistics_meta", "statistic_id") {
        return Ok(());
    }
    let mut wanted: HashMap<i64, Statistic> = HashMap::new();
    let mut statement =
        database.prepare("SELECT id, statistic_id, unit_of_measurement FROM statistics_meta WHERE statistic_id IS NOT NULL")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (entity_id, unit): (String, Option<String>) = (row.get(1)?, row.get(2)?);
        if collector.wants_statistics_of(&entity_id, unit.as_deref()) {
            wanted.insert(row.get(0)?, Statistic { entity_id, unit, rows: Vec::new() });
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let read = hours(database, schema, &mut wanted);
    let mut wanted: Vec<Statistic> = wanted.into_values().filter(|statistic| !statistic.rows.is_empty()).collect();
    wanted.sort_by(|a, b| a.entity_id.cmp(&b.entity_id));
    wanted.into_iter().for_each(|statistic| collector.statistic(statistic));
    read
}

fn hours(database: &Connection, schema: &Schema, wanted: &mut HashMap<i64, Statistic>) -> rusqlite::Result<()> {
    let column = |name| schema.column("statistics", name);
    let columns = ["start_ts", "start", "mean", "min", "sum"].map(column).join(", ");
    let mut statement = database.prepare(&format!("SELECT metadata_id, {columns} FROM statistics"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let ValueRef::Integer(id) = row.get_ref(0)? else { continue };
        let Some(statistic) = wanted.get_mut(&id) else { continue };
        let start_ms = match (row.get_ref(1)?, row.get_ref(2)?) {
            (ValueRef::Real(seconds), _) => time::from_seconds(seconds),
            (ValueRef::Integer(seconds), _) => time::from_seconds(seconds as f64),
            (_, ValueRef::Text(text)) => time::parse(text).map(|instant| instant.at_ms),
            _ => None,
        };
        let Some(start_ms) = start_ms else { continue };
        let number = |k| {
            row.get_ref(k).map(|value| match value {
                ValueRef::Real(number) => Some(number).filter(|n| n.is_finite()),
                ValueRef::Integer(number) => Some(number as f64),
                _ => None,
            })
        };
        statistic.rows.push(StatisticRow { start_ms, mean: number(3)?, min: number(4)?, sum: number(5)? });
    }
    Ok(())
}
