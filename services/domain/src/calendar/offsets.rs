//! When a zone moves its clocks.

use chrono_tz::Tz;

use super::{DAY_MS, QUARTER_MS, offset_ms};

/// Between two probes no zone has moved its clocks there and back.
const PROBE_MS: i64 = 4 * DAY_MS;

/// The offsets of a zone over a span, found once, so that local time is an addition from then on.
#[derive(Clone, Debug)]
pub(crate) struct Offsets {
    zone: Tz,
    /// From when on which offset is in force, ms; in order.
    moved: Vec<(i64, i64)>,
    to_ms: i64,
}

/// A span with one offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OffsetSpan {
    /// Since when at least.
    pub from_ms: i64,
    /// Until when at least.
    pub to_ms: i64,
    /// How far the local clock is ahead of UTC, ms.
    pub offset_ms: i64,
}

impl Offsets {
    /// The offsets between two instants.
    pub(crate) fn new(zone: Tz, from_ms: i64, to_ms: i64) -> Self {
        let mut moved = vec![(from_ms, offset_ms(zone, from_ms))];
        let (mut at_ms, mut offset) = moved[0];
        while at_ms < to_ms {
            let next_ms = (at_ms + PROBE_MS).min(to_ms);
            let next = offset_ms(zone, next_ms);
            if next != offset {
                let (mut before, mut after) = (at_ms, next_ms);
                while after - before > 1 {
                    let middle = before + (after - before) / 2;
                    if offset_ms(zone, middle) == offset { before = middle } else { after = middle }
                }
                moved.push((after, next));
            }
            (at_ms, offset) = (next_ms, next);
        }
        Offsets { zone, moved, to_ms }
    }

    /// The offset in force at an instant, and how long it stands.
    pub(crate) fn at(&self, ms: i64) -> OffsetSpan {
        let next = self.moved.partition_point(|m| m.0 <= ms);
        match next.checked_sub(1) {
            Some(k) if ms < self.to_ms => {
                let to_ms = self.moved.get(next).map_or(self.to_ms, |m| m.0);
                OffsetSpan { from_ms: self.moved[k].0, to_ms, offset_ms: self.moved[k].1 }
            }
            // Beyond what was probed the zone itself is asked, a quarter at a time.
            _ => {
                let from_ms = ms.div_euclid(QUARTER_MS) * QUARTER_MS;
                OffsetSpan { from_ms, to_ms: from_ms + QUARTER_MS, offset_ms: offset_ms(self.zone, ms) }
            }
        }
    }
}
