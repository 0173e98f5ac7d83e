//! `run`, `demo` and the services one by one: everything is opened first, then all run until told to stop or until one fails.

mod opened;
mod ports;
mod waiting;
mod words;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wattribute_domain::with_dots;
use wattribute_service::{Access, Context, Health, State, home_assistant, shutdown, telemetry};
use wattribute_store::Origin;

use crate::config::{self, Config, Loaded, Services};
pub use opened::{account, mirrored, open_store, store_if_there, store_origin, store_settings, store_url};
use ports::Ports;
use waiting::Answering;

/// What `run` and its like take.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Configuration file; else WATTRIBUTE_CONFIG, else ./wattribute.toml where there is one
    #[arg(long, value_name = "FILE")]
    pub config: Option<std::path::PathBuf>,
}

/// What a single service takes.
#[derive(clap::Args, Debug)]
pub struct SingleArguments {
    #[command(flatten)]
    all: Arguments,
    /// Work on the made-up home of `wattribute demo`
    #[arg(long)]
    demo: bool,
}

/// Services have little to compute at once; two threads answer while one learns.
const THREADS: usize = 2;
/// How long all may take to end, after each has had its 10 s.
const LONGEST_END: Duration = Duration::from_secs(15);
/// How often a file is looked after.
const STORE_CHECK: Duration = Duration::from_secs(30);
/// The same of what others look after.
const REMOTE_CHECK: Duration = Duration::from_secs(10);
/// Pause before a store that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(5);

/// Runs all services on a real home.
pub fn home(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    run(arguments, Services::All, Origin::Home)
}

/// Runs all services on the made-up home.
pub fn demo(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    run(arguments, Services::All, Origin::Demo)
}

/// Runs one service.
pub fn single(arguments: &SingleArguments, service: Services) -> anyhow::Result<ExitCode> {
    run(&arguments.all, service, if arguments.demo { Origin::Demo } else { Origin::Home })
}

/// A runtime to run services or to ask something in.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(THREADS).enable_all().build().context("no runtime could be started")
}

