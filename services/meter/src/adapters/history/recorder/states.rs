//! One pass over the states, in the order they lie in the file.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, Statement};

use super::super::collector::Collector;
use super::super::slot::Key;
use super::super::{HistoryError, Progress, time};
use super::runs::Pauses;
use super::schema::Schema;
use super::{failed, is_damage, said};

const ROWS_PER_PROGRESS: u64 = 50_000;

/// Damage is jumped over in strides that double from `FIRST_STRIDE`, at most to the `LONGEST_STRIDE`, and `MOST_JUMPS` in all.
const FIRST_STRIDE: i64 = 64;
const LONGEST_STRIDE: i64 = 1 << 40;
const MOST_JUMPS: u32 = 2_000;

/// Reads every state; stretches that are damaged are jumped over and counted.
pub(super) fn read(
    path: &Path,
    database: &Connection,
    schema: &Schema,
    collector: &mut Collector,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), HistoryError> {
    let fail = |e: rusqlite::Error| failed(path, &e);
    let file = collector.file().to_owned();
    let mut states = States::new(database, schema, collector).map_err(fail)?;
    let mut statement = database.prepare(&sql(schema)).map_err(fail)?;
    let (first, last) = (end(database, "ASC"), end(database, "DESC"));
    let start = first.unwrap_or(0);
    let total = last.map_or(0, |last| u64::try_from(last - start + 1).unwrap_or(0));

    let (mut at, mut stride, mut jumps, mut read, mut next_progress) = (first.map_or(i64::MIN, |rowid| rowid - 1), 0, 0, 0u64, 0);
    let mut damage = None;
    while let Err(error) = states.pass(&mut statement, at, |rowid| {
        (at, stride, read) = (rowid, 0, read + 1);
        if read >= next_progress {
            next_progress = read + ROWS_PER_PROGRESS;
            progress(Progress { file: &file, done: u64::try_from(rowid - start).unwrap_or(0), total });
        }
    }) {
        if !is_damage(&error) {
            return Err(fail(error));
        }
        if stride == 0 {
            states.collector.malformed(|| format!("after state {}: {}", at.max(0), said(&error)));
        }
        damage = Some(error);
        jumps += 1;
        stride = (2 * stride).max(FIRST_STRIDE);
        at = at.max(0).saturating_add(stride);
        if stride > LONGEST_STRIDE || jumps > MOST_JUMPS || last.is_some_and(|last| at > last) {
            break;
        }
    }
    if let Some(error) = damage {
        if read == 0 {
            return Err(fail(error));
        }
        states.collector.note(format!("{file} is damaged: {read} states could be read, the rest could not."));
    }
    if let Some(silent_ms) = states.pauses.at_end() {
        states.collector.silence(silent_ms);
    }
    progress(Progress { file: &file, done: total, total });
    Ok(())
}

fn sql(schema: &Schema) -> String {
    let column = |name| schema.column("states", name);
    format!(
        "SELECT rowid, {}, state, {}, {}, {}, {}, {} FROM states WHERE rowid > ?1",
        column("metadata_id"),
        column("last_updated_ts"),
        column("attributes_id"),
        column("entity_id"),
        column("last_updated"),
        column("attributes"),
    )
}

fn end(database: &Connection, order: &str) -> Option<i64> {
    let sql = format!("SELECT rowid FROM states ORDER BY rowid {order} LIMIT 1");
    database.query_row(&sql, [], |row| row.get(0)).optional().ok().flatten()
}

struct States<'a> {
    collector: &'a mut Collector,
    /// Slot of each `metadata_id`.
    slots: HashMap<i64, u32>,
    last: Option<(i64, u32)>,
    attributes: Option<Statement<'a>>,
    pauses: Pauses,
}

