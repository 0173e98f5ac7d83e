//! `wattribute check`: every connection is tried; each finding is one line, and what is wrong comes with what would help.

mod report;
mod sinks;
mod sources;

use std::path::PathBuf;
use std::process::ExitCode;

use wattribute_service::Access;
use wattribute_store::Origin;

use crate::config::{self, Loaded, Services};
use crate::run::{Arguments, open_store, runtime, store_if_there, store_origin, store_url};
use crate::{output, text};

/// What `check` takes.
#[derive(clap::Args, Debug)]
pub struct CheckArguments {
    #[command(flatten)]
    all: Arguments,
    /// Also write what a bug report needs to this file, without secrets
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// What was found of one thing.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Finding {
    /// What was tried.
    pub what: String,
    /// Whether it is as it should be.
    pub is_ok: bool,
    /// What was found.
    pub said: String,
    /// What would help, where it is not.
    pub remedy: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(what: &str, said: impl Into<String>) -> Self {
        Finding { what: what.to_owned(), is_ok: true, said: said.into(), remedy: None }
    }

    /// Something is wrong.
    pub fn problem(what: &str, said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding { what: what.to_owned(), is_ok: false, said: said.into(), remedy: Some(remedy.into()) }
    }

    fn line(&self) -> String {
        let mark = if self.is_ok { "ok     " } else { "PROBLEM" };
        let remedy = self.remedy.as_ref().map(|remedy| format!(" -> {remedy}")).unwrap_or_default();
        format!("{mark}  {:<18} {}", self.what, text::one_line(&format!("{}{remedy}", self.said)))
    }
}

/// Tries everything; exit code 0 where all is well, else 1.
pub fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    if let Some(path) = &arguments.report {
        output::check_writable(path, &[])?;
    }
    let loaded = config::load(arguments.all.config.as_deref(), Services::All)?;
    let findings = runtime()?.block_on(look(&loaded));
    for finding in &findings {
        println!("{}", finding.line());
    }
    if let Some(path) = &arguments.report {
        report::write(path, &loaded, &findings)?;
        println!("written: {}; look through it before you pass it on", path.display());
    }
    Ok(if findings.iter().all(|finding| finding.is_ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(loaded: &Loaded) -> Vec<Finding> {
    let mut all = vec![configuration(loaded)];
    all.extend(loaded.warnings.iter().map(|warning| Finding::ok("configuration", format!("note: {warning}"))));
    all.push(store(loaded).await);
    let others = !loaded.config.meter.sources.names().is_empty();
    if loaded.config.home_assistant.is_set() || !others {
        all.extend(sources::home_assistant(&loaded.config.home_assistant, loaded.config.home.meter.as_deref()).await);
    }
    if others {
        all.extend(sources::others(loaded).await);
    }
    let remedy = "see `meter` in [home] and [roles] in `wattribute config --sample`";
    all.extend(loaded.doubts.iter().map(|doubt| Finding::problem("configuration", doubt.clone(), remedy)));
    all.extend(sources::mqtt(&loaded.config.mqtt).await);
    all.extend(sinks::mirror(loaded).await);
    all.extend(sinks::graphite(&loaded.config.graphite).await);
    all.extend(sinks::backups(&loaded.config.meter.backup));
    all.push(access(loaded).await);
    all
}

fn configuration(loaded: &Loaded) -> Finding {
    let from = loaded.file.as_ref().map_or("the environment alone".to_owned(), |file| format!("{} and the environment", file.display()));
    Finding::ok("configuration", format!("read from {from}"))
}

async fn store(loaded: &Loaded) -> Finding {
    let of_a_file = "see `url` in [store] and `data_dir`; the folder must be writable and the disk not full";
    let of_influx = "see `url`, `token`, `org` and `bucket` in [influxdb], and that InfluxDB runs";
    let url = match store_url(loaded, Origin::Home) {
        Ok(url) => url,
        Err(error) => return Finding::problem("store", format!("{error:#}"), of_a_file),
    };
    let remedy = if config::is_influx(&url) { of_influx } else { of_a_file };
    let found = store_origin(loaded, &url);
    let url = wattribute_store::shown(&url);
    match found {
        Ok(None) => return Finding::ok("store", format!("{url}: will be made at the first run")),
        Ok(Some(Origin::Demo)) => {
            return Finding::problem("store", format!("{url} holds the made-up home of the demo"), "give a real home a file of its own");
        }
        Ok(Some(Origin::Home)) => {}
        Err(error) => return Finding::problem("store", format!("{url}: {error}"), remedy),
    }
    let opened = match open_store(loaded, Origin::Home) {
        Ok((store, _)) => store.check().await.and(store.series().await.map(|series| series.len())).map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    match opened {
        Ok(series) => Finding::ok("store", format!("{url}: readable and writable, {series} series")),
        Err(error) => Finding::problem("store", format!("{url}: {error:#}"), remedy),
    }
}

async fn access(loaded: &Loaded) -> Finding {
    let remedy = "a network is written like 192.168.1.0/24";
    let access = match Access::new(&loaded.config.access) {
        Ok(access) => access,
        Err(error) => return Finding::problem("access", error.to_string(), remedy),
    };
    if let Some(store) = store_if_there(loaded) {
        access.keep_in(store).await;
    }
    let config = &loaded.config;
    let all = [config.meter.listen, config.correlator.listen, config.data_api.listen, config.dashboard.listen];
    match (all.iter().any(|at| !at.ip().to_canonical().is_loopback()), access.lets_others_in()) {
        (false, _) => Finding::ok("access", "only this machine can reach the services"),
        (true, true) => Finding::ok("access", "other machines can reach the services and some may get in"),
        (true, false) => Finding::problem(
            "access",
            "other machines can reach the services, but none gets in",
            "`wattribute token create` makes a token, or see `trusted_networks` in [access]",
        ),
    }
}
