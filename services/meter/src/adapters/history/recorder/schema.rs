//! Which tables and columns a database has: databases that were migrated, or are just being, have some of each generation.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::Connection;

use super::super::HistoryError;

/// Columns by table.
pub(super) struct Schema {
    columns: HashMap<&'static str, Vec<String>>,
}

const TABLES: [&str; 6] = ["states", "states_meta", "state_attributes", "statistics", "statistics_meta", "recorder_runs"];

impl Schema {
    pub(super) fn of(database: &Connection) -> rusqlite::Result<Self> {
        let mut columns = HashMap::new();
        let mut statement = database.prepare("SELECT name FROM pragma_table_info(?1)")?;
        for table in TABLES {
            let names = statement.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
            columns.insert(table, names);
        }
        Ok(Schema { columns })
    }

    pub(super) fn has_table(&self, table: &str) -> bool {
        self.columns.get(table).is_some_and(|columns| !columns.is_empty())
    }

    pub(super) fn has(&self, table: &str, column: &str) -> bool {
        self.columns.get(table).is_some_and(|columns| columns.iter().any(|c| c == column))
    }

    /// `column`, or `NULL` where the table does not have it.
    pub(super) fn column(&self, table: &str, column: &'static str) -> &'static str {
        if self.has(table, column) { column } else { "NULL" }
    }

    /// Whether it is a recorder's database at all.
    pub(super) fn check(&self, path: &Path) -> Result<(), HistoryError> {
        if !self.has_table("states") {
            return Err(HistoryError::columns(
                path,
                "table `states`",
                "it is an sqlite database, but not home assistant's recorder; give home-assistant_v2.db",
            ));
        }
        let wanted = "it is not a schema of home assistant's recorder that is known";
        let either = |a: &str, b: &str| self.has("states", a) || self.has("states", b);
        if !self.has("states", "state") {
            Err(HistoryError::columns(path, "column `state` in table `states`", wanted))
        } else if !either("metadata_id", "entity_id") {
            Err(HistoryError::columns(path, "column `metadata_id` or `entity_id` in table `states`", wanted))
        } else if !either("last_updated_ts", "last_updated") {
            Err(HistoryError::columns(path, "column `last_updated_ts` or `last_updated` in table `states`", wanted))
        } else if !self.has("states", "entity_id") && !self.has_table("states_meta") {
            Err(HistoryError::columns(path, "table `states_meta`", "it names the entities; give the whole database"))
        } else {
            Ok(())
        }
    }
}
