//! What was said.

use std::collections::{BTreeMap, BTreeSet};

use wattribute_domain::{Reading, Series, SeriesId};

use super::client::{Client, Space, number, questions};
use super::place::{Place, SILENT};
use super::table::{Cell, Table, at};
use super::{INSTANTS, Influx, heads, locked};
use crate::Result;
use crate::held::{BLOCK_MS, block_of};
use crate::rows::overlay;

const DAY_MS: i64 = 86_400_000;

/// An instant that InfluxDB can hold.
pub fn within(at_ms: i64) -> i64 {
    at_ms.clamp(INSTANTS.start, INSTANTS.end)
}

/// The start of a query for rows of a place; conditions follow.
pub fn select(place: &Place) -> String {
    format!("SELECT \"{}\", \"{SILENT}\" FROM \"{}\" WHERE", place.field, place.measurement)
}

/// Rows of one series of a place in `[from_ms, to_ms)`.
pub fn select_range(place: &Place, series: SeriesId, from_ms: i64, to_ms: i64) -> String {
    format!("{} \"series\" = '{}' AND time >= {from_ms}ms AND time < {to_ms}ms", select(place), series.0)
}

/// What a row says: `NaN` where it begins silence; `None` where it is of something else.
pub fn value(row: &[Cell]) -> Option<f64> {
    if row.get(2) == Some(&Cell::Flag(true)) {
        return Some(f64::NAN);
    }
    Some(number(row.get(1))).filter(|value| value.is_finite())
}

/// Rows of what [`select`] finds of one series, in order; of two of one instant the last.
pub fn rows(found: &[Vec<Table>]) -> Series {
    let mut rows = Series::default();
    for row in found.iter().flatten().flat_map(|table| &table.rows) {
        if let (Some(at_ms), Some(value)) = (at(row), value(row)) {
            if rows.at_ms.last() == Some(&at_ms) {
                rows.at_ms.pop();
                rows.value.pop();
            }
            rows.push(at_ms, value);
        }
    }
    rows
}

/// Raw rows in `[from_ms, to_ms)`, and the last before: most series said something within the day, and a year is not looked through for it.
async fn raw(client: &Client, series: SeriesId, place: &Place, from_ms: i64, to_ms: i64) -> Result<(Series, Option<(i64, f64)>)> {
    let last = |since: &str| {
        let begin = format!("{} \"series\" = '{}' AND time < {from_ms}ms", select(place), series.0);
        format!("{begin}{since} ORDER BY time DESC LIMIT 1")
    };
    let of_the_day = last(&format!(" AND time >= {}ms", within(from_ms - DAY_MS)));
    let found = client.query(Space::Main, &format!("{};{of_the_day}", select_range(place, series, from_ms, to_ms))).await?;
    let inside = found.get(..1).map(rows).unwrap_or_default();
    let mut before = found.get(1..).map(rows).unwrap_or_default();
    if before.is_empty() {
        before = rows(&client.query(Space::Main, &last("")).await?);
    }
    Ok((inside, before.at_ms.first().copied().zip(before.value.first().copied())))
}

/// The later of two rows; the first where both are of one instant.
pub fn later(a: Option<(i64, f64)>, b: Option<(i64, f64)>) -> Option<(i64, f64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if a.0 >= b.0 { a } else { b }),
        (a, b) => a.or(b),
    }
}

