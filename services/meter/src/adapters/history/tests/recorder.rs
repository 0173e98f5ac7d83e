//! Databases of every generation of the recorder, whole and broken.

use rstest::rstest;
use rusqlite::{Connection, params};

use super::*;

/// A state: entity, state, seconds after [`T0_MS`], attributes.
pub(super) type Row<'a> = (&'a str, &'a str, f64, &'a str);

/// Generations of the recorder's schema.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Generation {
    /// Since 2023.4: ids in `states_meta`, float seconds.
    Current,
    /// 2023.2 and 2023.3: `entity_id` in `states`, float seconds.
    FloatSeconds,
    /// 2022.4 to 2023.1: `entity_id` in `states`, times as text, attributes in a table of their own.
    TextTimes,
    /// Before 2022.4: attributes in `states`.
    TextAttributes,
    /// In the middle of its migration to the current one: each row is of another generation.
    Migrating,
}

impl Generation {
    pub(super) fn create(self, path: &Path, rows: &[Row<'_>]) {
        let database = Connection::open(path).unwrap();
        self.tables(&database);
        for (number, row) in rows.iter().enumerate() {
            let of_row = match self {
                Generation::Migrating => [Generation::Current, Generation::FloatSeconds, Generation::TextTimes][number % 3],
                generation => generation,
            };
            of_row.insert(&database, row);
        }
    }

    pub(super) fn tables(self, database: &Connection) {
        let columns = match self {
            Generation::Current | Generation::Migrating => {
                "entity_id CHAR(0), state VARCHAR(255), attributes CHAR(0), event_id SMALLINT, last_changed CHAR(0), last_changed_ts FLOAT, \
                 last_updated CHAR(0), last_updated_ts FLOAT, old_state_id INTEGER, attributes_id INTEGER, metadata_id INTEGER"
            }
            Generation::FloatSeconds => {
                "entity_id VARCHAR(255), state VARCHAR(255), attributes TEXT, event_id INTEGER, last_changed DATETIME, last_changed_ts FLOAT, \
                 last_updated DATETIME, last_updated_ts FLOAT, old_state_id INTEGER, attributes_id INTEGER"
            }
            Generation::TextTimes => {
                "entity_id VARCHAR(255), state VARCHAR(255), attributes TEXT, event_id INTEGER, last_changed DATETIME, last_updated DATETIME, \
                 old_state_id INTEGER, attributes_id INTEGER"
            }
            Generation::TextAttributes => {
                "domain VARCHAR(64), entity_id VARCHAR(255), state VARCHAR(255), attributes TEXT, event_id INTEGER, last_changed DATETIME, \
                 last_updated DATETIME, created DATETIME, old_state_id INTEGER"
            }
        };
        database.execute_batch(&format!("CREATE TABLE states (state_id INTEGER PRIMARY KEY, {columns})")).unwrap();
        if self != Generation::TextAttributes {
            let sql = "CREATE TABLE state_attributes (attributes_id INTEGER PRIMARY KEY, hash BIGINT, shared_attrs TEXT UNIQUE)";
            database.execute_batch(sql).unwrap();
        }
        if matches!(self, Generation::Current | Generation::Migrating) {
            database.execute_batch("CREATE TABLE states_meta (metadata_id INTEGER PRIMARY KEY, entity_id VARCHAR(255) UNIQUE)").unwrap();
        }
    }

    pub(super) fn insert(self, database: &Connection, (id, state, at_s, json): &Row<'_>) {
        let seconds = T0_MS as f64 / 1000.0 + at_s;
        let text = format!("2023-11-14 22:{:02}:{:09.6}", 13 + (20 + *at_s as i64) / 60, (20.0 + at_s) % 60.0);
        let attributes = "(SELECT attributes_id FROM state_attributes WHERE shared_attrs = ?4)";
        if self != Generation::TextAttributes {
            database.execute("INSERT OR IGNORE INTO state_attributes (shared_attrs) VALUES (?1)", [json]).unwrap();
        }
        match self {
            Generation::Current | Generation::Migrating => {
                database.execute("INSERT OR IGNORE INTO states_meta (entity_id) VALUES (?1)", [id]).unwrap();
                let sql = format!(
                    "INSERT INTO states (metadata_id, state, last_updated_ts, attributes_id)
                     VALUES ((SELECT metadata_id FROM states_meta WHERE entity_id = ?1), ?2, ?3, {attributes})"
                );
                database.execute(&sql, params![id, state, seconds, json]).unwrap();
            }
            Generation::FloatSeconds => {
                let sql =
                    format!("INSERT INTO states (entity_id, state, last_updated_ts, attributes_id) VALUES (?1, ?2, ?3, {attributes})");
                database.execute(&sql, params![id, state, seconds, json]).unwrap();
            }
            Generation::TextTimes => {
                let sql = format!("INSERT INTO states (entity_id, state, last_updated, attributes_id) VALUES (?1, ?2, ?3, {attributes})");
                database.execute(&sql, params![id, state, text, json]).unwrap();
            }
            Generation::TextAttributes => {
                let sql = "INSERT INTO states (entity_id, state, last_updated, attributes) VALUES (?1, ?2, ?3, ?4)";
                database.execute(sql, params![id, state, text, json]).unwrap();
            }
        }
    }
}

const ROWS: [Row<'_>; 9] = [
    ("sensor.house_power", "250.5", 0.0, POWER),
    ("light.hall", "off", 0.25, r#"{"friendly_name":"Hall"}"#),
    ("sensor.house_power", "unavailable", 10.0, POWER),
    ("light.hall", "on", 12.125, r#"{"friendly_name":"Hall","brightness":51}"#),
    ("sensor.house_power", "262.5", 20.0, POWER),
    ("light.hall", "on", 21.0, r#"{"friendly_name":"Hall","brightness":102}"#),
    ("sensor.house_power", "much", 30.0, POWER),
    ("sensor.outside", "7.5", 31.0, r#"{"unit_of_measurement":"°C"}"#),
    ("light.hall", "unavailable", 40.0, r#"{"friendly_name":"Hall"}"#),
];

fn check(history: &History) {
    assert_eq!(ids(history), ["sensor.house_power", "light.hall"]);
    let house = sensor(history, "sensor.house_power");
    assert_eq!((house.name.as_deref(), house.unit.as_deref(), house.device_class.as_deref()), (Some("House"), Some("W"), Some("power")));
    assert_eq!(readings(history, "sensor.house_power"), [(0.0, Some(250.5)), (10.0, None), (20.0, Some(262.5)), (30.0, None)]);
    assert_eq!(said(history, "light.hall"), levels(&[(0.25, "off"), (12.125, "on 0.20"), (21.0, "on 0.40"), (40.0, "-")]));
    assert_eq!((history.rows, history.bad.not_a_number, history.bad.left_out()), (9, 1, 1));
}

#[rstest]
#[case(Generation::Current)]
#[case(Generation::FloatSeconds)]
#[case(Generation::TextTimes)]
#[case(Generation::TextAttributes)]
#[case(Generation::Migrating)]
fn every_generation_of_the_schema_says_the_same(#[case] generation: Generation) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd name? 100%#.bin");
    generation.create(&path, &ROWS);
    let history = read_one(&path);
    check(&history);
    assert_eq!(history.bad.first.as_deref(), Some("odd name? 100%#.bin state 7: `much` of sensor.house_power is not a number"));
    assert_eq!(history.notes, Vec::<String>::new());
}

/// A database in WAL mode that is open and has written everything to its -wal.
fn in_use(folder: &TempDir) -> (PathBuf, Connection) {
    let path = folder.path().join("home-assistant_v2.db");
    let database = Connection::open(&path).unwrap();
    database.execute_batch("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0").unwrap();
    Generation::Current.tables(&database);
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    ROWS.iter().for_each(|row| Generation::Current.insert(&database, row));
    (path, database)
}

fn files_in(folder: &TempDir) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn a_database_is_read_while_home_assistant_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, database) = in_use(&folder);
    database.execute_batch("BEGIN IMMEDIATE; INSERT INTO states (state) VALUES ('not yet committed')").unwrap();
    check(&read_one(&path));
    database.execute_batch("COMMIT").unwrap();
}

#[test]
fn a_copy_with_its_wal_is_whole_and_its_files_stay_as_they_were() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (path, _database) = in_use(&folder);
    for suffix in ["", "-wal"] {
        let name = format!("home-assistant_v2.db{suffix}");
        std::fs::copy(folder.path().join(&name), copy.path().join(&name)).unwrap();
    }
    drop(path);
    let before = files_in(&copy);
    let history = read_one(&copy.path().join("home-assistant_v2.db"));
    check(&history);
    assert_eq!(history.notes, Vec::<String>::new());
    let after: Vec<_> = files_in(&copy).into_iter().filter(|(name, _)| !name.ends_with("-shm")).collect();
    assert_eq!(after, before);
}

#[test]
fn a_copy_without_its_wal_says_so_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.db");
    Generation::Current.create(&path, &ROWS);
    Connection::open(&path).unwrap().execute_batch("PRAGMA journal_mode=WAL").unwrap();
    let before = files_in(&folder);
    assert_eq!(before.len(), 1);
    let history = read_one(&path);
    check(&history);
    let note =
        "The -wal of copy.db is not beside it: if Home Assistant was running when it was copied, the last minutes to hours are missing.";
    assert_eq!(history.notes, [note]);
    assert_eq!(files_in(&folder), before);
}

#[test]
fn a_copy_of_a_running_database_without_its_wal_says_so() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (path, database) = in_use(&folder);
    let copied = copy.path().join("copy.db");
    std::fs::copy(&path, &copied).unwrap();
    let line = "the states of copy.db are in its -wal, which is not beside it: copy both files to a folder of yours, or copy it while home assistant is stopped";
    assert_eq!(error_of(&copied), line);

    let runs = "CREATE TABLE recorder_runs (start DATETIME, \"end\" DATETIME, closed_incorrect BOOLEAN);
                INSERT INTO recorder_runs VALUES ('2023-11-14 22:00:00.000000', NULL, 0); PRAGMA wal_checkpoint(TRUNCATE);";
    database.execute_batch(runs).unwrap();
    Generation::Current.insert(&database, &("light.late", "on", 60.0, "{}"));
    std::fs::copy(&path, &copied).unwrap();
    let history = read_one(&copied);
    check(&history);
    let note = "The -wal of copy.db is not beside it: Home Assistant was running, so the last minutes to hours are missing.";
    assert_eq!(history.notes, [note]);
}

#[test]
fn a_locked_database_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("busy.db");
    Generation::Current.create(&path, &ROWS);
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_eq!(error_of(&path), "busy.db is locked by another program: wait for it, or give a copy of the file together with its -wal");
}

