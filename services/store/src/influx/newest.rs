//! The newest row of each series: looked for everywhere once, and from then on where the logs say that something changed.

use std::collections::BTreeMap;

use wattribute_domain::{Reading, SeriesId};

use super::client::Client;
use super::place::{Place, SILENT};
use super::series::Known;
use super::table::{Cell, at};
use super::{Influx, heads, locked, log};
use crate::Result;

/// A write may be seen so much later than its time says, ns.
const LATE_NS: i64 = 5_000_000_000;

/// Where the newest rows are looked for first, ms.
const LATELY_MS: i64 = 2 * 86_400_000;

type Rows = BTreeMap<SeriesId, (i64, f64)>;

/// What was found.
#[derive(Clone, Debug)]
pub struct Newest {
    rows: Rows,
    /// The first instant of all readings, ms; where the first were erased since, what was the first. `None` without any.
    first_ms: Option<i64>,
    /// What the logs say up to this time of the server is in it, ns.
    log_ns: i64,
}

impl Influx {
    pub(super) async fn newest(&self) -> Result<Vec<Reading>> {
        let rows = self.look_for_newest().await?.rows;
        let known = locked(&self.known);
        let reading = |(series, (at_ms, value))| Reading { series, at_ms, value };
        Ok(rows.into_iter().filter(|(id, _)| known.contains_key(id)).map(reading).collect())
    }

    /// First and last instant of all readings.
    pub(super) async fn everything(&self) -> Result<Option<(i64, i64)>> {
        let now = self.look_for_newest().await?;
        let last_ms = now.rows.values().map(|(at_ms, _)| *at_ms).max();
        Ok(now.first_ms.zip(last_ms).map(|(first_ms, last_ms)| (first_ms.min(last_ms), last_ms)))
    }

    async fn look_for_newest(&self) -> Result<Newest> {
        self.load_series().await?;
        let client = self.client().await?;
        let seen = locked(&self.newest).clone();
        let now = match seen {
            Some(seen) => match self.again(client, seen).await? {
                Some(now) => now,
                None => self.everywhere(client).await?,
            },
            None => self.everywhere(client).await?,
        };
        *locked(&self.newest) = Some(now.clone());
        Ok(now)
    }

    async fn everywhere(&self, client: &Client) -> Result<Newest> {
        let log_ns = log::newest(client).await?;
        // What speaks, speaks daily; only for the rest years are looked through.
        let mut found = self.last_rows(&format!(" AND time >= {}ms", chrono::Utc::now().timestamp_millis() - LATELY_MS)).await?;
        let rest: Vec<String> =
            locked(&self.known).keys().filter(|id| !found.contains_key(id)).map(|id| format!("\"series\" = '{}'", id.0)).collect();
        for some in rest.chunks(50) {
            found.extend(self.last_rows(&format!(" AND ({})", some.join(" OR "))).await?);
        }
        let first_ms = self.first_ms(client).await?;
        let forgotten = heads::newest_forgotten(client).await?;
        let mut rows: Rows = forgotten.into_iter().map(|(id, head)| (id, (head.last_ms, head.last))).collect();
        for (id, row) in found {
            if rows.get(&id).is_none_or(|before| row.0 >= before.0) {
                rows.insert(id, row);
            }
        }
        Ok(Newest { rows, first_ms, log_ns })
    }

    /// What changed since; `None` where a newest row is gone, and the one before it must be looked for.
    async fn again(&self, client: &Client, seen: Newest) -> Result<Option<Newest>> {
        let (log_ns, changed) = log::changes(client, seen.log_ns - LATE_NS).await?;
        let Some(&(from_ms, _)) = changed.first() else { return Ok(Some(seen)) };
        let found = self.last_rows(&format!(" AND time >= {from_ms}ms")).await?;
        let mut rows = seen.rows;
        if rows.iter().any(|(id, (at_ms, _))| *at_ms >= from_ms && !found.contains_key(id)) {
            return Ok(None);
        }
        rows.extend(found);
        let first_ms = Some(seen.first_ms.map_or(from_ms, |first_ms| first_ms.min(from_ms)));
        Ok(Some(Newest { rows, first_ms, log_ns }))
    }

    async fn first_ms(&self, client: &Client) -> Result<Option<i64>> {
        let of = |place: &Place| {
            let begin = format!("SELECT \"{}\", \"{SILENT}\" FROM \"{}\"", place.field, place.measurement);
            format!("{begin} WHERE \"series\" != '' ORDER BY time LIMIT 1")
        };
        let (found, forgotten) = tokio::try_join!(self.of_each_place(of), heads::first_forgotten_ms(client))?;
        Ok(found.iter().flatten().flat_map(|table| &table.rows).filter_map(|row| at(row)).chain(forgotten).min())
    }

    /// The newest readings that meet a condition.
    async fn last_rows(&self, condition: &str) -> Result<Rows> {
        let of = |place: &Place| {
            let last = |field: &str| {
                format!("SELECT last(\"{field}\") FROM \"{}\" WHERE \"series\" != ''{condition} GROUP BY \"series\"", place.measurement)
            };
            format!("{};{}", last(&place.field), last(SILENT))
        };
        let found = self.of_each_place(of).await?;
        let known: BTreeMap<SeriesId, Known> = locked(&self.known).clone();
        let mut rows = Rows::new();
        for table in found.iter().flatten() {
            let Some((id, row)) = table.series().map(SeriesId).zip(table.rows.first()) else { continue };
            // `silent` is asked for at each field of a measurement; it counts for all of its series alike.
            let Some(at_ms) = at(row).filter(|_| known.get(&id).is_some_and(|known| known.place.measurement == table.name)) else {
                continue;
            };
            let value = row.get(1).and_then(Cell::number).unwrap_or(f64::NAN);
            if rows.get(&id).is_none_or(|(before, _)| at_ms >= *before) {
                rows.insert(id, (at_ms, value));
            }
        }
        Ok(rows)
    }
}