impl Influx {
    pub(super) async fn read(&self, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Series> {
        let (from_ms, to_ms) = (within(from_ms), within(to_ms));
        let Some(known) = self.known(series).await?.filter(|_| from_ms < to_ms) else { return Ok(Series::default()) };
        let client = self.client().await?;
        let first_block = within(block_of(from_ms));
        let (raw, forgotten) = tokio::try_join!(
            raw(client, series, &known.place, from_ms.saturating_add(1), to_ms),
            heads::forgotten(client, series, first_block, to_ms)
        )?;
        let ((mut rows, mut before), (forgotten, earlier)) = (raw, forgotten);
        if !forgotten.is_empty() {
            // Readings that are still there where a block is forgotten already are about to go.
            let gone: Vec<(i64, i64)> = forgotten.iter().map(|head| (head.start_ms, head.start_ms + BLOCK_MS)).collect();
            rows = crate::rows::without(rows, &gone);
            before = before.filter(|(at_ms, _)| !gone.iter().any(|(a, b)| a <= at_ms && at_ms < b));
            let stand_ins = heads::rows_of(client, series, &forgotten).await?;
            let begin = stand_ins.at_ms.partition_point(|at| *at <= from_ms);
            let held = begin.checked_sub(1).map(|k| (stand_ins.at_ms[k], stand_ins.value[k]));
            before = later(before, held);
            let end = stand_ins.at_ms.partition_point(|at| *at < to_ms);
            let stand_ins = Series { at_ms: stand_ins.at_ms[begin..end].to_vec(), value: stand_ins.value[begin..end].to_vec() };
            rows = overlay(stand_ins, &rows);
        }
        before = later(before, earlier.map(|head| (head.last_ms, head.last)));
        if let Some((at_ms, value)) = before {
            rows.at_ms.insert(0, at_ms);
            rows.value.insert(0, value);
        }
        Ok(rows)
    }

    /// Statements that ask each place of any series; they find what is grouped by series.
    pub(super) async fn of_each_place(&self, statement: impl Fn(&Place) -> String) -> Result<Vec<Vec<Table>>> {
        let client = self.client().await?;
        let places: BTreeSet<Place> = locked(&self.known).values().map(|known| known.place.clone()).collect();
        let mut found = Vec::new();
        let statements: Vec<String> = places.iter().map(statement).collect();
        for question in questions(statements.iter().map(String::as_str)) {
            found.extend(client.query(Space::Main, &question).await?);
        }
        Ok(found)
    }

    pub(super) async fn read_all(&self, from_ms: i64, to_ms: i64) -> Result<Vec<Reading>> {
        let (from_ms, to_ms) = (within(from_ms), within(to_ms));
        self.load_series().await?;
        if from_ms >= to_ms {
            return Ok(Vec::new());
        }
        let client = self.client().await?;
        let forgotten_ms = heads::newest_forgotten(client).await?.into_iter().map(|(_, head)| head.start_ms + BLOCK_MS).max();
        let mut all = Vec::new();
        if forgotten_ms.is_some_and(|end_ms| from_ms < end_ms) {
            let ids: Vec<SeriesId> = locked(&self.known).keys().copied().collect();
            for series in ids {
                let rows = self.read(series, from_ms, to_ms).await?;
                let said = rows.at_ms.iter().zip(&rows.value).filter(|(at_ms, _)| **at_ms >= from_ms);
                all.extend(said.map(|(&at_ms, &value)| Reading { series, at_ms, value }));
            }
            return Ok(all);
        }
        let of =
            |place: &Place| format!("{} \"series\" != '' AND time >= {from_ms}ms AND time < {to_ms}ms GROUP BY \"series\"", select(place));
        let found = self.of_each_place(of).await?;
        let fields: BTreeMap<SeriesId, String> = locked(&self.known).iter().map(|(id, known)| (*id, known.place.field.clone())).collect();
        for table in found.iter().flatten() {
            let Some(series) = table.series().map(SeriesId) else { continue };
            // A measurement with several fields is asked once for each.
            if fields.get(&series).map(String::as_str) == table.columns.get(1).map(String::as_str) {
                let rows = rows(&[vec![table.clone()]]);
                all.extend(rows.at_ms.iter().zip(&rows.value).map(|(&at_ms, &value)| Reading { series, at_ms, value }));
            }
        }
        all.sort_by_key(|r| (r.series, r.at_ms));
        Ok(all)
    }
}
