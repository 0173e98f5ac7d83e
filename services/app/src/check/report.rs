//! What a bug report needs, in one file, without secrets: of the configuration what is in effect, of the environment only names.

use std::io::Write;
use std::path::Path;

use serde_json::json;
use wattribute_store::Origin;

use super::Finding;
use crate::config::Loaded;
use crate::output;
use crate::run::store_url;

/// Writes it.
pub fn write(path: &Path, loaded: &Loaded, findings: &[Finding]) -> anyhow::Result<()> {
    let ours = |name: &str| ["WATTRIBUTE", "HOME_ASSISTANT_", "INFLUXDB_", "RUST_LOG", "SUPERVISOR_"].iter().any(|p| name.starts_with(p));
    let mut variables: Vec<String> =
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| ours(name)).collect();
    variables.sort();
    let size = store_url(loaded, Origin::Home).ok().and_then(|url| Some(std::fs::metadata(url.strip_prefix("sqlite:")?).ok()?.len()));
    let report = json!({
        "wattribute": env!("CARGO_PKG_VERSION"),
        "system": { "os": std::env::consts::OS, "architecture": std::env::consts::ARCH },
        "at": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "findings": findings,
        "configuration": loaded.shown.lines().collect::<Vec<_>>(),
        "warnings": loaded.warnings,
        "variables_set": variables,
        "store_bytes": size,
    });
    output::write_whole(path, |out| {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        Ok(out.write_all(b"\n")?)
    })
}
