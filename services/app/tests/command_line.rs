//! The command as people type it: what it refuses, in one line, with exit code 2.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use rstest::rstest;

fn wattribute(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattribute")).args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

/// A folder with a history export that has a meter and nothing else.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("history.csv"), "entity_id,state,last_changed\nsensor.house_power,100,2026-10-01T00:00:00.000Z\n")
        .unwrap();
    folder
}

#[rstest]
#[case(&[], "Usage")]
#[case(&["analyze"], "FILES")]
#[case(&["analyse", "history.csv"], "analyse")]
#[case(&["analyze", "no_such_file.db"], "no_such_file.db")]
#[case(&["analyze", "history.csv", "--prise", "1"], "--prise")]
#[case(&["analyze", "history.csv", "--price", "cheap"], "a price is a number such as 0.30")]
#[case(&["analyze", "history.csv", "--price", "-1"], "a price cannot be below zero")]
#[case(&["analyze", "history.csv", "--price", "NaN"], "a price is a number")]
#[case(&["analyze", "history.csv", "--currency", "dollars"], "three letters such as EUR")]
#[case(&["analyze", "history.csv", "--meter-unit", "°C"], "W, kW")]
#[case(&["analyze", "history.csv", "--timezone", "Mars/Olympus"], "Europe/Berlin")]
#[case(&["analyze", "history.csv", "--from", "yesterday"], "2026-03-01")]
#[case(&["analyze", "history.csv", "--from", "2026-10-02T00:00:00Z", "--to", "2026-10-01T00:00:00Z"], "later than --from")]
#[case(&["analyze", "history.csv", "--correlations", "out.xlsx"], ".csv or .parquet")]
#[case(&["analyze", "no_such_file.db", "--correlations", "out"], ".csv or .parquet")]
#[case(&["analyze", "history.csv", "--correlations", "history.csv"], "this file is read")]
#[case(&["analyze", "history.csv", "--correlations", "no/such/folder/out.csv"], "there is no folder")]
fn bad_input_is_refused(#[case] arguments: &[&str], #[case] why: &str) {
    let folder = folder();
    let said = wattribute(arguments, folder.path());
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert_eq!(said.status.code(), Some(2), "{err}");
    assert!(err.contains(why), "{err}");
    assert!(out.is_empty(), "{out}");
    if !arguments.is_empty() {
        assert!(err.starts_with("wattribute: "), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left, ["history.csv"]);
}

#[test]
fn a_history_without_switches_is_one_clear_line() {
    let folder = folder();
    let said = wattribute(&["analyze", "history.csv", "--json"], folder.path());
    let err = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(2), "{err}");
    assert!(err.starts_with("wattribute: ") && !err.contains("Error") && !err.contains("panicked"), "{err}");
}

#[rstest]
#[case(&["--help"], "Every watt, attributed")]
#[case(&["--version"], env!("CARGO_PKG_VERSION"))]
#[case(&["analyze", "--help"], "--correlations")]
fn help_is_no_error(#[case] arguments: &[&str], #[case] says: &str) {
    let said = wattribute(arguments, Path::new("."));
    assert_eq!(said.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&said.stdout).contains(says));
}

#[test]
fn the_descriptions_of_the_apis_are_printed() {
    let folder = folder();
    for (api, title) in [("data-api", "data-api"), ("meter", "meter"), ("correlator", "correlator")] {
        let said = wattribute(&["openapi", api], folder.path());
        let told: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        assert_eq!((told["openapi"].as_str(), said.status.code()), (Some("3.1.0"), Some(0)));
        assert!(told["info"]["title"].as_str().unwrap().contains(title), "{}", told["info"]);
    }
}
