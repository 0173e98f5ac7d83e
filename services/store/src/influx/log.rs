//! The log of arrivals: a point per write, at the server's own time.

use std::collections::BTreeMap;

use super::client::{Client, Space};
use super::line::Point;
use super::table::{Cell, Table, at};
use super::{Influx, locked};
use crate::rows::join;
use crate::{Arrivals, Result};

/// What changed by what was said.
pub const ARRIVAL: &str = "wattribute_arrival";
/// What changed by what was computed from what the store holds: no arrival, but blocks changed.
pub const DERIVED: &str = "wattribute_derived";

/// Two processes that write within one millisecond have slots of their own, and so have two writes of one process.
const PROCESSES: u64 = 4096;
/// A write may be seen so much later than its time says, ns.
const LATE_NS: i64 = 5_000_000_000;
/// A log of no more than this is read from its start, ns.
const WHOLE_NS: i64 = 86_400_000_000_000;
/// More spans than this are told as one.
const MOST: usize = 400;

/// First and last instant, ms.
type Stretch = (i64, i64);

/// Arrivals that were told, so that one that is seen late is told once and not passed over.
#[derive(Default)]
pub struct Told {
    /// Points by time (ns) and slot: the cursor from which on each is told.
    seen: BTreeMap<(i64, String), i64>,
    /// The greatest cursor that was given.
    newest: i64,
}

impl Told {
    /// Takes in points as they are there now; gives the cursor of each.
    fn take<'a>(&mut self, points: impl Iterator<Item = (i64, &'a str)>) -> Vec<i64> {
        let (told_before, begun) = (self.newest, self.newest > 0);
        let mut newest = self.newest;
        let mut cursors = Vec::new();
        for (at_ns, slot) in points {
            let cursor = *self.seen.entry((at_ns, slot.to_owned())).or_insert_with(|| {
                // The first question of a process can only go by time.
                if at_ns > told_before || !begun { at_ns } else { newest + 1 }
            });
            newest = newest.max(cursor);
            cursors.push(cursor);
        }
        self.newest = newest;
        let old = newest.saturating_sub(2 * LATE_NS);
        self.seen.retain(|(at_ns, _), _| *at_ns >= old);
        cursors
    }
}

/// The line that says where something changed; `None` where nothing did.
pub fn point(measurement: &str, process: u64, count: u64, spans: Vec<(i64, i64)>) -> Option<Point> {
    let mut spans = join(spans);
    let (first, last) = (spans.first()?.0, spans.last()?.1);
    if spans.len() > MOST {
        spans = vec![(first, last)];
    }
    let text: Vec<String> = spans.iter().map(|(first, last)| format!("{first}:{last}")).collect();
    Some(Point::of(measurement).tag("slot", format!("{}-{}", process % PROCESSES, count % 2)).field("spans", text.join(";").as_str()))
}

fn spans(row: &[Cell]) -> Vec<(i64, i64)> {
    let text = row.get(1).and_then(Cell::text).unwrap_or_default();
    text.split(';').filter_map(|span| span.split_once(':')).filter_map(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?))).collect()
}

/// Where anything changed, by what was said or computed, after a time of the server, ns; and the newest time there is.
pub async fn changes(client: &Client, after_ns: i64) -> Result<(i64, Vec<(i64, i64)>)> {
    let one = |m: &str| format!("SELECT \"spans\" FROM \"{m}\" WHERE time > {after_ns}");
    let found = client.query_ns(Space::Main, &format!("{};{}", one(ARRIVAL), one(DERIVED))).await?;
    let (mut newest, mut all) = (after_ns, Vec::new());
    for row in found.iter().flatten().flat_map(|table| &table.rows) {
        newest = newest.max(at(row).unwrap_or(newest));
        all.extend(spans(row));
    }
    Ok((newest, join(all)))
}

/// The newest time that any write is remembered of, ns; 0 without any.
pub async fn newest(client: &Client) -> Result<i64> {
    let last = |measurement: &str| format!("SELECT last(\"spans\") FROM \"{measurement}\"");
    let found = client.query_ns(Space::Main, &format!("{};{}", last(ARRIVAL), last(DERIVED))).await?;
    Ok(found.iter().flatten().flat_map(|table| &table.rows).filter_map(|row| at(row)).max().unwrap_or(0))
}

