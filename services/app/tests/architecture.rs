//! The layering and the house rules of docs/ARCHITECTURE.md and docs/STYLE.md, held by a test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Who may use whom within the workspace. A crate that is not listed needs a decision in `implementation/` first.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("analysis", &["domain"]),
    ("store", &["domain"]),
    ("service", &["domain", "store"]),
    ("meter", &["domain", "store", "service"]),
    ("correlator", &["domain", "analysis", "store", "service"]),
    ("data-api", &["domain", "analysis", "store", "service"]),
    ("export", &["domain", "store", "service"]),
    ("app", &["domain", "analysis", "store", "service", "meter", "correlator", "data-api", "export"]),
];

/// What a crate must never use from outside, by the beginning of the package's name.
const NEVER: &[(&str, &[&str])] = &[
    ("domain", &["tokio", "axum", "rusqlite", "reqwest", "polars", "parquet", "csv"]),
    ("analysis", &["tokio", "axum", "rusqlite", "reqwest", "parquet", "csv"]),
    ("store", &["axum", "polars"]),
    ("service", &["polars", "rusqlite"]),
    ("meter", &["polars"]),
    ("correlator", &["polars", "rusqlite"]),
    ("data-api", &["polars", "rusqlite"]),
    ("export", &["polars", "rusqlite", "axum"]),
    ("app", &["polars"]),
];

/// Crates without a clock: `now` is an argument.
const NO_CLOCK: &[&str] = &["domain", "analysis"];

const LONGEST_FILE: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is two folders up")
}

/// The workspace's packages as `cargo metadata` tells them: short name and the names of what each depends on, for whatever purpose.
fn packages() -> Vec<(String, BTreeSet<String>)> {
    let said = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--offline", "--no-deps"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(said.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&said.stderr));
    let metadata: Value = serde_json::from_slice(&said.stdout).expect("cargo metadata is JSON");
    let short = |v: &Value| v["name"].as_str().expect("a package has a name").trim_start_matches("wattribute-").to_owned();
    let dependencies = |p: &Value| p["dependencies"].as_array().expect("a list").iter().map(short).collect();
    metadata["packages"].as_array().expect("a list").iter().map(|p| (short(p), dependencies(p))).collect()
}

fn row<'a>(table: &'a [(&str, &'a [&'a str])], name: &str) -> &'a [&'a str] {
    table.iter().find(|(n, _)| *n == name).map_or(&[], |(_, row)| row)
}

/// Every Rust file under `folder`.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of the workspace").map(|e| e.expect("readable").path()) {
        if entry.is_dir() {
            found.extend(rust_files(&entry));
        } else if entry.extension().is_some_and(|e| e == "rs") {
            found.push(entry);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn crates_use_only_the_layers_below_them() {
    let packages = packages();
    let ours: BTreeSet<_> = packages.iter().map(|(name, _)| name.as_str()).collect();
    for (name, dependencies) in &packages {
        assert!(LAYERS.iter().any(|(n, _)| n == name), "{name} is not in the table of layers");
        let within: Vec<_> = dependencies.iter().filter(|d| ours.contains(d.as_str())).collect();
        let wrong: Vec<_> = within.iter().filter(|d| !row(LAYERS, name).contains(&d.as_str())).collect();
        assert!(wrong.is_empty(), "{name} must not use {wrong:?}");
    }
}

#[test]
fn crates_stay_away_from_what_is_not_theirs() {
    for (name, dependencies) in packages() {
        let banned = row(NEVER, &name);
        let wrong: Vec<_> = dependencies.iter().filter(|d| banned.iter().any(|b| d.starts_with(b))).collect();
        assert!(wrong.is_empty(), "{name} must not use {wrong:?}");
    }
}

#[test]
fn pure_crates_have_no_clock() {
    for name in NO_CLOCK {
        for file in rust_files(&root().join("services").join(name).join("src")) {
            let source = read(&file);
            for clock in ["Utc::now", "Local::now", "SystemTime::now", "Instant::now"] {
                assert!(!source.contains(clock), "{} asks {clock}: take the time as an argument", file.display());
            }
        }
    }
}

#[test]
fn long_files_say_why() {
    let is_test = |p: &Path| p.components().any(|c| c.as_os_str() == "tests") || p.ends_with("tests.rs");
    let too_long = |p: &PathBuf| {
        let source = read(p);
        source.lines().count() > LONGEST_FILE && !source.lines().any(|l| l.trim_start().starts_with("// long because "))
    };
    let wrong: Vec<_> = rust_files(&root().join("services")).into_iter().filter(|p| !is_test(p)).filter(too_long).collect();
    assert!(wrong.is_empty(), "over {LONGEST_FILE} lines without a `// long because …`: {wrong:?}");
}

#[test]
fn every_crate_has_its_invariant_written_down() {
    let document = read(&root().join("docs/ARCHITECTURE.md"));
    for (name, _) in packages() {
        let section = document.split("\n### ").find(|s| s.starts_with(&format!("`{name}`")));
        let section = section.unwrap_or_else(|| panic!("docs/ARCHITECTURE.md says nothing of {name}"));
        assert!(section.contains("**Invariant:**"), "docs/ARCHITECTURE.md has no invariant of {name}");
    }
}