impl<'a> States<'a> {
    fn new(database: &'a Connection, schema: &Schema, collector: &'a mut Collector) -> rusqlite::Result<Self> {
        let mut slots = HashMap::new();
        if schema.has_table("states_meta") && schema.has("states", "metadata_id") {
            let mut statement = database.prepare("SELECT metadata_id, entity_id FROM states_meta WHERE entity_id IS NOT NULL")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if let (id, Some(slot)) = (row.get(0)?, collector.slot(row.get_ref(1)?.as_bytes().unwrap_or_default())) {
                    slots.insert(id, slot);
                }
            }
        }
        let attributes = (schema.has_table("state_attributes") && schema.has("states", "attributes_id"))
            .then(|| database.prepare("SELECT shared_attrs FROM state_attributes WHERE attributes_id = ?1"))
            .transpose()?;
        let pauses = Pauses::of(database, schema)?;
        Ok(States { collector, slots, last: None, attributes, pauses })
    }

    /// Reads the rows after `after`, telling the number of each.
    fn pass(&mut self, statement: &mut Statement<'_>, after: i64, mut done: impl FnMut(i64)) -> rusqlite::Result<()> {
        let mut before = after;
        let mut rows = statement.query([after])?;
        while let Some(row) = rows.next()? {
            let rowid = row.get(0)?;
            // Rows come in order of their number; in a page that was half overwritten they do not.
            if rowid <= before {
                self.collector.malformed(|| format!("after state {before}: a damaged row"));
                continue;
            }
            before = rowid;
            self.row(row, rowid)?;
            done(rowid);
        }
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>, rowid: i64) -> rusqlite::Result<()> {
        let Some(slot) = self.slot(row)? else {
            self.collector.malformed(|| format!("state {rowid}: it names no entity"));
            return Ok(());
        };
        if self.collector.is_ignored(slot) {
            self.collector.skip();
            return Ok(());
        }
        let known = self.known(row, slot)?;
        let at_ms = match row.get_ref(3)? {
            ValueRef::Real(seconds) => time::from_seconds(seconds),
            ValueRef::Integer(seconds) => time::from_seconds(seconds as f64),
            _ => match row.get_ref(6)? {
                ValueRef::Text(text) => time::parse(text).map(|instant| instant.at_ms),
                _ => None,
            },
        };
        if let Some(silent_ms) = at_ms.and_then(|at_ms| self.pauses.before(at_ms)) {
            self.collector.silence(silent_ms);
        }
        match row.get_ref(2)? {
            ValueRef::Text(state) => self.collector.say(slot, known, state, at_ms, || format!("state {rowid}")),
            ValueRef::Integer(number) => self.collector.say(slot, known, number.to_string().as_bytes(), at_ms, || format!("state {rowid}")),
            ValueRef::Real(number) => self.collector.say(slot, known, number.to_string().as_bytes(), at_ms, || format!("state {rowid}")),
            _ => self.collector.say(slot, known, b"", at_ms, || format!("state {rowid}")),
        }
        Ok(())
    }

    fn slot(&mut self, row: &Row<'_>) -> rusqlite::Result<Option<u32>> {
        Ok(match row.get_ref(1)? {
            ValueRef::Integer(id) => match self.last {
                Some((last, slot)) if last == id => Some(slot),
                _ => {
                    let slot = self.slots.get(&id).copied();
                    self.last = slot.map(|slot| (id, slot));
                    slot
                }
            },
            _ => match row.get_ref(5)? {
                ValueRef::Text(id) => self.collector.slot(id),
                _ => None,
            },
        })
    }

    /// Attributes are looked up and read once for each entity they belong to.
    fn known(&mut self, row: &Row<'_>, slot: u32) -> rusqlite::Result<u32> {
        if let (ValueRef::Integer(id), Some(statement)) = (row.get_ref(4)?, &mut self.attributes) {
            let key = Key::id(id);
            if let Some(known) = self.collector.recall(slot, key) {
                return Ok(known);
            }
            let json = statement.query_row([id], |row| row.get::<_, Option<String>>(0));
            // Attributes that are gone or damaged are no reason to lose the state.
            return Ok(self.collector.learn(slot, key, json.ok().flatten().as_deref()));
        }
        let json = if let ValueRef::Text(json) = row.get_ref(7)? { Some(json).filter(|json| !json.is_empty()) } else { None };
        Ok(self.collector.known(slot, json))
    }
}