/// A database of many pages.
fn large(path: &Path) -> i64 {
    let database = Connection::open(path).unwrap();
    Generation::Current.tables(&database);
    database.execute_batch("BEGIN").unwrap();
    for k in 0..20_000 {
        Generation::Current.insert(&database, &("sensor.house_power", &k.to_string(), f64::from(k), POWER));
    }
    database.execute_batch("COMMIT").unwrap();
    20_000
}

#[test]
fn a_database_cut_short_is_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.db");
    large(&path);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let history = read_one(&path);
    let read = sensor(&history, "sensor.house_power").readings.len();
    assert!((5_000..15_000).contains(&read), "{read} readings");
    // The page that the cut goes through is half there.
    assert!((1..200).contains(&history.bad.malformed), "{:?}", history.bad);
    assert_eq!(history.notes[0], "cut.db is cut short: only 50 % of it is there, and only that was read.");
}

#[test]
fn damage_in_the_middle_is_jumped_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hole.db");
    let rows = large(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 3 * 4096].fill(0xee);
    std::fs::write(&path, &bytes).unwrap();
    let history = read_one(&path);
    let values = &sensor(&history, "sensor.house_power").readings.value;
    assert!(values.len() as i64 > rows * 9 / 10, "{} of {rows}", values.len());
    assert_eq!(values.last(), Some(&((rows - 1) as f64)));
    assert!(history.bad.malformed >= 1);
}

