//! What is known of closed blocks without reading them: a head each, and cells of ten minutes; once a block is forgotten, of minutes as well.
//!
//! While a block's readings are there its head only spares work, and goes when anything is written into the block. Of a forgotten block the cells
//! (or, of a counter, the rows that were kept) are what there is; before anything is written into it, they become readings again.

use std::collections::BTreeMap;

use wattribute_domain::{Series, SeriesId};

use super::client::{Client, Deletion, Space, number};
use super::line::Point;
use super::place::SILENT;
use super::series::Known;
use super::table::{Cell, at};
use super::{Influx, locked};
use crate::Result;
use crate::held::{BLOCK_MS, Held, MINUTE_MS, TEN_MINUTES_MS, cells, stand_ins, whole};

const HEAD: &str = "wattribute_head";
const MINUTE: &str = "wattribute_minute";
const TEN_MINUTES: &str = "wattribute_ten_minutes";
/// What is kept of counters.
const COUNTER: &str = "wattribute_counter";
/// From this many rows on a block has cells: with fewer its rows are read as quickly.
const WITH_CELLS: usize = 96;
/// For so long the end of what has heads is remembered.
const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(60);

/// The head of a block.
#[derive(Clone, Debug)]
pub struct Head {
    /// Start of the block, ms.
    pub start_ms: i64,
    /// Its first row, ms.
    pub first_ms: i64,
    /// Its last row, ms.
    pub last_ms: i64,
    /// What its last row says.
    pub last: f64,
    /// What it holds from its first row on.
    pub held: Held,
    /// Whether it has cells of ten minutes.
    pub has_cells: bool,
    /// Whether its readings are gone.
    pub is_forgotten: bool,
    /// Whether it is a counter, of which some rows are kept.
    pub is_thinned: bool,
}

const COLUMNS: &str =
    "\"first_ms\", \"last_ms\", \"last\", \"min\", \"max\", \"integral\", \"covered_ms\", \"has_cells\", \"forgotten\", \"thinned\"";

fn head(row: &[Cell]) -> Option<Head> {
    let flag = |k: usize| row.get(k) == Some(&Cell::Flag(true));
    Some(Head {
        start_ms: at(row)?,
        first_ms: row.get(1)?.whole()?,
        last_ms: row.get(2)?.whole()?,
        last: number(row.get(3)),
        held: Held { min: number(row.get(4)), max: number(row.get(5)), integral: number(row.get(6)), covered_ms: row.get(7)?.whole()? },
        has_cells: flag(8),
        is_forgotten: flag(9),
        is_thinned: flag(10),
    })
}

impl Head {
    /// Of a block with these rows.
    pub fn of(rows: &Series, start_ms: i64) -> Option<Head> {
        let (&first_ms, &last_ms, &last) = (rows.at_ms.first()?, rows.at_ms.last()?, rows.value.last()?);
        let has_cells = rows.len() >= WITH_CELLS;
        let held = whole(rows, start_ms + BLOCK_MS);
        Some(Head { start_ms, first_ms, last_ms, last, held, has_cells, is_forgotten: false, is_thinned: false })
    }

    /// Its point.
    pub fn point(&self, series: SeriesId) -> Point {
        Point::of(HEAD)
            .tag("series", series.0)
            .field("first_ms", self.first_ms)
            .field("last_ms", self.last_ms)
            .field("last", self.last)
            .field("min", self.held.min)
            .field("max", self.held.max)
            .field("integral", self.held.integral)
            .field("covered_ms", self.held.covered_ms)
            .field("has_cells", self.has_cells)
            .field("forgotten", self.is_forgotten)
            .field("thinned", self.is_thinned)
            .at(self.start_ms)
    }
}

/// Heads of a series that begin in `[from_ms, to_ms)` and meet a condition (InfluxQL, may be empty), in order.
pub async fn heads(client: &Client, series: SeriesId, from_ms: i64, to_ms: i64, condition: &str) -> Result<Vec<Head>> {
    let id = series.0;
    let query =
        format!("SELECT {COLUMNS} FROM \"{HEAD}\" WHERE \"series\" = '{id}' AND time >= {from_ms}ms AND time < {to_ms}ms{condition}");
    let found = client.query(Space::Ours, &query).await?;
    Ok(found.iter().flatten().flat_map(|table| &table.rows).filter_map(|row| head(row)).collect())
}

/// Only forgotten ones.
pub const FORGOTTEN: &str = " AND \"forgotten\" = true";

