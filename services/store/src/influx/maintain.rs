//! Keeping order: heads for blocks that have closed, means in the place of readings past their time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wattribute_domain::{Series, SeriesId};

use super::client::{Client, Deletion, Space};
use super::series::Known;
use super::{Influx, heads, kept, locked, log, read, write};
use crate::Result;
use crate::held::{BLOCK_MS, block_of};
use crate::keep::{self, Way, past};

/// Key of the document that says how far this has come.
const DONE: &str = "influx:maintained";
/// So many blocks are read at once: six days.
const AT_ONCE: usize = 36;
/// The log is remembered for a week, ns.
const LOG_NS: i64 = 7 * 86_400 * 1_000_000_000;
/// What is written at the same time may be seen so much later, ns.
const LATE_NS: i64 = 60_000_000_000;

/// How far it has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Done {
    /// Changes before this time of the server are taken in, ns.
    log_ns: i64,
    /// Blocks before this have their heads, ms.
    until_ms: i64,
    /// Minutes before this are forgotten, ms.
    minutes_ms: i64,
    /// The log before this is forgotten, ns.
    pruned_ns: i64,
}

async fn done(client: &Client) -> Result<Done> {
    Ok(kept::document(client, DONE).await?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Whether some of the log is forgotten.
pub async fn has_pruned(client: &Client) -> Result<bool> {
    Ok(done(client).await?.pruned_ns > 0)
}

impl Influx {
    pub(super) async fn keep_in_order(&self, now_ms: i64) -> Result<()> {
        let now_ms = read::within(now_ms);
        let before_ms = keep::closed_before_ms(now_ms);
        let client = self.client().await?;
        let mut done = done(client).await?;

        let (log_ns, mut changed) = log::changes(client, done.log_ns - LATE_NS).await?;
        let everything = self.everything().await?;
        if let Some((first_ms, _)) = everything {
            let from_ms = if done.log_ns == 0 { first_ms } else { done.until_ms.max(first_ms) };
            changed.push((from_ms, before_ms));
        }
        let closed: BTreeSet<i64> = crate::rows::join(changed).into_iter().flat_map(|span| blocks(span, before_ms)).collect();
        self.load_series().await?;
        let all: BTreeMap<SeriesId, Known> = locked(&self.known).clone();
        let mut headed = BTreeSet::new();
        for (id, known) in &all {
            headed.extend(self.head(client, *id, known, &closed).await?);
        }
        // What was written meanwhile is not in the heads.
        let (_, meanwhile) = log::changes(client, log_ns).await?;
        for start_ms in meanwhile.into_iter().flat_map(|span| blocks(span, before_ms)).filter(|start| headed.contains(start)) {
            for id in all.keys() {
                heads::drop_cells(client, *id, start_ms, start_ms + BLOCK_MS, true).await?;
            }
        }
        *locked(&self.headed) = None;

        for (id, known) in &all {
            let way = Way::of(known.info.quantity);
            if let Some(limit_ms) = past(self.settings.keep_raw, now_ms).filter(|_| way != Way::Keep) {
                self.forget_raw(client, *id, known, way, limit_ms.min(before_ms)).await?;
            }
        }
        self.forget_rollups(client, &all, now_ms, &mut done).await?;
        kept::forget_payloads(client, past(self.settings.keep_payloads, now_ms).unwrap_or(now_ms)).await?;
        let oldest_ns = log::oldest(client).await?.unwrap_or(log_ns);
        if log_ns - oldest_ns > LOG_NS + 86_400_000_000_000 {
            for measurement in [log::ARRIVAL, log::DERIVED] {
                let (measurement, to_ms) = (measurement.to_owned(), Some((log_ns - LOG_NS) / 1_000_000));
                client.delete(Space::Main, &[Deletion { measurement, tags: Vec::new(), from_ms: None, to_ms }]).await?;
            }
            done.pruned_ns = log_ns - LOG_NS;
        }
        (done.log_ns, done.until_ms) = (log_ns.max(1), before_ms);
        let text = serde_json::to_string(&done).unwrap_or_default();
        kept::put_documents(client, &[(DONE.to_owned(), text)]).await
    }

    /// Makes the heads of a series that are missing among `closed` blocks; gives which were made.
    async fn head(&self, client: &Client, id: SeriesId, known: &Known, closed: &BTreeSet<i64>) -> Result<Vec<i64>> {
        let (Some(&first), Some(&last)) = (closed.first(), closed.last()) else { return Ok(Vec::new()) };
        let there: BTreeSet<i64> = heads::heads(client, id, first, last + 1, "").await?.iter().map(|head| head.start_ms).collect();
        let missing: Vec<i64> = closed.difference(&there).copied().collect();
        let mut made = Vec::new();
        for run in runs(&missing) {
            for (start_ms, rows) in self.blocks_of(client, id, known, run).await? {
                let Some(head) = heads::Head::of(&rows, start_ms) else { continue };
                if head.has_cells {
                    write::keep(client, Space::TenMinutes, &heads::points(false, id, known, &rows, start_ms)).await?;
                }
                write::keep(client, Space::Ours, &[head.point(id)]).await?;
                made.push(start_ms);
            }
        }
        Ok(made)
    }

    /// Rows of blocks that follow each other.
    async fn blocks_of(&self, client: &Client, id: SeriesId, known: &Known, run: &[i64]) -> Result<Vec<(i64, Series)>> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(Vec::new()) };
        let rows = read::rows(&client.query(Space::Main, &read::select_range(&known.place, id, *first, last + BLOCK_MS)).await?);
        let mut blocks: BTreeMap<i64, Series> = BTreeMap::new();
        for (&at_ms, &value) in rows.at_ms.iter().zip(&rows.value) {
            blocks.entry(block_of(at_ms)).or_default().push(at_ms, value);
        }
        Ok(blocks.into_iter().collect())
    }

    /// Keeps means, or the rows that tell a counter's course, and forgets the readings.
    async fn forget_raw(&self, client: &Client, id: SeriesId, known: &Known, way: Way, limit_ms: i64) -> Result<()> {
        let to_ms = (limit_ms - BLOCK_MS).saturating_add(1);
        let due = heads::heads(client, id, super::INSTANTS.start, to_ms, " AND \"forgotten\" = false").await?;
        let starts: Vec<i64> = due.iter().map(|head| head.start_ms).collect();
        for run in runs(&starts) {
            let (Some(&first), Some(&last)) = (run.first(), run.last()) else { continue };
            let mut gone = Vec::new();
            for (start_ms, rows) in self.blocks_of(client, id, known, run).await? {
                let (kept, is_thinned) = if way == Way::Thin { (keep::thinned(&rows), true) } else { (rows, false) };
                let Some(head) = heads::Head::of(&kept, start_ms) else { continue };
                if is_thinned {
                    write::keep(client, Space::Ours, &heads::counter_points(id, &kept)).await?;
                } else {
                    write::keep(client, Space::TenMinutes, &heads::points(false, id, known, &kept, start_ms)).await?;
                    write::keep(client, Space::Minutes, &heads::points(true, id, known, &kept, start_ms)).await?;
                }
                gone.push(heads::Head { is_forgotten: true, is_thinned, has_cells: !is_thinned, ..head }.point(id));
            }
            // From here on the block is what its cells say, whether or not its readings are still there.
            write::keep(client, Space::Ours, &gone).await?;
            let all = Deletion::of(&known.place.measurement, "series", id.0).within(first, last + BLOCK_MS);
            client.delete(Space::Main, &[all]).await?;
        }
        Ok(())
    }

    /// Forgets minutes, and then ten minutes with their heads, that are past their time.
    async fn forget_rollups(&self, client: &Client, all: &BTreeMap<SeriesId, Known>, now_ms: i64, done: &mut Done) -> Result<()> {
        let minutes_ms = past(self.settings.keep_minutes, now_ms).map(block_of).map(read::within);
        if let Some(limit_ms) = minutes_ms.filter(|limit_ms| *limit_ms > done.minutes_ms) {
            heads::drop_minutes(client, limit_ms).await?;
            done.minutes_ms = limit_ms;
        }
        let heads_ms = past(self.settings.keep_ten_minutes, now_ms).map(block_of).zip(minutes_ms).map(|(ten, one)| ten.min(one));
        let Some(limit_ms) = heads_ms.map(read::within) else { return Ok(()) };
        for id in all.keys() {
            let due = heads::heads(client, *id, super::INSTANTS.start, limit_ms, heads::FORGOTTEN).await?;
            if due.is_empty() {
                continue;
            }
            // The last head stays: its last value holds until today.
            let newest = heads::heads(client, *id, super::INSTANTS.start, super::INSTANTS.end, " ORDER BY time DESC LIMIT 1").await?;
            let newest_ms = newest.first().map_or(i64::MAX, |head| head.start_ms);
            let starts: Vec<i64> =
                due.iter().filter(|head| !head.is_thinned && head.start_ms < newest_ms).map(|head| head.start_ms).collect();
            for run in starts.chunk_by(|a, b| b - a == BLOCK_MS) {
                if let (Some(first), Some(last)) = (run.first(), run.last()) {
                    heads::drop_cells(client, *id, *first, last + BLOCK_MS, true).await?;
                }
            }
        }
        Ok(())
    }
}

