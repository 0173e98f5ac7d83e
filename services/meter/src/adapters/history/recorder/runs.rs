//! When Home Assistant was not recording: what was said last before does not hold through that.

use std::collections::VecDeque;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::super::time;
use super::schema::Schema;

/// A time in which nothing was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pause {
    /// When recording ended; `None` after a crash, where nobody wrote it down.
    from_ms: Option<i64>,
    /// When the next run began; `None` for the last.
    to_ms: Option<i64>,
}

/// The pauses, in order, met one by one as states go by.
#[derive(Default)]
pub(super) struct Pauses {
    pauses: VecDeque<Pause>,
    latest_ms: Option<i64>,
}

impl Pauses {
    /// From the recorder's own list of its runs; none where there is no such list.
    pub(super) fn of(database: &Connection, schema: &Schema) -> rusqlite::Result<Self> {
        if !["start", "end", "closed_incorrect"].iter().all(|column| schema.has("recorder_runs", column)) {
            return Ok(Pauses::default());
        }
        let mut runs = Vec::new();
        let mut statement = database.prepare("SELECT start, \"end\", closed_incorrect FROM recorder_runs")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let at = |k| row.get_ref(k).map(instant);
            if let Some(start_ms) = at(0)? {
                let crashed = matches!(row.get_ref(2)?, ValueRef::Integer(1));
                runs.push((start_ms, at(1)?.filter(|_| !crashed), crashed));
            }
        }
        runs.sort_unstable();
        let next = runs.iter().skip(1).map(|run| Some(run.0)).chain([None]);
        let pauses = (runs.iter().zip(next))
            .filter(|((_, end_ms, crashed), to_ms)| end_ms.is_some() || (*crashed && to_ms.is_some()))
            .map(|((_, from_ms, _), to_ms)| Pause { from_ms: *from_ms, to_ms })
            .collect();
        Ok(Pauses { pauses, latest_ms: None })
    }

    /// A state was said at `at_ms`: when silence began, if it is the first after a pause.
    pub(super) fn before(&mut self, at_ms: i64) -> Option<i64> {
        let mut silent_ms = None;
        while let Some(pause) = self.pauses.front().filter(|pause| pause.to_ms.is_some_and(|to_ms| at_ms >= to_ms)) {
            silent_ms = pause.from_ms.or(self.latest_ms);
            self.pauses.pop_front();
        }
        self.latest_ms = self.latest_ms.max(Some(at_ms));
        silent_ms
    }

    /// All states have gone by: when silence began, if recording ended after them.
    pub(super) fn at_end(&self) -> Option<i64> {
        let last = self.pauses.back()?;
        last.from_ms.filter(|_| last.to_ms.is_none())
    }
}

fn instant(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Text(text) => time::parse(text).map(|instant| instant.at_ms),
        ValueRef::Real(seconds) => time::from_seconds(seconds),
        ValueRef::Integer(seconds) => time::from_seconds(seconds as f64),
        _ => None,
    }
}
