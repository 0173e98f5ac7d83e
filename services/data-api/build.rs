//! Has the crate built anew when the dashboard was: which files it consists of is looked at while this crate is compiled.

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

/// Where `npm run build` puts it.
const BUILT: &str = "../../dashboard/dist";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={BUILT}");
    // Of a folder that is not there, cargo thinks that it has changed, each time; so it is there, empty and old. Where it cannot be made, this crate
    // is compiled once more than it need be.
    if !Path::new(BUILT).exists() && fs::create_dir_all(BUILT).is_ok() {
        File::open(BUILT).and_then(|folder| folder.set_modified(SystemTime::UNIX_EPOCH)).ok();
    }
}