#[rstest]
#[case::a_header_and_nothing_else(b"SQLite format 3\0".to_vec(), "broken.db is damaged: it is cut short after 16 bytes; give a whole copy of it")]
#[case::a_header_and_noise([b"SQLite format 3\0".to_vec(), vec![0xa5; 5000]].concat(), "broken.db is damaged: it is not a database, or it is encrypted; give a whole copy of it")]
fn what_is_no_database_is_one_clear_line(#[case] bytes: Vec<u8>, #[case] line: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.db");
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(error_of(&path), line);
}

#[rstest]
#[case(
    "CREATE TABLE cats (name TEXT)",
    "other.db has no table `states`: it is an sqlite database, but not home assistant's recorder; give home-assistant_v2.db"
)]
#[case(
    "CREATE TABLE states (state_id INTEGER PRIMARY KEY, name TEXT)",
    "other.db has no column `state` in table `states`: it is not a schema of home assistant's recorder that is known"
)]
#[case(
    "CREATE TABLE states (state_id INTEGER PRIMARY KEY, state TEXT, last_updated_ts FLOAT)",
    "other.db has no column `metadata_id` or `entity_id` in table `states`: it is not a schema of home assistant's recorder that is known"
)]
#[case(
    "CREATE TABLE states (state_id INTEGER PRIMARY KEY, state TEXT, metadata_id INTEGER)",
    "other.db has no column `last_updated_ts` or `last_updated` in table `states`: it is not a schema of home assistant's recorder that is known"
)]
#[case(
    "CREATE TABLE states (state_id INTEGER PRIMARY KEY, state TEXT, metadata_id INTEGER, last_updated_ts FLOAT)",
    "other.db has no table `states_meta`: it names the entities; give the whole database"
)]
#[case(
    "CREATE TABLE states (state_id INTEGER PRIMARY KEY, state TEXT, entity_id TEXT, last_updated_ts FLOAT)",
    "other.db holds no rows: nothing was recorded in it"
)]
fn a_database_of_something_else_is_one_clear_line(#[case] sql: &str, #[case] line: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    assert_eq!(error_of(&path), line);
}

