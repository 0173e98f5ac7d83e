//! Copies of the store, made by the clock and kept for a while.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use wattribute_service::{Health, State};
use wattribute_store::Store;

/// How their names are written, with the instant in UTC.
const NAME: &str = "wattribute-%Y%m%dT%H%M%SZ.db";
/// After a copy that could not be made it is tried again so much later.
const AGAIN: Duration = Duration::from_secs(600);
/// How long after the start the first is made: the start has enough to do.
const SETTLE: Duration = Duration::from_secs(120);

/// The section `[backup]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder of the copies; `None`: none are made by themselves.
    pub folder: Option<PathBuf>,
    /// How often one is made.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// How many are kept; the oldest go first.
    pub keep: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { folder: None, every: Duration::from_secs(86_400), keep: 7 }
    }
}

impl Config {
    /// Says what is wrong, if anything is.
    pub fn check(&self) -> Result<(), String> {
        if self.every < Duration::from_secs(60) {
            return Err("[backup] every: at least \"1m\", such as \"1d\"".to_owned());
        }
        if self.keep == 0 {
            return Err("[backup] keep: at least 1; without `folder` none are made".to_owned());
        }
        Ok(())
    }
}

/// Makes copies for ever; never, where there is no folder. One that cannot be made is told once, in the log and to `/health`, and tried again.
pub(crate) async fn keep(config: Config, store: Arc<dyn Store>, health: Health) {
    let Some(folder) = config.folder.clone() else { return std::future::pending().await };
    tokio::time::sleep(SETTLE).await;
    let mut is_failing = false;
    loop {
        let wait = match turn(&config, &folder, &*store, Utc::now()).await {
            Ok(wait) => {
                if std::mem::replace(&mut is_failing, false) {
                    tracing::info!("backups are made again");
                }
                health.set("backup", State::Ok);
                wait
            }
            Err(why) => {
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!("no backup can be made: {why}");
                }
                health.set("backup", State::Degraded(why));
                AGAIN
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Makes a copy where it is time, and lets the oldest go; how long until the next.
async fn turn(config: &Config, folder: &Path, store: &dyn Store, now: DateTime<Utc>) -> Result<Duration, String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("the folder {} cannot be made: {error}", folder.display()))?;
    let newest = copies(folder)?.pop();
    // A clock that was put back must not stop backups until it has caught up.
    let age = newest.and_then(|(at, _)| (now - at).to_std().ok());
    if let Some(rest) = age.and_then(|age| config.every.checked_sub(age)).filter(|rest| !rest.is_zero()) {
        return Ok(rest);
    }
    let path = folder.join(now.format(NAME).to_string());
    store.backup(&path).await.map_err(|error| error.to_string())?;
    tracing::info!("the store is copied to {}", path.display());
    let all = copies(folder)?;
    for (_, old) in &all[..all.len().saturating_sub(config.keep)] {
        std::fs::remove_file(old).map_err(|error| format!("the old backup {} cannot be removed: {error}", old.display()))?;
        for beside in ["-wal", "-shm", "-journal"] {
            let mut left = old.clone().into_os_string();
            left.push(beside);
            // Left by who looked into it; mostly there is none.
            std::fs::remove_file(left).ok();
        }
    }
    Ok(config.every)
}

/// The copies in the folder, the oldest first. Whatever else is there is not ours.
fn copies(folder: &Path) -> Result<Vec<(DateTime<Utc>, PathBuf)>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("the folder {} cannot be read: {error}", folder.display()))?;
    let named = |path: PathBuf| {
        let at = NaiveDateTime::parse_from_str(path.file_name()?.to_str()?, NAME).ok()?;
        Some((at.and_utc(), path))
    };
    let mut found: Vec<_> = entries.filter_map(|entry| named(entry.ok()?.path())).collect();
    found.sort();
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use wattribute_store::{Origin, open, restore};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        copies(folder).unwrap().into_iter().map(|(_, path)| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn copies_are_made_by_the_clock_and_the_oldest_go() {
        let home = tempfile::tempdir().unwrap();
        let store = open(&format!("sqlite:{}", home.path().join("a.db").display()), Origin::Home).unwrap();
        let folder = home.path().join("backups/of this house");
        let config = Config { folder: Some(folder.clone()), keep: 2, ..Config::default() };
        let begun: DateTime<Utc> = "2026-10-24T22:00:00Z".parse().unwrap();
        let after = |hours: i64| begun + chrono::Duration::hours(hours);
        let turn = |hours| turn(&config, &folder, &*store, after(hours));
        assert_eq!(turn(0).await.unwrap(), Duration::from_secs(86_400));
        std::fs::write(folder.join("notes.txt"), "mine").unwrap();
        std::fs::write(folder.join("wattribute-20261024T220000Z.db-shm"), "left by who looked into it").unwrap();
        assert_eq!(turn(1).await.unwrap(), Duration::from_secs(23 * 3600), "not yet");
        turn(24).await.unwrap();
        turn(48).await.unwrap();
        assert_eq!(names(&folder), ["wattribute-20261025T220000Z.db", "wattribute-20261026T220000Z.db"]);
        let all = std::fs::read_dir(&folder).unwrap().count();
        assert!(all == 3 && folder.join("notes.txt").exists(), "two copies and what is not ours");
        let elsewhere = format!("sqlite:{}", home.path().join("b.db").display());
        assert_eq!(restore(&elsewhere, Origin::Home, &folder.join("wattribute-20261026T220000Z.db")).unwrap(), None);
        turn(10).await.unwrap();
        assert_eq!(names(&folder).len(), 2, "a clock that was put back stops nothing");
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_named() {
        let home = tempfile::tempdir().unwrap();
        let store = open(&format!("sqlite:{}", home.path().join("a.db").display()), Origin::Home).unwrap();
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        let why = turn(&Config::default(), &file.join("below"), &*store, Utc::now()).await.unwrap_err();
        assert!(why.contains("below"), "{why}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let bad = [Config { keep: 0, ..Config::default() }, Config { every: Duration::from_secs(1), ..Config::default() }];
        assert!(bad.iter().all(|config| config.check().is_err()) && Config::default().check().is_ok());
    }
}