/// Forgotten heads of a series in `[from_ms, to_ms)`, and the last before.
pub async fn forgotten(client: &Client, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<(Vec<Head>, Option<Head>)> {
    let begin = format!("SELECT {COLUMNS} FROM \"{HEAD}\" WHERE \"series\" = '{}'{FORGOTTEN} AND time", series.0);
    let query = format!("{begin} >= {from_ms}ms AND time < {to_ms}ms;{begin} < {from_ms}ms ORDER BY time DESC LIMIT 1");
    let found = client.query(Space::Ours, &query).await?;
    let heads = |statement: usize| found.get(statement).into_iter().flatten().flat_map(|table| &table.rows).filter_map(|row| head(row));
    Ok((heads(0).collect(), heads(1).next()))
}

/// The newest forgotten head of each series, and the first row of the oldest.
pub async fn newest_forgotten(client: &Client) -> Result<Vec<(SeriesId, Head)>> {
    let query = format!("SELECT {COLUMNS} FROM \"{HEAD}\" WHERE \"forgotten\" = true GROUP BY \"series\" ORDER BY time DESC LIMIT 1");
    let found = client.query(Space::Ours, &query).await?;
    let of = |table: &super::table::Table| Some((SeriesId(table.series()?), head(table.rows.first()?)?));
    Ok(found.iter().flatten().filter_map(of).collect())
}

/// The first row of all that is forgotten, ms.
pub async fn first_forgotten_ms(client: &Client) -> Result<Option<i64>> {
    let query =
        format!("SELECT \"first_ms\", \"forgotten\" FROM \"{HEAD}\" WHERE \"forgotten\" = true GROUP BY \"series\" ORDER BY time LIMIT 1");
    let found = client.query(Space::Ours, &query).await?;
    Ok(found.iter().flatten().flat_map(|table| &table.rows).filter_map(|row| row.get(1)?.whole()).min())
}

/// Cells of a series within `[from_ms, to_ms)`, block by block; a block has all its cells, or is not there.
async fn cells_of(client: &Client, fine: bool, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<BTreeMap<i64, Vec<Held>>> {
    let (space, measurement, cell_ms) =
        if fine { (Space::Minutes, MINUTE, MINUTE_MS) } else { (Space::TenMinutes, TEN_MINUTES, TEN_MINUTES_MS) };
    let query = format!(
        "SELECT \"min\", \"max\", \"integral\", \"covered_ms\" FROM \"{measurement}\" WHERE \"series\" = '{}' AND time >= {from_ms}ms AND time < {to_ms}ms",
        series.0
    );
    let mut blocks: BTreeMap<i64, Vec<Held>> = BTreeMap::new();
    for row in client.query(space, &query).await?.iter().flatten().flat_map(|table| &table.rows) {
        let Some((at_ms, covered_ms)) = at(row).zip(row.get(4).and_then(Cell::whole)) else { continue };
        let start_ms = crate::held::block_of(at_ms);
        let block = blocks.entry(start_ms).or_insert_with(|| vec![Held::NOTHING; (BLOCK_MS / cell_ms) as usize]);
        if let Some(cell) = block.get_mut(((at_ms - start_ms) / cell_ms) as usize) {
            *cell = Held { min: number(row.get(1)), max: number(row.get(2)), integral: number(row.get(3)), covered_ms };
        }
    }
    Ok(blocks)
}

/// Cells of ten minutes of a series within `[from_ms, to_ms)`, block by block.
pub async fn ten_minutes(client: &Client, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<BTreeMap<i64, Vec<Held>>> {
    cells_of(client, false, series, from_ms, to_ms).await
}

/// Cells of the finest rollup of forgotten blocks, with their length in ms.
pub async fn rollups(client: &Client, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<BTreeMap<i64, (Vec<Held>, i64)>> {
    let (fine, coarse) = tokio::try_join!(cells_of(client, true, series, from_ms, to_ms), cells_of(client, false, series, from_ms, to_ms))?;
    let mut all: BTreeMap<i64, (Vec<Held>, i64)> = coarse.into_iter().map(|(start, cells)| (start, (cells, TEN_MINUTES_MS))).collect();
    all.extend(fine.into_iter().map(|(start, cells)| (start, (cells, MINUTE_MS))));
    Ok(all)
}

/// Rows that stand for forgotten blocks, in order.
pub async fn rows_of(client: &Client, series: SeriesId, forgotten: &[Head]) -> Result<Series> {
    let mut rows = Series::default();
    let (Some(first), Some(last)) = (forgotten.first(), forgotten.last()) else { return Ok(rows) };
    let (from_ms, to_ms) = (first.start_ms, last.start_ms + BLOCK_MS);
    let rolled = forgotten.iter().any(|head| !head.is_thinned);
    let rollups = if rolled { rollups(client, series, from_ms, to_ms).await? } else { BTreeMap::new() };
    let kept =
        if forgotten.iter().any(|head| head.is_thinned) { counted(client, series, from_ms, to_ms).await? } else { Series::default() };
    for head in forgotten {
        let part = if head.is_thinned {
            let (a, b) =
                (kept.at_ms.partition_point(|at| *at < head.start_ms), kept.at_ms.partition_point(|at| *at < head.start_ms + BLOCK_MS));
            Series { at_ms: kept.at_ms[a..b].to_vec(), value: kept.value[a..b].to_vec() }
        } else {
            let (cells, cell_ms) = rollups.get(&head.start_ms).map_or((&[][..], 0), |(cells, ms)| (cells.as_slice(), *ms));
            stand_ins(head.start_ms, (head.first_ms, head.last_ms), head.last, cells, cell_ms)
        };
        rows.at_ms.extend(part.at_ms);
        rows.value.extend(part.value);
    }
    Ok(rows)
}

/// What is kept of a counter.
async fn counted(client: &Client, series: SeriesId, from_ms: i64, to_ms: i64) -> Result<Series> {
    let query = format!(
        "SELECT \"kwh\", \"{SILENT}\" FROM \"{COUNTER}\" WHERE \"series\" = '{}' AND time >= {from_ms}ms AND time < {to_ms}ms",
        series.0
    );
    Ok(super::read::rows(&client.query(Space::Ours, &query).await?))
}

/// The points of cells.
pub fn points(fine: bool, series: SeriesId, known: &Known, rows: &Series, start_ms: i64) -> Vec<Point> {
    let (measurement, cell_ms) = if fine { (MINUTE, MINUTE_MS) } else { (TEN_MINUTES, TEN_MINUTES_MS) };
    let point = |(k, cell): (usize, &Held)| {
        Point::of(measurement)
            .tag("series", series.0)
            .tag("source", &known.info.source)
            .tag("device", &known.info.device)
            .tag("quantity", known.info.quantity.name())
            .field("min", cell.min)
            .field("max", cell.max)
            .field("mean", cell.mean())
            .field("integral", cell.integral)
            .field("covered_ms", cell.covered_ms)
            .at(start_ms + k as i64 * cell_ms)
    };
    cells(rows, start_ms, cell_ms).iter().enumerate().filter(|(_, cell)| cell.covered_ms > 0).map(point).collect()
}

/// The points of what is kept of a counter.
pub fn counter_points(series: SeriesId, rows: &Series) -> Vec<Point> {
    let point = |(at_ms, value): (&i64, &f64)| {
        let point = Point::of(COUNTER).tag("series", series.0).at(*at_ms);
        if value.is_finite() { point.field("kwh", *value) } else { point.field(SILENT, true) }
    };
    rows.at_ms.iter().zip(&rows.value).map(point).collect()
}

/// Forgets the cells of blocks in `[from_ms, to_ms)`, also of those that are forgotten, and, `with_heads`, these.
pub async fn drop_cells(client: &Client, series: SeriesId, from_ms: i64, to_ms: i64, with_heads: bool) -> Result<()> {
    let of = |measurement: &str| [Deletion::of(measurement, "series", series.0).within(from_ms, to_ms)];
    if with_heads {
        client.delete(Space::Ours, &of(HEAD)).await?;
        client.delete(Space::Ours, &of(COUNTER)).await?;
    }
    client.delete(Space::TenMinutes, &of(TEN_MINUTES)).await?;
    client.delete(Space::Minutes, &of(MINUTE)).await
}

/// Forgets minutes of all series before `before_ms`.
pub async fn drop_minutes(client: &Client, before_ms: i64) -> Result<()> {
    let all = Deletion { measurement: MINUTE.to_owned(), tags: Vec::new(), from_ms: None, to_ms: Some(before_ms) };
    client.delete(Space::Minutes, &[all]).await
}

impl Influx {
    /// Whether blocks from `from_ms` on may have heads. Those of the last hour have none, whoever makes them.
    pub(super) async fn may_have_heads(&self, client: &Client, from_ms: i64) -> Result<bool> {
        let hour_ago_ms = chrono::Utc::now().timestamp_millis() - 3_600_000;
        let known = *locked(&self.headed);
        let headed_ms = match known {
            Some((headed_ms, looked)) if looked.elapsed() < REMEMBERED => headed_ms,
            _ => {
                let found = client.query(Space::Ours, &format!("SELECT last(\"covered_ms\") FROM \"{HEAD}\"")).await?;
                let last_ms = found.iter().flatten().flat_map(|table| &table.rows).filter_map(|row| at(row)).max();
                let headed_ms = last_ms.map_or(i64::MIN, |start_ms| start_ms + BLOCK_MS);
                *locked(&self.headed) = Some((headed_ms, tokio::time::Instant::now()));
                headed_ms
            }
        };
        // Another process may have made heads since; none of what was said within the hour.
        let maybe_ms = if headed_ms == i64::MIN { headed_ms } else { headed_ms.max(hour_ago_ms) };
        Ok(from_ms < maybe_ms)
    }
}