#[test]
fn rows_without_entity_or_time_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holes.db");
    Generation::Current.create(&path, &ROWS);
    let database = Connection::open(&path).unwrap();
    database
        .execute_batch(
            "INSERT INTO states (metadata_id, state, last_updated_ts) VALUES (99, 'on', 1700000000), (1, '5', NULL), (1, '5', 12.0)",
        )
        .unwrap();
    let bad = read_one(&path).bad;
    assert_eq!((bad.malformed, bad.no_time, bad.not_a_number), (1, 2, 1));
    assert_eq!(bad.first.as_deref(), Some("holes.db state 10: it names no entity"));
}

#[test]
fn progress_is_told_from_the_beginning_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.db");
    Generation::Current.create(&path, &ROWS);
    let mut told = Vec::new();
    read(&[path], &Options::default(), &mut |p| told.push((p.file.to_owned(), p.done, p.total))).unwrap();
    assert_eq!(told.last(), Some(&("some.db".to_owned(), 9, 9)));
    assert!(told.is_sorted_by_key(|(_, done, _)| *done));
}

#[test]
fn nothing_holds_while_home_assistant_was_not_recording() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let rows = [
        ("sensor.p", "100", 0.0, POWER),
        ("switch.a", "on", 1.0, "{}"),
        // Stopped from 30 to 300.
        ("switch.a", "unavailable", 301.0, "{}"),
        ("switch.a", "on", 302.0, "{}"),
        ("sensor.p", "100", 303.0, POWER),
        // Crashed after 350, back at 400.
        ("switch.a", "off", 350.0, "{}"),
        ("sensor.p", "100", 405.0, POWER),
    ];
    Generation::Current.create(&path, &rows);
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "CREATE TABLE recorder_runs (run_id INTEGER PRIMARY KEY, start DATETIME, \"end\" DATETIME, closed_incorrect BOOLEAN, created DATETIME);
             INSERT INTO recorder_runs (start, \"end\", closed_incorrect) VALUES
                ('2023-11-14 22:13:00.000000', '2023-11-14 22:13:50.000000', 0),
                ('2023-11-14 22:18:20.000000', '2023-11-14 22:20:00.000000', 1),
                ('2023-11-14 22:20:00.000000', NULL, 0);",
        )
        .unwrap();
    let history = read_one(&path);
    let wanted = [(0.0, Some(100.0)), (30.0, None), (303.0, Some(100.0)), (350.0, None), (405.0, Some(100.0))];
    assert_eq!(readings(&history, "sensor.p"), wanted);
    let wanted = levels(&[(1.0, "on"), (30.0, "-"), (301.0, "-"), (302.0, "on"), (350.0, "off"), (350.001, "-")]);
    assert_eq!(said(&history, "switch.a"), wanted);

    Connection::open(&path)
        .unwrap()
        .execute_batch("UPDATE recorder_runs SET \"end\" = '2023-11-14 22:20:30.000000' WHERE run_id = 3")
        .unwrap();
    assert_eq!(readings(&read_one(&path), "sensor.p").last(), Some(&(430.0, None)));
}