/// The time of the oldest arrival that is remembered, ns.
pub async fn oldest(client: &Client) -> Result<Option<i64>> {
    let found = client.query_ns(Space::Main, &format!("SELECT first(\"spans\") FROM \"{ARRIVAL}\"")).await?;
    Ok(found.iter().flatten().flat_map(|table| &table.rows).find_map(|row| at(row)))
}

impl Influx {
    pub(super) async fn arrived(&self, cursor: i64) -> Result<Arrivals> {
        let client = self.client().await?;
        let from_ns = cursor.saturating_sub(LATE_NS);
        let ends = |what: &str| format!("SELECT {what}(\"spans\") FROM \"{ARRIVAL}\"");
        let after = |from_ns: i64| format!("SELECT \"spans\", \"slot\" FROM \"{ARRIVAL}\" WHERE time > {from_ns}");
        // Later than anything is, or earlier: then the ends alone say enough.
        let is_time = (0..9_200_000_000_000_000_000).contains(&from_ns);
        let rest = if is_time { format!(";{}", after(from_ns)) } else { String::new() };
        let mut found = client.query_ns(Space::Main, &format!("{};{}{rest}", ends("first"), ends("last"))).await?;
        let time = |statement: usize| found.get(statement)?.first()?.rows.first().and_then(|row| at(row));
        let Some((oldest, last)) = time(0).zip(time(1)) else {
            return Ok(Arrivals {
                cursor: 0,
                spans_ms: if cursor == 0 { Vec::new() } else { self.everything().await?.into_iter().collect() },
            });
        };
        if !is_time {
            // What is told by the span over everything need not be told again.
            found.truncate(2);
            found.extend(client.query_ns(Space::Main, &after(last.saturating_sub(LATE_NS))).await?);
        }
        let rows = found.iter().skip(2).flatten().flat_map(|table: &Table| &table.rows);
        let points: Vec<(i64, &str, Vec<Stretch>)> = rows.filter_map(|row| Some((at(row)?, row.get(2)?.text()?, spans(row)))).collect();
        let (newest, cursors) = {
            let mut told = locked(&self.told);
            let cursors = told.take(points.iter().map(|(at_ns, slot, _)| (*at_ns, *slot)));
            told.newest = told.newest.max(last);
            (told.newest, cursors)
        };
        let new = cursors.into_iter().zip(points).filter(|(told_at, _)| *told_at > cursor);
        let spans_ms = join(new.flat_map(|(_, (_, _, spans))| spans).collect());
        if cursor == 0 && last - oldest < WHOLE_NS && !super::maintain::has_pruned(client).await? {
            // All there ever was is in the log.
            let all = client.query_ns(Space::Main, &after(0)).await?;
            let spans_ms = join(all.iter().flatten().flat_map(|table| &table.rows).flat_map(|row| spans(row)).collect());
            return Ok(Arrivals { cursor: newest, spans_ms });
        }
        if cursor < oldest - 1 || cursor > newest {
            // Forgotten, or from another store: everything may be new.
            return Ok(Arrivals { cursor: newest, spans_ms: self.everything().await?.into_iter().collect() });
        }
        Ok(Arrivals { cursor: newest, spans_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_late_is_told_once() {
        let mut told = Told { newest: 90, ..Told::default() };
        assert_eq!(told.take([(100, "1"), (200, "2")].into_iter()), [100, 200]);
        // A write of time 150 becomes visible after the one of 200 was told.
        assert_eq!(told.take([(100, "1"), (150, "3"), (200, "2")].into_iter()), [100, 201, 200]);
        assert_eq!((told.newest, told.take([(150, "3"), (200, "2"), (300, "4")].into_iter())), (201, vec![201, 200, 300]));
    }

    #[test]
    fn a_log_line_says_where_something_changed() {
        let line = point(ARRIVAL, 4099, 5, vec![(5, 9), (0, 4), (100_000, 100_000)]).map(|p| p.line());
        assert_eq!(line, Some(Ok("wattribute_arrival,slot=3-1 spans=\"0:9;100000:100000\"".to_owned())));
        assert_eq!(point(ARRIVAL, 0, 0, vec![]), None);
        let many: Vec<(i64, i64)> = (0..1000).map(|k| (k * 1_000_000, k * 1_000_000)).collect();
        let line = point(ARRIVAL, 0, 0, many).map(|p| p.line());
        assert_eq!(line, Some(Ok("wattribute_arrival,slot=0-0 spans=\"0:999000000\"".to_owned())));
    }
}
