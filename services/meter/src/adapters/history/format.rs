//! What a file is, told by its content and never by its name.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::HistoryError;

/// Formats that can be read; those that carry units for certain come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Format {
    /// Home Assistant's recorder database.
    Recorder,
    /// Parquet with one row for each state.
    Parquet,
    /// CSV with one row for each state.
    Csv,
}

const GIVE: &str = "give a home-assistant_v2.db, or a history as CSV or Parquet";
const EXPORT: &str = "export the states to CSV (docs/INPUTS.md has the SQL), or download a CSV from home assistant's history page";

/// Recognises a file by its first bytes.
pub(super) fn recognise(path: &Path) -> Result<Format, HistoryError> {
    let unrecognised = |what: &str, instead: &str| Err(HistoryError::unrecognised(path, what, instead));
    let file = File::open(path).map_err(|e| HistoryError::unreadable(path, &e))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return unrecognised("a folder", "give the file in it, such as home-assistant_v2.db");
    }
    let mut head = Vec::new();
    file.take(4096).read_to_end(&mut head).map_err(|e| HistoryError::unreadable(path, &e))?;

    match head.as_slice() {
        [] => unrecognised("empty", GIVE),
        h if h.starts_with(b"SQLite format 3\0") => Ok(Format::Recorder),
        h if h.starts_with(b"PAR1") => Ok(Format::Parquet),
        h if h.starts_with(b"PARE") => unrecognised("an encrypted parquet file", "give it unencrypted"),
        h if h.starts_with(b"PGDMP") => unrecognised("a dump of a postgresql database", EXPORT),
        h if h.starts_with(b"\x1f\x8b")
            || h.starts_with(b"PK\x03\x04")
            || h.starts_with(b"\x28\xb5\x2f\xfd")
            || h.starts_with(b"7z\xbc\xaf") =>
        {
            unrecognised("compressed", "unpack it first")
        }
        h if h.get(257..262) == Some(b"ustar") => {
            unrecognised("a tar archive", "unpack it first: home assistant's backups hold home-assistant_v2.db in homeassistant.tar.gz")
        }
        h if h.starts_with(b"\xff\xfe") || h.starts_with(b"\xfe\xff") => unrecognised("text in UTF-16", "save it as CSV in UTF-8"),
        h if h.contains(&0) || share_of_text(h) < 0.95 => {
            unrecognised("neither a database nor text", &format!("it may be encrypted or cut off at its start; {GIVE}"))
        }
        h => recognise_text(path, &String::from_utf8_lossy(h)),
    }
}

fn recognise_text(path: &Path, head: &str) -> Result<Format, HistoryError> {
    let unrecognised = |what: &str, instead: &str| Err(HistoryError::unrecognised(path, what, instead));
    let head = head.trim_start_matches('\u{feff}').trim_start();
    let says = |word: &str| head.contains(word);
    if head.starts_with("-- MariaDB dump") || head.starts_with("-- MySQL dump") || head.starts_with("/*M!") || head.starts_with("/*!") {
        unrecognised("a dump of a mariadb or mysql database", EXPORT)
    } else if says("PostgreSQL database dump") {
        unrecognised("a dump of a postgresql database", EXPORT)
    } else if says("CREATE TABLE") || says("BEGIN TRANSACTION") {
        unrecognised("SQL text", "restore it into a database and give that, or export the states to CSV (docs/INPUTS.md has the SQL)")
    } else if head.starts_with(['{', '[']) {
        unrecognised("JSON", GIVE)
    } else if head.starts_with('<') {
        unrecognised("HTML or XML", "it may be a login page that was saved by mistake; give the download itself")
    } else if head.is_empty() {
        unrecognised("blank", GIVE)
    } else {
        Ok(Format::Csv)
    }
}

/// Share of bytes that text is made of; anything above 127 may be part of a letter.
fn share_of_text(bytes: &[u8]) -> f64 {
    let odd = bytes.iter().filter(|b| b.is_ascii_control() && !matches!(b, b'\n' | b'\r' | b'\t')).count();
    1.0 - odd as f64 / bytes.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn recognised(content: &[u8]) -> Result<Format, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.file");
        std::fs::write(&path, content).unwrap();
        recognise(&path).map_err(|e| e.to_string())
    }

    #[rstest]
    #[case(b"SQLite format 3\0 and more", Format::Recorder)]
    #[case(b"PAR1 and more", Format::Parquet)]
    #[case(b"entity_id,state,last_changed\n", Format::Csv)]
    #[case(b"\xef\xbb\xbfentity_id;state;last_changed\r\n", Format::Csv)]
    fn a_file_is_recognised_by_its_content(#[case] content: &[u8], #[case] format: Format) {
        assert_eq!(recognised(content), Ok(format));
    }

    #[rstest]
    #[case(b"", "some.file is empty; give a home-assistant_v2.db, or a history as CSV or Parquet")]
    #[case(b" \n", "some.file is blank; give a home-assistant_v2.db, or a history as CSV or Parquet")]
    #[case(
        b"-- MariaDB dump 10.19\n",
        "some.file is a dump of a mariadb or mysql database; export the states to CSV (docs/INPUTS.md has the SQL), or download a CSV from home assistant's history page"
    )]
    #[case(
        b"--\n-- PostgreSQL database dump\n--\n",
        "some.file is a dump of a postgresql database; export the states to CSV (docs/INPUTS.md has the SQL), or download a CSV from home assistant's history page"
    )]
    #[case(
        b"PGDMP\x01",
        "some.file is a dump of a postgresql database; export the states to CSV (docs/INPUTS.md has the SQL), or download a CSV from home assistant's history page"
    )]
    #[case(
        b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n",
        "some.file is SQL text; restore it into a database and give that, or export the states to CSV (docs/INPUTS.md has the SQL)"
    )]
    #[case(b"\x1f\x8b\x08", "some.file is compressed; unpack it first")]
    #[case(b"[{\"entity_id\":1}]", "some.file is JSON; give a home-assistant_v2.db, or a history as CSV or Parquet")]
    #[case(b"<!DOCTYPE html>", "some.file is HTML or XML; it may be a login page that was saved by mistake; give the download itself")]
    #[case(b"\xff\xfee\0n\0", "some.file is text in UTF-16; save it as CSV in UTF-8")]
    #[case(
        b"\x00\x01\x02\x03",
        "some.file is neither a database nor text; it may be encrypted or cut off at its start; give a home-assistant_v2.db, or a history as CSV or Parquet"
    )]
    fn what_cannot_be_read_is_named(#[case] content: &[u8], #[case] line: &str) {
        assert_eq!(recognised(content), Err(line.to_owned()));
    }

    #[test]
    fn a_missing_file_and_a_folder_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no.db");
        assert_eq!(recognise(&missing).unwrap_err().to_string(), format!("cannot read {}: there is no such file", missing.display()));
        let line = recognise(folder.path()).unwrap_err().to_string();
        assert!(line.ends_with("is a folder; give the file in it, such as home-assistant_v2.db"), "{line}");
    }
}