fn run(arguments: &Arguments, services: Services, origin: Origin) -> anyhow::Result<ExitCode> {
    let loaded = config::load(arguments.config.as_deref(), services)?;
    let access = Access::new(&loaded.config.access)?;
    telemetry::begin();
    for warning in loaded.warnings.iter().chain(&loaded.doubts) {
        tracing::warn!("{warning}");
    }
    let runtime = runtime()?;
    let ended = runtime.block_on(serve(loaded, access, services, origin));
    // What still computes has had its time.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

async fn serve(loaded: Loaded, access: Access, services: Services, origin: Origin) -> anyhow::Result<ExitCode> {
    let token = shutdown::on_signals().context("signals cannot be heard")?;
    let ports = Ports::open(&loaded.config, services).await?;
    let (store, url) = open_store(&loaded, origin)?;
    words::greet(&loaded.config, &ports, &url, origin);
    ports.warn_of_strangers(&access);

    let is_demo = origin == Origin::Demo;
    let healths = healths(&loaded.config, is_demo);
    // InfluxDB may come later than we do; a file that cannot be written now will not be writable by itself.
    let is_remote = config::is_influx(&url);
    let answering = Answering { ports: &ports, access: &access, healths: &healths, is_demo };
    if !waiting::tell_store(&*store, &loaded.config.home, &loaded.config.tariff, is_remote, answering, &token).await? {
        return Ok(ExitCode::SUCCESS);
    }
    access.keep_in(store.clone()).await;
    let (store, mirroring) = match is_demo {
        true => (store, None),
        false => mirrored(&loaded, store, services.name(), tell_of("influxdb", &healths))?,
    };
    let config = loaded.config;
    // It was written just now; from here on it is looked after.
    for health in &healths {
        health.set("store", State::Ok);
    }
    let context = |listener, health: &Health| Context {
        store: store.clone(),
        listener,
        access: access.clone(),
        shutdown: token.clone(),
        health: health.clone(),
        is_demo,
    };
    let mut running: JoinSet<(&'static str, anyhow::Result<()>)> = JoinSet::new();
    let every = if is_remote { REMOTE_CHECK } else { STORE_CHECK };
    running.spawn(watch_store(store.clone(), healths.clone(), every, token.clone()));
    if let Some(mirroring) = mirroring {
        let token = token.clone();
        running.spawn(async move {
            tokio::select! { () = mirroring => {}, () = token.cancelled() => {} }
            ("the mirror in InfluxDB", Ok(()))
        });
    }
    let [meter_health, correlator_health, api_health] = &healths;
    let mut home_assistant = usable(&config.home_assistant, meter_health).filter(|_| !is_demo);
    let house_meter = config.home.meter.as_deref().map(with_dots).or(config.home_assistant.meter.clone()).filter(|_| !is_demo);
    if let Some(home_assistant) = &mut home_assistant {
        home_assistant.meter.clone_from(&house_meter);
    }
    if let Some(listener) = ports.meter {
        let context = context(listener, meter_health);
        // What is heard while a store elsewhere does not answer.
        let spool = config.data_dir.join("spool").join(if is_demo { "demo-store" } else { "store" });
        let spool = is_remote.then(|| (spool, config.influxdb.spool_mb.saturating_mul(1 << 20)));
        let meter = wattribute_meter::Config {
            home_assistant: home_assistant.clone(),
            spool,
            demo: is_demo.then(wattribute_meter::adapters::demo::Config::default),
            ..config.meter
        };
        running.spawn(async move { ("meter", wattribute_meter::run(meter, context).await) });
    }
    let phantom_threshold_w = config.correlator.publish.alerts.high_phantom_load_w;
    if let Some(listener) = ports.correlator {
        let context = context(listener, correlator_health);
        let correlator = wattribute_correlator::Config {
            meter: house_meter,
            home_assistant,
            mqtt: config.mqtt.url.is_some().then(|| config.mqtt.clone()),
            is_demo,
            ..config.correlator
        };
        running.spawn(async move { ("correlator", wattribute_correlator::run(correlator, context).await) });
    }
    if let Some(listener) = ports.data_api {
        let context = context(listener, api_health);
        let store = wattribute_store::Settings { url: Some(url), ..config.store };
        if config.graphite.address.is_some() && !is_demo {
            let (graphite, data_dir) = (config.graphite, config.data_dir);
            let (store, health, shutdown) = (context.store.clone(), api_health.clone(), token.clone());
            running.spawn(async move {
                wattribute_export::graphite::run(graphite, store, &data_dir, health, shutdown).await;
                ("the export to Graphite", Ok(()))
            });
        }
        let data_api = wattribute_data_api::Config { phantom_threshold_w, store, ..config.data_api };
        running.spawn(async move { ("data API", wattribute_data_api::run(data_api, context, ports.pages).await) });
    }
    until_the_end(running, token).await
}

/// The Home Assistant that is set up. Where it is set up wrongly, everything else runs all the same, and /health says it.
fn usable(config: &home_assistant::Config, health: &Health) -> Option<home_assistant::Config> {
    if !config.is_set() {
        return None;
    }
    match home_assistant::Rest::new(config) {
        Ok(_) => Some(config.clone()),
        Err(error) => {
            tracing::error!(%error, "Home Assistant is set up wrongly");
            health.set("home_assistant", State::Degraded(error.to_string()));
            None
        }
    }
}

/// How each service is: the meter, the correlator, the data API. In one process each also names what the ones before it depend on.
fn healths(config: &Config, is_demo: bool) -> [Health; 3] {
    let meter = Health::default();
    if !is_demo && !config.home_assistant.is_set() && config.meter.sources.names().is_empty() {
        meter.set("source", State::Degraded(words::NO_SOURCE.to_owned()));
    }
    let correlator = Health::beside([meter.clone()]);
    let api = Health::beside([meter.clone(), correlator.clone()]);
    [meter, correlator, api]
}

/// Says in /health of each service how something is that is not needed for the rest.
fn tell_of(what: &'static str, healths: &[Health; 3]) -> impl FnMut(Option<&str>) + Send + use<> {
    let healths = healths.clone();
    move |wrong: Option<&str>| {
        for health in &healths {
            health.set(what, wrong.map_or(State::Ok, |why| State::Degraded(why.to_owned())));
        }
    }
}

/// Looks after the store now and then, so that /health tells of a full disk.
async fn watch_store(
    store: std::sync::Arc<dyn wattribute_store::Store>,
    healths: [Health; 3],
    every: Duration,
    shutdown: CancellationToken,
) -> (&'static str, anyhow::Result<()>) {
    let mut was_well = true;
    loop {
        let checked = store.check().await;
        let state = match &checked {
            Ok(()) => State::Ok,
            Err(error) => State::Down(error.to_string()),
        };
        match &checked {
            Ok(()) if !was_well => tracing::info!("the store works again"),
            Err(error) if was_well => tracing::error!(%error, "the store does not work"),
            _ => {}
        }
        was_well = checked.is_ok();
        for health in &healths {
            health.set("store", state.clone());
        }
        tokio::select! {
            () = tokio::time::sleep(if was_well { every } else { AGAIN }) => {}
            () = shutdown.cancelled() => return ("store", Ok(())),
        }
    }
}

/// Waits until all have ended; the first that fails ends the others, and its error is the process's.
async fn until_the_end(mut running: JoinSet<(&'static str, anyhow::Result<()>)>, token: CancellationToken) -> anyhow::Result<ExitCode> {
    let mut failed: Option<anyhow::Error> = None;
    let too_long = async {
        token.cancelled().await;
        tokio::time::sleep(LONGEST_END).await;
    };
    tokio::pin!(too_long);
    loop {
        let ended = tokio::select! {
            ended = running.join_next() => ended,
            () = &mut too_long => {
                tracing::warn!("something did not end in time and was cut off");
                break;
            }
        };
        let error = match ended {
            None => break,
            Some(Ok((name, Ok(())))) if !token.is_cancelled() => Some(anyhow::anyhow!("{name} ended by itself")),
            Some(Ok((_, Ok(())))) => None,
            Some(Ok((name, Err(error)))) => Some(error.context(format!("{name} failed"))),
            Some(Err(panic)) => Some(anyhow::anyhow!("a service ended by a bug: {panic}")),
        };
        if let Some(error) = error {
            tracing::error!(error = format!("{error:#}"), "a service failed, so all stop");
            failed.get_or_insert(error);
            token.cancel();
        }
    }
    match failed {
        Some(error) => {
            eprintln!("wattribute: {}", crate::text::one_line(&format!("{error:#}")));
            Ok(ExitCode::FAILURE)
        }
        None => Ok(ExitCode::SUCCESS),
    }
}
