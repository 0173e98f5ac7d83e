//! What is written to besides the store: the mirror in InfluxDB, and Carbon.

use wattribute_export::graphite::{self, Config};
use wattribute_store::influx::connect_sink;

use super::Finding;
use crate::config::Loaded;
use crate::run::account;

/// The InfluxDB that mirrors the store: whether it lets us in, and whether its bucket is there or can be made.
pub async fn mirror(loaded: &Loaded) -> Option<Finding> {
    const WHAT: &str = "InfluxDB mirror";
    let remedy = "see `url`, `token`, `org` and `bucket` in [influxdb]; until it takes what it is to have, that waits on disk";
    let url = loaded.config.mirror_url()?;
    let found = match account(&loaded.config.influxdb) {
        Ok(account) => {
            let account = wattribute_store::influx::Account { patience: std::time::Duration::ZERO, ..account };
            connect_sink(url, &account).await.map_err(|error| error.to_string())
        }
        Err(error) => Err(format!("{error:#}")),
    };
    Some(match found {
        Ok(client) => Finding::ok(WHAT, format!("{} (version {}) has the bucket {}", client.host(), client.version, client.bucket())),
        Err(why) => Finding::problem(WHAT, why, remedy),
    })
}

/// Carbon: whether it takes connections. It never says whether it takes points.
pub async fn graphite(config: &Config) -> Option<Finding> {
    const WHAT: &str = "Graphite";
    let (address, found) = graphite::check(config).await?;
    let (host, port) = (&address.host, address.port);
    Some(match found {
        Ok(()) => Finding::ok(WHAT, format!("Carbon at {host}:{port} takes connections")),
        Err(why) => Finding::problem(
            WHAT,
            format!("Carbon at {host}:{port} takes no connection: {why}"),
            "`address` in [graphite] names its plaintext port, often 2003, or with `tls = true` one that speaks TLS",
        ),
    })
}

/// The folder of the scheduled backups: whether it can be written.
pub fn backups(config: &wattribute_meter::backups::Config) -> Option<Finding> {
    const WHAT: &str = "backups";
    let folder = config.folder.as_ref()?;
    let tried = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder)).map(drop);
    Some(match tried {
        Ok(()) => Finding::ok(WHAT, format!("{} is writable; the newest {} are kept there", folder.display(), config.keep)),
        Err(error) => Finding::problem(
            WHAT,
            format!("{}: {error}", folder.display()),
            "`folder` in [backup] names a folder that the service may write to",
        ),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    async fn found(address: &str) -> Finding {
        let config: Config = serde_json::from_value(serde_json::json!({ "address": address })).unwrap();
        graphite(&config).await.unwrap()
    }

    #[test]
    fn the_folder_of_backups_is_tried() {
        let of = |folder: Option<std::path::PathBuf>| backups(&wattribute_meter::backups::Config { folder, ..Default::default() });
        let home = tempfile::tempdir().unwrap();
        assert!(of(None).is_none() && of(Some(home.path().join("new"))).unwrap().is_ok);
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        let wrong = of(Some(file.clone())).unwrap();
        assert!(!wrong.is_ok && wrong.said.contains(&file.display().to_string()));
    }

    #[tokio::test]
    async fn carbon_is_tried() {
        let carbon = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = carbon.local_addr().unwrap().to_string();
        let there = found(&address).await;
        assert!(there.is_ok && there.said.contains(&address), "{there:?}");
        drop(carbon);
        let gone = found(&address).await;
        assert!(!gone.is_ok && gone.said.contains(&address) && gone.remedy.unwrap().contains("2003"));
        assert!(graphite(&Config::default()).await.is_none());
    }
}
