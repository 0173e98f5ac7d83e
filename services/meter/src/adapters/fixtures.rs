//! Real and documented answers, walked by tests.

use std::path::{Path, PathBuf};

use super::Told;

/// The files in a folder of fixtures, by name: what stands in each.
pub fn of(adapter: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapters").join(adapter).join("fixtures");
    let found = files(&folder);
    assert!(!found.is_empty(), "{} holds no fixtures", folder.display());
    found
}

/// Answers of real devices, which are kept outside of this project; none, with a word, where they are not there.
pub fn shared(kind: &str) -> Vec<(String, String)> {
    let root = std::env::var_os("WATTRIBUTE_SHARED").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let found = files(&root.join("data/devices").join(kind));
    if found.is_empty() {
        println!("SKIPPED: there are no answers of {kind} beside this project (WATTRIBUTE_SHARED names their folder)");
    }
    found
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file());
    let mut found: Vec<(String, String)> =
        paths.filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), std::fs::read_to_string(&path).ok()?))).collect();
    found.sort();
    found
}

/// What was understood, a line for each device, for snapshots.
pub fn shown(told: &[Told]) -> String {
    let line = |told: &Told| {
        let values: Vec<String> = told.values.iter().map(|(quantity, value)| format!("{}={value}", quantity.name())).collect();
        let role = told.role.and_then(|role| serde_json::to_value(role).ok());
        let role = role.as_ref().and_then(|role| role.as_str()).unwrap_or("-");
        format!("{} [{}] {role}: {}", told.name, told.identity, values.join(" "))
    };
    if told.is_empty() { "nothing".to_owned() } else { told.iter().map(line).collect::<Vec<_>>().join("\n") }
}