/// Blocks that a span (both ends included) touches and that have closed at `before_ms`.
fn blocks(span: (i64, i64), before_ms: i64) -> impl Iterator<Item = i64> {
    let (first, last) = (block_of(span.0), block_of(span.1));
    (0..=(last - first) / BLOCK_MS).map(move |k| first + k * BLOCK_MS).take_while(move |start| start + BLOCK_MS <= before_ms)
}

/// Blocks that follow each other, a few days of them at most.
fn runs(starts: &[i64]) -> impl Iterator<Item = &[i64]> {
    starts.chunk_by(|a, b| b - a == BLOCK_MS).flat_map(|run| run.chunks(AT_ONCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blocks_that_have_closed_get_heads() {
        let of = |span, before_ms| blocks(span, before_ms).map(|start| start / BLOCK_MS).collect::<Vec<_>>();
        assert_eq!(of((0, 3 * BLOCK_MS), 3 * BLOCK_MS), [0, 1, 2]);
        assert_eq!(of((-1, BLOCK_MS - 1), BLOCK_MS), [-1, 0]);
        assert_eq!(of((0, 5 * BLOCK_MS), BLOCK_MS - 1), Vec::<i64>::new());
        let starts: Vec<i64> = (0..50).chain(60..62).map(|k| k * BLOCK_MS).collect();
        assert_eq!(runs(&starts).map(<[i64]>::len).collect::<Vec<_>>(), [36, 14, 2]);
    }
}
